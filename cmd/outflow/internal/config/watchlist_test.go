package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/cmd/outflow/internal/config"
)

// watching is a configuration with a watchlist whose members are in a file.
func watching(t *testing.T, csv string) (*config.Config, error) {
	t.Helper()
	dir := t.TempDir()
	text := "watchlists:\n" +
		"  - {name: kestrel, members: [a@acme.example], file: kestrel.csv, weight: 2, until: 2026-03-31, owner: legal, reason: merger}\n" +
		"  - {name: testers, departments: [Red team], weight: -3, owner: ciso, reason: exercises}\n"
	for name, content := range map[string]string{"outflow.yaml": text, "kestrel.csv": csv} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return config.Load(filepath.Join(dir, "outflow.yaml"))
}

// TestWatchlists reads members from a file, and counts the end date as the last day.
func TestWatchlists(t *testing.T) {
	c, err := watching(t, "\ufeffName,Email,Department\nB, b@acme.example ,Sales\n,,Legal\n")
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Detect()
	if err != nil {
		t.Fatal(err)
	}
	w := got.Watchlists[0]
	if !slices.Equal(w.People, []string{"a@acme.example", "b@acme.example"}) || !slices.Equal(w.Departments, []string{"Legal"}) {
		t.Errorf("members %q, departments %q", w.People, w.Departments)
	}
	end := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	if !w.Until.Equal(end) || len(c.EndedWatchlists(end.Add(-1))) > 0 {
		t.Errorf("the list ends at %s", w.Until)
	}
	ended := c.EndedWatchlists(end)
	if len(ended) != 1 || ended[0] != `the watchlist "kestrel" of legal ended on 2026-03-31: it no longer counts` {
		t.Errorf("ended: %q", ended)
	}
}

// TestWatchlistFile names the line of what cannot be in the file.
func TestWatchlistFile(t *testing.T) {
	for csv, want := range map[string]string{
		"":                              "line 1: a header",
		"person\na@acme.example\n":      "line 1: no column user or department: person",
		"user\na@acme.example\n\" \"\n": "line 3: neither a user nor a department",
		"user\na@acme.example,b\n":      "line 2",
	} {
		_, err := watching(t, csv)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "line 2: watchlist kestrel: file: ") {
			t.Errorf("%q: %v", csv, err)
		}
	}
}

// TestWatchlistsMayBecome allows a list to move within the file, to change, and to go while the daemon runs.
func TestWatchlistsMayBecome(t *testing.T) {
	load := func(text string) *config.Config {
		c, err := config.Load(write(t, "data_dir: /d\n"+text))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	now := load(watch("weight: 1, owner: o, reason: r"))
	for _, next := range []string{
		"budget: 3\n\n" + watch("weight: 1, owner: o, reason: r"), watch("weight: 2, owner: o, reason: r"), "",
	} {
		if err := now.MayBecome(load(next)); err != nil {
			t.Errorf("%q: %v", next, err)
		}
	}
}
