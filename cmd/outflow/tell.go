package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/file"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/internal/failpoint"
	"github.com/outflow/outflow/internal/guard"
	"github.com/outflow/outflow/internal/outfile"
)

// outlets are the channels in use. Each goes at its own pace: one that hangs, or is
// down, delays itself alone.
type outlets struct {
	d      *daemon
	conf   *config.Config
	cancel context.CancelFunc
	wait   sync.WaitGroup
	wake   []chan struct{}
	tidied time.Time // when the feed was
}

// outlet sends what waits for one channel. It returns when to call it again, if it says
// so.
type outlet func(ctx context.Context) (sent int, again time.Time, err error)

// idleChannel is how often a channel is looked at that nobody has woken.
const idleChannel = 5 * time.Second

// pass has the channels look at what waits. A daemon's go on by themselves; with --once
// they are asked here, and none waits for another try.
func (o *outlets) pass(ctx context.Context) error {
	conf := o.d.current()
	if o.d.once {
		return o.each(ctx, conf, 1)
	}
	if conf != o.conf {
		o.stop()
		o.start(ctx, conf)
	}
	if now := time.Now(); now.Sub(o.tidied) > 24*time.Hour {
		o.tidied = now
		if err := o.tidy(ctx, conf, now); err != nil {
			return err
		}
	}
	for _, w := range o.wake {
		select {
		case w <- struct{}{}:
		default:
		}
	}
	return nil
}

// tidy deletes what is not to be kept any longer.
func (o *outlets) tidy(ctx context.Context, conf *config.Config, now time.Time) error {
	if err := o.d.alerts.TidyChanges(ctx, now); err != nil {
		return err
	}
	said, err := expire(ctx, o.d.dir, conf, o.d.alerts, now)
	if said != "" {
		o.d.log.Info(said)
	}
	return err
}

// rest has everything sent that waits still, with --once: what fails is tried a few
// times. Then it tidies.
func (o *outlets) rest(ctx context.Context) error {
	if !o.d.once {
		return nil
	}
	conf := o.d.current()
	if err := o.each(ctx, conf, onceTries); err != nil {
		return err
	}
	return o.tidy(ctx, conf, time.Now())
}

// each asks every channel, so many times at most if it fails.
func (o *outlets) each(ctx context.Context, conf *config.Config, tries int) error {
	for i := range conf.Channels {
		c := &conf.Channels[i]
		send, err := o.d.outlet(ctx, conf, c)
		if err != nil {
			return err
		}
		for failed := 0; failed < tries; {
			var sent int
			var again time.Time
			err := guard.Do("channel", func() (err error) {
				sent, again, err = send(ctx)
				return err
			})
			o.d.stats.told.Add(int64(sent))
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				failed++
				o.d.stats.failures.Add(1)
				o.d.log.Error("not sent; it is tried again", "channel", c.Name, "err", err)
			}
			if again.IsZero() && (sent == 0 || err != nil) || failed == tries {
				break
			}
			if err := pause(ctx, min(time.Until(again), 5*time.Second)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (o *outlets) start(ctx context.Context, conf *config.Config) {
	ctx, o.cancel = context.WithCancel(ctx)
	o.conf, o.wake = conf, nil
	for i := range conf.Channels {
		c, wake := &conf.Channels[i], make(chan struct{}, 1)
		o.wake = append(o.wake, wake)
		o.wait.Go(func() { o.run(ctx, conf, c, wake) })
	}
}

func (o *outlets) stop() {
	if o.cancel != nil {
		o.cancel()
		o.wait.Wait()
	}
}

// run sends through one channel until the context ends.
func (o *outlets) run(ctx context.Context, conf *config.Config, c *config.Channel, wake <-chan struct{}) {
	var send outlet
	said := ""
	for ctx.Err() == nil {
		var sent int
		var again time.Time
		err := guard.Do("channel", func() (err error) {
			if send == nil {
				send, err = o.d.outlet(ctx, conf, c)
			}
			if err == nil {
				sent, again, err = send(ctx)
			}
			return err
		})
		if panicked := (*guard.Panic)(nil); errors.As(err, &panicked) {
			send = nil // it may be in any state
		}
		o.d.stats.told.Add(int64(sent))
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && err.Error() != said: // told when it changes
			said = err.Error()
			o.d.stats.failures.Add(1)
			o.d.log.Error("not sent; it is tried again", "channel", c.Name, "err", err)
		case err == nil && sent > 0 && said != "":
			said = ""
			o.d.log.Info("it is sent again", "channel", c.Name)
		}
		wait := idleChannel
		if !again.IsZero() {
			wait = min(max(time.Until(again), 10*time.Millisecond), time.Minute)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-wake:
		}
		timer.Stop()
	}
}

// outlet opens a channel.
func (d *daemon) outlet(ctx context.Context, conf *config.Config, c *config.Channel) (outlet, error) {
	mask, err := d.mask(conf, c)
	if err != nil {
		return nil, err
	}
	between := func(name string) { failpoint.Reach("channel-" + name) }
	if c.Kind == "file" {
		ch := &file.Channel{Name: c.Name, Path: c.Path, Mask: mask, Between: between}
		return func(ctx context.Context) (int, time.Time, error) {
			sent, err := ch.Deliver(ctx, d.alerts)
			return sent, time.Time{}, err
		}, nil
	}
	n, err := c.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("channel %s: %w", c.Name, err)
	}
	ch := &alert.Channel{Name: c.Name, Kind: c.Spec, Notifier: n, PerDay: c.PerDay, Mask: mask, Link: conf.Link, Between: between}
	return func(ctx context.Context) (int, time.Time, error) { return ch.Deliver(ctx, d.alerts, time.Now()) }, nil
}

// mask is what a channel's readers may see of an alert; nil for everything.
func (d *daemon) mask(conf *config.Config, c *config.Channel) (func(*alert.Alert) alert.Alert, error) {
	if c.People == "names" {
		return nil, nil
	}
	m, err := openMask(d.dir, conf, c.Purpose, d.commonDomain)
	if err != nil {
		return nil, err
	}
	return m.Alert, nil
}

// commonDomain says whether a mail domain is the organisation's even if nobody has
// configured it: at least a tenth of those have it whom alerts are about.
func (d *daemon) commonDomain(domain string) bool {
	d.domains.Lock()
	defer d.domains.Unlock()
	if now := time.Now(); now.Sub(d.domains.at) > time.Minute {
		users, err := d.alerts.Users(context.Background())
		if err != nil {
			d.log.Error("own domains not read", "err", err)
		} else {
			d.domains.at, d.domains.common = now, alert.CommonDomains(users)
		}
	}
	return d.domains.common[domain]
}

// openMask is the mask of a purpose. The key of all pseudonyms lies in the data
// directory; without it nobody can tell whom they stand for. Domains are the
// organisation's that are configured, or of which common says so; it may be nil.
func openMask(dir string, conf *config.Config, purpose string, common func(domain string) bool) (*alert.Mask, error) {
	key, err := randomKey(filepath.Join(dir, "pseudonyms.key"))
	if err != nil {
		return nil, fmt.Errorf("pseudonyms: %w", err)
	}
	var own []string
	for _, d := range conf.Domains {
		own = append(own, strings.ToLower(strings.TrimPrefix(d, "@")))
	}
	return alert.NewMask(key, purpose, func(domain string) bool {
		return slices.Contains(own, domain) || common != nil && common(domain)
	}), nil
}

// readKey reads a key of 32 bytes.
func readKey(path string) ([]byte, error) {
	key, err := os.ReadFile(path)
	if err == nil && len(key) != 32 {
		return nil, fmt.Errorf("%s is damaged", path)
	}
	return key, err
}

// randomKey reads a key of 32 bytes, or makes it.
func randomKey(path string) ([]byte, error) {
	key, err := readKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	key = make([]byte, 32)
	rand.Read(key)
	err = outfile.Write(path, key, 0o600, false)
	if _, there := os.Stat(path); err != nil && there == nil { // another process was faster
		return randomKey(path)
	}
	return key, err
}
