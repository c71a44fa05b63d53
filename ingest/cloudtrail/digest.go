package cloudtrail

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	trail "github.com/aws/aws-sdk-go-v2/service/cloudtrail"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/storage"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// digests validates CloudTrail's files. Every hour, a digest lists the log files of the hour
// with their hashes, and names the digest before; it is signed (SHA-256 with RSA). Digests and
// log files that are missing or were changed become events. The algorithm is AWS's ("CloudTrail
// log file integrity validation: custom implementations").
type digests struct {
	bucket *bucket
	keys   func(region string) keyLister
}

// keyLister lists the public keys of a region.
type keyLister interface {
	ListPublicKeys(context.Context, *trail.ListPublicKeysInput, ...func(*trail.Options)) (*trail.ListPublicKeysOutput, error)
}

// verified is the plan of digests. A digest appears within the hour after its own.
var verified = ingest.SweepPlan{Lag: 30 * time.Minute, Overlap: 3 * time.Hour, MaxSpan: 24 * time.Hour}

const digestLate = 3 * time.Hour // time without a digest after which one is overdue

type digestCursor struct {
	ingest.SweepState
	Roots []string         `json:"roots,omitempty"` // still to be checked in this sweep
	Last  map[string]chain `json:"last,omitempty"`  // by root
}

// chain is the end of the checked digests of a region.
type chain struct {
	End    int64  `json:"end"` // end of the last digest, Unix milliseconds
	Key    string `json:"key"`
	Silent bool   `json:"silent,omitempty"` // the next digest was reported as overdue
}

// digest is the part of a digest that is used.
type digest struct {
	Account     string    `json:"awsAccountId"`
	Start       time.Time `json:"digestStartTime"`
	End         time.Time `json:"digestEndTime"`
	Bucket      string    `json:"digestS3Bucket"`
	Object      string    `json:"digestS3Object"`
	Fingerprint string    `json:"digestPublicKeyFingerprint"`
	Algorithm   string    `json:"digestSignatureAlgorithm"`
	Previous    *string   `json:"previousDigestS3Object"`
	PreviousSig *string   `json:"previousDigestSignature"`
	Files       []struct {
		Bucket string `json:"s3Bucket"`
		Object string `json:"s3Object"`
		Hash   string `json:"hashValue"`
	} `json:"logFiles"`

	endText string
	raw     []byte
}

// Fetch implements ingest.Source. One call checks one region.
func (d *digests) Fetch(ctx context.Context, cur ingest.Cursor) (ingest.Page, error) {
	c, err := ingest.ReadCursor[digestCursor](cur)
	if err != nil {
		return ingest.Page{}, err
	}
	b := d.bucket
	if c.To == 0 {
		if _, ok := b.sweeps.Begin(&c.SweepState, b.since, b.now()); !ok {
			return ingest.Page{Next: ingest.WriteCursor(c)}, nil
		}
		if c.Roots, err = b.roots(ctx, "CloudTrail-Digest"); err != nil {
			return ingest.Page{}, err
		}
	}

	page := ingest.Page{}
	if len(c.Roots) > 0 {
		root := c.Roots[0]
		if c.Last == nil {
			c.Last = map[string]chain{}
		}
		at, broken, err := d.region(ctx, root, c.Last[root], c.From, c.To)
		if err != nil {
			return page, err
		}
		c.Last[root], c.Roots = at, c.Roots[1:]
		if len(broken) > 0 {
			page.Bodies = []ingest.Body{lines("digests of "+root, broken)}
		}
	}

	if page.More = len(c.Roots) > 0; !page.More {
		page.More = b.sweeps.Finish(&c.SweepState, b.now())
	}
	page.Next = ingest.WriteCursor(c)
	return page, nil
}

// region checks the digests of a region after the end of a chain. It returns the new end, and
// its findings as records.
func (d *digests) region(ctx context.Context, root string, last chain, from, to int64) (chain, [][]byte, error) {
	var broken [][]byte
	report := func(what, key, why string, at time.Time) {
		broken = append(broken, integrityRecord(trailAccount(root), regionOf(root), what, key, why, at))
	}
	keys, err := d.list(ctx, root, from, to)
	if err != nil {
		return last, nil, err
	}

	for _, key := range keys {
		if key <= last.Key {
			continue
		}
		g, signature, err := d.open(ctx, key)
		var gap *ingest.Gap
		switch {
		case errors.As(err, &gap):
			report("DigestMissing", key, "the digest is gone", time.UnixMilli(max(last.End, from)))
			continue
		case err != nil && g == nil:
			return last, nil, err
		case err != nil:
			report("DigestInvalid", key, err.Error(), time.UnixMilli(max(last.End, from)))
			last.Key = key
			continue
		}

		if why := d.check(ctx, g, key, signature); why != nil {
			if ctx.Err() != nil || !errors.Is(why, errInvalid) {
				return last, nil, why
			}
			report("DigestInvalid", key, strings.TrimPrefix(why.Error(), errInvalid.Error()+": "), g.End)
		}

		if last.End > 0 && g.Start.UnixMilli() > last.End {
			missing := time.UnixMilli(last.End)
			if g.Previous != nil && *g.Previous > last.Key {
				report("DigestMissing", *g.Previous, fmt.Sprintf(
					"there is no digest from %s to %s, though the next one names it",
					missing.UTC().Format(time.RFC3339), g.Start.UTC().Format(time.RFC3339)), missing)
			} else {
				report("DigestGap", key, fmt.Sprintf("nothing was logged, or not validated, from %s to %s",
					missing.UTC().Format(time.RFC3339), g.Start.UTC().Format(time.RFC3339)), missing)
			}
		}

		for _, f := range g.Files {
			switch sum, err := d.hash(ctx, f.Bucket, f.Object); {
			case errors.As(err, &gap):
				report("LogFileMissing", f.Object, "the log file is gone", g.End)
			case err != nil && ctx.Err() == nil && errors.Is(err, errInvalid):
				report("LogFileAltered", f.Object, "it cannot be unpacked", g.End)
			case err != nil:
				return last, nil, err
			case !strings.EqualFold(sum, f.Hash):
				report("LogFileAltered", f.Object, "its hash is another than the digest says", g.End)
			}
		}

		last = chain{End: max(last.End, g.End.UnixMilli()), Key: key}
	}

	if over := d.bucket.now().UnixMilli() - last.End; last.End > 0 && !last.Silent && over > digestLate.Milliseconds() &&
		to >= d.bucket.now().Add(-2*verified.Lag).UnixMilli() {
		last.Silent = true
		end := time.UnixMilli(last.End)
		report("DigestOverdue", root, "there is no digest since "+end.UTC().Format(time.RFC3339), end)
	}

	return last, broken, nil
}

// list returns the digests of a range of days in order of time. It leaves out backfilled ones
// (_backfill), which form a chain of their own.
func (d *digests) list(ctx context.Context, root string, from, to int64) (keys []string, err error) {
	for _, day := range days(from, to) {
		for token := ""; ; {
			out, err := storage.List(ctx, d.bucket.objects, d.bucket.name, root+day+"/", "", token)
			if err != nil {
				return nil, err
			}
			for _, o := range out.Contents {
				if key := aws.ToString(o.Key); strings.HasSuffix(key, ".json.gz") && !strings.HasSuffix(key, "_backfill.json.gz") {
					keys = append(keys, key)
				}
			}
			if token = aws.ToString(out.NextContinuationToken); token == "" {
				break
			}
		}
	}
	slices.Sort(keys)
	return keys, nil
}

var errInvalid = errors.New("not as it was delivered")

// maxDigest is the limit for a digest, packed and unpacked, in bytes.
const maxDigest = 64 << 20

// open reads a digest and its signature. If it returns a digest with an error, the content is
// invalid.
func (d *digests) open(ctx context.Context, key string) (*digest, string, error) {
	out, err := storage.Object(ctx, d.bucket.objects, d.bucket.name, key)
	if err != nil {
		return nil, "", err
	}
	defer out.Body.Close()
	g := &digest{}
	packed, err := io.ReadAll(io.LimitReader(out.Body, maxDigest))
	if err != nil { // the content is unknown
		return nil, "", storage.Refused(ctx, "s3:GetObject "+key, err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err == nil {
		g.raw, err = io.ReadAll(io.LimitReader(z, maxDigest))
	}
	var text struct {
		End string `json:"digestEndTime"`
	}
	if err == nil {
		err = errors.Join(json.Unmarshal(g.raw, g), json.Unmarshal(g.raw, &text))
	}
	g.endText = text.End
	return g, out.Metadata["signature"], err
}

// check verifies the place and the signature of a digest. The error is errInvalid if the digest
// is; others are those of requests.
func (d *digests) check(ctx context.Context, g *digest, key, signature string) error {
	if g.Bucket != d.bucket.name || g.Object != key {
		return fmt.Errorf("%w: it was written for s3://%s/%s", errInvalid, g.Bucket, g.Object)
	}
	sig, err := hex.DecodeString(signature)
	if err != nil || len(sig) == 0 {
		return fmt.Errorf("%w: it is not signed", errInvalid)
	}
	public, err := d.public(ctx, g, regionOf(key))
	if err != nil {
		return err
	}
	sum := sha256.Sum256(g.raw)
	previous := "null"
	if g.PreviousSig != nil {
		previous = *g.PreviousSig
	}
	signed := sha256.Sum256([]byte(g.endText + "\n" + g.Bucket + "/" + g.Object + "\n" + hex.EncodeToString(sum[:]) + "\n" + previous))
	if rsa.VerifyPKCS1v15(public, crypto.SHA256, signed[:], sig) != nil {
		return fmt.Errorf("%w: its signature does not fit", errInvalid)
	}
	return nil
}

// public returns the public key that signed a digest.
func (d *digests) public(ctx context.Context, g *digest, region string) (*rsa.PublicKey, error) {
	in := &trail.ListPublicKeysInput{StartTime: aws.Time(g.Start), EndTime: aws.Time(g.End)}
	for {
		out, err := d.keys(region).ListPublicKeys(ctx, in)
		if err != nil {
			return nil, storage.Refused(ctx, "cloudtrail:ListPublicKeys", err)
		}
		for _, k := range out.PublicKeyList {
			if aws.ToString(k.Fingerprint) != g.Fingerprint {
				continue
			}
			if key, err := x509.ParsePKCS1PublicKey(k.Value); err == nil {
				return key, nil
			}
			if key, err := x509.ParsePKIXPublicKey(k.Value); err == nil {
				if key, ok := key.(*rsa.PublicKey); ok {
					return key, nil
				}
			}
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return nil, fmt.Errorf("%w: no key of AWS has the fingerprint %q", errInvalid, g.Fingerprint)
		}
	}
}

// hash returns the SHA-256 of an uncompressed log file.
func (d *digests) hash(ctx context.Context, bucket, key string) (string, error) {
	out, err := storage.Object(ctx, d.bucket.objects, bucket, key)
	if err != nil {
		return "", err
	}
	defer out.Body.Close()
	z, err := gzip.NewReader(out.Body)
	if err != nil {
		return "", fmt.Errorf("%w: %v", errInvalid, err)
	}
	z.Multistream(false)
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(&untilDone{z, ctx}, 4<<30)); err != nil {
		if errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader) {
			return "", fmt.Errorf("%w: %v", errInvalid, err)
		}
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// trailAccount and regionOf return the account and the region in a key or folder of digests:
// …/ACCOUNT/CloudTrail-Digest/REGION/….
func trailAccount(key string) string { return around(key, -1) }
func regionOf(key string) string     { return around(key, 1) }

func around(key string, n int) string {
	parts := strings.Split(key, "/")
	if i := slices.Index(parts, "CloudTrail-Digest") + n; i >= 0 && i < len(parts) {
		return parts[i]
	}
	return ""
}

// integrityRecord returns a finding as a record.
func integrityRecord(account, region, what, key, why string, at time.Time) []byte {
	b, err := json.Marshal(map[string]string{
		"integrity": what,
		"account":   account,
		"region":    region,
		"object":    key,
		"reason":    why,
		"time":      at.UTC().Format(time.RFC3339),
	})
	if err != nil {
		panic(err) // cannot happen: it has only strings
	}
	return b
}

// decodeIntegrity decodes such a record: the log was tampered with, or logging has stopped. Since
// it is unknown who did that, the actor is the trail.
func decodeIntegrity(s *jsonscan.Scanner, out *ingest.Sink) error {
	var what, account, region, key, why, at string
	if !s.Object() {
		return ingest.ErrNotThis
	}
	for s.Next() {
		switch string(s.Key) {
		case "integrity":
			what = s.Text()
		case "account":
			account = s.Text()
		case "region":
			region = s.Text()
		case "object":
			key = s.Text()
		case "reason":
			why = s.Text()
		case "time":
			at = s.Text()
		default:
			s.Skip()
		}
	}

	if err := s.Err(); err != nil {
		return err
	}
	when, err := out.TimeUTC("time", at)
	if err != nil {
		return err
	}

	e := out.New(event.CloudTrail)
	e.Time, e.Tenant, e.Action, e.Class = when, account, what, event.Tamper
	e.Actor = event.Actor{Account: out.Join("aws:", account, ":trail"), Kind: event.System}
	e.Object = event.Object{Type: "log_file", ID: key, Name: key, Container: region}
	out.Attr(event.AttrReason, why)
	out.Emit()
	return nil
}

// untilDone stops reading when a context ends, since a small file may take long to unpack.
type untilDone struct {
	io.Reader
	ctx context.Context
}

// Read implements io.Reader.
func (u *untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.Reader.Read(p)
}
