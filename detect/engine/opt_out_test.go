package engine

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// offs splits the people of a history: every third works somewhere else.
func offs(t *testing.T) (events []keyed, elsewhere map[string]bool) {
	t.Helper()
	elsewhere = map[string]bool{}
	n := 0
	for _, k := range history(t) {
		if k.e.Source == event.HR && k.e.Class == event.Person && !elsewhere[k.person] {
			if n++; n%3 == 0 {
				elsewhere[k.person] = true
			}
		}
		events = append(events, k)
	}
	for i := range events {
		k := &events[i]
		if k.e.Source == event.HR && k.e.Class == event.Person {
			e := *k.e
			e.Attrs = slices.Clone(e.Attrs)
			if elsewhere[k.person] {
				e.Attrs = append(e.Attrs, event.Attr{Name: event.AttrCountry, Value: "DE"})
			} else {
				e.Attrs = append(e.Attrs, event.Attr{Name: event.AttrCountry, Value: "US"})
			}
			k.e = &e
		}
	}
	return events, elsewhere
}

func state2(t *testing.T, e *Engine) (people map[string]*person, s *Snapshot) {
	t.Helper()
	s, err := e.snapshot()
	if err != nil {
		t.Fatal(err)
	}
	s.sort()
	people = map[string]*person{}
	for i := range s.persons {
		st := &s.persons[i]
		p := new(person)
		if err := cbor.Unmarshal(packed(t, st), p); err != nil {
			t.Fatal(err)
		}
		people[st.name] = p
	}
	return people, s
}

// packed is the state of a person as it is stored.
func packed(t *testing.T, p *stored) []byte {
	t.Helper()
	b, err := p.body.Get(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestExcluded does not look at people of a country: everything that is kept and said is as if
// there were no such people.
func TestExcluded(t *testing.T) {
	events, elsewhere := offs(t)
	var said [2][]finding.Finding
	var snaps [2]*Snapshot
	for i := range 2 {
		c := Config{}
		if i == 0 {
			c.OptOuts = []OptOut{{Countries: []string{"de"}, Reason: "the law"}}
		}
		e := newEngine(c, func(f *finding.Finding) error { said[i] = append(said[i], *f); return nil })
		days := 0
		e.Days(func(a *finding.Activity) error {
			if days++; elsewhere[a.User] {
				t.Errorf("a day of %s is kept", a.User)
			}
			return nil
		})
		for _, k := range events {
			if i == 1 && elsewhere[k.person] {
				continue
			}
			if err := e.Handle(k.person, k.e); err != nil {
				t.Fatal(err)
			}
		}
		if err := e.Flush(); err != nil || days == 0 {
			t.Fatal(err, days)
		}
		people, s := state2(t, e)
		snaps[i] = s
		for name := range people {
			if elsewhere[name] {
				t.Errorf("%s is kept", name)
			}
		}
	}
	if len(elsewhere) < 3 || len(said[0]) == 0 {
		t.Fatal("nobody, or nothing")
	}
	a, b := snaps[0], snaps[1]
	if len(a.persons) != len(b.persons) {
		t.Fatalf("%d people are kept, %d without them", len(a.persons), len(b.persons))
	}
	for i := range a.persons {
		if a.persons[i].name != b.persons[i].name || !bytes.Equal(packed(t, &a.persons[i]), packed(t, &b.persons[i])) {
			t.Fatalf("%s is not as without them", a.persons[i].name)
		}
	}
	var ka, kb kept
	if err := cbor.Unmarshal(organisation(t, a), &ka); err != nil {
		t.Fatal(err)
	}
	if err := cbor.Unmarshal(organisation(t, b), &kb); err != nil {
		t.Fatal(err)
	}
	pa, err := encoding.Marshal(ka.People)
	if err != nil {
		t.Fatal(err)
	}
	pb, err := encoding.Marshal(kb.People)
	if err != nil || !bytes.Equal(pa, pb) || ka.Heads != kb.Heads {
		t.Error("what is known of the organisation is not as without them")
	}
	if len(said[0]) != len(said[1]) {
		t.Fatalf("%d findings, %d without them", len(said[0]), len(said[1]))
	}
	for i := range said[0] {
		if said[0][i].ID != said[1][i].ID || said[0][i].Risk != said[1][i].Risk {
			t.Fatalf("finding %d is another", i)
		}
	}
}

// TestOptOut leaves nothing of a detector that is switched off for people of a country: no
// finding, no count, no baseline; and takes out what was kept before it was switched off.
func TestOptOut(t *testing.T) {
	cat := testCatalog
	events, elsewhere := offs(t)
	gone := []string{"bulk_download", "crm_export", "brute_force", "slow_drip", "access_left_behind", "external_sharing"}
	check := func(what string, people map[string]*person, found []finding.Finding) {
		t.Helper()
		traces, others := 0, 0
		for name, p := range people {
			for _, d := range gone {
				for _, j := range cat.groups[cat.detected[d]] {
					n := p.Sum[j]
					if p.Day.Count != nil {
						n += p.Day.Count[j] + p.Day.Prior[j]
					}
					for i := range p.Past {
						n += p.Past[i].Sum[j]
					}
					if elsewhere[name] {
						if n != 0 {
							traces++
						}
					} else if n != 0 {
						others++
					}
				}
			}
			if elsewhere[name] && (slices.Max(p.Long) > 0 || slices.Max(p.Shift) > 0 || len(p.Access) > 0) {
				traces++
			}
		}
		for _, f := range found {
			if elsewhere[f.Person] && slices.Contains(gone, f.Detector) {
				t.Errorf("%s: %s speaks about %s", what, f.Detector, f.Person)
			}
		}
		if traces > 0 || others == 0 {
			t.Errorf("%s: %d traces, and %d of others", what, traces, others)
		}
	}
	off := Config{OptOuts: []OptOut{{Countries: []string{"DE"}, Detectors: gone, Reason: "a works agreement"}}}
	var found []finding.Finding
	e := newEngine(off, func(f *finding.Finding) error { found = append(found, *f); return nil })
	e.Days(func(a *finding.Activity) error {
		for _, c := range a.Counts {
			if elsewhere[a.User] && slices.Contains(gone, c.Detector) {
				t.Errorf("a day of %s has %s", a.User, c.Metric)
			}
		}
		return nil
	})
	feed(t, e, events)
	if err := e.Flush(); err != nil {
		t.Fatal(err)
	}
	people, _ := state2(t, e)
	check("from the beginning", people, found)

	e = newEngine(Config{}, func(*finding.Finding) error { return nil })
	feed(t, e, events)
	_, s := state2(t, e)
	e = newEngine(off, func(*finding.Finding) error { return nil })
	if err := e.Restore(s); err != nil {
		t.Fatal(err)
	}
	people, _ = state2(t, e)
	check("afterwards", people, nil)
	e.advance(e.Hour + 1)                             // from then on the others know
	for department, d := range e.People.Departments { // sums of colleagues are those of who is left
		var want int64
		j := cat.groups[cat.detected["bulk_download"]][0]
		for _, name := range e.people.names() {
			p := e.find(name)
			if !p.Service && p.peerGroup() == department {
				want += fix(p.Sum[j])
			}
		}
		if diff := d.Sum[j] - want; diff < -64 || diff > 64 { // of 2^20
			t.Errorf("%s: the sum is off by %d", department, diff)
		}
	}
	for _, bad := range []OptOut{
		{Reason: "x"}, {Countries: []string{"DE"}},
		{Countries: []string{"DE"}, Reason: "x", Detectors: []string{"nothing"}},
		{Countries: []string{"DE"}, Reason: "x", Detectors: []string{"compromise_takeout"}},
		{Countries: []string{"DE"}, Reason: "x", Detectors: []string{"source_silent"}},
	} {
		if (&Config{Detectors: testCatalog, OptOuts: []OptOut{bad}}).Check() == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
}

// TestExcludedRestored stores the state and reads it again: who has opted out of everything stays out although HR does not
// say it again, and comes back once the opt-out is gone.
func TestExcludedRestored(t *testing.T) {
	events, elsewhere := offs(t)
	c := Config{OptOuts: []OptOut{{Countries: []string{"de"}, Reason: "the law"}}}
	play := func(e *Engine, list []keyed) map[string]*person {
		t.Helper()
		for _, k := range list {
			if err := e.Handle(k.person, k.e); err != nil {
				t.Fatal(err)
			}
		}
		people, _ := state2(t, e)
		return people
	}
	ignore := func(*finding.Finding) error { return nil }
	e := newEngine(c, ignore)
	play(e, events[:len(events)/2])
	_, s := state2(t, e)
	var later []keyed
	n := 0
	for _, k := range events[len(events)/2:] {
		if k.e.Source != event.HR {
			later = append(later, k)
			if elsewhere[k.person] && k.e.Class != event.Derived {
				n++
			}
		}
	}
	if n == 0 {
		t.Fatal("nobody who has opted out does anything afterwards")
	}
	for _, with := range []bool{true, false} {
		if !with {
			c.OptOuts = nil
		}
		e := newEngine(c, ignore)
		if err := e.Restore(s); err != nil {
			t.Fatal(err)
		}
		kept := 0
		for name := range play(e, later) {
			if elsewhere[name] {
				kept++
			}
		}
		if with != (kept == 0) {
			t.Errorf("opted out %v: %d are kept", with, kept)
		}
	}
	erased, _, err := s.Forget(Config{Detectors: testCatalog, OptOuts: []OptOut{{Countries: []string{"de"}, Reason: "the law"}}}, slices.Sorted(maps.Keys(elsewhere))[0])
	if err != nil {
		t.Fatal(err)
	}
	var k kept
	if err := cbor.Unmarshal(organisation(t, erased), &k); err != nil || len(k.Staff) != len(elsewhere)-1 {
		t.Errorf("%v: %d of %d are still out after one was erased", err, len(k.Staff), len(elsewhere))
	}
}
