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
	"slices"
	"sync/atomic"
	"time"

	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/snapshot"
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/failpoint"
)

// Worker is a process in the role detect: it runs a processor over the event log, for all
// people or some shards of them.
type Worker struct {
	Dir    string                // the data directory
	Config func() *config.Config // that holds now
	Log    *slog.Logger
	Once   bool // all that is there is processed together, as a scan does, and then Run ends

	looked time.Time // for what outflow rejudge asks
	begun  time.Time // when it rolled back; zero once it has caught up
	rested time.Time // until when it does not do so by itself

	view     atomic.Pointer[View]
	running  atomic.Bool  // there is a processor
	busy     atomic.Bool  // it scores at this moment
	progress atomic.Int64 // when it last got on, Unix nanoseconds
}

// View is what the processor looked like a moment ago; empty if there was none yet.
func (w *Worker) View() *View {
	if v := w.view.Load(); v != nil {
		return v
	}
	return &View{}
}

// Stands is since when a processor that has something to do has got nowhere. It is zero if
// there is none, or nothing to do; waiting says that there are records that it has not read.
func (w *Worker) Stands(waiting bool) time.Time {
	if !w.running.Load() || !w.busy.Load() && !waiting {
		return time.Time{}
	}
	return time.Unix(0, w.progress.Load())
}

// asked is what outflow rejudge asks for; nil if it does not.
func (w *Worker) asked(now bool) (*RejudgeRequest, error) {
	if !now && time.Since(w.looked) < askedEvery {
		return nil, nil
	}
	w.looked = time.Now()
	b, err := os.ReadFile(filepath.Join(w.Dir, RejudgeFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var r RejudgeRequest
	if err := json.Unmarshal(b, &r); err != nil || r.From.IsZero() {
		return nil, fmt.Errorf("%s: not what outflow rejudge writes: remove it", filepath.Join(w.Dir, RejudgeFile))
	}
	if !now && r.Anew && time.Since(r.At) < rereadWithin {
		return nil, nil
	}
	return &r, nil
}

// Run processes the event log, some shards of its people at least, and appends to the
// log of alerts. It begins again at an older base as often as that is needed.
func (w *Worker) Run(ctx context.Context, l *Logs, shards []int) error {
	shared, err := snapshot.Open(ctx, w.Config().Snapshots, w.Config().Log.Topic("detect"))
	if err != nil {
		return err
	}
	path := filepath.Join(w.Dir, "detect-0.db")
	for {
		judging := func(ctx context.Context) error { return w.runAll(ctx, l, shared, path) }
		if l.Hours != nil {
			judging = func(ctx context.Context) error { return w.runShards(ctx, l, shards, shared, path) }
		}
		err := judging(ctx)
		if back := (*rollback)(nil); !errors.As(err, &back) {
			return err
		}
	}
}

// detectAll judges everybody.
func (w *Worker) runAll(ctx context.Context, l *Logs, shared *snapshot.Store, path string) error {
	store, err := engine.OpenStore(ctx, path)
	if err != nil {
		return err
	}
	if shared != nil {
		var have int64
		c, err := LatestCommitted(ctx, store)
		if c != nil {
			have = c.At
		}
		if err != nil {
			return errors.Join(err, store.Close())
		}
		if err := store.Close(); err != nil {
			return err
		}
		fetched, err := shared.Fetch(ctx, path, have, w.Log)
		if err != nil {
			return err
		}
		if fetched {
			w.Log.Info("state restored from snapshot")
		}
		if store, err = engine.OpenStore(ctx, path); err != nil {
			return err
		}
	}
	defer store.Close()
	conf := w.Config()
	epochs := map[int]string{}
	pr, err := openProcessor(ctx, store, l.Events.Partitions(), conf, l.telling(epochs))
	if err != nil {
		return err
	}
	pr.bases = &localCheckpoints{store, shared}
	if shared != nil {
		pr.stored = func(ctx context.Context, at int64) error { return shared.Put(ctx, path, at) }
	}
	if _, epochs[0], err = pr.beginEpoch(ctx, l.Alerts, 0, time.Now()); err != nil {
		return err
	}
	if err := pr.verifyOffsets(ctx, l.Events); err != nil {
		return err
	}
	return w.consume(ctx, l, pr)
}

// show notes what the judge looks like for status and metrics; what costs more than a
// little, not more often than they are asked for.
func (w *Worker) show(pr *Processor) {
	before := w.view.Load()
	v := &View{Status: pr.status(), Processor: pr, upTo: pr.lastTime, Next: slices.Clone(pr.next)}
	if before != nil && before.Processor == pr && before.upTo == v.upTo && slices.Equal(before.Next, v.Next) {
		v.Accounts, v.Unknown = before.Accounts, before.Unknown
	} else {
		v.Accounts, v.Unknown = pr.accounts.sum(), pr.unknownPeople()
	}
	w.view.Store(v)
}

// goBack is a *goBack if judging is to begin again at an older base: because it was asked
// for, or because history has come that the present one cannot take in. It does what that
// needs in the stored state. Without hurry the latter takes at most a tenth of the time.
func (w *Worker) rollback(ctx context.Context, l *Logs, pr *Processor, now bool) error {
	if !w.begun.IsZero() { // what was begun again is done
		w.rested = time.Now().Add(min(10*time.Since(w.begun), longestRest))
		w.begun = time.Time{}
	}
	request, err := w.asked(now)
	if err != nil {
		return err
	}
	var back *rollback
	switch {
	case request != nil:
		back, err = pr.requested(ctx, l.Events, request)
	case !pr.lost && (now || time.Now().After(w.rested)):
		if back, err = pr.earlier(ctx, l.Events); err == nil && back == nil && pr.missed.earliest() != math.MaxInt64 {
			pr.lost = true
			pr.processFrom(pr.lastTime + 1) // so that it is told
		}
	}
	if err != nil || back == nil {
		return err
	}
	from := "the beginning of the log"
	if back.at > 0 {
		from = DateOf(back.at / event.Day)
	}
	w.Log.Warn("rolled back; reprocessing", "from", from, "late_events", back.events, "asked", request != nil)
	failpoint.Reach("go-back")
	if back.asked != nil && !back.asked.From.IsZero() && back.at == 0 {
		err = pr.anew(ctx, l.Events, back.asked.From)
	} else {
		err = pr.bases.rollback(ctx, back.at)
	}
	if err == nil && request != nil {
		err = os.Remove(filepath.Join(w.Dir, RejudgeFile))
	}
	if err != nil {
		return err
	}
	failpoint.Reach("gone-back")
	w.begun = time.Now()
	return back
}

// longestRest is for how long late history waits at most before it is judged.
const longestRest = 6 * time.Hour
