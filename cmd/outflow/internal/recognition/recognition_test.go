package recognition_test

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/outflow/outflow/cmd/outflow/internal/recognition"
	"github.com/outflow/outflow/ingest/all"
)

// read reads a file with this content, and shows two records.
func read(t *testing.T, name string, content []byte) *recognition.Reading {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := recognition.Read(t.Context(), recognition.Input{Path: path, Records: 2, Tables: all.Tables})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestArchive names the member of an archive that a record is in.
func TestArchive(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("box/report.csv")
	if err != nil {
		t.Fatal(err)
	}
	w.Write([]byte("Date (PST);User Email;Action;Affected;Size (KB)\n" +
		"03/04/2026 9:00 AM;ann@acme.example;Downloaded;a.txt;10\n03/14/2026 9:00 AM;ann@acme.example;Weighed;b.txt;1\n" +
		"03/15/2026 9:00 AM;ann@acme.example;Downloaded;c.txt;1\n03/15/2026;ann@acme.example;Downloaded;d.txt;1\n"))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	r := read(t, "exports.zip", b.Bytes())
	if r.Records != 3 || r.Unread != 1 || len(r.First) != 2 || !r.Recognised() {
		t.Fatalf("%+v", r)
	}
	first := r.First[0]
	if !strings.HasSuffix(first.Member, "exports.zip!box/report.csv") || first.Line != 2 || first.Format != "box_user_activity_csv" {
		t.Errorf("%+v", first)
	}
	if e := first.Events[0]; e.Class != "download" || e.Bytes != 10240 || e.Zoneless || e.Time != "2026-03-04T17:00:00.000Z" {
		t.Errorf("%+v", e)
	}
	if r.DateOrder != "month first" || r.Delimiter != ";" || r.Zone == "" || r.Unmapped["Weighed"] != 1 {
		t.Errorf("order %q, delimiter %q, zone %q, unmapped %v", r.DateOrder, r.Delimiter, r.Zone, r.Unmapped)
	}
	var text strings.Builder
	r.Write(&text)
	for _, want := range []string{
		"dates are month first\n", "cells are separated by semicolons\n", "box/report.csv, line 3: box_user_activity_csv\n",
		"Weighed (1)\n", "Not read (1 of 1):\n",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not in\n%s", want, text.String())
		}
	}
}

// TestEnvelope says what records were in, and lists all events of one.
func TestEnvelope(t *testing.T) {
	r := read(t, "a.json", []byte(`{"_source":{"event":{"original":"{\"CreationTime\":\"2026-03-02T09:00:00\",\"Id\":\"2\",`+
		`\"Operation\":\"FileDownloaded\",\"Workload\":\"SharePoint\",\"UserId\":\"ann@acme.example\"}"}}}`))
	if r.Records != 1 || len(r.Envelopes) == 0 || len(r.First) != 1 || r.First[0].Line != 1 || r.First[0].Member != "" {
		t.Fatalf("%+v", r)
	}
	if r := read(t, "empty.csv", nil); r.Recognised() || r.Reason != "empty file" {
		t.Errorf("%+v", r)
	}
}
