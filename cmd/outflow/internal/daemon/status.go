package daemon

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/outflow/outflow/alert"
	reports "github.com/outflow/outflow/alert/report"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/datadir"
	"github.com/outflow/outflow/cmd/outflow/internal/stream"
	"github.com/outflow/outflow/ingest/watch"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/guard"
)

// runStats is what a daemon counts.
type runStats struct {
	start    time.Time
	events   atomic.Int64 // appended to the log
	problems atomic.Int64 // records that could not be decoded
	sent     atomic.Int64 // notifications, all channels together
	repeats  atomic.Int64 // records that APIs sent again within a short time: they are not appended again
	failures atomic.Int64
	unread   atomic.Int64 // files that could not be read
	lost     atomic.Int64 // how often notifications of changes were lost
	heart    heart

	mu           sync.Mutex
	panics       map[string]int64 // that were caught, by where
	channels     map[string]*channelStats
	latency      *prometheus.HistogramVec
	came         map[string]*intakeOf
	recognised   map[[2]string]watch.Recognition // by source and path, on a day
	recognisedOn int64                           // the day
	samples      []sample                        // of the last hour, the oldest first
}

// panicked counts a panic.
func (s *runStats) panicked(where string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.panics == nil {
		s.panics = map[string]int64{}
	}
	s.panics[where]++
}

// sample is how many events had come at a moment, by source and vendor.
type sample struct {
	at     time.Time
	events map[[2]string]int64
}

// sampleEvery is how often it is noted how many events have come.
const sampleEvery = time.Minute

// rate notes how many events have come, and sets how many come in an hour.
func (s *runStats) rate(now time.Time, list []sourceStatus) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.samples) > 1 && now.Sub(s.samples[1].at) >= time.Hour {
		s.samples = s.samples[1:]
	}
	if n := len(s.samples); n == 0 || now.Sub(s.samples[n-1].at) >= sampleEvery {
		x := sample{now, map[[2]string]int64{}}
		for _, v := range list {
			x.events[[2]string{v.Source, v.Vendor}] = v.Events
		}
		s.samples = append(s.samples, x)
	}
	first := s.samples[0]
	hours := now.Sub(first.at).Hours()
	for i := range list {
		v := &list[i]
		if more := v.Events - first.events[[2]string{v.Source, v.Vendor}]; hours >= sampleEvery.Hours() {
			v.Hourly = int64(float64(more) / hours)
		}
	}
}

// Status is what outflow status prints. The daemon writes it every few seconds.
type Status struct {
	Usual *reports.Usual `json:"usual,omitempty"` // how much is known of what is usual; outflow status adds it
	// EndedWatchlists are those that no longer count, a sentence each; outflow status adds them.
	EndedWatchlists []string       `json:"ended_watchlists,omitempty"`
	At              time.Time      `json:"at"`                   // when it was written
	Started         time.Time      `json:"started"`              // when the daemon was
	Roles           []string       `json:"roles"`                // of the daemon
	Once            bool           `json:"once,omitempty"`       // it ran once and ended
	Stopped         bool           `json:"stopped,omitempty"`    // it does not run any more; outflow status finds out
	Events          int64          `json:"events"`               // appended since the start
	Problems        int64          `json:"not_decoded"`          // since the start
	Repeats         int64          `json:"api_repeats"`          // records that APIs sent again, since the start
	Failures        int64          `json:"failures"`             // that were logged, since the start
	Sources         []sourceStatus `json:"sources,omitempty"`    // by source and vendor
	Formats         []watch.Format `json:"formats,omitempty"`    // what records of streams were taken for
	Streams         []watch.State  `json:"streams,omitempty"`    // of APIs
	Parts           []partStatus   `json:"partitions,omitempty"` // of the event log
	// Processor is how far the stream processor is; nil if none runs here.
	Processor *stream.Status   `json:"judge,omitempty"`
	Alerts    *alertStatus     `json:"alerts,omitempty"`   // nil without the role alert
	Budget    *alert.Kept      `json:"budget,omitempty"`   // how it was kept; nil if none is asked for
	Dead      int              `json:"dead_letters"`       // of all sources
	Arrived   *arrivedStatus   `json:"arrived,omitempty"`  // what became of what came today
	Accounts  []stream.Account `json:"accounts,omitempty"` // the same of every day that is known
	Unwell    []string         `json:"unwell,omitempty"`   // why not all is well
	// Heartbeat is when all was well last; zero if it has not been since the start.
	Heartbeat time.Time        `json:"heartbeat,omitzero"`
	Sizes     map[string]int64 `json:"state_bytes"` // by file

	Folders    []watch.FolderStatus `json:"folders,omitempty"`         // of sources of files
	Unread     int64                `json:"files_not_read"`            // failures to read a file, since the start
	Lost       int64                `json:"notifications_lost"`        // times that notifications of changed files were lost
	Panics     map[string]int64     `json:"panics,omitempty"`          // caught since the start, by where
	DiskFree   uint64               `json:"disk_free_bytes,omitempty"` // 0 if unknown
	Conditions []condition          `json:"conditions,omitempty"`      // what keeps it from doing all of its job
	Stalled    string               `json:"stalled,omitempty"`         // why the processor must be restarted
}

type sourceStatus struct {
	Source string    `json:"source"`
	Vendor string    `json:"vendor"`
	Events int64     `json:"events"`
	Newest time.Time `json:"newest"`
	Hourly int64     `json:"events_per_hour"` // over the last hour, or since the start
}

type partStatus struct {
	Partition int   `json:"partition"`
	Next      int64 `json:"next"`
	End       int64 `json:"end"`
	Lag       int64 `json:"lag"`
}

type alertStatus struct {
	Known    int   `json:"known"`
	Notified int   `json:"told"`
	Waiting  int   `json:"waiting"`
	Sent     int64 `json:"sent"`
}

// ends are up to where the partitions of a log go. A broker is not asked for them every time.
type ends struct {
	mu   sync.Mutex
	at   time.Time
	list []int64
}

// endsFor is for how long it is believed where partitions of a broker's topic end.
const endsFor = 10 * time.Second

// get returns the ends, as they are or, where that is wanted, as they were a moment ago.
func (e *ends) get(ctx context.Context, log eventlog.Log, lately bool) ([]int64, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if lately && e.list != nil && time.Since(e.at) < endsFor {
		return e.list, nil
	}
	next := func(p int) (int64, error) {
		_, next, err := log.Bounds(ctx, p)
		return next, err
	}
	if k, ok := log.(interface {
		Next(ctx context.Context, partition int) (int64, error)
	}); ok && lately {
		next = func(p int) (int64, error) { return k.Next(ctx, p) }
	}
	list := make([]int64, log.Partitions())
	for p := range list {
		var err error
		if list[p], err = next(p); err != nil {
			return nil, err
		}
	}
	e.at, e.list = time.Now(), list
	return list, nil
}

// look collects the status of the daemon.
func (d *Daemon) look(ctx context.Context, l *stream.Logs) (*Status, error) {
	s := &Status{
		At:       time.Now().UTC(),
		Started:  d.stats.start.UTC(),
		Roles:    d.Roles,
		Once:     d.Once,
		Events:   d.stats.events.Load(),
		Problems: d.stats.problems.Load(),
		Repeats:  d.stats.repeats.Load(),
		Failures: d.stats.failures.Load(),
	}
	if d.sources != nil {
		list, err := d.sources.Vendors(ctx)
		if err != nil {
			return nil, err
		}
		for _, v := range list {
			s.Sources = append(s.Sources, sourceStatus{Source: v.Source, Vendor: v.Vendor, Events: v.Events, Newest: v.Newest})
		}
		d.stats.rate(s.At, s.Sources)
		if s.Formats, err = d.sources.Formats(ctx); err != nil {
			return nil, err
		}
		if s.Streams, err = d.sources.States(ctx); err != nil {
			return nil, err
		}
		if s.Dead, err = d.sources.CountDeadLetters(ctx); err != nil {
			return nil, err
		}
	}
	v := d.worker.View()
	if v.Processor != nil {
		s.Processor = &v.Status
		ends, err := d.ends.get(ctx, l.Events, d.Config.Log.Kind == "kafka" && !d.Once)
		if err != nil {
			return nil, err
		}
		for i, p := range v.Partitions {
			s.Parts = append(s.Parts, partStatus{p, v.Next[i], ends[p], max(ends[p]-v.Next[i], 0)})
		}
	}
	today := s.At.UnixMilli() / event.Day
	var dead []watch.DeadLetterCount
	if d.sources != nil {
		var err error
		if dead, err = d.sources.DeadLettersSince(ctx, time.UnixMilli(today*event.Day)); err != nil {
			return nil, err
		}
	}
	s.Accounts = v.Accounts
	s.Arrived = arrived(today, v.Accounts, dead)
	s.Arrived.Unknown = v.Unknown
	d.condition(s)
	s.Unwell = s.unwell(cmp.Or(d.current().Heartbeat.Share, config.UsualShare))
	d.stats.heart.note(s)
	s.Sizes = map[string]int64{}
	for _, name := range datadir.StateFiles {
		if info, err := os.Stat(filepath.Join(d.dir, name)); err == nil {
			s.Sizes[name] = info.Size()
		}
	}
	if d.alerts != nil {
		known, notified, waiting, err := d.alerts.Counts(ctx)
		if err != nil {
			return nil, err
		}
		s.Alerts = &alertStatus{known, notified, waiting, d.stats.sent.Load()}
		if _, s.Budget, err = d.budgetNow(ctx); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// serve answers /metrics, /healthz and /readyz, and keeps the status file.
func (d *Daemon) serve(ctx context.Context, l *stream.Logs) error {
	registry := newRegistry(func() *Status {
		s, err := d.look(ctx, l)
		if err != nil {
			return nil
		}
		return s
	}, &d.stats)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	if d.Config.Metrics.Pprof {
		handlePprof(mux)
	}
	var seen lastStatus
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, "ok", seen.dead(time.Now())) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { answer(w, "ready", seen.unready(time.Now())) })
	srv := &http.Server{
		Handler:           guard.Handler("status", mux),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      90 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	if d.Config.Metrics.Listen != "" {
		ln, err := net.Listen("tcp", d.Config.Metrics.Listen)
		if err != nil {
			return fmt.Errorf("listen: %w", err)
		}
		d.Log.Info("listening", "address", ln.Addr().String())
		stop := context.AfterFunc(ctx, func() { srv.Close() })
		defer stop()
		go func() {
			if err := srv.Serve(ln); err != nil && !errors.Is(err, http.ErrServerClosed) {
				d.Log.Error("listener failed", "err", err)
			}
		}()
	}
	clock := time.NewTicker(StatusEvery)
	defer clock.Stop()
	for {
		s, err := d.look(ctx, l)
		seen.set(s, err, d.has("detect"), time.Now())
		if err == nil {
			err = writeStatus(filepath.Join(d.dir, "status.json"), s)
		}
		if err != nil && ctx.Err() == nil {
			d.Log.Warn("status not written", "err", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-clock.C:
		}
	}
}

// writeStatus replaces the status file. It does not sync, since that happens every two seconds and
// readers do not need it. The temporary file has a fixed name, so that a daemon that is killed
// leaves at most one behind.
func writeStatus(path string, s *Status) error {
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", append(b, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
