package stream

import (
	"bytes"
	"context"
	"errors"
	"math/bits"

	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/ingest/identity"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/failpoint"
	"github.com/outflow/outflow/internal/guard"
)

// forwarder copies the events of a worker's own partitions that belong to people of other tasks to these tasks.
//
// It resolves the events ahead of the processor, in their order, with a resolver of its own. If an event is late, it goes
// on from the checkpoint before it. What it has copied since the committed checkpoint it does not copy again.
type forwarder struct {
	pr   *Processor
	in   *inputs
	mine []int // tasks of the worker

	resolver    *identity.Resolver // nil before the first event
	teaching    identity.Teaching
	since       int64 // the day on which teaching has begun: what taught on it is not known
	lastTime    int64 // of the last event that was resolved, Unix milliseconds
	lastKey     uint64
	pendingFrom int64 // time of the earliest event before that one that came since, if hasPending
	hasPending  bool

	sent  map[int64]map[uint64]struct{} // by hour since 1970: what was copied
	fresh map[eventKey]bool             // new events that may be older than the checkpoint of another worker
	out   []eventlog.Record
	buf   []byte
	dec   event.Decoder
	e     event.Event
}

// eventKey identifies an event.
type eventKey struct {
	at  int64 // Unix milliseconds
	key uint64
}

// A record of the people log begins with one of these, in front of the event.
const (
	copyAgain = "a" // the worker may have read the event before it started
	copyFresh = "f" // it has not: a task whose checkpoint is later has missed the event
)

func newForwarder(pr *Processor, in *inputs, mine []int) *forwarder {
	return &forwarder{pr: pr, in: in, mine: mine, sent: map[int64]map[uint64]struct{}{}, fresh: map[eventKey]bool{}}
}

// came notes that an event has been added to the window. It is fresh if it is of an own partition and was not read before.
func (f *forwarder) came(at int64, key uint64, hr, fresh bool) {
	if fresh && f.pr.checkpoints.settled() && at < f.pr.checkpoints.base()+2*event.Day { // another worker's checkpoint may be later
		f.fresh[eventKey{at, key}] = true
	}
	if f.resolver == nil || !hr && (at > f.lastTime || at == f.lastTime && key > f.lastKey) {
		return
	}
	if !f.hasPending || at < f.pendingFrom {
		f.pendingFrom = at
	}
	f.hasPending = true
}

// forward copies what belongs to other tasks, of the events up to a time (Unix milliseconds).
func (f *forwarder) forward(ctx context.Context, until int64) error {
	each := func(rec []byte) error { return f.one(rec, until) }
	var err error
	if f.resolver == nil || f.hasPending {
		var from int64
		if from, err = f.rollBack(); err != nil {
			return err
		}
		err = f.pr.window.Each(from, each)
	} else {
		err = f.pr.window.After(f.lastTime, f.lastKey, each)
	}
	if err != nil && err != errEnough {
		return err
	}
	return f.flush(ctx)
}

// flush appends what is to be copied.
func (f *forwarder) flush(ctx context.Context) error {
	if len(f.out) == 0 {
		return nil
	}
	failpoint.Reach("people-append")
	for some := f.out; len(some) > 0; {
		n := min(len(some), readBatch)
		if err := f.in.people.Append(ctx, some[:n]...); err != nil {
			return err
		}
		some = some[n:]
	}
	f.out = nil
	failpoint.Reach("people-appended")
	return nil
}

// rollBack puts the resolver back to the checkpoint before the events that are late. It returns the time from which events
// are to be resolved.
func (f *forwarder) rollBack() (from int64, err error) {
	pr, to := f.pr, f.pendingFrom
	if pr.hasPending { // later checkpoints do not know of it yet
		to = min(to, pr.pendingFrom)
	}
	first := f.resolver == nil
	f.resolver, f.lastTime, f.lastKey, f.hasPending = identity.New(), 0, 0, false
	i := pr.checkpoints.before(to)
	if i >= 0 && (pr.checkpoints.list[i].At <= to || pr.checkpoints.settled()) {
		cp := &pr.checkpoints.list[i]
		from = cp.At
		graph, err := cp.Aliases.Get(nil)
		if err != nil {
			return 0, err
		}
		if err := f.resolver.Restore(graph); err != nil {
			return 0, err
		}
	}
	f.resolver.Configure(pr.identity)
	if first && from > 0 {
		f.since = from / event.Day
	}
	return from, nil
}

// one resolves an event, and copies it if it belongs to another task. The error is errEnough for an event after until.
func (f *forwarder) one(rec []byte, until int64) error {
	at, key, hr := event.RecordTime(rec), event.RecordKey(rec), event.RecordSource(rec) == event.HR
	if !hr && at > until {
		return errEnough
	}
	person, _, err := resolveSafely(f.resolver, &f.buf, rec)
	f.resolver.Notes()
	if err != nil || hr {
		return err
	}
	f.lastTime, f.lastKey = at, key
	if !f.pr.owns(f.in.home(rec)) {
		return nil
	}
	fresh := f.fresh[eventKey{at, key}]
	delete(f.fresh, eventKey{at, key})
	if f.teaching.Certain(rec, f.since) {
		return nil
	}
	task := engine.ShardOf(person, f.in.tasks())
	switch {
	case person == "" && f.matches(rec): // the rule's, whose shard only the engine knows
		for t := range f.in.tasks() {
			f.copy(rec, at, key, t, fresh)
		}
	default:
		f.copy(rec, at, key, task, fresh)
	}
	return nil
}

// matches reports whether an event matches a rule of the organisation.
func (f *forwarder) matches(rec []byte) bool {
	return f.dec.Decode(rec, &f.e) == nil && f.e.Attr(event.AttrRuleMatch) != ""
}

// copy has an event copied to a task, unless the task is the worker's or has the copy.
func (f *forwarder) copy(rec []byte, at int64, key uint64, task int, fresh bool) {
	if f.pr.owns(task) {
		return
	}
	hour, what := at/event.Hour, bits.RotateLeft64(key, 32)*31+uint64(at)*64+uint64(task)
	sent := f.sent[hour]
	if sent == nil {
		sent = map[uint64]struct{}{}
		f.sent[hour] = sent
	}
	if _, again := sent[what]; again && !fresh {
		return
	}
	sent[what] = struct{}{}
	kind := copyAgain
	if fresh {
		kind = copyFresh
	}
	value := append(append(make([]byte, 0, 1+len(rec)), kind...), rec...)
	f.out = append(f.out, eventlog.Record{Partition: task, Value: value})
}

// forget drops what is known of the hours before a time (Unix milliseconds).
func (f *forwarder) forget(before int64) {
	for hour := range f.sent {
		if hour < before/event.Hour {
			delete(f.sent, hour)
		}
	}
}

// resolveSafely resolves a copy of an event, which it makes in buf. A panic is a *engine.Fault.
func resolveSafely(r *identity.Resolver, buf *[]byte, rec []byte) (person string, out []byte, err error) {
	*buf = append((*buf)[:0], rec...) // resolving changes it
	err = guard.Do("resolve", func() error { person, out = r.Resolve(*buf); return nil })
	if panicked := (*guard.Panic)(nil); errors.As(err, &panicked) {
		err = &engine.Fault{Record: bytes.Clone(rec), Panic: panicked}
	}
	return person, out, err
}
