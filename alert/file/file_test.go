package file_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/file"
)

// TestDeliver appends alerts, one of them after an interruption in the middle of its line.
func TestDeliver(t *testing.T) {
	dir := t.TempDir()
	s, err := alert.OpenStore(t.Context(), filepath.Join(dir, "alerts.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	policy := alert.NotifyPolicy{Routes: []alert.Route{{Channel: "out"}}, NeedsAttention: func(*alert.Alert) bool { return true }}
	take := func(next int64, id string) string {
		a := alert.Alert{ID: id, Severity: alert.High}
		if err := s.Apply(t.Context(), 0, alert.Position{Next: next}, []alert.Alert{a}, policy); err != nil {
			t.Fatal(err)
		}
		line, err := alert.Line(&a)
		if err != nil {
			t.Fatal(err)
		}
		return string(line)
	}
	ch := &file.Channel{Name: "out", Path: filepath.Join(dir, "out.ndjson")}
	want := take(1, "a")
	if n, err := ch.Deliver(t.Context(), s); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	want += take(2, "b")
	list, err := s.Queued(t.Context(), "out", 1)
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	info, err := os.Stat(ch.Path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.MarkStarted(t.Context(), list[0].Seq, info.Size()); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(ch.Path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"id":"b","rev`); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if n, err := ch.Deliver(t.Context(), s); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := ch.Deliver(t.Context(), s); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	got, err := os.ReadFile(ch.Path)
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
	ch.Path = filepath.Join(dir, "missing", "out.ndjson")
	take(3, "c")
	if n, err := ch.Deliver(t.Context(), s); n != 0 || err == nil {
		t.Errorf("into a folder that is not there: %d, %v", n, err)
	}
	if _, _, waiting, err := s.Counts(t.Context()); err != nil || waiting != 1 {
		t.Errorf("%d wait, %v: what fails is tried again", waiting, err)
	}
}
