package ingest

import "math/bits"

// LatenessHistogram counts by how much events are older than the newest one that had come before:
// by the power of two of their minutes. The zero value is ready.
type LatenessHistogram struct {
	n    [24]int
	most int64
}

// Add counts an event that is older by some milliseconds; one that is not older at all
// does not count.
func (l *LatenessHistogram) Add(ms int64) {
	if ms > 0 {
		l.n[min(bits.Len64(uint64(ms/60_000)), len(l.n)-1)]++
		l.most = max(l.most, ms)
	}
}

// Merge adds what another one has counted.
func (l *LatenessHistogram) Merge(o *LatenessHistogram) {
	for i, n := range o.n {
		l.n[i] += n
	}
	l.most = max(l.most, o.most)
}

// Count is how many events were older.
func (l *LatenessHistogram) Count() (n int) {
	for _, k := range l.n {
		n += k
	}
	return n
}

// P99 is by how much 99 of 100 of so many new events were older at most, in milliseconds:
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
