package detect

import (
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
func (d *Day) receivers(a *Act) {
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
// person's own, and of those who received them.
func (e *Engine) empower(p *person, v *verdict, at int64) {
	own := max(v.points[detected[selfGrant.Name]], v.points[detected[appConsent.Name]])
	if own > 0 {
		p.Right, p.RightT = own, at
	}
	given := v.points[detected[adminGrant.Name]]
	if given == 0 {
		return
	}
	for _, name := range p.Day.Received {
		if r := e.find(name); r != nil {
			r.Right, r.RightT = given, at
		}
	}
}
