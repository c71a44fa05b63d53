package event

import "time"

// Units of event time, in milliseconds.
const (
	Hour = int64(3_600_000)
	Day  = 24 * Hour
)

// LateDays is the allowed lateness in days. Events that arrive later than that after the newest
// one are not scored in their own window.
const LateDays = 8

// Instant returns the time of Unix milliseconds, in UTC; the zero time for 0 or less.
func Instant(ms int64) (t time.Time) {
	if ms > 0 {
		t = time.UnixMilli(ms).UTC()
	}
	return t
}
