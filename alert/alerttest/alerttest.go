// Package alerttest tests channels. Text that an attacker controls must stay text in every
// message, responses must be understood, and no error may contain a secret.
package alerttest

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/goccy/go-yaml"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/pki"
)

// Now is the time in these tests.
var Now = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// Hostile is text that tries to break out of the formats of messages.
const Hostile = "<script>alert(1)</script> <!channel> <https://evil.example|click> [x](https://evil.example) *b* " +
	"=HYPERLINK(\"https://evil.example\") |suser=root \\ \"]\r\nSubject: forged\r\n\r\nBcc: x@evil.example " +
	"\x1b[31mred\x1b[0m \u202etxt.exe {noformat} %n ' OR 1=1 --"

// User is the user of Alert.
const User = "dana.ruiz@northwind.example"

// Alert returns an alert with hostile text, facts and seven items.
func Alert() alert.Alert {
	a := alert.Sample(Now)
	a.ID, a.Case = "abcdef0123456789abcdef0123456789", "abcdef0123456789abcdef0123456789"
	a.Severity, a.Title, a.User, a.Reason = alert.High, "Downloaded 41 files in 6 minutes", User, "downloaded "+Hostile
	a.Facts = []finding.Fact{
		{Kind: finding.FactUnusual, Text: "usual day 3 files, peers 2.5"},
		{Kind: finding.FactTo, Text: "2 items went to gmail.com"},
		{Kind: finding.FactWho, Text: "leaves on 31 March"},
		{Kind: finding.FactBefore, Text: "14 failed sign-ins of Dana Ruiz " + Hostile},
	}
	e := &a.Evidence[0]
	e.Events, e.Unlisted, e.Items = 41, 34, nil
	for i, name := range []string{"budget.xlsx", "plan.docx", Hostile, "Dana Ruiz review.pdf", "board.pptx", "a.txt", "b.txt"} {
		x := alert.Item{
			Time:     Now.Add(time.Duration(i-10) * time.Minute),
			Source:   "box",
			Activity: "download",
			Action:   "DOWNLOAD",
			RecordID: "r" + strconv.Itoa(i),
			Object:   alert.Object{Type: "file", Name: name, Size: int64(9-i) * 1_100_000, Container: "/Finance/" + User},
		}
		if i == 1 {
			x.Activity, x.Recipients = "share_user", []string{"eve@gmail.com"}
		}
		e.Items = append(e.Items, x)
	}
	e.Destinations = []alert.Destination{{Name: "@gmail.com", Events: 2}, {Name: Hostile, Events: 1}}
	return a
}

// Mask is a mask of readers who may not see names.
func Mask() *alert.Mask { return alert.NewMask([]byte("test"), "soc", nil) }

// Check tests the text of a channel's message: it must have the headline, each chip and each top item, or
// for programs at least the item's name, whatever the format escapes. Unless the message is of User, the
// text must not name them.
func Check(t testing.TB, m *alert.Message, text string, people bool) {
	t.Helper()
	want := append([]string{m.Alert.Title}, m.Chips()...)
	if people {
		want = append(want, m.Items()...)
	} else {
		for _, i := range m.Alert.TopItems(5) {
			want = append(want, i.Object.Name)
		}
	}
	have := squash(text)
	for _, w := range want {
		if !strings.Contains(have, squash(w)) {
			t.Errorf("%q does not arrive in %s", w, text)
		}
	}
	for _, name := range []string{"Dana", "Ruiz"} {
		if m.Alert.User != User && strings.Contains(strings.ToLower(text), strings.ToLower(name)) {
			t.Errorf("%q arrives, which is masked: %s", name, text)
		}
	}
}

// squash returns the letters and digits of a text, after the escapes of HTML.
func squash(t string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			return unicode.ToLower(c)
		}
		return -1
	}, html.UnescapeString(t))
}

// Request is a request that a Receiver got.
type Request struct {
	Method string      // such as POST
	Path   string      // with the query
	Header http.Header // all headers
	Body   []byte      // the whole body
}

// Receiver is a server that keeps the requests that it gets.
type Receiver struct {
	*httptest.Server
	mu       sync.Mutex
	requests []Request
	// Answer returns the response to a request. Change it with Set.
	Answer func(r *http.Request) (status int, header http.Header, body string)
}

// NewReceiver starts a receiver that answers 200 and a body. It is closed with the test.
func NewReceiver(t testing.TB, body string) *Receiver {
	r := &Receiver{Answer: func(*http.Request) (int, http.Header, string) { return http.StatusOK, nil, body }}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

// ServeHTTP implements http.Handler.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	req.Body = io.NopCloser(bytes.NewReader(body)) // answers may read it, too
	r.mu.Lock()
	r.requests = append(r.requests, Request{req.Method, req.URL.RequestURI(), req.Header.Clone(), body})
	answer := r.Answer
	r.mu.Unlock()
	status, header, text := answer(req)
	for k, v := range header {
		w.Header()[k] = v
	}
	w.WriteHeader(status)
	io.WriteString(w, text)
}

// Take returns the requests since the last call.
func (r *Receiver) Take() []Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.requests
	r.requests = nil
	return list
}

// Set changes the responses.
func (r *Receiver) Set(answer func(*http.Request) (int, http.Header, string)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Answer = answer
}

// Open opens a channel with settings in YAML, as in the configuration, and at most one set of
// certificates. Errors end the test.
func Open(t testing.TB, kind alert.Kind, settings string, files ...pki.Files) alert.Notifier {
	t.Helper()
	s := kind.New()
	if err := yaml.NewDecoder(strings.NewReader(settings), yaml.Strict()).Decode(s); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	encryption, err := append(files, pki.Files{})[0].Config()
	if err != nil {
		t.Fatal(err)
	}
	n, err := s.Open(t.Context(), alert.Env{
		Now:     func() time.Time { return Now },
		Version: "test",
		Allow:   []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		TLS:     encryption,
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Secret is the value of env:OUTFLOW_TEST_SECRET in the settings that tests use.
const Secret = "hunter2-hunter2"

// HTTP tests a channel over HTTP. Good is a body that it takes for success, and settings
// returns its settings for the address of a receiver. A retry must send the same request,
// text must stay text, each status must be permanent or not, and no error may hold a secret.
func HTTP(t *testing.T, kind alert.Kind, good string, settings func(url string) string) {
	t.Helper()
	t.Setenv("OUTFLOW_TEST_SECRET", Secret)
	r := NewReceiver(t, good)
	h := &httpTest{Receiver: r, kind: kind, channel: Open(t, kind, settings(r.URL))}
	ref := h.testRetry(t)
	h.testRevisions(t, ref)
	h.testStatuses(t)
	r.Close()
	_, err := h.send(t, &alert.Message{Alert: Alert()})
	if err == nil || alert.IsPermanent(err) || strings.Contains(err.Error(), Secret) {
		t.Errorf("without a receiver: %v", err)
	}
}

// machine are the kinds of channels that programs read: they send the alert as it is.
var machine = map[string]bool{"webhook": true, "splunk_hec": true, "elastic": true}

// maxRequest is the most bytes of a request: the least of what receivers take, which is that of Teams.
const maxRequest = 28 << 10

// httpTest is a channel over HTTP with the receiver that it sends to.
type httpTest struct {
	*Receiver
	kind    alert.Kind
	channel alert.Notifier
}

// send sends one message within 20 seconds.
func (h *httpTest) send(t *testing.T, m *alert.Message) (ref string, err error) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return h.channel.Notify(ctx, m)
}

// testRetry sends a hostile alert twice: nothing in it may break out, and both requests must
// be the same.
func (h *httpTest) testRetry(t *testing.T) (ref string) {
	t.Helper()
	m := &alert.Message{Alert: Alert(), Link: "https://outflow.example/alerts/1"}
	ref, err := h.send(t, m)
	if err != nil {
		t.Fatal(err)
	}
	first := h.Take()
	if len(first) == 0 {
		t.Fatal("it sends nothing")
	}
	Check(t, m, Text(first[0].Body), !machine[h.kind.Name])
	for _, q := range first {
		if len(q.Body) > maxRequest {
			t.Errorf("%d bytes", len(q.Body))
		}
		for _, bad := range []string{"\x1b", "\u202e"} { // control characters, and what reverses text
			if h.kind.People && (bytes.Contains(q.Body, []byte(bad)) || strings.Contains(Text(q.Body), bad)) {
				t.Errorf("%q arrives", bad)
			}
		}
		if q.Header.Get("Bcc") != "" || strings.Contains(q.Path, "evil") {
			t.Errorf("text of an attacker is in a header or the path: %v", q)
		}
	}

	masked := *m
	masked.Alert = Mask().Alert(&m.Alert)
	if _, err := h.send(t, &masked); err != nil {
		t.Fatal(err)
	}
	Check(t, &masked, Text(h.Take()[0].Body), !machine[h.kind.Name])

	if _, err := h.send(t, m); err != nil {
		t.Fatal(err)
	}
	same := func(x, y Request) bool { return x.Path == y.Path && bytes.Equal(x.Body, y.Body) }
	if again := h.Take(); !slices.EqualFunc(again, first, same) {
		t.Errorf("the second try differs:\n%s\n%s", again, first)
	}
	return ref
}

// testRevisions sends a revision of an alert, and its withdrawal.
func (h *httpTest) testRevisions(t *testing.T, ref string) {
	t.Helper()
	a := Alert()
	a.Revision, a.Score = 2, 20
	if _, err := h.send(t, &alert.Message{Alert: a, Ref: ref}); err != nil {
		t.Error(err)
	}
	a.Withdrawn = true
	m := &alert.Message{
		Alert:  a,
		Ref:    ref,
		Repeat: true,
		Test:   true,
		Others: []alert.Alert{Alert(), Alert()},
	}
	if _, err := h.send(t, m); err != nil {
		t.Error(err)
	}
	h.Take()
}

// testStatuses has the receiver refuse with each status, and repeat the request with its
// secret in the answer.
func (h *httpTest) testStatuses(t *testing.T) {
	t.Helper()
	for status, permanent := range map[int]bool{
		400: true,
		401: false,
		403: false,
		404: false,
		408: false,
		413: true,
		422: true,
		429: false,
		500: false,
		502: false,
		503: false,
	} {
		h.Set(func(req *http.Request) (int, http.Header, string) {
			body, _ := io.ReadAll(req.Body)
			return status, http.Header{"Retry-After": {"3"}},
				`{"code":6,"error":"` + req.Header.Get("Authorization") + " " + strings.ReplaceAll(string(body), `"`, "'") + `"}`
		})
		_, err := h.send(t, &alert.Message{Alert: Alert()})
		switch {
		case err == nil:
			t.Errorf("%d is no error", status)
		case alert.IsPermanent(err) != permanent:
			t.Errorf("%d: permanent is %v: %v", status, !permanent, err)
		case strings.Contains(err.Error(), Secret):
			t.Errorf("%d: the error holds the secret: %v", status, err)
		}
	}
}

// Text returns all text of a JSON body, or of several in a row, one string a line; or the body itself if it
// is not JSON.
func Text(b []byte) string {
	var out strings.Builder
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			out.WriteString(v + "\n")
		case []any:
			for _, x := range v {
				walk(x)
			}
		case map[string]any:
			for _, x := range v {
				walk(x)
			}
		}
	}
	for dec := json.NewDecoder(bytes.NewReader(b)); ; {
		var v any
		switch err := dec.Decode(&v); {
		case err == io.EOF:
			return out.String()
		case err != nil:
			return string(b)
		}
		walk(v)
	}
}

// SMTP starts a mail server that sends the bodies of the mails that it takes to got. If refuse
// is not empty, it answers every recipient with that line.
func SMTP(t testing.TB, refuse string) (address string, got chan string) {
	got = make(chan string, 10)
	address = MailServer(t, func(string) string { return refuse }, func(m Mail) { got <- m.Body })
	return address, got
}

// Mail is what a mail server took.
type Mail struct {
	To   []string // the recipients that it took
	Body string   // with its head
}

// MailServer starts a mail server. It answers a recipient with the line that refuse returns, "" to take them, and calls
// take with each mail.
func MailServer(t testing.TB, refuse func(to string) string, take func(Mail)) (address string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	s := &mailServer{refuse, take}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go s.serve(conn)
		}
	}()
	return ln.Addr().String()
}

// mailServer is a mail server for tests.
type mailServer struct {
	refuse func(to string) string
	take   func(Mail)
}

// serve handles one session of SMTP.
func (s *mailServer) serve(conn net.Conn) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	reply := func(line string) { io.WriteString(conn, line+"\r\n") }
	reply("220 test")
	var m Mail
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		switch verb := strings.ToUpper(strings.Fields(line + " x")[0]); verb {
		case "EHLO":
			reply("250-test")
			reply("250 8BITMIME")
		case "RCPT":
			_, to, _ := strings.Cut(line, "<")
			to, _, _ = strings.Cut(to, ">")
			said := s.refuse(to)
			if said == "" {
				m.To = append(m.To, to)
			}
			reply(cmp.Or(said, "250 ok"))
		case "DATA":
			reply("354 go on")
			var whole bool
			if m.Body, whole = readBody(r); !whole {
				return
			}
			s.take(m)
			reply("250 taken")
		case "QUIT":
			reply("221 bye")
			return
		default:
			reply("250 ok")
		}
	}
}

// readBody reads the lines after DATA, up to the one that ends them. Without that one a server takes nothing.
func readBody(r *bufio.Reader) (text string, whole bool) {
	var body strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil || line == ".\r\n" {
			return body.String(), err == nil
		}
		body.WriteString(line)
	}
}
