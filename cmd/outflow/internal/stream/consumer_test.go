package stream

import (
	"testing"
	"time"
)

// TestExtent decides how far to process in every situation.
func TestExtent(t *testing.T) {
	for _, c := range []struct {
		what string
		in   situation
		how  extent
		due  bool
	}{
		{"events are coming", situation{}, most, true},
		{"nothing for a moment", situation{quiet: idle + 1}, everything, true},
		{"nothing for long", situation{quiet: IdleLong + 1}, openDays, true},
		{"nothing for long, and open days are scored", situation{quiet: IdleLong + 1, flushed: true}, everything, true},
		{"a source is delivering", situation{incomplete: true, quiet: time.Second}, 0, false},
		{"a source is delivering, and too much waits", situation{incomplete: true, full: true}, most, true},
		{"history is coming in", situation{arriving: true, quiet: time.Second}, 0, false},
		{"it has just processed much", situation{resting: true, quiet: time.Second}, 0, false},
		{"too much waits, and it has just processed much", situation{resting: true, full: true}, 0, false},
		{"once, before the end", situation{once: true, quiet: IdleLong + 1}, 0, false},
		{"once, and too much waits", situation{once: true, full: true, quiet: idle + 1}, everything, true},
		{"the end", situation{ended: true, once: true, incomplete: true, resting: true}, openDays, true},
	} {
		if how, due := c.in.extent(); how != c.how || due != c.due {
			t.Errorf("%s: %v, %v", c.what, how, due)
		}
	}
}

// TestArriving waits for the end of history, but not for a pause in what has just happened, which may never come.
func TestArriving(t *testing.T) {
	now := time.Now()
	p := &Processor{oldCame: now}
	if !p.arriving(now.Add(settleQuiet-1)) || p.arriving(now.Add(settleQuiet)) {
		t.Error("history is not waited for as long as it comes")
	}
}
