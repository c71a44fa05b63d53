package daemon

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
)

// TestPrintConditions prints conditions near the top, a line each and once, whatever is in them,
// and nothing of the kind if there are none.
func TestPrintConditions(t *testing.T) {
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	full := condition{"disk", "", "9 MiB are free", now.Add(-time.Hour)}
	evil := condition{"folder", "/in\x1b[2J\nNOT WORKING: all", "gone\r\u202e", now.Add(-time.Minute)}
	s := Status{
		At:         now,
		Started:    now.Add(-2 * time.Hour),
		Conditions: []condition{full, evil},
		Unwell:     []string{full.String(), evil.String(), "10,000 records wait to be processed"},
		Dead:       1,
		Failures:   2,
		Alerts:     &alertStatus{Known: 1, Notified: 0, Waiting: 2},
		Budget:     &alert.Kept{Asked: 2, Least: 1.25, Most: 1.8, Dismissed: 2, Undecided: 1, UserDays: 1600},
	}
	var b bytes.Buffer
	if err := s.Print(&b, now); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	top, rest, _ := strings.Cut(text, "SOURCE")
	lines := strings.Split(strings.TrimSpace(top), "\n")
	want := []string{
		"Running since 2026-03-02 08:00:00 (2 hours ago).",
		"",
		"NOT WORKING: disk: 9 MiB are free (since 2026-03-02T09:00:00Z)",
		`NOT WORKING: folder /in\x1b[2J\nNOT WORKING: all: gone\r\u202e (since 2026-03-02T09:59:00Z)`,
		"NOT WORKING: 10,000 records wait to be processed",
	}
	if strings.Join(lines, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", top, strings.Join(want, "\n"))
	}
	for _, want := range []string{"1 record could not be decoded", "2 failures", "1 alert is known, 0 were sent, 2 wait to be sent",
		"Budget: asked 2 false alerts per 1,000 user-days, kept between 1.2 and 1.8 over the last 4 weeks (3 alerts passed: 2 dismissed"} {
		if !strings.Contains(rest, want) {
			t.Errorf("no %q in\n%s", want, rest)
		}
	}

	s.Conditions, s.Unwell = nil, nil
	b.Reset()
	if err := s.Print(&b, now); err != nil || strings.Contains(b.String(), "NOT WORKING") {
		t.Errorf("%v\n%s", err, b.String())
	}
}

// TestPrintWatchlists names watchlists that have ended.
func TestPrintWatchlists(t *testing.T) {
	s := Status{EndedWatchlists: []string{"the watchlist \"a\x1b\" of legal ended on 2025-12-31: it no longer counts"}}
	var b bytes.Buffer
	if err := s.Print(&b, time.Now()); err != nil || !strings.Contains(b.String(), "Note: the watchlist \"a\\x1b\" of legal ended on 2025-12-31") {
		t.Errorf("%v\n%s", err, b.String())
	}
}

func TestRanges(t *testing.T) {
	for want, list := range map[string][]int{"": nil, "7": {7}, "0–3, 7": {0, 1, 2, 3, 7}, "1, 3, 5–6": {1, 3, 5, 6}} {
		if got := ranges(list); got != want {
			t.Errorf("%v: %q, want %q", list, got, want)
		}
	}
}
