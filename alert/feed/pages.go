package feed

import (
	"context"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"strings"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/plain"
)

// view is the data of a page. Each page sets the fields that it shows.
type view struct {
	frame
	Held    []activeSuppression
	Reveals []Reveal
	Leavers []leaver
}

// pages adds the routes of the pages.
func (s *Server) pages(mux router) {
	static(mux)
	get := func(pattern string, h handler, also ...Role) {
		mux.Handle(pattern, s.guard(append(also, SOC), true, h))
	}
	get("GET /{$}", s.rootPage, HR, Privacy, Auditor, Admin)
	get("POST /alerts", s.bulkPage)
	get("POST /undo", s.undoPage)
	get("POST /views", s.viewsPage)
	get("GET /alerts/{id}", s.alertPage)
	get("GET /alerts/{id}/items.csv", s.itemsFile)
	get("GET /alerts/{id}/events", s.eventsPage)
	get("POST /alerts/{id}", s.decidePage)
	get("POST /alerts/{id}/comment", s.commentPage)
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
	mux.HandleFunc("GET /static/review.css", reviewStyle)
	mux.Handle("GET /leavers/{user}/review.pdf", s.guard([]Role{HR}, true, s.reviewFile))
	mux.Handle("POST /leavers/{user}/reviewed", s.guard([]Role{HR}, true, s.reviewedPage))
	mux.Handle("POST /leavers/{user}/name", s.guard([]Role{HR}, true, s.requestLeaverPage))
	mux.Handle("GET /access", s.guard([]Role{Auditor, Privacy}, true, s.accessPage))
	mux.Handle("GET /health", s.guard([]Role{Admin}, true, s.healthPage))
	mux.Handle("GET /tokens", s.guard([]Role{Admin}, true, s.tokensPage))
	mux.Handle("POST /tokens", s.guard([]Role{Admin}, true, s.revokePage))
	mux.Handle("GET /channels", s.guard([]Role{Admin}, true, s.channelsPage))
	s.signIn(mux)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.notFound(w, r, mux) })
}

// rootPage serves the queue, or leads those who have none to their first page.
func (s *Server) rootPage(w http.ResponseWriter, r *http.Request, who *reader) error {
	if who.Role != SOC {
		http.Redirect(w, r, who.Role.home(), http.StatusSeeOther)
		return nil
	}
	return s.queuePage(w, r, who)
}

// about returns the latest alerts about a user.
func (s *Server) about(ctx context.Context, who *reader, user string) ([]item, error) {
	changes, err := s.Alerts.Changes(ctx, alert.Filter{
		User:   user,
		Latest: true,
		Before: math.MaxInt64,
		Limit:  50,
	})
	if err != nil {
		return nil, err
	}
	return s.items(ctx, changes, who)
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
			fmt.Fprintf(&b, `<text x="%.1f" y="%d" class="l">%s</text>`, 86+long, y+10, template.HTMLEscapeString(plain.Amount(r.value)))
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
