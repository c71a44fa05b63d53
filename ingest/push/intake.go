package push

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/secret"
)

// intake holds the requests that wait for the event log. A request is waiting from its arrival on,
// then in a page, and answered once the page is done.
type intake struct {
	token   secret.Secret
	maxBody int64         // bytes of a request
	maxHeld int64         // bytes of all requests
	timeout time.Duration // until a request is refused
	poll    time.Duration // how long Fetch waits for a request
	full    func() string // as ingest.Env.Full; may be nil

	mu      sync.Mutex
	held    int64 // bytes of waiting and paged, and of what is being read
	waiting []*request
	paged   []*request    // in the page that was fetched last, until it is done
	wake    chan struct{} // has an element if there may be something to fetch
	closed  error         // why nothing is taken any longer
	ack     int64         // last acknowledgement id
}

// request is the body of an HTTP request.
type request struct {
	name string
	body []byte
	done chan struct{} // closed once its events are in the event log
	gone bool          // nobody waits for an answer any longer
}

const (
	fetchFor    = 5 * time.Second // see intake.poll
	pageBytes   = 16 << 20        // of a page, unless a single request is larger
	pageBodies  = 256             // of a page
	leastCharge = 4 << 10         // bytes that a request counts for at least
)

func newIntake(token secret.Secret, maxBody, maxHeld int64, timeout time.Duration, full func() string) *intake {
	return &intake{
		token:   token,
		maxBody: maxBody,
		maxHeld: maxHeld,
		timeout: timeout,
		poll:    fetchFor,
		full:    full,
		wake:    make(chan struct{}, 1),
	}
}

// refusal says why no request is taken at the moment; "" if one is.
func (in *intake) refusal() string {
	if in.full != nil {
		if why := in.full(); why != "" {
			return why
		}
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	switch {
	case in.closed != nil:
		return in.closed.Error()
	case in.held >= in.maxHeld:
		return "too much is waiting"
	}
	return ""
}

// reserve takes room for a body of a size. It returns false if there is none.
func (in *intake) reserve(size int64) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed != nil || in.held+size > in.maxHeld {
		return false
	}
	in.held += size
	return true
}

// release gives room back.
func (in *intake) release(size int64) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.held -= size
}

// charge is the room that a body takes.
func charge(body []byte) int64 { return max(int64(len(body)), leastCharge) }

// take waits until a body is in the event log, for which room was reserved. It returns false if
// that is not so in time: then the sender has to send it again.
func (in *intake) take(ctx context.Context, name string, body []byte) bool {
	r := &request{name: name, body: body, done: make(chan struct{})}
	in.mu.Lock()
	if in.closed != nil {
		in.held -= charge(body)
		in.mu.Unlock()
		return false
	}
	in.waiting = append(in.waiting, r)
	in.mu.Unlock()
	in.rouse()

	late := time.NewTimer(in.timeout)
	defer late.Stop()
	select {
	case <-r.done:
	case <-late.C:
	case <-ctx.Done():
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	select {
	case <-r.done: // perhaps meanwhile
		return !r.gone
	default:
		r.gone = true
		in.drop()
		return false
	}
}

// drop forgets the waiting requests that nobody waits for. The caller holds the lock.
func (in *intake) drop() {
	kept := in.waiting[:0]
	for _, r := range in.waiting {
		if r.gone {
			in.held -= charge(r.body)
			continue
		}
		kept = append(kept, r)
	}
	clear(in.waiting[len(kept):])
	in.waiting = kept
}

// rouse wakes Fetch.
func (in *intake) rouse() {
	select {
	case in.wake <- struct{}{}:
	default:
	}
}

// Fetch implements ingest.Source. There is no cursor: a request is kept until its page is done.
func (in *intake) Fetch(ctx context.Context, _ ingest.Cursor) (page ingest.Page, err error) {
	in.mu.Lock()
	in.waiting = append(in.paged, in.waiting...) // they were not done
	in.paged = nil
	in.drop()
	in.mu.Unlock()
	quiet := time.NewTimer(in.poll)
	defer quiet.Stop()
	for {
		list, more, err := in.next()
		if err != nil || len(list) > 0 {
			return in.page(list, more), err
		}
		select {
		case <-in.wake:
		case <-quiet.C:
			return page, nil
		case <-ctx.Done():
			return page, ctx.Err()
		}
	}
}

// next moves requests into a page. More reports whether others wait.
func (in *intake) next() (list []*request, more bool, err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	size := 0
	for _, r := range in.waiting {
		if size += len(r.body); len(list) > 0 && size > pageBytes || len(list) == pageBodies {
			break
		}
		list = append(list, r)
	}
	in.paged, in.waiting = list, slices.Delete(in.waiting, 0, len(list))
	if len(list) == 0 {
		err = in.closed
	}
	return list, len(in.waiting) > 0, err
}

// page returns requests as a page.
func (in *intake) page(list []*request, more bool) ingest.Page {
	page := ingest.Page{More: more}
	for _, r := range list {
		body := ingest.MemoryBody(r.name, r.body)
		body.Final = true
		page.Bodies = append(page.Bodies, body)
	}
	if len(list) > 0 {
		page.Done = func(context.Context) error {
			in.done()
			return nil
		}
	}
	return page
}

// done answers the requests of the page.
func (in *intake) done() {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, r := range in.paged {
		in.held -= charge(r.body)
		if !r.gone {
			close(r.done)
		}
	}
	in.paged = nil
}

// close refuses all requests from now on, and those that wait.
func (in *intake) close(why error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed == nil {
		in.closed = why
	}
	for _, r := range append(in.paged, in.waiting...) {
		in.held -= charge(r.body)
		if !r.gone {
			r.gone = true
			close(r.done)
		}
	}
	in.paged, in.waiting = nil, nil
	in.rouse()
}

// acknowledged returns the id of an acknowledgement.
func (in *intake) acknowledged() int64 {
	in.mu.Lock()
	defer in.mu.Unlock()
	id := in.ack
	in.ack++
	return id
}
