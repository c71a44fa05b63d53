package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/outflow/outflow/alert/alerttest"
	"github.com/outflow/outflow/alert/feed"
	"github.com/outflow/outflow/internal/waittest"
)

// surface is what a daemon that read an organisation serves, sends and logs.
type surface struct {
	t       *testing.T
	dir     string // of the configuration
	config  string
	base    string // address of the feed
	metrics string // address of the metrics
	tokens  map[feed.Role]string
	logged  func() string
	sent    func() map[string][]string // what channels with pseudonyms have sent, by kind
}

// serveAll has a daemon read exports, with a channel of every kind, and serve what it found.
func serveAll(t *testing.T, exports, domain string) *surface {
	t.Helper()
	channels, sent := recorders(t)
	dir, config := folder(t, exports, channels+
		"domains: ["+domain+"]\nfeed: {listen: \"127.0.0.1:0\"}\nmetrics: {listen: \"127.0.0.1:0\"}\npublic_url: https://outflow.example\n")
	once(t, config)
	_, logged := running(t, config)
	listening := regexp.MustCompile(`msg=listening address=(\S+)`)
	waittest.Until(t, "the daemon listens", func() bool { return feedAddress.MatchString(logged()) && listening.MatchString(logged()) })
	d := &surface{
		t: t, dir: dir, config: config, logged: logged, tokens: map[feed.Role]string{}, sent: sent,
		base:    "http://" + feedAddress.FindStringSubmatch(logged())[1],
		metrics: "http://" + listening.FindStringSubmatch(logged())[1],
	}
	for _, role := range feed.Roles {
		code, token, errs := outflow("token", "create", "--config", config, "--name", "reader "+string(role), "--role", string(role))
		if code != exitFine {
			t.Fatal(errs)
		}
		d.tokens[role] = strings.TrimSpace(token)
	}
	return d
}

// mailbox keeps what was sent to a receiver.
type mailbox struct {
	mu    sync.Mutex
	texts []string
}

// add keeps a text.
func (b *mailbox) add(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.texts = append(b.texts, text)
}

// all returns what was kept so far.
func (b *mailbox) all() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.texts)
}

// take keeps a request, and answers as the vendor does.
func (b *mailbox) take(v *alerttest.Vendor, l *alerttest.Ledger, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	text := string(body)
	if r.Header.Get("Content-Type") == "application/x-www-form-urlencoded" {
		text, _ = url.QueryUnescape(text)
	}
	b.add(r.URL.String() + "\n" + text)
	answer := v.Take(l, &alerttest.Request{Method: r.Method, Path: r.URL.RequestURI(), Header: r.Header.Clone(), Body: body})
	for name, value := range answer.Header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(answer.Status)
	io.WriteString(w, answer.Body)
}

// keeping is a connection whose bytes are kept as they are read.
type keeping struct {
	net.Conn
	read bytes.Buffer
}

// Read implements net.Conn.
func (k *keeping) Read(p []byte) (int, error) {
	n, err := k.Conn.Read(p)
	k.read.Write(p[:n])
	return n, err
}

// listen has a vendor that does not speak HTTP listen, and returns its address.
func (b *mailbox) listen(t *testing.T, v *alerttest.Vendor) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				k, l := &keeping{Conn: conn}, alerttest.NewLedger()
				l.Heard = func(message []byte) { b.add(string(message)) } // also of a protocol that compresses
				v.Listen(l, k)
				b.add(k.read.String())
			}()
		}
	}()
	return ln.Addr().String()
}

// writeLine writes a record of an export as a line of JSON.
func writeLine(t *testing.T, b *strings.Builder, record map[string]any) {
	t.Helper()
	text, err := json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	b.Write(append(text, '\n'))
}

// mailText returns a conversation over SMTP with what it encodes decoded.
func mailText(text string) string {
	body, _ := io.ReadAll(quotedprintable.NewReader(strings.NewReader(text)))
	header, err := new(mime.WordDecoder).DecodeHeader(text)
	if err != nil {
		header = text
	}
	return header + "\n" + string(body)
}

// recorders starts a receiver for every kind of channel that sends to a network, and returns the items of the configuration that
// name them, with pseudonyms, and what was sent to each.
func recorders(t *testing.T) (channels string, sent func() map[string][]string) {
	t.Helper()
	t.Setenv("OUTFLOW_TEST_SECRET", alerttest.Secret)
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	boxes := map[string]*mailbox{}
	var b strings.Builder
	for kind, v := range alerttest.Vendors {
		box, address := &mailbox{}, ""
		if boxes[kind] = box; v.Take != nil {
			ledger := alerttest.NewLedger()
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { box.take(v, ledger, w, r) }))
			t.Cleanup(s.Close)
			address = s.URL
		} else {
			address = box.listen(t, v)
		}
		if kind == "teams" {
			t.Setenv("OUTFLOW_TEST_TEAMS", address)
		}
		settings := strings.ReplaceAll(strings.ReplaceAll(v.Settings, "%s", address), "\n", "\n    ")
		fmt.Fprintf(&b, "  - name: to-%s\n    kind: %s\n    people: pseudonyms\n    min_severity: informational\n    %s\n", kind, kind, settings)
		if v.Take != nil {
			b.WriteString("    allow_networks: [127.0.0.0/8]\n")
		}
	}
	return b.String(), func() map[string][]string {
		all := map[string][]string{}
		for kind, box := range boxes {
			for _, text := range box.all() {
				if kind == "email" {
					text = mailText(text)
				}
				all[kind] = append(all[kind], text)
			}
		}
		return all
	}
}

// each calls f for all that a role is served: pages with what they link to, every format of the API, reviews as text, and the stream.
func (d *surface) each(role feed.Role, f func(where, text string)) {
	d.t.Helper()
	paths := crawl(d.t, d.base, d.tokens[role])
	for _, more := range []string{
		"/v1/alerts?limit=1000", "/v1/health", "/v1/coverage", "/v1/watchlists", "/v1/access", "/v1/suppressions", "/v1/precision", "/v1/entities",
		"/v1/openapi.json", "/channels", "/health", "/access", "/access?check=1", "/tokens", "/alerts/nothing", "/digest", "/entities", "/requests", "/nowhere",
		"/entities/domain/evil.test", "/v1/entities/domain/evil.test",
	} {
		paths[more] = true
	}
	for path := range maps.Clone(paths) {
		for _, kind := range []string{"items.csv", "events"} {
			if alert := regexp.MustCompile(`^/alerts/[0-9a-f]+`).FindString(path); alert != "" {
				paths[alert+"/"+kind] = true
			}
		}
		if user := regexp.MustCompile(`^/leavers/[^/?]+`).FindString(path); user != "" {
			paths[user+"/review.pdf"] = true
		}
	}
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		formats := []string{""}
		if strings.HasPrefix(path, "/v1/alerts?") {
			formats = []string{"", "application/x-ndjson", "application/ocsf+json"}
		}
		for _, accept := range formats {
			text := answerOf(d.t, d.base+path, d.tokens[role], accept)
			if strings.Contains(text, "Content-Type: application/pdf") {
				text = pdfText(d.t, text)
			}
			f(string(role)+" "+path+" "+accept, text)
		}
	}
	if role == feed.SOC {
		f("soc /v1/stream", d.stream(role))
	}
}

// stream returns what comes of the stream of alerts, from the first one on, until nothing comes for a second.
func (d *surface) stream(role feed.Role) string {
	d.t.Helper()
	ctx, cancel := context.WithCancel(d.t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.base+"/v1/stream?after=0", nil)
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+d.tokens[role])
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	var b strings.Builder
	quiet := time.AfterFunc(5*time.Second, cancel)
	in := bufio.NewReader(res.Body)
	for {
		line, err := in.ReadString('\n')
		b.WriteString(line)
		if err != nil {
			break
		}
		quiet.Reset(time.Second)
	}
	if strings.Count(b.String(), "\ndata: ") < 10 {
		d.t.Errorf("only little came: %.300s", b.String())
	}
	return b.String()
}

// pdfText returns the text of an answer that is a PDF file, or "" where there is no pdftotext.
func pdfText(t *testing.T, answer string) string {
	t.Helper()
	if _, err := exec.LookPath("pdftotext"); err != nil {
		t.Log("the PDF is not read: there is no pdftotext")
		return ""
	}
	_, body, _ := strings.Cut(answer, "%PDF-")
	file := filepath.Join(t.TempDir(), "review.pdf")
	if err := os.WriteFile(file, []byte("%PDF-"+body), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := exec.Command("pdftotext", "-raw", file, "-").Output()
	if err != nil || len(text) < 500 {
		t.Fatal(err, len(text))
	}
	return string(text)
}

// answerOf returns an answer with its headers.
func answerOf(t *testing.T, url, token, accept string) string {
	t.Helper()
	_, text := asker{t, token, accept}.ask(http.MethodGet, url, "", "")
	return text
}

// post sends a form, or JSON if it begins with a brace, as a role, and returns the status and the answer with its headers.
func (d *surface) post(role feed.Role, path, body string) (int, string) {
	d.t.Helper()
	kind := "application/x-www-form-urlencoded"
	if strings.HasPrefix(body, "{") {
		kind = "application/json"
	}
	return asker{d.t, d.tokens[role], ""}.ask(http.MethodPost, d.base+path, kind, body)
}

// asker is who asks.
type asker struct {
	t             *testing.T
	token, accept string
}

// ask sends a request, again if there were too many, and returns the status and the answer with its headers.
func (a asker) ask(method, url, kind, body string) (int, string) {
	a.t.Helper()
	for {
		req, err := http.NewRequestWithContext(a.t.Context(), method, url, strings.NewReader(body))
		if err != nil {
			a.t.Fatal(err)
		}
		if a.token != "" {
			req.Header.Set("Authorization", "Bearer "+a.token)
		}
		req.Header.Set("Accept", a.accept)
		if kind != "" {
			req.Header.Set("Content-Type", kind)
		}
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			a.t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			a.t.Fatal(err)
		}
		if res.StatusCode == http.StatusTooManyRequests {
			time.Sleep(time.Second)
			continue
		}
		var header strings.Builder
		if err := res.Header.Write(&header); err != nil {
			a.t.Fatal(err)
		}
		return res.StatusCode, header.String() + string(b)
	}
}
