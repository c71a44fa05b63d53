package engine

import (
	"fmt"
	"strings"
	"testing"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// TestCommonActivity has people do the same, day after day: it is told from five people on, again when there
// are ten, and no more about those of three weeks ago.
func TestCommonActivity(t *testing.T) {
	var told []string
	e := newEngine(Config{}, func(f *finding.Finding) error {
		if f.Detector == "common_activity" {
			told = append(told, f.Reason)
		}
		return nil
	})
	know(e, 2*priorGone)
	day := at(40, 0) / event.Day
	for i := range 12 {
		e.meetCommon([]joint{{7, `External sharing to "rival.example"`, fmt.Sprintf("p%02d@acme.example", i), day}, {8, "other", "p1@acme.example", day}})
		day++
		e.tellCommon(day * event.Day)
	}
	if len(told) != 2 || !strings.HasPrefix(told[0], `5 people within 5 days: External sharing to "rival.example". They are "p00@acme.example", `) ||
		!strings.HasPrefix(told[1], "10 people within 10 days") || strings.Contains(told[1], "p11@") {
		t.Errorf("told %q", told)
	}
	e.forgetCommon("p03@acme.example")
	if n := len(e.Common[7].People); n != 11 {
		t.Errorf("%d people, want 11", n)
	}
	e.tellCommon((day + 30) * event.Day)
	if len(e.Common) != 0 || len(told) != 2 {
		t.Errorf("weeks later %d are known, told %q", len(e.Common), told)
	}
}

// TestCommonActivityIsUsual says nothing of what as many people did in the months before, while little is known,
// and of more than three on a day.
func TestCommonActivityIsUsual(t *testing.T) {
	for _, c := range []struct {
		long, known float64
		kinds, want int
	}{{0, 2 * priorGone, 1, 1}, {9, 2 * priorGone, 1, 0}, {0, priorGone / 2, 1, 0}, {0, 2 * priorGone, 5, 3}} {
		n := 0
		e := newEngine(Config{}, func(*finding.Finding) error { n++; return nil })
		know(e, c.known)
		day := at(40, 0) / event.Day
		for kind := range c.kinds {
			e.People.Cohorts[uint64(kind)] = cohort{Long: c.long, Day: day}
			for i := range 5 {
				e.meetCommon([]joint{{uint64(kind), fmt.Sprint("kind ", kind), fmt.Sprint("p", i), day}})
			}
		}
		e.tellCommon((day + 1) * event.Day)
		if n != c.want {
			t.Errorf("%+v: %d alerts", c, n)
		}
	}
}

// know has so many days of people be known.
func know(e *Engine, days float64) {
	for j := range e.People.Tails {
		e.People.Tails[j].N = days
	}
}
