package detect

import (
	"cmp"
	"errors"
	"slices"
	"sync"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// Keyed is an event as stored, and whose it is.
type Keyed struct {
	Person string
	Record []byte
}

const (
	batchMost = 1024 // events that are judged at the same time at most
	perLane   = 48   // fewer are not worth another core
)

// batch are events of one hour that concern nobody but their own people: what one of
// them does to the organisation is known from the next hour on. They are judged on
// several cores.
type batch struct {
	items  []item
	lanes  []*lane
	least  int       // items for another lane
	people []*person // scratch
	dec    event.Decoder
	ev     event.Event
}

// item is an event of a batch, as far as it is known before it is judged.
type item struct {
	person *person // nil if nobody's
	rec    []byte
	heads  int // how many people there were
}

// lane judges the events of some of the people of a batch. It has its own engine, which
// knows what everybody's does, and changes people alone.
type lane struct {
	engine           *Engine
	of               *Engine // whose batch it is
	people, services org
	dec              event.Decoder
	ev               event.Event
	items            []int
	load             int // how many there will be
	at               int // the item that is judged
	found            []found
}

// found is a finding of an item.
type found struct {
	item    int
	finding *finding.Finding
}

var errLane = errors.New("detect: an event of one person changes what is known of another: it must be judged by itself")

// alone says whether what is known of others may be changed: not in a lane.
func (e *Engine) alone() bool {
	if e.lane != nil {
		e.err = errLane
	}
	return e.lane == nil
}

// HandleAll is Handle for events as stored, in their order. It judges on several cores;
// what comes out is the same, in the same order. The records may be used again afterwards.
func (e *Engine) HandleAll(events []Keyed) error {
	for i := range events {
		if err := e.join(&events[i]); err != nil {
			return err
		}
	}
	return e.judgeBatch()
}

// join puts an event into the batch, or judges it by itself if it may concern others.
func (e *Engine) join(k *Keyed) error {
	b := &e.batch
	source, class, at := event.RecordSource(k.Record), event.RecordClass(k.Record), event.RecordTime(k.Record)
	alone := source == event.HR || e.config.rules != nil || crosses(k.Record)
	if !alone && (class == event.Delete || class == event.Unshare) && len(e.Exposed) > 0 {
		if err := b.dec.Decode(k.Record, &b.ev); err != nil {
			return err
		}
		alone = e.concerns(&Act{Event: &b.ev, Person: k.Person})
	}
	if !alone && (at/hourMS != e.Hour || len(b.items) >= batchMost) {
		if err := e.judgeBatch(); err != nil {
			return err
		}
		e.settle()
		e.advance(at / hourMS)
	}
	var p *person
	if !alone && k.Person != "" && class != event.Derived && !e.dark[k.Person] {
		p = e.person(k.Person, event.RecordKind(k.Record))
		alone = p.Day.End > 0 && len(p.Day.Received) > 0 // whoever has received rights from them is concerned
	}
	if alone {
		if err := e.judgeBatch(); err != nil {
			return err
		}
		if err := b.dec.Decode(k.Record, &b.ev); err != nil {
			return err
		}
		return e.Handle(k.Person, &b.ev)
	}
	if p != nil {
		e.begin(p, at)
		e.org(p).department(p.peerGroup())
		if tookEffect(event.RecordOutcome(k.Record)) {
			e.watch(p, source, class)
		}
	}
	b.items = append(b.items, item{p, k.Record, e.Heads})
	return e.err
}

// crosses says, by its first bytes, whether an event may concern others than its person:
// it lays open or closes, gives or takes rights, or is about the source.
func crosses(rec []byte) bool {
	_, after := event.RecordVisibility(rec)
	switch event.RecordClass(rec) {
	case event.AdminGrant, event.AdminRevoke, event.Offboard, event.Tamper, event.MFADisabled, event.MFAEnabled, event.GuardChange, event.NetworkOpen,
		event.NetworkClose, event.PolicyChange, event.ConfigChange, event.SourceGap, event.SourceLate:
		return true
	case event.ShareLink, event.Upload:
		return after >= event.PublicLink
	case event.ShareUser:
		return event.RecordSource(rec) == event.CloudTrail
	}
	return false
}

// concerns says whether an act may close something that is open.
func (e *Engine) concerns(a *Act) bool {
	return slices.ContainsFunc(ways(a), func(w way) bool { return len(e.Exposed[w.key]) > 0 })
}

// judgeBatch judges what is in the batch.
func (e *Engine) judgeBatch() error {
	b := &e.batch
	if len(b.items) == 0 {
		return e.err
	}
	if b.lanes == nil {
		for range e.config.lanes {
			b.lanes = append(b.lanes, newLane())
		}
	}
	n := max(min(len(b.lanes), len(b.items)/b.least), 1)
	b.spread(n)
	var others sync.WaitGroup
	for _, l := range b.lanes[1:n] {
		others.Go(func() { l.judge(e) })
	}
	b.lanes[0].judge(e)
	others.Wait()
	var all []found
	for _, l := range b.lanes[:n] {
		all = append(all, l.found...)
		e.People.pending = append(e.People.pending, l.people.pending...)
		e.Services.pending = append(e.Services.pending, l.services.pending...)
		e.err = cmp.Or(e.err, l.engine.err)
		l.items, l.found = l.items[:0], l.found[:0]
	}
	slices.SortStableFunc(all, func(a, b found) int { return a.item - b.item })
	for _, f := range all {
		e.send(f.finding)
	}
	for i := range b.items {
		s := event.RecordSource(b.items[i].rec)
		e.Complete[s] = max(e.Complete[s], event.RecordTime(b.items[i].rec))
	}
	clear(b.items) // people who are packed later must not stay in memory for it
	clear(b.people)
	b.items = b.items[:0]
	return e.err
}

// spread gives every person's items to one of some lanes: to the one that has the least to
// do, those with the most items first.
func (b *batch) spread(n int) {
	b.people = b.people[:0]
	for i := range b.items {
		if p := b.items[i].person; p != nil {
			if p.items == 0 {
				b.people = append(b.people, p)
			}
			p.items++
		}
	}
	if n > 1 {
		slices.SortFunc(b.people, func(p, q *person) int { return q.items - p.items })
	}
	for _, l := range b.lanes[:n] {
		l.load = 0
	}
	for _, p := range b.people {
		l := b.lanes[0]
		for _, other := range b.lanes[1:n] {
			if other.load < l.load {
				l = other
			}
		}
		p.lane = l
		l.load += p.items
		p.items = 0
	}
	for i := range b.items {
		if p := b.items[i].person; p != nil {
			p.lane.items = append(p.lane.items, i)
		}
	}
}

func newLane() *lane {
	l := &lane{engine: &Engine{}}
	l.engine.lane = l
	l.engine.emit = func(f *finding.Finding) error {
		l.found = append(l.found, found{l.at, f})
		return nil
	}
	return l
}

// judge judges the items of the lane, knowing what an engine knows.
func (l *lane) judge(of *Engine) {
	e := l.engine
	l.of = of
	l.people, l.services = *of.People, *of.Services
	l.people.pending, l.services.pending = nil, nil
	e.config, e.err = of.config, nil
	e.Hour, e.Exposed, e.People, e.Services = of.Hour, of.Exposed, &l.people, &l.services
	for _, i := range l.items {
		x := &of.batch.items[i]
		if e.err = cmp.Or(e.err, l.dec.Decode(x.rec, &l.ev)); e.err != nil {
			return
		}
		l.at, e.Heads = i, x.heads
		e.handle(x.person, &l.ev)
	}
}

// complete is up to when the data of a source goes.
func (e *Engine) complete(s event.Source) int64 {
	if e.lane == nil {
		return e.Complete[s]
	}
	b := e.lane.of
	for i := e.lane.at; i >= 0; i-- {
		if event.RecordSource(b.batch.items[i].rec) == s {
			return max(b.Complete[s], event.RecordTime(b.batch.items[i].rec))
		}
	}
	return b.Complete[s]
}
