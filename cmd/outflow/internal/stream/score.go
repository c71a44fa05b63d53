package stream

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/internal/event"
)

// fewEvents is how many events at the newest end do not advance the watermark: their clocks may be
// ahead.
const fewEvents = 20

// holdBack is how many milliseconds processing stays behind the newest event while more arrive:
// events of the same second arrive in any order. While nothing arrives it stays behind the clock
// instead: a busy machine is silent for longer than idle in the middle of a second.
const holdBack = 1000

// errEnough ends a walk over the window.
var errEnough = errors.New("enough")

// extent says how much of what has arrived is processed.
type extent int

const (
	most       extent = iota // what is old enough that no more of the same second is expected
	everything               // all of it, but for a second that has hardly passed
	openDays                 // all of it, and days that have not ended yet are scored as they are
)

// until returns up to which time events are processed (Unix milliseconds), as the newest one is now, if processing stays
// behind by hold.
func (how extent) until(newest int64, now time.Time, hold int64) int64 {
	switch over := now.Add(-idle).UnixMilli() - hold; {
	case how == most, how == everything && newest-hold > over: // a clock may be ahead
		return newest - hold
	case how == everything:
		return min(newest, over)
	}
	return newest
}

// apply processes what has arrived, publishes what has changed, and commits a checkpoint if one is
// due.
func (pr *Processor) apply(ctx context.Context, how extent) error {
	if pr.deltas != nil {
		if hour, ok := pr.deltas.staleHour(); ok {
			pr.reprocess(hour * event.Hour)
		}
		pr.noteMissed(pr.deltas.missedHour())
	}
	if !pr.hasPending && (how != openDays || pr.engine == nil || pr.provisional) {
		return nil
	}
	pr.checkpoints.watermark, pr.history = pr.window.Watermark(fewEvents), false
	until, all := how.until(pr.window.Newest(), time.Now(), holdBack), true
	if pr.forward != nil {
		var err error
		if until, all, err = pr.share(ctx, how, until); err != nil {
			return err
		}
	}
	if pr.hasPending {
		if err := pr.process(ctx, until); err != nil {
			return err
		}
	}
	if pr.hasPending = pr.window.Newest() > until; pr.hasPending {
		pr.pendingFrom = until + 1
	}
	if !all { // after a rollback, what was published may lie ahead: it is not to be withdrawn and told again
		return nil
	}
	if how == openDays {
		pr.provisional = true
		pr.engine.Days(pr.published.activities(ctx))
		if err := pr.engine.Flush(); err != nil {
			return err
		}
	}
	pr.correlator.AdvanceWatermark(pr.window.Newest())
	if err := pr.publish(ctx); err != nil {
		return err
	}
	return pr.commit(ctx)
}

// process scores the pending events up to a time (Unix milliseconds), after a rollback if some of
// them are late. Users are resolved ahead of scoring, on another core. If ctx ends, process stops in
// the middle, and the processor must not be used any more.
func (pr *Processor) process(ctx context.Context, until int64) error {
	rewound := pr.engine == nil || pr.provisional || pr.pendingFrom <= pr.lastTime
	from := int64(0)
	if rewound {
		var err error
		if from, err = pr.rollBack(pr.pendingFrom); err != nil {
			return err
		}
	}
	parent := ctx
	g, ctx := errgroup.WithContext(parent)
	if pr.deltas != nil {
		pr.deltas.begin(ctx, pr.checkpoints.committed)
	}
	batches, used := make(chan *batch, 4), make(chan *batch, 6)
	after, key := pr.lastTime, pr.lastKey
	w := &resolveStage{
		pr:      pr,
		ctx:     ctx,
		out:     batches,
		used:    used,
		until:   until,
		nextAt:  pr.nextAt,
		crossed: pr.crossed,
		batch:   &batch{},
	}
	g.Go(func() error {
		defer close(batches)
		var err error
		if rewound {
			err = pr.window.Each(from, w.resolve)
		} else {
			err = pr.window.After(after, key, w.resolve)
		}
		if err == nil || err == errEnough {
			err = w.send()
		}
		return err
	})
	pr.engine.Days(pr.published.activities(ctx))
	g.Go(func() error {
		for b := range batches {
			if err := pr.score(b); err != nil {
				return err
			}
			select {
			case used <- b:
			default:
			}
		}
		return nil
	})
	err := g.Wait()
	pr.crossed = w.crossed
	if err == nil && pr.deltas != nil {
		pr.deltas.begin(parent, pr.checkpoints.committed)
		err = pr.closeUntil(until)
	}
	return err
}

// closeUntil closes the hours before that of a time (Unix milliseconds) up to which all events are processed: a later one
// has come, but this worker may have none of its own.
func (pr *Processor) closeUntil(until int64) (err error) {
	if pr.nextAt > 0 && until >= pr.nextAt && pr.crossed != until/event.Hour {
		graph, err := pr.resolver.Snapshot()
		if err != nil {
			return err
		}
		if pr.aliases, err = pr.file.Put(graph); err != nil {
			return err
		}
		pr.crossed = until / event.Hour
	}
	return pr.engine.CloseUntil(until / event.Hour)
}

// share copies events of people of other tasks to these, up to a time (Unix milliseconds). It returns up to which time may
// be scored, and whether that is all there is.
//
// Within the hour, scoring stays behind copying by a second more: what others copy comes in that time. An hour is scored
// once the other tasks have copied what they have of it.
func (pr *Processor) share(ctx context.Context, how extent, until int64) (upTo int64, all bool, err error) {
	if err := pr.forward.forward(ctx, until); err != nil {
		return 0, false, err
	}
	if err := pr.deltas.announce(ctx, until); err != nil {
		return 0, false, err
	}
	limit, err := pr.allowed.until(ctx, pr)
	if err != nil {
		return 0, false, err
	}
	until = how.until(pr.window.Newest(), time.Now(), 2*holdBack)
	if until/event.Hour > limit/event.Hour {
		return limit, false, nil
	}
	return until, true, nil
}

// allowance is how far the other tasks allow to score.
type allowance struct {
	now, next int64         // Unix milliseconds
	ends      map[int]int64 // by partition: what must have been read before next holds
}

// until returns up to which time the other tasks have copied what they have, and everything that they had copied by then
// has been read.
func (a *allowance) until(ctx context.Context, pr *Processor) (int64, error) {
	limit := pr.deltas.copied()
	if limit <= a.now {
		a.now, a.next = limit, limit
		return a.now, nil
	}
	if limit != a.next {
		a.next, a.ends = limit, map[int]int64{}
		for _, t := range pr.published.mine {
			p := pr.inputs.forwarded(t)
			var err error
			if _, a.ends[p], err = pr.inputs.Bounds(ctx, p); err != nil {
				return 0, err
			}
		}
	}
	for p, end := range a.ends {
		if pr.next[p] < end {
			return a.now, nil
		}
	}
	a.now = a.next
	return a.now, nil
}

// score scores the events of a batch.
func (pr *Processor) score(b *batch) error {
	if pr.progress != nil {
		pr.progress()
	}
	pr.keyed = pr.keyed[:0]
	for i := range b.events {
		x := &b.events[i]
		rec := b.buf[x.from:x.to]
		if event.RecordSource(rec) != event.HR {
			at := event.RecordTime(rec)
			if x.aliases.Len() > 0 { // for a checkpoint before this event
				if err := pr.engine.HandleAll(pr.keyed); err != nil {
					return err
				}
				pr.keyed, pr.aliases = pr.keyed[:0], x.aliases
			}
			if pr.nextAt == 0 {
				pr.schedule(at)
			}
			pr.lastTime, pr.lastKey = at, event.RecordKey(rec)
		}
		pr.keyed = append(pr.keyed, engine.Keyed{Person: x.person, Record: rec})
	}
	return pr.engine.HandleAll(pr.keyed)
}
