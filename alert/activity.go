package alert

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/sqlitedb"
)

// PutDays stores daily summaries, in place of those stored before for the same users and
// days. It is idempotent. A summary that is Gone deletes the stored one.
func (s *Store) PutDays(ctx context.Context, days []finding.Activity) error {
	if len(days) == 0 {
		return nil
	}
	return s.putDays(ctx, -1, func(yield func([]finding.Activity, error) bool) { yield(days, nil) })
}

// ReplaceDays stores daily summaries in place of all that were stored before and end after a time, in Unix
// milliseconds.
func (s *Store) ReplaceDays(ctx context.Context, after int64, days iter.Seq2[[]finding.Activity, error]) error {
	return s.putDays(ctx, after, days)
}

// putDays stores daily summaries, after deleting those that end after a time; -1 for none.
func (s *Store) putDays(ctx context.Context, after int64, days iter.Seq2[[]finding.Activity, error]) error {
	err := sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		if after >= 0 {
			if _, err := tx.ExecContext(ctx, "DELETE FROM activity WHERE end > ?", after); err != nil {
				return err
			}
		}
		for some, err := range days {
			if err != nil {
				return err
			}
			if err := putActivity(ctx, tx, some); err != nil {
				return err
			}
			if err := putCovered(ctx, tx, some); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("alert: store daily summaries: %w", err)
	}
	return nil
}

// putActivity stores the summaries, and deletes those that are Gone.
func putActivity(ctx context.Context, tx *sql.Tx, days []finding.Activity) error {
	put, err := tx.PrepareContext(ctx,
		"INSERT INTO activity (user, day, end, body) VALUES (?, ?, ?, ?) "+
			"ON CONFLICT (user, day, end) DO UPDATE SET body = excluded.body")
	if err != nil {
		return err
	}
	defer put.Close()
	for i := range days {
		a := &days[i]
		if a.Gone {
			if _, err := tx.ExecContext(ctx, "DELETE FROM activity WHERE user = ? AND day = ? AND end = ?",
				a.User, a.Date(), a.End); err != nil {
				return err
			}
			continue
		}
		body, err := json.Marshal(a)
		if err != nil {
			return err
		}
		if _, err := put.ExecContext(ctx, a.User, a.Date(), a.End, string(body)); err != nil {
			return err
		}
	}
	return nil
}

// putCovered records which sources had data on which days. Deleting a summary does not undo
// that.
func putCovered(ctx context.Context, tx *sql.Tx, days []finding.Activity) error {
	cover, err := tx.PrepareContext(ctx, "INSERT INTO covered (day, source) VALUES (?, ?) ON CONFLICT DO NOTHING")
	if err != nil {
		return err
	}
	defer cover.Close()
	covered := map[[2]string]bool{}
	for i := range days {
		a := &days[i]
		if a.Gone {
			continue
		}
		for _, source := range a.Sources {
			key := [2]string{a.Date(), source}
			if covered[key] {
				continue
			}
			covered[key] = true
			if _, err := cover.ExecContext(ctx, key[0], source); err != nil {
				return err
			}
		}
	}
	return nil
}

// EachDay calls each for every stored daily summary, by user and day. It returns the first
// error of each.
func (s *Store) EachDay(ctx context.Context, each func(*finding.Activity) error) error {
	return s.days(ctx, each, "ORDER BY user, day, end")
}

// Days returns the daily summaries of a user from one date to another, both included, the
// earliest first. Only the date of the times counts, in UTC.
func (s *Store) Days(ctx context.Context, user string, from, to time.Time) (list []finding.Activity, err error) {
	err = s.days(ctx, func(a *finding.Activity) error { list = append(list, *a); return nil },
		"WHERE user = ? AND day >= ? AND day <= ? ORDER BY day, end", user,
		from.UTC().Format(time.DateOnly), to.UTC().Format(time.DateOnly))
	return list, err
}

// LatestDays returns the daily summaries of a user of the last n days up to the last one that there is, the earliest
// first.
func (s *Store) LatestDays(ctx context.Context, user string, n int) (list []finding.Activity, err error) {
	err = s.days(ctx, func(a *finding.Activity) error { list = append(list, *a); return nil },
		"WHERE user = ?1 AND day > date((SELECT max(day) FROM activity WHERE user = ?1), ?2) ORDER BY day, end",
		user, fmt.Sprintf("-%d days", n))
	return list, err
}

// Departments returns how many users of each department were active in the last week with data.
func (s *Store) Departments(ctx context.Context) (map[string]int, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT body ->> 'department', count(DISTINCT user) FROM activity "+
		"WHERE day > date((SELECT max(day) FROM activity), '-7 days') AND body ->> 'department' <> '' GROUP BY 1")
	if err != nil {
		return nil, fmt.Errorf("alert: count people of departments: %w", err)
	}
	defer rows.Close()
	people := map[string]int{}
	for rows.Next() {
		var department string
		var n int
		if err := rows.Scan(&department, &n); err != nil {
			return nil, fmt.Errorf("alert: count people of departments: %w", err)
		}
		people[department] = n
	}
	return people, rows.Err()
}

// days calls each for the summaries that an SQL condition selects.
func (s *Store) days(ctx context.Context, each func(*finding.Activity) error, which string, args ...any) error {
	rows, err := s.db.QueryContext(ctx, "SELECT body FROM activity "+which, args...)
	if err != nil {
		return fmt.Errorf("alert: read daily summaries: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var body []byte
		var a finding.Activity
		if err := rows.Scan(&body); err != nil {
			return fmt.Errorf("alert: read daily summaries: %w", err)
		}
		if err := json.Unmarshal(body, &a); err != nil {
			return fmt.Errorf("alert: read daily summaries: %w", err)
		}
		if err := each(&a); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Covered returns the dates (2006-01-02) of which there is data, each with the sorted names of
// its sources. A source "" stands for days that were stored before sources were recorded.
// Deleting summaries does not change the answer.
func (s *Store) Covered(ctx context.Context) (map[string][]string, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT day, source FROM covered ORDER BY day, source")
	if err != nil {
		return nil, fmt.Errorf("alert: read covered days: %w", err)
	}
	defer rows.Close()
	days := map[string][]string{}
	for rows.Next() {
		var day, source string
		if err := rows.Scan(&day, &source); err != nil {
			return nil, fmt.Errorf("alert: read covered days: %w", err)
		}
		days[day] = append(days[day], source)
	}
	return days, rows.Err()
}

// Known is the amount of data behind the baselines when the latest days were scored.
type Known struct {
	PersonDays float64 // that baselines rest on; old ones count less
	PerDay     float64 // how many each of the last seven days added
	Any        bool    // whether the amount is known
}

// Known returns the amount of data behind the baselines when the latest days were scored.
func (s *Store) Known(ctx context.Context) (k Known, err error) {
	var last string
	if err := s.db.QueryRowContext(ctx, "SELECT coalesce(max(day), '') FROM activity").Scan(&last); err != nil {
		return k, fmt.Errorf("alert: read daily summaries: %w", err)
	}
	at, err := time.Parse(time.DateOnly, last)
	if err != nil {
		return k, nil // nothing is stored
	}
	people := 0.0
	err = s.days(ctx, func(a *finding.Activity) error {
		if !a.Service && len(a.Sources) > 0 { // summaries of an earlier version have neither
			k.PersonDays, k.Any = max(k.PersonDays, a.Known), true
			people++
		}
		return nil
	}, "WHERE day > ? ORDER BY day, end", at.AddDate(0, 0, -7).Format(time.DateOnly))
	k.PerDay = people / 7
	return k, err
}

// DataUntil returns the end of the latest day with a summary, or now if that is earlier or there is none.
func (s *Store) DataUntil(ctx context.Context, now time.Time) (time.Time, error) {
	var end int64
	err := s.db.QueryRowContext(ctx,
		"SELECT coalesce(max(end), 0) FROM activity WHERE day = (SELECT max(day) FROM activity)").Scan(&end)
	if err != nil {
		return now, fmt.Errorf("alert: read daily summaries: %w", err)
	}
	if until := time.UnixMilli(end).UTC(); end > 0 && until.Before(now) {
		return until, nil
	}
	return now, nil
}

// Stream returns what a budget is set from: the alerts about people from a time on, and the days of people. What
// was decided about an alert says decided, by its id.
func (s *Store) Stream(ctx context.Context, from time.Time, decided func(id string) (confirmed, dismissed bool)) (*Stream, error) {
	out := &Stream{}
	if err := s.streamAlerts(ctx, out, from, decided); err != nil {
		return nil, fmt.Errorf("alert: read alerts for the budget: %w", err)
	}
	if err := s.streamDays(ctx, out, from); err != nil {
		return nil, fmt.Errorf("alert: read days of people for the budget: %w", err)
	}
	return out, nil
}

func (s *Store) streamAlerts(ctx context.Context, out *Stream, from time.Time, decided func(id string) (bool, bool)) error {
	rows, err := s.db.QueryContext(ctx, `SELECT id, time, body ->> 'rate', body ->> 'detector', coalesce(body ->> 'department', ''),
		coalesce(body -> 'receipt' ->> 'floor', 0) > 0 AND score <= body -> 'receipt' ->> 'floor' + .01
		FROM alert WHERE time >= ? AND coalesce(body ->> 'health', 0) = 0 AND coalesce(body ->> 'withdrawn', 0) = 0`, from.UnixMilli())
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var a StreamAlert
		if err := rows.Scan(&a.ID, &a.At, &a.Rate, &a.Detector, &a.Department, &a.Floor); err != nil {
			return err
		}
		a.Confirmed, a.Dismissed = decided(a.ID)
		out.Alerts = append(out.Alerts, a)
	}
	return rows.Err()
}

func (s *Store) streamDays(ctx context.Context, out *Stream, from time.Time) error {
	first := ""
	if err := s.db.QueryRowContext(ctx, "SELECT coalesce(min(day), '') FROM covered").Scan(&first); err != nil {
		return err
	}
	if at, err := time.Parse(time.DateOnly, first); err == nil {
		out.First = at.UnixMilli() / dayLength
	}
	rows, err := s.db.QueryContext(ctx, `SELECT day, coalesce(body ->> 'department', ''), count(*) FROM activity
		WHERE day >= ? AND coalesce(body ->> 'service', 0) = 0 GROUP BY 1, 2`, from.UTC().Format(time.DateOnly))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var day, department string
		var n int
		if err := rows.Scan(&day, &department, &n); err != nil {
			return err
		}
		if at, err := time.Parse(time.DateOnly, day); err == nil {
			out.Active(at.UnixMilli()/dayLength, department, n)
		}
	}
	return rows.Err()
}

// UsersOf returns the users of all alerts, by id.
func (s *Store) UsersOf(ctx context.Context) (map[string]string, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT id, user FROM alert")
	if err != nil {
		return nil, fmt.Errorf("alert: list users of alerts: %w", err)
	}
	defer rows.Close()
	users := map[string]string{}
	for rows.Next() {
		var id, user string
		if err := rows.Scan(&id, &user); err != nil {
			return nil, fmt.Errorf("alert: list users of alerts: %w", err)
		}
		users[id] = user
	}
	return users, rows.Err()
}

// SetLeavers stores the people whom HR lists as leaving, in place of the stored ones for whom
// among returns true. A nil among stands for all.
func (s *Store) SetLeavers(ctx context.Context, list []finding.Leaver, among func(user string) bool) error {
	before, err := s.Leavers(ctx)
	if err != nil {
		return err
	}
	err = sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		for _, l := range before {
			if among != nil && !among(l.User) {
				continue
			}
			if _, err := tx.ExecContext(ctx, "DELETE FROM leaver WHERE user = ?", l.User); err != nil {
				return err
			}
		}
		for _, l := range list {
			if _, err := tx.ExecContext(ctx,
				"INSERT INTO leaver (user, notice, last_day) VALUES (?, ?, ?)",
				l.User, l.Notice, l.LastDay); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("alert: store leavers: %w", err)
	}
	return nil
}

// Leavers returns the people whom HR lists as leaving or having left, by user.
func (s *Store) Leavers(ctx context.Context) (list []finding.Leaver, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT user, notice, last_day FROM leaver ORDER BY user")
	if err != nil {
		return nil, fmt.Errorf("alert: list leavers: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var l finding.Leaver
		if err := rows.Scan(&l.User, &l.Notice, &l.LastDay); err != nil {
			return nil, fmt.Errorf("alert: list leavers: %w", err)
		}
		list = append(list, l)
	}
	return list, rows.Err()
}
