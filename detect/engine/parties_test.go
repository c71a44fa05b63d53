package engine

import (
	"fmt"
	"testing"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// TestGrade says of every party what is known of it, and by whom.
func TestGrade(t *testing.T) {
	var events []keyed
	share := func(day int, who int, to string) {
		e := &event.Event{
			Source: event.Box, Class: event.ShareUser, Action: "share_user", Time: at(day, 10*60*60*1e9),
			ID: fmt.Sprintf("%d %d %s", day, who, to), Object: event.Object{ID: fmt.Sprint(len(events)), Type: "file", Name: "plan"},
			To: []event.Recipient{{Account: to, Scope: event.ScopeExternal}},
		}
		e.Key = hash(ofItem, e.ID)
		e.Actor = event.Actor{Account: fmt.Sprintf("p%d.miller@acme.example", who), Kind: event.Human}
		events = append(events, keyed{e.Actor.Account, e})
	}
	for _, who := range []int{2, 3} {
		share(1, who, "a@vendor.example")
		share(17, who, "b@lately.example")
	}
	share(2, 1, "c@mine.example")
	share(3, 4, "old@gmail.com")
	share(3, 5, "d@long.example")
	e := newEngine(Config{}, func(*finding.Finding) error { return nil })
	for _, k := range events {
		if err := e.Handle(k.person, k.e); err != nil {
			t.Fatal(err)
		}
	}
	day := at(20, 0) / event.Day
	p := e.person("p1.miller@acme.example", event.Human)
	for _, c := range []struct {
		to   string
		in   int64 // days later
		want detect.Standing
	}{
		{"x@vendor.example", 0, detect.Vendor},
		{"x@lately.example", 0, detect.Introduced},
		{"c@mine.example", 0, detect.Contact},
		{"new@rival.example", 0, detect.Stranger},
		{"new@gmail.com", 0, detect.Mailbox},
		{"old@gmail.com", 0, detect.Introduced},
		{"p1miller@gmail.com", 0, detect.Self},
		{"d@long.example", 0, detect.Introduced},
		{"x@lately.example", 4, detect.Vendor},
		{"d@long.example", 14, detect.Vendor},
	} {
		e.advance((day + c.in) * 24)
		for range 2 { // what has been noted meanwhile must not change what is known on the day
			if got := e.grade(p, e.People, c.to, day+c.in); got.Standing != c.want {
				t.Errorf("%s in %d days: %+v, want standing %d", c.to, c.in, got, c.want)
			}
		}
	}
}
