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
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/internal/guard"
)

// detectShards judges some shards of the people, and trades with those who judge the others
// what hours bring. The base lies with the snapshots alone: which shards a machine judges
// changes with the machines there are.
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
	pr, err := newProcessor(store, l.Events.Partitions(), w.Config(), l.telling(keys))
	if err != nil {
		return err
	}
	pr.published.shards, pr.published.mine = l.Alerts.Partitions(), mine
	pr.window.KeepSums()
	pr.bases = &sharedCheckpoints{snapshots, w.Dir}
	hours, err := w.resume(ctx, pr, snapshots)
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
	if pr.exchange, err = newExchange(ctx, l.Hours, pr.published.shards, mine, epochs, hours, pr.file, w.Log); err != nil {
		return err
	}
	pr.config.Shards, pr.config.Mine, pr.config.Exchange = pr.published.shards, mine, pr.exchange.trade
	own := snapshots.Of(mine)
	pr.stored = func(ctx context.Context, at int64) error {
		if err := own.Put(ctx, path, at); err != nil {
			return err
		}
		return snapshots.Prune(ctx)
	}
	errDone := errors.New("done")
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return pr.exchange.run(ctx) })
	g.Go(func() error {
		err := guard.Do("judge", func() error { return w.consume(ctx, l, pr) })
		if err == nil { // with --once
			err = pr.exchange.flush(ctx)
		}
		return cmp.Or(err, errDone)
	})
	if err := g.Wait(); err != errDone {
		return err
	}
	return nil
}

// resume has a processor of some shards go on from the newest snapshots that together hold
// them, of one moment. It returns the offset from which the deltas of other workers are to be
// read; 0 if there are no such snapshots, and it begins from nothing.
func (w *Worker) resume(ctx context.Context, pr *Processor, store *snapshot.Store) (hours int64, err error) {
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

// resumeAt is resume from snapshots of one moment. The checkpoint is nil if some of the shards
// are in none of them that is sound.
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
		nextCheckpoint := both(x.Shards, left)
		if len(nextCheckpoint) == 0 {
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
		parts = append(parts, engine.Part{Snapshot: baseline, Shards: nextCheckpoint})
		desks = append(desks, c.Desk)
		left = slices.DeleteFunc(left, func(s int) bool { return slices.Contains(nextCheckpoint, s) })
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
	w.Log.Info("state restored from snapshots", "checkpoint", instant(whole.At), "snapshots", len(parts))
	return whole, pr.begin(whole, baseline)
}

// both are the numbers that are in both lists.
func both(a, b []int) (list []int) {
	for _, n := range a {
		if slices.Contains(b, n) {
			list = append(list, n)
		}
	}
	return list
}

// earliest takes the earlier offsets of two positions of the same moment, with what became of
// the records up to there.
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

// loadShared reads a snapshot that was fetched to a path.
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
