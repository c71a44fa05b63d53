package feed

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/outflow/outflow/alert"
)

// RequireTwo stores from which severity on closing an alert requires two people, "" for none, and whether an identity
// provider vouches for them. DecideBeside obeys it.
func (s *Store) RequireTwo(ctx context.Context, severity string, signOn bool) error {
	_, err := s.db.ExecContext(ctx, "INSERT OR REPLACE INTO two_people (one, severity, sign_on) VALUES (1, ?, ?)", severity, signOn)
	if err != nil {
		return fmt.Errorf("feed: store who closes alerts: %w", err)
	}
	return nil
}

// requiresTwo reports what RequireTwo has stored about an alert.
func (s *Store) requiresTwo(ctx context.Context, a *alert.Alert) (two, signOn bool, err error) {
	var severity string
	err = s.db.QueryRowContext(ctx, "SELECT severity, sign_on FROM two_people").Scan(&severity, &signOn)
	if errors.Is(err, sql.ErrNoRows) || err == nil && severity == "" {
		return false, false, nil
	}
	var from alert.Severity
	if err == nil {
		from, err = alert.ParseSeverity(severity)
	}
	if err != nil {
		return false, false, fmt.Errorf("feed: read who closes alerts: %w", err)
	}
	return a.Severity >= from, signOn, nil
}

// DecideBeside stores a decision that somebody with an account of this machine makes about an alert, beside the feed, and
// writes it to the audit log first. Shown is the id of the alert there. It reports whether the decision waits for a second
// person, as it would in the feed; until then somebody works on the alert. Who decides is what they say: two of them are
// two accounts.
func (s *Store) DecideBeside(ctx context.Context, t Triage, a *alert.Alert, account, shown string) (waits bool, err error) {
	if err := t.check(); err != nil {
		return false, err
	}
	standing, err := s.LatestDecisions(ctx, a.ID)
	if err != nil {
		return false, err
	}
	before := standing[a.ID]
	before.Status = cmp.Or(before.Status, Undecided)
	changes, with := t.Status != before.Status, ""
	if changes && t.Status.closes() {
		two, signOn, err := s.requiresTwo(ctx, a)
		if err != nil {
			return false, err
		}
		if two {
			own := &proposal{Alert: a.ID, Kind: closing, Value: string(t.Status), At: t.At, Who: t.Who, identity: accountIdentity + account}
			if waits, with, err = s.settleBeside(ctx, own, signOn, shown); err != nil {
				return false, err
			}
		}
	}
	if waits {
		t.wait(&before)
	}
	if err := s.LogAccess(ctx, t.At, t.Who, Admin, "decided "+string(t.Status)+" about alert "+shown+with); err != nil {
		return false, err
	}
	if err := s.Decide(ctx, t, a); err != nil {
		return false, err
	}
	if changes && !waits {
		err = s.dropProposal(ctx, a.ID, closing)
	}
	return waits, err
}

// settleBeside finds out whether somebody else proposed the same. If nobody did, what is proposed waits.
func (s *Store) settleBeside(ctx context.Context, own *proposal, signOn bool, shown string) (waits bool, with string, err error) {
	if signOn {
		return false, "", errors.New("feed: closing it requires two people who signed in to the feed through the identity provider: " +
			"an account of this machine does not say who uses it")
	}
	first, err := s.agrees(ctx, own, false)
	if err != nil {
		return false, "", err
	}
	if first != nil {
		return false, ", as " + first.Who + " proposed", nil
	}
	if err := s.LogAccess(ctx, own.At, own.Who, Admin, "proposed to close alert "+shown+" as "+own.Value); err != nil {
		return false, "", err
	}
	return true, "", s.propose(ctx, own)
}

// LogVerified writes that somebody verified the audit log, and found it whole.
func (s *Store) LogVerified(ctx context.Context, at time.Time, who string, lines int64) error {
	return s.LogAccess(ctx, at, who, Admin, fmt.Sprintf("verified the audit log: whole up to line %d", lines))
}
