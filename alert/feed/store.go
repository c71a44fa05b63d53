// Package feed hands alerts to the people of a security team: as an API with a stable
// cursor, live, and as pages; and takes what they decide. People are pseudonyms in it;
// who has looked at what is in a log that is chained, so that nobody takes a line out.
//
// It owns feed.db: tokens, triage and the log of access.
package feed

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"embed"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/outflow/outflow/internal/sqlitedb"
)

//go:embed migrations/*.sql
var scripts embed.FS

// Store is an open feed.db.
type Store struct {
	db  *sql.DB
	key []byte // of the log of access
}

// Open opens the file, or makes it. The key binds the rows of the log of access: who has
// the file alone cannot make a row that fits.
func Open(ctx context.Context, path string, key []byte) (*Store, error) {
	db, err := sqlitedb.Open(ctx, path, scripts, sqlitedb.Full)
	if err != nil {
		return nil, fmt.Errorf("feed: open store: %w", err)
	}
	return &Store{db, key}, nil
}

// OpenReadOnly opens a file that exists, to read what it holds at this moment, also while
// another process writes it. The key is needed by Verify alone. Everything that writes
// fails.
func OpenReadOnly(ctx context.Context, path string, key []byte) (*Store, error) {
	db, err := sqlitedb.OpenReadOnly(ctx, path, scripts)
	if err != nil {
		return nil, fmt.Errorf("feed: open store read-only: %w", err)
	}
	return &Store{db, key}, nil
}

// Close closes the file.
func (s *Store) Close() error { return s.db.Close() }

// Role is what somebody may see, and do.
type Role string

// The roles. None of them sees names; SOC and HR have pseudonyms of their own.
const (
	SOC     Role = "soc"     // alerts, and what becomes of them
	HR      Role = "hr"      // alerts, by pseudonyms of HR's own
	Privacy Role = "privacy" // agrees that a name is revealed
	Auditor Role = "auditor" // the log of access, no content
	Admin   Role = "admin"   // how the daemon is doing, no content
)

// Roles are all of them.
var Roles = []Role{SOC, HR, Privacy, Auditor, Admin}

// Token is somebody's right to ask.
type Token struct {
	Name    string    `json:"name"`
	Role    Role      `json:"role"`
	Made    time.Time `json:"made"`
	Expires time.Time `json:"expires"`
	Revoked bool      `json:"revoked,omitempty"`
}

// NewToken makes a token and returns it: it is not stored, and cannot be shown again.
func (s *Store) NewToken(ctx context.Context, name string, role Role, now time.Time, life time.Duration) (string, error) {
	if name == "" || !slices.Contains(Roles, role) {
		return "", fmt.Errorf("feed: a token needs a name, and a role of %v", Roles)
	}
	text := "outflow_" + base64.RawURLEncoding.EncodeToString([]byte(rand.Text()+rand.Text()))
	hash := sha256.Sum256([]byte(text))
	// sessions, most of them
	if _, err := s.db.ExecContext(ctx, "DELETE FROM token WHERE expires < ?", now.AddDate(0, -3, 0).UnixMilli()); err != nil {
		return "", fmt.Errorf("feed: create token: %w", err)
	}
	_, err := s.db.ExecContext(ctx,
		"INSERT INTO token (hash, name, role, made, expires) VALUES (?, ?, ?, ?, ?)",
		hash[:], name, string(role), now.UnixMilli(), now.Add(life).UnixMilli())
	if err != nil {
		return "", fmt.Errorf("feed: create token: %w", err)
	}
	return text, nil
}

// ErrToken says that a token is none, or holds no more.
var ErrToken = errors.New("feed: the token is not valid")

// Check says whose a token is.
func (s *Store) Check(ctx context.Context, text string, now time.Time) (*Token, error) {
	hash := sha256.Sum256([]byte(text))
	var stored []byte
	var t Token
	var made, expires int64
	err := s.db.QueryRowContext(ctx,
		"SELECT hash, name, role, made, expires, revoked FROM token WHERE hash = ?",
		hash[:]).Scan(&stored, &t.Name, &t.Role, &made, &expires, &t.Revoked)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, ErrToken
	case err != nil:
		return nil, fmt.Errorf("feed: check token: %w", err)
	case subtle.ConstantTimeCompare(stored, hash[:]) != 1, t.Revoked, now.UnixMilli() >= expires:
		return nil, ErrToken
	}
	t.Made, t.Expires = time.UnixMilli(made).UTC(), time.UnixMilli(expires).UTC()
	return &t, nil
}

// Tokens lists them, the oldest first.
func (s *Store) Tokens(ctx context.Context) (list []Token, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT name, role, made, expires, revoked FROM token ORDER BY made, name")
	if err != nil {
		return nil, fmt.Errorf("feed: list tokens: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var t Token
		var made, expires int64
		if err := rows.Scan(&t.Name, &t.Role, &made, &expires, &t.Revoked); err != nil {
			return nil, fmt.Errorf("feed: list tokens: %w", err)
		}
		t.Made, t.Expires = time.UnixMilli(made).UTC(), time.UnixMilli(expires).UTC()
		list = append(list, t)
	}
	return list, rows.Err()
}

// Revoke ends all tokens of a name, and returns how many.
func (s *Store) Revoke(ctx context.Context, name string) (int64, error) {
	res, err := s.db.ExecContext(ctx, "UPDATE token SET revoked = 1 WHERE name = ? AND NOT revoked", name)
	if err != nil {
		return 0, fmt.Errorf("feed: revoke token: %w", err)
	}
	return res.RowsAffected()
}

// Status is what was decided about an alert.
type Status string

// What may be decided.
const (
	Undecided    Status = "open"
	Acknowledged Status = "acknowledged"
	True         Status = "true"        // it was what it says
	BenignTrue   Status = "benign-true" // it was, and was meant to be
	False        Status = "false"
	Duplicate    Status = "duplicate"
)

// Statuses are all of them.
var Statuses = []Status{Undecided, Acknowledged, True, BenignTrue, False, Duplicate}

// Triage is a decision about an alert.
type Triage struct {
	Alert    string    `json:"-"`
	At       time.Time `json:"at"`
	Who      string    `json:"who"`
	Status   Status    `json:"status"`
	Assignee string    `json:"assignee,omitempty"`
	Note     string    `json:"note,omitempty"`
}

const maxNote = 4000

// Decide stores a decision. Detectors are those of the alert, for Precision.
func (s *Store) Decide(ctx context.Context, t Triage, detectors []string) error {
	switch {
	case !slices.Contains(Statuses, t.Status):
		return fmt.Errorf("feed: status %q: %v", t.Status, Statuses)
	case len(t.Note) > maxNote || len(t.Assignee) > 200:
		return fmt.Errorf("feed: a note has %d characters at most", maxNote)
	case (t.Status == False || t.Status == BenignTrue) && strings.TrimSpace(t.Note) == "":
		return errors.New("feed: a reason is required to close an alert as false or benign")
	}
	_, err := s.db.ExecContext(ctx,
		"INSERT INTO triage (alert, at, who, status, assignee, note, detectors) VALUES (?, ?, ?, ?, ?, ?, ?)",
		t.Alert, t.At.UnixMilli(), t.Who, string(t.Status), t.Assignee, t.Note, strings.Join(detectors, " "))
	if err != nil {
		return fmt.Errorf("feed: store decision: %w", err)
	}
	return nil
}

// Decisions lists what was decided about an alert, the latest last.
func (s *Store) Decisions(ctx context.Context, alert string) (list []Triage, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT at, who, status, assignee, note FROM triage WHERE alert = ? ORDER BY seq", alert)
	if err != nil {
		return nil, fmt.Errorf("feed: list decisions: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		t := Triage{Alert: alert}
		var at int64
		if err := rows.Scan(&at, &t.Who, &t.Status, &t.Assignee, &t.Note); err != nil {
			return nil, fmt.Errorf("feed: list decisions: %w", err)
		}
		t.At = time.UnixMilli(at).UTC()
		list = append(list, t)
	}
	return list, rows.Err()
}

// LatestDecisions is the latest decision about each of some alerts, if there is one; about all
// that there is one about if none is named.
func (s *Store) LatestDecisions(ctx context.Context, alerts ...string) (map[string]Triage, error) {
	which, args := "", []any(nil)
	if len(alerts) > 0 {
		ids, err := json.Marshal(alerts)
		if err != nil {
			return nil, fmt.Errorf("feed: list latest decisions: %w", err)
		}
		which, args = "WHERE alert IN (SELECT value FROM json_each(?))", []any{string(ids)}
	}
	rows, err := s.db.QueryContext(ctx, "SELECT alert, at, who, status, assignee, note FROM triage WHERE seq IN (SELECT max(seq) "+
		"FROM triage "+which+" GROUP BY alert)", args...)
	if err != nil {
		return nil, fmt.Errorf("feed: list latest decisions: %w", err)
	}
	defer rows.Close()
	all := map[string]Triage{}
	for rows.Next() {
		var t Triage
		var at int64
		if err := rows.Scan(&t.Alert, &at, &t.Who, &t.Status, &t.Assignee, &t.Note); err != nil {
			return nil, fmt.Errorf("feed: list latest decisions: %w", err)
		}
		t.At = time.UnixMilli(at).UTC()
		all[t.Alert] = t
	}
	return all, rows.Err()
}

// Outcomes is how alerts of a detector turned out.
type Outcomes struct{ True, False int }

// String says it for people.
func (c Outcomes) String() string {
	if c.True+c.False == 0 {
		return "none closed yet"
	}
	return fmt.Sprintf("%d of %d", c.True, c.True+c.False)
}

// Precision is, by detector, how alerts turned out that were closed; benign ones were
// rightly seen.
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

// Access is a line of the log of access.
type Access struct {
	Seq  int64     `json:"seq"`
	At   time.Time `json:"at"`
	Who  string    `json:"who"`
	Role Role      `json:"role"`
	What string    `json:"what"`
}

// chain binds a row to the one before.
func (s *Store) chain(before []byte, a *Access) []byte {
	h := hmac.New(sha256.New, s.key)
	h.Write(before)
	for _, t := range []string{fmt.Sprint(a.Seq), fmt.Sprint(a.At.UnixMilli()), a.Who, string(a.Role), a.What} {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(t)))
		h.Write(n[:])
		h.Write([]byte(t))
	}
	return h.Sum(nil)
}

// LogAccess writes a line, before what it is about is done: if it cannot be written, that is
// not.
func (s *Store) LogAccess(ctx context.Context, at time.Time, who string, role Role, what string) error {
	err := sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		var before []byte
		a := Access{At: at, Who: who, Role: role, What: what}
		err := tx.QueryRowContext(ctx, "SELECT seq, mac FROM access ORDER BY seq DESC LIMIT 1").Scan(&a.Seq, &before)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		a.Seq++
		_, err = tx.ExecContext(ctx,
			"INSERT INTO access (seq, at, who, role, what, mac) VALUES (?, ?, ?, ?, ?, ?)",
			a.Seq, at.UnixMilli(), who, string(role), what, s.chain(before, &a))
		return err
	})
	if err != nil {
		return fmt.Errorf("feed: log of access: %w", err)
	}
	return nil
}

// Accesses lists lines after one, in order.
func (s *Store) Accesses(ctx context.Context, after int64, most int) ([]Access, error) {
	return s.lines(ctx, "seq > ? ORDER BY seq LIMIT ?", after, most)
}

// lines lists the lines of the log of access that a condition holds for.
func (s *Store) lines(ctx context.Context, which string, args ...any) (list []Access, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT seq, at, who, role, what FROM access WHERE "+which, args...)
	if err != nil {
		return nil, fmt.Errorf("feed: read audit log: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var a Access
		var at int64
		if err := rows.Scan(&a.Seq, &at, &a.Who, &a.Role, &a.What); err != nil {
			return nil, fmt.Errorf("feed: read audit log: %w", err)
		}
		a.At = time.UnixMilli(at).UTC()
		list = append(list, a)
	}
	return list, rows.Err()
}

// Anchor is what bound the log of access up to a line at some time, and was kept
// elsewhere.
type Anchor struct {
	Line int64
	Head string // 64 hexadecimal digits
}

// Head is the anchor of the last line; of line 0 if there is none.
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

// Verify checks the log of access from its beginning, and against anchors. It returns how
// many lines there are and, as 64 hexadecimal digits, what binds the last: kept elsewhere,
// it tells that none was taken off the end. The error names the first line that was
// changed, or is missing.
func (s *Store) Verify(ctx context.Context, anchors ...Anchor) (lines int64, head string, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT seq, at, who, role, what, mac FROM access ORDER BY seq")
	if err != nil {
		return 0, "", fmt.Errorf("feed: verify audit log: %w", err)
	}
	defer rows.Close()
	var before []byte
	for rows.Next() {
		var a Access
		var at int64
		var mac []byte
		if err := rows.Scan(&a.Seq, &at, &a.Who, &a.Role, &a.What, &mac); err != nil {
			return lines, "", fmt.Errorf("feed: verify audit log: %w", err)
		}
		a.At = time.UnixMilli(at)
		if lines++; a.Seq != lines {
			return lines - 1, "", fmt.Errorf("feed: line %d of the log of access is missing", lines)
		}

		if !hmac.Equal(mac, s.chain(before, &a)) {
			return lines - 1, "", fmt.Errorf("feed: line %d of the log of access was changed, or one before it taken out", a.Seq)
		}
		before = mac
		for _, an := range anchors {
			if an.Line == lines && !strings.EqualFold(an.Head, fmt.Sprintf("%x", mac)) {
				return lines, "", fmt.Errorf("feed: up to line %d the log of access is another one than was anchored", lines)
			}
		}
	}

	if err := rows.Err(); err != nil {
		return lines, "", fmt.Errorf("feed: verify audit log: %w", err)
	}
	for _, an := range anchors {
		if an.Line > lines || an.Line < 1 {
			return lines, "", fmt.Errorf(
				"feed: the log of access ends at line %d, but line %d was anchored: lines were taken off its end",
				lines, an.Line)
		}
	}

	return lines, fmt.Sprintf("%x", before), nil
}

// Erase deletes what was decided about some alerts, and who asked for the name of a
// person. The log of access stays: it has pseudonyms alone.
func (s *Store) Erase(ctx context.Context, user string, alerts []string) error {
	err := sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		for _, id := range alerts {
			if _, err := tx.ExecContext(ctx, "DELETE FROM triage WHERE alert = ?", id); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM reveal WHERE lower(user) = lower(?)", user)
		return err
	})
	if err != nil {
		return fmt.Errorf("feed: erase: %w", err)
	}
	return sqlitedb.Vacuum(ctx, s.db)
}

// Expire deletes decisions and requests for names of before a time, and returns how many.
func (s *Store) Expire(ctx context.Context, before time.Time) (gone int64, err error) {
	err = sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		for _, table := range []string{"triage", "reveal"} {
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

// AlertView is how often somebody looked at something.
type AlertView struct {
	Who   string    `json:"who"`
	Role  Role      `json:"role"`
	Times int64     `json:"times"`
	Last  time.Time `json:"last"`
}

// AlertViews says who has used the feed since a time, the most often first.
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

// Mentions lists the lines of the log of access that have one of some texts in them: the
// pseudonyms of somebody.
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
