package engine

import (
	"testing"

	"github.com/outflow/outflow/internal/event"
)

// TestScoreInOrder scores a day with many indicators again and again: a sum of floats depends on its order, and alerts
// are compared byte for byte.
func TestScoreInOrder(t *testing.T) {
	e := newEngine(Config{}, nil)
	p := e.person("ann@acme.example", event.Human)
	e.begin(p, event.Day)
	p.Day.Facts = map[int]note{}
	for i := range e.catalog.indicators {
		p.Day.Facts[i] = note{}
	}
	want := e.score(p, event.Day).today
	if want == 0 {
		t.Fatal("no points")
	}
	for range 200 {
		if got := e.score(p, event.Day).today; got != want {
			t.Fatalf("%v, then %v", want, got)
		}
	}
}
