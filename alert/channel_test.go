package alert_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/webapi"
)

// attempts is a channel that fails with each of its errors in turn, and keeps whether each attempt was marked as a repeat.
type attempts struct {
	errs   []error
	marked []bool
	others []int
}

// Notify implements alert.Notifier.
func (a *attempts) Notify(_ context.Context, m *alert.Message) (string, error) {
	n := len(a.marked)
	a.marked, a.others = append(a.marked, m.Repeat), append(a.others, len(m.Others))
	if n < len(a.errs) && a.errs[n] != nil {
		return "", a.errs[n]
	}
	return "ref", nil
}

// Errors of receivers.
var (
	lost       = &webapi.Error{Op: "POST /x", Err: errors.New("EOF"), Unclear: true}
	refused    = &webapi.Error{Op: "POST /x", Kind: webapi.Throttled, Status: 429}
	errUnknown = errors.New("the library says nothing more")
)

// TestUnclear marks a repetition from the first attempt on that may have arrived, whatever comes after it; an answer, and
// what failed before anything was sent, mark nothing.
func TestUnclear(t *testing.T) {
	for name, c := range map[string]struct {
		errs []error
		want []bool
	}{
		"taken":                       {nil, []bool{false}},
		"an answer was lost":          {[]error{lost}, []bool{false, true}},
		"throttled":                   {[]error{refused, refused}, []bool{false, false, false}},
		"lost, then throttled":        {[]error{refused, lost, refused, refused}, []bool{false, false, true, true, true}},
		"nothing is known":            {[]error{errUnknown}, []bool{false, true}},
		"a look-up fails":             {[]error{alert.Repeatable(lost), alert.Repeatable(errUnknown)}, []bool{false, false, false}},
		"a look-up fails after a cut": {[]error{lost, alert.Repeatable(lost)}, []bool{false, true, true}},
	} {
		s, _ := decided(t, 1, "a")
		out := &attempts{errs: c.errs}
		drain(t, s, &alert.Channel{Name: "a", Notifier: out})
		if !slices.Equal(out.marked, c.want) {
			t.Errorf("%s: marked %v, want %v", name, out.marked, c.want)
		}
	}
}

// outcome is what becomes of an attempt.
type outcome struct {
	name    string
	err     error  // what the receiver or the network says
	kill    string // where the process is killed
	unclear bool   // the next attempt cannot know whether the message arrived
}

// attempt makes one attempt to send what waits. It returns whether each message was marked as a repeat: one or, if the
// process was killed before, none.
func (o *outcome) attempt(t *testing.T, s *alert.Store, now time.Time) []bool {
	type killed struct{}
	out := &attempts{errs: []error{o.err}}
	c := &alert.Channel{Name: "a", Notifier: out, Between: func(name string) {
		if name == o.kill {
			panic(killed{})
		}
	}}
	func() {
		defer func() {
			if r := recover(); r != nil && r != any(killed{}) {
				panic(r)
			}
		}()
		c.Deliver(t.Context(), s, now)
	}()
	return out.marked
}

// TestUnclearAlways goes through all sequences of three attempts: each is marked if one before it may have arrived, whatever
// came in between, and no other is. Then the message is given up, tried again by a person, and sent.
func TestUnclearAlways(t *testing.T) {
	s, _ := decided(t, 0, "a")
	outcomes := []outcome{
		{name: "said no", err: refused},
		{name: "a look-up failed", err: alert.Repeatable(lost)},
		{name: "the answer was lost", err: lost, unclear: true},
		{name: "killed before sending", kill: "begun", unclear: true},
		{name: "killed after sending", kill: "sent", unclear: true},
	}
	n := 0
	var play func(before []outcome)
	play = func(before []outcome) {
		if len(before) < 3 {
			for _, o := range outcomes {
				play(append(before[:len(before):len(before)], o))
			}
			return
		}
		n++
		a := alert.Sample(start)
		a.ID = fmt.Sprintf("%032x", n)
		decide(t, s, []alert.Alert{a}, "a")
		var names []string
		now, unclear := start, false
		for _, o := range append(before, outcome{name: "given up", err: refused}, outcome{name: "sent"}) {
			now = now.Add(time.Hour)
			if o.name == "given up" {
				now = now.Add(100 * time.Hour)
			}
			names = append(names, o.name)
			want := []bool{unclear}
			if o.kill == "begun" {
				want = nil
			}
			if marked := o.attempt(t, s, now); !slices.Equal(marked, want) {
				t.Fatalf("%q: the last is marked %v, want %v", names, marked, want)
			}
			unclear = unclear || o.unclear
			if o.name == "given up" {
				if n, err := s.Retry(t.Context(), 0, now); n != 1 || err != nil {
					t.Fatal(names, n, err)
				}
			}
		}
	}
	play(nil)
	if _, _, left, err := s.Counts(t.Context()); n != 125 || left != 0 || err != nil {
		t.Errorf("%d sequences, %d left, %v", n, left, err)
	}
}

// TestUnclearDeadLetter keeps of a dead letter that it may have arrived: for when it is retried, and for a later revision.
func TestUnclearDeadLetter(t *testing.T) {
	s, list := decided(t, 1, "a")
	down := make([]error, 10_000)
	for i := range down {
		down[i] = lost
	}
	drain(t, s, &alert.Channel{Name: "a", Notifier: &attempts{errs: down}})
	list[0].Revision, list[0].Severity = 2, alert.Critical
	decide(t, s, list, "a")
	out := &attempts{}
	drain(t, s, &alert.Channel{Name: "a", Notifier: out})
	if !slices.Equal(out.marked, []bool{true}) {
		t.Errorf("the revision: marked %v", out.marked)
	}
	if n, err := s.Retry(t.Context(), 0, start); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	out = &attempts{}
	drain(t, s, &alert.Channel{Name: "a", Notifier: out})
	if !slices.Equal(out.marked, []bool{true}) {
		t.Errorf("the dead letter: marked %v", out.marked)
	}
}

// TestUnclearSummary marks a summary that may have arrived, also if another alert leads it by then.
func TestUnclearSummary(t *testing.T) {
	s, _ := decided(t, 70, "a")
	out := &attempts{errs: []error{refused, lost}}
	c := &alert.Channel{Name: "a", Kind: alert.Kind{People: true}, Notifier: out}
	now := start
	for range 2 {
		_, again, err := c.Deliver(t.Context(), s, now)
		if err == nil {
			t.Fatal("no error")
		}
		now = again
	}
	worse := alert.Sample(start)
	worse.ID, worse.Severity = strings.Repeat("f", 32), alert.Critical
	decide(t, s, []alert.Alert{worse}, "a")
	if _, _, err := c.Deliver(t.Context(), s, now); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(out.marked, []bool{false, false, true}) || !slices.Equal(out.others, []int{69, 69, 70}) {
		t.Errorf("marked %v, with %v others", out.marked, out.others)
	}
	if _, _, left, err := s.Counts(t.Context()); err != nil || left != 0 {
		t.Errorf("%d left, %v", left, err)
	}
}

// TestPartlySummary sends what is left of a summary to those who have yet to be told, as a summary.
func TestPartlySummary(t *testing.T) {
	s, _ := decided(t, 70, "a")
	out := &sink{fails: func(n int) error {
		if n == 1 {
			return &alert.Partly{Ref: "r", Later: []string{"kim"}, Refused: []string{"lee"}, Err: errors.New("2 of 3 were not taken")}
		}
		return nil
	}}
	c := &alert.Channel{Name: "a", Kind: alert.Kind{People: true}, Notifier: out}
	drain(t, s, c)
	if len(out.got) != 1 || !slices.Equal(out.got[0].Only, []string{"kim"}) || len(out.got[0].Others) != 69 || out.got[0].Repeat {
		t.Fatalf("%d messages", len(out.got))
	}
	unsent, err := s.Unsent(t.Context())
	if err != nil || len(unsent) != 70 || unsent[0].Seq == 0 || unsent[0].Reason != "2 of 3 were not taken" {
		t.Errorf("%d unsent, %v", len(unsent), err)
	}
}

// TestPermanent tells a refusal of the message from an address that is wrong for now, and from a look-up.
func TestPermanent(t *testing.T) {
	for status, want := range map[int]bool{
		301: false, 302: false, 307: false, 400: true, 404: false, 405: false, 410: false, 413: true, 421: false, 422: true, 500: false,
	} {
		e := &webapi.Error{Op: "POST /x", Kind: webapi.Refused, Status: status}
		if status >= 500 {
			e.Kind = webapi.Temporary
		}
		if alert.IsPermanent(e) != want || alert.IsPermanent(alert.Repeatable(e)) {
			t.Errorf("%d: %v", status, alert.IsPermanent(e))
		}
	}
}

// verdict is a decision that closes an alert.
func verdict(id string, at time.Time) alert.Decided {
	return alert.Decided{Alert: id, Triage: alert.Triage{Status: alert.TriageResolved, Verdict: alert.VerdictFalse, By: "kim", At: at}}
}

// TestDecisions tells the channels that were told of an alert what was decided about it, and every later revision has it.
func TestDecisions(t *testing.T) {
	s, list := decided(t, 1, "a")
	a, b := &sink{}, &sink{}
	channel := &alert.Channel{Name: "a", Notifier: a, MaxPerDay: 1}
	drain(t, s, channel)
	take := func(seq int64, d ...alert.Decided) {
		t.Helper()
		if err := s.ApplyDecisions(t.Context(), seq, d, routes("a", "b"), start); err != nil {
			t.Fatal(err)
		}
		drain(t, s, channel)
		drain(t, s, &alert.Channel{Name: "b", Notifier: b})
	}
	if _, known, err := s.DecisionsRead(t.Context()); known || err != nil {
		t.Fatal(known, err)
	}
	id := list[0].ID
	take(1, alert.Decided{Alert: id, Triage: alert.Triage{Status: alert.TriageInProgress, Assignee: "kim", By: "kim", At: start}})
	take(2, verdict(id, start))
	take(3, verdict(id, start), verdict(strings.Repeat("0", 32), start)) // the same again, and one that is gone
	list[0].Revision, list[0].Severity = 2, alert.Critical
	decide(t, s, list, "a")
	drain(t, s, channel)
	take(4, alert.Decided{Alert: id, Triage: alert.Triage{Status: alert.TriageNew, By: "kim", At: start}})
	if seq, known, err := s.DecisionsRead(t.Context()); seq != 4 || !known || err != nil {
		t.Fatal(seq, known, err)
	}
	var said []string
	for i := range a.got {
		m := &a.got[i]
		said = append(said, fmt.Sprintf("%s %v %s | %s", strings.TrimPrefix(m.Key(), id), m.Decision, strings.Join(m.Changes(), " "), m.Headline()))
	}
	const title = " Test message, no action needed: test.person@example.com"
	want := []string{
		".1 false  | LOW" + title,
		".1.1 true Acknowledged by kim: somebody works on it. | LOW" + title,
		".1.2 true Closed by kim: false positive. | Closed, false positive: LOW" + title,
		".2.2 false Severity raised from low to critical. | Closed, false positive: CRITICAL" + title,
		".2.3 true Reopened by kim. | CRITICAL" + title,
	}
	if !slices.Equal(said, want) || len(b.got) != 0 {
		t.Errorf("%q\nwant\n%q\nand %d through a channel that was not told of the alert", said, want, len(b.got))
	}
}

// TestDecisionBeforeSending tells of an alert that was closed before its message was sent in one message.
func TestDecisionBeforeSending(t *testing.T) {
	s, list := decided(t, 1, "a")
	if err := s.ApplyDecisions(t.Context(), 1, []alert.Decided{verdict(list[0].ID, start)}, routes("a"), start); err != nil {
		t.Fatal(err)
	}
	out := &sink{}
	drain(t, s, &alert.Channel{Name: "a", Notifier: out})
	if len(out.got) != 1 || out.got[0].Decision || out.got[0].Alert.Triage == nil {
		t.Errorf("%+v", out.got)
	}
}

// TestManyDecisions tells people of 500 decisions in one message, and programs of each.
func TestManyDecisions(t *testing.T) {
	s, list := decided(t, 500, "people", "program")
	people := &alert.Channel{Name: "people", Notifier: &sink{}} // as a program, so that each alert is told
	drain(t, s, people)
	program := &sink{}
	drain(t, s, &alert.Channel{Name: "program", Notifier: program})
	var d []alert.Decided
	for i := range list {
		d = append(d, verdict(list[i].ID, start))
	}
	d[0].Triage = alert.Triage{Status: alert.TriageInProgress, Assignee: "kim", At: start}
	if err := s.ApplyDecisions(t.Context(), 500, d, routes("people", "program"), start); err != nil {
		t.Fatal(err)
	}
	out := &sink{}
	people.Notifier, people.Kind.People = out, true
	drain(t, s, people)
	drain(t, s, &alert.Channel{Name: "program", Notifier: program})
	if len(program.got) != 1000 || len(out.got) != 1 {
		t.Fatalf("%d messages to programs, %d to people", len(program.got), len(out.got))
	}
	m := &out.got[0]
	if !m.Several() || m.Ref != "" || m.Headline() != "500 alerts triaged: 499 closed, false positive; 1 in progress" ||
		m.Text() != m.Headline()+"\nThey are in the list of alerts.\n" {
		t.Errorf("%+v", m.Text())
	}
}

// routes are those of channels that want every alert.
func routes(channels ...string) (list []alert.Route) {
	for _, c := range channels {
		list = append(list, alert.Route{Channel: c})
	}
	return list
}
