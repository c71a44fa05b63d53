package hr

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/files"
	"github.com/outflow/outflow/ingest/ingesttest"
	"github.com/outflow/outflow/internal/event"
)

func TestSources(t *testing.T) {
	for _, kind := range Kinds {
		if kind.Name != "hr_csv" { // it asks nobody
			t.Run(kind.Name, func(t *testing.T) { ingesttest.TestSources(t, kind, Formats, Tables) })
		}
	}
}

// TestCSV reads a file whose columns have other names, and one that is cut short.
func TestCSV(t *testing.T) {
	path := filepath.Join(t.TempDir(), "people.csv")
	conf := &CSV{
		Path:    path,
		Dates:   "DD.MM.YYYY",
		Columns: map[string]string{"email": "E-Mail", "department": "Abteilung", "last_day": "Letzter Tag", "notice_date": "Kündigung"},
	}
	if err := conf.Check(); err != nil {
		t.Fatal(err)
	}
	streams, err := conf.Open(t.Context(), ingest.Env{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	fetch := func(cur ingest.Cursor, content string) (ingest.Page, error) {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return streams[0].Source.Fetch(t.Context(), cur)
	}
	head := "\xef\xbb\xbfName;E-Mail;Abteilung;Letzter Tag;Kündigung\r\n"
	rows := ""
	for _, n := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"} {
		rows += n + ";" + n + "@northwind.example;Vertrieb;;\r\n"
	}
	page, err := fetch(nil, head+rows+"Dana;dana@northwind.example;\"Vertrieb; Nord\";31.03.2026;27.02.2026\r\n")
	if err != nil || len(page.Bodies) != 1 {
		t.Fatal(page, err)
	}
	in, err := page.Bodies[0].Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out.csv")
	f, err := os.Create(out)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.ReadFrom(in); err != nil {
		t.Fatal(err)
	}
	f.Close()
	events, reports := ingesttest.Read(t, Formats, Tables, out)
	if len(events) != 12 || reports[0].ProblemCount > 0 {
		t.Fatalf("%d events, %+v", len(events), reports)
	}
	last := ingesttest.Format(events[11])
	if !strings.Contains(last, "2026-02-27T00:00:00.000Z hr notice") || !strings.Contains(last, `last_day="2026-03-31"`) {
		t.Error(last)
	}
	if again, err := fetch(page.Next, head+rows+
		"Dana;dana@northwind.example;\"Vertrieb; Nord\";31.03.2026;27.02.2026\r\n"); err != nil || len(again.Bodies) > 0 {
		t.Error("the same file gives something again", err)
	}
	if _, err := fetch(page.Next, head+"a;a@northwind.example;Vertrieb;;\r\n"); err == nil || !strings.Contains(err.Error(),
		"1 people in it, 11 before") {
		t.Error(err)
	}
	if _, err := fetch(page.Next, head); err == nil || !strings.Contains(err.Error(), "no people in it") {
		t.Error(err)
	}
	if _, err := fetch(page.Next, "Name;Abteilung\r\nx;y\r\n"); err == nil || !strings.Contains(err.Error(), `no column "E-Mail"`) {
		t.Error(err)
	}
}

// FuzzCSV asserts that a file of people, whatever is in it and in the cursor, is read or
// refused: never a panic.
func FuzzCSV(f *testing.F) {
	for _, s := range []string{
		"Name;E-Mail;Abteilung;Letzter Tag;Kündigung\r\nA;a@northwind.example;Vertrieb;31.03.2026;01.03.2026\r\n",
		"E-Mail\n", "E-Mail\nx\n\"", "\xff\xfeE\x00-\x00", "E-Mail,E-Mail\na@b.example,c@d.example\n", "",
	} {
		f.Add([]byte(s), []byte(nil))
		f.Add([]byte(s), []byte(`{"People":{"a@northwind.example":"x"},"Hash":"x"}`))
	}
	path := filepath.Join(f.TempDir(), "people.csv")
	conf := &CSV{
		Path:    path,
		Dates:   "DD.MM.YYYY",
		Columns: map[string]string{"email": "E-Mail", "department": "Abteilung", "last_day": "Letzter Tag", "notice_date": "Kündigung"},
	}
	streams, err := conf.Open(f.Context(), ingest.Env{Now: func() time.Time { return ingesttest.Now }})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, content, cursor []byte) {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		page, err := streams[0].Source.Fetch(t.Context(), cursor)
		if err != nil {
			return
		}
		for _, b := range page.Bodies {
			in, err := b.Open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var events int
			reader := files.Reader{
				Formats: Formats,
				Tables:  Tables,
				Workers: 1,
				Emit:    func(int) func(*event.Event) error { return func(*event.Event) error { events++; return nil } },
			}
			rep, err := reader.Stream(t.Context(), b.Name, in)
			if err != nil || rep.Failed || rep.Records+rep.ProblemCount == 0 {
				t.Errorf("what it hands on cannot be read: %+v, %v", rep, err)
			}
		}
		if _, err := streams[0].Source.Fetch(t.Context(), page.Next); err != nil {
			t.Errorf("it cannot go on from its own cursor: %v", err)
		}
	})
}
