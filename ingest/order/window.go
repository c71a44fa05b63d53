package order

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"iter"
	"slices"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/s2"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/spill"
)

// Window holds the events of the last days, ordered by time, each once, while more arrive in
// any order. HR's events are held without limit. Part of the events is in memory and the rest
// compressed in an unnamed temporary file. It is not safe for concurrent use.
type Window struct {
	hours  map[int64]*hour // by hour since 1970
	hr     *hour
	newest int64
	events int

	conflicts int64 // records with the time and key of another one, but different content

	file   *spill.File
	known  int64 // idents of packed events in memory
	inUse  int64 // limit of memory, in bytes
	memory int64 // approximate size of unpacked events, in bytes
	prints int64 // fingerprints of packed events in memory
	step   int64 // count of uses, as a clock for bucket.used

	plain, packed, ids []byte // scratch
}

// hour holds the events of one hour, in one bucket, or in one for each ten seconds if there are many: what
// is in memory at a time is then that, and not the hour.
type hour struct {
	parts []*bucket
	n     int           // events
	low   map[int]int64 // lowest offset of an event by partition of the event log
}

// divisions is the number of buckets of an hour that is divided.
const divisions = 360

// most is the number of events from which on an hour is divided.
const most = 1 << 17

// newHour returns an empty hour.
func newHour() *hour { return &hour{parts: []*bucket{newBucket()}, low: map[int]int64{}} }

// part returns the bucket of a time in the hour, in Unix milliseconds.
func (h *hour) part(at int64) *bucket {
	if len(h.parts) == 1 {
		return h.parts[0]
	}
	return h.parts[(at-floor(at)*event.Hour)*divisions/event.Hour]
}

// bucket holds events: packed chunks, and an unpacked part. Events that arrive for a packed bucket go to
// the unpacked part.
type bucket struct {
	data    []byte
	entries []entry         // unpacked events; the first sorted ones are in order
	sorted  int             // number of entries in order
	index   map[uint64]span // place in data by key, of the first event with the key; nil if not built
	twins   map[key]span    // places of other events with the same key
	chunks  []chunk
	prints  []uint32  // sorted fingerprints of the packed events, if they are in memory
	stored  spill.Ref // prints
	whole   bool      // the chunks are unpacked, too
	changed bool      // the unpacked part has events that are not in the chunks
	n       int       // events
	used    int64     // step of the last use
}

// chunk is a packed part of a bucket: events that follow one another.
type chunk struct {
	packed   spill.Ref
	ids      spill.Ref // the idents of its events
	known    []ident   // ids, sorted, if they are in memory
	size     int       // of the events, unpacked
	from, to int64     // times of the first and the last
}

// chunkSize is about how many bytes of events a chunk has: what is packed at a time.
const chunkSize = 1 << 20

// manyChunks is from where on chunks of a bucket that are not in order are packed anew.
const manyChunks = 8

// ident identifies a packed event and its content.
type ident struct {
	key  uint64
	time int64  // Unix milliseconds
	sum  uint64 // hash of the record
}

// compare orders idents by key and time.
func (a ident) compare(b ident) int {
	return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.time, b.time))
}

// key identifies an event.
type key struct {
	time int64 // Unix milliseconds
	key  uint64
}

// span is the place of a record in the data of a bucket.
type span struct{ off, size uint32 }

// NewWindow returns an empty window that keeps up to inUse bytes of events unpacked, an
// eighth as much compressed in memory, and the rest in a temporary file in dir, which the system
// caches; "" stands for the system's directory.
func NewWindow(inUse int64, dir string) *Window {
	return &Window{file: spill.New(inUse/8, dir), inUse: inUse, hours: map[int64]*hour{}, hr: newHour()}
}

// newBucket returns an empty bucket.
func newBucket() *bucket { return &bucket{index: map[uint64]span{}} }

// Newest returns the time of the newest event that is not HR's, in Unix milliseconds; 0 if
// there is none.
func (w *Window) Newest() int64 { return w.newest }

// Watermark returns the beginning, in Unix milliseconds, of the latest hour from which on there
// are at least some events, or of the earliest hour if there are fewer. So a few events dated
// in the future do not move it. It is 0 for an empty window.
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

// Len returns the number of events.
func (w *Window) Len() int { return w.events }

// Conflicts returns how many records since the window was made had the time and key of another
// event, but different content. One of the two is held; Add returned Repeat or Replaced.
func (w *Window) Conflicts() int64 { return w.conflicts }

// AddResult is the result of adding an event.
type AddResult int

// The results of Add.
const (
	Fresh    AddResult = iota // the event is new
	Repeat                    // the event is held already
	Replaced                  // the record is preferred to the one that was held, and replaces it
)

// Add adds an event in stored form that was read at an offset of a partition of the event log.
// The record may be reused afterwards. The error is that of the temporary file.
func (w *Window) Add(rec []byte, partition int, offset int64) (AddResult, error) {
	k := key{event.RecordTime(rec), event.RecordKey(rec)}
	h := w.hour(event.RecordSource(rec), k.time)
	if low, known := h.low[partition]; !known || offset < low {
		h.low[partition] = offset
	}
	b := h.part(k.time)
	w.step++
	b.used = w.step
	if b.index == nil {
		b.reindex()
	}

	held, known := b.find(k)
	may := false
	if !known && !b.whole && len(b.chunks) > 0 {
		var err error
		if may, err = w.mayHold(b, k.key); err != nil {
			return 0, err
		}
	}
	if may {
		sum, packed, err := w.findPacked(b, k)
		switch {
		case err != nil:
			return 0, err
		case packed && sum == xxhash.Sum64(rec):
			return Repeat, nil
		case packed: // a conflict: the contents decide
			if err := w.unpack(b); err != nil {
				return 0, err
			}
			b.reindex()
			held, known = b.find(k)
		}
	}

	if known {
		return w.resolve(h, b, k, held, rec), nil
	}
	return Fresh, w.insert(h, b, k, rec)
}

// hour returns an event's hour, or what holds HR's.
func (w *Window) hour(source event.Source, at int64) *hour {
	if source == event.HR {
		return w.hr
	}
	w.newest = max(w.newest, at)
	h := w.hours[floor(at)]
	if h == nil {
		h = newHour()
		w.hours[floor(at)] = h
	}
	return h
}

// findPacked looks for an event in the chunks of a bucket and returns the hash of its record.
func (w *Window) findPacked(b *bucket, k key) (sum uint64, found bool, err error) {
	for i := range b.chunks {
		if c := &b.chunks[i]; k.time < c.from || k.time > c.to {
			continue
		}
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

// Skip notes that an event at a time, in Unix milliseconds, was read at an offset of a partition without being added:
// LowestOffset counts it.
func (w *Window) Skip(at int64, partition int, offset int64) {
	h := w.hours[floor(at)]
	if h == nil {
		h = newHour()
		w.hours[floor(at)] = h
	}
	if low, known := h.low[partition]; !known || offset < low {
		h.low[partition] = offset
	}
}

// resolve keeps the preferred one of two records of an event: the one at place and rec.
func (w *Window) resolve(h *hour, b *bucket, k key, place span, rec []byte) AddResult {
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
	b.put(k, at)
	b.data = append(b.data, rec...)
	b.changed = true
	return Replaced
}

// insert adds a new event to a bucket of an hour, divides the hour if it has many, and packs buckets if memory is
// over the limit.
func (w *Window) insert(h *hour, b *bucket, k key, rec []byte) error {
	at := span{uint32(len(b.data)), uint32(len(rec))}
	b.put(k, at)
	b.entries = append(b.entries, entry{k.time, k.key, at.off, at.size})
	b.data = append(b.data, rec...)
	b.changed = true
	b.n++
	h.n++
	w.events++
	w.memory += int64(len(rec)) + perEvent
	if h.n >= most && len(h.parts) == 1 && h != w.hr {
		if err := w.divide(h); err != nil {
			return err
		}
	}
	if w.memory > w.inUse {
		return w.compact()
	}
	return nil
}

// divide puts the events of an hour into a bucket for each ten seconds.
func (w *Window) divide(h *hour) error {
	b := h.parts[0]
	if err := w.unpack(b); err != nil {
		return err
	}
	b.sort()
	h.parts = make([]*bucket, divisions)
	for i := range h.parts {
		h.parts[i] = newBucket()
		h.parts[i].used = b.used
	}
	for _, e := range b.entries {
		p, rec := h.part(e.time), b.record(e)
		e.off = uint32(len(p.data))
		p.data, p.entries = append(p.data, rec...), append(p.entries, e)
		p.n, p.sorted, p.index, p.changed = p.n+1, p.sorted+1, nil, true
	}
	w.memory -= b.memory()
	w.prints -= int64(len(b.prints))
	for _, p := range h.parts {
		w.memory += p.memory()
	}
	return nil
}

// buckets calls yield for all buckets but HR's.
func (w *Window) buckets(yield func(*bucket) bool) {
	for _, h := range w.hours {
		for _, b := range h.parts {
			if !yield(b) {
				return
			}
		}
	}
}

// idents returns the sorted idents of a chunk.
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
		if w.known += int64(len(c.known)); w.known*identSize > w.inUse/4 { // drop those of all other chunks
			for b := range w.buckets {
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

const identSize = 24 // bytes of a stored ident

// fingerprint returns the part of a packed event's key that is kept in memory.
func fingerprint(key uint64) uint32 { return uint32(key >> 32) }

// mayHold reports whether a packed event of a bucket may have the key.
func (w *Window) mayHold(b *bucket, key uint64) (bool, error) {
	if err := w.loadPrints(b); err != nil {
		return false, err
	}
	_, found := slices.BinarySearch(b.prints, fingerprint(key))
	return found, nil
}

// loadPrints reads the fingerprints of a bucket if they are not in memory.
func (w *Window) loadPrints(b *bucket) error {
	if b.prints != nil || b.stored.Len() == 0 {
		return nil
	}
	var err error
	if w.ids, err = b.stored.Get(w.ids[:0]); err != nil {
		return err
	}
	prints := make([]uint32, len(w.ids)/4)
	for i := range prints {
		prints[i] = binary.LittleEndian.Uint32(w.ids[4*i:])
	}
	w.setPrints(b, prints)
	return nil
}

// setPrints replaces the fingerprints of a bucket in memory. An eighth of the limit is for all of them: those of buckets
// that were not used for longest are dropped from memory.
func (w *Window) setPrints(b *bucket, prints []uint32) {
	w.prints += int64(len(prints) - len(b.prints))
	b.prints = prints
	limit := w.inUse / 8 / 4
	if w.prints <= limit {
		return
	}
	var list []*bucket
	for other := range w.buckets {
		if other != b && len(other.prints) > 0 {
			list = append(list, other)
		}
	}
	slices.SortFunc(list, func(a, b *bucket) int { return cmp.Compare(a.used, b.used) })
	for _, other := range list {
		if w.prints <= limit/2 {
			return
		}
		w.prints -= int64(len(other.prints))
		other.prints = nil
	}
}

// merged returns the sorted union of two sorted lists.
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

// perEvent is the approximate size of an event's entry and index in bytes.
const perEvent = 100

// compact packs the least recently used buckets until half of the limit is free.
func (w *Window) compact() error {
	var list []*bucket
	for b := range w.buckets {
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

// floor returns the hour since 1970 of a time in Unix milliseconds.
func floor(at int64) int64 {
	h := at / event.Hour
	if at%event.Hour < 0 {
		h--
	}
	return h
}

// Each calls yield for all of HR's events, and for the others from a time on, in Unix
// milliseconds, ordered by time and key. A record is valid only during the call. The error is
// that of yield or the temporary file.
func (w *Window) Each(from int64, yield func(rec []byte) error) error {
	return w.walk(entry{time: from}, true, yield)
}

// After calls yield for the events after the one with a time, in Unix milliseconds, and key,
// ordered by time and key. A record is valid only during the call. The error is that of yield
// or the temporary file.
func (w *Window) After(at int64, k uint64, yield func(rec []byte) error) error {
	return w.walk(entry{time: at, key: k + 1}, false, yield)
}

// walk calls yield for the events from an entry on, HR's from the beginning if withHR is set.
func (w *Window) walk(from entry, withHR bool, yield func(rec []byte) error) error {
	hr := w.hr.parts[0]
	hr.sort()
	staff := hr.entries
	if !withHR {
		i, _ := slices.BinarySearchFunc(staff, from, entry.compare)
		staff = staff[i:]
	}

	for b := range w.from(from.time) {
		w.step++
		b.used = w.step
		packed := !b.whole && len(b.chunks) > 0
		if err := w.unpack(b); err != nil {
			return err
		}
		b.sort()
		list := b.entries
		i, _ := slices.BinarySearchFunc(list, from, entry.compare)
		for _, e := range list[i:] {
			for len(staff) > 0 && staff[0].compare(e) < 0 {
				if err := yield(hr.record(staff[0])); err != nil {
					return err
				}
				staff = staff[1:]
			}
			if err := yield(b.record(e)); err != nil {
				return err
			}
		}

		switch n := len(b.entries); {
		case w.memory > w.inUse:
			if err := w.compact(); err != nil {
				return err
			}
		case packed && !b.changed && n > 0 && b.entries[n-1].time < w.newest-event.Day: // it is rarely read again
			if err := w.pack(b); err != nil {
				return err
			}
		}
	}

	for _, e := range staff {
		if err := yield(hr.record(e)); err != nil {
			return err
		}
	}

	return nil
}

// from calls yield for the buckets that may have events from a time on, in Unix milliseconds, in their order.
func (w *Window) from(at int64) iter.Seq[*bucket] {
	return func(yield func(*bucket) bool) {
		hours := make([]int64, 0, len(w.hours))
		for h := range w.hours {
			if h >= floor(at) {
				hours = append(hours, h)
			}
		}
		slices.Sort(hours)
		for _, h := range hours {
			parts := w.hours[h].parts
			if h == floor(at) && len(parts) > 1 {
				parts = parts[(at-h*event.Hour)*divisions/event.Hour:]
			}
			for _, b := range parts {
				if !yield(b) {
					return
				}
			}
		}
	}
}

// record returns the stored form of an unpacked event.
func (b *bucket) record(e entry) []byte { return b.data[e.off : e.off+e.size] }

// sort puts the entries in order.
func (b *bucket) sort() {
	if b.sorted == len(b.entries) {
		return
	}
	slices.SortFunc(b.entries, entry.compare)
	b.sorted = len(b.entries)
}

// pack compresses the unpacked part of a bucket and frees its memory.
func (w *Window) pack(b *bucket) error {
	if b.whole {
		if b.changed {
			b.chunks, b.stored = nil, spill.Ref{}
			w.setPrints(b, nil)
		}
		b.whole = false
	}

	if b.changed {
		b.sort()
		for list := b.entries; len(list) > 0; {
			n, size := 0, 0
			for n < len(list) && size < chunkSize {
				size += 4 + int(list[n].size)
				n++
			}
			if err := w.packChunk(b, list[:n]); err != nil {
				return err
			}
			list = list[n:]
		}
		if err := w.addPrints(b); err != nil {
			return err
		}
	}

	w.memory -= b.memory()
	b.data, b.entries, b.index, b.twins, b.sorted, b.changed = nil, nil, map[uint64]span{}, nil, 0, false
	return nil
}

// packChunk compresses some of a bucket's entries, in order.
func (w *Window) packChunk(b *bucket, list []entry) error {
	w.plain, w.ids = w.plain[:0], w.ids[:0]
	for _, e := range list {
		rec := b.record(e)
		w.plain = append(binary.LittleEndian.AppendUint32(w.plain, e.size), rec...)
		w.ids = binary.LittleEndian.AppendUint64(w.ids, e.key)
		w.ids = binary.LittleEndian.AppendUint64(w.ids, uint64(e.time))
		w.ids = binary.LittleEndian.AppendUint64(w.ids, xxhash.Sum64(rec))
	}
	c := chunk{size: len(w.plain), from: list[0].time, to: list[len(list)-1].time}
	w.packed = slices.Grow(w.packed[:0], s2.MaxEncodedLen(len(w.plain)))
	var err error
	if c.packed, err = w.file.Put(s2.Encode(w.packed[:cap(w.packed)], w.plain)); err == nil {
		c.ids, err = w.file.Put(w.ids)
	}
	if err != nil {
		return err
	}
	b.chunks = append(b.chunks, c)
	return nil
}

// addPrints adds the fingerprints of a bucket's entries.
func (w *Window) addPrints(b *bucket) error {
	if err := w.loadPrints(b); err != nil {
		return err
	}
	prints := make([]uint32, 0, len(b.entries))
	for _, e := range b.entries {
		prints = append(prints, fingerprint(e.key))
	}
	slices.Sort(prints)
	prints = merged(b.prints, prints)
	w.ids = w.ids[:0]
	for _, p := range prints {
		w.ids = binary.LittleEndian.AppendUint32(w.ids, p)
	}
	stored, err := w.file.Put(w.ids)
	if err != nil {
		return err
	}
	b.stored = stored
	w.setPrints(b, prints)
	return nil
}

// find returns the place of an event in the unpacked part.
func (b *bucket) find(k key) (span, bool) {
	s, known := b.index[k.key]
	if known && event.RecordTime(b.data[s.off:]) != k.time {
		s, known = b.twins[k]
	}
	return s, known
}

// put stores the place of an event in the index.
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

// reindex rebuilds the index.
func (b *bucket) reindex() {
	b.index, b.twins = make(map[uint64]span, len(b.entries)), nil
	for _, e := range b.entries {
		b.put(key{e.time, e.key}, span{e.off, e.size})
	}
}

// memory returns the approximate size of the unpacked part in bytes.
func (b *bucket) memory() int64 { return int64(len(b.data)) + perEvent*int64(len(b.entries)) }

// unpack adds the events of the chunks to the unpacked part. Decompression errors are those of
// the temporary file.
func (w *Window) unpack(b *bucket) error {
	if b.whole || len(b.chunks) == 0 {
		return nil
	}
	w.memory -= b.memory()
	size := len(b.data)
	for i := range b.chunks {
		size += b.chunks[i].size
	}
	entries, data := make([]entry, 0, b.n), make([]byte, 0, size)
	for i := range b.chunks {
		at := len(data)
		var err error
		if w.packed, err = b.chunks[i].packed.Get(w.packed[:0]); err != nil {
			return err
		}
		data = data[:at+b.chunks[i].size]
		if _, err = s2.Decode(data[at:], w.packed); err != nil {
			return fmt.Errorf("temporary file: %w", err)
		}
		for at < len(data) {
			size := binary.LittleEndian.Uint32(data[at:])
			rec := data[at+4 : at+4+int(size)]
			entries = append(entries, entry{event.RecordTime(rec), event.RecordKey(rec), uint32(at + 4), size})
			at += 4 + int(size)
		}
	}

	inOrder := slices.IsSortedFunc(entries, entry.compare)
	if b.sorted = 0; inOrder {
		b.sorted = len(entries)
	}
	base := uint32(len(data))
	for _, e := range b.entries {
		e.off += base
		entries = append(entries, e)
	}

	b.data, b.entries, b.index, b.twins = append(data, b.data...), entries, nil, nil
	b.whole, b.changed = true, b.changed || !inOrder && len(b.chunks) > manyChunks
	w.memory += b.memory()
	return nil
}

// Evict drops the hours before that of a time, in Unix milliseconds, but not HR's events.
func (w *Window) Evict(before int64) {
	for at, h := range w.hours {
		if at < floor(before) {
			w.events -= h.n
			for _, b := range h.parts {
				w.memory -= b.memory()
				w.prints -= int64(len(b.prints))
			}
			delete(w.hours, at)
		}
	}
}

// LowestOffset returns the lowest offset in a partition from which an event came, or next if
// there is none lower. HR's events do not count.
func (w *Window) LowestOffset(partition int, next int64) int64 {
	for _, h := range w.hours {
		if low, known := h.low[partition]; known {
			next = min(next, low)
		}
	}
	return next
}

// HRRecords calls yield for HR's events, in stored form, ordered by time and key.
func (w *Window) HRRecords(yield func(rec []byte)) {
	hr := w.hr.parts[0]
	hr.sort()
	for _, e := range hr.entries {
		yield(hr.record(e))
	}
}
