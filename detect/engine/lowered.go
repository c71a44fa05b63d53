package engine

import (
	"slices"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// What explains a day may come after its alert: a case is opened an hour later, or HR's date turns out
// to be wrong. For a day after the alert, such events lower its score as if they had come before it, by
// the same weights and down to the same floors, and the alert says why.

const (
	revisable  = event.Day // for how long after an alert later events lower its score
	minLowered = .5        // points by which an event must lower a score
)

// judged is a score that later events may lower.
type judged struct {
	Day     int64   // end of the person's day: it names the alert
	At      int64   // when the score was reached, Unix milliseconds
	Score   float64 // in points, with what watchlists add
	Logit   float64
	Base    float64
	Against float64   // log-odds of what explains it
	Hard    float64   // what explanations may not lower it below
	Has     uint64    // what explains it already, by feature of the context: a bit each
	Stayed  *asStayed `cbor:",omitempty"` // if something was reported that was done after the last working day
}

// asStayed are the log-odds and the least score of a day as if the person had not left.
type asStayed struct{ Logit, Least float64 }

var _ [64 - contextFeatures]struct{} // they are a bit each

// revise keeps what is needed to lower the score of the day later. A day that repeats an act has nothing
// to lower.
func (e *Engine) revise(p *person, v *verdict, at int64) {
	d, l := &p.Day, e.catalog.layer
	p.Judged = slices.DeleteFunc(p.Judged, func(j judged) bool { return j.Day == d.End || at-j.At > revisable })
	if d.Best < anchor || v.again != nil {
		return
	}
	v.attribute(l)
	j := judged{
		Day: d.End, At: at, Score: d.Best, Logit: v.logit, Base: v.base, Against: l.against(v.features), Hard: v.hard,
	}
	for _, t := range v.features {
		if t.feature < int(contextFeatures) {
			j.Has |= 1 << t.feature
		}
	}
	if n, reported := d.Facts[e.catalog.afterLeavingFact]; reported && e.catalog.afterLeaving >= 0 {
		delete(d.Facts, e.catalog.afterLeavingFact)
		e.score(p, at)
		j.Stayed = &asStayed{v.logit, v.floor}
		d.Facts[e.catalog.afterLeavingFact] = n
		e.score(p, at)
	}
	p.Judged = append(p.Judged, j)
}

// explained lowers the scores of the last day by something that the person did, or that happened to
// them, at a time: a feature of the context that is 1.
func (e *Engine) explained(p *person, feature int, at int64) {
	l := e.catalog.layer
	w := min(l.weight[feature], 0)
	for i := range p.Judged {
		j := &p.Judged[i]
		if j.Has>>feature&1 == 0 {
			j.Has |= 1 << feature
			if e.lower(p, j, j.Logit+w, max(j.Hard, unexplained(j.Base, j.Against+w)), at, l.feature[feature].Words+", after the alert") {
				j.Against += w
			}
		}
	}
}

// stayed lowers the scores of the last day that say that the person has left: they go on working.
func (e *Engine) stayed(p *person, at int64) {
	for i := range p.Judged {
		if j := &p.Judged[i]; j.Stayed != nil {
			e.lower(p, j, j.Stayed.Logit, j.Stayed.Least, at, "went on working as before: HR is asked whether the last day is right")
			j.Stayed = nil
		}
	}
}

// lower lowers a score to what other log-odds and another least score come to, and says so. It returns
// false if that is hardly less, or too late.
func (e *Engine) lower(p *person, j *judged, logit, least float64, at int64, reason string) bool {
	if at < j.At || at-j.At > revisable {
		return false
	}
	l := e.catalog.layer
	x := finding.Lowered{
		At: at, From: j.Score, Reason: reason, Logit: logit, Least: least,
		Before: max(l.score(j.Logit), j.Hard, unexplained(j.Base, j.Against)),
	}
	x.Risk = round3(l.lowered(&x))
	if x.From-x.Risk < minLowered {
		return false
	}
	x.Rate = round3(e.org(p).rate(x.Risk))
	j.Score, j.Logit = x.Risk, logit
	if p.Day.End == j.Day {
		p.Day.Best = x.Risk // what comes on top of it is told
	}
	e.send(&finding.Finding{Episode: episodeID(p.Name, j.Day), Person: p.Name, Time: at, Start: at, End: at, Lowered: &x})
	return true
}

// lowered is a score as it is explained by later events.
func (l *layer) lowered(x *finding.Lowered) float64 {
	return max(x.From-max(x.Before-max(l.score(x.Logit), x.Least), 0), 0)
}
