package stream

import (
	"testing"
	"time"
)

// TestUntil holds back a second of which more may come, and nothing else.
func TestUntil(t *testing.T) {
	now := time.UnixMilli(1_800_000_000_000)
	for name, c := range map[string]struct {
		how       extent
		ago, held time.Duration
	}{
		"more arrive":                       {most, time.Hour, time.Second},
		"nothing arrives any more":          {everything, time.Hour, 0},
		"just over":                         {everything, time.Second + idle, 0},
		"the second is not over":            {everything, time.Second, idle},
		"it has just begun":                 {everything, idle, time.Second},
		"a clock is ahead":                  {everything, -time.Hour, time.Second},
		"days are scored as they are":       {openDays, 0, 0},
		"the same, where a clock is ahead":  {openDays, -time.Hour, 0},
		"more arrive, and a clock is ahead": {most, -time.Hour, time.Second},
	} {
		newest := now.Add(-c.ago)
		if got := newest.Sub(time.UnixMilli(c.how.until(newest.UnixMilli(), now, holdBack))); got != c.held {
			t.Errorf("%s: %s are held back", name, got)
		}
	}
}
