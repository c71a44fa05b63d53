package eventlog

import (
	"context"
	"io"
	"sync"
	"time"
)

// Memory is a log in memory. Its records are lost when the process ends.
type Memory struct {
	limit int64 // bytes of unread values at which Append waits; 0 for no limit

	mu      sync.Mutex
	changed *sync.Cond
	parts   []memoryPartition
	held    int64
	closed  bool
}

// memoryPartition is one partition of a Memory.
type memoryPartition struct {
	first int64 // offset of recs[0]
	recs  []Record
}

// NewMemory returns an empty log. With a limit it drops records once they have been read, and
// Append waits while more than limit bytes of values are unread. Every partition then needs a
// reader that keeps reading.
func NewMemory(partitions int, limit int64) *Memory {
	m := &Memory{limit: limit, parts: make([]memoryPartition, partitions)}
	m.changed = sync.NewCond(&m.mu)
	return m
}

// Partitions implements Log.
func (m *Memory) Partitions() int { return len(m.parts) }

// Close ends appending: readers get io.EOF once they have read everything.
func (m *Memory) Close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.changed.Broadcast()
}

// Append implements Log.
func (m *Memory) Append(ctx context.Context, recs ...Record) error {
	stop := context.AfterFunc(ctx, m.wake)
	defer stop()
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.limit > 0 && m.held >= m.limit && ctx.Err() == nil && !m.closed {
		m.changed.Wait()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if m.closed {
		return ErrClosed
	}
	now := time.Now().UnixMilli()
	for _, r := range recs {
		r.Appended = now
		var err error
		if r.Partition, err = r.place(len(m.parts)); err != nil {
			return err
		}
		p := &m.parts[r.Partition]
		r.Offset = p.first + int64(len(p.recs))
		p.recs = append(p.recs, r)
		m.held += int64(len(r.Value))
	}
	m.changed.Broadcast()
	return nil
}

// wake holds the lock, so that no reader misses the end of its context between checking and
// waiting.
func (m *Memory) wake() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changed.Broadcast()
}

// Read implements Log.
func (m *Memory) Read(ctx context.Context, partition int, from int64, max int) ([]Record, error) {
	stop := context.AfterFunc(ctx, m.wake)
	defer stop()
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := within(partition, len(m.parts)); err != nil {
		return nil, err
	}
	p := &m.parts[partition]
	if m.limit > 0 {
		m.forget(p, from)
	}
	for {
		switch next := p.first + int64(len(p.recs)); {
		case from < p.first:
			return nil, ErrGone
		case from < next:
			recs := p.recs[from-p.first:]
			return recs[:min(max, len(recs)):min(max, len(recs))], nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case m.closed:
			return nil, io.EOF
		}
		m.changed.Wait()
	}
}

// Bounds implements Log.
func (m *Memory) Bounds(_ context.Context, partition int) (first, next int64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := within(partition, len(m.parts)); err != nil {
		return 0, 0, err
	}
	p := &m.parts[partition]
	return p.first, p.first + int64(len(p.recs)), nil
}

// forget drops the records before an offset.
func (m *Memory) forget(p *memoryPartition, from int64) {
	n := int(min(max(from-p.first, 0), int64(len(p.recs))))
	if n == 0 {
		return
	}
	for i := range p.recs[:n] {
		m.held -= int64(len(p.recs[i].Value))
		p.recs[i] = Record{}
	}
	p.recs = p.recs[n:]
	p.first += int64(n)
	m.changed.Broadcast()
}
