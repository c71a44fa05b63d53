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

// A judge keeps several bases: the one it goes on from, and some older ones. What comes
// too late for the newest can be judged all the same, from an older one on, as long as the
// log holds what was read since. docs/adr/0013-arrival.md.

// base is a stored base of a judge.
type base struct {
	at  int64   // Unix milliseconds; 0 for the beginning of the log
	low []int64 // by partition: from where the log is to be read after it
}

// bases are the stored bases of a judge.
type bases interface {
	// list lists those that are older than the newest, the newest of them first.
	list(ctx context.Context) ([]base, error)
	// goBack forgets all that are newer than one at a time; all of them for 0.
	rollback(ctx context.Context, at int64) error
}

// localBases are those in the judge's own store. What machines share has to go back, too.
type localCheckpoints struct {
	store  *engine.Store
	shared *snapshot.Store // nil if nothing is shared
}

func (b *localCheckpoints) list(ctx context.Context) (list []base, err error) {
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
			list = append(list, base{c.At, c.Low})
		}
	}
	return list, nil
}

func (b *localCheckpoints) rollback(ctx context.Context, at int64) error {
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
	return b.store.Forget(ctx, at) // a generation is numbered by the time of its base
}

// sharedBases are those of judges that share the people: the snapshots.
type sharedCheckpoints struct {
	snapshots *snapshot.Store
	dir       string
}

func (b *sharedCheckpoints) list(ctx context.Context) (list []base, err error) {
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
		path := filepath.Join(tmp, "store")
		if err := b.snapshots.Of(x.Shards).Open(ctx, path, x.At); err != nil {
			continue // refused: one that cannot be gone back to
		}
		store, err := engine.OpenStore(ctx, path)
		if err != nil {
			return nil, err
		}
		c, err := LatestCommitted(ctx, store)
		if err := errors.Join(err, store.Close()); err != nil {
			return nil, err
		}
		if c == nil {
			continue // it holds nothing
		}
		if n := len(list); n > 0 && list[n-1].at == x.At {
			for i := range min(len(c.Low), len(list[n-1].low)) {
				list[n-1].low[i] = min(list[n-1].low[i], c.Low[i])
			}
			continue
		}
		list = append(list, base{x.At, c.Low})
	}
	return list, nil
}

func (b *sharedCheckpoints) rollback(ctx context.Context, at int64) error {
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

// goBack has judging begin again from an older base.
type rollback struct {
	at     int64 // of the base; 0 for the beginning of the log
	events int64 // that this has judged
	asked  *RejudgeRequest
}

func (g *rollback) Error() string { return "judging begins again at an older base" }

// earlier is the base to go back to so that what was missed is judged; nil if there is none
// that helps.
func (pr *Processor) earlier(ctx context.Context, events eventlog.Log) (*rollback, error) {
	first := pr.missed.earliest()
	if first == math.MaxInt64 && !pr.hired || pr.bases == nil {
		return nil, nil
	}
	whole, list, err := pr.within(ctx, events)
	if err != nil {
		return nil, err
	}
	if pr.hired && whole { // departments, and who leaves, count from the beginning
		return &rollback{events: pr.missed.since(0)}, nil
	}
	if pr.hired = false; first == math.MaxInt64 {
		return nil, nil
	}
	for _, b := range list {
		if b.at <= first*event.Day {
			return &rollback{at: b.at, events: pr.missed.since(0)}, nil
		}
	}
	if whole {
		return &rollback{events: pr.missed.since(0)}, nil
	}
	if len(list) > 0 { // not all of it can be judged
		oldest := list[len(list)-1].at
		if n := pr.missed.since((oldest + event.Day - 1) / event.Day); n > 0 {
			return &rollback{at: oldest, events: n}, nil
		}
	}
	return nil, nil
}

// within are the older bases after which the log holds everything; whole says that it
// holds everything there ever was.
func (pr *Processor) within(ctx context.Context, events eventlog.Log) (whole bool, list []base, err error) {
	firsts := make([]int64, len(pr.next))
	whole = true
	for p := range firsts {
		if firsts[p], _, err = events.Bounds(ctx, p); err != nil {
			return false, nil, err
		}
		whole = whole && firsts[p] == 0
	}
	if list, err = pr.bases.list(ctx); err != nil {
		return false, nil, err
	}
	list = slices.DeleteFunc(list, func(b base) bool {
		for p := range firsts {
			if p >= len(b.low) || b.low[p] < firsts[p] {
				return true
			}
		}
		return b.at >= pr.checkpoints.base()
	})
	return whole, list, nil
}

// RejudgeFile is what outflow rejudge asks the daemon for, in its data directory.
const RejudgeFile = "rejudge.json"

// RejudgeRequest asks for everything from a day on to be judged again.
type RejudgeRequest struct {
	From time.Time `json:"from"`
	At   time.Time `json:"at"` // when it was asked
	// Anew says that sources are read again for it: what is in the log is all there is.
	Anew bool `json:"anew,omitempty"`
}

// askedEvery is how often the daemon looks for what outflow rejudge asks.
const askedEvery = 2 * time.Second

// rereadWithin is for how long it is waited for sources to begin to be read again.
const rereadWithin = 20 * time.Second

// requested is the base to go back to for what outflow rejudge asks.
func (pr *Processor) requested(ctx context.Context, events eventlog.Log, r *RejudgeRequest) (*rollback, error) {
	whole, list, err := pr.within(ctx, events)
	if err != nil {
		return nil, err
	}
	back := &rollback{asked: r}
	if r.Anew {
		return back, nil
	}
	for _, b := range list {
		if b.at <= r.From.UnixMilli() {
			back.at = b.at
			return back, nil
		}
	}
	if whole {
		back.asked = &RejudgeRequest{At: r.At} // nothing has to be left as it is
	}
	return back, nil
}

// dawn is the time of a base that knows nothing. Everything comes after it.
const dawn = event.Day

// anew has judging begin with what the log holds, and nothing known. What was told about
// what happened before a time stays as it is.
func (pr *Processor) anew(ctx context.Context, events eventlog.Log, from time.Time) error {
	low := make([]int64, len(pr.next))
	for p := range low {
		var err error
		if low[p], _, err = events.Bounds(ctx, p); err != nil {
			return err
		}
	}
	aliases, err := identity.New().Snapshot()
	if err != nil {
		return err
	}
	desk, err := alert.NewCorrelator().Checkpoint(0)
	if err != nil {
		return err
	}
	c := Committed{
		Position: Position{At: dawn, Low: low, Next: slices.Clone(low), Floor: from.UnixMilli()},
		Aliases:  aliases,
		Desk:     desk,
	}
	pr.window.HRRecords(func(rec []byte) { c.Staff = event.AppendFramed(c.Staff, rec) })
	entries, err := c.Entries()
	if err != nil {
		return err
	}
	if err := pr.bases.rollback(ctx, 0); err != nil {
		return err
	}
	if err := pr.store.SaveWith(ctx, dawn, nil, nil, entries); err != nil {
		return err
	}
	if pr.stored != nil {
		return pr.stored(ctx, dawn)
	}
	return nil
}
