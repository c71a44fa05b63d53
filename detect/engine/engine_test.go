package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// history is a scenario with much in it.
func history(t *testing.T) []keyed {
	s := load(t, filepath.Join("testdata", "crm_export", "loud.txt"))
	for _, extra := range []string{"testdata/bulk_download/loud.txt", "testdata/brute_force/loud.txt"} {
		more := load(t, extra)
		s.events = append(s.events, more.events...)
	}
	slices.SortStableFunc(s.events, func(a, b keyed) int { return int(a.e.Time - b.e.Time) })
	return s.events
}

func emitted(t *testing.T, play func(emit func(*finding.Finding) error)) string {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	play(func(f *finding.Finding) error { return enc.Encode(f) })
	return b.String()
}

func feed(t *testing.T, e *Engine, events []keyed) {
	t.Helper()
	for i := range events {
		if err := e.Handle(events[i].person, events[i].e); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDeterminism checks that the same events give the same findings, word for
// word, and the same state, however many people are kept unpacked, and on however many
// cores they are judged.
func TestDeterminism(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
	events := history(t)
	var states [5][]byte
	var words [5]string
	for i := range 5 {
		config := Config{Unpacked: []int{0, 0, 1, 0, 1}[i]}
		words[i] = emitted(t, func(emit func(*finding.Finding) error) {
			e := newEngine(config, emit)
			if i < 3 {
				feed(t, e, events)
			} else {
				e.config.lanes, e.batch.least = i, 1
				for part := range slices.Chunk(records(events), 1500*i/2) { // fewer than are judged at the same time
					if err := e.HandleAll(part); err != nil {
						t.Fatal(err)
					}
					if n := len(e.people.unpacked); config.Unpacked == 1 && n > 1 {
						t.Fatalf("%d people are unpacked between batches", n)
					}
				}
			}
			if err := e.Flush(); err != nil {
				t.Fatal(err)
			}
			if n := len(e.people.unpacked); n > 2 != (config.Unpacked == 0) {
				t.Errorf("%d people are unpacked", n)
			}
			s, err := e.snapshot()
			if err != nil {
				t.Fatal(err)
			}
			s.sort()
			states[i] = organisation(t, s)
			for k := range s.persons {
				states[i] = append(states[i], packed(t, &s.persons[k])...)
			}
		})
	}
	for i := range 5 {
		if words[0] != words[i] || !bytes.Equal(states[0], states[i]) || len(words[0]) < 1000 {
			t.Errorf("runs 0 and %d differ: %d and %d bytes of findings, %d and %d of state", i, len(words[0]), len(words[i]),
				len(states[0]), len(states[i]))
		}
	}
}

// TestFlushChangesNothing flushes again and again: what follows stays the same.
func TestFlushChangesNothing(t *testing.T) {
	events := history(t)
	last := func(flush bool) outcome {
		o := outcome{}
		e := newEngine(Config{}, o.take)
		for i := range events {
			if err := e.Handle(events[i].person, events[i].e); err != nil {
				t.Fatal(err)
			}
			if flush && i%1000 == 0 {
				s, err := e.snapshot()
				if err != nil {
					t.Fatal(err)
				}
				if err := e.Flush(); err != nil {
					t.Fatal(err)
				}
				_ = s
			}
		}
		e.Flush()
		return o
	}
	a, b := last(false), last(true)
	for id, fs := range a {
		if fs[0].Risk < 1 { // whether so little is said depends on when it is looked at
			continue
		}
		if len(b[id]) == 0 || math.Abs(b[id][0].Risk-fs[0].Risk) > .021 {
			t.Errorf("%s: %v, with flushes %v", fs[0].Person, fs[0].Risk, b[id])
		}
	}
}

// TestSnapshot goes on from a snapshot, through the file: the findings are those
// of an engine that was never interrupted.
func TestSnapshot(t *testing.T) {
	events := history(t)
	checkpoint := at(20, 0)
	var snap *Snapshot
	rest := 0
	whole := emitted(t, func(emit func(*finding.Finding) error) {
		taken := false
		e := newEngine(Config{}, func(f *finding.Finding) error {
			if !taken {
				return nil
			}
			return emit(f)
		})
		e.Checkpoint(checkpoint, func(s *Snapshot) error { snap, taken = s, true; return nil })
		for i := range events {
			if rest == 0 && events[i].e.Time >= checkpoint && events[i].e.Source != event.HR {
				rest = i
			}
			if err := e.Handle(events[i].person, events[i].e); err != nil {
				t.Fatal(err)
			}
		}
		e.Flush()
	})
	store, err := OpenStore(t.Context(), filepath.Join(t.TempDir(), "detect-0.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if err := store.Save(t.Context(), 1, 0, snap); err != nil {
		t.Fatal(err)
	}
	if err := store.Save(t.Context(), 2, 1, nil); err != nil { // the next one, not yet current
		t.Fatal(err)
	}
	if snap, err = store.Load(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	again := emitted(t, func(emit func(*finding.Finding) error) {
		e := newEngine(Config{}, emit)
		if err := e.Restore(snap); err != nil {
			t.Fatal(err)
		}
		feed(t, e, events[rest:])
		e.Flush()
	})
	if whole != again || len(whole) < 1000 {
		t.Errorf("%d bytes of findings, then %d", len(whole), len(again))
	}
	if empty, err := store.Load(t.Context(), 2); err != nil || empty != nil {
		t.Errorf("%v, %v", empty, err)
	}
	if _, err := store.Load(t.Context(), 9); err == nil {
		t.Error("a generation that is not there was loaded")
	}
	for version, read := range map[int]bool{stateFrom - 1: false, stateFrom: true, stateVersion: true, stateVersion + 1: false} {
		var k kept
		if err := cbor.Unmarshal(organisation(t, snap), &k); err != nil {
			t.Fatal(err)
		}
		if k.Version = version; version < stateVersion {
			k.Deltas = nil // it was not kept
		}
		body, err := encoding.Marshal(&k)
		if err != nil {
			t.Fatal(err)
		}
		if err := newEngine(Config{}, nil).Restore(&Snapshot{spilled(t, body), snap.persons, snap.file}); (err == nil) != read || err != nil &&
			!errors.Is(err, ErrVersion) {
			t.Errorf("state of version %d: %v", version, err)
		}
	}
	snap.organisation = spilled(t, bytes.Replace(organisation(t, snap), []byte("downloads_fresh"), []byte("downloads_smell"), 1))
	if err := newEngine(Config{}, nil).Restore(snap); !errors.Is(err, ErrVersion) {
		t.Errorf("state of other metrics was taken: %v", err)
	}
}

// TestEmitFails checks that an error of who takes the findings is not lost.
func TestEmitFails(t *testing.T) {
	full := errors.New("log is full")
	e := newEngine(Config{}, func(*finding.Finding) error { return full })
	var err error
	for _, k := range history(t) {
		if err = e.Handle(k.person, k.e); err != nil {
			break
		}
	}
	if !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
}

// TestDayOne checks that a first day gives no judgement that needs a baseline, and
// that what needs none speaks.
func TestDayOne(t *testing.T) {
	s := &scenario{t: t}
	for _, l := range []string{
		"people 3 Sales", "1 10:00 p1 download x30 spread=20m place=Team item=f",
		"1 11:00 p2 policy_change source=aws_cloudtrail type=bucket place=acme-payroll name=acme-payroll after=public",
	} {
		s.line(l)
	}
	o := play(t, s.config, s.events)
	if risk, list := o.worst(address("p1"), 0); risk >= attention {
		t.Errorf("p1: %.1f %+v", risk, list)
	}
	if risk, list := o.worst(address("p2"), 0); risk < attention || list[0].Detector != "bucket_public" {
		t.Errorf("p2: %.1f %+v", risk, list)
	}
}

// TestSurprise compares with sums of the negative binomial's mass.
func TestSurprise(t *testing.T) {
	mass := func(x, mu, k float64) float64 {
		a, _ := math.Lgamma(x + k)
		b, _ := math.Lgamma(k)
		c, _ := math.Lgamma(x + 1)
		return math.Exp(a - b - c + k*math.Log(k/(k+mu)) + x*math.Log(mu/(k+mu)))
	}
	for _, c := range [][3]float64{{1, .5, 1}, {5, 2, .5}, {20, 4, 2}, {3, 10, 6}, {40, 1, .12}} {
		tail := 1.0
		for x := 0.0; x < c[0]; x++ {
			tail -= mass(x, c[1], c[2])
		}
		if got, want := surprise(c[0], c[1], c[2]), squash(-math.Log10(tail)); math.Abs(got-want) > 1e-4 {
			t.Errorf("surprise%v = %g, want %g", c, got, want)
		}
	}
	if s := surprise(1e6, .01, 1); math.IsInf(s, 0) || math.IsNaN(s) || s < 15 {
		t.Errorf("far out: %g", s)
	}
	if surprise(0, 1, 1) != 0 {
		t.Error("nothing is no surprise")
	}
}

// TestTail checks the calibration: of exponential statistics, one in a hundred is
// as rare as one in a hundred.
func TestTail(t *testing.T) {
	var tail Tail
	if got := tail.rarity(2, limit); got != 3 {
		t.Errorf("cold: %g", got)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		for range 400 {
			tail.Added.see(r.ExpFloat64())
		}
		tail.closeDay(nil)
	}
	for s, want := range map[float64]float64{0: 0, 1: 1, 3: 3, 4.6: 4.6, 9: 9} {
		if got := tail.rarity(s, limit); math.Abs(got-want) > .2+.1*want {
			t.Errorf("rarity(%g) = %g", s, got)
		}
	}
	for s := 0.0; s < 25; s += .05 {
		if tail.rarity(s+.05, limit) < tail.rarity(s, limit)-1e-9 {
			t.Fatalf("not rising at %g", s)
		}
	}
}

func TestNovelty(t *testing.T) {
	var n novelty
	if n.age(hash(ofItem, "a"), 20000, 100) != 0 || n.age(hash(ofItem, "a"), 20003, 100) != 3 || n.age(hash(ofItem, "b"), 20003, 100) != 0 {
		t.Error("ages")
	}
	for i := range 100_000 {
		n.age(hash(ofItem, string(rune(i)), "x"), int64(20003+i/100), 100)
	}
	if n.n > 100 || len(n.slots) > 400 {
		t.Errorf("%d things in %d slots, bounded by 100", n.n, len(n.slots))
	}
	b, err := n.MarshalCBOR()
	if err != nil {
		t.Fatal(err)
	}
	var back novelty
	if err := back.UnmarshalCBOR(b); err != nil || !slices.Equal(back.entries(), n.entries()) {
		t.Errorf("%v", err)
	}
}

func TestQuiet(t *testing.T) {
	for _, c := range []struct{ from, to, want int }{{8, 18, 1}, {16, 26, 9}, {2, 11, 18}} { // Berlin, San Francisco, Bengaluru
		var h [24]float64
		for i := c.from; i < c.to; i++ {
			h[i%24] = 1
		}
		if got := quiet(&h); min((got-c.want+24)%24, (c.want-got+24)%24) > 1 {
			t.Errorf("working from %d to %d the day ends at %d, want about %d", c.from, c.to, got, c.want)
		}
	}
	if wd := localDay(dayOne.UnixMilli()+30*3600*1000, 9); wd != 1 { // Tuesday 06:00 UTC is Monday evening in San Francisco
		t.Errorf("weekday %d", wd)
	}
}

func TestSensitive(t *testing.T) {
	site := "https://acme.sharepoint.com/sites/Team"
	for _, c := range []struct {
		why    string
		object event.Object
		folder string
		want   bool
	}{
		{"a label", event.Object{Label: "Confidential", Name: "x"}, "", true},
		{"a public label", event.Object{Label: "Public", Name: "x"}, "", false},
		{"the site", event.Object{Type: "file", Name: "x.docx", Container: "https://acme.sharepoint.com/sites/Payroll"}, "", true},
		{"the organisation's name", event.Object{Type: "file", Name: "x", Container: "https://payroll-acme.sharepoint.com/sites/Team"}, "", false},
		{"a folder", event.Object{Type: "file", Name: "x.docx", Container: site}, "/sites/Team/Shared Documents/Board Minutes", true},
		{"a file", event.Object{Type: "file", Name: "Q1_salaries.xlsx", Container: site}, "", true},
		{"a contract somewhere", event.Object{Type: "file", Name: "Contract.docx", Container: site}, "/sites/Team/Shared Documents", false},
		{"an invoice somewhere", event.Object{Type: "file", Name: "Invoice 442.pdf", Container: site}, "", false},
		{"a place of contracts", event.Object{Type: "file", Name: "x.docx", Container: site}, "/sites/Team/Shared Documents/Contracts", true},
		{"a key of S3", event.Object{Type: "object", Name: "exports/customer_data/2026/part-1.gz", Container: "acme-lake"}, "", true},
		{"a bucket", event.Object{Type: "bucket", Name: "acme-contracts", Container: "acme-contracts"}, "", true},
		{"the owner of a drive", event.Object{Type: "file", Name: "x", Container: "payroll@acme.example"}, "", false},
		{"a private key", event.Object{Type: "file", Name: "server.pem", Container: "Team"}, "", true},
		{"a folder that is shared", event.Object{Type: "file", Folder: true, Name: "Contracts"}, "", true},
		{"a path of Windows", event.Object{Type: "file", Name: `C:\Users\ann\Gehälter\x.xlsx`}, "", true},
		{"weak words of site and folder, once each", event.Object{Type: "file", Name: "x", Container: site + "/Bank"}, "/sites/Team/Bank", false},
		{"a folder that has an id", event.Object{Type: "file", Name: "x", Container: "Payroll"}, "4711", true},
		{"nothing", event.Object{}, "", false},
	} {
		a := detect.Enriched{Event: &event.Event{Object: c.object}}
		if c.folder != "" {
			a.Attrs = []event.Attr{{Name: event.AttrFolder, Value: c.folder}}
		}
		new(Engine).sensitive(&a)
		if a.Sensitive != c.want {
			t.Errorf("%s: %v (%.2f)", c.why, a.Sensitive, a.Sensitivity)
		}
	}
}

func TestNamesSelf(t *testing.T) {
	for address, want := range map[string]bool{
		"jane.doe@gmail.com": true, "janedoe77@proton.me": true, "doe@gmail.com": false, "jd@gmail.com": false,
		"someone@gmail.com": false, "jane@gmail.com": true,
	} {
		if got := namesSelf("jane.doe@acme.example", address); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
}

func BenchmarkEngine(b *testing.B) {
	s := &scenario{t: &testing.T{}}
	s.line("people 50 Sales")
	s.line("routine 1-40")
	slices.SortStableFunc(s.events, func(x, y keyed) int { return int(x.e.Time - y.e.Time) })
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		e := newEngine(Config{}, func(*finding.Finding) error { return nil })
		for i := range s.events {
			e.Handle(s.events[i].person, s.events[i].e)
		}
		n += len(s.events)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/event")
}

// TestExposure opens a bucket and a network; one is closed after half an hour by
// somebody else, the other stays open.
func TestExposure(t *testing.T) {
	s := &scenario{t: t}
	for _, line := range strings.Split(`people 14 Engineering
routine 1-32
31 10:00 p1 network_open source=aws_cloudtrail item=sg name=web attr.rule=tcp/22-22+0.0.0.0/0
31 10:30 p2 network_close source=aws_cloudtrail item=sg name=web attr.rule=tcp/22-22+0.0.0.0/0
31 10:00 p3 network_open source=aws_cloudtrail item=db name=db attr.rule=tcp/5432-5432+::/0
32 16:00 p3 network_close source=aws_cloudtrail item=db name=db
32 17:00 p4 view source=box item=a name=a`, "\n") {
		s.line(line)
	}
	slices.SortStableFunc(s.events, func(a, b keyed) int { return int(a.e.Time - b.e.Time) })
	risk := map[string][]float64{} // by person: as it grew
	over := map[string]finding.Exposure{}
	e := newEngine(Config{}, func(f *finding.Finding) error {
		switch {
		case f.Detector != "security_group_open":
		case f.Risk == 0:
			over[f.Person] = f.Exposures[0]
		default:
			risk[f.Person] = append(risk[f.Person], f.Risk)
		}
		return nil
	})
	feed(t, e, s.events)
	p1, p3 := address("p1"), address("p3")
	if n := len(risk[p1]); n != 1 || risk[p1][0] <= 0 {
		t.Errorf("undone at once: %v", risk[p1])
	}
	if n := len(risk[p3]); n != 2 || risk[p3][1] <= risk[p3][0] {
		t.Errorf("still open: %v", risk[p3])
	}
	if x := over[p1]; x.Opened != at(31, 10*time.Hour) || x.Closed != at(31, 10*time.Hour+30*time.Minute) || x.By != address("p2") {
		t.Errorf("%+v", x)
	}
	if x := over[p3]; x.Closed-x.Opened != 30*event.Hour || x.By != p3 {
		t.Errorf("%+v", x)
	}
	if len(e.Exposed) != 0 || len(e.young) != 0 {
		t.Errorf("%d still open", len(e.Exposed))
	}
}

// TestGuardExposure opens two buckets and takes their blocks of public access away. A block that is
// put back closes what is open of its own bucket, and that of the account what is open of the account.
func TestGuardExposure(t *testing.T) {
	const bucket = " source=aws_cloudtrail type=bucket place="
	s := &scenario{t: t}
	for _, line := range []string{
		"people 14 Engineering",
		"routine 1-33",
		"31 10:00 p1 guard_change" + bucket + "alpha name=alpha attr.block=off",
		"31 10:01 p1 policy_change" + bucket + "alpha name=alpha after=public attr.grant=everybody",
		"31 10:02 p2 guard_change" + bucket + "beta name=beta attr.block=off",
		"31 10:03 p3 guard_change source=aws_cloudtrail type=account item=111122223333 attr.block=off",
		"31 10:30 p4 guard_change" + bucket + "beta name=beta attr.block=on",
		"31 10:40 p4 guard_change" + bucket + "gamma name=gamma attr.block=on",
		"31 11:00 p4 guard_change" + bucket + "alpha name=alpha attr.block=partial",
		"32 16:00 p4 guard_change" + bucket + "alpha name=alpha attr.block=on",
		"33 09:00 p4 guard_change source=aws_cloudtrail type=account item=111122223333 attr.block=on",
		"33 17:00 p5 view source=box item=a name=a",
	} {
		s.line(line)
	}
	slices.SortStableFunc(s.events, func(a, b keyed) int { return int(a.e.Time - b.e.Time) })
	closed := map[string]int64{} // by person and detector
	e := newEngine(Config{}, func(f *finding.Finding) error {
		for _, x := range f.Exposures {
			if x.Closed != 0 {
				closed[f.Person+" "+f.Detector] = x.Closed
			}
		}
		return nil
	})
	feed(t, e, s.events)
	want := map[string]int64{
		address("p1") + " public_access_guard": at(32, 16*time.Hour),
		address("p1") + " bucket_public":       at(32, 16*time.Hour),
		address("p2") + " public_access_guard": at(31, 10*time.Hour+30*time.Minute),
		address("p3") + " public_access_guard": at(33, 9*time.Hour),
	}
	if !maps.Equal(closed, want) {
		t.Errorf("closed at %v, want %v", closed, want)
	}
}

// TestUnknownExposure opens three buckets. A record that does not say what was set closes none; a
// policy for an account of one's own does.
func TestUnknownExposure(t *testing.T) {
	const bucket = " source=aws_cloudtrail tenant=111122223333 action=PutBucketPolicy type=bucket place="
	s := &scenario{t: t}
	for _, line := range []string{
		"own 444455556666",
		"people 14 Engineering",
		"routine 1-32",
		"31 10:00 p1 policy_change" + bucket + "alpha name=alpha after=public",
		"31 10:10 p1 policy_change" + bucket + "alpha name=alpha",
		"31 10:00 p2 policy_change" + bucket + "beta name=beta after=public",
		"31 10:10 p2 policy_change" + bucket + "beta name=beta after=external to=aws:444455556666",
		"31 10:00 p3 policy_change" + bucket + "gamma name=gamma after=public",
		"31 10:10 p3 policy_change" + bucket + "gamma name=gamma after=external to=aws:777788889999",
	} {
		s.line(line)
	}
	slices.SortStableFunc(s.events, func(a, b keyed) int { return int(a.e.Time - b.e.Time) })
	closed := map[string]int64{}
	e := newEngine(s.config, func(f *finding.Finding) error {
		for _, x := range f.Exposures {
			if x.Closed != 0 {
				closed[f.Person] = x.Closed
			}
		}
		return nil
	})
	feed(t, e, s.events)
	if want := map[string]int64{address("p2"): at(31, 10*time.Hour+10*time.Minute)}; !maps.Equal(closed, want) {
		t.Errorf("closed at %v, want %v", closed, want)
	}
}

// TestExceptions excepts an application, a domain, a detector for a while.
func TestExceptions(t *testing.T) {
	when := func(day int) time.Time { return time.UnixMilli(at(day, 0)) }
	for name, c := range map[string]struct {
		Exception
		app     string // that downloads
		covered bool
	}{
		"app":       {Exception{App: "Backup", Owner: "it", Reason: "nightly"}, "backup", true},
		"other app": {Exception{App: "Backup", Owner: "it", Reason: "nightly"}, "other", false},
		"user":      {Exception{User: address("p1"), Detectors: []string{"bulk_download"}, Owner: "it", Reason: "migration"}, "", true},
		"window": {
			Exception{Detectors: []string{"bulk_download"}, From: when(31), Until: when(32), Owner: "it", Reason: "migration"},
			"", true,
		},
		"too late": {Exception{Detectors: []string{"bulk_download"}, From: when(32), Owner: "it", Reason: "later"}, "", false},
	} {
		s := &scenario{t: t}
		for _, line := range []string{
			"people 14 Finance", "routine 1-30",
			"31 14:00 p1 download x60 spread=10m source=box place=Board item=b app=" + c.app,
		} {
			s.line(line)
		}
		slices.SortStableFunc(s.events, func(a, b keyed) int { return int(a.e.Time - b.e.Time) })
		conf := Config{Detectors: testCatalog, Exceptions: []Exception{c.Exception}}
		if err := conf.Check(); err != nil {
			t.Fatal(err)
		}
		o := outcome{}
		e := newEngine(conf, o.take)
		feed(t, e, s.events)
		e.Flush()
		_, list := o.worst(address("p1"), at(31, 0))
		spoke := slices.ContainsFunc(list, func(f *finding.Finding) bool {
			return f.Detector == "bulk_download" || f.Detector == "app_download"
		})
		if got := e.Covered()[0]; spoke == c.covered || c.covered != (got.Acts >= 60 && got.Users == 1) {
			t.Errorf("%s: spoke %v, %+v", name, spoke, got)
		}
	}
	for _, c := range []Config{
		{Exceptions: []Exception{{Owner: "it", Reason: "everything"}}},
		{Exceptions: []Exception{{App: "x"}}},
		{Exceptions: []Exception{{Detectors: []string{"no_such"}, Owner: "a", Reason: "b"}}},
		{Exceptions: []Exception{{App: "x", Owner: "a", Reason: "b", From: when(3), Until: when(2)}}},
	} {
		c.Detectors = testCatalog
		if c.Check() == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
}

// TestReceipt computes every score of a history again from its receipt, after it
// went through JSON, and notices when any number of one is changed.
func TestReceipt(t *testing.T) {
	n := 0
	var longest *finding.Receipt
	e := newEngine(Config{}, func(f *finding.Finding) error {
		if f.Receipt == nil {
			return nil
		}
		n++
		b, err := json.Marshal(f.Receipt)
		if err != nil {
			t.Fatal(err)
		}
		r := new(finding.Receipt)
		if err := json.Unmarshal(b, r); err != nil {
			t.Fatal(err)
		}
		risk, steps, err := testCatalog.Recompute(r)
		if err != nil || math.Abs(risk-f.Risk) > .0006 {
			t.Errorf("%s: %v, computed %v, %v", f.Detector, f.Risk, risk, err)
		}
		for i := range steps {
			if !steps[i].Matches() {
				t.Errorf("%+v", steps[i])
			}
		}
		if len(r.Facts) > 0 && (longest == nil || len(r.Counts) > len(longest.Counts)) {
			longest = r
		}
		return nil
	})
	feed(t, e, history(t))
	if e.Flush(); n < 20 || longest == nil || len(longest.Counts) < 5 {
		t.Fatalf("%d receipts", n)
	}
	for name, change := range map[string]func(r *finding.Receipt){
		"judged": func(r *finding.Receipt) { r.Counts[0].Judged += 3 },
		"own":    func(r *finding.Receipt) { r.Counts[0].Own *= 2 },
		"busier": func(r *finding.Receipt) { r.Busier *= 1.5 },
		"days before": func(r *finding.Receipt) {
			r.Counts[0].Before.Days *= 2
		}, "points": func(r *finding.Receipt) { r.Counts[0].Points++ },
		"weight": func(r *finding.Receipt) { r.Facts[0].Weight *= 2 },
		"seen":   func(r *finding.Receipt) { r.Facts[0].Seen *= 4 },
		"habit":  func(r *finding.Receipt) { r.Own += 2 }, "shift": func(r *finding.Receipt) { r.Shift++ },
	} {
		r := *longest
		r.Counts, r.Facts = slices.Clone(r.Counts), slices.Clone(r.Facts)
		slices.SortFunc(r.Counts, func(a, b finding.Count) int { return int(100 * (b.Points - a.Points)) })
		change(&r)
		_, steps, err := testCatalog.Recompute(&r)
		if err != nil || !slices.ContainsFunc(steps, func(s Step) bool { return !s.Matches() }) {
			t.Errorf("%s was changed, and nobody noticed: %v", name, err)
		}
	}
	longest.Model++
	if _, _, err := testCatalog.Recompute(longest); err == nil {
		t.Error("a receipt of another model is computed")
	}
}

// TestRamp takes a little more every week, or every day, which a rolling window learns: a drip is told, first
// quietly and then as an alert, while no day is remarkable by itself.
func TestRamp(t *testing.T) {
	for _, c := range []struct {
		name        string
		daily       float64 // growth
		from, until int     // days
		low, medium float64 // times the usual at which it is told at the latest
	}{
		{"five per cent a week", math.Pow(1.05, 1./7), 1, 270, 3.6, 5.8},
		{"three per cent a day", 1.03, 40, 140, 5, 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &scenario{t: t}
			s.line("people 50 Sales")
			s.line(fmt.Sprintf("routine 1-%d", c.until))
			times := func(day float64) float64 { return math.Pow(c.daily, max(day-float64(c.from), 0)) }
			for day := 1; day <= c.until; day++ {
				if wd := dayOne.AddDate(0, 0, day-1).Weekday(); wd == time.Saturday || wd == time.Sunday {
					continue
				}
				s.line(fmt.Sprintf("%d 10:00 p1 download x%d spread=6h source=box place=Team+0 name=plan.docx item=d%d-", day,
					int(4*times(float64(day))), day))
			}
			slices.SortStableFunc(s.events, func(a, b keyed) int { return int(a.e.Time - b.e.Time) })
			var low, medium float64 // times the usual at which it is told
			e := newEngine(Config{}, func(f *finding.Finding) error {
				x := times(float64((f.Time-at(1, 0))/event.Day + 1))
				if f.Person != address("p1") || x < 1.5 {
					return nil
				}
				if f.Risk >= 2.4 && low == 0 {
					low = x
				}
				if f.Risk >= attention && medium == 0 {
					medium = x
				}
				return nil
			})
			feed(t, e, s.events)
			t.Logf("low at %.1f times the usual, medium at %.1f", low, medium)
			if low == 0 || low > c.low || medium == 0 || medium > c.medium {
				t.Errorf("low at %.1f times the usual, medium at %.1f", low, medium)
			}
		})
	}
}

// TestOutage keeps Box silent for two weeks, while other sources go on: what is
// usual for people does not shrink meanwhile.
func TestOutage(t *testing.T) {
	usual := func(silence string) float64 {
		s := &scenario{t: t}
		for _, line := range []string{"people 20 Sales", "routine 1-54", silence, "54 18:00 p1 view source=box item=plan"} {
			s.line(line)
		}
		slices.SortStableFunc(s.events, func(a, b keyed) int { return int(a.e.Time - b.e.Time) })
		e := newEngine(Config{}, func(*finding.Finding) error { return nil })
		feed(t, e, s.events)
		sum := 0.0
		for _, name := range e.people.names() {
			p := e.find(name)
			sum += p.Sum[testCatalog.index["downloads"]] / p.Active
		}
		return sum / float64(e.Known())
	}
	with, without := usual("silence box 40-53"), usual("# no silence")
	if with < .9*without {
		t.Errorf("downloads a day after an outage: %.2f, otherwise %.2f", with, without)
	}
}

// TestPoison takes sixty files every day for three weeks. It is told at once, and now and then again while
// it goes on; what is more than that is told at once.
func TestPoison(t *testing.T) {
	s := &scenario{t: t}
	s.line("people 30 Sales")
	s.line("routine 1-60")
	for day := 36; day <= 56; day++ {
		s.line(fmt.Sprintf("%d 14:00 p1 download x60 spread=10m source=box place=Board item=d%d-", day, day))
	}
	s.line("57 14:00 p1 download x300 spread=10m source=box place=Deals item=e-")
	slices.SortStableFunc(s.events, func(a, b keyed) int { return int(a.e.Time - b.e.Time) })
	risk := map[int64]float64{}
	e := newEngine(Config{}, func(f *finding.Finding) error {
		if day := (f.Time - at(1, 0)) / event.Day; f.Person == address("p1") {
			risk[day+1] = max(risk[day+1], f.Risk)
		}
		return nil
	})
	feed(t, e, s.events)
	told := 0
	for day := int64(36); day <= 56; day++ {
		if risk[day] >= attention {
			told++
		}
	}
	if risk[36] < attention || risk[57] < attention || told < 2 || told > 6 {
		t.Errorf("day 36: %.1f, day 57: %.1f, told on %d days", risk[36], risk[57], told)
	}
	if risk[57] < 2*risk[53] || risk[36] < risk[53] {
		t.Errorf("day 36: %.1f, day 53: %.1f, day 57: %.1f", risk[36], risk[53], risk[57])
	}
}
