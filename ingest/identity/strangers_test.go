package identity

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/outflow/outflow/internal/event"
)

const noon = int64(20_600*event.Day + event.Day/2)

// signIn is a sign-in of a name, as stored.
func signIn(name string, at int64, ok bool, change ...func(*event.Event)) []byte {
	e := &event.Event{
		Source:  event.Okta,
		Tenant:  "acme",
		Class:   event.LoginFailure,
		Outcome: event.Failure,
		Action:  "x",
		Time:    at,
		Actor:   event.Actor{Account: name, Kind: event.Human},
		Client:  event.Client{IP: "203.0.113.9"},
	}
	if ok {
		e.Class, e.Outcome = event.LoginSuccess, event.Success
	}
	for _, c := range change {
		c(e)
	}
	return e.Append(nil)
}

// resolved resolves a record and returns the person and the event.
func resolved(t *testing.T, r *Resolver, rec []byte) (string, *event.Event) {
	t.Helper()
	person, rec := r.Resolve(rec)
	e := new(event.Event)
	if err := new(event.Decoder).Decode(rec, e); err != nil {
		t.Fatal(err)
	}
	return person, e.Clone()
}

// TestStranger checks that a name which only fails is no person, and that its failures are
// attached to its first success, and only to that.
func TestStranger(t *testing.T) {
	for _, c := range []struct {
		name      string
		fails     int
		from      int64 // of the failures, before the success
		hr, again bool
		want      int
	}{
		{name: "none"},
		{name: "one", fails: 1, from: 60_000, want: 1},
		{name: "many", fails: 40, from: 60_000, want: 40},
		{name: "more than are kept", fails: 300, from: 600_000, want: 172},
		{name: "a day ago", fails: 9, from: event.Day, want: 9},
		{name: "two days ago", fails: 9, from: 2 * event.Day},
		{name: "known to HR", fails: 9, from: 60_000, hr: true},
		{name: "known to HR meanwhile", fails: 9, from: 60_000, again: true, want: 9},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := New()
			staff := (&event.Event{
				Source: event.HR,
				Class:  event.Person,
				Action: "x",
				Actor:  event.Actor{Account: "new@acme.example", Kind: event.Human},
			}).Append(nil)
			if c.hr {
				r.Resolve(staff)
			}
			for i := range c.fails {
				who, _ := resolved(t, r, signIn("new@acme.example", noon-c.from+int64(i), false))
				if (who != "") != c.hr {
					t.Fatalf("a failure is %q's", who)
				}
			}
			if c.again {
				r.Resolve(staff)
			}
			graph, err := r.Snapshot()
			if err != nil {
				t.Fatal(err)
			}
			r = New()
			if err := r.Restore(graph); err != nil {
				t.Fatal(err)
			}
			with := func(e *event.Event) { e.To = []event.Recipient{{Account: "x@rival.example"}} } // which are resolved, too
			who, e := resolved(t, r, signIn("new@acme.example", noon, true, with))
			got := event.SplitAttempts(e.Attr(event.AttrAttempts))
			if who != "new@acme.example" || len(got) != c.want || e.ID != "" || e.Client.IP != "203.0.113.9" {
				t.Errorf("%q with %d attempts, want %d: %+v", who, len(got), c.want, e)
			}
			for i := range got {
				if want := noon - c.from + int64(c.fails-c.want+i); got[i].At != want {
					t.Errorf("attempt %d at %d, want %d", i, got[i].At, want)
				}
			}
			if who, e := resolved(t, r, signIn("new@acme.example", noon+1,
				false)); who != "new@acme.example" || e.Attr(event.AttrAttempts) != "" || len(r.strangers) > 0 || r.failures != 0 {
				t.Errorf("then: %q %+v, %d strangers, %d failures", who, e.Attrs, len(r.strangers), r.failures)
			}
		})
	}
}

// TestDenied checks that no denied action makes a name a person, except a denied MFA prompt, and
// that the alias of a stranger is not learned.
func TestDenied(t *testing.T) {
	r := New()
	for _, c := range []struct {
		class   event.Class
		outcome event.Outcome
		want    string
	}{
		{event.Download, event.Denied, ""},
		{event.AccountLocked, event.Failure, ""},
		{event.LoginFailure, event.UnknownOutcome, ""},
		{event.CloudRead, event.Failure, ""},
		{event.MFADenied, event.Failure, "mfa@x.example"},
		{event.View, event.UnknownOutcome, "view@x.example"},
	} {
		name := "no@x.example"
		if c.want != "" {
			name = c.want
		}
		who, _ := resolved(t, r, signIn(name, noon, false,
			func(e *event.Event) { e.Class, e.Outcome, e.Actor.Alias = c.class, c.outcome, "okta:"+name }))
		if who != c.want {
			t.Errorf("%s, %d: %q, want %q", c.class, c.outcome, who, c.want)
		}
	}
	if len(r.links) != 2 || len(r.accounts) != 2 {
		t.Errorf("%v %v", r.links, r.accounts)
	}
}

// TestManyStrangers fails far more names than are kept. Those that fail least often are dropped
// and counted, and a resolver that was stored and restored in the middle gives the same.
func TestManyStrangers(t *testing.T) {
	const names = 3 * maxStrangers
	guessed := "guessed@acme.example"
	spray := func(r *Resolver, from, to int) (left DroppedCounts, notes []*event.Event) {
		for i := from; i < to; i++ {
			at := noon + int64(i)
			r.Resolve(signIn(fmt.Sprintf("x%d@acme.example", i), at, false))
			notes = append(notes, r.Notes()...)
			if i%5000 == 0 {
				r.Resolve(signIn(guessed, at, false))
				notes = append(notes, r.Notes()...)
			}
			if len(r.strangers) > maxStrangers || r.failures > maxFailures {
				t.Fatalf("%d strangers with %d failures", len(r.strangers), r.failures)
			}
		}
		return r.Dropped(), notes
	}
	r := New()
	_, first := spray(r, 0, names/2)
	graph, err := r.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	left, rest := spray(r, names/2, names)
	other := New()
	if err := other.Restore(graph); err != nil {
		t.Fatal(err)
	}
	if otherLeft, otherRest := spray(other, names/2, names); otherLeft != left || !reflect.DeepEqual(rest, otherRest) ||
		!reflect.DeepEqual(r.strangers, other.strangers) {
		t.Error("one that was stored in the middle goes on otherwise")
	}
	if got := int(left.Names) + len(r.strangers); got != names+1 {
		t.Errorf("%d names forgotten, %d held, of %d", left.Names, len(r.strangers), names+1)
	}
	notes := slices.Concat(first, rest)
	if len(notes) == 0 {
		t.Fatal("nothing was said")
	}
	for _, e := range notes {
		if e.Class != event.NamesLeftOut || e.Action != event.LeftNames || e.Source != event.Okta || e.Tenant != "acme" || e.Time < noon {
			t.Fatalf("%+v", e)
		}
	}
	if got := notes[len(notes)-1].Attr(event.AttrNew); got != fmt.Sprint(left.Names) {
		t.Errorf("last said %s, left out %d", got, left.Names)
	}
	_, e := resolved(t, r, signIn(guessed, noon+names, true))
	if len(event.SplitAttempts(e.Attr(event.AttrAttempts))) != (names+4999)/5000 {
		t.Errorf("a name that was guessed at all along has %d bytes of attempts", len(e.Attr(event.AttrAttempts)))
	}
	r.Resolve(signIn("y", noon+2*event.Day, true)) // they are forgotten, and there is nothing to say
	if len(r.strangers) != 0 || len(r.origins) != 0 || r.Dropped() != left || len(r.Notes()) > 0 {
		t.Errorf("two days later: %d strangers, %+v", len(r.strangers), r.origins)
	}
}

// TestGuests checks that outsiders who act are people, as many as are new on a day, and are
// forgotten after a while.
func TestGuests(t *testing.T) {
	r := New()
	r.Configure(Config{Domains: []string{"acme.example"}})
	view := func(e *event.Event) { e.Class = event.View }
	act := func(name string, at int64) (string, bool) {
		who, e := resolved(t, r, signIn(name, at, true, view))
		return who, e.Actor.Guest
	}
	for i := range guestsADay + 1000 {
		want := i < guestsADay
		name := fmt.Sprintf("g%d@rival.example", i)
		if who, guest := act(name, noon+int64(i)); (who == name) != want || guest != want {
			t.Fatalf("guest %d: %q, %t", i, who, guest)
		}
		if who, guest := act(fmt.Sprintf("m%d@acme.example", i%900), noon+int64(i)); who == "" || guest {
			t.Fatalf("a member is %q, %t", who, guest)
		}
	}
	var said []string
	for _, e := range r.Notes() {
		said = append(said, e.Action+" "+e.Attr(event.AttrNew))
	}
	if want := "guests 512"; len(said) != 10 || said[9] != want || r.Dropped() != (DroppedCounts{Guests: 1000}) {
		t.Errorf("said %v, left out %+v", said, r.Dropped())
	}
	if who, guest := act("g1@rival.example", noon+event.Day/4); who == "" || !guest { // one that is known goes on
		t.Errorf("%q, %t", who, guest)
	}
	who, guest := act("g2999@rival.example", noon+event.Day) // the next day there is room
	notes := r.Notes()
	if who == "" || !guest || len(notes) != 1 || notes[0].Attr(event.AttrNew) != "1000" || notes[0].Time/event.Day != noon/event.Day {
		t.Errorf("%q, %t, said %+v", who, guest, notes)
	}
	for day := int64(2); day <= guestDays+1; day++ {
		act("g7@rival.example", noon+day*event.Day)
		if day == 30 {
			graph, err := r.Snapshot()
			if err != nil {
				t.Fatal(err)
			}
			r = New()
			if err := r.Restore(graph); err != nil {
				t.Fatal(err)
			}
			r.Configure(Config{Domains: []string{"acme.example"}})
		}
	}
	guests := 0
	for _, a := range r.accounts {
		if a.guest {
			guests++
		}
	}
	if guests != 2 || r.guests != 2 || len(r.accounts) != 902 {
		t.Errorf("%d guests, counted %d, %d accounts", guests, r.guests, len(r.accounts))
	}
	r.Resolve((&event.Event{
		Source: event.HR,
		Class:  event.Person,
		Action: "x",
		Actor:  event.Actor{Account: "g7@rival.example", Kind: event.Human},
	}).Append(nil))
	if who, guest := act("g7@rival.example", noon+(guestDays+2)*event.Day); who == "" || guest || r.guests != 0 {
		t.Errorf("whom HR names is %q, %t; %d guests", who, guest, r.guests)
	}
}

// TestRuleMatches checks that a failure which a rule matches makes a name a guest, within the
// limit, and that the name becomes a member once it succeeds.
func TestRuleMatches(t *testing.T) {
	r := New()
	r.Configure(Config{Domains: []string{"acme.example"}})
	ruled := func(e *event.Event) { e.Attrs = append(e.Attrs, event.Attr{Name: event.AttrRuleMatch, Value: "r1"}) }
	for i := range guestsADay + 10 {
		who, e := resolved(t, r, signIn(fmt.Sprintf("x%d@acme.example", i), noon, false, ruled))
		if want := i < guestsADay; (who != "") != want || e.Actor.Guest != want {
			t.Fatalf("name %d: %q, %t", i, who, e.Actor.Guest)
		}
	}
	if r.Dropped().Guests != 10 {
		t.Errorf("%+v", r.Dropped())
	}
	for _, ok := range []bool{false, true} {
		if who, e := resolved(t, r, signIn("x5@acme.example", noon+1, ok)); who == "" || e.Actor.Guest == ok {
			t.Errorf("success %t: %q, %t", ok, who, e.Actor.Guest)
		}
	}
}

// TestKeysExpire checks that the access key of an AWS session leads to its person for as
// long as it may last, also in state of the version before.
func TestKeysExpire(t *testing.T) {
	for _, old := range []bool{false, true} {
		r := New()
		if old {
			r.links["aws_key:ASIA1"] = "ann@acme.example"
			graph, err := r.Snapshot()
			if err != nil {
				t.Fatal(err)
			}
			r = New()
			if err := r.Restore(graph); err != nil {
				t.Fatal(err)
			}
		} else {
			r.Resolve(signIn("ann@acme.example", noon, true, func(e *event.Event) { e.Actor.Alias = "aws_key:ASIA1" }))
		}
		role := func(at int64) string {
			who, _ := resolved(t, r, signIn("aws:1:role/r", at, true,
				func(e *event.Event) { e.Class, e.Actor.Kind, e.Client.Session = event.Download, event.Unknown, "ASIA1" }))
			return who
		}
		if a, b := role(noon+1), role(noon+event.Day*3/2); a != "ann@acme.example" || b != a {
			t.Errorf("%q, %q", a, b)
		}
		if who := role(noon + 4*event.Day); who != "aws:1:role/r" || len(r.keys)+len(r.links) != 0 {
			t.Errorf("after four days: %q, %v %v", who, r.keys, r.links)
		}
	}
}
