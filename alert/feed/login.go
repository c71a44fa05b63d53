package feed

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// signIn adds the routes of signing in and out.
func (s *Server) signIn(mux *http.ServeMux) {
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) {
		s.loginPage(w, r, http.StatusOK, "")
	})
	mux.HandleFunc("POST /login", s.login)
	if s.SignOn != nil {
		mux.HandleFunc("GET /login/oidc", s.redirectToProvider)
		mux.HandleFunc("GET /login/oidc/callback", s.handleCallback)
	}
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{
			Name:     s.cookie(),
			Path:     "/",
			MaxAge:   -1,
			HttpOnly: true,
			Secure:   s.Secure,
			SameSite: http.SameSiteStrictMode,
		})
		http.Redirect(w, r, "/login", http.StatusSeeOther)
	})
}

// loginPage answers the page on which people sign in. Text says why they have to again.
func (s *Server) loginPage(w http.ResponseWriter, r *http.Request, status int, text string) {
	p := &notice{frame: frame{Title: "Sign in"}, Text: text, Next: returnTo(r.FormValue("next"))}
	if err := s.render(w, status, "login.html", p); err != nil {
		s.Log.Error("feed", "path", r.URL.Path, "err", err)
	}
}

// login starts a session with a token; the cookie ends with the token.
func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	if !s.limit("login " + clientHost(r)).Allow() {
		s.loginPage(w, r, http.StatusTooManyRequests, "Too many attempts. Try again in a minute.")
		return
	}
	text := strings.TrimSpace(r.PostFormValue("token"))
	t, err := s.Store.Check(r.Context(), text, s.Now())
	if err != nil {
		reason := "This token is not valid. It may have expired or been revoked."
		if !errors.Is(err, ErrToken) {
			s.Log.Error("feed", "path", r.URL.Path, "err", err)
			reason = "Sign-in failed. The daemon's log says why."
		}
		s.loginPage(w, r, http.StatusUnauthorized, reason)
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name:     s.cookie(),
		Value:    text,
		Path:     "/",
		MaxAge:   int(t.Expires.Sub(s.Now()).Seconds()),
		HttpOnly: true,
		Secure:   s.Secure,
		SameSite: http.SameSiteStrictMode,
	})
	next := returnTo(r.PostFormValue("next"))
	if next == "" {
		next = t.Role.home()
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
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

// clientHost returns the address that a request comes from, without the port.
func clientHost(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
