package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/cmd/outflow/internal/batch"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/daemon"
	"github.com/outflow/outflow/cmd/outflow/internal/stream"
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/waittest"
)

// wayOfArrival is a way in which files of the example come to a daemon: it puts them into a
// folder, some at a time, and lets the daemon judge after each of the times.
type wayOfArrival struct {
	name    string
	deliver func(a *arriving)
}

// arriving is a delivery that is under way.
type arriving struct {
	t       *testing.T
	rng     *rand.Rand
	files   []string // of the example
	exports string
	config  string
	dir     string
}

// judge has the daemon take in what is there.
func (a *arriving) judge() { once(a.t, a.config) }

func (a *arriving) put(paths ...string) {
	for _, p := range paths {
		put(a.t, p, a.exports)
	}
}

// by sorts the files into groups, in the order of their keys.
func (a *arriving) by(key func(path string) string) [][]string {
	of := map[string][]string{}
	for _, p := range a.files {
		of[key(p)] = append(of[key(p)], p)
	}
	var groups [][]string
	for _, k := range slices.Sorted(maps.Keys(of)) {
		groups = append(groups, of[k])
	}
	return groups
}

// days are the files by some days at a time; those of no day, which are HR's, come first.
func (a *arriving) days(some int) [][]string {
	return a.by(func(path string) string { return fmt.Sprintf("%04d", (dayOfFile(path)+some)/some) })
}

// dayOfFile is the day of the example that a file is about; -1 for none.
func dayOfFile(path string) int {
	m := dated.FindStringSubmatch(filepath.Base(path))
	if m == nil {
		return -1
	}
	month, _ := strconv.Atoi(m[1])
	day, _ := strconv.Atoi(m[2])
	return int(time.Date(2026, time.Month(month), day, 0, 0, 0, 0, time.UTC).Sub(dayZero).Hours() / 24)
}

func vendorOf(path string) string {
	rel, _ := filepath.Rel(acme, path)
	vendor, _, _ := strings.Cut(filepath.ToSlash(rel), "/")
	return vendor
}

// each puts groups, one after the other, and judges after each of them.
func (a *arriving) each(groups [][]string) {
	for _, g := range groups {
		a.put(g...)
		a.judge()
	}
}

var arrivals = []wayOfArrival{
	{"all at once", func(a *arriving) { a.each([][]string{a.files}) }},
	{"vendor by vendor", func(a *arriving) {
		groups := a.by(vendorOf)
		a.rng.Shuffle(len(groups), func(i, k int) { groups[i], groups[k] = groups[k], groups[i] })
		a.each(groups)
	}},
	{"reversed days", func(a *arriving) {
		groups := a.days(6)
		slices.Reverse(groups)
		a.each(groups)
	}},
	{"day by day", func(a *arriving) { a.each(a.days(3)) }},
	{"a new source on day 30", func(a *arriving) {
		late := vendorOf(a.files[a.rng.IntN(len(a.files))])
		var before, after []string
		for _, p := range a.files {
			switch {
			case vendorOf(p) == late:
				after = append(after, p)
			case dayOfFile(p) < 30:
				before = append(before, p)
			default:
				after = append(after, p)
			}
		}
		a.each([][]string{before, after})
	}},
	{"two passes", func(a *arriving) {
		var one, two []string
		for _, p := range a.files {
			if a.rng.IntN(2) == 0 {
				one = append(one, p)
			} else {
				two = append(two, p)
			}
		}
		a.each([][]string{one, two})
	}},
	{"a file rewritten", func(a *arriving) {
		i := a.rng.IntN(len(a.files))
		rest := slices.Delete(slices.Clone(a.files), i, i+1)
		lines := a.lines(a.files[i])
		a.put(rest...)
		a.write(a.files[i], lines[len(lines)/2:]) // what it begins with comes last
		a.judge()
		a.write(a.files[i], lines)
		a.judge()
	}},
	{"files that grow", func(a *arriving) {
		for part := 1; part <= 3; part++ {
			for _, p := range a.files {
				lines := a.lines(p)
				a.write(p, lines[:(len(lines)*part+2)/3])
			}
			a.judge()
		}
	}},
	{"five days late", func(a *arriving) {
		groups := a.by(func(path string) string {
			day := dayOfFile(path)
			if a.rng.IntN(4) == 0 {
				day += a.rng.IntN(6)
			}
			return fmt.Sprintf("%04d", (day+4)/4)
		})
		a.each(groups)
	}},
	{"twenty restarts", func(a *arriving) {
		groups := a.by(func(path string) string { return fmt.Sprintf("%04d", (dayOfFile(path)+3)*20/54) })
		a.each(groups)
	}},
	{"twice", func(a *arriving) {
		a.each([][]string{a.files})
		for _, p := range a.files {
			a.write(filepath.Join(filepath.Dir(p), "again-"+filepath.Base(p)), a.lines(p))
		}
		a.judge()
	}},
	{"the last first", func(a *arriving) {
		groups := a.days(6)
		a.each([][]string{groups[len(groups)-1], slices.Concat(groups[:len(groups)-1]...)})
	}},
	{"copied while it runs", func(a *arriving) {
		cmd, said := running(a.t, a.config)
		waittest.Until(a.t, "it has started", func() bool { return strings.Contains(said(), "msg=started") })
		groups := a.by(vendorOf)
		a.rng.Shuffle(len(groups), func(i, k int) { groups[i], groups[k] = groups[k], groups[i] })
		for _, g := range groups {
			a.put(g...)
			time.Sleep(time.Duration(a.rng.IntN(700)) * time.Millisecond)
		}
		time.Sleep(time.Duration(a.rng.IntN(3)) * time.Second)
		cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			a.t.Errorf("SIGTERM: %v\n%s", err, said())
		}
		a.judge() // it goes on where it ended
	}},
}

// lines are those of a file of the example.
func (a *arriving) lines(path string) []string {
	b, err := os.ReadFile(path)
	if err != nil {
		a.t.Fatal(err)
	}
	if strings.HasSuffix(path, ".gz") {
		r, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			a.t.Fatal(err)
		}
		if b, err = io.ReadAll(r); err != nil {
			a.t.Fatal(err)
		}
	}
	return slices.Collect(strings.Lines(string(b)))
}

// write puts a file of the example with some of its lines; as it is, if it holds no lines.
func (a *arriving) write(path string, lines []string) {
	if !strings.Contains(path, "ndjson") {
		if !strings.HasPrefix(filepath.Base(path), "again-") {
			a.put(path)
		}
		return
	}
	rel, _ := filepath.Rel(acme, strings.TrimSuffix(path, ".gz"))
	to := filepath.Join(a.exports, rel)
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		a.t.Fatal(err)
	}
	if err := os.WriteFile(to, []byte(strings.Join(lines, "")), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// TestArrivals has files of the example come in drawn ways, each to a daemon of its own,
// over each kind of log: what is told in the end is what a scan of the same files prints,
// and the accounts of the records add up. OUTFLOW_ARRIVALS says how many are drawn for
// each kind of log, OUTFLOW_SEED from what.
func TestArrivals(t *testing.T) {
	long(t)
	seed := uint64(time.Now().UnixNano())
	if n, err := strconv.ParseUint(os.Getenv("OUTFLOW_SEED"), 10, 64); err == nil {
		seed = n
	}
	draws := 2
	if n, err := strconv.Atoi(os.Getenv("OUTFLOW_ARRIVALS")); err == nil {
		draws = n
	}
	t.Logf("OUTFLOW_SEED=%d", seed)
	kinds := logKinds(t)
	for i, kind := range slices.Sorted(maps.Keys(kinds)) {
		log, rng := kinds[kind], rand.New(rand.NewPCG(seed, uint64(i)))
		offset := rng.IntN(len(arrivals))
		for i := range draws {
			way := arrivals[(i+offset)%len(arrivals)] // each in turn
			s := rng.Uint64()
			t.Run(fmt.Sprintf("%s/%s %d", kind, way.name, s), func(t *testing.T) {
				t.Parallel()
				arriveBy(t, way, log(), rand.New(rand.NewPCG(s, 1)))
			})
		}
	}
}

func arriveBy(t *testing.T, way wayOfArrival, log string, rng *rand.Rand) {
	a := &arriving{t: t, rng: rng, exports: t.TempDir(), files: drawn(t, rng)}
	a.dir, a.config = folder(t, a.exports, log)
	way.deliver(a)
	all, printed := scannedLines(t, "--all", a.exports), scannedLines(t, a.exports)
	got := ""
	if _, err := os.Stat(filepath.Join(a.dir, "notifications.ndjson")); err == nil {
		got = last(t, notified(t, a.dir))
	}
	if wrong := differs(settled(t, got), settled(t, last(t, all)), settled(t, last(t, printed))); wrong != "" {
		t.Errorf("%d files of %s: %s", len(a.files), vendorsOf(a.files), wrong)
	}
	if wrong := differs(keptAlerts(t, a.dir), last(t, all), last(t, printed)); wrong != "" {
		t.Errorf("%d files of %s: kept: %s", len(a.files), vendorsOf(a.files), wrong)
	}
	a.addsUp()
}

// told are the alerts that lines tell of in the end, of days that are over.
func told(t testing.TB, lines string) string { return settled(t, last(t, lines)) }

// settled are those of some alerts whose days are over, without what is kept and not told: later
// days on which the same was done. Of a day that is open, a change is told when it is over.
func settled(t testing.TB, lines string) string {
	t.Helper()
	var out []string
	for line := range strings.Lines(lines) {
		var a map[string]any
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatal(err)
		}
		if a["provisional"] == true {
			continue
		}
		delete(a, "again")
		b, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(b))
	}
	return strings.Join(out, "\n")
}

// keptAlerts are the alerts that a daemon keeps, as last has them.
func keptAlerts(t testing.TB, dir string) string {
	t.Helper()
	s, err := alert.OpenStore(t.Context(), filepath.Join(dir, "data", "alerts.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	list, err := s.All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range list {
		if err := s.LoadItems(t.Context(), &list[i]); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := alert.Formats["ndjson"](&b, list, alert.Options{}); err != nil {
		t.Fatal(err)
	}
	return last(t, b.String())
}

// drawn are some of the example's files: of some vendors, with HR's files or without.
func drawn(t *testing.T, rng *rand.Rand) (list []string) {
	vendors := map[string]bool{}
	for _, v := range []string{"hr", "box", "cloudtrail", "dropbox", "github", "google_workspace", "m365", "okta", "salesforce", "slack"} {
		vendors[v] = rng.IntN(3) > 0
	}
	if rng.IntN(3) == 0 { // one vendor alone
		clear(vendors)
		vendors[[]string{"box", "m365", "okta", "google_workspace"}[rng.IntN(4)]] = true
		vendors["hr"] = rng.IntN(2) == 0
	}
	vendors["okta"] = vendors["okta"] || !slices.ContainsFunc([]string{"box", "m365", "google_workspace"}, func(v string) bool {
		return vendors[v]
	})
	err := filepath.WalkDir(acme, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && vendors[vendorOf(path)] {
			list = append(list, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func vendorsOf(files []string) string {
	var names []string
	for _, p := range files {
		if v := vendorOf(p); !slices.Contains(names, v) {
			names = append(names, v)
		}
	}
	return strings.Join(names, ", ")
}

// addsUp checks that the accounts of the daemon are those of its log, and that what was
// judged is what a scan of the files has, once.
func (a *arriving) addsUp() {
	a.t.Helper()
	got, notices := checkAccounts(a.t, a.config)
	out := filepath.Join(a.t.TempDir(), "coverage.json")
	scannedLines(a.t, "--coverage", out, a.exports)
	b, err := os.ReadFile(out)
	if err != nil {
		a.t.Fatal(err)
	}
	var c batch.Coverage
	if err := json.Unmarshal(b, &c); err != nil {
		a.t.Fatal(err)
	}
	if want := int64(c.Events-c.Duplicates) + notices; got.Processed != want || got.Left() > 0 {
		a.t.Errorf("%d events were judged, %d left out; a scan has %d", got.Processed, got.Left(), want)
	}
}

// checkAccounts checks that every record of the log of a daemon that has ended is in its
// accounts, and returns their sum, and how many records are what sources say about themselves.
func checkAccounts(t testing.TB, path string) (sum stream.Account, notices int64) {
	t.Helper()
	conf, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(conf.DataDir, "status.json"))
	if err != nil {
		t.Fatal(err)
	}
	var s daemon.Status
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	for _, x := range s.Accounts {
		sum.Add(&x)
	}
	l, err := stream.OpenLogs(t.Context(), &conf.Log, conf.DataDir, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	records := int64(0)
	var dec event.Decoder
	var e event.Event
	said := map[uint64]bool{}
	for p := range l.Events.Partitions() {
		at, end, err := l.Events.Bounds(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		_, err = eventlog.Each(t.Context(), l.Events, p, at, end, atOnce, func(r *eventlog.Record) error {
			if _, mark := ingest.ParseBatchMarker(r.Value); !mark {
				records++
			}
			if dec.Decode(r.Value, &e) == nil && (e.Class == event.SourceLate || e.Class == event.SourceGap) && !said[e.Key] {
				said[e.Key] = true
				notices++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if sum.Received != records || sum.Received != sum.Processed+sum.Repeated+sum.Left() {
		t.Errorf("the log holds %d records, and the accounts say %+v", records, sum)
	}
	return sum, notices
}

// TestRejudge has history come for which no baselines are kept and the log does not hold
// what came before: that is told to a channel that wants nothing about the data, says how to
// mend it, and that mends it.
func TestRejudge(t *testing.T) {
	long(t)
	t.Parallel()
	exports := t.TempDir()
	dir, config := folder(t, exports, "")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	mute := strings.Replace(string(text), "path: notifications.ndjson}", "path: notifications.ndjson, health: false, min_severity: critical}\n  - {name: all, kind: file, path: all.ndjson, health: false}", 1)
	if err := os.WriteFile(config, []byte(mute), 0o600); err != nil {
		t.Fatal(err)
	}
	a := &arriving{t: t, exports: exports, config: config, dir: dir}
	month(t, exports, 1)
	month(t, exports, 2)
	box := filepath.Join(exports, "box")
	if err := os.Rename(box, box+".later"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(box+".later", filepath.Join(dir, "box")); err != nil {
		t.Fatal(err)
	}
	a.judge()
	forgetLog(t, config)
	if err := os.Rename(filepath.Join(dir, "box"), box); err != nil {
		t.Fatal(err)
	}
	a.judge()
	gaps := func() (told, withdrawn []alert.Alert) {
		for line := range strings.Lines(soFar(dir)) {
			var x alert.Alert
			if err := json.Unmarshal([]byte(line), &x); err != nil {
				t.Fatal(err)
			}
			if x.IsNotProcessed() && x.Withdrawn {
				withdrawn = append(withdrawn, x)
			} else if x.IsNotProcessed() {
				told = append(told, x)
			}
		}
		return told, withdrawn
	}
	told, withdrawn := gaps()
	if len(told) != 1 || len(withdrawn) != 0 || !strings.Contains(told[0].Reason, "events from Box that came on "+time.Now().UTC().Format(time.DateOnly)+" have not been scored: they are from 2026-03-02 to 2026-03-1") || !strings.Contains(told[0].Reason, "outflow rescore --from 2026-03-02") {
		t.Fatalf("%d gaps are told, %d withdrawn: %+v", len(told), len(withdrawn), told)
	}
	var out bytes.Buffer
	for _, wrong := range [][]string{{"--from", "yesterday"}, {"--from", "2026-03-01", "--reread", "elsewhere"}, {}} {
		if code := run(append([]string{"rejudge", "--config", config}, wrong...), &out, &out); code != exitUsage {
			t.Errorf("rejudge %v: exit %d\n%s", wrong, code, out.String())
		}
	}
	if code := run([]string{"rejudge", "--config", config, "--from", "2026-03-01", "--reread", "exports"}, &out, &out); code != exitFine {
		t.Fatalf("exit %d\n%s", code, out.String())
	}
	a.judge()
	if told, withdrawn = gaps(); len(told) != 1 || len(withdrawn) != 1 {
		t.Errorf("%d gaps are told, %d withdrawn", len(told), len(withdrawn))
	}
	b, err := os.ReadFile(filepath.Join(dir, "all.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	if wrong := differs(last(t, string(b)), last(t, scannedLines(t, "--all", exports)), ""); wrong != "" {
		t.Error(wrong)
	}
}

// forgetLog has the log of a daemon forget what it no longer needs, and the daemon its older
// bases, as after weeks.
func forgetLog(t *testing.T, path string) {
	t.Helper()
	conf, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	store, err := engine.OpenStore(t.Context(), filepath.Join(conf.DataDir, "detect-0.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	p, err := stream.LatestCommitted(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	file, err := eventlog.OpenFile(t.Context(), filepath.Join(conf.DataDir, "log.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	log, err := file.Log(t.Context(), "events", len(p.Low))
	if err != nil {
		t.Fatal(err)
	}
	gone := int64(0)
	for part, low := range p.Low {
		n, err := log.Trim(t.Context(), part, time.Now().Add(time.Hour), low)
		if err != nil {
			t.Fatal(err)
		}
		gone += n
	}
	if gone == 0 {
		t.Fatal("the log forgets nothing")
	}
}

// TestDaemonAbsent runs the daemon twice with inputs of which something is absent: one vendor
// alone, one person, one day, no HR, HR alone, nothing at all. What it tells is what a scan
// prints.
func TestDaemonAbsent(t *testing.T) {
	long(t)
	staff := t.TempDir()
	if err := os.WriteFile(filepath.Join(staff, "people.csv"), []byte("EmailAddress,DisplayName\nchen.kapoor@acme.example,Chen Kapoor\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := map[string][]string{
		"one person": {reads(t, 30, 0)}, "one person who takes much": {reads(t, 30, 1200)}, "one day": {reads(t, 1, 1200)},
		"HR alone": {filepath.Join(acme, "hr")}, "nothing": {t.TempDir()}, "no departments, no leavers": {filepath.Join(acme, "box"), staff},
		"vendors without HR": {filepath.Join(acme, "okta"), filepath.Join(acme, "github")},
	}
	for _, v := range []string{"box", "cloudtrail", "dropbox", "github", "google_workspace", "m365", "okta", "salesforce", "slack"} {
		cases[v+" alone"] = []string{filepath.Join(acme, v)}
	}
	for name, paths := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &arriving{t: t, exports: t.TempDir()}
			a.dir, a.config = folder(t, a.exports, "")
			a.judge() // an empty folder first
			for _, p := range paths {
				if err := os.CopyFS(filepath.Join(a.exports, filepath.Base(p)), os.DirFS(p)); err != nil {
					t.Fatal(err)
				}
			}
			a.judge()
			a.judge()
			if name == "nothing" {
				return
			}
			got := ""
			if b, err := os.ReadFile(filepath.Join(a.dir, "notifications.ndjson")); err == nil {
				got = last(t, string(b))
			}
			all, printed := last(t, scannedLines(t, "--all", a.exports)), last(t, scannedLines(t, a.exports))
			if wrong := differs(settled(t, got), settled(t, all), settled(t, printed)); wrong != "" {
				t.Error(wrong)
			}
			a.addsUp()
		})
	}
}
