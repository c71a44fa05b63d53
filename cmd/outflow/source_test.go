package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/cmd/outflow/internal/awstest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// oktaServer is a System Log with so many sign-ins, a page each; it refuses other
// tokens than good.
func oktaServer(t *testing.T, events int) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "SSWS good" {
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, `{"errorCode":"E0000006","errorSummary":"You do not have permission to perform the requested action"}`)
			return
		}
		n, _ := strconv.Atoi(r.URL.Query().Get("after"))
		w.Header().Add("Link", fmt.Sprintf(`<http://%s/api/v1/logs?after=%d>; rel="next"`, r.Host, min(n+1, events)))
		if n == events {
			io.WriteString(w, "[]")
			return
		}
		at := time.Now().Add(-time.Duration(events-n) * time.Minute).UTC().Format(time.RFC3339)
		fmt.Fprintf(w, `[{"uuid":"u%d","published":%q,"eventType":"user.session.start","actor":{"id":"a","type":"User","alternateId":"kim@northwind.example"},"outcome":{"result":"SUCCESS"},"client":{"ipAddress":"198.51.100.17"},"target":[]}]`, n, at)
	}))
	t.Cleanup(s.Close)
	return s
}

// sourceConfigFile writes a configuration with one source.
func sourceConfigFile(t *testing.T, source string) string {
	path := filepath.Join(t.TempDir(), "outflow.yaml")
	if err := os.WriteFile(path, []byte("data_dir: ./data\nsources:\n  - "+source+"\nchannels:\n  - {name: out, kind: file, path: notifications.ndjson}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// outflow runs the program and returns what it prints.
func outflow(args ...string) (code int, stdout, stderr string) {
	var o, e bytes.Buffer
	code = run(args, &o, &e)
	return code, o.String(), e.String()
}

// TestSourceCommands tests a source, reads it, shows how far it was read, and has it
// read again.
func TestSourceCommands(t *testing.T) {
	server := oktaServer(t, 5)
	t.Setenv("OKTA_TOKEN", "good")
	config := sourceConfigFile(t, fmt.Sprintf("{name: staff, kind: okta, base_url: %q, token: \"env:OKTA_TOKEN\", allow_networks: [127.0.0.1]}", server.URL))
	code, out, errs := outflow("source", "test", "staff", "--config", config)
	if code != exitFine || !strings.Contains(out, "logs: it answers; 1 event, 0 records") || !strings.Contains(out, "kim@northwind.example  login_success  user.session.start") {
		t.Fatalf("%d %s %s", code, out, errs)
	}
	guarded := sourceConfigFile(t, fmt.Sprintf("{name: staff, kind: okta, base_url: %q, token: \"env:OKTA_TOKEN\"}", server.URL))
	if code, out, errs = outflow("source", "test", "staff", "--config", guarded); code != exitFailed || !strings.Contains(out+errs, "allow_networks") {
		t.Errorf("a private address was reached: %d %s %s", code, out, errs)
	}
	once(t, config)
	code, out, errs = outflow("source", "state", "show", "--config", config, "--format", "json")
	var states []struct {
		Events int
		Cursor struct{ Next string }
	}
	if err := json.Unmarshal([]byte(out), &states); code != exitFine || err != nil || len(states) != 1 || states[0].Events != 5 || !strings.HasSuffix(states[0].Cursor.Next, "after=5") {
		t.Fatalf("%d %s %s %v", code, out, errs, err)
	}
	for _, args := range [][]string{{"reset", "staff"}, {"set", "staff", "logs", fmt.Sprintf(`{"next":"%s/api/v1/logs?after=3"}`, server.URL)}} {
		if code, out, errs = outflow(append([]string{"source", "state", "--config", config}, args...)...); code != exitFine {
			t.Fatalf("%d %s %s", code, out, errs)
		}
	}
	once(t, config)
	if code, out, _ = outflow("source", "state", "show", "--config", config); code != exitFine || !strings.Contains(out, "fine") || !strings.Contains(out, " 7 ") { // two of them once more
		t.Errorf("%d %s", code, out)
	}
	for _, args := range [][]string{{"reset", "nobody"}, {"set", "staff", "logs", "{"}} {
		if code, _, _ = outflow(append([]string{"source", "state", "--config", config}, args...)...); code == exitFine {
			t.Errorf("%v: no error", args)
		}
	}
}

// TestSourceRefused tells what a vendor says and what that means, and judges what other
// sources have all the same.
func TestSourceRefused(t *testing.T) {
	long(t)
	server := oktaServer(t, 5)
	t.Setenv("OKTA_TOKEN", "hunter2-hunter2")
	exports, err := filepath.Abs("../../examples/acme")
	if err != nil {
		t.Fatal(err)
	}
	config := sourceConfigFile(t, fmt.Sprintf("{name: staff, kind: okta, base_url: %q, token: \"env:OKTA_TOKEN\", allow_networks: [127.0.0.1]}\n  - {name: exports, kind: files, paths: [%q]}", server.URL, exports))
	code, out, errs := outflow("source", "test", "staff", "--config", config)
	if code != exitFailed || !strings.Contains(out, "You do not have permission") || !strings.Contains(out, "a permission, a scope or a licence is missing") {
		t.Errorf("%d %s %s", code, out, errs)
	}
	code, out2, errs2 := outflow("run", "--config", config, "--once")
	if code != exitFailed || !strings.Contains(errs2, "source staff, logs: GET /api/v1/logs: 403") {
		t.Errorf("%d %s", code, errs2)
	}
	if got, want := notified(t, filepath.Dir(config)), scannedLines(t, exports); got != want {
		t.Error("what the files hold is not told")
	}
	if all := out + errs + out2 + errs2; strings.Contains(all, "hunter2") {
		t.Errorf("the token is in the output:\n%s", all)
	}
}

// trail puts exports into a bucket whose queue tells of them, under names as those of
// CloudTrail's files: what a file is its content says.
func trail(t *testing.T, endpoint string, exports map[string][]byte) (source string) {
	t.Helper()
	ctx := t.Context()
	conf := awstest.Config(t, endpoint)
	objects, name := awstest.NewBucket(t, conf)
	queues := sqs.NewFromConfig(conf)
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	queue, err := queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name})
	check(err)
	at, err := queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: queue.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{"QueueArn"},
	})
	check(err)
	_, err = objects.PutBucketNotificationConfiguration(ctx, &s3.PutBucketNotificationConfigurationInput{
		Bucket: &name,
		NotificationConfiguration: &s3types.NotificationConfiguration{
			QueueConfigurations: []s3types.QueueConfiguration{{
				QueueArn: aws.String(at.Attributes["QueueArn"]), Events: []s3types.Event{"s3:ObjectCreated:*"},
			}},
		},
	})
	check(err)
	for _, path := range slices.Sorted(maps.Keys(exports)) {
		var body bytes.Buffer
		z := gzip.NewWriter(&body)
		z.Write(exports[path])
		z.Close()
		key := "AWSLogs/210987654321/CloudTrail/eu-west-1/2026/03/02/" + strings.NewReplacer("/", "_", " ", "+").Replace(path) + ".json.gz"
		_, err := objects.PutObject(ctx, &s3.PutObjectInput{Bucket: &name, Key: &key, Body: bytes.NewReader(body.Bytes())})
		check(err)
	}
	return fmt.Sprintf("{name: trail, kind: aws_cloudtrail, base_url: %q, region: eu-west-1, queue_url: %q, visibility_timeout: 2s, since: 2026-01-01}", endpoint, *queue.QueueUrl)
}

// TestQueueKills kills the daemon while it reads files from S3 that a queue tells of, at
// every line between two durable effects and at random, and lets it go on: it tells
// what a scan of the files tells. Messages that a killed one held come again soon.
func TestQueueKills(t *testing.T) {
	long(t)
	endpoint := os.Getenv("OUTFLOW_AWS")
	if endpoint == "" {
		t.Skip("OUTFLOW_AWS, the address of an AWS endpoint, is not set: .ci/aws starts one")
	}
	files := map[string][]byte{}
	err := filepath.WalkDir("../../examples/acme", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	config := sourceConfigFile(t, trail(t, endpoint, files))
	want := told(t, scannedLines(t, "../../examples/acme"))
	kills := 0
	for _, at := range []string{
		"pull-appended", "pull-appended:20", "pull-noted", "pull-noted:7", "pull-read", "pull-advanced",
		"pull-advanced:2",
	} {
		if child(t, config, at, 0) {
			kills++
		}
	}
	for kills < 20 {
		if child(t, config, "", 50*time.Millisecond+time.Duration(rand.Int64N(int64(1500*time.Millisecond)))) {
			kills++
		}
	}
	child(t, config, "", 0)
	if got := told(t, notified(t, filepath.Dir(config))); got != want {
		t.Errorf("after %d kills it tells other alerts than a scan", kills)
	}
}
