package feed

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/outflow/outflow/internal/sqlitedb"
)

// person is who does something, as far as that is known.
type person struct {
	name     string // of the token
	identity string // see Token.Identity
}

// tokenIdentity begins the identity of who is known by a token alone.
const tokenIdentity = "token "

// accountIdentity begins the identity of who is known by an account of the machine alone.
const accountIdentity = "account "

// Identity says who holds a token: an identity of the provider, by its issuer and subject, which two people never share,
// or else the token itself.
func (t *Token) Identity() string {
	if t.Subject != "" {
		return t.Issuer + " " + t.Subject
	}
	root := t.hash
	if t.parent != nil {
		root = t.parent
	}
	return fmt.Sprintf("%s%x", tokenIdentity, root)
}

// person returns who holds a token.
func (t *Token) person() person { return person{t.Name, t.Identity()} }

// proven reports whether an identity provider vouches for a person.
func (p person) proven() bool {
	return p.identity != "" && !strings.HasPrefix(p.identity, tokenIdentity) && !strings.HasPrefix(p.identity, accountIdentity)
}

// is reports whether two are known to be the same person. Tokens of different names may be held by one person, too, which
// nobody can tell.
func (p person) is(q person) bool {
	return p.identity == q.identity || strings.EqualFold(p.name, q.name)
}

// mayAgree refuses a second person who is, or may be, the first.
func (s *Server) mayAgree(first, second person, whose string) error {
	return mayAgree(s.SignOn != nil, first, second, whose)
}

// mayAgree refuses a second person who is, or may be, the first. Where there is an identity provider, it must vouch for
// both: the name of a token is what somebody typed.
func mayAgree(signOn bool, first, second person, whose string) error {
	switch {
	case first.is(second):
		return refuse(http.StatusForbidden, "somebody else%s has to agree", whose)
	case signOn && !(first.proven() && second.proven()):
		return refuse(http.StatusForbidden,
			"two people who signed in through the identity provider are required: a token does not say who holds it")
	}
	return nil
}

// issue stores a token, and returns its text. The text is not stored. Logout is the URL that ends the session at the
// provider; "" for none.
func (s *Store) issue(ctx context.Context, t *Token, logout string) (string, error) {
	if t.Name == "" || !slices.Contains(Roles, t.Role) {
		return "", fmt.Errorf("feed: a token requires a name and one of the roles %v", Roles)
	}
	text := "outflow_" + base64.RawURLEncoding.EncodeToString([]byte(rand.Text()+rand.Text()))
	hash := sha256.Sum256([]byte(text))
	err := sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		// Most of the expired tokens are sessions.
		if _, err := tx.ExecContext(ctx, "DELETE FROM token WHERE expires < ?", t.Made.AddDate(0, -3, 0).UnixMilli()); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "UPDATE token SET logout = '' WHERE logout <> '' AND (revoked OR expires < ?)", t.Made.UnixMilli())
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx,
			"INSERT INTO token (hash, name, role, made, expires, parent, issuer, subject, logout) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
			hash[:], t.Name, string(t.Role), t.Made.UnixMilli(), t.Expires.UnixMilli(), t.parent, t.Issuer, t.Subject, logout)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("feed: create token: %w", err)
	}
	return text, nil
}

// newSession starts a session of a token, which ends with it.
func (s *Store) newSession(ctx context.Context, of *Token, now time.Time) (string, error) {
	t := &Token{Name: of.Name, Role: of.Role, Made: now, Expires: of.Expires, Issuer: of.Issuer, Subject: of.Subject, parent: of.parent}
	if t.parent == nil {
		t.parent = of.hash
	}
	return s.issue(ctx, t, "")
}

// holds reports whether a token that was valid still is, and so is the one that it is a session of.
func (s *Store) holds(ctx context.Context, t *Token, now time.Time) (bool, error) {
	var n int
	err := s.db.QueryRowContext(ctx, "SELECT count(*) FROM token WHERE hash IN (?1, ?2) AND NOT revoked AND expires > ?3",
		t.hash, t.parent, now.UnixMilli()).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("feed: check token: %w", err)
	}
	return n == 2 || n == 1 && t.parent == nil, nil
}

// endSession ends a session, and returns the URL that ends it at the provider, too; "" for none. A token that is no
// session stays valid.
func (s *Store) endSession(ctx context.Context, t *Token) (logout string, err error) {
	err = sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx,
			"SELECT logout FROM token WHERE hash = ? AND (parent IS NOT NULL OR subject <> '')", t.hash).Scan(&logout)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE token SET revoked = 1, logout = '' WHERE hash = ?", t.hash)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("feed: end session: %w", err)
	}
	return logout, nil
}

// setCookie gives a browser the token of its session until a time.
func (s *Server) setCookie(w http.ResponseWriter, text string, until time.Time) {
	c := &http.Cookie{
		Name:     s.cookie(),
		Value:    text,
		Path:     "/",
		MaxAge:   int(until.Sub(s.Now()).Seconds()),
		HttpOnly: true,
		Secure:   s.Secure,
		SameSite: http.SameSiteStrictMode,
	}
	if text == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// logout ends the session of a browser, and its streams. People who signed in through an identity provider are led to
// where they sign out there.
func (s *Server) logout(w http.ResponseWriter, r *http.Request) error {
	s.setCookie(w, "", time.Time{})
	next := "/login"
	t, err := s.token(r)
	if err == nil {
		if err = s.Store.LogAccess(r.Context(), s.Now(), t.Name, t.Role, "signed out"); err == nil {
			var there string
			if there, err = s.Store.endSession(r.Context(), t); there != "" {
				next = there
			}
		}
		s.wake()
	}
	if err != nil && !errors.Is(err, ErrToken) {
		s.errorPage(w, http.StatusInternalServerError, failed, nil)
		return err
	}
	if next == "/login" {
		http.Redirect(w, r, next, http.StatusSeeOther)
		return nil
	}
	// The policy lets forms lead to this origin alone, by redirects, too: a page leads on.
	return s.render(w, http.StatusOK, "signed.html", &notice{frame: frame{Title: "Signed out"}, Next: next})
}
