package stream

import (
	"testing"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
)

// TestJoin joins the positions of two workers that had a task each.
func TestJoin(t *testing.T) {
	in := &inputs{eventlog.NewMemory(2, 0), eventlog.NewMemory(1, 0), eventlog.NewMemory(2, 0)}
	of := func(task int, identity int64, staff string) *Committed {
		c := &Committed{Position: Position{Low: []int64{3, 3, identity, 3, 3}, Next: []int64{9, 9, identity + 5, 9, 9}, Hours: identity}}
		e := event.Event{Source: event.HR, Class: event.Person, Actor: event.Actor{Account: staff}}
		c.Staff = event.AppendFramed(nil, e.Append(nil))
		c.restrict(in, []int{task})
		return c
	}
	a := of(0, 20, "a")
	if a.Low[1] != unread || a.Next[4] != unread || a.Low[2] != 20 || a.Low[3] != 3 {
		t.Fatalf("%+v", a.Position)
	}
	a.join(of(1, 10, "b"))
	staff := ""
	if err := event.Framed(a.Staff, func(rec []byte) error {
		account, _ := event.RecordActor(rec)
		staff += account
		return nil
	}); err != nil || staff != "ab" {
		t.Errorf("records of HR: %q, %v", staff, err)
	}
	for p, low := range []int64{3, 3, 10, 3, 3} {
		if a.Low[p] != low || a.Next[p] != map[bool]int64{true: 15, false: 9}[p == 2] {
			t.Errorf("partition %d: from %d to %d", p, a.Low[p], a.Next[p])
		}
	}
	if a.Hours != 10 {
		t.Errorf("deltas from %d on", a.Hours)
	}
}

// TestInputs reads what a worker with a task reads.
func TestInputs(t *testing.T) {
	in := &inputs{eventlog.NewMemory(3, 0), eventlog.NewMemory(4, 0), eventlog.NewMemory(3, 0)}
	rec := (&event.Event{Source: event.Box, Class: event.View, Time: event.Day, Actor: event.Actor{Account: "a@acme.example"}}).Append(nil)
	value := append([]byte(copyFresh), rec...)
	if err := in.people.Append(t.Context(), eventlog.Record{Partition: 1, Value: value}); err != nil {
		t.Fatal(err)
	}
	p := in.forwarded(1)
	recs, err := in.Read(t.Context(), p, 0, 9)
	if err != nil || len(recs) != 1 || recs[0].Partition != p || string(recs[0].Value) != string(rec) || recs[0].Key != copyFresh {
		t.Fatalf("%v, %v", recs, err)
	}
	if in.isOld(&recs[0]) || !in.isCopy(p) || !in.isForwarded(p) || in.isForwarded(6) || in.isCopy(2) || in.Partitions() != 10 {
		t.Error("it is not the copy of a new event")
	}
	if got := in.partitions([]int{1}); len(got) != 6 || got[0] != 1 || got[5] != p {
		t.Errorf("partitions %v", got)
	}
	if home := in.home(rec); home != eventlog.PartitionOf("a@acme.example", 3) {
		t.Errorf("home is %d", home)
	}
}
