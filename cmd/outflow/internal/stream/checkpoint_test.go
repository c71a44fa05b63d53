package stream

import (
	"math"
	"testing"

	"github.com/outflow/outflow/internal/event"
)

// TestCheckpoints schedules checkpoints from a first event to the watermark, thins them as the
// watermark moves on, and finds what to roll back to.
func TestCheckpoints(t *testing.T) {
	const first, now = 100*event.Day + 5, 130*event.Day + 7*event.Hour
	c := checkpoints{watermark: now}
	for at := c.next(first); at <= now; at = c.next(at) {
		c.list = append(c.list, checkpoint{At: at})
	}
	if base := c.base(); base != (now-event.LateDays*event.Day)/event.Day*event.Day {
		t.Errorf("the first lies on day %d", base/event.Day)
	}
	if c.settled() {
		t.Error("nothing is committed, and it is settled")
	}
	for i := range c.list[1:] {
		if gap := c.list[i+1].At - c.list[i].At; gap > 2*event.Day || gap < event.Hour {
			t.Errorf("%d ms between checkpoints", gap)
		}
	}
	if at := c.next(now + 3*event.Hour); at != math.MaxInt64 {
		t.Errorf("after the watermark: %d", at)
	}

	if at := c.thin(); at != c.base() {
		t.Errorf("to commit: %d, not %d", at, c.base())
	}
	c.committed = c.base()
	if at := c.thin(); at != 0 || !c.settled() {
		t.Errorf("committed already: %d", at)
	}
	n := len(c.list)
	c.watermark += 5 * event.Day
	if at := c.thin(); at <= c.committed || at > c.watermark-event.LateDays*event.Day || len(c.list) >= n || c.settled() {
		t.Errorf("five days later: to commit %d, %d of %d are left", at, len(c.list), n)
	}

	if i := c.before(c.base() - 1); i != 0 {
		t.Errorf("before all of them: %d", i)
	}
	if i := c.before(c.list[len(c.list)-1].At); i != len(c.list)-1 {
		t.Errorf("at the last one: %d", i)
	}
	if i := (&checkpoints{}).before(now); i != -1 {
		t.Errorf("without any: %d", i)
	}

	last := checkpoints{watermark: now, over: true}
	if base := last.next(first); base != (now-event.LateDays*event.Day)/event.Day*event.Day || last.next(base) != math.MaxInt64 {
		t.Errorf("where nothing more comes: %d, and then %d", base, last.next(base))
	}
}
