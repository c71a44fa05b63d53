package daemon

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/file"
	"github.com/outflow/outflow/alert/people"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/keys"
	"github.com/outflow/outflow/cmd/outflow/internal/privacy"
	"github.com/outflow/outflow/internal/failpoint"
	"github.com/outflow/outflow/internal/guard"
)

// dispatcher sends notifications through the channels. Each has its own pace: one that hangs, or
// is down, delays only itself.
type dispatcher struct {
	d      *Daemon
	conf   *config.Config
	cancel context.CancelFunc
	wait   sync.WaitGroup
	wake   []chan struct{}
	pruned time.Time // when retention was applied last
}

// sender sends what waits for one channel. It returns how many notifications it sent, and when to
// call it again; a zero time leaves that to the caller.
type sender func(ctx context.Context) (sent int, again time.Time, err error)

// idleChannel is how often a channel looks for notifications without being woken.
const idleChannel = 5 * time.Second

// dispatch has the channels send what waits. Those of a daemon run by themselves, and are woken;
// with Once they run here, and each tries once.
func (x *dispatcher) dispatch(ctx context.Context) error {
	conf := x.d.current()
	if x.d.Once {
		return x.each(ctx, conf, 1)
	}
	if conf != x.conf {
		x.stop()
		x.start(ctx, conf)
	}
	if now := time.Now(); now.Sub(x.pruned) > 24*time.Hour {
		x.pruned = now
		if err := x.prune(ctx, conf, now); err != nil {
			return err
		}
	}
	for _, w := range x.wake {
		select {
		case w <- struct{}{}:
		default:
		}
	}
	return nil
}

// prune deletes what has reached the end of its retention.
func (x *dispatcher) prune(ctx context.Context, conf *config.Config, now time.Time) error {
	if err := x.d.alerts.PruneChanges(ctx, now); err != nil {
		return err
	}
	deleted, err := privacy.Expire(ctx, x.d.dir, conf, x.d.alerts, now)
	if deleted != "" {
		x.d.Log.Info("retention applied", "result", deleted)
	}
	return err
}

// drain has everything sent that still waits, with Once: what fails is tried a few times. Then it
// applies retention.
func (x *dispatcher) drain(ctx context.Context) error {
	if !x.d.Once {
		return nil
	}
	conf := x.d.current()
	if err := x.each(ctx, conf, onceTries); err != nil {
		return err
	}
	return x.prune(ctx, conf, time.Now())
}

// each has every channel send what waits, with so many tries at most.
func (x *dispatcher) each(ctx context.Context, conf *config.Config, tries int) error {
	for i := range conf.Channels {
		c := &conf.Channels[i]
		send, err := x.d.openChannel(ctx, conf, c)
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
				x.d.stats.notified(c.Name, sent, nil)
				return ctx.Err()
			}
			x.d.stats.notified(c.Name, sent, err)
			if err != nil {
				failed++
				x.d.stats.failures.Add(1)
				x.d.Log.Error("notification not sent; retrying", "channel", c.Name, "err", err)
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

// start runs a sender for each channel of a configuration, until stop is called or ctx ends.
func (x *dispatcher) start(ctx context.Context, conf *config.Config) {
	ctx, x.cancel = context.WithCancel(ctx)
	x.conf, x.wake = conf, nil
	for i := range conf.Channels {
		c, wake := &conf.Channels[i], make(chan struct{}, 1)
		x.wake = append(x.wake, wake)
		x.wait.Go(func() { x.run(ctx, conf, c, wake) })
	}
}

// stop ends the senders, and waits for them.
func (x *dispatcher) stop() {
	if x.cancel != nil {
		x.cancel()
		x.wait.Wait()
	}
}

// run sends through one channel until the context ends.
func (x *dispatcher) run(ctx context.Context, conf *config.Config, c *config.Channel, wake <-chan struct{}) {
	var send sender
	logged := "" // the error that was logged last; "" once the channel works again
	for ctx.Err() == nil {
		var sent int
		var again time.Time
		err := guard.Do("channel", func() (err error) {
			if send == nil {
				send, err = x.d.openChannel(ctx, conf, c)
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
			x.d.stats.notified(c.Name, sent, nil)
			return
		}
		x.d.stats.notified(c.Name, sent, err)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && err.Error() != logged:
			logged = err.Error()
			x.d.stats.failures.Add(1)
			x.d.Log.Error("notification not sent; retrying", "channel", c.Name, "err", err)
		case err == nil && sent > 0 && logged != "":
			logged = ""
			x.d.Log.Info("channel works again", "channel", c.Name)
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

// openChannel returns the function that sends through a channel.
func (d *Daemon) openChannel(ctx context.Context, conf *config.Config, c *config.Channel) (sender, error) {
	mask, err := keys.ChannelMask(d.dir, conf, c, d.organisation())
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

// knownFor is how long what is known of people is used; it is renewed in the background.
const knownFor = 5 * time.Minute

// organisation is who belongs to the organisation, as its data says.
func (d *Daemon) organisation() keys.Organisation {
	return keys.Organisation{Common: d.commonDomain, People: d.people}
}

// people finds the people of the organisation. The first call waits until they are read.
func (d *Daemon) people() *people.Matcher {
	k := &d.known
	k.Lock()
	defer k.Unlock()
	read := func() *people.Matcher {
		m, err := (&privacy.Dir{Data: d.dir}).Matcher(context.Background(), d.current(), d.alerts, d.commonDomain)
		if err != nil {
			d.Log.Error("people not read", "err", err)
		}
		return m
	}
	switch now := time.Now(); {
	case k.matcher == nil:
		if k.matcher = read(); k.matcher != nil {
			k.at = now
		}
	case now.Sub(k.at) > knownFor && !k.reading:
		k.reading = true
		go func() {
			m := read()
			k.Lock()
			defer k.Unlock()
			if k.reading, k.at = false, time.Now(); m != nil {
				k.matcher = m
			}
		}()
	}
	return k.matcher
}

// commonDomain says whether a mail domain is the organisation's even if it is not configured: at
// least a tenth of the users that alerts are about have it.
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
