package engine

import (
	"fmt"
	"slices"
	"testing"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// TestPeers has people without departments, some of whom use GitHub: those are
// peers of each other, and what is usual among them is not usual for the others.
func TestPeers(t *testing.T) {
	s := &scenario{t: t}
	for i := range 30 {
		s.people = append(s.people, fmt.Sprintf("p%d", i+1))
	}
	s.line("routine 1-26")
	s.events = slices.DeleteFunc(s.events, func(k keyed) bool { return k.e.Source == event.GitHub })
	for i := range 8 {
		s.line(fmt.Sprintf("1-26 10:00 p%d clone x4 spread=3h source=github item=acme/r type=repository", i+1))
	}
	slices.SortStableFunc(s.events, func(a, b keyed) int { return int(a.e.Time - b.e.Time) })
	e := newEngine(Config{}, func(*finding.Finding) error { return nil })
	feed(t, e, s.events)
	builder, other := e.find(address("p3")), e.find(address("p20"))
	if builder.Group != "github" || other.Group == builder.Group {
		t.Fatalf("groups %q and %q", builder.Group, other.Group)
	}
	o, j := e.People, testCatalog.index["repositories"]
	us, them := o.peers(o.department(builder.peerGroup()), j), o.peers(o.department(other.peerGroup()), j)
	if us < 1 || them > us/3 {
		t.Errorf("%.2f repositories are usual among those who use GitHub, %.2f among the others", us, them)
	}
	if err := e.Handle(address("p3"), &event.Event{
		Source: event.HR, Class: event.Person,
		Attrs: []event.Attr{{Name: event.AttrDepartment, Value: "Platform"}},
	}); err != nil || builder.peerGroup() != "Platform" {
		t.Errorf("a department is %q, %v", builder.peerGroup(), err)
	}
	var active int64 // whoever moves takes along what is known
	for _, d := range o.Departments {
		active += d.Active
	}
	if active != o.Active {
		t.Errorf("the groups have %d active days, all people %d", active, o.Active)
	}
}

// TestPreNotice has somebody take more and more over the weeks before notice: from
// notice on, what counts as usual is what it was a month earlier.
func TestPreNotice(t *testing.T) {
	s := &scenario{t: t}
	s.line("people 16 Sales")
	s.line("routine 1-62")
	s.line("32-58 16:00 p1 download x15 spread=1h place=Team+0 item=c")
	s.line("notice p1 60 75")
	slices.SortStableFunc(s.events, func(a, b keyed) int { return int(a.e.Time - b.e.Time) })
	e := newEngine(Config{}, func(*finding.Finding) error { return nil })
	mean := map[int]float64{}
	j := testCatalog.index["downloads"]
	for _, k := range s.events {
		if err := e.Handle(k.person, k.e); err != nil {
			t.Fatal(err)
		}
		if p := e.find(address("p1")); k.e.Source != event.HR {
			mean[int((k.e.Time-at(1, 0))/event.Day)+1] = e.People.mean(p, e.People.department(p.peerGroup()), j)
		}
	}
	t.Logf("downloads a day: %.1f on day 29, %.1f on day 59, %.1f on day 61", mean[29], mean[59], mean[61])
	if mean[59] < 2*mean[29] {
		t.Fatal("nothing was learned before notice")
	}
	if mean[61] > 1.3*mean[29] {
		t.Errorf("%.1f downloads are usual after notice, %.1f were a month before", mean[61], mean[29])
	}
	var sum int64
	for _, name := range e.people.names() {
		sum += fix(e.find(name).Sum[j])
	}
	if d := e.People.Sum[j]; sum != d {
		t.Errorf("the people's sums are %d, the organisation's %d", sum, d)
	}
}
