package cloudtrail

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	trail "github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/ingesttest"
	"github.com/outflow/outflow/ingest/storage"
	"github.com/outflow/outflow/ingest/watch"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
)

// TestIsLog checks which objects of a bucket are log files.
func TestIsLog(t *testing.T) {
	const log = "AWSLogs/1/CloudTrail/eu-west-1/2026/03/02/a b=c.json.gz"
	for key, want := range map[string]bool{
		log: true,
		"p/AWSLogs/o-1/1/CloudTrail/r/2026/03/02/x.json": true,
		"AWSLogs/1/CloudTrail-Digest/r/x.json.gz":        false,
		"AWSLogs/1/CloudTrail-Insight/r/x.json.gz":       false,
		"AWSLogs/1/Config/r/x.json.gz":                   false,
	} {
		if isLog(key) != want {
			t.Errorf("%s: %v", key, !want)
		}
	}
}

// fakeS3 is as much of S3 as listing and reading need.
type fakeS3 struct {
	*httptest.Server
	mu      sync.Mutex
	objects map[string][]byte
	meta    map[string]map[string]string
}

func newFakeS3(t *testing.T) (*fakeS3, *s3.Client) {
	f := &fakeS3{objects: map[string][]byte{}, meta: map[string]map[string]string{}}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	api := s3.New(s3.Options{
		BaseEndpoint: aws.String(f.URL),
		UsePathStyle: true,
		Region:       "eu-west-1",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "x", SecretAccessKey: "y"}, nil
		}),
		RetryMaxAttempts: 1,
		DisableLogOutputChecksumValidationSkipped: true,
	})
	return f, api
}

func (f *fakeS3) put(key string, body []byte, meta map[string]string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.objects[key], f.meta[key] = body, meta
}

// ServeHTTP implements http.Handler.
func (f *fakeS3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := strings.TrimPrefix(r.URL.Path, "/trail/")
	q := r.URL.Query()
	if !q.Has("list-type") {
		body, there := f.objects[key]
		if !there {
			w.WriteHeader(http.StatusNotFound)
			io.WriteString(w, "<Error><Code>NoSuchKey</Code><Message>no</Message></Error>")
			return
		}
		for k, v := range f.meta[key] {
			w.Header().Set("X-Amz-Meta-"+k, v)
		}
		w.Write(body)
		return
	}
	type content struct {
		Key  string
		Size int
	}
	type common struct{ Prefix string }
	var out struct {
		XMLName        xml.Name `xml:"ListBucketResult"`
		Name           string
		Contents       []content
		CommonPrefixes []common
	}
	out.Name = "trail"
	prefix, delimiter, after := q.Get("prefix"), q.Get("delimiter"), q.Get("start-after")
	seen := map[string]bool{}
	keys := make([]string, 0, len(f.objects))
	for k := range f.objects {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		rest, ok := strings.CutPrefix(k, prefix)
		if !ok || k <= after {
			continue
		}
		if i := strings.Index(rest, delimiter); delimiter != "" && i >= 0 {
			if p := prefix + rest[:i+1]; !seen[p] {
				seen[p] = true
				out.CommonPrefixes = append(out.CommonPrefixes, common{p})
			}
			continue
		}
		out.Contents = append(out.Contents, content{k, len(f.objects[k])})
	}
	xml.NewEncoder(w).Encode(out)
}

func zipped(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(b)
	z.Close()
	return out.Bytes()
}

// logFile is a log file with so many events from a number on.
func logFile(first, n int, at time.Time) []byte {
	var list []string
	for i := first; i < first+n; i++ {
		list = append(list, fmt.Sprintf(`{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","userName":"kim",`+
			`"accountId":"210987654321"},"eventTime":%q,"eventSource":"iam.amazonaws.com","eventName":"ListUsers",`+
			`"awsRegion":"eu-west-1","sourceIPAddress":"198.51.100.17","eventID":"%08d-0000-4000-8000-000000000000",`+
			`"recipientAccountId":"210987654321"}`, at.Format(time.RFC3339), i))
	}
	return zipped([]byte(`{"Records":[` + strings.Join(list, ",") + `]}`))
}

// pulled reads a source to its end, and returns the ids of the events in the log.
func pulled(t testing.TB, s ingest.Source, parallel int, store *watch.Store, log eventlog.Log,
	now time.Time) (ids map[string]int, gaps []string) {
	t.Helper()
	p := &watch.Pull{
		Name:    "aws",
		Stream:  ingest.Stream{Name: fmt.Sprintf("%T", s), Parallel: parallel, Source: s},
		Formats: Formats,
		Log:     log,
	}
	for range 10_000 {
		step, err := store.Step(t.Context(), p, now)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range step.Gaps {
			gaps = append(gaps, g.Error())
		}
		if !step.More {
			break
		}
	}
	return logged(t, log), gaps
}

func logged(t testing.TB, log eventlog.Log) map[string]int {
	ids := map[string]int{}
	ingesttest.Events(t, log, func(e *event.Event) { ids[e.ID+" "+e.Action+" "+e.Attr(event.AttrReason)]++ })
	return ids
}

func openStore(t testing.TB) *watch.Store {
	store, err := watch.Open(t.Context(), filepath.Join(t.TempDir(), "sources.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

// TestBucket lists the trail of an organisation. It finds later files, too, each once, and
// ignores other files of the bucket.
func TestBucket(t *testing.T) {
	f, api := newFakeS3(t)
	now := time.Date(2026, 3, 2, 0, 30, 0, 0, time.UTC)
	for i, key := range []string{
		"p/AWSLogs/o-abc/210987654321/CloudTrail/eu-west-1/2026/03/01/210987654321_CloudTrail_eu-west-1_20260301T2355Z_Aa.json.gz",
		"p/AWSLogs/o-abc/210987654321/CloudTrail/eu-west-1/2026/03/02/210987654321_CloudTrail_eu-west-1_20260302T0010Z_Bb.json.gz",
		"p/AWSLogs/o-abc/310987654321/CloudTrail/us-east-1/2026/03/01/310987654321_CloudTrail_us-east-1_20260301T0040Z_Cc.json.gz",
		"p/AWSLogs/410987654321/CloudTrail/us-east-1/2026/03/01/410987654321_CloudTrail_us-east-1_20260301T0100Z_Dd.json.gz",
	} {
		f.put(key, logFile(i*10, 10, now), nil)
	}
	f.put("p/AWSLogs/410987654321/CloudTrail-Digest/us-east-1/2026/03/01/x.json.gz", zipped([]byte("{}")), nil)
	f.put("p/AWSLogs/410987654321/Config/us-east-1/2026/03/01/x.json.gz", zipped([]byte("{}")), nil)
	f.put("p/AWSLogs/410987654321/CloudTrail/us-east-1/2026/03/01/410987654321_CloudTrail_us-east-1_20260301T0105Z_Ee.json.gz", nil, nil)
	at := now
	b := &bucket{
		objects: api,
		name:    "trail",
		prefix:  "p",
		since:   now.Add(-24 * time.Hour),
		now:     func() time.Time { return at },
		sweeps:  listed,
	}
	store, log := openStore(t), eventlog.NewMemory(1, 64<<20)
	ids, gaps := pulled(t, b, 4, store, log, now)
	if len(ids) != 40 || len(gaps) > 0 {
		t.Fatalf("%d events, gaps %v", len(ids), gaps)
	}
	at = now.Add(10 * time.Minute)
	// it sorts before what was read
	f.put(
		"p/AWSLogs/o-abc/210987654321/CloudTrail/eu-west-1/2026/03/02/210987654321_CloudTrail_eu-west-1_20260302T0009Z_Ff.json.gz",
		logFile(100, 10, now), nil)
	ids, _ = pulled(t, b, 4, store, log, at)
	if len(ids) != 50 {
		t.Errorf("%d events once a file has come late", len(ids))
	}
	for id, n := range ids {
		if n > 1 {
			t.Errorf("%s is %d times in the log", id, n)
		}
	}
}

// chained makes a chain of digests, one an hour, and returns what checks it.
type chained struct {
	f       *fakeS3
	key     *rsa.PrivateKey
	lastSig string
	lastKey string
}

const digestRoot = "AWSLogs/210987654321/CloudTrail-Digest/eu-west-1/"

func (c *chained) add(t *testing.T, end time.Time, files map[string][]byte) string {
	key := digestRoot + end.Format(accessDay) + "/210987654321_CloudTrail-Digest_eu-west-1_trail_eu-west-1_" + end.Format(
		"20060102T150405Z") + ".json.gz"
	g := map[string]any{
		"awsAccountId":               "210987654321",
		"digestStartTime":            end.Add(-time.Hour).Format(time.RFC3339),
		"digestEndTime":              end.Format(time.RFC3339),
		"digestS3Bucket":             "trail",
		"digestS3Object":             key,
		"digestPublicKeyFingerprint": "f1",
		"digestSignatureAlgorithm":   "SHA256withRSA",
	}
	if c.lastKey != "" {
		g["previousDigestS3Object"], g["previousDigestSignature"] = c.lastKey, c.lastSig
	}
	list := []any{}
	for name, content := range files {
		sum := sha256.Sum256(content)
		list = append(list, map[string]string{
			"s3Bucket":      "trail",
			"s3Object":      name,
			"hashValue":     hex.EncodeToString(sum[:]),
			"hashAlgorithm": "SHA-256",
		})
		c.f.put(name, zipped(content), nil)
	}
	g["logFiles"] = list
	raw, err := json.Marshal(g)
	if err != nil {
		t.Fatal(err)
	}
	previous := c.lastSig
	if previous == "" {
		previous = "null"
	}
	sum := sha256.Sum256(raw)
	signed := sha256.Sum256([]byte(end.Format(time.RFC3339) + "\ntrail/" + key + "\n" + hex.EncodeToString(sum[:]) + "\n" + previous))
	sig, err := rsa.SignPKCS1v15(rand.Reader, c.key, crypto.SHA256, signed[:])
	if err != nil {
		t.Fatal(err)
	}
	c.lastKey, c.lastSig = key, hex.EncodeToString(sig)
	c.f.put(key, zipped(raw), map[string]string{"Signature": c.lastSig})
	return key
}

// ListPublicKeys implements keyLister.
func (c *chained) ListPublicKeys(context.Context, *trail.ListPublicKeysInput,
	...func(*trail.Options)) (*trail.ListPublicKeysOutput, error) {
	return &trail.ListPublicKeysOutput{PublicKeyList: []types.PublicKey{
		{Fingerprint: aws.String("f0"), Value: []byte("x")},
		{Fingerprint: aws.String("f1"), Value: x509.MarshalPKCS1PublicKey(&c.key.PublicKey)},
	}}, nil
}

// TestDigests changes, takes away and forges what CloudTrail has delivered: each is
// found, and nothing else is.
func TestDigests(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 2, 12, 20, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		do   func(f *fakeS3, keys []string)
		want []string
	}{
		"whole": {func(*fakeS3, []string) {}, nil},
		"a log file is changed": {func(f *fakeS3, _ []string) { f.put("log3", zipped([]byte("other")), nil) },
			[]string{"LogFileAltered its hash is another than the digest says"}},
		"a log file is no gzip": {func(f *fakeS3, _ []string) { f.put("log3", []byte("other"), nil) },
			[]string{"LogFileAltered it cannot be unpacked"}},
		"a log file is gone": {func(f *fakeS3, _ []string) { delete(f.objects, "log3") },
			[]string{"LogFileMissing the log file is gone"}},
		"a digest is changed": {func(f *fakeS3, keys []string) {
			z, err := gzip.NewReader(bytes.NewReader(f.objects[keys[4]]))
			if err != nil {
				t.Fatal(err)
			}
			raw, err := io.ReadAll(z)
			if err != nil {
				t.Fatal(err)
			}
			f.put(keys[4], zipped(append(raw, '\n')), f.meta[keys[4]])
		}, []string{"DigestInvalid its signature does not fit"}},
		"a signature is changed": {func(f *fakeS3, keys []string) {
			f.put(keys[4], f.objects[keys[4]], map[string]string{"Signature": "00" + f.meta[keys[4]]["Signature"][2:]})
		}, []string{"DigestInvalid its signature does not fit"}},
		"a digest is not signed": {func(f *fakeS3, keys []string) { f.put(keys[4], f.objects[keys[4]], nil) },
			[]string{"DigestInvalid it is not signed"}},
		"a digest of another place": {func(f *fakeS3, keys []string) { f.put(keys[4], f.objects[keys[3]], f.meta[keys[3]]) },
			[]string{
				"DigestGap nothing was logged, or not validated, from 2026-03-02T07:00:00Z to 2026-03-02T08:00:00Z",
				"DigestInvalid it was written for s3://trail/",
			}},
		"a digest is gone": {func(f *fakeS3, keys []string) { delete(f.objects, keys[4]) },
			[]string{"DigestMissing there is no digest from 2026-03-02T07:00:00Z to 2026-03-02T08:00:00Z, though the next one names it"}},
		"two in a row are gone": {func(f *fakeS3, keys []string) { delete(f.objects, keys[4]); delete(f.objects, keys[5]) },
			[]string{"DigestMissing there is no digest from 2026-03-02T07:00:00Z to 2026-03-02T09:00:00Z, though the next one names it"}},
		"one that was made afterwards": {func(f *fakeS3, keys []string) {
			f.put(strings.TrimSuffix(keys[4], ".json.gz")+"_backfill.json.gz", []byte("x"), nil)
		}, nil},
		"none for hours": {func(f *fakeS3, keys []string) {
			for _, k := range keys[5:] {
				delete(f.objects, k)
			}
		}, []string{"DigestOverdue there is no digest since 2026-03-02T08:00:00Z"}},
	} {
		t.Run(name, func(t *testing.T) {
			f, api := newFakeS3(t)
			ch := &chained{f: f, key: key}
			var keys []string
			for h := range 9 {
				end := time.Date(2026, 3, 2, 4+h, 0, 0, 0, time.UTC)
				keys = append(keys, ch.add(t, end, map[string][]byte{"log" + strconv.Itoa(h): []byte("content " + strconv.Itoa(h))}))
			}
			c.do(f, keys)
			d := &digests{
				bucket: &bucket{
					objects: api,
					name:    "trail",
					since:   now.Add(-12 * time.Hour),
					now:     func() time.Time { return now },
					sweeps:  verified,
				},
				keys: func(string) keyLister { return ch },
			}
			store, log := openStore(t), eventlog.NewMemory(1, 64<<20)
			ids, _ := pulled(t, d, 1, store, log, now)
			pulled(t, d, 1, store, log, now) // again: nothing new
			var got []string
			for id := range ids {
				got = append(got, strings.TrimSpace(id))
			}
			slices.Sort(got)
			ok := len(got) == len(c.want)
			for i := range got {
				ok = ok && strings.HasPrefix(got[i], c.want[i])
			}
			if !ok {
				t.Errorf("%q, want %q", got, c.want)
			}
			if again := logged(t, log); len(again) != len(ids) {
				t.Errorf("found again: %v", again)
			}
		})
	}
}

// TestQueue runs against an AWS endpoint: files put into a bucket are read through its queue,
// among irrelevant messages and files that no longer exist. Messages of files that were read are
// deleted.
func TestQueue(t *testing.T) {
	endpoint := os.Getenv("OUTFLOW_AWS")
	if endpoint == "" {
		t.Skip("OUTFLOW_AWS, the address of an AWS endpoint, is not set: .ci/aws starts one")
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "x")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "y")
	conf := &Config{Access: storage.Access{BaseURL: endpoint, Region: "eu-west-1"}, Fetchers: 8}
	sdk, err := conf.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	objects := s3.NewFromConfig(sdk, func(o *s3.Options) { o.UsePathStyle = true; o.DisableLogOutputChecksumValidationSkipped = true })
	queues := sqs.NewFromConfig(sdk)
	name := "trail-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	ctx := t.Context()
	if _, err := objects.CreateBucket(ctx, &s3.CreateBucketInput{
		Bucket:                    &name,
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: "eu-west-1"},
	}); err != nil {
		t.Fatal(err)
	}
	made, err := queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name})
	if err != nil {
		t.Fatal(err)
	}
	arn, err := queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl:       made.QueueUrl,
		AttributeNames: []sqstypes.QueueAttributeName{"QueueArn"},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = objects.PutBucketNotificationConfiguration(ctx, &s3.PutBucketNotificationConfigurationInput{
		Bucket: &name,
		NotificationConfiguration: &s3types.NotificationConfiguration{QueueConfigurations: []s3types.QueueConfiguration{{
			QueueArn: aws.String(arn.Attributes["QueueArn"]),
			Events:   []s3types.Event{"s3:ObjectCreated:*"},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	encryption := s3types.ServerSideEncryptionAes256
	var master *string
	put := func(key string, body []byte) {
		out, err := objects.PutObject(ctx, &s3.PutObjectInput{
			Bucket:               &name,
			Key:                  &key,
			Body:                 bytes.NewReader(body),
			ServerSideEncryption: encryption,
			SSEKMSKeyId:          master,
		})
		if err != nil || out.ServerSideEncryption != encryption {
			t.Fatal(out, err)
		}
	}
	for i := range 30 {
		if i == 15 { // the trail has a key from now on
			encryption, master = s3types.ServerSideEncryptionAwsKms, masterKey(t, endpoint)
		}
		put(fmt.Sprintf("AWSLogs/210987654321/CloudTrail/eu-west-1/2026/03/02/a b=%d.json.gz", i), logFile(i*10, 10, now))
	}
	put("AWSLogs/210987654321/CloudTrail-Digest/eu-west-1/2026/03/02/x.json.gz", []byte("x"))
	gone := "AWSLogs/210987654321/CloudTrail/eu-west-1/2026/03/02/gone.json.gz"
	put(gone, logFile(900, 1, now))
	if _, err := objects.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &name, Key: &gone}); err != nil {
		t.Fatal(err)
	}
	bridge := `{"version":"0","id":"1","detail-type":"AWS API Call via CloudTrail","source":"aws.iam",` +
		`"account":"210987654321","time":"2026-03-02T21:44:49Z","region":"us-east-1","detail":{"eventVersion":"1.08",` +
		`"userIdentity":{"type":"IAMUser","userName":"kim","accountId":"210987654321"},` +
		`"eventTime":"2026-03-02T21:44:49Z","eventSource":"iam.amazonaws.com","eventName":"CreateUser",` +
		`"eventID":"bridge"}}`
	for _, body := range []string{"hello", bridge, `{"Service":"Amazon S3","Event":"s3:TestEvent"}`} {
		if _, err := queues.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: made.QueueUrl, MessageBody: &body}); err != nil {
			t.Fatal(err)
		}
	}
	q := newQueue(queues, objects, *made.QueueUrl, 5*time.Minute,
		ingest.Env{Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	store, log := openStore(t), eventlog.NewMemory(1, 64<<20)
	ids, gaps := pulled(t, q, 8, store, log, now)
	if len(ids) != 301 || len(gaps) != 1 || !strings.Contains(gaps[0], "gone.json.gz is gone") {
		t.Errorf("%d events, gaps %v", len(ids), gaps)
	}
	if letters, err := store.DeadLetters(ctx, 0); err != nil || len(letters) != 1 || letters[0].Record != `"hello"` {
		t.Errorf("dead letters: %+v, %v", letters, err)
	}
	left, err := queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl:       made.QueueUrl,
		AttributeNames: []sqstypes.QueueAttributeName{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"},
	})
	if err != nil || left.Attributes["ApproximateNumberOfMessages"] != "0" ||
		left.Attributes["ApproximateNumberOfMessagesNotVisible"] != "0" {
		t.Errorf("on the queue still: %v, %v", left, err)
	}
	b := &bucket{
		objects: objects,
		name:    name,
		since:   time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC),
		now:     func() time.Time { return time.Date(2026, 3, 2, 23, 0, 0, 0, time.UTC) },
		sweeps:  reconciled,
	}
	if again, _ := pulled(t, b, 8, store, log, now); len(again) != 301 {
		t.Errorf("%d events once the bucket was compared", len(again))
	}
}

// masterKey makes a key in an endpoint's KMS, and returns its ARN.
func masterKey(t *testing.T, endpoint string) *string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "TrentService.CreateKey")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x/20260302/eu-west-1/kms/aws4_request, SignedHeaders=host, Signature=0")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var made struct{ KeyMetadata struct{ Arn string } }
	if err := json.NewDecoder(res.Body).Decode(&made); err != nil || made.KeyMetadata.Arn == "" {
		t.Fatal(res.Status, err)
	}
	return &made.KeyMetadata.Arn
}

// BenchmarkQueue reads files of 1,000 events from an AWS endpoint, by how many are
// fetched at the same time.
func BenchmarkQueue(b *testing.B) {
	endpoint := os.Getenv("OUTFLOW_AWS")
	if endpoint == "" {
		b.Skip("OUTFLOW_AWS, the address of an AWS endpoint, is not set: .ci/aws starts one")
	}
	b.Setenv("AWS_ACCESS_KEY_ID", "x")
	b.Setenv("AWS_SECRET_ACCESS_KEY", "y")
	sdk, err := (&storage.Access{BaseURL: endpoint, Region: "eu-west-1"}).Connect(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	objects := s3.NewFromConfig(sdk, func(o *s3.Options) { o.UsePathStyle = true; o.DisableLogOutputChecksumValidationSkipped = true })
	queues := sqs.NewFromConfig(sdk)
	ctx := b.Context()
	const files, each = 120, 1000
	body := logFile(0, each, time.Now())
	for _, fetchers := range []int{1, 8, 32} {
		b.Run(fmt.Sprintf("fetchers=%d", fetchers), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				name := "b" + strconv.FormatInt(time.Now().UnixNano(), 36)
				_, err := objects.CreateBucket(ctx, &s3.CreateBucketInput{
					Bucket:                    &name,
					CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: "eu-west-1"},
				})
				if err != nil {
					b.Fatal(err)
				}
				made, err := queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name})
				if err != nil {
					b.Fatal(err)
				}
				for i := range files {
					key := fmt.Sprintf("AWSLogs/210987654321/CloudTrail/eu-west-1/2026/03/02/%d.json.gz", i)
					if _, err := objects.PutObject(ctx, &s3.PutObjectInput{
						Bucket: &name,
						Key:    &key,
						Body:   bytes.NewReader(body),
					}); err != nil {
						b.Fatal(err)
					}
					note := fmt.Sprintf(`{"s3Bucket":%q,"s3ObjectKey":[%q]}`, name, key)
					if _, err := queues.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: made.QueueUrl, MessageBody: &note}); err != nil {
						b.Fatal(err)
					}
				}
				q := newQueue(queues, objects, *made.QueueUrl, 5*time.Minute,
					ingest.Env{Now: time.Now, Log: slog.New(slog.DiscardHandler)})
				store := openStore(b)
				p := &watch.Pull{
					Name:    name,
					Stream:  ingest.Stream{Name: "queue", Parallel: fetchers, Source: q},
					Formats: Formats,
					Log:     nowhere{},
				}
				b.StartTimer()
				for events := 0; events < files*each; {
					step, err := store.Step(ctx, p, time.Now())
					if err != nil {
						b.Fatal(err)
					}
					events += step.Events + step.Repeats
				}
			}
			perSecond := float64(files*b.N) / b.Elapsed().Seconds()
			b.ReportMetric(perSecond, "files/s")
			b.ReportMetric(perSecond*each, "events/s")
		})
	}
}

// nowhere is a log that keeps nothing.
type nowhere struct{ eventlog.Log }

// Append implements eventlog.Log.
func (nowhere) Append(context.Context, ...eventlog.Record) error { return nil }

// Partitions implements eventlog.Log.
func (nowhere) Partitions() int { return 1 }

// TestLookup assumes a role in every account, asks which regions it uses, and reads the
// event history of each: throttled once, in pages, and from the beginning of a stretch
// where a token has run out. moto answers neither, so a server of our own does.
func TestLookup(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "x")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "y")
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	var mu sync.Mutex
	roles, lookups := map[string]bool{}, 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, _ := io.ReadAll(r.Body)
		switch {
		case r.URL.Path == "/listRegions":
			io.WriteString(w, `{"Regions":[{"RegionName":"us-east-1",`+
				`"RegionOptStatus":"ENABLED_BY_DEFAULT"},{"RegionName":"eu-west-1","RegionOptStatus":"ENABLED"}]}`)
		case strings.Contains(string(body), "Action=AssumeRole"):
			q, _ := url.ParseQuery(string(body))
			roles[q.Get("RoleArn")+" "+q.Get("ExternalId")] = true
			io.WriteString(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">`+
				`<AssumeRoleResult><Credentials><AccessKeyId>a</AccessKeyId><SecretAccessKey>b</SecretAccessKey>`+
				`<SessionToken>c</SessionToken><Expiration>2036-01-01T00:00:00Z</Expiration></Credentials>`+
				`</AssumeRoleResult></AssumeRoleResponse>`)
		case strings.HasSuffix(r.Header.Get("X-Amz-Target"), "LookupEvents"):
			lookups++
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			event := func(id string) string {
				inner, _ := json.Marshal(fmt.Sprintf(`{"eventVersion":"1.08","userIdentity":{"type":"IAMUser",`+
					`"userName":"kim","accountId":"111122223333"},"eventTime":"2026-03-02T11:00:00Z",`+
					`"eventSource":"iam.amazonaws.com","eventName":"ListUsers","eventID":%q,`+
					`"recipientAccountId":"111122223333"}`, id))
				return fmt.Sprintf(`{"EventId":%q,"CloudTrailEvent":%s}`, id, inner)
			}
			switch {
			case lookups == 1:
				w.WriteHeader(http.StatusBadRequest)
				io.WriteString(w, `{"__type":"ThrottlingException","message":"Rate exceeded"}`)
			case strings.Contains(string(body), `"NextToken":"old"`):
				w.WriteHeader(http.StatusBadRequest)
				io.WriteString(w, `{"__type":"InvalidNextTokenException","message":"it has run out"}`)
			case strings.Contains(string(body), `"NextToken":"two"`):
				fmt.Fprintf(w, `{"Events":[%s]}`, event("e2"))
			case lookups == 2:
				fmt.Fprintf(w, `{"Events":[%s],"NextToken":"old"}`, event("e1"))
			default:
				fmt.Fprintf(w, `{"Events":[%s],"NextToken":"two"}`, event("e1"))
			}
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer server.Close()
	conf := &Config{
		Access:     storage.Access{BaseURL: server.URL, Region: "eu-west-1", ExternalID: "acme"},
		Fetchers:   1,
		Visibility: time.Minute,
		Lookup:     true,
		Roles:      []string{"arn:aws:iam::111122223333:role/outflow", "arn:aws:iam::444455556666:role/outflow"},
	}
	if err := conf.Check(); err != nil {
		t.Fatal(err)
	}
	streams, err := conf.Open(t.Context(), ingest.Env{Now: func() time.Time { return now }, Since: now.Add(-3 * time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range streams {
		names = append(names, s.Name)
	}
	if got := strings.Join(names, ", "); got != "lookup 111122223333 eu-west-1, lookup 111122223333 us-east-1, "+
		"lookup 444455556666 eu-west-1, lookup 444455556666 us-east-1" {
		t.Error(got)
	}
	if !roles["arn:aws:iam::111122223333:role/outflow acme"] || !roles["arn:aws:iam::444455556666:role/outflow acme"] {
		t.Error(roles)
	}
	ids, gaps := pulled(t, streams[0].Source, 1, openStore(t), eventlog.NewMemory(1, 1<<20), now)
	if len(ids) != 2 || len(gaps) > 0 {
		t.Errorf("%v, gaps %v, %d lookups", ids, gaps, lookups)
	}
}
