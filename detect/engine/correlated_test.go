package engine

import (
	"os"
	"path/filepath"
	"reflect"
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
	e.witness(w, address("p4"), &event.Event{ID: "x"})
	if w.Entries[0].Event != nil {
		t.Error("there is no end to what windows keep")
	}
}

// TestCorrelatedApart has several engines share people of whom some have opted out: of rules, or of everything. The
// findings are those of one engine, also for requests that are in the logs twice.
func TestCorrelatedApart(t *testing.T) {
	s := load(t, filepath.Join("testdata", "user_rule", "loud.txt"))
	s.config.OptOuts = []OptOut{
		{Countries: []string{"DE"}, Detectors: []string{"user_rule"}, Reason: "works agreement"},
		{Countries: []string{"FR"}, Reason: "the law"},
	}
	works := func(who, country string) keyed {
		return keyed{address(who), &event.Event{
			Source: event.HR, Class: event.Person, Time: s.events[0].e.Time, Actor: event.Actor{Kind: event.Human},
			Attrs: []event.Attr{{Name: event.AttrCountry, Value: country}},
		}}
	}
	before := play(t, s.config, s.events)
	events := append([]keyed{works("p4", "DE"), works("p8", "FR")}, s.events...)
	with := play(t, s.config, events)
	for who, told := range map[string]bool{"p2": true, "p5": false, "p8": false} {
		risk := func(o outcome) float64 { risk, _ := o.worst(address(who), at(31, 0)); return risk }
		if risk(before) == 0 || (risk(with) > 0) != told {
			t.Errorf("%s: %.1f before, %.1f with opt-outs", who, risk(before), risk(with))
		}
	}
	over := at(31, 0) + 12*event.Hour // a pattern begins before it and is complete after it
	for i, match := range []string{"", "opened", "closed"} {
		e := event.Event{
			ID: match, Source: event.Box, Action: "other", Time: over + int64(2*i-3)*event.Hour/60,
			Actor: event.Actor{Kind: event.Human}, Attrs: []event.Attr{{Name: event.AttrRuleMatch, Value: match + "\x1fitem=f9"}},
		}
		if match == "" {
			e.Time, e.Attrs = over, nil
		}
		events = append(events, keyed{address([]string{"p14", "p12", "p13"}[i]), &e})
	}
	s.events = events
	s.sort()
	with = play(t, s.config, s.events)
	if risk, _ := with.worst(address("p13"), over); risk == 0 {
		t.Error("the pattern is not found")
	}
	if other := relayed(t, s.config, s.events, nil, over); !reflect.DeepEqual(other, with) {
		t.Errorf("handed over among engines, the findings are others: %d episodes, %d", len(with), len(other))
	}
	var twice []keyed
	for _, k := range s.events {
		twice = append(twice, k)
		if k.person != address("p2") || k.e.Attr(event.AttrRuleMatch) == "" {
			continue
		}
		e := *k.e
		e.Source, e.Class, e.Key = event.CloudTrail, event.Download, hash(ofRequest, e.ID)
		again := e
		again.Time += 2000
		again.ID += " "
		twice[len(twice)-1].e = &e
		twice = append(twice, keyed{k.person, &again})
	}
	_, list := play(t, s.config, twice).worst(address("p2"), at(31, 0))
	if len(list) == 0 || list[len(list)-1].Events != 5 {
		t.Errorf("requests that are in the logs twice: %s", jsonOf(list))
	}
}
