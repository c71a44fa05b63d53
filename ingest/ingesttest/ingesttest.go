// Package ingesttest tests decoders and sources. It reads samples with the same reader as the
// program, and writes events as text, so that golden files are readable.
package ingesttest

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/files"
	"github.com/outflow/outflow/internal/event"
)

var update = flag.Bool("update", false, "rewrite goldens")

// Update reports whether golden files are to be rewritten (-update).
func Update() bool { return *update }

// Read reads files and returns copies of their events, in the order in which they were read, and
// the reports.
func Read(t testing.TB, formats []*ingest.Format, tables []*ingest.Table, paths ...string) ([]*event.Event, []files.Report) {
	t.Helper()
	found, bad := files.Find(paths)
	var events []*event.Event
	r := files.Reader{Formats: formats, Tables: tables, Workers: 1, Emit: func(int) func(*event.Event) error {
		return func(e *event.Event) error {
			events = append(events, e.Clone())
			return nil
		}
	}}
	reports, err := r.Read(context.Background(), found)
	if err != nil {
		t.Fatal(err)
	}
	return events, append(reports, bad...)
}

// Format returns an event as text, with the fields that are set.
func Format(e *event.Event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s %s", time.UnixMilli(e.Time).UTC().Format("2006-01-02T15:04:05.000Z"), e.Source, e.Class, e.Action)
	add := func(name string, value any) {
		switch v := value.(type) {
		case string:
			if v != "" {
				fmt.Fprintf(&b, " %s=%q", name, v)
			}
		case int64:
			if v != 0 {
				fmt.Fprintf(&b, " %s=%d", name, v)
			}
		}
	}

	add("outcome", [...]string{"", "failure", "denied", "unknown"}[e.Outcome])
	fmt.Fprintf(&b, "\n   actor %s", e.Actor.Kind)
	add("account", e.Actor.Account)
	add("alias", e.Actor.Alias)
	add("name", e.Actor.Name)
	add("on_behalf_of", e.Actor.OnBehalfOf)
	add("id", e.ID)
	add("tenant", e.Tenant)
	if o := e.Object; o != (event.Object{}) {
		b.WriteString("\n   object")
		add("type", o.Type)
		add("id", o.ID)
		add("name", o.Name)
		add("in", o.Container)
		add("owner", o.Owner)
		add("label", o.Label)
		add("size", o.Size)
		if o.Folder {
			b.WriteString(" folder")
		}
	}

	if e.Rows|e.Bytes|e.Items != 0 {
		b.WriteString("\n   volume")
		add("rows", e.Rows)
		add("bytes", e.Bytes)
		add("items", e.Items)
	}

	if e.Zoneless {
		b.WriteString("\n   zoneless")
	}
	for _, t := range e.To {
		fmt.Fprintf(&b, "\n   to %q %s", t.Account, [...]string{"unknown", "internal", "external", "anyone"}[t.Scope])
	}
	if e.Before+e.After > 0 {
		fmt.Fprintf(&b, "\n   visibility %q to %q", e.Before, e.After)
	}
	if e.Client != (event.Client{}) {
		b.WriteString("\n   client")
		add("ip", e.Client.IP)
		add("agent", e.Client.Agent)
		add("country", e.Client.Country)
		add("app", e.Client.App)
		add("session", e.Client.Session)
		add("device", e.Client.Device)
	}

	for _, a := range e.Attrs {
		fmt.Fprintf(&b, "\n   %s=%q", a.Name, a.Value)
	}
	return b.String()
}

// Run tests the decoders of a package with its testdata/*.txtar. Every file of an archive is read
// as an export, except want, which has the wanted events.
func Run(t *testing.T, formats []*ingest.Format, tables []*ingest.Table) {
	t.Helper()
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("no testdata/*.txtar", err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) { testFormats(t, name, formats, tables) })
	}
}

// testFormats tests decoders with one archive.
func testFormats(t *testing.T, name string, formats []*ingest.Format, tables []*ingest.Table) {
	ar, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var got bytes.Buffer
	want := -1
	for i, f := range ar.Files {
		if f.Name == "want" {
			want = i
			continue
		}

		path := filepath.Join(dir, f.Name)
		if err := os.WriteFile(path, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
		events, reports := Read(t, formats, tables, path)
		fmt.Fprintf(&got, "# %s\n", f.Name)
		for _, e := range events {
			fmt.Fprintln(&got, Format(e))
			checkEvent(t, e)
		}

		for _, r := range reports {
			for _, p := range r.Problems {
				fmt.Fprintf(&got, "line %d: %s\n", p.Line, p.Reason)
			}
			if r.Reason != "" {
				fmt.Fprintln(&got, r.Reason)
			}
		}

		twice, _ := Read(t, formats, tables, path, filepath.Join(dir, f.Name))
		if len(twice) != len(events) {
			t.Errorf("%s: %d events, then %d", f.Name, len(events), len(twice))
		}
		for k := range min(len(twice), len(events)) {
			if twice[k].Key != events[k].Key {
				t.Errorf("%s: event %d has another key when read again", f.Name, k)
			}
		}
	}

	if *update {
		if want < 0 {
			ar.Files = append(ar.Files, txtar.File{Name: "want"})
			want = len(ar.Files) - 1
		}
		ar.Files[want].Data = got.Bytes()
		if err := os.WriteFile(name, txtar.Format(ar), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}

	if want < 0 {
		t.Fatal("no want: run with -update and read it")
	}
	if g, w := got.String(), string(ar.Files[want].Data); g != w {
		t.Errorf("got\n%s\nwant\n%s", g, w)
	}
}

// checkEvent asserts what holds for every event of every decoder.
func checkEvent(t testing.TB, e *event.Event) {
	t.Helper()
	if e.Source == event.NoSource || e.Action == "" || !ingest.ValidTime(e.Time) || e.Key == 0 {
		t.Errorf("an event without source, action, time or key: %+v", e)
	}
	var dec event.Decoder
	var back event.Event
	rec := e.Append(nil)
	if err := dec.Decode(rec, &back); err != nil {
		t.Fatalf("stored event cannot be read: %v", err)
	}
	if again := back.Append(nil); !bytes.Equal(rec, again) {
		t.Errorf("stored event reads as another one:\n%+v\n%+v", e, back)
	}
}

// Fuzz asserts that all input becomes events or counted errors: nothing is dropped silently, and
// nothing panics. The seeds are the records of the package's testdata, one by one, since a target
// with whole exports as seeds spends its time on minimising them.
func Fuzz(f *testing.F, formats []*ingest.Format, tables []*ingest.Table) {
	archives, _ := filepath.Glob("testdata/*.txtar")
	for _, name := range archives {
		ar, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range ar.Files {
			if file.Name != "want" {
				for _, seed := range Seeds(file.Data) {
					f.Add(seed)
				}
			}
		}
	}

	f.Fuzz(func(t *testing.T, data []byte) {
		var events []*event.Event
		r := files.Reader{Formats: formats, Tables: tables, Workers: 1, Emit: func(int) func(*event.Event) error {
			return func(e *event.Event) error {
				events = append(events, e.Clone())
				return nil
			}
		}}
		report, err := r.Stream(t.Context(), "export", bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			checkEvent(t, e)
		}
		Accounted(t, data, events, report)
	})
}

// Accounted asserts that a report accounts for all bytes of an export: they are records with
// events, or the report has what is wrong with them.
func Accounted(t testing.TB, data []byte, events []*event.Event, r files.Report) {
	t.Helper()
	if r.Known == 0 && r.ProblemCount == 0 && r.Reason == "" && len(bytes.Trim(data, " \r\n\t,[]{}\xef\xbb\xbf")) > 0 {
		t.Errorf("%d bytes were dropped in silence", len(data))
	}
	if r.Records > 0 && len(events) == 0 && !emptyList(r) {
		t.Errorf("%d records gave no event", r.Records)
	}
	if len(events) > 0 && r.Records == 0 {
		t.Errorf("%d events of no record", len(events))
	}
}

// emptyList reports whether the records may have no events: Google activities may have an empty
// list of them.
func emptyList(r files.Report) bool { return r.Formats["google_workspace"] == r.Records }
