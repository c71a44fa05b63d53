package engine

import (
	"cmp"
	"slices"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// Days has a function called with what each person did on a day once it is over, and with
// days that are open when Flush is called. It is called from Handle and Flush. Nothing
// is counted for it.
func (e *Engine) Days(f func(*finding.Activity) error) { e.days = f }

// report reports what a person did on the open day.
func (e *Engine) report(p *person, v *verdict, open bool) {
	cat := e.catalog
	if e.days == nil || e.err != nil {
		return
	}
	d := &p.Day
	a := &finding.Activity{
		User: p.Name, End: d.End, Open: open, Risk: round3(d.Best), Leaving: p.leaving(d.Latest),
		Service: p.Service, Department: p.Department, Hours: d.Hours, Origins: d.origins(),
		Known: round(e.org(p).personDays()),
	}
	for _, s := range event.Sources() {
		if d.Sources&(1<<s) != 0 {
			a.Sources = append(a.Sources, s.String())
		}
	}
	for j, m := range cat.metrics[:cat.scored] {
		if d.Count[j] <= 0 || m.Burst || m.Decay > 0 || m.part {
			continue
		}
		x := finding.Amount{
			Detector: cat.detectors[m.detector].Name, Metric: m.Name, Unit: m.Unit, N: round(d.Count[m.stated]),
			AtLeast: d.Count[m.stated] < d.Count[j],
			Usual:   round(cat.unscale(j, v.mean[j])), Peers: round(cat.unscale(j, v.peers[j])),
		}
		if said, told := d.Said[j]; told { // the day and its alert say the same
			x.Usual, x.Peers = said[1], said[2]
			if said[0] < x.N {
				x.Act = said[0]
			}
		}
		a.Counts = append(a.Counts, x)
	}
	e.err = e.days(a)
}

// Leavers lists the users that HR reports as leaving or gone, by name.
func (e *Engine) Leavers() (list []finding.Leaver) {
	for _, l := range e.leavers {
		list = append(list, l)
	}
	slices.SortFunc(list, func(a, b finding.Leaver) int { return cmp.Compare(a.User, b.User) })
	return list
}
