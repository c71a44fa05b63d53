package feed

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"math"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/outflow/outflow/alert/report"
	"github.com/outflow/outflow/internal/attack"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/plain"
)

//go:embed pages
var files embed.FS

var templates = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{
		"when":   when,
		"moment": func(t time.Time) template.HTML { return stamp(t, "2006-01-02 15:04:05") },
		"day": func(t time.Time) template.HTML {
			if t.IsZero() {
				return "not known"
			}
			d := t.UTC().Format(time.DateOnly)
			return template.HTML(`<time class="day" datetime="` + d + `">` + d + `</time>`)
		},
		"number":   func(x float64) string { return plain.Number(int64(math.Round(x))) },
		"one":      func(x float64) string { return fmt.Sprintf("%.1f", x) },
		"bars":     bars,
		"short":    plain.Amount,
		"sentence": sentenceOf,
		"vendor":   vendorTitle,
		"ago":      ago,
		"icon":     icon,
		"closings": func() []Status { return statusGroups[closed] },
		"rate": func(x float64) string {
			if x < .01 {
				return "under 0.01"
			}
			return fmt.Sprintf("%.2g", x)
		},
		"path":      url.PathEscape,
		"entity":    entityPath,
		"recipient": recipientPath,
		"count":     plain.Number,
		"int":       plain.Count,
		"percent":   func(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) },
		"pair":      func(l Watchlist, v *watchlistsView) watchlistCard { return watchlistCard{&l, v} },
		"size":      func(n int64) string { return plain.Size(float64(n)) },
		"technique": attack.URL,
		"titled":    attack.Title,
		"share":     func(n, most int) int { return 100 * n / max(most, 1) },
		"days":      func(n int) string { return plain.CountOf(n, "day", "days") },
	}).ParseFS(files, "pages/*.html"))
})

// when returns a time as an element of a page: in UTC, until a script writes it in the reader's zone.
func when(t time.Time) template.HTML {
	if t.IsZero() {
		return "not known"
	}
	return stamp(t, "2006-01-02 15:04")
}

// stamp returns a time as an element of a page, as precise as its format.
func stamp(t time.Time, format string) template.HTML {
	t = t.UTC()
	precise := ""
	if strings.HasSuffix(format, "05") {
		precise = ` class="precise"`
	}
	return template.HTML(fmt.Sprintf(`<time%s datetime="%s">%s UTC</time>`, precise, t.Format(time.RFC3339), t.Format(format)))
}

// ago returns how long before now a time is, as an element of a page.
func ago(now, t time.Time) template.HTML {
	if t.IsZero() {
		return "never"
	}
	t = t.UTC()
	return template.HTML(fmt.Sprintf(`<time class="ago" datetime="%s" title="%s UTC">%s ago</time>`,
		t.Format(time.RFC3339), t.Format("2006-01-02 15:04"), plain.Duration(max(now.Sub(t), 0))))
}

// vendorTitle returns a source's name for people.
func vendorTitle(source string) string {
	if s := event.SourceNamed(source); s != event.NoSource {
		return s.Title()
	}
	return source
}

// vendorIcons are the drawings of pages/base.html for sources. They show what a service is for: vendors' own marks are
// trademarks.
var vendorIcons = map[string]string{
	"aws_cloudtrail":   "cloud",
	"m365":             "file",
	"google_workspace": "file",
	"box":              "folder",
	"dropbox":          "folder",
	"salesforce":       "table",
	"okta":             "key",
	"slack":            "chat",
	"github":           "branch",
	"hr":               "person",
	"atlassian":        "ticket",
	"zoom":             "video",
	"snowflake":        "table",
	"anthropic":        "spark",
	"openai":           "spark",
}

// icon returns a drawing by its name, or that of a source. It says nothing that the text beside it does not.
func icon(name any) template.HTML {
	id := fmt.Sprint(name)
	if v, known := vendorIcons[id]; known {
		id = v
	}
	return template.HTML(`<svg class="icon" aria-hidden="true"><use href="#i-` + template.HTMLEscapeString(id) + `"/></svg>`)
}

// link is an entry of the navigation.
type link struct {
	Path  string
	Title string
}

// navigation is what each role finds on every page. The first entry is the page that the role lands on.
var navigation = map[Role][]link{
	SOC: {
		{"/", "Alerts"},
		{"/entities", "Entities"},
		{"/suppressions", "Suppressions"},
		{"/digest", "Weekly digest"},
		{"/watchlists", "Watchlists"},
		{"/coverage", "Coverage"},
	},
	HR:      {{"/leavers", "Leavers"}},
	Privacy: {{"/requests", "Name requests"}, {"/access", "Audit log"}},
	Auditor: {{"/access", "Audit log"}, {"/watchlists", "Watchlists"}, {"/coverage", "Coverage"}},
	Admin: {
		{"/health", "Health"},
		{"/coverage", "Coverage"},
		{"/watchlists", "Watchlists"},
		{"/tokens", "Tokens"},
		{"/channels", "Channels"},
	},
}

// home returns the first page of a role.
func (r Role) home() string { return navigation[r][0].Path }

// frame is what every page has. A page's data embeds it.
type frame struct {
	Title  string
	Who    *Token // the reader; nil before sign-in
	Now    time.Time
	At     string // path of the entry in the navigation that the page belongs to
	SignOn bool   // whether there is an identity provider
}

// Nav returns the navigation of the reader.
func (f *frame) Nav() []link {
	if f.Who == nil {
		return nil
	}
	return navigation[f.Who.Role]
}

// Home returns the page that the reader lands on.
func (f *frame) Home() string {
	if f.Who == nil {
		return "/"
	}
	return f.Who.Role.home()
}

// Live reports whether the page says that alerts have come.
func (f *frame) Live() bool { return f.Who != nil && f.Who.Role == SOC }

// layout implements pageData.
func (f *frame) layout() *frame { return f }

// pageData is the data of a page: a struct that embeds frame.
type pageData interface{ layout() *frame }

// notice is the data of pages that say one thing.
type notice struct {
	frame
	Text   string
	Advice string // what to do
	Next   string // where the page leads
}

// render answers a page.
func (s *Server) render(w http.ResponseWriter, status int, name string, p pageData) error {
	f := p.layout()
	f.SignOn, f.Now = s.SignOn != nil, s.Now()
	var b bytes.Buffer
	if err := templates().ExecuteTemplate(&b, name, p); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, err := w.Write(report.Unbroken(bytes.Map(printableRune, b.Bytes())))
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

// failures are the titles of pages that answer an error, and what their reader can do, by status.
var failures = map[int]struct{ title, advice string }{
	http.StatusBadRequest:      {"This cannot be done", "Go back and correct it."},
	http.StatusForbidden:       {"No access", "If your work needs it, ask whoever administers Outflow."},
	http.StatusNotFound:        {"Not found", "Check the address. What is older than its retention is deleted."},
	http.StatusConflict:        {"It has changed", "Go back and load the page again."},
	http.StatusTooManyRequests: {"Too many requests", "Wait a second and load the page again."},
	http.StatusInternalServerError: {"Something failed", "Load the page again. If it fails again, tell whoever runs Outflow: " +
		"the cause is in the daemon's log."},
	http.StatusServiceUnavailable: {"Not available now", "Load the page again in a minute."},
}

// errorPage answers an error as a page, with the navigation of the reader, who may be nil.
func (s *Server) errorPage(w http.ResponseWriter, status int, text string, who *Token) {
	kind, known := failures[status]
	if !known {
		kind = failures[http.StatusInternalServerError]
	}
	p := &notice{frame: frame{Title: kind.title, Who: who}, Text: sentenceOf(text), Advice: kind.advice}
	if err := s.render(w, status, "error.html", p); err != nil {
		s.Log.Error("feed", "err", err)
	}
}

// sentenceOf makes a sentence of an error's text.
func sentenceOf(text string) string {
	if text == "" || strings.HasSuffix(text, ".") {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// static adds the routes of the files that pages load.
func static(mux router) {
	content, err := fs.Sub(files, "pages")
	if err != nil {
		panic(err) // it is embedded
	}
	for path, name := range map[string]string{
		"/static/style.css": "style.css",
		"/static/app.js":    "app.js",
		"/static/icon.svg":  "icon.svg",
		"/favicon.ico":      "icon.svg",
	} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(name, ".svg") {
				w.Header().Set("Content-Type", "image/svg+xml")
			}
			http.ServeFileFS(w, r, content, name)
		})
	}
}

// notFound answers what no route fits: as JSON below /v1/, and as a page elsewhere. A path that exists for other
// methods is answered with these.
func (s *Server) notFound(w http.ResponseWriter, r *http.Request, mux router) {
	status, page, text := http.StatusNotFound, "there is no such page", "there is no such path: see /v1/openapi.json"
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		other := *r
		other.Method = method
		if _, pattern := mux.Handler(&other); pattern != "/" {
			w.Header().Add("Allow", method)
			status, page = http.StatusMethodNotAllowed, "this page does not take "+r.Method
			text = "this path does not take " + r.Method
		}
	}
	if strings.HasPrefix(r.URL.Path, "/v1/") {
		write(w, status, map[string]string{"error": text})
		return
	}
	t, err := s.token(r)
	if err != nil {
		t = nil
	}
	s.errorPage(w, status, page, t)
}
