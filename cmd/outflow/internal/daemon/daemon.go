// Package daemon is outflow run: sources, the event log, a worker of the stream processor,
// channels, status and feed in one process, or some of these roles.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/feed"
	"github.com/outflow/outflow/alert/people"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/datadir"
	"github.com/outflow/outflow/cmd/outflow/internal/stream"
	"github.com/outflow/outflow/cmd/outflow/internal/triage"
	"github.com/outflow/outflow/detect/detectors"
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/watch"
	"github.com/outflow/outflow/internal/buildinfo"
	"github.com/outflow/outflow/internal/disk"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/failpoint"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/guard"
	"github.com/outflow/outflow/internal/plain"
)

// Daemon is outflow run.
type Daemon struct {
	Path   string         // the file of the configuration, which is watched
	Config *config.Config // as it was at the start: see current
	Roles  []string       // of config.Roles
	Once   bool           // ends when everything that there is has been processed
	Since  string         // in place of that of the sources
	Forms  ingest.Forms   // of sources that do not set their own
	Log    *slog.Logger   // gets what operators should know
	// Serving, if not nil, is called with the address of the feed once it listens.
	Serving func(address string)

	dir     string
	sources *watch.Store
	alerts  *alert.Store
	stats   runStats
	events  eventlog.Log                 // for events about the data; nil before it is open, and without the role ingest
	ends    ends                         // of the partitions of the log, for status
	worker  stream.Worker                // in the role detect
	stands  func(waiting bool) time.Time // since when it gets nowhere; zero if it does
	reload  atomic.Pointer[config.Config]

	health    health
	intake    intake
	followers struct { // of folders
		sync.Mutex
		list map[string]*watch.Follower // by the source's name
	}

	budget struct { // as of a moment
		sync.Mutex
		at    time.Time
		asked float64
		now   *alert.Budget
		kept  *alert.Kept
	}

	watched struct { // watchlists for the feed, as of a moment
		sync.Mutex
		at   time.Time
		conf *config.Config // that they are of
		list []feed.Watchlist
	}

	known struct { // for masks
		sync.Mutex
		at      time.Time
		reading bool // in the background
		matcher *people.Matcher
	}
	domains struct { // for masks
		sync.Mutex
		at     time.Time
		common map[string]bool
	}
}

func (d *Daemon) has(role string) bool { return slices.Contains(d.Roles, role) }

// Run runs the daemon in its roles until ctx ends, or with Once until everything that there is has
// been processed and sent. It locks the data directory. The error is that of a role that cannot go
// on, or with Once what sources could not give; the end of ctx is none.
func (d *Daemon) Run(ctx context.Context) error {
	d.dir = d.Config.DataDir
	if err := datadir.Make(d.dir, d.Config.DataDirShared); err != nil {
		return fmt.Errorf("data_dir%w", err)
	}
	lock, err := datadir.Lock(d.dir)
	if err != nil {
		return fmt.Errorf("data_dir%w", err)
	}
	defer lock.Close()
	d.prepare()
	defer guard.Watch(d.panicked)()
	l, err := stream.OpenLogs(ctx, &d.Config.Log, d.dir, d.Once, d.Log)
	if err != nil {
		return err
	}
	defer l.Close()
	defer d.closeStores()
	if err := d.openStores(ctx, l); err != nil {
		return err
	}

	var incomplete error // what a source could not give, with --once
	g, ctx := errgroup.WithContext(ctx)
	d.startIngest(ctx, g, l, &incomplete)
	d.startDetect(ctx, g, l)
	d.startAlert(ctx, g, l)
	d.startServe(ctx, g, l)
	if !d.Once {
		g.Go(func() error { return d.again(ctx, "reload", func() error { d.watchConfig(ctx); return nil }) })
	}
	d.warnDeprecated()
	d.Log.Info("started", "version", buildinfo.Version(), "roles", strings.Join(d.Roles, ","), "data_dir", d.dir, "log", d.Config.Log.Kind)
	if err := g.Wait(); err != nil {
		return err
	}

	if d.Once && d.has("serve") { // for outflow status, later on
		ctx := context.WithoutCancel(ctx)
		s, err := d.look(ctx, l)
		if err == nil {
			err = writeStatus(filepath.Join(d.dir, "status.json"), s)
		}
		if err != nil {
			d.Log.Warn("status not written", "err", err)
		}
	}
	v := d.worker.View()
	said := []any{
		"events", d.stats.events.Load(), "sent", d.stats.sent.Load(), "repeats", v.Repeats, "late", v.Late, "rollbacks", v.Rewinds,
	}
	if !v.Newest.IsZero() {
		said = append(said, "newest", v.Newest)
	}
	if !v.Base.IsZero() {
		said = append(said, "checkpoint", v.Base)
	}
	d.Log.Info("stopped", said...)
	return incomplete
}

// prepare sets what the parts of the daemon start from.
func (d *Daemon) prepare() {
	d.stats.start = time.Now()
	d.worker.Dir, d.worker.Config, d.worker.Log, d.worker.Once = d.dir, d.current, d.Log, d.Once
	d.stands = d.worker.StalledSince
	if d.intake.free == nil {
		d.intake.free = func() (uint64, uint64, error) { return disk.Free(d.dir) }
	}
	if d.intake.reserve = int64(d.Config.DiskReserve) << 20; d.Config.DiskReserve < 0 {
		d.intake.reserve = -1
	}
}

// openStores opens the state that the roles need. Call closeStores also if it fails.
func (d *Daemon) openStores(ctx context.Context, l *stream.Logs) (err error) {
	if d.has("ingest") {
		d.events = l.Events
		if d.sources, err = watch.Open(ctx, filepath.Join(d.dir, "sources.db")); err != nil {
			return err
		}
	}
	if d.has("alert") {
		d.alerts, err = alert.OpenStore(ctx, filepath.Join(d.dir, "alerts.db"))
	}
	return err
}

// closeStores closes what openStores has opened.
func (d *Daemon) closeStores() {
	if d.alerts != nil {
		d.alerts.Close()
	}
	if d.sources != nil {
		d.sources.Close()
	}
}

// startIngest starts the role ingest. Without it, a daemon that runs once has no more events.
func (d *Daemon) startIngest(ctx context.Context, g *errgroup.Group, l *stream.Logs, incomplete *error) {
	if !d.has("ingest") {
		if d.Once {
			l.EndEvents()
		}
		return
	}
	if err := d.lookAtDisk(ctx, l.Events, time.Now()); err != nil {
		d.Log.Warn("free disk space unknown", "err", err)
	}
	g.Go(func() error {
		defer l.EndEvents()
		return stopped(ctx, guard.Do("ingest", func() error { return d.ingest(ctx, gated{l.Events, &d.intake, d.Once}, incomplete) }))
	})
	if !d.Once {
		g.Go(func() error {
			d.keep(ctx, "part", "disk", func(ctx context.Context) error { return d.watchDisk(ctx, l.Events) })
			return nil
		})
	}
}

// startDetect starts the role detect. Without it, a daemon that runs once has no more alerts.
func (d *Daemon) startDetect(ctx context.Context, g *errgroup.Group, l *stream.Logs) {
	if !d.has("detect") {
		if d.Once {
			l.EndAlerts()
		}
		return
	}
	g.Go(func() error {
		defer l.EndAlerts()
		return stopped(ctx, l.Lead(ctx, func(ctx context.Context, shards []int) error {
			return guard.Do("judge", func() error { return d.worker.Run(ctx, l, shards) })
		}))
	})
}

// startAlert starts the role alert: the dispatcher, and digests by their schedule.
func (d *Daemon) startAlert(ctx context.Context, g *errgroup.Group, l *stream.Logs) {
	if !d.has("alert") {
		return
	}
	g.Go(func() error {
		return stopped(ctx, d.again(ctx, "ledger", func() error { return d.notify(ctx, l.Alerts) }))
	})
	if d.Config.Digest.Schedule != "" && !d.Once {
		g.Go(func() error { return stopped(ctx, d.mailDigests(ctx)) })
	}
}

// startServe starts the role serve: status and metrics, the heartbeat and the feed.
func (d *Daemon) startServe(ctx context.Context, g *errgroup.Group, l *stream.Logs) {
	if !d.has("serve") || d.Once {
		return
	}
	part := func(name string, do func() error) {
		g.Go(func() error { return stopped(ctx, d.again(ctx, name, do)) })
	}
	part("status", func() error { return d.serve(ctx, l) })
	part("heartbeat", func() error { return d.callHeartbeat(ctx) })
	if d.Config.Feed.Listen != "" {
		part("feed", func() error { return d.serveFeed(ctx, l) })
	}
}

// again runs a part of the daemon that works on what is stored, and begins it again if it
// panics. Its errors are returned.
func (d *Daemon) again(ctx context.Context, name string, do func() error) error {
	for tries := 0; ; tries++ {
		err := guard.Do(name, do)
		if panicked := (*guard.Panic)(nil); d.Once || !errors.As(err, &panicked) {
			return err
		}
		if err := pause(ctx, min(time.Second<<min(tries, 8), time.Minute)); err != nil {
			return err
		}
	}
}

// panicked counts and reports that a part of the program panicked.
func (d *Daemon) panicked(p *guard.Panic) {
	d.stats.failures.Add(1)
	d.stats.panicked(p.Where)
	d.health.set("panic", p.Where, fmt.Sprint(p.Value))
	d.Log.Error("panic: this is a fault of the program, please report it",
		"where", p.Where, "panic", fmt.Sprint(p.Value), "stack", string(p.Stack))
	now := time.Now()
	e := gapEvent(event.Failing, "", fmt.Sprint(p.Value), now)
	e.Object = event.Object{Type: event.Part, Name: p.Where}
	e.Key = ingest.Hash("source_gap", event.Part, p.Where, now.UTC().Format(time.DateOnly)) // one a day
	go d.appendEvent(context.Background(), e)                                               // the panic may hold what the log needs
}

// stopped turns the end of the context, which is how a daemon stops, into no error.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// StatusEvery is how often the daemon writes its status file.
const StatusEvery = 2 * time.Second

// deliverEvery is how often channels are woken, if no alert wakes them.
const deliverEvery = 5 * time.Second

// notify reads the alert topic and sends notifications through the channels, until ctx ends, or
// with Once until everything has been sent.
func (d *Daemon) notify(ctx context.Context, log eventlog.Log) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	parts := log.Partitions()
	at, arrivals := make([]alert.Position, parts), make(chan stream.Arrival)
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
			return fmt.Errorf("alert topic: it ends at %d, but offset %d was read before: "+
				"it was recreated, or restored from an older copy", end, at[p].Next)
		}
		at[p].Next = max(at[p].Next, first)
	}
	var readers sync.WaitGroup
	defer readers.Wait()
	defer cancel()
	for p := range parts {
		next := at[p].Next
		readers.Go(func() {
			stream.Follow(ctx, log, p, next, math.MaxInt64, 256, arrivals, func([]eventlog.Record) []stream.RecordClass { return nil })
		})
	}
	out := &dispatcher{d: d}
	defer out.stop()
	clock := time.NewTicker(deliverEvery)
	defer clock.Stop()
	for ended := 0; ended < parts; {
		if err := out.dispatch(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-clock.C:
			if err := d.takeDecisions(ctx); err != nil {
				return err
			}
		case a := <-arrivals:
			switch {
			case a.Err == io.EOF:
				ended++
			case a.Err != nil:
				return a.Err
			default:
				if err := d.take(ctx, a, &at[a.Partition], parts); err != nil {
					return err
				}
			}
		}
	}
	if err := d.takeDecisions(ctx); err != nil {
		return err
	}
	if err := out.drain(ctx); err != nil {
		return err
	}
	_, _, left, err := d.alerts.Counts(ctx)
	if err == nil && left > 0 {
		waits := plain.CountOf(left, "alert could not be sent: it waits", "alerts could not be sent: they wait")
		return fmt.Errorf("%s in %s", waits, d.dir)
	}
	return err
}

// routes are what the channels of a configuration want.
func routes(conf *config.Config) (list []alert.Route) {
	for i := range conf.Channels {
		c := &conf.Channels[i]
		list = append(list, alert.Route{Channel: c.Name, Matches: conf.WantedBy(c), Brief: c.Spec.Brief})
	}
	return list
}

// takeDecisions queues what was decided in the feed for the channels that were told of the alerts.
func (d *Daemon) takeDecisions(ctx context.Context) error {
	err := triage.Tell(ctx, d.dir, d.alerts, routes(d.current()), time.Now(), d.Once)
	if err != nil && ctx.Err() == nil {
		d.Log.Warn("decisions about alerts not told; retrying", "err", err)
		return nil
	}
	return err
}

// take stores what was read of a partition of the alert topic, and what is to be sent because of it.
func (d *Daemon) take(ctx context.Context, a stream.Arrival, at *alert.Position, parts int) error {
	list := make([]alert.Alert, 0, len(a.Recs))
	var days []finding.Activity
	for i := range a.Recs {
		r := &a.Recs[i]
		if !stream.IsCurrent(r, &at.Epoch) || len(r.Value) == 0 {
			continue
		}
		x, err := stream.ParseRecord(r.Value)
		switch {
		case err != nil:
			d.stats.failures.Add(1)
			d.Log.Error("skipping undecodable record in alert topic", "partition", a.Partition, "offset", r.Offset, "err", err)
		case x.Kind == stream.ActivityRecord:
			days = append(days, x.Activity...)
		case x.Kind == stream.LeaversRecord:
			among := func(user string) bool { return engine.ShardOf(user, parts) == a.Partition }
			if err := d.alerts.SetLeavers(ctx, x.Leavers, among); err != nil {
				return err
			}
		default:
			list = append(list, *x.Alert)
		}
	}
	at.Next = a.Recs[len(a.Recs)-1].Offset + 1
	conf := d.current()
	budget, _, err := d.budgetNow(ctx)
	if err != nil {
		return err
	}
	policy := alert.NotifyPolicy{
		Now:            time.Now(),
		Detectors:      detectors.Traits(),
		NeedsAttention: func(a *alert.Alert) bool { return alert.NeedsAttention(a, budget, alert.Medium) },
	}
	policy.Routes = routes(conf)
	if err := d.alerts.PutDays(ctx, days); err != nil {
		return err
	}
	failpoint.Reach("alerts-take")
	if err := d.alerts.Apply(ctx, a.Partition, *at, list, policy); err != nil {
		return err
	}
	failpoint.Reach("alerts-taken")
	return nil
}

// current is the configuration in force.
func (d *Daemon) current() *config.Config {
	if c := d.reload.Load(); c != nil {
		return c
	}
	return d.Config
}
