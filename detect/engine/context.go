package engine

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/mail"
)

// habit is what the days before today had of one detector's evidence about a person.
type habit struct {
	Top float64 // the most points of a day; habitDecay of it is left after a day
	N   float64 // days with points, decayed alike
	Day int64   // the latest of them, days since 1970
}

// cohort is how many people had the same evidence lately: of a detector, in a department, a place,
// or with a recipient. Everybody counts once a week.
type cohort struct {
	N    float64 // cohortDecay of it is left after a day
	Long float64 // the same, forgotten as slowly as a habit
	Day  int64   // when it was brought up to date, days since 1970
}

const (
	habitDecay  = .98 // a day: half of it is left after five weeks
	cohortDecay = .93 // a day: half of it is left after ten days
	cohortEvery = 7   // days after which a person counts for a cohort again
	cohortFrom  = 1.5 // points of a detector from which a day counts for habits and cohorts
	maxCohorts  = 1 << 15
	lately      = 10 // days for which what has happened to a person may explain what it does
	chainDays   = 10 // days over which the steps of a chain belong together
)

// happening is something that happened to a person, or that the person did, which may explain what
// comes after it.
type happening int

// The happenings.
const (
	newClient  happening = iota // a sign-in with a client that is new to the person
	returned                    // back after weeks without any activity
	openedCase                  // a case, matter or search of content was opened
	joinedChannel
	adoptedApp // authorised an application
	refusedPush
	happenings
)

// since is for how many days something has happened to a person, on a day; false if it has not, lately.
func (p *person) since(h happening, today int64) (days int64, known bool) {
	days = today - p.Happened[h]
	return days, p.Happened[h] > 0 && days <= lately
}

// happen notes what happens to a person with an event.
func (e *Engine) happen(p *person, a *detect.Enriched) {
	today := a.Time / event.Day
	switch {
	case a.NewAgent:
		p.Happened[newClient] = today
	case a.Class == event.List && a.Whole(), a.Object.Type == "case":
		p.Happened[openedCase] = today
		e.explained(p, featCase, a.Time)
	case a.Class == event.MembershipAdd:
		p.Happened[joinedChannel] = today
		e.explained(p, featChannel, a.Time)
	case a.Class == event.TokenGrant:
		p.Happened[adoptedApp] = today
		p.Adopted = hash(ofCohort, "application", strings.ToLower(a.AppName()))
		if name := a.AppName(); name == "" {
			e.join(p, p.Adopted, today)
		} else {
			e.joinWith(p, p.Adopted, today, "Application authorised: "+detect.Quote(name))
		}
	case a.Class == event.MFADenied:
		p.Happened[refusedPush] = today
	}
	if a.Silent >= 14 {
		p.Happened[returned] = today
	}
}

// circumstances counts how the evidence of the day came about.
type circumstances struct {
	Acts      int            // events that detectors counted
	Strange   int            // of them, from a network that was new to person and organisation
	Closed    int            `cbor:",omitempty"` // in places that only few of another department come to
	Unusual   int            `cbor:",omitempty"` // from a network that was new to the person, though not to the organisation
	NewTool   int            `cbor:",omitempty"` // with a program that the person had not used in that service
	OffHours  int            // at hours at which the person hardly ever works
	Connected int            // by an application
	Shared    int            // from a network that colleagues use, too
	Parties   [standings]int // by what is known of the party outside that received something
}

// standings is how many standings a party may have.
const standings = int(detect.Self) + 1

// attend counts the circumstances of an event that a detector has marked, and returns who comes to its place,
// if only few of another department do.
func (e *Engine) attend(p *person, a *detect.Enriched) *regulars {
	c := &p.Day.Manner
	c.Acts++
	switch {
	case a.Strange:
		c.Strange++
	case a.Unusual && p.settled():
		c.Unusual++
	}
	if e.newTool(p, a) {
		c.NewTool++
	}
	if a.Connected {
		c.Connected++
	}
	c.Parties[a.Party.Standing]++
	if a.Client.IP != "" {
		key, today := hash(ofCohort, "network", network(a.Client.IP)), a.Time/event.Day
		e.join(p, key, today)
		if n, _ := e.org(p).others(p, key, today); n >= 2 {
			c.Shared++
		}
	}
	if a.OffHours || e.offHours(p, a.Event) {
		c.OffHours++
	}
	if a.Unsigned {
		return nil
	}
	who := e.closed(p, a.Event)
	if who != nil {
		c.Closed++
	}
	return who
}

// newTool notes with what program something was done, and says whether it was new to the person in that
// service within two days. A sync client comes with a new machine.
func (e *Engine) newTool(p *person, a *detect.Enriched) bool {
	tool := cmp.Or(a.Client.Agent, a.Client.App)
	if tool == "" || a.Unsigned || a.Class == event.Sync {
		return false
	}
	key := hash(ofAgent, "tool", a.Source.String()) ^ family(tool)
	return p.Known.age(key, a.Time/event.Day, maxKnown) <= 1 && p.settled()
}

// kindCohort is the key of the cohort of those for whom an indicator held, with a kind.
func kindCohort(indicator, kind string) uint64 { return hash(ofCohort, "indicator", indicator, kind) }

// gather counts a person into the cohorts of its evidence, once a week each.
func (e *Engine) gather(p *person, v *verdict, at int64) {
	for g, det := range e.catalog.detectors {
		if v.points[g] < cohortFrom || det.Mechanism != detect.NoMechanism {
			continue
		}
		keys := p.cohortKeys(g)
		for k, key := range keys {
			switch {
			case key == 0:
			case k == cohortPlace && det.Exfiltration && keys[cohortTarget] == 0:
				place, _ := top(p.Day.Proof[g].Places)
				e.joinWith(p, key, at/event.Day, det.Title+" in "+detect.Quote(place))
			case k == cohortTarget:
				target, _ := top(p.Day.Proof[g].Targets)
				e.joinWith(p, key, at/event.Day, det.Title+" to "+detect.Quote(counterpart(target)))
			default:
				e.join(p, key, at/event.Day)
			}
		}
	}
	for _, i := range slices.Sorted(maps.Keys(p.Day.Facts)) {
		rarest, _ := e.org(p).seen(i, p.Day.Facts[i].Kinds)
		e.join(p, kindCohort(e.catalog.indicators[i].Name, rarest), at/event.Day)
	}
}

// join counts a person into a cohort, once a week. It says whether it does.
func (e *Engine) join(p *person, key uint64, today int64) bool {
	if days, known := p.Cohorts.since(key, today); known && days < cohortEvery {
		return false
	}
	p.Cohorts.age(key, today, maxKnown)
	e.deltaOf(p).of(p).join(key, 1)
	return true
}

// decay is what is left of something after days.
type decay struct {
	daily float64
	known [400]float64
}

// The decays of habits and cohorts.
var habitLeft, cohortLeft = newDecay(habitDecay), newDecay(cohortDecay)

func newDecay(daily float64) *decay {
	d := &decay{daily: daily}
	for i := range d.known {
		d.known[i] = math.Pow(daily, float64(i))
	}
	return d
}

// after is what is left after so many days, 0 or more.
func (d *decay) after(days int64) float64 {
	if days >= 0 && days < int64(len(d.known)) {
		return d.known[days]
	}
	return math.Pow(d.daily, float64(days))
}

// kinds of cohorts.
const (
	cohortEverywhere = iota
	cohortDepartment
	cohortPlace
	cohortTarget
	cohortKinds
)

// cohortKeys are the keys of the cohorts that a detector's evidence of today belongs to; 0 where there
// is none.
func (p *person) cohortKeys(g int) (keys [cohortKinds]uint64) {
	name := p.catalog.detectors[g].Name
	keys[cohortEverywhere] = hash(ofCohort, name)
	if d := p.peerGroup(); d != "" {
		keys[cohortDepartment] = hash(ofCohort, name, "department", d)
	}
	if pr := p.Day.Proof[g]; pr != nil {
		if place, _ := top(pr.Places); place != "" {
			keys[cohortPlace] = hash(ofCohort, name, "place", place)
		}
		if target, _ := top(pr.Targets); target != "" {
			keys[cohortTarget] = hash(ofCohort, name, "target", counterpart(target))
		}
	}
	return keys
}

// others is how many other people belong to a cohort lately, and over months.
func (o *org) others(p *person, key uint64, today int64) (n, long float64) {
	c, known := o.Cohorts[key]
	if key == 0 || !known {
		return 0, 0
	}
	c = c.on(today)
	n, long = c.N, c.Long
	if days, mine := p.Cohorts.since(key, today); mine {
		n -= cohortLeft.after(int64(days))
		long -= habitLeft.after(int64(days))
	}
	return max(n, 0), max(long, 0)
}

// meet adds the people of an hour to the cohorts.
func (o *org) meet(cohorts map[uint64]int64, today int64) {
	if o.Cohorts == nil && len(cohorts) > 0 {
		o.Cohorts = map[uint64]cohort{}
	}
	for _, key := range slices.Sorted(maps.Keys(cohorts)) { // in order: who finds no room must not depend on chance
		c, known := o.Cohorts[key]
		if !known && len(o.Cohorts) >= maxCohorts {
			continue
		}
		n := float64(cohorts[key])
		c = c.on(today)
		o.Cohorts[key] = cohort{N: c.N + n, Long: c.Long + n, Day: max(today, c.Day)}
	}
}

// on is what a cohort amounts to on a later day.
func (c cohort) on(today int64) cohort {
	age := max(today-c.Day, 0)
	c.N, c.Long = c.N*cohortLeft.after(age), c.Long*habitLeft.after(age)
	return c
}

// disperse forgets cohorts of long ago.
func (o *org) disperse(today int64) {
	for key, c := range o.Cohorts {
		if c.on(today).Long < .1 {
			delete(o.Cohorts, key)
		}
	}
}

// on is what a habit amounts to on a later day.
func (h habit) on(today int64) habit {
	left := habitLeft.after(max(today-h.Day, 0))
	h.Top, h.N = h.Top*left, h.N*left
	return h
}

// remember keeps what the day had of each detector's evidence, at its end.
func (p *person) remember(points []float64, today int64) {
	for g, w := range points {
		if w < cohortFrom {
			continue
		}
		h := p.Habits[g].on(today)
		if p.Habits == nil {
			p.Habits = map[int]habit{}
		}
		p.Habits[g] = habit{Top: max(h.Top, w), N: h.N + 1, Day: today}
	}
	for g, h := range p.Habits {
		if h.on(today).N < .1 {
			delete(p.Habits, g)
		}
	}
}

// counterpart is the key part of a recipient: the domain of an address, or the whole address at a
// provider of private mailboxes.
func counterpart(target string) string {
	if d := mail.Domain(target); d != "" && !mail.Consumer(d) {
		return d
	}
	return target
}
