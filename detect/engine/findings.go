package engine

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/plain"
)

const (
	emitFrom = .25 // risk below which nothing is emitted
	grew     = 1.1 // a count is scored again when it has grown by this factor
	rises    = .1  // points by which a day must become worse for its score to change
)

// concerned are the detectors that an event concerns, a bit each.
type concerned struct {
	except uint64 // may not see it: the person has opted out, or an exception covers it
	marked uint64 // have counted it, or seen an indicator in it
	facts  uint64 // have seen an indicator in it
	spared uint64 // would have, but may not see it
}

// may says whether a detector may see the event, and notes it if it may not.
func (c *concerned) may(detector int) bool {
	if c.except>>detector&1 != 0 {
		c.spared |= 1 << detector
		return false
	}
	return true
}

// count adds an event to the day and says whether the day should be scored anew: when a count
// has grown by a tenth, or an indicator is new.
func (e *Engine) count(p *person, a *detect.Enriched) bool {
	if !effective(a.Event) && a.Class != event.MFADenied {
		return false
	}
	d := &p.Day
	d.receivers(a)
	c := concerned{except: p.optOuts}
	if e.config.exceptions != nil {
		c.except |= e.excepted(a)
	}
	if a.Repeat {
		d.repeat(a)
	}
	grown := d.measure(a, &c)
	again := e.match(p, a, &c) || grown

	var who *regulars
	if c.marked != 0 {
		who = e.attend(p, a)
		d.ActT = a.Time
	}
	if c.spared != 0 {
		e.spared(a, c.spared)
	}
	if c.marked != 0 && len(e.config.watchlists) > 0 {
		again = e.watch(p, a) || again
	}
	if c.marked != 0 {
		e.note(d, a, &c, who)
	}
	return again
}

// note adds an event to the evidence of the detectors that it concerns.
func (e *Engine) note(d *dayState, a *detect.Enriched, c *concerned, who *regulars) {
	to, app := target(a), application(a)
	x, weight := exhibit{First: a.Fresh}, telling(a)
	for g, marked := 0, c.marked; marked != 0; g, marked = g+1, marked>>1 {
		if marked&1 == 0 {
			continue
		}
		x.Weight = weight + uint8(c.facts>>g&1)*weightNoticed
		pr := d.proof(g).add(a.Event, a.Object.Container, to, app)
		pr.among(who)
		if pr.keeps(x.Weight) {
			if x.Record == nil {
				x.Record = e.stated(a.Event)
			}
			pr.keep(x)
		}
	}
}

// measure adds an event to the counts of the day, and says whether one has grown by a tenth.
func (d *dayState) measure(a *detect.Enriched, c *concerned) (grown bool) {
	cat := d.catalog
	for _, j := range cat.onClass[a.Class] {
		m := &cat.metrics[j]
		if m.unsigned != a.Unsigned {
			continue
		}
		n := m.Measure(a)
		if n <= 0 || j < cat.scored && !c.may(m.detector) {
			continue
		}
		if m.Burst {
			n = d.burst(j, a.Time, n)
		}
		d.Count[j] += n
		if m.carried >= 0 {
			d.Added |= 1 << m.carried
		}
		if j >= cat.scored || m.Unscored {
			continue
		}
		c.marked |= 1 << m.detector
		if x := m.scaled(d.Count[j]); x >= d.Next[j] && x > 0 {
			d.Next[j] = max(x+1, math.Ceil(x*grew))
			grown = true
		}
	}
	return grown
}

// burst counts something in the burst of a metric, and returns by how much the largest burst of
// the day has grown.
func (d *dayState) burst(j int, at int64, n float64) float64 {
	b := d.Bursts[j]
	n = max(b.add(at, n)-d.Count[j], 0)
	if d.Bursts == nil {
		d.Bursts = map[int]burst{}
	}
	d.Bursts[j] = b
	return n
}

// match notes the indicators in an event, and says whether one is new today.
func (e *Engine) match(p *person, a *detect.Enriched, c *concerned) (found bool) {
	cat, d := e.catalog, &p.Day
	for _, i := range cat.indicatorsOn[a.Class] {
		f := &cat.indicators[i]
		if f.unsigned != a.Unsigned || !f.Match(a) || !c.may(f.detector) {
			continue
		}
		c.marked |= 1 << f.detector
		c.facts |= 1 << f.detector
		n, known := d.Facts[i]
		fresh := n.kind(f, a)
		if known && f.Once && !fresh {
			continue
		}
		found = found || !known || fresh
		if f.Describe != nil {
			clause := f.Describe(a)
			if len(n.Say) == 0 && f.Headline != nil {
				n.Head = f.Headline(a)
			}
			if !slices.Contains(n.Say, clause) && (len(n.Say) < 2 || fresh && len(n.Say) < 3) {
				n.Say = append(n.Say, clause)
			} else {
				n.More++
			}
			if f.lasting >= 0 || f.Revocable {
				e.expose(p, a, i, clause)
			}
		}
		if d.Facts == nil {
			d.Facts = map[int]note{}
		}
		d.Facts[i] = n
	}
	return found
}

// repeat notes a further event about something that is counted already, for the
// detectors that would count it otherwise.
func (d *dayState) repeat(a *detect.Enriched) {
	cat := d.catalog
	var marked uint64
	a.First = true
	for _, j := range cat.onClass[a.Class] {
		if m := &cat.metrics[j]; j < cat.scored && m.unsigned == a.Unsigned && marked>>m.detector&1 == 0 && m.Measure(a) > 0 {
			marked |= 1 << m.detector
			d.proof(m.detector).Repeats++
		}
	}
	a.First = false
}

// application is the one that acts, or is authorised; "" if there is none.
func application(a *detect.Enriched) string {
	if a.Class == event.TokenGrant || a.Class == event.PermissionGrant {
		if name := a.AppName(); name != "" {
			return name
		}
	}
	return bare(a.Client.App)
}

// target is who or what received the data of an act.
func target(a *detect.Enriched) string {
	if o := a.Outsider(); o != "" {
		return o
	}
	switch {
	case a.ByOutsider:
		return a.Actor.Account
	case a.Class == event.Query:
		return a.Client.App
	case a.Class == event.Copy && a.Source == event.CloudTrail:
		return a.Attr(event.AttrTarget)
	}
	return ""
}

// emitFindings scores the day of a person. If it has become worse, it says so: one finding for each
// detector that has something to say. If the act has gone on without that, it says the new figures: when
// there are a quarter more events, and when it ends. It returns the verdict.
func (e *Engine) emitFindings(p *person, at int64, ends bool) *verdict {
	d := &p.Day
	v := e.score(p, at)
	if p.takenAfterLast(v) {
		v = e.score(p, at)
	}
	risk := round3(v.risk)
	worse := risk >= emitFrom && risk > d.Best+rises
	if e.err != nil || !worse && !d.goneOn(v, ends) {
		return v
	}
	if worse {
		d.Best, d.BestT = risk, at
		e.revise(p, v, at)
		if v.breach > 0 {
			p.Breach, p.BreachT = v.breach, at
		}
		e.recordPrivileges(p, v, at)
	}
	if v.shift > 0 {
		v.points[e.catalog.mechanism[detect.SlowDrift]] = v.shift
	}
	e.sendFindings(p, v, at, worse)
	return v
}

// goneOn says whether the act that the day's findings are about has gone on so far that its figures are
// to be said again.
func (d *dayState) goneOn(v *verdict, ends bool) bool {
	n := d.events(v)
	return d.Best >= anchor && d.Acting && (n > d.Told+d.Told/4+4 || ends && n > d.Told)
}

// pause is how long nothing must be counted for an act to have ended.
const pause = event.Hour / 4

// say notes what a finding says of a metric.
func (d *dayState) say(j int, f *finding.Finding) {
	if d.Said == nil {
		d.Said = map[int][3]float64{}
	}
	d.Said[j] = [3]float64{f.Observed, f.Expected, f.Peers}
}

// endAct says the last figures of an act that has ended before a moment.
func (e *Engine) endAct(p *person, at int64) {
	d := &p.Day
	if !d.Acting || at-d.ActT <= pause {
		return
	}
	e.emitFindings(p, d.ActT, true)
	d.Acting = false
}

// events is how many events the detectors with points rest on.
func (d *dayState) events(v *verdict) (n int) {
	for g, w := range v.points {
		if pr := d.Proof[g]; pr != nil && w > 0 {
			n += pr.N
		}
	}
	return n
}

// sendFindings emits a finding of each detector that has points. If the day has not become worse, they have its
// score so far, and cite the events of then.
func (e *Engine) sendFindings(p *person, v *verdict, at int64, worse bool) {
	cat, d := e.catalog, &p.Day
	receipt, rate := e.receipt(p, v, at), round3(e.org(p).rate(d.Best))
	if !worse {
		receipt.Held = d.Best
	}
	d.Told, d.Acting = d.events(v), true
	most := maxExhibits
	if d.Best < anchor {
		most = fewExhibits
	}
	for g, det := range cat.detectors {
		if v.points[g] <= 0 {
			continue
		}
		d.Rev[g]++
		f := e.finding(p, det, g, v, at)
		f.Risk, f.Rate, f.Points = d.Best, rate, round3(v.points[g])
		f.Receipt, receipt = receipt, nil
		pr := d.proof(g)
		f.Items, f.Destinations = pr.shown(most), pr.destinations()
		if worse {
			pr.Kept = f.EventIDs
		} else {
			f.Raised = d.BestT
			if pr.Kept != nil {
				f.EventIDs = pr.Kept
			}
		}
		e.send(f)
	}
}

// findingID and episodeID name a finding and what it belongs to: a person's day.
func findingID(det *detect.Detector, person string, day int64) string {
	return fmt.Sprintf("%016x", hash(ofUser, det.Name, person, fmt.Sprint(day)))
}

func episodeID(person string, day int64) string {
	return fmt.Sprintf("%016x", hash(ofUser, person, fmt.Sprint(day)))
}

// finding puts what a detector sees in the open day into words.
func (e *Engine) finding(p *person, det *detect.Detector, g int, v *verdict, at int64) *finding.Finding {
	cat := e.catalog
	d := &p.Day
	pr := d.proof(g)
	f := &finding.Finding{
		ID: findingID(det, p.Name, d.End), Episode: episodeID(p.Name, d.End), Revision: d.Rev[g],
		Detector: det.Name, Title: det.Title, Qualifier: det.Qualifier, Techniques: det.Techniques,
		Precursor: det.Compromise && !det.AfterLeaving,
		Person:    p.Name, Department: p.Department, Service: p.Service, Days: round(p.Active),
		Time: at, Start: d.Start, End: at, Until: d.End,
		EventIDs: pr.ids(), Events: pr.N, Repeats: pr.Repeats, Folders: pr.Unknown,
	}
	if pr.N > 0 {
		f.Start, f.End = pr.From, pr.To
	}
	e.addSources(f, pr)
	for _, o := range d.Opened {
		if cat.indicators[o.Fact].detector == g {
			f.Exposures = append(f.Exposures, o.Exposure)
		}
	}

	clauses, impact := d.clauses(g)
	f.Impact = impact
	if det.Mechanism == detect.UserRules {
		clauses, f.Techniques = e.sayRules(d)
		f.Impact = 1
	}
	day, best := p.view(det, g, v), v.strongest(cat, g, floorOf(det, p.leaving(at)))
	if best >= 0 && d.Count[cat.metrics[best].stated] == 0 {
		best = cat.groups[g][0] // how much it was is not in the logs, only how often
	}
	if best >= 0 {
		m := &cat.metrics[best]
		f.Observed, f.Unit = round(d.Count[m.stated]), m.Unit
		f.Expected, f.Peers = round(cat.unscale(best, v.mean[best])), round(cat.unscale(best, v.peers[best]))
		d.say(best, f)
		clauses = append([]string{det.Reason(day) + "; " + e.usually(p, v, best, m.unit(2))}, clauses...)
	} else if det.Reason != nil && len(cat.groups[g]) == 0 && len(det.Indicators) == 0 {
		clauses = append(clauses, det.Reason(day))
	}
	if pr.Among != nil && 2*pr.Closed >= pr.N {
		clauses = append(clauses, pr.Among.words())
	}
	f.Reason = strings.Join(clauses, "; ")
	f.Context = append(e.context(p, at), e.sayWatched(v.watched)...)
	if det.Mechanism == detect.Watchlists {
		f.Reason = strings.Join(e.sayWatched(v.watched), "; ")
	}
	if len(cat.groups[g]) > 0 && det.Exfiltration {
		f.Impact = max(f.Impact, 1)
	}
	s := saying{e, p, det, g, v, day, best, at}
	f.Headline, f.Facts = s.headline(), s.facts()
	if det.Mechanism == detect.Leaving {
		f.Qualifier = p.departure(at)
	}
	return f
}

// addSources adds the sources of the evidence, and up to when all of them are complete.
func (e *Engine) addSources(f *finding.Finding, pr *proof) {
	for _, s := range event.Sources() {
		if pr.Sources&(1<<s) == 0 {
			continue
		}
		f.Sources = append(f.Sources, s.String())
		if c := e.Complete[s]; len(f.Sources) == 1 || c < f.Complete {
			f.Complete = c
		}
	}
	if len(f.Sources) == 1 { // known when the hour began; what is shown has come since
		f.Complete = max(f.Complete, f.End)
	}
}

// clauses describe the indicators of a detector that hold today, three at most; impact is the
// highest of theirs.
func (d *dayState) clauses(g int) (list []string, impact int) {
	for i := range d.catalog.indicators {
		f := &d.catalog.indicators[i]
		n, on := d.Facts[i]
		if f.detector != g || !on {
			continue
		}
		impact = max(impact, f.Impact)
		for _, s := range n.Say {
			if len(list) < 3 {
				list = append(list, s)
			}
		}
		if n.More > 0 {
			list = append(list, detect.Amount(float64(n.More), "more like it", "more like these"))
		}
	}
	return list, impact
}

// strongest is the metric of a detector that weighs most of those above a floor; -1 if there is
// none.
func (v *verdict) strongest(cat *Catalog, g int, floor float64) int {
	best := -1
	for _, j := range cat.groups[g] {
		if v.worth[j] > floor && (best < 0 || v.worth[j]*cat.metrics[j].weight > v.worth[best]*cat.metrics[best].weight) {
			best = j
		}
	}
	return best
}

// counts are those of a detector, by its index.
func (d *dayState) counts(det *detect.Detector, g int) detect.Counts {
	cat := d.catalog
	if len(cat.groups[g]) == 0 {
		return detect.NewCounts(det, nil)
	}
	first := cat.groups[g][0] // the metrics of a detector follow one another
	return detect.NewCounts(det, d.Count[first:first+len(cat.groups[g])])
}

// view is what a detector, by its index, may see of the open day.
func (p *person) view(det *detect.Detector, g int, v *verdict) *detect.Day {
	d := &detect.Day{
		Counts: p.Day.counts(det, g), Evidence: p.Day.proof(g).evidence(), Settled: p.settled(), ActiveDays: p.Active, Service: p.Service,
	}
	if i := v.rising; i >= 0 {
		m := &p.catalog.metrics[p.catalog.slow[i]]
		d.Rising, d.Lasting = p.catalog.detectors[m.detector].Title+", "+m.Unit, p.Shift[i] > .5
	}
	return d
}

func round3(x float64) float64 { return math.Round(x*1000) / 1000 }

func round(x float64) float64 { return math.Round(x*10) / 10 }

// written writes an amount in the unit of a metric, without the unit unless that is bytes.
func (m *metric) written(x float64) string {
	if m.Scale == detect.RootBytes {
		return detect.Size(x)
	}
	return detect.About(x)
}

// unit is the unit of a metric after an amount of it: "" for bytes, which are written with theirs.
func (m *metric) unit(x float64) string {
	if m.Scale == detect.RootBytes {
		return ""
	}
	return " " + plain.Unit(x, m.Unit)
}

// usually says what is usual of a metric, as far as it is known.
func (e *Engine) usually(p *person, v *verdict, j int, unit string) string {
	cat := e.catalog
	o, m := e.org(p), &cat.metrics[j]
	own, peers := m.written(cat.unscale(j, v.mean[j])), m.written(cat.unscale(j, v.peers[j]))
	if m.unsigned {
		if v.mean[j] < unusual {
			return "nothing like it on other days"
		}
		return "usual day " + own + unit
	}
	if o.Tails[j].N < warm {
		b := o.before(j, v.raw[j], p.Service)
		known := detect.Number(math.Floor(o.Tails[j].N)) + " of the " + detect.Number(warm)
		s := "little is known here yet (" + known + " user-days needed)"
		switch {
		case b.Days > 0:
			s += ", rare in the first days of other organisations"
		case b.Rare > 0:
			s += ", elsewhere hardly a day has " + m.written(cat.unscale(j, b.Rare)) + unit + " or more"
		}
		return s
	}
	alone := e.Heads < 2 && !p.Service
	switch {
	case p.Active < detect.FewDays && alone:
		return "hardly a day of this person is known, and nobody else is"
	case p.Active < detect.FewDays:
		return fmt.Sprintf("only %s known of this person, usual day of colleagues %s%s",
			detect.Amount(math.Floor(p.Active+.5), "day is", "days are"), peers, unit)
	case alone:
		return fmt.Sprintf("usual day %s%s, no colleagues are known", own, unit)
	}
	return fmt.Sprintf("usual day %s%s, colleagues %s", own, unit, peers)
}

// context is what else weighs in.
func (e *Engine) context(p *person, at int64) (list []string) {
	if p.leaving(at) {
		switch days := p.daysLeft(at); {
		case p.LastDay == 0:
			list = append(list, "has given notice")
		case days < 0:
			list = append(list, "left "+detect.Amount(float64(-days), "day", "days")+" ago")
		case days == 0:
			list = append(list, "leaves today")
		default:
			list = append(list, "leaves in "+detect.Amount(float64(days), "day", "days"))
		}
	}
	return list
}

// departure qualifies an act by when the person leaves.
func (p *person) departure(at int64) string {
	switch days := p.daysLeft(at); {
	case p.LastDay == 0:
		return "after giving notice"
	case days < 0:
		return detect.Amount(float64(-days), "day", "days") + " after leaving"
	case days == 0:
		return "on the last working day"
	default:
		return detect.Amount(float64(days), "day", "days") + " before leaving"
	}
}

// daysLeft is how many days are left until the last working day; less than 0 if it is over.
func (p *person) daysLeft(at int64) int64 {
	if at >= p.LastDay+event.Day {
		return -((at - p.LastDay) / event.Day)
	}
	return max((p.LastDay-at+event.Day-1)/event.Day, 0)
}
