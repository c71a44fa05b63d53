package event

import "time"

// Units of event time: milliseconds, as in Event.Time.
const (
	Hour = int64(3_600_000)
	Day  = 24 * Hour
)

// LateDays is the allowed lateness in days: events that arrive later than that after the
// newest one no longer land in their own window.
const LateDays = 8

// Instant is the time, in UTC, of Unix milliseconds; the zero time of 0, which stands for none.
func Instant(ms int64) (t time.Time) {
	if ms > 0 {
		t = time.UnixMilli(ms).UTC()
	}
	return t
}
