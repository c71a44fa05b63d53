package main

import (
	"io"
	"strings"
	"testing"
	"time"
)

func organisation() *world {
	at := func(day, hour int) time.Time { return time.Date(2026, 2, day, hour, 0, 0, 0, time.UTC) }
	x := &world{seed: "7"}
	x.labels.Meta.TestStart, x.labels.Meta.End, x.labels.Meta.UserDays = at(1, 0), at(28, 0), 1000
	x.labels.Incidents = []incident{
		{Scenario: "found", Users: []string{"ann@x.example"}, Start: at(10, 9), End: at(10, 12)},
		{Scenario: "missed", Users: []string{"bob@x.example"}, Start: at(12, 9), End: at(12, 12)},
	}
	x.alerts = []alert{
		{Time: at(10, 11), User: "Ann@x.example", Score: 9, Rate: .5, Title: "Bulk download"},
		{Time: at(10, 12), User: "ann@x.example", Score: 4, Rate: 3, Title: "Bulk download"}, // the same unit
		{Time: at(13, 13), User: "bob@x.example", Score: 7, Rate: 1, Title: "Public links"},  // an hour too late
		{Time: at(3, 9), User: "carl@x.example", Score: 8, Rate: .8, Title: "Bulk download"},
		{Time: at(12, 13), User: "bob@x.example", Score: 2, Rate: 6, Title: "External sharing"},
		{Time: at(28, 0), User: "carl@x.example", Score: 30, Rate: .1, Title: "Bulk download"}, // after the test period
	}
	return x
}

func TestUnits(t *testing.T) {
	x := organisation()
	units := x.units(x.labels.Meta.TestStart, x.labels.Meta.End)
	want := map[unit]float64{
		{"ann@x.example", "2026-02-10", 0}:   9,
		{"bob@x.example", "2026-02-13", -1}:  7,
		{"carl@x.example", "2026-02-03", -1}: 8,
		{"bob@x.example", "2026-02-12", 1}:   2,
	}
	if len(units) != len(want) {
		t.Errorf("%d units, want %d", len(units), len(want))
	}
	for u, score := range want {
		if units[u].Score != score {
			t.Errorf("%+v: score %g, want %g", u, units[u].Score, score)
		}
	}
	for budget, want := range map[int]float64{0: 8, 1: 7, 2: 0, 5: 0} {
		if got := threshold(units, budget); got != want {
			t.Errorf("threshold for %d false alerts: %g, want %g", budget, got, want)
		}
	}
}

func TestTables(t *testing.T) {
	x := organisation()
	if got, want := kept([]*world{x}, 1), "2.00 (2.00 – 2.00)"; got != want {
		t.Errorf("kept: %s, want %s", got, want)
	}
	x.labels.Meta.UserDays = 500 // a budget of one false alert
	var page strings.Builder
	losses(&page, []*world{x})
	if got := page.String(); !strings.Contains(got, "| 7 | missed | 0.00 | 2.0 | 7.0 | External sharing |") ||
		strings.Contains(got, "| found |") {
		t.Error(got)
	}
	page.Reset()
	falseAlerts(&page, &scores{FalseElsewhere: 3, FalseOnDecoys: map[string]int{"legal_hold": 2, "change": 1}})
	if want := "| none | 3 |\n| legal hold | 2 |\n| change | 1 |\n"; !strings.Contains(page.String(), want) {
		t.Errorf("%q does not contain %q", page.String(), want)
	}
}

func TestCommandLine(t *testing.T) {
	q := quality{users: 300, days: 90, flags: "-start 2026-03-02"}
	if got, want := q.commandLine([]string{"1", "2"}),
		`go run ./bench/quality -users 300 -days 90 -young=false -world "-start 2026-03-02" 1 2`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := strings.Join(q.size("-days", "31"), " "), "-users 300 -days 90 -start 2026-03-02 -days 31"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if err := q.run(io.Discard, nil); err == nil {
		t.Error("no error without seeds")
	}
	q.floor = .5
	if q.reached("all", &scores{Recall: map[string]float64{"2/1000": .49}}) == nil ||
		q.reached("all", &scores{Recall: map[string]float64{"2/1000": .5}}) != nil {
		t.Error("the floor does not hold")
	}
}
