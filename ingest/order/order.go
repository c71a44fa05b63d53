// Package order sorts events by time and removes duplicates: Sorter those of a finite input
// from several workers, Window those of the last days of a stream. Both keep a limited amount
// in memory and the rest in an unnamed temporary file, which disappears with the process,
// however it ends.
package order

import (
	"bufio"
	"bytes"
	"container/heap"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"

	"github.com/outflow/outflow/internal/disk"
	"github.com/outflow/outflow/internal/event"
)

// Sorter collects events and returns them in order. Make one with New, add events with one
// Writer per worker, and then call Merge.
type Sorter struct {
	runSize int   // size of a run in bytes
	budget  int64 // bytes of runs that may be kept in memory

	mu   sync.Mutex
	held int64 // bytes of runs in memory
	runs []run
	file *os.File // nil until the first run is spilled
	end  int64    // end of file
	dir  string
}

// New returns a sorter that keeps up to memory bytes of sorted events in memory, in addition to
// one run per writer, and the rest in a temporary file in dir; "" stands for the system's
// directory.
func New(memory int64, dir string) *Sorter {
	return &Sorter{runSize: int(min(16<<20, max(memory/4, 64<<10))), budget: memory, dir: dir}
}

// entry locates an event in a run or bucket.
type entry struct {
	time int64 // Unix milliseconds
	key  uint64
	off  uint32
	size uint32
}

// compare orders entries by time and key.
func (a entry) compare(b entry) int {
	switch {
	case a.time != b.time:
		if a.time < b.time {
			return -1
		}
		return 1
	case a.key != b.key:
		if a.key < b.key {
			return -1
		}
		return 1
	}
	return 0
}

// run is a sorted sequence of events: data and entries in memory, or from to to in the file.
type run struct {
	data    []byte
	entries []entry
	from    int64
	to      int64
}

// Writer adds the events of one worker to a Sorter. It is not safe for concurrent use.
type Writer struct {
	s       *Sorter
	data    []byte
	entries []entry
}

// Writer returns a writer for one worker.
func (s *Sorter) Writer() *Writer { return &Writer{s: s} }

// Add adds an event, which may be reused afterwards. The error is that of the temporary file.
func (w *Writer) Add(e *event.Event) error {
	w.grow()
	from := len(w.data)
	w.data = e.Append(w.data)
	return w.added(from, e.Time, e.Key)
}

// AddRecord adds an event in stored form, which may be reused afterwards. The error is that of
// the temporary file.
func (w *Writer) AddRecord(rec []byte) error {
	w.grow()
	from := len(w.data)
	w.data = append(w.data, rec...)
	return w.added(from, event.RecordTime(rec), event.RecordKey(rec))
}

// grow allocates the memory of a run.
func (w *Writer) grow() {
	if w.data == nil {
		w.data = make([]byte, 0, w.s.runSize+64<<10)
	}
}

// added adds the entry of the event at from, and ends the run when it is full.
func (w *Writer) added(from int, time int64, key uint64) error {
	w.entries = append(w.entries, entry{time, key, uint32(from), uint32(len(w.data) - from)})
	if len(w.data) >= w.s.runSize {
		return w.Flush()
	}
	return nil
}

// Flush ends the current run. Call it after the last event. The error is that of the temporary
// file.
func (w *Writer) Flush() error {
	if len(w.entries) == 0 {
		return nil
	}
	slices.SortFunc(w.entries, entry.compare)
	size := int64(cap(w.data) + 24*cap(w.entries))
	s := w.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held+size <= s.budget {
		s.held += size
		s.runs = append(s.runs, run{data: w.data, entries: w.entries})
		w.data, w.entries = nil, nil
		return nil
	}
	spilled, err := s.spill(run{data: w.data, entries: w.entries})
	if err != nil {
		return err
	}
	s.runs = append(s.runs, spilled)
	w.data, w.entries = w.data[:0], w.entries[:0]
	return nil
}

// spill writes a run to the temporary file, and returns it as it is there.
func (s *Sorter) spill(r run) (run, error) {
	if s.file == nil {
		f, err := disk.Unnamed(s.dir)
		if err != nil {
			return run{}, fmt.Errorf("temporary file: %w", err)
		}
		s.file = f
	}
	from := s.end
	out := bufio.NewWriterSize(io.NewOffsetWriter(s.file, from), 1<<20)
	var head [4]byte
	for _, e := range r.entries {
		binary.LittleEndian.PutUint32(head[:], e.size)
		out.Write(head[:])
		out.Write(r.data[e.off : e.off+e.size])
		s.end += 4 + int64(e.size)
	}
	if err := out.Flush(); err != nil {
		return run{}, fmt.Errorf("temporary file: %w", err)
	}
	return run{from: from, to: s.end}, nil
}

// Close releases memory and the temporary file.
func (s *Sorter) Close() error {
	s.runs = nil
	if s.file != nil {
		return s.file.Close()
	}
	return nil
}

// Stats counts what Merge dropped, by vendor.
type Stats struct {
	Duplicates map[event.Source]int // events with the time and key of another one
	Conflicts  map[event.Source]int // duplicates with different content
}

// Merge calls yield for every event, in stored form, ordered by time and key. Of events with
// the same time and key it keeps one: preferably of a human, then the longest. A record is
// valid only during the call. The error is that of yield, the context or the temporary file.
func (s *Sorter) Merge(ctx context.Context, yield func(rec []byte) error) (Stats, error) {
	u := unique{yield: yield, Stats: Stats{map[event.Source]int{}, map[event.Source]int{}}}
	q, err := s.cursors()
	if err != nil {
		return u.Stats, err
	}
	for n := 0; len(q) > 0; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return u.Stats, ctx.Err()
		}
		if err := u.add(q[0].at, q[0].rec); err != nil {
			return u.Stats, err
		}
		if err := q.advance(); err != nil {
			return u.Stats, err
		}
	}
	return u.Stats, u.flush()
}

// cursors returns a queue with a cursor for every run.
func (s *Sorter) cursors() (queue, error) {
	var q queue
	for i := range s.runs {
		if s.file != nil && s.runs[i].entries != nil { // there is much: its memory is needed for what comes of it
			var err error
			if s.runs[i], err = s.spill(s.runs[i]); err != nil {
				return nil, err
			}
		}
		c := &cursor{run: s.runs[i]}
		if c.entries == nil {
			c.in = bufio.NewReaderSize(io.NewSectionReader(s.file, c.from, c.to-c.from), 32<<10)
		}
		more, err := c.next()
		if err != nil {
			return nil, err
		}
		if more {
			q = append(q, c)
		}
	}
	heap.Init(&q)
	return q, nil
}

// unique takes records ordered by time and key, and yields one of each time and key.
type unique struct {
	Stats
	yield func(rec []byte) error
	best  []byte // preferred record with the time and key of at
	at    entry
	have  bool // best is set
}

// add takes the next record and copies it.
func (u *unique) add(at entry, rec []byte) error {
	if u.have && u.at.time == at.time && u.at.key == at.key {
		u.repeat(rec)
		return nil
	}
	if err := u.flush(); err != nil {
		return err
	}
	u.best, u.at, u.have = append(u.best[:0], rec...), at, true
	return nil
}

// repeat counts another record of the same event and keeps it if it is preferred.
func (u *unique) repeat(rec []byte) {
	src := event.RecordSource(rec)
	u.Duplicates[src]++
	if bytes.Equal(u.best, rec) {
		return
	}
	u.Conflicts[src]++
	if preferred(rec, u.best) {
		u.best = append(u.best[:0], rec...)
	}
}

// flush yields the record that is held, if any.
func (u *unique) flush() error {
	if !u.have {
		return nil
	}
	return u.yield(u.best)
}

// preferred reports whether record a of an event is preferred to b: one with a human actor,
// then the longer one, then by content, so that the choice does not depend on the order of
// files.
func preferred(a, b []byte) bool {
	if ka, kb := event.RecordKind(a) == event.Human, event.RecordKind(b) == event.Human; ka != kb {
		return ka
	}
	if len(a) != len(b) {
		return len(a) > len(b)
	}
	return bytes.Compare(a, b) > 0
}

// cursor iterates over a run.
type cursor struct {
	run
	i   int           // next entry, in memory
	in  *bufio.Reader // next event, in the file
	buf []byte
	at  entry  // time and key of the current event
	rec []byte // current event in stored form
}

// next moves to the next event. It returns false at the end of the run.
func (c *cursor) next() (bool, error) {
	if c.entries != nil {
		if c.i == len(c.entries) {
			return false, nil
		}
		c.at = c.entries[c.i]
		c.rec = c.data[c.at.off : c.at.off+c.at.size]
		c.i++
		return true, nil
	}
	var head [4]byte
	if _, err := io.ReadFull(c.in, head[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		return false, fmt.Errorf("temporary file: %w", err)
	}
	n := int(binary.LittleEndian.Uint32(head[:]))
	if cap(c.buf) < n {
		c.buf = make([]byte, 2*n)
	}
	c.rec = c.buf[:n]
	if _, err := io.ReadFull(c.in, c.rec); err != nil {
		return false, fmt.Errorf("temporary file: %w", err)
	}
	c.at.time, c.at.key = event.RecordTime(c.rec), event.RecordKey(c.rec)
	return true, nil
}

// queue is a heap of cursors, ordered by their current events.
type queue []*cursor

// advance moves the first cursor to its next event, or removes it at the end of its run.
func (q *queue) advance() error {
	more, err := (*q)[0].next()
	if err != nil {
		return err
	}
	if more {
		heap.Fix(q, 0)
	} else {
		heap.Pop(q)
	}
	return nil
}

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].at.compare(q[j].at) < 0 }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(*cursor)) }
func (q *queue) Pop() any {
	old := *q
	c := old[len(old)-1]
	*q = old[:len(old)-1]
	return c
}
