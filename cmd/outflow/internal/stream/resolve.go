package stream

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/guard"
	"github.com/outflow/outflow/internal/spill"
)

// group are events that follow one another, with whose they are.
type group struct {
	buf    []byte
	events []resolved
}

// resolved is an event whose person is known. Where an hour begins at which a mark may be
// left, it has the alias graph as it was before.
type resolved struct {
	person   string
	from, to int // of its record, in the group's buffer
	aliases  spill.Ref
}

const groupSize = 512

// resolving finds out whose events are, in their order.
type resolving struct {
	pr      *Processor
	ctx     context.Context
	out     chan<- *group
	used    <-chan *group // that may be filled again
	until   int64
	nextAt  int64 // as the judge will have it when it comes to the event
	crossed int64
	scratch []byte
	group   *group
}

func (w *resolving) resolve(rec []byte) error {
	at, hr := event.RecordTime(rec), event.RecordSource(rec) == event.HR
	if !hr && at > w.until {
		return errEnough
	}
	var x resolved
	if !hr {
		switch h := at / event.Hour; {
		case w.nextAt == 0:
			w.nextAt = w.pr.checkpoints.next(at)
		case at >= w.nextAt && h != w.crossed:
			graph, err := w.pr.resolver.Snapshot()
			if err == nil {
				x.aliases, err = w.pr.file.Put(graph)
			}
			if err != nil {
				return err
			}
			w.crossed = h
			for at >= w.nextAt {
				w.nextAt = w.pr.checkpoints.next(w.nextAt)
			}
		}
	}
	w.scratch = append(w.scratch[:0], rec...) // resolving changes it
	person, own := "", rec
	err := guard.Do("judge", func() error { person, rec = w.pr.resolver.Resolve(w.scratch); return nil })
	if panicked := (*guard.Panic)(nil); errors.As(err, &panicked) {
		return &engine.Fault{Record: bytes.Clone(own), Panic: panicked}
	}
	for _, note := range w.pr.resolver.Notes() {
		from := len(w.group.buf)
		w.group.buf = note.Append(w.group.buf)
		w.group.events = append(w.group.events, resolved{from: from, to: len(w.group.buf), aliases: x.aliases})
		x.aliases = spill.Ref{}
	}
	x.person, x.from = strings.Clone(person), len(w.group.buf)
	w.group.buf = append(w.group.buf, rec...)
	x.to = len(w.group.buf)
	if w.group.events = append(w.group.events, x); len(w.group.events) < groupSize {
		return nil
	}
	return w.send()
}

func (w *resolving) send() error {
	of := w.group
	select {
	case w.group = <-w.used:
		w.group.buf, w.group.events = w.group.buf[:0], w.group.events[:0]
	default:
		w.group = &group{}
	}
	select {
	case w.out <- of:
		return nil
	case <-w.ctx.Done():
		return w.ctx.Err()
	}
}
