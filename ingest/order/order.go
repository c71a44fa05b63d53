// Package order puts events that arrive in any order, from several workers, into
// the order of their time, and drops repeats. It holds a bounded amount in
// memory and the rest in an unnamed temporary file, which is gone when the
// process is, however it ends.
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

	"github.com/outflow/outflow/internal/event"
)

// Sorter collects events and gives them back in order. Make one with New.
type Sorter struct {
	runSize int   // bytes of a run
	budget  int64 // bytes of runs kept in memory

	mu   sync.Mutex
	held int64
	runs []run
	file *os.File
	end  int64 // of file
	dir  string
}

// New returns a sorter that keeps up to memory bytes of events in memory, beside
// one run per writer, and puts the others into a temporary file in dir ("" for
// the system's place).
func New(memory int64, dir string) *Sorter {
	return &Sorter{runSize: int(min(16<<20, max(memory/4, 64<<10))), budget: memory, dir: dir}
}

// entry locates an event in a run.
type entry struct {
	time int64
	key  uint64
	off  uint32
	size uint32
}

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

// run is a sorted sequence of events: in memory, or from..to of the file.
type run struct {
	data    []byte
	entries []entry
	from    int64
	to      int64
}

// Writer collects the events of one worker.
type Writer struct {
	s       *Sorter
	data    []byte
	entries []entry
}

// Writer returns a writer for one worker.
func (s *Sorter) Writer() *Writer { return &Writer{s: s} }

// Add adds an event. The event may be reused afterwards.
func (w *Writer) Add(e *event.Event) error {
	w.grow()
	from := len(w.data)
	w.data = e.Append(w.data)
	return w.added(from, e.Time, e.Key)
}

// AddRecord adds an event as stored.
func (w *Writer) AddRecord(rec []byte) error {
	w.grow()
	from := len(w.data)
	w.data = append(w.data, rec...)
	return w.added(from, event.RecordTime(rec), event.RecordKey(rec))
}

func (w *Writer) grow() {
	if w.data == nil {
		w.data = make([]byte, 0, w.s.runSize+64<<10)
	}
}

func (w *Writer) added(from int, time int64, key uint64) error {
	w.entries = append(w.entries, entry{time, key, uint32(from), uint32(len(w.data) - from)})
	if len(w.data) >= w.s.runSize {
		return w.Flush()
	}
	return nil
}

// Flush ends the run that is being collected. Call it once all events are added.
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
	if err := s.spill(w); err != nil {
		return fmt.Errorf("temporary file: %w", err)
	}
	w.data, w.entries = w.data[:0], w.entries[:0]
	return nil
}

// spill writes a sorted run to the temporary file.
func (s *Sorter) spill(w *Writer) error {
	if s.file == nil {
		f, err := os.CreateTemp(s.dir, "outflow-*")
		if err != nil {
			return err
		}
		os.Remove(f.Name())
		s.file = f
	}
	from := s.end
	out := bufio.NewWriterSize(io.NewOffsetWriter(s.file, from), 1<<20)
	var head [4]byte
	for _, e := range w.entries {
		binary.LittleEndian.PutUint32(head[:], e.size)
		out.Write(head[:])
		out.Write(w.data[e.off : e.off+e.size])
		s.end += 4 + int64(e.size)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	s.runs = append(s.runs, run{from: from, to: s.end})
	return nil
}

// Close releases memory and the temporary file.
func (s *Sorter) Close() error {
	s.runs = nil
	if s.file != nil {
		return s.file.Close()
	}
	return nil
}

// Stats is what Merge dropped.
type Stats struct {
	Duplicates map[event.Source]int // repeats of a record
	Conflicts  map[event.Source]int // those of them that said something else
}

// Merge calls yield for every event, as stored, in the order of time and key.
// Of several events with one time and key the one that names a person and says
// the most is kept. A record is valid only during the call. The error is that
// of yield, the context or the temporary file.
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

// cursors returns a queue with a cursor on every run.
func (s *Sorter) cursors() (queue, error) {
	var q queue
	for i := range s.runs {
		c := &cursor{run: s.runs[i]}
		if c.entries == nil {
			c.in = bufio.NewReaderSize(io.NewSectionReader(s.file, c.from, c.to-c.from), 64<<10)
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

// unique takes records in the order of time and key, and yields the preferred one of
// those that share both.
type unique struct {
	Stats
	yield func(rec []byte) error
	best  []byte // of the records with the time and key of at
	at    entry
	have  bool // best is set
}

// add takes the next record. It is copied.
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

// repeat counts a record of the same event, and keeps it if it is preferred.
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

// flush yields the record that is held.
func (u *unique) flush() error {
	if !u.have {
		return nil
	}
	return u.yield(u.best)
}

// preferred orders records of one event: a human actor first, then the longer one,
// then by content, so that the choice does not depend on the order of files.
func preferred(a, b []byte) bool {
	if ka, kb := event.RecordKind(a) == event.Human, event.RecordKind(b) == event.Human; ka != kb {
		return ka
	}
	if len(a) != len(b) {
		return len(a) > len(b)
	}
	return bytes.Compare(a, b) > 0
}

// cursor walks a run.
type cursor struct {
	run
	i   int
	in  *bufio.Reader
	buf []byte
	at  entry
	rec []byte
}

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

// queue is a heap of cursors by their present event.
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
