// Package stream processes the event log as it grows: it puts events into the order of event
// time, scores them, and appends the alerts to the alert topic. Late events roll the
// processor back to the checkpoint before them. docs/adr/0007-stream.md.
package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/identity"
	"github.com/outflow/outflow/ingest/order"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/guard"
	"github.com/outflow/outflow/internal/spill"
)

// Processor turns the log of events into alerts as they come. It is a function of the
// events alone: whatever their order of arrival, once all have come the alerts are
// those that a scan of them gives.
//
// Events go into a window of the last days, in the order of their time. What comes
// at its end is judged at once. What comes late sets the judgement back to a mark
// before it, and everything since is judged again; people are told what that
// changed. docs/adr/0007-stream.md.
type Processor struct {
	identity identity.Config
	config   engine.Config
	store    *engine.Store                             // nil where nothing is kept
	stored   func(ctx context.Context, at int64) error // called once the base at a time is stored; may be nil

	file        *spill.File // for what is seldom read
	window      *order.Window
	checkpoints checkpoints
	history     bool  // what has come since it was judged last is of more than a day
	pending     int64 // time of the earliest event that is not judged; none if newer is false
	newer       bool

	published *publisher
	exchange  *exchange // with who judges the others; nil if there is one shard

	engine      *engine.Engine // nil before the first event
	resolver    *identity.Resolver
	left        identity.DroppedCounts // as it was said last
	desk        *alert.Correlator
	provisional bool // open days were judged before they were over
	lastTime    int64
	lastKey     uint64
	nextAt      int64 // time of the next mark, Unix milliseconds
	aliases     spill.Ref
	crossed     int64 // hour for which aliases are
	batch       []engine.Keyed

	next  []int64 // by partition: offset up to which the log has been read
	seen  []int64 // the same, when the base was stored
	bases bases   // the stored ones; nil where there is nothing to go back to

	accounts *accounts // what became of the records of the log
	missed   *missed   // what came too late for the base
	staffed  bool      // HR had spoken when the base was stored
	hired    bool      // HR speaks for the first time, and the base does not know it
	lost     bool      // what was missed cannot be judged from a base that is kept

	saving time.Duration // it took to store the base last

	progress func() // called while events are judged; may be nil

	stats counters
}

// openProcessor returns a judge of a log with some partitions, as it was when its base
// was stored last.
func openProcessor(ctx context.Context, store *engine.Store, partitions int, conf *config.Config, emit func(context.Context, int, [][]byte) error) (*Processor, error) {
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

// newProcessor returns a judge that knows nothing yet.
func newProcessor(store *engine.Store, partitions int, conf *config.Config, emit func(context.Context, int, [][]byte) error) (*Processor, error) {
	judging, err := conf.Detect()
	if err != nil {
		return nil, err
	}
	judging.TempDir = conf.DataDir
	file := spill.New(spillMemory, conf.DataDir)
	return &Processor{
		file:      file,
		identity:  conf.Identity(),
		config:    judging,
		store:     store,
		window:    order.NewWindow(conf.Memory.Window(), conf.DataDir),
		published: newPublisher(file, emit),
		next:      make([]int64, partitions),
		seen:      make([]int64, partitions),
		accounts:  newAccounts(partitions),
		missed:    newMissed(partitions),
	}, nil
}

// begin has a new judge go on from a base.
func (pr *Processor) begin(c *Committed, baseline *engine.Snapshot) (err error) {
	if len(c.Low) != len(pr.next) {
		return fmt.Errorf("the stored baselines are of a log with %d partitions, not %d", len(c.Low), len(pr.next))
	}
	m := checkpoint{At: c.At, Baseline: baseline}
	if m.Aliases, err = pr.file.Put(c.Aliases); err != nil {
		return err
	}
	if m.Desk, err = pr.file.Put(c.Desk); err != nil {
		return err
	}
	pr.checkpoints.list, pr.checkpoints.committed = []checkpoint{m}, c.At
	pr.next, pr.seen, pr.published.since = c.Low, c.Next, c.Floor
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
	pr.pending, pr.newer = m.At, true
	return nil
}

// spillMemory is how many bytes of what is seldom read stay in memory.
const spillMemory = 32 << 20

// look checks that the log holds what is to be read next.
func (pr *Processor) verifyOffsets(ctx context.Context, events eventlog.Log) error {
	for p := range pr.next {
		first, end, err := events.Bounds(ctx, p)
		if err != nil {
			return err
		}
		if pr.next[p] < first {
			if pr.checkpoints.committed == 0 && pr.next[p] == 0 {
				pr.next[p] = first // nothing was judged yet: it begins with what there is
				continue
			}
			return fmt.Errorf("log of events, partition %d: offsets %d to %d are gone before they were judged: retention is too short, or the state too old", p, pr.next[p], first-1)
		}
		if pr.next[p] > end {
			return fmt.Errorf("log of events, partition %d: it ends at %d, but offset %d was read before: it was made anew, or restored from an older copy", p, end, pr.next[p])
		}
	}
	return nil
}

// locate adds to an error of judging an event where in the log the event is.
func (pr *Processor) locate(ctx context.Context, log eventlog.Log, err error) error {
	fault := (*engine.Fault)(nil)
	if !errors.As(err, &fault) || fault.Record == nil {
		return err
	}
	place := ""
	var of event.Event
	var dec event.Decoder
	err = errors.Join(fmt.Errorf("judging stopped at an event; nothing of it was stored, and it is judged again after a restart: %w", err), guard.Do("judge", func() error {
		if err := dec.Decode(fault.Record, &of); err != nil {
			return err
		}
		for p := range pr.next {
			for at := pr.window.LowestOffset(p, pr.next[p]); at < pr.next[p] && place == ""; {
				recs, err := log.Read(ctx, p, at, readBatch)
				if err != nil {
					return err
				}
				for i := range recs {
					var e event.Event
					if _, checkpoint := ingest.ParseBatchMarker(recs[i].Value); !checkpoint && len(recs[i].Value) > 0 && dec.Decode(recs[i].Value, &e) == nil && e.Key == of.Key && e.Time == of.Time && e.Source == of.Source {
						place = fmt.Sprintf("partition %d, offset %d", p, recs[i].Offset)
						break
					}
				}
				at = recs[len(recs)-1].Offset + 1
			}
		}
		return nil
	}))
	return fmt.Errorf("event of %s at %s, id %016x (%s): %w", of.Source, instant(of.Time).Format(time.RFC3339Nano), of.Key, cmp.Or(place, "not in the log any more"), err)
}
