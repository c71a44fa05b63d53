package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

const manyShares = `title: Share opened
name: share_opened
id: opened
level: low
logsource: {product: box}
detection:
    selection: {event_type: SHARE}
    condition: selection
---
title: Very many shares opened by one account
id: very_many
level: high
correlation:
    type: event_count
    rules: [share_opened]
    group-by: [owner]
    timespan: 2h
    condition: {gte: 100}
`

// ruleFindings plays the acts after a month of routine, and returns the last finding of user_rule of each person.
// Somewhere among the acts the state is stored and read again.
func ruleFindings(t *testing.T, rules, acts string) (map[string]*finding.Finding, *Engine) {
	t.Helper()
	s := &scenario{t: t}
	for _, l := range strings.Split("rules "+rules+"\npeople 14 Sales\nroutine 1-30\n"+acts, "\n") {
		s.line(l)
	}
	s.sort()
	found := map[string]*finding.Finding{}
	take := func(f *finding.Finding) error {
		if f.Detector == "user_rule" {
			found[f.Person] = f
		}
		return nil
	}
	var snap *Snapshot
	e := newEngine(s.config, take)
	e.Checkpoint(at(31, 0)+11*event.Hour, func(s *Snapshot) error { snap = s; return nil })
	for i := range s.events {
		if err := e.Handle(s.events[i].person, s.events[i].e); err != nil {
			t.Fatal(err)
		}
		if snap == nil {
			continue
		}
		if e = newEngine(s.config, take); e.Restore(snap) != nil { // it is that before the event
			t.Fatal("the state cannot be read")
		}
		if err := e.Handle(s.events[i].person, s.events[i].e); err != nil {
			t.Fatal(err)
		}
		snap = nil
	}
	if err := e.Flush(); err != nil {
		t.Fatal(err)
	}
	return found, e
}

// TestCorrelated has all events of a correlation in its evidence: counted, cited and shown, also those before midnight,
// those of others, and those that are in state.
func TestCorrelated(t *testing.T) {
	found, e := ruleFindings(t, "testdata/user_rule/rules", `31 10:57 p2 other x5 spread=8m source=box attr.rule_match=opened|created_by.login=p2
31 10:00 p4 other source=box attr.rule_match=opened|item=f1
31 10:03 p5 other source=box attr.rule_match=closed|item=f1
31 23:58 p3 other x2 spread=1m source=box attr.rule_match=opened|created_by.login=p3
32 00:01 p3 other x3 spread=1m source=box attr.rule_match=opened|created_by.login=p3`)
	for who, want := range map[string]int{"p2": 5, "p3": 5, "p5": 2} {
		f := found[address(who)]
		if f == nil {
			t.Errorf("%s: no finding", who)
			continue
		}
		if f.Events != want || len(f.Items) != want || len(f.EventIDs) != want {
			t.Errorf("%s: %d events, %d items, ids %v: want %d", who, f.Events, len(f.Items), f.EventIDs, want)
			continue
		}
		first := event.RecordTime(f.Items[0].Record)
		for _, x := range f.Items {
			first = min(first, event.RecordTime(x.Record))
		}
		if f.Start != first || f.End < f.Start {
			t.Errorf("%s: begins at %d, its first item at %d", who, f.Start, first)
		}
	}
	if e.witnesses < 0 || e.witnesses > 4*maxRecord {
		t.Errorf("windows keep %d bytes", e.witnesses)
	}
}

// TestCorrelatedBounds counts the events of a window that it cannot keep, and drops those of a person who is forgotten.
func TestCorrelatedBounds(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "rules.yml"), []byte(manyShares), 0o600); err != nil {
		t.Fatal(err)
	}
	found, e := ruleFindings(t, dir, `31 10:30 p2 other x100 spread=1h source=box attr.rule_match=opened|owner=p2
31 14:00 p3 other x80 spread=1h source=box attr.rule_match=opened|owner=p3
31 14:00 p4 other x70 spread=1h source=box attr.rule_match=opened|owner=p4`)
	f := found[address("p2")]
	if f == nil {
		t.Fatal("no finding")
	}
	if f.Events != 100 || len(f.Items) != maxWitnesses {
		t.Errorf("%d events, %d items", f.Events, len(f.Items))
	}
	sum := 0
	for _, w := range e.Windows {
		kept := 0
		for _, x := range w.Entries {
			if x.Event != nil {
				kept++
				sum += len(x.Event.Record)
			}
		}
		if kept > maxWitnesses || kept != min(len(w.Entries), maxWitnesses) {
			t.Errorf("a window of %d events keeps %d", len(w.Entries), kept)
		}
	}
	if sum == 0 || sum != e.witnesses {
		t.Errorf("windows keep %d bytes, and count %d", sum, e.witnesses)
	}
	e.exclude(address("p3"))
	for _, w := range e.Windows {
		for _, x := range w.Entries {
			if x.Who == hash(ofUser, address("p3")) {
				t.Fatal("an event of a person who is forgotten is kept")
			}
		}
	}
	if e.witnesses <= 0 || e.witnesses >= sum {
		t.Errorf("%d bytes are kept of %d", e.witnesses, sum)
	}
	w := &window{Entries: []entry{{}}}
	e.witnesses = maxWitnessBytes
	e.witness(w, e.find(address("p4")), &event.Event{ID: "x"})
	if w.Entries[0].Event != nil {
		t.Error("there is no end to what windows keep")
	}
}
