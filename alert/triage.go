package alert

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/outflow/outflow/internal/plain"
	"github.com/outflow/outflow/internal/sqlitedb"
)

// TriageStatus says how far people are with an alert, in the words of OCSF.
type TriageStatus string

// The statuses.
const (
	TriageNew        TriageStatus = "new"         // nobody works on it: nothing was decided, or it was reopened
	TriageInProgress TriageStatus = "in_progress" // somebody has acknowledged it
	TriageSuppressed TriageStatus = "suppressed"  // a suppression was made from it, and is in force
	TriageResolved   TriageStatus = "resolved"    // closed with a Verdict
)

// Verdict is what a closed alert turned out to be.
type Verdict string

// The verdicts.
const (
	VerdictTrue      Verdict = "true_positive"  // the activity was a risk
	VerdictBenign    Verdict = "benign"         // it happened, and was legitimate
	VerdictFalse     Verdict = "false_positive" // it did not happen, or says nothing
	VerdictDuplicate Verdict = "duplicate"      // another alert reports it
)

// Triage is what people have decided about an alert, as channels tell it. Notes stay in the feed.
type Triage struct {
	Number   int          `json:"number"`             // of the decision, from 1: a later one about the same alert has a higher number
	Status   TriageStatus `json:"status"`             // how far people are
	Verdict  Verdict      `json:"verdict,omitempty"`  // what the alert turned out to be; "" unless it was closed
	Assignee string       `json:"assignee,omitempty"` // who works on it; "" for nobody, and for readers under pseudonyms
	By       string       `json:"by,omitempty"`       // who decided; "" for readers under pseudonyms
	At       time.Time    `json:"at"`                 // when it was decided
}

// verdicts are the words for them that people read.
var verdicts = map[Verdict]string{
	VerdictTrue:      "true positive",
	VerdictBenign:    "benign",
	VerdictFalse:     "false positive",
	VerdictDuplicate: "duplicate",
}

// sentence says what was decided, given the status of before.
func (t *Triage) sentence(before TriageStatus) string {
	by := ""
	if t.By != "" {
		by = " by " + t.By
	}
	switch {
	case t.Status == TriageResolved && t.Verdict != "":
		return "Closed" + by + ": " + verdicts[t.Verdict] + "."
	case t.Status == TriageResolved:
		return "Closed" + by + "."
	case t.Status == TriageSuppressed:
		return "Suppressed" + by + ": alerts like this one are muted for a while."
	case t.Status == cmp.Or(before, TriageNew) && t.Assignee != "":
		return "Assigned to " + t.Assignee + "."
	case t.Status == cmp.Or(before, TriageNew):
		return "Assigned anew."
	case t.Status == TriageInProgress:
		return "Acknowledged" + by + ": somebody works on it."
	}
	return "Reopened" + by + "."
}

// Title says how far people are, and with what verdict, in a few words.
func (t *Triage) Title() string {
	switch {
	case t.Status == TriageResolved && t.Verdict != "":
		return "closed, " + verdicts[t.Verdict]
	case t.Status == TriageResolved:
		return "closed"
	case t.Status == TriageSuppressed:
		return "suppressed"
	case t.Status == TriageInProgress && t.Assignee != "":
		return "in progress, " + t.Assignee
	case t.Status == TriageInProgress:
		return "in progress"
	}
	return "new"
}

// Done reports whether nobody needs to work on the alert any more: it was closed, suppressed or withdrawn.
func (a *Alert) Done() bool {
	return a.Withdrawn || a.Triage != nil && (a.Triage.Status == TriageResolved || a.Triage.Status == TriageSuppressed)
}

// decisionsText counts the decisions about several alerts, by what was decided.
func (m *Message) decisionsText() string {
	count := map[string]int{}
	for _, a := range append([]Alert{m.Alert}, m.Others...) {
		if a.Triage != nil {
			count[(&Triage{Status: a.Triage.Status, Verdict: a.Triage.Verdict}).Title()]++
		}
	}
	var parts []string
	for _, title := range slices.Sorted(maps.Keys(count)) {
		parts = append(parts, plain.Count(count[title])+" "+title)
	}
	return plain.CountOf(1+len(m.Others), "alert", "alerts") + " triaged: " + strings.Join(parts, "; ")
}

// Key identifies what is said of an alert: a later revision, and a later decision, has another.
func (a *Alert) Key() string {
	if a.Triage == nil {
		return fmt.Sprintf("%s.%d", a.ID, a.Revision)
	}
	return fmt.Sprintf("%s.%d.%d", a.ID, a.Revision, a.Triage.Number)
}

// Decided is a decision about an alert, as it is known where decisions are made. Its Number is not set.
type Decided struct {
	Alert string // ID of the alert
	Triage
}

// DecisionsRead returns up to which decision channels were told; false if none was read yet.
func (s *Store) DecisionsRead(ctx context.Context) (seq int64, known bool, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT seq FROM decisions_read").Scan(&seq)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("alert: read progress of decisions: %w", err)
	}
	return seq, true, nil
}

// ApplyDecisions takes the latest decisions about alerts, up to a place in their order, and queues them for the channels
// that were told of the alerts. A suppression in force shows as the status of the alert that it was made from. A decision
// that changes nothing is not told. What routes match does not matter.
func (s *Store) ApplyDecisions(ctx context.Context, upTo int64, list []Decided, routes []Route, now time.Time) error {
	err := sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		for i := range list {
			if err := applyDecision(ctx, tx, &list[i], routes, now); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx,
			"INSERT INTO decisions_read (one, seq) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET seq = excluded.seq", upTo)
		return err
	})
	if err != nil {
		return fmt.Errorf("alert: apply decisions: %w", err)
	}
	return nil
}

// applyDecision takes one decision.
func applyDecision(ctx context.Context, tx *sql.Tx, d *Decided, routes []Route, now time.Time) error {
	var body, items []byte
	err := tx.QueryRowContext(ctx, "SELECT body, (SELECT items FROM evidence WHERE alert = id) FROM alert WHERE id = ?",
		d.Alert).Scan(&body, &items)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // it was erased, or is too old
	}
	if err != nil {
		return err
	}
	before, err := decidedAbout(ctx, tx, d.Alert)
	if err != nil {
		return err
	}
	was := Triage{Status: TriageNew}
	if before != nil {
		was = *before
	}
	t := d.Triage
	if err := suppressed(ctx, tx, d.Alert, &t, now); err != nil {
		return err
	}
	if t.Status == was.Status && t.Verdict == was.Verdict && t.Assignee == was.Assignee {
		return nil
	}
	t.Number = was.Number + 1
	text, err := json.Marshal(&t)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx,
		"INSERT INTO decided (alert, body) VALUES (?, ?) ON CONFLICT (alert) DO UPDATE SET body = excluded.body",
		d.Alert, string(text)); err != nil {
		return err
	}
	var a Alert
	if err := a.unpack(body, items); err != nil {
		return err
	}
	for _, r := range routes {
		before, err := toldThrough(ctx, tx, r.Channel, a.ID)
		if err == nil && before {
			err = queue(ctx, tx, r, &a, true, now)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// inForce selects the suppressions that are in force at a time.
const inForce = "ended = 0 AND expires > ?1"

// suppressed sets the status of an alert from which a suppression in force was made.
func suppressed(ctx context.Context, tx *sql.Tx, alert string, t *Triage, now time.Time) error {
	var owner string
	var made int64
	err := tx.QueryRowContext(ctx,
		"SELECT owner, made FROM suppression WHERE "+inForce+" AND source = ?2 ORDER BY id DESC LIMIT 1",
		now.UnixMilli(), alert).Scan(&owner, &made)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	if t.Status = TriageSuppressed; t.At.UnixMilli() <= made {
		t.By, t.At = owner, time.UnixMilli(made).UTC()
	}
	return nil
}

// SuppressionChanges returns the alerts of which channels have yet to be told that a suppression was made from them, or
// that it has ended.
func (s *Store) SuppressionChanges(ctx context.Context, now time.Time) ([]string, error) {
	const told = "SELECT alert FROM decided WHERE body ->> 'status' = 'suppressed'"
	const held = "SELECT source FROM suppression WHERE source <> '' AND " + inForce
	return s.texts(ctx, held+" AND source NOT IN ("+told+") UNION "+told+" AND alert NOT IN ("+held+")", now.UnixMilli())
}

// decidedAbout returns what was decided about an alert; nil for nothing.
func decidedAbout(ctx context.Context, tx *sql.Tx, alert string) (*Triage, error) {
	var body []byte
	err := tx.QueryRowContext(ctx, "SELECT body FROM decided WHERE alert = ?", alert).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var t Triage
	return &t, json.Unmarshal(body, &t)
}
