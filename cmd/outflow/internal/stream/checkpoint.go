package stream

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/cmd/outflow/internal/snapshot"
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/ingest/identity"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/failpoint"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/spill"
)

// checkpoint is everything that a processor knows at a full hour of event time.
type checkpoint struct {
	At       int64     // Unix milliseconds
	Aliases  spill.Ref // the alias graph of entity resolution
	Baseline *engine.Snapshot
	Desk     *alert.Desk // alerts that may still change
}

// final is how long after its time an alert may change. After that only the end of an exposure
// that it describes may: the day that it is about is over.
const final = 2 * event.Day

// keepAlerts is how long it is remembered which alerts were published.
const keepAlerts = 40 * event.Day

// checkpoints are those that a processor may roll back to, and the schedule of the next ones.
// They are close to one another near the watermark, where late events are usual, and far apart
// before it.
type checkpoints struct {
	list      []checkpoint // the oldest first; nothing before that changes
	watermark int64        // up to where events have come, but for a few
	committed int64        // time of the one that is stored; 0 if none is
	over      bool         // nothing more comes: only the one that is to be stored is needed
}

// base is the time of the oldest checkpoint, before which nothing changes; 0 if there is none.
func (c *checkpoints) base() int64 {
	if len(c.list) == 0 {
		return 0
	}
	return c.list[0].At
}

// settled reports whether the oldest checkpoint is the committed one: events before it are late.
func (c *checkpoints) settled() bool { return c.committed > 0 && c.base() == c.committed }

// before is the last checkpoint that is not after a time, or the oldest if all are; the index is
// -1 if there is none.
func (c *checkpoints) before(at int64) int {
	i := len(c.list) - 1
	for i > 0 && c.list[i].At > at {
		i--
	}
	return i
}

// next is the time of the next checkpoint after another one, or after a first event: the one
// that is going to be committed, or one of those near the watermark.
func (c *checkpoints) next(after int64) int64 {
	if base := (c.watermark - event.LateDays*event.Day) / event.Day * event.Day; base > after {
		return base
	}
	if c.over || after > c.watermark+2*event.Hour { // what comes then claims to be from the future
		return math.MaxInt64
	}
	step := spacing(c.watermark - after)
	return after/step*step + step
}

// thin drops the checkpoints that are not needed any more. It returns the time of the one to
// commit; 0 if the committed one stays.
func (c *checkpoints) thin() int64 {
	limit := c.watermark - event.LateDays*event.Day
	for len(c.list) > 1 && c.list[1].At <= limit {
		c.list = slices.Delete(c.list, 0, 1)
	}
	for i := len(c.list) - 1; i > 0; i-- {
		if at := c.list[i].At; at%spacing(c.watermark-at) != 0 {
			c.list = slices.Delete(c.list, i, i+1)
		}
	}
	if at := c.base(); at <= limit && at != c.committed {
		return at
	}
	return 0
}

// spacing is how far apart checkpoints are, by how long before the watermark they lie.
func spacing(age int64) int64 {
	switch {
	case age <= 3*event.Hour:
		return event.Hour
	case age <= 12*event.Hour:
		return 4 * event.Hour
	case age <= 2*event.Day:
		return 12 * event.Hour
	}
	return 2 * event.Day
}

// rollBack puts the processor back to the last checkpoint that is not after a time, or to the
// beginning if there is none. It returns the time from which events are to be processed again. Times
// are Unix milliseconds.
func (pr *Processor) rollBack(to int64) (from int64, err error) {
	if pr.engine != nil {
		pr.stats.Rewinds++
		if pr.provisional { // open days were scored from there on
			to = min(to, pr.lastTime)
		}
	}
	i := pr.checkpoints.before(to)
	pr.resolver = identity.New()
	pr.engine = engine.New(pr.config, func(f *finding.Finding) error { return pr.correlator.Add(f) })
	pr.correlator, pr.provisional, pr.lastTime, pr.lastKey = alert.NewCorrelator(), false, 0, 0
	pr.correlator.KeepIn(pr.file)
	pr.published.floor = 0
	if i >= 0 && (pr.checkpoints.list[i].At <= to || pr.checkpoints.settled()) {
		cp := &pr.checkpoints.list[i]
		from = cp.At
		if err := pr.restore(cp); err != nil {
			return 0, err
		}
		pr.checkpoints.list, pr.published.floor = pr.checkpoints.list[:i+1], max(from-final, pr.published.since)
	} else {
		pr.checkpoints.list = nil
	}
	pr.resolver.Configure(pr.identity)
	pr.correlator.Locate(pr.places)
	pr.nextAt, pr.crossed = 0, 0
	pr.published.rollBack(from)
	if from > 0 {
		pr.schedule(from)
	}
	return from, nil
}

// restore takes over the state of a checkpoint.
func (pr *Processor) restore(cp *checkpoint) error {
	graph, err := cp.Aliases.Get(nil)
	if err != nil {
		return err
	}
	if err := pr.resolver.Restore(graph); err != nil {
		return err
	}
	if cp.Baseline != nil {
		if err := pr.engine.Restore(cp.Baseline); err != nil {
			return err
		}
	}
	pr.correlator = cp.Desk.Correlator()
	return nil
}

// schedule has the engine take the next checkpoint after a time (Unix milliseconds), and then all
// that follow.
func (pr *Processor) schedule(after int64) {
	pr.nextAt = pr.checkpoints.next(after)
	pr.engine.Checkpoint(pr.nextAt, func(s *engine.Snapshot) error {
		desk, err := pr.correlator.Desk(pr.nextAt - final)
		if err != nil {
			return err
		}
		pr.checkpoints.list = append(pr.checkpoints.list, checkpoint{pr.nextAt, pr.aliases, s, desk})
		pr.schedule(pr.nextAt)
		return nil
	})
}

// commit drops the checkpoints that are not needed any more. If another one is then the oldest that
// may be rolled back to, it stores that one and forgets what lies before it.
func (pr *Processor) commit(ctx context.Context) error {
	at := pr.checkpoints.thin()
	if at == 0 {
		return nil
	}
	pr.window.Evict(at)
	if pr.deltas != nil {
		pr.deltas.forget(at / event.Hour)
		if pr.forward != nil {
			pr.forward.forget(at)
		}
	}
	if pr.store != nil {
		began := time.Now()
		if err := pr.save(ctx, &pr.checkpoints.list[0]); err != nil {
			return err
		}
		pr.saving = time.Since(began)
	}
	pr.checkpoints.committed = at
	copy(pr.seen, pr.next)
	return pr.correlator.Prune(pr.published.forget(at, pr.checkpoints.watermark))
}

// save stores a checkpoint, with the offsets from which the log must be read after it, in one
// transaction.
func (pr *Processor) save(ctx context.Context, cp *checkpoint) error {
	c := Committed{Position: Position{
		At:     cp.At,
		Low:    make([]int64, len(pr.next)),
		Next:   pr.next,
		Counts: pr.accounts.stored(),
		Missed: pr.missed.stored(),
		Floor:  pr.published.since,
	}}
	if cp.At-final > c.Floor {
		c.Floor = 0
	}
	for i := range c.Low {
		c.Low[i] = unread
	}
	for _, i := range pr.reads {
		c.Low[i] = pr.window.LowestOffset(i, pr.next[i])
	}
	if pr.inputs != nil {
		c.Next = slices.Clone(pr.next)
		for i := range c.Next {
			if c.Low[i] == unread {
				c.Next[i] = unread
			}
		}
	}
	if pr.deltas != nil {
		c.Hours, c.Used = pr.deltas.lowOffset(), pr.deltas.usedBefore(cp.At/event.Hour)
	}
	pr.window.HRRecords(func(rec []byte) { c.Staff = event.AppendFramed(c.Staff, rec) })
	pr.staffed = len(c.Staff) > 0
	var err error
	if c.Aliases, err = cp.Aliases.Get(nil); err != nil {
		return err
	}
	if c.Desk, err = cp.Desk.Marshal(); err != nil {
		return err
	}
	keep, err := pr.store.Generations(ctx)
	if err != nil {
		return err
	}
	failpoint.Reach("base-save")
	if err := c.Save(ctx, pr.store, cp.At, pr.keepGenerations(keep, cp.At), cp.Baseline); err != nil {
		return err
	}
	failpoint.Reach("base-saved")
	if pr.stored != nil {
		return pr.stored(ctx, cp.At)
	}
	return nil
}

// keepGenerations returns which of the stored generations are kept beside a new one at a time (Unix
// milliseconds). Workers that share the users keep older checkpoints as snapshots only.
func (pr *Processor) keepGenerations(generations []int64, at int64) []int64 {
	if pr.deltas != nil {
		return nil
	}
	return snapshot.Thin(generations, at)
}

// keep is the offset from which the records of a partition are still needed.
func (pr *Processor) keep(partition int) int64 {
	if pr.checkpoints.committed == 0 {
		return 0
	}
	return pr.window.LowestOffset(partition, pr.next[partition])
}
