package stream

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/internal/event"
)

// fewEvents are so few that they do not say what time it is: some may claim to be
// from the future.
const fewEvents = 20

// holdBack is how close to the newest event judging stays behind while more
// arrive: those of the same second come in any order.
const holdBack = 1000

var errEnough = errors.New("enough")

// extent is how much of what has come is judged.
type extent int

const (
	most       extent = iota // what is not so new that more of the same second may come
	everything               // all of it
	openDays                 // and the days that are still open, as they are
)

// apply judges what has come.
func (pr *Processor) apply(ctx context.Context, how extent) error {
	if pr.exchange != nil {
		if of, news := pr.exchange.news(pr.window.Watermark(fewEvents)); news {
			pr.reprocess(of * event.Hour)
		}
	}
	if !pr.newer && (how != openDays || pr.engine == nil || pr.provisional) {
		return nil
	}
	pr.checkpoints.watermark, pr.history = pr.window.Watermark(fewEvents), false
	until := pr.window.Newest()
	if how == most {
		until -= holdBack
	}
	if pr.newer {
		if err := pr.process(ctx, until); err != nil {
			return err
		}
	}
	if pr.newer = pr.window.Newest() > until; pr.newer {
		pr.pending = until + 1
	}
	if how == openDays {
		pr.provisional = true
		pr.engine.Days(pr.published.activities(ctx))
		if err := pr.engine.Flush(); err != nil {
			return err
		}
	}
	pr.desk.AdvanceWatermark(pr.window.Newest())
	if err := pr.publish(ctx); err != nil {
		return err
	}
	return pr.commit(ctx)
}

// feed judges events up to a time, going back if some came late. If the context ends
// it stops in the middle: the judge is then of no use any more.
func (pr *Processor) process(ctx context.Context, until int64) error {
	all := pr.engine == nil || pr.provisional || pr.pending <= pr.lastTime
	from := int64(0)
	if all {
		var err error
		if from, err = pr.rollBack(pr.pending); err != nil {
			return err
		}
	}
	// Whose an event is, is found out ahead of judging it, on another core.
	g, ctx := errgroup.WithContext(ctx)
	if pr.exchange != nil {
		pr.exchange.trading(ctx, pr.checkpoints.committed, pr.checkpoints.watermark, pr.window.Sums())
	}
	groups, used := make(chan *group, 4), make(chan *group, 6)
	after, key := pr.lastTime, pr.lastKey
	w := &resolving{pr: pr, ctx: ctx, out: groups, used: used, until: until, nextAt: pr.nextAt, crossed: pr.crossed, group: &group{}}
	g.Go(func() error {
		defer close(groups)
		var err error
		if all {
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
		for of := range groups {
			if err := pr.score(of); err != nil {
				return err
			}
			select {
			case used <- of:
			default:
			}
		}
		return nil
	})
	err := g.Wait()
	pr.crossed = w.crossed
	return err
}

// score scores the next events.
func (pr *Processor) score(of *group) error {
	if pr.progress != nil {
		pr.progress()
	}
	pr.batch = pr.batch[:0]
	for i := range of.events {
		x := &of.events[i]
		rec := of.buf[x.from:x.to]
		if event.RecordSource(rec) != event.HR {
			at := event.RecordTime(rec)
			if x.aliases.Len() > 0 { // those of a mark that comes before it
				if err := pr.engine.HandleAll(pr.batch); err != nil {
					return err
				}
				pr.batch, pr.aliases = pr.batch[:0], x.aliases
			}
			if pr.nextAt == 0 {
				pr.schedule(at)
			}
			pr.lastTime, pr.lastKey = at, event.RecordKey(rec)
		}
		pr.batch = append(pr.batch, engine.Keyed{Person: x.person, Record: rec})
	}
	return pr.engine.HandleAll(pr.batch)
}
