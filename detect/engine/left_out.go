package engine

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
)

// guestDays is for how many days without activity a guest is kept, as ingest/identity does.
const guestDays = 60

// leftOut reports that names of a source were left out.
func (e *Engine) leftOut(ev *event.Event) {
	n, err := strconv.ParseInt(ev.Attr(event.AttrNew), 10, 64)
	if err != nil {
		return
	}
	from := ev.Source.Title()
	if ev.Tenant != "" {
		from += " (" + detect.Quote(ev.Tenant) + ")"
	}
	since := ev.Time / event.Day * event.Day
	f := e.healthFinding(detect.NamesLeftOut, ev.Source.String()+" "+ev.Tenant+" "+ev.Action, since, ev.Time, 2)
	f.Sources, f.Observed = []string{ev.Source.String()}, float64(n)
	if ev.Action == event.LeftNames {
		f.Unit, f.Techniques = "names", e.catalog.Of(detect.NamesLeftOut).Techniques
		f.Reason = detect.Amount(float64(n), "unknown name", "unknown names") + " failed to sign in to " + from +
			": too many within a day to remember them; if one of them gets in after all, its failed attempts are not counted"
	} else {
		f.Unit = "events"
		f.Reason = detect.Amount(float64(n), "event", "events") + " of new outsiders in " + from +
			" not scored: too many outsiders were new on one day"
	}
	e.send(f)
}

// attempts takes in failed sign-ins before an event, which were not known to be the person's.
func (p *person) attempts(at int64, list string) {
	for _, f := range event.SplitAttempts(list) {
		if at-f.At > event.Day {
			continue
		}
		p.Fails = append(p.Fails, failure{f.At, hashed(ofNetwork, f.IP)})
		if d := &p.Day; f.At >= d.End-event.Day && f.At < d.Start { // the day began with them
			d.Start = f.At
			d.Hours |= 1 << (f.At / event.Hour % 24)
		}
	}
	slices.SortStableFunc(p.Fails, func(a, b failure) int { return cmp.Compare(a.At, b.At) })
	if n := len(p.Fails) - maxFails; n > 0 {
		p.Fails = append(p.Fails[:0], p.Fails[n:]...)
	}
}

// lapse forgets guests who have done nothing for long, with what is known of people because
// of them.
func (e *Engine) lapse(end int64) {
	var names []string
	today := end/event.Day - 1
	for name, h := range e.people.all {
		s := h.stub
		if h.person != nil {
			s = h.person.stub()
		}
		if s.Guest && s.Day.End == 0 && s.Last < today-guestDays {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		e.packIdle()
		e.subtract(e.find(name))
		e.people.forget(name)
	}
}

// subtract takes out of it what is known of people because of one of them.
func (e *Engine) subtract(p *person) {
	b := e.deltaOf(p)
	to := b.of(p)
	for j := range p.Sum {
		to.weigh(p, j, -fix(p.Sum[j]))
	}
	to.department(p.peerGroup()).Active -= fix(p.Active)
	to.Active -= fix(p.Active)
	for s, x := range p.Uses {
		to.Uses[s] -= fix(x)
	}
	if !p.Service {
		b.Heads--
		to.Visits = append(to.Visits, visit{Who: shortHash(p.Name)})
	}
}
