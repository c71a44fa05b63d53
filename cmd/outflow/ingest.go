package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/all"
	"github.com/outflow/outflow/ingest/watch"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/webapi"
)

const (
	readers   = 32              // files read at the same time: they share commits
	settle    = time.Second     // a file that was written to more recently is left for the next look
	lookEvery = 2 * time.Second // at the folders
	onceTries = 4               // how often an API is asked that does not answer, with --once
	jitter    = .2              // of the time between two looks at an API, to either side
)

// ingest brings what the sources have into the log of events, until the context ends
// or, with --once, until nothing is left. With --once, what a source could not give is
// put into incomplete: what came is judged and told all the same.
func (d *daemon) ingest(ctx context.Context, log eventlog.Log, incomplete *error) error {
	for {
		conf := d.current()
		gctx, cancel := context.WithCancel(ctx)
		g, gctx := errgroup.WithContext(gctx)
		var mu sync.Mutex
		missing := func(err error) error {
			if !d.once || ctx.Err() != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			*incomplete = errors.Join(*incomplete, err)
			return nil
		}
		g.Go(func() error { return d.watchFiles(gctx, conf, log) })
		for i := range conf.Sources {
			if c := &conf.Sources[i]; c.api != nil {
				g.Go(func() error { return missing(d.pull(gctx, conf, c, log)) })
			}
		}
		if !d.once {
			g.Go(func() error { // other sources from now on
				for d.current() == conf {
					if err := pause(gctx, time.Second); err != nil {
						return err
					}
				}
				cancel()
				return nil
			})
		}
		err := g.Wait()
		cancel()
		if ctx.Err() != nil || d.once || d.current() == conf {
			return cmp.Or(ctx.Err(), err)
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

// watchFiles looks at the folders again and again.
func (d *daemon) watchFiles(ctx context.Context, conf *config, log eventlog.Log) error {
	failing := map[string]string{}
	for {
		for i := range conf.Sources {
			c := &conf.Sources[i]
			if c.api != nil {
				continue
			}
			src := &watch.Source{Name: c.Name, Paths: c.Paths, Workers: readers, Formats: all.Formats, Tables: all.Tables, Inspect: conf.loaded.inspect(), Log: log, Between: func(name string) { failpoint("source-" + name) }}
			if !d.once {
				src.Settled = settle
			}
			p, err := d.sources.Pass(ctx, src, time.Now())
			d.stats.events.Add(int64(p.Events))
			d.stats.problems.Add(int64(p.Problems))
			if err != nil {
				if d.once || ctx.Err() != nil {
					return err
				}
				d.stats.failures.Add(1)
				d.log.Error("source stopped; it goes on at the next look", "source", c.Name, "err", err)
				continue
			}
			for _, f := range p.Failed {
				if failing[f.Path] != f.Reason { // told when it changes
					failing[f.Path] = f.Reason
					d.log.Warn("file not read; it is tried again", "source", c.Name, "file", f.Path, "err", f.Reason)
				}
			}
			if p.Files > 0 {
				d.log.Info("files read", "source", c.Name, "files", p.Files, "events", p.Events, "not_decoded", p.Problems)
			}
		}
		if d.once {
			return nil
		}
		if err := pause(ctx, lookEvery); err != nil {
			return err
		}
	}
}

// env is what a source gets from outside.
func (d *daemon) env(c *sourceConfig) ingest.Env {
	from := *c
	from.Since = cmp.Or(d.since, c.Since)
	since, _ := from.since(time.Now()) // it was checked
	return ingest.Env{HTTP: webapi.NewHTTP(), Now: time.Now, Log: d.log.With("source", c.Name, "kind", c.Kind), Since: since}
}

// pull reads the streams of an API.
func (d *daemon) pull(ctx context.Context, conf *config, c *sourceConfig, log eventlog.Log) error {
	env := d.env(c)
	var streams []ingest.Stream
	refused := &watch.Refused{Store: d.sources, Name: c.Name, Source: c.vendor(), Log: log}
	for tries := 1; ; tries++ {
		var err error
		if streams, err = c.api.Open(ctx, env); err == nil {
			if err := refused.Over(ctx); err != nil {
				return err
			}
			break
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		d.stats.failures.Add(1)
		err = errors.Join(err, refused.Note(ctx, err, time.Now()))
		env.Log.Error("source not opened; it is tried again", "err", err)
		if d.once {
			return fmt.Errorf("source %s: %w", c.Name, err)
		}
		if err := pause(ctx, webapi.Backoff(err, tries)); err != nil {
			return err
		}
	}
	var g errgroup.Group
	for _, s := range streams {
		p := &watch.Pull{Name: c.Name, Source: c.vendor(), Stream: s, Formats: all.Formats, Tables: all.Tables, Inspect: conf.loaded.inspect(), Log: log, Between: func(name string) { failpoint("pull-" + name) }}
		g.Go(func() error { return d.stream(ctx, &env, p) })
	}
	return g.Wait()
}

// stream reads one stream of an API: as long as there is more, and then now and then.
func (d *daemon) stream(ctx context.Context, env *ingest.Env, p *watch.Pull) error {
	l := env.Log.With("stream", p.Stream.Name)
	tries, said := 0, ""
	events, problems, tidied := 0, 0, time.Time{}
	for {
		step, err := d.sources.Step(ctx, p, time.Now())
		d.stats.events.Add(int64(step.Events))
		d.stats.problems.Add(int64(step.Problems))
		d.stats.repeats.Add(int64(step.Repeats))
		events += step.Events
		problems += step.Problems
		for _, g := range step.Gaps {
			l.Warn("gap: what is missing will not come", "gap", g.Error())
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			tries++
			if d.once && (tries >= onceTries || webapi.Is(err, webapi.Unauthorized) || webapi.Is(err, webapi.Denied)) {
				return fmt.Errorf("source %s, %s: %w", p.Name, p.Stream.Name, err)
			}
			wait := webapi.Backoff(err, tries)
			if err.Error() != said { // told when it changes
				said = err.Error()
				d.stats.failures.Add(1)
				l.Error("not read; it is tried again", "err", err, "wait", wait.Round(time.Second))
			}
			if err := pause(ctx, wait); err != nil {
				return err
			}
			continue
		}
		if said != "" {
			l.Info("it is read again")
		}
		tries, said = 0, ""
		if step.More {
			continue
		}
		if events > 0 || problems > 0 {
			l.Info("read", "events", events, "not_decoded", problems)
			events, problems = 0, 0
		}
		if d.once {
			return nil
		}
		if again, err := d.sources.Redo(ctx, p, time.Now()); err != nil {
			l.Error("dead letters not read again", "err", err)
		} else if again > 0 {
			l.Info("dead letters read again", "events", again)
		}
		if now := time.Now(); now.Sub(tidied) > 24*time.Hour {
			tidied = now
			if err := d.sources.Tidy(ctx, now); err != nil {
				l.Error("state of the source not tidied", "err", err)
			}
		}
		if err := pause(ctx, time.Duration(float64(p.Stream.Every)*(1-jitter+2*jitter*rand.Float64()))); err != nil {
			return err
		}
	}
}

// vendor is the source of the events of a kind of API; none for those that read HR.
func (c *sourceConfig) vendor() event.Source {
	for _, s := range event.Sources() {
		if s.String() == c.Kind {
			return s
		}
	}
	return event.NoSource
}
