package alert

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Change is one version of an alert, at its place in the feed.
type Change struct {
	Seq   int64     `json:"seq"`   // its place, from 1; versions keep their order
	At    time.Time `json:"at"`    // when it was stored
	Alert Alert     `json:"alert"` // the version
	Shown bool      `json:"-"`     // whether it needed attention
}

// Filter selects changes. The zero value selects those of any severity that were notified.
type Filter struct {
	After    int64    // changes after this place
	Before   int64    // if not 0: changes before this place, the latest first
	Limit    int      // at most so many, 1 to 1,000; other values are brought into the range
	Severity Severity // this severity or above
	Exact    bool     // exactly Severity
	User     string   // about this user; "" for all
	Detector string   // led by this detector; "" for all
	Alert    string   // of the alert with this ID; "" for all
	All      bool     // also alerts that did not need attention
	Latest   bool     // only the latest version of each alert
}

// Changes returns the changes that a filter selects, by place.
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
	rows, err := s.db.QueryContext(ctx,
		"SELECT seq, at, shown, body FROM change WHERE "+strings.Join(where, " AND ")+" ORDER BY seq "+order+" LIMIT ?",
		args...)
	if err != nil {
		return nil, fmt.Errorf("alert: list changes: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var c Change
		var at int64
		var body []byte
		if err := rows.Scan(&c.Seq, &at, &c.Shown, &body); err != nil {
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

// NewestChange returns the place of the newest change, also if that was deleted since; 0 if there was none.
func (s *Store) NewestChange(ctx context.Context) (seq int64, err error) {
	if err = s.db.QueryRowContext(ctx, "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'change'").Scan(&seq); err != nil {
		err = fmt.Errorf("alert: read newest change: %w", err)
	}
	return seq, err
}

// IDOf returns the id that begins with a text, if exactly one does; "" otherwise.
func (s *Store) IDOf(ctx context.Context, prefix string) (string, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT id FROM alert WHERE id >= ?1 AND id < ?1 || 'g' LIMIT 2", prefix)
	if err != nil {
		return "", fmt.Errorf("alert: find alert: %w", err)
	}
	defer rows.Close()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return "", fmt.Errorf("alert: find alert: %w", err)
		}
		ids = append(ids, id)
	}
	if len(ids) != 1 {
		return "", rows.Err()
	}
	return ids[0], rows.Err()
}

// ByID returns the current versions of the alerts with the given ids, as far as they are stored, by id.
func (s *Store) ByID(ctx context.Context, ids []string) (map[string]Alert, error) {
	which, err := json.Marshal(ids)
	if err != nil {
		return nil, fmt.Errorf("alert: list alerts: %w", err)
	}
	list, err := s.alerts(ctx, "WHERE id IN (SELECT value FROM json_each(?))", nil, string(which))
	if err != nil {
		return nil, err
	}
	all := make(map[string]Alert, len(list))
	for i := range list {
		all[list[i].ID] = list[i]
	}
	return all, nil
}

// FirstShown returns when an alert was first shown to people, as far back as versions are kept; zero if it
// was not.
func (s *Store) FirstShown(ctx context.Context, id string) (time.Time, error) {
	var at sql.NullInt64
	err := s.db.QueryRowContext(ctx, "SELECT min(at) FROM change WHERE alert = ? AND shown", id).Scan(&at)
	if err != nil || !at.Valid {
		return time.Time{}, err
	}
	return time.UnixMilli(at.Int64).UTC(), nil
}

// Current returns the latest versions of alerts in the feed, by ID. Those that the feed does not have are left out.
func (s *Store) Current(ctx context.Context, ids ...string) (map[string]Change, error) {
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, fmt.Errorf("alert: read current alerts: %w", err)
	}
	rows, err := s.db.QueryContext(ctx, "SELECT seq, at, body FROM change WHERE seq IN (SELECT max(seq) FROM change "+
		"WHERE alert IN (SELECT value FROM json_each(?)) GROUP BY alert)", string(list))
	if err != nil {
		return nil, fmt.Errorf("alert: read current alerts: %w", err)
	}
	defer rows.Close()
	all := map[string]Change{}
	for rows.Next() {
		var c Change
		var at int64
		var body []byte
		if err := rows.Scan(&c.Seq, &at, &body); err != nil {
			return nil, fmt.Errorf("alert: read current alerts: %w", err)
		}
		if err := json.Unmarshal(body, &c.Alert); err != nil {
			return nil, fmt.Errorf("alert: read current alerts: %w", err)
		}
		c.At = time.UnixMilli(at).UTC()
		all[c.Alert.ID] = c
	}
	return all, rows.Err()
}

// keepChanges is for how long the feed keeps superseded versions.
const keepChanges = 90 * 24 * time.Hour

// PruneChanges deletes superseded versions that are older than keepChanges.
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

// Users returns the users with an alert, sorted.
func (s *Store) Users(ctx context.Context) ([]string, error) {
	return s.texts(ctx, "SELECT DISTINCT user FROM alert WHERE user <> '' ORDER BY user")
}

// KnownUsers returns all users about whom anything is stored, sorted: alerts, daily summaries,
// or that they leave.
func (s *Store) KnownUsers(ctx context.Context) ([]string, error) {
	return s.texts(ctx,
		"SELECT user FROM alert WHERE user <> '' UNION SELECT user FROM change WHERE user <> '' "+
			"UNION SELECT user FROM activity UNION SELECT user FROM leaver ORDER BY user")
}

// Services returns the service accounts with an alert.
func (s *Store) Services(ctx context.Context) (map[string]bool, error) {
	list, err := s.texts(ctx, "SELECT DISTINCT user FROM alert WHERE user <> '' AND instr(CAST(body AS TEXT), '\"service\":true') > 0")
	services := map[string]bool{}
	for _, u := range list {
		services[strings.ToLower(u)] = true
	}
	return services, err
}

// ActiveUsers returns the users with an alert or a daily summary, sorted.
func (s *Store) ActiveUsers(ctx context.Context) ([]string, error) {
	return s.texts(ctx, "SELECT user FROM alert WHERE user <> '' UNION SELECT user FROM activity ORDER BY user")
}

// texts returns the texts that a query selects.
func (s *Store) texts(ctx context.Context, which string, args ...any) (list []string, err error) {
	rows, err := s.db.QueryContext(ctx, which, args...)
	if err != nil {
		return nil, fmt.Errorf("alert: list users and alerts: %w", err)
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

// All returns the current alerts, ranked, without withdrawn ones.
func (s *Store) All(ctx context.Context) ([]Alert, error) {
	list, err := s.alerts(ctx, "", nil)
	Rank(list)
	return list, err
}

// alerts returns the alerts that an SQL condition selects, without those that are withdrawn or
// that keep, which may be nil, rejects.
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
