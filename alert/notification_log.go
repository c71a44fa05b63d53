package alert

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/sqlitedb"
)

// NotifyPolicy decides which versions of an alert are queued, and for which channels.
type NotifyPolicy struct {
	Routes         []Route             // all channels
	NeedsAttention func(a *Alert) bool // whether an alert passes the budget
	Now            time.Time           // the time of queueing
	// Detectors has the traits of all detectors, which decide what may be suppressed. Without it,
	// nothing is suppressed.
	Detectors finding.Detectors
}

// Route selects the alerts of a channel. Once a channel has an alert, it gets every later
// revision as well.
type Route struct {
	Channel string              // name of the channel
	Matches func(a *Alert) bool // whether the channel wants an alert; nil for all
	Brief   bool                // as in Kind
}

// Position is the next offset to read from a partition of the alert topic, and the epoch of
// the worker that wrote there.
type Position struct {
	Next  int64 // the next offset to read
	Epoch int64 // of the worker that wrote there
}

// Progress returns the position up to which a partition of the alert topic was applied.
func (s *Store) Progress(ctx context.Context, partition int) (p Position, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT next, term FROM progress WHERE part = ?", partition).Scan(&p.Next, &p.Epoch)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return p, fmt.Errorf("alert: read progress: %w", err)
	}
	return p, nil
}

// Apply stores the alerts before a position of a partition, and queues their notifications in
// the same transaction. A channel is notified when an alert passes the budget, when its
// severity rises, once more when its day closes if the alert changed, when later events lower it, and
// when it is withdrawn; not when the person does the same again. Applying the same alerts again changes nothing.
func (s *Store) Apply(ctx context.Context, partition int, to Position, list []Alert, t NotifyPolicy) error {
	err := sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		held, err := suppressions(ctx, tx)
		if err != nil {
			return err
		}
		held = slices.DeleteFunc(held, func(p Suppression) bool { return !p.InForce(t.Now) })
		shown := t.NeedsAttention
		t.NeedsAttention = func(a *Alert) bool {
			return shown(a) && !slices.ContainsFunc(held, func(p Suppression) bool { return p.Matches(a, t.Detectors) })
		}
		for i := range list {
			if err := apply(ctx, tx, &list[i], t); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx,
			"INSERT INTO progress (part, next, term) VALUES (?, ?, ?) "+
				"ON CONFLICT (part) DO UPDATE SET next = max(next, excluded.next), term = max(term, excluded.term)",
			partition, to.Next, to.Epoch)
		return err
	})
	if err != nil {
		return fmt.Errorf("alert: apply alerts: %w", err)
	}
	return nil
}

// putAlert stores the current version of an alert, its items, and what it says of entities.
func putAlert(ctx context.Context, tx *sql.Tx, a *Alert, body []byte) error {
	if err := putItems(ctx, tx, a); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx,
		"INSERT INTO alert (id, time, user, score, body) VALUES (?, ?, ?, ?, ?) "+
			"ON CONFLICT (id) DO UPDATE SET time = excluded.time, score = excluded.score, body = excluded.body",
		a.ID, a.Time.UnixMilli(), a.User, a.Score, string(body)); err != nil {
		return err
	}
	return indexEntities(ctx, tx, a)
}

// apply stores one alert, and queues it for the channels that are to be notified.
func apply(ctx context.Context, tx *sql.Tx, a *Alert, t NotifyPolicy) error {
	kept := a.WithoutItems()
	body, err := json.Marshal(&kept)
	if err != nil {
		return err
	}
	if err := putAlert(ctx, tx, a, body); err != nil {
		return err
	}

	var hash int64
	var worst Severity
	err = tx.QueryRowContext(ctx, "SELECT hash, severity FROM told WHERE alert = ?", a.ID).Scan(&hash, &worst)
	known := err == nil
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}

	now := int64(xxhash.Sum64(body))
	news := kept.news(now)
	shown := known || t.NeedsAttention(a)
	if _, err := tx.ExecContext(ctx,
		"INSERT INTO change (alert, user, detector, severity, shown, hash, at, body) "+
			"SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 "+
			"WHERE coalesce((SELECT hash FROM change WHERE alert = ?1 ORDER BY seq DESC LIMIT 1), 0) <> ?6",
		a.ID, a.User, a.Detector, a.Severity, shown, now, t.Now.UnixMilli(), string(body)); err != nil {
		return err
	}

	switch {
	case known && news == hash:
		return nil
	case a.Withdrawn && !known, !a.Withdrawn && !known && !t.NeedsAttention(a):
		return nil
	case known && !a.Withdrawn && a.Severity <= worst && a.Provisional:
		return nil // still growing; the final version is sent when the day closes
	}

	if _, err := tx.ExecContext(ctx,
		"INSERT INTO told (alert, hash, severity) VALUES (?, ?, ?) "+
			"ON CONFLICT (alert) DO UPDATE SET hash = excluded.hash, severity = excluded.severity",
		a.ID, news, max(worst, a.Severity)); err != nil {
		return err
	}

	for _, route := range t.Routes {
		if route.Matches != nil && !route.Matches(a) {
			if before, err := toldThrough(ctx, tx, route.Channel, a.ID); err != nil || !before {
				if err != nil {
					return err
				}
				continue
			}
		}
		if err := queue(ctx, tx, route, a, false, t.Now); err != nil {
			return err
		}
	}
	return nil
}

// toldThrough reports whether a channel was, or is to be, told of an alert.
func toldThrough(ctx context.Context, tx *sql.Tx, channel, alert string) (before bool, err error) {
	err = tx.QueryRowContext(ctx,
		"SELECT EXISTS (SELECT 1 FROM sent WHERE channel = ?1 AND alert = ?2) OR "+
			"EXISTS (SELECT 1 FROM outbox WHERE channel = ?1 AND alert = ?2)",
		channel, alert).Scan(&before)
	return before, err
}

// queue adds a version of an alert, with what was decided about it, to the messages of a channel. It takes the place of
// the version that is queued, unless that may have been sent, or some receivers have been told. The
// message keeps what the channel needs of it, apart from what is stored of the alert, which may grow before the message is
// sent.
func queue(ctx context.Context, tx *sql.Tx, r Route, a *Alert, decision bool, now time.Time) error {
	m := *a
	if r.Brief {
		m = a.Brief(topItems)
		m.Receipt = nil
	}
	items, err := m.packItems()
	if err != nil {
		return err
	}
	m = m.WithoutItems()
	if m.Triage, err = decidedAbout(ctx, tx, a.ID); err != nil {
		return err
	}
	body, err := json.Marshal(&m)
	if err != nil {
		return err
	}
	var fresh bool // the channel has yet to say what is queued for it
	if err := tx.QueryRowContext(ctx,
		"SELECT EXISTS (SELECT 1 FROM outbox WHERE channel = ? AND alert = ? AND place IS NULL AND NOT decision AND receivers = '')",
		r.Channel, a.ID).Scan(&fresh); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx,
		"DELETE FROM outbox WHERE channel = ? AND alert = ? AND place IS NULL AND receivers = ''", r.Channel, a.ID); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO outbox (channel, alert, body, items, since, decision) VALUES (?, ?, ?, ?, ?, ?)",
		r.Channel, a.ID, string(body), items, now.UnixMilli(), decision && !fresh)
	return err
}

// unpack reads a message as queue stores it. One that an older version has stored has its items in the body.
func (a *Alert) unpack(body, items []byte) error {
	err := json.Unmarshal(body, a)
	if err == nil && items != nil {
		err = a.setItems(items)
	}
	if err != nil {
		return fmt.Errorf("alert: decode queued alert: %w", err)
	}
	return nil
}

// news is a hash of what a notification would say, given that of the whole alert: that the person does
// the same again is no news.
func (a *Alert) news(whole int64) int64 {
	if len(a.Again) == 0 {
		return whole
	}
	quiet := *a
	quiet.Again = nil
	body, err := json.Marshal(&quiet)
	if err != nil {
		return whole
	}
	return int64(xxhash.Sum64(body))
}

// QueuedNotification is an alert queued for a channel.
type QueuedNotification struct {
	Seq   int64 // for MarkStarted and MarkSent
	Alert Alert // the version to send
	Place int64 // where sending started; -1 if it has not
}

// Queued lists up to most notifications queued for a channel, oldest first.
func (s *Store) Queued(ctx context.Context, channel string, most int) (list []QueuedNotification, err error) {
	rows, err := s.db.QueryContext(ctx,
		"SELECT seq, body, items, coalesce(place, -1) FROM outbox WHERE channel = ? ORDER BY seq LIMIT ?",
		channel, most)
	if err != nil {
		return nil, fmt.Errorf("alert: list queued notifications: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var x QueuedNotification
		var body, items []byte
		if err := rows.Scan(&x.Seq, &body, &items, &x.Place); err != nil {
			return nil, fmt.Errorf("alert: list queued notifications: %w", err)
		}
		if err := x.Alert.unpack(body, items); err != nil {
			return nil, err
		}
		list = append(list, x)
	}
	return list, rows.Err()
}

// MarkStarted stores that sending starts, and at which place of the channel's output. Call it
// before sending.
func (s *Store) MarkStarted(ctx context.Context, seq, place int64) error {
	_, err := s.db.ExecContext(ctx, "UPDATE outbox SET place = ? WHERE seq = ?", place, seq)
	if err != nil {
		return fmt.Errorf("alert: mark notification as started: %w", err)
	}
	return nil
}

// MarkSent records a notification as sent and removes it from the queue.
func (s *Store) MarkSent(ctx context.Context, seq int64) error {
	err := sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx,
			"INSERT OR IGNORE INTO sent (channel, alert, ref, at) SELECT channel, alert, '', since FROM outbox WHERE seq = ?",
			seq); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM outbox WHERE seq = ?", seq)
		return err
	})
	if err != nil {
		return fmt.Errorf("alert: mark notification as sent: %w", err)
	}
	return nil
}

// Counts returns how many alerts are stored, were notified, and are queued.
func (s *Store) Counts(ctx context.Context) (stored, notified, queued int, err error) {
	err = s.db.QueryRowContext(ctx,
		"SELECT (SELECT count(*) FROM alert), (SELECT count(*) FROM told), (SELECT count(*) FROM outbox)").Scan(&stored, &notified, &queued)
	return stored, notified, queued, err
}

// Line returns an alert as a line of NDJSON, as scan prints it.
func Line(a *Alert) ([]byte, error) {
	var b bytes.Buffer
	err := Formats["ndjson"](&b, []Alert{*a}, Options{})
	return b.Bytes(), err
}
