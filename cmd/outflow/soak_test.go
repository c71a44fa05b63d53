package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/internal/waittest"
)

// soakFigures is what a soak looks at. The heap goal is the size at which garbage is collected next, which follows what is in use:
// the heap itself goes up and down between collections. The files in the data directory that are added up are those of SQLite.
var soakFigures = []string{"resident MB", "heap goal MB", "goroutines", "file handles", "records waiting", "log.db MB", "other files MB"}

// TestSoak feeds a daemon for as long as OUTFLOW_SOAK says (60m), OUTFLOW_RATE records a second (5,000), of 4,000 people,
// while somebody reads the feed. After the first third of the time memory, goroutines, file handles and what waits no
// longer grow. It prints what it looks at every half minute, and how much each grows an hour. Without OUTFLOW_SOAK it is
// a short one, of records and not of time.
func TestSoak(t *testing.T) {
	text := os.Getenv("OUTFLOW_SOAK")
	if text == "" {
		shortSoak(t)
		return
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	rate := 5000
	if n, err := strconv.Atoi(os.Getenv("OUTFLOW_RATE")); err == nil {
		rate = n
	}
	s := newSoak(t, 4000, "")
	every := min(30*time.Second, d/40)
	var taken []soakSample
	sent, began, next := 0, time.Now(), time.Now()
	for at := began; at.Sub(began) < d; at = time.Now() {
		if want := int(at.Sub(began).Seconds() * float64(rate)); want-sent >= rate/10 {
			n := min(want-sent, 2000) // a batch of at most a megabyte
			s.send(sent, n, at)
			sent += n
		} else {
			time.Sleep(20 * time.Millisecond)
		}
		if at.After(next) {
			next = next.Add(every)
			s.read()
			x := s.sample(at.Sub(began))
			taken = append(taken, x)
			t.Logf("%7s %10d records  %s", x.at.Round(time.Second), sent, x)
		}
	}
	t.Logf("%d records in %s: %.0f a second, %d asked for", sent, d, float64(sent)/d.Seconds(), rate)
	if float64(sent) < .9*d.Seconds()*float64(rate) {
		t.Errorf("the rate was not kept: this says less than it should")
	}
	after := taken[len(taken)/3:]
	for i, name := range soakFigures {
		slope, level := trend(after, i)
		t.Logf("%-16s %10.1f on average, %+8.2f an hour", name, level, slope)
		slack := map[string]float64{"goroutines": 5, "file handles": 5, "records waiting": float64(10 * rate)}
		grows := slope * after[len(after)-1].at.Hours() * 2 / 3 // over the time that was looked at
		if i < 5 && grows > max(level/10, slack[name]) {
			t.Errorf("%s: it grows: %.1f at %.1f", name, grows, level)
		}
	}
}

// shortSoak sends records of 200 people in one hour to a daemon that keeps few of them in memory. What it holds after 270,000
// and after 500,000 differs by less than 8 bytes a record.
func shortSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("a daemon takes half a million records")
	}
	s := newSoak(t, 200, "memory: {events: 2}\n")
	sent, hour := 0, time.Now().Truncate(time.Hour).Add(-time.Hour) // it stays open, as nothing later comes
	holds := func(until int) soakSample {
		for ; sent < until; sent += 2000 {
			s.send(sent, 2000, hour.Add(time.Duration(sent)*6*time.Millisecond))
		}
		waittest.Until(t, "all of them are processed", func() bool {
			x := s.sample(0)
			return x.values[4] == 0 && x.people == s.people
		})
		s.read()
		x := s.sample(0)
		for range 5 { // twice, for what pools keep; and what is in use for a moment does not count
			s.get(s.metrics+"/debug/pprof/heap?gc=1", "")
			x.live = min(x.live, s.sample(0).live)
			time.Sleep(200 * time.Millisecond)
		}
		return x
	}
	before, after := holds(270_000), holds(500_000)
	t.Logf("%s live MB %.1f", before, before.live/(1<<20))
	t.Logf("%s live MB %.1f", after, after.live/(1<<20))
	if grows := (after.live - before.live) / 230_000; grows > 8 {
		t.Errorf("what it holds grows by %.0f bytes a record", grows)
	}
	for i := 2; i < 4; i++ {
		if n := after.values[i] - before.values[i]; n > 20 {
			t.Errorf("%s: %.0f more than before", soakFigures[i], n)
		}
	}
}

// soakSample is a value for each of soakFigures.
type soakSample struct {
	at     time.Duration
	values [7]float64
	live   float64 // bytes of the heap, with what is not collected yet
	people int     // that the daemon knows
}

// String returns the values with their names.
func (x soakSample) String() string {
	var b strings.Builder
	for i, name := range soakFigures {
		fmt.Fprintf(&b, "%s %.0f  ", name, x.values[i])
	}
	return b.String()
}

// trend returns by how much a value grows an hour (least squares), and its mean.
func trend(list []soakSample, i int) (slope, mean float64) {
	var at, both, square float64
	n := float64(len(list))
	for _, x := range list {
		at += x.at.Hours() / n
		mean += x.values[i] / n
	}
	for _, x := range list {
		d := x.at.Hours() - at
		both += d * (x.values[i] - mean)
		square += d * d
	}
	return both / square, mean
}

// soak is a daemon that records are sent to.
type soak struct {
	t                   *testing.T
	dir                 string
	pid                 int
	push, feed, metrics string // addresses
	token               string // of the feed
	people              int    // whose records are sent
}

// newSoak starts a daemon with more configuration.
func newSoak(t *testing.T, people int, more string) *soak {
	t.Setenv("SOAK_TOKEN", "a-token-for-the-soak")
	s := &soak{t: t, people: people, dir: t.TempDir(), push: freeAddress(t), feed: freeAddress(t), metrics: freeAddress(t)}
	config := filepath.Join(s.dir, "outflow.yaml")
	text := fmt.Sprintf("data_dir: ./data\ndomains: [acme.example]\nsources:\n  - {name: in, kind: push, listen: %q, token: \"env:SOAK_TOKEN\"}\n"+
		"channels:\n  - {name: out, kind: file, path: notifications.ndjson}\nfeed: {listen: %q}\nmetrics: {listen: %q, pprof: true}\n%s", s.push, s.feed, s.metrics, more)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd, _ := running(t, config)
	s.pid = cmd.Process.Pid
	waittest.Until(t, "it has started", func() bool {
		res, err := http.Get("http://" + s.push + "/services/collector/health")
		if err == nil {
			res.Body.Close()
		}
		return err == nil && res.StatusCode == http.StatusOK
	})
	code, out, errs := outflow("token", "create", "--config", config, "--name", "soak", "--role", "soc")
	if code != exitFine {
		t.Fatal(errs)
	}
	for word := range strings.FieldsSeq(out) {
		if strings.HasPrefix(word, "outflow_") {
			s.token = word
		}
	}
	return s
}

// freeAddress returns an address of this machine that nothing listens at.
func freeAddress(t *testing.T) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// send sends n records of a moment. One of 20,000 is of a kind that raises an alert.
func (s *soak) send(from, n int, now time.Time) {
	var b bytes.Buffer
	at := now.UTC().Format("2006-01-02T15:04:05Z")
	for i := from; i < from+n; i++ {
		who, kind := i%s.people, "PREVIEW"
		switch {
		case i%20_000 == 19_999:
			who, kind = i/20_000%s.people, "ITEM_SHARED_CREATE"
		case i%7 == 0:
			kind = "DOWNLOAD"
		}
		fmt.Fprintf(&b, `{"type":"event","event_id":"s-%d","created_by":{"type":"user","login":"p%d@acme.example"},"created_at":%q,"event_type":%q,`+
			`"ip_address":"203.0.113.%d","source":{"item_type":"file","item_id":"%d","item_name":"Plan %d.docx","parent":{"type":"folder","id":"%d","name":"Team %d"}}}`+"\n",
			i, who, at, kind, who%200, who*40+i%37, i%37, who/20, who/20)
	}
	for try := time.Duration(1); ; try++ { // as a collector does
		req, err := http.NewRequest("POST", "http://"+s.push+"/ingest", bytes.NewReader(b.Bytes()))
		if err != nil {
			s.t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer a-token-for-the-soak")
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
		}
		switch {
		case err == nil && res.StatusCode == http.StatusOK:
			return
		case try > 30 || err == nil && res.StatusCode != http.StatusServiceUnavailable:
			s.t.Fatal(cmp.Or(err, fmt.Errorf("it answers %s", res.Status)))
		}
		time.Sleep(try * 100 * time.Millisecond)
	}
}

// get returns what an address answers; as a reader of the feed if token is set.
func (s *soak) get(address, token string) string {
	req, err := http.NewRequest("GET", "http://"+address, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: %s", address, res.Status)
	}
	if res.Header.Get("Content-Type") == "text/event-stream" {
		b := make([]byte, 64)
		n, _ := res.Body.Read(b) // and then the reader is gone
		return string(b[:n])
	}
	b, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(b)
}

// read reads the feed as somebody at the pages does.
func (s *soak) read() {
	for _, path := range []string{"/", "/v1/alerts", "/coverage", "/v1/stream"} {
		s.get(s.feed+path, s.token)
	}
}

// sample looks at the daemon.
func (s *soak) sample(at time.Duration) soakSample {
	x := soakSample{at: at}
	for line := range strings.Lines(s.get(s.metrics+"/metrics", "")) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		name, _, _ = strings.Cut(name, "{")
		v, _ := strconv.ParseFloat(value, 64)
		switch name {
		case "process_resident_memory_bytes":
			x.values[0] = v / (1 << 20)
		case "go_memstats_next_gc_bytes":
			x.values[1] = v / (1 << 20)
		case "go_memstats_heap_alloc_bytes":
			x.live = v
		case "outflow_detect_people":
			x.people = int(v)
		case "go_goroutines":
			x.values[2] = v
		case "process_open_fds":
			x.values[3] = v
		case "outflow_log_lag_records":
			x.values[4] += v
		}
	}
	files, err := filepath.Glob(filepath.Join(s.dir, "data", "*"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, path := range files {
		fi, err := os.Stat(path)
		if err != nil {
			continue // a temporary file of SQLite
		}
		i := 6
		if strings.HasPrefix(filepath.Base(path), "log.db") {
			i = 5
		}
		x.values[i] += float64(fi.Size()) / (1 << 20)
	}
	return x
}
