package alert

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/webapi"
)

// Limits of a channel.
const (
	expires     = 72 * time.Hour   // after so long in the queue a message becomes a dead letter
	breakerAt   = 5                // failures in a row after which the channel pauses
	breakerFor  = 30 * time.Second // length of such a pause
	manyWait    = 50               // a longer queue becomes one message if people read the channel
	manyDecided = 10               // more decisions become one message if people read the channel
	perPass     = 200              // most messages that one call of Deliver looks at
	perSummary  = 10_000           // most messages that become one
)

// Channel is an open channel with its queue. Messages are sent in order, and retried until they
// are sent or given up.
type Channel struct {
	Name     string   // as in the configuration
	Kind     Kind     // the kind of its notifier
	Notifier Notifier // sends messages
	// Most messages in 24 hours; 0 for no limit. Critical alerts are always sent, and decisions do not count.
	MaxPerDay int
	Mask      func(a *Alert) Alert                     // what the channel's readers may see of an alert; nil for all
	Link      func(a *Alert) string                    // address of the alert's page; may be nil
	Observe   func(a *Alert, err error)                // called once a message was sent (nil) or refused for good; may be nil
	Between   func(name string)                        // called by name between two durable effects; for tests, may be nil
	Wait      func(err error, tries int) time.Duration // time before the next try; webapi.Backoff if nil

	failures int
	resume   time.Time
}

// between calls Between if it is set.
func (c *Channel) between(name string) {
	if c.Between != nil {
		c.Between(name)
	}
}

// observe calls Observe if it is set.
func (c *Channel) observe(a *Alert, err error) {
	if c.Observe != nil {
		c.Observe(a, err)
	}
}

// Deliver sends the messages that are due, in the order in which they were queued. A failure is
// retried later; a message that fails for good, or has waited for three days, becomes a dead
// letter (Unsent). Deliver returns how many messages it sent and when to call it again, zero
// for as soon as something is queued. The error is that of the store or the context, or why the
// last message was not sent.
func (c *Channel) Deliver(ctx context.Context, s *Store, now time.Time) (sent int, again time.Time, err error) {
	if now.Before(c.resume) {
		return 0, c.resume, nil
	}
	all, err := s.receivers(ctx, c.Name)
	if err != nil {
		return 0, time.Time{}, err
	}
	var failed error
	for _, receivers := range all { // what waits for some receivers holds up none of the others
		n, next, err := c.deliver(ctx, s, receivers, now)
		sent += n
		if failed = cmp.Or(failed, err); ctx.Err() != nil {
			return sent, next, ctx.Err()
		}
		again = earlier(again, next)
	}
	return sent, again, failed
}

// earlier returns the earlier of two times that are not zero.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// deliver sends the messages that are due for all receivers, or for some that have yet to be told.
func (c *Channel) deliver(ctx context.Context, s *Store, receivers string, now time.Time) (sent int, again time.Time, err error) {
	if c.Kind.People {
		list, err := s.crowd(ctx, c.Name, receivers)
		if err != nil {
			return 0, time.Time{}, err
		}
		if len(list) > 0 {
			return c.summary(ctx, s, list, now)
		}
	}
	list, err := s.due(ctx, c.Name, receivers)
	if err != nil || len(list) == 0 {
		return 0, time.Time{}, err
	}
	for i := range list {
		p := &list[i]
		if next := time.UnixMilli(p.next); p.attempts > 0 && next.After(now) {
			return sent, earlier(again, next), nil // in order: the messages behind it wait, too
		}
		if over, err := s.overBudget(ctx, c, p, now); err != nil || over {
			if err != nil {
				return sent, now, err
			}
			continue
		}
		done, next, err := c.one(ctx, s, p, now)
		if err != nil {
			return sent, earlier(again, next), err
		}
		if sent += done; next.After(now) { // some receivers are to be told later
			again = earlier(again, next)
		}
	}
	if len(list) == perPass {
		return sent, now, nil
	}
	return sent, again, nil
}

// one sends the message of a row, and stores what came of it. A message that is refused for good is no error.
func (c *Channel) one(ctx context.Context, s *Store, p *pending, now time.Time) (sent int, again time.Time, err error) {
	ref, err := c.send(ctx, s, p, nil)
	if ctx.Err() != nil {
		return 0, now, ctx.Err()
	}
	if part, ok := errors.AsType[*Partly](err); ok {
		next, err := c.recordPartly(ctx, s, []pending{*p}, part, now)
		return 1, next, err
	}
	if err != nil {
		next, serr := c.recordFailure(ctx, s, []pending{*p}, now, err)
		if serr != nil {
			return 0, now, serr
		}
		if IsPermanent(err) {
			c.observe(&p.alert, err)
			return 0, now, nil
		}
		return 0, next, err
	}
	c.failures = 0
	c.between("sent")
	if err := s.recordSent(ctx, c.Name, []pending{*p}, ref, now); err != nil {
		return 0, now, err
	}
	c.observe(&p.alert, nil)
	return 1, now, nil
}

// send sends the message of a row. Others are rows without a message of their own. If all of them only tell of
// decisions, so does the message.
func (c *Channel) send(ctx context.Context, s *Store, p *pending, others []pending) (string, error) {
	m := &Message{Alert: p.alert, Decision: p.decision, Repeat: p.begun}
	if p.receivers != "" {
		if err := json.Unmarshal([]byte(p.receivers), &m.Only); err != nil {
			return "", Permanent(fmt.Errorf("alert: receivers of a notification: %w", err))
		}
	}
	seqs := []int64{p.seq}
	for i := range others {
		m.Others = append(m.Others, others[i].alert)
		m.About = append(m.About, others[i].alert.User)
		m.Repeat = m.Repeat || others[i].begun
		seqs = append(seqs, others[i].seq)
	}
	m.About = append(m.About, p.alert.User)
	if !m.Several() {
		if err := c.refer(ctx, s, m); err != nil {
			return "", Repeatable(err)
		}
	}
	if err := s.markBegun(ctx, seqs); err != nil {
		return "", Repeatable(err)
	}
	c.between("begun")
	if c.Mask != nil {
		m.Alert = c.Mask(&m.Alert)
		for i := range m.Others {
			m.Others[i] = c.Mask(&m.Others[i])
		}
	}
	if c.Link != nil {
		m.Link = c.Link(&m.Alert)
	}
	return c.Notifier.Notify(ctx, m)
}

// refer adds to a message what was said of its alert and its case before.
func (c *Channel) refer(ctx context.Context, s *Store, m *Message) (err error) {
	a := &m.Alert
	if m.Ref, m.Before, err = s.ref(ctx, c.Name, a.ID); err != nil {
		return err
	}
	if m.Only != nil { // they were not told what the others were
		if m.Before = nil; m.Ref == m.Key() {
			m.Ref = ""
		}
	} else if m.Ref == "" && m.Before == nil {
		if m.Earlier, err = s.lostSight(ctx, c.Name, a.ID); err != nil {
			return err
		}
		m.Repeat = m.Repeat || m.Earlier
	}
	if a.Case != a.ID {
		m.Case, _, err = s.ref(ctx, c.Name, a.Case)
	}
	return err
}

// summary sends one message about all rows: with the most urgent alert in full, or with what was decided if they
// only tell of decisions.
func (c *Channel) summary(ctx context.Context, s *Store, list []pending, now time.Time) (int, time.Time, error) {
	for i := range list {
		if next := time.UnixMilli(list[i].next); list[i].attempts > 0 && next.After(now) {
			return 0, next, nil
		}
	}
	top := 0
	for i := range list {
		if list[i].before(&list[top]) {
			top = i
		}
	}
	list[0], list[top] = list[top], list[0]
	if err := s.whole(ctx, &list[0]); err != nil {
		return 0, now, err
	}
	ref, err := c.send(ctx, s, &list[0], list[1:])
	if ctx.Err() != nil {
		return 0, now, ctx.Err()
	}
	if part, ok := errors.AsType[*Partly](err); ok {
		_, err := c.recordPartly(ctx, s, list, part, now)
		return 1, now, err
	}
	if err != nil {
		failed := list
		if IsPermanent(err) { // without the first the others may be taken
			failed = list[:1]
			if err := s.putOff(ctx, list[1:], now, false, secret.Redact(err.Error())); err != nil {
				return 0, now, err
			}
		}
		next, serr := c.recordFailure(ctx, s, failed, now, err)
		return 0, next, cmp.Or(serr, err)
	}
	c.failures = 0
	c.between("sent")
	if err := s.recordSent(ctx, c.Name, list, ref, now); err != nil {
		return 1, now, err
	}
	for i := range list {
		c.observe(&list[i].alert, nil)
	}
	return 1, now, nil
}

// recordPartly stores that a message about some rows was sent to some receivers, and returns when the others are
// tried again; now if there are none.
func (c *Channel) recordPartly(ctx context.Context, s *Store, list []pending, part *Partly, now time.Time) (time.Time, error) {
	c.failures = 0
	c.between("sent")
	all, next := list[0].receivers == "", now
	if len(part.Later) > 0 {
		next = now.Add(c.wait(part, list[0].attempts+1))
	}
	if err := s.recordPartly(ctx, c.Name, list, part, next, now); err != nil {
		return now, err
	}
	for i := range list {
		if all {
			c.observe(&list[i].alert, nil)
		}
		if len(part.Refused) > 0 {
			c.observe(&list[i].alert, part)
		}
	}
	return next, nil
}

// wait returns for how long a message is put off after a number of attempts.
func (c *Channel) wait(err error, tries int) time.Duration {
	if c.Wait != nil {
		return c.Wait(err, tries)
	}
	return webapi.Backoff(err, tries)
}

// recordFailure stores why the message of some rows was not sent, and returns when it is tried next.
func (c *Channel) recordFailure(ctx context.Context, s *Store, list []pending, now time.Time, why error) (next time.Time, err error) {
	unclear := mayHaveArrived(why)
	if IsPermanent(why) {
		return now, s.deadLetters(ctx, c.Name, list, now, deadLetter{why: secret.Redact(why.Error())})
	}
	decided, err := s.queuedAt(ctx, list[0].seq)
	if err != nil {
		return now, err
	}
	if now.Sub(decided) > expires {
		given := deadLetter{why: "given up after three days: " + secret.Redact(why.Error()), begun: unclear}
		return now, s.deadLetters(ctx, c.Name, list, now, given)
	}
	next = now.Add(c.wait(why, list[0].attempts+1))
	if list[0].receivers != "" { // the others are not held up
		return next, s.putOff(ctx, list, next, unclear, secret.Redact(why.Error()))
	}
	if c.failures++; c.failures >= breakerAt {
		c.resume = now.Add(breakerFor)
		if c.resume.After(next) {
			next = c.resume
		}
	}
	return next, s.putOff(ctx, list, next, unclear, secret.Redact(why.Error()))
}
