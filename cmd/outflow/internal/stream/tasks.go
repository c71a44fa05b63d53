package stream

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/identity"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
)

// With tasks, each partition of the event log is a task: it scores the people whose shard it is. A worker reads the
// partitions of its tasks. What events in other partitions depend on is copied to the identity log, which all read, and
// events of people of other tasks are copied to the partitions of these in the people log. All copies are the events as
// they were stored: each worker resolves what it has, and scores what belongs to its tasks. A copy too many changes nothing.
// docs/adr/0033-tasks.md.

// identityPartitions is the number of partitions of the identity log.
const identityPartitions = 4

// copying is the event log as ingest appends to it: identity events are appended to the identity log, too.
type copying struct {
	eventlog.Log
	identity eventlog.Log

	mu       sync.Mutex
	teaching identity.Teaching
}

// CopyIdentity returns an event log that copies identity events to another log.
func CopyIdentity(events, identity eventlog.Log) eventlog.Log {
	return &copying{Log: events, identity: identity}
}

// Next returns the offset of the next record of a partition, as eventlog.Kafka does.
func (c *copying) Next(ctx context.Context, partition int) (int64, error) {
	if k, ok := c.Log.(*eventlog.Kafka); ok {
		return k.Next(ctx, partition)
	}
	_, next, err := c.Bounds(ctx, partition)
	return next, err
}

// Append implements eventlog.Log.
func (c *copying) Append(ctx context.Context, recs ...eventlog.Record) error {
	copies := c.copies(recs, time.Now())
	if len(copies) == 0 {
		return c.Log.Append(ctx, recs...)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return c.Log.Append(ctx, recs...) })
	g.Go(func() error { return c.identity.Append(ctx, copies...) })
	err := g.Wait()
	if err != nil { // they will be appended again
		c.mu.Lock()
		c.teaching.Forget()
		c.mu.Unlock()
	}
	return err
}

// copies returns those records that belong into the identity log as well.
func (c *copying) copies(recs []eventlog.Record, now time.Time) (list []eventlog.Record) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range recs {
		r := &recs[i]
		if _, marker := ingest.ParseBatchMarker(r.Value); marker || !event.HasHeader(r.Value) {
			continue
		}
		if datedAhead(event.RecordTime(r.Value), now.UnixMilli()) { // a worker leaves it out
			continue
		}
		opens := c.teaching.Opens(r.Value)
		if c.teaching.Teaches(r.Value) || opens {
			list = append(list, eventlog.Record{Key: r.Key, Value: r.Value})
		}
	}
	return list
}

// inputs are what a worker with tasks reads, as one log: the partitions of the event log come first, then those of the
// identity log, then those of the people log.
type inputs struct {
	events, identity, people eventlog.Log
}

// newInputs returns the logs that a worker reads.
func newInputs(l *Logs) *inputs { return &inputs{l.Events, l.Identity, l.People} }

// tasks is the number of tasks.
func (in *inputs) tasks() int { return in.events.Partitions() }

// of returns the log of a partition, and its number there.
func (in *inputs) of(partition int) (eventlog.Log, int) {
	n := in.tasks()
	switch {
	case partition < n:
		return in.events, partition
	case partition < n+in.identity.Partitions():
		return in.identity, partition - n
	}
	return in.people, partition - n - in.identity.Partitions()
}

// home returns the task whose partition of the event log a stored event is in.
func (in *inputs) home(rec []byte) int {
	account, _ := event.RecordActor(rec)
	if account == "" {
		return 0
	}
	return eventlog.PartitionOf(account, in.tasks())
}

// isCopy reports whether a partition holds copies of events of other tasks.
func (in *inputs) isCopy(partition int) bool { return partition >= in.tasks() }

// isForwarded reports whether a partition holds events that other tasks have copied to the task of their people.
func (in *inputs) isForwarded(partition int) bool { return partition >= in.forwarded(0) }

// isOld reports whether a copy is of an event that the task it is from may have had before it started.
func (in *inputs) isOld(r *eventlog.Record) bool {
	return in.isForwarded(r.Partition) && r.Key == copyAgain
}

// forwarded is the partition in which a task receives events of its people.
func (in *inputs) forwarded(task int) int { return in.tasks() + in.identity.Partitions() + task }

// partitions returns those that a worker with some tasks reads.
func (in *inputs) partitions(mine []int) (list []int) {
	list = append(list, mine...)
	for p := range in.identity.Partitions() {
		list = append(list, in.tasks()+p)
	}
	for _, t := range mine {
		list = append(list, in.forwarded(t))
	}
	return list
}

// Partitions implements eventlog.Log.
func (in *inputs) Partitions() int { return 2*in.tasks() + in.identity.Partitions() }

// Append implements eventlog.Log: it appends to the event log.
func (in *inputs) Append(ctx context.Context, recs ...eventlog.Record) error {
	return in.events.Append(ctx, recs...)
}

// Bounds implements eventlog.Log.
func (in *inputs) Bounds(ctx context.Context, partition int) (first, next int64, err error) {
	log, p := in.of(partition)
	return log.Bounds(ctx, p)
}

// Read implements eventlog.Log.
func (in *inputs) Read(ctx context.Context, partition int, from int64, max int) ([]eventlog.Record, error) {
	log, p := in.of(partition)
	recs, err := log.Read(ctx, p, from, max)
	if err != nil || p == partition {
		return recs, err
	}
	list := make([]eventlog.Record, len(recs))
	for i := range recs {
		list[i] = recs[i]
		list[i].Partition = partition
		if v := recs[i].Value; log == in.people && len(v) > 0 {
			list[i].Key, list[i].Value = string(v[:1]), v[1:]
		}
	}
	return list, nil
}
