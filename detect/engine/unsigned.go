package engine

import (
	"cmp"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
)

// byOthers says whether an event was done without a sign-in, or by a party of another organisation, in what a
// person opened or owns, or in a place.
func byOthers(ev *event.Event) bool {
	return ev.Actor.Kind == event.Anonymous && ev.Actor.Account == "" || ev.Actor.Kind == event.Outsider
}

// handleUnsigned scores what was done without a sign-in, in what a person has opened to anybody or
// owns, or in a place, or by an outsider, in what a person gave them access to. It is not the person's doing:
// nothing else is learned from it. Correlated says that a correlation holds with it.
func (e *Engine) handleUnsigned(p *person, ev *event.Event, correlated bool) {
	p.Day.Latest = ev.Time
	p.Day.Sources |= 1 << ev.Source
	a := &e.enriched
	*a = detect.Enriched{Event: ev, Person: p.Name, Unsigned: true}
	e.sensitive(a)
	a.ByOutsider = ev.Actor.Kind == event.Outsider
	if effective(ev) {
		p.touchUnsigned(a)
	}
	again := e.config.rules != nil && !p.optedOut(detect.UserRules) && e.rules(p, ev)
	if e.count(p, a) || again || correlated {
		e.gather(p, e.emitFindings(p, ev.Time, false), ev.Time)
	}
}

// touchUnsigned notes what is done without a sign-in to files and objects.
func (p *person) touchUnsigned(a *detect.Enriched) {
	act := "take"
	switch a.Class {
	case event.Download, event.Sync, event.Copy:
	case event.View:
		act = "view"
	case event.Delete:
		act = "delete"
	default:
		return
	}
	place := cmp.Or(a.Object.Container, a.Object.Name)
	a.PlaceAge = p.Known.age(hash(ofUnsigned, act, a.Source.String(), place), a.Time/event.Day, maxKnown)
	if a.First = true; object(a.Event) != 0 {
		key := hash(ofUnsigned, act) ^ object(a.Event)
		a.First = p.done(key) == 0
		p.setDone(key, 1)
	}
	a.Repeat = !a.First
}

// idle says whether a person has done nothing today: what there is was done without a sign-in, in
// what the person opened or owns.
func (p *person) idle() bool { return p.Day.Hours == 0 && !p.Service }

// learnUnsigned makes the counts of what is done without a sign-in part of what is usual, on a day
// that teaches nothing else about the person.
func (l *lesson) learnUnsigned() {
	p := l.person
	for j := range p.catalog.metrics {
		if p.catalog.metrics[j].unsigned {
			p.Sum[j] = float64(p.Sum[j]*gamma) + l.teaches(j, p.Day.scored(j))
		}
	}
}
