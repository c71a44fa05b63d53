package feed

import (
	"cmp"
	"context"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/report"
	"github.com/outflow/outflow/internal/country"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/plain"
)

// personProfile is what is stored about a user, as a reader sees it.
type personProfile struct {
	User       string       `json:"user"` // pseudonym
	Department string       `json:"department,omitempty"`
	Service    bool         `json:"service,omitempty"` // a service account
	Notice     time.Time    `json:"notice,omitzero"`   // when HR's file says that they gave notice; zero if they do not leave
	LastDay    time.Time    `json:"last_day,omitzero"` // last working day; zero if it is not known
	Watchlists []watchedBy  `json:"watchlists"`        // that they are on now
	Open       []openAccess `json:"open"`              // what they exposed or disabled and nobody has reverted, the oldest first
	Days       int          `json:"days"`              // days that the profile covers
	Active     int          `json:"active_days"`       // of them, with activity
	Until      time.Time    `json:"until,omitzero"`    // last of them
	Risk       []riskDay    `json:"risk"`              // of the days with activity
	Volumes    []volume     `json:"volumes"`           // what they did on these days, what departs most from usual first
	Services   []serviceUse `json:"services"`          // in which they did something
	Hours      [24]int      `json:"hours"`             // days with activity in each hour, UTC
	HourDays   int          `json:"days_with_hours"`   // days of which the hours are known
	Origins    usualOrigins `json:"origins"`           // networks, countries and devices of these days
	Seen       seenClients  `json:"seen"`              // networks and devices of the events that their latest alerts list
	alerts     []item       // latest alerts, the latest first
	series     []report.Series
}

// watchedBy is a watchlist that a user is on.
type watchedBy struct {
	List   string    `json:"list"`
	Weight float64   `json:"weight"` // points that alerts gain
	Owner  string    `json:"owner"`
	Reason string    `json:"reason"`
	Until  time.Time `json:"until,omitzero"` // zero for always
}

// openAccess is an exposure that is still in effect, and how it is closed.
type openAccess struct {
	What   string    `json:"what"`
	Opened time.Time `json:"opened"`
	Alert  string    `json:"alert"` // ID
	report.Remedy
}

// riskDay is the highest score of a day.
type riskDay struct {
	Day   string  `json:"day"`             // 2006-01-02
	Score float64 `json:"score"`           // in points
	Alert string  `json:"alert,omitempty"` // ID of an alert of that day; "" if there is none
}

// volume is what one metric counted over the days of a profile.
type volume struct {
	What   string    `json:"what"`
	Unit   string    `json:"unit"`
	Metric string    `json:"metric"`
	Days   int       `json:"days"`  // with any
	Total  float64   `json:"total"` // of all days
	Most   float64   `json:"most"`  // on one day
	On     time.Time `json:"on"`    // that day
	Usual  float64   `json:"usual"` // on a usual day of the user, as of the last day with any
	Peers  float64   `json:"peers"` // on a usual day of a colleague, as of the same day
}

// serviceUse is on how many days a user did something in a service.
type serviceUse struct {
	Source string `json:"source"`
	Days   int    `json:"days"`
}

// seenClients are networks, devices and places of the events that alerts list.
type seenClients struct {
	Alerts   int        `json:"alerts"`   // whose events were looked at
	Events   int        `json:"events"`   // that they list
	Networks []seenFrom `json:"networks"` // addresses, with the network and country if they are known
	Devices  []seenFrom `json:"devices"`  // devices and browsers
	Apps     []seenFrom `json:"applications"`
	Places   []seenFrom `json:"places"` // folders, sites, buckets, repositories
}

// seenFrom is a network, device, application or place of events.
type seenFrom struct {
	What   string       `json:"what"`
	Events int          `json:"events"`
	Last   time.Time    `json:"last"`
	Entity alert.Entity `json:"-"` // that has a page of its own; no kind if it has none
}

const (
	seenAlerts  = 20 // most alerts whose events are looked at for a profile
	seenListed  = 10 // most networks, devices, applications and places that are listed
	profileRows = 12 // most metrics that are listed
)

// profile returns what is stored about a user. Before is the place in the feed before which the alerts are; 0 for the
// latest.
func (s *Server) profile(ctx context.Context, who *reader, user string, before int64) (*personProfile, error) {
	p := &personProfile{
		User: who.mask.Name(user), Days: personDays,
		Watchlists: []watchedBy{}, Open: []openAccess{}, Risk: []riskDay{}, Volumes: []volume{}, Services: []serviceUse{},
	}
	all, err := s.latestAbout(ctx, user, math.MaxInt64, 500)
	if err != nil {
		return nil, err
	}
	if err := p.fillDays(ctx, s.Alerts, user, all, who.mask); err != nil {
		return nil, err
	}
	p.Origins.mask(func(text string) string { return who.mask.Within(user).Text(text, user) })
	p.fillOpen(all, who.mask)
	if p.Seen, err = s.seen(ctx, who, user, all); err != nil {
		return nil, err
	}
	list, err := s.Alerts.Leavers(ctx)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(list, func(l finding.Leaver) bool { return strings.EqualFold(l.User, user) }); i >= 0 {
		p.Notice = time.UnixMilli(list[i].Notice).UTC()
		if list[i].LastDay > 0 {
			p.LastDay = time.UnixMilli(list[i].LastDay).UTC()
		}
	}
	if p.Watchlists, err = s.watchlistsOf(ctx, user, p.Department); err != nil {
		return nil, err
	}
	shown, err := s.latestAbout(ctx, user, cmp.Or(before, math.MaxInt64), personAlerts+1)
	if err != nil {
		return nil, err
	}
	p.alerts, err = s.items(ctx, shown, who)
	return p, err
}

// latestAbout returns the latest versions of alerts about a user before a place in the feed, the latest first.
func (s *Server) latestAbout(ctx context.Context, user string, before int64, limit int) ([]alert.Change, error) {
	return s.Alerts.Changes(ctx, alert.Filter{User: user, Latest: true, Before: before, Limit: limit})
}

// fillDays adds what the daily summaries of the last 90 days with data say.
func (p *personProfile) fillDays(ctx context.Context, store *alert.Store, user string, list []alert.Change, mask *alert.Mask) error {
	days, err := store.LatestDays(ctx, user, personDays)
	if err != nil {
		return err
	}
	if len(days) == 0 {
		for i := range list {
			p.Department, p.Service = cmp.Or(p.Department, list[i].Alert.Department), p.Service || list[i].Alert.Service
		}
		return nil
	}
	last := &days[len(days)-1]
	p.Department, p.Service, p.Until = last.Department, last.Service, time.UnixMilli(last.End-12*time.Hour.Milliseconds()).UTC()
	p.Active = len(days)
	alerts := make([]*alert.Alert, len(list))
	for i := range list {
		alerts[i] = &list[i].Alert
	}
	raised := report.DayAlerts(days, alerts)
	services := map[string]int{}
	for i := range days {
		d := &days[i]
		x := riskDay{Day: d.Date(), Score: d.Risk}
		if a := raised[d.End]; len(a) > 0 {
			x.Alert = mask.ID(a[0].ID)
		}
		p.Risk = append(p.Risk, x)
		for _, source := range d.Sources {
			services[source]++
		}
		if d.Hours != 0 {
			p.HourDays++
		}
		for h := range p.Hours {
			p.Hours[h] += int(d.Hours >> h & 1)
		}
	}
	for source, n := range services {
		p.Services = append(p.Services, serviceUse{source, n})
	}
	slices.SortFunc(p.Services, func(a, b serviceUse) int {
		return cmp.Or(cmp.Compare(b.Days, a.Days), cmp.Compare(a.Source, b.Source))
	})
	p.Origins = originsOf(days)
	p.series = report.AllSeries(days, raised)
	p.Volumes = volumesOf(days, p.series)
	return nil
}

// amountOf returns the last amount of a metric; there must be one.
func amountOf(days []finding.Activity, metric string) *finding.Amount {
	for i := len(days) - 1; i >= 0; i-- {
		for j := range days[i].Counts {
			if days[i].Counts[j].Metric == metric {
				return &days[i].Counts[j]
			}
		}
	}
	return nil
}

// volumesOf sums up the days of each series.
func volumesOf(days []finding.Activity, list []report.Series) []volume {
	out := []volume{}
	for i := range list {
		s, of := &list[i], amountOf(days, list[i].Metric)
		v := volume{What: s.Title, Unit: s.Unit, Metric: s.Metric, Usual: of.Usual, Peers: of.Peers}
		for _, d := range s.Days {
			if d.N <= 0 || math.IsNaN(d.N) {
				continue
			}
			v.Days++
			v.Total += d.N
			if d.N > v.Most {
				v.Most, v.On = d.N, d.Date
			}
		}
		out = append(out, v)
	}
	return out
}

// fillOpen adds what the user exposed or disabled and nobody has reverted.
func (p *personProfile) fillOpen(list []alert.Change, mask *alert.Mask) {
	for i := range list {
		a := &list[i].Alert
		masked := mask.Alert(a)
		for j := range a.Exposures {
			if x := &a.Exposures[j]; x.Closed == nil && !a.Withdrawn {
				shown := &masked.Exposures[j]
				p.Open = append(p.Open, openAccess{shown.What, x.Opened, masked.ID, report.RemedyOf(&masked, shown)})
			}
		}
	}
	slices.SortStableFunc(p.Open, func(a, b openAccess) int { return a.Opened.Compare(b.Opened) })
}

// seen returns the networks, devices, applications and places of the events that a user's latest alerts list.
func (s *Server) seen(ctx context.Context, who *reader, user string, list []alert.Change) (out seenClients, err error) {
	networks, devices, apps, places, known := seenSet{}, seenSet{}, seenSet{}, seenSet{}, seenNetworks{}
	for i := range list[:min(len(list), seenAlerts)] {
		a := list[i].Alert
		if err := s.Alerts.LoadItems(ctx, &a); err != nil {
			return out, err
		}
		counted := map[string]bool{}
		for j := range a.Evidence {
			for k := range a.Evidence[j].Items {
				x := &a.Evidence[j].Items[k]
				if counted[x.Identity()] {
					continue
				}
				counted[x.Identity()] = true
				out.Events++
				networks.add(x, known.key(&x.Client), alert.Entity{})
				devices.add(x, cmp.Or(x.Client.Agent, x.Client.UserAgent), alert.Entity{})
				devices.add(x, x.Client.Device, alert.Entity{})
				app := x.ApplicationEntity()
				apps.add(x, app.Title, app)
				object := x.ObjectEntity()
				if object.Kind != alert.BucketEntity {
					object = alert.Entity{}
				}
				places.add(x, x.Object.Container, object)
			}
		}
		out.Alerts++
	}
	known.rename(networks)
	mask := func(text string) string { return who.mask.Within(user).Text(text, user) }
	out.Networks, out.Devices, out.Apps, out.Places = networks.top(mask), devices.top(mask), apps.top(mask), places.top(mask)
	return out, nil
}

// seenList is one of the lists of seenClients.
type seenList struct {
	Title string
	List  []seenFrom
}

// Basis says in words what the lists rest on.
func (x *seenClients) Basis() string {
	return "the " + plain.CountOf(x.Events, "event", "events") + " that their latest " + plain.CountOf(x.Alerts, "alert", "alerts") +
		" list"
}

// Lists returns the lists that have anything.
func (x *seenClients) Lists() []seenList {
	all := []seenList{
		{"Networks", x.Networks}, {"Devices and browsers", x.Devices}, {"Applications", x.Apps}, {"Folders, sites, buckets", x.Places},
	}
	return slices.DeleteFunc(all, func(l seenList) bool { return len(l.List) == 0 })
}

// seenAt is what is known of an address, or of a place without one.
type seenAt struct{ networks, countries []string }

// add adds what a client states.
func (n *seenAt) add(c *alert.Client) {
	if c.Network != "" && !slices.Contains(n.networks, c.Network) {
		n.networks = append(n.networks, c.Network)
	}
	if name := country.Name(c.Country); name != "" && !slices.Contains(n.countries, name) {
		n.countries = append(n.countries, name)
	}
}

// name names the address, "" for none, with what is known of it.
func (n *seenAt) name(ip string) string {
	slices.Sort(n.networks)
	slices.Sort(n.countries)
	more := strings.Join(slices.Concat(n.networks, n.countries), ", ")
	switch {
	case ip == "":
		return more
	case more == "":
		return ip
	}
	return ip + " (" + more + ")"
}

// seenNetworks collects what is known of addresses, whichever record states it, so that each is one line.
type seenNetworks map[string]*seenAt

// key returns what events from the same network are counted by.
func (m seenNetworks) key(c *alert.Client) string {
	key := c.IP
	if key == "" && c.Network+c.Country != "" {
		key = "\x00" + c.Network + "\x00" + country.Name(c.Country)
	}
	if key != "" {
		if m[key] == nil {
			m[key] = &seenAt{}
		}
		m[key].add(c)
	}
	return key
}

// rename gives the networks of a list their names.
func (m seenNetworks) rename(list seenSet) {
	for key, f := range list {
		ip := key
		if strings.HasPrefix(key, "\x00") {
			ip = ""
		}
		f.What = m[key].name(ip)
	}
}

// seenSet counts events by a text.
type seenSet map[string]*seenFrom

// add counts an item, unless the text is empty.
func (m seenSet) add(x *alert.Item, what string, e alert.Entity) {
	if what == "" {
		return
	}
	f := m[what]
	if f == nil {
		f = &seenFrom{What: what, Entity: e}
		m[what] = f
	}
	f.Events++
	if x.Time.After(f.Last) {
		f.Last = x.Time
	}
}

// top returns those with the most events, without names. Those in which a name was replaced have no page.
func (m seenSet) top(mask func(string) string) []seenFrom {
	list := make([]seenFrom, 0, len(m))
	for _, f := range m {
		list = append(list, *f)
	}
	slices.SortFunc(list, func(a, b seenFrom) int { return cmp.Or(cmp.Compare(b.Events, a.Events), cmp.Compare(a.What, b.What)) })
	list = list[:min(len(list), seenListed)]
	for i := range list {
		if what := mask(list[i].What); what != list[i].What {
			list[i].What, list[i].Entity = what, alert.Entity{}
		}
	}
	return list
}

// person answers what is stored about a user.
func (s *Server) person(w http.ResponseWriter, r *http.Request, who *reader) error {
	p, err := s.visit(r, who, 0)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, p)
}

// visit returns the profile of the user whom the path of a request names, and writes the access to the audit log.
func (s *Server) visit(r *http.Request, who *reader, before int64) (*personProfile, error) {
	user, err := s.revealedName(r.Context(), who, r.PathValue("user"))
	if err != nil {
		return nil, err
	}
	if err := s.Store.LogAccess(r.Context(), s.Now(), who.Name, who.Role, "looked at "+who.mask.Name(user)); err != nil {
		return nil, err
	}
	return s.profile(r.Context(), who, user, before)
}

// personView is the data of the page of a person.
type personView struct {
	frame
	*personProfile
	Name     string // while it is revealed
	Shown    time.Time
	Reveals  []Reveal
	Cases    []personCase
	Next     int64 // place in the feed before which the next page is; 0 if there is none
	Earlier  bool  // whether this is not the first page
	Charts   []metricChart
	Coverage *report.Coverage
	Usual    *report.Usual
	More     int // metrics that are not listed
}

// personCase is the alerts of a case on the page.
type personCase struct {
	ID     string
	Alerts []item
}

const (
	personAlerts = 25 // alerts on the page of a person
	personDays   = 90 // days that the page covers
	personCharts = 3  // most charts on it
)

// personPage serves one user, with alerts and charts.
func (s *Server) personPage(w http.ResponseWriter, r *http.Request, who *reader) error {
	before, err := placeOf(r)
	if err != nil {
		return err
	}
	p, err := s.visit(r, who, before)
	if err != nil {
		return err
	}
	v := &personView{frame: frame{Title: p.User, Who: who.Token, At: "/"}, personProfile: p, Earlier: before > 0}
	if v.Name, v.Shown, err = s.Store.activeReveal(r.Context(), who.Identity(), p.User, s.Now()); err != nil {
		return err
	}
	if v.Reveals, err = s.Store.reveals(r.Context(), "identity = ? AND pseudonym = ?", who.Identity(), p.User); err != nil {
		return err
	}
	if len(p.alerts) > personAlerts {
		p.alerts = p.alerts[:personAlerts]
		v.Next = p.alerts[personAlerts-1].Seq
	}
	v.Cases = casesOf(p.alerts)
	drawn := map[string]bool{} // the parts of titles before the unit: what is counted in several units is drawn once
	for i := range p.series {
		if what, _, _ := strings.Cut(p.series[i].Title, ":"); !drawn[what] && len(v.Charts) < personCharts {
			drawn[what] = true
			v.Charts = append(v.Charts, metricChart{&p.series[i]})
		}
	}
	if v.More = len(p.Volumes) - profileRows; v.More > 0 {
		p.Volumes = p.Volumes[:profileRows]
	}
	until := s.Now()
	if !p.Until.IsZero() {
		until = p.Until
	}
	if v.Coverage, v.Usual, err = s.coverage(r.Context(), until, personDays, p.Active); err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "person.html", v)
}

// placeOf reads the parameter before of a request: a place in the feed, 0 for the newest.
func placeOf(r *http.Request) (int64, error) {
	text := r.URL.Query().Get("before")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		return 0, refuse(http.StatusBadRequest, "before: %q is not a place in the feed", text)
	}
	return n, nil
}

// casesOf groups alerts by case. The latest come first.
func casesOf(list []item) (cases []personCase) {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b item) int { return b.Alert.Time.Compare(a.Alert.Time) })
	for i := range list {
		id := cmp.Or(list[i].Alert.Case, list[i].Alert.ID)
		at := slices.IndexFunc(cases, func(c personCase) bool { return c.ID == id })
		if at < 0 {
			at, cases = len(cases), append(cases, personCase{ID: id})
		}
		cases[at].Alerts = append(cases[at].Alerts, list[i])
	}
	return cases
}
