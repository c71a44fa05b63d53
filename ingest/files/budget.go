package files

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// Budget is what one file may cost, with all that is packed in it, at whatever depth.
// What a zero field stands for is said beside it.
type Budget struct {
	Inflated int64         // bytes that may come out of containers whatever the size of the file; 256 MiB
	Ratio    int64         // beyond that, bytes for each byte of the file; 400. A log compresses well, a bomb better
	Time     time.Duration // for unpacking and decoding, plus a second for each MiB of the file; 5 minutes
	// Clock is the time since some moment. Time in which the file itself is read, and
	// in which events are handed on, is not counted: a slow disk or log costs nobody
	// his records. If nil, a clock that ticks a few times a second.
	Clock func() time.Duration
}

const (
	defaultInflated = 256 << 20
	defaultRatio    = 400
	defaultTime     = 5 * time.Minute
	tick            = 100 * time.Millisecond
)

// errStopped ends the reading of a file; the reason is that of who ended it.
var errStopped = errors.New("not read further: stopped")

// budgetUse is what a file has cost so far. All that reads from it, or from anything
// in it, asks here whether to go on.
type budgetUse struct {
	Budget
	stopped  func() bool // by the context, or who takes the events
	size     int64       // of the file, if it is known
	stored   int64       // bytes of it that were read
	inflated int64       // bytes that came out of containers
	start    time.Duration
	away     time.Duration // of the time since, what is not counted
	err      error         // why it is not read further
}

// begin starts the account of a file.
func (b Budget) begin(size int64, stopped func() bool) *budgetUse {
	if b.Inflated == 0 {
		b.Inflated = defaultInflated
	}
	if b.Ratio == 0 {
		b.Ratio = defaultRatio
	}
	if b.Time == 0 {
		b.Time = defaultTime
	}
	return &budgetUse{Budget: b, stopped: stopped, size: size, start: b.Clock()}
}

// check is an error once the file must not be read further.
func (s *budgetUse) check() error {
	switch {
	case s.err != nil:
	case s.stopped():
		s.err = errStopped
	case s.Clock()-s.start-s.away > s.Time+time.Duration(max(s.size, s.stored)>>20)*time.Second:
		s.err = &notice{
			fmt.Sprintf("takes longer than %v to read: not read further", s.Time+time.Duration(max(s.size, s.stored)>>20)*time.Second),
			true,
		}
	}
	return s.err
}

// inflate takes the cost of n bytes that came out of a container.
func (s *budgetUse) inflate(n int) error {
	s.inflated += int64(n)
	if limit := s.Ratio * max(s.size, s.stored); s.err == nil && s.inflated > max(s.Inflated, limit) {
		s.err = &notice{fmt.Sprintf("inflates to more than %d times its size: not read further", s.Ratio), true}
	}
	return s.check()
}

// counter is the file itself: it counts the bytes that are read from it.
type counter struct {
	r io.Reader
	*budgetUse
}

func (c *counter) Read(p []byte) (n int, err error) {
	if err := c.check(); err != nil {
		return 0, err
	}
	before := c.Clock()
	n, err = c.r.Read(p)
	c.away += c.Clock() - before
	c.stored += int64(n)
	return n, err
}

// inflating is what comes out of a container.
type inflating struct {
	r io.Reader
	*budgetUse
}

func (i *inflating) Read(p []byte) (int, error) {
	if err := i.check(); err != nil {
		return 0, err
	}
	n, err := i.r.Read(p)
	if over := i.inflate(n); over != nil {
		return n, over
	}
	return n, err
}

// ticking is a clock that is cheap to look at.
func ticking() (clock func() time.Duration, end func()) {
	var now atomic.Int64
	done := make(chan struct{})
	go func() {
		t, begun := time.NewTicker(tick), time.Now()
		defer t.Stop()
		for {
			select {
			case <-done:
				return
			case <-t.C:
				now.Store(int64(time.Since(begun)))
			}
		}
	}()
	return func() time.Duration { return time.Duration(now.Load()) }, func() { close(done) }
}
