package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/feed"
	reports "github.com/outflow/outflow/alert/report"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/keys"
	"github.com/outflow/outflow/cmd/outflow/internal/records"
	"github.com/outflow/outflow/cmd/outflow/internal/reporting"
	"github.com/outflow/outflow/cmd/outflow/internal/stream"
	"github.com/outflow/outflow/detect/detectors"
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/internal/buildinfo"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/guard"
)

// serveFeed serves the API and the pages.
func (d *Daemon) serveFeed(ctx context.Context, l *stream.Logs) error {
	conf := d.Config
	store, err := keys.OpenFeed(ctx, d.dir)
	if err != nil {
		return err
	}
	defer store.Close()
	masks := map[feed.Role]*alert.Mask{}
	for _, r := range feed.Roles {
		if masks[r], err = keys.OpenMask(d.dir, conf, string(r), d.organisation()); err != nil {
			return err
		}
	}
	s := &feed.Server{
		Store:      store,
		Alerts:     d.alerts,
		Mask:       func(r feed.Role) *alert.Mask { return masks[r] },
		Enough:     engine.Enough,
		Detectors:  detectors.Traits(),
		Now:        time.Now,
		Log:        d.Log,
		Version:    buildinfo.Version(),
		Secure:     conf.Encrypted(),
		Digest:     d.digest,
		Reports:    d.reportInput,
		Channels:   d.channelNames,
		Anchored:   d.keepAnchor,
		Watchlists: d.watchlists,
		Exempt:     d.exempt,
		Coverage:   func(ctx context.Context) (*feed.Coverage, error) { return d.coverage(ctx, l) },
		Events:     func(ctx context.Context, a *alert.Alert) ([]alert.Item, error) { return eventsOf(ctx, l, a) },
		Health: func() any {
			st, err := d.look(ctx, l)
			if err != nil {
				return &Status{}
			}
			return st
		},
	}
	if err := admit(ctx, s, conf); err != nil {
		return err
	}
	ln, err := net.Listen("tcp", conf.Feed.Listen)
	if err != nil {
		return fmt.Errorf("feed: listen: %w", err)
	}
	d.Log.Info("serving feed", "address", ln.Addr().String(), "tls", conf.Feed.Cert != "")
	if d.Serving != nil {
		d.Serving(ln.Addr().String())
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return guard.Do("feed", func() error { return s.Run(ctx) }) })
	serveFeed(ctx, g, ln, s.Handler(), conf)
	return g.Wait()
}

// lastLines is how long requests that the end of the daemon breaks off may take to say so in the audit log.
const lastLines = 2 * time.Second

// serveFeed has a group serve a handler until the context ends.
func serveFeed(ctx context.Context, g *errgroup.Group, ln net.Listener, h http.Handler, conf *config.Config) {
	srv := &http.Server{
		BaseContext:       func(net.Listener) context.Context { return ctx },
		Handler:           guard.Handler("feed", h),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	g.Go(func() (err error) {
		if conf.Feed.Cert != "" {
			err = srv.ServeTLS(ln, conf.Feed.Cert, conf.Feed.Key)
		} else {
			err = srv.Serve(ln)
		}
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return fmt.Errorf("feed: serve: %w", err)
	})
	g.Go(func() error {
		<-ctx.Done()
		wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastLines)
		defer cancel()
		if srv.Shutdown(wait) != nil {
			return srv.Close()
		}
		return nil
	})
}

// admit sets who may sign in from where, and what requires two people.
func admit(ctx context.Context, s *feed.Server, conf *config.Config) (err error) {
	if s.SignOn, err = conf.SignOn(ctx); err != nil {
		return err
	}
	if s.TrustedProxies, err = conf.Feed.Proxies(); err != nil {
		return err
	}
	if s.TwoPeople, err = conf.Feed.TwoPeople(); err != nil {
		return err
	}
	return s.Store.RequireTwo(ctx, conf.Feed.SecondPerson, s.SignOn != nil)
}

// eventsOf finds the events that an alert rests on in the event log.
func eventsOf(ctx context.Context, l *stream.Logs, a *alert.Alert) (list []alert.Item, err error) {
	s := records.New(a)
	if err := s.ReadLog(ctx, l.Events); err != nil {
		return nil, err
	}
	for _, r := range s.Found() {
		list = append(list, r.Item)
	}
	return list, nil
}

// channelNames are the channels of the configuration that the daemon runs with.
func (d *Daemon) channelNames() []feed.ChannelName {
	var list []feed.ChannelName
	for _, c := range d.current().Channels {
		list = append(list, feed.ChannelName{Name: c.Name, Kind: c.Kind})
	}
	return list
}

// digest makes the digest of a week (2026-W13), or of the current one if week is "".
func (d *Daemon) digest(ctx context.Context, week string) (*reports.Digest, error) {
	f := d.reports()
	data, err := f.Load(ctx)
	if err != nil {
		return nil, err
	}
	defer data.Close()
	_, monday := reports.WeekOf(data.In.Now)
	if week != "" {
		if monday, err = reports.ParseWeek(week); err != nil {
			return nil, err
		}
	}
	return f.Digest(ctx, data, monday)
}

// reportInput loads what reports are made of. It is valid after ctx has ended.
func (d *Daemon) reportInput(ctx context.Context) (*reports.Input, error) {
	data, err := d.reports().Load(ctx)
	if err != nil {
		return nil, err
	}
	defer data.Close()
	in := data.In
	lasting := context.WithoutCancel(ctx)
	in.Days = func(user string, from, to time.Time) ([]finding.Activity, error) {
		return d.alerts.Days(lasting, user, from, to)
	}
	in.Items = func(a *alert.Alert) error { return d.alerts.LoadItems(lasting, a) }
	return in, nil
}

// reports is what reports in the feed are made of. The feed takes names out.
func (d *Daemon) reports() *reporting.Source {
	return &reporting.Source{Data: d.dir, People: "names", Conf: d.current()}
}
