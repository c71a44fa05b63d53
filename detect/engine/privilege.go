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

// receivers notes who is given rights today.
func (d *dayState) receivers(a *detect.Enriched) {
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
	own, points := 0.0, 0.0
	for g, det := range e.catalog.detectors {
		switch det.Privilege {
		case detect.PrivilegeTaken:
			own = max(own, v.points[g])
		case detect.PrivilegeGiven:
			points = max(points, v.points[g])
		}
	}
	if own > 0 {
		p.Right, p.RightT = own, at
	}
	if points == 0 {
		return
	}
	b := e.deltaOf(p)
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
		e.emitFindings(e.find(name), end)
		e.packIdle()
	}
}
