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
	"github.com/outflow/outflow/ingest/storage"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
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
	logVersion
	logHost
	logSignature
	logCipher
	logAuthentication
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
// that is in both has the same request id, and counts once (requestKey).
func decodeAccessLog(line []byte, out *ingest.Sink) error {
	var f [logFields][]byte
	if splitLog(line, &f) <= logStatus {
		return errors.New("a line of an access log with fewer than ten fields")
	}
	return decodeRequest(&f, out)
}

// accessColumns are the columns of the table that AWS documents for access logs in Athena, by
// field.
var accessColumns = [logFields][]string{
	logBucket: {"bucketname", "bucket"}, logTime: {"requestdatetime"}, logIP: {"remoteip"}, logRequester: {"requester"},
	logRequestID: {"requestid"}, logOperation: {"operation"}, logKey: {"key"}, logStatus: {"httpstatus"}, logError: {"errorcode"},
	logBytes: {"bytessent"}, logSize: {"objectsize"}, logAgent: {"useragent"}, logAuthentication: {"authtype"},
}

// accessRow reads a row of an access log in Athena.
func accessRow(h ingest.Header, cells [][]byte, out *ingest.Sink) error {
	var f [logFields][]byte
	for i, names := range accessColumns {
		if f[i] = bytes.Trim(h.Cell(cells, names...), `"[]`); len(f[i]) == 0 {
			f[i] = []byte("-")
		}
	}
	return decodeRequest(&f, out)
}

// decodeRequest decodes the fields of a request.
func decodeRequest(f *[logFields][]byte, out *ingest.Sink) error {
	at, err := time.Parse("02/Jan/2006:15:04:05 -0700", string(f[logTime]))
	if err != nil || !ingest.ValidTime(at.UnixMilli()) {
		return ingest.BadTime("time", string(f[logTime]))
	}

	e := out.New(event.CloudTrail)
	e.Time, e.ID, e.Action = at.UnixMilli(), text(f[logRequestID]), ingest.View(f[logOperation])
	e.Actor = requester(text(f[logRequester]), out)
	e.Class = operationClass(e.Action)
	e.Object = event.Object{Type: "bucket", Container: text(f[logBucket]), Name: text(f[logBucket])}
	if key := objectKey(text(f[logKey])); key != "" {
		e.Object.Type, e.Object.Name = "object", out.Copy(key)
	}
	e.Client = event.Client{IP: ingest.Address(text(f[logIP])), Agent: text(f[logAgent])}
	if e.Key = requestKey(e, e.ID); e.Key == 0 {
		e.Key = ingest.Hash("s3_access_log", text(f[logBucket]), e.ID, e.Action, text(f[logKey]))
	}
	if string(f[logAuthentication]) == "QueryString" {
		out.Attr(event.AttrSigned, "link")
	}

	status, err := strconv.Atoi(string(f[logStatus]))
	switch {
	case err != nil && e.Class != event.Derived:
		e.Outcome = event.UnknownOutcome
	case status == 401 || status == 403:
		e.Outcome = event.Denied
	case status >= 300: // nothing is sent of an object that has not changed, or that is elsewhere
		e.Outcome = event.Failure
	}
	if e.Outcome != event.Success {
		out.Attr(event.AttrReason, text(f[logError]))
	}

	switch {
	case e.Outcome == event.Failure || e.Outcome == event.Denied:
	case e.Class == event.Download:
		e.Bytes = max(jsonscan.ParseInt(f[logBytes]), 0)
		fallthrough
	case e.Class == event.Copy:
		e.Object.Size = max(jsonscan.ParseInt(f[logSize]), 0)
	}

	out.Emit()
	return nil
}

// objectKey decodes a key. Of most operations it is encoded twice, of some once; keys that
// themselves hold the encoding of a character are rarer than either.
func objectKey(key string) string {
	for range 2 {
		decoded, err := url.PathUnescape(key)
		if err != nil {
			break
		}
		key = decoded
	}
	return key
}

// requestKey identifies a request by its id, which is the same in the records of the caller, of
// the owner and of the owner of a VPC endpoint, in a record that amends another, and in the access
// log; 0 if the request has no id, or if its records are not all about the same act. A batch of
// deletions has one id for all of its objects.
func requestKey(e *event.Event, request string) uint64 {
	if request == "" {
		return 0
	}
	name := ""
	switch e.Class {
	case event.Download, event.Copy, event.Upload, event.List:
	case event.Delete:
		name = e.Object.Name
	default:
		return 0
	}
	return ingest.Hash("s3_request", request, e.Class.String(), name)
}

// operations are the classes of operations on objects and buckets that have a meaning of their
// own, without the interface (REST, WEBSITE, SOAP, BATCH) that they came through. Others are reads
// or changes of configuration.
var operations = map[string]event.Class{
	"GET.OBJECT":          event.Download,
	"GET.OBJECT_TORRENT":  event.Download,
	"GET.TORRENT":         event.Download,
	"SELECT.OBJECT":       event.Download,
	"POST.SELECT":         event.Download,
	"POST.OBJECT_SELECT":  event.Download,
	"COPY.OBJECT_GET":     event.Copy,
	"COPY.PART_GET":       event.Copy,
	"COPY.OBJECT":         event.Upload,
	"COPY.PART":           event.Upload,
	"PUT.OBJECT":          event.Upload,
	"POST.OBJECT":         event.Upload,
	"PUT.PART":            event.Upload,
	"POST.UPLOAD":         event.Upload,
	"DELETE.OBJECT":       event.Delete,
	"DELETE.BUCKET":       event.Delete,
	"GET.BUCKET":          event.List,
	"GET.BUCKETVERSIONS":  event.List,
	"GET.BUCKET_VERSIONS": event.List,

	"POST.MULTI_OBJECT_DELETE": event.Derived, // its objects have lines of their own
	"GETOBJECT":                event.Download,
	"GETOBJECTEXTENDED":        event.Download,
	"COPYOBJECT":               event.Upload,
	"PUTOBJECT":                event.Upload,
	"PUTOBJECTINLINE":          event.Upload,
	"DELETEOBJECT":             event.Delete,
	"DELETEBUCKET":             event.Delete,
	"LISTBUCKET":               event.List,
}

// operationClass returns the class of an operation such as REST.GET.OBJECT.
func operationClass(op string) event.Class {
	by, what, _ := strings.Cut(op, ".")
	switch by {
	case "S3": // the store itself, as the rules of the bucket say
		return event.Derived
	case "REST", "WEBSITE", "SOAP", "BATCH":
	default:
		return event.Other
	}
	what = strings.ToUpper(what)
	if c, known := operations[what]; known {
		return c
	}
	for _, verb := range [...]string{"GET", "HEAD", "LIST", "OPTIONS"} {
		if strings.HasPrefix(what, verb) {
			return event.CloudRead
		}
	}
	for _, verb := range [...]string{"PUT", "POST", "DELETE", "COPY", "SET", "CREATE"} {
		if strings.HasPrefix(what, verb) {
			return event.CloudChange
		}
	}
	return event.Other
}

// text returns a field; "" for -, which stands for none.
func text(b []byte) string {
	if len(b) == 1 && b[0] == '-' {
		return ""
	}
	return ingest.View(b)
}

// requester returns who sent a request, from an ARN, a canonical id, the name of a service of AWS,
// or - for anonymous ones. It may be anybody whom the bucket's policy admits, and the log does not
// say whose the bucket is.
func requester(name string, out *ingest.Sink) event.Actor {
	parts := strings.SplitN(name, ":", 6)
	switch {
	case name == "":
		return event.Actor{Kind: event.Anonymous}
	case name == "AmazonS3", strings.HasPrefix(name, "svc:"), strings.HasSuffix(name, ".amazonaws.com"):
		return event.Actor{Account: out.Account("aws", strings.TrimPrefix(name, "svc:")), Kind: event.System}
	case len(parts) < 6 || parts[0] != "arn":
		return event.Actor{Account: out.Join("aws:", name), Kind: event.Unknown}
	}
	acct, resource := parts[4], parts[5]
	if strings.Trim(acct, "0123456789") != "" { // arn:aws:iam::cloudfront:user/…
		return event.Actor{Account: out.Account("aws", acct), Kind: event.System}
	}
	if session, ok := strings.CutPrefix(resource, "assumed-role/"); ok {
		role, who, _ := strings.Cut(session, "/")
		u := identity{issuer: role, principal: ":" + who, elsewhere: true}
		a := event.Actor{Kind: event.Human}
		u.assumedRole(&record{}, acct, &a, out)
		return a
	}
	if resource == "root" {
		return event.Actor{Account: out.Join("aws:", acct, ":root"), Kind: event.Human}
	}
	u := identity{elsewhere: true}
	return event.Actor{
		Account: u.user(acct, resource[strings.LastIndexByte(resource, '/')+1:], out),
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
	out, err := storage.List(ctx, a.objects, a.bucket, a.prefix,
		a.prefix+time.UnixMilli(c.From).UTC().Format("2006-01-02-15-04-05"), c.Token)
	if err != nil {
		return page, err
	}
	for _, o := range out.Contents {
		if aws.ToInt64(o.Size) > 0 {
			page.Bodies = append(page.Bodies, storage.File(a.objects, a.bucket, aws.ToString(o.Key)))
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
