package feed

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/outflow/outflow/alert/people"
)

// Reveal is a request for the name behind a pseudonym. Another user, with the role privacy,
// decides. An approved name is shown for some hours.
type Reveal struct {
	ID        int64     // from 1
	At        time.Time // when it was requested
	Who       string    // who requests it
	Role      Role      // of Who
	Pseudonym string    // as Who sees it
	Reason    string    // in the words of Who
	Second    string    // who decided; "" if undecided
	Agreed    bool      // whether it was approved
	Expires   time.Time // until when the name is shown

	user     string // the name
	identity string // of Who
}

// revealed is for how long an approved name is shown.
const revealed = 8 * time.Hour

// requestReveal stores a request.
func (s *Store) requestReveal(ctx context.Context, r *Reveal) error {
	_, err := s.db.ExecContext(ctx,
		"INSERT INTO reveal (at, who, role, pseudonym, user, reason, identity) VALUES (?, ?, ?, ?, ?, ?, ?)",
		r.At.UnixMilli(), r.Who, string(r.Role), r.Pseudonym, r.user, r.Reason, r.identity)
	if err != nil {
		return fmt.Errorf("feed: store request for reveal: %w", err)
	}
	return nil
}

// reveals returns the requests that an SQL condition selects, at most 200, the latest first.
func (s *Store) reveals(ctx context.Context, where string, args ...any) (list []Reveal, err error) {
	rows, err := s.db.QueryContext(ctx,
		"SELECT id, at, who, role, pseudonym, user, reason, second, agreed, expires, identity FROM reveal "+
			"WHERE "+where+" ORDER BY id DESC LIMIT 200", args...)
	if err != nil {
		return nil, fmt.Errorf("feed: list reveals: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var r Reveal
		var at, expires int64
		if err := rows.Scan(&r.ID, &at, &r.Who, &r.Role, &r.Pseudonym, &r.user, &r.Reason, &r.Second, &r.Agreed, &expires,
			&r.identity); err != nil {
			return nil, fmt.Errorf("feed: list reveals: %w", err)
		}
		r.At, r.Expires = time.UnixMilli(at).UTC(), time.UnixMilli(expires).UTC()
		list = append(list, r)
	}
	return list, rows.Err()
}

// decideReveal approves or refuses a request that waits.
func (s *Store) decideReveal(ctx context.Context, r *Reveal, second string, agreed bool, now time.Time) error {
	res, err := s.db.ExecContext(ctx,
		"UPDATE reveal SET second = ?, agreed = ?, decided = ?, expires = ? WHERE id = ? AND decided = 0",
		second, agreed, now.UnixMilli(), now.Add(revealed).UnixMilli(), r.ID)
	if err != nil {
		return fmt.Errorf("feed: store decision on reveal: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return cmp.Or(err, errNoRequest)
	}
	return nil
}

// errNoRequest is for a request that somebody has decided, or that there never was.
var errNoRequest = refuse(http.StatusNotFound, "no such request waits")

// activeReveal returns the name behind a pseudonym and until when a user may see it; "" if the
// user may not.
func (s *Store) activeReveal(ctx context.Context, identity, pseudonym string, now time.Time) (user string, until time.Time, err error) {
	var ms int64
	err = s.db.QueryRowContext(ctx,
		"SELECT user, expires FROM reveal WHERE identity = ? AND pseudonym = ? AND agreed AND expires > ? ORDER BY expires DESC LIMIT 1",
		identity, pseudonym, now.UnixMilli()).Scan(&user, &ms)
	if errors.Is(err, sql.ErrNoRows) {
		return "", until, nil
	}
	if err != nil {
		return "", until, fmt.Errorf("feed: look up reveal: %w", err)
	}
	return user, time.UnixMilli(ms).UTC(), nil
}

// reveal answers the name behind a pseudonym. The request has a reason, and a token of another
// user with the role privacy; both are written to the audit log first.
func (s *Server) reveal(w http.ResponseWriter, r *http.Request, who *reader) error {
	var ask struct {
		Pseudonym string `json:"pseudonym"`
		Reason    string `json:"reason"`
		Approval  string `json:"approval"` // token of the user who approves
	}
	if err := json.NewDecoder(r.Body).Decode(&ask); err != nil || strings.TrimSpace(ask.Reason) == "" || ask.Pseudonym == "" {
		return refuse(http.StatusBadRequest, "pseudonym, reason and approval are required")
	}
	second, err := s.Store.Check(r.Context(), ask.Approval, s.Now())
	if errors.Is(err, ErrToken) || err == nil && second.Role != Privacy {
		return refuse(http.StatusForbidden, "somebody else with the role privacy has to agree")
	}
	if err != nil {
		return err
	}
	if err := s.mayAgree(who.person(), second.person(), " with the role privacy"); err != nil {
		return err
	}
	user, err := "", error(nil)
	if who.Role == HR {
		user, err = s.leaverNamed(r.Context(), who, ask.Pseudonym)
	} else {
		user, err = s.revealedName(r.Context(), who, ask.Pseudonym)
	}
	if err != nil {
		return err
	}
	if err := s.Store.LogAccess(r.Context(), s.Now(), who.Name, who.Role,
		fmt.Sprintf("revealed %s, agreed by %s: %s", ask.Pseudonym, second.Name, who.mask.Redact(ask.Reason))); err != nil {
		return err
	}
	return write(w, http.StatusOK, map[string]string{"pseudonym": ask.Pseudonym, "user": user})
}

// revealedName returns the user behind a pseudonym. A text that is no pseudonym is refused,
// even if it is a name: readers know people by pseudonyms alone.
func (s *Server) revealedName(ctx context.Context, who *reader, pseudonym string) (string, error) {
	d, err := s.directory(ctx, who)
	if err != nil {
		return "", err
	}
	m, err := d.Find(pseudonym)
	var unknown *people.Unknown
	switch {
	case err == nil:
		return m.Person.Address, nil
	case !errors.As(err, &unknown):
		return "", err
	case !unknown.Pseudonym:
		return "", refuse(http.StatusNotFound, "people are known by pseudonyms such as P-ABCDEFGHJK here, and by nothing else")
	}
	return "", refuse(http.StatusNotFound,
		"nobody of whom anything is kept has the pseudonym %s; another role, or the data of before, has others",
		strings.ToUpper(pseudonym))
}

// requestRevealPage stores a request for the name behind the page of a person.
func (s *Server) requestRevealPage(w http.ResponseWriter, r *http.Request, who *reader) error {
	pseudonym := r.PathValue("user")
	user, err := s.revealedName(r.Context(), who, pseudonym)
	if err != nil {
		return err
	}
	if err := s.askForName(r, who, pseudonym, user); err != nil {
		return err
	}
	http.Redirect(w, r, "/people/"+url.PathEscape(pseudonym), http.StatusSeeOther)
	return nil
}

// requestLeaverPage stores a request for the name of somebody who leaves, from the list of leavers.
func (s *Server) requestLeaverPage(w http.ResponseWriter, r *http.Request, who *reader) error {
	pseudonym := r.PathValue("user")
	user, err := s.leaverNamed(r.Context(), who, pseudonym)
	if err != nil {
		return err
	}
	if err := s.askForName(r, who, pseudonym, user); err != nil {
		return err
	}
	http.Redirect(w, r, "/leavers", http.StatusSeeOther)
	return nil
}

// askForName stores a request for the name of a user, and writes it to the audit log first.
func (s *Server) askForName(r *http.Request, who *reader, pseudonym, user string) error {
	reason := who.mask.Redact(strings.TrimSpace(r.PostFormValue("reason")))
	if reason == "" || longer(reason, maxNote) {
		return refuse(http.StatusBadRequest, "a reason is required")
	}
	if s.SignOn != nil && !who.person().proven() {
		return refuse(http.StatusForbidden, "sign in through the identity provider to ask for a name: a token does not say who holds it")
	}
	if err := s.Store.LogAccess(r.Context(), s.Now(), who.Name, who.Role, "asked for the name of "+pseudonym+": "+reason); err != nil {
		return err
	}
	return s.Store.requestReveal(r.Context(), &Reveal{
		At:        s.Now(),
		Who:       who.Name,
		Role:      who.Role,
		Pseudonym: pseudonym,
		Reason:    reason,
		user:      user,
		identity:  who.Identity(),
	})
}

// requestsPage lists the open requests for names, for the role privacy.
func (s *Server) requestsPage(w http.ResponseWriter, r *http.Request, who *reader) error {
	list, err := s.Store.reveals(r.Context(), "decided = 0")
	if err != nil {
		return err
	}
	if err := s.Store.LogAccess(r.Context(), s.Now(), who.Name, who.Role, "looked at who asks for names"); err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "requests.html", &view{
		frame:   frame{Title: "Name requests", Who: who.Token, At: "/requests"},
		Reveals: list,
	})
}

// decideRequest approves or refuses a request for a name. That is written to the audit log
// before the name can be seen.
func (s *Server) decideRequest(w http.ResponseWriter, r *http.Request, who *reader) error {
	id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
	list, err := s.Store.reveals(r.Context(), "id = ? AND decided = 0", id)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return errNoRequest
	}
	agreed := r.PostFormValue("decision") == "approve"
	word := "refused"
	if agreed {
		word = "agreed to"
		if err := s.mayAgree(person{list[0].Who, list[0].identity}, who.person(), ""); err != nil {
			return err
		}
	}
	if err := s.Store.LogAccess(r.Context(), s.Now(), who.Name, who.Role, fmt.Sprintf("%s request %d for a name", word, id)); err != nil {
		return err
	}
	if err := s.Store.decideReveal(r.Context(), &list[0], who.Name, agreed, s.Now()); err != nil {
		return err
	}
	http.Redirect(w, r, "/requests", http.StatusSeeOther)
	return nil
}
