package alert

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/sqlitedb"
)

// pending is a row of the outbox.
type pending struct {
	seq      int64
	next     int64 // when it is due, Unix milliseconds
	attempts int
	begun    bool // an earlier attempt may have sent it
	decision bool // it only tells of a decision
	// receivers are those that have yet to be told, as JSON, if others have been; "" for all.
	receivers string
	alert     Alert
}

// before reports whether a row comes before another in a summary: alerts before decisions, then the more urgent.
func (p *pending) before(q *pending) bool {
	if p.decision != q.decision {
		return !p.decision
	}
	a, b := &p.alert, &q.alert
	return a.Severity > b.Severity || a.Severity == b.Severity && a.Score > b.Score
}

// receivers returns for whom rows of a channel wait: "" for all its receivers, and then each list of receivers that have
// yet to be told, as JSON.
func (s *Store) receivers(ctx context.Context, channel string) (list []string, err error) {
	rows, err := s.db.QueryContext(ctx,
		"SELECT DISTINCT receivers FROM outbox WHERE channel = ? AND receivers != '' ORDER BY receivers", channel)
	if err != nil {
		return nil, fmt.Errorf("alert: list receivers: %w", err)
	}
	defer rows.Close()
	list = []string{""}
	for rows.Next() {
		var r string
		if err := rows.Scan(&r); err != nil {
			return nil, fmt.Errorf("alert: list receivers: %w", err)
		}
		list = append(list, r)
	}
	return list, rows.Err()
}

// due returns the first rows of a channel for some receivers, in order.
func (s *Store) due(ctx context.Context, channel, receivers string) (list []pending, err error) {
	return s.pending(ctx, false, "channel = ? AND receivers = ? ORDER BY seq LIMIT ?", channel, receivers, perPass)
}

// crowd returns the rows of a channel for some receivers that become one message, in order: all if there are too many of
// them, those that only tell of decisions if there are too many of those, or none. Their alerts are without items.
func (s *Store) crowd(ctx context.Context, channel, receivers string) (list []pending, err error) {
	var all, decisions int
	err = s.db.QueryRowContext(ctx,
		"SELECT count(*), coalesce(sum(decision), 0) FROM outbox WHERE channel = ? AND receivers = ?",
		channel, receivers).Scan(&all, &decisions)
	switch {
	case err != nil:
		return nil, fmt.Errorf("alert: count due notifications: %w", err)
	case all-decisions > manyWait:
		return s.pending(ctx, true, "channel = ? AND receivers = ? ORDER BY seq LIMIT ?", channel, receivers, perSummary)
	case decisions > manyDecided:
		return s.pending(ctx, true, "channel = ? AND receivers = ? AND decision ORDER BY seq LIMIT ?", channel, receivers, perSummary)
	}
	return nil, nil
}

// whole reads the alert of a row with its items.
func (s *Store) whole(ctx context.Context, p *pending) error {
	list, err := s.pending(ctx, false, "seq = ?", p.seq)
	if err == nil && len(list) == 1 {
		*p = list[0]
	}
	return err
}

// pending returns the rows that an SQL condition selects, with whole alerts or without their items.
func (s *Store) pending(ctx context.Context, brief bool, which string, args ...any) (list []pending, err error) {
	rows, err := s.db.QueryContext(ctx,
		"SELECT seq, body, items, attempts, next_at, place IS NOT NULL, decision, receivers FROM outbox WHERE "+which, args...)
	if err != nil {
		return nil, fmt.Errorf("alert: list due notifications: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var p pending
		var body, items sql.RawBytes
		if err := rows.Scan(&p.seq, &body, &items, &p.attempts, &p.next, &p.begun, &p.decision, &p.receivers); err != nil {
			return nil, fmt.Errorf("alert: list due notifications: %w", err)
		}
		if brief {
			items = nil
		}
		if err := p.alert.unpack(body, items); err != nil {
			return nil, err
		}
		if brief { // one that an older version has stored has its items in the body
			p.alert = p.alert.WithoutItems()
			p.alert.Receipt = nil
		}
		list = append(list, p)
	}
	return list, rows.Err()
}

// seqsOf returns the rows of a list, as JSON.
func seqsOf(list []pending) string {
	seqs := make([]int64, len(list))
	for i := range list {
		seqs[i] = list[i].seq
	}
	b, _ := json.Marshal(seqs) // numbers
	return string(b)
}

// markBegun stores that the message of some rows is about to be sent.
func (s *Store) markBegun(ctx context.Context, seqs []int64) error {
	b, err := json.Marshal(seqs)
	if err != nil {
		return err
	}
	_, err = s.db.ExecContext(ctx, "UPDATE outbox SET place = 0 WHERE seq IN (SELECT value FROM json_each(?))", string(b))
	if err != nil {
		return fmt.Errorf("alert: mark notifications as begun: %w", err)
	}
	return nil
}

// putOff stores why the message of some rows was not sent, whether it may have been for all that, and when it is tried
// next. What an earlier attempt may have sent stays so.
func (s *Store) putOff(ctx context.Context, list []pending, next time.Time, unclear bool, why string) error {
	err := sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error { return putOff(ctx, tx, list, next, unclear, why) })
	if err != nil {
		return fmt.Errorf("alert: put notifications off: %w", err)
	}
	return nil
}

// putOff puts rows off within a transaction.
func putOff(ctx context.Context, tx *sql.Tx, list []pending, next time.Time, unclear bool, why string) error {
	for i := range list {
		var place any
		if unclear || list[i].begun {
			place = 0
		}
		if _, err := tx.ExecContext(ctx,
			"UPDATE outbox SET attempts = attempts + 1, next_at = ?, error = ?, place = ?, receivers = ? WHERE seq = ?",
			next.UnixMilli(), why, place, list[i].receivers, list[i].seq); err != nil {
			return err
		}
	}
	return nil
}

// lostSight reports whether a message about an alert became a dead letter although it may have been sent.
func (s *Store) lostSight(ctx context.Context, channel, alert string) (lost bool, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM failed WHERE channel = ? AND alert = ? AND begun)",
		channel, alert).Scan(&lost)
	return lost, err
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

// recordSent stores that a message about some rows was sent, and what the channel calls it: for the first of them, which
// it has in full.
func (s *Store) recordSent(ctx context.Context, channel string, list []pending, ref string, now time.Time) error {
	err := sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		if err := told(ctx, tx, channel, list, ref, now); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM outbox WHERE seq IN (SELECT value FROM json_each(?))", seqsOf(list))
		return err
	})
	if err != nil {
		return fmt.Errorf("alert: record sent notification: %w", err)
	}
	return nil
}

// told stores that the alerts of some rows were told of. What was left for some receivers changes nothing of that.
func told(ctx context.Context, tx *sql.Tx, channel string, list []pending, ref string, now time.Time) error {
	for i := range list {
		p := &list[i]
		if p.receivers != "" {
			continue
		}
		told, err := json.Marshal(p.alert.told())
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx,
			"INSERT INTO sent (channel, alert, ref, at, told) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (channel, alert) "+
				"DO UPDATE SET ref = iif(excluded.ref = '', ref, excluded.ref), at = iif(?6, at, excluded.at), told = excluded.told",
			channel, p.alert.ID, ref, now.UnixMilli(), string(told), p.decision); err != nil {
			return err
		}
		ref = ""
	}
	return nil
}

// recordPartly stores that a message about some rows was sent to some of a channel's receivers: what others may take later
// is tried again, what they refuse becomes a dead letter.
func (s *Store) recordPartly(ctx context.Context, channel string, list []pending, part *Partly, next, now time.Time) error {
	why := secret.Redact(part.Error())
	refused, err := json.Marshal(part.Refused)
	if err != nil {
		return err
	}
	later, err := json.Marshal(part.Later)
	if err != nil {
		return err
	}
	err = sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		if err := told(ctx, tx, channel, list, part.Ref, now); err != nil {
			return err
		}
		for i := range list {
			if list[i].receivers = string(refused); len(part.Refused) > 0 {
				if err := setAside(ctx, tx, &list[i], now, deadLetter{why: why}); err != nil {
					return err
				}
			}
			list[i].receivers = string(later)
		}
		if len(part.Later) > 0 {
			return putOff(ctx, tx, list, next, false, why)
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM outbox WHERE seq IN (SELECT value FROM json_each(?))", seqsOf(list))
		return err
	})
	if err != nil {
		return fmt.Errorf("alert: record partly sent notification: %w", err)
	}
	return nil
}

// overBudget makes a message beyond the channel's daily limit a dead letter, and reports
// whether it did. Critical alerts, revisions of alerts that were sent, decisions and withdrawals are not
// limited.
func (s *Store) overBudget(ctx context.Context, c *Channel, p *pending, now time.Time) (bool, error) {
	if c.MaxPerDay == 0 || p.alert.Severity >= Critical || p.alert.Withdrawn || p.decision {
		return false, nil
	}
	var today, before int
	err := s.db.QueryRowContext(ctx,
		"SELECT (SELECT count(*) FROM sent WHERE channel = ?1 AND at > ?2), (SELECT count(*) FROM sent WHERE channel = ?1 AND alert = ?3)",
		c.Name, now.Add(-24*time.Hour).UnixMilli(), p.alert.ID).Scan(&today, &before)
	if err != nil || today < c.MaxPerDay || before > 0 {
		return false, err
	}
	why := deadLetter{why: fmt.Sprintf("beyond %d messages a day", c.MaxPerDay), budget: true}
	return true, s.deadLetters(ctx, c.Name, []pending{*p}, now, why)
}

// deadLetter says why rows are set aside.
type deadLetter struct {
	why    string
	budget bool // they are beyond the channel's daily limit
	begun  bool // the last attempt may have sent them
}

// deadLetters moves rows from the outbox to the dead letters.
func (s *Store) deadLetters(ctx context.Context, channel string, list []pending, now time.Time, d deadLetter) error {
	err := sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		for i := range list {
			if err := setAside(ctx, tx, &list[i], now, d); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM outbox WHERE seq IN (SELECT value FROM json_each(?))", seqsOf(list))
		return err
	})
	if err != nil {
		return fmt.Errorf("alert: store dead letters of %s: %w", channel, err)
	}
	return nil
}

// setAside copies a row to the dead letters.
func setAside(ctx context.Context, tx *sql.Tx, p *pending, now time.Time, d deadLetter) error {
	_, err := tx.ExecContext(ctx,
		"INSERT INTO failed (channel, alert, body, items, at, budget, error, decision, begun, receivers) "+
			"SELECT channel, alert, body, items, ?, ?, ?, decision, ?, ? FROM outbox WHERE seq = ?",
		now.UnixMilli(), d.budget, d.why, d.begun || p.begun, p.receivers, p.seq)
	return err
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
			"INSERT INTO outbox (channel, alert, body, items, since, decision, place, receivers) "+
				"SELECT channel, alert, body, items, ?2, decision, iif(begun, 0, NULL), receivers FROM failed "+
				"WHERE ?1 = 0 OR seq = ?1 ORDER BY seq",
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
