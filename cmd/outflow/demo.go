package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/feed"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/daemon"
	"github.com/outflow/outflow/cmd/outflow/internal/datadir"
	"github.com/outflow/outflow/cmd/outflow/internal/demo"
	"github.com/outflow/outflow/cmd/outflow/internal/keys"
	"github.com/outflow/outflow/cmd/outflow/internal/stream"
	"github.com/outflow/outflow/examples"
	"github.com/outflow/outflow/internal/plain"
)

const (
	learned  = 8                      // days of the example that are there at the start, to learn from
	mostFast = 600                    // days in a minute
	demoLook = 500 * time.Millisecond // between looks for new alerts
)

func newDemo(stdout, stderr io.Writer) *cobra.Command {
	var speed float64
	var listen, logLevel string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run the daemon with its page over an example, in time-lapse",
		Long: `Demo runs the daemon over the audit logs of a small organisation, which are part of the
program: 50 days, of which 30 pass in a minute. Alerts arrive live on the page whose address it
prints, with a token to sign in. They are those that outflow scan has of the same exports.

Everything is in a temporary folder, which Ctrl-C removes.`,
		Example: `  outflow demo
  outflow demo --speed 10                  # ten days in a minute
  outflow demo --listen 127.0.0.1:9000`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !(speed > 0 && speed <= mostFast) {
				return &exit{exitUsage, fmt.Errorf("--speed %g: more than 0, and at most %d days in a minute", speed, mostFast)}
			}
			log, err := newLogger(stderr, logLevel, "text")
			if err != nil {
				return &exit{exitUsage, err}
			}
			dir, err := os.MkdirTemp("", "outflow-demo-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(dir)
			p, err := newPlay(cmd.Context(), dir, listen)
			if err != nil {
				return err
			}
			p.out, p.daemon.Log = stdout, log
			p.every = time.Duration(float64(time.Minute) / speed)
			return p.run(cmd.Context())
		},
	}
	cmd.Flags().Float64Var(&speed, "speed", 30, "`DAYS` that pass in a minute")
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8443", "`ADDRESS` of the page, on this machine")
	cmd.Flags().StringVar(&logLevel, "log-level", "warn", "least severe `LEVEL` of the daemon's log: debug, info, warn, error")
	completeFlag(cmd, "log-level", []string{"debug", "info", "warn", "error"})
	return cmd
}

// play is a demonstration: a daemon, and the days of the example that come to it.
type play struct {
	out    io.Writer
	dir    string
	files  fs.FS
	days   []demo.Day
	every  time.Duration // from one day to the next
	daemon *daemon.Daemon
	token  string
}

// newPlay prepares a demonstration in an empty folder.
func newPlay(ctx context.Context, dir, listen string) (*play, error) {
	p := &play{dir: dir}
	var err error
	if p.files, err = fs.Sub(examples.Acme, "acme"); err != nil {
		return nil, err
	}
	if p.days, err = demo.Days(p.files); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "outflow.yaml")
	text := "sources: [{name: exports, kind: files, paths: [./exports]}]\nfeed: {listen: \"" + listen + "\"}\n"
	for _, sub := range []string{"exports", "next"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return nil, err
	}
	conf, err := config.LoadFor(path, config.Roles...)
	if err != nil {
		return nil, &exit{exitUsage, fmt.Errorf("--listen %s: %w", listen, errors.Unwrap(err))}
	}
	p.daemon = &daemon.Daemon{Path: path, Config: conf, Roles: config.Roles}
	if err := datadir.Make(conf.DataDir, false); err != nil {
		return nil, fmt.Errorf("data_dir%w", err)
	}
	s, err := keys.OpenFeed(ctx, conf.DataDir)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	p.token, err = s.NewToken(ctx, "demo", feed.SOC, time.Now(), 24*time.Hour)
	return p, err
}

// run plays until ctx ends.
func (p *play) run(ctx context.Context) error {
	stream.Hurry(p.every/3, p.every/2)
	serving := make(chan string, 1)
	p.daemon.Serving = func(address string) { serving <- address }
	for i := range p.days[:min(learned+1, len(p.days))] {
		if err := p.put(i); err != nil {
			return err
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return p.daemon.Run(ctx) })
	g.Go(func() error {
		select {
		case <-ctx.Done():
			return nil
		case address := <-serving:
			p.welcome(address)
		}
		g.Go(func() error { return p.watch(ctx) })
		return p.pass(ctx)
	})
	return g.Wait()
}

func (p *play) welcome(address string) {
	fmt.Fprintf(p.out, `The audit logs of a small organisation in time-lapse: %d days, one every %s.

  Page     http://%s
  Sign in  %s

Alerts from medium on, as they arrive (Ctrl-C ends it, and removes everything):

`, len(p.days)-1, p.every.Round(time.Millisecond), address, p.token)
}

func (p *play) put(day int) error {
	return p.days[day].Put(p.files, filepath.Join(p.dir, "next"), filepath.Join(p.dir, "exports"))
}

// pass has one day after the other come.
func (p *play) pass(ctx context.Context) error {
	clock := time.NewTicker(p.every)
	defer clock.Stop()
	for i := learned + 1; i < len(p.days); i++ {
		select {
		case <-ctx.Done():
			return nil
		case <-clock.C:
		}
		if err := p.put(i); err != nil {
			return err
		}
	}
	fmt.Fprintf(p.out, "  %s was the last day. The page stays until Ctrl-C.\n", p.days[len(p.days)-1].Date)
	return nil
}

// watch prints alerts that need attention when they come.
func (p *play) watch(ctx context.Context) error {
	shown := map[string]bool{}
	clock := time.NewTicker(demoLook)
	defer clock.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-clock.C:
		}
		all, err := p.alerts(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		slices.SortFunc(all, func(a, b alert.Alert) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.ID, b.ID)) })
		for i := range all {
			a := &all[i]
			if shown[a.ID] || !alert.NeedsAttention(a, nil, alert.Medium) {
				continue
			}
			shown[a.ID] = true
			fmt.Fprintf(p.out, "  %s  %-8s  %s\n", a.Time.UTC().Format("2006-01-02 15:04"), a.Severity, plain.Escape(a.Title))
		}
	}
}

// alerts are the alerts that there are now.
func (p *play) alerts(ctx context.Context) ([]alert.Alert, error) {
	s, err := datadir.OpenAlerts(ctx, p.daemon.Config.DataDir)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.All(ctx)
}
