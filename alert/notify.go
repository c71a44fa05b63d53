package alert

import (
	"cmp"
	"context"
	"crypto/tls"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/sqlitedb"
	"github.com/outflow/outflow/internal/webapi"
)

// Notifier sends through a channel. It may be called again with the same alert and revision: a
// channel that has a key, or can look a message up, must not notify people twice. An error is
// retried later unless it is Permanent. The end of the context ends sending.
type Notifier interface {
	// Notify sends a message. It returns the channel's name for it, which comes back as Ref
	// with later revisions of the same alert.
	Notify(ctx context.Context, m *Message) (ref string, err error)
}

// Message is what a channel sends.
type Message struct {
	Alert  Alert   // the alert, masked for the channel's readers
	Ref    string  // what Notify returned for the previous revision; "" for none
	Before *Told   // what that message said; nil if it is not known
	Case   string  // what Notify returned for the first alert of the case; "" for none, or if that is this one
	Repeat bool    // it may have been sent before: sending was interrupted
	Test   bool    // it is a test of the channel, not an alert
	Others []Alert // alerts that waited too and get no message of their own
	Link   string  // to the alert's page; "" for none
	// About are the accounts of those whom the alerts are about, also where they are masked. A channel that reaches
	// people one by one leaves them out.
	About []string
}

// Key identifies a message: it is the same for every attempt.
func (m *Message) Key() string { return m.Alert.Key() }

// Settings are the configuration of a channel: a pointer to a struct with yaml tags.
type Settings interface {
	// Check returns an error if a setting is missing or invalid. It needs no network.
	Check() error
	Open(ctx context.Context, env Env) (Notifier, error) // Open resolves secrets and returns the channel.
}

// Env is what channels need besides their settings.
type Env struct {
	Now     func() time.Time // the clock
	Version string           // of the program
	Allow   []netip.Prefix   // internal networks that a channel may connect to
	TLS     *tls.Config      // trusted certificates and the client certificate; never nil
}

// HTTP returns a client that connects to public addresses and to the networks in Allow only.
func (e *Env) HTTP() *http.Client { return webapi.NewGuarded(e.Allow, e.TLS) }

// RequireTLS rejects certificate settings on a plaintext connection.
func (e *Env) RequireTLS() error {
	if e.TLS.RootCAs != nil || e.TLS.GetClientCertificate != nil {
		return errors.New("ca and client_cert require tls: true")
	}
	return nil
}

// Kind is a kind of channel.
type Kind struct {
	Name   string          // as in the configuration
	New    func() Settings // returns empty settings
	People bool            // people read messages one by one: a long backlog becomes one message
	Brief  bool            // messages are texts: of the items they state those of Message.Items, of the receipt nothing
	SDK    bool            // the AWS SDK connects and has its own certificate settings
}

// Permanent marks an error that a retry cannot fix. It returns nil for nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanent{err}
}

// permanent is an error that Permanent has marked.
type permanent struct{ error }

// Unwrap returns the marked error.
func (p *permanent) Unwrap() error { return p.error }

// IsPermanent reports whether an error is marked by Permanent, or is a receiver's refusal of
// the message itself.
func IsPermanent(err error) bool {
	var p *permanent
	if errors.As(err, &p) {
		return true
	}
	return webapi.Is(err, webapi.Refused) && webapi.Status(err) != 404 // the address may be created later
}

// Limits of a channel.
const (
	expires    = 72 * time.Hour   // after so long in the queue a message becomes a dead letter
	breakerAt  = 5                // failures in a row after which the channel pauses
	breakerFor = 30 * time.Second // length of such a pause
	manyWait   = 50               // a longer queue becomes one message if people read the channel
	perPass    = 200              // most messages that one call of Deliver looks at
)

// Channel is an open channel with its queue. Messages are sent in order, and retried until they
// are sent or given up.
type Channel struct {
	Name     string   // as in the configuration
	Kind     Kind     // the kind of its notifier
	Notifier Notifier // sends messages
	// Most messages in 24 hours; 0 for no limit. Critical alerts are always sent.
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

// pending is a row of the outbox.
type pending struct {
	seq      int64
	next     int64 // when it is due, Unix milliseconds
	attempts int
	begun    bool // an attempt to send it was interrupted
	alert    Alert
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
	list, err := s.due(ctx, c.Name)
	if err != nil || len(list) == 0 {
		return 0, time.Time{}, err
	}

	if c.Kind.People && len(list) > manyWait {
		return c.summary(ctx, s, list, now)
	}
	for i := range list {
		p := &list[i]
		if next := time.UnixMilli(p.next); p.attempts > 0 && next.After(now) {
			return sent, next, nil // in order: the messages behind it wait, too
		}
		if over, err := s.overBudget(ctx, c, p, now); err != nil || over {
			if err != nil {
				return sent, now, err
			}
			continue
		}

		ref, err := c.send(ctx, s, p, nil)
		if ctx.Err() != nil {
			return sent, now, ctx.Err()
		}
		if err != nil {
			next, serr := c.recordFailure(ctx, s, p, now, err)
			if serr != nil {
				return sent, now, serr
			}
			if IsPermanent(err) {
				c.observe(&p.alert, err)
				continue
			}
			return sent, next, err
		}

		c.failures = 0
		c.between("sent")
		if err := s.recordSent(ctx, c.Name, p, ref, now); err != nil {
			return sent, now, err
		}
		sent++
		c.observe(&p.alert, nil)
	}

	if len(list) == perPass {
		return sent, now, nil
	}
	return sent, time.Time{}, nil
}

// observe calls Observe if it is set.
func (c *Channel) observe(a *Alert, err error) {
	if c.Observe != nil {
		c.Observe(a, err)
	}
}

// send sends the message of a row. Others are rows without a message of their own.
func (c *Channel) send(ctx context.Context, s *Store, p *pending, others []pending) (string, error) {
	m := &Message{Alert: p.alert, Repeat: p.begun}
	var err error
	if m.Ref, m.Before, err = s.ref(ctx, c.Name, p.alert.ID); err != nil {
		return "", err
	}
	if p.alert.Case != p.alert.ID {
		if m.Case, _, err = s.ref(ctx, c.Name, p.alert.Case); err != nil {
			return "", err
		}
	}
	if err := s.MarkStarted(ctx, p.seq, 0); err != nil {
		return "", err
	}
	c.between("begun")
	for i := range others {
		m.Others = append(m.Others, others[i].alert)
		m.About = append(m.About, others[i].alert.User)
	}
	m.About = append(m.About, p.alert.User)
	if c.Mask != nil {
		m.Alert = c.Mask(&m.Alert)
		for i := range m.Others {
			m.Others[i] = c.Mask(&m.Others[i])
		}
	}
	if c.Link != nil {
		m.Link = c.Link(&p.alert)
	}
	return c.Notifier.Notify(ctx, m)
}

// summary sends one message about all rows, with the most urgent alert in full.
func (c *Channel) summary(ctx context.Context, s *Store, list []pending, now time.Time) (int, time.Time, error) {
	if next := time.UnixMilli(list[0].next); list[0].attempts > 0 && next.After(now) {
		return 0, next, nil
	}
	top := 0
	for i := range list {
		if a, b := &list[i].alert, &list[top].alert; a.Severity > b.Severity || a.Severity == b.Severity && a.Score > b.Score {
			top = i
		}
	}
	list[0], list[top] = list[top], list[0]
	ref, err := c.send(ctx, s, &list[0], list[1:])
	if ctx.Err() != nil {
		return 0, now, ctx.Err()
	}
	if err != nil {
		next, serr := c.recordFailure(ctx, s, &list[0], now, err)
		return 0, next, cmp.Or(serr, err)
	}
	c.failures = 0
	for i := range list {
		if i > 0 {
			ref = ""
		}
		if err := s.recordSent(ctx, c.Name, &list[i], ref, now); err != nil {
			return 1, now, err
		}
		c.observe(&list[i].alert, nil)
	}
	return 1, now, nil
}

// recordFailure stores why a message was not sent, and returns when it is tried next.
func (c *Channel) recordFailure(ctx context.Context, s *Store, p *pending, now time.Time, why error) (next time.Time, err error) {
	if IsPermanent(why) {
		return now, s.deadLetter(ctx, c.Name, p, now, false, secret.Redact(why.Error()))
	}
	decided, err := s.queuedAt(ctx, p.seq)
	if err != nil {
		return now, err
	}
	if now.Sub(decided) > expires {
		return now, s.deadLetter(ctx, c.Name, p, now, false, "given up after three days: "+secret.Redact(why.Error()))
	}
	wait := webapi.Backoff
	if c.Wait != nil {
		wait = c.Wait
	}
	next = now.Add(wait(why, p.attempts+1))
	if c.failures++; c.failures >= breakerAt {
		c.resume = now.Add(breakerFor)
		if c.resume.After(next) {
			next = c.resume
		}
	}
	_, err = s.db.ExecContext(ctx,
		"UPDATE outbox SET attempts = attempts + 1, next_at = ?, error = ?, place = NULL WHERE seq = ?",
		next.UnixMilli(), secret.Redact(why.Error()), p.seq)
	return next, err
}

// due returns the first rows of a channel, in order.
func (s *Store) due(ctx context.Context, channel string) (list []pending, err error) {
	rows, err := s.db.QueryContext(ctx,
		"SELECT seq, body, items, attempts, next_at, place IS NOT NULL FROM outbox WHERE channel = ? ORDER BY seq LIMIT ?",
		channel, perPass)
	if err != nil {
		return nil, fmt.Errorf("alert: list due notifications: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var p pending
		var body, items []byte
		if err := rows.Scan(&p.seq, &body, &items, &p.attempts, &p.next, &p.begun); err != nil {
			return nil, fmt.Errorf("alert: list due notifications: %w", err)
		}
		if err := p.alert.unpack(body, items); err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, rows.Err()
}

// queuedAt returns when a row was queued.
func (s *Store) queuedAt(ctx context.Context, seq int64) (time.Time, error) {
	var at int64
	err := s.db.QueryRowContext(ctx, "SELECT since FROM outbox WHERE seq = ?", seq).Scan(&at)
	return time.UnixMilli(at), err
}

// ref returns what the channel called the last message about an alert, and what that said; "" and nil if
// there was none.
func (s *Store) ref(ctx context.Context, channel, alert string) (ref string, before *Told, err error) {
	var told string
	err = s.db.QueryRowContext(ctx, "SELECT ref, told FROM sent WHERE channel = ? AND alert = ?", channel, alert).Scan(&ref, &told)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil, nil
	}
	return ref, parseTold(told), err
}

// recordSent stores that a message was sent, and what the channel calls it.
func (s *Store) recordSent(ctx context.Context, channel string, p *pending, ref string, now time.Time) error {
	told, err := json.Marshal(p.alert.told())
	if err != nil {
		return err
	}
	err = sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx,
			"INSERT INTO sent (channel, alert, ref, at, told) VALUES (?, ?, ?, ?, ?) ON CONFLICT (channel, alert) "+
				"DO UPDATE SET ref = iif(excluded.ref = '', ref, excluded.ref), at = excluded.at, told = excluded.told",
			channel, p.alert.ID, ref, now.UnixMilli(), string(told)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM outbox WHERE seq = ?", p.seq)
		return err
	})
	if err != nil {
		return fmt.Errorf("alert: record sent notification: %w", err)
	}
	return nil
}

// overBudget makes a message beyond the channel's daily limit a dead letter, and reports
// whether it did. Critical alerts, revisions of alerts that were sent, and withdrawals are not
// limited.
func (s *Store) overBudget(ctx context.Context, c *Channel, p *pending, now time.Time) (bool, error) {
	if c.MaxPerDay == 0 || p.alert.Severity >= Critical || p.alert.Withdrawn {
		return false, nil
	}
	var today, before int
	err := s.db.QueryRowContext(ctx,
		"SELECT (SELECT count(*) FROM sent WHERE channel = ?1 AND at > ?2), (SELECT count(*) FROM sent WHERE channel = ?1 AND alert = ?3)",
		c.Name, now.Add(-24*time.Hour).UnixMilli(), p.alert.ID).Scan(&today, &before)
	if err != nil || today < c.MaxPerDay || before > 0 {
		return false, err
	}
	return true, s.deadLetter(ctx, c.Name, p, now, true, fmt.Sprintf("beyond %d messages a day", c.MaxPerDay))
}

// deadLetter moves a message from the outbox to the dead letters.
func (s *Store) deadLetter(ctx context.Context, channel string, p *pending, now time.Time, budget bool, why string) error {
	err := sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx,
			"INSERT INTO failed (channel, alert, body, items, at, budget, error) "+
				"SELECT channel, alert, body, items, ?, ?, ? FROM outbox WHERE seq = ?",
			now.UnixMilli(), budget, why, p.seq); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM outbox WHERE seq = ?", p.seq)
		return err
	})
	if err != nil {
		return fmt.Errorf("alert: store dead letter: %w", err)
	}
	return nil
}

// ChannelState counts the messages of a channel.
type ChannelState struct {
	Sent    int       // alerts that were sent and are still kept
	Last    time.Time // when the latest of them was decided on; zero if there is none
	Waiting int       // messages that are queued
	Failed  int       // messages that were set aside
}

// ChannelStates counts the messages of every channel that has any, by name.
func (s *Store) ChannelStates(ctx context.Context) (map[string]ChannelState, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT channel, sum(sent), max(at), sum(waiting), sum(failed) FROM (
		SELECT channel, count(*) AS sent, max(at) AS at, 0 AS waiting, 0 AS failed FROM sent GROUP BY channel
		UNION ALL SELECT channel, 0, 0, count(*), 0 FROM outbox GROUP BY channel
		UNION ALL SELECT channel, 0, 0, 0, count(*) FROM failed GROUP BY channel) GROUP BY channel`)
	if err != nil {
		return nil, fmt.Errorf("alert: count messages of channels: %w", err)
	}
	defer rows.Close()
	all := map[string]ChannelState{}
	for rows.Next() {
		var name string
		var c ChannelState
		var at int64
		if err := rows.Scan(&name, &c.Sent, &at, &c.Waiting, &c.Failed); err != nil {
			return nil, fmt.Errorf("alert: count messages of channels: %w", err)
		}
		if at > 0 {
			c.Last = time.UnixMilli(at).UTC()
		}
		all[name] = c
	}
	return all, rows.Err()
}

// Unsent is a message that was not sent: a dead letter, or one that is being retried.
type Unsent struct {
	Seq     int64     `json:"number"`          // number of a dead letter, for Retry; 0 while it is retried
	Channel string    `json:"channel"`         // name of the channel
	Alert   string    `json:"alert"`           // ID of the alert
	Title   string    `json:"title"`           // of the alert
	At      time.Time `json:"at"`              // when it became a dead letter, or is tried next
	Budget  bool      `json:"budget"`          // it was beyond the channel's daily limit
	Tries   int       `json:"tries,omitempty"` // attempts so far; 0 for dead letters
	Reason  string    `json:"reason"`          // the last error
}

// Unsent returns the messages that were not sent, those that are being retried first.
func (s *Store) Unsent(ctx context.Context) (list []Unsent, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT seq, channel, alert, body ->> 'title', at, budget, 0, error FROM failed
		UNION ALL SELECT 0, channel, alert, body ->> 'title', next_at, 0, attempts, error FROM outbox WHERE attempts > 0 ORDER BY 1, 5`)
	if err != nil {
		return nil, fmt.Errorf("alert: list unsent notifications: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var u Unsent
		var at int64
		if err := rows.Scan(&u.Seq, &u.Channel, &u.Alert, &u.Title, &at, &u.Budget, &u.Tries, &u.Reason); err != nil {
			return nil, fmt.Errorf("alert: list unsent notifications: %w", err)
		}
		u.At = time.UnixMilli(at).UTC()
		list = append(list, u)
	}
	return list, rows.Err()
}

// Retry queues a dead letter again, or with 0 all of them and makes messages that are being
// retried due at once. It returns how many dead letters it queued.
func (s *Store) Retry(ctx context.Context, seq int64, now time.Time) (n int64, err error) {
	err = sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		if seq == 0 {
			if _, err := tx.ExecContext(ctx, "UPDATE outbox SET next_at = 0"); err != nil {
				return err
			}
		}
		res, err := tx.ExecContext(ctx,
			"INSERT INTO outbox (channel, alert, body, items, since) "+
				"SELECT channel, alert, body, items, ?2 FROM failed WHERE ?1 = 0 OR seq = ?1 ORDER BY seq",
			seq, now.UnixMilli())
		if err != nil {
			return err
		}
		if n, err = res.RowsAffected(); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM failed WHERE ?1 = 0 OR seq = ?1", seq)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("alert: retry notifications: %w", err)
	}
	return n, nil
}

// RequireSettings takes pairs of a name and a value. The error names the first without a value.
func RequireSettings(pairs ...string) error {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			return errors.New(pairs[i] + " is required")
		}
	}
	return nil
}

// SplitURL splits an http or https URL into scheme and host, and path with query.
func SplitURL(text string) (base, path string, err error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", "", errors.New("url: not a URL such as https://host/path")
	}
	return u.Scheme + "://" + u.Host, u.RequestURI(), nil
}

// Redact returns an error of a request without a secret that its text may contain, such as the path of an
// address that is secret.
func Redact(err error, text string) error {
	var e *webapi.Error
	if text == "" || !errors.As(err, &e) {
		return err
	}
	path, _, _ := strings.Cut(text, "?")
	out := *e
	out.Op, out.Text = secret.Redact(out.Op, text, path), secret.Redact(out.Text, text, path)
	return &out
}

// OCSF returns a message about an alert as a Detection Finding of OCSF, in JSON. Version is that of the
// program.
func OCSF(m *Message, version string) ([]byte, error) {
	f := ocsf(m, version)
	return json.Marshal(&f)
}

// WasSent reports whether RecordSent was called with a channel and key.
func (s *Store) WasSent(ctx context.Context, channel, key string) (bool, error) {
	var n int
	if err := s.db.QueryRowContext(ctx, "SELECT count(*) FROM sent WHERE channel = ? AND alert = ?", channel, key).Scan(&n); err != nil {
		return false, fmt.Errorf("alert: look up sent message: %w", err)
	}
	return n > 0, nil
}

// RecordSent stores that a message about no alert, such as a digest, was sent. Key identifies
// it.
func (s *Store) RecordSent(ctx context.Context, channel, key string, now time.Time) error {
	_, err := s.db.ExecContext(ctx,
		"INSERT OR IGNORE INTO sent (channel, alert, ref, at) VALUES (?, ?, '', ?)",
		channel, key, now.UnixMilli())
	if err != nil {
		return fmt.Errorf("alert: record sent message: %w", err)
	}
	return nil
}
