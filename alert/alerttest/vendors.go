package alerttest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Answer is a response of a vendor, as its documentation has it.
type Answer struct {
	Status int               // of HTTP
	Header map[string]string // such as Retry-After
	Body   string            // as a whole
}

// Vendor is a receiver as its vendor's documentation describes it.
type Vendor struct {
	Settings string // in YAML; %s stands for its address
	// Take takes a request, counts what it tells in the ledger, and returns the answer; nil if it does not speak HTTP.
	Take func(l *Ledger, r *Request) Answer
	// Recorded are the vendor's answers when it fails. Those that it has none of its own for are like other servers'.
	Recorded map[Fault]Answer
	// Listen serves a connection of a protocol other than HTTP.
	Listen func(l *Ledger, conn net.Conn)
	// Mute is set if the receiver says nothing, so that it refuses nothing.
	Mute bool
}

// common are the answers of servers and gateways in general.
var common = map[Fault]Answer{
	Refused:     {Status: 400, Body: `{"error":"invalid request"}`},
	Throttled:   {Status: 429, Header: map[string]string{"Retry-After": "1"}, Body: `{"error":"too many requests"}`},
	Unavailable: {Status: 503, Body: "<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>"},
	Redirected:  {Status: 307, Header: map[string]string{"Location": "https://login.example/"}},
	Gone:        {Status: 410, Body: `{"error":"gone"}`},
	FailedAfter: {Status: 502, Body: "<html><body><h1>502 Bad Gateway</h1></body></html>"},
}

// Start starts a vendor that counts in a ledger, and returns its settings. It ends with the test.
func (v *Vendor) Start(t testing.TB, l *Ledger) (settings string) {
	address := ""
	if v.Take != nil {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { v.serve(l, w, r) }))
		t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
		address = s.URL
	} else {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ln.Close() })
		address = ln.Addr().String()
		go func() {
			for {
				conn, err := ln.Accept()
				if err != nil {
					return
				}
				go v.Listen(l, conn)
			}
		}()
	}
	return strings.ReplaceAll(v.Settings, "%s", address)
}

// serve answers a request, or fails.
func (v *Vendor) serve(l *Ledger, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil { // the sender was killed
		return
	}
	fault := l.next()
	var answer Answer
	switch fault {
	case None, CutAfter, Truncated, Hung, FailedAfter:
		answer = v.Take(l, &Request{r.Method, r.URL.RequestURI(), r.Header.Clone(), body})
	}
	switch recorded, ok := v.Recorded[fault]; {
	case ok:
		answer = recorded
	case common[fault].Status != 0:
		answer = common[fault]
	}
	switch fault {
	case CutBefore, CutAfter:
		cut(w, nil)
		return
	case Truncated:
		cut(w, fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"))
		return
	case Hung:
		<-r.Context().Done()
		return
	}
	for name, value := range answer.Header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(answer.Status)
	io.WriteString(w, answer.Body)
}

// cut ends a connection after some bytes.
func cut(w http.ResponseWriter, begin []byte) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	conn.Write(begin)
	conn.Close()
}

// Vendors are all kinds of channels but those that write no messages to a network.
var Vendors = map[string]*Vendor{
	"webhook": {
		Settings: "url: \"%s/hook\"\nsecret: env:OUTFLOW_TEST_SECRET",
		Take: func(l *Ledger, r *Request) Answer {
			l.once(r.Header.Get("Idempotency-Key")) // as docs/channels.md asks receivers to do
			return Answer{Status: 200, Body: "{}"}
		},
	},
	"slack": {
		Settings: "base_url: \"%s\"\ntoken: env:OUTFLOW_TEST_SECRET\nchannel: C123ABC456",
		Take: func(l *Ledger, r *Request) Answer {
			var q struct{ TS string }
			json.Unmarshal(r.Body, &q)
			if r.Path == "/api/chat.postMessage" { // an update notifies nobody
				l.told(r.Body)
				q.TS = fmt.Sprintf("1503435956.%06d", time.Now().UnixNano()%1_000_000)
			}
			return Answer{Status: 200, Body: `{"ok":true,"channel":"C123ABC456","ts":"` + q.TS + `","message":{"type":"message","ts":"` + q.TS + `"}}`}
		},
		Recorded: map[Fault]Answer{
			Refused: {Status: 200, Body: `{"ok":false,"error":"invalid_blocks","errors":["unsupported type: sections [json-pointer:/blocks/0/type]"],` +
				`"response_metadata":{"messages":["[ERROR] unsupported type: sections [json-pointer:/blocks/0/type]"]}}`},
			Throttled:   {Status: 429, Header: map[string]string{"Retry-After": "1"}, Body: `{"ok":false,"error":"ratelimited"}`},
			Gone:        {Status: 200, Body: `{"ok":false,"error":"channel_not_found"}`},
			FailedAfter: {Status: 200, Body: `{"ok":false,"error":"fatal_error"}`},
		},
	},
	"teams": {
		Settings: "url: env:OUTFLOW_TEST_TEAMS",
		Take: func(l *Ledger, r *Request) Answer {
			l.told(r.Body)
			return Answer{Status: 202}
		},
		Recorded: map[Fault]Answer{
			Refused: {Status: 400, Body: `{"error":{"code":"TriggerInputSchemaMismatch","message":"The input body for trigger 'manual' of type 'Request' ` +
				`did not match its schema definition. Error details: 'Invalid type. Expected Object but got Array.'."}}`},
			Throttled: {Status: 429, Header: map[string]string{"Retry-After": "1"}, Body: `{"error":{"code":"WorkflowRunActionsThrottled",` +
				`"message":"Rate limit is exceeded. Try again in 1 seconds."}}`},
			Gone: {Status: 404, Body: `{"error":{"code":"WorkflowNotFound","message":"The workflow could not be found."}}`},
		},
	},
	"pagerduty": {
		Settings: "base_url: \"%s\"\nkey: env:OUTFLOW_TEST_SECRET",
		Take: func(l *Ledger, r *Request) Answer {
			var e struct {
				Key string `json:"dedup_key"`
			}
			json.Unmarshal(r.Body, &e)
			l.once(e.Key + l.now())
			return Answer{Status: 202, Body: `{"status":"success","message":"Event processed","dedup_key":"` + e.Key + `"}`}
		},
		Recorded: map[Fault]Answer{
			Refused: {Status: 400, Body: `{"status":"invalid event","message":"Event object is invalid","errors":["'payload.severity' is invalid ` +
				`(must be one of the following: 'critical', 'warning', 'error' or 'info')"]}`},
			Throttled: {Status: 429, Header: map[string]string{"Retry-After": "1"}, Body: `{"status":"throttle exceeded","message":"Requests for this ` +
				`integration key are arriving too quickly","errors":["Requests for this integration key are arriving too quickly"]}`},
		},
	},
	"jira": {
		Settings: "url: \"%s\"\nuser: outflow@acme.example\ntoken: env:OUTFLOW_TEST_SECRET\nproject: SEC",
		Take:     takeJira,
		Recorded: map[Fault]Answer{
			Refused: {Status: 400, Body: `{"errorMessages":[],"errors":{"issuetype":"Specify a valid issue type"}}`},
			Gone: {Status: 410, Body: `{"errorMessages":["The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. ` +
				`A full migration guideline is available at https://developer.atlassian.com/changelog/#CHANGE-2046"],"errors":{}}`},
			Throttled: {
				Status: 429, Header: map[string]string{"Retry-After": "1", "X-RateLimit-NearLimit": "true"},
				Body: `{"errorMessages":["Rate limit exceeded."],"errors":{}}`,
			},
		},
	},
	"servicenow": {
		Settings: "url: \"%s\"\nuser: outflow\npassword: env:OUTFLOW_TEST_SECRET",
		Take:     takeServiceNow,
		Recorded: map[Fault]Answer{
			Refused: {Status: 400, Body: `{"error":{"message":"Exception while reading request","detail":"The payload is not valid JSON."},"status":"failure"}`},
			Throttled: {Status: 429, Header: map[string]string{"Retry-After": "1"}, Body: `{"error":{"message":"Rate limit exceeded",` +
				`"detail":"Rejected by rate limit rule"},"status":"failure"}`},
		},
	},
	"splunk_hec": {
		Settings: "url: \"%s\"\ntoken: env:OUTFLOW_TEST_SECRET",
		Take:     takeSplunk,
		Recorded: map[Fault]Answer{
			Refused:     {Status: 400, Body: `{"text":"Invalid data format","code":6,"invalid-event-number":0}`},
			Throttled:   {Status: 503, Body: `{"text":"Server is busy","code":9}`},
			Unavailable: {Status: 503, Body: `{"text":"HEC is unhealthy, queues are full","code":18}`},
			Gone:        {Status: 404, Body: `{"text":"The requested URL was not found on this server.","code":404}`},
		},
	},
	"elastic": {
		Settings: "url: \"%s\"\napi_key: env:OUTFLOW_TEST_SECRET",
		Take: func(l *Ledger, r *Request) Answer {
			var head struct {
				Create struct {
					ID string `json:"_id"`
				}
			}
			json.NewDecoder(bytes.NewReader(r.Body)).Decode(&head)
			if !l.once(head.Create.ID) {
				return Answer{Status: 200, Body: bulk(409, "version_conflict_engine_exception", "["+head.Create.ID+"]: version conflict, document already exists (current version [1])")}
			}
			return Answer{Status: 200, Body: `{"took":30,"errors":false,"items":[{"create":{"_index":".ds-outflow-alerts-2026.03.02-000001","_id":"` +
				head.Create.ID + `","_version":1,"result":"created","_shards":{"total":2,"successful":1,"failed":0},"status":201,"_seq_no":2,"_primary_term":1}}]}`}
		},
		Recorded: map[Fault]Answer{
			Refused:   {Status: 200, Body: bulk(400, "document_parsing_exception", "[1:20] failed to parse field [@timestamp] of type [date]")},
			Throttled: {Status: 200, Body: bulk(429, "es_rejected_execution_exception", "rejected execution of coordinating operation")},
			Gone:      {Status: 200, Body: bulk(404, "index_not_found_exception", "no such index [outflow-alerts] and [action.auto_create_index] is [false]")},
		},
	},
	"sns": {
		Settings: "base_url: \"%s\"\ntopic_arn: \"arn:aws:sns:eu-west-1:123456789012:alerts\"",
		Take: func(l *Ledger, r *Request) Answer {
			form, _ := url.QueryUnescape(string(r.Body))
			l.told([]byte(form))
			return Answer{Status: 200, Body: `<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult>` +
				`<MessageId>567910cd-659e-55d4-8ccb-5aaf14679dc0</MessageId></PublishResult><ResponseMetadata>` +
				`<RequestId>d74b8436-ae13-5ab4-a9ff-ce54dfea72a0</RequestId></ResponseMetadata></PublishResponse>`}
		},
		Recorded: map[Fault]Answer{
			Refused:   {Status: 400, Body: snsError("InvalidParameter", "Invalid parameter: Message too long")},
			Throttled: {Status: 400, Body: snsError("Throttling", "Rate exceeded")},
			Gone:      {Status: 404, Body: snsError("NotFound", "Topic does not exist")},
		},
	},
	"securityhub": {
		Settings: "base_url: \"%s\"\nregion: eu-west-1\naccount: \"123456789012\"",
		Take: func(l *Ledger, r *Request) Answer {
			if strings.HasPrefix(r.Path, "/findings/batchupdate") {
				return Answer{Status: 200, Body: `{"ProcessedFindings":[{"Id":"1","ProductArn":"arn"}],"UnprocessedFindings":[]}`}
			}
			l.once("finding " + l.now()) // an import of the same id updates it
			return Answer{Status: 200, Body: `{"FailedCount":0,"SuccessCount":1,"FailedFindings":[]}`}
		},
		Recorded: map[Fault]Answer{
			Refused: {Status: 200, Body: `{"FailedCount":1,"SuccessCount":0,"FailedFindings":[{"Id":"1","ErrorCode":"InvalidInput",` +
				`"ErrorMessage":"Finding does not adhere to Amazon Finding Format. data.Title should NOT be longer than 256 characters."}],` +
				`"UnprocessedFindings":[{"FindingIdentifier":{"Id":"1","ProductArn":"arn"},"ErrorCode":"InvalidInput","ErrorMessage":"Invalid input"}]}`},
			Throttled: {Status: 200, Body: `{"FailedCount":1,"SuccessCount":0,"FailedFindings":[{"Id":"1","ErrorCode":"ThrottlingException",` +
				`"ErrorMessage":"Rate exceeded"}],"UnprocessedFindings":[{"FindingIdentifier":{"Id":"1","ProductArn":"arn"},` +
				`"ErrorCode":"ConcurrentUpdateError","ErrorMessage":"Concurrent finding updates detected"}]}`},
		},
	},
	"email": {
		Settings: "server: \"%s\"\ntls: none\nfrom: outflow@acme.example\nto: [soc@acme.example]",
		Listen:   listenSMTP,
	},
	"syslog": {
		Settings: "server: \"%s\"",
		Listen:   listenSyslog,
		Mute:     true,
	},
}

// now returns the key of the message that is sent.
func (l *Ledger) now() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.current
}

// bulk is the answer to a bulk request whose document failed.
func bulk(status int, kind, reason string) string {
	return fmt.Sprintf(`{"took":7,"errors":true,"items":[{"create":{"_index":"outflow-alerts","_id":"x","status":%d,"error":{"type":%q,"reason":%q}}}]}`,
		status, kind, reason)
}

// snsError is an error of SNS.
func snsError(code, text string) string {
	return `<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type><Code>` + code + `</Code><Message>` +
		text + `</Message></Error><RequestId>9dd01905-5012-5f99-8663-4b3ecd0dfaef</RequestId></ErrorResponse>`
}

// takeJira is Jira Cloud, which finds issues by their label.
func takeJira(l *Ledger, r *Request) Answer {
	var q struct {
		JQL    string
		Fields json.RawMessage
	}
	json.Unmarshal(r.Body, &q)
	switch {
	case r.Path == "/rest/api/2/serverInfo":
		return Answer{Status: 200, Body: `{"baseUrl":"https://acme.atlassian.net","version":"1001.0.0-SNAPSHOT","deploymentType":"Cloud"}`}
	case r.Path == "/rest/api/3/search/jql":
		if key := l.get(strings.Trim(strings.TrimPrefix(q.JQL, "labels = "), `"`)); key != "" {
			return Answer{Status: 200, Body: `{"isLast":true,"issues":[{"id":"10000","key":"` + key + `"}]}`}
		}
		return Answer{Status: 200, Body: `{"isLast":true,"issues":[]}`}
	case r.Path == "/rest/api/3/issue":
		var fields struct{ Labels []string }
		json.Unmarshal(q.Fields, &fields)
		l.told(r.Body)
		if len(fields.Labels) < 2 {
			return Answer{Status: 400, Body: `{"errorMessages":[],"errors":{"labels":"no label"}}`}
		}
		key := "SEC-" + fields.Labels[1][len("outflow-"):]
		l.put(fields.Labels[1], key)
		return Answer{Status: 201, Body: `{"id":"10000","key":"` + key + `","self":"https://acme.atlassian.net/rest/api/3/issue/10000"}`}
	case strings.HasSuffix(r.Path, "/comment"):
		l.told(r.Body)
		return Answer{Status: 201, Body: `{"self":"https://acme.atlassian.net/rest/api/3/issue/10010/comment/10000","id":"10000"}`}
	}
	return Answer{Status: 404, Body: `{"errorMessages":["Not found"],"errors":{}}`}
}

// takeServiceNow is the table API, which finds records by correlation_id.
func takeServiceNow(l *Ledger, r *Request) Answer {
	var fields map[string]string
	json.Unmarshal(r.Body, &fields)
	switch {
	case r.Method == http.MethodGet:
		u, _ := url.Parse(r.Path)
		if id := l.get(strings.TrimPrefix(u.Query().Get("sysparm_query"), "correlation_id=")); id != "" {
			return Answer{Status: 200, Body: `{"result":[{"sys_id":"` + id + `"}]}`}
		}
		return Answer{Status: 200, Body: `{"result":[]}`}
	case r.Method == http.MethodPatch:
		l.told(r.Body)
		return Answer{Status: 200, Body: `{"result":{"sys_id":"` + strings.TrimPrefix(r.Path, "/api/now/table/incident/") + `","number":"INC0010002"}}`}
	}
	l.told(r.Body)
	l.put(fields["correlation_id"], fields["correlation_id"])
	return Answer{Status: 201, Body: `{"result":{"sys_id":"` + fields["correlation_id"] + `","number":"INC0010002","state":"1"}}`}
}

// takeSplunk is a collector whose token has acknowledgement. An event is indexed at the second time of asking.
func takeSplunk(l *Ledger, r *Request) Answer {
	if r.Header.Get("X-Splunk-Request-Channel") == "" {
		return Answer{Status: 400, Body: `{"text":"Data channel is missing","code":10}`}
	}
	if r.Path == "/services/collector/ack" {
		indexed := l.get("asked") != ""
		l.put("asked", "yes")
		return Answer{Status: 200, Body: fmt.Sprintf(`{"acks":{"0":%v}}`, indexed)}
	}
	l.told(r.Body)
	l.put("asked", "")
	return Answer{Status: 200, Body: `{"text":"Success","code":0,"ackId":0}`}
}

// listenSMTP is a mail server. It fails at the place of the dialogue that a fault is of.
func listenSMTP(l *Ledger, conn net.Conn) {
	defer conn.Close()
	fault := l.next()
	r := bufio.NewReader(conn)
	reply := func(line string) { io.WriteString(conn, line+"\r\n") }
	if fault == Unavailable {
		reply("421 4.3.2 Service shutting down")
		return
	}
	reply("220 mail.acme.example ESMTP")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		switch verb := strings.ToUpper(strings.Fields(line + " x")[0]); verb {
		case "EHLO":
			reply("250-mail.acme.example")
			reply("250 8BITMIME")
		case "RCPT":
			switch fault {
			case Refused:
				reply("550 5.1.1 The email account that you tried to reach does not exist")
			case Throttled, Redirected, Gone:
				reply("450 4.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages")
			case CutBefore:
				return
			default:
				reply("250 2.1.5 OK")
			}
		case "DATA":
			reply("354 Go ahead")
			body := readBody(r)
			l.told([]byte(strings.ReplaceAll(body, "=\r\n", "")))
			switch fault {
			case CutAfter:
				return
			case Truncated:
				io.WriteString(conn, "25")
				return
			case Hung:
				io.Copy(io.Discard, r)
				return
			}
			reply("250 2.0.0 OK 1772452800 queued")
			if fault == FailedAfter { // what comes after it is no matter
				return
			}
		case "QUIT":
			reply("221 2.0.0 closing connection")
			return
		default:
			reply("250 2.0.0 OK")
		}
	}
}

// listenSyslog is a server of syslog, which answers nothing.
func listenSyslog(l *Ledger, conn net.Conn) {
	defer conn.Close()
	switch fault := l.next(); fault {
	case CutBefore, Unavailable, Throttled, Redirected, Gone:
		io.WriteString(conn, "220 mail.acme.example ESMTP\r\n") // it is not what it was
		io.Copy(io.Discard, conn)
	case CutAfter, Truncated, FailedAfter:
		b, _ := io.ReadAll(conn)
		if complete(b) {
			l.told(b)
		}
		conn.(*net.TCPConn).SetLinger(0) // resets the connection
	default:
		b, _ := io.ReadAll(conn)
		if complete(b) {
			l.told(b)
		}
	}
}

// complete reports whether a message framed by its length is there as a whole.
func complete(b []byte) bool {
	size, rest, ok := bytes.Cut(b, []byte(" "))
	var n int
	_, err := fmt.Sscan(string(size), &n)
	return ok && err == nil && len(rest) == n
}
