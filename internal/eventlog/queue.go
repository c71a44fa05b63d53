package eventlog

import "sync"

// writeQueue has concurrent calls of Append share one write.
type writeQueue struct {
	mu      sync.Mutex
	calls   []*pendingAppend
	leading bool
	closed  bool
	idle    chan struct{} // closed once everything is written after close
}

// pendingAppend is a call of Append that waits to be written.
type pendingAppend struct {
	recs   []Record
	places []int // their partitions
	done   chan struct{}
	err    error
}

// newPending returns a call for a log with some partitions.
func newPending(recs []Record, partitions int) (*pendingAppend, error) {
	a := &pendingAppend{recs: recs, places: make([]int, len(recs)), done: make(chan struct{})}
	for i := range recs {
		var err error
		if a.places[i], err = recs[i].place(partitions); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// join adds a call. If lead is true, the caller must call q.lead. After close it returns ErrClosed.
func (q *writeQueue) join(a *pendingAppend) (lead bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false, ErrClosed
	}
	q.calls = append(q.calls, a)
	lead, q.leading = !q.leading, true
	return lead, nil
}

// lead writes for all calls that wait, together, until none does.
func (q *writeQueue) lead(write func(group []*pendingAppend) error) {
	for {
		q.mu.Lock()
		group := q.calls
		q.calls = nil
		if q.leading = len(group) > 0; !q.leading && q.idle != nil {
			close(q.idle)
			q.idle = nil
		}
		q.mu.Unlock()
		if len(group) == 0 {
			return
		}
		err := write(group)
		for _, a := range group {
			a.err = err
			close(a.done)
		}
	}
}

// close ends appending. The calls that wait are still written: then the returned channel is closed.
func (q *writeQueue) close() (written <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	if q.idle == nil {
		q.idle = make(chan struct{})
	}
	written = q.idle
	if !q.leading {
		close(q.idle)
		q.idle = nil
	}
	return written
}
