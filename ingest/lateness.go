package ingest

import "math/bits"

// LatenessHistogram counts how much older events are than the newest event received before
// them. Its buckets are powers of two of minutes. The zero value is ready to use.
type LatenessHistogram struct {
	n    [24]int
	most int64
}

// Add counts an event that is late by some milliseconds. Values of 0 or less are ignored.
func (l *LatenessHistogram) Add(ms int64) {
	if ms > 0 {
		l.n[min(bits.Len64(uint64(ms/60_000)), len(l.n)-1)]++
		l.most = max(l.most, ms)
	}
}

// Merge adds the counts of another histogram.
func (l *LatenessHistogram) Merge(o *LatenessHistogram) {
	for i, n := range o.n {
		l.n[i] += n
	}
	l.most = max(l.most, o.most)
}

// Count returns the number of late events.
func (l *LatenessHistogram) Count() (n int) {
	for _, k := range l.n {
		n += k
	}
	return n
}

// P99 returns the 99th percentile of lateness over all new events, in milliseconds, rounded
// up to the next power of two of minutes.
func (l *LatenessHistogram) P99(events int) int64 {
	left := events / 100 // one in a hundred may be later still
	for i := len(l.n) - 1; i > 0; i-- {
		if left -= l.n[i]; left < 0 {
			return min(int64(1)<<i*60_000, l.most)
		}
	}
	return 0
}
