package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/outflow/outflow/bench/internal/score"
)

const labels = `{"meta":{"test_start":"2026-02-01T00:00:00Z","end":"2026-02-28T00:00:00Z","user_days_test":1000},
"incidents":[
 {"scenario":"found","users":["ann@x.example"],"start":"2026-02-10T09:00:00Z","end":"2026-02-10T12:00:00Z"},
 {"scenario":"missed","users":["bob@x.example"],"start":"2026-02-12T09:00:00Z","end":"2026-02-12T12:00:00Z"}]}`

const alerts = `{"time":"2026-02-10T11:00:00Z","user":"Ann@x.example","score":9,"rate":0.5,"title":"Bulk download"}
{"time":"2026-02-10T12:00:00Z","user":"ann@x.example","score":4,"rate":3,"title":"Bulk download"}
{"time":"2026-02-13T13:00:00Z","user":"bob@x.example","score":7,"rate":1,"title":"Public links"}
{"time":"2026-02-03T09:00:00Z","user":"carl@x.example","score":8,"rate":0.8,"title":"Bulk download"}
{"time":"2026-02-12T13:00:00Z","user":"bob@x.example","score":2,"rate":6,"title":"External sharing"}
{"time":"2026-02-28T00:00:00Z","user":"carl@x.example","score":30,"rate":0.1,"title":"Bulk download"}
{"time":"2026-02-05T00:00:00Z","user":"","score":20,"rate":0.1,"title":"Data of Box is late","health":true}
`

// organisation has two alerts of one unit, one an hour after an incident's window, one after the
// test period, and one about the data.
func organisation(t *testing.T) *world {
	t.Helper()
	x := &world{seed: "7", labels: filepath.Join(t.TempDir(), "labels.json"), alerts: filepath.Join(t.TempDir(), "alerts.ndjson")}
	err := errors.Join(os.WriteFile(x.labels, []byte(labels), 0o644), os.WriteFile(x.alerts, []byte(alerts), 0o644))
	if err == nil {
		x.World, err = score.Load(x.labels, x.alerts, score.Options{})
	}
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestUnits(t *testing.T) {
	units := organisation(t).tested()
	want := []string{"ann@x.example 10 0 9", "carl@x.example 3 -1 8", "bob@x.example 13 -1 7", "bob@x.example 12 1 2"}
	var got []string
	for _, u := range units {
		got = append(got, fmt.Sprint(u.User, " ", u.Day.Day(), " ", u.Hit, " ", u.Best.Score))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for budget, want := range map[int]int{0: 1, 1: 2, 2: 4, 5: 4} { // units at the threshold or above
		at := score.Threshold(units, budget)
		n := 0
		for _, u := range units {
			if u.Best.Score >= at {
				n++
			}
		}
		if n != want {
			t.Errorf("%d false alerts are acceptable: %d units, want %d", budget, n, want)
		}
	}
}

func TestTables(t *testing.T) {
	x := organisation(t)
	if got, want := kept([]*world{x}, 1), "2.00 (2.00 – 2.00)"; got != want {
		t.Errorf("kept: %s, want %s", got, want)
	}
	x.Meta.UserDays = 500 // a budget of one false alert
	var page strings.Builder
	losses(&page, []*world{x})
	if got := page.String(); !strings.Contains(got, "| 7 | missed | 0.00 | 2.0 | 7.0 | External sharing |") ||
		strings.Contains(got, "| found |") {
		t.Error(got)
	}
	page.Reset()
	falseAlerts(&page, &score.Report{FalseElsewhere: 3, FalseOnDecoys: map[string]int{"legal_hold": 2, "change": 1}})
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
	if q.reached("all", &score.Report{Recall: map[string]float64{"2/1000": .49}}) == nil ||
		q.reached("all", &score.Report{Recall: map[string]float64{"2/1000": .5}}) != nil {
		t.Error("the floor does not hold")
	}
}
