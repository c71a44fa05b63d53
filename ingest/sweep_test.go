package ingest

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestSweeps simulates a vendor whose events appear late, by less than a sweep goes back, and a
// collector that is down from time to time: every event is collected. With longer delays some
// are not, which shows that the test can fail.
func TestSweeps(t *testing.T) {
	sweeps := SweepPlan{Lag: time.Minute, Overlap: 10 * time.Minute, Hourly: 3 * time.Hour, Daily: 48 * time.Hour, MaxSpan: 24 * time.Hour}
	for seed := range uint64(8) {
		if n := lost(t, sweeps, seed, 40*time.Hour); n > 0 {
			t.Errorf("seed %d: %d events were never collected", seed, n)
		}
	}
	missed := 0
	for seed := range uint64(2) {
		missed += lost(t, sweeps, seed, 30*24*time.Hour)
	}
	if missed == 0 {
		t.Error("events that appear a month late are collected: the test proves nothing")
	}
}

// lost is how many events are never collected that appear up to a time late, over 30
// days.
func lost(t *testing.T, s SweepPlan, seed uint64, late time.Duration) (n int) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	end := start.Add(30 * 24 * time.Hour)
	type happened struct {
		at, shown time.Time
		seen      bool
	}
	var events []happened
	for at := start; at.Before(end.Add(-late - 49*time.Hour)); at = at.Add(time.Duration(rnd.Int64N(int64(20 * time.Minute)))) {
		delay := time.Duration(0)
		if rnd.IntN(3) == 0 {
			delay = time.Duration(rnd.Int64N(int64(late)))
		}
		events = append(events, happened{at: at, shown: at.Add(delay)})
	}
	if len(events) == 0 { // so late that none would be expected by the end
		for at := start; at.Before(start.Add(24 * time.Hour)); at = at.Add(10 * time.Minute) {
			events = append(events, happened{at: at, shown: at.Add(25 * 24 * time.Hour)})
		}
	}
	var c SweepState
	for now := start.Add(time.Hour); now.Before(end); {
		for more := true; more; {
			if _, ok := s.Begin(&c, start, now); !ok {
				break
			}
			if c.To-c.From > s.MaxSpan.Milliseconds() || c.From >= c.To || c.To > now.UnixMilli() {
				t.Fatalf("a stretch of %s", time.Duration(c.To-c.From)*time.Millisecond)
			}
			if rnd.IntN(50) == 0 { // it is interrupted, and taken up as it was
				from, to := c.From, c.To
				now = now.Add(time.Hour)
				if s.Begin(&c, start, now); c.From != from || c.To != to {
					t.Fatal("a look that was interrupted changed")
				}
			}
			for i := range events {
				e := &events[i]
				if ms := e.at.UnixMilli(); !e.shown.After(now) && ms >= c.From && ms <= c.To {
					e.seen = true
				}
			}
			more = s.Finish(&c, now)
		}
		now = now.Add(5 * time.Minute)
		if rnd.IntN(500) == 0 { // down for up to two days
			now = now.Add(time.Duration(rnd.Int64N(int64(48 * time.Hour))))
		}
	}
	for i := range events {
		if !events[i].seen {
			n++
		}
	}
	return n
}

// TestSweepsEdge records what a vendor does not keep as a gap, but not at the beginning.
func TestSweepsEdge(t *testing.T) {
	s := SweepPlan{Overlap: time.Hour, Retention: 7 * 24 * time.Hour, MaxSpan: 24 * time.Hour}
	now := time.Date(2026, 3, 31, 0, 0, 0, 0, time.UTC)
	var c SweepState
	gap, ok := s.Begin(&c, now.Add(-30*24*time.Hour), now)
	if gap != nil || !ok || c.From != now.Add(-s.Retention).UnixMilli() {
		t.Errorf("%v %v %+v", gap, ok, c)
	}
	for s.Finish(&c, now) {
		s.Begin(&c, now, now)
	}
	if c.End != now.UnixMilli() {
		t.Errorf("%+v", c)
	}
	later := now.Add(10 * 24 * time.Hour)
	if gap, ok = s.Begin(&c, now, later); gap == nil || !ok || !gap.From.Equal(now) || !gap.To.Equal(later.Add(-s.Retention)) {
		t.Errorf("%v %v", gap, ok)
	}
}
