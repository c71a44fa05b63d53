package daemon

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/file"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/keys"
	"github.com/outflow/outflow/cmd/outflow/internal/privacy"
	"github.com/outflow/outflow/internal/failpoint"
	"github.com/outflow/outflow/internal/guard"
)

// outlets are the channels in use. Each goes at its own pace: one that hangs, or is
// down, delays itself alone.
type outlets struct {
	d      *Daemon
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
	if o.d.Once {
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
	if err := o.d.alerts.PruneChanges(ctx, now); err != nil {
		return err
	}
	said, err := privacy.Expire(ctx, o.d.dir, conf, o.d.alerts, now)
	if said != "" {
		o.d.Log.Info("retention applied", "result", said)
	}
	return err
}

// rest has everything sent that waits still, with --once: what fails is tried a few
// times. Then it tidies.
func (o *outlets) rest(ctx context.Context) error {
	if !o.d.Once {
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
			if ctx.Err() != nil {
				o.d.stats.notified(c.Name, sent, nil)
				return ctx.Err()
			}
			o.d.stats.notified(c.Name, sent, err)
			if err != nil {
				failed++
				o.d.stats.failures.Add(1)
				o.d.Log.Error("notification not sent; retrying", "channel", c.Name, "err", err)
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
		if ctx.Err() != nil {
			o.d.stats.notified(c.Name, sent, nil)
			return
		}
		o.d.stats.notified(c.Name, sent, err)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && err.Error() != said: // told when it changes
			said = err.Error()
			o.d.stats.failures.Add(1)
			o.d.Log.Error("notification not sent; retrying", "channel", c.Name, "err", err)
		case err == nil && sent > 0 && said != "":
			said = ""
			o.d.Log.Info("channel works again", "channel", c.Name)
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
func (d *Daemon) outlet(ctx context.Context, conf *config.Config, c *config.Channel) (outlet, error) {
	mask, err := keys.ChannelMask(d.dir, conf, c, d.commonDomain)
	if err != nil {
		return nil, err
	}
	between := func(name string) { failpoint.Reach("channel-" + name) }
	observe := func(a *alert.Alert, err error) { d.stats.observe(c.Name, a.Time, err, time.Now()) }
	if c.Kind == "file" {
		ch := &file.Channel{Name: c.Name, Path: c.Path, Mask: mask, Between: between, Observe: observe}
		return func(ctx context.Context) (int, time.Time, error) {
			sent, err := ch.Deliver(ctx, d.alerts)
			return sent, time.Time{}, err
		}, nil
	}
	n, err := c.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("channel %s: %w", c.Name, err)
	}
	ch := &alert.Channel{
		Name:      c.Name,
		Kind:      c.Spec,
		Notifier:  n,
		MaxPerDay: c.PerDay,
		Mask:      mask,
		Link:      conf.Link,
		Observe:   observe,
		Between:   between,
	}
	return func(ctx context.Context) (int, time.Time, error) { return ch.Deliver(ctx, d.alerts, time.Now()) }, nil
}

// commonDomain says whether a mail domain is the organisation's even if nobody has
// configured it: at least a tenth of those have it whom alerts are about.
func (d *Daemon) commonDomain(domain string) bool {
	d.domains.Lock()
	defer d.domains.Unlock()
	if now := time.Now(); now.Sub(d.domains.at) > time.Minute {
		users, err := d.alerts.Users(context.Background())
		if err != nil {
			d.Log.Error("own domains not read", "err", err)
		} else {
			d.domains.at, d.domains.common = now, alert.CommonDomains(users)
		}
	}
	return d.domains.common[domain]
}
