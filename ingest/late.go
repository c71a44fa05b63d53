package ingest

import "math/bits"

// Lags counts by how much events are older than the newest one that had come before:
// by the power of two of their minutes. The zero value is ready.
type Lags struct {
	n    [24]int
	most int64
}

// Add counts an event that is older by some milliseconds; one that is not older at all
// does not count.
func (l *Lags) Add(ms int64) {
	if ms > 0 {
		l.n[min(bits.Len64(uint64(ms/60_000)), len(l.n)-1)]++
		l.most = max(l.most, ms)
	}
}

// Merge adds what another one has counted.
func (l *Lags) Merge(o *Lags) {
	for i, n := range o.n {
		l.n[i] += n
	}
	l.most = max(l.most, o.most)
}

// Late is how many events were older.
func (l *Lags) Late() (n int) {
	for _, k := range l.n {
		n += k
	}
	return n
}

// Lag is by how much 99 of 100 of so many new events were older at most, in milliseconds:
// up to the next power of two of minutes.
func (l *Lags) Lag(events int) int64 {
	left := events / 100 // one in a hundred may be later still
	for i := len(l.n) - 1; i > 0; i-- {
		if left -= l.n[i]; left < 0 {
			return min(int64(1)<<i*60_000, l.most)
		}
	}
	return 0
}
