package stream

import (
	"context"
	"strings"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/spill"
)

// batch holds successive events with resolved users.
type batch struct {
	buf    []byte
	events []resolvedEvent
}

// resolvedEvent is an event and the user it belongs to. The first event of an hour at which a
// checkpoint is due carries the alias graph as it was before the event.
type resolvedEvent struct {
	person   string
	from, to int // of its record, in the buffer of the batch
	aliases  spill.Ref
}

const batchSize = 512

// resolveStage resolves the users of events, in their order, and sends the events on in batches.
type resolveStage struct {
	pr      *Processor
	ctx     context.Context
	out     chan<- *batch
	used    <-chan *batch // that may be filled again
	until   int64         // Unix milliseconds; later events are left for the next time
	nextAt  int64         // time of the next checkpoint, as the processor will have it when it comes to the event
	crossed int64         // the hour at which the last alias graph was taken
	scratch []byte
	batch   *batch
}

// resolve adds an event to the current batch, and sends the batch once it is full. The error is
// errEnough for an event after until.
func (w *resolveStage) resolve(rec []byte) error {
	at, hr := event.RecordTime(rec), event.RecordSource(rec) == event.HR
	if !hr && at > w.until {
		return errEnough
	}
	var x resolvedEvent
	if !hr {
		var err error
		if x.aliases, err = w.aliasesBefore(at); err != nil {
			return err
		}
	}
	person, rec, err := resolveSafely(w.pr.resolver, &w.scratch, rec)
	if err != nil {
		return err
	}
	for _, note := range w.pr.resolver.Notes() {
		from := len(w.batch.buf)
		w.batch.buf = note.Append(w.batch.buf)
		w.batch.events = append(w.batch.events, resolvedEvent{from: from, to: len(w.batch.buf), aliases: x.aliases})
		x.aliases = spill.Ref{}
	}
	x.person, x.from = strings.Clone(person), len(w.batch.buf)
	w.batch.buf = append(w.batch.buf, rec...)
	x.to = len(w.batch.buf)
	if w.batch.events = append(w.batch.events, x); len(w.batch.events) < batchSize {
		return nil
	}
	return w.send()
}

// aliasesBefore is the alias graph as it is before an event at a time (Unix milliseconds), if a
// checkpoint is due at the event's hour; otherwise it is empty.
func (w *resolveStage) aliasesBefore(at int64) (aliases spill.Ref, err error) {
	hour := at / event.Hour
	if w.nextAt == 0 {
		w.nextAt = w.pr.checkpoints.next(at)
		return aliases, nil
	}
	if at < w.nextAt || hour == w.crossed {
		return aliases, nil
	}
	graph, err := w.pr.resolver.Snapshot()
	if err != nil {
		return aliases, err
	}
	if aliases, err = w.pr.file.Put(graph); err != nil {
		return aliases, err
	}
	w.crossed = hour
	for at >= w.nextAt {
		w.nextAt = w.pr.checkpoints.next(w.nextAt)
	}
	return aliases, nil
}

// send sends the current batch on and begins another one.
func (w *resolveStage) send() error {
	full := w.batch
	select {
	case w.batch = <-w.used:
		w.batch.buf, w.batch.events = w.batch.buf[:0], w.batch.events[:0]
	default:
		w.batch = &batch{}
	}
	select {
	case w.out <- full:
		return nil
	case <-w.ctx.Done():
		return w.ctx.Err()
	}
}
