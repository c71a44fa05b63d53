package feed

import (
	"fmt"
	"html/template"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/report"
	"github.com/outflow/outflow/internal/plain"
)

// view is the data of a page. Each page sets the fields that it shows.
type view struct {
	frame
	Items      []item
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
	Message    *alert.Message
}

// pages adds the routes of the pages.
func (s *Server) pages(mux *http.ServeMux) {
	static(mux)
	get := func(pattern string, h handler, also ...Role) {
		mux.Handle(pattern, s.guard(append(also, SOC), true, h))
	}
	get("GET /{$}", s.queuePage)
	get("POST /alerts", s.bulkPage)
	get("POST /undo", s.undoPage)
	get("POST /views", s.viewsPage)
	get("GET /alerts/{id}", s.alertPage)
	get("GET /alerts/{id}/days.svg", s.chartPage)
	get("POST /alerts/{id}", s.decidePage)
	get("POST /alerts/{id}/suppression", s.suppressPage)
	get("GET /suppressions", s.suppressionsPage)
	get("POST /suppressions/{id}", s.endPage)
	get("POST /people/{user}", s.requestRevealPage)
	mux.Handle("GET /requests", s.guard([]Role{Privacy}, true, s.requestsPage))
	mux.Handle("POST /requests/{id}", s.guard([]Role{Privacy}, true, s.decideRequest))
	get("GET /people/{user}", s.personPage)
	s.entityPages(mux)
	mux.Handle("GET /digest", s.guard([]Role{SOC}, true, s.digestPage))
	mux.Handle("GET /leavers", s.guard([]Role{HR}, true, s.leaversPage))
	mux.Handle("GET /leavers/{user}", s.guard([]Role{HR}, true, s.reviewPage))
	mux.Handle("POST /leavers/{user}/name", s.guard([]Role{HR}, true, s.requestLeaverPage))
	mux.Handle("GET /access", s.guard([]Role{Auditor, Privacy}, true, s.accessPage))
	mux.Handle("GET /health", s.guard([]Role{Admin}, true, s.healthPage))
	mux.Handle("GET /tokens", s.guard([]Role{Admin}, true, s.tokensPage))
	mux.Handle("POST /tokens", s.guard([]Role{Admin}, true, s.revokePage))
	mux.Handle("GET /channels", s.guard([]Role{Admin}, true, s.channelsPage))
	s.signIn(mux)
	mux.HandleFunc("/", s.notFound)
}

// alertPage serves one alert with its evidence.
func (s *Server) alertPage(w http.ResponseWriter, r *http.Request, who *reader) error {
	if full, err := s.fullID(r); err != nil {
		return err
	} else if full != "" {
		to := url.URL{Path: "/alerts/" + full, RawQuery: r.URL.RawQuery}
		http.Redirect(w, r, to.String(), http.StatusSeeOther)
		return nil
	}
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
		frame:   frame{Title: items[0].Alert.Title, Who: who.Token, At: "/"},
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

// fullID returns the id of the alert that a request names by its first digits; "" if it gives the whole id, or one that
// is not known.
func (s *Server) fullID(r *http.Request) (string, error) {
	id := strings.ToLower(r.PathValue("id"))
	if !isHex(id) {
		return "", nil
	}
	full, err := s.Alerts.IDOf(r.Context(), id)
	if full == r.PathValue("id") {
		full = ""
	}
	return full, err
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

// short formats an amount: without decimals from ten on, with at most one below.
func short(x float64) string {
	if x >= 10 || x == math.Trunc(x) {
		return plain.Number(int64(math.Round(x)))
	}
	if x > 0 && x < .05 {
		return "under 0.1"
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", x), ".0")
}
