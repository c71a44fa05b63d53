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

// Suppression says what people are not told again for a while, because it was looked
// into and is no matter. It is about telling alone: whom it is about is judged as before,
// the alerts are kept, and one that another detector has a part in, or that is more
// severe, is told.
type Suppression struct {
	ID        int64     `json:"id,omitempty"`
	User      string    `json:"user"`
	Detectors []string  `json:"detectors"` // alerts that these alone speak in
	Severity  Severity  `json:"severity"`  // at most
	Owner     string    `json:"owner"`     // who answers for it
	Reason    string    `json:"reason"`
	Alert     string    `json:"alert"` // id of the one that it came from
	Made      time.Time `json:"made"`
	Expires   time.Time `json:"expires"`
	Ended     time.Time `json:"ended,omitzero"` // when somebody ended it before
	EndedBy   string    `json:"ended_by,omitempty"`
}

// LongestSuppression is for how long one may hold at most: what goes on for longer is an
// exception of the configuration.
const LongestSuppression = 180 * 24 * time.Hour

// ErrNotSuppressible says that an alert cannot be suppressed.
var ErrNotSuppressible = errors.New("alerts about logs that are switched off, or missing, cannot be suppressed")

// errNoDetectors says that it is not known which alerts cannot be suppressed.
var errNoDetectors = errors.New("nothing can be suppressed: the detectors are not known")

// suppressible is an error if alerts of some detectors cannot be suppressed.
func suppressible(detectors []string, known finding.Detectors) error {
	switch {
	case len(known) == 0:
		return errNoDetectors
	case known.Any(detectors, finding.NeverSuppressed):
		return ErrNotSuppressible
	}
	return nil
}

// Suggest is the narrowest suppression that would have kept an alert from being told. Known are
// all detectors. The error is ErrNever if one of those in the alert is never suppressed.
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

// Matches says whether an alert is one of those that are not told. Known are all detectors.
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

// InForce says whether it is in force.
func (s *Suppression) InForce(now time.Time) bool { return s.Ended.IsZero() && now.Before(s.Expires) }

// Until is when it ends, or has ended.
func (s *Suppression) Until() time.Time {
	if s.Ended.IsZero() {
		return s.Expires
	}
	return s.Ended
}

// Suppress puts a suppression into force and returns its id. Known are all detectors. The error
// is ErrNever if one of those of the suppression is never suppressed.
func (s *Store) Suppress(ctx context.Context, p *Suppression, known finding.Detectors) (int64, error) {
	never := suppressible(p.Detectors, known)
	switch {
	case strings.TrimSpace(p.Owner) == "" || strings.TrimSpace(p.Reason) == "":
		return 0, errors.New("a suppression needs an owner and a reason")
	case len(p.Detectors) == 0:
		return 0, errors.New("a suppression needs detectors")
	case never != nil:
		return 0, never
	case !p.Expires.After(p.Made) || p.Expires.Sub(p.Made) > LongestSuppression:
		return 0, fmt.Errorf("a suppression ends within %d days", int(LongestSuppression.Hours())/24)
	}
	res, err := s.db.ExecContext(ctx,
		"INSERT INTO suppression (user, detectors, severity, owner, reason, source, made, expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		p.User, strings.Join(p.Detectors, " "), p.Severity, p.Owner, p.Reason, p.Alert, p.Made.UnixMilli(), p.Expires.UnixMilli())
	if err != nil {
		return 0, fmt.Errorf("alert: store suppression: %w", err)
	}
	return res.LastInsertId()
}

// EndSuppression ends one before its time. It returns false if there is none, or it has
// ended.
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

// Suppressions lists all of them, the latest first.
func (s *Store) Suppressions(ctx context.Context) ([]Suppression, error) {
	return suppressions(ctx, s.db)
}

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

// Suppressed lists the alerts about whom a suppression is that it would keep from being
// told, of those raised from one moment on until another, the first first: before it is
// in force that is its backtest, afterwards what it has done.
func (s *Store) Suppressed(ctx context.Context, p *Suppression, known finding.Detectors, from, until time.Time) ([]Alert, error) {
	matches := func(a *Alert) bool { return p.Matches(a, known) }
	return s.alerts(ctx, "WHERE user = ? AND time >= ? AND time < ? ORDER BY time, id", matches,
		p.User, from.UnixMilli(), until.UnixMilli())
}
