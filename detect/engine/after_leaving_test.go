package engine

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// afterLeaving plays lines about p1, who leaves on day 30 by HR's date. It returns the days with an
// alert about activity after it, and the questions to HR with their days.
func afterLeaving(t *testing.T, c Config, lines ...string) (days []int64, asked []string) {
	t.Helper()
	s := &scenario{t: t, config: c}
	for _, text := range append([]string{"people 14 Sales", "notice p1 20 30"}, lines...) {
		s.line(text)
	}
	s.sort()
	day := func(ms int64) int64 { return (ms-dayOne.UnixMilli())/event.Day + 1 }
	for _, fs := range play(t, s.config, s.events) {
		for _, f := range fs {
			switch {
			case f.Detector == "terminated_user_activity":
				days = append(days, day(f.Time))
			case f.Detector == testCatalog.Of(detect.HRFeed).Name && strings.Contains(f.Reason, "p1@acme.example"):
				asked = append(asked, fmt.Sprint(day(f.Start), " ", f.Reason))
			}
		}
	}
	slices.Sort(days)
	slices.Sort(asked)
	return days, asked
}

// TestAfterLeaving reports each kind of unusual activity after the last working day once, and asks
// HR once about somebody who goes on as before.
func TestAfterLeaving(t *testing.T) {
	on := func(day int, what string) string {
		return fmt.Sprintf("%d 14:00 p1 view source=box item=plan %s", day, what)
	}
	until := "routine 1-30"
	for name, c := range map[string]struct {
		lines []string
		days  []int64 // with an alert
		asked int64   // of which day HR was asked; 0 for none
	}{
		"goes on":                     {[]string{"routine 1-60"}, nil, 31},
		"one act is no day's work":    {[]string{until, on(31, "")}, nil, 0},
		"a network, twice":            {[]string{until, on(31, "ip=203.0.113.9"), on(32, "ip=203.0.113.9")}, []int64{31}, 0},
		"a network, then an hour":     {[]string{until, on(31, "ip=203.0.113.9"), "32 03:00 p1 view source=box"}, []int64{31, 32}, 0},
		"a journey, once HR is asked": {[]string{"routine 1-60", on(40, "ip=203.0.113.9"), "41 02:00 p1 view source=box"}, nil, 31},
		"a long silence":              {[]string{until, on(36, ""), on(37, "")}, []int64{36}, 0},
		"two long silences":           {[]string{until, on(40, ""), on(50, "")}, []int64{40, 50}, 0},
		"half a year later":           {[]string{until, on(30+200, "")}, nil, 0},
		"an application":              {[]string{until, on(31, "app=x1"), on(32, "app=x1"), on(33, "app=x2")}, []int64{31, 33}, 0},
		"an application of somebody at work": {
			[]string{"routine 1-60", "32 20:00 p1 view source=box app=x1"}, nil, 31,
		},
		"a network, after a day's work": {[]string{"routine 1-60", "31 19:00 p1 view source=box item=plan ip=203.0.113.9"}, nil, 31},
		"little was known":              {[]string{"routine 26-60"}, []int64{31}, 0},
		"HR corrects the date": {
			[]string{"routine 1-60", "notice p1 40 50"}, nil, 51,
		},
	} {
		t.Run(name, func(t *testing.T) {
			days, asked := afterLeaving(t, Config{}, c.lines...)
			if !slices.Equal(days, c.days) {
				t.Errorf("alerts on %v, want %v", days, c.days)
			}
			if (len(asked) > 0) != (c.asked > 0) || c.asked > 0 && !strings.HasPrefix(asked[len(asked)-1], fmt.Sprint(c.asked, " ")) {
				t.Errorf("asked %q, want day %d", asked, c.asked)
			}
		})
	}
}

// TestAskHR says who, when and what, and asks about many people at once.
func TestAskHR(t *testing.T) {
	_, asked := afterLeaving(t, Config{}, "routine 1-60")
	if len(asked) != 1 || !strings.Contains(asked[0], `HR says that "p1@acme.example" left on 2026-03-31; on 2026-04-01 they worked as usual`) {
		t.Errorf("asked %q", asked)
	}
	var list []*finding.Finding
	e := newEngine(Config{}, func(f *finding.Finding) error { list = append(list, f); return nil })
	for i := range 12 {
		e.Feed.Doubtful = append(e.Feed.Doubtful, doubtful{Name: fmt.Sprintf("p%d@acme.example", i), LastDay: at(30, 0), N: 5})
	}
	e.askHR(at(32, 0))
	if len(list) != mostAsked || !strings.Contains(list[mostAsked-1].Reason, "p4@acme.example") ||
		list[0].Events != 5 || list[mostAsked-1].Events != 8*5 || len(e.Feed.Doubtful) > 0 {
		t.Errorf("%d questions, the last: %+v", len(list), list[len(list)-1])
	}
}

// TestAfterLeavingOptOut asks nothing about people who have opted out.
func TestAfterLeavingOptOut(t *testing.T) {
	days, asked := afterLeaving(t, Config{OptOuts: []OptOut{
		{Departments: []string{"Sales"}, Detectors: []string{"terminated_user_activity"}, Reason: "agreement"},
	}}, "routine 1-60", "40 03:00 p1 view source=box ip=203.0.113.9")
	if len(days)+len(asked) > 0 {
		t.Errorf("alerts on %v, asked %q", days, asked)
	}
}
