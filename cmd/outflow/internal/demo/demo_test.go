package demo_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/outflow/outflow/cmd/outflow/internal/demo"
)

// TestDays sorts files by the day in their paths, and puts them into a folder as old ones.
func TestDays(t *testing.T) {
	files := fstest.MapFS{
		"b/2026-03-02.ndjson": {Data: []byte("b")}, "a/2026/03/02/x.gz": {Data: []byte("a")},
		"a/2026/03/01/x.gz": {Data: []byte("x")}, "hr/people.csv": {Data: []byte("p")},
	}
	days, err := demo.Days(files)
	if err != nil || len(days) != 3 || days[0].Date != "" || days[1].Date != "2026-03-01" ||
		!slices.Equal(days[2].Files, []string{"a/2026/03/02/x.gz", "b/2026-03-02.ndjson"}) {
		t.Fatal(days, err)
	}
	by, dir := t.TempDir(), t.TempDir()
	for i := range days {
		if err := days[i].Put(files, by, dir); err != nil {
			t.Fatal(err)
		}
	}
	for name, file := range files {
		path := filepath.Join(dir, name)
		b, err := os.ReadFile(path)
		if err != nil || string(b) != string(file.Data) {
			t.Errorf("%s: %q %v", name, b, err)
		}
		if info, err := os.Stat(path); err != nil || time.Since(info.ModTime()) < time.Minute || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, info, err)
		}
	}
	if left, err := os.ReadDir(by); err != nil || len(left) > 0 {
		t.Errorf("left: %v %v", left, err)
	}
}
