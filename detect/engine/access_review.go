package engine

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// access is something that a person opened and that has not been closed.
type access struct {
	Kind   uint8
	Source event.Source
	Object uint64
	Name   string
	At     int64
	ID     string // of the event
}

// Kinds of access.
const (
	accessToken = iota
	accessLink
	accessCollaborator
)

const maxAccess = 256 // of one person

// grace is how far the end of a working day may be off: the person's time zone
// is known from the hours of work only.
const grace = 3 * event.Hour

// lastDayEnd is the end of the last working day where the person works.
func (p *person) lastDayEnd() int64 { return p.LastDay + event.Day - offset(p.Day.Quiet) }

// trackAccess notes access that an act opens or closes.
func (e *Engine) trackAccess(p *person, a *detect.Enriched) {
	if p.optedOut(detect.AccessReview) {
		return
	}
	switch a.Class {
	case event.TokenGrant:
		if a.Subject() == a.Person || len(a.To) == 0 {
			p.grant(a, accessToken, token(a), cmp.Or(a.AppName(), a.Object.ID, a.Action))
		}
	case event.TokenRevoke:
		delete(p.Access, token(a))
	case event.ShareLink:
		if a.After >= event.PublicLink {
			p.grant(a, accessLink, object(a.Event), a.ItemName())
		}
	case event.ShareUser:
		for i := range a.To {
			if a.To[i].Scope == event.ScopeExternal {
				p.grant(a, accessCollaborator, hash(ofPair, a.To[i].Account)^object(a.Event), a.ItemName()+" for "+a.To[i].Account)
			}
		}
	case event.Unshare, event.Delete:
		if len(p.Access) == 0 {
			return
		}
		key := object(a.Event)
		for i := range a.To {
			delete(p.Access, hash(ofPair, a.To[i].Account)^key)
		}
		if len(a.To) == 0 && key != 0 {
			for k, x := range p.Access {
				if x.Object == key {
					delete(p.Access, k)
				}
			}
		}
	case event.Offboard: // an account that is closed takes its keys with it
		b := e.deltaOf(p)
		b.Gone = append(b.Gone, offboarded{strings.Clone(a.Subject()), a.Source, a.Time})
	}
}

func token(a *detect.Enriched) uint64 {
	return hash(ofApp, a.Source.String(), "access", strings.ToLower(cmp.Or(a.Object.ID, a.Object.Name, a.Client.App)))
}

func (p *person) grant(a *detect.Enriched, kind uint8, key uint64, name string) {
	if _, held := p.Access[key]; held || len(p.Access) >= maxAccess {
		return
	}
	if p.Access == nil {
		p.Access = map[uint64]access{}
	}
	if r := []rune(name); len(r) > 80 {
		name = string(r[:80])
	}
	p.Access[key] = access{kind, a.Source, object(a.Event), strings.Clone(name), a.Time, strings.Clone(a.ID)}
}

// reviewLeavers looks at who is leaving, and who left a day ago.
func (e *Engine) reviewLeavers(now int64) {
	keep := e.leaving[:0]
	for _, name := range e.leaving {
		if s := e.people.look(name); !s.due(now) {
			keep = append(keep, name)
			continue
		}
		p := e.find(name)
		e.usePreNoticeBaseline(p, now)
		switch {
		case p.LastDay == 0 || now < p.lastDayEnd()+event.Day:
			keep = append(keep, name)
		case !p.Reviewed:
			p.Reviewed = true
			if len(p.Access) > 0 {
				e.emitAccessReview(p, now)
			}
		}
	}
	e.leaving = keep
}

// due says whether reviewLeavers may have to do something about a person, sooner rather than later:
// where they work is not looked at.
func (s *stub) due(now int64) bool {
	return !s.Frozen && s.Notice > 0 && now >= s.Notice || s.LastDay > 0 && now >= s.LastDay+2*event.Day-12*event.Hour
}

// emitAccessReview reports what a leaver has left open. It is a list to work through
// rather than an alarm: its risk is low, whatever it holds.
func (e *Engine) emitAccessReview(p *person, now int64) {
	open := make([]access, 0, len(p.Access))
	for _, x := range p.Access {
		open = append(open, x)
	}
	slices.SortFunc(open, func(a, b access) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.At, b.At), cmp.Compare(a.Name, b.Name))
	})
	var n [3]int
	var names [3]string
	det := e.catalog.Of(detect.AccessReview)
	f := &finding.Finding{
		ID: findingID(det, p.Name, p.LastDay), Episode: episodeID(p.Name+" left", p.LastDay), Revision: 1,
		Detector: det.Name, Title: det.Title,
		Person: p.Name, Department: p.Department, Time: now, Start: open[0].At, End: now, Techniques: det.Techniques,
		Impact: 1, Observed: float64(len(open)), Unit: "grants",
		Events: len(open), Days: round(p.Active), Complete: now,
	}
	var sources [32]bool
	for _, x := range open {
		n[x.Kind]++
		if names[x.Kind] == "" {
			names[x.Kind] = " (" + detect.Quote(x.Name) + ")"
			if n[x.Kind] > 1 {
				names[x.Kind] = ""
			}
		}
		f.Start = min(f.Start, x.At)
		sources[x.Source] = true
		if len(f.EventIDs) < firstIDs+lastIDs && x.ID != "" {
			f.EventIDs = append(f.EventIDs, x.ID)
		}
	}
	for _, s := range event.Sources() {
		if sources[s] {
			f.Sources = append(f.Sources, s.String())
		}
	}
	var parts []string
	for kind, what := range [...][2]string{
		{"application or key", "applications or keys"}, {"public link", "public links"},
		{"outsider with access", "outsiders with access"},
	} {
		if n[kind] > 0 {
			parts = append(parts, detect.Amount(float64(n[kind]), what[0], what[1])+names[kind])
		}
	}
	f.Headline = detect.Headline(detect.Amount(float64(len(open)), "grant", "grants")+" still open a day after leaving", "")
	for _, part := range parts {
		f.Facts = append(f.Facts, finding.Fact{Kind: finding.FactUnusual, Text: part})
	}
	f.Context = e.sayWatched(e.watched(p, now))
	f.Points = 2.5 + .2*float64(min(len(open), 5))
	f.Risk, f.Rate = f.Points, round3(e.org(p).rate(f.Points))
	f.Reason = fmt.Sprintf("still open a day after leaving: %s", detect.List(parts))
	e.send(f)
}
