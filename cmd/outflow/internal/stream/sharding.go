package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/cmd/outflow/internal/snapshot"
	"github.com/outflow/outflow/cmd/outflow/internal/triage"
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/guard"
)

// runShards runs a processor of some shards of the users. It exchanges hourly deltas with the workers
// that process the other shards. Its checkpoints are stored as snapshots only, because which shards a
// worker processes changes with the number of workers.
func (w *Worker) runShards(ctx context.Context, l *Logs, mine []int, snapshots *snapshot.Store, path string) error {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	store, err := engine.OpenStore(ctx, path)
	if err != nil {
		return err
	}
	defer store.Close()
	keys, epochs := map[int]string{}, map[int]int64{}
	pr, err := newProcessor(store, l.Events.Partitions(), w.Config(), l.appendAlerts(keys))
	if err != nil {
		return err
	}
	pr.config.Verdicts = triage.Follow(ctx, w.Dir, w.Log)
	pr.published.shards, pr.published.mine = l.Alerts.Partitions(), mine
	pr.window.KeepSums()
	pr.older = &sharedCheckpoints{snapshots, w.Dir}
	deltasFrom, err := w.resume(ctx, pr, snapshots)
	if err != nil {
		return err
	}
	for _, s := range mine {
		if epochs[s], keys[s], err = pr.beginEpoch(ctx, l.Alerts, s, time.Now()); err != nil {
			return err
		}
	}
	if err := pr.verifyOffsets(ctx, l.Events); err != nil {
		return err
	}
	pr.deltas, err = newDeltaExchange(ctx, l.Deltas, pr.published.shards, mine, epochs, deltasFrom, pr.file, w.Log)
	if err != nil {
		return err
	}
	pr.config.Shards, pr.config.Mine, pr.config.Exchange = pr.published.shards, mine, pr.deltas.exchange
	own := snapshots.Of(mine)
	pr.stored = func(ctx context.Context, at int64) error {
		if err := own.Put(ctx, path, at); err != nil {
			return err
		}
		return snapshots.Prune(ctx)
	}
	return w.consumeShards(ctx, l, pr)
}

// consumeShards is consume while deltas are exchanged.
func (w *Worker) consumeShards(ctx context.Context, l *Logs, pr *Processor) error {
	errDone := errors.New("done")
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return pr.deltas.run(ctx) })
	g.Go(func() error {
		err := guard.Do("process", func() error { return w.consume(ctx, l, pr) })
		if err == nil { // with Once
			err = pr.deltas.flush(ctx)
		}
		return cmp.Or(err, errDone) // ends run, too
	})
	if err := g.Wait(); err != errDone {
		return err
	}
	return nil
}

// resume has a processor of some shards go on from the newest snapshots of one checkpoint time that
// together hold its shards. It returns the offset from which the deltas of other workers must be read;
// 0 if there are no such snapshots, and the processor begins without any state.
func (w *Worker) resume(ctx context.Context, pr *Processor, store *snapshot.Store) (deltasFrom int64, err error) {
	list, err := store.ListShared(ctx)
	if err != nil {
		return 0, err
	}
	for len(list) > 0 {
		same := list
		if i := slices.IndexFunc(list, func(x snapshot.Shared) bool { return x.At != list[0].At }); i > 0 {
			same = list[:i]
		}
		list = list[len(same):]
		c, err := w.resumeAt(ctx, pr, store, same)
		if err != nil {
			return 0, err
		}
		if c != nil {
			return c.Hours, nil
		}
	}
	return 0, nil
}

// resumeAt is resume from the snapshots of one checkpoint time. The result is nil if a shard is in none
// of those that can be read.
func (w *Worker) resumeAt(ctx context.Context, pr *Processor, store *snapshot.Store, list []snapshot.Shared) (*Committed, error) {
	tmp, err := os.MkdirTemp(w.Dir, ".shards-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	var whole *Committed
	var parts []engine.Part
	var desks [][]byte
	left := slices.Clone(pr.published.mine)
	for i, x := range list {
		take := intersection(x.Shards, left)
		if len(take) == 0 {
			continue
		}
		from := store.Of(x.Shards)
		path := filepath.Join(tmp, fmt.Sprint(i))
		if err := from.Open(ctx, path, x.At); err != nil {
			w.Log.Error("snapshot rejected; trying others", "file", from.File(x.At), "err", err)
			continue
		}
		baseline, c, err := loadShared(ctx, path)
		if err != nil {
			return nil, fmt.Errorf("snapshot %s: %w", from.File(x.At), err)
		}
		if whole == nil {
			whole = c
		}
		whole.earliest(&c.Position)
		parts = append(parts, engine.Part{Snapshot: baseline, Shards: take})
		desks = append(desks, c.Desk)
		left = slices.DeleteFunc(left, func(s int) bool { return slices.Contains(take, s) })
	}
	if len(left) > 0 {
		return nil, nil
	}
	baseline, err := engine.Merge(pr.published.shards, parts, w.Dir)
	if err != nil {
		return nil, err
	}
	whole.Desk, err = alert.MergeCheckpoints(desks, func(i int, user string) bool {
		return slices.Contains(parts[i].Shards, engine.ShardOf(user, pr.published.shards))
	})
	if err != nil {
		return nil, err
	}
	w.Log.Info("state restored from snapshots", "checkpoint", event.Instant(whole.At), "snapshots", len(parts))
	return whole, pr.begin(whole, baseline)
}

// intersection returns the numbers that are in both lists.
func intersection(a, b []int) (list []int) {
	for _, n := range a {
		if slices.Contains(b, n) {
			list = append(list, n)
		}
	}
	return list
}

// earliest lowers the offsets of a position to those of another one of the same checkpoint time, with
// the accounts of the records up to there.
func (p *Position) earliest(q *Position) {
	for n := range min(len(p.Low), len(q.Low)) {
		p.Low[n] = min(p.Low[n], q.Low[n])
		if q.Next[n] >= p.Next[n] {
			continue
		}
		p.Next[n] = q.Next[n]
		if n < min(len(p.Counts), len(q.Counts), len(p.Missed), len(q.Missed)) {
			p.Counts[n], p.Missed[n] = q.Counts[n], q.Missed[n]
		}
	}
	p.Hours = min(p.Hours, q.Hours)
}

// loadShared reads a snapshot that was fetched to path. The error does not name the snapshot.
func loadShared(ctx context.Context, path string) (*engine.Snapshot, *Committed, error) {
	store, err := engine.OpenStore(ctx, path)
	if err != nil {
		return nil, nil, err
	}
	defer store.Close()
	c, err := LatestCommitted(ctx, store)
	if err != nil {
		return nil, nil, err
	}
	if c == nil {
		return nil, nil, errors.New("it holds no checkpoint")
	}
	baseline, err := store.Load(ctx, c.Generation)
	return baseline, c, err
}
