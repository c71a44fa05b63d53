package engine

import (
	"fmt"
	"testing"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
)

// TestSeen counts indicators by kind.
func TestSeen(t *testing.T) {
	i := 0
	for testCatalog.indicators[i].Name != "resource_public" {
		i++
	}
	o := newOrg(testCatalog)
	if kind, n := o.seen(i, []string{"key"}); kind != "" || n != o.Facts[i] {
		t.Errorf("at first: %q on %v days, want what the indicator has: %v", kind, n, o.Facts[i])
	}
	o.Facts[i], o.FactN = 40, 4000
	o.Kinds[kindKey("resource_public", "role")] = 40
	for _, c := range []struct {
		kinds []string
		kind  string
		days  float64
	}{
		{nil, "", 40},
		{[]string{"role"}, "", 40},
		{[]string{"key"}, "key", 2.3},
		{[]string{"role", "key"}, "key", 2.3},
	} {
		if kind, n := o.seen(i, c.kinds); kind != c.kind || n != c.days {
			t.Errorf("%v: %q on %v days, want %q on %v", c.kinds, kind, n, c.kind, c.days)
		}
	}
	rare, common := indicatorPoints(1.2, detect.LeastShown, 2.3, 4000), indicatorPoints(1.2, detect.LeastShown, 40, 4000)
	if rare < detect.LeastShown || common >= detect.LeastShown {
		t.Errorf("a rare kind has %v points, a common one %v, with %v at least while it is rare", rare, common, detect.LeastShown)
	}
}

// TestSeldom weighs an indicator that was seen on some days, of many or of few.
func TestSeldom(t *testing.T) {
	f := indicator{Indicator: &detect.Indicator{Least: detect.LeastShown, Seldom: true}}
	for _, c := range []struct{ seen, days, want float64 }{
		{unseen, 200, detect.LeastShown},
		{unseen + 1, 3000, 0},
		{unseen + 1, 4000, detect.LeastShown},
		{unseen + 15, 40000, 0},
	} {
		if got := f.least(c.seen, c.days); got != c.want {
			t.Errorf("seen on %v of %v days: %v points at least, want %v", c.seen, c.days, got, c.want)
		}
	}
}

// TestKindsBounded fills an organisation with kinds: what does not fit counts as the indicator does, and
// the same ones are kept whatever the order.
func TestKindsBounded(t *testing.T) {
	kept := func() map[string]float64 {
		o := newOrg(testCatalog)
		for n := range maxKinds + 500 {
			o.KindsAdd[kindKey("vendor_alert", fmt.Sprint(n))] = 1
		}
		o.closeKinds()
		if len(o.Kinds) != maxKinds || len(o.KindsAdd) != 0 {
			t.Fatalf("%d kinds are kept, want %d", len(o.Kinds), maxKinds)
		}
		return o.Kinds
	}
	a, b := kept(), kept()
	for key := range a {
		if _, known := b[key]; !known {
			t.Fatalf("%s is kept once, and once it is not", key)
		}
	}
	o := newOrg(testCatalog)
	o.Kinds[kindKey("vendor_alert", "x")] = 1
	for range 1000 {
		o.closeKinds()
	}
	if len(o.Kinds) != 0 {
		t.Error("a kind is never forgotten")
	}
}

// TestKindOfDay notes the kinds of a day, each once and a few at most.
func TestKindOfDay(t *testing.T) {
	f := &indicator{Indicator: &detect.Indicator{Kind: func(a *detect.Enriched) string { return a.Action }}}
	var n note
	for i, want := range []bool{true, false, true, true, true, false} {
		action := []string{"a", "a", "b", "c", "d", "e"}[i]
		if got := n.kind(f, &detect.Enriched{Event: &event.Event{Action: action}}); got != want {
			t.Errorf("%d, %q: %v, want %v", i, action, got, want)
		}
	}
	n = note{}
	long := fmt.Sprintf("%063dé", 0)
	if n.kind(f, &detect.Enriched{Event: &event.Event{Action: long}}); len(n.Kinds) != 1 || n.Kinds[0] != long[:63] {
		t.Errorf("a long kind becomes %q", n.Kinds)
	}
}
