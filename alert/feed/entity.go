package feed

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/mail"
)

// entityPages adds the routes of the pages about what is no alert.
func (s *Server) entityPages(mux router) {
	page := func(pattern string, h handler, roles ...Role) { mux.Handle(pattern, s.guard(roles, true, h)) }
	page("GET /entities/{kind}/{name}", s.entityPage, SOC)
	page("GET /entities", s.entitiesPage, SOC)
	page("GET /coverage", s.coveragePage, SOC, Admin, Auditor)
	page("GET /watchlists", s.watchlistsPage, SOC, Admin, Auditor)
	mux.HandleFunc("GET /sources", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/coverage", http.StatusMovedPermanently)
	})
	api := func(pattern string, h handler, roles ...Role) { mux.Handle(pattern, s.guard(roles, false, h)) }
	api("GET /v1/people/{user}", s.person, SOC)
	api("GET /v1/entities/{kind}/{name}", s.entity, SOC)
	api("GET /v1/entities", s.entities, SOC)
	api("GET /v1/coverage", s.coverageNow, SOC, Admin, Auditor)
	api("GET /v1/watchlists", s.watchlistsNow, SOC, Admin, Auditor)
}

// entityPath returns the path of the page about an entity; "" if it has none.
func entityPath(e alert.Entity) string {
	if e.Kind == "" || e.Name == "" || e.Name == "." || e.Name == ".." {
		return ""
	}
	return "/entities/" + string(e.Kind) + "/" + url.PathEscape(e.Name)
}

// pseudonymous matches addresses that have a pseudonym in place of a name.
var pseudonymous = regexp.MustCompile(`(?i)\bp-[a-z2-9]{10}\b.*@`)

// recipientPath returns the path of the page about a recipient or destination as readers see it; "" if it has none, as a
// person of the organisation has. Of an address in which a name was replaced, it is that of the domain.
func recipientPath(name string) string {
	list := alert.RecipientEntities(name)
	switch {
	case len(list) == 0:
		return ""
	case pseudonymous.MatchString(name):
		return entityPath(list[len(list)-1])
	}
	return entityPath(list[0])
}

// objectPaths returns the paths of the pages about what the items of an alert are about, by evidence and item; "" for
// those without a page. The alert must be as it is stored, before it is masked.
func (who *reader) objectPaths(a *alert.Alert) [][]string {
	all := make([][]string, len(a.Evidence))
	for i := range a.Evidence {
		for j := range a.Evidence[i].Items {
			x := a.Evidence[i].Items[j].ObjectEntity()
			path := entityPath(x)
			if x.Kind != alert.ItemEntity && who.mask.Text(x.Name, a.User) != x.Name { // the path would reveal a name
				path = ""
			}
			all[i] = append(all[i], path)
		}
	}
	return all
}

const (
	entityAlerts = 25  // alerts on a page
	entityItems  = 200 // most events of them on the page
)

// entityReport is what alerts say of an entity, as a reader sees it.
type entityReport struct {
	alert.EntitySummary
	Page     int              `json:"page"`  // from 1
	Pages    int              `json:"pages"` // how many there are
	Mentions []entityMention  `json:"mentions"`
	Items    []entityItem     `json:"items"`              // events of these alerts that name it, the latest first
	Unlisted int              `json:"not_listed"`         // how many more of them the alerts list
	Open     []alert.Exposure `json:"open"`               // what these alerts report and nobody has reverted
	Shared   bool             `json:"shared_mail_domain"` // a mail provider: its addresses belong to different people
}

// entityMention is an alert that names an entity.
type entityMention struct {
	alert.Mention
	Item   *item  `json:"-"` // the alert; nil if it is gone
	Person string `json:"-"` // path of the page about the user; "" if it is about nobody
}

// entityItem is an event that names an entity.
type entityItem struct {
	alert.Item
	Alert string `json:"alert"`          // ID
	User  string `json:"user,omitempty"` // the alert is about
	Path  string `json:"-"`              // of the page about its object

	Person string `json:"-"` // path of the page about the user; "" if the alert is about nobody
}

// By says who acted, if it was not the person whom the alert is about.
func (x entityItem) By() string {
	if x.Actor == "anonymous" {
		return "without a sign-in"
	}
	if x.Actor != "" {
		return "by " + x.Actor
	}
	return ""
}

// Row returns the event as tables have it.
func (x entityItem) Row() *itemRow {
	row := newItemRow(&x.Item)
	row.Page = x.Path
	return &row
}

// entityOf returns what alerts say of the entity that the path of a request names, and writes the access to the audit
// log.
func (s *Server) entityOf(r *http.Request, who *reader) (*entityReport, error) {
	kind, name := alert.EntityKind(r.PathValue("kind")), strings.ToLower(r.PathValue("name"))
	if !slices.Contains(alert.EntityKinds, kind) {
		return nil, refuse(http.StatusNotFound, "there is no such kind of page")
	}
	page, err := pageOf(r)
	if err != nil {
		return nil, err
	}
	sum, err := s.Alerts.Entity(r.Context(), kind, name)
	if err != nil {
		return nil, err
	}
	_, domain, isAddress := strings.Cut(name, "@")
	if !isAddress {
		domain = name
	}
	if sum == nil || (kind == alert.DomainEntity || kind == alert.AddressEntity) && who.mask.Own(domain) {
		return nil, refuse(http.StatusNotFound, "no alert names this")
	}
	list, err := s.Alerts.Mentions(r.Context(), kind, name, (page-1)*entityAlerts, entityAlerts)
	if err != nil {
		return nil, err
	}
	var users []string
	for _, m := range list {
		users = append(users, m.User)
	}
	seenAs := func(text string) string { return who.mask.Within(users...).Text(text, users...) }
	sum.Title = seenAs(sum.Title)
	if err := s.Store.LogAccess(r.Context(), s.Now(), who.Name, who.Role, fmt.Sprintf("looked at what alerts say of the %s %s", kind,
		sum.Title)); err != nil {
		return nil, err
	}
	x := &entityReport{
		EntitySummary: *sum, Page: page, Pages: (sum.Alerts + entityAlerts - 1) / entityAlerts,
		Mentions: []entityMention{}, Items: []entityItem{}, Open: []alert.Exposure{},
		Shared: kind == alert.DomainEntity && mail.Consumer(domain),
	}
	err = s.fillEntity(r.Context(), who, x, list)
	x.Name = seenAs(x.Name)
	return x, err
}

// fillEntity adds the alerts of a page that name an entity, with their events.
func (s *Server) fillEntity(ctx context.Context, who *reader, x *entityReport, list []alert.Mention) error {
	var ids []string
	for _, m := range list {
		ids = append(ids, m.Alert)
	}
	current, err := s.Alerts.Current(ctx, ids...)
	if err != nil {
		return err
	}
	var changes []alert.Change
	var pages [][][]string
	at := map[string]int{}
	for _, m := range list {
		c, known := current[m.Alert]
		if !known {
			continue
		}
		if err := s.Alerts.LoadItems(ctx, &c.Alert); err != nil {
			return err
		}
		x.keepNaming(&c.Alert)
		at[m.Alert] = len(changes)
		changes = append(changes, c)
	}
	x.Unlisted = keepLatest(changes, entityItems)
	for i := range changes {
		pages = append(pages, who.objectPaths(&changes[i].Alert))
	}
	seen, err := s.items(ctx, changes, who)
	if err != nil {
		return err
	}
	for _, m := range list {
		n := entityMention{Mention: m}
		if m.User != "" { // the pages of service accounts, which keep their names, have pseudonyms as well
			n.Person = "/people/" + who.mask.Name(m.User)
		}
		if i, known := at[m.Alert]; known {
			n.Item, n.User = &seen[i], seen[i].Alert.User
			x.addItems(&seen[i].Alert, pages[i], n.Person)
		} else {
			n.User = who.name(m.User)
		}
		n.Alert = who.mask.ID(m.Alert)
		x.Mentions = append(x.Mentions, n)
	}
	slices.SortStableFunc(x.Items, func(a, b entityItem) int { return b.Time.Compare(a.Time) })
	return nil
}

// keepLatest leaves alerts the latest most items of all of them, and returns how many it took away.
func keepLatest(list []alert.Change, most int) (taken int) {
	var times []time.Time
	for i := range list {
		for _, e := range list[i].Alert.Evidence {
			for j := range e.Items {
				times = append(times, e.Items[j].Time)
			}
		}
	}
	if len(times) <= most {
		return 0
	}
	slices.SortFunc(times, func(a, b time.Time) int { return b.Compare(a) })
	kept := 0
	for i := range list {
		for j := range list[i].Alert.Evidence {
			e := &list[i].Alert.Evidence[j]
			e.Items = slices.DeleteFunc(e.Items, func(x alert.Item) bool {
				drop := x.Time.Before(times[most-1]) || kept == most
				if !drop {
					kept++
				}
				return drop
			})
		}
	}
	return len(times) - kept
}

// keepNaming leaves an alert those items that name the entity, each once.
func (x *entityReport) keepNaming(a *alert.Alert) {
	counted := map[string]bool{}
	a.Evidence = slices.Clone(a.Evidence)
	for i := range a.Evidence {
		var named []alert.Item
		for j := range a.Evidence[i].Items {
			of := &a.Evidence[i].Items[j]
			is := func(e alert.Entity) bool { return e.Kind == x.Kind && e.Name == x.Name }
			if counted[of.Identity()] || !slices.ContainsFunc(of.Entities(), is) {
				continue
			}
			counted[of.Identity()] = true
			named = append(named, *of)
		}
		a.Evidence[i].Items = named
	}
}

// addItems adds the events of an alert, which names nobody, with the paths of the pages about their objects and about the
// user, and what is open of the alert.
func (x *entityReport) addItems(a *alert.Alert, paths [][]string, person string) {
	own := entityPath(x.Entity)
	for i := range a.Evidence {
		for j := range a.Evidence[i].Items {
			item := entityItem{a.Evidence[i].Items[j], a.ID, a.User, paths[i][j], person}
			if item.Path == own {
				item.Path = ""
			}
			x.Items = append(x.Items, item)
		}
	}
	for _, e := range a.Exposures {
		if e.Closed == nil && !a.Withdrawn {
			x.Open = append(x.Open, e)
		}
	}
}

// pageOf reads the parameter page of a request: 1 or above.
func pageOf(r *http.Request) (int, error) {
	text := r.URL.Query().Get("page")
	if text == "" {
		return 1, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 1e6 {
		return 0, refuse(http.StatusBadRequest, "page: %q is not the number of a page", text)
	}
	return n, nil
}

// entity answers what alerts say of an entity.
func (s *Server) entity(w http.ResponseWriter, r *http.Request, who *reader) error {
	x, err := s.entityOf(r, who)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, x)
}

// entityView is the data of the page about an entity.
type entityView struct {
	frame
	*entityReport
}

// KindTitle is what the entity is, for people.
func (v *entityView) KindTitle() string {
	return strings.ToUpper(entityTitles[v.Kind][0][:1]) + entityTitles[v.Kind][0][1:]
}

// Domain returns the domain of an address, which has a page of its own; no kind for other entities.
func (v *entityView) Domain() (e alert.Entity) {
	if v.Kind == alert.AddressEntity {
		list := alert.RecipientEntities(v.Name)
		e = list[len(list)-1]
	}
	return e
}

// Earlier and Later are the numbers of the pages before and after this one; 0 if there is none.
func (v *entityView) Earlier() int { return v.Page - 1 }

// Later is the number of the page after this one; 0 if there is none.
func (v *entityView) Later() int {
	if v.Page >= v.Pages {
		return 0
	}
	return v.Page + 1
}

// entityPage serves what alerts say of an entity.
func (s *Server) entityPage(w http.ResponseWriter, r *http.Request, who *reader) error {
	x, err := s.entityOf(r, who)
	if err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "entity.html", &entityView{frame{Title: x.Title, Who: who.Token, At: "/entities"}, x})
}
