package feed

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Watchlist is a watchlist of the configuration.
type Watchlist struct {
	Name         string                `json:"name"`
	Owner        string                `json:"owner"`          // who answers for it
	Reason       string                `json:"reason"`         // why it is kept
	Weight       float64               `json:"weight"`         // points that alerts gain; may be negative
	Until        time.Time             `json:"until,omitzero"` // before this moment; zero for always
	Members      []WatchlistMember     `json:"members"`        // people
	Departments  []WatchlistDepartment `json:"departments"`
	Places       []string              `json:"places"`
	Applications []string              `json:"applications"`
	File         string                `json:"file,omitempty"` // that further members are read from
}

// WatchlistMember is an entry of a watchlist that names a person.
type WatchlistMember struct {
	Name  string `json:"name"`            // an account; pages and API show the pseudonym
	Known bool   `json:"known"`           // whether anything is stored about the account
	Place string `json:"place,omitempty"` // where the entry is, such as "members, entry 3"
}

// WatchlistDepartment is an entry of a watchlist that names a department.
type WatchlistDepartment struct {
	Name   string `json:"name"`
	People int    `json:"people"` // of it who were active in the last week with data
}

// Ended reports whether the list no longer counts.
func (l *Watchlist) Ended(now time.Time) bool { return !l.Until.IsZero() && !now.Before(l.Until) }

// Gain is the weight in words.
func (l *Watchlist) Gain() string {
	if math.Abs(l.Weight) == 1 {
		return fmt.Sprintf("%+g point", l.Weight)
	}
	return fmt.Sprintf("%+g points", l.Weight)
}

// LastDay is the last day on which the list counts.
func (l *Watchlist) LastDay() time.Time { return l.Until.Add(-time.Millisecond) }

// Unknown returns the members about whom nothing is stored.
func (l *Watchlist) Unknown() (list []WatchlistMember) {
	for _, m := range l.Members {
		if !m.Known {
			list = append(list, m)
		}
	}
	return list
}

// Matching returns the members about whom something is stored.
func (l *Watchlist) Matching() (list []WatchlistMember) {
	for _, m := range l.Members {
		if m.Known {
			list = append(list, m)
		}
	}
	return list
}

// has reports whether a person of a department is on the list.
func (l *Watchlist) has(user, department string) bool {
	return slices.ContainsFunc(l.Members, func(m WatchlistMember) bool { return strings.EqualFold(strings.TrimSpace(m.Name), user) }) ||
		department != "" && slices.ContainsFunc(l.Departments, func(d WatchlistDepartment) bool {
			return strings.EqualFold(strings.TrimSpace(d.Name), department)
		})
}

// allWatchlists returns the watchlists of the configuration; none if they are not known here.
func (s *Server) allWatchlists(ctx context.Context) ([]Watchlist, error) {
	if s.Watchlists == nil {
		return nil, nil
	}
	return s.Watchlists(ctx)
}

// watchlistsOf returns the watchlists that count for a user of a department now.
func (s *Server) watchlistsOf(ctx context.Context, user, department string) ([]watchedBy, error) {
	list := []watchedBy{}
	all, err := s.allWatchlists(ctx)
	if err != nil || len(all) == 0 {
		return list, err
	}
	if s.Exempt != nil {
		if exempt, err := s.Exempt(ctx, user, department); err != nil || exempt {
			return list, err
		}
	}
	for i := range all {
		if l := &all[i]; !l.Ended(s.Now()) && l.has(user, department) {
			list = append(list, watchedBy{l.Name, l.Weight, l.Owner, l.Reason, l.Until})
		}
	}
	return list, nil
}

// seenWatchlists returns the watchlists with their members as a reader sees them, and writes the access to the audit
// log.
func (s *Server) seenWatchlists(r *http.Request, who *reader) ([]Watchlist, error) {
	if err := s.Store.LogAccess(r.Context(), s.Now(), who.Name, who.Role, "looked at the watchlists"); err != nil {
		return nil, err
	}
	all, err := s.allWatchlists(r.Context())
	out := make([]Watchlist, 0, len(all))
	for i := range all {
		l := all[i]
		l.Members = slices.Clone(l.Members)
		for j := range l.Members {
			l.Members[j].Name = who.mask.Name(l.Members[j].Name)
		}
		out = append(out, l)
	}
	return out, err
}

// watchlistsNow answers the watchlists.
func (s *Server) watchlistsNow(w http.ResponseWriter, r *http.Request, who *reader) error {
	list, err := s.seenWatchlists(r, who)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, map[string]any{"watchlists": list})
}

// watchlistsView is the data of the page with the watchlists.
type watchlistsView struct {
	frame
	Current []Watchlist
	Ended   []Watchlist
}

// watchlistCard is a watchlist on the page.
type watchlistCard struct {
	List *Watchlist
	Page *watchlistsView
}

// Linked reports whether the reader may open the pages of people.
func (v *watchlistsView) Linked() bool { return v.Who.Role == SOC }

// watchlistsPage serves the watchlists.
func (s *Server) watchlistsPage(w http.ResponseWriter, r *http.Request, who *reader) error {
	list, err := s.seenWatchlists(r, who)
	if err != nil {
		return err
	}
	v := &watchlistsView{frame: frame{Title: "Watchlists", Who: who.Token, At: "/watchlists"}}
	for i := range list {
		if list[i].Ended(s.Now()) {
			v.Ended = append(v.Ended, list[i])
		} else {
			v.Current = append(v.Current, list[i])
		}
	}
	return s.render(w, http.StatusOK, "watchlists.html", v)
}
