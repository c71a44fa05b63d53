package alerttest

import (
	"bufio"
	"bytes"
	_ "embed" // the recorded answers
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
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
	// Listen serves a connection of a protocol other than HTTP.
	Listen func(l *Ledger, conn net.Conn)
	// Mute is set if the receiver says nothing, so that it refuses nothing.
	Mute bool
	kind string
}

//go:embed recorded.txtar
var recordedText []byte

// recorded are the answers of vendors when they fail, by kind and fault.
var recorded = func() map[string]Answer {
	all := map[string]Answer{}
	for _, f := range txtar.Parse(recordedText).Files {
		fields := strings.Fields(f.Name)
		status, err := strconv.Atoi(fields[1])
		if err != nil {
			panic(err)
		}
		a := Answer{Status: status, Header: map[string]string{}, Body: strings.TrimSpace(string(f.Data))}
		for _, h := range fields[2:] {
			name, value, _ := strings.Cut(h, "=")
			a.Header[name] = value
		}
		all[fields[0]] = a
	}
	return all
}()

func init() {
	for name, v := range Vendors {
		v.kind = name
	}
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
	for _, kind := range []string{"any", v.kind} {
		if a, ok := recorded[kind+"/"+fault.String()]; ok {
			answer = a
		}
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
			return Answer{Status: 200, Body: `{"ok":true,"channel":"C123ABC456","ts":"` + q.TS +
				`","message":{"type":"message","ts":"` + q.TS + `"}}`}
		},
	},
	"teams": {
		Settings: "url: env:OUTFLOW_TEST_TEAMS",
		Take: func(l *Ledger, r *Request) Answer {
			l.told(r.Body)
			return Answer{Status: 202}
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
	},
	"jira": {
		Settings: "url: \"%s\"\nuser: outflow@acme.example\ntoken: env:OUTFLOW_TEST_SECRET\nproject: SEC",
		Take:     takeJira,
	},
	"servicenow": {
		Settings: "url: \"%s\"\nuser: outflow\npassword: env:OUTFLOW_TEST_SECRET",
		Take:     takeServiceNow,
	},
	"splunk_hec": {
		Settings: "url: \"%s\"\ntoken: env:OUTFLOW_TEST_SECRET",
		Take:     takeSplunk,
	},
	"elastic": {
		Settings: "url: \"%s\"\napi_key: env:OUTFLOW_TEST_SECRET",
		Take:     takeElastic,
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
	},
	"email": {
		Settings: "server: \"%s\"\ntls: none\nfrom: outflow@acme.example\nto: [soc@acme.example]",
		Listen:   listenSMTP,
	},
	"kafka": {
		Settings: "brokers: [\"%s\"]\ntopic: " + kafkaTopic,
		Listen:   listenKafka,
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

// takeElastic is a data stream, which knows the documents that it has.
func takeElastic(l *Ledger, r *Request) Answer {
	var head struct {
		Create struct {
			ID string `json:"_id"`
		}
	}
	json.NewDecoder(bytes.NewReader(r.Body)).Decode(&head)
	created := `"_version":1,"result":"created","_shards":{"total":2,"successful":1,"failed":0},"status":201,"_seq_no":2,"_primary_term":1`
	if !l.once(head.Create.ID) {
		created = `"status":409,"error":{"type":"version_conflict_engine_exception","reason":"version conflict, document already exists"}`
	}
	return Answer{Status: 200, Body: `{"took":30,"items":[{"create":{"_index":".ds-outflow-alerts-2026.03.02-000001","_id":"` +
		head.Create.ID + `",` + created + `}}]}`}
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
		id := strings.TrimPrefix(r.Path, "/api/now/table/incident/")
		return Answer{Status: 200, Body: `{"result":{"sys_id":"` + id + `","number":"INC0010002"}}`}
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
		case "MAIL":
			if fault == Denied {
				reply("530 5.7.0 Authentication required")
				continue
			}
			reply("250 2.1.0 OK")
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
			body, whole := readBody(r)
			if !whole { // the sender was killed
				return
			}
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
	case CutBefore, Unavailable, Throttled, Redirected, Gone, Denied:
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
