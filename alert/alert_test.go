package alert

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/spill"
	"github.com/outflow/outflow/internal/standards"
)

var update = flag.Bool("update", false, "rewrite goldens")

func start() int64 { return time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC).UnixMilli() }

// found is a finding about a person on a day.
func found(person, detector string, day int64, risk, points float64) *finding.Finding {
	at := start() + day*event.Day
	return &finding.Finding{
		ID:         person + detector + string(rune('0'+day)),
		Episode:    person + string(rune('0'+day)),
		Revision:   1,
		Detector:   detector,
		Person:     person,
		Time:       at + 500,
		Start:      at - 60_000,
		End:        at,
		Points:     points,
		Risk:       risk,
		Rate:       22 * math.Exp(-.47*(risk-2.4)),
		Title:      "Bulk download",
		Reason:     "downloaded 143 files from Box in 9 minutes; usual day 4 files, peers 6",
		Observed:   143,
		Expected:   4,
		Peers:      6,
		Unit:       "files",
		Days:       20.5,
		Sources:    []string{"box"},
		Techniques: []string{"T1530", "T1213.004"},
		EventIDs:   []string{"a", "b"},
		Events:     2,
		Complete:   at,
		Impact:     1,
		Items:      []finding.Item{download(at-60_000, "plan.xlsx"), download(at, "prices.xlsx")},
	}
}

// download is an event of a file that was downloaded.
func download(at int64, name string) finding.Item {
	e := event.Event{
		ID: "id of " + name, Key: uint64(at), Source: event.Box, Time: at, Action: "DOWNLOAD", Class: event.Download,
		Actor:  event.Actor{Account: "jane@acme.example", Kind: event.Human},
		Object: event.Object{ID: "123", Type: "file", Name: name, Container: "Pricing", Owner: "bob@acme.example", Label: "Confidential", Size: 2_100_000},
		To:     []event.Recipient{{Account: "x@rival.example", Scope: event.ScopeExternal}},
		After:  event.External, Bytes: 2_100_000,
		Client: event.Client{IP: "203.0.113.7", Agent: chrome, Country: "BR", Device: "LAPTOP-7"},
		Attrs:  []event.Attr{{Name: event.AttrChannel, Value: "web"}},
	}
	return finding.Item{Record: e.Append(nil), First: name == "plan.xlsx"}
}

const chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/132.0.0.0 Safari/537.36"

// hostile is text that tries to break out of every format.
const hostile = "=cmd|' /C calc'!A0\"><script>alert(1)</script>\x1b[31m\r\nX: y\u202egnp.exe `*_<!here>"

func sample() []Alert {
	d := NewCorrelator()
	lead := found("jane@acme.example", "bulk_download", 0, 12, 9)
	lead.Context = []string{"leaves in 9 days"}
	leaver := found("jane@acme.example", "leaver_takeout", 0, 12, 3)
	leaver.Reason, leaver.Events, leaver.EventIDs, leaver.Sources = "is leaving", 0, nil, nil
	leaver.Qualifier = "before leaving"
	share := found("jane@acme.example", "external_sharing", 0, 12, 2)
	share.Title, share.Reason, share.EventIDs = "External sharing", "shared 3 items with \"x@rival.example\"", []string{"b", "c"}
	for _, f := range []*finding.Finding{
		lead,
		leaver,
		share,
		found("jane@acme.example", "bulk_download", 2, 6, 6),
		found("bob@acme.example", "bulk_download", 0, 1, 1),
	} {
		d.Add(f)
	}
	evil := found(hostile+"@acme.example", "bulk_download", 1, 7.5, 7.5)
	evil.Reason = "downloaded \"" + hostile + "\""
	evil.EventIDs = []string{hostile}
	evil.Items = []finding.Item{download(evil.End, hostile)}
	evil.Destinations = []finding.Destination{{Name: hostile, Events: 2}}
	d.Add(evil)
	svc := found("svc-backup@acme.example", "bucket_public", 1, 8, 8)
	svc.Service, svc.Impact, svc.Title = true, 3, "Bucket made public"
	d.Add(svc)
	return must(d.Alerts())
}

// TestFormats compares every format with its golden, hostile names included.
func TestFormats(t *testing.T) {
	for name, write := range Formats {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := write(&b, sample(), Options{Version: "1.0"}); err != nil {
				t.Fatal(err)
			}
			if strings.ContainsAny(b.String(), "\x1b\x00") || strings.Contains(b.String(), "\u202e") && name == "table" {
				t.Error("control characters came through")
			}
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if b.String() != string(want) {
				t.Errorf("got\n%s\nwant\n%s", b.String(), want)
			}
			b.Reset()
			if err := write(&b, nil, Options{}); err != nil {
				t.Errorf("no alerts: %v", err)
			}
		})
	}
}

func TestColor(t *testing.T) {
	var plain, colored bytes.Buffer
	writeTable(&plain, sample(), Options{})
	writeTable(&colored, sample(), Options{Color: true})
	if strings.Contains(plain.String(), "\x1b") || !strings.Contains(colored.String(), "\x1b[1;31mcritical\x1b[0m") {
		t.Error("colours are not where they should be")
	}
}

// TestFields checks that the NDJSON has all documented fields.
func TestFields(t *testing.T) {
	var b bytes.Buffer
	writeNDJSON(&b, sample(), Options{})
	for line := range strings.Lines(b.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		const keys = "id time user detector score severity title reason window observed expected peers sources " +
			"techniques event_ids data_complete_to"
		for _, key := range strings.Fields(keys) {
			if _, ok := m[key]; !ok {
				t.Errorf("no %s in %s", key, line)
			}
		}
		w := m["window"].(map[string]any)
		if w["start"] == nil || w["end"] == nil {
			t.Error("no window")
		}
	}
}

func TestCSVIsInert(t *testing.T) {
	var b bytes.Buffer
	writeCSV(&b, sample(), Options{})
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		for _, cell := range row {
			if cell != "" && strings.ContainsRune("=+-@", rune(cell[0])) {
				t.Errorf("a spreadsheet would compute %q", cell)
			}
		}
	}
}

// ocsfMessages are messages with everything that a finding may have.
func ocsfMessages() (list []*Message) {
	for _, a := range sample() {
		list = append(list, &Message{Alert: a, Link: "https://outflow.example/alerts/" + a.ID})
	}
	full := sample()[0]
	closed := full.Time.Add(48 * time.Hour)
	full.Exposures = append(full.Exposures, Exposure{What: "link", Opened: full.Time, Closed: &closed})
	full.Again = []Repetition{{Time: closed, Events: 2, Alert: "b"}}
	full.Techniques = []string{"T1530", "T1078.004", "T1562.001", "T9999"} // the third is revoked, the last does not exist
	full.Receipt = &finding.Receipt{Start: 1, At: 2, Counts: []finding.Count{{Metric: "downloads", Window: "day", Unit: "files", Total: 4, Points: 2}}}
	full.Evidence[0].Items = append(full.Evidence[0].Items,
		Item{Time: full.Time, Source: "box", Action: "X", Actor: "bob@acme.example", Client: Client{IP: "console", Country: "Germany", App: "x"}},
		Item{Time: full.Time, Source: "box", Action: "X", Client: Client{IP: "2001:db8::1", Country: "DE", Network: "ISP", Device: "laptop"},
			Object: Object{Type: "repository", Name: "acme/pay", Owner: "acme"}, Recipients: []string{"*", "@gmail.com", "eve@gmail.com"}},
		Item{Time: full.Time, Source: "box", Action: "X", Client: Client{Country: "DE"}, Object: Object{Type: "folder", ID: "9", Name: "Plans"}},
		Item{Time: full.Time, Source: "box", Action: "X", Object: Object{Type: "file", ID: "10", Name: "a.xlsx", Size: 4, URL: "https://x.example/a"}},
		Item{Time: full.Time, Source: "box", Action: "X", Object: Object{Type: "file", ID: "11"}})
	for _, t := range []*Triage{
		nil,
		{Number: 1, Status: TriageInProgress, Assignee: "kim@acme.example", At: closed},
		{Number: 2, Status: TriageSuppressed, Verdict: VerdictBenign, At: closed},
		{Number: 3, Status: TriageResolved, Verdict: VerdictTrue, At: closed},
		{Number: 4, Status: TriageResolved, Verdict: VerdictFalse, At: closed},
		{Number: 5, Status: TriageResolved, Verdict: VerdictDuplicate, At: closed},
		{Number: 6, Status: TriageNew, At: closed},
	} {
		m := &Message{Alert: full}
		m.Alert.Triage = t
		list = append(list, m)
	}
	service := full
	service.Service, service.Revision, service.User = true, 3, "deploy-bot"
	withdrawn := full
	withdrawn.Withdrawn, withdrawn.Revision = true, 4
	return append(list, &Message{Alert: service}, &Message{Alert: withdrawn}, &Message{Alert: Sample(full.Time), Test: true, Repeat: true})
}

// TestOCSF checks findings against the schema of OCSF: attributes, types, values and their captions, constraints, and
// that the attributes that OCSF recommends are there, unless nothing that Outflow knows belongs into them.
func TestOCSF(t *testing.T) {
	unknown := strings.Fields(`timezone_offset status_code status_detail src_url priority_id metadata.log_name
		metadata.original_time metadata.reporter metadata.tenant_uid metadata.product.uid`)
	for _, m := range ocsfMessages() {
		b, err := OCSF(m, "1.0")
		if err != nil {
			t.Fatal(err)
		}
		r := standards.OCSF(b)
		for _, f := range r.Faults {
			t.Errorf("%s\n%s", f, b)
		}
		for _, name := range r.Advice { // of evidence and resources, it depends on what they are
			if !m.Alert.Health && !strings.Contains(name, "[]") && !strings.HasSuffix(name, ".has_mfa") && !slices.Contains(unknown, name) {
				t.Errorf("%s is missing\n%s", name, b)
			}
		}
	}
}

// TestOCSFCountry finds the code of a country, whether a log names it or states its code; what is no country is not taken for one.
func TestOCSFCountry(t *testing.T) {
	for stated, want := range map[string][2]string{
		"DE": {"DE", ""}, "de": {"DE", ""}, "DEU": {"DE", ""}, "Germany": {"DE", ""}, "United States": {"US", ""}, "UK": {"GB", ""},
		"": {}, "Atlantis": {"", "Atlantis"}, "XX": {"", "XX"}, "T1": {"", "T1"},
	} {
		e := ocsfItem(&Item{Source: "box", Client: Client{IP: "203.0.113.7", Country: stated}}, ocsfUser{})
		got := [2]string{}
		if l := e.SrcEndpoint.Location; l != nil {
			got[0] = l.Country
		}
		got[1], _ = e.Data["country"].(string)
		if got != want {
			t.Errorf("%q: %q, not %q", stated, got, want)
		}
	}
}

// TestOCSFDecisions checks what a finding says of decisions, withdrawals and tests.
func TestOCSFDecisions(t *testing.T) {
	a := sample()[0]
	triage := func(s TriageStatus, v Verdict) Alert {
		b := a
		b.Triage = &Triage{Number: 2, Status: s, Verdict: v, At: a.Time}
		return b
	}
	withdrawn := a
	withdrawn.Withdrawn, withdrawn.Revision = true, 2
	for want, m := range map[string]*Message{
		"Create New Unknown true -1":               {Alert: a},
		"Update In Progress Unknown true -1-2":     {Alert: triage(TriageInProgress, "")},
		"Update Suppressed Benign false -1-2":      {Alert: triage(TriageSuppressed, VerdictBenign)},
		"Close Resolved False Positive false -1-2": {Alert: triage(TriageResolved, VerdictFalse)},
		"Close Resolved Duplicate false -1-2":      {Alert: triage(TriageResolved, VerdictDuplicate)},
		"Close Resolved True Positive false -1-2":  {Alert: triage(TriageResolved, VerdictTrue)},
		"Update New Unknown true -1-2":             {Alert: triage(TriageNew, "")},
		"Close Resolved Unknown false -2":          {Alert: withdrawn},
		"Create New Test false -1":                 {Alert: a, Test: true},
	} {
		f := ocsf(m, "")
		if got := fmt.Sprint(f.ActivityName, " ", f.Status, " ", f.Verdict, " ", f.IsAlert, " ", strings.TrimPrefix(f.Metadata.UID, a.ID)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestSeverity(t *testing.T) {
	for _, c := range []struct {
		rate  float64
		stake int
		want  Severity
	}{
		{60, 0, Informational},
		{20, 0, Low},
		{5, 0, Medium},
		{5, 3, High},
		{19, 3, Low},
		{2, 1, High},
		{.5, 0, Critical},
		{.001, 3, Critical},
	} {
		if got := severityOf(c.rate, c.stake); got != c.want {
			t.Errorf("severity(%g, %d) = %s, want %s", c.rate, c.stake, got, c.want)
		}
	}
	for s := Informational; s <= Critical; s++ {
		if back, err := ParseSeverity(s.String()); err != nil || back != s {
			t.Errorf("%s: %v", s, err)
		}
	}
	if _, err := ParseSeverity("urgent"); err == nil {
		t.Error("urgent was taken for a severity")
	}
}

// TestCorrelator checks what later findings do to an alert.
func TestCorrelator(t *testing.T) {
	d := NewCorrelator()
	a := found("jane", "bulk_download", 0, 5, 5)
	d.Add(a)
	worse := *a
	worse.Risk, worse.Points, worse.Time = 9, 9, a.Time+60_000
	d.Add(&worse)
	with := *found("jane", "external_sharing", 0, 9, 1)
	with.Time = worse.Time
	d.Add(&with)
	old := *a // an earlier word comes again: it changes nothing
	d.Add(&old)
	d.Add(&worse)
	list := must(d.Alerts())
	if len(list) != 1 || list[0].Score != 9 || list[0].Revision != 2 || len(list[0].Evidence) != 2 || list[0].Detector != "bulk_download" {
		t.Errorf("%+v", list)
	}
	if got := list[0].Time; got.UnixMilli() <= worse.Time || got.UnixMilli() > worse.Time+1000 {
		t.Errorf("raised at %s, the event was at %d", got, worse.Time)
	}
}

// TestSeries checks which alerts are one case.
func TestSeries(t *testing.T) {
	d := NewCorrelator()
	for _, day := range []int64{0, 2, 9} {
		d.Add(found("jane", "bulk_download", day, 6, 6))
	}
	d.Add(found("bob", "bulk_download", 1, 6, 6))
	cases := map[string]int{}
	for _, a := range must(d.Alerts()) {
		cases[a.Case]++
	}
	if len(cases) != 3 || cases["jane0"] != 2 || cases["jane9"] != 1 || cases["bob1"] != 1 {
		t.Errorf("%v", cases)
	}
}

// TestSeriesGoesOn checks that alerts of one case stay one after the correlator has pruned the
// first of them.
func TestSeriesGoesOn(t *testing.T) {
	for hours := range int64(8 * 24) {
		d := NewCorrelator()
		d.Add(found("jane", "bulk_download", 0, 6, 6))
		later := found("jane", "bulk_download", 4, 6, 6)
		later.Start -= 3_600_000 // it begins within four days of the first, and ends later
		later.Time, later.End = later.Time+12*3_600_000, later.End+12*3_600_000
		d.Add(later)
		d.Prune(start() + hours*3_600_000)
		d.Prune(start() + hours*3_600_000) // a correlator does so once a day
		for _, a := range must(d.Alerts()) {
			if a.Case != "jane0" {
				t.Fatalf("%s is of case %s once the correlator has let go of what is before hour %d", a.ID, a.Case, hours)
			}
		}
	}
}

func TestStore(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "alerts.db")
	s, err := OpenStore(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if generation, c, err := s.Load(ctx); err != nil || generation != 0 || len(must(c.Alerts())) != 0 {
		t.Fatalf("empty: %d, %v", generation, err)
	}
	d := NewCorrelator()
	d.Add(found("jane", "bulk_download", 0, 6, 6))
	d.Add(found("jane", "bulk_download", 5, 6, 6)) // its day is not over at the checkpoint
	checkpoint := start() + 5*event.Day + hourOf(2)
	snapshot, err := d.BatchSnapshot(checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	at := must(d.Alerts())
	d.Add(found("jane", "bulk_download", 7, 8, 8)) // after the checkpoint
	if err := s.Save(ctx, 4, checkpoint, snapshot, d.Each(must(d.Drafts()))); err != nil {
		t.Fatal(err)
	}
	generation, back, err := s.Load(ctx)
	if err != nil || generation != 4 {
		t.Fatal(generation, err)
	}
	got, _ := json.Marshal(must(back.Alerts()))
	want, _ := json.Marshal(at)
	if string(got) != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	back.Add(found("jane", "bulk_download", 5, 9, 9))
	if list := must(back.Alerts()); len(list) != 2 || list[0].Score != 9 || list[0].Revision != 2 {
		t.Errorf("%+v", list)
	}
}

// TestUnqualified reads findings that were stored before qualifiers existed: their alert is the
// same.
func TestUnqualified(t *testing.T) {
	leaver := found("jane", "leaver_takeout", 0, 12, 3)
	leaver.Reason, leaver.Events = "is leaving", 0
	d := NewCorrelator()
	d.Add(found("jane", "bulk_download", 0, 12, 9))
	d.Add(leaver)
	stored, err := must(d.Desk(0)).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	open, err := d.BatchSnapshot(0)
	if err != nil || bytes.Contains(stored, []byte("qualifier")) || bytes.Contains(open, []byte("qualifier")) {
		t.Fatal(err, string(stored))
	}
	for i, restore := range []func() (*Correlator, error){
		func() (*Correlator, error) { return restored(stored) },
		func() (*Correlator, error) { return restoreBatch(open, nil) },
	} {
		d, err := restore()
		if err != nil {
			t.Fatal(err)
		}
		d.Add(found("jane", "bulk_download", 0, 12, 9)) // has the alert made again
		list := must(d.Alerts())
		if len(list) != 1 || !strings.HasSuffix(list[0].Title, " before leaving") || strings.Contains(list[0].Reason, "is leaving") {
			t.Errorf("%d: %+v", i, list)
		}
	}
}

// TestNeverSuppressed sends alerts of a detector that is never suppressed, despite an older
// suppression of it, and while the traits of detectors are unknown.
func TestNeverSuppressed(t *testing.T) {
	known := finding.Detectors{"bulk_download": 0, "logging_disabled": finding.NeverSuppressed}
	now := time.Unix(0, 0)
	a := Alert{User: "jane", Detectors: []string{"bulk_download"}}
	p, err := Suggest(&a, known, now)
	if err != nil || !p.Matches(&a, known) || p.Matches(&a, nil) {
		t.Fatal(err)
	}
	if _, err := Suggest(&a, nil, now); err == nil {
		t.Error("suppressed, though no detectors are known")
	}
	a.Detectors = append(a.Detectors, "logging_disabled")
	p.Detectors = append(p.Detectors, "logging_disabled")
	if _, err := Suggest(&a, known, now); !errors.Is(err, ErrNotSuppressible) || p.Matches(&a, known) {
		t.Error(err)
	}
}

func hourOf(n int64) int64 { return n * 3_600_000 }

func TestWrap(t *testing.T) {
	for _, line := range wrap("a bb ccc "+strings.Repeat("x", 25)+" dd", 10) {
		if n := len([]rune(line)); n > 10 || n == 0 {
			t.Errorf("%q", line)
		}
	}
}

// TestUndone ends an exposure of an open alert and of one from an earlier run. The earliest
// reported end counts.
func TestUndone(t *testing.T) {
	d := NewCorrelator()
	f := found("ann@acme.example", "security_group_open", 0, 6, 6)
	opened := f.Time
	f.Exposures = []finding.Exposure{{What: "opened sg-1", Opened: opened}}
	d.Add(f)
	over := func(closed int64, by string) *finding.Finding {
		return &finding.Finding{
			Episode:   f.Episode,
			Detector:  f.Detector,
			Person:    f.Person,
			Time:      closed,
			Exposures: []finding.Exposure{{What: "opened sg-1", Opened: opened, Closed: closed, By: by}},
		}
	}
	if got := must(d.Alerts())[0]; got.statusText() != "Still in effect." {
		t.Errorf("%+v: %s", got.Exposures, got.statusText())
	}
	d.Add(over(opened+5*60*60_000, "bob@acme.example"))
	first := must(d.Alerts())[0]
	if first.statusText() != "Reverted after 5 hours by bob@acme.example." || first.Score != 6 || first.Revision != 1 {
		t.Errorf("%+v: %s", first, first.statusText())
	}
	again, err := restoreBatch([]byte("{}"), []Alert{first})
	if err != nil {
		t.Fatal(err)
	}
	again.Add(over(opened+2*60*60_000, "ann@acme.example"))
	if got := must(again.Alerts())[0]; got.statusText() != "Reverted after 2 hours." || len(got.Exposures) != 1 {
		t.Errorf("%+v: %s", got.Exposures, got.statusText())
	}
}

// TestHealth writes an alert about the data: it has no user and comes last.
func TestHealth(t *testing.T) {
	d := NewCorrelator()
	d.Add(found("ann@acme.example", "bulk_download", 0, 6, 6))
	h := found("", "source_silent", 0, 0, 0)
	h.Health, h.Impact, h.Title, h.Reason, h.Episode = true, 2, "Source silent", "Box has sent nothing for 26 hours", "health"
	d.Add(h)
	list := must(d.Alerts())
	if len(list) != 2 || !list[1].Health || list[1].Severity != Medium || list[1].User != "" || list[1].Score != 0 {
		t.Fatalf("%+v", list)
	}
	var b bytes.Buffer
	if err := writeTable(&b, list, Options{}); err != nil ||
		!strings.Contains(b.String(), "data health · 2026-03-02 09:00 UTC · health") {
		t.Errorf("%v %s", err, b.String())
	}
	if f := ocsf(&Message{Alert: list[1]}, "v1"); len(f.Evidences) != 0 || f.Resources[0].Type != "Data source" ||
		f.FindingInfo.Types[0] != "Health of the data" {
		t.Errorf("%+v", f)
	}
}

// TestUpdates checks that the results of Updates, put together, are what Alerts lists, in
// whatever order findings come.
func TestUpdates(t *testing.T) {
	const start = int64(1_700_000_000_000)
	rng := rand.New(rand.NewPCG(3, 4))
	d := NewCorrelator()
	now := start
	out := map[string]string{}
	for range 3000 {
		day := now/86_400_000 - rng.Int64N(3)
		user := fmt.Sprint("user", rng.IntN(12))
		f := &finding.Finding{
			ID:       fmt.Sprint(user, day, rng.IntN(3)),
			Episode:  fmt.Sprint(user, " ", day),
			Person:   user,
			Detector: "bulk_download",
			Time:     now,
			Start:    now - 1000,
			End:      now,
			Until:    (day + 1) * 86_400_000,
			Risk:     float64(rng.IntN(12)),
			Rate:     8 - rng.Float64()*8,
			Reason:   "x",
			Points:   1,
		}
		if f.Risk == 0 {
			f.Exposures = []finding.Exposure{{What: "a bucket", Opened: now - 5000, Closed: now}}
		}
		d.Add(f)
		if now += rng.Int64N(2_000_000); rng.IntN(4) > 0 {
			continue
		}
		d.AdvanceWatermark(now - rng.Int64N(3_600_000))
		for _, x := range must(d.Updates()) {
			a := must(d.Build(&x))
			b, err := json.Marshal(a)
			if err != nil {
				t.Fatal(err)
			}
			out[a.ID] = string(b)
		}
		if again := must(d.Updates()); len(again) > 0 {
			t.Fatalf("%d alerts are returned again", len(again))
		}
		if rng.IntN(40) == 0 {
			d.Prune(now - 4*86_400_000)
			continue
		}
		for _, a := range must(d.Alerts()) {
			b, err := json.Marshal(a)
			if err != nil {
				t.Fatal(err)
			}
			if out[a.ID] != string(b) {
				t.Fatalf("%s is out as\n%s\nand is\n%s", a.ID, out[a.ID], b)
			}
		}
	}
	if len(out) < 100 {
		t.Errorf("%d alerts", len(out))
	}
}

// TestLeadingDeed builds alerts of a sign-in and of what was done after it.
func TestLeadingDeed(t *testing.T) {
	for _, c := range []struct {
		points float64
		want   string
	}{{2, "Bulk download"}, {.5, "Unfamiliar sign-in"}} {
		a := build(1, []*finding.Finding{
			{Detector: "unfamiliar_sign_in", Title: "Unfamiliar sign-in", Reason: "signed in", Precursor: true, Points: 6, Events: 1},
			{Detector: "bulk_download", Title: "Bulk download", Reason: "took 40 files", Points: c.points, Events: 40},
		})
		if a.Title != c.want {
			t.Errorf("a deed of %v points: titled %q, want %q", c.points, a.Title, c.want)
		}
		if deed := c.points == 2; deed && a.Reason != "took 40 files; also signed in" {
			t.Errorf("reason %q", a.Reason)
		}
	}
}

// TestTakenBack ends exposures soon and late, twice each.
func TestTakenBack(t *testing.T) {
	const opened = int64(1_700_000_000_000)
	for _, c := range []struct {
		after int64
		want  string
	}{
		{11_000, `forwards mail to "x@elsewhere.example", taken back after 11 seconds`},
		{20 * 60_000, `forwards mail to "x@elsewhere.example", taken back after 20 minutes`},
		{3 * 24 * 3_600_000, `forwards mail to "x@elsewhere.example"`},
	} {
		what := `forwards mail to "x@elsewhere.example"`
		d := NewCorrelator()
		d.Add(&finding.Finding{ID: "f", Episode: "e", Person: "kim", Detector: "mail_forwarding", Title: "Mail forwarded outside",
			Time: opened, Risk: 6, Points: 6, Events: 1, Reason: what, Exposures: []finding.Exposure{{What: what, Opened: opened}}})
		for range 2 {
			d.Add(&finding.Finding{ID: "f", Episode: "e", Person: "kim", Detector: "mail_forwarding", Time: opened + c.after,
				Exposures: []finding.Exposure{{What: what, Opened: opened, Closed: opened + c.after, By: "kim"}}})
		}
		if a := must(d.Alerts())[0]; a.Reason != c.want || a.Evidence[0].Reason != c.want {
			t.Errorf("reason %q, evidence %q, want %q", a.Reason, a.Evidence[0].Reason, c.want)
		}
	}
}

// TestLoweredImpact lowers alerts of each impact, open or from an earlier run: severity is that of the new rate and the same impact.
func TestLoweredImpact(t *testing.T) {
	for _, c := range []struct {
		rate   float64
		impact int
		want   Severity
	}{
		{.3, 3, High}, // critical by its rate alone
		{1, 3, High},
		{.3, 2, Medium},
		{1, 0, Medium},
	} {
		f := found("jane@acme.example", "bulk_download", 0, 9, 9)
		f.Rate, f.Impact = c.rate, c.impact
		lowered := &finding.Finding{Episode: f.Episode, Person: f.Person, Lowered: &finding.Lowered{
			At: start() + 3_600_000, From: 9, Risk: 7, Rate: 4, Reason: "joined a group"}}
		d := NewCorrelator()
		d.Add(f)
		old, err := restoreBatch([]byte("{}"), must(d.Alerts()))
		if err != nil {
			t.Fatal(err)
		}
		d.Add(lowered)
		old.Add(lowered)
		for name, got := range map[string]Alert{"open": must(d.Alerts())[0], "stored": must(old.Alerts())[0]} {
			if got.Severity != c.want || got.Rate != 4 {
				t.Errorf("%s, rate %g and impact %d: %s, want %s", name, c.rate, c.impact, got.Severity, c.want)
			}
		}
	}
	early := Alert{Score: 9, Rate: 1, Severity: Critical} // of a version that did not keep the impact
	if early.lower(&finding.Lowered{From: 9, Risk: 7, Rate: 4}); early.Severity != High {
		t.Errorf("an alert without impact: %s", early.Severity)
	}
}

// TestAmended adds to an alert what came after it, whether it is open or from an earlier run: once.
func TestAmended(t *testing.T) {
	again := &finding.Finding{Again: []finding.Again{{At: start() + 90_000_000, Events: 4, Alert: "later"}}}
	lowered := &finding.Finding{Lowered: &finding.Lowered{At: start() + 3_600_000, From: 9, Risk: 3.5, Rate: 15, Reason: "joined a group"}}
	check := func(a Alert) {
		t.Helper()
		if a.Score != 3.5 || a.Severity != Low || len(a.Lowered) != 1 || len(a.Again) != 1 ||
			!strings.HasSuffix(a.Reason, "lowered from 9.0 to 3.5, because they joined a group") ||
			a.sayRepeated() != "Again on 1 later day until 2026-03-03, with 4 events." {
			t.Errorf("score %.1f, %s, again %v, lowered %v: %s", a.Score, a.Severity, a.Again, a.Lowered, a.Reason)
		}
	}
	d := NewCorrelator()
	f := found("jane@acme.example", "bulk_download", 0, 9, 9)
	f.Rate = 1
	d.Add(f)
	final := must(d.Alerts())
	for range 2 {
		for _, x := range []*finding.Finding{again, lowered} {
			x.Episode, x.Person = f.Episode, f.Person
			d.Add(x)
		}
		check(must(d.Alerts())[0])
	}
	old, err := restoreBatch([]byte("{}"), final)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		old.Add(again)
		old.Add(lowered)
		check(must(old.Alerts())[0])
	}
	worse := found("jane@acme.example", "bulk_download", 0, 8, 8)
	worse.Time += 7_200_000
	d.Add(worse)
	if a := must(d.Alerts())[0]; a.Score != 8 || len(a.Lowered) != 0 || len(a.Again) != 1 {
		t.Errorf("more came on top of what was lowered: %.1f, lowered %v, again %v", a.Score, a.Lowered, a.Again)
	}
	kept, err := restored(must(must(d.Desk(start() + 9*86_400_000)).Marshal()))
	if err != nil || !kept.IsOpen(f.Episode) {
		t.Errorf("the alert may be repeated, and is forgotten: %v", err)
	}
}

// must returns a value that comes without an error.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// each are the alerts of a list.
func each(list ...Alert) iter.Seq2[*Alert, error] {
	drafts := make([]Draft, len(list))
	for i := range list {
		drafts[i] = DraftOf(&list[i])
	}
	return NewCorrelator().Each(drafts)
}

// restored is a correlator after a restart.
func restored(stored []byte) (*Correlator, error) {
	k, err := ParseDesk(stored, spill.New(0, ""))
	if err != nil {
		return nil, err
	}
	return k.Correlator(), nil
}
