package main

import (
	"math"
	"sort"
	"time"
)

// story is activity out of the ordinary: a scenario of misuse (with the family of
// detectors expected to find it) or a benign decoy (with a rate per 400 people and 90
// days). run plans its events, or returns false if it does not suit the person.
type story struct {
	name, family, severity string
	rate                   float64
	from                   []Source // it happens in one of these services
	span                   int      // days it may take
	leaver, leave          bool     // concerns people who have resigned, or who are on long leave
	who                    func(a *Actor) bool
	run                    func(p *plan) bool
}

// plan collects the events of one story. It draws on the same people, files, clients and
// vocabulary as ordinary activity, so that only the behaviour distinguishes misuse.
type plan struct {
	w      *World
	r      Rand
	a      *Actor
	src    Source
	d      int      // first day
	c      *Context // the person's client on that day
	q      float64  // intensity, from 0 (stealthy) to 1 (blatant)
	inc    *Incident
	tag    int32
	events []Event

	// Procedural worlds only: the folders, the recipient, the application, the mean gap
	// in seconds (0: to be drawn), and the share of files outside the person's habits.
	pool  []*Folder
	to    string
	app   string
	gap   float64
	reach float64
}

// put adds an event. The actor and the client default to the plan's.
func (p *plan) put(e Event) {
	if e.At < p.w.startMs || e.At >= p.w.startMs+int64(p.w.Days)*day {
		return
	}
	if e.Ctx == nil {
		e.Ctx = p.c
	}
	if e.Actor == nil && e.Kind != LinkUsed {
		e.Actor = p.a
	}
	e.Tag, e.ID = p.tag, [2]uint64{p.r.Uint64(), p.r.Uint64()}
	p.events = append(p.events, e)
}

// plan plans a story for a person, with intensity q. ok is false if it does not suit them.
func (w *World) plan(s *story, r Rand, a *Actor, q float64, inc *Incident) (from, to time.Time, ok bool) {
	p := &plan{w: w, r: r, a: a, q: q, inc: inc, tag: noTag}
	lo, hi := 0, w.Days-2-s.span
	if inc != nil {
		lo, p.tag = w.Learn, int32(len(w.incidents))
	}
	if s.who != nil && !s.who(a) {
		return
	}
	var own []Source
	for _, src := range s.from {
		if a.uses(src) {
			own = append(own, src)
		}
	}
	if len(s.from) > 0 {
		if len(own) == 0 {
			return
		}
		p.src = pick(r, own)
	}
	if p.d, ok = p.workday(lo, hi); !ok && !s.leaver && !s.leave {
		return from, to, false
	}
	p.c = p.client(p.d)
	if !s.run(p) || len(p.events) == 0 {
		return from, to, false
	}
	a.taken = true
	sort.SliceStable(p.events, func(i, j int) bool { return p.events[i].At < p.events[j].At })
	for i := range p.events {
		e := &p.events[i]
		w.planned[(e.At-w.startMs)/day] = append(w.planned[(e.At-w.startMs)/day], *e)
		if inc != nil {
			inc.Events[sourceNames[e.Src]] = append(inc.Events[sourceNames[e.Src]], eventRef(e))
		}
	}
	if inc != nil {
		inc.Count = len(p.events)
	}
	return time.UnixMilli(p.events[0].At).UTC(), time.UnixMilli(p.events[len(p.events)-1].At).UTC(), true
}

// inject plans all decoys and incidents. Each kind has its own random stream. In a
// procedural world the incidents come first, so that they are the same for either half
// of the grammar.
func (w *World) inject() {
	if w.Procedural {
		w.offend(scenarios, w.Per)
		w.offend(misuse, w.Per)
		w.offend([]story{chain}, 4*w.Per)
		w.happen()
		return
	}
	w.decoy()
	w.offend(scenarios, w.Per)
}

func (w *World) decoy() {
	scale := float64(w.Users*w.Days) / 36000 * w.culture.decoys
	for k := range decoys {
		s := &decoys[k]
		r := newRand(w.Seed, seedDecoy, hashString(s.name))
		for n := r.poisson(s.rate * scale); n > 0; n-- {
			for try := 0; try < 300; try++ {
				a := pick(r, w.people)
				if a.taken || a.Hired > 0 || (a.LastDay < never) != s.leaver || a.leaveFrom < never {
					continue
				}
				if from, to, ok := w.plan(s, r, a, r.Float64(), nil); ok {
					w.decoys = append(w.decoys, Decoy{Type: s.name, User: a.Email, Start: from, End: to})
					break
				}
			}
		}
	}
}

// offend plans per incidents of each kind, as far as people can be found for them.
func (w *World) offend(kinds []story, per int) {
	for k := range kinds {
		s := &kinds[k]
		if !w.enabled(s.name) {
			continue
		}
		r := newRand(w.Seed, seedScenario, hashString(s.name))
		for n := 0; n < per; n++ {
			q := w.Faintest + (w.Loudest-w.Faintest)*(float64(n)+r.Float64())/float64(per) // stratified
			for try := 0; try < 4000; try++ {
				a := pick(r, w.people)
				if a.taken || a.Hired > w.Learn-21 || (a.LastDay < never) != s.leaver || (a.leaveFrom < never) != s.leave {
					continue
				}
				inc := &Incident{Scenario: s.name, Family: s.family, Severity: s.severity, Users: []string{a.Email},
					Intensity: math.Round(q*100) / 100, Events: map[string][]string{}}
				if from, to, ok := w.plan(s, r, a, q, inc); ok {
					inc.Start, inc.End = from, to
					w.incidents = append(w.incidents, inc)
					break
				}
			}
		}
	}
}

// lerp interpolates between lo and hi by intensity on a log scale, with some noise.
func (p *plan) lerp(lo, hi float64) int {
	return max(1, int(lo*math.Pow(hi/lo, p.q)*p.r.lognormal(0, .15)))
}

func (a *Actor) present(d int) bool {
	return d >= 0 && d < len(a.state) && a.state[d] == Working && d <= a.LastDay && (d < a.leaveFrom || d >= a.leaveTo)
}

// workday draws a day in [lo, hi] on which the person works; false if it finds none.
func (p *plan) workday(lo, hi int) (int, bool) {
	for try := 0; try < 60 && hi >= lo; try++ {
		if d := p.r.between(max(0, lo), min(hi, p.w.Days-1)); p.a.present(d) {
			return d, true
		}
	}
	return 0, false
}

// workdays lists up to n workdays, beginning with the plan's first day and within limit days.
func (p *plan) workdays(n, limit int) (days []int) {
	for d := p.d; d < min(p.d+limit, p.w.Days-1) && len(days) < n; d++ {
		if p.a.present(d) {
			days = append(days, d)
		}
	}
	return days
}

// exitDays draws up to n workdays of a leaver's last weeks; in an incident also shortly before notice.
func (p *plan) exitDays(n int) (days []int) {
	for _, l := range p.w.leavers {
		if l.who != p.a {
			continue
		}
		from := l.notice
		if p.inc != nil {
			from = max(p.w.Learn, l.notice-8)
		}
		for d := min(l.lastDate, p.w.Days-1); d >= from && len(days) < n; d-- {
			if p.a.present(d) && p.r.chance(.6) {
				days = append([]int{d}, days...)
			}
		}
	}
	return days
}

// clock draws a time on a local day, at night with the given probability.
func (p *plan) clock(d int, night float64) int64 {
	midnight := p.w.midnight(p.a.whereabouts(d), d)
	if p.r.chance(night) {
		return midnight + int64(p.r.uniform(-2.5, 4.5)*float64(hour))
	}
	return p.a.moment(p.r, midnight)
}

func (p *plan) client(d int) *Context {
	main, _ := p.w.contexts(p.a, d)
	return main
}

func (p *plan) elsewhere(place *Place, block []string, dev *Device) *Context {
	return &Context{IP: address(p.r, block), Place: place, Device: dev, Agent: agentOf(dev, p.d), Session: p.r.Uint64()}
}

// intruder is the client of an intruder. A blatant one connects from a hosting or
// broadband provider abroad, a stealthy one from the victim's country.
func (p *plan) intruder() *Context {
	place := pick(p.r, p.w.lex.abroad)
	if p.q < .3 {
		for place = pick(p.r, p.w.lex.homes); place.Code != p.a.Home.Code; place = pick(p.r, p.w.lex.homes) {
		}
	} else if p.r.chance(.5) {
		return p.elsewhere(place, place.Hosting, newDevice(p.r, false))
	}
	return p.elsewhere(place, place.Broadband, newDevice(p.r, false))
}

func (p *plan) login(src Source, t int64, c *Context) {
	p.put(Event{At: t - 60*second, Ctx: c, Src: Okta, Kind: Login})
	p.put(Event{At: t - 50*second, Ctx: c, Src: Okta, Kind: MFA})
	p.put(Event{At: t - 30*second, Ctx: c, Src: Okta, Kind: SingleSignOn, Arg: sourceApps[src]})
	p.put(Event{At: t - 20*second, Ctx: c, Src: src, Kind: Login})
}

// loot draws up to n distinct files. The share reach of them comes from folders the person
// does not normally use, confidential ones of the department first.
func (p *plan) loot(src Source, n int, reach float64) []Item {
	r, a := p.r, p.a
	strange := append([]*Folder{}, p.w.folders[src]...)
	r.Shuffle(len(strange), func(i, j int) { strange[i], strange[j] = strange[j], strange[i] })
	juicy := func(f *Folder) bool { return f.Dept == a.Dept && f.Sensitive > 0 }
	sort.SliceStable(strange, func(i, j int) bool { return juicy(strange[i]) && !juicy(strange[j]) })
	var items []Item
	seen := map[Item]bool{}
	for try := 0; len(items) < n && try < 4*n+40; try++ {
		pool := a.folders[src]
		if r.chance(reach) || len(pool) == 0 {
			pool = strange
		}
		x := r.Float64()
		f := pool[int(x*x*float64(len(pool)))]
		at := r.IntN(f.size(p.d))
		for m := r.between(1, 30); m > 0 && len(items) < n; m-- {
			it := Item{f, at % f.size(p.d)}
			if at++; !seen[it] {
				seen[it] = true
				items = append(items, it)
			}
		}
	}
	return items
}

// sweep acts on every item in turn, gap seconds apart, and returns the time after the last.
func (p *plan) sweep(src Source, kind Kind, items []Item, t int64, gap float64, c *Context, arg string) int64 {
	for _, it := range items {
		p.put(Event{At: t, Ctx: c, Src: src, Kind: kind, Item: it, Arg: arg})
		t += p.r.seconds(gap)
	}
	return t
}

// split divides items into n parts of about equal size.
func split(items []Item, n int) (parts [][]Item) {
	for i := 0; i < n; i++ {
		parts = append(parts, items[i*len(items)/n:(i+1)*len(items)/n])
	}
	return parts
}

// visits adds n anonymous visitors who open a link within a day.
func (p *plan) visits(src Source, it Item, t int64, n int) {
	for ; n > 0; n-- {
		p.put(p.w.visit(p.r, src, it, t, p.d))
	}
}

// aws adds calls of the AWS API, about a minute apart, and returns the time after.
func (p *plan) aws(t int64, calls ...[2]string) int64 {
	for _, c := range calls {
		p.put(Event{At: t, Src: CloudTrail, Kind: AWSCall, Arg: c[0], Arg2: c[1]})
		t += p.r.seconds(60)
	}
	return t
}

// grant gives a person a role in a service.
func (p *plan) grant(target *Actor, src Source, role string, t int64) {
	if src == CloudTrail {
		p.aws(t, [2]string{"AttachUserPolicy", target.local() + "|" + role})
		return
	}
	p.put(Event{At: t, Src: src, Kind: GrantRole, Arg: target.Email, Arg2: role})
}

// viaApp authorises an application, which reads n files on the person's behalf.
func (p *plan) viaApp(app, level string, n int, reach float64) {
	t := p.clock(p.d, 0)
	p.put(Event{At: t, Src: p.src, Kind: GrantApp, Arg: app, Arg2: level})
	place := pick(p.r, p.w.lex.homes[:4])
	c := &Context{IP: address(p.r, place.Hosting), Place: place, Device: p.w.services[0].Device, Agent: "python-requests/2.32.3",
		Session: p.r.Uint64()}
	p.sweep(p.src, Download, p.loot(p.src, n, reach), t+p.r.between64(minute, 5*hour), p.r.logUniform(.5, 6), c, app)
}

func (p *plan) bucket(sensitive bool) *Folder {
	for {
		if f := pick(p.r, p.w.folders[CloudTrail]); (f.Sensitive > 0) == sensitive && !f.Public {
			return f
		}
	}
}

// stranger draws the person's private address or an address at an unknown company.
func (p *plan) stranger() string {
	if p.r.chance(.75) {
		return p.a.Personal
	}
	return p.w.lex.prospect(p.r)
}

// fileStream is the stream of downloads of a source.
func fileStream(src Source) Stream {
	return [nSources]Stream{s3Get, drvDownload, drvDownload, boxDownload, sfExport, nStreams, slkDown, ghClone, dbxDownload, nStreams}[src]
}

func (a *Actor) uses(src Source) bool {
	if (src == M365 || src == Google) && a.Suite != src {
		return false
	}
	return a.rate[fileStream(src)] > 0 && (src == Salesforce || len(a.folders[src]) > 0)
}

var topRoles = [nSources]string{CloudTrail: "AdministratorAccess", M365: "Global Administrator", Google: "_SEED_ADMIN_ROLE",
	Okta: "Super administrator", GitHub: "admin", Slack: "admin"}
var minorRoles = [nSources]string{CloudTrail: "PowerUserAccess", M365: "Helpdesk Administrator",
	Google: "_USER_MANAGEMENT_ADMIN_ROLE", Okta: "Read-only administrator", GitHub: "maintain", Slack: "admin"}
