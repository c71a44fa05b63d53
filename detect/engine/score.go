package engine

import (
	"cmp"
	"math"
	"slices"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// Parameters of the score. They were chosen on development worlds by recall at a
// fixed budget of false alerts; docs/scoring.md has the figures.
const (
	gamma       = .975 // what is left of a count after an active day: a half-life of 27 days
	longGamma   = .993 // the same for what was usual long before: 99 days
	kappa       = 4.0  // days that the colleagues' usual count weighs
	floor       = 3.5  // −ln of how rare a count must be to speak at all
	leaveFloor  = 2.0  // the same for data taken out by a leaver
	limit       = 9.0  // how far beyond what was ever seen a surprise may go
	shiftMax    = 5.0
	others      = .27 // of the further counts of one detector
	othersMax   = 4.0
	second      = .5 // of the further detectors
	unusual     = .5 // usual count from which it is spoken of
	serviceDays = 10 // active days before the counts of a service account speak: other ones say nothing about it
	together    = .5 // of the weaker of a suspicious sign-in and exfiltration
	busyPower   = 1.4
	leaveGain   = .8
	shiftGain   = .8
	climb       = .5 // by how much a CUSUM must rise to be counted again, besides having doubled
	ownShare    = .5
	spread      = .9            // of a count that is spread over the day, rather than in one burst, is not weighed
	again       = 7 * event.Day // for so long after an alert another one of the person is the same
	alerting    = 5.2           // score from which a day has an alert, for what it teaches
)

// mean is the usual count of a metric on an active day of a person: its own
// days, and the colleagues' as far as there are few of them.
func (o *org) mean(p *person, d *department, j int) float64 { return p.mean(j, o.peers(d, j)) }

func (p *person) mean(j int, peers float64) float64 { return shrunk(peers, p.Sum[j], p.Active) }

// shrunk is a mean over some days, drawn towards that of the peers.
func shrunk(peers, sum, days float64) float64 {
	return max((float64(kappa*peers)+sum)/(kappa+days), .003)
}

// scaled maps a total to the count that is scored.
func (m *metric) scaled(x float64) float64 {
	switch m.Scale {
	case detect.Root:
		return math.Floor(math.Sqrt(x))
	case detect.RootBytes:
		return math.Floor(math.Sqrt(x / 1e5))
	}
	return math.Floor(x)
}

// density is how much of what a detector, by its index, counts today came in one
// burst: what is spread over the day is work, more often than what comes at once.
func (d *dayState) density(g int) float64 {
	cat := d.catalog
	total, burst := 0.0, 0.0
	for _, j := range cat.groups[g] {
		switch m := &cat.metrics[j]; {
		case m.Burst && burst == 0:
			burst = d.Count[j]
		case total == 0 && !m.Burst:
			total = d.Count[j]
		}
	}
	if burst == 0 || total == 0 {
		return 1
	}
	return 1 - float64(spread*(1-burst/total))
}

// scored is the count of a metric that is scored today: none of one that goes on,
// unless today adds to it.
func (d *dayState) scored(j int) float64 {
	if d.Count[j] == 0 {
		return 0
	}
	m := &d.catalog.metrics[j]
	if m.carried >= 0 && d.Added&(1<<m.carried) == 0 {
		return 0
	}
	return m.scaled(d.Count[j])
}

// verdict is what a day amounts to so far.
type verdict struct {
	risk       float64 // the score of the day
	base       float64 // from surprises alone, less habits: what the day teaches by
	features   []term
	logit      float64
	absent     float64 // once it is attributed: log-odds of features that the day does not have
	attributed bool
	scratch    attribution // for the trees
	floor      float64     // what the organisation's own rules come to: less would overrule them
	must       float64     // the part of floor that holds for acts that are repeated, too
	hard       float64     // the part of floor that holds for days that are explained, too
	again      *told       // the act that the day repeats
	today      float64     // before habits
	points     []float64   // per detector
	shift      float64     // points of the slow shift
	rising     int         // index of the slow metric with the rarest shift, or -1
	breach     float64     // points of the strongest sign of an intruder
	raw        []float64   // surprise per scored metric
	shifts     []float64   // CUSUM per slow metric, as it would be after today
	mean       []float64   // usual count per metric that was asked for
	peers      []float64   // the same of the peers
	colleagues []float64   // per scored metric: how much more the colleagues do today
	k          []float64   // dispersion per scored metric
	busier     float64
	leaver     bool      // leaving adds to the score
	novel      []float64 // per detector: points of indicators that the person had not had before
	dense      []float64 // per detector with counts: what they are worth, by how they are spread
	counted    []bool    // per detector: its counts are above the absolute floor
	watched    []finding.Watched
	gain       float64   // of watchlists: part of risk
	spoken     []float64 // scratch: points of the counts of one detector
	held       []int     // scratch: see heldFacts
	worth      []float64 // calibrated surprise per scored metric
}

// reset empties a verdict.
func (v *verdict) reset(cat *Catalog) {
	q := len(cat.metrics)
	if v.points == nil {
		*v = verdict{
			points: make([]float64, len(cat.detectors)), raw: make([]float64, cat.scored),
			shifts: make([]float64, len(cat.slow)), mean: make([]float64, q), peers: make([]float64, q),
			worth: make([]float64, cat.scored), colleagues: make([]float64, cat.scored),
			k: make([]float64, cat.scored), counted: make([]bool, len(cat.detectors)),
			dense: make([]float64, len(cat.detectors)), novel: make([]float64, len(cat.detectors)),
		}
	}
	v.shift, v.leaver, v.must, v.again, v.rising = 0, false, 0, nil, -1
	clear(v.counted)
	for _, list := range [][]float64{v.points, v.raw, v.shifts, v.worth, v.dense, v.novel} {
		clear(list)
	}
}

// floorOf is how rare a detector's counts must be to speak.
func floorOf(d *detect.Detector, leaving bool) float64 {
	if leaving && d.Exfiltration {
		return leaveFloor
	}
	return floor
}

// before is what has happened that makes exfiltration weigh more.
func (p *person) before(at int64) (b past) {
	if at-p.BreachT <= event.Day {
		b.breach = p.Breach
	}
	if at-p.RightT <= rightLasts {
		b.right = p.Right
	}
	return b
}

// replaced says whether an indicator holds that says more: what was laid open has
// lasted.
func (f *indicator) replaced(day *dayState) bool {
	if f.lasting < 0 {
		return false
	}
	_, lasted := day.Facts[f.lasting]
	return lasted
}

// scoring is a day that is being scored.
type scoring struct {
	*verdict
	person     *person
	org        *org
	department *department
	stale      float64 // how much of the day before is still in the colleagues' 24 hours
	leaving    bool
}

// score weighs what the person did since its day began. It changes nothing; the verdict is
// valid until the next call.
func (e *Engine) score(p *person, at int64) *verdict {
	cat := e.catalog
	o, day := e.org(p), &p.Day
	v := &e.verdict
	v.reset(cat)
	s := scoring{
		verdict: v, person: p, org: o, department: o.department(p.peerGroup()),
		stale: max(0, 1-float64(at-day.PriorT)/float64(event.Day)), leaving: p.leaving(at),
	}
	s.compare()
	for g, det := range cat.detectors {
		s.scoreCounts(cat, g, det)
	}
	for _, i := range v.heldFacts(day) {
		if f := &cat.indicators[i]; !f.replaced(day) {
			_, seen := o.seen(i, day.Facts[i].Kinds)
			v.points[f.detector] += indicatorPoints(f.Weight, f.least(seen, o.FactN), seen, o.FactN)
		}
	}
	v.spoken = v.spoken[:0]
	for _, x := range day.Ruled {
		if r := e.config.rules.Rule(x.Rule); r != nil {
			v.spoken = append(v.spoken, rulePoints(r.Level, o.rule(x.Rule), o.FactN))
		}
	}
	v.points[cat.mechanism[detect.UserRules]] = sumOf(cat.Of(detect.UserRules), v.spoken)
	v.floor = ruleFloor(v.spoken)
	v.must = v.floor

	score, c := cat.combined(v.points, p.before(at))
	v.breach = c.breach
	v.points[cat.mechanism[detect.AfterCompromise]], v.points[cat.mechanism[detect.AfterPrivilege]] = c.compromise, c.privilege
	if s.scoreShifts(cat) {
		score += v.shift
	}
	if c.taken > .5 && s.leaving && !p.optedOut(detect.Leaving) {
		gain := leaverPoints(o.LeaverShare)
		v.points[cat.mechanism[detect.Leaving]] = gain
		v.leaver = true
		score += gain
	}
	v.today = score
	v.base = total(score, p.Own) // some people are always odd
	v.features, v.absent, v.attributed, v.risk = v.features[:0], 0, false, 0
	if score > 0 {
		v.features = e.features(p, v, at, v.features)
		v.hard = v.floor
		if v.base >= explainedFrom {
			v.attribute(cat.layer)
			v.floor = max(v.floor, unexplained(v.base, cat.layer.against(v.features)))
		}
		v.logit = cat.layer.logit(v.features, cat.layer.together(v.features, &v.scratch))
		v.risk = max(cat.layer.score(v.logit), v.floor)
		if v.again = p.repeats(v, at); v.again != nil {
			v.risk = max(againShare*v.risk, v.must)
		}
	}
	s.addWatched(e.watched(p, at))
	return v
}

// heldFacts are the indicators that hold on a day, in the order of their indices: a sum of floats depends on it.
func (v *verdict) heldFacts(day *dayState) []int {
	v.held = v.held[:0]
	for i := range day.Facts {
		v.held = append(v.held, i)
	}
	slices.Sort(v.held)
	return v.held
}

// attribute says of each feature of the day what the trees add because of it.
func (v *verdict) attribute(l *layer) {
	if !v.attributed {
		v.absent, v.attributed = l.attribute(v.features, &v.scratch), true
	}
}

// compare takes how much busier than usual the person is, by harmless work.
func (s *scoring) compare() {
	did, usual := s.person.ordinary(s.org, s.department)
	s.busier = math.Pow(min(max((did+2)/(usual+2), 1), 4), busyPower)
}

// usual takes the usual count of a metric: of the person, and of the peers.
func (s *scoring) usual(j int) {
	v := s.verdict
	v.peers[j] = s.org.peers(s.department, j)
	v.mean[j] = s.person.mean(j, v.peers[j])
}

// compareAll takes the usual counts of all metrics: a score takes only those that it needs.
func (e *Engine) compareAll(p *person, v *verdict) {
	o := e.org(p)
	s := scoring{verdict: v, person: p, org: o, department: o.department(p.peerGroup())}
	for j := range e.catalog.metrics {
		s.usual(j)
	}
}

// expect is the expected count of a metric today, and its dispersion.
func (s *scoring) expect(j int) (mu, k float64) {
	v, p, day := s.verdict, s.person, &s.person.Day
	s.usual(j)
	mu = v.mean[j]
	a := unfix(s.department.did[j]) - day.Given[j] - float64(s.stale*day.Prior[j])
	b := unfix(s.department.usual[j]) - day.Expect[j] - float64(s.stale*mu)
	v.colleagues[j] = min(max((max(a, 0)+4)/(max(b, 0)+4), .7), 3)
	v.k[j] = 1 / (1/s.org.dispersion(j) + 1/max(float64(kappa*v.peers[j])+p.Sum[j]+.5, .3))
	return float64(mu*v.colleagues[j]) * v.busier, v.k[j]
}

// scoreCounts scores the counts of a detector.
func (s *scoring) scoreCounts(cat *Catalog, g int, det *detect.Detector) {
	v, p, o, day := s.verdict, s.person, s.org, &s.person.Day
	from := floorOf(det, s.leaving)
	v.spoken = v.spoken[:0]
	for _, j := range cat.groups[g] {
		x := day.scored(j)
		if x == 0 {
			continue
		}
		if cat.metrics[j].Unscored {
			s.usual(j)
			continue
		}
		if v.dense[g] == 0 {
			v.dense[g] = day.density(g)
		}
		mu, k := s.expect(j)
		v.raw[j] = surprise(x, mu, k)
		b := o.before(j, v.raw[j], p.Service)
		v.worth[j] = rarity(x, v.raw[j], b, limit)
		m := &cat.metrics[j]
		if c := m.points(v.worth[j], least(from, x, b), x, m.density(v.dense[g])); c > 0 {
			v.spoken = append(v.spoken, c)
		}
	}
	known := !p.Service || p.Active >= serviceDays || det.Unsigned
	if len(v.spoken) > 0 && known && (det.Floor == nil || det.Floor(day.counts(det, g))) {
		v.counted[g] = true
		v.points[g] = sumOf(det, v.spoken)
	}
}

// scoreShifts scores lasting shifts of rates, and says whether there are any that may be.
func (s *scoring) scoreShifts(cat *Catalog) bool {
	v, p, day := s.verdict, s.person, &s.person.Day
	var found []float64 // shifts, the strongest first
	for i, j := range cat.slow {
		x := cat.metrics[j].scaled(day.Count[j])
		if x == 0 && p.Shift[i] == 0 {
			continue // a CUSUM of nothing stays 0
		}
		mu, k := s.expect(j)
		long := shrunk(v.peers[j], p.Long[i], p.LongN)
		mu *= min(long/v.mean[j], 1) // a ramp teaches what is usual lately, but not what was usual long before
		v.shifts[i] = cusum(p.Shift[i], x, mu, k)
		if x > 0 {
			r := s.org.Shifts[i].rarity(squash(v.shifts[i]), shiftMax)
			if len(found) == 0 || r > slices.Max(found) {
				v.rising = i
			}
			found = append(found, r)
		}
	}
	known := !p.Service || p.Active >= serviceDays
	if len(found) == 0 || !known || p.optedOut(detect.SlowDrift) {
		return false
	}
	slices.SortFunc(found, func(a, b float64) int { return -cmp.Compare(a, b) })
	mean := found[0] / 2
	if len(found) > 1 {
		mean = (found[0] + found[1]) / 2
	}
	v.shift = shiftGain * max(mean-floor, 0)
	return true
}

// cusum is a decayed sum of the log-likelihood ratio of a rate raised 2.5-fold
// against the usual one, under the predictive distribution: what finds a lasting
// shift that no single day shows.
func cusum(before, x, mu, k float64) float64 {
	k = max(k, .5)
	up := float64(2.5*mu) + .3
	llr := float64(x*math.Log(up/mu)) + float64((k+x)*(math.Log(k+mu)-math.Log(k+up)))
	return max(0, float64(before*.97)+min(max(llr, -1.5), 2))
}

// lesson is a day that is learned from.
type lesson struct {
	*verdict
	person   *person
	to       *orgDelta
	compared bool // with the organisation's baselines: the first days of all are not
	leaving  bool
	outage   bool // a source is silent that should not be
}

// closeDay learns from the day of a person and ends it.
func (e *Engine) closeDay(p *person) {
	v := e.emitFindings(p, p.Day.Latest, true)
	e.compareAll(p, v)
	e.report(p, v, false)
	o, to, day := e.org(p), e.deltaOf(p).of(p), &p.Day
	l := lesson{verdict: v, person: p, to: to, compared: o.Active > 0, leaving: p.leaving(day.Latest), outage: e.outage()}
	e.doubtLastDay(p, v)
	e.noteTold(p, v)
	if p.idle() {
		l.learnUnsigned()
		p.carry()
		day.shut()
		return
	}
	l.learnCounts()
	l.learnSurprises()
	l.learnShifts()
	for i, n := range day.Facts {
		to.Facts[i]++
		for _, kind := range n.Kinds {
			to.Kinds[kindKey(p.catalog.indicators[i].Name, kind)]++
		}
	}
	for _, x := range day.Ruled {
		if e.config.rules.Rule(x.Rule) != nil {
			to.Rules[x.Rule]++
		}
	}
	to.Days++
	if day.Best-v.gain >= anchor && (shiftFloor(v.shift) == 0 || p.catalog.layer.score(v.logit) >= anchor) {
		to.Notable++ // what only a lasting shift keeps up is not what the frequency was measured of
	}
	if l.leaving {
		to.Leavers++
	}
	if l.compared {
		p.Own = float64(p.Own*.93) + float64(.07*min(v.today, alerting))
	}

	p.remember(v.points, day.Latest/event.Day)
	p.learnHours(to)
	if p.Steps.n > 256 {
		p.Steps.drop(day.Latest/event.Day - sequenceDays)
	}
	p.Last = day.Latest / event.Day
	p.archiveBaseline(day.End)
	o.useServices(p, to)
	p.carry()
	day.shut()
}

// carry keeps the counts that go on from day to day.
func (p *person) carry() {
	if p.Carry == nil {
		p.Carry = make([]float64, len(p.catalog.carried))
	}
	for k, j := range p.catalog.carried {
		p.Carry[k] = p.Day.Count[j]
	}
	p.CarryT = p.Day.End
}

// teaches is how much of a count becomes usual.
func (l *lesson) teaches(j int, x float64) float64 {
	y := min(x, 5*l.mean[j]+8) // one day teaches little
	switch {
	case x < l.mean[j] && l.outage:
		return l.mean[j] // what a silent source did not report does not become usual
	case l.leaving:
		return min(y, l.mean[j]) // what is taken before leaving does not become usual
	case l.base >= alerting:
		return min(y, float64(3*l.mean[j])+5) // a day with an alert teaches less
	}
	return y
}

// learnCounts makes the counts of the day part of what is usual.
func (l *lesson) learnCounts() {
	p, to, cat := l.person, l.to, l.person.catalog
	d := to.department(p.peerGroup())
	for j := range cat.metrics {
		m := &cat.metrics[j]
		if m.detector >= 0 && p.optOuts>>m.detector&1 != 0 {
			continue
		}
		mean := l.mean[j]
		y := l.teaches(j, p.Day.scored(j))
		if diff := y - mean; l.compared {
			to.Num[j] += fix(max(float64(diff*diff)-mean, -mean))
			to.Den[j] += fix(mean * mean)
		}
		before := fix(p.Sum[j])
		p.Sum[j] = float64(p.Sum[j]*gamma) + y
		d.Sum[j] += fix(p.Sum[j]) - before
		to.Sum[j] += fix(p.Sum[j]) - before
	}
	before := fix(p.Active)
	p.Active = float64(p.Active*gamma) + 1
	d.Active += fix(p.Active) - before
	to.Active += fix(p.Active) - before
}

// learnSurprises notes how rare the day's surprises were.
func (l *lesson) learnSurprises() {
	p, day := l.person, &l.person.Day
	alert := l.base >= alerting
	switch {
	case !l.compared:
	case !alert || p.AlertT == 0 || day.Latest-p.AlertT > again:
		for j := range p.catalog.scored {
			l.to.Tails[j].see(l.raw[j])
		}
	default: // an alert that goes on does not become usual
		for j := range p.catalog.scored {
			l.to.unlearned(j, int32(step(l.raw[j])), 1)
		}
	}
	if alert {
		p.AlertT = day.Latest
	}
}

// learnShifts goes on with the CUSUM of each slow metric, and its long mean.
func (l *lesson) learnShifts() {
	p, cat := l.person, l.person.catalog
	p.LongN = float64(p.LongN*longGamma) + 1
	for i, j := range cat.slow {
		if p.optedOut(detect.SlowDrift) || p.optOuts>>cat.metrics[j].detector&1 != 0 {
			l.shifts[i] = 0
			continue
		}
		y := min(p.Day.scored(j), float64(5*l.mean[j])+8)
		if l.leaving {
			y = min(y, l.mean[j])
		}
		p.Long[i] = float64(p.Long[i]*longGamma) + y
	}
	if !l.compared {
		return
	}
	for i := range cat.slow {
		p.Shift[i] = l.shifts[i]
		h := squash(l.shifts[i])
		if h == 0 {
			p.Top[i] = 0
		}
		if h < max(p.Top[i]+climb, 2*p.Top[i]) { // one that stays high, or climbs slowly, does not make itself usual
			h = 0
		} else {
			p.Top[i] = h
		}
		l.to.Shifts[i].see(h)
	}
}

// learnHours takes in at which hours of the day the person was active.
func (p *person) learnHours(to *orgDelta) {
	day := &p.Day
	if day.Hours == 0 { // no time of the day has a zone
		return
	}
	peers, all := to.hours(p.Location), to.hours(everywhere)
	wd := localDay(day.Start, day.Quiet)
	weekend := 0.0
	if wd == 0 || wd == 6 {
		weekend = 1
	}
	p.Weekend = float64(p.Weekend*gamma) + float64((1-gamma)*weekend)
	if weekend == 1 {
		return
	}
	for h := range 24 {
		on := 0.0
		if day.Hours&(1<<h) != 0 {
			on = 1
			peers[h] += point
			all[h] += point
		}
		p.Hours[h] = float64(p.Hours[h]*gamma) + on
	}
	peers[24] += point
	all[24] += point
	p.HourN = float64(p.HourN*gamma) + 1
}
