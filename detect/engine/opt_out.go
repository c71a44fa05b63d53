package engine

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// OptOut excludes people of some countries or departments from detectors, because a works
// agreement or the law of a country does not allow them. Nothing of those detectors is counted,
// learned or kept for these people. Without detectors, the people are not processed at all.
type OptOut struct {
	Countries   []string // as HR writes them; any if empty
	Departments []string // the same
	Detectors   []string // all if empty
	Reason      string   // as it is shown; required
}

func (o *OptOut) check(cat *Catalog) error {
	switch {
	case len(o.Countries)+len(o.Departments) == 0:
		return errors.New("it needs countries or departments")
	case o.Reason == "":
		return errors.New("it needs a reason")
	}
	for _, name := range o.Detectors {
		g, known := cat.detected[name]
		switch {
		case !known:
			return fmt.Errorf("there is no detector %q", name)
		case derived(cat.detectors[g]):
			return fmt.Errorf("%s follows from what others see: switch those off", name)
		case cat.detectors[g].Has(finding.AboutData):
			return fmt.Errorf("%s is about the data, not about people", name)
		}
	}
	return nil
}

// Covers says whether the opt-out holds for people of a department and a country. It does not
// for people if the one it asks for is unknown.
func (o *OptOut) Covers(department, country string) bool {
	in := func(list []string, x string) bool {
		same := func(y string) bool { return strings.EqualFold(strings.TrimSpace(y), x) }
		return len(list) == 0 || x != "" && slices.ContainsFunc(list, same)
	}
	return in(o.Countries, country) && in(o.Departments, department)
}

// optedOut returns the detectors that people of a department and a country have opted out of, a
// bit each; excluded if they are not processed at all.
func (c *config) optedOut(department, country string) (off uint64, excluded bool) {
	for i := range c.optOuts {
		o := &c.optOuts[i]
		if !o.Covers(department, country) {
			continue
		}
		if len(o.Detectors) == 0 {
			return ^uint64(0), true
		}
		for _, name := range o.Detectors {
			off |= 1 << c.catalog.detected[name]
		}
	}
	return off, false
}

// optedOut says whether the person has opted out of the detector of a mechanism.
func (p *person) optedOut(m detect.Mechanism) bool {
	return p.optOuts != 0 && p.optOuts>>p.catalog.mechanism[m]&1 != 0
}

// derived says whether a detector follows from what others see: opting out of those is enough.
func derived(d *detect.Detector) bool {
	return d.Mechanism == detect.AfterCompromise || d.Mechanism == detect.AfterPrivilege
}

// optOut opts a person out of detectors, and deletes what is kept of them.
func (e *Engine) optOut(p *person, off uint64) {
	cat := e.catalog
	p.optOuts = off
	if off == 0 {
		return
	}
	to := e.deltaOf(p).of(p)
	zero := func(list []float64, j int) {
		if j < len(list) {
			list[j] = 0
		}
	}
	for j := range cat.scored {
		if off>>cat.metrics[j].detector&1 == 0 {
			continue
		}
		to.weigh(p, j, -fix(p.Sum[j]))
		p.Sum[j] = 0
		for i := range p.Past {
			zero(p.Past[i].Sum, j)
		}
		for _, list := range [][]float64{p.Day.Count, p.Day.Next, p.Day.Prior} {
			zero(list, j)
		}
		delete(p.Day.Bursts, j)
		if k := cat.metrics[j].carried; k >= 0 {
			zero(p.Carry, k)
		}
		for i, s := range cat.slow {
			if s == j {
				p.forgetSlow(i)
			}
		}
	}
	if p.optedOut(detect.SlowDrift) {
		for i := range cat.slow {
			p.forgetSlow(i)
		}
	}
	for i := range p.Day.Facts {
		if off>>cat.indicators[i].detector&1 != 0 {
			delete(p.Day.Facts, i)
		}
	}
	for g := range p.Day.Proof {
		if off>>g&1 != 0 {
			p.Day.Proof[g] = nil
		}
	}
	p.forgetMechanisms()
}

// forgetMechanisms deletes what is kept for mechanisms that the person has opted out of.
func (p *person) forgetMechanisms() {
	if g := p.catalog.afterLeaving; g >= 0 && p.optOuts>>g&1 != 0 {
		p.Left, p.Day.AsUsual = nil, nil
	}
	if p.optedOut(detect.UserRules) {
		p.Day.Ruled = nil
	}
	if p.optedOut(detect.Watchlists) {
		p.Day.Watched = nil
	}
	if p.optedOut(detect.AccessReview) {
		p.Access = nil
	}
}

// forgetSlow forgets what is known of one of the metrics that lasting shifts are looked
// for.
func (p *person) forgetSlow(i int) {
	p.Long[i], p.Shift[i], p.Top[i] = 0, 0, 0
	for k := range p.Past {
		if i < len(p.Past[k].Long) {
			p.Past[k].Long[i] = 0
		}
	}
}

// staffed is where a person works, as HR says.
type staffed struct {
	Department string
	Country    string
}

// noteStaff keeps where a person works, if several engines share the people: the opt-outs of those whom others score
// hold for correlations, too.
func (e *Engine) noteStaff(name string, ev *event.Event) {
	if e.config.shards <= 1 || ev.Class != event.Person {
		return
	}
	who := hash(ofUser, name)
	of := e.Staff[who]
	of.Department = strings.Clone(cmp.Or(ev.Attr(event.AttrDepartment), of.Department))
	of.Country = strings.Clone(cmp.Or(ev.Attr(event.AttrCountry), of.Country))
	e.Staff[who] = of
	delete(e.excluded, who) // what the opt-outs say now decides
	if off, excluded := e.config.optedOut(of.Department, of.Country); excluded || off>>e.catalog.mechanism[detect.UserRules]&1 != 0 {
		e.forgetWitness(who)
	}
}

// isExcluded says whether a person has opted out of everything.
func (e *Engine) isExcluded(name string) bool {
	return len(e.excluded) > 0 && e.excluded[hash(ofUser, name)]
}

// exclude deletes a person who has opted out of everything.
func (e *Engine) exclude(name string) {
	who := hash(ofUser, name)
	e.excluded[who] = true
	e.forgetWitness(who)
	p := e.find(name)
	if p == nil {
		return
	}
	e.deltaOf(p).forget(name)
	e.subtract(p)
	e.people.forget(name)
	delete(e.leavers, name)
	if e.Feed.FirstOddOf == name {
		e.Feed.FirstOddOf = ""
	}
	e.Feed.Doubtful = slices.DeleteFunc(e.Feed.Doubtful, func(x doubtful) bool { return x.Name == name })
	delete(e.Awaited, name)
	e.forgetVerdicts(name)
	e.forgetCommon(name)
	same := func(x string) bool { return x == name }
	for end, list := range e.closing {
		e.closing[end] = slices.DeleteFunc(list, same)
	}
	e.active = slices.DeleteFunc(e.active, func(x *person) bool { return x == p })
	e.away, e.leaving = slices.DeleteFunc(e.away, same), slices.DeleteFunc(e.leaving, same)
	mine := func(x *exposure) bool { return x.Person == name }
	for key, list := range e.Exposed {
		if list = slices.DeleteFunc(list, mine); len(list) > 0 {
			e.Exposed[key] = list
		} else {
			delete(e.Exposed, key)
		}
	}
	e.young = slices.DeleteFunc(e.young, mine)
}
