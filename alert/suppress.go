package alert

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/outflow/outflow/internal/finding"
)

// Suppression mutes notifications about one user's alerts that were triaged as benign. It
// affects notifications alone: the user is scored as before and alerts are stored. An alert to
// which another detector contributes, or that is more severe, is sent.
type Suppression struct {
	ID        int64     `json:"id,omitempty"`       // from 1; 0 before it is stored
	User      string    `json:"user"`               // the user that it is about
	Detectors []string  `json:"detectors"`          // it covers alerts to which only these contribute
	Severity  Severity  `json:"severity"`           // the highest severity that it covers
	Owner     string    `json:"owner"`              // who is responsible for it
	Reason    string    `json:"reason"`             // in the owner's words
	Alert     string    `json:"alert"`              // ID of the alert that it was made from
	Made      time.Time `json:"made"`               // when it was made
	Expires   time.Time `json:"expires"`            // when it ends by itself
	Ended     time.Time `json:"ended,omitzero"`     // when it was ended early; zero if it was not
	EndedBy   string    `json:"ended_by,omitempty"` // who ended it early
}

// LongestSuppression is the longest that a suppression may last. Activity that goes on for
// longer needs an exception in the configuration.
const LongestSuppression = 180 * 24 * time.Hour

// ErrNotSuppressible is the error of Suggest and Suppress for detectors whose alerts are always
// sent.
var ErrNotSuppressible = errors.New("alerts about logs that are switched off, or missing, cannot be suppressed")

// errNoDetectors is returned where it is not known which detectors may be suppressed.
var errNoDetectors = errors.New("nothing can be suppressed: the detectors are unknown")

// suppressible returns an error unless alerts of all the detectors may be suppressed.
func suppressible(detectors []string, known finding.Detectors) error {
	switch {
	case len(known) == 0:
		return errNoDetectors
	case known.Any(detectors, finding.NeverSuppressed):
		return ErrNotSuppressible
	}
	return nil
}

// Suggest returns the narrowest suppression that covers an alert, for 30 days. Known are the
// traits of all detectors. The error is ErrNotSuppressible if one of the alert's detectors is
// never suppressed.
func Suggest(a *Alert, known finding.Detectors, now time.Time) (*Suppression, error) {
	s := &Suppression{
		User:      a.User,
		Detectors: slices.Sorted(slices.Values(a.Detectors)),
		Severity:  a.Severity,
		Alert:     a.ID,
		Made:      now,
		Expires:   now.Add(30 * 24 * time.Hour),
	}
	if err := suppressible(s.Detectors, known); err != nil {
		return nil, err
	}
	return s, nil
}

// Matches reports whether the suppression covers an alert, in force or not. Known are the
// traits of all detectors.
func (s *Suppression) Matches(a *Alert, known finding.Detectors) bool {
	if a.User != s.User || a.Severity > s.Severity || len(a.Detectors) == 0 || suppressible(a.Detectors, known) != nil {
		return false
	}
	for _, d := range a.Detectors {
		if !slices.Contains(s.Detectors, d) {
			return false
		}
	}
	return true
}

// InForce reports whether the suppression is in force at a time.
func (s *Suppression) InForce(now time.Time) bool { return s.Ended.IsZero() && now.Before(s.Expires) }

// Until returns when the suppression ends, or ended.
func (s *Suppression) Until() time.Time {
	if s.Ended.IsZero() {
		return s.Expires
	}
	return s.Ended
}

// Check returns what a suppression lacks: an owner, a reason, detectors, and an end within LongestSuppression. It is
// ErrNotSuppressible if one of the detectors is never suppressed. Known are the traits of all detectors.
func (s *Suppression) Check(known finding.Detectors) error {
	never := suppressible(s.Detectors, known)
	switch {
	case strings.TrimSpace(s.Owner) == "" || strings.TrimSpace(s.Reason) == "":
		return errors.New("a suppression requires an owner and a reason")
	case len(s.Detectors) == 0:
		return errors.New("a suppression requires detectors")
	case never != nil:
		return never
	case !s.Expires.After(s.Made) || s.Expires.Sub(s.Made) > LongestSuppression:
		return fmt.Errorf("a suppression must end within %d days", int(LongestSuppression.Hours())/24)
	}
	return nil
}

// Suppress stores a suppression, which it checks, and returns its id.
func (s *Store) Suppress(ctx context.Context, p *Suppression, known finding.Detectors) (int64, error) {
	if err := p.Check(known); err != nil {
		return 0, err
	}
	res, err := s.db.ExecContext(ctx,
		"INSERT INTO suppression (user, detectors, severity, owner, reason, source, made, expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		p.User, strings.Join(p.Detectors, " "), p.Severity, p.Owner, p.Reason, p.Alert, p.Made.UnixMilli(), p.Expires.UnixMilli())
	if err != nil {
		return 0, fmt.Errorf("alert: store suppression: %w", err)
	}
	return res.LastInsertId()
}

// EndSuppression ends a suppression early. It returns false if there is none with this id, or
// it is not in force any more.
func (s *Store) EndSuppression(ctx context.Context, id int64, who string, now time.Time) (bool, error) {
	res, err := s.db.ExecContext(ctx,
		"UPDATE suppression SET ended = ?, ended_by = ? WHERE id = ? AND ended = 0 AND expires > ?",
		now.UnixMilli(), who, id, now.UnixMilli())
	if err != nil {
		return false, fmt.Errorf("alert: end suppression: %w", err)
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// Suppressions returns all suppressions, also those that have ended, the latest first.
func (s *Store) Suppressions(ctx context.Context) ([]Suppression, error) {
	return suppressions(ctx, s.db)
}

// suppressions returns all suppressions, in a transaction or not, the latest first.
func suppressions(ctx context.Context, db interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}) (list []Suppression, err error) {
	rows, err := db.QueryContext(ctx,
		"SELECT id, user, detectors, severity, owner, reason, source, made, expires, ended, ended_by FROM suppression ORDER BY id DESC")
	if err != nil {
		return nil, fmt.Errorf("alert: list suppressions: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var p Suppression
		var detectors string
		var made, expires, ended int64
		if err := rows.Scan(&p.ID, &p.User, &detectors, &p.Severity, &p.Owner, &p.Reason, &p.Alert, &made, &expires, &ended,
			&p.EndedBy); err != nil {
			return nil, fmt.Errorf("alert: list suppressions: %w", err)
		}
		p.Detectors, p.Made, p.Expires = strings.Fields(detectors), time.UnixMilli(made).UTC(), time.UnixMilli(expires).UTC()
		if ended > 0 {
			p.Ended = time.UnixMilli(ended).UTC()
		}
		list = append(list, p)
	}
	return list, rows.Err()
}

// Suppressed returns the alerts that a suppression covers among those raised from one time
// until before another, the earliest first. Before the suppression is in force this is its
// backtest; afterwards it is what it muted.
func (s *Store) Suppressed(ctx context.Context, p *Suppression, known finding.Detectors, from, until time.Time) ([]Alert, error) {
	matches := func(a *Alert) bool { return p.Matches(a, known) }
	return s.alerts(ctx, "WHERE user = ? AND time >= ? AND time < ? ORDER BY time, id", matches,
		p.User, from.UnixMilli(), until.UnixMilli())
}
