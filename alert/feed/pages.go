package feed

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"math"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/report"
	"github.com/outflow/outflow/internal/plain"
)

//go:embed pages
var files embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"when": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") },
	"day": func(t time.Time) string {
		if t.IsZero() {
			return "not known"
		}
		return t.UTC().Format(time.DateOnly)
	},
	"number": func(x float64) string { return plain.Number(int64(math.Round(x))) },
	"one":    func(x float64) string { return fmt.Sprintf("%.1f", x) },
	"bars":   bars,
	"short":  short,
	"rate": func(x float64) string {
		if x < .01 {
			return "fewer than 0.01 false alerts"
		}
		return fmt.Sprintf("%.2g false alerts", x)
	},
	"text": func(a *alert.Alert) string { return a.Sentence() },
	"ago": func(now, t time.Time) string {
		if t.IsZero() {
			return "never"
		}
		return plain.Duration(now.Sub(t)) + " ago"
	},
	"path": url.PathEscape,
}).ParseFS(files, "pages/*.html"))

// view is the data of a page. Each page sets the fields that it shows.
type view struct {
	Title      string
	Who        *Token
	Now        time.Time
	Items      []item
	More       bool // there are more items than are shown
	Item       *item
	History    []Triage
	Related    []item
	User       string
	Open       []alert.Exposure
	Timeline   []moment
	Unseen     []string
	Active     int              // days on which the user was active, of those of Coverage
	Coverage   *report.Coverage // of the days that the page is about
	Usual      *report.Usual
	Chart      *report.Series
	Charts     []report.Series
	Suggestion *suggestion
	Precision  map[string]Outcomes // by detector
	Held       []activeSuppression
	Reveals    []Reveal
	Name       string    // of the user, while it is revealed
	Until      time.Time // until when it is
	Leavers    []leaver
	Health     any
	Statuses   []Status
	Severities []string
	Filter     url.Values
	Error      string
	Message    *alert.Message
	SignOn     bool   // whether there is an identity provider
	Home       string // first page of the role
}

const (
	shownInQueue = 200 // most alerts on the page
	queueReads   = 5   // reads of 1,000 alerts each, for one severity
	queueDays    = 7   // days of which an empty queue shows the coverage
)

// pages adds the routes of the pages.
func (s *Server) pages(mux *http.ServeMux) {
	static, err := fs.Sub(files, "pages")
	if err != nil {
		panic(err) // it is embedded
	}
	for _, name := range []string{"style.css", "app.js"} {
		mux.HandleFunc("GET /static/"+name, func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, static, name) })
	}

	content := []Role{SOC, HR}
	get := func(pattern string, h handler) { mux.Handle(pattern, s.guard(content, true, h)) }
	get("GET /{$}", s.queuePage)
	get("GET /alerts/{id}", s.alertPage)
	get("GET /alerts/{id}/days.svg", s.chartPage)
	get("POST /alerts/{id}", s.decidePage)
	get("POST /alerts/{id}/suppression", s.suppressPage)
	get("GET /suppressions", s.suppressionsPage)
	get("POST /suppressions/{id}", s.endPage)
	get("GET /people/{user}/days.svg", s.personChartPage)
	get("POST /people/{user}", s.requestRevealPage)
	mux.Handle("GET /requests", s.guard([]Role{Privacy}, true, s.requestsPage))
	mux.Handle("POST /requests/{id}", s.guard([]Role{Privacy}, true, s.decideRequest))
	get("GET /people/{user}", s.personPage)
	get("GET /sources", s.sourcesPage)
	mux.Handle("GET /digest", s.guard([]Role{SOC}, true, s.digestPage))
	mux.Handle("GET /leavers", s.guard([]Role{HR}, true, s.leaversPage))
	mux.Handle("GET /leavers/{user}", s.guard([]Role{HR}, true, s.reviewPage))
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) {
		s.render(w, http.StatusOK, "login.html", &view{Title: "Sign in"})
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

// login starts a session with a token; the cookie ends with the token.
func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	if !s.limit("login " + clientHost(r)).Allow() {
		s.render(w, http.StatusTooManyRequests, "login.html", &view{Title: "Sign in", Error: "Too many attempts."})
		return
	}
	text := strings.TrimSpace(r.PostFormValue("token"))
	t, err := s.Store.Check(r.Context(), text, s.Now())
	if err != nil {
		reason := "That token is not valid."
		if !errors.Is(err, ErrToken) {
			s.Log.Error("feed", "path", r.URL.Path, "err", err)
			reason = "It failed; the log says why."
		}
		s.render(w, http.StatusUnauthorized, "login.html", &view{Title: "Sign in", Error: reason})
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
	http.Redirect(w, r, t.Role.home(), http.StatusSeeOther)
}

// clientHost returns the address that a request comes from, without the port.
func clientHost(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// home returns the first page of a role.
func (r Role) home() string {
	if r == Privacy {
		return "/requests"
	}
	return "/"
}

// render answers a page.
func (s *Server) render(w http.ResponseWriter, status int, name string, v *view) error {
	v.SignOn = s.SignOn != nil
	v.Now, v.Statuses, v.Severities = s.Now(), Statuses, []string{"low", "medium", "high", "critical"}
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, v); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, err := w.Write(bytes.Map(printableRune, b.Bytes()))
	return err
}

// printableRune replaces characters that could make a page show another text than it contains,
// such as those that change its direction.
func printableRune(c rune) rune {
	if plain.Disturbs(c) && c != '\n' && c != '\r' && c != '\t' {
		return '·'
	}
	return c
}

// errorPage answers an error as a page.
func (s *Server) errorPage(w http.ResponseWriter, status int, text string) {
	if err := s.render(w, status, "error.html", &view{Title: http.StatusText(status), Error: text}); err != nil {
		s.Log.Error("feed", "err", err)
	}
}

// queuePage serves the list of open alerts, the most urgent first.
func (s *Server) queuePage(w http.ResponseWriter, r *http.Request, who *reader) error {
	f, err := s.filter(r, who)
	if err != nil {
		return err
	}
	v := &view{Title: "Alerts", Who: who.Token, Filter: r.URL.Query()}
	list, err := s.queue(r.Context(), f, v.Filter, who)
	if err != nil {
		return err
	}
	if v.More = len(list) > shownInQueue; v.More {
		list = list[:shownInQueue]
	}
	v.Items = list
	if len(list) == 0 {
		if v.Coverage, v.Usual, err = s.coverage(r.Context(), queueDays, -1); err != nil {
			return err
		}
	}
	if err := s.Store.LogAccess(r.Context(), s.Now(), who.Name, who.Role,
		fmt.Sprintf("looked at the queue: %d alerts", len(list))); err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "queue.html", v)
}

// queue lists the alerts that fit a request. It reads one severity after another, so that
// urgent alerts are in the list however many came after them, and stops as soon as it has
// more than are shown.
func (s *Server) queue(ctx context.Context, f alert.Filter, q url.Values, who *reader) (list []item, err error) {
	least := f.Severity
	f.Latest, f.Exact, f.Limit = true, true, 1000
	for f.Severity = alert.Critical; f.Severity >= least && len(list) <= shownInQueue; f.Severity-- {
		f.Before = math.MaxInt64
		for range queueReads {
			changes, err := s.Alerts.Changes(ctx, f)
			if err != nil {
				return nil, err
			}
			all, err := s.items(ctx, changes, who)
			if err != nil {
				return nil, err
			}
			for i := range all {
				if all[i].fits(Status(q.Get("status")), strings.ToLower(q.Get("q"))) {
					list = append(list, all[i])
				}
			}
			if len(changes) < f.Limit {
				break
			}
			f.Before = changes[len(changes)-1].Seq
		}
	}
	slices.SortStableFunc(list, func(a, b item) int {
		return cmp.Or(cmp.Compare(b.Alert.Severity, a.Alert.Severity), cmp.Compare(b.Alert.Score, a.Alert.Score),
			b.Alert.Time.Compare(a.Alert.Time))
	})
	return list, nil
}

// fits reports whether an item belongs in the queue of a status ("" for what is still to be
// decided), and contains a text in lower case.
func (x *item) fits(want Status, text string) bool {
	st := x.Status()
	switch {
	case x.Alert.Withdrawn:
		return false
	case want == "" && st != Undecided && st != Acknowledged, want != "" && st != want:
		return false
	case text == "":
		return true
	}
	a := &x.Alert
	searched := a.Sentence() + " " + a.User + " " + strings.Join(a.Sources, " ") + " " + strings.Join(a.Detectors, " ")
	return strings.Contains(strings.ToLower(searched), text)
}

// alertPage serves one alert with its evidence.
func (s *Server) alertPage(w http.ResponseWriter, r *http.Request, who *reader) error {
	c, _, err := s.latest(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := s.Store.LogAccess(r.Context(), s.Now(), who.Name, who.Role,
		"looked at alert "+c.Alert.ID+" about "+who.mask.Name(c.Alert.User)); err != nil {
		return err
	}

	items, err := s.items(r.Context(), []alert.Change{*c}, who)
	if err != nil {
		return err
	}
	v := &view{
		Title:   items[0].Alert.Title,
		Who:     who.Token,
		Item:    &items[0],
		Message: &alert.Message{Alert: items[0].Alert},
	}
	if v.History, err = s.Store.Decisions(r.Context(), c.Alert.ID); err != nil {
		return err
	}

	if c.Alert.User != "" {
		v.User = who.mask.Name(c.Alert.User)
		if v.Related, err = s.about(r, who, c.Alert.User); err != nil {
			return err
		}
		v.Related = slices.DeleteFunc(v.Related, func(x item) bool { return x.Alert.ID == c.Alert.ID })
	}

	v.Open = openExposures(slices.Concat(items, v.Related))
	v.Timeline = timeline(&items[0].Alert, v.Related)
	if v.Unseen, err = s.missingSources(r.Context(), &c.Alert); err != nil {
		return err
	}
	if v.Chart, err = s.alertSeries(r.Context(), &c.Alert); err != nil {
		return err
	}

	if v.Precision, err = s.Store.Precision(r.Context()); err != nil {
		return err
	}
	if v.Suggestion, err = s.suggested(r.Context(), &c.Alert, v.History); err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "alert.html", v)
}

// about returns the latest alerts about a user.
func (s *Server) about(r *http.Request, who *reader, user string) ([]item, error) {
	changes, err := s.Alerts.Changes(r.Context(), alert.Filter{
		User:   user,
		Latest: true,
		Before: math.MaxInt64,
		Limit:  50,
	})
	if err != nil {
		return nil, err
	}
	return s.items(r.Context(), changes, who)
}

// decidePage stores a decision from the page of an alert.
func (s *Server) decidePage(w http.ResponseWriter, r *http.Request, who *reader) error {
	t := Triage{Status: Status(r.PostFormValue("status")), Assignee: r.PostFormValue("assignee"), Note: r.PostFormValue("note")}
	if err := s.decide(r.Context(), r.PathValue("id"), t, who); err != nil {
		return err
	}
	http.Redirect(w, r, "/alerts/"+url.PathEscape(r.PathValue("id")), http.StatusSeeOther)
	return nil
}

// personPage serves one user, with alerts and charts.
func (s *Server) personPage(w http.ResponseWriter, r *http.Request, who *reader) error {
	pseudonym := r.PathValue("user")
	user, err := s.revealedName(r.Context(), who, pseudonym)
	if err != nil {
		return err
	}
	if err := s.Store.LogAccess(r.Context(), s.Now(), who.Name, who.Role, "looked at "+pseudonym); err != nil {
		return err
	}

	v := &view{Title: pseudonym, Who: who.Token, User: pseudonym}
	if v.Name, v.Until, err = s.Store.activeReveal(r.Context(), who.Name, pseudonym, s.Now()); err != nil {
		return err
	}
	if v.Reveals, err = s.Store.reveals(r.Context(), "who = ? AND pseudonym = ?", who.Name, pseudonym); err != nil {
		return err
	}

	if v.Charts, err = s.charts(r.Context(), user); err != nil {
		return err
	}
	if v.Items, err = s.about(r, who, user); err != nil {
		return err
	}
	v.Open = openExposures(v.Items)
	active, err := s.Alerts.Days(r.Context(), user, s.Now().AddDate(0, 0, 1-personDays), s.Now())
	if err != nil {
		return err
	}

	v.Active = len(active)
	if v.Coverage, v.Usual, err = s.coverage(r.Context(), personDays, v.Active); err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "person.html", v)
}

// openExposures returns the exposures that nobody has closed.
func openExposures(list []item) (still []alert.Exposure) {
	for i := range list {
		for _, x := range list[i].Alert.Exposures {
			if x.Closed == nil {
				still = append(still, x)
			}
		}
	}
	return still
}

// sourcesPage serves the health of the sources.
func (s *Server) sourcesPage(w http.ResponseWriter, r *http.Request, who *reader) error {
	return s.render(w, http.StatusOK, "sources.html", &view{Title: "Sources", Who: who.Token, Health: s.Health()})
}

// bars draws what was observed beside what is usual, as SVG: three bars for each piece of
// evidence that counts something.
func bars(a *alert.Alert) template.HTML {
	type row struct {
		name  string
		value float64
		class string
	}

	var b strings.Builder
	y, width := 0, 300.0
	for _, e := range a.Evidence {
		if e.Unit == "" || e.Observed <= 0 {
			continue
		}
		most := max(e.Observed, e.Expected, e.Peers)
		fmt.Fprintf(&b, `<text x="0" y="%d" class="t">%s</text>`, y+12, template.HTMLEscapeString(e.Title+", "+e.Unit))
		y += 18
		for _, r := range []row{{"this day", e.Observed, "seen"}, {"usual day", e.Expected, "own"}, {"colleagues", e.Peers, "peers"}} {
			long := max(width*r.value/most, 1)
			fmt.Fprintf(&b, `<text x="0" y="%d" class="l">%s</text>`, y+10, r.name)
			fmt.Fprintf(&b, `<rect x="80" y="%d" width="%.1f" height="11" class="%s"/>`, y, long, r.class)
			fmt.Fprintf(&b, `<text x="%.1f" y="%d" class="l">%s</text>`, 86+long, y+10, template.HTMLEscapeString(short(r.value)))
			y += 15
		}
		y += 10
	}

	if y == 0 {
		return ""
	}
	return template.HTML(fmt.Sprintf(
		`<svg role="img" aria-label="What was seen on this day beside a usual day of the person and of colleagues"`+
			` viewBox="0 0 460 %d" class="bars">%s</svg>`,
		y, b.String()))
}

// short formats an amount: without decimals from ten on, with one below.
func short(x float64) string {
	if x >= 10 {
		return plain.Number(int64(math.Round(x)))
	}
	return fmt.Sprintf("%.1f", x)
}
