package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/snapshot"
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
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

	view     atomic.Pointer[judgeView]
	judging  atomic.Bool  // it runs
	busy     atomic.Bool  // it scores at this moment
	progress atomic.Int64 // when it last got on, Unix nanoseconds
}

// View is what the processor looked like a moment ago; empty if there was none yet.
func (w *Worker) View() *judgeView {
	if v := w.view.Load(); v != nil {
		return v
	}
	return &judgeView{}
}

// Stands is since when a processor that has something to do has got nowhere. It is zero if
// there is none, or nothing to do; waiting says that there are records that it has not read.
func (w *Worker) Stands(waiting bool) time.Time {
	if !w.judging.Load() || !w.busy.Load() && !waiting {
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
		judging := func(ctx context.Context) error { return w.detectAll(ctx, l, shared, path) }
		if l.Hours != nil {
			judging = func(ctx context.Context) error { return w.detectShards(ctx, l, shards, shared, path) }
		}
		err := judging(ctx)
		if back := (*goBack)(nil); !errors.As(err, &back) {
			return err
		}
	}
}

// detectAll judges everybody.
func (w *Worker) detectAll(ctx context.Context, l *Logs, shared *snapshot.Store, path string) error {
	store, err := engine.OpenStore(ctx, path)
	if err != nil {
		return err
	}
	if shared != nil {
		have, _, err := StoredPosition(ctx, store)
		if err != nil {
			return errors.Join(err, store.Close())
		}
		if err := store.Close(); err != nil {
			return err
		}
		fetched, err := shared.Fetch(ctx, path, have.At, w.Log)
		if err != nil {
			return err
		}
		if fetched {
			w.Log.Info("state fetched from a snapshot")
		}
		if store, err = engine.OpenStore(ctx, path); err != nil {
			return err
		}
	}
	defer store.Close()
	conf := w.Config()
	terms := map[int]string{}
	j, err := openProcessor(ctx, store, l.Events.Partitions(), conf, l.telling(terms))
	if err != nil {
		return err
	}
	j.bases = &localBases{store, shared}
	if shared != nil {
		j.stored = func(ctx context.Context, at int64) error { return shared.Put(ctx, path, at) }
	}
	if _, terms[0], err = j.takeOver(ctx, l.Alerts, 0, time.Now()); err != nil {
		return err
	}
	if err := j.look(ctx, l.Events); err != nil {
		return err
	}
	return w.pump(ctx, l, j)
}

const (
	readBatch = 4096
	tick      = 200 * time.Millisecond
	tickQuiet = time.Second            // where all is judged, and nothing new has come for long
	idle      = 500 * time.Millisecond // without anything new: nothing of the same second will come
	abandoned = time.Minute            // a source that began to deliver much and says nothing any more
	trimEvery = 10 * time.Minute
)

// IdleLong is without anything new until days that are open are judged as they are.
var IdleLong = 30 * time.Second // tests have less time

// pump has the judge take in the partitions of the log until they end.
func (w *Worker) pump(ctx context.Context, l *Logs, j *Processor) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	parts := l.Events.Partitions()
	there := make([]int64, parts) // what was there at the start is judged together
	for p := range there {
		var err error
		if _, there[p], err = l.Events.Bounds(ctx, p); err != nil {
			return err
		}
	}
	behind := func() bool {
		for p, end := range there {
			if j.next[p] < end {
				return true
			}
		}
		return false
	}
	var rest time.Time // judging again what was judged takes at most a third of the time
	arrivals := make(chan Arrival, 4)
	var readers sync.WaitGroup
	read := func(p int, until int64) func() {
		from := j.next[p]
		return func() {
			var dec event.Decoder
			var e event.Event
			Follow(ctx, l.Events, p, from, until, readBatch, arrivals, func(recs []eventlog.Record) []KindOf {
				kinds := make([]KindOf, len(recs))
				for i := range recs {
					if len(recs[i].Value) == 0 { // what was there is erased
						kinds[i] = isErased
					} else if _, ok := ingest.ReadMark(recs[i].Value); ok {
						kinds[i] = isMark
					} else if dec.Decode(recs[i].Value, &e) != nil {
						kinds[i] = isNothing
					}
				}
				return kinds
			})
		}
	}
	defer readers.Wait()
	defer cancel()
	if j.exchange != nil {
		j.exchange.come = func() bool { return len(arrivals) > 0 }
	}
	w.progress.Store(time.Now().UnixNano())
	w.judging.Store(true)
	defer w.judging.Store(false)
	j.progress = func() { w.progress.Store(time.Now().UnixNano()) }
	delivering := ingest.NewDeliveries(parts)
	ended, last, trimmed := 0, time.Now(), time.Now()
	flushed := false
	clock, every := time.NewTicker(tick), tick
	defer clock.Stop()
	take := func(a Arrival) error {
		switch {
		case a.Err == io.EOF:
			ended++
			return nil
		case a.Err != nil:
			return a.Err
		}
		last, flushed = time.Now(), false
		w.progress.Store(last.UnixNano())
		for i := range a.Recs {
			r := &a.Recs[i]
			if a.kinds[i] == isEvent {
				if err := j.add(r); err != nil {
					return err
				}
				continue
			}
			j.skip(r, a.kinds[i])
			switch a.kinds[i] {
			case isMark:
				m, _ := ingest.ReadMark(r.Value)
				delivering.See(m, a.Partition)
			case isNothing:
				w.Log.Error("a record of the log of events is none; it is left out", "partition", a.Partition, "offset", r.Offset)
			}
		}
		return nil
	}
	if err := readAgain(ctx, j, arrivals, read, take); err != nil {
		return err
	}
	for p := range parts {
		readers.Go(read(p, math.MaxInt64))
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case a := <-arrivals:
			if err := take(a); err != nil {
				return err
			}
			for more := true; more && len(arrivals) > 0; { // together what is there
				select {
				case a := <-arrivals:
					if err := take(a); err != nil {
						return err
					}
				default:
					more = false
				}
			}
		case <-clock.C:
		}
		next := tick
		if flushed && j.exchange == nil { // other judges would wait
			next = tickQuiet
		}
		if next != every {
			every = next
			clock.Reset(every)
		}
		quiet := time.Since(last)
		if quiet > abandoned {
			delivering.Forget()
		}
		var err error
		began := time.Now()
		incomplete := delivering.Open() || behind()
		if ended == parts || !incomplete && quiet > idle {
			if err := w.goBack(ctx, l, j, ended == parts); err != nil {
				return err
			}
		}
		w.busy.Store(true)
		switch {
		case ended == parts:
			err = j.apply(ctx, openDays)
		case (w.Once || incomplete || j.arriving(quiet)) && j.window.Len() < maxWindow: // with --once all is judged together, as a scan does
		case time.Now().Before(rest):
		case quiet > IdleLong && !flushed:
			flushed = true
			err = j.apply(ctx, openDays)
		case quiet > idle:
			err = j.apply(ctx, everything)
		default:
			err = j.apply(ctx, most)
		}
		w.busy.Store(false)
		if errors.Is(err, errInterrupted) {
			j.interrupted()
			continue
		}
		if err != nil {
			return j.locate(ctx, l.Events, err)
		}
		if took := time.Since(began); took > tick {
			rest = time.Now().Add(2 * took)
		}
		w.show(j)
		if ended == parts {
			return nil
		}
		if time.Since(trimmed) > trimEvery {
			trimmed = time.Now()
			for p := range parts {
				if err := l.Trim(ctx, p, j.keep(p)); err != nil {
					return err
				}
			}
		}
	}
}

// readAgain has a judge take in what it had read when its base was stored, of all partitions
// before what is new in one: otherwise the first of two equal records would not be the one
// that was counted.
func readAgain(ctx context.Context, j *Processor, arrivals chan Arrival, read func(p int, until int64) func(), take func(Arrival) error) error {
	var readers sync.WaitGroup
	for p := range j.next {
		if j.next[p] < j.seen[p] {
			readers.Go(read(p, j.seen[p]))
		}
	}
	done := make(chan struct{})
	go func() { readers.Wait(); close(done) }()
	for {
		select {
		case a := <-arrivals:
			if a.Err == io.EOF {
				return fmt.Errorf("log of events, partition %d: it ends at %d, but offset %d was read before", a.Partition, j.next[a.Partition], j.seen[a.Partition]-1)
			}
			if err := take(a); err != nil {
				return err
			}
		case <-done:
			for len(arrivals) > 0 {
				if err := take(<-arrivals); err != nil {
					return err
				}
			}
			for p := range j.next { // offsets may have gaps
				j.next[p] = max(j.next[p], j.seen[p])
			}
			return ctx.Err()
		}
	}
}

// show notes what the judge looks like for status and metrics; what costs more than a
// little, not more often than they are asked for.
func (w *Worker) show(j *Processor) {
	before := w.view.Load()
	v := &judgeView{Status: j.status(), Processor: j, upTo: j.lastTime, Next: slices.Clone(j.next)}
	if before != nil && before.Processor == j && before.upTo == v.upTo && slices.Equal(before.Next, v.Next) {
		v.Accounts, v.Unknown = before.Accounts, before.Unknown
	} else {
		v.Accounts, v.Unknown = j.accounts.sum(), j.unknownPeople()
	}
	w.view.Store(v)
}

// goBack is a *goBack if judging is to begin again at an older base: because it was asked
// for, or because history has come that the present one cannot take in. It does what that
// needs in the stored state. Without hurry the latter takes at most a tenth of the time.
func (w *Worker) goBack(ctx context.Context, l *Logs, j *Processor, now bool) error {
	if !w.begun.IsZero() { // what was begun again is done
		w.rested = time.Now().Add(min(10*time.Since(w.begun), longestRest))
		w.begun = time.Time{}
	}
	request, err := w.asked(now)
	if err != nil {
		return err
	}
	var back *goBack
	switch {
	case request != nil:
		back, err = j.requested(ctx, l.Events, request)
	case !j.lost && (now || time.Now().After(w.rested)):
		if back, err = j.earlier(ctx, l.Events); err == nil && back == nil && j.missed.earliest() != math.MaxInt64 {
			j.lost = true
			j.judgeFrom(j.lastTime + 1) // so that it is told
		}
	}
	if err != nil || back == nil {
		return err
	}
	from := "the beginning of the log"
	if back.at > 0 {
		from = DateOf(back.at / event.Day)
	}
	w.Log.Warn("judging begins again", "from", from, "late_events", back.events, "asked", request != nil)
	failpoint.Reach("go-back")
	if back.asked != nil && !back.asked.From.IsZero() && back.at == 0 {
		err = j.anew(ctx, l.Events, back.asked.From)
	} else {
		err = j.bases.goBack(ctx, back.at)
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

// maxWindow bounds how many events wait for a source to have delivered all it has.
const maxWindow = 30_000_000
