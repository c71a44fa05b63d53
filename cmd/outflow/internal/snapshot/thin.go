package snapshot

import (
	"slices"

	"github.com/outflow/outflow/internal/event"
)

// keptBases is how many older bases are kept, besides the newest; apartBases is how far they
// lie from one another at least.
const (
	keptBases  = 4
	apartBases = 7 * event.Day
)

// Thin are the times of bases to keep, of some that are stored, once there is a new one
// at a time.
func Thin(times []int64, newest int64) (keep []int64) {
	times = slices.Sorted(slices.Values(times))
	slices.Reverse(times)
	last := newest
	for i, at := range times {
		switch {
		case at >= newest:
			continue
		case len(keep) == keptBases:
			return keep
		case last-at < apartBases && i+1 < len(times) && last-times[i+1] <= apartBases+event.Day:
			continue // the one before it lies better
		}
		keep, last = append(keep, at), at
	}
	return keep
}
