// Package engine scores people by their events. It keeps what is usual for a person, for
// colleagues and for the organisation, and reports in findings where a person departs from it,
// or does what needs no comparison. The detectors define what it looks for.
//
// It reads an event log, keyed by person and ordered by time, and gives findings. It owns
// the state of a partition (Store); it reads no clock: the only time it knows is that of the
// events. docs/scoring.md explains the model.
package engine

import (
	"cmp"
	"slices"
	"strings"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/detect/lexicon"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/guard"
	"github.com/outflow/outflow/internal/spill"
)

// Engine is a state machine: events in the order of their time go in, findings come
// out. The same events give the same findings, on any machine. Within an hour people
// do not depend on one another (delta). It is not safe for concurrent use.
type Engine struct {
	state
	catalog *Catalog
	emit    func(*finding.Finding) error
	config  config
	days    func(*finding.Activity) error // may be nil

	people   people
	deltas   []*delta                  // in the hour that is open, by shard; nil where others score
	spare    []*delta                  // to be filled next
	closing  map[int64][]string        // people with an open day, by its end
	active   []*person                 // who did something in this hour
	away     []string                  // of them, those who are packed
	young    []*exposure               // exposures that may soon turn out to last
	excluded map[uint64]bool           // people who have opted out of everything, by the hash of their name
	leaving  []string                  // who have given notice, and were not looked at after leaving
	leavers  map[string]finding.Leaver // all that HR reports as leaving
	spoke    map[string]bool           // rules of the organisation's own that have matched
	tenant   string                    // the cloud account seen last
	enriched detect.Enriched
	scratch  []byte // of an event that is encoded
	// witnesses are the bytes of the events that windows of correlations keep.
	witnesses int
	parties   []detect.Party // of the recipients of the event
	places    []uint64       // that its object is below
	names     lexicon.Names
	verdict   verdict
	opinions  map[uint64]opinion // by subject: what Decided comes to
	batch     batch
	err       error
	takeAt    int64 // hour before which the state is handed over; 0 for never
	take      func(*Snapshot) error

	enough   bool  // person-days are known to score counts by
	enoughAt int64 // since when, if that has come about since the engine began
}

// state is what an engine keeps between events.
type state struct {
	Hour     int64 // the hour that is open, hours since 1970; 0 before the first event
	People   *org
	Services *org
	Complete [32]int64 // per source: time of its latest event
	Heads    int       // people who are no service accounts
	Exposed  map[uint64][]*exposure
	Pulse    *[32]sourceHealth // per source
	Feed     hrState
	Windows  map[uint64]*window // of correlations
	Fed      novelty            // requests that correlations know, by minute
	Staff    map[uint64]staffed // by the hash of the name: who has opted out of everything; with several shards, all that HR names
	Awaited  map[string]given   // the rights of the last days, for those who have done nothing yet
	Decided  map[string]decided // by alert
	Common   map[uint64]*alike  // what people did alike lately, by cohort
}

// New returns an engine without any knowledge. Emit takes its findings; an error
// of it is what Handle and Flush return. The configuration has been checked (Config.Check).
func New(c Config, emit func(*finding.Finding) error) *Engine {
	config := c.prepare()
	cat := config.catalog
	e := &Engine{
		catalog: cat, emit: emit, config: config, batch: batch{least: perLane},
		deltas: newDeltas(cat, config.shards, config.mine), spare: newDeltas(cat, config.shards, config.mine),
		spoke: map[string]bool{}, leavers: map[string]finding.Leaver{}, excluded: map[uint64]bool{}, closing: map[int64][]string{},
		people: newPeople(config.unpacked, spill.New(packedMemory, c.TempDir)),
		state: state{
			Pulse: new([32]sourceHealth), Exposed: map[uint64][]*exposure{}, Windows: map[uint64]*window{}, Staff: map[uint64]staffed{},
			Awaited: map[string]given{}, Decided: map[string]decided{},
			People: newOrg(cat), Services: newOrg(cat),
		},
	}
	e.usePriors()
	return e
}

// Handle takes in one event of a person. Events come in the order of their time;
// those of HR may come at any time.
func (e *Engine) Handle(name string, ev *event.Event) error {
	e.packIdle()
	e.foldDeltas()
	if ev.Source == event.HR {
		switch {
		case name == "":
		case e.owns(name):
			e.staff(name, ev)
		default:
			e.noteStaff(name, ev)
		}
		return e.err
	}
	e.advance(ev.Time / event.Hour)
	switch ev.Class { // what sources say about themselves
	case event.SourceGap:
		e.gap(ev)
		return e.err
	case event.SourceLate:
		e.delivered(ev)
		return e.err
	case event.NamesLeftOut:
		e.leftOut(ev)
		return e.err
	}
	e.arrived(name, ev.Source, ev.Time)
	if name == "" && e.config.rules != nil && ev.Attr(event.AttrRuleMatch) != "" {
		name, ev.Actor.Kind = ev.Source.String()+":nobody", event.System // a rule may be about what happens without a signed-in user
	}
	if name == "" || ev.Class == event.Derived || e.isExcluded(name) {
		return e.err
	}
	if !e.owns(name) {
		e.correlateElsewhere(name, ev)
		return e.err
	}
	kind, unsigned := ev.Actor.Kind, byOthers(ev)
	if unsigned && !event.IsPlace(name) {
		kind = event.Human
	}
	p := e.person(name, kind)
	p.Guest = ev.Actor.Guest
	e.begin(p, ev.Time)
	if effective(ev) && !unsigned {
		e.countActs(p, ev.Source, ev.Class)
	}
	e.handle(p, ev)
	return e.err
}

// handle scores an event of a person with an open day.
func (e *Engine) handle(p *person, ev *event.Event) {
	// Correlations come first, and by themselves: they depend on nothing that only the engine of the person knows.
	correlated := !p.optedOut(detect.UserRules) && e.correlations(p.Name, p, ev)
	if byOthers(ev) {
		e.handleUnsigned(p, ev, correlated)
		return
	}
	// The order matters: attempts looks at failures before enrich accounts for the sign-in, and count
	// must know what closeExposures has closed, since expose leaves out what is open already.
	if p.Day.again(ev) {
		if correlated {
			e.gather(p, e.emitFindings(p, ev.Time, false), ev.Time)
		}
		return
	}
	if ev.Class == event.Inherited {
		e.handleInherited(p, ev)
		return
	}
	e.endAct(p, ev.Time)
	p.Day.Latest = ev.Time
	if !ev.Zoneless {
		p.Day.Hours |= 1 << (ev.Time / event.Hour % 24)
	}
	p.Day.Sources |= 1 << ev.Source
	if v := ev.Attr(event.AttrAttempts); v != "" {
		p.attempts(ev.Time, v)
	}
	a := e.enrich(p, ev)
	if effective(ev) {
		if !a.Signed() {
			p.Day.originate(&ev.Client)
		}
		e.closeExposures(p, a)
		e.trackAccess(p, a)
	}
	again := e.config.rules != nil && !p.optedOut(detect.UserRules) && e.rules(p, ev)
	if e.count(p, a) || again || correlated {
		e.gather(p, e.emitFindings(p, ev.Time, false), ev.Time)
	}
}

// Known is how many people and service accounts are known.
func (e *Engine) Known() int { return len(e.people.all) }

// Flush scores the days that are still open. More events may follow: nothing is
// learned, and no later score changes.
func (e *Engine) Flush() error {
	var open []string
	for _, list := range e.closing {
		open = append(open, list...)
	}
	slices.Sort(open)
	for _, name := range open {
		p := e.find(name)
		v := e.emitFindings(p, p.Day.Latest, true)
		e.compareAll(p, v)
		e.report(p, v, true)
		e.packIdle()
	}
	return e.err
}

func (e *Engine) org(p *person) *org {
	if p.Service {
		return e.Services
	}
	return e.People
}

func (e *Engine) person(name string, kind event.ActorKind) *person {
	p := e.find(name)
	if p == nil {
		p = newPerson(e.catalog, name, kind != event.Human && kind != event.Unknown)
		p.shard = ShardOf(name, e.config.shards)
		e.people.add(p)
		e.welcome(p)
		if !p.Service {
			e.deltaOf(p).Heads++
		}
	}
	return p
}

func newPerson(cat *Catalog, name string, service bool) *person {
	q := len(cat.metrics)
	slow := len(cat.slow)
	p := &person{
		Name: strings.Clone(name), Service: service, Sum: make([]float64, q),
		Shift: make([]float64, slow), Long: make([]float64, slow), Top: make([]float64, slow),
	}
	p.use(cat)
	return p
}

// staff takes in what HR says.
func (e *Engine) staff(name string, ev *event.Event) {
	if ev.Class == event.Person && len(e.config.optOuts) > 0 {
		who := hash(ofUser, name)
		of := e.Staff[who]
		department, country := cmp.Or(ev.Attr(event.AttrDepartment), of.Department), cmp.Or(ev.Attr(event.AttrCountry), of.Country)
		if p := e.find(name); p != nil {
			department, country = cmp.Or(department, p.Department), cmp.Or(country, p.Country)
		}
		if _, excluded := e.config.optedOut(department, country); excluded {
			e.exclude(name)
			e.Staff[who] = staffed{strings.Clone(department), strings.Clone(country)}
			return
		}
		delete(e.excluded, who)
		if e.config.shards <= 1 {
			delete(e.Staff, who)
		}
	}
	e.noteStaff(name, ev)
	if e.isExcluded(name) {
		return
	}
	p := e.person(name, ev.Actor.Kind)
	switch ev.Class {
	case event.Person:
		if d := ev.Attr(event.AttrDepartment); d != "" && d != p.Department {
			e.deltaOf(p).of(p).move(p, func() { p.Department = strings.Clone(d) })
		}
		day := func(attr string) int64 {
			at, _ := parseDay(ev.Attr(attr))
			return at / event.Day
		}
		p.Started, p.Position = day(event.AttrStart), day(event.AttrPosition)
		p.Location = strings.Clone(cmp.Or(ev.Attr(event.AttrLocation), p.Location))
		p.Country = strings.Clone(cmp.Or(ev.Attr(event.AttrCountry), p.Country))
		if off, _ := e.config.optedOut(p.Department, p.Country); off != p.optOuts {
			e.optOut(p, off)
		}
	case event.Notice:
		first := p.Notice == 0 // what HR says comes again with every run
		if first || ev.Time < p.Notice {
			p.Notice = ev.Time
		}
		if at, ok := parseDay(ev.Attr(event.AttrLastDay)); ok && at != p.LastDay {
			p.LastDay, p.Reviewed, p.Left = at, false, nil
		}
		if i, listed := slices.BinarySearch(e.leaving, p.Name); !listed && !p.Reviewed {
			e.leaving = slices.Insert(e.leaving, i, p.Name)
		}
		e.leavers[p.Name] = finding.Leaver{User: p.Name, Notice: p.Notice, LastDay: p.LastDay}
		if first {
			e.noteNotice(p, ev)
		}
	}
}

// send emits a finding, if it is about a person that the engine scores. The first error of
// emit is kept.
func (e *Engine) send(f *finding.Finding) {
	if f.Health && f.Headline == "" {
		f.Headline = headOf(f.Reason)
	}
	if e.err == nil && e.owns(f.Person) {
		e.err = e.emit(f)
	}
}

// effective says whether an action took effect.
func effective(ev *event.Event) bool { return tookEffect(ev.Outcome) }

func tookEffect(o event.Outcome) bool { return o != event.Failure && o != event.Denied }

// begin opens the day of a person if none is open.
func (e *Engine) begin(p *person, at int64) {
	d := &p.Day
	if d.End == 0 {
		prof := e.profile(p)
		q := quiet(&prof)
		end := (at/event.Day)*event.Day + int64(q)*event.Hour
		for end <= at {
			end += event.Day
		}
		p.open(at, end)
		p.Day.Profile, p.Day.Quiet = prof, q
		e.closing[end] = append(e.closing[end], p.Name)
	}
	if p.seen != e.Hour {
		p.seen = e.Hour
		e.active = append(e.active, p)
	}
}

// profile is by hour of the day (UTC) the share of active days on which the
// person does something, drawn towards that of people in the same place, and
// those towards everybody.
func (e *Engine) profile(p *person) (out [24]float64) {
	o := e.org(p)
	peers, all := o.hours(p.Location), o.hours(everywhere)
	for h := range 24 {
		prior := (unfix(all[h]) + 5.0/3) / (unfix(all[24]) + 5)
		prior = (unfix(peers[h]) + float64(20*prior)) / (unfix(peers[24]) + 20)
		out[h] = (p.Hours[h] + float64(3*prior)) / (p.HourN + 3)
	}
	return out
}

// advance closes the hours before a new one.
func (e *Engine) advance(hour int64) {
	if e.Hour == 0 {
		e.Hour = hour
		return
	}
	for e.Hour < hour {
		e.closeHour()
		e.Hour++
		if e.Hour == e.takeAt {
			s, err := e.snapshot()
			if err == nil {
				err = e.take(s)
			}
			e.err = cmp.Or(e.err, err)
		}
	}
}

// CloseUntil closes the hours before one (hours since 1970), as the first event of that hour would. With several shards, an
// engine that has no event of its own in the hour must not keep the others waiting. It does nothing before the first event.
func (e *Engine) CloseUntil(hour int64) error {
	return guard.Do("judge", func() error {
		if e.err == nil && e.Hour > 0 {
			e.advance(hour)
		}
		return e.err
	})
}

// closeHour applies the deltas of the hour, and ends the days that are over.
func (e *Engine) closeHour() {
	for _, p := range e.active {
		e.contribute(p)
	}
	e.active = e.active[:0]
	for some := range slices.Chunk(e.away, e.people.some()) { // those who are packed meanwhile have handed over
		e.bring(slices.Values(some))
		for _, name := range some {
			e.contribute(e.find(name))
		}
		e.packIdle()
	}
	end := (e.Hour + 1) * event.Hour
	own := e.deltas
	e.noteVerdicts(own, end)
	e.deltas, e.spare = e.spare, own // what the end of the hour brings is known an hour later
	b := e.exchangeDeltas(own)
	e.applyDelta(b, end)
	e.matureExposures(end)
	e.reviewLeavers(end)
	if list := e.closing[end]; list != nil {
		slices.Sort(list)
		e.closeDays(list)
		delete(e.closing, end)
	}
	e.People.closeHour(e.Hour, &b.People)
	e.Services.closeHour(e.Hour, &b.Services)
	e.learned(end)
	for _, b := range own {
		if b != nil {
			b.reset()
		}
	}
	e.checkSilence(e.Hour)
	if (e.Hour+1)%24 == 0 {
		e.checkHealth(end)
	}
	e.away = e.away[:0] // with those who were packed since they had handed over
}

// contribute adds what the person did since it last did to the delta of the hour.
func (e *Engine) contribute(p *person) {
	d, b := &p.Day, e.deltaOf(p)
	for i := range p.Laid {
		b.Laid = append(b.Laid, &p.Laid[i])
	}
	b.Shut = append(b.Shut, p.Shut...)
	p.Laid, p.Shut = nil, nil
	if d.End == 0 || p.idle() {
		return
	}
	o := e.org(p)
	dept := o.department(p.peerGroup())
	to := b.of(p).department(p.peerGroup())
	fresh := d.Expect[0] == 0 // nothing of the day is handed over yet: no usual count is zero
	for j, m := range e.catalog.metrics {
		if !fresh && d.Count[j] == 0 || m.detector >= 0 && p.optOuts>>m.detector&1 != 0 {
			continue
		}
		mu := o.mean(p, dept, j)
		if fresh {
			d.Expect[j] = mu
			to.Usual[j] += fix(mu)
		}
		if x := min(d.scored(j), 6*mu+6); x > d.Given[j] {
			to.Did[j] += fix(x) - fix(d.Given[j])
			d.Given[j] = x
		}
	}
}
