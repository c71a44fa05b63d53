package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync/atomic"
	"time"

	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/snapshot"
	"github.com/outflow/outflow/cmd/outflow/internal/triage"
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/failpoint"
)

// Worker is a process in the role detect: it runs a processor over the event log, for all users or
// for some shards of them. Its methods other than Run may be called while Run runs.
type Worker struct {
	Dir    string                // the data directory
	Config func() *config.Config // returns the configuration in force
	Log    *slog.Logger          // of the daemon
	Once   bool                  // process everything that is there together, as a scan does; then Run ends

	requestChecked  time.Time // when a RejudgeRequest was last looked for
	rolledBack      time.Time // when it rolled back to an older checkpoint; zero once it has caught up
	noRollbackUntil time.Time // unless one is requested

	view     atomic.Pointer[View]
	running  atomic.Bool  // there is a processor
	busy     atomic.Bool  // it is processing
	progress atomic.Int64 // when it last made progress, Unix nanoseconds
}

// View returns what the processor looked like a moment ago. It is empty if there was none yet, never
// nil.
func (w *Worker) View() *View {
	if v := w.view.Load(); v != nil {
		return v
	}
	return &View{}
}

// StalledSince returns when a processor that has work to do last made progress. It is zero if there is
// no processor, or no work; waiting says that the event log has records that are not read yet.
func (w *Worker) StalledSince(waiting bool) time.Time {
	if !w.running.Load() || !w.busy.Load() && !waiting {
		return time.Time{}
	}
	return time.Unix(0, w.progress.Load())
}

// rejudgeRequest returns the request that outflow rescore has left; nil if there is none. With now it
// is looked for at once, and does not wait for sources to be read again.
func (w *Worker) rejudgeRequest(now bool) (*RejudgeRequest, error) {
	if !now && time.Since(w.requestChecked) < checkRequestEvery {
		return nil, nil
	}
	w.requestChecked = time.Now()
	b, err := os.ReadFile(filepath.Join(w.Dir, RejudgeFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var r RejudgeRequest
	if err := json.Unmarshal(b, &r); err != nil || r.From.IsZero() {
		return nil, fmt.Errorf("%s: not a request of outflow rescore; remove the file", filepath.Join(w.Dir, RejudgeFile))
	}
	if !now && r.Reread && time.Since(r.At) < rereadWithin {
		return nil, nil
	}
	return &r, nil
}

// Run processes the event log, for the given shards of the users if workers share them, and appends to
// the alert topic. It starts another processor after each rollback to an older checkpoint, and
// when another worker has begun a later epoch. It returns
// when ctx ends, at the end of the log with Once, or with the first error.
func (w *Worker) Run(ctx context.Context, l *Logs, shards []int) error {
	shared, err := snapshot.Open(ctx, w.Config().Snapshots, w.Config().Log.Topic("detect"))
	if err != nil {
		return err
	}
	path := filepath.Join(w.Dir, "detect-0.db")
	for {
		var err error
		if l.Deltas != nil {
			err = w.runTasks(ctx, l, shards, shared, path)
		} else {
			err = w.runAll(ctx, l, shared, path)
		}
		switch back := (*rollback)(nil); {
		case errors.As(err, &back), errors.Is(err, errWatchlists):
		case errors.Is(err, errSuperseded) && ctx.Err() == nil:
			w.Log.Warn("beginning a new epoch", "reason", err)
		default:
			return err
		}
	}
}

// errWatchlists ends a processor whose watchlists are no longer those of the configuration. The next one goes on from
// the newest checkpoint, and scores the days since with the new ones, as after a restart.
var errWatchlists = errors.New("other watchlists from now on")

// watchlistsChanged returns errWatchlists if the configuration in force has other watchlists than a processor.
func (w *Worker) watchlistsChanged(pr *Processor) error {
	conf := w.Config()
	if conf == pr.loaded {
		return nil
	}
	next, err := conf.Detect()
	if err != nil {
		return err
	}
	if pr.loaded = conf; reflect.DeepEqual(next.Watchlists, pr.config.Watchlists) {
		return nil
	}
	w.Log.Info("watchlists changed: scoring again from the newest checkpoint")
	return errWatchlists
}

// runAll runs a processor of all users.
func (w *Worker) runAll(ctx context.Context, l *Logs, shared *snapshot.Store, path string) error {
	if err := w.fetchNewer(ctx, shared, path); err != nil {
		return err
	}
	store, err := engine.OpenStore(ctx, path)
	if err != nil {
		return err
	}
	defer store.Close()
	keys := map[int]string{}
	pr, err := openProcessor(ctx, store, l.Events.Partitions(), w.Config(), l.appendAlerts(keys))
	if err != nil {
		return err
	}
	pr.config.Verdicts = triage.Follow(ctx, w.Dir, w.Log)
	pr.older = &localCheckpoints{store, shared}
	if shared != nil {
		pr.stored = func(ctx context.Context, at int64) error { return shared.Put(ctx, path, at) }
	}
	if _, keys[0], err = pr.beginEpoch(ctx, l.Alerts, 0, time.Now()); err != nil {
		return err
	}
	if err := pr.verifyOffsets(ctx, l.Events); err != nil {
		return err
	}
	return w.consume(ctx, l, pr)
}

// fetchNewer replaces the store at path by a snapshot if there is one with a later checkpoint. shared
// may be nil.
func (w *Worker) fetchNewer(ctx context.Context, shared *snapshot.Store, path string) error {
	if shared == nil {
		return nil
	}
	store, err := engine.OpenStore(ctx, path)
	if err != nil {
		return err
	}
	c, err := LatestCommitted(ctx, store)
	if err := errors.Join(err, store.Close()); err != nil {
		return err
	}
	var have int64
	if c != nil {
		have = c.At
	}
	fetched, err := shared.Fetch(ctx, path, have, w.Log)
	if err != nil {
		return err
	}
	if fetched {
		w.Log.Info("state restored from snapshot")
	}
	return nil
}

// show updates the worker's view. What is costly to compute is computed only if something has changed.
func (w *Worker) show(pr *Processor) {
	before := w.view.Load()
	v := &View{Status: pr.status(), Processor: pr, upTo: pr.lastTime, Partitions: pr.delivered()}
	for _, p := range v.Partitions {
		v.Next = append(v.Next, pr.next[p])
	}
	if before != nil && before.Processor == pr && before.upTo == v.upTo && slices.Equal(before.Next, v.Next) {
		v.Accounts, v.Unknown = before.Accounts, before.Unknown
	} else {
		v.Accounts, v.Unknown = pr.accounts.sum(), pr.unknownPeople()
	}
	w.view.Store(v)
}

// rollBack rolls the stored state back to an older checkpoint if that was requested, or if there are
// missed events that can be processed from there. The error is then a *rollback. Rollbacks for missed
// events take at most a tenth of the time, unless now is true.
func (w *Worker) rollBack(ctx context.Context, log eventlog.Log, pr *Processor, now bool) error {
	if !w.rolledBack.IsZero() { // and it has caught up
		w.noRollbackUntil = time.Now().Add(min(10*time.Since(w.rolledBack), longestRest))
		w.rolledBack = time.Time{}
	}
	request, err := w.rejudgeRequest(now)
	if err != nil {
		return err
	}
	var back *rollback
	switch {
	case request != nil:
		back, err = pr.requestedRollback(ctx, log, request)
	case !pr.unreachable && (now || time.Now().After(w.noRollbackUntil)):
		if back, err = pr.missedRollback(ctx, log); err == nil && back == nil && pr.earliestMissed() != math.MaxInt64 {
			pr.unreachable = true
			pr.processFrom(pr.lastTime + 1) // so that it is published
		}
	}
	if err != nil || back == nil {
		return err
	}
	from := "the beginning of the log"
	if back.at > 0 {
		from = DateOf(back.at / event.Day)
	}
	w.Log.Warn("rolling back to an older checkpoint", "from", from, "late_events", back.events, "requested", request != nil)
	failpoint.Reach("rollback")
	if back.request != nil && !back.request.From.IsZero() && back.at == 0 {
		err = pr.startOver(ctx, log, back.request.From)
	} else {
		err = pr.older.rollBack(ctx, back.at)
	}
	if err == nil && request != nil {
		err = os.Remove(filepath.Join(w.Dir, RejudgeFile))
	}
	if err != nil {
		return err
	}
	failpoint.Reach("rolled-back")
	w.rolledBack = time.Now()
	return back
}

// longestRest is how long missed events wait for a rollback at most.
const longestRest = 6 * time.Hour
