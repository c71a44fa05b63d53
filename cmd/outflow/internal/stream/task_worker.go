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

// runTasks runs a processor of some tasks. It exchanges hourly deltas, and copies of events, with the workers of the other
// tasks. Its checkpoints are stored as snapshots only, because which tasks a worker has changes with the number of workers.
func (w *Worker) runTasks(ctx context.Context, l *Logs, mine []int, snapshots *snapshot.Store, path string) error {
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
	in := newInputs(l)
	pr, err := newProcessor(store, in.Partitions(), w.Config(), l.appendAlerts(keys))
	if err != nil {
		return err
	}
	pr.config.Verdicts = triage.Follow(ctx, w.Dir, w.Log)
	pr.published.shards, pr.published.mine = in.tasks(), mine
	pr.inputs, pr.reads = in, in.partitions(mine)
	pr.older = &sharedCheckpoints{snapshots, w.Dir}
	from, err := w.resume(ctx, pr, snapshots)
	if err != nil {
		return err
	}
	for _, s := range mine {
		if epochs[s], keys[s], err = pr.beginEpoch(ctx, l.Alerts, s, time.Now()); err != nil {
			return err
		}
	}
	if err := pr.verifyOffsets(ctx, in); err != nil {
		return err
	}
	pr.deltas, err = newDeltaExchange(ctx, l.Deltas, in.tasks(), mine, epochs, from.Hours, pr.file, w.Log)
	if err != nil {
		return err
	}
	pr.deltas.resume(from.At/event.Hour, from.Used)
	if err := pr.deltas.hello(ctx); err != nil {
		return err
	}
	if len(mine) < in.tasks() {
		pr.forward = newForwarder(pr, in, mine)
	}
	pr.config.Shards, pr.config.Mine, pr.config.Exchange = in.tasks(), mine, pr.deltas.exchange
	own := snapshots.Of(mine)
	pr.stored = func(ctx context.Context, at int64) error {
		if err := own.Put(ctx, path, at); err != nil {
			return err
		}
		return snapshots.Prune(ctx)
	}
	return w.consumeTasks(ctx, l, pr)
}

// consumeTasks is consume while deltas are exchanged.
func (w *Worker) consumeTasks(ctx context.Context, l *Logs, pr *Processor) error {
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

// resume has a processor of some tasks go on from the newest snapshots of one checkpoint time that together hold its tasks,
// and returns their position. It is empty if there are no such snapshots, and the processor begins without any state.
func (w *Worker) resume(ctx context.Context, pr *Processor, store *snapshot.Store) (Position, error) {
	list, err := store.ListShared(ctx)
	if err != nil {
		return Position{}, err
	}
	for len(list) > 0 {
		same := list
		if i := slices.IndexFunc(list, func(x snapshot.Shared) bool { return x.At != list[0].At }); i > 0 {
			same = list[:i]
		}
		list = list[len(same):]
		c, err := w.resumeAt(ctx, pr, store, same)
		if err != nil {
			return Position{}, err
		}
		if c != nil {
			return c.Position, nil
		}
	}
	return Position{}, nil
}

// resumeAt is resume from the snapshots of one checkpoint time. The result is nil if a task is in none of those that can be
// read.
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
		if len(c.Low) != pr.inputs.Partitions() {
			return nil, fmt.Errorf("snapshot %s: it is of %d partitions, not %d: another number of tasks requires another topic_prefix",
				from.File(x.At), len(c.Low), pr.inputs.Partitions())
		}
		c.restrict(pr.inputs, take)
		if whole == nil {
			whole = c
		} else {
			whole.join(c)
		}
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

// restrict forgets the partitions of other tasks.
func (p *Position) restrict(in *inputs, tasks []int) {
	keep := in.partitions(tasks)
	for n := range p.Low {
		if slices.Contains(keep, n) {
			continue
		}
		p.Low[n], p.Next[n] = unread, unread
		if n < min(len(p.Counts), len(p.Missed)) {
			p.Counts[n], p.Missed[n] = nil, nil
		}
	}
}

// join adds the position of other tasks at the same checkpoint time, with the records of HR. Of a partition that both have
// read it takes the earlier offset, and the accounts of the records up to there.
func (c *Committed) join(o *Committed) {
	for n := range min(len(c.Low), len(o.Low)) {
		c.Low[n] = lower(c.Low[n], o.Low[n])
		if o.Next[n] == unread || c.Next[n] != unread && o.Next[n] >= c.Next[n] {
			continue
		}
		c.Next[n] = o.Next[n]
		if n < min(len(c.Counts), len(o.Counts), len(c.Missed), len(o.Missed)) {
			c.Counts[n], c.Missed[n] = o.Counts[n], o.Missed[n]
		}
	}
	c.Staff = append(c.Staff, o.Staff...)
	c.Hours = min(c.Hours, o.Hours)
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
