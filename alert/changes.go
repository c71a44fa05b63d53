package alert

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Change is what became of an alert: a version of it, at a place in the feed.
type Change struct {
	Seq   int64     `json:"seq"`
	At    time.Time `json:"at"` // when it was taken in
	Alert Alert     `json:"alert"`
}

// Filter is which changes are wanted.
type Filter struct {
	After    int64 // changes after this place
	Before   int64 // if it is not 0: changes before this place, the latest first
	Limit    int   // 1 … 1000
	Severity Severity
	Exact    bool // that severity alone, not higher ones
	User     string
	Detector string
	Alert    string // id
	All      bool   // also what does not deserve attention
	Latest   bool   // of every alert only the version that holds now
}

// Changes lists changes in their order.
func (s *Store) Changes(ctx context.Context, f Filter) (list []Change, err error) {
	where, args := []string{"severity >= ?"}, []any{f.Severity}
	if f.Exact {
		where[0] = "severity = ?"
	}
	add := func(cond string, arg any) { where, args = append(where, cond), append(args, arg) }
	order := "ASC"
	if f.Before > 0 {
		order = "DESC"
		add("seq < ?", f.Before)
	}

	add("seq > ?", f.After)
	if f.User != "" {
		add("user = ?", f.User)
	}
	if f.Detector != "" {
		add("detector = ?", f.Detector)
	}

	if f.Alert != "" {
		add("alert = ?", f.Alert)
	}
	if !f.All {
		where = append(where, "shown")
	}
	if f.Latest {
		where = append(where, "NOT EXISTS (SELECT 1 FROM change later WHERE later.alert = change.alert AND later.seq > change.seq)")
	}

	args = append(args, min(max(f.Limit, 1), 1000))
	rows, err := s.db.QueryContext(ctx, "SELECT seq, at, body FROM change WHERE "+strings.Join(where,
		" AND ")+" ORDER BY seq "+order+" LIMIT ?", args...)
	if err != nil {
		return nil, fmt.Errorf("alert: list changes: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var c Change
		var at int64
		var body []byte
		if err := rows.Scan(&c.Seq, &at, &body); err != nil {
			return nil, fmt.Errorf("alert: list changes: %w", err)
		}
		if err := json.Unmarshal(body, &c.Alert); err != nil {
			return nil, fmt.Errorf("alert: list changes: %w", err)
		}
		c.At = time.UnixMilli(at).UTC()
		list = append(list, c)
	}

	return list, rows.Err()
}

// keepChanges is for how long the feed has versions of alerts that have been superseded.
const keepChanges = 90 * 24 * time.Hour

// PruneChanges takes versions out of the feed that are old and were superseded.
func (s *Store) PruneChanges(ctx context.Context, now time.Time) error {
	_, err := s.db.ExecContext(ctx,
		"DELETE FROM change WHERE at < ? AND "+
			"EXISTS (SELECT 1 FROM change later WHERE later.alert = change.alert AND later.seq > change.seq)",
		now.Add(-keepChanges).UnixMilli())
	if err != nil {
		return fmt.Errorf("alert: prune changes: %w", err)
	}
	return nil
}

// Users lists everybody there is an alert about.
func (s *Store) Users(ctx context.Context) ([]string, error) {
	return s.users(ctx, "SELECT DISTINCT user FROM alert WHERE user <> '' ORDER BY user")
}

// KnownUsers lists everybody of whom anything is kept: alerts, days, or that they leave.
func (s *Store) KnownUsers(ctx context.Context) ([]string, error) {
	return s.users(ctx,
		"SELECT user FROM alert WHERE user <> '' UNION SELECT user FROM change WHERE user <> '' "+
			"UNION SELECT user FROM activity UNION SELECT user FROM leaver ORDER BY user")
}

// ActiveUsers lists everybody there is an alert about, or a day of.
func (s *Store) ActiveUsers(ctx context.Context) ([]string, error) {
	return s.users(ctx, "SELECT user FROM alert WHERE user <> '' UNION SELECT user FROM activity ORDER BY user")
}

func (s *Store) users(ctx context.Context, which string) (list []string, err error) {
	rows, err := s.db.QueryContext(ctx, which)
	if err != nil {
		return nil, fmt.Errorf("alert: list users: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var u string
		if err := rows.Scan(&u); err != nil {
			return nil, fmt.Errorf("alert: list users: %w", err)
		}
		list = append(list, u)
	}
	return list, rows.Err()
}

// All lists the alerts as they are now, ranked.
func (s *Store) All(ctx context.Context) ([]Alert, error) {
	list, err := s.alerts(ctx, "", nil)
	Rank(list)
	return list, err
}

// alerts lists those that a condition holds for, without those that are withdrawn and
// those that keep, which may be nil, does not want.
func (s *Store) alerts(ctx context.Context, which string, keep func(*Alert) bool, args ...any) (list []Alert, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT body FROM alert "+which, args...)
	if err != nil {
		return nil, fmt.Errorf("alert: list alerts: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var body []byte
		var a Alert
		if err := rows.Scan(&body); err != nil {
			return nil, fmt.Errorf("alert: list alerts: %w", err)
		}
		if err := json.Unmarshal(body, &a); err != nil {
			return nil, fmt.Errorf("alert: list alerts: %w", err)
		}
		if !a.Withdrawn && (keep == nil || keep(&a)) {
			list = append(list, a)
		}
	}
	return list, rows.Err()
}
