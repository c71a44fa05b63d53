package engine

import "math"

// org is what is known about people together: the usual counts of departments
// and of everybody, how far counts scatter, how rare surprises and indicators are,
// what is going on today, and which networks, domains and applications are
// known. People and service accounts have one each.
//
// It changes only at the end of an hour, and what changes it are sums of whole
// numbers (sums): so it does not depend on the order of people within the hour, nor on
// how many shards they are spread over.
type org struct {
	Departments map[string]*department
	Sum         []int64 // fixed point: sums of the people's decayed sums
	Active      int64
	Uses        []int64   // fixed point, per source: sum of the people's decayed days with it
	Num, Den    []float64 // moments of the dispersion, per metric
	NumAdd      []int64
	DenAdd      []int64
	Tails       []Tail // per scored metric
	Shifts      []Tail // per slow metric
	Facts       []float64
	FactAdd     []int64
	FactN       float64
	Kinds       map[string]float64 // decayed person-days with a kind of an indicator, by kindKey
	KindsAdd    map[string]int64
	DayAdd      int64 // person-days since midnight
	Leavers     int64 // of them, by people who are leaving
	LeaverShare float64
	NotableAdd  int64   // person-days since midnight with a notable score
	Notable     float64 // decayed person-days with one, and all
	NotableN    float64
	Rules       map[string]float64 // decayed person-days on which a rule matched
	RulesAdd    map[string]int64
	Hours       map[string]*[25]int64 // days with activity by hour (UTC), and all days, by location

	Networks  map[uint64]int32 // day first seen
	Domains   map[uint64]int32
	Apps      map[uint64]int32
	AppUsers  map[uint64]int32 // people who were seen using an application
	Partners  map[uint64]int32 // people who have dealt with a party outside
	Places    map[uint64]*contents
	Cohorts   map[uint64]cohort    // people with the same evidence lately
	Audiences map[uint64]*audience // people who came to places
	SoFar     *soFar               `cbor:",omitempty"` // nil in state that was stored before there was any

	catalog *Catalog
	prior   *priors // of other organisations; nil for service accounts
}

// department is the people of one department.
type department struct {
	Sum    []int64
	Active int64
	// What its people did in each of the last 24 hours, against what is usual for
	// those of them who were at work.
	Did, Usual       [24][]int64
	did, usual       []int64 // sums of the hours
	DidNow, UsualNow []int64 // of the hour that is open
}

// arrival is something new to the organisation, to be known from the next hour.
type arrival struct {
	Set int
	Key uint64
	Day int32
}

// Sets of arrivals.
const (
	networks = iota
	domains
	apps
	appUsers
	partners
)

// counted are the sets that say how many people use something, and not since when it is known.
var counted = [...]bool{appUsers: true, partners: true}

// limits of the sets: a hostile log could name any number of things.
var limits = [...]int{networks: 1 << 16, domains: 1 << 18, apps: 1 << 14, appUsers: 1 << 14, partners: 1 << 18}

// point is the scale of fixed-point sums.
const point = 1 << 20

func fix(x float64) int64   { return int64(math.Round(x * point)) }
func unfix(x int64) float64 { return float64(x) / point }

func newOrg(cat *Catalog) *org {
	q := len(cat.metrics)
	o := &org{
		catalog: cat, Departments: map[string]*department{}, Sum: make([]int64, q), Uses: make([]int64, len(sources)+1),
		Num: make([]float64, q), Den: make([]float64, q), NumAdd: make([]int64, q), DenAdd: make([]int64, q),
		Tails: make([]Tail, cat.scored), Shifts: make([]Tail, len(cat.slow)), Facts: make([]float64, len(cat.indicators)),
		FactAdd: make([]int64, len(cat.indicators)), FactN: 200,
		Hours: map[string]*[25]int64{}, Networks: map[uint64]int32{}, Domains: map[uint64]int32{}, Apps: map[uint64]int32{},
		AppUsers: map[uint64]int32{}, Partners: map[uint64]int32{}, Places: map[uint64]*contents{}, Cohorts: map[uint64]cohort{},
		Audiences: map[uint64]*audience{},
		Rules:     map[string]float64{}, RulesAdd: map[string]int64{},
		Kinds: map[string]float64{}, KindsAdd: map[string]int64{},
	}
	for j := range q {
		o.Num[j], o.Den[j] = 1, 1
	}
	for i := range o.Facts {
		o.Facts[i] = .3
	}
	o.SoFar = newSoFar(o)
	return o
}

func (o *org) department(name string) *department {
	d := o.Departments[name]
	if d == nil {
		q := len(o.catalog.metrics)
		d = &department{Sum: make([]int64, q), DidNow: make([]int64, q), UsualNow: make([]int64, q)}
		for h := range d.Did {
			d.Did[h], d.Usual[h] = make([]int64, q), make([]int64, q)
		}
		o.Departments[name] = d
		d.prepare()
	}
	return d
}

func (d *department) prepare() {
	q := len(d.Sum)
	d.did, d.usual = make([]int64, q), make([]int64, q)
	for h := range d.Did {
		for j := range q {
			d.did[j] += d.Did[h][j]
			d.usual[j] += d.Usual[h][j]
		}
	}
}

// closeHour adds the sums of an hour.
func (o *org) closeHour(hour int64, s *orgDelta) {
	o.take(s)
	o.meet(s.Cohorts, hour/24)
	o.meetReaders(s.Visits, hour/24)
	for _, d := range o.Departments {
		slot := int(hour % 24)
		did, usual := d.Did[slot], d.Usual[slot]
		for j := range did {
			d.did[j] += d.DidNow[j] - did[j]
			d.usual[j] += d.UsualNow[j] - usual[j]
		}
		copy(did, d.DidNow)
		copy(usual, d.UsualNow)
		clear(d.DidNow)
		clear(d.UsualNow)
	}
	s.hold(o)
	o.fill(s.held)
	for _, a := range s.Arrivals {
		set := o.known(a.Set)
		if counted[a.Set] {
			if n := set[a.Key]; n > 0 || len(set) < limits[a.Set] {
				set[a.Key] = n + 1
			}
			continue
		}
		if first, known := set[a.Key]; (!known || a.Day < first) && (known || len(set) < limits[a.Set]) {
			set[a.Key] = a.Day
		}
	}
	if (hour+1)%24 == 0 {
		o.closeDay()
		o.disperse(hour / 24)
		o.forgetReaders(hour / 24)
	}
}

// take adds sums to what is known, or to what will be when the hour or the day is over.
func (o *org) take(s *orgDelta) {
	for name, x := range s.Departments {
		d := o.department(name)
		plus(d.Sum, x.Sum)
		plus(d.DidNow, x.Did)
		plus(d.UsualNow, x.Usual)
		d.Active += x.Active
	}
	for _, pair := range [][2][]int64{{o.Sum, s.Sum}, {o.Uses, s.Uses}, {o.NumAdd, s.Num}, {o.DenAdd, s.Den}, {o.FactAdd, s.Facts}} {
		plus(pair[0], pair[1])
	}
	for j := range s.Tails {
		o.Tails[j].Added.take(s.Tails[j])
	}
	for j := range s.Shifts {
		o.Shifts[j].Added.take(s.Shifts[j])
	}
	if len(s.Unlearned) > 0 {
		o.countSoFar()
		for j, list := range s.Unlearned {
			o.SoFar.Counts[j].take(list)
		}
	}
	o.Active += s.Active
	o.DayAdd += s.Days
	o.Leavers += s.Leavers
	o.NotableAdd += s.Notable
	for id, n := range s.Rules {
		o.RulesAdd[id] += n
	}
	for key, n := range s.Kinds {
		o.KindsAdd[key] += n
	}
	for place, h := range s.Hours {
		plus(o.hours(place)[:], h[:])
	}
}

// closeDay takes in the person-days that ended since midnight (UTC).
func (o *org) closeDay() {
	if o.DayAdd == 0 {
		return
	}
	o.countSoFar()
	o.SoFar.closeDay(o)
	for j := range o.catalog.metrics {
		o.Num[j] = float64(o.Num[j]*.99) + unfix(o.NumAdd[j])
		o.Den[j] = float64(o.Den[j]*.99) + unfix(o.DenAdd[j])
	}
	clear(o.NumAdd)
	clear(o.DenAdd)
	for i := range o.Tails {
		o.Tails[i].closeDay(o.prior.tail(i))
	}
	for i := range o.Shifts {
		o.Shifts[i].closeDay(nil)
	}
	for i := range o.Facts {
		o.Facts[i] = float64(o.Facts[i]*.995) + float64(o.FactAdd[i])
	}
	clear(o.FactAdd)
	o.closeKinds()
	for id := range o.Rules {
		o.Rules[id] *= .995
	}
	for id, n := range o.RulesAdd {
		o.Rules[id] += float64(n)
	}
	clear(o.RulesAdd)
	o.FactN = float64(o.FactN*.995) + float64(o.DayAdd)
	o.LeaverShare = float64(o.Leavers) / float64(o.DayAdd)
	o.Notable = float64(o.Notable*anchorDecay) + float64(o.NotableAdd)
	o.NotableN = float64(o.NotableN*anchorDecay) + float64(o.DayAdd)
	o.DayAdd, o.Leavers, o.NotableAdd = 0, 0, 0
}

// countSoFar begins to count days as they were, if the state has been stored without.
func (o *org) countSoFar() {
	if o.SoFar == nil {
		o.SoFar = newSoFar(o)
	}
}

// everybody is the usual count of a metric over the organisation.
func (o *org) everybody(j int) float64 {
	usual := usualAnywhere
	if o.prior != nil {
		usual += float64((o.prior.mean[j] - usual) * priorShare(o.NotableN))
	}
	return (unfix(o.Sum[j]) + float64(priorMean*usual)) / (unfix(o.Active) + priorMean)
}

// peers is the usual count of a metric in a department, drawn towards that of
// everybody where the department is small.
func (o *org) peers(d *department, j int) float64 {
	if o.catalog.metrics[j].unsigned {
		return 0 // one place says nothing about another
	}
	return (unfix(d.Sum[j]) + float64(30*o.everybody(j))) / (unfix(d.Active) + 30)
}

// dispersion of a metric: how much more its counts scatter than chance alone.
func (o *org) dispersion(j int) float64 {
	return min(max(o.Den[j]/max(o.Num[j], 1e-6), .12), 6)
}

// rule is on how many days of people a rule has matched; never is as rare as a
// fact that never held.
func (o *org) rule(id string) float64 { return o.Rules[id] + .3 }

// age is for how many days something has been known to the organisation: 0 if it
// is new today. What is not known will be from the next hour on.
func (o *org) age(set int, key uint64, day int64, s *orgDelta) int {
	first, known := o.known(set)[key]
	if !known {
		s.arrive(set, key, day)
		return 0
	}
	return int(day) - int(first)
}

// known is a set of things with the day on which they were first seen, or how many people use them.
func (o *org) known(set int) map[uint64]int32 {
	switch set {
	case networks:
		return o.Networks
	case domains:
		return o.Domains
	case appUsers:
		return o.AppUsers
	case partners:
		return o.Partners
	}
	return o.Apps
}

// everywhere is the location that stands for all.
const everywhere = "*"

// hours counts active days, by hour, at a location.
func (o *org) hours(location string) *[25]int64 {
	h := o.Hours[location]
	if h == nil {
		h = new([25]int64)
		o.Hours[location] = h
	}
	return h
}

// arrive notes something for the next hour.
func (s *orgDelta) arrive(set int, key uint64, day int64) {
	s.Arrivals = append(s.Arrivals, arrival{set, key, int32(day)})
}
