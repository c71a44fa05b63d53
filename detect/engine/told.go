package engine

import (
	"math/bits"
	"slices"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// An act is told once. What a person does again on later days, as far as nothing of it is new, lowers
// the score of those days, and the alert that told of it says that it went on.

const (
	againLasts = 10 * event.Day // days without the act after which it is told anew
	againShare = .3             // of the score of a day on which an act is repeated
	stepUp     = 1.25           // times the score that was told: more is a new alert
	sizeUp     = 2.0            // times the size of what was told: more is a new alert
	untilAnew  = 4              // times the days on which an act was seen when it was told last: it is told anew
	maxTold    = 8              // acts of a person
	maxToldTo  = 64             // recipients of an act
)

// told is an act of a person that an alert was about.
type told struct {
	Day       int64           // end of the person's day: it names the alert
	At        int64           // when its score was reached, Unix milliseconds
	Last      int64           // when the act was seen last, Unix milliseconds
	Score     float64         // of the alert, in points
	Detectors uint64          // that had a part in it, a bit each
	Size      map[int]float64 // what they counted, by metric
	To        []uint64        // who received something
	Days      int             // on which the act was seen
	Anew      int             // days from which it is told anew
}

// part are the detectors that have at least a share of the points of the strongest, a bit each. Weights
// that follow from others have none.
func (v *verdict) part(cat *Catalog, share float64) (set uint64) {
	most := 0.0
	for g, w := range v.points {
		if cat.detectors[g].Mechanism == detect.NoMechanism {
			most = max(most, w)
		}
	}
	for g, w := range v.points {
		if cat.detectors[g].Mechanism == detect.NoMechanism && w > 0 && w >= share*most {
			set |= 1 << g
		}
	}
	return set
}

// repeats is the act that today repeats: seen by the same detectors, with recipients that are all known
// of it, not much more of it, and hardly higher in score; nil if there is none.
func (p *person) repeats(v *verdict, at int64) *told {
	if len(p.Told) == 0 || len(p.Day.Ruled) > 0 {
		return nil
	}
	main := v.part(p.catalog, .2)
	if main == 0 {
		return nil
	}
	for i := len(p.Told) - 1; i >= 0; i-- {
		t := &p.Told[i]
		switch {
		case t.Day >= p.Day.End, at-t.Last > againLasts, main&^t.Detectors != 0, v.risk > stepUp*t.Score:
		case p.Notice > t.At && at >= p.Notice, t.Days+1 >= t.Anew, p.larger(t, v, main), !p.knownRecipients(t, main):
		default:
			return t
		}
	}
	return nil
}

// larger says whether some detectors count much more today than an act had.
func (p *person) larger(t *told, v *verdict, detectors uint64) bool {
	for ; detectors != 0; detectors &= detectors - 1 {
		for _, j := range p.catalog.groups[bits.TrailingZeros64(detectors)] {
			if p.catalog.metrics[j].carried < 0 && v.worth[j] > floor && p.Day.Count[j] > sizeUp*t.Size[j] {
				return true
			}
		}
	}
	return false
}

// knownRecipients says whether an act had all recipients of today's evidence of some detectors.
func (p *person) knownRecipients(t *told, detectors uint64) bool {
	for ; detectors != 0; detectors &= detectors - 1 {
		pr := p.Day.Proof[bits.TrailingZeros64(detectors)]
		if pr == nil {
			continue
		}
		for name := range pr.Targets {
			if _, found := slices.BinarySearch(t.To, hash(ofCohort, counterpart(name))); !found {
				return false
			}
		}
	}
	return true
}

// noteTold keeps what the alert of the day was about, at the day's end. A day that repeats an act is
// added to the alert about it.
func (e *Engine) noteTold(p *person, v *verdict) {
	d := &p.Day
	if t := v.again; t != nil && d.Best < visible {
		t.Last, t.Days = d.Latest, t.Days+1
		e.wentOn(p, v, t)
		return
	}
	p.Told = slices.DeleteFunc(p.Told, func(t told) bool { return d.Latest-t.Last > againLasts })
	if d.Best-v.gain < visible {
		return
	}
	if len(p.Told) == maxTold {
		p.Told = slices.Delete(p.Told, 0, 1)
	}
	n := told{Day: d.End, At: d.BestT, Last: d.Latest, Score: d.Best, Detectors: v.part(p.catalog, .1), Days: 1, Size: map[int]float64{}}
	if i := len(p.Told) - 1; i >= 0 && p.Told[i].Days+1 >= p.Told[i].Anew {
		n.Days = p.Told[i].Days + 1
	}
	n.Anew = n.Days * untilAnew
	for g, pr := range d.Proof {
		if pr == nil || n.Detectors>>g&1 == 0 {
			continue
		}
		for _, j := range p.catalog.groups[g] {
			if d.Count[j] > 0 {
				n.Size[j] = d.Count[j]
			}
		}
		for name := range pr.Targets {
			n.To = append(n.To, hash(ofCohort, counterpart(name)))
		}
	}
	slices.Sort(n.To)
	n.To = slices.Compact(n.To)
	n.To = n.To[:min(len(n.To), maxToldTo)]
	p.Told = append(p.Told, n)
}

// wentOn adds a day to the alert about an act.
func (e *Engine) wentOn(p *person, v *verdict, t *told) {
	d := &p.Day
	if d.Best < emitFrom || d.events(v) == 0 {
		return
	}
	g := bits.TrailingZeros64(v.part(p.catalog, 1))
	det := e.catalog.detectors[g]
	pr := d.proof(g)
	e.send(&finding.Finding{
		ID: findingID(det, p.Name, t.Day), Episode: episodeID(p.Name, t.Day), Detector: det.Name, Title: det.Title, Person: p.Name,
		Time: d.Latest, Start: pr.From, End: pr.To,
		Again: []finding.Again{{At: pr.To, Events: d.events(v), Alert: episodeID(p.Name, d.End)}},
	})
}
