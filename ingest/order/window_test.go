package order_test

import (
	"bytes"
	"errors"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/outflow/outflow/ingest/order"
	"github.com/outflow/outflow/internal/event"
)

// TestWindow checks a window against a sorter: the same events in any order give
// the same sequence, from any time on.
func TestWindow(t *testing.T) {
	const hour = 3_600_000
	rng := rand.New(rand.NewPCG(1, 2))
	var recs [][]byte
	for i := range 3000 {
		e := &event.Event{
			Source: event.Box,
			Class:  event.View,
			Time:   1_000*hour + rng.Int64N(300*hour),
			Key:    rng.Uint64(),
			Actor:  event.Actor{Account: "a@acme.example", Kind: event.Human},
		}
		switch i % 10 {
		case 0:
			e.Source, e.Time = event.HR, rng.Int64N(1_400*hour)
		case 1: // the same event said twice, in other words
			e.Time, e.Key = event.RecordTime(recs[i-1]), event.RecordKey(recs[i-1])
			e.Source = event.RecordSource(recs[i-1])
			e.Object.Name = "longer"
		case 3: // another event that has the same key by chance
			if e.Source = event.RecordSource(recs[i-1]); e.Source != event.HR {
				e.Time, e.Key = event.RecordTime(recs[i-1])+1, event.RecordKey(recs[i-1])
			}
		}
		recs = append(recs, e.Append(nil))
	}
	s := order.New(1<<20, "")
	defer s.Close()
	sw := s.Writer()
	w := order.NewWindow(64<<10, t.TempDir())
	var kept [][]byte
	for n, i := range rng.Perm(len(recs)) {
		if err := sw.AddRecord(recs[i]); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Add(recs[i], i%3, int64(i)); err != nil {
			t.Fatal(err)
		}
		if n%500 == 0 { // looking at it changes nothing
			if err := w.Each(0, func([]byte) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
	}
	conflicts := w.Conflicts()
	for _, i := range rng.Perm(len(recs))[:100] {
		if what, err := w.Add(recs[i], i%3, int64(i)); err != nil || what != order.Repeat {
			t.Fatal("a repeat was new", err)
		}
	}
	if err := sw.Flush(); err != nil {
		t.Fatal(err)
	}
	stats, err := s.Merge(t.Context(), func(rec []byte) error { kept = append(kept, bytes.Clone(rec)); return nil })
	if err != nil {
		t.Fatal(err)
	}
	want := 0
	for _, n := range stats.Conflicts {
		want += n
	}
	if conflicts != int64(want) || want == 0 {
		t.Errorf("%d conflicts, the sorter has %d", conflicts, want)
	}
	if w.Len() != len(kept) {
		t.Errorf("%d events, the sorter has %d", w.Len(), len(kept))
	}
	for _, from := range []int64{0, 1_100 * hour, 1_250 * hour, 1_299 * hour} {
		var want [][]byte
		for _, rec := range kept {
			if event.RecordSource(rec) == event.HR || event.RecordTime(rec) >= from {
				want = append(want, rec)
			}
		}
		i := 0
		err := w.Each(from, func(rec []byte) error {
			if i < len(want) && !bytes.Equal(rec, want[i]) {
				t.Fatalf("from %d: event %d differs", from, i)
			}
			i++
			return nil
		})
		if err != nil || i != len(want) {
			t.Errorf("from %d: %d events, %v; want %d", from, i, err, len(want))
		}
	}
	mid := kept[len(kept)/2]
	i := len(kept)/2 + 1
	err = w.After(event.RecordTime(mid), event.RecordKey(mid), func(rec []byte) error {
		if !bytes.Equal(rec, kept[i]) {
			t.Fatalf("after the middle: event %d differs", i)
		}
		i++
		return nil
	})
	if err != nil || i != len(kept) {
		t.Errorf("after the middle: up to %d of %d, %v", i, len(kept), err)
	}
	if edge := w.Watermark(20); edge < 1_290*hour || edge > 1_300*hour {
		t.Errorf("the events go up to hour %d", edge/hour)
	}
	e := &event.Event{Source: event.Box, Time: 90_000 * hour, Key: 7}
	if _, err := w.Add(e.Append(nil), 0, 5000); err != nil || w.Watermark(20) > 1_300*hour || w.Newest() != e.Time {
		t.Errorf("one event from the future moved the edge to hour %d", w.Watermark(20)/hour)
	}
	w.Evict(1_200 * hour)
	var low [3]int64
	for p := range low {
		low[p] = 1 << 60
	}
	for i, rec := range recs {
		if event.RecordSource(rec) != event.HR && event.RecordTime(rec) >= 1_200*hour {
			low[i%3] = min(low[i%3], int64(i))
		}
	}
	for p := range low {
		if got := w.LowestOffset(p, 1<<60); got != low[p] {
			t.Errorf("lowest offset of partition %d: %d, want %d", p, got, low[p])
		}
	}
	staff := 0
	w.HRRecords(func([]byte) { staff++ })
	if staff == 0 || w.Len() >= len(kept) {
		t.Errorf("%d of HR's, %d events", staff, w.Len())
	}
}

// TestSums checks that windows with the same events have the same sums, however they came,
// and others have others.
func TestSums(t *testing.T) {
	const hour = 3_600_000
	rng := rand.New(rand.NewPCG(3, 4))
	var recs [][]byte
	for i := range 2000 {
		e := &event.Event{Source: event.Box, Class: event.View, Time: 1_000*hour + rng.Int64N(30*hour), Key: rng.Uint64()}
		if i%10 == 1 { // the same event said twice, in other words
			e.Time, e.Key, e.Object.Name = event.RecordTime(recs[i-1]), event.RecordKey(recs[i-1]), "longer"
		}
		recs = append(recs, e.Append(nil))
	}
	sums := func(memory int64, skip int) map[int64]uint64 {
		w := order.NewWindow(memory, t.TempDir())
		for _, i := range rng.Perm(len(recs)) {
			if i == skip {
				continue
			}
			for range 1 + i%3/2 { // some come again
				if _, err := w.Add(recs[i], 0, int64(i)); err != nil {
					t.Fatal(err)
				}
			}
		}
		return sumsOf(t, w)
	}
	want := sums(1<<30, -1)
	if got := sums(16<<10, -1); !maps.Equal(got, want) || len(got) != 30 {
		t.Errorf("the sums depend on how events came, or on memory: %d hours", len(got))
	}
	if maps.Equal(sums(1<<30, 7), want) {
		t.Error("the sums do not depend on an event")
	}
}

// sumsOf returns a checksum of the events of each hour but HR's, by hours since 1970.
func sumsOf(t *testing.T, w *order.Window) map[int64]uint64 {
	t.Helper()
	sums := map[int64]uint64{}
	err := w.Each(0, func(rec []byte) error {
		if event.RecordSource(rec) != event.HR {
			sums[event.RecordTime(rec)/event.Hour] += xxhash.Sum64(rec)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return sums
}

// TestBusyHour fills an hour with more events than one bucket takes, in any order, some twice and some in other
// words, before, while and after it is divided: each is there once, in order, from any time on.
func TestBusyHour(t *testing.T) {
	const hour, n = 3_600_000, 1<<17 + 30_000
	rng := rand.New(rand.NewPCG(5, 6))
	recs := make([][]byte, 0, n)
	best := map[[2]uint64][]byte{} // by time and key: the longest text
	for i := range n {
		e := &event.Event{Source: event.Box, Class: event.View, Time: 1_000*hour + rng.Int64N(hour), Key: rng.Uint64()}
		switch i % 100 {
		case 0:
			e.Time += hour - 2*rng.Int64N(2)*hour // in the hours beside it
		case 1:
			e.Source = event.HR
		case 2: // the same event said twice, in other words
			e.Source, e.Object.Name = event.RecordSource(recs[i-1]), "longer"
			e.Time, e.Key = event.RecordTime(recs[i-1]), event.RecordKey(recs[i-1])
		}
		recs = append(recs, e.Append(nil))
		best[[2]uint64{uint64(e.Time), e.Key}] = recs[i]
	}
	w := order.NewWindow(4<<20, t.TempDir())
	for n, i := range rng.Perm(len(recs)) {
		for range 1 + i%50/49 {
			if _, err := w.Add(recs[i], i%3, int64(i)); err != nil {
				t.Fatal(err)
			}
		}
		if n%40_000 == 0 {
			if err := w.After(1_000*hour+hour/2, 0, func([]byte) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
	}
	if w.Len() != len(best) || len(sumsOf(t, w)) != 3 || w.LowestOffset(1, n) > 1_000 {
		t.Errorf("%d events of %d, %d hours, lowest offset %d", w.Len(), len(best), len(sumsOf(t, w)), w.LowestOffset(1, n))
	}
	all := slices.SortedFunc(maps.Keys(best), func(a, b [2]uint64) int { return slices.Compare(a[:], b[:]) })
	for _, at := range []int64{0, 1_000 * hour, 1_000*hour + 17*60_000 + 1, 1_001*hour - 1, 1_001 * hour, 1_003 * hour} {
		want := all[sort.Search(len(all), func(i int) bool { return int64(all[i][0]) >= at }):]
		err := w.After(at-1, math.MaxUint64-1, func(rec []byte) error {
			if len(want) == 0 || !bytes.Equal(rec, best[want[0]]) {
				return errors.New("another event was expected")
			}
			want = want[1:]
			return nil
		})
		if err != nil || len(want) > 0 {
			t.Errorf("from %d: %v, %d missing", at, err, len(want))
		}
	}
	if w.Evict(1_001 * hour); w.LowestOffset(1, n) == n || len(sumsOf(t, w)) != 1 {
		t.Errorf("%d hours are left", len(sumsOf(t, w)))
	}
}

// TestSkip has a window note where an event is that it does not hold.
func TestSkip(t *testing.T) {
	const hour = 3_600_000
	w := order.NewWindow(1<<20, t.TempDir())
	w.Skip(1_000*hour+5, 2, 40)
	w.Skip(1_001*hour, 2, 30)
	if low := w.LowestOffset(2, 50); low != 30 || w.Len() != 0 || w.LowestOffset(1, 50) != 50 {
		t.Errorf("offset %d, %d events", low, w.Len())
	}
	w.Evict(1_002 * hour)
	if low := w.LowestOffset(2, 50); low != 50 {
		t.Errorf("offset %d of evicted hours", low)
	}
}
