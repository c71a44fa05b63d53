package engine

import (
	"bytes"
	"cmp"
	"errors"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/guard"
)

// Keyed is an event as stored, and the person it belongs to.
type Keyed struct {
	Person string // "" if no person is known
	Record []byte // as event.Event.Append writes it
}

const (
	batchMost = 4096 // events that are scored at the same time at most
	perLane   = 48   // fewer are not worth another core
)

// batch are events of one hour, in which people do not depend on one another. They are
// scored on several cores.
type batch struct {
	items  []item
	lanes  []*lane
	least  int       // items for another lane
	people []*person // scratch
	dec    event.Decoder
	ev     event.Event
}

// item is an event of a person, or the end of its day.
type item struct {
	person *person
	rec    []byte // nil if the day ends
}

// lane scores the events of some of the people of a batch. It has its own engine, which shares
// what the batch's engine knows, and changes only people.
type lane struct {
	engine *Engine
	dec    event.Decoder
	ev     event.Event
	items  []int
	load   int // how many there will be
	at     int // the item that is scored
	found  []found
}

// found is what comes of an item: a finding, or what the person did on the day.
type found struct {
	item    int
	finding *finding.Finding
	day     *finding.Activity
}

// HandleAll is Handle for events as stored, in their order. It scores on several cores;
// what comes out is the same, in the same order. The records may be used again afterwards.
func (e *Engine) HandleAll(events []Keyed) error {
	at := 0
	err := guard.Do("judge", func() error {
		e.bring(peopleOf(events))
		for i := range events {
			at = i
			if err := e.addToBatch(&events[i]); err != nil {
				return err
			}
		}
		if err := e.scoreBatch(); err != nil {
			return err
		}
		e.packIdle() // an hour may have more people than may stay unpacked
		return e.err
	})
	if panicked := (*guard.Panic)(nil); len(events) > 0 && errors.As(err, &panicked) && !errors.As(err, new(*Fault)) {
		err = &Fault{bytes.Clone(events[at].Record), panicked}
	}
	return err
}

// peopleOf lists the people of events.
func peopleOf(events []Keyed) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range events {
			if !yield(events[i].Person) {
				return
			}
		}
	}
}

// Fault says that scoring an event panicked: the engine is of no use any more.
type Fault struct {
	Record []byte       // the event as stored; nil where the end of a day was scored
	Panic  *guard.Panic // what happened
}

// Error implements error.
func (f *Fault) Error() string { return f.Panic.Error() }

// Unwrap returns the panic.
func (f *Fault) Unwrap() error { return f.Panic }

// addToBatch puts an event into the batch. What is not about a person, or may be part of a
// pattern over several, is scored by itself.
func (e *Engine) addToBatch(k *Keyed) error {
	b := &e.batch
	source, class, at := event.RecordSource(k.Record), event.RecordClass(k.Record), event.RecordTime(k.Record)
	if source == event.HR || class == event.SourceGap || class == event.SourceLate || class == event.NamesLeftOut ||
		len(e.config.correlations) > 0 || e.config.rules != nil && k.Person == "" {
		if err := e.scoreBatch(); err != nil {
			return err
		}
		if err := b.dec.Decode(k.Record, &b.ev); err != nil {
			return err
		}
		return e.Handle(k.Person, &b.ev)
	}
	if at/event.Hour != e.Hour || len(b.items) >= batchMost {
		if err := e.scoreBatch(); err != nil {
			return err
		}
		e.packIdle()
		e.advance(at / event.Hour)
	}
	e.arrived(k.Person, source, at)
	if k.Person == "" || class == event.Derived || e.isExcluded(k.Person) || !e.owns(k.Person) {
		return e.err
	}
	kind, unsigned := event.RecordKind(k.Record), event.Nobody(k.Record)
	unsigned = unsigned || kind == event.Outsider
	if unsigned && !event.IsPlace(k.Person) {
		kind = event.Human
	}
	p := e.person(k.Person, kind)
	p.Guest = event.RecordGuest(k.Record)
	e.begin(p, at)
	e.org(p).department(p.peerGroup())
	if !unsigned && tookEffect(event.RecordOutcome(k.Record)) {
		e.countActs(p, source, class)
	}
	b.items = append(b.items, item{p, k.Record})
	return e.err
}

// closeDays ends the days of people, in their order.
func (e *Engine) closeDays(names []string) {
	for some := range slices.Chunk(names, e.people.some()) {
		e.bring(slices.Values(some))
		for _, name := range some {
			p := e.find(name)
			e.org(p).department(p.peerGroup())
			e.batch.items = append(e.batch.items, item{person: p})
		}
		e.scoreBatch()
		e.packIdle()
	}
}

// scoreBatch scores what is in the batch.
func (e *Engine) scoreBatch() error {
	b := &e.batch
	if len(b.items) == 0 {
		return e.err
	}
	if b.lanes == nil {
		for range e.config.lanes {
			b.lanes = append(b.lanes, e.newLane())
		}
	}
	n := max(min(len(b.lanes), len(b.items)/b.least), 1)
	b.spread(n)
	var others sync.WaitGroup
	for _, l := range b.lanes[1:n] {
		others.Go(func() { l.scoreSafely(e) })
	}
	b.lanes[0].scoreSafely(e)
	others.Wait()
	var all []found
	for _, l := range b.lanes[:n] {
		all = append(all, l.found...)
		e.err = cmp.Or(e.err, l.engine.err)
		mergeDeltas(e.deltas, l.engine.deltas)
		maps.Copy(e.spoke, l.engine.spoke)
		l.items, l.found = l.items[:0], l.found[:0]
	}
	e.foldDeltas()
	slices.SortStableFunc(all, func(a, b found) int { return a.item - b.item })
	for _, f := range all {
		switch {
		case f.finding != nil:
			e.send(f.finding)
		case e.err == nil:
			e.err = e.days(f.day)
		}
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
		p := b.items[i].person
		if p.items == 0 {
			b.people = append(b.people, p)
		}
		p.items++
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
		l := b.items[i].person.lane
		l.items = append(l.items, i)
	}
}

func (e *Engine) newLane() *lane {
	l := &lane{engine: &Engine{catalog: e.catalog, deltas: newDeltas(e.catalog, e.config.shards, e.config.mine), spoke: map[string]bool{}}}
	l.engine.emit = func(f *finding.Finding) error {
		l.found = append(l.found, found{item: l.at, finding: f})
		return nil
	}
	return l
}

// scoreSafely is score; a panic becomes the error of the lane, which names the event.
func (l *lane) scoreSafely(of *Engine) {
	err := guard.Do("judge", func() error { l.score(of); return nil })
	if panicked := (*guard.Panic)(nil); errors.As(err, &panicked) {
		l.engine.err = &Fault{bytes.Clone(of.batch.items[l.at].rec), panicked}
	}
}

// score scores the items of the lane, knowing what an engine knows.
func (l *lane) score(of *Engine) {
	e := l.engine
	e.config, e.err = of.config, nil
	e.Hour, e.Heads, e.Complete, e.Exposed, e.Pulse = of.Hour, of.Heads, of.Complete, of.Exposed, of.Pulse
	e.People, e.Services, e.Decided, e.opinions = of.People, of.Services, of.Decided, of.opinions
	if e.days = nil; of.days != nil {
		e.days = func(a *finding.Activity) error {
			l.found = append(l.found, found{item: l.at, day: a})
			return nil
		}
	}
	for _, i := range l.items {
		x := &of.batch.items[i]
		if l.at = i; x.rec == nil {
			e.closeDay(x.person)
			continue
		}
		if e.err = cmp.Or(e.err, l.dec.Decode(x.rec, &l.ev)); e.err != nil {
			return
		}
		e.handle(x.person, &l.ev)
	}
}
