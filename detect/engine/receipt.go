package engine

import (
	"cmp"
	"fmt"
	"math"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/sigma"
)

// modelVersion is that of the formulas of a score. A receipt of a later version, or of one
// before modelFrom, cannot be computed again. Version 3 scores counts also while little is
// known, if others would not call them usual. Version 4 has learned weights, version 5 trees besides.
const (
	modelVersion = 5
	modelFrom    = 2
)

// receipt writes down what a verdict rests on, so that it can be computed again.
func (e *Engine) receipt(p *person, v *verdict, at int64) *finding.Receipt {
	cat := e.catalog
	o, day := e.org(p), &p.Day
	leaving := p.leaving(at)
	r := &finding.Receipt{
		Model: modelVersion, At: at, Start: day.Start, Days: p.Active, Known: o.personDays(), Busier: v.busier,
		Shift: v.shift, Own: p.Own, Today: v.today, Base: v.base, Risk: v.risk, Watch: v.watched, WatchPoints: v.gain,
	}
	l := cat.layer
	v.attribute(l)
	r.Bias, r.Offset, r.Scale, r.Floor = l.always(), l.offset, l.scale, v.floor
	r.Absent, r.Learned = v.absent, l.learned
	if v.again != nil {
		r.Again, r.AgainShare = v.again.Score, againShare
	}
	for _, t := range v.features {
		r.Terms = append(r.Terms, finding.Term{
			Feature: l.feature[t.feature].Name, Value: t.value, Weight: l.weight[t.feature], Trees: t.trees,
			Words: cmp.Or(e.sayVerdicts(p, v, t.feature), l.words(t)),
		})
	}
	for g := range cat.detectors {
		r.Counts = append(r.Counts, e.countsOf(p, v, g, floorOf(cat.detectors[g], leaving))...)
	}
	r.Facts, r.Rules = o.noticed(day), e.ruleMatches(o, day)
	for g := range v.points {
		if v.counted[g] {
			r.Counted = append(r.Counted, cat.detectors[g].Name)
		}
	}
	if r.Leaver = v.leaver; r.Leaver {
		r.LeaverShare = o.LeaverShare
	}
	b := p.before(at)
	r.Breach, r.Right = b.breach, b.right
	r.Subjects = e.subjects(p, v)
	return r
}

// countsOf are the amounts that a detector scored, if any is unusual.
func (e *Engine) countsOf(p *person, v *verdict, g int, floor float64) (list []finding.Count) {
	cat, o, day := e.catalog, e.org(p), &p.Day
	for _, j := range cat.groups[g] {
		m := &cat.metrics[j]
		x := day.scored(j)
		if x == 0 || m.Unscored {
			continue
		}
		window := "24 h"
		if m.Burst {
			window = "30 min"
		}
		if m.Decay > 0 {
			window = fmt.Sprintf("%.0f d", 1/(1-m.Decay))
		}
		c := finding.Count{Detector: cat.detectors[g].Name, Metric: m.Name, Unit: m.Unit, Window: window, Total: day.Count[j], Judged: x,
			Own: v.mean[j], Peers: v.peers[j], Organisation: o.everybody(j),
			Colleagues: v.colleagues[j], Dispersion: v.k[j], Surprise: v.raw[j], Rarity: v.worth[j],
			Before: o.before(j, v.raw[j], p.Service), Weight: m.weight,
			HalfSaturation: m.HalfSaturation}
		c.Floor = least(floor, x, c.Before)
		c.Density = m.density(v.dense[g])
		if c.Points = m.points(v.worth[j], c.Floor, x, c.Density); c.Points == 0 && !v.counted[g] {
			continue // nothing unusual, and nothing else of the detector is
		}
		if n := day.Count[m.stated]; n < c.Total {
			c.Stated, c.Part = n, true
		}
		c.Before.SeenOn, c.Before.SeenOf = o.SoFar.atLeast(j, v.raw[j])
		list = append(list, c)
	}
	return list
}

// noticed are the indicators that hold on a day.
func (o *org) noticed(day *dayState) (list []finding.Noticed) {
	cat := o.catalog
	for i := range cat.indicators {
		f := &cat.indicators[i]
		held, holds := day.Facts[i]
		if !holds || f.replaced(day) {
			continue
		}
		kind, seen := o.seen(i, held.Kinds)
		least := f.least(seen, o.FactN)
		n := finding.Noticed{
			Detector: cat.detectors[f.detector].Name, Fact: f.Name, Kind: kind, Weight: f.Weight, Least: least, Seen: seen,
			Days: o.FactN, Points: indicatorPoints(f.Weight, least, seen, o.FactN),
		}
		n.SeenOn, n.SeenOf = o.SoFar.seen(i, f.Name, kind)
		list = append(list, n)
	}
	return list
}

// ruleMatches are the rules of the organisation that matched on a day.
func (e *Engine) ruleMatches(o *org, day *dayState) (list []finding.RuleMatch) {
	for _, x := range day.Ruled {
		rule := e.config.rules.Rule(x.Rule)
		if rule == nil {
			continue
		}
		seen := o.rule(x.Rule)
		m := finding.RuleMatch{
			Rule: rule.ID, Title: rule.Title, Level: int(rule.Level), Seen: seen, Days: o.FactN,
			Points: rulePoints(rule.Level, seen, o.FactN),
		}
		m.SeenOn, m.SeenOf = o.SoFar.matched(x.Rule)
		list = append(list, m)
	}
	return list
}

// points of a count that is scored: how far its rarity is above the floor, by how
// much it matters, and less where there is little of it.
func (m *metric) points(rarity, floor, x, density float64) float64 {
	return float64(max(rarity-floor, 0)*m.weight*x/(x+m.HalfSaturation)) * density
}

// density is what is left of a count when what its detector counts is spread over
// the day: all of one that is of a burst already.
func (m *metric) density(dense float64) float64 {
	if m.Burst {
		return 1
	}
	return dense
}

// indicatorPoints weighs an indicator by how rare it is: seen on some of so many days. While it is
// rare it has some points at least.
func indicatorPoints(weight, least, seen, days float64) float64 {
	w := max(float64(weight*-math.Log(min(seen/days, 1)))-1.5, 0)
	if seen/days <= rareFact {
		w = max(w, least)
	}
	return w
}

// indicatorFloor is the least score of a day with an indicator, whatever else speaks for it or
// against it: least, while it is rare; and as far as it is of medium severity by its points alone, those
// of one that was never seen here before.
func indicatorFloor(points, least, seen, days float64) float64 {
	x := 0.0
	if seen/days <= rareFact {
		x = least
	}
	if seen <= neverSeen && points >= visible {
		x = max(x, min(points, detect.LeastShown))
	}
	return x
}

// shiftFloor is the least score of a day on which a lasting shift of a rate is notable by itself, up to
// medium severity: others may not explain it away.
func shiftFloor(points float64) float64 {
	if points < anchor {
		return 0
	}
	return min(points, detect.LeastShown)
}

const (
	neverSeen = .6  // decayed days on which an indicator held: what is assumed at first is less
	visible   = 5.6 // the points from which something deserves attention by itself
)

// sumOf is what the counts of one detector amount to: the strongest, and a part of
// the others.
func sumOf(d *detect.Detector, points []float64) float64 {
	top, sum := 0.0, 0.0
	for _, c := range points {
		top, sum = max(top, c), sum+c
	}
	return weightOf(d) * (top + min(othersMax, float64(others*(sum-top))))
}

// combined is what the points of all detectors amount to, with what exfiltration says
// together with a suspicion about the account, or with a new right.
func (cat *Catalog) combined(points []float64, before past) (score float64, c chain) {
	top, sum, taken, breach := 0.0, 0.0, 0.0, 0.0
	for g, w := range points {
		top, sum = max(top, w), sum+w
		if cat.detectors[g].Compromise {
			breach = max(breach, w)
		}
		if cat.detectors[g].Exfiltration {
			taken = max(taken, w)
		}
	}
	c = chain{
		breach: breach, taken: taken, compromise: together * min(max(breach, before.breach), taken),
		privilege: together * min(before.right, taken),
	}
	return top + float64(second*(sum-top)) + c.compromise + c.privilege, c
}

// past is what happened before that makes exfiltration weigh more: a suspicion about
// the account within a day, a new right within two.
type past struct{ breach, right float64 }

// chain is what follows from what happened before.
type chain struct{ breach, taken, compromise, privilege float64 }

// leaverPoints is what leaving adds, by the share of people who are leaving.
func leaverPoints(share float64) float64 { return max(leaveGain*math.Log(.3/max(share, .003)), 0) }

// total takes the person's habits off.
func total(score, own float64) float64 { return max(score-float64(ownShare*own), score*.3) }

// Step is one line of a receipt that was computed again.
type Step struct {
	Detector string  // its name; "" for what all have together
	What     string  // in words
	Stated   float64 `json:"Said"` // what the receipt says
	Found    float64 // what comes out
}

// Recompute computes a score again from its receipt, from counts, expectations
// and frequencies on. It returns the score and the steps; a step of which the two
// numbers differ by more than rounding is a mismatch. An error says that the
// receipt cannot be computed by this version.
func (cat *Catalog) Recompute(r *finding.Receipt) (risk float64, steps []Step, err error) {
	if r.Model < modelFrom || r.Model > modelVersion {
		return 0, nil, fmt.Errorf("the receipt is of model %d, this program computes models %d to %d", r.Model, modelFrom, modelVersion)
	}
	points := make([]float64, len(cat.detectors))
	byDetector := make([][]float64, len(cat.detectors))
	for i := range r.Counts {
		c := &r.Counts[i]
		j, known := cat.index[c.Metric]
		if !known || cat.metrics[j].detector < 0 {
			return 0, nil, fmt.Errorf("the receipt counts %q, which this program does not know", c.Metric)
		}
		mu := float64(c.Own*c.Colleagues) * r.Busier
		s := surprise(c.Judged, mu, c.Dispersion)
		steps = append(steps, Step{
			c.Detector,
			fmt.Sprintf("surprise at %s: %s, where %s were to be expected", c.Metric, detect.Number(c.Judged), detect.About(mu)),
			c.Surprise, s,
		})
		worth := rarity(c.Judged, s, c.Before, limit)
		steps = append(steps, Step{c.Detector, "how rarely " + c.Metric + " surprised as much here", c.Rarity, worth})
		w := cat.metrics[j].points(worth, c.Floor, c.Judged, c.Density)
		steps = append(steps, Step{c.Detector, "points of " + c.Metric, c.Points, w})
		if w > 0 {
			byDetector[cat.metrics[j].detector] = append(byDetector[cat.metrics[j].detector], w)
		}
	}
	for _, name := range r.Counted {
		if g, known := cat.detected[name]; known {
			points[g] = sumOf(cat.detectors[g], byDetector[g])
		}
	}
	for _, f := range r.Facts {
		g, known := cat.detected[f.Detector]
		if !known {
			return 0, nil, fmt.Errorf("the receipt is of detector %q, which this program does not know", f.Detector)
		}
		w := indicatorPoints(f.Weight, f.Least, f.Seen, f.Days)
		steps = append(steps, Step{
			f.Detector,
			fmt.Sprintf("points of %s: on %s of %s user-days, including those assumed at first", f.Fact,
				detect.About(f.Seen), detect.Number(f.Days)),
			f.Points, w,
		})
		points[g] += w
	}
	spoken, ofRules, err := cat.recomputeRules(r)
	if err != nil {
		return 0, nil, err
	}
	steps = append(steps, ofRules...)
	points[cat.mechanism[detect.UserRules]] = sumOf(cat.Of(detect.UserRules), spoken)
	score, c := cat.combined(points, past{r.Breach, r.Right})
	points[cat.mechanism[detect.AfterCompromise]], points[cat.mechanism[detect.AfterPrivilege]] = c.compromise, c.privilege
	score += r.Shift
	if r.Leaver {
		points[cat.mechanism[detect.Leaving]] = leaverPoints(r.LeaverShare)
		score += points[cat.mechanism[detect.Leaving]]
	}
	steps = append(steps, Step{"", "all detectors together", r.Today, score})
	risk = total(score, r.Own)
	steps = append(steps, Step{"", "less half of what is usual for the person", baseOf(r), risk})
	if r.Model >= 4 {
		var more []Step
		risk, more = cat.layer.recompute(r, risk, points, spoken)
		steps = append(steps, more...)
	}
	if len(r.Watch) > 0 {
		gain := watchPoints(risk, r.Watch)
		steps = append(steps, Step{cat.Of(detect.Watchlists).Name, "weight of the watchlists", r.WatchPoints, gain})
		risk += gain
	}
	if r.Held > 0 && round3(risk) <= r.Held+rises { // it stands
		risk = r.Held
	}
	for i := range r.Later {
		x := &r.Later[i]
		found := cat.layer.lowered(x)
		steps, risk = append(steps, Step{"", "lowered by a later event: they " + x.Reason, x.Risk, found}), found
	}
	return risk, steps, nil
}

// recomputeRules are the points of the rules in a receipt.
func (cat *Catalog) recomputeRules(r *finding.Receipt) (points []float64, steps []Step, err error) {
	for _, m := range r.Rules {
		if m.Level < 0 || m.Level >= len(ruleWeights) {
			return nil, nil, fmt.Errorf("the receipt has a rule of level %d", m.Level)
		}
		w := rulePoints(sigma.Level(m.Level), m.Seen, m.Days)
		steps = append(steps, Step{
			cat.Of(detect.UserRules).Name,
			fmt.Sprintf("points of rule %s: on %s of %s user-days, including those assumed at first",
				detect.Quote(m.Title), detect.About(m.Seen), detect.Number(m.Days)),
			m.Points, w,
		})
		points = append(points, w)
	}
	return points, steps, nil
}

// baseOf is what surprises alone come to.
func baseOf(r *finding.Receipt) float64 {
	if r.Model >= 4 {
		return r.Base
	}
	return r.Risk - r.WatchPoints
}

// recompute computes a score from the terms of a receipt, those that follow from counts and indicators
// from these.
func (l *layer) recompute(r *finding.Receipt, base float64, points, rules []float64) (risk float64, steps []Step) {
	found := map[string]float64{l.feature[featBase].Name: math.Log1p(base), l.feature[featBaseLinear].Name: min(base, 25) / 5}
	for g, w := range points {
		found[l.feature[l.points+g].Name] = math.Log1p(w)
	}
	for i := range r.Counts {
		if c := &r.Counts[i]; c.Rarity > c.Floor {
			found["rarity:"+c.Metric], found["size:"+c.Metric] = math.Log1p(c.Rarity-c.Floor), math.Log1p(c.Judged)
		}
	}
	for _, f := range r.Facts {
		found["indicator:"+f.Fact] = math.Log1p(f.Points)
	}
	logit, against := r.Bias+r.Absent, 0.0
	var list []term
	for i := range r.Terms {
		t := &r.Terms[i]
		x := t.LogOdds()
		logit += x
		if f, known := l.index[t.Feature]; known {
			list = append(list, term{feature: f, value: t.Value})
			if isCircumstance(f) {
				against += min(x, 0)
			}
		}
		if x, follows := found[t.Feature]; follows {
			steps = append(steps, Step{"", "the feature " + t.Feature, t.Value, round6(x)})
		}
	}
	if r.Learned == l.learned && len(list) == len(r.Terms) {
		absent := l.attribute(list, &attribution{})
		steps = append(steps, Step{"", "what the trees add for features that the day does not have", r.Absent, absent})
		for i, t := range list {
			steps = append(steps, Step{"", "what the trees add for the feature " + r.Terms[i].Feature, r.Terms[i].Trees, t.trees})
		}
	}
	must := ruleFloor(rules)
	for _, f := range r.Facts {
		must = max(must, indicatorFloor(f.Points, f.Least, f.Seen, f.Days))
	}
	risk = max(r.Scale*Softplus(logit-r.Offset), must, shiftFloor(r.Shift), unexplained(base, against))
	if r.Again > 0 {
		risk = max(r.AgainShare*risk, must)
	}
	if len(r.Terms) == 0 {
		risk = 0
	}
	return risk, append(steps, Step{"", "the score from all features", r.Risk - r.WatchPoints, risk})
}

// Matches says whether a step came out as the receipt says, but for rounding.
func (s *Step) Matches() bool { return math.Abs(s.Stated-s.Found) <= 1e-6*max(1, math.Abs(s.Stated)) }
