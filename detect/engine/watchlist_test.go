package engine

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// TestWatchPoints bounds what lists change a score by.
func TestWatchPoints(t *testing.T) {
	list := func(points ...float64) (all []finding.Watched) {
		for _, p := range points {
			all = append(all, finding.Watched{Points: p})
		}
		return all
	}
	for _, c := range []struct {
		risk   float64
		points []float64
		want   float64
	}{
		{8, []float64{2}, 2}, {8, []float64{2, 3}, 5}, {8, []float64{5, 5}, MaxWatchPoints}, {1, []float64{5}, 1}, {0, []float64{5}, 0},
		{8, []float64{-3}, -3}, {8, []float64{-6, -6}, -5.6}, {20, []float64{-6, -6}, -MaxWatchPoints}, {8, []float64{3, -3}, 0},
	} {
		if got := watchPoints(c.risk, list(c.points...)); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%v on %g: %g, want %g", c.points, c.risk, got, c.want)
		}
	}
}

// TestWatchPlaces matches names of places and applications, whatever their case.
func TestWatchPlaces(t *testing.T) {
	w := (&Watchlist{Places: []string{"Board papers", "kestrel-*", "acme/secr?t"}, Applications: []string{"Data Room Sync", "app-7"}}).prepare()
	for _, c := range []struct {
		object event.Object
		want   string
	}{
		{event.Object{Container: "board Papers", Name: "x"}, "board Papers"},
		{event.Object{Container: "kestrel-eu", Name: "x"}, "kestrel-eu"},
		{event.Object{Type: "repository", ID: "acme/secret"}, "acme/secret"},
		{event.Object{Container: "Root", Name: "Board papers", Folder: true}, "Board papers"},
		{event.Object{Container: "Root", Name: "Board papers"}, ""},
		{event.Object{Container: "my kestrel-eu"}, ""},
		{event.Object{}, ""},
	} {
		if got := w.place(&c.object); got != c.want {
			t.Errorf("%+v: %q, want %q", c.object, got, c.want)
		}
	}
	for app, want := range map[string]string{"APP-7": "APP-7", "app-8": "", "app-7.apps.googleusercontent.com": "app-7", "": ""} {
		if got := w.application(&detect.Enriched{Event: &event.Event{Client: event.Client{App: app}}}); got != want {
			t.Errorf("application %q: %q, want %q", app, got, want)
		}
	}
}

// TestWatchlistsOf names the lists of a person, but not those that have ended, nor of people who have
// opted out.
func TestWatchlistsOf(t *testing.T) {
	now := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	c := Config{Detectors: testCatalog, Watchlists: []Watchlist{
		{Name: "a", People: []string{"P1@acme.example"}, Until: now.Add(time.Hour), Owner: "o", Reason: "r", Points: 1},
		{Name: "b", People: []string{"p1@acme.example"}, Until: now, Owner: "o", Reason: "r", Points: 1},
		{Name: "c", Departments: []string{"legal"}, Owner: "o", Reason: "r", Points: 1},
	}}
	want := []string{`on the watchlist "a" (o, r, until 2026-04-01)`, `the department "Legal" is on the watchlist "c" (o, r)`}
	if got := c.WatchlistsOf("p1@acme.example", "Legal", "DE", now); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	for _, detectors := range [][]string{nil, {"watchlist"}} {
		c.OptOuts = []OptOut{{Countries: []string{"DE"}, Detectors: detectors, Reason: "r"}}
		if got := c.WatchlistsOf("p1@acme.example", "Legal", "DE", now); len(got) > 0 {
			t.Errorf("opted out of %q: %q", detectors, got)
		}
		if got := c.WatchlistsOf("p1@acme.example", "Legal", "FR", now); len(got) != 2 {
			t.Errorf("in another country: %q", got)
		}
	}
}

// TestWatchlistOptOut adds no weight and no words for people who have opted out.
func TestWatchlistOptOut(t *testing.T) {
	s := load(t, "testdata/watchlist/loud.txt")
	s.config.OptOuts = []OptOut{{Departments: []string{"Sales"}, Detectors: []string{"watchlist"}, Reason: "agreement"}}
	seen := 0
	for _, fs := range play(t, s.config, s.events) {
		for _, f := range fs {
			said := f.Detector == "watchlist" || strings.Contains(strings.Join(f.Context, " "), "watchlist")
			switch {
			case said && f.Department == "Sales":
				t.Errorf("%s: %s %v", f.Person, f.Reason, f.Context)
			case said:
				seen++
			}
		}
	}
	if seen == 0 {
		t.Error("the list holds for nobody")
	}
}
