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
type mark struct {
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
func (j *Processor) base() int64 {
	if len(j.marks) == 0 {
		return 0
	}
	return j.marks[0].At
}

// settled says whether the base is so old that what is before it is late.
func (j *Processor) settled() bool { return j.saved > 0 && j.base() == j.saved }

// rewind puts the judge back to the last mark that is not after a time.
func (j *Processor) rewind(to int64) (from int64, err error) {
	if j.engine != nil {
		j.stats.Rewinds++
		if j.tainted { // to where the open days began to be judged
			to = min(to, j.lastTime)
		}
	}
	i := len(j.marks) - 1
	for i > 0 && j.marks[i].At > to {
		i--
	}
	j.resolver = identity.New()
	j.engine = engine.New(j.config, func(f *finding.Finding) error { j.desk.Add(f); return nil })
	j.desk, j.tainted, j.lastTime, j.lastKey = alert.NewDesk(), false, 0, 0
	j.published.floor = 0
	if i >= 0 && (j.marks[i].At <= to || j.settled()) {
		m := &j.marks[i]
		from = m.At
		graph, err := m.Aliases.Get(nil)
		if err != nil {
			return 0, err
		}
		if err := j.resolver.Restore(graph); err != nil {
			return 0, err
		}
		if m.Baseline != nil {
			if err := j.engine.Restore(m.Baseline); err != nil {
				return 0, err
			}
		}
		desk, err := m.Desk.Get(nil)
		if err != nil {
			return 0, err
		}
		if j.desk, err = alert.RestoreDesk(desk); err != nil {
			return 0, err
		}
		j.marks, j.published.floor = j.marks[:i+1], max(m.At-final, j.published.since)
	} else {
		j.marks = nil
	}
	j.resolver.Configure(j.identity)
	j.armed, j.crossed = 0, 0
	j.published.rollback(from)
	if from > 0 {
		j.arm(from)
	}
	return from, nil
}

// arm has the engine leave a mark at the next of the times at which one is wanted:
// close ones near the newest event, where lateness is usual, and the one that will
// be the base.
func (j *Processor) arm(after int64) {
	j.armed = j.wanted(after)
	j.engine.Checkpoint(j.armed, func(s *engine.Snapshot) error {
		b, err := j.desk.Keep(j.armed - final)
		if err != nil {
			return err
		}
		desk, err := j.file.Put(b)
		if err != nil {
			return err
		}
		j.marks = append(j.marks, mark{j.armed, j.aliases, s, desk})
		j.arm(j.armed)
		return nil
	})
}

// apart is how far from each other marks are, by how long before the newest event.
func apart(age int64) int64 {
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

func (j *Processor) wanted(after int64) int64 {
	newest := j.edge
	if base := (newest - event.LateDays*event.Day) / event.Day * event.Day; base > after {
		return base
	}
	if after > newest+2*event.Hour { // what comes then claims to be from the future
		return math.MaxInt64
	}
	step := apart(newest - after)
	return after/step*step + step
}

// tidy drops marks that are not wanted any more, stores the base if it has moved,
// and forgets what is before it.
func (j *Processor) tidy(ctx context.Context) error {
	newest := j.edge
	for len(j.marks) > 1 && j.marks[1].At <= newest-event.LateDays*event.Day {
		j.marks = slices.Delete(j.marks, 0, 1)
	}
	for i := len(j.marks) - 1; i > 0; i-- {
		if m := &j.marks[i]; m.At%apart(newest-m.At) != 0 {
			j.marks = slices.Delete(j.marks, i, i+1)
		}
	}
	at := j.base()
	if at == 0 || at > newest-event.LateDays*event.Day || at == j.saved {
		return nil
	}
	j.window.Forget(at)
	if j.exchange != nil {
		j.exchange.forget(at / event.Hour)
	}
	if j.store != nil {
		began := time.Now()
		if err := j.save(ctx, &j.marks[0]); err != nil {
			return err
		}
		j.saving = time.Since(began)
	}
	j.saved = at
	copy(j.seen, j.next)
	j.desk.Forget(j.published.forget(at, newest))
	return nil
}

// save stores a mark as the base, with the offsets from which the log is to be
// read again after it, in one transaction.
func (j *Processor) save(ctx context.Context, m *mark) error {
	c := Committed{Position: Position{
		At:     m.At,
		Low:    make([]int64, len(j.next)),
		Next:   j.next,
		Counts: j.accounts.stored(),
		Missed: j.missed.stored(),
		Floor:  j.published.since,
	}}
	if m.At-final > c.Floor {
		c.Floor = 0
	}
	for i := range c.Low {
		c.Low[i] = j.window.Low(i, j.next[i])
	}
	if j.exchange != nil {
		c.Hours = j.exchange.low()
	}
	j.window.Staff(func(rec []byte) { c.Staff = event.AppendFramed(c.Staff, rec) })
	j.staffed = len(c.Staff) > 0
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
	keep, err := j.store.Generations(ctx)
	if err != nil {
		return err
	}
	failpoint.Reach("base-save")
	if err := j.store.SaveWith(ctx, m.At, j.keepBases(keep, m.At), m.Baseline, entries); err != nil {
		return err
	}
	failpoint.Reach("base-saved")
	if j.stored != nil {
		return j.stored(ctx, m.At)
	}
	return nil
}

// keepBases are the generations to keep, of those that are stored, beside a new base. Judges
// that share the people keep older bases as snapshots.
func (j *Processor) keepBases(generations []int64, at int64) []int64 {
	if j.exchange != nil {
		return nil
	}
	return snapshot.Thin(generations, at)
}

// keep is the offset of a partition from which the log is needed still.
func (j *Processor) keep(partition int) int64 {
	if j.saved == 0 {
		return 0
	}
	return j.window.Low(partition, j.next[partition])
}
