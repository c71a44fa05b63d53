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

	"github.com/outflow/outflow/internal/sqlitedb"
	"github.com/outflow/outflow/internal/webapi"
)

// Notifier sends through a channel. It may be called again with the same alert and
// revision: channels that have a key, or can look, must then tell people nothing new.
// An error is tried again later, unless it is Permanent. The context ends sending.
type Notifier interface {
	// Notify returns what the channel calls the message, which comes back as Ref with
	// later revisions of the same alert.
	Notify(ctx context.Context, m *Message) (ref string, err error)
}

// Message is what is sent.
type Message struct {
	Alert  Alert
	Ref    string  // of the message about the revision before; "" for none
	Repeat bool    // it may have been sent already: the process ended in the middle
	Test   bool    // it is no alert but a trial
	Others []Alert // that waited, too, and of which there is no message: a channel was down for long
	Link   string  // to the alert's page; "" for none
}

// Key is what tells a message apart for channels that take one: the same for every
// try.
func (m *Message) Key() string { return fmt.Sprintf("%s.%d", m.Alert.ID, m.Alert.Revision) }

// Settings are those of a kind of channel, as they are written in the configuration:
// pointers to structs with yaml tags.
type Settings interface {
	// Check says what is missing or cannot be, without asking anybody.
	Check() error
	// Open resolves secrets.
	Open(ctx context.Context, env Env) (Notifier, error)
}

// Env is what channels get from outside.
type Env struct {
	Now     func() time.Time
	Version string         // of the program
	Allow   []netip.Prefix // networks within that a channel may reach
	TLS     *tls.Config    // whom a channel trusts, and as whom it shows itself; never nil
}

// HTTP is what a channel sends requests with.
func (e *Env) HTTP() *http.Client { return webapi.NewGuarded(e.Allow, e.TLS) }

// RequireTLS says what is wrong if a channel connects in the clear: it has certificates.
func (e *Env) RequireTLS() error {
	if e.TLS.RootCAs != nil || e.TLS.GetClientCertificate != nil {
		return errors.New("ca and client_cert need tls: true")
	}
	return nil
}

// Kind is a kind of channel.
type Kind struct {
	Name   string
	New    func() Settings
	People bool // people read it one by one: a long backlog becomes one message
	SDK    bool // AWS's SDK connects, and takes certificates in its own ways
}

// Permanent marks an error that trying again does not mend.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanent{err}
}

type permanent struct{ error }

func (p *permanent) Unwrap() error { return p.error }

// IsPermanent says whether an error is marked so, or a refusal of the message itself.
func IsPermanent(err error) bool {
	var p *permanent
	if errors.As(err, &p) {
		return true
	}
	return webapi.Is(err, webapi.Refused) && webapi.Status(err) != 404 // an address may come into being
}

// Limits of a channel.
const (
	expires    = 72 * time.Hour // after so long something is not worth telling any more
	breakerAt  = 5              // failures in a row from which a channel is left alone for a while
	breakerFor = 30 * time.Second
	manyWait   = 50 // from so many on, people get one message about all
	perPass    = 200
)

// Channel is a channel in use: its own queue, tried again and again, in order.
type Channel struct {
	Name      string
	Kind      Kind
	Notifier  Notifier
	MaxPerDay int                                      // most messages in 24 hours; 0 for no bound. Critical alerts go out all the same
	Mask      func(a *Alert) Alert                     // what of an alert the channel's readers may see; nil for all
	Link      func(a *Alert) string                    // may be nil
	Observe   func(a *Alert, err error)                // called after a message was sent (nil) or refused for good; may be nil
	Between   func(name string)                        // called by name between two durable effects; for tests, may be nil
	Wait      func(err error, tries int) time.Duration // webapi.Backoff if it is nil

	failures int
	resume   time.Time
}

func (c *Channel) between(name string) {
	if c.Between != nil {
		c.Between(name)
	}
}

// pending is a row of the outbox.
type pending struct {
	seq      int64
	next     int64 // when it is tried, Unix milliseconds
	attempts int
	begun    bool
	body     []byte
	alert    Alert
}

// Deliver sends what waits for the channel and is due, in the order in which it was
// decided. What fails is tried again later; what is permanent, or has waited for three
// days, is put aside (Failed). It returns how many messages went out and when to call
// it again; the error is that of the store or the context, or why the last message did
// not go out.
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
			return sent, next, nil // in order: what follows waits, too
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

func (c *Channel) observe(a *Alert, err error) {
	if c.Observe != nil {
		c.Observe(a, err)
	}
}

// send sends one message.
func (c *Channel) send(ctx context.Context, s *Store, p *pending, others []pending) (string, error) {
	m := &Message{Alert: p.alert, Repeat: p.begun}
	var err error
	if m.Ref, err = s.ref(ctx, c.Name, p.alert.ID); err != nil {
		return "", err
	}
	if err := s.MarkStarted(ctx, p.seq, 0); err != nil {
		return "", err
	}
	c.between("begun")
	for i := range others {
		m.Others = append(m.Others, others[i].alert)
	}
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

// summary sends one message about all that waits: the most urgent in full.
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

// recordFailure notes why something was not sent, and when it is tried again.
func (c *Channel) recordFailure(ctx context.Context, s *Store, p *pending, now time.Time, why error) (next time.Time, err error) {
	if IsPermanent(why) {
		return now, s.deadLetter(ctx, c.Name, p, now, false, why.Error())
	}
	decided, err := s.queuedAt(ctx, p.seq)
	if err != nil {
		return now, err
	}
	if now.Sub(decided) > expires {
		return now, s.deadLetter(ctx, c.Name, p, now, false, "given up after three days: "+why.Error())
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
		next.UnixMilli(), why.Error(), p.seq)
	return next, err
}

// due lists the rows of a channel in order.
func (s *Store) due(ctx context.Context, channel string) (list []pending, err error) {
	rows, err := s.db.QueryContext(ctx,
		"SELECT seq, body, attempts, next_at, place IS NOT NULL FROM outbox WHERE channel = ? ORDER BY seq LIMIT ?",
		channel, perPass)
	if err != nil {
		return nil, fmt.Errorf("alert: list due notifications: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var p pending
		if err := rows.Scan(&p.seq, &p.body, &p.attempts, &p.next, &p.begun); err != nil {
			return nil, fmt.Errorf("alert: list due notifications: %w", err)
		}
		if err := json.Unmarshal(p.body, &p.alert); err != nil {
			return nil, fmt.Errorf("alert: outbox: %w", err)
		}
		list = append(list, p)
	}
	return list, rows.Err()
}

func (s *Store) queuedAt(ctx context.Context, seq int64) (time.Time, error) {
	var at int64
	err := s.db.QueryRowContext(ctx, "SELECT since FROM outbox WHERE seq = ?", seq).Scan(&at)
	return time.UnixMilli(at), err
}

func (s *Store) ref(ctx context.Context, channel, alert string) (ref string, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT ref FROM sent WHERE channel = ? AND alert = ?", channel, alert).Scan(&ref)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return ref, err
}

// recordSent notes that a message went out, and what the channel calls it.
func (s *Store) recordSent(ctx context.Context, channel string, p *pending, ref string, now time.Time) error {
	err := sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx,
			"INSERT INTO sent (channel, alert, ref, at) VALUES (?, ?, ?, ?) "+
				"ON CONFLICT (channel, alert) DO UPDATE SET ref = iif(excluded.ref = '', ref, excluded.ref), at = excluded.at",
			channel, p.alert.ID, ref, now.UnixMilli()); err != nil {
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

// overBudget puts a message aside that is beyond the channel's budget: it is visible in the
// list of what was not sent. Critical alerts, what was told before, and the end of it go
// out all the same.
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

// deadLetter ends trying.
func (s *Store) deadLetter(ctx context.Context, channel string, p *pending, now time.Time, budget bool, why string) error {
	err := sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx,
			"INSERT INTO failed (channel, alert, body, at, budget, error) VALUES (?, ?, ?, ?, ?, ?)",
			channel, p.alert.ID, string(p.body), now.UnixMilli(), budget, why); err != nil {
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

// Unsent is a message that did not go out.
type Unsent struct {
	Seq     int64     `json:"number"` // for Retry; 0 while it is still tried
	Channel string    `json:"channel"`
	Alert   string    `json:"alert"`
	Title   string    `json:"title"`
	At      time.Time `json:"at"`     // when it was put aside, or is tried next
	Budget  bool      `json:"budget"` // it was beyond the channel's budget
	Tries   int       `json:"tries,omitempty"`
	Reason  string    `json:"reason"`
}

// Unsent lists what did not go out: what was put aside, and what is tried again.
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

// Retry has what was put aside sent after all: one message, or with 0 all of them; and
// what waits tried at once. It returns how many.
func (s *Store) Retry(ctx context.Context, seq int64, now time.Time) (n int64, err error) {
	err = sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		if seq == 0 {
			if _, err := tx.ExecContext(ctx, "UPDATE outbox SET next_at = 0"); err != nil {
				return err
			}
		}
		res, err := tx.ExecContext(ctx,
			"INSERT INTO outbox (channel, alert, body, since) "+
				"SELECT channel, alert, body, ?2 FROM failed WHERE ?1 = 0 OR seq = ?1 ORDER BY seq",
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

// RequireSettings says which of some settings are missing: pairs of a name and a value.
func RequireSettings(pairs ...string) error {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			return errors.New(pairs[i] + " is required")
		}
	}
	return nil
}

// SplitURL splits a URL into what a client needs: scheme and host, and path with query.
func SplitURL(text string) (base, path string, err error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", "", errors.New("url: not an address such as https://host/path")
	}
	return u.Scheme + "://" + u.Host, u.RequestURI(), nil
}

// Redact is an error without a secret that its text may hold.
func Redact(err error, secret string) error {
	var e *webapi.Error
	if secret == "" || !errors.As(err, &e) {
		return err
	}
	out := *e
	out.Op, out.Text = strings.ReplaceAll(out.Op, secret, "****"), strings.ReplaceAll(out.Text, secret, "****")
	if path, _, ok := strings.Cut(secret, "?"); ok {
		out.Op = strings.ReplaceAll(out.Op, path, "****")
	}
	return &out
}

// OCSF is an alert as a Detection Finding of OCSF, as JSON.
func OCSF(a *Alert, version string) ([]byte, error) {
	f := ocsf(a, version)
	return json.Marshal(&f)
}

// WasSent says whether Mark was called for something.
func (s *Store) WasSent(ctx context.Context, channel, key string) (bool, error) {
	var n int
	if err := s.db.QueryRowContext(ctx, "SELECT count(*) FROM sent WHERE channel = ? AND alert = ?", channel, key).Scan(&n); err != nil {
		return false, fmt.Errorf("alert: look up sent message: %w", err)
	}
	return n > 0, nil
}

// RecordSent notes that something that is no alert, such as a digest, went out.
func (s *Store) RecordSent(ctx context.Context, channel, key string, now time.Time) error {
	_, err := s.db.ExecContext(ctx,
		"INSERT OR IGNORE INTO sent (channel, alert, ref, at) VALUES (?, ?, '', ?)",
		channel, key, now.UnixMilli())
	if err != nil {
		return fmt.Errorf("alert: record sent message: %w", err)
	}
	return nil
}
