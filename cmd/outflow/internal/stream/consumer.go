package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
)

const (
	readBatch = 4096                   // records that are read of a partition at a time
	tick      = 200 * time.Millisecond // between looks at the clock
	tickQuiet = time.Second            // the same, where everything is processed and nothing new has come for long
	idle      = 500 * time.Millisecond // after it without anything new, no more of the same second is expected
	abandoned = time.Minute            // after it, a source that is in the middle of delivering is not waited for
	trimEvery = 10 * time.Minute       // how often the embedded log is trimmed

	// maxWindow bounds how many events wait for a source to have delivered all it has.
	maxWindow = 30_000_000
)

// IdleLong is how long nothing must have come until days that are still open are scored as they
// are. Tests shorten it.
var IdleLong = 30 * time.Second

// consumer reads the partitions of the event log into a processor, and decides when what has
// come is processed.
type consumer struct {
	worker    *Worker
	logs      *Logs
	log       eventlog.Log // what is read: the event log, or the inputs of tasks
	processor *Processor

	arrivals   chan Arrival
	readers    sync.WaitGroup
	deliveries *ingest.OpenBatches // which sources are in the middle of delivering
	initial    []int64             // by partition: where the log ended at the start; up to there everything is processed together
	ended      int                 // partitions that have ended: with --once nothing more comes

	last    time.Time // when something came
	flushed bool      // open days have been scored since
	rest    time.Time // until when nothing is processed: processing again takes at most a third of the time
	trimmed time.Time
	gaveUp  bool      // waiting for peers has ended for a rollback
	fenced  time.Time // when later epochs of other workers were last looked for
}

// consume has a processor take in the partitions of the event log until they end.
func (w *Worker) consume(ctx context.Context, l *Logs, p *Processor) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := &consumer{
		worker:     w,
		logs:       l,
		processor:  p,
		arrivals:   make(chan Arrival, 4),
		log:        l.Events,
		deliveries: ingest.NewOpenBatches(len(p.delivered())),
		initial:    make([]int64, len(p.next)),
		last:       time.Now(),
		trimmed:    time.Now(),
	}
	if p.inputs != nil {
		c.log = p.inputs
	}
	for _, i := range p.reads {
		var err error
		if _, c.initial[i], err = c.log.Bounds(ctx, i); err != nil {
			return err
		}
	}
	defer c.readers.Wait()
	defer cancel()

	p.oldCame = time.Now() // sources have yet to look for what there is
	if p.deltas != nil {
		p.deltas.arrived = func() bool { return len(c.arrivals) > 0 }
		p.deltas.givesUp = c.givesUp
	}
	p.progress = func() { w.progress.Store(time.Now().UnixNano()) }
	p.progress()
	w.running.Store(true)
	defer w.running.Store(false)

	if err := c.readAgain(ctx); err != nil {
		return err
	}
	for _, i := range p.reads {
		c.readers.Go(c.read(ctx, i, math.MaxInt64))
	}
	return c.run(ctx)
}

// run processes what comes until every partition has ended.
func (c *consumer) run(ctx context.Context) error {
	clock, every := time.NewTicker(tick), tick
	defer clock.Stop()
	for {
		if err := c.receive(ctx, clock.C); err != nil {
			return err
		}
		if next := c.pace(); next != every {
			every = next
			clock.Reset(every)
		}
		if done, err := c.step(ctx); done || err != nil {
			return err
		}
	}
}

// pace is how often the clock is looked at. Workers that share the people wait for one another,
// so they do not slow down.
func (c *consumer) pace() time.Duration {
	if c.flushed && c.processor.deltas == nil {
		return tickQuiet
	}
	return tick
}

// receive takes in what has come, all of it together, or returns when the clock ticks.
func (c *consumer) receive(ctx context.Context, clock <-chan time.Time) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-clock:
		return nil
	case a := <-c.arrivals:
		if err := c.take(a); err != nil {
			return err
		}
	}
	for len(c.arrivals) > 0 {
		select {
		case a := <-c.arrivals:
			if err := c.take(a); err != nil {
				return err
			}
		default:
			return nil
		}
	}
	return nil
}

// delivered lists the partitions in which sources say that they deliver.
func (pr *Processor) delivered() []int {
	if pr.inputs != nil {
		return pr.published.mine
	}
	return pr.reads
}

// take hands what was read of a partition to the processor.
func (c *consumer) take(a Arrival) error {
	switch {
	case a.Err == io.EOF:
		c.ended++
		return nil
	case a.Err != nil:
		return a.Err
	}
	c.last, c.flushed = time.Now(), false
	c.processor.progress()
	for i := range a.Recs {
		r := &a.Recs[i]
		if a.classes[i] == eventRecord {
			if err := c.processor.add(r); err != nil {
				return err
			}
			continue
		}
		c.processor.skip(r, a.classes[i])
		switch a.classes[i] {
		case markerRecord:
			m, _ := ingest.ParseBatchMarker(r.Value)
			c.deliveries.Observe(m, slices.Index(c.processor.delivered(), a.Partition))
		case unknownRecord:
			c.worker.Log.Error("skipping undecodable record in event log", "partition", a.Partition, "offset", r.Offset)
		}
	}
	return nil
}

// step processes what is due. It reports whether nothing more comes.
func (c *consumer) step(ctx context.Context) (done bool, err error) {
	began := time.Now()
	now := c.situation(began)
	if err := c.worker.watchlistsChanged(c.processor); err != nil {
		return false, err
	}
	if now.ended || !now.incomplete && now.quiet > idle {
		if err := c.worker.rollBack(ctx, c.log, c.processor, now.ended); err != nil {
			return false, err
		}
	}
	c.processor.checkpoints.over = now.ended && c.processor.deltas == nil
	if how, due := now.extent(); due {
		c.worker.busy.Store(true)
		err = c.processor.apply(ctx, how)
		c.worker.busy.Store(false)
		c.flushed = c.flushed || how == openDays && (c.processor.provisional || c.processor.engine == nil)
	}
	if errors.Is(err, errInterrupted) {
		c.processor.interrupted()
		if c.gaveUp {
			c.gaveUp, c.worker.noRollbackUntil = false, time.Time{}
			return false, c.worker.rollBack(ctx, c.log, c.processor, false)
		}
		return false, nil
	}
	if err != nil {
		return false, c.processor.locate(ctx, c.log, err)
	}
	if took := time.Since(began); took > tick {
		c.rest = time.Now().Add(2 * took)
	}
	c.worker.show(c.processor)
	if now.ended {
		return true, nil
	}
	if err := c.fence(ctx); err != nil {
		return false, err
	}
	return false, c.trim(ctx)
}

// givesUp reports whether to roll back to an older checkpoint rather than to wait for peers: they may be waiting for
// deltas of hours that this worker has committed without what came since. missed is the earliest of those of which a delta
// has changed. With now it is time for that, however long the last rollback has taken.
func (c *consumer) givesUp(missed int64, now bool) bool {
	p := c.processor
	p.noteMissed(missed)
	c.gaveUp = !p.unreachable && (p.newStaff || p.earliestMissed() != math.MaxInt64) && (now || time.Now().After(c.worker.noRollbackUntil))
	return c.gaveUp
}

// fenceEvery is how often later epochs of other workers are looked for.
const fenceEvery = 2 * time.Second

// fence returns errSuperseded if another worker of a cluster has begun a later epoch.
func (c *consumer) fence(ctx context.Context) error {
	if !c.logs.Shared || time.Since(c.fenced) < fenceEvery {
		return nil
	}
	c.fenced = time.Now()
	return c.processor.superseded(ctx, c.logs.Alerts)
}

// situation is what decides whether, and how far, what has come is processed.
type situation struct {
	ended      bool          // nothing more comes
	once       bool          // all that is there is to be processed together, as a scan does
	incomplete bool          // a source is in the middle of delivering, or what was there at the start is not read yet
	arriving   bool          // history is still coming in
	full       bool          // so many events wait that no more may
	resting    bool          // it has just processed much
	flushed    bool          // open days have been scored since something came
	quiet      time.Duration // since something came
}

func (c *consumer) situation(now time.Time) situation {
	quiet := now.Sub(c.last)
	if quiet > abandoned {
		c.deliveries.Reset()
	}
	return situation{
		ended:      c.ended == len(c.processor.reads),
		once:       c.worker.Once,
		incomplete: c.deliveries.Any() || c.behind(),
		arriving:   c.processor.arriving(now),
		full:       c.processor.window.Len() >= maxWindow,
		resting:    now.Before(c.rest),
		flushed:    c.flushed,
		quiet:      quiet,
	}
}

// extent is how far to process; due is false if nothing is to be processed now.
func (s situation) extent() (how extent, due bool) {
	switch {
	case s.ended:
		return openDays, true
	case (s.once || s.incomplete || s.arriving) && !s.full, s.resting:
		return 0, false
	case s.quiet > IdleLong && !s.flushed:
		return openDays, true
	case s.quiet > idle:
		return everything, true
	}
	return most, true
}

// behind reports whether what was in the log at the start is not read yet.
func (c *consumer) behind() bool {
	for p, end := range c.initial {
		if c.processor.next[p] < end {
			return true
		}
	}
	return false
}

// trim has the embedded log drop what is not needed any more, now and then.
func (c *consumer) trim(ctx context.Context) error {
	if time.Since(c.trimmed) <= trimEvery {
		return nil
	}
	c.trimmed = time.Now()
	for _, p := range c.processor.reads {
		if err := c.logs.Trim(ctx, p, c.processor.keep(p)); err != nil {
			return err
		}
	}
	return nil
}

// read returns what reads a partition, from where the processor stands, up to an offset.
func (c *consumer) read(ctx context.Context, partition int, until int64) func() {
	from := c.processor.next[partition]
	return func() {
		Follow(ctx, c.log, partition, from, until, readBatch, c.arrivals, newClassifier())
	}
}

// newClassifier returns a function that classifies records of the event log. It decodes them once, on
// the reader's core.
func newClassifier() func([]eventlog.Record) []RecordClass {
	var dec event.Decoder
	var e event.Event
	return func(recs []eventlog.Record) []RecordClass {
		classes := make([]RecordClass, len(recs))
		for i := range recs {
			value := recs[i].Value
			switch _, marker := ingest.ParseBatchMarker(value); {
			case len(value) == 0:
				classes[i] = erasedRecord
			case marker:
				classes[i] = markerRecord
			case dec.Decode(value, &e) != nil:
				classes[i] = unknownRecord
			}
		}
		return classes
	}
}

// readAgain has the processor take in what it had read when its checkpoint was committed, of all
// partitions before what is new in one: otherwise the first of two equal records would not be
// the one that was counted.
func (c *consumer) readAgain(ctx context.Context) error {
	p := c.processor
	var readers sync.WaitGroup
	for i := range p.next {
		if p.next[i] < p.seen[i] {
			readers.Go(c.read(ctx, i, p.seen[i]))
		}
	}
	done := make(chan struct{})
	go func() { readers.Wait(); close(done) }()
	for {
		select {
		case a := <-c.arrivals:
			if a.Err == io.EOF {
				return fmt.Errorf("event log, partition %d: it ends at %d, but offset %d was read before",
					a.Partition, p.next[a.Partition], p.seen[a.Partition]-1)
			}
			if err := c.take(a); err != nil {
				return err
			}
		case <-done:
			for len(c.arrivals) > 0 {
				if err := c.take(<-c.arrivals); err != nil {
					return err
				}
			}
			for i := range p.next { // offsets may have gaps
				p.next[i] = max(p.next[i], p.seen[i])
			}
			return ctx.Err()
		}
	}
}
