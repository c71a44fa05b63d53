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

// mark is everything a judge knows at a moment.
type checkpoint struct {
	At       int64 // Unix milliseconds, a full hour
	Aliases  spill.Ref
	Baseline *engine.Snapshot
	Desk     spill.Ref
}

// final is after how long nothing changes an alert any more but the end of what it
// says is open: the day that it is about is over.
const final = 2 * event.Day

// keepAlerts is for how long it is remembered which alerts are out.
const keepAlerts = 40 * event.Day

// base is the time before which nothing changes any more.
func (pr *Processor) base() int64 {
	if len(pr.checkpoints) == 0 {
		return 0
	}
	return pr.checkpoints[0].At
}

// settled says whether the base is so old that what is before it is late.
func (pr *Processor) settled() bool { return pr.saved > 0 && pr.base() == pr.saved }

// rewind puts the judge back to the last mark that is not after a time.
func (pr *Processor) rollBack(to int64) (from int64, err error) {
	if pr.engine != nil {
		pr.stats.Rewinds++
		if pr.provisional { // to where the open days began to be judged
			to = min(to, pr.lastTime)
		}
	}
	i := len(pr.checkpoints) - 1
	for i > 0 && pr.checkpoints[i].At > to {
		i--
	}
	pr.resolver = identity.New()
	pr.engine = engine.New(pr.config, func(f *finding.Finding) error { pr.desk.Add(f); return nil })
	pr.desk, pr.provisional, pr.lastTime, pr.lastKey = alert.NewDesk(), false, 0, 0
	pr.published.floor = 0
	if i >= 0 && (pr.checkpoints[i].At <= to || pr.settled()) {
		m := &pr.checkpoints[i]
		from = m.At
		graph, err := m.Aliases.Get(nil)
		if err != nil {
			return 0, err
		}
		if err := pr.resolver.Restore(graph); err != nil {
			return 0, err
		}
		if m.Baseline != nil {
			if err := pr.engine.Restore(m.Baseline); err != nil {
				return 0, err
			}
		}
		desk, err := m.Desk.Get(nil)
		if err != nil {
			return 0, err
		}
		if pr.desk, err = alert.RestoreDesk(desk); err != nil {
			return 0, err
		}
		pr.checkpoints, pr.published.floor = pr.checkpoints[:i+1], max(m.At-final, pr.published.since)
	} else {
		pr.checkpoints = nil
	}
	pr.resolver.Configure(pr.identity)
	pr.nextAt, pr.crossed = 0, 0
	pr.published.rollback(from)
	if from > 0 {
		pr.schedule(from)
	}
	return from, nil
}

// arm has the engine leave a mark at the next of the times at which one is wanted:
// close ones near the newest event, where lateness is usual, and the one that will
// be the base.
func (pr *Processor) schedule(after int64) {
	pr.nextAt = pr.nextCheckpoint(after)
	pr.engine.Checkpoint(pr.nextAt, func(s *engine.Snapshot) error {
		b, err := pr.desk.Keep(pr.nextAt - final)
		if err != nil {
			return err
		}
		desk, err := pr.file.Put(b)
		if err != nil {
			return err
		}
		pr.checkpoints = append(pr.checkpoints, checkpoint{pr.nextAt, pr.aliases, s, desk})
		pr.schedule(pr.nextAt)
		return nil
	})
}

// apart is how far from each other marks are, by how long before the newest event.
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

func (pr *Processor) nextCheckpoint(after int64) int64 {
	newest := pr.watermark
	if base := (newest - event.LateDays*event.Day) / event.Day * event.Day; base > after {
		return base
	}
	if after > newest+2*event.Hour { // what comes then claims to be from the future
		return math.MaxInt64
	}
	step := spacing(newest - after)
	return after/step*step + step
}

// tidy drops marks that are not wanted any more, stores the base if it has moved,
// and forgets what is before it.
func (pr *Processor) commit(ctx context.Context) error {
	newest := pr.watermark
	for len(pr.checkpoints) > 1 && pr.checkpoints[1].At <= newest-event.LateDays*event.Day {
		pr.checkpoints = slices.Delete(pr.checkpoints, 0, 1)
	}
	for i := len(pr.checkpoints) - 1; i > 0; i-- {
		if m := &pr.checkpoints[i]; m.At%spacing(newest-m.At) != 0 {
			pr.checkpoints = slices.Delete(pr.checkpoints, i, i+1)
		}
	}
	at := pr.base()
	if at == 0 || at > newest-event.LateDays*event.Day || at == pr.saved {
		return nil
	}
	pr.window.Forget(at)
	if pr.exchange != nil {
		pr.exchange.forget(at / event.Hour)
	}
	if pr.store != nil {
		began := time.Now()
		if err := pr.save(ctx, &pr.checkpoints[0]); err != nil {
			return err
		}
		pr.saving = time.Since(began)
	}
	pr.saved = at
	copy(pr.seen, pr.next)
	pr.desk.Forget(pr.published.forget(at, newest))
	return nil
}

// save stores a mark as the base, with the offsets from which the log is to be
// read again after it, in one transaction.
func (pr *Processor) save(ctx context.Context, m *checkpoint) error {
	c := Committed{Position: Position{
		At:     m.At,
		Low:    make([]int64, len(pr.next)),
		Next:   pr.next,
		Counts: pr.accounts.stored(),
		Missed: pr.missed.stored(),
		Floor:  pr.published.since,
	}}
	if m.At-final > c.Floor {
		c.Floor = 0
	}
	for i := range c.Low {
		c.Low[i] = pr.window.Low(i, pr.next[i])
	}
	if pr.exchange != nil {
		c.Hours = pr.exchange.low()
	}
	pr.window.Staff(func(rec []byte) { c.Staff = event.AppendFramed(c.Staff, rec) })
	pr.staffed = len(c.Staff) > 0
	var err error
	if c.Aliases, err = m.Aliases.Get(nil); err != nil {
		return err
	}
	if c.Desk, err = m.Desk.Get(nil); err != nil {
		return err
	}
	entries, err := c.Entries()
	if err != nil {
		return err
	}
	keep, err := pr.store.Generations(ctx)
	if err != nil {
		return err
	}
	failpoint.Reach("base-save")
	if err := pr.store.SaveWith(ctx, m.At, pr.keepGenerations(keep, m.At), m.Baseline, entries); err != nil {
		return err
	}
	failpoint.Reach("base-saved")
	if pr.stored != nil {
		return pr.stored(ctx, m.At)
	}
	return nil
}

// keepBases are the generations to keep, of those that are stored, beside a new base. Judges
// that share the people keep older bases as snapshots.
func (pr *Processor) keepGenerations(generations []int64, at int64) []int64 {
	if pr.exchange != nil {
		return nil
	}
	return snapshot.Thin(generations, at)
}

// keep is the offset of a partition from which the log is needed still.
func (pr *Processor) keep(partition int) int64 {
	if pr.saved == 0 {
		return 0
	}
	return pr.window.Low(partition, pr.next[partition])
}
