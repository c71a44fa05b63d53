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
func (w *Worker) detectShards(ctx context.Context, l *Logs, mine []int, shelf *snapshot.Store, path string) error {
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
	keys, terms := map[int]string{}, map[int]int64{}
	j, err := newProcessor(store, l.Events.Partitions(), w.Config(), l.telling(keys))
	if err != nil {
		return err
	}
	j.shards, j.mine = l.Alerts.Partitions(), mine
	j.window.KeepSums()
	j.bases = &sharedBases{shelf, w.Dir}
	p, err := w.resume(ctx, j, shelf)
	if err != nil {
		return err
	}
	for _, s := range mine {
		if terms[s], keys[s], err = j.takeOver(ctx, l.Alerts, s, time.Now()); err != nil {
			return err
		}
	}
	if err := j.look(ctx, l.Events); err != nil {
		return err
	}
	if j.exchange, err = newExchange(ctx, l.Hours, j.shards, mine, terms, p.Hours, j.file, w.Log); err != nil {
		return err
	}
	j.config.Shards, j.config.Mine, j.config.Trade = j.shards, mine, j.exchange.trade
	own := shelf.Of(mine)
	j.stored = func(ctx context.Context, at int64) error {
		if err := own.Put(ctx, path, at); err != nil {
			return err
		}
		return shelf.Prune(ctx)
	}
	errDone := errors.New("done")
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return j.exchange.run(ctx) })
	g.Go(func() error {
		err := guard.Do("judge", func() error { return w.consume(ctx, l, j) })
		if err == nil { // with --once
			err = j.exchange.flush(ctx)
		}
		return cmp.Or(err, errDone)
	})
	if err := g.Wait(); err != errDone {
		return err
	}
	return nil
}

// resume has a judge of some shards go on from the newest snapshots that together hold
// them, of one moment; from nothing if there are none.
func (w *Worker) resume(ctx context.Context, j *Processor, shelf *snapshot.Store) (position, error) {
	list, err := shelf.ListShared(ctx)
	if err != nil {
		return position{}, err
	}
	for len(list) > 0 {
		same := list
		if i := slices.IndexFunc(list, func(x snapshot.Shared) bool { return x.At != list[0].At }); i > 0 {
			same = list[:i]
		}
		list = list[len(same):]
		p, whole, err := w.resumeAt(ctx, j, shelf, same)
		if err != nil || whole {
			return p, err
		}
	}
	return position{}, nil
}

// resumeAt is resume from snapshots of one moment; whole is false if some of the shards are
// in none of them that is sound.
func (w *Worker) resumeAt(ctx context.Context, j *Processor, shelf *snapshot.Store, list []snapshot.Shared) (p position, whole bool, err error) {
	tmp, err := os.MkdirTemp(w.Dir, ".shards-*")
	if err != nil {
		return p, false, err
	}
	defer os.RemoveAll(tmp)
	left := slices.Clone(j.mine)
	var parts []engine.Part
	var desks [][]byte
	kept := map[string][]byte{}
	for i, x := range list {
		var wanted []int
		for _, s := range x.Shards {
			if slices.Contains(left, s) {
				wanted = append(wanted, s)
			}
		}
		if len(wanted) == 0 {
			continue
		}
		path := filepath.Join(tmp, fmt.Sprint(i))
		if err := shelf.Of(x.Shards).Open(ctx, path, x.At); err != nil {
			w.Log.Error("snapshot refused; others are tried", "file", shelf.Of(x.Shards).File(x.At), "err", err)
			continue
		}
		part, at, beside, err := loadShared(ctx, path)
		if err != nil {
			return p, false, fmt.Errorf("snapshot %s: %w", shelf.Of(x.Shards).File(x.At), err)
		}
		if len(parts) == 0 {
			p, kept = at, beside
		}
		for n := range min(len(p.Low), len(at.Low)) {
			if p.Low[n] = min(p.Low[n], at.Low[n]); at.Next[n] < p.Next[n] { // what became of the records goes with it
				p.Next[n] = at.Next[n]
				if n < len(p.Counts) && n < len(at.Counts) && n < len(p.Missed) && n < len(at.Missed) {
					p.Counts[n], p.Missed[n] = at.Counts[n], at.Missed[n]
				}
			}
		}
		p.Hours = min(p.Hours, at.Hours)
		parts = append(parts, engine.Part{Snapshot: part, Shards: wanted})
		desks = append(desks, beside["desk"])
		left = slices.DeleteFunc(left, func(s int) bool { return slices.Contains(wanted, s) })
	}
	if len(left) > 0 {
		return p, false, nil
	}
	baseline, err := engine.Merge(j.shards, parts, w.Dir)
	if err != nil {
		return p, false, err
	}
	kept["desk"], err = alert.MergeDesks(desks, func(i int, user string) bool {
		return slices.Contains(parts[i].Shards, engine.ShardOf(user, j.shards))
	})
	if err != nil {
		return p, false, err
	}
	w.Log.Info("state fetched from snapshots", "base", instant(p.At), "snapshots", len(parts))
	return p, true, j.begin(p, kept, baseline)
}

// loadShared reads a snapshot that was fetched.
func loadShared(ctx context.Context, path string) (*engine.Snapshot, position, map[string][]byte, error) {
	store, err := engine.OpenStore(ctx, path)
	if err != nil {
		return nil, position{}, nil, err
	}
	defer store.Close()
	p, kept, err := StoredPosition(ctx, store)
	if err != nil {
		return nil, p, nil, err
	}
	baseline, err := store.Load(ctx, p.Generation)
	return baseline, p, kept, err
}
