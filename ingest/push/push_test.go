package push

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/ingesttest"
	"github.com/outflow/outflow/ingest/okta"
	"github.com/outflow/outflow/ingest/watch"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/waittest"
)

const token = "correct horse battery"

// record returns a record of Okta's log.
func record(id string) string {
	return fmt.Sprintf(`{"uuid":%q,"published":"2026-03-02T08:14:37Z","eventType":"user.session.start","actor":{"id":"a",`+
		`"type":"User","alternateId":"ana@harbor.example"},"outcome":{"result":"SUCCESS"},"target":[]}`, id)
}

// flakyLog is an event log that waits for permission, or fails.
type flakyLog struct {
	eventlog.Log
	mu     sync.Mutex
	open   chan struct{} // closed once records may be appended; nil if they always may
	errors int           // that are returned first
}

// Append implements eventlog.Log.
func (l *flakyLog) Append(ctx context.Context, recs ...eventlog.Record) error {
	l.mu.Lock()
	fail := l.errors > 0
	if fail {
		l.errors--
	}
	open := l.open
	l.mu.Unlock()
	if fail {
		return errors.New("no room")
	}
	if open != nil {
		select {
		case <-open:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return l.Log.Append(ctx, recs...)
}

// daemon is a source that is read as the daemon does it.
type daemon struct {
	in    *intake
	srv   *httptest.Server
	store *watch.Store
	log   *flakyLog
	pull  *watch.Pull
	steps chan watch.Step // results of all steps with events or problems
}

// begin serves a source without reading it.
func begin(t *testing.T, maxBody, maxHeld int64, timeout time.Duration) *daemon {
	t.Helper()
	d := &daemon{
		in:    newIntake(secret.New(token), maxBody, maxHeld, timeout, nil),
		log:   &flakyLog{Log: eventlog.NewMemory(1, 1<<20)},
		steps: make(chan watch.Step, 100),
	}
	d.in.poll = 10 * time.Millisecond
	d.srv = httptest.NewServer(d.in.handler())
	t.Cleanup(d.srv.Close)
	t.Cleanup(func() { d.in.close(errors.New("over")) })
	var err error
	if d.store, err = watch.Open(t.Context(), filepath.Join(t.TempDir(), "sources.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.store.Close() })
	d.pull = &watch.Pull{
		Name:    "siem",
		Mixed:   true,
		Stream:  ingest.Stream{Name: "requests", Source: d.in},
		Formats: okta.Formats,
		Log:     d.log,
	}
	return d
}

// read reads the source until the test ends.
func (d *daemon) read(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			step, err := d.store.Step(ctx, d.pull, time.Now())
			if err == nil && step.Events+step.Repeats+step.Problems > 0 {
				d.steps <- step
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
}

// post sends a body and returns the answer.
func (d *daemon) post(t *testing.T, path, body string, headers ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, d.srv.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Splunk "+token)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := d.srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if (res.StatusCode == http.StatusServiceUnavailable) != (res.Header.Get("Retry-After") != "") {
		t.Errorf("%d with Retry-After %q", res.StatusCode, res.Header.Get("Retry-After"))
	}
	return res.StatusCode, strings.TrimSpace(string(text))
}

// keys returns how often the event log has each event, by key.
func (d *daemon) keys(t *testing.T) map[uint64]int {
	t.Helper()
	keys := map[uint64]int{}
	ingesttest.Events(t, d.log.Log, func(e *event.Event) { keys[e.Key]++ })
	return keys
}

// TestShapes sends records in all the shapes that are taken.
func TestShapes(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	fmt.Fprintf(z, "%s\n%s\n", record("z1"), record("z2"))
	z.Close()
	hec := func(r string) string { return `{"time":1772438401.5,"host":"h","sourcetype":"okta","event":` + r + `}` }
	text, err := json.Marshal(record("t1"))
	if err != nil {
		t.Fatal(err)
	}
	d := begin(t, 1<<20, 4<<20, time.Minute)
	d.read(t)
	all := 0
	for _, c := range []struct {
		name, path, body string
		headers          []string
		events, problems int
	}{
		{"events in a row", "/services/collector/event", hec(record("a1")) + hec(record("a2")), nil, 2, 0},
		{"events on lines", "/services/collector", hec(record("b1")) + "\n" + hec(record("b2")) + "\n", nil, 2, 0},
		{"an event as text", "/services/collector/event/1.0", hec(string(text)), nil, 1, 0},
		{"raw lines", "/services/collector/raw?sourcetype=okta", record("c1") + "\n" + record("c2"), nil, 2, 0},
		{"an array", "/ingest/okta", "[" + record("d1") + "," + record("d2") + "]", nil, 2, 0},
		{"without a name", "/ingest", record("e1"), nil, 1, 0},
		{"compressed", "/ingest/okta", packed.String(), []string{"Content-Encoding", "gzip"}, 2, 0},
		{"with another scheme", "/ingest/okta", record("f1"), []string{"Authorization", "bearer " + token}, 1, 0},
		{"unknown records beside known ones", "/ingest/okta", record("g1") + "\n{\"what\":\"is this\"}\n", nil, 1, 1},
		{"only unknown records", "/services/collector/event", hec(`{"what":"is this"}`), nil, 0, 1},
		{"cut", "/ingest/okta", record("h1") + "\n" + record("h2")[:100], nil, 1, 1},
		{"cut where it is packed", "/ingest/okta", packed.String()[:packed.Len()/2], []string{"Content-Encoding", "gzip"}, 0, 3},
	} {
		code, body := d.post(t, c.path, c.body, c.headers...)
		if code != http.StatusOK || body != `{"text":"Success","code":0}` {
			t.Errorf("%s: %d %s", c.name, code, body)
			continue
		}
		all += c.events
		if n := len(d.keys(t)); n != all {
			t.Errorf("%s: %d events are in the log when it is answered, not %d", c.name, n, all)
		}
		if step := <-d.steps; step.Events != c.events || step.Problems != c.problems {
			t.Errorf("%s: %+v", c.name, step)
		}
	}
	if code, _ := d.post(t, "/ingest/okta", record("a1")); code != http.StatusOK {
		t.Error(code)
	}
	if step := <-d.steps; step.Repeats != 1 || step.Events != 0 {
		t.Errorf("a record that was sent before: %+v", step)
	}
	formats, err := d.store.Formats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int64{}
	for _, f := range formats {
		found[f.Role+" "+f.Name] = f.Records
	}
	if found["envelope Splunk HEC"] != 5 || found["format "+okta.Formats[0].Name] != int64(all)+1 {
		t.Errorf("taken for %v", found)
	}
	letters, err := d.store.DeadLetters(t.Context(), 0)
	if err != nil || len(letters) != 6 || letters[0].File != "okta from 127.0.0.1" || letters[2].Record == "" {
		t.Errorf("%+v, %v", letters, err)
	}
}

// TestRefused sends what is not taken.
func TestRefused(t *testing.T) {
	d := begin(t, 1<<10, 8<<10, time.Minute)
	big := strings.Repeat("x", 1<<10+1)
	for _, c := range []struct {
		name, path, body string
		headers          []string
		code             int
		answer           string
	}{
		{"no token", "/ingest", "x", []string{"Authorization", ""}, 401, `"code":2}`},
		{"another scheme", "/ingest", "x", []string{"Authorization", "Basic " + token}, 401, `"code":3}`},
		{"a wrong token", "/ingest", "x", []string{"Authorization", "Bearer " + token + "x"}, 403, `"code":4}`},
		{"a scheme only", "/ingest", "x", []string{"Authorization", "Splunk"}, 403, `"code":4}`},
		{"a wrong token for acks", "/services/collector/ack", `{"acks":[1]}`, []string{"Authorization", "Bearer x"}, 403, `"code":4}`},
		{"nothing", "/services/collector/event", "", nil, 400, `"code":5}`},
		{"too much", "/ingest", big, nil, 413, `"code":6}`},
		{"another encoding", "/ingest", "x", []string{"Content-Encoding", "br"}, 415, `"code":6}`},
		{"another path", "/services", "x", nil, 404, ""},
		{"acks that are none", "/services/collector/ack", "x", nil, 400, `"code":6}`},
	} {
		if code, body := d.post(t, c.path, c.body, c.headers...); code != c.code || !strings.HasSuffix(body, c.answer) {
			t.Errorf("%s: %d %s", c.name, code, body)
		}
	}
	req, err := http.NewRequest(http.MethodPost, d.srv.URL+"/ingest", io.MultiReader(strings.NewReader(big)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Splunk "+token)
	res, err := d.srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if res.Body.Close(); res.StatusCode != 413 {
		t.Errorf("too much without a length: %d", res.StatusCode)
	}
	if d.in.held != 0 {
		t.Errorf("%d bytes are still held", d.in.held)
	}
}

// TestAnswered checks that a request is answered once its records are in the event log, and not
// before, also if the log fails at first.
func TestAnswered(t *testing.T) {
	d := begin(t, 1<<20, 4<<20, time.Minute)
	d.log.open, d.log.errors = make(chan struct{}), 2
	d.read(t)
	answered := make(chan int, 1)
	go func() {
		code, _ := d.post(t, "/services/collector/raw", record("a1"))
		answered <- code
	}()
	waittest.Until(t, "the log has failed twice", func() bool {
		d.log.mu.Lock()
		defer d.log.mu.Unlock()
		return d.log.errors == 0
	})
	select {
	case code := <-answered:
		t.Fatalf("%d before the log has the record", code)
	case <-time.After(50 * time.Millisecond):
	}
	close(d.log.open)
	if code := <-answered; code != http.StatusOK {
		t.Error(code)
	}
	if keys := d.keys(t); len(keys) != 1 {
		t.Error(keys)
	}
}

// TestBusy checks that requests are refused while nothing can be taken in, and that what is sent
// again after a refusal counts once.
func TestBusy(t *testing.T) {
	d := begin(t, 8<<10, 8<<10, 200*time.Millisecond)
	for range 3 { // nobody reads
		if code, body := d.post(t, "/ingest", record("a1")); code != 503 || !strings.HasSuffix(body, `"code":9}`) {
			t.Errorf("%d %s", code, body)
		}
	}
	if d.in.held != 0 || len(d.in.waiting) != 0 {
		t.Errorf("%d bytes are held, %d requests wait", d.in.held, len(d.in.waiting))
	}

	// The log is slow: the request is refused, although its records come into the log later.
	d.log.open = make(chan struct{})
	d.read(t)
	if code, _ := d.post(t, "/ingest", record("a1")); code != 503 {
		t.Error(code)
	}
	close(d.log.open)
	<-d.steps
	if code, _ := d.post(t, "/ingest", record("a1")); code != 200 {
		t.Error(code)
	}
	if keys := d.keys(t); len(keys) != 1 {
		t.Error(keys)
	}

	health := func() int {
		res, err := d.srv.Client().Get(d.srv.URL + "/services/collector/health")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode
	}
	if code := health(); code != 200 {
		t.Errorf("health: %d", code)
	}
	if !d.in.reserve(5 << 10) {
		t.Fatal("no room")
	}
	if code, _ := d.post(t, "/ingest", record("b1")); code != 503 {
		t.Errorf("without room: %d", code)
	}
	d.in.release(5 << 10)
	d.in.mu.Lock()
	d.in.full = func() string { return "the disk is full" }
	d.in.mu.Unlock()
	if code, _ := d.post(t, "/ingest", record("b1")); code != 503 || health() != 503 {
		t.Errorf("intake is stopped: %d", code)
	}
}

// TestAcks asks for acknowledgements: an id is given once the records are in the event log.
func TestAcks(t *testing.T) {
	d := begin(t, 1<<20, 4<<20, time.Minute)
	d.read(t)
	for i := range 2 {
		want := fmt.Sprintf(`{"text":"Success","code":0,"ackId":%d}`, i)
		if code, body := d.post(t, "/services/collector/event", `{"event":`+record(fmt.Sprint(i))+`}`,
			"X-Splunk-Request-Channel", "c1"); code != 200 || body != want {
			t.Errorf("%d %s", code, body)
		}
	}
	if code, body := d.post(t, "/services/collector/ack?channel=c1", `{"acks":[0,1]}`); code != 200 || body != `{"acks":{"0":true,"1":true}}` {
		t.Errorf("%d %s", code, body)
	}
}

// TestCrowd sends many requests at the same time, some of which are given up by their senders.
func TestCrowd(t *testing.T) {
	d := begin(t, 1<<20, 4<<20, time.Minute)
	d.log.errors = 3
	d.read(t)
	go func() {
		for range d.steps {
		}
	}()
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			if code, body := d.post(t, "/ingest/crowd", record(fmt.Sprintf("r%d", i))); code != 200 {
				t.Errorf("%d %s", code, body)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i%20)*time.Millisecond)
			defer cancel()
			d.in.reserve(leastCharge)
			d.in.take(ctx, "given up", []byte(record(fmt.Sprintf("r%d", i))))
		})
	}
	all.Wait()
	if keys := d.keys(t); len(keys) != 200 {
		t.Errorf("%d events", len(keys))
	}
	waittest.Until(t, "nothing is held", func() bool { d.in.mu.Lock(); defer d.in.mu.Unlock(); return d.in.held == 0 })
}

// certificate writes a certificate of this machine, and its key.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "collector"},
		DNSNames:     []string{"collector.harbor.example"},
		NotAfter:     time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, of, of, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secretPart, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secretPart}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// TestListen opens a source with a certificate, looks at it while it runs and after it was closed,
// and opens it again at once.
func TestListen(t *testing.T) {
	t.Setenv("OUTFLOW_TEST_TOKEN", token)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	c := Kind.New().(*Config)
	c.Listen, c.Token = address, "env:OUTFLOW_TEST_TOKEN"
	c.Cert, c.Key = certificate(t)
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	env := ingest.Env{Now: time.Now, Log: slog.New(slog.DiscardHandler)}
	for range 2 {
		streams, err := c.Open(t.Context(), env)
		if err != nil {
			t.Fatal(err)
		}
		looks, err := c.Sample(t.Context(), env)
		if err != nil {
			t.Fatal(err)
		}
		if page, err := looks[0].Source.Fetch(t.Context(), nil); err != nil || len(page.Bodies) > 0 {
			t.Errorf("%+v, %v", page, err)
		}
		streams[0].Close()
		if _, err := streams[0].Source.Fetch(t.Context(), nil); err == nil {
			t.Error("a closed source is read")
		}
	}
	looks, err := c.Sample(t.Context(), env) // the address is free: it listens itself
	if err != nil {
		t.Fatal(err)
	}
	looks[0].Close()

	other, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	go http.Serve(other, http.NotFoundHandler())
	if looks, err = c.Sample(t.Context(), env); err != nil {
		t.Fatal(err)
	}
	if _, err := looks[0].Source.Fetch(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "is in use") {
		t.Error(err)
	}
	if _, err := c.Open(t.Context(), env); err == nil {
		t.Error("an address that is in use is opened")
	}
	t.Setenv("OUTFLOW_TEST_TOKEN", "short")
	if _, err := c.Open(t.Context(), env); err == nil || strings.Contains(err.Error(), "short:") {
		t.Error(err)
	}
}

// TestCheck checks which settings are refused.
func TestCheck(t *testing.T) {
	for want, change := range map[string]func(c *Config){
		"":                        func(*Config) {},
		"listen is required":      func(c *Config) { c.Listen = "" },
		"token is required":       func(c *Config) { c.Token = "" },
		"not a host:port":         func(c *Config) { c.Listen = "8088" },
		"cert and key must both":  func(c *Config) { c.Cert = "x" },
		"are required unless":     func(c *Config) { c.Listen = ":8088" },
		"exclude each other":      func(c *Config) { c.Cert, c.Key, c.PlainHTTP = "a", "b", true },
		"max_body: 0":             func(c *Config) { c.MaxBody = 0 },
		"max_waiting: 4":          func(c *Config) { c.MaxWaiting = 4 },
		"timeout: 1ms: from 1s":   func(c *Config) { c.Timeout = time.Millisecond },
		"max_waiting: 5000: from": func(c *Config) { c.MaxWaiting = 5000 },
	} {
		c := Kind.New().(*Config)
		c.Listen, c.Token = "localhost:8088", "env:X"
		change(c)
		if err := c.Check(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}
