package engine

import (
	"slices"
	"strings"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
)

// A correlation rests on all events of its window: the alert about the last one counts them, cites them, and shows
// the latest.

const (
	maxWitnesses    = 60      // events that a window keeps
	maxWitnessBytes = 8 << 20 // of the events that all windows keep
)

// witness keeps the latest event of a window, which is of a person, as far as there is room.
func (e *Engine) witness(w *window, name string, ev *event.Event) {
	last := &w.Entries[len(w.Entries)-1]
	last.Who = hash(ofUser, name)
	if e.witnesses < maxWitnessBytes {
		x := e.exhibit(&detect.Enriched{Event: ev})
		last.Event = &x
	}
	if n := len(w.Entries) - maxWitnesses; n > 0 {
		w.Entries[n-1].Event = nil
	}
	e.weigh(w)
}

// weigh counts the bytes of the events that a window keeps.
func (e *Engine) weigh(w *window) {
	e.witnesses -= w.Bytes
	w.Bytes = 0
	for i := max(len(w.Entries)-maxWitnesses, 0); i < len(w.Entries); i++ {
		if x := w.Entries[i].Event; x != nil {
			w.Bytes += len(x.Record)
		}
	}
	e.witnesses += w.Bytes
}

// citeWindow adds the events of a window before the last one to the evidence of the day, unless the person is nil, and
// empties the window.
func (e *Engine) citeWindow(p *person, w *window) {
	if p != nil {
		pr := p.Day.proof(e.catalog.mechanism[detect.UserRules])
		for i := range w.Entries[:len(w.Entries)-1] {
			pr.recall(&w.Entries[i])
		}
	}
	w.Entries = w.Entries[:0]
	e.weigh(w)
}

// recall adds an earlier event to evidence, unless it is there. One that the window could not keep is counted and
// cited only.
func (p *proof) recall(x *entry) {
	var dec event.Decoder
	var ev event.Event
	switch {
	case x.Event == nil || dec.Decode(x.Event.Record, &ev) != nil:
		if x.ID != "" && p.cites(x.ID) {
			return
		}
		p.N++
		p.cite(x.ID)
		p.From, p.To = p.since(x.At), max(p.To, x.At)
		return
	case p.has(&ev):
		return
	}
	from := p.since(ev.Time)
	to := max(p.To, ev.Time)
	p.add(ev.Clone(), strings.Clone(ev.Object.Container), "", "").keep(*x.Event)
	p.From, p.To = from, to
}

// since is when the evidence begins with an event of a time.
func (p *proof) since(at int64) int64 {
	if p.N == 0 {
		return at
	}
	return min(p.From, at)
}

// has says whether an event is among the evidence: as far as it is kept, or by its id.
func (p *proof) has(ev *event.Event) bool {
	if p.N == 0 {
		return false
	}
	if len(p.Items) >= maxExhibits && ev.ID != "" && p.cites(ev.ID) {
		return true
	}
	return slices.ContainsFunc(p.Items, func(x exhibit) bool {
		return event.RecordTime(x.Record) == ev.Time && event.RecordKey(x.Record) == ev.Key
	})
}

// cites says whether the id of an event is listed.
func (p *proof) cites(id string) bool {
	return slices.Contains(p.First, id) || slices.Contains(p.Last, id)
}

// forgetWitness drops the events of a person from all windows. The person is given by the hash of the name.
func (e *Engine) forgetWitness(who uint64) {
	for _, w := range e.Windows {
		w.Entries = slices.DeleteFunc(w.Entries, func(x entry) bool { return x.Who == who })
		e.weigh(w)
	}
}
