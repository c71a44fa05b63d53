package feed

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/outflow/outflow/alert/report"
)

// MarkReviewed stores that somebody has checked the review of a user.
func (s *Store) MarkReviewed(ctx context.Context, user, who string, at time.Time, r *report.Review) error {
	_, err := s.db.ExecContext(ctx, "INSERT INTO review (user, at, who, verdict, print) VALUES (?, ?, ?, ?, ?)",
		strings.ToLower(user), at.UnixMilli(), who, string(r.Verdict), r.Print())
	if err != nil {
		return fmt.Errorf("feed: store who has checked a review: %w", err)
	}
	return nil
}

// Reviewed returns who has checked the reviews of users last, by account in lower case.
func (s *Store) Reviewed(ctx context.Context) (map[string]report.Check, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT user, at, who, print FROM review WHERE seq IN (SELECT max(seq) FROM review GROUP BY user)")
	if err != nil {
		return nil, fmt.Errorf("feed: list who has checked reviews: %w", err)
	}
	defer rows.Close()
	all := map[string]report.Check{}
	for rows.Next() {
		var user string
		var at int64
		var c report.Check
		if err := rows.Scan(&user, &at, &c.By, &c.Print); err != nil {
			return nil, fmt.Errorf("feed: list who has checked reviews: %w", err)
		}
		c.At = time.UnixMilli(at).UTC()
		all[user] = c
	}
	return all, rows.Err()
}
