package engine

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// Alerts show what was taken, where to and from where: the evidence of a day keeps some of its events, as
// they are stored. They go with the day.

const (
	maxExhibits = 200 // events that the evidence of one detector keeps
	fewExhibits = 20  // of findings that nobody is shown
)

// exhibit is an event that evidence rests on.
type exhibit struct {
	_      struct{} `cbor:",toarray"`
	Weight uint8    // how telling it is; the most telling are kept
	First  bool     // the person had not touched the object before that day
	Record []byte   // as event.Event.Append writes it; it is not changed
}

// Weights of events.
const (
	weightNoticed   = 16 // an indicator of the detector
	weightSensitive = 8  // by its label or its names
	weightOutside   = 4  // somebody outside receives it, or anybody
	weightLarge     = 2  // in bytes or in rows
	weightFirst     = 1  // the person had not touched it before

	largeBytes = 10_000_000
	largeRows  = 1000
)

// exhibit is an event as evidence keeps it.
func (e *Engine) exhibit(a *detect.Enriched) exhibit {
	return exhibit{First: a.Fresh, Weight: telling(a), Record: e.stated(a.Event)}
}

// stated is an event in stored form, with what a log states of it.
func (e *Engine) stated(ev *event.Event) []byte {
	if slices.ContainsFunc(ev.Attrs, own) {
		stated := *ev
		stated.Attrs = slices.DeleteFunc(slices.Clone(ev.Attrs), own)
		ev = &stated
	}
	if e.scratch = ev.Append(e.scratch[:0]); len(e.scratch) > maxRecord {
		e.scratch = abridged(ev).Append(e.scratch[:0])
	}
	return bytes.Clone(e.scratch)
}

// telling is the weight of an event, but for indicators.
func telling(a *detect.Enriched) (weight uint8) {
	for _, w := range [...]struct {
		holds  bool
		weight uint8
	}{
		{a.Sensitive, weightSensitive},
		{a.External > 0 || a.After >= event.PublicLink || a.Outsider() != "", weightOutside},
		{max(a.Object.Size, a.Bytes) >= largeBytes || a.Event.Rows >= largeRows, weightLarge},
		{a.Fresh, weightFirst},
	} {
		if w.holds {
			weight += w.weight
		}
	}
	return weight
}

const (
	maxRecord     = 4096 // bytes of an event above which evidence keeps it abridged
	maxText       = 120  // bytes of each of its texts then
	maxRecipients = 8    // and of recipients and attributes
)

// abridged is an event with shorter texts and fewer recipients: an attacker chooses the length of names.
func abridged(ev *event.Event) *event.Event {
	a := *ev
	for _, t := range []*string{
		&a.Actor.Account, &a.Actor.Alias, &a.Actor.Name, &a.Actor.OnBehalfOf, &a.ID, &a.Tenant, &a.Action, &a.Object.ID,
		&a.Object.Type, &a.Object.Name, &a.Object.Container, &a.Object.Owner, &a.Object.Label, &a.Client.IP, &a.Client.Agent,
		&a.Client.Country, &a.Client.App, &a.Client.Session, &a.Client.Device,
	} {
		*t = shortened(*t)
	}
	a.To = slices.Clone(ev.To[:min(len(ev.To), maxRecipients)])
	for i := range a.To {
		a.To[i].Account, a.To[i].Department = shortened(a.To[i].Account), shortened(a.To[i].Department)
	}
	a.Attrs = slices.Clone(ev.Attrs[:min(len(ev.Attrs), maxRecipients)])
	for i := range a.Attrs {
		a.Attrs[i].Value = shortened(a.Attrs[i].Value)
	}
	return &a
}

// shortened is a text of maxText bytes at most.
func shortened(s string) string {
	const more = "…"
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText-len(more)], "") + more
}

// own says whether an attribute is one that no log states.
func own(a event.Attr) bool { return a.Name == event.AttrAttempts || a.Name == event.AttrRuleMatch }

// keep adds an event. Once there are many, it takes the place of the latest of the least telling, if
// it is more telling.
func (p *proof) keep(x exhibit) {
	if len(p.Items) < maxExhibits {
		p.Items = append(p.Items, x)
		if len(p.Items) == maxExhibits {
			p.Least = p.least()
		}
		return
	}
	if !p.keeps(x.Weight) {
		return
	}
	for i := len(p.Items) - 1; i >= 0; i-- {
		if p.Items[i].Weight == p.Least {
			p.Items = append(slices.Delete(p.Items, i, i+1), x)
			break
		}
	}
	p.Least = p.least()
}

// keeps says whether an event of a weight is kept.
func (p *proof) keeps(weight uint8) bool { return len(p.Items) < maxExhibits || weight > p.Least }

// least is the weight of the least telling event.
func (p *proof) least() uint8 {
	return slices.MinFunc(p.Items, func(a, b exhibit) int { return cmp.Compare(a.Weight, b.Weight) }).Weight
}

// shown are the most telling events, in the order of their times.
func (p *proof) shown(most int) (out []finding.Item) {
	list := p.Items
	if len(list) > most {
		list = slices.Clone(list)
		slices.SortStableFunc(list, func(a, b exhibit) int { return -cmp.Compare(a.Weight, b.Weight) })
		list = list[:most]
		slices.SortStableFunc(list, func(a, b exhibit) int {
			return cmp.Compare(event.RecordTime(a.Record), event.RecordTime(b.Record))
		})
	}
	for i := range list {
		out = append(out, finding.Item{Record: list[i].Record, First: list[i].First})
	}
	return out
}

// destinations are who or what received something, the most frequent first.
func (p *proof) destinations() (list []finding.Destination) {
	for name, n := range p.Targets {
		list = append(list, finding.Destination{Name: name, Events: *n})
	}
	slices.SortFunc(list, func(a, b finding.Destination) int {
		return cmp.Or(-cmp.Compare(a.Events, b.Events), cmp.Compare(a.Name, b.Name))
	})
	return list
}
