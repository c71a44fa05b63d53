package feed

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/outflow/outflow/alert"
)

// proposal is what one person wants to do with an alert, and a second one has to want, too.
type proposal struct {
	Alert string
	Kind  string // closing or suppressing
	Value string // the status that it is closed as, or the days
	At    time.Time
	Who   string

	identity string // of Who
}

// The kinds of proposals.
const (
	closing     = "close"
	suppressing = "suppress"
)

// Text says what waits, for the page of the alert.
func (p proposal) Text() string {
	if p.Kind == suppressing {
		return fmt.Sprintf("%s proposed to suppress similar alerts for %s days. They are suppressed once a second person does the same.",
			p.Who, p.Value)
	}
	return fmt.Sprintf("%s proposed to close it as %s. It is closed once a second person does the same.",
		p.Who, strings.ToLower(Status(p.Value).Title()))
}

// closes reports whether a status ends the work on an alert.
func (s Status) closes() bool { return s != Undecided && s != Acknowledged }

// proposal returns what waits for a second person; nil for nothing.
func (s *Store) proposal(ctx context.Context, alert, kind string) (*proposal, error) {
	p := proposal{Alert: alert, Kind: kind}
	var at int64
	err := s.db.QueryRowContext(ctx, "SELECT value, at, who, identity FROM proposal WHERE alert = ? AND kind = ?", alert, kind).Scan(
		&p.Value, &at, &p.Who, &p.identity)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("feed: read proposal: %w", err)
	}
	p.At = time.UnixMilli(at).UTC()
	return &p, nil
}

// propose stores what waits for a second person, instead of what waited before.
func (s *Store) propose(ctx context.Context, p *proposal) error {
	_, err := s.db.ExecContext(ctx, "INSERT OR REPLACE INTO proposal (alert, kind, value, at, who, identity) VALUES (?, ?, ?, ?, ?, ?)",
		p.Alert, p.Kind, p.Value, p.At.UnixMilli(), p.Who, p.identity)
	if err != nil {
		return fmt.Errorf("feed: store proposal: %w", err)
	}
	return nil
}

// dropProposal forgets what waits for a second person.
func (s *Store) dropProposal(ctx context.Context, alert, kind string) error {
	if _, err := s.db.ExecContext(ctx, "DELETE FROM proposal WHERE alert = ? AND kind = ?", alert, kind); err != nil {
		return fmt.Errorf("feed: delete proposal: %w", err)
	}
	return nil
}

// second finds out who wanted the same before. It returns nil if what a reader wants has to wait for a second person, and
// who the first one was if it need not. What requires one person alone has the reader as the first.
func (s *Server) second(ctx context.Context, a *alert.Alert, kind, value string, who *reader) (first *proposal, err error) {
	own := &proposal{Alert: a.ID, Kind: kind, Value: value, At: s.Now(), Who: who.Name, identity: who.Identity()}
	if s.TwoPeople == nil || !s.TwoPeople(a.Severity) {
		return own, nil
	}
	if s.SignOn != nil && !who.person().proven() {
		return nil, refuse(http.StatusForbidden,
			"closing or suppressing it requires two people who signed in through the identity provider: a token does not say who holds it")
	}
	return s.Store.agrees(ctx, own, s.SignOn != nil)
}

// agrees returns who proposed the same before, if it is somebody else; nil for nobody.
func (s *Store) agrees(ctx context.Context, own *proposal, signOn bool) (first *proposal, err error) {
	first, err = s.proposal(ctx, own.Alert, own.Kind)
	if err != nil || first == nil || first.Value != own.Value {
		return nil, err
	}
	if mayAgree(signOn, person{first.Who, first.identity}, person{own.Who, own.identity}, "") != nil {
		return nil, nil
	}
	return first, nil
}

// settle finds out whether a decision that closes an alert holds, or has to wait for a second person. If it has to wait, it
// becomes a decision that keeps the alert open. With is what the audit log adds about the first person.
func (s *Server) settle(ctx context.Context, a *alert.Alert, t, before *Triage, who *reader) (waits bool, with string, err error) {
	first, err := s.second(ctx, a, closing, string(t.Status), who)
	switch {
	case err != nil:
		return false, "", err
	case first != nil && first.identity != who.Identity():
		return false, ", as " + first.Who + " proposed", nil
	case first != nil:
		s.tell(a, "alert closed", who)
		return false, "", nil
	}
	if err := s.wait(ctx, a, closing, string(t.Status), who); err != nil {
		return false, "", err
	}
	t.wait(before)
	return true, "", nil
}

// wait makes a decision that closes an alert one that proposes to close it: it keeps it open.
func (t *Triage) wait(before *Triage) {
	if note := "Proposed to close as " + strings.ToLower(t.Status.Title()) + ". " + t.Note; !longer(note, maxNote) {
		t.Note = strings.TrimSpace(note)
	}
	if t.Status, t.DuplicateOf = before.Status, before.DuplicateOf; t.Status == Undecided {
		t.Status = Acknowledged
	}
}

// wait has what a reader wants wait for a second person. It is written to the audit log first.
func (s *Server) wait(ctx context.Context, a *alert.Alert, kind, value string, who *reader) error {
	what := "proposed to close alert " + who.mask.ID(a.ID) + " as " + value
	if kind == suppressing {
		what = "proposed to suppress alerts like " + who.mask.ID(a.ID) + " for " + value + " days"
	}
	if err := s.Store.LogAccess(ctx, s.Now(), who.Name, who.Role, what); err != nil {
		return err
	}
	return s.Store.propose(ctx, &proposal{Alert: a.ID, Kind: kind, Value: value, At: s.Now(), Who: who.Name, identity: who.Identity()})
}

// tell logs that one person alone has closed or suppressed a severe alert, for whoever watches the daemon's log.
func (s *Server) tell(a *alert.Alert, what string, who *reader) {
	if a.Severity >= alert.High {
		s.Log.Warn(what+" by one person", "alert", who.mask.ID(a.ID), "severity", a.Severity, "who", who.Name)
	}
}
