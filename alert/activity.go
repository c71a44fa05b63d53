package alert

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/sqlitedb"
)

// Keep keeps what people did on their days, in place of what was said about a day
// before. Keeping the same again changes nothing.
func (s *Store) Keep(ctx context.Context, days []finding.Activity) error {
	if len(days) == 0 {
		return nil
	}
	err := sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		put, err := tx.PrepareContext(ctx, "INSERT INTO activity (user, day, body) VALUES (?, ?, ?) ON CONFLICT (user, day) DO UPDATE SET body = excluded.body")
		if err != nil {
			return err
		}
		defer put.Close()
		for i := range days {
			a := &days[i]
			if a.Gone {
				if _, err := tx.ExecContext(ctx, "DELETE FROM activity WHERE user = ? AND day = ?", a.User, a.Date()); err != nil {
					return err
				}
				continue
			}
			body, err := json.Marshal(a)
			if err != nil {
				return err
			}
			if _, err := put.ExecContext(ctx, a.User, a.Date(), string(body)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("alert: activity: %w", err)
	}
	return nil
}

// EachDay hands out what is kept of everybody's days, by person and day.
func (s *Store) EachDay(ctx context.Context, each func(*finding.Activity) error) error {
	return s.days(ctx, each, "ORDER BY user, day")
}

// Days lists what somebody did on the days from one to another, the first first.
func (s *Store) Days(ctx context.Context, user string, from, to time.Time) (list []finding.Activity, err error) {
	err = s.days(ctx, func(a *finding.Activity) error { list = append(list, *a); return nil },
		"WHERE user = ? AND day >= ? AND day <= ? ORDER BY day", user, from.UTC().Format(time.DateOnly), to.UTC().Format(time.DateOnly))
	return list, err
}

func (s *Store) days(ctx context.Context, each func(*finding.Activity) error, which string, args ...any) error {
	rows, err := s.db.QueryContext(ctx, "SELECT body FROM activity "+which, args...)
	if err != nil {
		return fmt.Errorf("alert: activity: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var body []byte
		var a finding.Activity
		if err := rows.Scan(&body); err != nil {
			return fmt.Errorf("alert: activity: %w", err)
		}
		if err := json.Unmarshal(body, &a); err != nil {
			return fmt.Errorf("alert: activity: %w", err)
		}
		if err := each(&a); err != nil {
			return err
		}
	}
	return rows.Err()
}

// SetLeavers keeps of whom HR has said that they leave, in place of who there was among
// the people for whom among holds; all if it is nil.
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
			if _, err := tx.ExecContext(ctx, "INSERT INTO leaver (user, notice, last_day) VALUES (?, ?, ?)", l.User, l.Notice, l.LastDay); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("alert: leavers: %w", err)
	}
	return nil
}

// Leavers lists those of whom HR has said that they leave, or have left, by name.
func (s *Store) Leavers(ctx context.Context) (list []finding.Leaver, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT user, notice, last_day FROM leaver ORDER BY user")
	if err != nil {
		return nil, fmt.Errorf("alert: leavers: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var l finding.Leaver
		if err := rows.Scan(&l.User, &l.Notice, &l.LastDay); err != nil {
			return nil, fmt.Errorf("alert: leavers: %w", err)
		}
		list = append(list, l)
	}
	return list, rows.Err()
}
