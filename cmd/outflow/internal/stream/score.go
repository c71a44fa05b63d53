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

// until returns up to which time events are processed (Unix milliseconds), as the newest one is now.
func (how extent) until(newest int64, now time.Time) int64 {
	switch over := now.Add(-idle).UnixMilli() - holdBack; {
	case how == most, how == everything && newest-holdBack > over: // a clock may be ahead
		return newest - holdBack
	case how == everything:
		return min(newest, over)
	}
	return newest
}

// apply processes what has arrived, publishes what has changed, and commits a checkpoint if one is
// due.
func (pr *Processor) apply(ctx context.Context, how extent) error {
	if pr.deltas != nil {
		if hour, ok := pr.deltas.staleHour(pr.window.Watermark(fewEvents)); ok {
			pr.reprocess(hour * event.Hour)
		}
	}
	if !pr.hasPending && (how != openDays || pr.engine == nil || pr.provisional) {
		return nil
	}
	pr.checkpoints.watermark, pr.history = pr.window.Watermark(fewEvents), false
	until := how.until(pr.window.Newest(), time.Now())
	if pr.hasPending {
		if err := pr.process(ctx, until); err != nil {
			return err
		}
	}
	if pr.hasPending = pr.window.Newest() > until; pr.hasPending {
		pr.pendingFrom = until + 1
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
	g, ctx := errgroup.WithContext(ctx)
	if pr.deltas != nil {
		pr.deltas.begin(ctx, pr.checkpoints.committed, pr.checkpoints.watermark, pr.window.Sums())
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
	return err
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
