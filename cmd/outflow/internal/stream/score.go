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
func (j *Processor) apply(ctx context.Context, how extent) error {
	if j.exchange != nil {
		if of, news := j.exchange.news(j.window.Edge(fewEvents)); news {
			j.reconsider(of * event.Hour)
		}
	}
	if !j.newer && (how != openDays || j.engine == nil || j.tainted) {
		return nil
	}
	j.edge, j.history = j.window.Edge(fewEvents), false
	until := j.window.Newest()
	if how == most {
		until -= holdBack
	}
	if j.newer {
		if err := j.feed(ctx, until); err != nil {
			return err
		}
	}
	if j.newer = j.window.Newest() > until; j.newer {
		j.pending = until + 1
	}
	if how == openDays {
		j.tainted = true
		j.engine.Days(j.published.activities(ctx))
		if err := j.engine.Flush(); err != nil {
			return err
		}
	}
	j.desk.Complete(j.window.Newest())
	if err := j.publish(ctx); err != nil {
		return err
	}
	return j.tidy(ctx)
}

// feed judges events up to a time, going back if some came late. If the context ends
// it stops in the middle: the judge is then of no use any more.
func (j *Processor) feed(ctx context.Context, until int64) error {
	all := j.engine == nil || j.tainted || j.pending <= j.lastTime
	from := int64(0)
	if all {
		var err error
		if from, err = j.rewind(j.pending); err != nil {
			return err
		}
	}
	// Whose an event is, is found out ahead of judging it, on another core.
	g, ctx := errgroup.WithContext(ctx)
	if j.exchange != nil {
		j.exchange.trading(ctx, j.saved, j.edge, j.window.Sums())
	}
	groups, used := make(chan *group, 4), make(chan *group, 6)
	after, key := j.lastTime, j.lastKey
	w := &resolving{j: j, ctx: ctx, out: groups, used: used, until: until, armed: j.armed, crossed: j.crossed, group: &group{}}
	g.Go(func() error {
		defer close(groups)
		var err error
		if all {
			err = j.window.Each(from, w.resolve)
		} else {
			err = j.window.After(after, key, w.resolve)
		}
		if err == nil || err == errEnough {
			err = w.send()
		}
		return err
	})
	j.engine.Days(j.published.activities(ctx))
	g.Go(func() error {
		for of := range groups {
			if err := j.judge(of); err != nil {
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
	j.crossed = w.crossed
	return err
}

// judge judges the next events.
func (j *Processor) judge(of *group) error {
	if j.progress != nil {
		j.progress()
	}
	j.batch = j.batch[:0]
	for i := range of.events {
		x := &of.events[i]
		rec := of.buf[x.from:x.to]
		if event.RecordSource(rec) != event.HR {
			at := event.RecordTime(rec)
			if x.aliases.Len() > 0 { // those of a mark that comes before it
				if err := j.engine.HandleAll(j.batch); err != nil {
					return err
				}
				j.batch, j.aliases = j.batch[:0], x.aliases
			}
			if j.armed == 0 {
				j.arm(at)
			}
			j.lastTime, j.lastKey = at, event.RecordKey(rec)
		}
		j.batch = append(j.batch, engine.Keyed{Person: x.person, Record: rec})
	}
	return j.engine.HandleAll(j.batch)
}
