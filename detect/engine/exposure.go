package engine

import (
	"cmp"
	"slices"
	"strings"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// exposure is something that a person laid open or switched off, until it is
// undone: by whomever.
type exposure struct {
	Person string
	Day    int64 // end of the person's day on which it happened: names the episode
	Fact   int   // index in indicators
	Key    uint64
	Sub    string // which of the ways in which the object is open
	What   string
	Opened int64
	Lasted bool
}

const (
	lastsFrom    = 2 * event.Hour // open for so long, it was not undone at once
	lastsAtNight = event.Hour     // the same where the person's day ends
	maxExposed   = 1 << 15        // in an organisation: a hostile log could open any number of things
	maxOpened    = 12             // of one person and day, and of one object
	maxLaid      = 64             // by one person in an hour
	maxShut      = 2048           // the same
)

// laid is an exposure on the day that it began.
type laid struct {
	Fact int
	Key  uint64
	Sub  string
	finding.Exposure
}

// way is an object, and one of the ways in which it may be open: a rule, a
// policy, a role. An empty one stands for all.
type way struct {
	key uint64
	sub string
}

// ways says what an act lays open, or closes.
func ways(a *detect.Enriched) (list []way) {
	thing := func(kind string, parts ...string) uint64 {
		return hash(ofExposure, append([]string{kind, a.Source.String(), a.Tenant}, parts...)...)
	}
	switch a.Class {
	case event.NetworkOpen, event.NetworkClose:
		for _, attr := range a.Attrs {
			if attr.Name == event.AttrRule {
				list = append(list, way{thing("network", a.Object.ID), strings.Clone(attr.Value)})
			}
		}
		if list == nil {
			list = append(list, way{thing("network", a.Object.ID), ""})
		}
	case event.PolicyChange, event.Upload:
		sub := "" // only buckets and objects have two ways
		switch {
		case a.Object.Type != "bucket" && a.Object.Type != "object":
		case strings.Contains(a.Action, "Policy"):
			sub = "policy"
		default:
			sub = "acl"
		}
		list = append(list, way{thing("resource", a.Object.Type, resource(a)), sub})
	case event.GuardChange:
		list = append(list, way{thing("guard", resource(a)), ""})
		if a.Attr(event.AttrBlock) == "on" {
			list = append(list, way{thing("resource", "bucket", resource(a)), ""})
		}
	case event.Delete:
		list = append(list, way{thing("resource", a.Object.Type, resource(a)), ""}, way{object(a.Event), ""})
	case event.ShareLink, event.ShareUser:
		list = append(list, way{object(a.Event), ""})
	case event.Unshare:
		list = append(list, way{object(a.Event), ""})
		if a.Source == event.CloudTrail { // what was open by a policy may be open by a list
			list = append(list, way{thing("resource", a.Object.Type, resource(a)), ""})
		}
	case event.AdminGrant, event.AdminRevoke:
		for i := range a.To {
			list = append(list, way{thing("right", a.To[i].Account), strings.Clone(a.Role())})
		}
		if list == nil {
			list = append(list, way{thing("right", a.Object.ID), strings.Clone(a.Role())})
		}
	case event.Tamper:
		list = append(list, way{thing("logging", a.Object.ID), ""})
	case event.MailRule:
		if a.Object.ID != "" {
			list = append(list, way{thing("mail", a.Object.ID), ""})
		}
	case event.ConfigChange:
		list = append(list, way{thing(a.Attr(event.AttrPolicy), a.Object.ID), ""})
	case event.MFADisabled, event.MFAEnabled:
		list = append(list, way{hash(ofExposure, "factor", a.Subject()), ""})
	}
	return list
}

// resource names what a resource policy belongs to.
func resource(a *detect.Enriched) string {
	if a.Object.Type == "object" {
		return a.Object.Container + "/" + a.Object.Name
	}
	return cmp.Or(a.Object.ID, a.Object.Name, a.Object.Container)
}

// closes says whether an act undoes exposures of its ways.
func closes(a *detect.Enriched) bool {
	switch a.Class {
	case event.NetworkClose, event.AdminRevoke, event.Unshare, event.MFAEnabled, event.Delete:
		return true
	case event.PolicyChange:
		return a.After == event.Private || a.After == event.Internal || a.After == event.External && a.Foreign == ""
	case event.GuardChange:
		return a.Attr(event.AttrBlock) == "on"
	case event.ConfigChange:
		return a.Attr(event.AttrPolicy) != "" && a.Attr(event.AttrEffect) == "stronger"
	}
	return false
}

// expose notes that an indicator has laid something open.
func (e *Engine) expose(p *person, a *detect.Enriched, fact int, what string) {
	for _, w := range ways(a) {
		if w.key == 0 || a.Class == event.NetworkOpen && w.sub != "" && !detect.Exposes(w.sub) {
			continue
		}
		x := exposure{Person: p.Name, Day: p.Day.End, Fact: fact, Key: w.key, Sub: w.sub, What: what, Opened: a.Time}
		if len(p.Laid) >= maxLaid || slices.ContainsFunc(p.Laid, x.same) || e.open(p, &x) {
			continue
		}
		p.Laid = append(p.Laid, x)
		if len(p.Day.Opened) < maxOpened {
			p.Day.Opened = append(p.Day.Opened, laid{fact, w.key, w.sub, finding.Exposure{What: what, Opened: a.Time}})
		}
	}
}

// same says whether another exposure is of the same thing, in the same way.
func (x *exposure) same(y exposure) bool { return x.Fact == y.Fact && x.Key == y.Key && x.Sub == y.Sub }

// covers says whether what closes some way of an object closes one in which it is open.
func covers(closed, open string) bool { return closed == "" || open == "" || closed == open }

// open says whether something was open when the hour began, and the person has not
// closed it since.
func (e *Engine) open(p *person, x *exposure) bool {
	return slices.ContainsFunc(e.Exposed[x.Key], func(y *exposure) bool { return x.same(*y) }) &&
		!slices.ContainsFunc(p.Shut, func(c closing) bool { return c.Key == x.Key && covers(c.Sub, x.Sub) })
}

// closeExposures closes what an act undoes. That is known at the end of the hour; of what the
// person has laid open itself, it is reported at once.
func (e *Engine) closeExposures(p *person, a *detect.Enriched) {
	if !closes(a) {
		return
	}
	for _, w := range ways(a) {
		if w.key == 0 {
			continue
		}
		p.Laid = slices.DeleteFunc(p.Laid, func(x exposure) bool {
			over := x.Key == w.key && covers(w.sub, x.Sub)
			if over {
				e.ended(&x, p, p.Name, a.Time)
			}
			return over
		})
		for _, x := range e.Exposed[w.key] {
			if x.Person == p.Name && covers(w.sub, x.Sub) && e.open(p, x) {
				e.ended(x, p, p.Name, a.Time)
			}
		}
		if len(p.Shut) < maxShut {
			p.Shut = append(p.Shut, closing{w.key, w.sub, p.Name, a.Time})
		}
	}
}

// applyOpened registers what was opened in an hour, in order.
func (e *Engine) applyOpened(list []*exposure) {
	for _, x := range list {
		held := e.Exposed[x.Key]
		if held == nil && len(e.Exposed) >= maxExposed || len(held) >= maxOpened {
			continue
		}
		e.Exposed[x.Key] = append(held, x)
		e.young = append(e.young, x)
	}
}

// applyClosed ends what was closed in an hour, in order, and reports it.
func (e *Engine) applyClosed(list []closing) {
	for _, c := range list {
		held := e.Exposed[c.Key]
		if len(held) == 0 {
			continue
		}
		left := held[:0:0]
		for _, x := range held {
			if !covers(c.Sub, x.Sub) || x.Opened > c.At {
				left = append(left, x)
				continue
			}
			e.young = slices.DeleteFunc(e.young, func(y *exposure) bool { return y == x })
			if x.Person != c.By && e.owns(x.Person) {
				e.ended(x, e.find(x.Person), c.By, c.At)
				e.packIdle()
			}
		}
		if e.Exposed[c.Key] = left; len(left) == 0 {
			delete(e.Exposed, c.Key)
		}
	}
}

// ended reports that an exposure is over. Owner is nil if the person is not known any more.
func (e *Engine) ended(x *exposure, owner *person, by string, at int64) {
	cat := e.catalog
	over := finding.Exposure{What: x.What, Opened: x.Opened, Closed: at, By: by}
	if owner != nil && owner.Day.End == x.Day {
		for i := range owner.Day.Opened {
			if o := &owner.Day.Opened[i]; o.Fact == x.Fact && o.Key == x.Key && o.Sub == x.Sub {
				o.Exposure = over
			}
		}
	}
	det := cat.detectors[cat.indicators[x.Fact].detector]
	e.send(&finding.Finding{
		ID: findingID(det, x.Person, x.Day), Episode: episodeID(x.Person, x.Day), Detector: det.Name, Title: det.Title, Person: x.Person,
		Time: at, Start: x.Opened, End: at, Exposures: []finding.Exposure{over},
	})
}

// stillWords say that what is open has not been undone: that it is so of a state, that it is in effect of an act.
func (x *exposure) stillWords(now int64) string {
	still := "still in effect "
	if strings.HasPrefix(x.What, "made ") || strings.HasPrefix(x.What, "opened ") {
		still = "still so "
	}
	return still + detect.Duration(now-x.Opened) + " later"
}

// matureExposures looks at the exposures that have begun lately. One that has lasted
// weighs more; the person's day is scored again.
func (e *Engine) matureExposures(now int64) {
	young := e.young
	e.young = e.young[:0:0]
	var again []string
	for _, x := range young {
		p := e.find(x.Person)
		switch {
		case !e.owns(x.Person):
			if x.Lasted = now-x.Opened >= lastsFrom; !x.Lasted {
				e.young = append(e.young, x)
			}
		case p == nil || p.Day.End != x.Day:
			x.Lasted = true
		case now-x.Opened >= lastsFrom, p.Day.End == now && now-x.Opened >= lastsAtNight:
			x.Lasted = true
			if i := e.catalog.indicators[x.Fact].lasting; i >= 0 {
				if _, known := p.Day.Facts[i]; !known {
					p.Day.Facts[i] = note{
						Say: []string{x.stillWords(now)}, Kinds: p.Day.Facts[x.Fact].Kinds,
					}
					again = append(again, p.Name)
				}
			}
		default:
			e.young = append(e.young, x)
		}
	}
	slices.Sort(again)
	for _, name := range again {
		e.emitFindings(e.find(name), now, false)
	}
}

// listYoung lists the young exposures of restored state.
func (e *Engine) listYoung() {
	for _, list := range e.Exposed {
		for _, x := range list {
			if !x.Lasted {
				e.young = append(e.young, x)
			}
		}
	}
	slices.SortFunc(e.young, byOpening)
}

func byOpening(a, b *exposure) int {
	return cmp.Or(cmp.Compare(a.Opened, b.Opened), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Sub, b.Sub),
		cmp.Compare(a.Fact, b.Fact), cmp.Compare(a.Person, b.Person))
}
