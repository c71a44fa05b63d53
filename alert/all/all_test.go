package all

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/mail"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/securityhub"
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/alerttest"
	hub "github.com/outflow/outflow/alert/securityhub"
	"github.com/outflow/outflow/alert/syslog"
	"github.com/outflow/outflow/alert/webhook"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/secret"
)

// overHTTP are the channels over HTTP: a response that they take for success, and the settings
// for an address.
var overHTTP = map[string]struct{ good, settings string }{
	"webhook":    {`{}`, `url: "%s/hook?x=1"` + "\nsecret: env:OUTFLOW_TEST_SECRET"},
	"slack":      {`{"ok":true,"channel":"C1","ts":"1.2"}`, `base_url: "%s"` + "\ntoken: env:OUTFLOW_TEST_SECRET\nchannel: C1"},
	"teams":      {``, `url: env:OUTFLOW_TEST_TEAMS`},
	"pagerduty":  {`{"status":"success"}`, `base_url: "%s"` + "\nkey: env:OUTFLOW_TEST_SECRET"},
	"splunk_hec": {`{"text":"Success","code":0}`, `url: "%s"` + "\ntoken: env:OUTFLOW_TEST_SECRET"},
	"elastic":    {`{"errors":false,"items":[{"create":{"status":201}}]}`, `url: "%s"` + "\napi_key: env:OUTFLOW_TEST_SECRET"},
	"jira": {
		`{"key":"SEC-1","issues":[{"key":"SEC-1"}]}`,
		`url: "%s"` + "\nuser: outflow@acme.example\ntoken: env:OUTFLOW_TEST_SECRET\nproject: SEC\ndeployment: cloud",
	},
	"servicenow": {`{"result":{"sys_id":"abc"}}`, `url: "%s"` + "\nuser: outflow\npassword: env:OUTFLOW_TEST_SECRET"},
}

// others have tests of their own below.
var others = map[string]bool{"email": true, "syslog": true, "kafka": true, "sns": true, "securityhub": true}

// TestChannels tests every channel, so that none is left out.
func TestChannels(t *testing.T) {
	for _, kind := range Kinds {
		c, known := overHTTP[kind.Name]
		if !known {
			if !others[kind.Name] {
				t.Errorf("%s is not tested", kind.Name)
			}
			continue
		}
		t.Run(kind.Name, func(t *testing.T) {
			alerttest.HTTP(t, kind, c.good, func(url string) string {
				t.Setenv("OUTFLOW_TEST_TEAMS", url+"/workflows/"+alerttest.Secret+"?sig="+alerttest.Secret)
				if strings.Contains(c.settings, "%s") {
					return fmt.Sprintf(c.settings, url)
				}
				return c.settings
			})
		})
	}
}

func kindOf(name string) alert.Kind {
	for _, k := range Kinds {
		if k.Name == name {
			return k
		}
	}
	panic(name)
}

// one sends one message through a channel over HTTP and returns the request.
func one(t *testing.T, name string, m *alert.Message) alerttest.Request {
	t.Helper()
	return oneWith(t, name, "", m)
}

// oneWith is one with another value of a setting.
func oneWith(t *testing.T, name, more string, m *alert.Message) alerttest.Request {
	t.Helper()
	t.Setenv("OUTFLOW_TEST_SECRET", alerttest.Secret)
	r := alerttest.NewReceiver(t, overHTTP[name].good)
	t.Setenv("OUTFLOW_TEST_TEAMS", r.URL+"/x")
	settings := overHTTP[name].settings
	if strings.Contains(settings, "%s") {
		settings = fmt.Sprintf(settings, r.URL)
	}
	if name, _, ok := strings.Cut(more, ":"); ok {
		settings = regexp.MustCompile("(?m)^"+name+":.*$").ReplaceAllString(settings, more)
	}
	n := alerttest.Open(t, kindOf(name), settings)
	if _, err := n.Notify(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	list := r.Take()
	if len(list) != 1 {
		t.Fatalf("%d requests", len(list))
	}
	return list[0]
}

// TestSlackText checks that nothing is formatted or linked.
func TestSlackText(t *testing.T) {
	got := one(t, "slack", &alert.Message{Alert: alerttest.Alert()})
	var m struct {
		Text   string
		Blocks []struct {
			Type   string
			Text   struct{ Type, Text string }
			Fields []struct{ Type string }
		}
	}
	if err := json.Unmarshal(got.Body, &m); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(m.Text, "<>") || got.Path != "/api/chat.postMessage" {
		t.Errorf("%s %q", got.Path, m.Text)
	}
	for _, b := range m.Blocks {
		if b.Text.Type != "" && b.Text.Type != "plain_text" || len(b.Text.Text) > 3000 {
			t.Errorf("a block of %s with %d bytes", b.Text.Type, len(b.Text.Text))
		}
		for _, f := range b.Fields {
			if f.Type != "plain_text" {
				t.Errorf("a field of %s", f.Type)
			}
		}
	}
}

// slackChannel is a channel of Slack: messages by their ts, with the ts of their thread.
type slackChannel struct {
	threads map[string]string
	texts   map[string]string
	missing string // ts of a message that somebody has deleted
	said    []string
}

// answer returns what Slack answers to a request.
func (c *slackChannel) answer(r *http.Request) (int, http.Header, string) {
	var q struct {
		TS, Text, Channel string
		Thread            string `json:"thread_ts"`
		Broadcast         bool   `json:"reply_broadcast"`
	}
	body, _ := io.ReadAll(r.Body)
	if json.Unmarshal(body, &q) != nil || q.Channel != "C1" {
		return 200, nil, `{"ok":false,"error":"invalid_arguments"}`
	}
	switch {
	case q.TS != "" && q.TS == c.missing, q.Thread != "" && q.Thread == c.missing:
		return 200, nil, `{"ok":false,"error":"message_not_found"}`
	case r.URL.Path == "/api/chat.postMessage":
		q.TS = fmt.Sprintf("%d.0", len(c.threads)+1)
		c.threads[q.TS] = q.Thread
	}
	c.texts[q.TS] = q.Text
	c.said = append(c.said, fmt.Sprintf("%s %s %s %v", strings.TrimPrefix(r.URL.Path, "/api/chat."), q.TS, q.Thread, q.Broadcast))
	return 200, nil, fmt.Sprintf(`{"ok":true,"channel":"C1","ts":%q}`, q.TS)
}

// TestSlackThreads updates the first message about an alert and replies in its thread; alerts of one case
// share the thread of the first.
func TestSlackThreads(t *testing.T) {
	t.Setenv("OUTFLOW_TEST_SECRET", alerttest.Secret)
	r := alerttest.NewReceiver(t, "")
	c := &slackChannel{threads: map[string]string{}, texts: map[string]string{}}
	r.Set(c.answer)
	n := alerttest.Open(t, kindOf("slack"), fmt.Sprintf(overHTTP["slack"].settings, r.URL))
	send := func(m *alert.Message, want ...string) string {
		t.Helper()
		c.said = nil
		ref, err := n.Notify(t.Context(), m)
		if err != nil || !slices.Equal(c.said, want) {
			t.Errorf("%v, %v; want %q", c.said, err, want)
		}
		return ref
	}
	a := alerttest.Alert()
	first := send(&alert.Message{Alert: a}, "postMessage 1.0  false")
	a.Revision, a.Observed = 2, 200
	before := &alert.Told{Revision: 1, Severity: alert.High, Observed: 120, Unit: "files"}
	if ref := send(&alert.Message{Alert: a, Ref: first, Before: before},
		"update 1.0  false", "postMessage 2.0 1.0 false"); ref != first {
		t.Errorf("the reference becomes %q", ref)
	}
	if got := c.texts["2.0"]; !strings.Contains(got, "Grew from 120 to 200 files.") {
		t.Errorf("the reply says %q", got)
	}
	other := alerttest.Alert()
	other.ID, other.Severity = "1bcdef0123456789abcdef0123456789", alert.Critical
	second := send(&alert.Message{Alert: other, Case: first}, "postMessage 3.0 1.0 true")
	before = &alert.Told{Severity: alert.High}
	send(&alert.Message{Alert: other, Case: first, Ref: second, Before: before}, "update 3.0  false", "postMessage 4.0 1.0 true")
	third := alerttest.Alert()
	third.Severity = alert.Medium
	send(&alert.Message{Alert: third, Case: second}, "postMessage 5.0 1.0 false")

	c.missing = "1.0"
	if ref := send(&alert.Message{Alert: a, Ref: first, Before: before}, "postMessage 6.0  false"); ref != "C1 6.0" {
		t.Errorf("the reference becomes %q", ref)
	}
	send(&alert.Message{Alert: other, Case: first}, "postMessage 7.0  false")
}

// TestTeamsText checks that Markdown of adaptive cards is escaped.
func TestTeamsText(t *testing.T) {
	got := alerttest.Text(one(t, "teams", &alert.Message{Alert: alerttest.Alert()}).Body)
	for _, bad := range []string{"[x](", "*b*", "<script"} {
		if strings.Contains(got, bad) {
			t.Errorf("%q arrives: %s", bad, got)
		}
	}
}

// TestTickets checks that no text is markup in Jira, or begins HTML in ServiceNow.
func TestTickets(t *testing.T) {
	a := alerttest.Alert()
	a.Reason = "x {noformat} {NoFormat:title=x} [code]<b>y</b>[/code] [ Code ] {color:red} { noformat"
	m := &alert.Message{Alert: a, Link: "https://outflow.example/alerts/1"}
	var cloud struct {
		Fields struct{ Description any }
	}
	if err := json.Unmarshal(one(t, "jira", m).Body, &cloud); err != nil {
		t.Fatal(err)
	}
	checkDocument(t, cloud.Fields.Description, m.Link)
	got := alerttest.Text(oneWith(t, "jira", "deployment: data_center", m).Body)
	if n := strings.Count(strings.ToLower(strings.ReplaceAll(got, " ", "")), "{noformat"); n != 2 {
		t.Errorf("%d marks: %s", n, got)
	}
	m.Ref = "abc"
	got = alerttest.Text(one(t, "servicenow", m).Body)
	if strings.Contains(strings.ToLower(strings.ReplaceAll(got, " ", "")), "[code]") {
		t.Error(got)
	}
}

// checkDocument checks that a document of Jira has paragraphs of texts without marks, but for the link.
func checkDocument(t *testing.T, doc any, link string) {
	t.Helper()
	var walk func(v any)
	walk = func(v any) {
		n, _ := v.(map[string]any)
		switch n["type"] {
		case "doc", "paragraph", "hardBreak":
		case "text":
			if n["text"] == "" || n["marks"] != nil && n["text"] != link {
				t.Errorf("a text %v", n)
			}
		default:
			t.Errorf("a node of type %v", n["type"])
		}
		content, _ := n["content"].([]any)
		if n["type"] == "paragraph" && len(content) == 0 {
			t.Error("an empty paragraph, which Jira refuses")
		}
		for _, c := range content {
			walk(c)
		}
	}
	walk(doc)
	if n, _ := doc.(map[string]any); n["type"] != "doc" || n["version"] != 1.0 {
		t.Errorf("no document: %v", doc)
	}
}

// TestTeamsSize keeps a card within what Teams takes, whatever it is about.
func TestTeamsSize(t *testing.T) {
	a := alerttest.Alert()
	a.Reason = strings.Repeat("<", 50_000)
	for i := range a.Facts {
		a.Facts[i].Text = strings.Repeat("&", 5_000)
	}
	if n := len(one(t, "teams", &alert.Message{Alert: a}).Body); n > 28<<10 {
		t.Errorf("%d bytes", n)
	}
}

// TestWebhookSignature checks a signature as a receiver does.
func TestWebhookSignature(t *testing.T) {
	a := alerttest.Alert()
	got := one(t, "webhook", &alert.Message{Alert: a})
	at, v1, _ := strings.Cut(strings.TrimPrefix(got.Header.Get("X-Outflow-Signature"), "t="), ",v1=")
	if at != strconv.FormatInt(alerttest.Now.Unix(), 10) || v1 != webhook.Sign(secret.New(alerttest.Secret), at, got.Body) ||
		v1 == webhook.Sign(secret.New("other"), at, got.Body) {
		t.Error(got.Header)
	}
	if got.Header.Get("Idempotency-Key") != a.ID+".1" || got.Path != "/hook?x=1" {
		t.Error(got.Header, got.Path)
	}
}

// TestPagerDuty triggers with the alert's id, and resolves withdrawn alerts.
func TestPagerDuty(t *testing.T) {
	a := alerttest.Alert()
	for _, withdrawn := range []bool{false, true} {
		a.Withdrawn = withdrawn
		var e struct {
			Key    string `json:"dedup_key"`
			Action string `json:"event_action"`
		}
		if err := json.Unmarshal(one(t, "pagerduty", &alert.Message{Alert: a}).Body, &e); err != nil || e.Key != a.ID ||
			(e.Action == "resolve") != withdrawn {
			t.Errorf("%+v, %v", e, err)
		}
	}
}

// TestElasticRefused tells a rejected document from an index that is busy.
func TestElasticRefused(t *testing.T) {
	t.Setenv("OUTFLOW_TEST_SECRET", alerttest.Secret)
	for kind, c := range map[string]struct {
		status        int
		ok, permanent bool
	}{
		"document_parsing_exception":        {400, false, true},
		"strict_dynamic_mapping_exception":  {400, false, true},
		"illegal_argument_exception":        {400, false, false}, // about the index: a person can mend it
		"index_not_found_exception":         {404, false, false},
		"version_conflict_engine_exception": {409, true, false}, // it is there
		"es_rejected_execution_exception":   {429, false, false},
		"unavailable_shards_exception":      {503, false, false},
	} {
		r := alerttest.NewReceiver(t, fmt.Sprintf(
			`{"errors":true,"items":[{"create":{"status":%d,"error":{"type":%q,"reason":"why"}}}]}`, c.status, kind))
		n := alerttest.Open(t, kindOf("elastic"), fmt.Sprintf(overHTTP["elastic"].settings, r.URL))
		_, err := n.Notify(t.Context(), &alert.Message{Alert: alerttest.Alert()})
		if (err == nil) != c.ok || alert.IsPermanent(err) != c.permanent {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// TestInterrupted finds the issue of an interrupted attempt, and adds nothing to it. Where nothing can be looked up, the
// message is sent, marked as a possible repeat.
func TestInterrupted(t *testing.T) {
	t.Setenv("OUTFLOW_TEST_SECRET", alerttest.Secret)
	for name, lookup := range map[string]string{"jira": "/rest/api/3/search/jql", "servicenow": "/api/now/table/incident?"} {
		const found = `{"key":"SEC-1","issues":[{"key":"SEC-1"}],"result":[{"sys_id":"abc"}]}`
		r := alerttest.NewReceiver(t, found)
		n := alerttest.Open(t, kindOf(name), fmt.Sprintf(overHTTP[name].settings, r.URL))
		m := &alert.Message{Alert: alerttest.Alert(), Repeat: true}
		ref, err := n.Notify(t.Context(), m)
		list := r.Take()
		if err != nil || len(list) != 1 || !strings.HasPrefix(list[0].Path, lookup) || ref != "SEC-1" && ref != "abc" {
			t.Errorf("%s: %q %v %v", name, ref, err, list)
		}
		for status, sent := range map[int]bool{410: true, 404: true, 403: true, 503: false, 429: false} {
			r.Set(func(req *http.Request) (int, http.Header, string) {
				if strings.HasPrefix(req.URL.RequestURI(), lookup) {
					return status, nil, `{"errorMessages":["The requested API has been removed."]}`
				}
				return 201, nil, overHTTP[name].good
			})
			_, err := n.Notify(t.Context(), m)
			list := r.Take()
			if (err == nil) != sent || alert.IsPermanent(err) || sent &&
				(len(list) != 2 || !strings.Contains(string(list[1].Body), "Possible repeat")) {
				t.Errorf("%s, look-up %d: %v %v", name, status, err, list)
			}
		}
	}
}

// TestEmail sends a mail whose headers and HTML an attacker's text does not change.
func TestEmail(t *testing.T) {
	address, got := alerttest.SMTP(t, "")
	n := alerttest.Open(t, kindOf("email"), "server: \""+address+"\"\ntls: none\nfrom: outflow@acme.example\nto: [soc@acme.example]")
	a := alerttest.Alert()
	a.Title = "Bulk download\r\nBcc: x@evil.example"
	sent := &alert.Message{Alert: a, Link: "https://outflow.example/alerts/1", Case: "c1.1", Ref: "r1.2"}
	if ref, err := n.Notify(t.Context(), sent); err != nil || ref != "r1.2" {
		t.Fatal(ref, err)
	}
	m, err := mail.ReadMessage(strings.NewReader(<-got))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || !strings.HasPrefix(subject, "[Outflow] HIGH Bulk download") || m.Header.Get("Bcc") != "" ||
		m.Header.Get("Message-ID") != "<"+a.ID+".1@acme.example>" || m.Header.Get("In-Reply-To") != "<r1.2@acme.example>" ||
		m.Header.Get("References") != "<c1.1@acme.example> <r1.2@acme.example>" {
		t.Errorf("%q %v", subject, m.Header)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	kinds := []string{}
	for {
		p, err := parts.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, strings.SplitN(p.Header.Get("Content-Type"), ";", 2)[0])
		alerttest.Check(t, sent, string(body), true)
		if text := string(body); strings.Contains(p.Header.Get("Content-Type"), "html") &&
			(strings.Contains(text, "<script") || !strings.Contains(text, "&lt;script")) || strings.ContainsAny(text, "\x1b\u202e") {
			t.Errorf("%s", text)
		}
	}
	if fmt.Sprint(kinds) != "[text/plain text/html]" {
		t.Error(kinds)
	}
	for refusal, permanent := range map[string]bool{"550 no such mailbox": true, "451 later": false} {
		address, _ := alerttest.SMTP(t, refusal)
		n := alerttest.Open(t, kindOf("email"), "server: \""+address+"\"\ntls: none\nfrom: outflow@acme.example\nto: [soc@acme.example]")
		if _, err := n.Notify(t.Context(), &alert.Message{Alert: a}); err == nil || alert.IsPermanent(err) != permanent {
			t.Errorf("%s: %v", refusal, err)
		}
	}
	address, _ = alerttest.SMTP(t, "")
	n = alerttest.Open(t, kindOf("email"), "server: \""+address+"\"\nfrom: outflow@acme.example\nto: [soc@acme.example]")
	if _, err := n.Notify(t.Context(), &alert.Message{Alert: a}); err == nil {
		t.Error("it sends in the clear where STARTTLS is wanted")
	}
}

// TestSyslog checks framing by length, and that no field becomes another.
func TestSyslog(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	got := make(chan string, 1)
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		b, _ := io.ReadAll(conn)
		conn.Close()
		got <- string(b)
	}()
	n := alerttest.Open(t, kindOf("syslog"), "server: \""+ln.Addr().String()+"\"")
	a := alerttest.Alert()
	a.Evidence[0].Title = "a|b\\c\nd"
	if _, err := n.Notify(t.Context(), &alert.Message{Alert: a}); err != nil {
		t.Fatal(err)
	}
	text := <-got
	alerttest.Check(t, &alert.Message{Alert: a}, text, true)
	size, rest, _ := strings.Cut(text, " ")
	if size != strconv.Itoa(len(rest)) || strings.ContainsAny(rest, "\n\r\x1b") ||
		!strings.HasPrefix(rest, "<107>1 2026-03-02T12:00:00.000Z ") {
		t.Errorf("%q", text)
	}
	_, cef, _ := strings.Cut(rest, "CEF:")
	if !strings.Contains(cef, `|bulk_download|a\|b\\c·d|8|`) || strings.Contains(cef, " suser=root") ||
		!strings.Contains(cef, `|suser\=root`) {
		t.Errorf("%q", cef)
	}
	ln.Close()
	if _, err := n.Notify(t.Context(), &alert.Message{Alert: a}); err == nil {
		t.Error("nobody is there, and it is no error")
	}
	if s := syslog.Format(&alert.Message{Alert: a}, "host name]\n", "v|1", 0); !strings.Contains(s, " host_name]_ outflow ") ||
		!strings.Contains(s, `|v\|1|`) {
		t.Error(s)
	}
}

// TestKafka writes OCSF to a topic of a broker.
func TestKafka(t *testing.T) {
	brokers := os.Getenv("OUTFLOW_KAFKA")
	if brokers == "" {
		t.Skip("no broker: OUTFLOW_KAFKA is not set (.ci/kafka/broker starts one)")
	}
	topic := fmt.Sprintf("alerts-%d", time.Now().UnixNano())
	n := alerttest.Open(t, kindOf("kafka"), "brokers: ["+strings.Join(quoted(strings.Split(brokers, ",")), ", ")+"]\ntopic: "+topic)
	a := alerttest.Alert()
	if _, err := n.Notify(t.Context(), &alert.Message{Alert: a}); err != nil {
		t.Fatal(err)
	}
	cluster, err := eventlog.OpenCluster(eventlog.KafkaConfig{Brokers: strings.Split(brokers, ","), Replication: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	log, err := cluster.Log(t.Context(), topic, 1)
	if err != nil {
		t.Fatal(err)
	}
	recs, err := log.Read(t.Context(), 0, 0, 10)
	if err != nil || len(recs) != 1 || recs[0].Key != a.ID || !strings.Contains(string(recs[0].Value), `"class_uid":2004`) {
		t.Errorf("%v %v", recs, err)
	}
}

func quoted(list []string) (out []string) {
	for _, s := range list {
		out = append(out, strconv.Quote(s))
	}
	return out
}

// TestAWS publishes to a topic and imports a finding, at an AWS endpoint.
func TestAWS(t *testing.T) {
	endpoint := os.Getenv("OUTFLOW_AWS")
	if endpoint == "" {
		t.Skip("OUTFLOW_AWS, the address of an AWS endpoint, is not set: .ci/aws starts one")
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "x")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "y")
	conf, err := config.LoadDefaultConfig(t.Context(), config.WithRegion("eu-west-1"), config.WithBaseEndpoint(endpoint))
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("t%d", time.Now().UnixNano())
	topics, queues := awssns.NewFromConfig(conf), sqs.NewFromConfig(conf)
	topic, err := topics.CreateTopic(t.Context(), &awssns.CreateTopicInput{Name: &name})
	if err != nil {
		t.Fatal(err)
	}
	queue, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := topics.Subscribe(t.Context(), &awssns.SubscribeInput{
		TopicArn: topic.TopicArn,
		Protocol: aws.String("sqs"),
		Endpoint: aws.String("arn:aws:sqs:eu-west-1:123456789012:" + name),
	}); err != nil {
		t.Fatal(err)
	}
	a := alerttest.Alert()
	n := alerttest.Open(t, kindOf("sns"), fmt.Sprintf("base_url: %q\ntopic_arn: %q", endpoint, *topic.TopicArn))
	if _, err := n.Notify(t.Context(), &alert.Message{Alert: a}); err != nil {
		t.Fatal(err)
	}
	receive := &sqs.ReceiveMessageInput{QueueUrl: queue.QueueUrl, WaitTimeSeconds: 20}
	got, err := queues.ReceiveMessage(t.Context(), receive)
	for again := 0; err == nil && len(got.Messages) == 0 && again < 3; again++ { // the endpoint may be slow
		got, err = queues.ReceiveMessage(t.Context(), receive)
	}
	if err != nil || len(got.Messages) != 1 || !strings.Contains(*got.Messages[0].Body, a.ID) {
		t.Errorf("%v %v", got, err)
	}
	findings := securityhub.NewFromConfig(conf)
	if _, err := findings.EnableSecurityHub(t.Context(), &securityhub.EnableSecurityHubInput{}); err != nil &&
		!strings.Contains(err.Error(), "already") {
		t.Fatal(err)
	}
	n = alerttest.Open(t, kindOf("securityhub"), fmt.Sprintf("base_url: %q\nregion: eu-west-1\naccount: \"123456789012\"", endpoint))
	if _, err := n.Notify(t.Context(), &alert.Message{Alert: a}); err != nil {
		t.Fatal(err)
	}
	have, err := findings.GetFindings(t.Context(), &securityhub.GetFindingsInput{})
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for i := range have.Findings {
		found = found || aws.ToString(have.Findings[i].Id) == a.ID
	}
	if !found {
		t.Errorf("%d findings, none of them ours", len(have.Findings))
	}
}

// TestSNS publishes an alert with as many of its items as a message may have bytes.
func TestSNS(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "x")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "y")
	r := alerttest.NewReceiver(t, `<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>`)
	n := alerttest.Open(t, kindOf("sns"), fmt.Sprintf("base_url: %q\ntopic_arn: \"arn:aws:sns:eu-west-1:123456789012:t\"", r.URL))
	a := alerttest.Alert()
	many := a
	many.Evidence = slices.Clone(a.Evidence)
	for i := range alert.MaxItems {
		x := a.Evidence[0].Items[0]
		x.RecordID, x.Object.ID = strconv.Itoa(i), strings.Repeat("x", 2000)
		many.Evidence[0].Items = append(many.Evidence[0].Items, x)
	}
	for _, a := range []alert.Alert{a, many} {
		m := &alert.Message{Alert: a}
		if _, err := n.Notify(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		form, err := url.ParseQuery(string(r.Take()[0].Body))
		body := form.Get("Message")
		if err != nil || len(body) > 256<<10 || len(form.Get("Subject")) > 100 {
			t.Fatalf("%d bytes, %v", len(body), err)
		}
		alerttest.Check(t, m, alerttest.Text([]byte(body)), false)
	}
}

// TestMasked checks that what the channels without a suite of their own send to readers under pseudonyms
// has the headline, facts and items, and no name.
func TestMasked(t *testing.T) {
	a := alerttest.Alert()
	m := &alert.Message{Alert: alerttest.Mask().Alert(&a)}
	alerttest.Check(t, m, syslog.Format(m, "host", "test", 0), true)
	body, err := json.Marshal(hub.Finding(m, "eu-west-1", "123456789012", alerttest.Now))
	if err != nil {
		t.Fatal(err)
	}
	alerttest.Check(t, m, alerttest.Text(body), true)
	if body, err = alert.OCSF(m, "test"); err != nil {
		t.Fatal(err)
	}
	if text := string(body); strings.Contains(text, "Ruiz") || strings.Contains(text, "dana") {
		t.Errorf("OCSF has the name: %s", text)
	}
	address, got := alerttest.SMTP(t, "")
	n := alerttest.Open(t, kindOf("email"), "server: \""+address+"\"\ntls: none\nfrom: outflow@acme.example\nto: [soc@acme.example]")
	if _, err := n.Notify(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	mail, err := mail.ReadMessage(strings.NewReader(<-got))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(quotedprintable.NewReader(mail.Body))
	if err != nil {
		t.Fatal(err)
	}
	alerttest.Check(t, m, string(raw)+mail.Header.Get("Subject"), true)
}

// TestASFF checks the limits of the format, which moto does not check.
func TestASFF(t *testing.T) {
	a := alerttest.Alert()
	a.Reason = strings.Repeat("x", 5000)
	m := &alert.Message{Alert: a}
	f := hub.Finding(m, "eu-west-1", "123456789012", alerttest.Now)
	body, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	alerttest.Check(t, m, alerttest.Text(body), true)
	if utf8.RuneCountInString(*f.Title) > 256 || utf8.RuneCountInString(*f.Description) > 1024 || len(f.Resources) != 1 ||
		*f.ProductArn != "arn:aws:securityhub:eu-west-1:123456789012:product/123456789012/default" {
		t.Errorf("%+v", f)
	}
}
