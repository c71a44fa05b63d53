package stream

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/cmd/outflow/internal/snapshot"
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/ingest/identity"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
)

// A processor keeps several committed checkpoints: the newest, from which it goes on, and some older
// ones. Events that come too late for the newest can still be processed after a rollback to an older
// one, as long as the event log holds everything that was read since. docs/adr/0013-arrival.md.

// olderCheckpoint is a committed checkpoint before the newest.
type olderCheckpoint struct {
	at  int64   // Unix milliseconds
	low []int64 // by partition: the offset from which the event log must be read after it
}

// checkpointStore holds the committed checkpoints of a processor.
type checkpointStore interface {
	// list returns the checkpoints before the newest, the latest of them first.
	list(ctx context.Context) ([]olderCheckpoint, error)
	// rollBack deletes all checkpoints after a time (Unix milliseconds); all of them for 0.
	rollBack(ctx context.Context, at int64) error
}

// localCheckpoints are those in the processor's own store. A rollback deletes snapshots, too.
type localCheckpoints struct {
	store  *engine.Store
	shared *snapshot.Store // nil if there are no snapshots
}

func (b *localCheckpoints) list(ctx context.Context) (list []olderCheckpoint, err error) {
	generations, err := b.store.Generations(ctx)
	if err != nil {
		return nil, err
	}
	slices.Reverse(generations)
	for i, g := range generations {
		if i == 0 {
			continue
		}
		c, err := ReadCommitted(ctx, b.store, g)
		if err != nil {
			return nil, err
		}
		if c != nil {
			list = append(list, olderCheckpoint{c.At, c.Low})
		}
	}
	return list, nil
}

func (b *localCheckpoints) rollBack(ctx context.Context, at int64) error {
	if b.shared != nil {
		times, err := b.shared.List(ctx)
		if err != nil {
			return err
		}
		for _, x := range times {
			if x > at {
				if err := b.shared.Remove(ctx, x); err != nil {
					return fmt.Errorf("snapshots: remove newer snapshot: %w", err)
				}
			}
		}
	}
	if at == 0 {
		return b.store.Forget(ctx, math.MinInt64)
	}
	return b.store.Forget(ctx, at) // a generation is numbered by the time of its checkpoint
}

// sharedCheckpoints are those of workers that share the users: the snapshots.
type sharedCheckpoints struct {
	snapshots *snapshot.Store
	dir       string
}

func (b *sharedCheckpoints) list(ctx context.Context) (list []olderCheckpoint, err error) {
	all, err := b.snapshots.ListShared(ctx)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	newest := all[0].At
	tmp, err := os.MkdirTemp(b.dir, ".bases-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	for _, x := range all {
		if x.At == newest {
			continue
		}
		low, err := b.lowOffsets(ctx, x, filepath.Join(tmp, "store"))
		if err != nil {
			return nil, err
		}
		if low == nil {
			continue
		}
		if n := len(list); n > 0 && list[n-1].at == x.At {
			for i := range min(len(low), len(list[n-1].low)) {
				list[n-1].low[i] = lower(list[n-1].low[i], low[i])
			}
			continue
		}
		list = append(list, olderCheckpoint{x.At, low})
	}
	return list, nil
}

// lowOffsets returns, by partition, the offset from which the event log must be read after a snapshot.
// It fetches the snapshot to path. The result is nil if the snapshot is refused or empty.
func (b *sharedCheckpoints) lowOffsets(ctx context.Context, x snapshot.Shared, path string) ([]int64, error) {
	if err := b.snapshots.Of(x.Shards).Open(ctx, path, x.At); err != nil {
		return nil, nil // refused: there is no rollback to it
	}
	store, err := engine.OpenStore(ctx, path)
	if err != nil {
		return nil, err
	}
	c, err := LatestCommitted(ctx, store)
	if err := errors.Join(err, store.Close()); err != nil || c == nil {
		return nil, err
	}
	return c.Low, nil
}

func (b *sharedCheckpoints) rollBack(ctx context.Context, at int64) error {
	all, err := b.snapshots.ListShared(ctx)
	if err != nil {
		return err
	}
	for _, x := range all {
		if x.At > at {
			if err := b.snapshots.Of(x.Shards).Remove(ctx, x.At); err != nil {
				return fmt.Errorf("snapshots: remove newer snapshot: %w", err)
			}
		}
	}
	return nil
}

// rollback is the error that ends a processor so that another one goes on from an older checkpoint.
type rollback struct {
	at      int64           // of the checkpoint, Unix milliseconds; 0 for the beginning of the log
	events  int64           // missed events that are processed this way
	request *RejudgeRequest // that asked for it; nil if missed events did
}

// Error implements error.
func (b *rollback) Error() string { return "rolling back to an older checkpoint" }

// noteMissed notes the earliest committed hour of which a delta of another task has changed.
func (pr *Processor) noteMissed(hour int64) {
	if hour < pr.missedHour {
		pr.missedHour, pr.unreachable = hour, false
	}
}

// earliestMissed is the earliest day of which something was missed, in days since 1970, UTC; math.MaxInt64 if nothing was:
// events, or what they changed for another worker.
func (pr *Processor) earliestMissed() int64 {
	first := pr.missed.earliest()
	if pr.missedHour != never {
		first = min(first, pr.missedHour/24)
	}
	return first
}

// missedRollback is the rollback after which missed events are processed; nil if there is none that
// helps.
func (pr *Processor) missedRollback(ctx context.Context, events eventlog.Log) (*rollback, error) {
	first := pr.earliestMissed()
	if first == math.MaxInt64 && !pr.newStaff || pr.older == nil {
		return nil, nil
	}
	whole, list, err := pr.reachable(ctx, events)
	if err != nil {
		return nil, err
	}
	if pr.newStaff && whole { // departments and leavers matter from the beginning
		return &rollback{events: pr.missed.countSince(0)}, nil
	}
	if pr.newStaff = false; first == math.MaxInt64 {
		return nil, nil
	}
	for _, c := range list {
		if c.at <= first*event.Day {
			return &rollback{at: c.at, events: pr.missed.countSince(0)}, nil
		}
	}
	if whole {
		return &rollback{events: pr.missed.countSince(0)}, nil
	}
	if len(list) > 0 && pr.missed.earliest() != math.MaxInt64 { // for some of them only
		oldest := list[len(list)-1].at
		if n := pr.missed.countSince((oldest + event.Day - 1) / event.Day); n > 0 {
			return &rollback{at: oldest, events: n}, nil
		}
	}
	return nil, nil
}

// reachable returns the older checkpoints after which the event log still holds everything, the latest
// first. If whole is true, it holds every record that it ever had.
func (pr *Processor) reachable(ctx context.Context, events eventlog.Log) (whole bool, list []olderCheckpoint, err error) {
	firsts := make([]int64, len(pr.next))
	whole = true
	for _, p := range pr.reads {
		if firsts[p], _, err = events.Bounds(ctx, p); err != nil {
			return false, nil, err
		}
		whole = whole && firsts[p] == 0
	}
	if list, err = pr.older.list(ctx); err != nil {
		return false, nil, err
	}
	list = slices.DeleteFunc(list, func(c olderCheckpoint) bool {
		for _, p := range pr.reads {
			if p >= len(c.low) || c.low[p] < firsts[p] {
				return true
			}
		}
		return c.at >= pr.checkpoints.base()
	})
	return whole, list, nil
}

// RejudgeFile is the file in the data directory in which outflow rescore leaves a RejudgeRequest for
// the daemon.
const RejudgeFile = "rejudge.json"

// RejudgeRequest asks the daemon to process everything from a day on again.
type RejudgeRequest struct {
	From time.Time `json:"from"` // midnight UTC of the day
	At   time.Time `json:"at"`   // when it was asked for
	// Reread says that sources are read again for it. Processing then starts over with what the event
	// log holds.
	Reread bool `json:"anew,omitempty"`
}

// checkRequestEvery is how often the daemon looks for a RejudgeRequest.
const checkRequestEvery = 2 * time.Second

// rereadWithin is how long a RejudgeRequest waits for sources to begin to be read again.
const rereadWithin = 20 * time.Second

// requestedRollback is the rollback that a request needs.
func (pr *Processor) requestedRollback(ctx context.Context, events eventlog.Log, r *RejudgeRequest) (*rollback, error) {
	whole, list, err := pr.reachable(ctx, events)
	if err != nil {
		return nil, err
	}
	back := &rollback{request: r}
	if r.Reread {
		return back, nil
	}
	for _, c := range list {
		if c.at <= r.From.UnixMilli() {
			back.at = c.at
			return back, nil
		}
	}
	if whole {
		back.request = &RejudgeRequest{At: r.At} // all of it can be processed: nothing stays as published
	}
	return back, nil
}

// emptyAt is the time of a checkpoint without any state. All events are later.
const emptyAt = event.Day

// startOver replaces all checkpoints by an empty one, from which everything in the event log is
// processed. What was published about the time before from stays as it is.
func (pr *Processor) startOver(ctx context.Context, events eventlog.Log, from time.Time) error {
	low := make([]int64, len(pr.next))
	for p := range low {
		low[p] = unread
	}
	for _, p := range pr.reads {
		var err error
		if low[p], _, err = events.Bounds(ctx, p); err != nil {
			return err
		}
	}
	aliases, err := identity.New().Snapshot()
	if err != nil {
		return err
	}
	desk, err := new(alert.Desk).Marshal()
	if err != nil {
		return err
	}
	c := Committed{
		Position: Position{At: emptyAt, Low: low, Next: slices.Clone(low), Floor: from.UnixMilli()},
		Aliases:  aliases,
		Desk:     desk,
	}
	pr.window.HRRecords(func(rec []byte) { c.Staff = event.AppendFramed(c.Staff, rec) })
	if err := pr.older.rollBack(ctx, 0); err != nil {
		return err
	}
	if err := c.Save(ctx, pr.store, emptyAt, nil, nil); err != nil {
		return err
	}
	if pr.stored != nil {
		return pr.stored(ctx, emptyAt)
	}
	return nil
}
