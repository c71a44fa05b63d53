package engine

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/gbdt"
)

// weightsJSON are the weights of the layer. bench/train learns them.
//
//go:embed weights.json
var weightsJSON []byte

// Weights are what bench/train learns, and how a score is made of it.
type Weights struct {
	Bias    float64            `json:"bias"`    // log-odds of a day without any feature
	Offset  float64            `json:"offset"`  // log-odds at which the score begins to rise
	Scale   float64            `json:"scale"`   // points per unit of log-odds
	Curve   []RatePoint        `json:"curve"`   // how frequent false alerts are, by rising score
	Weights map[string]float64 `json:"weights"` // of features by name; 0 if absent
	Trees   []gbdt.Tree        `json:"trees"`   // what features say together that weights do not
}

// RatePoint is how frequent false alerts are at a score or above.
type RatePoint struct {
	Score float64 `json:"score"`
	Rate  float64 `json:"rate"` // per 1,000 user-days
}

// Softplus is ln(1 + eˣ): 0 far below 0, and x far above.
func Softplus(x float64) float64 {
	if x > 30 {
		return x
	}
	return math.Log1p(math.Exp(x))
}

// layer turns the features of a day into its score: a logistic regression over many organisations, and
// trees that learned what it leaves over.
type layer struct {
	feature []Feature
	index   map[string]int // by name
	weight  []float64      // by feature
	bias    float64
	offset  float64
	scale   float64
	curve   []RatePoint
	trees   *gbdt.Model
	learned string // identifies the weights

	points, indicators, rarity, size int // index of the first feature of a detector, an indicator, a metric
}

// Feature is a figure about a day that its log-odds are computed from.
type Feature struct {
	Name string
	// Least and Most are the bounds of its weight, to which bench/train keeps. Evidence raises a score,
	// what explains a day lowers it, and must not hide a blatant one.
	Least, Most float64
	// Words say what it means; "" if it is not said.
	Words  string
	People bool // the feature is ln(1 + a number of other people), of which Words say what they did
}

// free is no bound.
var free = math.Inf(1)

// The features that no detector has a part in, in their order.
const (
	featBase = iota
	featBaseLinear
	featDetectors
	featSources
	featService
	featPlace
	featLeaver
	featShift
	featBreach
	featRight
	featCompromise
	featPrivilege
	featOffHours
	featStrange
	featConnected
	featSharedNetwork
	featClosed
	featClosedActs
	featHabitDays
	featHabitLevel
	featHabitLately
	featCohortOrg
	featCohortDepartment
	featCohortPlace
	featCohortTarget
	featFunction
	featClient
	featStrangeClient
	featReturned
	featCase
	featChannel
	featApp
	featCommonApp
	featMoved
	featJoined
	featFewDays
	featPushes
	featChain
	featTactics
	featUploads
	featBusier
	featOwn
	featBreadth
	featConcentration
	featSpan
	featVendor
	featIntroduced
	featContact
	featStranger
	featMailbox
	featSelf
	featReceivers
	featUnusual
	featNewTool
	featFirstTime
	featKindOthers
	featVerdictDetector // the four in the order of subjects
	featVerdictPlace
	featVerdictApplication
	featVerdictFunction
	contextFeatures
)

// contextual are the features that no detector has a part in.
var contextual = [contextFeatures]Feature{
	featBase:             {Name: "base", Most: free},
	featBaseLinear:       {Name: "base_linear", Least: .2, Most: free},
	featDetectors:        {Name: "detectors", Most: free},
	featSources:          {Name: "sources", Most: free},
	featService:          {Name: "service_account", Least: -.8, Most: .8},
	featPlace:            {Name: "place", Least: -.5, Most: .5},
	featLeaver:           {Name: "leaver", Least: .6, Most: free, Words: "before leaving"},
	featShift:            {Name: "shift", Most: free},
	featBreach:           {Name: "suspicion_before", Most: free},
	featRight:            {Name: "right_before", Most: free},
	featCompromise:       {Name: "after_compromise", Most: free},
	featPrivilege:        {Name: "after_privilege", Most: free},
	featOffHours:         {Name: "off_hours", Most: 1, Words: "outside their working hours"},
	featStrange:          {Name: "new_network", Most: free, Words: "from networks that are new here"},
	featConnected:        {Name: "by_application", Least: -1, Most: 1},
	featSharedNetwork:    {Name: "shared_network", Least: -1.5, Words: "from networks that colleagues use"},
	featClosed:           {Name: "closed_place", Most: free, Words: "in places that only few of another department come to"},
	featClosedActs:       {Name: "closed_place_acts", Most: free},
	featHabitDays:        {Name: "habit_days", Least: -free, Words: "not for the first time lately"},
	featHabitLevel:       {Name: "habit_level", Least: -2, Words: "they did as much before"},
	featHabitLately:      {Name: "told_lately", Least: -2, Words: "the same within the last days"},
	featCohortOrg:        {Name: "cohort_organisation", Least: -free, Words: "here did the same lately", People: true},
	featCohortDepartment: {Name: "cohort_department", Least: -free, Words: "in the department did the same lately", People: true},
	featCohortPlace:      {Name: "cohort_place", Least: -free, Words: "did the same in that place lately", People: true},
	featCohortTarget:     {Name: "cohort_recipient", Least: -free, Words: "gave to the same recipient lately", People: true},
	featFunction:         {Name: "function_history", Least: -free, Words: "the department does so now and then"},
	featClient:           {Name: "new_client", Least: -1, Most: 1},
	featStrangeClient:    {Name: "new_client_new_network", Most: free, Words: "a new client on a new network"},
	featReturned:         {Name: "returned", Least: -1.5, Words: "back after weeks away"},
	featCase:             {Name: "case_opened", Least: -1.5, Words: "opened a case or a search lately"},
	featChannel:          {Name: "channel_joined", Least: -1.5, Words: "joined a channel or group lately"},
	featApp:              {Name: "app_authorised", Least: -1, Most: 1},
	featCommonApp:        {Name: "common_application", Least: -free, Words: "authorised the same application lately", People: true},
	featMoved:            {Name: "moved", Least: -1.5, Words: "new in the position"},
	featJoined:           {Name: "joined", Least: -1.5, Words: "new in the organisation"},
	featFewDays:          {Name: "few_days", Least: -1, Words: "little is known of the person"},
	featPushes:           {Name: "push_refused", Most: free, Words: "refused a request for the second factor lately"},
	featChain:            {Name: "other_evidence_lately", Most: free, Words: "other evidence about them lately"},
	featTactics:          {Name: "tactics", Most: free, Words: "steps of several kinds within days"},
	featUploads:          {Name: "uploads", Least: -free, Most: free},
	featBusier:           {Name: "busier", Least: -free, Words: "busier than usual"},
	featOwn:              {Name: "usual_score", Least: -free, Words: "their days are often unusual"},
	featBreadth:          {Name: "places", Least: -free, Most: free},
	featConcentration:    {Name: "one_place", Least: -free, Most: free},
	featSpan:             {Name: "span", Least: -free, Words: "spread over hours"},
	featVendor:           {Name: "party_vendor", Least: -1.5, Words: "to a party that is well known here"},
	featIntroduced:       {Name: "party_introduced", Least: -1.5, Words: "to a party that colleagues deal with"},
	featContact:          {Name: "party_contact", Least: -1.5, Words: "to a contact of long"},
	featStranger:         {Name: "party_stranger", Most: free, Words: "to a party that nobody else here deals with"},
	featMailbox:          {Name: "party_mailbox", Most: free, Words: "to a private mailbox"},
	featSelf:             {Name: "party_self", Most: free, Words: "to their own private address"},
	featReceivers:        {Name: "receivers", Least: -free, Most: free},
	featUnusual:          {Name: "new_network_of_person", Most: free, Words: "from networks that are new to them"},
	featNewTool:          {Name: "new_tool", Most: free, Words: "with programs that are new to them in that service"},
	featFirstTime:        {Name: "first_time", Most: free, Words: "they had not done that before"},
	featKindOthers:       {Name: "cohort_kind", Least: -free, Words: "here did the same within months", People: true},

	// Verdicts: those who decide see one organisation, and bench/train sees none of them. Their weights are
	// set, and come to 1.5 together.
	featVerdictDetector:    {Name: "verdicts_detector", Least: .3, Most: .3},
	featVerdictPlace:       {Name: "verdicts_place", Least: .5, Most: .5},
	featVerdictApplication: {Name: "verdicts_application", Least: .35, Most: .35},
	featVerdictFunction:    {Name: "verdicts_function", Least: .35, Most: .35},
}

// Bounds of the weights of what a single detector saw: it may speak against a day a little, where most
// of what it sees is innocent, but not hide one; and it may not speak much more for one than others,
// because the kinds of misuse in training are not all there are. A larger count is never better.
const (
	leastOfDetector, mostOfDetector = -.2, .7
	mostOfSize                      = .35
	leastOfLeaver                   = .4 // of data taken out before leaving: most of those who leave do not
)

// partyFeatures are the features by the standing of who received something; 0 where there is none.
var partyFeatures = [standings]int{
	detect.Vendor: featVendor, detect.Introduced: featIntroduced, detect.Contact: featContact, detect.Stranger: featStranger,
	detect.Mailbox: featMailbox, detect.Self: featSelf,
}

// newLayer compiles weights for a catalog. It panics if they are not what bench/train writes.
func newLayer(c *Catalog, body []byte) *layer {
	var f Weights
	if err := json.Unmarshal(body, &f); err != nil {
		panic(fmt.Sprintf("engine: weights: %v", err))
	}
	l := &layer{
		feature: slices.Clone(contextual[:]), index: map[string]int{}, bias: f.Bias, offset: f.Offset, scale: f.Scale, curve: f.Curve,
	}
	l.points = len(l.feature)
	for _, d := range c.detectors {
		l.feature = append(l.feature, Feature{Name: "points:" + d.Name, Least: leastOfDetector, Most: mostOfDetector})
	}
	l.indicators = len(l.feature)
	l.feature[l.points+c.mechanism[detect.Leaving]].Least = leastOfLeaver
	for i := range c.indicators {
		l.feature = append(l.feature, Feature{Name: "indicator:" + c.indicators[i].Name, Least: leastOfDetector, Most: mostOfDetector})
	}
	l.rarity = len(l.feature)
	for _, m := range c.metrics[:c.scored] {
		l.feature = append(l.feature, Feature{Name: "rarity:" + m.Name, Least: leastOfDetector, Most: mostOfDetector})
	}
	l.size = len(l.feature)
	for _, m := range c.metrics[:c.scored] {
		l.feature = append(l.feature, Feature{Name: "size:" + m.Name, Most: mostOfSize})
	}
	l.weight = make([]float64, len(l.feature))
	for i, x := range l.feature {
		l.index[x.Name] = i
		l.weight[i] = f.Weights[x.Name]
		if x.Least == x.Most {
			l.weight[i] = x.Least // it is not learned
		}
	}
	var err error
	if l.trees, err = gbdt.Compile(f.Trees, l.index); err != nil {
		panic(fmt.Sprintf("engine: weights: %v", err))
	}
	digest := sha256.Sum256(body)
	l.learned = hex.EncodeToString(digest[:6])
	return l
}

// score is the score of a day with these log-odds: ≥ 0, and linear in them where they are large.
func (l *layer) score(logit float64) float64 { return l.scale * Softplus(logit-l.offset) }

// Features are all features of days, by which bench/train learns their weights.
func (c *Catalog) Features() []Feature { return slices.Clone(c.layer.feature) }

// term is a feature that a day has.
type term struct {
	feature int
	value   float64
	trees   float64 // log-odds that the trees attribute to it
}

// features are what the score of a day is computed from, with the points of detectors as they are.
func (e *Engine) features(p *person, v *verdict, at int64, list []term) []term {
	cat, o := e.catalog, e.org(p)
	add := func(f int, x float64) {
		if x != 0 {
			list = append(list, term{feature: f, value: round6(x)})
		}
	}
	sum := e.evidence(p, o, v, at, add)
	add(featBase, math.Log1p(v.base))
	add(featBaseLinear, min(v.base, 25)/5)
	add(featService, indicate(p.Service))
	add(featPlace, indicate(event.IsPlace(p.Name)))
	add(featLeaver, indicate(p.leaving(at) && (p.LastDay == 0 || at <= p.lastDayEnd()+grace)))
	add(featShift, v.shift)
	v.floor = max(v.floor, shiftFloor(v.shift))
	before := p.before(at)
	add(featBreach, math.Log1p(before.breach))
	add(featRight, math.Log1p(before.right))
	add(featCompromise, math.Log1p(v.points[cat.mechanism[detect.AfterCompromise]]))
	add(featPrivilege, math.Log1p(v.points[cat.mechanism[detect.AfterPrivilege]]))
	add(featBusier, math.Log(v.busier))
	add(featOwn, p.Own)
	p.Day.Manner.add(add)
	if sum > 0 {
		e.explain(p, o, v, sum, at/event.Day, add)
		e.heed(p, v, sum, add)
	}
	return list
}

// add adds the features of how the evidence came about.
func (c *circumstances) add(add func(int, float64)) {
	if c.Acts == 0 {
		return
	}
	n := float64(c.Acts)
	add(featOffHours, float64(c.OffHours)/n)
	add(featStrange, float64(c.Strange)/n)
	add(featConnected, float64(c.Connected)/n)
	add(featSharedNetwork, float64(c.Shared)/n)
	add(featClosed, float64(c.Closed)/n)
	add(featClosedActs, math.Log1p(float64(c.Closed)))
	add(featUnusual, float64(c.Unusual)/n)
	add(featNewTool, float64(c.NewTool)/n)
	for standing, f := range partyFeatures {
		if f != 0 {
			add(f, float64(c.Parties[standing])/n)
		}
	}
}

// evidence adds the features of what detectors saw, and returns the sum of their points.
func (e *Engine) evidence(p *person, o *org, v *verdict, at int64, add func(int, float64)) (sum float64) {
	cat, day := e.catalog, &p.Day
	l := cat.layer
	strong, sources := 0, uint32(0)
	for g, w := range v.points {
		if w <= 0 {
			continue
		}
		add(l.points+g, math.Log1p(w))
		if cat.detectors[g].Mechanism != detect.NoMechanism {
			continue
		}
		sum += w
		if w > 1 {
			strong++
		}
		if pr := day.Proof[g]; pr != nil {
			sources |= pr.Sources
		}
	}
	if len(day.Facts) > 0 {
		e.indicated(p, o, v, add)
	}
	for g, counted := range v.counted {
		if !counted {
			continue
		}
		for _, j := range cat.groups[g] {
			if v.worth[j] == 0 {
				continue
			}
			x := day.scored(j)
			from := least(floorOf(cat.detectors[g], p.leaving(at)), x, o.before(j, v.raw[j], p.Service))
			if v.worth[j] > from {
				add(l.rarity+j, math.Log1p(v.worth[j]-from))
				add(l.size+j, math.Log1p(x))
			}
		}
	}
	add(featDetectors, float64(strong))
	add(featSources, float64(max(bits.OnesCount32(sources)-1, 0)))
	return sum
}

// indicated adds the features of the indicators that hold.
func (e *Engine) indicated(p *person, o *org, v *verdict, add func(int, float64)) {
	cat, day := e.catalog, &p.Day
	for i := range cat.indicators {
		f := &cat.indicators[i]
		if n, holds := day.Facts[i]; holds && !f.replaced(day) {
			_, seen := o.seen(i, n.Kinds)
			least := f.least(seen, o.FactN)
			points := indicatorPoints(f.Weight, least, seen, o.FactN)
			add(cat.layer.indicators+i, math.Log1p(points))
			least = indicatorFloor(points, least, seen, o.FactN)
			v.floor, v.must = max(v.floor, least), max(v.must, least)
		}
	}
}

// precedents says how much of the points of a day, at most 1, is of indicators that the person had not had
// before, with the same kind, and how many others had them within months: a logarithm, weighed by points.
func (e *Engine) precedents(p *person, o *org, v *verdict, sum float64, today int64) (first, others float64) {
	for i := range e.catalog.indicators {
		f := &e.catalog.indicators[i]
		n, holds := p.Day.Facts[i]
		if !holds || f.replaced(&p.Day) {
			continue
		}
		rarest, seen := o.seen(i, n.Kinds)
		points := indicatorPoints(f.Weight, f.least(seen, o.FactN), seen, o.FactN)
		if points == 0 {
			continue
		}
		share := min(points/sum, 1)
		key := kindCohort(f.Name, rarest)
		_, long := o.others(p, key, today)
		others += share * math.Log1p(long)
		if day, known := p.Cohorts.first(key); p.settled() && (!known || day >= today) {
			first += share
			v.novel[f.detector] += points
		}
	}
	return first, others
}

// comparison says how the evidence of a day compares with what the person and others did before. But
// for the last two, these are means over the detectors, by their points.
type comparison struct {
	days, level, lately               float64 // habit
	cohorts                           [cohortKinds]float64
	function                          float64
	places, onePlace, span, receivers float64
	chain                             float64 // most points of another detector lately
	tactics                           map[int]bool
}

// explain adds the features that say how the evidence of a day compares with what the person and
// others did before, and what has happened lately.
func (e *Engine) explain(p *person, o *org, v *verdict, sum float64, today int64, add func(int, float64)) {
	first, others := e.precedents(p, o, v, sum, today)
	add(featFirstTime, first)
	add(featKindOthers, others)
	c := comparison{tactics: map[int]bool{}}
	for g, w := range v.points {
		if e.catalog.detectors[g].Mechanism == detect.NoMechanism {
			c.add(p, o, g, w, w/sum, 1-min(v.novel[g]/max(w, .01), 1), today)
		}
	}
	add(featHabitDays, c.days)
	add(featHabitLevel, c.level)
	add(featHabitLately, c.lately)
	add(featChain, math.Log1p(c.chain))
	add(featTactics, float64(max(len(c.tactics)-1, 0)))
	for k, f := range [cohortKinds]int{featCohortOrg, featCohortDepartment, featCohortPlace, featCohortTarget} {
		add(f, c.cohorts[k])
	}
	add(featFunction, c.function)
	add(featBreadth, c.places)
	add(featConcentration, c.onePlace)
	add(featSpan, c.span)
	add(featReceivers, c.receivers)
	if !event.IsPlace(p.Name) { // a place is not new at work
		add(featFewDays, 1/(1+p.Active))
	}
	add(featUploads, math.Log1p(p.Day.Count[e.catalog.index["uploads"]]))
	p.lately(o, today, add)
}

// add adds the evidence of a detector, with points w that are a share of all. A share of them is of the
// same kind as before: habits say nothing about the rest.
func (c *comparison) add(p *person, o *org, g int, w, share, same float64, today int64) {
	h, known := p.Habits[g]
	recent := known && today-h.Day <= chainDays
	h = h.on(today)
	if w > 1 || recent && h.Top > 2 {
		c.tactics[tactic(p.catalog.detectors[g])] = true
	}
	if w <= 0 {
		if recent {
			c.chain = max(c.chain, h.Top)
		}
		return
	}
	if pr := p.Day.Proof[g]; pr != nil {
		c.places += share * math.Log1p(float64(len(pr.Places)))
		_, most := top(pr.Places)
		c.onePlace += share * most
		c.span += share * math.Log1p(float64(pr.To-pr.From)/float64(event.Hour))
		c.receivers += share * math.Log1p(float64(len(pr.Targets)))
	}
	c.days += share * same * math.Log1p(h.N)
	c.level += share * same * min(h.Top/w, 1)
	if recent {
		c.lately += share * same * min(h.Top/w, 1)
	}
	for k, key := range p.cohortKeys(g) {
		n, long := o.others(p, key, today)
		c.cohorts[k] += share * math.Log1p(n)
		if k == cohortDepartment {
			c.function += share * math.Log1p(long)
		}
	}
}

// happeningFeatures are the features of happenings.
var happeningFeatures = [happenings]int{
	newClient: featClient, returned: featReturned, openedCase: featCase, joinedChannel: featChannel, adoptedApp: featApp,
	refusedPush: featPushes,
}

// newFor is for how many days somebody is new in the organisation, or in a position.
const newFor = 21

// lately adds the features of what has happened to the person in the last days.
func (p *person) lately(o *org, today int64, add func(int, float64)) {
	if _, known := p.since(adoptedApp, today); known && p.Adopted != 0 {
		n, _ := o.others(p, p.Adopted, today)
		add(featCommonApp, math.Log1p(n))
	}
	for h, f := range happeningFeatures {
		days, known := p.since(happening(h), today)
		if !known {
			continue
		}
		fading := math.Pow(.8, float64(days))
		add(f, fading)
		if happening(h) == newClient && p.Day.Manner.Strange > 0 {
			add(featStrangeClient, fading)
		}
	}
	if since := today - p.Started; p.Started > 0 && since >= 0 && since <= newFor {
		add(featJoined, 1)
	}
	if since := today - p.Position; p.Position > 0 && p.Position != p.Started && since >= -1 && since <= newFor {
		add(featMoved, 1)
	}
}

// tactic is a coarse kind of what a detector sees: of a chain, the steps are of different kinds.
func tactic(d *detect.Detector) int {
	switch {
	case d.Compromise:
		return 1
	case d.Privilege != detect.NoPrivilege:
		return 2
	case d.Exfiltration:
		return 3
	case d.Has(finding.ChangesSettings):
		return 4
	case d.Has(finding.SharesOutside):
		return 5
	}
	return 6
}

// explainedFrom is the base from which a day needs an explanation to lose more than a part of its points.
const explainedFrom = 6.5

// unexplained is the least score of a day with a base, and with circumstances that speak against it by so
// many log-odds (≤ 0): evidence that nothing explains keeps most of its points.
func unexplained(base, against float64) float64 {
	if base < explainedFrom || against <= -.8 {
		return 0
	}
	return max(float64(.6*base), detect.LeastShown)
}

// attribution is scratch space, by feature.
type attribution struct{ value, part []float64 }

// fill has the values of a day at their features.
func (a *attribution) fill(l *layer, list []term) {
	if len(a.value) < len(l.feature) {
		a.value, a.part = make([]float64, len(l.feature)), make([]float64, len(l.feature))
	}
	for _, t := range list {
		a.value[t.feature] = t.value
	}
}

// clear makes all values 0 again.
func (a *attribution) clear(list []term) {
	for _, t := range list {
		a.value[t.feature] = 0
	}
}

// together are the log-odds that the trees add for these features, and for what the day does not have.
func (l *layer) together(list []term, a *attribution) float64 {
	a.fill(l, list)
	defer a.clear(list)
	return l.trees.LogOdds(a.value)
}

// attribute says of each feature what the trees add because of it. It returns what is left of all that
// they add: for what the day does not have.
func (l *layer) attribute(list []term, a *attribution) (absent float64) {
	a.fill(l, list)
	defer a.clear(list)
	absent = l.trees.LogOdds(a.value)
	l.trees.Attribute(a.value, a.part)
	for i := range list {
		list[i].trees = round6(a.part[list[i].feature])
		absent -= list[i].trees
	}
	for _, j := range l.trees.Used() {
		a.part[j] = 0
	}
	return absent
}

// weighs are the log-odds of a feature that a day has.
func (l *layer) weighs(t term) float64 { return float64(l.weight[t.feature]*t.value) + t.trees }

// against are the log-odds of the circumstances that speak against an attributed day: ≤ 0. Verdicts about other days
// explain nothing of this one.
func (l *layer) against(list []term) (sum float64) {
	for _, t := range list {
		if isCircumstance(t.feature) {
			sum += min(l.weighs(t), 0)
		}
	}
	return sum
}

// isCircumstance says whether a feature is about the circumstances of the day itself.
func isCircumstance(feature int) bool { return feature < featVerdictDetector }

// always are the log-odds of every day, whatever its features.
func (l *layer) always() float64 { return l.bias + l.trees.Bias() }

// logit are the log-odds of features, with what the trees add.
func (l *layer) logit(list []term, trees float64) float64 {
	sum := l.always()
	for _, t := range list {
		sum += float64(l.weight[t.feature] * t.value)
	}
	return sum + trees
}

func round6(x float64) float64 { return math.Round(x*1e6) / 1e6 }

// noticeable are the points from which a circumstance is put into words.
const noticeable = .5

// words say what a feature means, with how many people it is about, if it weighs noticeably.
func (l *layer) words(t term) string {
	f := &l.feature[t.feature]
	x := l.weighs(t)
	if f.Words == "" || math.Abs(x*l.scale) < noticeable || x > 0 && f.Most == 0 || x < 0 && f.Least == 0 {
		return ""
	}
	if f.People {
		n := math.Round(math.Expm1(t.value))
		if n < 1 {
			return ""
		}
		return detect.Amount(n, "other", "others") + " " + f.Words
	}
	return f.Words
}

func indicate(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
