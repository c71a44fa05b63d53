package order

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/s2"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/spill"
)

// Window holds the events of the last days in the order of their time, each
// once, while more arrive in any order. What HR says is held for good. A bounded
// amount is in memory, the rest packed in an unnamed temporary file. It is not safe
// for concurrent use.
type Window struct {
	hours  map[int64]*bucket
	hr     *bucket
	newest int64
	events int

	conflicts int64 // records that had the id of another one and said something else

	file   *spill.File
	known  int64 // how many idents of packed events are in memory
	inUse  int64 // how much is kept unpacked, in bytes
	memory int64 // of what is, about
	step   int64
	sums   bool // are kept
}

// bucket is the events of one hour: packed chunks, and a part in use. What arrives
// for a packed hour is put beside it.
type bucket struct {
	data    []byte
	entries []entry // sorted up to sorted
	sorted  int
	index   map[uint64]span // place in data by the event's key, of the first with it; nil if it must be made
	twins   map[key]span    // of others with the same key
	chunks  []chunk
	prints  []uint32 // of the events in the chunks, sorted: what has none of them is not there
	whole   bool     // the part in use holds what is in the chunks
	changed bool     // and more
	n       int
	used    int64         // when it was used last, in steps of the window
	sum     uint64        // of the hashes of the events
	low     map[int]int64 // per partition of the log: the lowest offset of an event here
}

// chunk is a packed part of an hour.
type chunk struct {
	packed spill.Ref
	ids    spill.Ref // idents
	known  []ident   // those, sorted, while they are asked for
}

// ident tells a packed event apart, and whether another one says the same.
type ident struct {
	key  uint64
	time int64
	sum  uint64
}

func (a ident) compare(b ident) int {
	return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.time, b.time))
}

type key struct {
	time int64
	key  uint64
}

type span struct{ off, size uint32 }

// NewWindow returns an empty window that keeps up to inUse bytes of events as they
// are, half as much compressed, and the rest in a temporary file in dir ("" for the
// system's place).
func NewWindow(inUse int64, dir string) *Window {
	return &Window{file: spill.New(inUse/2, dir), inUse: inUse, hours: map[int64]*bucket{}, hr: newBucket()}
}

func newBucket() *bucket { return &bucket{index: map[uint64]span{}, low: map[int]int64{}} }

// Newest is the time of the newest event that is not HR's, Unix milliseconds; 0
// if there is none.
func (w *Window) Newest() int64 { return w.newest }

// Watermark is the beginning of the latest hour at or after which there are some events,
// Unix milliseconds; of the earliest one if there are fewer. A few that claim to be
// from the future do not move it.
func (w *Window) Watermark(some int) int64 {
	hours := make([]int64, 0, len(w.hours))
	for h := range w.hours {
		hours = append(hours, h)
	}
	slices.Sort(hours)
	for i := len(hours) - 1; i >= 0; i-- {
		if some -= w.hours[hours[i]].n; some <= 0 || i == 0 {
			return hours[i] * event.Hour
		}
	}
	return 0
}

// KeepSums has sums kept. It is called before the first event.
func (w *Window) KeepSums() { w.sums = true }

// Sums are by hour, since 1970, of the events in it: windows that hold the same events
// have the same sums, in whatever order they came. HR's are in none.
func (w *Window) Sums() map[int64]uint64 {
	sums := make(map[int64]uint64, len(w.hours))
	for h, b := range w.hours {
		sums[h] = b.sum
	}
	return sums
}

// Len is how many events are held.
func (w *Window) Len() int { return w.events }

// Conflicts is how many records had the id of another event and said something else,
// since the window was made. One of the two is held; Add returned Repeat or Replaced.
func (w *Window) Conflicts() int64 { return w.conflicts }

// AddResult says what came of an event.
type AddResult int

// What may come of an event.
const (
	Fresh    AddResult = iota // it is new
	Repeat                    // it is held already
	Replaced                  // it says more than the one that was held, and took its place
)

// Add adds an event as stored, which came from an offset of a partition of a log. The
// error is that of the temporary file.
func (w *Window) Add(rec []byte, partition int, offset int64) (AddResult, error) {
	k := key{event.RecordTime(rec), event.RecordKey(rec)}
	b := w.bucket(event.RecordSource(rec), k.time)
	w.step++
	b.used = w.step
	if low, known := b.low[partition]; !known || offset < low {
		b.low[partition] = offset
	}
	if b.index == nil {
		b.reindex()
	}

	held, known := b.find(k)
	if !known && !b.whole && b.mayHold(k.key) {
		sum, packed, err := w.findPacked(b, k)
		switch {
		case err != nil:
			return 0, err
		case packed && sum == xxhash.Sum64(rec):
			return Repeat, nil
		case packed: // one of the two says more
			if err := w.unpack(b); err != nil {
				return 0, err
			}
			b.reindex()
			held, known = b.find(k)
		}
	}

	if known {
		return w.resolve(b, k, held, rec), nil
	}
	return Fresh, w.insert(b, k, rec)
}

// bucket is that of the hour of an event, or HR's.
func (w *Window) bucket(source event.Source, at int64) *bucket {
	if source == event.HR {
		return w.hr
	}
	w.newest = max(w.newest, at)
	hour := floor(at)
	b := w.hours[hour]
	if b == nil {
		b = newBucket()
		w.hours[hour] = b
	}
	return b
}

// findPacked looks for an event in the chunks of an hour, and returns the hash of its record.
func (w *Window) findPacked(b *bucket, k key) (sum uint64, found bool, err error) {
	for i := range b.chunks {
		ids, err := w.idents(&b.chunks[i])
		if err != nil {
			return 0, false, err
		}
		if at, found := slices.BinarySearchFunc(ids, ident{key: k.key, time: k.time}, ident.compare); found {
			return ids[at].sum, true, nil
		}
	}
	return 0, false, nil
}

// resolve keeps the preferred one of two records of an event, of which one is held.
func (w *Window) resolve(b *bucket, k key, place span, rec []byte) AddResult {
	held := b.data[place.off : place.off+place.size]
	if bytes.Equal(held, rec) {
		return Repeat
	}
	w.conflicts++
	if !preferred(rec, held) {
		return Repeat
	}

	b.sort()
	i, _ := slices.BinarySearchFunc(b.entries, entry{time: k.time, key: k.key}, entry.compare)
	at := span{uint32(len(b.data)), uint32(len(rec))}
	b.entries[i].off, b.entries[i].size = at.off, at.size
	if w.sums {
		b.sum += xxhash.Sum64(rec) - xxhash.Sum64(held)
	}
	b.put(k, at)
	b.data = append(b.data, rec...)
	b.changed = true
	return Replaced
}

// insert adds a new event to an hour, and packs others if memory is short.
func (w *Window) insert(b *bucket, k key, rec []byte) error {
	at := span{uint32(len(b.data)), uint32(len(rec))}
	b.put(k, at)
	b.entries = append(b.entries, entry{k.time, k.key, at.off, at.size})
	b.data = append(b.data, rec...)
	b.changed = true
	b.n++
	if w.sums {
		b.sum += xxhash.Sum64(rec)
	}
	w.events++
	if w.memory += int64(len(rec)) + perEvent; w.memory > w.inUse {
		return w.compact()
	}
	return nil
}

// idents lists the events of a chunk.
func (w *Window) idents(c *chunk) ([]ident, error) {
	if c.known == nil {
		b, err := c.ids.Get(nil)
		if err != nil {
			return nil, err
		}
		c.known = make([]ident, len(b)/identSize)
		for i := range c.known {
			x := b[i*identSize:]
			c.known[i] = ident{binary.LittleEndian.Uint64(x), int64(binary.LittleEndian.Uint64(x[8:])), binary.LittleEndian.Uint64(x[16:])}
		}
		slices.SortFunc(c.known, ident.compare)
		if w.known += int64(len(c.known)); w.known*identSize > w.inUse/4 { // others are asked for no more
			for _, b := range w.hours {
				for i := range b.chunks {
					if o := &b.chunks[i]; o != c {
						o.known = nil
					}
				}
			}
			w.known = int64(len(c.known))
		}
	}
	return c.known, nil
}

const identSize = 24 // as kept

// fingerprint is what is kept in memory of the key of a packed event.
func fingerprint(key uint64) uint32 { return uint32(key >> 32) }

// mayHold says whether a packed event may have a key.
func (b *bucket) mayHold(key uint64) bool {
	_, found := slices.BinarySearch(b.prints, fingerprint(key))
	return found
}

// merged puts prints among others; both are sorted.
func merged(prints, more []uint32) []uint32 {
	if len(prints) == 0 {
		return more
	}
	all := make([]uint32, 0, len(prints)+len(more))
	for _, p := range more {
		for len(prints) > 0 && prints[0] < p {
			all, prints = append(all, prints[0]), prints[1:]
		}
		all = append(all, p)
	}
	return append(all, prints...)
}

// perEvent is about what the entry and the place of an event take, in bytes.
const perEvent = 100

// compact packs the hours that were not used for the longest time.
func (w *Window) compact() error {
	var list []*bucket
	for _, b := range w.hours {
		if len(b.entries) > 0 {
			list = append(list, b)
		}
	}
	slices.SortFunc(list, func(a, b *bucket) int { return cmp.Compare(a.used, b.used) })
	for _, b := range list {
		if w.memory < w.inUse/2 {
			return nil
		}
		if err := w.pack(b); err != nil {
			return err
		}
	}
	return nil
}

// floor is the hour of a time.
func floor(at int64) int64 {
	h := at / event.Hour
	if at%event.Hour < 0 {
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
		w.step++
		b.used = w.step
		if err := w.unpack(b); err != nil {
			return err
		}
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

		if w.memory > w.inUse {
			if err := w.compact(); err != nil {
				return err
			}
		}
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

// pack gives the memory of an hour back.
func (w *Window) pack(b *bucket) error {
	if b.whole {
		if b.changed {
			b.chunks, b.prints = nil, nil
		}
		b.whole = false
	}

	if b.changed {
		b.sort()
		plain := make([]byte, 0, len(b.data)+len(b.entries)*4)
		prints, kept := make([]uint32, 0, len(b.entries)), make([]byte, 0, identSize*len(b.entries))
		for _, e := range b.entries {
			rec := b.record(e)
			plain = append(binary.LittleEndian.AppendUint32(plain, e.size), rec...)
			kept = binary.LittleEndian.AppendUint64(kept, e.key)
			kept = binary.LittleEndian.AppendUint64(kept, uint64(e.time))
			kept = binary.LittleEndian.AppendUint64(kept, xxhash.Sum64(rec))
			prints = append(prints, fingerprint(e.key))
		}

		slices.Sort(prints)
		var c chunk
		var err error
		if c.packed, err = w.file.Put(s2.Encode(nil, plain)); err == nil {
			c.ids, err = w.file.Put(kept)
		}
		if err != nil {
			return err
		}

		b.chunks, b.prints = append(b.chunks, c), merged(b.prints, prints)
	}

	w.memory -= b.memory()
	b.data, b.entries, b.index, b.twins, b.sorted, b.changed = nil, nil, map[uint64]span{}, nil, 0, false
	return nil
}

// find is where an event is in the part in use.
func (b *bucket) find(k key) (span, bool) {
	s, known := b.index[k.key]
	if known && event.RecordTime(b.data[s.off:]) != k.time {
		s, known = b.twins[k]
	}
	return s, known
}

// put notes where an event is.
func (b *bucket) put(k key, s span) {
	if first, known := b.index[k.key]; known && event.RecordTime(b.data[first.off:]) != k.time {
		if b.twins == nil {
			b.twins = map[key]span{}
		}
		b.twins[k] = s
		return
	}
	b.index[k.key] = s
}

// reindex notes where all are.
func (b *bucket) reindex() {
	b.index, b.twins = make(map[uint64]span, len(b.entries)), nil
	for _, e := range b.entries {
		b.put(key{e.time, e.key}, span{e.off, e.size})
	}
}

// memory is about what the part in use takes.
func (b *bucket) memory() int64 { return int64(len(b.data)) + perEvent*int64(len(b.entries)) }

// unpack puts the packed chunks of an hour among what came since.
func (w *Window) unpack(b *bucket) error {
	if b.whole || len(b.chunks) == 0 {
		return nil
	}
	w.memory -= b.memory()
	entries := make([]entry, 0, b.n)
	var data []byte
	var packed []byte
	for i := range b.chunks {
		at := len(data)
		var err error
		if packed, err = b.chunks[i].packed.Get(packed[:0]); err != nil {
			return err
		}
		size, err := s2.DecodedLen(packed)
		if err == nil {
			data = slices.Grow(data, size)[:at+size]
			_, err = s2.Decode(data[at:], packed)
		}

		if err != nil {
			return fmt.Errorf("temporary file: %w", err)
		}
		for at < len(data) {
			size := binary.LittleEndian.Uint32(data[at:])
			rec := data[at+4 : at+4+int(size)]
			entries = append(entries, entry{event.RecordTime(rec), event.RecordKey(rec), uint32(at + 4), size})
			at += 4 + int(size)
		}
	}

	if b.sorted = 0; len(b.chunks) == 1 {
		b.sorted = len(entries)
	}
	base := uint32(len(data))
	for _, e := range b.entries {
		e.off += base
		entries = append(entries, e)
	}

	b.data, b.entries, b.index, b.twins = append(data, b.data...), entries, nil, nil
	b.whole, b.changed = true, len(b.chunks) > 1 || b.changed
	w.memory += b.memory()
	return nil
}

// Evict drops events before a time but HR's.
func (w *Window) Evict(before int64) {
	for h, b := range w.hours {
		if h < floor(before) {
			w.events -= b.n
			w.memory -= b.memory()
			delete(w.hours, h)
		}
	}
}

// LowestOffset is the lowest offset of a partition that an event came from, or next if
// none is held. HR's do not count.
func (w *Window) LowestOffset(partition int, next int64) int64 {
	for _, b := range w.hours {
		if low, known := b.low[partition]; known {
			next = min(next, low)
		}
	}
	return next
}

// HRRecords calls yield for what HR has said.
func (w *Window) HRRecords(yield func(rec []byte)) {
	w.hr.sort()
	for _, e := range w.hr.entries {
		yield(w.hr.record(e))
	}
}
