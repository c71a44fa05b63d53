package identity_test

import (
	"math/rand/v2"
	"testing"

	"github.com/outflow/outflow/ingest/identity"
	"github.com/outflow/outflow/internal/event"
)

// TestTeaching shows events to a Teaching.
func TestTeaching(t *testing.T) {
	const jane = "jane@acme.example"
	var x identity.Teaching
	at := 100*event.Day + 8*event.Hour
	teaches := func(want bool, change func(e *event.Event)) {
		t.Helper()
		at++
		e := &event.Event{Source: event.Box, Class: event.View, Time: at, Key: 1, Actor: event.Actor{Account: jane, Kind: event.Human}}
		change(e)
		if got := x.Teaches(e.Append(nil)); got != want {
			t.Errorf("%+v: %v", e, got)
		}
	}
	as := func(alias string) func(e *event.Event) { return func(e *event.Event) { e.Actor.Alias = alias } }
	teaches(true, as(""))
	teaches(false, as(""))
	teaches(true, as("box:1"))
	teaches(false, as("box:1"))
	teaches(false, as(""))
	teaches(false, func(e *event.Event) { e.Time += event.Hour })
	teaches(true, func(e *event.Event) { e.Time -= event.Hour }) // later events have come before it
	teaches(true, func(e *event.Event) { e.Time += event.Day })
	teaches(true, func(e *event.Event) { e.Outcome = event.Failure })
	teaches(true, func(e *event.Event) { e.Class = event.ShareLink })
	teaches(true, func(e *event.Event) { e.Actor.Account = "" })
	teaches(true, func(e *event.Event) { e.Source = event.HR })
	teaches(true, func(e *event.Event) { e.Attrs = []event.Attr{{Name: event.AttrRuleMatch, Value: "r"}} })
	domain := func(to string) func(e *event.Event) {
		return func(e *event.Event) { e.Source, e.To = event.M365, []event.Recipient{{Account: to}} }
	}
	teaches(true, domain("bob@acme.onmicrosoft.com"))
	teaches(true, domain("bob@acme.onmicrosoft.com"))
	teaches(false, domain("bob@acme.example"))
	role := func(behalf string) func(e *event.Event) {
		return func(e *event.Event) {
			e.Source, e.Actor.Account, e.Actor.OnBehalfOf = event.CloudTrail, "aws:1:role/x", behalf
		}
	}
	teaches(true, role("aws:1:session/a"))
	teaches(true, role("aws:1:session/b"))
	teaches(false, role("aws:1:session/a"))
}

// TestTeachingOrder shows the events of some days in any order to one Teaching, and in their order to another: what the
// second is certain of, the first has told.
func TestTeachingOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 9))
	for range 50 {
		var list [][]byte
		for i := range 300 {
			e := event.Event{Source: event.Box, Class: event.View, Time: (100*8+rng.Int64N(3*8))*3*event.Hour + int64(i), Key: uint64(i)}
			e.Actor = event.Actor{Account: []string{"a@x.example", "b@x.example"}[rng.IntN(2)], Alias: []string{"", "box:1"}[rng.IntN(2)], Kind: event.Human}
			list = append(list, e.Append(nil))
		}
		var first, second identity.Teaching
		told := map[uint64]bool{}
		for _, i := range rng.Perm(len(list)) {
			told[event.RecordKey(list[i])] = first.Teaches(list[i])
			if i == 7 {
				first.Forget()
			}
		}
		since := int64(100)
		certain := 0
		for at := 100 * event.Day; at < 103*event.Day; at += 3 * event.Hour { // in their order
			for _, rec := range list {
				if h := event.RecordTime(rec); h < at || h >= at+3*event.Hour || !second.Certain(rec, since) {
					continue
				}
				if certain++; !told[event.RecordKey(rec)] || event.RecordTime(rec)/event.Day <= since {
					t.Fatalf("event %d was not told, or is of the first day", event.RecordKey(rec))
				}
			}
		}
		if certain != 8 { // of each account and alias on two days
			t.Fatalf("certain of %d events", certain)
		}
	}
}

// TestOpens has one event of each hour open it.
func TestOpens(t *testing.T) {
	var x identity.Teaching
	e := event.Event{Source: event.Box, Class: event.View, Time: 100 * event.Day, Actor: event.Actor{Account: "a"}}
	for n, want := range []bool{true, false, true, false} {
		e.Time = 100*event.Day + int64(n/2)*event.Hour
		if got := x.Opens(e.Append(nil)); got != want {
			t.Errorf("event %d: %v", n, got)
		}
	}
	e.Source = event.HR
	e.Time += event.Hour
	if x.Opens(e.Append(nil)) {
		t.Error("an event of HR opens an hour")
	}
}
