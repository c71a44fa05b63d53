package main

import (
	"cmp"
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
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/snapshot"
	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/watch"
	"github.com/outflow/outflow/internal/buildinfo"
	"github.com/outflow/outflow/internal/disk"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/failpoint"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/guard"
)

// roles are the parts of the daemon that may run on machines of their own.
var roleNames = []string{"ingest", "detect", "alert", "serve"}

func newRun(stderr io.Writer) *cobra.Command {
	var path string
	var roles []string
	var once bool
	var since string
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Watch sources and tell people, until it is stopped",
		Long: `Run watches the sources of the configuration, judges what comes as it comes, and
tells people through its channels. Without infrastructure everything is in one
process and below one folder. With Kafka the roles may run on machines of their own.

It ends on SIGTERM within ten seconds, and goes on where it ended, however it ended.`,
		Example: `  outflow run --config outflow.yaml
  outflow run --config outflow.yaml --once          # what there is now, for cron
  outflow run --config outflow.yaml --roles detect  # one of several machines`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if path == "" {
				return &exit{exitUsage, errors.New("--config is needed")}
			}
			for _, r := range roles {
				if !slices.Contains(roleNames, r) {
					return &exit{exitUsage, fmt.Errorf("--roles %q: %s", r, strings.Join(roleNames, ", "))}
				}
			}
			conf, err := config.Load(path)
			if err != nil {
				return &exit{exitUsage, err}
			}
			if err := conf.Complete(path, roles); err != nil {
				return &exit{exitUsage, fmt.Errorf("--config %s: %w", path, err)}
			}
			if since != "" {
				if _, err := (&config.Source{Since: since}).Start(time.Now()); err != nil {
					return &exit{exitUsage, fmt.Errorf("--%w", err)}
				}
			}
			d := &daemon{path: path, config: conf, roles: roles, once: once, since: since, log: slog.New(slog.NewTextHandler(stderr, nil))}
			return d.run(cmd.Context())
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&path, "config", "", "read settings from `FILE` (YAML, see config.example.yaml)")
	fl.StringSliceVar(&roles, "roles", roleNames, "what this process does: "+strings.Join(roleNames, ", "))
	fl.StringVar(&since, "since", "", "read APIs that were not read before from a day (2026-03-31), or a span (720h) ago, on")
	fl.BoolVar(&once, "once", false, "end once everything that is there now has been judged and told")
	return cmd
}

// daemon is outflow run.
type daemon struct {
	path   string
	config *config.Config
	roles  []string
	once   bool
	since  string // in place of that of the sources
	log    *slog.Logger

	dir     string
	sources *watch.Store
	alerts  *alert.Store
	stats   runStats
	events  eventlog.Log // for what the daemon says about the data; nil before it is open, or where nothing is taken in
	ends    ends         // of the partitions of the log, for status
	worker  Worker       // in the role detect
	reload  atomic.Pointer[config.Config]

	health    health
	intake    intake
	followers struct { // of folders
		sync.Mutex
		list map[string]*watch.Follower // by the source's name
	}

	domains struct { // for masks
		sync.Mutex
		at     time.Time
		common map[string]bool
	}
}

func (d *daemon) has(role string) bool { return slices.Contains(d.roles, role) }

// logs are the two logs of a daemon.
type logs struct {
	events, alerts eventlog.Log
	endEvents      func() // this process appends nothing more
	endAlerts      func()
	close          func()
	trim           func(ctx context.Context, partition int, keep int64) error
	hours          eventlog.Log                                                                      // what those who share the judging tell one another; nil if one judges
	lead           func(ctx context.Context, do func(ctx context.Context, shards []int) error) error // runs do while this process judges, some shards of the people at least
}

func (d *daemon) run(ctx context.Context) error {
	d.dir = d.config.DataDir
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return fmt.Errorf("data_dir: %w", err)
	}
	lock, err := alone(d.dir)
	if err != nil {
		return fmt.Errorf("data_dir%w", err)
	}
	defer lock.Close()
	d.stats.start = time.Now()
	d.worker.Dir, d.worker.Config, d.worker.Log, d.worker.Once = d.dir, d.current, d.log, d.once
	defer guard.Watch(d.panicked)()
	if d.intake.free == nil {
		d.intake.free = func() (uint64, uint64, error) { return disk.Free(d.dir) }
	}
	if d.intake.reserve = int64(d.config.DiskReserve) << 20; d.config.DiskReserve < 0 {
		d.intake.reserve = -1
	}
	l, err := openLogs(ctx, &d.config.Log, d.dir, d.once, d.log)
	if err != nil {
		return err
	}
	defer l.close()
	if d.has("ingest") {
		d.events = l.events
		if d.sources, err = watch.Open(ctx, filepath.Join(d.dir, "sources.db")); err != nil {
			return err
		}
		defer d.sources.Close()
	}
	if d.has("alert") {
		if d.alerts, err = alert.OpenStore(ctx, filepath.Join(d.dir, "alerts.db")); err != nil {
			return err
		}
		defer d.alerts.Close()
	}
	var incomplete error // what a source could not give, with --once
	g, ctx := errgroup.WithContext(ctx)
	if d.has("ingest") {
		if err := d.lookAtDisk(ctx, l.events, time.Now()); err != nil {
			d.log.Warn("it is not known how much room the disk has", "err", err)
		}
		g.Go(func() error {
			defer l.endEvents()
			return stopped(ctx, guard.Do("ingest", func() error { return d.ingest(ctx, gated{l.events, &d.intake, d.once}, &incomplete) }))
		})
		if !d.once {
			g.Go(func() error {
				d.keep(ctx, "part", "disk", func(ctx context.Context) error { return d.watchDisk(ctx, l.events) })
				return nil
			})
		}
	} else if d.once {
		l.endEvents()
	}
	if d.has("detect") {
		g.Go(func() error {
			defer l.endAlerts()
			return stopped(ctx, l.lead(ctx, func(ctx context.Context, shards []int) error {
				return guard.Do("judge", func() error { return d.worker.Run(ctx, l, shards) })
			}))
		})
	} else if d.once {
		l.endAlerts()
	}
	if d.has("alert") {
		g.Go(func() error {
			return stopped(ctx, d.again(ctx, "ledger", func() error { return d.tell(ctx, l.alerts) }))
		})
		if d.config.Digest.Schedule != "" && !d.once {
			g.Go(func() error { return stopped(ctx, d.mailDigests(ctx)) })
		}
	}
	if d.has("serve") && !d.once {
		g.Go(func() error { return stopped(ctx, d.again(ctx, "status", func() error { return d.serve(ctx, l) })) })
		g.Go(func() error {
			return stopped(ctx, d.again(ctx, "heartbeat", func() error { return d.callHeartbeat(ctx) }))
		})
		if d.config.Feed.Listen != "" {
			g.Go(func() error {
				return stopped(ctx, d.again(ctx, "feed", func() error { return d.serveFeed(ctx, l) }))
			})
		}
	}
	if !d.once {
		g.Go(func() error { return d.again(ctx, "reload", func() error { d.watchConfig(ctx); return nil }) })
	}
	d.log.Info("started", "version", buildinfo.Version(), "roles", strings.Join(d.roles, ","), "data_dir", d.dir, "log", d.config.Log.Kind)
	if err := g.Wait(); err != nil {
		return err
	}
	if d.once && d.has("serve") { // for those who ask later; nobody keeps it up to date
		ctx := context.WithoutCancel(ctx)
		s, err := d.look(ctx, l)
		if err == nil {
			err = writeStatus(filepath.Join(d.dir, "status.json"), s)
		}
		if err != nil {
			d.log.Warn("status", "err", err)
		}
	}
	v := d.worker.View()
	d.log.Info("stopped", "events", d.stats.events.Load(), "told", d.stats.told.Load(), "repeats", v.Repeats, "late", v.Late, "rewinds", v.Rewinds, "newest", v.Newest, "base", v.Base)
	return incomplete
}

// again runs a part of the daemon that works on what is stored, and begins it again if it
// panics. Its errors are returned.
func (d *daemon) again(ctx context.Context, name string, do func() error) error {
	for tries := 0; ; tries++ {
		err := guard.Do(name, do)
		if panicked := (*guard.Panic)(nil); d.once || !errors.As(err, &panicked) {
			return err
		}
		if err := pause(ctx, min(time.Second<<min(tries, 8), time.Minute)); err != nil {
			return err
		}
	}
}

// panicked counts and tells that a part of the program panicked.
func (d *daemon) panicked(p *guard.Panic) {
	d.stats.failures.Add(1)
	d.stats.panicked(p.Where)
	d.health.set("panic", p.Where, fmt.Sprint(p.Value))
	d.log.Error("panic: this is a fault of the program, please report it", "where", p.Where, "panic", fmt.Sprint(p.Value), "stack", string(p.Stack))
	now := time.Now()
	e := event.Event{Class: event.SourceGap, Action: event.Failing, Time: now.UnixMilli(), Actor: event.Actor{Kind: event.System}, Object: event.Object{Type: event.Part, Name: p.Where}}
	e.Attrs = []event.Attr{{Name: event.AttrReason, Value: fmt.Sprint(p.Value)}}
	e.Key = ingest.Hash("source_gap", event.Part, p.Where, now.UTC().Format(time.DateOnly)) // one a day
	go d.say(context.Background(), &e)                                                      // whoever panicked may hold what the log needs
}

// stopped turns the end of the context, which is how a daemon stops, into no error.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// openLogs opens the event log and the alert topic that c names; those of the embedded log lie
// in dir. With once nobody is elected: this process does all.
func openLogs(ctx context.Context, c *config.Log, dir string, once bool, log *slog.Logger) (*logs, error) {
	alone := func(ctx context.Context, do func(ctx context.Context, shards []int) error) error {
		all := make([]int, max(c.Shards, 1))
		for s := range all {
			all[s] = s
		}
		return do(ctx, all)
	}
	if c.Kind == "kafka" {
		kc, err := c.Kafka(ctx)
		if err != nil {
			return nil, err
		}
		cluster, err := eventlog.OpenCluster(kc)
		if err != nil {
			return nil, err
		}
		events, err := cluster.Log(ctx, c.Topic("events"), c.Partitions)
		if err != nil {
			cluster.Close()
			return nil, err
		}
		alerts, err := cluster.Log(ctx, c.Topic("alerts"), max(c.Shards, 1))
		if err != nil {
			events.End()
			cluster.Close()
			return nil, err
		}
		l := &logs{events: events, alerts: alerts, endEvents: events.End, endAlerts: alerts.End}
		l.close = func() { events.End(); alerts.End(); cluster.Close() }
		if c.Shards > 1 {
			hours, err := cluster.Log(ctx, c.Topic("hours"), 1)
			if err != nil {
				l.close()
				return nil, err
			}
			hours.Prompt()
			l.hours = hours
			l.close = func() { events.End(); alerts.End(); hours.End(); cluster.Close() }
		}
		l.trim = func(context.Context, int, int64) error { return nil } // the broker does, by the topic's retention
		l.lead = alone
		if !once {
			l.lead = func(ctx context.Context, do func(ctx context.Context, shards []int) error) error {
				if l.hours != nil {
					return cluster.Share(ctx, c.Topic("detect"), c.Topic("alerts"), log, do)
				}
				return cluster.Lead(ctx, c.Topic("detect"), c.Topic("events"), log, func(ctx context.Context, _ []int) error { return do(ctx, []int{0}) })
			}
		}
		return l, nil
	}
	f, err := eventlog.OpenFile(ctx, filepath.Join(dir, "log.db"))
	if err != nil {
		return nil, err
	}
	events, err := f.Log(ctx, "events", c.Partitions)
	if err != nil {
		f.Close()
		return nil, err
	}
	alerts, err := f.Log(ctx, "alerts", 1)
	if err != nil {
		f.Close()
		return nil, err
	}
	l := &logs{events: events, alerts: alerts, endEvents: events.End, endAlerts: alerts.End, lead: alone}
	l.close = func() { f.Close() }
	l.trim = func(ctx context.Context, partition int, keep int64) error {
		_, err := events.Trim(ctx, partition, time.Now().Add(-c.Retention), keep)
		return err
	}
	return l, nil
}

// Run processes the event log, some shards of its people at least, and appends to the
// log of alerts. It begins again at an older base as often as that is needed.
func (w *Worker) Run(ctx context.Context, l *logs, shards []int) error {
	shared, err := snapshot.Open(ctx, w.Config().Snapshots, w.Config().Log.Topic("detect"))
	if err != nil {
		return err
	}
	path := filepath.Join(w.Dir, "detect-0.db")
	for {
		judging := func(ctx context.Context) error { return w.detectAll(ctx, l, shared, path) }
		if l.hours != nil {
			judging = func(ctx context.Context) error { return w.detectShards(ctx, l, shards, shared, path) }
		}
		err := judging(ctx)
		if back := (*goBack)(nil); !errors.As(err, &back) {
			return err
		}
	}
}

// detectAll judges everybody.
func (w *Worker) detectAll(ctx context.Context, l *logs, shared *snapshot.Store, path string) error {
	store, err := detect.OpenStore(ctx, path)
	if err != nil {
		return err
	}
	if shared != nil {
		have, _, err := storedPosition(ctx, store)
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
		if store, err = detect.OpenStore(ctx, path); err != nil {
			return err
		}
	}
	defer store.Close()
	conf := w.Config()
	terms := map[int]string{}
	j, err := openJudge(ctx, store, l.events.Partitions(), conf, l.telling(terms))
	if err != nil {
		return err
	}
	j.bases = &localBases{store, shared}
	if shared != nil {
		j.stored = func(ctx context.Context, at int64) error { return shared.Put(ctx, path, at) }
	}
	if _, terms[0], err = j.takeOver(ctx, l.alerts, 0, time.Now()); err != nil {
		return err
	}
	if err := j.look(ctx, l.events); err != nil {
		return err
	}
	return w.pump(ctx, l, j)
}

// telling appends to the log of alerts, by the key of the term in a shard.
func (l *logs) telling(terms map[int]string) func(ctx context.Context, shard int, alerts [][]byte) error {
	return func(ctx context.Context, shard int, alerts [][]byte) error {
		recs := make([]eventlog.Record, len(alerts))
		for i, b := range alerts {
			recs[i] = eventlog.Record{Key: terms[shard], Value: b}
		}
		failpoint.Reach("alerts-append")
		defer failpoint.Reach("alerts-appended")
		return l.alerts.Append(ctx, recs...)
	}
}

// look checks that the log holds what is to be read next.
func (j *judge) look(ctx context.Context, events eventlog.Log) error {
	for p := range j.next {
		first, end, err := events.Bounds(ctx, p)
		if err != nil {
			return err
		}
		if j.next[p] < first {
			if j.saved == 0 && j.next[p] == 0 {
				j.next[p] = first // nothing was judged yet: it begins with what there is
				continue
			}
			return fmt.Errorf("log of events, partition %d: offsets %d to %d are gone before they were judged: retention is too short, or the state too old", p, j.next[p], first-1)
		}
		if j.next[p] > end {
			return fmt.Errorf("log of events, partition %d: it ends at %d, but offset %d was read before: it was made anew, or restored from an older copy", p, end, j.next[p])
		}
	}
	return nil
}

// arrival is what was read of a partition.
type arrival struct {
	partition int
	recs      []eventlog.Record
	kinds     []kindOf // of recs
	err       error
}

// follow reads a partition of a log from an offset on, some records at a time, says what
// they are, and hands them over, until it comes to another offset, reading fails or ctx ends.
func follow(ctx context.Context, log eventlog.Log, partition int, next, until int64, most int, to chan<- arrival, look func([]eventlog.Record) []kindOf) {
	for next < until {
		var recs []eventlog.Record
		var kinds []kindOf
		err := guard.Do("log", func() (err error) {
			if recs, err = log.Read(ctx, partition, next, most); err == nil {
				for len(recs) > 0 && recs[len(recs)-1].Offset >= until {
					recs = recs[:len(recs)-1]
				}
				kinds = look(recs)
			}
			return err
		})
		if len(recs) == 0 && err == nil { // offsets may have gaps
			return
		}
		if panicked := (*guard.Panic)(nil); errors.As(err, &panicked) {
			err = fmt.Errorf("log, partition %d, from offset %d on: %w", partition, next, err)
		}
		select {
		case to <- arrival{partition, recs, kinds, err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
		next = recs[len(recs)-1].Offset + 1
	}
}

// kindOf is what a record of the log of events is.
type kindOf byte

const (
	isEvent kindOf = iota
	isMark
	isErased
	isNothing // nothing that this version knows
)

const (
	readBatch    = 4096
	tick         = 200 * time.Millisecond
	tickQuiet    = time.Second            // where all is judged, and nothing new has come for long
	idle         = 500 * time.Millisecond // without anything new: nothing of the same second will come
	abandoned    = time.Minute            // a source that began to deliver much and says nothing any more
	trimEvery    = 10 * time.Minute
	statusEvery  = 2 * time.Second
	deliverEvery = 5 * time.Second
)

// idleLong is without anything new until days that are open are judged as they are.
var idleLong = 30 * time.Second // tests have less time

// pump has the judge take in the partitions of the log until they end.
func (w *Worker) pump(ctx context.Context, l *logs, j *judge) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	parts := l.events.Partitions()
	there := make([]int64, parts) // what was there at the start is judged together
	for p := range there {
		var err error
		if _, there[p], err = l.events.Bounds(ctx, p); err != nil {
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
	arrivals := make(chan arrival, 4)
	var readers sync.WaitGroup
	read := func(p int, until int64) func() {
		from := j.next[p]
		return func() {
			var dec event.Decoder
			var e event.Event
			follow(ctx, l.events, p, from, until, readBatch, arrivals, func(recs []eventlog.Record) []kindOf {
				kinds := make([]kindOf, len(recs))
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
	take := func(a arrival) error {
		switch {
		case a.err == io.EOF:
			ended++
			return nil
		case a.err != nil:
			return a.err
		}
		last, flushed = time.Now(), false
		w.progress.Store(last.UnixNano())
		for i := range a.recs {
			r := &a.recs[i]
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
				delivering.See(m, a.partition)
			case isNothing:
				w.Log.Error("a record of the log of events is none; it is left out", "partition", a.partition, "offset", r.Offset)
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
		case quiet > idleLong && !flushed:
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
			return j.locate(ctx, l.events, err)
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
				if err := l.trim(ctx, p, j.keep(p)); err != nil {
					return err
				}
			}
		}
	}
}

// locate adds to an error of judging an event where in the log the event is.
func (j *judge) locate(ctx context.Context, log eventlog.Log, err error) error {
	fault := (*detect.Fault)(nil)
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
		for p := range j.next {
			for at := j.window.Low(p, j.next[p]); at < j.next[p] && place == ""; {
				recs, err := log.Read(ctx, p, at, readBatch)
				if err != nil {
					return err
				}
				for i := range recs {
					var e event.Event
					if _, mark := ingest.ReadMark(recs[i].Value); !mark && len(recs[i].Value) > 0 && dec.Decode(recs[i].Value, &e) == nil && e.Key == of.Key && e.Time == of.Time && e.Source == of.Source {
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

// readAgain has a judge take in what it had read when its base was stored, of all partitions
// before what is new in one: otherwise the first of two equal records would not be the one
// that was counted.
func readAgain(ctx context.Context, j *judge, arrivals chan arrival, read func(p int, until int64) func(), take func(arrival) error) error {
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
			if a.err == io.EOF {
				return fmt.Errorf("log of events, partition %d: it ends at %d, but offset %d was read before", a.partition, j.next[a.partition], j.seen[a.partition]-1)
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
func (w *Worker) show(j *judge) {
	before := w.view.Load()
	v := &judgeView{judgeStatus: j.status(), of: j, upTo: j.lastTime, next: slices.Clone(j.next)}
	if before != nil && before.of == j && before.upTo == v.upTo && slices.Equal(before.next, v.next) {
		v.accounts, v.unknown = before.accounts, before.unknown
	} else {
		v.accounts, v.unknown = j.accounts.sum(), j.unknownPeople()
	}
	w.view.Store(v)
}

// goBack is a *goBack if judging is to begin again at an older base: because it was asked
// for, or because history has come that the present one cannot take in. It does what that
// needs in the stored state. Without hurry the latter takes at most a tenth of the time.
func (w *Worker) goBack(ctx context.Context, l *logs, j *judge, now bool) error {
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
		back, err = j.requested(ctx, l.events, request)
	case !j.lost && (now || time.Now().After(w.rested)):
		if back, err = j.earlier(ctx, l.events); err == nil && back == nil && j.missed.earliest() != math.MaxInt64 {
			j.lost = true
			j.judgeFrom(j.lastTime + 1) // so that it is told
		}
	}
	if err != nil || back == nil {
		return err
	}
	from := "the beginning of the log"
	if back.at > 0 {
		from = dateOf(back.at / event.Day)
	}
	w.Log.Warn("judging begins again", "from", from, "late_events", back.events, "asked", request != nil)
	failpoint.Reach("go-back")
	if back.asked != nil && !back.asked.From.IsZero() && back.at == 0 {
		err = j.anew(ctx, l.events, back.asked.From)
	} else {
		err = j.bases.goBack(ctx, back.at)
	}
	if err == nil && request != nil {
		err = os.Remove(filepath.Join(w.Dir, rejudgeFile))
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

// tell takes in the log of alerts and sends through the channels.
func (d *daemon) tell(ctx context.Context, log eventlog.Log) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	parts := log.Partitions()
	at, arrivals := make([]alert.Position, parts), make(chan arrival)
	for p := range parts {
		var err error
		if at[p], err = d.alerts.Progress(ctx, p); err != nil {
			return err
		}
		first, end, err := log.Bounds(ctx, p)
		if err != nil {
			return err
		}
		if at[p].Next > end {
			return fmt.Errorf("log of alerts: it ends at %d, but offset %d was read before: it was made anew, or restored from an older copy", end, at[p].Next)
		}
		at[p].Next = max(at[p].Next, first)
	}
	var readers sync.WaitGroup
	defer readers.Wait()
	defer cancel()
	for p := range parts {
		next := at[p].Next
		readers.Go(func() {
			follow(ctx, log, p, next, math.MaxInt64, 256, arrivals, func([]eventlog.Record) []kindOf { return nil })
		})
	}
	out := &outlets{d: d}
	defer out.stop()
	clock := time.NewTicker(deliverEvery)
	defer clock.Stop()
	for ended := 0; ended < parts; {
		if err := out.pass(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-clock.C:
		case a := <-arrivals:
			switch {
			case a.err == io.EOF:
				ended++
			case a.err != nil:
				return a.err
			default:
				if err := d.take(ctx, a, &at[a.partition], parts); err != nil {
					return err
				}
			}
		}
	}
	if err := out.rest(ctx); err != nil {
		return err
	}
	_, _, left, err := d.alerts.Counts(ctx)
	if err == nil && left > 0 {
		return fmt.Errorf("%d alerts could not be sent: they wait in %s", left, d.dir)
	}
	return err
}

// take takes in what was read of a partition of the log of alerts.
func (d *daemon) take(ctx context.Context, a arrival, at *alert.Position, parts int) error {
	list := make([]alert.Alert, 0, len(a.recs))
	var days []finding.Activity
	for i := range a.recs {
		r := &a.recs[i]
		if !speaks(r, &at.Term) || len(r.Value) == 0 {
			continue
		}
		if of, day, err := daysIn(r.Value); day && err == nil {
			days = append(days, of...)
			continue
		}
		if who, leaving, err := leaversIn(r.Value); leaving && err == nil {
			among := func(user string) bool { return detect.ShardOf(user, parts) == a.partition }
			if err := d.alerts.SetLeavers(ctx, who, among); err != nil {
				return err
			}
			continue
		}
		var x alert.Alert
		if err := json.Unmarshal(r.Value, &x); err != nil {
			d.stats.failures.Add(1)
			d.log.Error("a record of the log of alerts is none", "partition", a.partition, "offset", r.Offset, "err", err)
			continue
		}
		list = append(list, x)
	}
	at.Next = a.recs[len(a.recs)-1].Offset + 1
	conf := d.current()
	telling := alert.Telling{Now: time.Now(), Shown: func(a *alert.Alert) bool { return shown(a, conf.Budget, alert.Medium) }}
	for i := range conf.Channels {
		c := &conf.Channels[i]
		telling.Channels = append(telling.Channels, alert.Route{Channel: c.Name, Wants: conf.WantedBy(c)})
	}
	if err := d.alerts.Keep(ctx, days); err != nil {
		return err
	}
	failpoint.Reach("alerts-take")
	if err := d.alerts.Take(ctx, a.partition, *at, list, telling); err != nil {
		return err
	}
	failpoint.Reach("alerts-taken")
	return nil
}

// current is the configuration that holds now.
func (d *daemon) current() *config.Config {
	if c := d.reload.Load(); c != nil {
		return c
	}
	return d.config
}
