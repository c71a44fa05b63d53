package cloudtrail

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
)

// isAccessLog reports whether a line is one of an S3 server access log: the owner's
// canonical id (64 hexadecimal digits), the bucket, and the time in brackets.
func isAccessLog(line []byte) bool {
	owner, rest, _ := bytes.Cut(line, []byte(" "))
	if len(owner) != 64 {
		return false
	}
	for _, c := range owner {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f') {
			return false
		}
	}
	_, rest, ok := bytes.Cut(rest, []byte(" "))
	return ok && len(rest) > 0 && rest[0] == '['
}

// The fields of a line that are read; see docs/sources/aws_cloudtrail.md. Lines may have more
// fields or, like older ones, fewer.
const (
	logBucket = iota + 1
	logTime
	logIP
	logRequester
	logRequestID
	logOperation
	logKey
	logURI
	logStatus
	logError
	logBytes
	logSize
	logTotal
	logTurnaround
	logReferer
	logAgent
	logFields
)

// splitLog splits a line at blanks outside of quotes and brackets. A quote ends a quoted field
// only if a blank or the end of the line follows.
func splitLog(line []byte, fields *[logFields][]byte) int {
	n := 0
	for n < logFields {
		line = bytes.TrimLeft(line, " ")
		if len(line) == 0 {
			break
		}
		end := 0
		switch line[0] {
		case '"':
			for end = 1; end < len(line); end++ {
				if line[end] == '"' && (end+1 == len(line) || line[end+1] == ' ') {
					break
				}
			}
			fields[n], line = line[1:end], line[min(end+1, len(line)):]

		case '[':
			if end = bytes.IndexByte(line, ']'); end < 0 {
				return n
			}
			fields[n], line = line[1:end], line[end+1:]

		default:
			if end = bytes.IndexByte(line, ' '); end < 0 {
				end = len(line)
			}
			fields[n], line = line[:end], line[end:]
		}

		n++
	}

	return n
}

// decodeAccessLog decodes a request to a bucket. AWS delivers access logs on a best effort:
// lines may be late, repeated or missing. CloudTrail's data events have more detail; a request
// that is in both has the same request id.
func decodeAccessLog(line []byte, out *ingest.Sink) error {
	var f [logFields][]byte
	if splitLog(line, &f) <= logStatus {
		return errors.New("a line of an access log with fewer than ten fields")
	}
	at, err := time.Parse("02/Jan/2006:15:04:05 -0700", string(f[logTime]))
	if err != nil {
		return ingest.BadTime("time", string(f[logTime]))
	}

	e := out.New(event.CloudTrail)
	e.Time, e.ID, e.Action = at.UnixMilli(), text(f[logRequestID]), ingest.View(f[logOperation])
	e.Key = ingest.Hash("s3_access_log", text(f[logBucket]), text(f[logRequestID]), text(f[logOperation]), text(f[logKey]))
	e.Actor = requester(text(f[logRequester]), out)
	key := text(f[logKey])
	if decoded, err := url.PathUnescape(key); err == nil {
		key = decoded
	}

	e.Object = event.Object{Type: "bucket", Container: text(f[logBucket]), Name: text(f[logBucket])}
	if key != "" {
		e.Object.Type, e.Object.Name = "object", out.Copy(key)
	}
	e.Client = event.Client{IP: ingest.Address(text(f[logIP])), Agent: text(f[logAgent])}
	status, _ := strconv.Atoi(string(f[logStatus]))
	switch {
	case status == 401 || status == 403:
		e.Outcome = event.Denied
	case status >= 400:
		e.Outcome = event.Failure
	}

	size, _ := strconv.ParseInt(string(f[logBytes]), 10, 64)
	switch op := e.Action; {
	case op == "REST.GET.OBJECT", op == "WEBSITE.GET.OBJECT", op == "REST.COPY.OBJECT_GET", op == "REST.COPY.PART_GET":
		e.Class = event.Download
		if e.Outcome == event.Success {
			e.Bytes = size
		}
	case strings.HasPrefix(op, "REST.PUT.OBJECT"), op == "REST.POST.OBJECT", op == "REST.PUT.PART", strings.HasPrefix(op, "REST.COPY."):
		e.Class = event.Upload
	case strings.HasPrefix(op, "BATCH.DELETE"), op == "REST.DELETE.OBJECT":
		e.Class = event.Delete
	case op == "REST.GET.BUCKET", op == "REST.GET.BUCKETVERSIONS":
		e.Class = event.List
	case strings.HasPrefix(op, "REST.GET."), strings.HasPrefix(op, "REST.HEAD."):
		e.Class = event.CloudRead
	}

	out.Emit()
	return nil
}

// text returns a field; "" for -, which stands for none.
func text(b []byte) string {
	if len(b) == 1 && b[0] == '-' {
		return ""
	}
	return ingest.View(b)
}

// requester returns who sent a request, from an ARN, a canonical id, or - for anonymous ones.
func requester(name string, out *ingest.Sink) event.Actor {
	parts := strings.SplitN(name, ":", 6)
	switch {
	case name == "":
		return event.Actor{Kind: event.Anonymous}
	case len(parts) < 6 || parts[0] != "arn":
		return event.Actor{Account: out.Join("aws:", name), Kind: event.Unknown}
	}
	acct, resource := parts[4], parts[5]
	if session, ok := strings.CutPrefix(resource, "assumed-role/"); ok {
		role, who, _ := strings.Cut(session, "/")
		u := identity{issuer: role, principal: ":" + who}
		a := event.Actor{Kind: event.Human}
		u.assumedRole(&record{}, acct, &a, out)
		return a
	}
	if resource == "root" {
		return event.Actor{Account: out.Join("aws:", acct, ":root"), Kind: event.Human}
	}
	return event.Actor{
		Account: iamUser(acct, resource[strings.LastIndexByte(resource, '/')+1:], out),
		Kind:    event.Human,
	}
}

// accessLogs reads the objects to which S3 writes access logs. Their names begin with the time
// of delivery. Lines may be days late, so sweeps go back.
type accessLogs struct {
	objects        *s3.Client
	bucket, prefix string
	since          time.Time
	now            func() time.Time
}

var accessed = ingest.SweepPlan{Overlap: time.Hour, Daily: 72 * time.Hour, MaxSpan: 24 * time.Hour}

type accessCursor struct {
	ingest.SweepState
	Token string `json:"token,omitempty"`
}

// Fetch implements ingest.Source.
func (a *accessLogs) Fetch(ctx context.Context, cur ingest.Cursor) (ingest.Page, error) {
	c, err := ingest.ReadCursor[accessCursor](cur)
	if err != nil {
		return ingest.Page{}, err
	}
	page := ingest.Page{}
	if _, ok := accessed.Begin(&c.SweepState, a.since, a.now()); !ok {
		page.Next = ingest.WriteCursor(c)
		return page, nil
	}
	out, err := listing(ctx, a.objects, a.bucket, a.prefix, a.prefix+time.UnixMilli(c.From).UTC().Format("2006-01-02-15-04-05"), c.Token)
	if err != nil {
		return page, err
	}
	for _, o := range out.Contents {
		if aws.ToInt64(o.Size) > 0 {
			page.Bodies = append(page.Bodies, file(a.objects, a.bucket, aws.ToString(o.Key)))
		}
	}
	if c.Token = aws.ToString(out.NextContinuationToken); c.Token != "" {
		page.More = true
	} else {
		page.More = accessed.Finish(&c.SweepState, a.now())
	}
	page.Next = ingest.WriteCursor(c)
	return page, nil
}
