package feed

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// SignOn is signing in through an identity provider: OpenID Connect, with an authorization code
// and PKCE (RFC 7636).
type SignOn struct {
	Issuer       string            // URL of the provider
	ClientID     string            // as registered with the provider
	ClientSecret string            // "" for a public client
	Redirect     string            // URL of /login/oidc/callback, as registered
	Claim        string            // claim that lists a user's groups; "" for groups
	Roles        map[Role][]string // groups that give each role
	Life         time.Duration     // of a session
	HTTP         *http.Client      // the client for requests to the provider

	mu       sync.Mutex
	provider *oidc.Provider
}

// algorithms are the accepted signature algorithms of tokens; none of them uses a shared
// secret.
var algorithms = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384,
	oidc.ES512, oidc.EdDSA,
}

// authRequest is what a browser keeps in a cookie while the user is at the provider.
type authRequest struct {
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"`
	Next     string `json:"to,omitempty"` // the page that the user wanted to see
}

// askLife is how long a user may take to sign in at the provider.
const askLife = 10 * time.Minute

// discover returns the provider. It fetches the provider's endpoints and keys the first time
// that it answers.
func (o *SignOn) discover(ctx context.Context) (*oidc.Provider, context.Context, error) {
	ctx = oidc.ClientContext(ctx, o.HTTP)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.provider == nil {
		p, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), o.HTTP), o.Issuer) // it fetches keys later, too
		if err != nil {
			return nil, ctx, fmt.Errorf("identity provider: %w", err)
		}
		o.provider = p
	}
	return o.provider, ctx, nil
}

// config returns the settings of the authorization code flow.
func (o *SignOn) config(p *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{
		ClientID:     o.ClientID,
		ClientSecret: o.ClientSecret,
		Endpoint:     p.Endpoint(),
		RedirectURL:  o.Redirect,
		Scopes:       []string{oidc.ScopeOpenID, "email", "profile"},
	}
}

// claims are the claims of an ID token that are used.
type claims struct {
	Email         string `json:"email"`
	EmailVerified *bool  `json:"email_verified"`
	Username      string `json:"preferred_username"`
	groups        []string
}

// principal returns the user and role of an ID token: the first role that one of the user's
// groups has, or "" if none has one.
func (o *SignOn) principal(t *oidc.IDToken) (name string, role Role, err error) {
	var c claims
	if err := t.Claims(&c); err != nil {
		return "", "", err
	}
	var all map[string]json.RawMessage
	if err := t.Claims(&all); err != nil {
		return "", "", err
	}

	claim := o.Claim
	if claim == "" {
		claim = "groups"
	}
	if raw := all[claim]; raw != nil && json.Unmarshal(raw, &c.groups) != nil {
		var one string
		if json.Unmarshal(raw, &one) == nil {
			c.groups = []string{one}
		}
	}

	switch {
	case c.Email != "" && (c.EmailVerified == nil || *c.EmailVerified):
		name = strings.ToLower(c.Email)
	case c.Username != "":
		name = c.Username
	default:
		name = t.Subject
	}

	for _, r := range Roles {
		for _, g := range o.Roles[r] {
			if slices.Contains(c.groups, g) {
				return name, r, nil
			}
		}
	}

	return name, "", nil
}

// authCookie is the name of the cookie with an authRequest.
func (s *Server) authCookie() string { return s.cookie() + "-ask" }

// redirectToProvider sends a browser to the provider.
func (s *Server) redirectToProvider(w http.ResponseWriter, r *http.Request) {
	if !s.limit("client " + source(s.client(r))).Allow() {
		s.loginPage(w, r, http.StatusTooManyRequests, "Too many attempts. Try again in a minute.")
		return
	}
	p, _, err := s.SignOn.discover(r.Context())
	if err != nil {
		s.Log.Error("feed", "path", r.URL.Path, "err", err)
		s.loginPage(w, r, http.StatusBadGateway, "The identity provider does not answer. Try again in a minute, or sign in with a token.")
		return
	}
	a := authRequest{rand.Text(), rand.Text(), oauth2.GenerateVerifier(), returnTo(r.URL.Query().Get("next"))}
	b, err := json.Marshal(&a)
	if err != nil {
		s.errorPage(w, http.StatusInternalServerError, failed, nil)
		return
	}
	// The browser comes back from another site: it would not send a strict cookie then.
	http.SetCookie(w, &http.Cookie{
		Name:     s.authCookie(),
		Value:    base64.RawURLEncoding.EncodeToString(b),
		Path:     "/",
		MaxAge:   int(askLife.Seconds()),
		HttpOnly: true,
		Secure:   s.Secure,
		SameSite: http.SameSiteLaxMode,
	})
	http.Redirect(w, r, s.SignOn.config(p).AuthCodeURL(a.State, oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier)),
		http.StatusSeeOther)
}

// handleCallback signs in the user of a browser that comes back from the provider.
func (s *Server) handleCallback(w http.ResponseWriter, r *http.Request) error {
	// An authRequest is used once.
	http.SetCookie(w, &http.Cookie{
		Name:     s.authCookie(),
		Path:     "/",
		MaxAge:   -1,
		HttpOnly: true,
		Secure:   s.Secure,
		SameSite: http.SameSiteLaxMode,
	})

	t, logout, next, err := s.signOn(r)
	if err != nil {
		s.Log.Warn("sign-in failed", "address", s.client(r), "err", err)
		s.loginPage(w, r, http.StatusUnauthorized, "Sign-in failed. The daemon's log says why.")
		return nil
	}

	if t.Role == "" {
		s.Log.Warn("sign-in refused: user has no role", "name", t.Name, "address", s.client(r))
		s.loginPage(w, r, http.StatusForbidden, "None of your groups has a role in Outflow. Ask its administrator (feed.oidc.roles).")
		return nil
	}

	if err := s.Store.LogAccess(r.Context(), s.Now(), t.Name, t.Role, "signed in from "+s.client(r).String()); err != nil {
		s.errorPage(w, http.StatusInternalServerError, failed, nil)
		return err
	}

	t.Made, t.Expires = s.Now(), s.Now().Add(s.SignOn.Life)
	text, err := s.Store.issue(r.Context(), t, logout)
	if err != nil {
		s.errorPage(w, http.StatusInternalServerError, failed, nil)
		return err
	}
	s.setCookie(w, text, t.Expires)

	// A redirect would still count as coming from another site, and the browser would not send
	// the cookie. So this is a page, which goes on by itself.
	if next == "" {
		next = t.Role.home()
	}
	return s.render(w, http.StatusOK, "signed.html", &notice{frame: frame{Title: "Signed in"}, Next: next})
}

// endSession returns the URL at which a user of the provider signs out there (OpenID Connect RP-Initiated Logout), given
// their ID token; "" if the provider announces none.
func (o *SignOn) endSession(p *oidc.Provider, idToken string) string {
	var announced struct {
		Endpoint string `json:"end_session_endpoint"`
	}
	if err := p.Claims(&announced); err != nil {
		return ""
	}
	u, err := url.Parse(announced.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "https" && !strings.HasPrefix(o.Issuer, u.Scheme+"://") {
		return ""
	}
	q := u.Query()
	q.Set("id_token_hint", idToken)
	q.Set("client_id", o.ClientID)
	u.RawQuery = q.Encode()
	return u.String()
}

// signOn checks the response of the provider. It returns who signed in, with a role or "", the URL that ends their session
// at the provider, "" for none, and the page that they wanted to see.
func (s *Server) signOn(r *http.Request) (who *Token, logout, next string, err error) {
	q := r.URL.Query()
	if e := q.Get("error"); e != "" {
		return nil, "", "", fmt.Errorf("the provider returned the error %q", e)
	}
	var a authRequest
	c, err := r.Cookie(s.authCookie())
	if err != nil {
		return nil, "", "", errors.New("the browser has no cookie of a sign-in")
	}

	b, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil || json.Unmarshal(b, &a) != nil || a.State == "" {
		return nil, "", "", errors.New("the cookie is invalid")
	}
	if subtle.ConstantTimeCompare([]byte(a.State), []byte(q.Get("state"))) != 1 {
		return nil, "", "", errors.New("the state does not match the browser's")
	}

	p, ctx, err := s.SignOn.discover(r.Context())
	if err != nil {
		return nil, "", "", err
	}
	t, err := s.SignOn.config(p).Exchange(ctx, q.Get("code"), oauth2.VerifierOption(a.Verifier))
	if err != nil {
		var re *oauth2.RetrieveError
		if errors.As(err, &re) { // without its body, which may contain a token
			err = fmt.Errorf("the provider rejected the code: %s", re.ErrorCode)
		}
		return nil, "", "", err
	}

	raw, ok := t.Extra("id_token").(string)
	if !ok {
		return nil, "", "", errors.New("the provider returned no id_token")
	}
	config := &oidc.Config{ClientID: s.SignOn.ClientID, SupportedSigningAlgs: algorithms, Now: s.Now}
	id, err := p.VerifierContext(ctx, config).Verify(ctx, raw)
	if err != nil {
		return nil, "", "", err
	}

	if subtle.ConstantTimeCompare([]byte(a.Nonce), []byte(id.Nonce)) != 1 {
		return nil, "", "", errors.New("the token's nonce does not match the browser's")
	}
	name, role, err := s.SignOn.principal(id)
	if err != nil {
		return nil, "", "", err
	}
	who = &Token{Name: name, Role: role, Issuer: id.Issuer, Subject: id.Subject}
	return who, s.SignOn.endSession(p, raw), returnTo(a.Next), nil
}
