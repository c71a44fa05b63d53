package engine

import (
	"testing"
	"time"

	"github.com/outflow/outflow/internal/sigma"
)

// TestFullWindow fills windows beyond their limit: numbers of events and sums stay exact while
// all of them are within the timespan, and of values the latest are kept.
func TestFullWindow(t *testing.T) {
	for kind, want := range map[string]string{
		"event_count": "5,000 events", "value_sum": "the sum of n is 10,000", "value_avg": "the average of n is 2",
		"value_count": "7 values of n", "value_percentile": "the percentile 90 of n is 2", "temporal": "all of 2 rules",
	} {
		c := &sigma.Correlation{
			Type: kind, Timespan: time.Hour, Fields: []string{"n"}, Percentile: 90,
			Rules: []*sigma.Rule{{}, {}}, Compare: map[string]float64{"gte": 1e9},
		}
		w := &window{}
		for i := range 5000 {
			w.add(c, entry{At: int64(i), Rule: i % 2, Value: string(rune('a' + i%7)), Number: 2})
		}
		if len(w.Entries) > maxEntries {
			t.Errorf("%s: %d entries", kind, len(w.Entries))
		}
		if what, holds := w.holds(c); what != want || holds {
			t.Errorf("%s: %s, %v; want %s", kind, what, holds, want)
		}
	}
}

// TestPercentile calculates percentiles between numbers.
func TestPercentile(t *testing.T) {
	w := &window{Entries: []entry{{Number: 30}, {Number: 10}, {Number: 20}, {Number: 40}}}
	for of, want := range map[float64]float64{0: 10, 50: 25, 75: 32.5, 100: 40} {
		if got := w.percentile(of); got != want {
			t.Errorf("%v: %v, want %v", of, got, want)
		}
	}
}
