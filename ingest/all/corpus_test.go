package all_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/outflow/outflow/ingest/all"
	"github.com/outflow/outflow/ingest/ingesttest"
	"github.com/outflow/outflow/internal/event"
)

const corpus = "../../../shared/corpus"

// TestCorpus reads real records and those of vendors' documentation. Every record becomes an
// event or a counted error, or is in a file that is reported as of another kind. The golden file
// has the counts of each source.
func TestCorpus(t *testing.T) {
	if _, err := os.Stat(corpus); err != nil {
		t.Skip("no corpus of samples beside the project: ", err)
	}
	events, reports := ingesttest.Read(t, all.Formats, all.Tables, corpus)
	var b strings.Builder
	type tally struct{ files, unrecognised, records, malformed int }
	folders := map[string]*tally{}
	for _, r := range reports {
		rel, _ := filepath.Rel(corpus, r.Path)
		folder, _, _ := strings.Cut(rel, "/")
		c := folders[folder]
		if c == nil {
			c = &tally{}
			folders[folder] = c
		}
		c.files++
		c.records += r.Records
		c.malformed += r.ProblemCount
		if r.Reason != "" {
			c.unrecognised++
		} else if r.Records+r.ProblemCount == 0 {
			t.Errorf("%s: neither records nor errors nor a reason", rel)
		}
		if r.Failed {
			t.Errorf("%s could not be read: %s", rel, r.Reason)
		}
	}
	b.WriteString("folder: files, of other kinds, records, malformed\n")
	for _, name := range slices.Sorted(maps.Keys(folders)) {
		c := folders[name]
		fmt.Fprintf(&b, "%s: %d %d %d %d\n", name, c.files, c.unrecognised, c.records, c.malformed)
	}
	classes := map[string]int{}
	other := map[string]int{}
	for _, e := range events {
		classes[e.Source.String()+" "+e.Class.String()]++
		if e.Class == event.Other {
			other[e.Source.String()+" "+e.Action]++
		}
	}
	b.WriteString("\nsource and class: events\n")
	for _, name := range slices.Sorted(maps.Keys(classes)) {
		fmt.Fprintf(&b, "%s: %d\n", name, classes[name])
	}
	fmt.Fprintf(&b, "\nnames without a class: %d\n", len(other))
	golden := filepath.Join("testdata", "corpus.golden")
	if ingesttest.Update() {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// TestNames checks that formats and tables have names of their own.
func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range all.Formats {
		if f.Name == "" || seen[f.Name] {
			t.Errorf("format %q", f.Name)
		}
		seen[f.Name] = true
	}
	for _, f := range all.Tables {
		if f.Name == "" || seen[f.Name] {
			t.Errorf("table %q", f.Name)
		}
		seen[f.Name] = true
	}
	if len(seen) < 20 {
		t.Errorf("only %d shapes", len(seen))
	}
}
