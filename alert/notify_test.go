package alert_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/webapi"
)

// sink is a channel that returns what a test wants, and keeps its messages.
type sink struct {
	fails func(n int) error
	got   []alert.Message
	n     int
}

// Notify implements alert.Notifier.
func (s *sink) Notify(_ context.Context, m *alert.Message) (string, error) {
	s.n++
	if s.fails != nil {
		if err := s.fails(s.n); err != nil {
			return "", err
		}
	}
	s.got = append(s.got, *m)
	return "ref-" + m.Alert.ID, nil
}

// decided is a store with a number of queued alerts, for each of some channels.
func decided(t testing.TB, n int, channels ...string) (*alert.Store, []alert.Alert) {
	t.Helper()
	s, err := alert.OpenStore(t.Context(), filepath.Join(t.TempDir(), "alerts.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	var list []alert.Alert
	for i := range n {
		a := alert.Sample(start)
		a.ID = fmt.Sprintf("%032x", i+1)
		a.Severity = alert.Severity(1 + i%3)
		list = append(list, a)
	}
	decide(t, s, list, channels...)
	return s, list
}

func decide(t testing.TB, s *alert.Store, list []alert.Alert, channels ...string) {
	t.Helper()
	policy := alert.NotifyPolicy{Now: start, NeedsAttention: func(*alert.Alert) bool { return true }}
	for _, c := range channels {
		policy.Routes = append(policy.Routes, alert.Route{Channel: c})
	}
	if err := s.Apply(t.Context(), 0, alert.Position{Next: 1, Epoch: 1}, list, policy); err != nil {
		t.Fatal(err)
	}
}

var start = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// drain delivers until the queue is empty, and moves the clock to when the channel is to be
// called again. It returns how much time passed.
func drain(t testing.TB, s *alert.Store, c *alert.Channel) time.Duration {
	t.Helper()
	now := start
	for range 100_000 {
		_, again, err := c.Deliver(t.Context(), s, now)
		if err == nil && again.IsZero() {
			return now.Sub(start)
		}
		if again.After(now) {
			now = again
		}
	}
	t.Fatal("it never ends")
	return 0
}

// TestInOrder checks that messages are sent in order and once, whatever fails in between.
func TestInOrder(t *testing.T) {
	s, list := decided(t, 40, "a")
	out := &sink{fails: func(n int) error {
		if n%3 == 0 {
			return errors.New("not now")
		}
		return nil
	}}
	drain(t, s, &alert.Channel{Name: "a", Notifier: out})
	if len(out.got) != len(list) {
		t.Fatalf("%d were sent", len(out.got))
	}
	for i := range list {
		if out.got[i].Alert.ID != list[i].ID {
			t.Fatalf("message %d is about %s", i, out.got[i].Alert.ID)
		}
	}
}

// TestWaits checks that a channel waits as long as its receiver asks, pauses while it is down,
// and catches up within minutes once it is back.
func TestWaits(t *testing.T) {
	s, _ := decided(t, 3, "a")
	out := &sink{fails: func(n int) error {
		if n == 1 {
			return &webapi.Error{Op: "POST", Kind: webapi.Throttled, Status: 429, Wait: 10 * time.Minute}
		}
		return nil
	}}
	if d := drain(t, s, &alert.Channel{Name: "a", Notifier: out}); d < 10*time.Minute || d > 11*time.Minute {
		t.Errorf("it takes %s", d)
	}
	s, _ = decided(t, 30, "a")
	tries := 0
	down := &sink{}
	c := &alert.Channel{Name: "a", Notifier: down}
	now := start
	down.fails = func(int) error {
		tries++
		if now.Before(start.Add(24 * time.Hour)) {
			return errors.New("down")
		}
		return nil
	}
	for range 100_000 {
		_, again, err := c.Deliver(t.Context(), s, now)
		if err == nil && again.IsZero() {
			break
		}
		now = again
	}
	if late := now.Sub(start.Add(24 * time.Hour)); len(down.got) != 30 || late > 6*time.Minute || tries > 2000 {
		t.Errorf("%d sent, %s after it was back, %d tries", len(down.got), late, tries)
	}
}

// TestPutAside checks that messages that fail for good, or are old, become dead letters, and
// are sent if they are retried.
func TestPutAside(t *testing.T) {
	s, _ := decided(t, 3, "a")
	out := &sink{fails: func(n int) error {
		if n == 2 {
			return alert.Permanent(errors.New("too long"))
		}
		return nil
	}}
	c := &alert.Channel{Name: "a", Notifier: out}
	drain(t, s, c)
	list, err := s.Unsent(t.Context())
	if err != nil || len(out.got) != 2 || len(list) != 1 || list[0].Reason != "too long" || list[0].Budget {
		t.Fatalf("%d sent, %+v, %v", len(out.got), list, err)
	}
	if n, err := s.Retry(t.Context(), list[0].Seq, start); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if drain(t, s, c); len(out.got) != 3 {
		t.Errorf("%d sent", len(out.got))
	}
	s, _ = decided(t, 1, "a")
	out = &sink{fails: func(int) error { return errors.New("down") }}
	drain(t, s, &alert.Channel{Name: "a", Notifier: out})
	if list, err = s.Unsent(t.Context()); err != nil || len(list) != 1 ||
		!strings.Contains(list[0].Reason, "given up after three days: down") {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestRevision checks that a revision has the reference of the message before.
func TestRevision(t *testing.T) {
	s, list := decided(t, 1, "a")
	out := &sink{}
	c := &alert.Channel{Name: "a", Notifier: out}
	drain(t, s, c)
	list[0].Revision, list[0].Score = 2, 99
	list[0].Severity = alert.Critical
	decide(t, s, list, "a")
	drain(t, s, c)
	if len(out.got) != 2 || out.got[0].Ref != "" || out.got[1].Ref != "ref-"+list[0].ID {
		t.Errorf("%+v", out.got)
	}
}

// TestEvolution tells a channel what it said of an alert before, and where the first alert of the case is.
func TestEvolution(t *testing.T) {
	s, list := decided(t, 2, "a")
	out := &sink{}
	c := &alert.Channel{Name: "a", Notifier: out}
	drain(t, s, c)
	first, second := list[0], list[1]
	first.Revision, first.Observed, first.Severity = 2, 200, alert.Critical
	second.Revision, second.Case, second.Withdrawn = 2, first.ID, true
	decide(t, s, []alert.Alert{first, second}, "a")
	drain(t, s, c)
	if len(out.got) != 4 {
		t.Fatalf("%d messages", len(out.got))
	}
	for i, m := range out.got {
		if got := len(m.Changes()) > 0; got != (i >= 2) {
			t.Errorf("message %d says of changes: %q", i, m.Changes())
		}
	}
	a, b := out.got[2], out.got[3]
	if got := strings.Join(a.Changes(), " "); got != "Severity raised from low to critical. Grew from 120 to 200 files." || a.Case != "" {
		t.Errorf("%q, case %q", got, a.Case)
	}
	if got := strings.Join(b.Changes(), " "); !strings.HasPrefix(got, "Later events explain") || b.Case != "ref-"+first.ID || b.Before.Revision != 1 {
		t.Errorf("%q, case %q, before %+v", got, b.Case, b.Before)
	}
}

// TestFirstShown says when an alert first deserved attention, not when it was first stored.
func TestFirstShown(t *testing.T) {
	s, list := decided(t, 1, "a")
	quiet := list[0]
	quiet.ID = "ffffffffffffffffffffffffffffffff"
	later := quiet
	later.Revision, later.Severity = 2, alert.Critical
	for i, a := range []alert.Alert{quiet, later} {
		policy := alert.NotifyPolicy{
			Now:            start.Add(time.Duration(i+1) * time.Hour),
			NeedsAttention: func(a *alert.Alert) bool { return a.Severity >= alert.Critical },
		}
		if err := s.Apply(t.Context(), 0, alert.Position{Next: int64(i + 2), Epoch: 1}, []alert.Alert{a}, policy); err != nil {
			t.Fatal(err)
		}
	}
	for id, want := range map[string]time.Time{list[0].ID: start, quiet.ID: start.Add(2 * time.Hour), "none": {}} {
		if at, err := s.FirstShown(t.Context(), id); err != nil || !at.Equal(want) {
			t.Errorf("%s: %v, %v; want %v", id, at, err, want)
		}
	}
}

// TestChanges says what is new in a revision, and does not guess where that is not known.
func TestChanges(t *testing.T) {
	at, later := start, start.Add(time.Hour)
	a := alert.Sample(start)
	a.Severity, a.Score = alert.Medium, 8.1
	a.Lowered = []alert.Lowering{{Time: later, From: 12.3, Reason: "signed in from that network before"}}
	a.Exposures = []alert.Exposure{{What: "x", Opened: at, Closed: &later}, {What: "y", Opened: at}, {What: "z", Opened: at}}
	for want, before := range map[string]*alert.Told{
		"Details updated.": nil,
		"Severity lowered from high to medium. Score lowered from 12.3 to 8.1, because they signed in from that network before. " +
			"1 more exposure. 1 exposure closed, 2 still in effect. The day is over: these figures are final.": {
			Severity: alert.High, Observed: 120, Unit: "files", Events: 1, Exposures: 2, Open: 2, Provisional: true,
		},
		"Grew from 20 to 120 files.": {Severity: alert.Medium, Observed: 20, Unit: "files", Exposures: 3, Open: 2, Lowered: 1},
		"Grew from 0 to 1 event.":    {Severity: alert.Medium, Observed: 20, Unit: "rows", Exposures: 3, Open: 2, Lowered: 1},
	} {
		m := alert.Message{Alert: a, Ref: "r", Before: before}
		if got := strings.Join(m.Changes(), " "); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	a.Exposures[1].Closed, a.Exposures[2].Closed = &later, &later
	m := alert.Message{Alert: a, Before: &alert.Told{Severity: alert.Medium, Observed: 120, Unit: "files", Events: 1, Exposures: 3, Open: 2, Lowered: 1}}
	if got := strings.Join(m.Changes(), " "); got != "2 exposures closed, none still in effect." {
		t.Errorf("%q", got)
	}
}

// TestRoute checks that a channel gets the alerts that it wants, and the withdrawal of those
// that it got.
func TestRoute(t *testing.T) {
	s, _ := decided(t, 0)
	a := alert.Sample(start)
	a.Severity = alert.High
	policy := alert.NotifyPolicy{
		Now:            start,
		NeedsAttention: func(*alert.Alert) bool { return true },
		Routes: []alert.Route{{
			Channel: "a",
			Matches: func(a *alert.Alert) bool { return a.Severity >= alert.High && !a.Withdrawn },
		}},
	}
	b := a
	b.ID, b.Severity = strings.Repeat("b", 32), alert.Low
	out := &sink{}
	c := &alert.Channel{Name: "a", Notifier: out}
	take := func(list ...alert.Alert) {
		if err := s.Apply(t.Context(), 0, alert.Position{Next: 1, Epoch: 1}, list, policy); err != nil {
			t.Fatal(err)
		}
		drain(t, s, c)
	}
	take(a, b)
	a.Withdrawn, b.Withdrawn = true, true
	take(a, b)
	if len(out.got) != 2 || out.got[0].Alert.ID != a.ID || !out.got[1].Alert.Withdrawn {
		t.Errorf("%+v", out.got)
	}
}

// TestBudget checks that messages beyond a daily limit become dead letters, but critical ones
// do not.
func TestBudget(t *testing.T) {
	s, list := decided(t, 9, "a")
	for i := range list {
		list[i].Revision, list[i].Score = 2, 50
		if i == 8 {
			list[i].Severity = alert.Critical
		}
	}
	decide(t, s, list, "a")
	out := &sink{}
	drain(t, s, &alert.Channel{Name: "a", Notifier: out, MaxPerDay: 3})
	unsent, err := s.Unsent(t.Context())
	if err != nil || len(out.got) != 4 || out.got[3].Alert.Severity != alert.Critical || len(unsent) != 5 || !unsent[0].Budget {
		t.Errorf("%d sent, %+v, %v", len(out.got), unsent, err)
	}
}

// TestBacklog checks that a long queue becomes one message for channels that people read.
func TestBacklog(t *testing.T) {
	for _, people := range []bool{false, true} {
		s, list := decided(t, 120, "a")
		out := &sink{}
		drain(t, s, &alert.Channel{Name: "a", Kind: alert.Kind{People: people}, Notifier: out})
		want := len(list)
		if people {
			want = 1
		}
		if len(out.got) != want || people &&
			(len(out.got[0].Others) != 119 || out.got[0].Alert.Severity != alert.High ||
				!strings.Contains(out.got[0].Rest(), "119 more alerts")) {
			t.Errorf("people %v: %d messages", people, len(out.got))
		}
		if _, _, waiting, err := s.Counts(t.Context()); waiting != 0 || err != nil {
			t.Errorf("%d wait, %v", waiting, err)
		}
	}
}

// TestKilled kills the process at every line between two effects, fifty times: everything is
// sent, possible repeats are marked as such, and there are no more repeats than kills.
func TestKilled(t *testing.T) {
	s, list := decided(t, 200, "a")
	rnd := rand.New(rand.NewPCG(1, 2))
	out := &sink{}
	kills := 0
	for {
		type killed struct{}
		at, left := []string{"begun", "sent"}[rnd.IntN(2)], 1+rnd.IntN(4)
		c := &alert.Channel{Name: "a", Notifier: out, Between: func(name string) {
			if name == at && kills < 50 {
				if left--; left == 0 {
					kills++
					panic(killed{})
				}
			}
		}}
		done := func() (done bool) {
			defer func() {
				if r := recover(); r != nil {
					if _, ok := r.(killed); !ok {
						panic(r)
					}
				}
			}()
			drain(t, s, c)
			return true
		}()
		if done {
			break
		}
	}
	times := map[string]int{}
	for i := range out.got {
		m := &out.got[i]
		if times[m.Alert.ID]++; times[m.Alert.ID] > 1 && !m.Repeat {
			t.Errorf("%s comes again and does not say so", m.Alert.ID)
		}
	}
	if len(times) != len(list) || len(out.got)-len(list) > kills || kills != 50 {
		t.Errorf("%d of %d were sent, %d messages, %d kills", len(times), len(list), len(out.got), kills)
	}
}

// TestMask checks that no name is left in an alert, in whatever text, and that a person has the
// same pseudonym everywhere within one purpose.
func TestMask(t *testing.T) {
	a := alert.Sample(start)
	a.User = "dana.ruiz@northwind.example"
	a.Reason = `shared "Dana Ruiz notes.docx" of Dana.Ruiz@northwind.example with li.wei@northwind.example ` +
		`and buyer@rival.example; Ruiz, Dana; dana_ruiz`
	a.Context = []string{"kim.ops@contoso.example saw danaruiz"}
	a.Exposures = []alert.Exposure{{What: "folder of dana.ruiz", By: "admin@northwind.example"}}
	master := []byte(strings.Repeat("k", 32))
	soc := alert.NewMask(master, "soc", func(d string) bool { return d == "contoso.example" })
	m := soc.Alert(&a)
	all := fmt.Sprintf("%+v", m)
	for _, name := range []string{"ruiz", "li.wei", "kim.ops", "admin@"} {
		if strings.Contains(strings.ToLower(all), name) {
			t.Errorf("%q is in %s", name, all)
		}
	}
	if !strings.Contains(m.Reason, "buyer@rival.example") || m.User != soc.Name("DANA.RUIZ@northwind.example") ||
		strings.Count(m.Reason, m.User) < 3 {
		t.Errorf("%s", m.Reason)
	}
	common := alert.CommonDomains(append(slices.Repeat([]string{"a@Northwind.example"}, 15), "b@agency.example", "me@gmail.com", "svc"))
	if !common["northwind.example"] || common["agency.example"] || common["gmail.com"] || len(alert.CommonDomains(nil)) != 0 {
		t.Error(common)
	}
	if other := alert.NewMask(master, "hr", nil); other.Name(a.User) == m.User {
		t.Error("two purposes have one pseudonym")
	}
	if a.User != "dana.ruiz@northwind.example" || a.Exposures[0].By != "admin@northwind.example" {
		t.Error("the alert itself has changed")
	}
}

// BenchmarkDeliver sends 10,000 alerts through five channels, of which one is down, one
// throttles and one is slow.
func BenchmarkDeliver(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		s, list := decided(b, 10_000, "a", "b", "down", "throttles", "slow")
		b.StartTimer()
		for _, name := range []string{"a", "b", "down", "throttles", "slow"} {
			out := &sink{fails: func(n int) error {
				switch {
				case name == "down" && n < 200:
					return errors.New("down")
				case name == "throttles" && n%100 == 0:
					return &webapi.Error{Kind: webapi.Throttled, Status: 429, Wait: time.Second}
				}
				return nil
			}}
			drain(b, s, &alert.Channel{Name: name, Notifier: out})
			if len(out.got) != len(list) {
				b.Fatalf("%s: %d", name, len(out.got))
			}
		}
	}
	b.ReportMetric(float64(50_000*b.N)/b.Elapsed().Seconds(), "messages/s")
}

// TestTidyChanges checks that old, superseded versions leave the feed, and nothing else.
func TestTidyChanges(t *testing.T) {
	s, list := decided(t, 2, "a")
	list[0].Revision = 2
	decide(t, s, list[:1], "a")
	for _, c := range []struct {
		after time.Duration
		left  int
	}{{24 * time.Hour, 3}, {100 * 24 * time.Hour, 2}} {
		if err := s.PruneChanges(t.Context(), start.Add(c.after)); err != nil {
			t.Fatal(err)
		}
		left, err := s.Changes(t.Context(), alert.Filter{All: true, Limit: 10})
		if err != nil || len(left) != c.left {
			t.Errorf("after %s: %d changes, %v", c.after, len(left), err)
		}
	}
}

// TestAbout tells a channel whom an alert is about also where the alert has their pseudonym.
func TestAbout(t *testing.T) {
	s, list := decided(t, 1, "mail")
	out := &sink{}
	c := &alert.Channel{Name: "mail", Notifier: out, Mask: func(a *alert.Alert) alert.Alert {
		masked := *a
		masked.User = "P-ABCDEFGHJK"
		return masked
	}}
	drain(t, s, c)
	if len(out.got) != 1 || out.got[0].Alert.User == list[0].User || !slices.Equal(out.got[0].About, []string{list[0].User}) {
		t.Errorf("%+v", out.got)
	}
}
