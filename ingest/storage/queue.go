package storage

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/outflow/outflow/ingest"
)

// Queue receives notifications about new files from SQS. A message is deleted once all its files
// are in the event log. If a file cannot be read, the message is received again, until the
// queue's redrive policy moves it.
type Queue struct {
	API     *sqs.Client
	URL     string
	Now     func() time.Time
	Visible time.Duration // visibility timeout of messages; extended while they are processed
	Log     *slog.Logger
	// File returns an object that a message names as a body, or nil if it is not one to read.
	File func(o Location) *ingest.Body
	// Message returns a message that names no objects as a body. Event reports whether it is an
	// event of CloudTrail in the envelope of EventBridge.
	Message func(name string, text []byte, event bool) ingest.Body
}

const (
	longPoll  = 5  // seconds
	atOnce    = 10 // messages per call; the maximum of SQS
	mostCalls = 4  // calls per page
)

// Fetch implements ingest.Source. There is no cursor, since the queue knows what has been read.
func (q *Queue) Fetch(ctx context.Context, _ ingest.Cursor) (ingest.Page, error) {
	l := &lease{q: q, failed: map[string]bool{}, extended: q.Now()}
	page := ingest.Page{}
	for range mostCalls {
		in := &sqs.ReceiveMessageInput{
			QueueUrl:            &q.URL,
			MaxNumberOfMessages: atOnce,
			VisibilityTimeout:   int32(q.Visible.Seconds()),
			WaitTimeSeconds:     longPoll,
		}
		if len(l.messages) > 0 {
			in.WaitTimeSeconds = 0
		}

		out, err := q.API.ReceiveMessage(ctx, in)
		if err != nil {
			return page, Refused(ctx, "sqs:ReceiveMessage", err)
		}
		for i := range out.Messages {
			m := &out.Messages[i]
			l.messages = append(l.messages, m)
			page.Bodies = append(page.Bodies, q.bodies(l, m)...)
		}

		if len(out.Messages) < atOnce {
			break
		}
	}

	if len(l.messages) > 0 {
		page.More, page.Done = true, l.delete
	}
	return page, nil
}

// bodies returns the files or events of a message.
func (q *Queue) bodies(l *lease, m *types.Message) (list []ingest.Body) {
	id := aws.ToString(m.MessageId)
	text := []byte(aws.ToString(m.Body))
	objects, event, known := ReadNotice(text)
	for _, o := range objects {
		file := q.File(o)
		if file == nil {
			continue
		}
		body, open := *file, file.Open
		body.Open = func(ctx context.Context) (io.ReadCloser, error) {
			l.extend(ctx)
			in, err := open(ctx)
			if err != nil {
				return nil, err
			}
			return &leased{in, ctx, l}, nil
		}

		body.Skip = func(err error) {
			l.fail(id)
			q.Log.Warn("file not read; its message will be received again", "file", body.Name, "err", err)
		}

		list = append(list, body)
	}

	if event || !known {
		list = append(list, q.Message("message "+id, text, event))
	}
	return list
}

// lease keeps the messages of a page invisible to other consumers.
type lease struct {
	q        *Queue
	messages []*types.Message

	mu       sync.Mutex
	extended time.Time
	failed   map[string]bool
}

func (l *lease) fail(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed[id] = true
}

// extend renews the visibility timeout when half of it is over. Errors do no harm: another
// consumer of the message reads the same files again.
func (l *lease) extend(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.q.Now().Sub(l.extended) < l.q.Visible/2 {
		return
	}
	l.extended = l.q.Now()
	for from := 0; from < len(l.messages); from += atOnce {
		in := &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &l.q.URL}
		for i, m := range l.messages[from:min(from+atOnce, len(l.messages))] {
			in.Entries = append(in.Entries, types.ChangeMessageVisibilityBatchRequestEntry{
				Id:                aws.String(strconv.Itoa(i)),
				ReceiptHandle:     m.ReceiptHandle,
				VisibilityTimeout: int32(l.q.Visible.Seconds()),
			})
		}
		if _, err := l.q.API.ChangeMessageVisibilityBatch(ctx, in); err != nil {
			l.q.Log.Debug("visibility not extended", "err", err)
		}
	}
}

// delete deletes the messages whose files are all in the event log.
func (l *lease) delete(ctx context.Context) error {
	var done []*types.Message
	for _, m := range l.messages {
		if !l.failed[aws.ToString(m.MessageId)] {
			done = append(done, m)
		}
	}
	for from := 0; from < len(done); from += atOnce {
		in := &sqs.DeleteMessageBatchInput{QueueUrl: &l.q.URL}
		for i, m := range done[from:min(from+atOnce, len(done))] {
			in.Entries = append(in.Entries, types.DeleteMessageBatchRequestEntry{
				Id:            aws.String(strconv.Itoa(i)),
				ReceiptHandle: m.ReceiptHandle,
			})
		}
		if _, err := l.q.API.DeleteMessageBatch(ctx, in); err != nil {
			return Refused(ctx, "sqs:DeleteMessage", err)
		}
	}
	return nil
}

// leased is a file that is read during a lease.
type leased struct {
	io.ReadCloser
	ctx context.Context
	l   *lease
}

func (r *leased) Read(p []byte) (int, error) {
	r.l.extend(r.ctx)
	return r.ReadCloser.Read(p)
}

// Location is the place of an object.
type Location struct {
	Bucket, Key string
	ETag        string // of its content, without quotes; "" if it is not known
}

// notice has the fields of all shapes of notifications.
type notice struct {
	Type     string
	TopicArn string
	Message  *string
	Event    string
	Records  []struct {
		EventSource string `json:"eventSource"`
		EventName   string `json:"eventName"`
		S3          struct {
			Bucket struct{ Name string }
			Object struct {
				Key  string
				Size *int64
				ETag string
			}
		}
	}
	Bucket     string   `json:"s3Bucket"`
	Keys       []string `json:"s3ObjectKey"`
	DetailType string   `json:"detail-type"`
	Source     string
	Detail     struct {
		Bucket struct{ Name string }
		Object struct{ Key, ETag string }
	}
}

// ReadNotice returns the files named in a message, or whether it is an event of CloudTrail itself.
// Known is false for messages of an unknown shape; test messages of S3 and SNS are known, and
// name nothing. See docs/sources/aws_cloudtrail.md for the shapes.
func ReadNotice(b []byte) (files []Location, event, known bool) {
	var n notice
	for range 2 { // once more for the content of an SNS envelope
		n = notice{}
		if json.Unmarshal(b, &n) != nil {
			return nil, false, strings.TrimSpace(string(b)) == "CloudTrail validation message."
		}
		if n.Message == nil || n.Type != "Notification" && n.TopicArn == "" {
			break
		}
		b = []byte(*n.Message)
	}

	switch {
	case n.Event == "s3:TestEvent":
		return nil, false, true
	case len(n.Records) > 0:
		for _, r := range n.Records {
			if r.EventSource != "aws:s3" {
				return nil, false, false
			}
			if !strings.HasPrefix(r.EventName, "ObjectCreated:") || r.S3.Object.Size != nil && *r.S3.Object.Size == 0 {
				continue
			}
			key, err := url.QueryUnescape(r.S3.Object.Key)
			if err != nil {
				return nil, false, false
			}
			files = append(files, Location{r.S3.Bucket.Name, key, strings.Trim(r.S3.Object.ETag, `"`)})
		}
		return files, false, true

	case n.Bucket != "" && len(n.Keys) > 0:
		for _, key := range n.Keys {
			files = append(files, Location{Bucket: n.Bucket, Key: key})
		}
		return files, false, true

	case n.DetailType == "Object Created" && n.Source == "aws.s3":
		return []Location{{n.Detail.Bucket.Name, n.Detail.Object.Key, strings.Trim(n.Detail.Object.ETag, `"`)}}, false, true
	case strings.HasSuffix(n.DetailType, " via CloudTrail"):
		return nil, true, true
	}

	return nil, false, false
}
