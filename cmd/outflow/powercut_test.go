package main

import (
	"bytes"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/outflow/outflow/internal/waittest"
)

// diskFile is a file of a disk that may lose its power.
type diskFile struct {
	durable []byte
	pending []diskOp // since the last sync
}

// diskOp is a write or a truncation.
type diskOp struct {
	op   byte
	at   int64
	data []byte
}

// apply does it to the content of a file.
func (o diskOp) apply(b []byte) []byte {
	end := o.at + int64(len(o.data))
	if o.op == 'T' {
		end = o.at
	}
	if int64(len(b)) < end {
		b = append(b, make([]byte, end-int64(len(b)))...)
	}
	if o.op == 'T' {
		return b[:end]
	}
	copy(b[o.at:], o.data)
	return b
}

// disk is what a disk has: what is there now, and what is there for certain.
type disk struct{ now, durable map[string]*diskFile }

// written does what a log has up to a place. Files that it does not begin with are as in the folder.
func written(t *testing.T, log []byte, dir, base string) *disk {
	t.Helper()
	d := &disk{map[string]*diskFile{}, map[string]*diskFile{}}
	for len(log) >= 15 {
		op, m := log[0], int(binary.LittleEndian.Uint16(log[1:]))
		at, n := int64(binary.LittleEndian.Uint64(log[3:])), int(binary.LittleEndian.Uint32(log[11:]))
		if len(log) < 15+m+n {
			break
		}
		name, err := filepath.Rel(dir, string(log[15:15+m]))
		if err != nil {
			t.Fatal(err)
		}
		data := log[15+m : 15+m+n]
		log = log[15+m+n:]
		if op == 'S' && name == "." { // names are durable once the folder is
			d.durable = maps.Clone(d.now)
			continue
		}
		f := d.now[name]
		if f == nil && op != 'C' && op != 'U' {
			f = &diskFile{}
			if b, err := os.ReadFile(filepath.Join(base, name)); err == nil {
				f.durable, d.durable[name] = b, f
			}
			d.now[name] = f
		}
		switch op {
		case 'C':
			d.now[name] = &diskFile{}
		case 'U':
			delete(d.now, name)
		case 'S':
			for _, p := range f.pending {
				f.durable = p.apply(f.durable)
			}
			f.pending = nil
		default:
			f.pending = append(f.pending, diskOp{op, at, data})
		}
	}
	return d
}

// cut writes what the disk may have after a power cut. Of what was not synced there is nothing, everything, or some, and a
// write may be there up to a sector.
func (d *disk) cut(t *testing.T, to string, rng *rand.Rand) {
	t.Helper()
	mode := rng.IntN(3)
	some := func() bool { return mode == 1 || mode == 2 && rng.IntN(2) == 0 }
	for name := range d.now {
		if d.durable[name] != d.now[name] && some() {
			d.durable[name] = d.now[name]
		}
	}
	for name := range d.durable {
		if d.now[name] == nil && some() {
			delete(d.durable, name)
			if err := os.Remove(filepath.Join(to, name)); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
		}
	}
	for name, f := range d.durable {
		b := slices.Clone(f.durable)
		for _, p := range f.pending {
			if !some() {
				continue
			}
			if mode == 2 && p.op == 'W' && len(p.data) > 512 && rng.IntN(2) == 0 {
				p.data = p.data[:512*rng.IntN(len(p.data)/512)]
			}
			b = p.apply(b)
		}
		if err := os.WriteFile(filepath.Join(to, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// acknowledged is what a daemon has told somebody, and where its log was then.
type acknowledged struct {
	place   int64
	records int    // in the event log, in all
	who     string // whose alert was told, or is due
	alert   string // as its reader sees it
}

// powered is a daemon on a disk that loses its power.
type powered struct {
	t                *testing.T
	dir, log         string
	push, feed, soc  string
	hook             *httptest.Server
	mu               sync.Mutex
	told, sent, done []acknowledged
	first            []acknowledged // told before any cut
	seen             map[string]int // how often each message came
}

// place is how far the log has come.
func (p *powered) place() int64 {
	if fi, err := os.Stat(p.log); err == nil {
		return fi.Size()
	}
	return 0
}

// receive takes a notification.
func (p *powered) receive(_ http.ResponseWriter, r *http.Request) {
	var a struct{ ID, User string }
	body, _ := io.ReadAll(r.Body)
	if json.Unmarshal(body, &a) != nil || a.User == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen[r.Header.Get("Idempotency-Key")]++
	p.told = append(p.told, acknowledged{place: p.place(), who: a.User, alert: a.ID})
}

// start runs the daemon over a folder.
func (p *powered) start(dir string, env ...string) *exec.Cmd {
	p.t.Helper()
	said, err := os.Create(filepath.Join(dir, "said"))
	if err != nil {
		p.t.Fatal(err)
	}
	defer said.Close()
	cmd := exec.Command("outflow", "run", "--config", filepath.Join(dir, "outflow.yaml"))
	cmd.Env, cmd.Stderr = append(os.Environ(), env...), said
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if p.t.Failed() {
			b, _ := os.ReadFile(said.Name())
			p.t.Logf("%s:\n%s", dir, b)
		}
	})
	waittest.Until(p.t, "it has started", func() bool {
		res, err := http.Get("http://" + p.push + "/services/collector/health")
		if err == nil {
			res.Body.Close()
		}
		return err == nil && res.StatusCode == http.StatusOK
	})
	return cmd
}

// request sends a body with a token, and reports whether it was answered with 200.
func (p *powered) request(address, token, body string) bool {
	req, err := http.NewRequest("POST", "http://"+address, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	io.Copy(io.Discard, res.Body)
	return res.StatusCode == http.StatusOK
}

// work sends records, and decides about the alerts that are told, for a while.
func (p *powered) work(rounds int) {
	records, decided := 0, 0
	for i := range rounds {
		at := time.Now().UTC().Format("2006-01-02T15:04:05Z")
		var b bytes.Buffer
		for k := range 40 {
			fmt.Fprintf(&b, `{"type":"event","event_id":"q-%d-%d","created_by":{"type":"user","login":"p%d@acme.example"},"created_at":%q,`+
				`"event_type":"PREVIEW","ip_address":"203.0.113.9","source":{"item_type":"file","item_id":"%d","item_name":"Plan.docx"}}`+"\n", i, k, k, at, k)
		}
		who := fmt.Sprintf("stopper-%d", i)
		fmt.Fprintf(&b, `{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/%s","accountId":"111122223333",`+
			`"userName":"%s"},"eventTime":%q,"eventSource":"cloudtrail.amazonaws.com","eventName":"StopLogging","awsRegion":"eu-west-1",`+
			`"sourceIPAddress":"198.51.100.7","userAgent":"aws-cli/2","requestParameters":{"name":"arn:aws:cloudtrail:eu-west-1:111122223333:trail/%d"},`+
			`"responseElements":null,"eventID":"c%d","recipientAccountId":"111122223333"}`+"\n", who, who, at, i, i)
		if !p.request(p.push+"/ingest", "a-token-for-power-cuts", b.String()) {
			p.t.Fatal("records were refused")
		}
		records += 41
		p.sent = append(p.sent, acknowledged{place: p.place(), records: records, who: who})
		p.mu.Lock()
		told := p.told[decided:]
		p.mu.Unlock()
		for _, a := range told {
			decided++
			if p.request(p.feed+"/v1/alerts/"+a.alert+"/triage", p.soc, `{"status":"acknowledged","note":"on it"}`) {
				p.done = append(p.done, acknowledged{place: p.place(), alert: a.alert})
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// TestPowerCut has a daemon take records, judge, notify and store decisions while everything that SQLite writes is
// recorded. Then the power fails, OUTFLOW_CUTS times (4), at a random moment of that: the disk has what was synced, and
// some of the rest. Whatever the daemon had answered with success is there once it runs again: records, alerts, decisions
// and the audit log; and every alert that is due is told.
func TestPowerCut(t *testing.T) {
	long(t)
	cuts := 4
	if n, err := strconv.Atoi(os.Getenv("OUTFLOW_CUTS")); err == nil {
		cuts = n
	}
	shim := filepath.Join(t.TempDir(), "record.so")
	if out, err := exec.Command("cc", "-shared", "-fPIC", "-O1", "-o", shim, "testdata/powercut/record.c", "-lpthread").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Setenv("CUT_TOKEN", "a-token-for-power-cuts")
	p := &powered{t: t, dir: t.TempDir(), push: freeAddress(t), feed: freeAddress(t), seen: map[string]int{}}
	p.hook = httptest.NewServer(http.HandlerFunc(p.receive))
	t.Cleanup(p.hook.Close)
	conf := fmt.Sprintf("data_dir: ./data\ndomains: [acme.example]\nsources:\n  - {name: in, kind: push, listen: %q, token: \"env:CUT_TOKEN\"}\n"+
		"channels:\n  - {name: hook, kind: webhook, url: %q, secret: \"env:CUT_TOKEN\", allow_networks: [127.0.0.1], people: names}\nfeed: {listen: %q}\n", p.push, p.hook.URL, p.feed)
	config := filepath.Join(p.dir, "outflow.yaml")
	if err := os.WriteFile(config, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := p.start(p.dir)
	code, out, errs := outflow("token", "create", "--config", config, "--name", "kim", "--role", "soc")
	if p.soc = strings.TrimSpace(out); code != exitFine {
		t.Fatal(errs)
	}
	cmd.Process.Signal(syscall.SIGTERM)
	cmd.Wait()
	data, base := filepath.Join(p.dir, "data"), t.TempDir()
	if err := os.CopyFS(filepath.Join(base, "data"), os.DirFS(data)); err != nil {
		t.Fatal(err)
	}
	p.log = filepath.Join(t.TempDir(), "log")
	cmd = p.start(p.dir, "LD_PRELOAD="+shim, "POWERCUT_DIR="+data, "POWERCUT_LOG="+p.log)
	p.work(60)
	cmd.Process.Kill()
	cmd.Wait()
	p.first = slices.Clone(p.told)
	log, err := os.ReadFile(p.log)
	if err != nil || len(p.told) == 0 || len(p.done) == 0 {
		t.Fatalf("%v; %d told, %d decided", err, len(p.told), len(p.done))
	}
	t.Logf("%d bytes written; %d batches taken, %d alerts told, %d decisions", len(log), len(p.sent), len(p.told), len(p.done))
	rng := rand.New(rand.NewPCG(uint64(cuts), 7))
	lost, repeated := 0, 0
	for i := range cuts {
		place := p.sent[0].place + rng.Int64N(int64(len(log))-p.sent[0].place)
		n, again := p.restart(i, written(t, log[:place], data, filepath.Join(base, "data")), base, conf, place, rng)
		lost, repeated = lost+n, repeated+again
	}
	t.Logf("%d cuts: %d things lost; %d messages came again", cuts, lost, repeated)
}

// upTo returns what was acknowledged before a place.
func upTo(list []acknowledged, place int64) []acknowledged {
	return slices.DeleteFunc(slices.Clone(list), func(a acknowledged) bool { return a.place > place })
}

// restart runs the daemon on a disk after a power cut, and counts what is lost and which messages come again.
func (p *powered) restart(i int, d *disk, base, conf string, place int64, rng *rand.Rand) (lost, again int) {
	p.t.Helper()
	dir := p.t.TempDir()
	data := filepath.Join(dir, "data")
	if err := os.CopyFS(data, os.DirFS(filepath.Join(base, "data"))); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Chmod(data, 0o700); err != nil { // a copy is open to others
		p.t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(data, "*"))
	if err != nil {
		p.t.Fatal(err)
	}
	for _, file := range files {
		if err := os.Chmod(file, 0o600); err != nil {
			p.t.Fatal(err)
		}
	}
	d.cut(p.t, data, rng)
	config := filepath.Join(dir, "outflow.yaml")
	if err := os.WriteFile(config, []byte(conf), 0o600); err != nil {
		p.t.Fatal(err)
	}
	missing := func(format string, args ...any) {
		lost++
		p.t.Errorf("cut %d at %d: %s", i, place, fmt.Sprintf(format, args...))
	}
	sent, told, done := upTo(p.sent, place), upTo(p.first, place), upTo(p.done, place)
	p.mu.Lock()
	p.told = slices.Clone(told)
	p.seen = map[string]int{}
	p.mu.Unlock()
	if want := sent[len(sent)-1].records; p.count(filepath.Join(data, "log.db"),
		"SELECT coalesce(sum(n), 0) FROM segment JOIN topic ON topic.id = segment.topic WHERE name = 'events'") < want {
		missing("fewer than %d records are in the event log", want)
	}
	cmd := p.start(dir)
	due := map[string]bool{}
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(500 * time.Millisecond) {
		clear(due)
		for _, a := range sent {
			due[a.who] = true
		}
		p.mu.Lock()
		for _, a := range p.told {
			maps.DeleteFunc(due, func(who string, _ bool) bool { return strings.HasSuffix(a.who, "/"+who) || a.who == who })
		}
		again = len(p.told) - len(told)
		p.mu.Unlock()
		if len(due) == 0 {
			break
		}
		at := time.Now().UTC().Format("2006-01-02T15:04:05.000Z") // what is last waits for something later
		p.request(p.push+"/ingest", "a-token-for-power-cuts", fmt.Sprintf(`{"type":"event","event_id":"n-%d-%s","created_by":{"type":"user",`+
			`"login":"p1@acme.example"},"created_at":%q,"event_type":"PREVIEW","source":{"item_type":"file","item_id":"1"}}`, i, at, at))
	}
	if len(due) > 0 {
		missing("nobody was told of %v", slices.Sorted(maps.Keys(due)))
	}
	cmd.Process.Signal(syscall.SIGTERM)
	cmd.Wait()
	feed := filepath.Join(data, "feed.db")
	if n := p.count(feed, "SELECT count(DISTINCT alert) FROM triage"); n < len(done) {
		missing("%d decisions of %d", len(done)-n, len(done))
	}
	for _, a := range done { // the audit log has the ids that readers see
		if p.count(feed, "SELECT count(*) FROM access WHERE what = 'decided acknowledged about alert "+a.alert+"'") == 0 {
			missing("the line of the audit log about %s", a.alert)
		}
	}
	if code, out, errs := outflow("audit", "verify", "--config", config); code != exitFine {
		missing("the audit log: %s%s", out, errs)
	}
	for _, a := range told {
		if p.count(filepath.Join(data, "alerts.db"), "SELECT count(*) FROM alert WHERE user = '"+a.who+"'") == 0 {
			missing("the alert about %s, which was told", a.who)
		}
	}
	return lost, again
}

// count returns the number that a query has.
func (p *powered) count(path, query string) (n int) {
	p.t.Helper()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow(query).Scan(&n); err != nil {
		p.t.Fatalf("%s: %v", path, err)
	}
	return n
}
