package storage

import (
	"encoding/json"
	"slices"
	"testing"
)

// TestNotice reads every shape in which a notice comes.
func TestNotice(t *testing.T) {
	const log = "AWSLogs/1/CloudTrail/eu-west-1/2026/03/02/a b=c.json.gz"
	sns := func(message string) string {
		b, _ := json.Marshal(map[string]string{"Type": "Notification", "TopicArn": "arn:aws:sns:eu-west-1:1:x", "Message": message})
		return string(b)
	}
	s3n := `{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},` +
		`"object":{"key":"AWSLogs/1/CloudTrail/eu-west-1/2026/03/02/a+b%3Dc.json.gz","size":1}}}]}`
	trailn := `{"s3Bucket":"b","s3ObjectKey":["` + log + `","x%3D"]}`
	bridge := `{"detail-type":"AWS API Call via CloudTrail","source":"aws.iam","detail":{"eventName":"x"}}`
	for _, c := range []struct {
		body          string
		files         []Location
		record, known bool
	}{
		{s3n, []Location{{Bucket: "b", Key: log}}, false, true},
		{sns(s3n), []Location{{Bucket: "b", Key: log}}, false, true},
		{trailn, []Location{{Bucket: "b", Key: log}, {Bucket: "b", Key: "x%3D"}}, false, true}, // these are not encoded
		{sns(trailn), []Location{{Bucket: "b", Key: log}, {Bucket: "b", Key: "x%3D"}}, false, true},
		{
			`{"detail-type":"Object Created","source":"aws.s3","detail":{"bucket":{"name":"b"},"object":{"key":"a%3D","etag":"e1"}}}`,
			[]Location{{Bucket: "b", Key: "a%3D", ETag: "e1"}},
			false,
			true,
		},
		{`{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"b"}`, nil, false, true},
		{sns("CloudTrail validation message."), nil, false, true},
		{bridge, nil, true, true},
		{sns(bridge), nil, true, true},
		{
			`{"Records":[{"eventSource":"aws:s3","eventName":"ObjectRemoved:Delete","s3":{"bucket":{"name":"b"},"object":{"key":"a"}}}]}`,
			nil, false, true,
		},
		{
			`{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},` +
				`"object":{"key":"a","size":0}}}]}`,
			nil, false, true,
		},
		{`{"hello":1}`, nil, false, false},
		{`hello`, nil, false, false},
	} {
		files, record, known := ReadNotice([]byte(c.body))
		if !slices.Equal(files, c.files) || record != c.record || known != c.known {
			t.Errorf("%s: %v %v %v", c.body, files, record, known)
		}
	}
}
