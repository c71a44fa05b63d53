package main

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// config is a small and calm world with daily CloudTrail files, which is quick to write and to read.
func config(t *testing.T, seed uint64, scenarios string) Config {
	return Config{Seed: seed, Users: 60, Days: 40, Learn: 24, Per: 1, Slice: 24 * 60, Start: time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC),
		Out: t.TempDir(), Scenarios: scenarios, Scale: .4, Loudest: 1, Truth: t.TempDir()}
}

func build(t *testing.T, c Config) *World {
	t.Helper()
	w := newWorld(c)
	if err := w.run(); err != nil {
		t.Fatal(err)
	}
	return w
}

// hashes maps every file below root to the hash of its content, decompressed: what gzip
// writes may change with the version of Go.
func hashes(t *testing.T, root string) map[string]string {
	t.Helper()
	m := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		var r io.Reader = f
		if strings.HasSuffix(path, ".gz") {
			if r, err = gzip.NewReader(f); err != nil {
				return err
			}
		}
		h := sha256.New()
		if _, err = io.Copy(h, r); err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		m[filepath.ToSlash(rel)] = hex.EncodeToString(h.Sum(nil))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// digest is one hash of all files of a world.
func digest(t *testing.T, c Config) string {
	t.Helper()
	h := sha256.New()
	for _, dir := range []string{c.Out, c.Truth} {
		files := hashes(t, dir)
		for _, name := range slices.Sorted(maps.Keys(files)) {
			fmt.Fprintln(h, name, files[name])
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Figures are only comparable between versions as long as worlds stay the same. Whoever
// changes worlds on purpose changes these hashes and measures the figures of the docs anew.
func TestWorldsStayTheSame(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		procedural bool
		want       string
	}{
		{"classic", false, "0f69bbffc04d4a7d37d82dfa891d37d0b8d0f4572eba883b7ae5424ae4be2a1a"},
		{"procedural", true, "f829f080867d98060bee03e481481824dcb83d2e9a3e800bf9e0a7b323c1c869"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cfg := config(t, 7, "all")
			cfg.Scale = 1
			cfg.Procedural, cfg.Families = c.procedural, "all"
			w := build(t, cfg)
			if len(w.decoys) == 0 || len(w.incidents) == 0 {
				t.Errorf("%d decoys and %d incidents", len(w.decoys), len(w.incidents))
			}
			if got := digest(t, cfg); got != c.want {
				t.Errorf("the world has hash %s, want %s", got, c.want)
			}
		})
	}
}

// Very small and very short worlds are complete, too: with one person, on one day, and
// where nobody else has a mailbox.
func TestSmallWorlds(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
	for _, args := range []string{
		"-procedural -families even -seed 1045 -users 5 -days 10",
		"-procedural -seed 34 -users 70 -days 19 -learn 5",
		"-procedural -seed 3 -users 1 -days 1",
		"-seed 3 -users 1 -days 1",
		"-procedural -seed 4 -users 30 -days 23 -learn 0",
		"-seed 4 -users 2 -days 40 -learn 60",
	} {
		c, err := parse(append(strings.Fields(args), "-out", t.TempDir(), "-truth", t.TempDir()))
		if err != nil {
			t.Fatal(err)
		}
		if w := build(t, c); len(w.people) != c.Users {
			t.Errorf("%s: %d people", args, len(w.people))
		}
	}
}

func TestFlags(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"-users 0":                "-users",
		"-days -1":                "-days",
		"-slice 0":                "-slice",
		"-start 5.1.2026":         "-start",
		"-families both":          "both",
		"-scenarios all,composed": `"all"`,
		"-scenarios composed":     `"composed"`, // procedural worlds only
		"301":                     `"301"`,
	} {
		if _, err := parse(strings.Fields(args)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v does not name %s", args, err, want)
		}
	}
	c, err := parse(strings.Fields("-procedural -scenarios composed,onto_a_stick -users 400 -out x"))
	if err != nil || c.Truth != "x" || c.Per != 2 || !c.enabled("composed") || c.enabled("low_and_slow") {
		t.Errorf("%+v: %v", c, err)
	}
}

// qualifier is the identifier in the member id of a record.
func qualifier(raw json.RawMessage) string {
	var id string
	if json.Unmarshal(raw, &id) != nil {
		var google struct{ UniqueQualifier string }
		if json.Unmarshal(raw, &google) == nil {
			id = google.UniqueQualifier
		}
	}
	return id
}

// lines reads every record of an export as (source, identifier, text).
func lines(t *testing.T, root string, visit func(src, id, text string)) (bad int) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		src := strings.Split(rel, string(filepath.Separator))[0]
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		switch {
		case strings.HasSuffix(path, ".gz"):
			z, err := gzip.NewReader(f)
			if err != nil {
				return err
			}
			var doc struct{ Records []json.RawMessage }
			if err := json.NewDecoder(z).Decode(&doc); err != nil {
				t.Errorf("%s: %v", rel, err)
			}
			for _, r := range doc.Records {
				var id struct{ EventID string }
				json.Unmarshal(r, &id)
				visit(src, id.EventID, string(r))
			}
		case strings.HasSuffix(path, ".ndjson"):
			sc := bufio.NewScanner(f)
			sc.Buffer(nil, 1<<20)
			for sc.Scan() {
				var r struct {
					M365      string          `json:"Id"`
					Box       string          `json:"event_id"`
					Okta      string          `json:"uuid"`
					GitHub    string          `json:"_document_id"`
					Login     string          `json:"EVENT_ID"`
					Query     string          `json:"QUERY_ID"`
					SlackOrID json.RawMessage `json:"id"` // a string of Slack, an object of Google
				}
				if json.Unmarshal(sc.Bytes(), &r) != nil {
					bad++
					continue
				}
				id := cmp.Or(r.M365, r.Box, r.Okta, r.GitHub, r.Login, r.Query, qualifier(r.SlackOrID))
				visit(src, id, sc.Text())
			}
		case src == "salesforce":
			cr := csv.NewReader(f)
			head, err := cr.Read()
			if err != nil {
				return err
			}
			for {
				row, err := cr.Read()
				if err == io.EOF {
					break
				}
				if err != nil || len(row) != len(head) {
					bad++
					continue
				}
				visit(src, row[2], strings.Join(row, ","))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return bad
}

func TestExportsAreNativeAndLabelled(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
	c := config(t, 3, "all")
	w := build(t, c)
	seen := map[[2]string]bool{}
	n := 0
	bad := lines(t, c.Out, func(src, id, text string) {
		if n++; id == "" && src != "dropbox" {
			t.Fatalf("%s: no identifier in %s", src, text)
		}
		seen[[2]string{src, id}] = true
		for _, word := range []string{"inc-0", "malicious", "decoy", "scenario", "exfil"} {
			if strings.Contains(strings.ToLower(text), word) {
				t.Fatalf("%s: %q in %s", src, word, text)
			}
		}
	})
	if bad == 0 || bad > n/5000 {
		t.Errorf("%d malformed of %d records", bad, n)
	}
	if len(w.incidents) < len(scenarios)-4 {
		t.Errorf("only %d incidents", len(w.incidents))
	}
	for _, inc := range w.incidents {
		if inc.Count == 0 || inc.End.Before(inc.Start) || inc.Start.Before(c.Start.AddDate(0, 0, c.Learn).Add(-12*time.Hour)) {
			t.Errorf("%s %s: %d events from %s to %s", inc.ID, inc.Scenario, inc.Count, inc.Start, inc.End)
		}
		for src, ids := range inc.Events {
			for _, id := range ids {
				if !seen[[2]string{src, id}] {
					t.Errorf("%s: event %s of %s is not in the export", inc.Scenario, id, src)
				}
			}
		}
	}
	for src := Source(0); src <= Dropbox; src++ {
		if w.sink.events[src] == 0 {
			t.Errorf("no events of %s", sourceNames[src])
		}
	}
}

// Scenarios only add records: the background of a world does not change with them.
func TestBackgroundIsIndependentOfScenarios(t *testing.T) {
	if testing.Short() {
		t.Skip("reads two worlds")
	}
	t.Parallel()
	none, all := config(t, 5, "none"), config(t, 5, "all")
	build(t, none)
	w := build(t, all)
	background := map[[2]string]bool{}
	lines(t, none.Out, func(src, id, _ string) { background[[2]string{src, id}] = true })
	for _, inc := range w.incidents {
		for src, ids := range inc.Events {
			for _, id := range ids {
				if background[[2]string{src, id}] {
					t.Errorf("%s: event %s is part of the background", inc.Scenario, id)
				}
				background[[2]string{src, id}] = true
			}
		}
	}
	extra := 0
	lines(t, all.Out, func(src, id, text string) {
		if !background[[2]string{src, id}] && src != "dropbox" {
			extra++
		}
	})
	if extra > 0 {
		t.Errorf("%d records are neither background nor labelled", extra)
	}
}

func TestDistributions(t *testing.T) {
	t.Parallel()
	r := newRand(1)
	const n = 200000
	check := func(name string, draw func() float64, mean, variance float64) {
		var s, q float64
		for i := 0; i < n; i++ {
			x := draw()
			s += x
			q += x * x
		}
		m := s / n
		v := q/n - m*m
		if math.Abs(m-mean) > .03*mean+.01 || math.Abs(v-variance) > .08*variance+.02 {
			t.Errorf("%s: mean %.3f, variance %.3f; want %.3f, %.3f", name, m, v, mean, variance)
		}
	}
	check("poisson", func() float64 { return float64(r.poisson(3.5)) }, 3.5, 3.5)
	check("poisson 80", func() float64 { return float64(r.poisson(80)) }, 80, 80)
	check("negbin", func() float64 { return float64(r.negbin(4, .8)) }, 4, 4+16/.8)
	check("gamma", func() float64 { return r.gamma(.5) }, .5, .5)
	check("spread", func() float64 { return r.spread(.5) }, 1, math.Exp(.25)-1)
}

func TestCalendar(t *testing.T) {
	date := func(s string) time.Time { d, _ := time.Parse("2006-01-02", s); return d }
	for _, c := range []struct {
		code, day string
		want      bool
	}{{"US", "2026-01-19", true}, {"US", "2026-05-25", true}, {"US", "2026-11-26", true}, {"US", "2026-04-03", false},
		{"DE", "2026-04-03", true}, {"GB", "2026-04-06", true}, {"IN", "2026-01-26", true}} {
		if got := isHoliday(c.code, date(c.day)); got != c.want {
			t.Errorf("isHoliday(%s, %s) = %v", c.code, c.day, got)
		}
	}
	if closeFactor(Finance, date("2026-03-31")) <= closeFactor(Finance, date("2026-03-16")) {
		t.Error("finance is not busy at quarter-end")
	}
}

func TestSalesforceID(t *testing.T) {
	short, long := salesforceID("005", 42)
	if len(short) != 15 || len(long) != 18 || !strings.HasPrefix(long, short) {
		t.Errorf("%q, %q", short, long)
	}
}

func BenchmarkWorld(b *testing.B) {
	for b.Loop() {
		c := Config{Seed: 1, Users: 200, Days: 30, Learn: 15, Per: 1, Slice: 60, Start: time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC),
			Out: b.TempDir(), Scenarios: "all", Scale: 1, Loudest: 1, Truth: b.TempDir()}
		w := newWorld(c)
		if err := w.run(); err != nil {
			b.Fatal(err)
		}
		n := 0
		for _, k := range w.sink.lines {
			n += k
		}
		b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
	}
}
