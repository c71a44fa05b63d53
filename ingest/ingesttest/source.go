package ingesttest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"golang.org/x/tools/txtar"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/watch"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/webapi"
)

// Now is the current time in scenarios.
var Now = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// Vendor is a server that answers requests from the sections of a txtar archive. The name of a
// section is the request that it answers: "GET /path?a=b", where the value * stands for any
// value and *text* for one that contains the text, and other parameters are ignored; or "POST
// /path text", for requests whose body contains the text. A section consists of headers (Status
// among them), an empty line and the body; {{url}} stands for the server's address. Of several
// sections with the same name, each answers once, and the last one from then on.
type Vendor struct {
	*httptest.Server
	Requests int      // requests so far
	Unknown  []string // requests that no section answers

	mu      sync.Mutex
	answers []*answer
	fault   func(w http.ResponseWriter, r *http.Request, seen int) bool // returns true if it has answered
	seen    map[string]int                                              // how often each request was made
}

// answer holds the answers to a request.
type answer struct {
	method, path string
	text         string // part of the request's body
	query        url.Values
	bodies       [][]byte
	used         int // answers given so far
}

// NewVendor starts a server for the sections of an archive that are requests. It is closed when
// the test ends.
func NewVendor(t testing.TB, ar *txtar.Archive) *Vendor {
	t.Helper()
	v := &Vendor{seen: map[string]int{}}
	for _, f := range ar.Files {
		method, target, ok := strings.Cut(f.Name, " ")
		if !ok || method != "GET" && method != "POST" {
			continue
		}
		target, text, _ := strings.Cut(target, " ")
		path, query, _ := strings.Cut(target, "?")
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(v.answers, func(a *answer) bool {
			return a.method == method && a.path == path && a.text == text && maps.EqualFunc(a.query, values, slices.Equal)
		})
		if i < 0 {
			i = len(v.answers)
			v.answers = append(v.answers, &answer{method: method, path: path, text: text, query: values})
		}
		v.answers[i].bodies = append(v.answers[i].bodies, f.Data)
	}
	v.Server = httptest.NewServer(v)
	t.Cleanup(v.Close)
	return v
}

// matches reports whether a request with a body gets the answer.
func (a *answer) matches(r *http.Request, body []byte) bool {
	if a.method != r.Method || a.path != r.URL.Path || !bytes.Contains(body, []byte(a.text)) {
		return false
	}
	q := r.URL.Query()
	for name, want := range a.query {
		got, there := q[name]
		part, any := strings.CutPrefix(want[0], "*")
		if !there || !any && got[0] != want[0] || !strings.Contains(got[0], strings.TrimSuffix(part, "*")) && any {
			return false
		}
	}
	return true
}

// ServeHTTP implements http.Handler.
func (v *Vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.Requests++
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	what := r.Method + " " + r.URL.String() + " " + string(body)
	if strings.Contains(r.URL.Path, "token") { // assertions differ every time
		what = r.Method + " " + r.URL.Path
	}

	w.Header().Set("Date", Now.Format(http.TimeFormat))
	v.seen[what]++
	if v.fault != nil && v.fault(w, r, v.seen[what]) {
		return
	}
	best := -1
	for i, a := range v.answers { // the one with the most parameters
		if a.matches(r, body) && (best < 0 || len(a.query) > len(v.answers[best].query)) {
			best = i
		}
	}

	if best < 0 {
		v.Unknown = append(v.Unknown, r.Method+" "+r.URL.String())
		w.WriteHeader(http.StatusNotImplemented)
		return
	}

	a := v.answers[best]
	text := bytes.ReplaceAll(a.bodies[min(a.used, len(a.bodies)-1)], []byte("{{url}}"), []byte(v.URL))
	a.used++
	head, content, _ := bytes.Cut(append([]byte{'\n'}, text...), []byte("\n\n"))
	headers, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(append(bytes.TrimLeft(head, "\n"), "\n\n"...)))).ReadMIMEHeader()
	if err != nil {
		panic(fmt.Sprintf("%s %s: %v", a.method, a.path, err))
	}

	status := http.StatusOK
	for name, values := range headers {
		if name == "Status" {
			status, _ = strconv.Atoi(values[0])
			continue
		}
		w.Header()[name] = values
	}

	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(status)
	w.Write(bytes.TrimRight(content, "\n"))
}

// faults are the ways in which vendors and proxies misbehave, when a request is made for the
// first time. None of them may change which events are collected.
var faults = map[string]func(w http.ResponseWriter, r *http.Request, seen int) bool{
	"throttled for seconds": first(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(http.StatusTooManyRequests)
	}),
	"throttled until a date": first(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", Now.Add(time.Second).Format(http.TimeFormat))
		w.WriteHeader(http.StatusTooManyRequests)
	}),
	"unavailable": first(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, "<html>come back later</html>")
	}),
	"a login page": first(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "<html>sign in</html>")
	}),
	"cut": first(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		io.WriteString(w, `[{"a`)
		panic(http.ErrAbortHandler)
	}),
	"cut without a length": first(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"entries":[`)
	}),
	"no answer": first(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }),
	"a token that runs out": func(w http.ResponseWriter, r *http.Request, seen int) bool {
		if seen > 1 || strings.Contains(r.URL.Path, "token") {
			return false
		}
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprintf(w, `{"error":"expired: %s"}`, r.Header.Get("Authorization")) // vendors do
		return true
	},
	"redirected": first(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "http://example.invalid/")
		w.WriteHeader(http.StatusServiceUnavailable)
	}),
}

// first returns a fault that answers only the first time that a request is made.
func first(do func(w http.ResponseWriter, r *http.Request)) func(http.ResponseWriter, *http.Request, int) bool {
	return func(w http.ResponseWriter, r *http.Request, seen int) bool {
		if seen > 1 {
			return false
		}
		do(w, r)
		return true
	}
}

// Scenario is a scenario of a source.
type Scenario struct {
	Kind    ingest.Kind      // kind of the source
	Archive *txtar.Archive   // configuration, answers of the vendor, and wanted events
	Formats []*ingest.Format // formats that the source reads
	Tables  []*ingest.Table  // tables that the source reads
	Secrets []string         // texts that must not appear in errors
	Since   time.Time        // start of the streams
}

// run is a collection of the events of a scenario.
type run struct {
	*Scenario
	vendor  *Vendor
	now     func() time.Time
	log     eventlog.Log
	restart bool                    // before every step, so that only stored state is used
	between func(name string) error // an error ends the step in the middle
	looks   int                     // how often each stream is read to its end; 0 stands for 1
	errors  []string
	gaps    []string
	dead    []string
}

func newRun(t testing.TB, s *Scenario) *run {
	return &run{
		Scenario: s,
		vendor:   NewVendor(t, s.Archive),
		now:      func() time.Time { return Now },
		log:      eventlog.NewMemory(1, 64<<20),
	}
}

const maxSteps = 60

// collect reads all streams to their end and returns the events in the event log as text, each
// once, ordered by time.
func (r *run) collect(t testing.TB, dir string) []string {
	t.Helper()
	c := &collection{run: r, path: filepath.Join(dir, "sources.db")}
	defer c.close()
	c.open(t)
	for i := range c.pulls {
		ended, steps := 0, 0
		for ; ended < max(r.looks, 1) && steps < maxSteps; steps++ {
			if r.restart {
				c.close()
				c.open(t)
			}
			if c.step(t.Context(), c.pulls[i]) {
				ended++
			}
		}
		if steps == maxSteps {
			t.Errorf("%s: no end after %d steps; %s", c.pulls[i].Stream.Name, steps, r.errors)
		}
	}

	letters, err := c.store.DeadLetters(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range letters {
		r.dead = append(r.dead, "dead: "+l.File+": "+l.Reason)
	}
	slices.Sort(r.errors)
	r.errors = slices.Compact(r.errors)
	return read(t, r.log)
}

// collection is a run with an open store and open streams.
type collection struct {
	*run
	path  string // of the store
	store *watch.Store
	pulls []*watch.Pull
}

// open opens the store and the streams, as the program does at its start.
func (c *collection) open(t testing.TB) {
	t.Helper()
	var err error
	if c.store, err = watch.Open(t.Context(), c.path); err != nil {
		t.Fatal(err)
	}
	if c.pulls, err = c.run.open(t.Context(), t); err != nil {
		t.Fatal(err)
	}
}

func (c *collection) close() {
	if c.store != nil {
		c.store.Close()
	}
}

// step reads a page of a stream. It returns true if there is no more to read.
func (c *collection) step(ctx context.Context, p *watch.Pull) (end bool) {
	stepping, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if c.between != nil {
		p.Between = func(name string) {
			if err := c.between(name); err != nil {
				cancel(err)
			}
		}
	}
	step, err := c.store.Step(stepping, p, c.now())
	for _, g := range step.Gaps {
		c.gaps = append(c.gaps, "gap: "+strings.ReplaceAll(g.Error(), c.vendor.URL, "{{url}}"))
	}
	if err != nil {
		c.errors = append(c.errors, err.Error())
		return webapi.Is(err, webapi.Denied) || webapi.Is(err, webapi.Refused) // these are not retried soon
	}
	return !step.More
}

// open opens the streams with the scenario's configuration. The error is that of the source.
func (r *run) open(ctx context.Context, t testing.TB) ([]*watch.Pull, error) {
	t.Helper()
	var conf []byte
	for _, f := range r.Archive.Files {
		if f.Name == "config" {
			conf = bytes.ReplaceAll(f.Data, []byte("{{url}}"), []byte(r.vendor.URL))
		}
	}
	settings := r.Kind.New()
	if err := yaml.NewDecoder(bytes.NewReader(conf), yaml.Strict()).Decode(settings); err != nil {
		t.Fatal(err)
	}
	if err := settings.Check(); err != nil {
		t.Fatal(err)
	}
	streams, err := settings.Open(ctx, ingest.Env{
		HTTP:  r.vendor.Client(),
		Now:   r.now,
		Log:   slog.New(slog.DiscardHandler),
		Since: r.Since,
	})
	if err != nil {
		return nil, err
	}
	var pulls []*watch.Pull
	for _, s := range streams {
		pulls = append(pulls, &watch.Pull{Name: "x", Stream: s, Formats: r.Formats, Tables: r.Tables, Log: r.log})
	}
	return pulls, nil
}

// Events calls take for the events of an event log, partition by partition, ordered by offset.
func Events(t testing.TB, log eventlog.Log, take func(e *event.Event)) {
	t.Helper()
	for p := range log.Partitions() {
		_, end, err := log.Bounds(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		_, err = eventlog.Each(t.Context(), log, p, 0, end, 1000, func(r *eventlog.Record) error {
			if _, marker := ingest.ParseBatchMarker(r.Value); marker {
				return nil
			}
			var dec event.Decoder
			var e event.Event
			if err := dec.Decode(r.Value, &e); err != nil {
				return err
			}
			take(&e)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// read returns the events of an event log as text, each once, ordered by time.
func read(t testing.TB, log eventlog.Log) []string {
	t.Helper()
	type place struct {
		time int64
		key  uint64
	}
	found := map[place]string{}
	Events(t, log, func(e *event.Event) { found[place{e.Time, e.Key}] = Format(e) })
	keys := slices.SortedFunc(maps.Keys(found), func(a, b place) int {
		if a.time != b.time {
			return int(a.time - b.time)
		}
		return strings.Compare(found[a], found[b])
	})
	var list []string
	for _, k := range keys {
		list = append(list, found[k])
	}
	return list
}

// TestSources tests a kind of source with the scenarios testdata/api/*.txtar. The events that it
// collects must be those of the section want, despite faults of the vendor, restarts, crashes at
// any line, a failing event log, and two pollers at once. No error may contain a secret.
func TestSources(t *testing.T, kind ingest.Kind, formats []*ingest.Format, tables []*ingest.Table) {
	t.Helper()
	archives, err := filepath.Glob("testdata/api/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("no testdata/api/*.txtar", err)
	}
	for _, name := range archives {
		if base := filepath.Base(name); !strings.HasPrefix(base, kind.Name) {
			continue
		}
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			TestSource(t, name, NewScenario(t, kind, ar, formats, tables))
		})
	}
}

// NewScenario returns the scenario of an archive.
func NewScenario(t *testing.T, kind ingest.Kind, ar *txtar.Archive, formats []*ingest.Format, tables []*ingest.Table) *Scenario {
	return &Scenario{Kind: kind, Archive: ar, Formats: formats, Tables: tables, Since: since(t, ar)}
}

// since returns the start of a scenario's streams: the section since, or a day before Now.
func since(t *testing.T, ar *txtar.Archive) time.Time {
	for _, f := range ar.Files {
		if f.Name == "since" {
			at, err := time.Parse(time.RFC3339, strings.TrimSpace(string(f.Data)))
			if err != nil {
				t.Fatal(err)
			}
			return at
		}
	}
	return Now.Add(-24 * time.Hour)
}

// repeats reports whether the vendor repeats its answers.
func (s *Scenario) repeats() bool { return !strings.Contains(string(s.Archive.Comment), "Once only") }

// TestSource tests a source with one scenario.
func TestSource(t *testing.T, name string, s *Scenario) {
	t.Setenv("OUTFLOW_TEST_SECRET", "hunter2-hunter2")
	s.Secrets = append(s.Secrets, "hunter2-hunter2")
	plain := newRun(t, s)
	want := plain.collect(t, t.TempDir())
	golden(t, name, s.Archive, plain.text(want))
	if len(plain.vendor.Unknown) > 0 {
		t.Errorf("nothing answers %s", plain.vendor.Unknown)
	}

	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			if v.repeats && !s.repeats() {
				t.Skip("the scenario's answers are for one pass")
			}
			r := newRun(t, s)
			v.set(r)
			r.check(t, r.collect(t, t.TempDir()), want)
		})
	}
	t.Run("two pollers", func(t *testing.T) {
		if !s.repeats() {
			t.Skip("the scenario's answers are for one pass")
		}
		a, b := newRun(t, s), newRun(t, s)
		b.vendor, b.log = a.vendor, a.log
		a.collect(t, t.TempDir())
		b.check(t, b.collect(t, t.TempDir()), want)
	})
	t.Run("a secret that is wrong", func(t *testing.T) {
		r := newRun(t, s)
		r.vendor.fault = forbid
		list := r.collect(t, t.TempDir())
		if len(list) > 0 || len(r.errors) == 0 {
			t.Errorf("%d events, %d errors", len(list), len(r.errors))
		}
		r.check(t, nil, nil)
	})
}

// variant is a way to run a scenario that must collect the same events.
type variant struct {
	name    string
	repeats bool // needs a vendor that repeats its answers
	set     func(r *run)
}

// variants returns repetitions, restarts, crashes, faults of the vendor, and a failing event log.
func variants() []variant {
	list := []variant{
		{"twice", true, func(r *run) { r.looks = 2 }},
		{"restarted before every step", false, func(r *run) { r.restart = true }},
		{"a log that fails", true, func(r *run) { r.log = &failing{Log: r.log} }},
	}
	for _, line := range []string{"appended", "read", "advanced", "noted"} {
		list = append(list, variant{"crashed after " + line, true, func(r *run) {
			r.restart = true
			var crashes atomic.Int64 // bodies are read at the same time
			r.between = func(at string) error {
				if at == line && crashes.Add(1)%2 == 1 { // every second time
					return errors.New("crash")
				}
				return nil
			}
		}})
	}
	for _, fault := range slices.Sorted(maps.Keys(faults)) {
		list = append(list, variant{fault, true, func(r *run) { r.vendor.fault = faults[fault] }})
	}
	return list
}

// forbid rejects every request and repeats its secrets.
func forbid(w http.ResponseWriter, req *http.Request, _ int) bool {
	w.WriteHeader(http.StatusForbidden)
	body, _ := io.ReadAll(req.Body)
	fmt.Fprintf(w, `{"error":"no access for %s with %s"}`, req.Header.Get("Authorization"), body)
	return true
}

// text returns the result of a run in the form of the section want.
func (r *run) text(events []string) string {
	text := strings.Join(slices.Concat(events, r.gaps, r.dead), "\n") + "\n"
	for _, e := range r.errors {
		text += "error: " + strings.ReplaceAll(e, r.vendor.URL, "{{url}}") + "\n"
	}
	return text + fmt.Sprintf("%d requests\n", r.vendor.Requests)
}

// check asserts that a run collected the wanted events, and that no error contains a secret.
func (r *run) check(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("it gives\n%s\nin place of\n%s\nerrors %s", strings.Join(got, "\n"), strings.Join(want, "\n"), r.errors)
	}
	for _, e := range r.errors {
		for _, secret := range r.Secrets {
			if slices.ContainsFunc(spellings(secret), func(form string) bool { return strings.Contains(e, form) }) {
				t.Errorf("an error holds a secret: %s", e)
			}
		}
	}
}

// spellings returns a secret as it may stand in an answer: as it is, in a form, and in the middle of base64.
func spellings(secret string) []string {
	list := []string{secret, url.QueryEscape(secret)}
	for _, before := range []string{"", "i", "id"} {
		text := base64.RawStdEncoding.EncodeToString([]byte(before + secret))
		list = append(list, text[4:len(text)-2])
	}
	return list
}

// failing is an event log. Of its first writes, every second one fails, and every fourth one
// returns an error although it succeeds.
type failing struct {
	eventlog.Log
	mu sync.Mutex
	n  int
}

// Append implements eventlog.Log.
func (f *failing) Append(ctx context.Context, recs ...eventlog.Record) error {
	f.mu.Lock()
	f.n++
	n := f.n
	f.mu.Unlock()
	switch {
	case n > 9:
	case n%4 == 3:
		return errors.Join(f.Log.Append(ctx, recs...), errors.New("the log says that it has failed"))
	case n%2 == 1:
		return errors.New("the log has failed")
	}
	return f.Log.Append(ctx, recs...)
}

// golden compares a text with the section want of an archive, or writes it there.
func golden(t *testing.T, name string, ar *txtar.Archive, got string) {
	t.Helper()
	i := slices.IndexFunc(ar.Files, func(f txtar.File) bool { return f.Name == "want" })
	if *update {
		if i < 0 {
			i = len(ar.Files)
			ar.Files = append(ar.Files, txtar.File{Name: "want"})
		}
		ar.Files[i].Data = []byte(got)
		if err := os.WriteFile(name, txtar.Format(ar), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if i < 0 {
		t.Fatal("no want: run with -update and read it")
	}
	if want := string(ar.Files[i].Data); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
