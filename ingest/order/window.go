package order

import (
	"bytes"
	"slices"

	"github.com/klauspost/compress/zstd"

	"github.com/outflow/outflow/internal/event"
)

// Window holds the events of the last days in the order of their time, each
// once, while more arrive in any order. What HR says is held for good. It is not
// safe for concurrent use.
type Window struct {
	hours  map[int64]*bucket
	hr     *bucket
	newest int64
	events int

	enc  *zstd.Encoder
	dec  *zstd.Decoder
	open *bucket // the packed bucket that was looked at last, unpacked
}

// bucket is the events of one hour.
type bucket struct {
	data    []byte
	entries []entry // sorted up to sorted
	sorted  int
	index   map[key]span // place in data; nil where it is packed
	packed  []byte       // data and entries, if they are not in use
	n       int
	low     map[int]int64 // per partition of the log: the lowest offset of an event here
}

type key struct {
	time int64
	key  uint64
}

type span struct{ off, size uint32 }

const hourMS = 3_600_000

// hotHours is for how long before the newest event hours are kept unpacked.
const hotHours = 3

// NewWindow returns an empty window.
func NewWindow() *Window {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		panic(err) // the options are right
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1<<32))
	if err != nil {
		panic(err)
	}
	return &Window{hours: map[int64]*bucket{}, hr: newBucket(), enc: enc, dec: dec}
}

func newBucket() *bucket { return &bucket{index: map[key]span{}, low: map[int]int64{}} }

// Newest is the time of the newest event that is not HR's, Unix milliseconds; 0
// if there is none.
func (w *Window) Newest() int64 { return w.newest }

// Len is how many events are held.
func (w *Window) Len() int { return w.events }

// Added says what came of an event.
type Added int

// What may come of an event.
const (
	Fresh    Added = iota // it is new
	Repeat                // it is held already
	Replaced              // it says more than the one that was held, and took its place
)

// Add adds an event as stored, which came from an offset of a partition of a log.
func (w *Window) Add(rec []byte, partition int, offset int64) Added {
	at := event.RecordTime(rec)
	b := w.hr
	if event.RecordSource(rec) != event.HR {
		hour := floor(at)
		if b = w.hours[hour]; b == nil {
			b = newBucket()
			w.hours[hour] = b
		}
		if at > w.newest {
			before := w.newest
			w.newest = at
			if hour > floor(before) {
				w.tidy()
			}
		}
	}
	w.unpack(b)
	if low, known := b.low[partition]; !known || offset < low {
		b.low[partition] = offset
	}
	k := key{at, event.RecordKey(rec)}
	place := span{uint32(len(b.data)), uint32(len(rec))}
	if s, known := b.index[k]; known {
		held := b.data[s.off : s.off+s.size]
		if bytes.Equal(held, rec) || !better(rec, held) {
			return Repeat
		}
		b.sort()
		i, _ := slices.BinarySearchFunc(b.entries, entry{time: at, key: k.key}, entry.compare)
		b.entries[i].off, b.entries[i].size = place.off, place.size
		b.index[k] = place
		b.data = append(b.data, rec...)
		b.packed = nil
		return Replaced
	}
	b.index[k] = place
	b.entries = append(b.entries, entry{at, k.key, place.off, place.size})
	b.data = append(b.data, rec...)
	b.packed = nil
	b.n++
	w.events++
	return Fresh
}

// tidy packs the hours that are not hot any more.
func (w *Window) tidy() {
	for h, b := range w.hours {
		if b.index != nil && b.n > 0 && h <= floor(w.newest)-hotHours && b != w.open {
			w.close()
			w.open = b
		}
	}
}

// floor is the hour of a time.
func floor(at int64) int64 {
	h := at / hourMS
	if at%hourMS < 0 {
		h--
	}
	return h
}

// Each calls yield for all of HR's events, and for the others from a time on (Unix
// milliseconds), in the order of time and key; HR's earlier ones come first. A
// record is valid only during the call.
func (w *Window) Each(from int64, yield func(rec []byte) error) error {
	return w.walk(entry{time: from}, true, yield)
}

// After calls yield for the events that come after one with a time and key.
func (w *Window) After(at int64, k uint64, yield func(rec []byte) error) error {
	return w.walk(entry{time: at, key: k + 1}, false, yield)
}

func (w *Window) walk(from entry, withHR bool, yield func(rec []byte) error) error {
	w.hr.sort()
	staff := w.hr.entries
	if !withHR {
		i, _ := slices.BinarySearchFunc(staff, from, entry.compare)
		staff = staff[i:]
	}
	hours := make([]int64, 0, len(w.hours))
	for h := range w.hours {
		if h >= floor(from.time) {
			hours = append(hours, h)
		}
	}
	slices.Sort(hours)
	for _, h := range hours {
		b := w.hours[h]
		w.unpack(b)
		b.sort()
		list := b.entries
		i, _ := slices.BinarySearchFunc(list, from, entry.compare)
		for _, e := range list[i:] {
			for len(staff) > 0 && staff[0].compare(e) < 0 {
				if err := yield(w.hr.record(staff[0])); err != nil {
					return err
				}
				staff = staff[1:]
			}
			if err := yield(b.record(e)); err != nil {
				return err
			}
		}
		w.pack(h, b)
	}
	for _, e := range staff {
		if err := yield(w.hr.record(e)); err != nil {
			return err
		}
	}
	return nil
}

func (b *bucket) record(e entry) []byte { return b.data[e.off : e.off+e.size] }

// sort puts the entries in order.
func (b *bucket) sort() {
	if b.sorted == len(b.entries) {
		return
	}
	slices.SortFunc(b.entries, entry.compare)
	b.sorted = len(b.entries)
}

// pack gives the memory of an hour back that is not hot any more.
func (w *Window) pack(hour int64, b *bucket) {
	if hour > floor(w.newest)-hotHours || b == w.open {
		return
	}
	w.close()
	w.open = b // it may be asked for again at once
}

// close packs the bucket that is open.
func (w *Window) close() {
	b := w.open
	if b == nil {
		return
	}
	w.open = nil
	if b.packed == nil {
		b.sort()
		plain := make([]byte, 0, len(b.data)+len(b.entries)*4)
		for _, e := range b.entries {
			plain = append(plain, byte(e.size), byte(e.size>>8), byte(e.size>>16), byte(e.size>>24))
			plain = append(plain, b.record(e)...)
		}
		b.packed = w.enc.EncodeAll(plain, nil)
	}
	b.data, b.entries, b.index, b.sorted = nil, nil, nil, 0
}

// unpack makes an hour usable.
func (w *Window) unpack(b *bucket) {
	if b.index != nil {
		return
	}
	w.close()
	plain, err := w.dec.DecodeAll(b.packed, nil)
	if err != nil {
		panic("order: " + err.Error()) // packed by close, in this process
	}
	b.data, b.entries, b.index = plain, make([]entry, 0, b.n), make(map[key]span, b.n)
	for at := 0; at < len(plain); {
		size := uint32(plain[at]) | uint32(plain[at+1])<<8 | uint32(plain[at+2])<<16 | uint32(plain[at+3])<<24
		rec := plain[at+4 : at+4+int(size)]
		e := entry{event.RecordTime(rec), event.RecordKey(rec), uint32(at + 4), size}
		b.index[key{e.time, e.key}] = span{e.off, e.size}
		b.entries = append(b.entries, e)
		at += 4 + int(size)
	}
	b.sorted = len(b.entries)
	w.open = b
}

// Forget drops events before a time but HR's.
func (w *Window) Forget(before int64) {
	for h, b := range w.hours {
		if h < floor(before) {
			if w.open == b {
				w.open = nil
			}
			w.events -= b.n
			delete(w.hours, h)
		}
	}
}

// Low is the lowest offset of a partition that an event came from, or next if
// none is held. HR's do not count.
func (w *Window) Low(partition int, next int64) int64 {
	for _, b := range w.hours {
		if low, known := b.low[partition]; known {
			next = min(next, low)
		}
	}
	return next
}

// Staff calls yield for what HR has said.
func (w *Window) Staff(yield func(rec []byte)) {
	w.hr.sort()
	for _, e := range w.hr.entries {
		yield(w.hr.record(e))
	}
}
