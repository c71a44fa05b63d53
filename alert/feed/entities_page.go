package feed

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/plain"
)

const (
	entitiesShown  = 50  // entities on a page
	entitiesSought = 500 // most entities that a search looks at
	entityUsers    = 25  // latest alerts of an entity whose people are masked in its title
)

// entityList is a page of the entities of a kind, as a reader sees them.
type entityList struct {
	Kind     alert.EntityKind         `json:"kind"`
	Counts   map[alert.EntityKind]int `json:"counts"` // of all kinds
	Total    int                      `json:"total"`  // of this kind that fit the search
	Most     bool                     `json:"more"`   // a search has found too many: total counts those that it looked at
	Page     int                      `json:"page"`   // from 1
	Pages    int                      `json:"pages"`
	Entities []listedEntity           `json:"entities"`

	Text  string            `json:"-"` // searched for
	Order alert.EntityOrder `json:"-"`
}

// listedEntity is an entity of the list.
type listedEntity struct {
	alert.EntitySummary
	Path string `json:"-"` // of its page; "" where the path would reveal a name
}

// entitiesOf returns the page of entities that a request asks for, and writes the access to the audit log.
func (s *Server) entitiesOf(r *http.Request, who *reader) (*entityList, error) {
	ctx, q := r.Context(), r.URL.Query()
	x := &entityList{
		Kind: alert.EntityKind(q.Get("kind")), Text: strings.TrimSpace(q.Get("q")), Order: alert.EntityOrder(q.Get("sort")),
		Entities: []listedEntity{},
	}
	if x.Kind == "" {
		x.Kind = alert.DomainEntity
	}
	if x.Order == "" {
		x.Order = alert.LatestEntities
	}
	var err error
	switch x.Page, err = pageOf(r); {
	case err != nil:
		return nil, err
	case !slices.Contains(alert.EntityKinds, x.Kind):
		return nil, refuse(http.StatusBadRequest, "kind: %q: %v", x.Kind, alert.EntityKinds)
	case !slices.Contains(alert.EntityOrders, x.Order):
		return nil, refuse(http.StatusBadRequest, "sort: %q: %v", x.Order, alert.EntityOrders)
	case longer(x.Text, 200):
		return nil, refuse(http.StatusBadRequest, "q: 200 characters at most")
	}
	domains, err := s.Alerts.EntityDomains(ctx)
	if err != nil {
		return nil, err
	}
	own := slices.DeleteFunc(domains, func(d string) bool { return !who.mask.Own(d) })
	if x.Counts, err = s.Alerts.CountEntities(ctx, own); err != nil {
		return nil, err
	}
	if err := s.Store.LogAccess(ctx, s.Now(), who.Name, who.Role, "listed what alerts name: "+string(x.Kind)); err != nil {
		return nil, err
	}
	f := alert.EntityFilter{Kind: x.Kind, Text: x.Text, Except: own, Order: x.Order}
	f.Limit, f.Skip = entitiesShown, (x.Page-1)*entitiesShown
	if x.Text == "" {
		x.Total = x.Counts[x.Kind]
		err = s.listEntities(ctx, who, x, f)
	} else {
		err = s.searchEntities(ctx, who, x, f)
	}
	x.Pages = max((x.Total+entitiesShown-1)/entitiesShown, 1)
	return x, err
}

// listEntities adds the entities of a filter.
func (s *Server) listEntities(ctx context.Context, who *reader, x *entityList, f alert.EntityFilter) error {
	list, err := s.Alerts.Entities(ctx, f)
	if err != nil {
		return err
	}
	for _, e := range list {
		seen, err := s.entitySeen(ctx, who, e)
		if err != nil {
			return err
		}
		x.Entities = append(x.Entities, seen)
	}
	return nil
}

// searchEntities adds the entities that a search finds. Only what the reader sees is searched: that a name has been
// replaced by a pseudonym must not be found by looking for the name.
func (s *Server) searchEntities(ctx context.Context, who *reader, x *entityList, f alert.EntityFilter) error {
	skip := f.Skip
	f.Skip, f.Limit = 0, entitiesSought
	if err := s.listEntities(ctx, who, x, f); err != nil {
		return err
	}
	x.Most = len(x.Entities) == entitiesSought
	x.Entities = slices.DeleteFunc(x.Entities, func(e listedEntity) bool {
		return !strings.Contains(strings.ToLower(e.Title), strings.ToLower(x.Text))
	})
	x.Total = len(x.Entities)
	x.Entities = x.Entities[min(skip, x.Total):min(skip+entitiesShown, x.Total)]
	return nil
}

// entitySeen returns an entity as the reader sees it.
func (s *Server) entitySeen(ctx context.Context, who *reader, e alert.EntitySummary) (listedEntity, error) {
	list, err := s.Alerts.Mentions(ctx, e.Kind, e.Name, 0, entityUsers)
	if err != nil {
		return listedEntity{}, err
	}
	var users []string
	for _, m := range list {
		users = append(users, m.User)
	}
	mask := who.mask.Within(users...)
	seen := listedEntity{e, entityPath(e.Entity)}
	seen.Title = mask.Text(e.Title, users...)
	if seen.Name = mask.Text(e.Name, users...); seen.Name != e.Name {
		seen.Path = ""
	}
	return seen, nil
}

// entities answers the entities of a kind.
func (s *Server) entities(w http.ResponseWriter, r *http.Request, who *reader) error {
	x, err := s.entitiesOf(r, who)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, x)
}

// entitiesView is the data of the page that lists entities.
type entitiesView struct {
	frame
	*entityList
}

// entityTitles name the kinds for people: one, and several.
var entityTitles = map[alert.EntityKind][2]string{
	alert.DomainEntity:      {"outside domain", "Outside domains"},
	alert.AddressEntity:     {"outside address", "Outside addresses"},
	alert.AccountEntity:     {"AWS account", "AWS accounts"},
	alert.ApplicationEntity: {"application", "Applications"},
	alert.BucketEntity:      {"bucket", "Buckets"},
	alert.ItemEntity:        {"item", "Items"},
}

// One names the kind for people.
func (v *entitiesView) One() string { return entityTitles[v.Kind][0] }

// Many names several of the kind for people.
func (v *entitiesView) Many() string { return entityTitles[v.Kind][1] }

// Tabs lead to the kinds.
func (v *entitiesView) Tabs() (list []tab) {
	for _, kind := range alert.EntityKinds {
		list = append(list, tab{Title: entityTitles[kind][1], Count: v.Counts[kind], URL: v.link(kind, 1), Current: kind == v.Kind})
	}
	return list
}

// link returns the link to a page of a kind, with the search and the order of this one.
func (v *entitiesView) link(kind alert.EntityKind, page int) string {
	q := url.Values{}
	for name, value := range map[string]string{"kind": string(kind), "q": v.Text, "sort": string(v.Order)} {
		if value != "" && value != string(alert.LatestEntities) {
			q.Set(name, value)
		}
	}
	if page > 1 {
		q.Set("page", fmt.Sprint(page))
	}
	return "/entities?" + q.Encode()
}

// Clear returns the link to the list without the search.
func (v *entitiesView) Clear() string {
	return "/entities?" + url.Values{"kind": {string(v.Kind)}}.Encode()
}

// Previous returns the link to the page before; "" if there is none.
func (v *entitiesView) Previous() string {
	if v.Page <= 1 {
		return ""
	}
	return v.link(v.Kind, min(v.Page-1, v.Pages))
}

// Next returns the link to the page after; "" if there is none.
func (v *entitiesView) Next() string {
	if v.Page >= v.Pages {
		return ""
	}
	return v.link(v.Kind, v.Page+1)
}

// Range says which of them the page shows.
func (v *entitiesView) Range() string {
	from := (v.Page-1)*entitiesShown + 1
	text := fmt.Sprintf("%s to %s of %s", plain.Count(from), plain.Count(from+len(v.Entities)-1), plain.Count(v.Total))
	if v.Most {
		text += " found so far: narrow the search"
	}
	return text + "."
}

// entitiesPage serves the entities of a kind.
func (s *Server) entitiesPage(w http.ResponseWriter, r *http.Request, who *reader) error {
	x, err := s.entitiesOf(r, who)
	if err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "entities.html", &entitiesView{frame{Title: "Entities", Who: who.Token, At: "/entities"}, x})
}
