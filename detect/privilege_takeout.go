package detect

import (
	"slices"
	"strings"

	"github.com/outflow/outflow/internal/event"
)

// privilegeTakeout is an administrative right or an application's access, given to
// somebody or taken by them, and data taken out by the same person within 48 hours
// (H04). It has nothing of its own: it adds weight where both have spoken.
var privilegeTakeout = &Detector{
	Name: "privilege_takeout", Title: "Privilege, then take-out", Techniques: []string{"T1098.003", "T1213"},
	Reason: func(*Day) string { return "took data out within two days of a new right" },
}

const (
	rightLasts   = 2 * dayMS
	maxReceivers = 8
)

// receivers notes to whom rights are given today.
func (d *dayState) receivers(a *Enriched) {
	if a.Class != event.AdminGrant || !topGrant(a) {
		return
	}
	for i := range a.To {
		if len(d.Received) < maxReceivers {
			d.Received = append(d.Received, strings.Clone(a.To[i].Account)) // the event's memory is not kept
		}
	}
}

// empower remembers that people have new rights, by how much the grants weigh: the
// person's own, and, from the hour's end on, of those who received them.
func (e *Engine) empower(p *person, v *verdict, at int64) {
	own := max(v.points[detected[selfGrant.Name]], v.points[detected[appConsent.Name]])
	if own > 0 {
		p.Right, p.RightT = own, at
	}
	points := v.points[detected[adminGrant.Name]]
	if points == 0 {
		return
	}
	b := e.bring(p)
	for _, name := range p.Day.Received {
		if name == p.Name {
			p.Right, p.RightT = points, at
			continue
		}
		b.Rights = append(b.Rights, given{name, points, at})
	}
}

// receive takes in which rights were received by an hour's end, and judges those people
// again who took data out before.
func (e *Engine) receive(rights []given, end int64) {
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
		e.settle()
	}
	slices.Sort(again)
	for _, name := range slices.Compact(again) {
		e.tell(e.find(name), end)
		e.settle()
	}
}
