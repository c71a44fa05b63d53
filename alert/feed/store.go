// Package feed serves alerts to security teams: as an API with a stable cursor, as a stream,
// and as pages. It stores their triage. People appear as pseudonyms. Every access is recorded
// in an audit log whose lines are chained, so that removing or changing one is detected.
//
// It owns feed.db: tokens, triage and the audit log.
package feed

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"embed"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/sqlitedb"
)

//go:embed migrations/*.sql
var scripts embed.FS

// Store is an open feed.db.
type Store struct {
	db  *sql.DB
	key []byte // of the audit log's chain
}

// Open opens the file, and creates or migrates it. The key authenticates the lines of the audit
// log: without it, nobody who can write to the file can forge one.
func Open(ctx context.Context, path string, key []byte) (*Store, error) {
	db, err := sqlitedb.Open(ctx, path, scripts, sqlitedb.Full, sqlitedb.Cache(64)) // the queue of 100,000 alerts fits
	if err != nil {
		return nil, fmt.Errorf("feed: open store: %w", err)
	}
	return &Store{db, key}, nil
}

// OpenReadOnly opens an existing file for reading, as it is at this moment, while another
// process may write to it. Only Verify needs the key. Methods that write return an error.
func OpenReadOnly(ctx context.Context, path string, key []byte) (*Store, error) {
	db, err := sqlitedb.OpenReadOnly(ctx, path, scripts)
	if err != nil {
		return nil, fmt.Errorf("feed: open store read-only: %w", err)
	}
	return &Store{db, key}, nil
}

// Close closes the file.
func (s *Store) Close() error { return s.db.Close() }

// Role is what the holder of a token may see and do.
type Role string

// The roles. None of them sees names; SOC and HR have different pseudonyms.
const (
	SOC     Role = "soc"     // reads and triages alerts
	HR      Role = "hr"      // reads the reviews of leavers
	Privacy Role = "privacy" // approves requests for names, and reads the audit log
	Auditor Role = "auditor" // reads the audit log, no alerts
	Admin   Role = "admin"   // reads the daemon's health and its channels, and revokes tokens; no alerts
)

// Roles are all roles.
var Roles = []Role{SOC, HR, Privacy, Auditor, Admin}

// Token is the right to use the feed.
type Token struct {
	Name    string    `json:"name"`              // of the user or program that holds it
	Role    Role      `json:"role"`              // what the holder may do
	Made    time.Time `json:"made"`              // when it was created
	Expires time.Time `json:"expires"`           // when it stops being valid
	Revoked bool      `json:"revoked,omitempty"` // whether it was revoked before
	Used    time.Time `json:"used,omitzero"`     // when it was last used, to the minute; zero if that is not known
	Session bool      `json:"session,omitempty"` // of somebody who signed in, which ends when they sign out
	Issuer  string    `json:"issuer,omitempty"`  // identity provider of a session
	Subject string    `json:"subject,omitempty"` // who it is, as the provider knows them

	hash   []byte // of its text
	parent []byte // of the token that somebody signed in with; nil unless it is a session of a token
}

// NewToken creates a token that is valid for a time, and returns its text. The text is not
// stored and cannot be shown again. A token without a name or with an unknown role is an error.
func (s *Store) NewToken(ctx context.Context, name string, role Role, now time.Time, life time.Duration) (string, error) {
	return s.issue(ctx, &Token{Name: name, Role: role, Made: now, Expires: now.Add(life)}, "")
}

// ErrToken is returned for a text that is no token, and for a token that was revoked or has
// expired.
var ErrToken = errors.New("feed: the token is not valid")

// Check returns the valid token with a text, or ErrToken.
func (s *Store) Check(ctx context.Context, text string, now time.Time) (*Token, error) {
	hash := sha256.Sum256([]byte(text))
	var stored []byte
	var t Token
	var made, expires, used int64
	err := s.db.QueryRowContext(ctx,
		"SELECT hash, name, role, made, expires, revoked, used, parent, issuer, subject FROM token WHERE hash = ?",
		hash[:]).Scan(&stored, &t.Name, &t.Role, &made, &expires, &t.Revoked, &used, &t.parent, &t.Issuer, &t.Subject)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, ErrToken
	case err != nil:
		return nil, fmt.Errorf("feed: check token: %w", err)
	case subtle.ConstantTimeCompare(stored, hash[:]) != 1, t.Revoked, now.UnixMilli() >= expires:
		return nil, ErrToken
	}
	t.Made, t.Expires = time.UnixMilli(made).UTC(), time.UnixMilli(expires).UTC()
	t.hash, t.Session = stored, t.parent != nil || t.Subject != ""
	if now.Sub(time.UnixMilli(used)) >= time.Minute {
		if _, err := s.db.ExecContext(ctx, "UPDATE token SET used = ? WHERE hash = ?", now.UnixMilli(), hash[:]); err != nil {
			return nil, fmt.Errorf("feed: note use of token: %w", err)
		}
	}
	return &t, nil
}

// Tokens returns all tokens, also invalid ones, the oldest first.
func (s *Store) Tokens(ctx context.Context) (list []Token, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT name, role, made, expires, revoked, used, parent, issuer, subject "+
		"FROM token ORDER BY made, name")
	if err != nil {
		return nil, fmt.Errorf("feed: list tokens: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var t Token
		var made, expires, used int64
		if err := rows.Scan(&t.Name, &t.Role, &made, &expires, &t.Revoked, &used, &t.parent, &t.Issuer, &t.Subject); err != nil {
			return nil, fmt.Errorf("feed: list tokens: %w", err)
		}
		if t.Made, t.Expires = time.UnixMilli(made).UTC(), time.UnixMilli(expires).UTC(); used > 0 {
			t.Used = time.UnixMilli(used).UTC()
		}
		t.Session = t.parent != nil || t.Subject != ""
		list = append(list, t)
	}
	return list, rows.Err()
}

// Revoke revokes all tokens of a name, and returns how many.
func (s *Store) Revoke(ctx context.Context, name string) (int64, error) {
	res, err := s.db.ExecContext(ctx, "UPDATE token SET revoked = 1, logout = '' WHERE name = ? AND NOT revoked", name)
	if err != nil {
		return 0, fmt.Errorf("feed: revoke token: %w", err)
	}
	return res.RowsAffected()
}

// Status is the result of triage.
type Status string

// The statuses.
const (
	Undecided    Status = "open"         // nobody has decided
	Acknowledged Status = "acknowledged" // somebody works on it
	True         Status = "true"         // the activity was what the alert reports
	BenignTrue   Status = "benign-true"  // it was, and it was legitimate
	False        Status = "false"        // it was not
	Duplicate    Status = "duplicate"    // another alert reports it
)

// Statuses are all statuses.
var Statuses = []Status{Undecided, Acknowledged, True, BenignTrue, False, Duplicate}

// Title returns the status for people, in the words of the field.
func (s Status) Title() string {
	switch s {
	case Acknowledged:
		return "Acknowledged"
	case True:
		return "True positive"
	case BenignTrue:
		return "Benign"
	case False:
		return "False positive"
	case Duplicate:
		return "Duplicate"
	}
	return "Open"
}

// Meaning says in a few words when an alert is closed with the status.
func (s Status) Meaning() string {
	switch s {
	case True:
		return "the activity was a risk"
	case BenignTrue:
		return "it happened, and was legitimate"
	case False:
		return "it did not happen, or says nothing"
	case Duplicate:
		return "another alert reports it"
	}
	return ""
}

// Triage is a decision about an alert.
type Triage struct {
	Alert    string    `json:"-"`                  // ID of the alert
	At       time.Time `json:"at"`                 // when it was decided
	Who      string    `json:"who"`                // name of the token
	Status   Status    `json:"status"`             // the decision
	Assignee string    `json:"assignee,omitempty"` // who works on it; up to 200 bytes
	Note     string    `json:"note,omitempty"`     // the reason; up to 4,000 bytes
	// DuplicateOf is the ID of the alert that reports the same, of a Duplicate; "" where an earlier version did not ask.
	DuplicateOf string `json:"duplicate_of,omitempty"`
	// Since is the time in the data from which on it counts for other alerts: At, or the end of the data if that
	// is earlier. Old events are scored as they were.
	Since time.Time `json:"-"`
	Batch string    `json:"-"` // decisions with the same can be undone in one go; "" for none
}

// told are the statuses as channels tell them.
var told = map[Status]alert.Triage{
	Undecided:    {Status: alert.TriageNew},
	Acknowledged: {Status: alert.TriageInProgress},
	True:         {Status: alert.TriageResolved, Verdict: alert.VerdictTrue},
	BenignTrue:   {Status: alert.TriageResolved, Verdict: alert.VerdictBenign},
	False:        {Status: alert.TriageResolved, Verdict: alert.VerdictFalse},
	Duplicate:    {Status: alert.TriageResolved, Verdict: alert.VerdictDuplicate},
}

// Told returns the decision as channels tell it.
func (t *Triage) Told() alert.Triage {
	out := told[t.Status]
	out.By, out.Assignee, out.At = t.Who, t.Assignee, t.At
	return out
}

// Original returns the short ID of the alert that a duplicate repeats; "" if none is named.
func (t *Triage) Original() string { return t.DuplicateOf[:min(len(t.DuplicateOf), 8)] }

// maxNote is the most characters of a note or reason.
const maxNote = 4000

// longer says whether a text has more characters than a number.
func longer(text string, most int) bool { return utf8.RuneCountInString(text) > most }

// check returns what a decision lacks.
func (t *Triage) check() error {
	switch {
	case !slices.Contains(Statuses, t.Status):
		return fmt.Errorf("feed: status %q: %v", t.Status, Statuses)
	case longer(t.Note, maxNote) || longer(t.Assignee, 200):
		return fmt.Errorf("feed: a note has %d characters at most", maxNote)
	case (t.Status == False || t.Status == BenignTrue) && strings.TrimSpace(t.Note) == "":
		return errors.New("feed: a reason is required to close an alert as false or benign")
	}
	return nil
}

// Decide stores a decision about an alert. An unknown status, a note that is too long, and a False or
// BenignTrue without a note are errors.
func (s *Store) Decide(ctx context.Context, t Triage, a *alert.Alert) error {
	if err := t.check(); err != nil {
		return err
	}
	subjects := []finding.Subject{}
	if a.Receipt != nil {
		subjects = append(subjects, a.Receipt.Subjects...)
	}
	body, err := json.Marshal(subjects)
	if err != nil {
		return fmt.Errorf("feed: store decision: %w", err)
	}
	_, err = s.db.ExecContext(ctx,
		"INSERT INTO triage (alert, at, who, status, assignee, note, detectors, since, subjects, batch, duplicate_of) "+
			"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		a.ID, t.At.UnixMilli(), t.Who, string(t.Status), t.Assignee, t.Note, strings.Join(a.Detectors, " "), t.Since.UnixMilli(),
		string(body), t.Batch, t.DuplicateOf)
	if err != nil {
		return fmt.Errorf("feed: store decision: %w", err)
	}
	return nil
}

// Decisions returns the decisions about an alert, the latest last.
func (s *Store) Decisions(ctx context.Context, alert string) (list []Triage, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT at, who, status, assignee, note, duplicate_of FROM triage "+
		"WHERE alert = ? ORDER BY seq", alert)
	if err != nil {
		return nil, fmt.Errorf("feed: list decisions: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		t := Triage{Alert: alert}
		var at int64
		if err := rows.Scan(&at, &t.Who, &t.Status, &t.Assignee, &t.Note, &t.DuplicateOf); err != nil {
			return nil, fmt.Errorf("feed: list decisions: %w", err)
		}
		t.At = time.UnixMilli(at).UTC()
		list = append(list, t)
	}
	return list, rows.Err()
}

// LatestDecisions returns the latest decision about each of the given alerts that has one, by
// id; without arguments, about every alert.
func (s *Store) LatestDecisions(ctx context.Context, alerts ...string) (map[string]Triage, error) {
	which, args := "", []any(nil)
	if len(alerts) > 0 {
		ids, err := json.Marshal(alerts)
		if err != nil {
			return nil, fmt.Errorf("feed: list latest decisions: %w", err)
		}
		which, args = "WHERE alert IN (SELECT value FROM json_each(?))", []any{string(ids)}
	}
	rows, err := s.db.QueryContext(ctx, "SELECT alert, at, who, status, assignee, note, duplicate_of FROM triage "+
		"WHERE seq IN (SELECT max(seq) FROM triage "+which+" GROUP BY alert)", args...)
	if err != nil {
		return nil, fmt.Errorf("feed: list latest decisions: %w", err)
	}
	defer rows.Close()
	all := map[string]Triage{}
	for rows.Next() {
		var t Triage
		var at int64
		if err := rows.Scan(&t.Alert, &at, &t.Who, &t.Status, &t.Assignee, &t.Note, &t.DuplicateOf); err != nil {
			return nil, fmt.Errorf("feed: list latest decisions: %w", err)
		}
		t.At = time.UnixMilli(at).UTC()
		all[t.Alert] = t
	}
	return all, rows.Err()
}

// DecidedSince returns the alerts that were decided about after a place in the order of decisions, the place of the last
// decision, and when the first and the last of them were made, zero if there are none. A place that is not there yet is
// that of another file: it is taken for the last one.
func (s *Store) DecidedSince(ctx context.Context, after int64) (alerts []string, last int64, from, to time.Time, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'triage'").Scan(&last)
	if err != nil || after >= last {
		return nil, last, from, to, err
	}
	rows, err := s.db.QueryContext(ctx, "SELECT alert, min(at), max(at) FROM triage WHERE seq > ? AND seq <= ? GROUP BY alert", after, last)
	if err != nil {
		return nil, 0, from, to, fmt.Errorf("feed: list decisions: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var first, latest int64
		if err := rows.Scan(&id, &first, &latest); err != nil {
			return nil, 0, from, to, fmt.Errorf("feed: list decisions: %w", err)
		}
		alerts = append(alerts, id)
		if at := time.UnixMilli(first).UTC(); from.IsZero() || at.Before(from) {
			from = at
		}
		if at := time.UnixMilli(latest).UTC(); at.After(to) {
			to = at
		}
	}
	return alerts, last, from, to, rows.Err()
}

// FirstDecisions returns when the first decision about an alert was made, of the alerts for which that was
// from one time until before another.
func (s *Store) FirstDecisions(ctx context.Context, from, to time.Time) (map[string]time.Time, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT alert, min(at) AS first FROM triage GROUP BY alert HAVING first >= ? AND first < ?",
		from.UnixMilli(), to.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("feed: list first decisions: %w", err)
	}
	defer rows.Close()
	all := map[string]time.Time{}
	for rows.Next() {
		var id string
		var at int64
		if err := rows.Scan(&id, &at); err != nil {
			return nil, fmt.Errorf("feed: list first decisions: %w", err)
		}
		all[id] = time.UnixMilli(at).UTC()
	}
	return all, rows.Err()
}

// Taught is a decision, and what it is counted for.
type Taught struct {
	Triage
	Seq      int64             // a later decision has a higher one
	Subjects []finding.Subject // of the alert
}

// Taught returns all decisions, also those that later ones have replaced, the latest last.
func (s *Store) Taught(ctx context.Context) (list []Taught, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT seq, alert, at, who, status, assignee, note, duplicate_of, since, subjects "+
		"FROM triage ORDER BY seq")
	if err != nil {
		return nil, fmt.Errorf("feed: list decisions: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var t Taught
		var at, since int64
		var subjects []byte
		if err := rows.Scan(&t.Seq, &t.Alert, &at, &t.Who, &t.Status, &t.Assignee, &t.Note, &t.DuplicateOf, &since, &subjects); err != nil {
			return nil, fmt.Errorf("feed: list decisions: %w", err)
		}
		if err := json.Unmarshal(subjects, &t.Subjects); err != nil {
			return nil, fmt.Errorf("feed: list decisions: %w", err)
		}
		t.At, t.Since = time.UnixMilli(at).UTC(), time.UnixMilli(since).UTC()
		list = append(list, t)
	}
	return list, rows.Err()
}

// Outcomes counts the closed alerts of a detector.
type Outcomes struct {
	True  int // closed as true or benign-true
	False int // closed as false
}

// String returns the outcomes for people: how many of the closed alerts were true.
func (c Outcomes) String() string {
	if c.True+c.False == 0 {
		return "none closed yet"
	}
	return fmt.Sprintf("%d of %d", c.True, c.True+c.False)
}

// Precision returns the outcomes of closed alerts, by detector.
func (s *Store) Precision(ctx context.Context) (map[string]Outcomes, error) {
	rows, err := s.db.QueryContext(ctx,
		"SELECT status, detectors FROM triage WHERE seq IN (SELECT max(seq) "+
			"FROM triage GROUP BY alert) AND status IN ('true', 'benign-true', 'false')")
	if err != nil {
		return nil, fmt.Errorf("feed: count outcomes: %w", err)
	}
	defer rows.Close()
	all := map[string]Outcomes{}
	for rows.Next() {
		var status, detectors string
		if err := rows.Scan(&status, &detectors); err != nil {
			return nil, fmt.Errorf("feed: count outcomes: %w", err)
		}
		for d := range strings.FieldsSeq(detectors) {
			c := all[d]
			if status == "false" {
				c.False++
			} else {
				c.True++
			}
			all[d] = c
		}
	}
	return all, rows.Err()
}

// Access is a line of the audit log.
type Access struct {
	Seq  int64     `json:"seq"`  // line number, from 1
	At   time.Time `json:"at"`   // when
	Who  string    `json:"who"`  // name of the token
	Role Role      `json:"role"` // of the token
	What string    `json:"what"` // what was read or done, with pseudonyms
	// Request is the id of the request; its outcome has the same. It is empty for commands.
	Request string `json:"request,omitempty"`
}

// chain returns the code (HMAC-SHA-256) of a line, which covers that of the line before.
func (s *Store) chain(before []byte, a *Access) []byte {
	h := hmac.New(sha256.New, s.key)
	h.Write(before)
	texts := []string{fmt.Sprint(a.Seq), fmt.Sprint(a.At.UnixMilli()), a.Who, string(a.Role), a.What}
	if a.Request != "" { // lines of earlier versions have none
		texts = append(texts, a.Request)
	}
	for _, t := range texts {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(t)))
		h.Write(n[:])
		h.Write([]byte(t))
	}
	return h.Sum(nil)
}

// LogAccess appends a line. Call it before the access: if the line cannot be written, nothing
// may be read or changed.
func (s *Store) LogAccess(ctx context.Context, at time.Time, who string, role Role, what string) error {
	err := sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		var before []byte
		a := Access{At: at, Who: who, Role: role, What: what}
		if r := requestOf(ctx); r != nil {
			a.Request, r.logged, r.who, r.role = r.id, true, who, role
		}
		err := tx.QueryRowContext(ctx, "SELECT seq, mac FROM access ORDER BY seq DESC LIMIT 1").Scan(&a.Seq, &before)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		a.Seq++
		_, err = tx.ExecContext(ctx,
			"INSERT INTO access (seq, at, who, role, what, request, mac) VALUES (?, ?, ?, ?, ?, ?, ?)",
			a.Seq, at.UnixMilli(), who, string(role), what, a.Request, s.chain(before, &a))
		return err
	})
	if err != nil {
		return fmt.Errorf("feed: write audit log: %w", err)
	}
	return nil
}

// Accesses returns at most most lines that follow a line number, in order.
func (s *Store) Accesses(ctx context.Context, after int64, most int) ([]Access, error) {
	return s.lines(ctx, "seq > ? ORDER BY seq LIMIT ?", after, most)
}

// lines returns the lines of the audit log that an SQL condition selects.
func (s *Store) lines(ctx context.Context, which string, args ...any) (list []Access, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT seq, at, who, role, what, request FROM access WHERE "+which, args...)
	if err != nil {
		return nil, fmt.Errorf("feed: read audit log: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var a Access
		var at int64
		if err := rows.Scan(&a.Seq, &at, &a.Who, &a.Role, &a.What, &a.Request); err != nil {
			return nil, fmt.Errorf("feed: read audit log: %w", err)
		}
		a.At = time.UnixMilli(at).UTC()
		list = append(list, a)
	}
	return list, rows.Err()
}

// Anchor is the head of the audit log at some time, kept outside of the file.
type Anchor struct {
	Line int64  // number of the last line; 0 for an empty log
	Head string // code of that line, 64 hexadecimal digits
}

// Head returns the anchor of the last line; the zero Anchor if there are no lines.
func (s *Store) Head(ctx context.Context) (a Anchor, err error) {
	var mac []byte
	err = s.db.QueryRowContext(ctx, "SELECT seq, mac FROM access ORDER BY seq DESC LIMIT 1").Scan(&a.Line, &mac)
	if errors.Is(err, sql.ErrNoRows) {
		return a, nil
	}
	if err != nil {
		return a, fmt.Errorf("feed: read end of audit log: %w", err)
	}
	a.Head = fmt.Sprintf("%x", mac)
	return a, nil
}

// Verify checks the audit log from its first line, and against anchors. It returns the number
// of lines and the code of the last line as 64 hexadecimal digits. Kept elsewhere, that code
// later shows whether lines were removed from the end. The error names the first line that was
// changed or is missing.
func (s *Store) Verify(ctx context.Context, anchors ...Anchor) (lines int64, head string, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT seq, at, who, role, what, request, mac FROM access ORDER BY seq")
	if err != nil {
		return 0, "", fmt.Errorf("feed: verify audit log: %w", err)
	}
	defer rows.Close()
	var before []byte
	for rows.Next() {
		var a Access
		var at int64
		var mac []byte
		if err := rows.Scan(&a.Seq, &at, &a.Who, &a.Role, &a.What, &a.Request, &mac); err != nil {
			return lines, "", fmt.Errorf("feed: verify audit log: %w", err)
		}
		a.At = time.UnixMilli(at)
		if lines++; a.Seq != lines {
			return lines - 1, "", fmt.Errorf("feed: line %d of the audit log is missing", lines)
		}

		if !hmac.Equal(mac, s.chain(before, &a)) {
			if lines == 1 {
				return 0, "", errors.New("feed: line 1 of the audit log was changed, or feed.db or access.key is another one")
			}
			return lines - 1, "", fmt.Errorf("feed: line %d of the audit log was changed, or the line before it was removed", a.Seq)
		}
		before = mac
		for _, an := range anchors {
			if an.Line == lines && !strings.EqualFold(an.Head, fmt.Sprintf("%x", mac)) {
				return lines, "", fmt.Errorf("feed: the audit log up to line %d does not match its anchor", lines)
			}
		}
	}

	if err := rows.Err(); err != nil {
		return lines, "", fmt.Errorf("feed: verify audit log: %w", err)
	}
	for _, an := range anchors {
		if an.Line > lines || an.Line < 1 {
			return lines, "", fmt.Errorf(
				"feed: the audit log ends at line %d, but line %d was anchored: lines were removed from its end",
				lines, an.Line)
		}
	}

	if lines == 0 { // making the first token is one
		return 0, "", errors.New("feed: the audit log has no lines: they were removed, or feed.db is another one")
	}
	return lines, fmt.Sprintf("%x", before), nil
}

// Erase deletes what the queue has of the given alerts, the decisions about them, the requests for a user's name and who has checked
// their review. The
// audit log stays: it has only pseudonyms.
func (s *Store) Erase(ctx context.Context, user string, alerts []string) error {
	err := sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		for _, id := range alerts {
			for _, text := range []string{
				"DELETE FROM triage WHERE alert = ?", "UPDATE triage SET duplicate_of = '' WHERE duplicate_of = ?",
			} {
				if _, err := tx.ExecContext(ctx, text, id); err != nil {
					return err
				}
			}
		}
		if err := unindex(ctx, tx, alerts...); err != nil {
			return err
		}
		if err := optimizeIndex(ctx, tx); err != nil {
			return err
		}
		for _, table := range []string{"reveal", "review"} {
			if _, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE lower(user) = lower(?)", user); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("feed: erase: %w", err)
	}
	return sqlitedb.Vacuum(ctx, s.db)
}

// Expire deletes decisions and requests for names before a time, and returns how many.
func (s *Store) Expire(ctx context.Context, before time.Time) (gone int64, err error) {
	err = sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		for _, table := range []string{"triage", "reveal", "review", "proposal"} {
			res, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE at < ?", before.UnixMilli())
			if err != nil {
				return err
			}
			n, err := res.RowsAffected()
			if err != nil {
				return err
			}
			gone += n
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("feed: expire: %w", err)
	}
	return gone, nil
}

// AlertView counts the accesses of one user to the feed.
type AlertView struct {
	Who   string    `json:"who"`   // name of the token
	Role  Role      `json:"role"`  // of the token
	Times int64     `json:"times"` // lines in the audit log
	Last  time.Time `json:"last"`  // the latest of them
}

// AlertViews returns who has used the feed since a time, the most frequent first.
func (s *Store) AlertViews(ctx context.Context, since time.Time) (list []AlertView, err error) {
	rows, err := s.db.QueryContext(ctx,
		"SELECT who, role, count(*), max(at) FROM access WHERE at >= ? GROUP BY who, role ORDER BY count(*) DESC, who",
		since.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("feed: list views of alerts: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var l AlertView
		var at int64
		if err := rows.Scan(&l.Who, &l.Role, &l.Times, &at); err != nil {
			return nil, fmt.Errorf("feed: list views of alerts: %w", err)
		}
		l.Last = time.UnixMilli(at).UTC()
		list = append(list, l)
	}
	return list, rows.Err()
}

// Mentions returns the lines of the audit log that contain one of the given texts, such as the
// pseudonyms of a user, by line number.
func (s *Store) Mentions(ctx context.Context, texts ...string) (list []Access, err error) {
	for _, text := range texts {
		more, err := s.lines(ctx, "instr(what, ?) > 0", text)
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
	}
	slices.SortFunc(list, func(a, b Access) int { return cmp.Compare(a.Seq, b.Seq) })
	return list, nil
}
