package engine

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// TestAttempts checks that failed sign-ins that come with a later event of somebody, who may be new
// or have been known for long, say what they say one by one.
func TestAttempts(t *testing.T) {
	history := &scenario{t: t}
	history.line("people 16 Sales")
	history.line("routine 1-40")
	in := &event.Event{
		Source: event.Okta, Class: event.LoginSuccess, Action: "in", Time: at(36, 15*time.Hour),
		Client: event.Client{IP: "203.0.113.9", Country: "BR"},
	}
	for _, c := range []struct {
		who string
		n   int
	}{{"new", 0}, {"new", 5}, {"new", 6}, {"new", 40}, {"new", 300}, {"p1", 40}, {"p1", 300}} {
		t.Run(fmt.Sprint(c.who, c.n), func(t *testing.T) {
			n := c.n
			one, all := *history, *history
			one.t, all.t, one.events, all.events = t, t, slices.Clone(history.events), slices.Clone(history.events)
			var attempts []event.Attempt
			for i := range n {
				f := *in
				f.Class, f.Outcome, f.Time = event.LoginFailure, event.Failure, at(36, 14*time.Hour)+int64(i)*1000
				one.add(c.who, &f)
				if len(attempts) >= maxFails {
					attempts = slices.Delete(attempts, 0, maxFails/2)
				}
				attempts = append(attempts, event.Attempt{At: f.Time, IP: xxhash.Sum64String(f.Client.IP)})
			}
			a, b := *in, *in
			a.ID, b.ID = "in", "in"
			one.add(c.who, &a)
			b.Attrs = []event.Attr{{Name: event.AttrAttempts, Value: event.JoinAttempts(attempts)}}
			all.add(c.who, &b)
			of := func(s *scenario) (list []*finding.Finding) {
				o := outcome{}
				e := newEngine(Config{}, o.take)
				slices.SortStableFunc(s.events, func(a, b keyed) int { return int(a.e.Time - b.e.Time) })
				feed(t, e, s.events)
				_, list = o.worst(address(c.who), 0)
				return list
			}
			x, y := of(&one), of(&all)
			if n >= 6 != (len(x) > 0) {
				t.Fatalf("%d attempts: %s", n, jsonOf(x))
			}
			if len(x) != len(y) {
				t.Fatalf("%d findings, %d: %s %s", len(x), len(y), jsonOf(x), jsonOf(y))
			}
			for i := range x {
				x[i].Receipt, y[i].Receipt = nil, nil // by how many people are known
				x[i].Risk, y[i].Risk, x[i].Rate, y[i].Rate, x[i].Points, y[i].Points = 0, 0, 0, 0, 0, 0
				if !reflect.DeepEqual(x[i], y[i]) {
					t.Errorf("one by one:\n%s\ntogether:\n%s", jsonOf(x[i]), jsonOf(y[i]))
				}
			}
		})
	}
}

// TestGuestsLapse checks that guests are forgotten after their time, with what is known of
// people because of them, and that nobody else is.
func TestGuestsLapse(t *testing.T) {
	for _, unpacked := range []int{0, 1} {
		e := newEngine(Config{Unpacked: unpacked}, func(*finding.Finding) error { return nil })
		act := func(who string, day int, guest bool) {
			err := e.Handle(who, &event.Event{
				Source: event.Box, Class: event.Download, Action: "get", Time: at(day, 12*time.Hour),
				Object: event.Object{ID: who}, Actor: event.Actor{Account: who, Kind: event.Human, Guest: guest},
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		for day := 1; day <= 100; day++ {
			act("member", day, false)
			switch day {
			case 1:
				act("away", day, false)
				act("once", day, true)
				act("again", day, true)
			case 40:
				act("again", day, true)
			case 50:
				act("member.now", day, true)
			case 51:
				act("member.now", day, false)
			}
		}
		if got := e.people.names(); !reflect.DeepEqual(got, []string{"again", "away", "member", "member.now"}) || e.Heads != 4 {
			t.Errorf("on day 100: %v, %d heads", got, e.Heads)
		}
		for day := 101; day <= 120; day++ {
			act("member", day, false)
		}
		if got := e.people.names(); !reflect.DeepEqual(got, []string{"away", "member", "member.now"}) || e.Heads != 3 {
			t.Errorf("on day 120: %v, %d heads", got, e.Heads)
		}
		sum := int64(0)
		for _, name := range e.people.names() {
			sum += fix(e.find(name).Active)
		}
		if e.People.Active != sum {
			t.Errorf("active days of all %d, of each together %d", e.People.Active, sum)
		}
	}
}
