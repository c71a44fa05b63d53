package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/all"
	"github.com/outflow/outflow/ingest/watch"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/failpoint"
	"github.com/outflow/outflow/internal/guard"
	"github.com/outflow/outflow/internal/webapi"
)

const (
	readers      = 8                // files read at the same time
	leastReaders = 4                // of each source
	oneDelivery  = 10 * time.Minute // looks at a folder within it are one delivery: copying files takes a while
	settle       = time.Second      // a file that was written to more recently is left for a moment
	mostLogged   = 20               // files that were not read, at once
	onceTries    = 4                // how often an API is asked that does not answer, with --once
	mostOften    = 10 * time.Second // between two log lines about what a stream had
	jitter       = .2               // of the time between two looks at an API, to either side
)

// ingest appends what the sources have to the event log, until ctx ends or, with Once, until
// nothing is left. With Once, what a source could not give is put into incomplete: what came is
// processed all the same. Sources do not wait for one another, and one that fails is restarted by
// itself.
func (d *Daemon) ingest(ctx context.Context, log eventlog.Log, incomplete *error) error {
	for {
		conf := d.current()
		gctx, cancel := context.WithCancel(ctx)
		g := &sourceGroup{d: d, ctx: gctx, cancel: cancel}
		d.following(nil)
		for i := range conf.Sources {
			c := &conf.Sources[i]
			g.start(c.Name, func(ctx context.Context) error { return d.collect(ctx, conf, c, log) })
		}
		if !d.Once {
			for d.current() == conf && pause(gctx, time.Second) == nil { // other sources from now on
			}
			cancel()
		}
		g.all.Wait()
		cancel()
		if ctx.Err() != nil || d.Once {
			*incomplete = errors.Join(*incomplete, g.incomplete)
			return cmp.Or(ctx.Err(), g.failed)
		}
	}
}

// collect brings what a source has into the event log.
func (d *Daemon) collect(ctx context.Context, conf *config.Config, c *config.Source, log eventlog.Log) error {
	switch {
	case c.Api != nil:
		return d.pull(ctx, conf, c, log)
	case d.Once:
		return d.passFiles(ctx, conf, c, log)
	}
	return d.followFiles(ctx, conf, c, log)
}

// sourceGroup runs sources at the same time.
type sourceGroup struct {
	d      *Daemon
	ctx    context.Context
	cancel context.CancelFunc
	all    sync.WaitGroup

	mu         sync.Mutex
	incomplete error // what sources could not give, with --once
	failed     error // the first ownError, with --once
}

// start runs a source: again and again until the context ends or, with --once, once.
func (g *sourceGroup) start(name string, do func(ctx context.Context) error) {
	g.all.Go(func() {
		if !g.d.Once {
			g.d.keep(g.ctx, "source", name, do)
			return
		}
		g.end(guard.Do("source", func() error { return do(g.ctx) }))
	})
}

// end notes how a source ended. After an ownError the others end, too.
func (g *sourceGroup) end(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if own := (*ownError)(nil); !errors.As(err, &own) {
		g.incomplete = errors.Join(g.incomplete, err)
	} else if g.failed == nil {
		g.failed = own.error
		g.cancel()
	}
}

// ownError is one of the log or the state, and not of what a source could not give.
type ownError struct{ error }

// keep runs a part of the daemon until ctx ends. If it fails or panics, that is logged, counted
// and a condition, and after a while the part is restarted.
func (d *Daemon) keep(ctx context.Context, kind, name string, do func(ctx context.Context) error) {
	for tries := 0; ; tries++ {
		began := time.Now()
		fine := time.AfterFunc(time.Minute, func() { d.health.clear(kind, name) })
		err := guard.Do(kind, func() error { return do(ctx) })
		fine.Stop()
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > 10*time.Minute {
			tries = 0
		}
		wait := min(time.Second<<min(tries, 8), time.Minute)
		if err == nil {
			err = errors.New("it ended by itself")
		}
		d.stats.failures.Add(1)
		d.Log.Error("part stopped; restarting", kind, name, "err", err, "wait", wait)
		d.health.set(kind, name, err.Error())
		if pause(ctx, wait) != nil {
			return
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// files is a source of files.
func (d *Daemon) files(conf *config.Config, c *config.Source, log eventlog.Log) *watch.Source {
	n := 0
	for i := range conf.Sources {
		if conf.Sources[i].Api == nil {
			n++
		}
	}
	src := &watch.Source{
		Name:    c.Name,
		Paths:   c.Paths,
		Workers: max(readers/n, leastReaders),
		Formats: all.Formats,
		Tables:  conf.AllTables(),
		Inspect: conf.RuleSet.Inspect(),
		Log:     log,
		Between: func(name string) { failpoint.Reach("source-" + name) },
	}
	src.Forms, _ = c.Forms(d.Forms) // it was checked
	if !d.Once {
		src.Settled, src.Together = settle, oneDelivery
	}
	return src
}

// passFiles reads what is in the folders of a source now.
func (d *Daemon) passFiles(ctx context.Context, conf *config.Config, c *config.Source, log eventlog.Log) error {
	p, err := d.sources.Pass(ctx, d.files(conf, c, log), time.Now())
	d.took(ctx, c, p)
	if err != nil {
		return &ownError{err}
	}
	for _, path := range c.Paths {
		if _, serr := os.ReadDir(path); serr != nil && !errors.Is(serr, syscall.ENOTDIR) {
			d.stats.failures.Add(1)
			err = errors.Join(err, fmt.Errorf("source %s: %w", c.Name, serr))
		}
	}
	return err
}

// followFiles reads what is in the folders of a source, and what comes into them, until ctx
// ends.
func (d *Daemon) followFiles(ctx context.Context, conf *config.Config, c *config.Source, log eventlog.Log) error {
	f := &watch.Follower{
		Store:  d.sources,
		Source: d.files(conf, c, log),
		Log:    d.Log.With("source", c.Name),
		Took:   func(p watch.Pass) { d.took(ctx, c, p) },
	}
	d.following(f)
	return f.Run(ctx)
}

// following adds a source of files to those that are followed; nil removes all.
func (d *Daemon) following(f *watch.Follower) {
	d.followers.Lock()
	defer d.followers.Unlock()
	if f == nil {
		d.followers.list = map[string]*watch.Follower{}
		return
	}
	d.followers.list[f.Source.Name] = f
}

// folders is how the folders of the sources of files are, by the source's name.
func (d *Daemon) folders() (list []watch.FolderStatus) {
	d.followers.Lock()
	defer d.followers.Unlock()
	for _, name := range slices.Sorted(maps.Keys(d.followers.list)) {
		list = append(list, d.followers.list[name].Status())
	}
	return list
}

// took counts and logs what came of the files of a source.
func (d *Daemon) took(ctx context.Context, c *config.Source, p watch.Pass) {
	d.came(ctx, c.Name, p.Events, p.Problems)
	d.recognised(ctx, c.Name, p.Paths)
	d.stats.failures.Add(int64(p.Missing))
	d.stats.unread.Add(int64(len(p.Failed)))
	d.stats.lost.Add(int64(p.Lost))
	for i, f := range p.Failed {
		if i == mostLogged {
			d.Log.Warn("more files not read", "source", c.Name, "files", len(p.Failed)-i)
			break
		}
		d.Log.Warn("file not read; retrying", "source", c.Name, "file", f.Path, "err", f.Reason)
	}
	if p.Files > 0 {
		d.Log.Info("files read", "source", c.Name, "files", p.Files, "events", p.Events, "not_decoded", p.Problems)
	}
}

// pull reads the streams of an API.
func (d *Daemon) pull(ctx context.Context, conf *config.Config, c *config.Source, log eventlog.Log) error {
	env := config.SourceEnv(c, d.Since, d.Log)
	env.Full = func() string {
		reason, _ := d.intake.stopped()
		return reason
	}
	var streams []ingest.Stream
	refused := &watch.Refusal{Store: d.sources, Name: c.Name, Source: c.Vendor(), Mixed: c.Mixed(), Log: log}
	for tries := 1; ; tries++ {
		var err error
		if streams, err = c.Api.Open(ctx, env); err == nil {
			d.health.clear("source", c.Name)
			if err := refused.Clear(ctx); err != nil {
				return err
			}
			break
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		d.stats.failures.Add(1)
		err = errors.Join(err, refused.Record(ctx, err, time.Now()))
		env.Log.Error("source not opened; retrying", "err", err)
		d.health.set("source", c.Name, err.Error())
		if d.Once {
			return fmt.Errorf("source %s: %w", c.Name, err)
		}
		if err := pause(ctx, webapi.Backoff(err, tries)); err != nil {
			return err
		}
	}
	var g errgroup.Group
	for _, s := range streams {
		p := &watch.Pull{
			Name:    c.Name,
			Source:  c.Vendor(),
			Mixed:   c.Mixed(),
			Stream:  s,
			Formats: all.Formats,
			Tables:  conf.AllTables(),
			Inspect: conf.RuleSet.Inspect(),
			Log:     log,
			Between: func(name string) { failpoint.Reach("pull-" + name) },
		}
		p.Forms, _ = c.Forms(d.Forms) // it was checked
		g.Go(func() error {
			do := func(ctx context.Context) error { return d.stream(ctx, &env, p) }
			if d.Once {
				return guard.Do("source", func() error { return do(ctx) })
			}
			d.keep(ctx, "source", c.Name+"/"+s.Name, do)
			return ctx.Err()
		})
	}
	err := g.Wait()
	for _, s := range streams {
		if s.Close != nil {
			s.Close()
		}
	}
	return err
}

// stream reads one stream of an API until ctx ends, or with Once until it has been read to its
// end: as long as there is more, and then at its interval.
func (d *Daemon) stream(ctx context.Context, env *ingest.Env, p *watch.Pull) error {
	r := streamReader{d: d, pull: p, log: env.Log.With("stream", p.Stream.Name)}
	for {
		wait, done, err := r.step(ctx)
		if done || err != nil {
			return err
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

// streamReader is the reading of one stream of an API.
type streamReader struct {
	d    *Daemon
	pull *watch.Pull
	log  *slog.Logger

	tries            int    // that failed, since the last that did not
	logged           string // the error that was logged last; "" once the stream is read again
	events, problems int    // that came, and were not logged yet
	pruned           time.Time
	told             time.Time // when it was logged what came
}

// step reads the next part of the stream. It returns how long to wait for the next, or that there
// is none.
func (r *streamReader) step(ctx context.Context) (wait time.Duration, done bool, err error) {
	d := r.d
	step, err := d.sources.Step(ctx, r.pull, time.Now())
	d.came(ctx, r.pull.Name, step.Events, step.Problems)
	d.stats.repeats.Add(int64(step.Repeats))
	r.events += step.Events
	r.problems += step.Problems
	for _, g := range step.Gaps {
		r.log.Warn("gap: what is missing will not come", "gap", g.Error())
	}
	if ctx.Err() != nil {
		return 0, true, ctx.Err()
	}
	if err != nil {
		wait, err = r.failed(err)
		return wait, false, err
	}
	if r.logged != "" {
		r.log.Info("stream is read again")
	}
	r.tries, r.logged = 0, ""
	if step.More {
		return 0, false, nil
	}
	calm := time.Since(r.told) >= mostOften // the end of a stream may be reached many times in a second
	if calm || d.Once {
		r.tell()
	}
	if d.Once {
		return 0, true, nil
	}
	if calm {
		r.maintain(ctx)
	}
	return time.Duration(float64(r.pull.Stream.Every) * (1 - jitter + 2*jitter*rand.Float64())), false, nil
}

// tell logs what came since it was called last.
func (r *streamReader) tell() {
	r.told = time.Now()
	if r.events > 0 || r.problems > 0 {
		r.log.Info("read", "events", r.events, "not_decoded", r.problems)
		r.events, r.problems = 0, 0
	}
}

// failed counts a try that failed, and logs the error where it is another one than before. It
// returns how long to wait for the next try; with Once, the error if there is to be none.
func (r *streamReader) failed(err error) (wait time.Duration, last error) {
	r.tries++
	refused := webapi.Is(err, webapi.Unauthorized) || webapi.Is(err, webapi.Denied)
	if r.d.Once && (r.tries >= onceTries || refused) {
		return 0, fmt.Errorf("source %s, %s: %w", r.pull.Name, r.pull.Stream.Name, err)
	}
	wait = webapi.Backoff(err, r.tries)
	if err.Error() != r.logged {
		r.logged = err.Error()
		r.d.stats.failures.Add(1)
		r.log.Error("stream not read; retrying", "err", err, "wait", wait.Round(time.Second))
	}
	return wait, nil
}

// maintain reads dead letters again that this version can decode, and once a day deletes what is
// not needed any longer.
func (r *streamReader) maintain(ctx context.Context) {
	now := time.Now()
	if again, err := r.d.sources.RereadAll(ctx, r.pull, now); err != nil {
		r.log.Error("dead letters not read again", "err", err)
	} else if again > 0 {
		r.log.Info("dead letters read again", "events", again)
	}
	if now.Sub(r.pruned) <= 24*time.Hour {
		return
	}
	r.pruned = now
	if err := r.d.sources.Prune(ctx, now); err != nil {
		r.log.Error("state of the source not pruned", "err", err)
	}
}
