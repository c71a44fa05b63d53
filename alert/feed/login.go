package feed

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// signIn adds the routes of signing in and out.
func (s *Server) signIn(mux router) {
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) {
		s.loginPage(w, r, http.StatusOK, "")
	})
	mux.HandleFunc("POST /login", s.signing(s.login))
	if s.SignOn != nil {
		mux.HandleFunc("GET /login/oidc", s.redirectToProvider)
		mux.HandleFunc("GET /login/oidc/callback", s.signing(s.handleCallback))
	}
	mux.HandleFunc("POST /logout", s.signing(s.logout))
}

// loginPage answers the page on which people sign in. Text says why they have to again.
func (s *Server) loginPage(w http.ResponseWriter, r *http.Request, status int, text string) {
	p := &notice{frame: frame{Title: "Sign in"}, Text: text, Next: returnTo(r.FormValue("next"))}
	if err := s.render(w, status, "login.html", p); err != nil {
		s.Log.Error("feed", "path", r.URL.Path, "err", err)
	}
}

// login starts a session of a token, which ends with it.
func (s *Server) login(w http.ResponseWriter, r *http.Request) error {
	if s.attempts(r).Tokens() < 1 {
		s.loginPage(w, r, http.StatusTooManyRequests, "Too many attempts. Try again in a minute.")
		return nil
	}
	t, err := s.Store.Check(r.Context(), strings.TrimSpace(r.PostFormValue("token")), s.Now())
	if errors.Is(err, ErrToken) {
		s.attempts(r).Allow()
		s.Log.Warn("sign-in failed", "address", s.client(r), "err", "no valid token")
		s.loginPage(w, r, http.StatusUnauthorized, "This token is not valid. It may have expired or been revoked.")
		return nil
	}
	text := ""
	if err == nil {
		if err = s.Store.LogAccess(r.Context(), s.Now(), t.Name, t.Role, "signed in with a token from "+s.client(r).String()); err == nil {
			text, err = s.Store.newSession(r.Context(), t, s.Now())
		}
	}
	if err != nil {
		s.loginPage(w, r, http.StatusInternalServerError, "Sign-in failed. The daemon's log says why.")
		return err
	}
	s.setCookie(w, text, t.Expires)
	next := returnTo(r.PostFormValue("next"))
	if next == "" {
		next = t.Role.home()
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
	return nil
}

// returnTo returns the page to go to after sign-in: a path of this origin, with its query. It returns "" for anything
// else, such as the address of another site.
func returnTo(next string) string {
	u, err := url.Parse(next)
	if err != nil || len(next) > 2000 || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" ||
		!strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") || strings.Contains(next, "\\") ||
		strings.HasPrefix(u.Path, "/login") || strings.HasPrefix(u.Path, "/logout") || u.Path == "/" && u.RawQuery == "" {
		return ""
	}
	out := url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}
	return out.String()
}

// askToSignIn leads a reader without a valid token to the sign-in page, and from there to where they wanted to go. A
// browser that follows a link of another site does not send its cookie, as that is strict: it is led here once more by
// a page of our own before it is asked to sign in.
func (s *Server) askToSignIn(w http.ResponseWriter, r *http.Request) {
	next := ""
	if r.Method == http.MethodGet {
		next = returnTo(r.URL.RequestURI())
	}
	if next != "" && r.Header.Get("Sec-Fetch-Site") == "cross-site" {
		if err := s.render(w, http.StatusOK, "signed.html", &notice{frame: frame{Title: "Opening the page"}, Next: next}); err != nil {
			s.Log.Error("feed", "path", r.URL.Path, "err", err)
		}
		return
	}
	to := "/login"
	if next != "" {
		to += "?" + url.Values{"next": {next}}.Encode()
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}
