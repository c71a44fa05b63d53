package snapshot

import (
	"slices"

	"github.com/outflow/outflow/internal/event"
)

// keptCheckpoints is how many older checkpoints are kept, besides the newest; checkpointsApart is
// how far apart they are at least, in milliseconds.
const (
	keptCheckpoints  = 4
	checkpointsApart = 7 * event.Day
)

// Thin returns the times of the checkpoints to keep, of those that are stored, once there is a new
// one at newest. Times are Unix milliseconds.
func Thin(times []int64, newest int64) (keep []int64) {
	times = slices.Sorted(slices.Values(times))
	slices.Reverse(times)
	last := newest
	for i, at := range times {
		switch {
		case at >= newest:
			continue
		case len(keep) == keptCheckpoints:
			return keep
		case last-at < checkpointsApart && i+1 < len(times) && last-times[i+1] <= checkpointsApart+event.Day:
			continue // the one before it lies better
		}
		keep, last = append(keep, at), at
	}
	return keep
}
