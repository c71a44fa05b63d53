package engine

import (
	"slices"
	"strings"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
)

const (
	rightLasts   = 2 * event.Day
	maxReceivers = 8
)

// receivers notes who is given rights today, and which outsiders are let in.
func (d *dayState) receivers(a *detect.Enriched) {
	if a.LetsIn() {
		for i := range a.To {
			if a.To[i].Scope == event.ScopeExternal && len(d.LetIn) < maxReceivers {
				d.LetIn = append(d.LetIn, strings.Clone(a.To[i].Account))
			}
		}
	}
	if a.Class != event.AdminGrant || !a.TopGrant() {
		return
	}
	for i := range a.To {
		if len(d.Received) < maxReceivers {
			d.Received = append(d.Received, strings.Clone(a.To[i].Account)) // the event's memory is not kept
		}
	}
}

// recordPrivileges remembers that people have new rights, by how much the grants weigh: the
// person's own, and, from the hour's end on, of those who received them.
func (e *Engine) recordPrivileges(p *person, v *verdict, at int64) {
	own, points, outside := 0.0, 0.0, 0.0
	for g, det := range e.catalog.detectors {
		switch det.Privilege {
		case detect.PrivilegeTaken:
			own = max(own, v.points[g])
		case detect.PrivilegeGiven:
			points = max(points, v.points[g])
		case detect.PrivilegeOutside:
			outside = max(outside, v.points[g])
		}
	}
	if own > 0 {
		p.Right, p.RightT = own, at
	}
	b := e.deltaOf(p)
	for _, name := range p.Day.LetIn {
		if outside > 0 && name != p.Name {
			b.Rights = append(b.Rights, given{name, outside, at})
		}
	}
	if points == 0 {
		return
	}
	for _, name := range p.Day.Received {
		if name == p.Name {
			p.Right, p.RightT = points, at
			continue
		}
		b.Rights = append(b.Rights, given{name, points, at})
	}
}

// applyPrivileges takes in which rights were received by an hour's end, and scores those people
// again who took data out before.
func (e *Engine) applyPrivileges(rights []given, end int64) {
	var again []string
	for _, x := range rights {
		e.await(x)
		p := e.find(x.To)
		if p == nil {
			continue
		}
		p.Right, p.RightT = x.Points, x.At
		if p.Day.End > 0 && p.Day.Best > 0 {
			again = append(again, x.To)
		}
		e.packIdle()
	}
	slices.Sort(again)
	for _, name := range slices.Compact(again) {
		e.emitFindings(e.find(name), end, false)
		e.packIdle()
	}
}

// maxAwaited is for how many people the rights of the last days are kept.
const maxAwaited = 4096

// await keeps a right for somebody who may have done nothing yet.
func (e *Engine) await(x given) {
	if _, known := e.Awaited[x.To]; known || len(e.Awaited) < maxAwaited {
		e.Awaited[x.To] = x
	}
}

// welcome gives a person who is new the right that they received before.
func (e *Engine) welcome(p *person) {
	if x, known := e.Awaited[p.Name]; known {
		p.Right, p.RightT = x.Points, x.At
	}
}

// expireAwaited forgets the rights that do not count any more.
func (e *Engine) expireAwaited(end int64) {
	for name, x := range e.Awaited {
		if end-x.At > rightLasts {
			delete(e.Awaited, name)
		}
	}
}
