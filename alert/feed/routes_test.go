package feed

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// allowed are all routes, and the roles that may use each; everybody may use those of nil. A route that is not here fails
// TestRoutes.
var allowed = map[string][]Role{
	"GET /v1/alerts":                  {SOC},
	"GET /v1/alerts/{id}":             {SOC},
	"POST /v1/alerts/{id}/triage":     {SOC},
	"GET /v1/alerts/{id}/suppression": {SOC},
	"GET /v1/suppressions":            {SOC},
	"POST /v1/suppressions":           {SOC},
	"POST /v1/suppressions/{id}/end":  {SOC},
	"GET /v1/stream":                  {SOC},
	"GET /v1/precision":               {SOC},
	"POST /v1/reveal":                 {SOC, HR},
	"GET /v1/access":                  {Auditor, Privacy},
	"GET /v1/health":                  {SOC, Admin},
	"GET /v1/people/{user}":           {SOC},
	"GET /v1/entities/{kind}/{name}":  {SOC},
	"GET /v1/coverage":                {SOC, Admin, Auditor},
	"GET /v1/watchlists":              {SOC, Admin, Auditor},
	"GET /{$}":                        {SOC},
	"POST /alerts":                    {SOC},
	"POST /undo":                      {SOC},
	"POST /views":                     {SOC},
	"GET /alerts/{id}":                {SOC},
	"GET /alerts/{id}/items.csv":      {SOC},
	"GET /alerts/{id}/events":         {SOC},
	"POST /alerts/{id}":               {SOC},
	"POST /alerts/{id}/comment":       {SOC},
	"POST /alerts/{id}/suppression":   {SOC},
	"GET /suppressions":               {SOC},
	"POST /suppressions/{id}":         {SOC},
	"GET /people/{user}":              {SOC},
	"POST /people/{user}":             {SOC},
	"GET /entities/{kind}/{name}":     {SOC},
	"GET /entities":                   {SOC},
	"GET /v1/entities":                {SOC},
	"GET /digest":                     {SOC},
	"GET /coverage":                   {SOC, Admin, Auditor},
	"GET /watchlists":                 {SOC, Admin, Auditor},
	"GET /leavers":                    {HR},
	"GET /leavers/{user}":             {HR},
	"GET /leavers/{user}/review.pdf":  {HR},
	"POST /leavers/{user}/reviewed":   {HR},
	"POST /leavers/{user}/name":       {HR},
	"GET /requests":                   {Privacy},
	"POST /requests/{id}":             {Privacy},
	"GET /access":                     {Auditor, Privacy},
	"GET /health":                     {Admin},
	"GET /tokens":                     {Admin},
	"POST /tokens":                    {Admin},
	"GET /channels":                   {Admin},
	"GET /v1/openapi.json":            nil,
	"GET /sources":                    nil, // leads to /coverage
	"GET /login":                      nil,
	"POST /login":                     nil,
	"GET /login/oidc":                 nil,
	"GET /login/oidc/callback":        nil,
	"POST /logout":                    nil,
	"GET /static/style.css":           nil,
	"GET /static/review.css":          nil,
	"GET /static/app.js":              nil,
	"GET /static/icon.svg":            nil,
	"GET /favicon.ico":                nil,
	"/":                               nil, // what is not found
}

// patterns records routes.
type patterns []string

// Handle implements router.
func (p *patterns) Handle(pattern string, _ http.Handler) { *p = append(*p, pattern) }

// Handler implements router.
func (p *patterns) Handler(*http.Request) (http.Handler, string) { return nil, "" }

// HandleFunc implements router.
func (p *patterns) HandleFunc(pattern string, _ func(http.ResponseWriter, *http.Request)) {
	*p = append(*p, pattern)
}

// caller is who sends a request.
type caller struct {
	how    string // none, token or session
	role   Role   // "" for none
	header string
	value  string
}

// callers are every role, with a token and signed in through the provider, nobody, and tokens that do not hold.
func (x *team) callers(p *provider, web string) (list []caller) {
	x.t.Helper()
	for _, text := range []string{"", "Bearer ", "Bearer outflow_x", "Basic eDp4"} {
		list = append(list, caller{"nobody", "", "Authorization", text})
	}
	for name, end := range map[string]func(){
		"expired": func() {},
		"revoked": func() {
			if n, err := x.store.Revoke(x.t.Context(), "revoked"); n != 1 || err != nil {
				x.t.Fatal(n, err)
			}
		},
	} {
		life := map[string]time.Duration{"expired": -time.Minute, "revoked": time.Hour}[name]
		text, err := x.store.NewToken(x.t.Context(), name, SOC, x.now(), life)
		if err != nil {
			x.t.Fatal(err)
		}
		end()
		list = append(list, caller{name, "", "Authorization", "Bearer " + text})
	}
	for _, r := range Roles {
		list = append(list, caller{"a token", r, "Authorization", "Bearer " + x.tokens[r]})
		p.claims = jwt.MapClaims{"sub": "sub-" + string(r), "email": string(r) + "@northwind.example", "groups": []string{string(r)}}
		jar, err := cookiejar.New(nil)
		if err != nil {
			x.t.Fatal(err)
		}
		c := &http.Client{Jar: jar}
		res, err := c.Get(web + "/login/oidc")
		if err != nil {
			x.t.Fatal(err)
		}
		res.Body.Close()
		for _, cookie := range jar.Cookies(res.Request.URL) {
			if cookie.Name == x.server.cookie() {
				list = append(list, caller{"a session", r, "Cookie", cookie.String()})
			}
		}
	}
	if len(list) != 6+2*len(Roles) {
		x.t.Fatal("somebody could not sign in")
	}
	return list
}

// withProvider configures an identity provider that has a group for each role, and returns the address of the feed.
func (x *team) withProvider() (*provider, string) {
	x.t.Helper()
	p := newProvider(x.t, x.now)
	x.server.SignOn = &SignOn{Issuer: p.URL, ClientID: "outflow", Roles: map[Role][]string{}, Life: time.Hour, HTTP: http.DefaultClient}
	for _, r := range Roles {
		x.server.SignOn.Roles[r] = []string{string(r)}
	}
	web := httptest.NewServer(x.server.Handler())
	x.t.Cleanup(web.Close)
	x.server.SignOn.Redirect = web.URL + "/login/oidc/callback"
	x.http.Close()
	x.http = web
	return p, web.URL
}

// TestRoutes sends every method to every route as everybody, with an identity provider. docs/feed.md has the statuses.
func TestRoutes(t *testing.T) {
	x := newTeam(t, 4)
	p, web := x.withProvider()
	var all patterns
	x.server.routes(&all)
	for _, pattern := range all {
		if _, known := allowed[pattern]; !known {
			t.Errorf("%s: it is not known who may use it", pattern)
		}
	}
	for pattern := range allowed {
		if !slices.Contains(all, pattern) {
			t.Errorf("%s: there is no such route", pattern)
		}
	}
	callers := x.callers(p, web)
	requests := 0
	for _, pattern := range all {
		want, path, found := strings.Cut(pattern, " ")
		if !found {
			path = "/nowhere"
		}
		path = strings.NewReplacer("{id}", fmt.Sprintf("%032x", 2), "{user}", "P-X", "{kind}", "domain", "{name}", "x.example", "{$}", "").Replace(path)
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
			if pattern == "GET /v1/stream" && method != "HEAD" { // TestStream reads it
				continue
			}
			for _, c := range callers {
				if path == "/logout" && c.how == "a session" {
					continue
				}
				x.server.mu.Lock()
				x.server.limits = nil
				x.server.mu.Unlock()
				status, body, header := x.ask("", method, path, "", c.header, c.value, "Content-Type", "application/x-www-form-urlencoded")
				requests++
				if why := unexpected(pattern, method == want || method == "HEAD" && want == "GET", all, method, path, c, status, header); why != "" {
					t.Errorf("%s %s as %s %s: %d, want %s: %.200s", method, path, c.role, c.how, status, why, body)
				}
			}
		}
	}
	t.Logf("%d requests to %d routes", requests, len(all))
	// A page of another site has the browser send the cookie along: it changes nothing.
	for _, c := range callers {
		if c.how == "a session" {
			if status, body, _ := x.ask("", "POST", "/alerts", "", c.header, c.value, "Sec-Fetch-Site", "cross-site"); status != 403 {
				t.Errorf("%s from another site: %d %s", c.role, status, body)
			}
		}
	}
}

// unexpected says which status was expected instead; "" if it was the right one.
func unexpected(pattern string, right bool, all patterns, method, path string, c caller, status int, header http.Header) string {
	roles := allowed[pattern]
	if !right {
		of := strings.Replace(method, "HEAD", "GET", 1)
		if slices.ContainsFunc(all, func(p string) bool { return p != pattern && strings.HasPrefix(p, of+" ") && matches(p, path) }) {
			return "" // another route
		}
		if status != 404 && status != 405 {
			return "404 or 405"
		}
		return ""
	}
	api := strings.HasPrefix(path, "/v1/")
	switch {
	case pattern == "/":
		return ""
	case roles == nil:
		if status == 403 || status == 405 || status == 401 && path != "/login" && path != "/login/oidc/callback" {
			return "anything else"
		}
	case c.role == "" && api:
		if status != 401 {
			return "401"
		}
	case c.role == "":
		if status != 303 || !strings.HasPrefix(header.Get("Location"), "/login") {
			return "303 to /login"
		}
	case path == "/" && c.role != SOC:
		if status != 303 || header.Get("Location") != c.role.home() {
			return "303 to the first page of the role"
		}
	case !slices.Contains(roles, c.role):
		if status != 403 {
			return "403"
		}
	case status == 401 || status == 403 || status == 405 || status >= 500 || strings.HasPrefix(header.Get("Location"), "/login"):
		return "an answer"
	}
	return ""
}

// matches reports whether a path is one of a route.
func matches(pattern, path string) bool {
	_, p, _ := strings.Cut(pattern, " ")
	a, b := strings.Split(strings.TrimSuffix(p, "{$}"), "/"), strings.Split(path, "/")
	return slices.EqualFunc(a, b, func(x, y string) bool { return x == y || strings.HasPrefix(x, "{") })
}
