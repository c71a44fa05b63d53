package engine

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// Watchlist is people, places and applications of which the organisation wants to know more, or
// less. It adds weight to alerts of its people, and to those about its places and applications:
// it raises none by itself.
type Watchlist struct {
	Name         string
	People       []string  // as in the alerts
	Departments  []string  // as HR writes them
	Places       []string  // containers, buckets, sites, repositories: names, with * and ? for patterns
	Applications []string  // ids or names of applications that act
	Points       float64   // that alerts gain, from -MaxWatchPoints to MaxWatchPoints
	Until        time.Time // before this moment; the zero time for always
	Owner        string    // who answers for it; required
	Reason       string    // why; required
}

// MaxWatchPoints bounds the weight of a watchlist, and of all that hold for a person's day.
const MaxWatchPoints = 6

// Kinds of what is on a watchlist.
const (
	watchPerson      = "person"
	watchDepartment  = "department"
	watchPlace       = "place"
	watchApplication = "application"
)

const maxWatched = 64 // places and applications on watchlists that one person's day has

// watched is a place or an application on a watchlist that something unusual was done with.
type watched struct{ List, Kind, Name string }

// Check returns what is wrong with a watchlist, or nil.
func (w *Watchlist) Check() error {
	switch {
	case w.Name == "":
		return errors.New("it needs a name")
	case len(w.People)+len(w.Departments)+len(w.Places)+len(w.Applications) == 0:
		return errors.New("it needs members, places or applications")
	case w.Owner == "" || w.Reason == "":
		return errors.New("it needs an owner and a reason")
	case w.Points == 0 || !(math.Abs(w.Points) <= MaxWatchPoints):
		return fmt.Errorf("weight %g: points from -%d to %d, other than 0", w.Points, MaxWatchPoints, MaxWatchPoints)
	}
	for _, list := range [][]string{w.People, w.Departments, w.Places, w.Applications} {
		if slices.ContainsFunc(list, func(s string) bool { return strings.TrimSpace(s) == "" }) {
			return errors.New("it has an empty name")
		}
	}
	return nil
}

// Ended says whether the watchlist holds no longer at a time.
func (w *Watchlist) Ended(at time.Time) bool { return !w.Until.IsZero() && !at.Before(w.Until) }

// watchlist is a Watchlist that is ready to be asked.
type watchlist struct {
	Watchlist
	people, departments, apps map[string]bool // in small letters
	places                    []*regexp.Regexp
}

func (w *Watchlist) prepare() watchlist {
	out := watchlist{Watchlist: *w, people: folded(w.People), departments: folded(w.Departments), apps: folded(w.Applications)}
	for _, place := range w.Places {
		pattern := regexp.QuoteMeta(strings.TrimSpace(place))
		pattern = strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(pattern)
		out.places = append(out.places, regexp.MustCompile("(?is)^"+pattern+"$"))
	}
	return out
}

// folded is a set of names in small letters.
func folded(list []string) map[string]bool {
	set := map[string]bool{}
	for _, s := range list {
		set[strings.ToLower(strings.TrimSpace(s))] = true
	}
	return set
}

// ended says whether the list holds no longer at a time, in Unix milliseconds.
func (w *watchlist) ended(at int64) bool { return !w.Until.IsZero() && at >= w.Until.UnixMilli() }

// place is the name of a place on the list that an act is about; "" if there is none.
func (w *watchlist) place(o *event.Object) string {
	names := []string{o.Container}
	if o.Container == "" || o.Folder {
		names = append(names, o.Name, o.ID)
	}
	for _, name := range names {
		if name != "" && slices.ContainsFunc(w.places, func(p *regexp.Regexp) bool { return p.MatchString(name) }) {
			return name
		}
	}
	return ""
}

// application is the name of an application on the list that acts, or is authorised; "" if there is
// none.
func (w *watchlist) application(a *detect.Enriched) string {
	if len(w.apps) == 0 {
		return ""
	}
	names := []string{bare(a.Client.App), a.Attr(event.AttrAppName)}
	if a.Class == event.TokenGrant || a.Class == event.PermissionGrant {
		names = append(names, a.Object.Name, a.Object.ID)
	}
	for _, name := range names {
		if name != "" && w.apps[strings.ToLower(name)] {
			return name
		}
	}
	return ""
}

// watch notes the places and applications on watchlists that an act is about, and says whether one
// is new today.
func (e *Engine) watch(p *person, a *detect.Enriched) (found bool) {
	if p.optedOut(detect.Watchlists) {
		return false
	}
	d := &p.Day
	for i := range e.config.watchlists {
		w := &e.config.watchlists[i]
		if w.ended(a.Time) {
			continue
		}
		for _, x := range []watched{{w.Name, watchPlace, w.place(&a.Object)}, {w.Name, watchApplication, w.application(a)}} {
			if x.Name == "" || len(d.Watched) >= maxWatched || slices.Contains(d.Watched, x) {
				continue
			}
			x.Name = strings.Clone(x.Name)
			d.Watched, found = append(d.Watched, x), true
		}
	}
	return found
}

// on is why the list holds for the person's day, by the first of: the person, the department, a
// place, an application. The kind is "" if it does not.
func (w *watchlist) on(p *person) (x watched) {
	if x := w.member(p.Name, p.Department); x.Kind != "" {
		return x
	}
	for _, kind := range []string{watchPlace, watchApplication} {
		for _, x := range p.Day.Watched {
			if x.List == w.Name && x.Kind == kind {
				return x
			}
		}
	}
	return watched{}
}

// member is why a person of a department is on the list; the kind is "" if they are not.
func (w *watchlist) member(person, department string) (x watched) {
	switch {
	case w.people[strings.ToLower(person)]:
		return watched{w.Name, watchPerson, ""}
	case department != "" && w.departments[strings.ToLower(department)]:
		return watched{w.Name, watchDepartment, department}
	}
	return watched{}
}

// watched lists the watchlists that hold for a person's day.
func (e *Engine) watched(p *person, at int64) (list []finding.Watched) {
	if p.optedOut(detect.Watchlists) {
		return nil
	}
	for i := range e.config.watchlists {
		w := &e.config.watchlists[i]
		if x := w.on(p); x.Kind != "" && !w.ended(at) {
			list = append(list, finding.Watched{List: x.List, Kind: x.Kind, Name: x.Name, Points: w.Points})
		}
	}
	return list
}

// addWatched adds the weight of watchlists to a score.
func (s *scoring) addWatched(list []finding.Watched) {
	v := s.verdict
	v.watched, v.gain = list, 0
	if len(list) > 0 {
		v.gain = watchPoints(v.risk, list)
		v.points[s.person.catalog.mechanism[detect.Watchlists]] = max(v.gain, 0)
		v.risk += v.gain
	}
}

// watchPoints is what watchlists change a score by. At most they double it: they raise no alert
// where nothing was seen. They leave 30 % of it.
func watchPoints(risk float64, list []finding.Watched) float64 {
	sum := 0.0
	for i := range list {
		sum += list[i].Points
	}
	sum = min(max(sum, -MaxWatchPoints), MaxWatchPoints)
	return max(min(sum, risk), -.7*risk)
}

// sayWatched puts the watchlists that hold into words.
func (e *Engine) sayWatched(list []finding.Watched) (clauses []string) {
	for _, x := range list {
		i := slices.IndexFunc(e.config.watchlists, func(w watchlist) bool { return w.Name == x.List })
		clauses = append(clauses, e.config.watchlists[i].say(x.Kind, x.Name))
	}
	return clauses
}

// say puts into words why the list holds.
func (w *Watchlist) say(kind, name string) string {
	s := "on the watchlist " + detect.Quote(w.Name)
	switch kind {
	case watchDepartment:
		s = "the department " + detect.Quote(name) + " is " + s
	case watchPlace:
		s = detect.Quote(name) + " is " + s
	case watchApplication:
		s = "the application " + detect.Quote(name) + " is " + s
	}
	more := []string{w.Owner, w.Reason}
	if !w.Until.IsZero() {
		more = append(more, "until "+w.Until.Add(-time.Millisecond).UTC().Format(time.DateOnly))
	}
	return s + " (" + strings.Join(more, ", ") + ")"
}

// WatchlistsOf says in words on which watchlists a person of a department and a country is at a time;
// nothing of people who have opted out of it.
func (c *Config) WatchlistsOf(person, department, country string, at time.Time) (clauses []string) {
	watching := c.Detectors.Of(detect.Watchlists).Name
	for i := range c.OptOuts {
		o := &c.OptOuts[i]
		if o.Covers(department, country) && (len(o.Detectors) == 0 || slices.Contains(o.Detectors, watching)) {
			return nil
		}
	}
	for i := range c.Watchlists {
		w := c.Watchlists[i].prepare()
		if x := w.member(person, department); x.Kind != "" && !w.Ended(at) {
			clauses = append(clauses, w.say(x.Kind, x.Name))
		}
	}
	return clauses
}
