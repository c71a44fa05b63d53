package files

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// Budget limits what one file may cost, with everything packed in it at any depth.
type Budget struct {
	// Inflated is how many bytes may come out of containers whatever the size of the file; 0
	// stands for 256 MiB.
	Inflated int64
	// Ratio is how many bytes may come out for each byte of the file, if that is more than
	// Inflated; 0 stands for 400. Logs compress well, but bombs compress better.
	Ratio int64
	// Time is the time for unpacking and decoding, in addition to one second per MiB of the
	// file; 0 stands for 5 minutes. The time spent reading the file and emitting events
	// does not count, so a slow disk or event log costs no records.
	Time time.Duration
	// Clock returns the time since an arbitrary moment; nil stands for a clock that ticks
	// ten times a second.
	Clock func() time.Duration
}

const (
	defaultInflated = 256 << 20
	defaultRatio    = 400
	defaultTime     = 5 * time.Minute
	tick            = 100 * time.Millisecond
)

// errStopped ends the reading of a file because the context or Emit stopped all reading.
var errStopped = errors.New("not read further: stopped")

// budgetUse is what a file has cost so far. Everything that reads from the file, or from a
// container in it, checks it.
type budgetUse struct {
	Budget
	stopped  func() bool   // reports whether all reading is stopped
	size     int64         // bytes of the file, if known
	stored   int64         // bytes of the file that were read
	inflated int64         // bytes that came out of containers
	start    time.Duration // when reading began
	away     time.Duration // time since then that does not count
	err      error         // why the file is not read further
}

// begin starts reading a file of a size.
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

// check returns an error if the file must not be read further.
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

// inflate counts n bytes that came out of a container and returns check's error.
func (s *budgetUse) inflate(n int) error {
	s.inflated += int64(n)
	if limit := s.Ratio * max(s.size, s.stored); s.err == nil && s.inflated > max(s.Inflated, limit) {
		s.err = &notice{fmt.Sprintf("inflates to more than %d times its size: not read further", s.Ratio), true}
	}
	return s.check()
}

// counter reads the file and counts its bytes and the time that takes.
type counter struct {
	r io.Reader
	*budgetUse
}

// Read implements io.Reader.
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

// inflating reads from a container and counts the bytes.
type inflating struct {
	r io.Reader
	*budgetUse
	kind string // of container
}

// Read implements io.Reader.
func (i *inflating) Read(p []byte) (int, error) {
	if err := i.check(); err != nil {
		return 0, err
	}
	n, err := i.r.Read(p)
	if over := i.inflate(n); over != nil {
		return n, over
	}
	if err != nil && err != io.EOF {
		err = damaged(i.kind, err)
	}
	return n, err
}

// ticking returns a clock that is cheap to read. End stops it.
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
