// Package stream processes the event log as it grows: it puts events into the order of event
// time, scores them, and appends the alerts to the alert topic. Late events roll the
// processor back to the checkpoint before them. docs/adr/0007-stream.md.
package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/identity"
	"github.com/outflow/outflow/ingest/order"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/geoip"
	"github.com/outflow/outflow/internal/guard"
	"github.com/outflow/outflow/internal/spill"
)

// Processor turns the event log into alerts as it grows. Its output is a function of the events
// alone: whatever the order in which they arrive, once all have arrived the alerts are those that
// a scan of them finds.
//
// Events go into a window of the last days, in the order of event time. Those that arrive at its end
// are scored at once. Late events roll the processor back to the preceding checkpoint and replay from
// there, and what that changes is published. docs/adr/0007-stream.md.
type Processor struct {
	identity identity.Config
	config   engine.Config
	loaded   *config.Config                            // that config is a part of
	store    *engine.Store                             // nil if nothing is stored
	stored   func(ctx context.Context, at int64) error // called once the checkpoint of a time is committed; may be nil

	file        *spill.File // for what is rarely read
	window      *order.Window
	checkpoints checkpoints
	history     bool      // more than a day of events has arrived since the last processing
	oldCame     time.Time // when something of before came last
	pendingFrom int64     // time of the earliest event that is to be processed, if hasPending
	hasPending  bool

	published *publisher
	epochs    map[int]*ownEpoch // by shard
	deltas    *deltaExchange    // with the workers of the other tasks; nil without tasks
	inputs    *inputs           // what is read with tasks; nil without
	reads     []int             // partitions that are read
	forward   *forwarder        // nil without tasks
	allowed   allowance         // how far the other tasks allow to score

	engine      *engine.Engine // nil before the first event
	resolver    *identity.Resolver
	left        identity.DroppedCounts // what the resolver left out; it never decreases
	correlator  *alert.Correlator
	places      *geoip.Database // may be nil
	provisional bool            // open days were scored before they had ended
	lastTime    int64           // of the last event that was scored, Unix milliseconds
	lastKey     uint64          // its key
	nextAt      int64           // time of the next checkpoint, Unix milliseconds; 0 before the first event
	aliases     spill.Ref       // the alias graph for the next checkpoint
	crossed     int64           // the hour at which it was taken
	keyed       []engine.Keyed

	next  []int64         // by partition: the offset up to which the log has been read
	seen  []int64         // by partition: next as of the committed checkpoint
	older checkpointStore // earlier committed checkpoints; nil if there are none to roll back to

	accounts    *accounts // what became of the records of the log
	missed      *missed   // events before the committed checkpoint, which are left out
	staffed     bool      // the committed checkpoint has HR records
	newStaff    bool      // HR records have arrived, and the committed checkpoint has none
	missedHour  int64     // the earliest committed hour of which a delta of another task has changed since; never if there is none
	unreachable bool      // no checkpoint that is kept is old enough for the missed events

	saving time.Duration // the last commit took it

	progress func() // called while events are scored; may be nil

	stats counters
}

// emitFunc appends records to a shard's partition of the alert topic.
type emitFunc func(ctx context.Context, shard int, records [][]byte) error

// openProcessor returns a processor of an event log with some partitions. It goes on from the newest
// checkpoint of the store; store may be nil.
func openProcessor(ctx context.Context, store *engine.Store, partitions int, conf *config.Config, emit emitFunc) (*Processor, error) {
	pr, err := newProcessor(store, partitions, conf, emit)
	if err != nil || store == nil {
		return pr, err
	}
	c, err := LatestCommitted(ctx, store)
	if err != nil || c == nil {
		return pr, err
	}
	baseline, err := store.Load(ctx, c.Generation)
	if err != nil {
		return nil, err
	}
	return pr, pr.begin(c, baseline)
}

// newProcessor returns a processor without any state.
func newProcessor(store *engine.Store, partitions int, conf *config.Config, emit emitFunc) (*Processor, error) {
	detection, err := conf.Detect()
	if err != nil {
		return nil, err
	}
	detection.TempDir = conf.DataDir
	file := spill.New(spillMemory, conf.DataDir)
	return &Processor{
		file:       file,
		identity:   conf.Identity(),
		places:     conf.Places,
		config:     detection,
		loaded:     conf,
		store:      store,
		window:     order.NewWindow(conf.Memory.Window(), conf.DataDir),
		published:  newPublisher(file, emit),
		epochs:     map[int]*ownEpoch{},
		missedHour: never,
		reads:      allOf(partitions),
		next:       make([]int64, partitions),
		seen:       make([]int64, partitions),
		accounts:   newAccounts(partitions),
		missed:     newMissed(partitions),
	}, nil
}

// allOf lists all of some partitions.
func allOf(partitions int) []int {
	list := make([]int, partitions)
	for p := range list {
		list[p] = p
	}
	return list
}

// owns reports whether a task is one of the worker's.
func (pr *Processor) owns(task int) bool { return slices.Contains(pr.published.mine, task) }

// counts reports whether the records of a partition count: copies have been counted by the tasks that they are from.
func (pr *Processor) counts(partition int) bool {
	return pr.inputs == nil || !pr.inputs.isCopy(partition)
}

// begin has a new processor go on from a committed checkpoint.
func (pr *Processor) begin(c *Committed, baseline *engine.Snapshot) (err error) {
	if len(c.Low) != len(pr.next) {
		return fmt.Errorf("the stored checkpoint is of an event log with %d partitions, not %d", len(c.Low), len(pr.next))
	}
	cp := checkpoint{At: c.At, Baseline: baseline}
	if cp.Aliases, err = pr.file.Put(c.Aliases); err != nil {
		return err
	}
	if cp.Desk, err = alert.ParseDesk(c.Desk, pr.file); err != nil {
		return err
	}
	pr.checkpoints.list, pr.checkpoints.committed = []checkpoint{cp}, c.At
	for p := range pr.next { // those of partitions that were not read are negative
		pr.next[p], pr.seen[p] = max(c.Low[p], 0), max(c.Next[p], 0)
	}
	pr.published.since = c.Floor
	pr.staffed = len(c.Staff) > 0
	pr.accounts.restore(c.Counts)
	pr.missed.restore(c.Missed)
	err = event.Framed(c.Staff, func(rec []byte) error {
		_, err := pr.window.Add(rec, 0, 0)
		return err
	})
	if err != nil {
		return fmt.Errorf("stored HR records: %w", err)
	}
	pr.pendingFrom, pr.hasPending = cp.At, true
	return nil
}

// spillMemory is how many bytes of what is rarely read stay in memory.
const spillMemory = 1 << 20

// verifyOffsets checks that the event log holds what is to be read next. The error names the
// partition and the offsets.
func (pr *Processor) verifyOffsets(ctx context.Context, events eventlog.Log) error {
	for _, p := range pr.reads {
		first, end, err := events.Bounds(ctx, p)
		if err != nil {
			return err
		}
		if pr.next[p] < first {
			if pr.checkpoints.committed == 0 && pr.next[p] == 0 {
				pr.next[p] = first // nothing was processed yet: start with what there is
				continue
			}
			return fmt.Errorf("event log, partition %d: offsets %d to %d were deleted before they were processed: "+
				"the retention is too short, or the state too old", p, pr.next[p], first-1)
		}
		if pr.next[p] > end {
			return fmt.Errorf("event log, partition %d: it ends at %d, but offset %d was read before: "+
				"the log was replaced, or restored from an older copy", p, end, pr.next[p])
		}
	}
	return nil
}

// locate adds the position in the event log to an error that an event has caused. Other errors it
// returns as they are.
func (pr *Processor) locate(ctx context.Context, log eventlog.Log, err error) error {
	fault := (*engine.Fault)(nil)
	if !errors.As(err, &fault) || fault.Record == nil {
		return err
	}
	err = fmt.Errorf("processing stopped at an event; nothing of it was stored, and it is processed again after a restart: %w", err)
	place := ""
	var e event.Event
	failed := guard.Do("locate", func() (err error) {
		var dec event.Decoder
		if err = dec.Decode(fault.Record, &e); err == nil {
			place, err = pr.find(ctx, log, &e)
		}
		return err
	})
	return fmt.Errorf("event of %s at %s, id %016x (%s): %w",
		e.Source, event.Instant(e.Time).Format(time.RFC3339Nano), e.Key, cmp.Or(place, "not in the log any more"), errors.Join(err, failed))
}

// find returns where in the event log an event of the window is; empty if it is not there.
func (pr *Processor) find(ctx context.Context, log eventlog.Log, wanted *event.Event) (place string, err error) {
	var dec event.Decoder
	var e event.Event
	for _, p := range pr.reads {
		_, err := eventlog.Each(ctx, log, p, pr.window.LowestOffset(p, pr.next[p]), pr.next[p], readBatch, func(r *eventlog.Record) error {
			_, marker := ingest.ParseBatchMarker(r.Value)
			if marker || len(r.Value) == 0 || dec.Decode(r.Value, &e) != nil {
				return nil
			}
			if e.Key == wanted.Key && e.Time == wanted.Time && e.Source == wanted.Source {
				place = fmt.Sprintf("partition %d, offset %d", p, r.Offset)
				return errEnough
			}
			return nil
		})
		if err == errEnough {
			return place, nil
		}
		if err != nil {
			return "", err
		}
	}
	return "", nil
}
