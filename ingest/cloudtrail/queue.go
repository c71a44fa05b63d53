package cloudtrail

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/storage"
)

// newQueue returns a queue of notifications about new log files, or of events.
func newQueue(api *sqs.Client, objects *s3.Client, url string, visible time.Duration, env ingest.Env) *storage.Queue {
	return &storage.Queue{
		API:     api,
		URL:     url,
		Now:     env.Now,
		Visible: visible,
		Log:     env.Log,
		File: func(o storage.Location) *ingest.Body {
			if !isLog(o.Key) {
				return nil
			}
			body := storage.File(objects, o.Bucket, o.Key)
			return &body
		},
		Message: func(name string, text []byte, event bool) ingest.Body {
			if event {
				return ingest.MemoryBody(name, eventRecord(text))
			}
			return ingest.MemoryBody(name, []byte(strconv.Quote(string(text)))) // kept as a dead letter
		},
	}
}

// eventRecord returns an event of EventBridge without the envelope of SNS, if it has one.
func eventRecord(b []byte) []byte {
	var n struct{ Message *string }
	if json.Unmarshal(b, &n) == nil && n.Message != nil {
		return []byte(*n.Message)
	}
	return b
}
