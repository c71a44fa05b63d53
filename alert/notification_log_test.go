package alert_test

import (
	"path/filepath"
	"testing"

	"github.com/outflow/outflow/alert"
)

func newStore(t *testing.T) *alert.Store {
	t.Helper()
	s, err := alert.OpenStore(t.Context(), filepath.Join(t.TempDir(), "alerts.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestTake checks which versions of an alert are queued.
func TestTake(t *testing.T) {
	s := newStore(t)
	policy := alert.NotifyPolicy{
		Routes:         []alert.Route{{Channel: "a"}, {Channel: "b"}},
		NeedsAttention: func(a *alert.Alert) bool { return a.Severity >= alert.Medium },
	}
	next := int64(0)
	for _, step := range []struct {
		what     string
		a        alert.Alert
		notified bool
	}{
		{"below what deserves attention", alert.Alert{ID: "x", Severity: alert.Low, Provisional: true}, false},
		{"deserves attention", alert.Alert{ID: "x", Severity: alert.Medium, Score: 6, Provisional: true}, true},
		{"the same again", alert.Alert{ID: "x", Severity: alert.Medium, Score: 6, Provisional: true}, false},
		{"grows", alert.Alert{ID: "x", Severity: alert.Medium, Score: 6.5, Provisional: true}, false},
		{"more severe", alert.Alert{ID: "x", Severity: alert.High, Score: 9, Provisional: true}, true},
		{"less severe", alert.Alert{ID: "x", Severity: alert.Medium, Score: 6, Provisional: true}, false},
		{"the day is over", alert.Alert{ID: "x", Severity: alert.High, Score: 9}, true},
		{"the same, over", alert.Alert{ID: "x", Severity: alert.High, Score: 9}, false},
		{"the person does it again", alert.Alert{ID: "x", Severity: alert.High, Score: 9, Again: []alert.Repetition{{Events: 4}}}, false},
		{"lowered", alert.Alert{
			ID: "x", Severity: alert.Medium, Score: 6, Again: []alert.Repetition{{Events: 4}}, Lowered: []alert.Lowering{{From: 9}},
		}, true},
		{"something came late", alert.Alert{ID: "x", Severity: alert.Medium, Score: 5.7}, true},
		{"withdrawn", alert.Alert{ID: "x", Severity: alert.Medium, Score: 5.7, Withdrawn: true}, true},
		{"withdrawn before it was notified", alert.Alert{ID: "y", Severity: alert.High, Withdrawn: true}, false},
	} {
		for _, channel := range policy.Routes { // what waited is sent
			list, err := s.Queued(t.Context(), channel.Channel, 10)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range list {
				if err := s.MarkSent(t.Context(), w.Seq); err != nil {
					t.Fatal(err)
				}
			}
		}
		next++
		for range 2 { // taking in the same again changes nothing
			if err := s.Apply(t.Context(), 0, alert.Position{Next: next, Epoch: 7}, []alert.Alert{step.a}, policy); err != nil {
				t.Fatal(err)
			}
		}
		for _, channel := range policy.Routes {
			list, err := s.Queued(t.Context(), channel.Channel, 10)
			if err != nil {
				t.Fatal(err)
			}
			if (len(list) == 1) != step.notified || len(list) > 1 {
				t.Errorf("%s: %d wait for %s, notified is %v", step.what, len(list), channel.Channel, step.notified)
			}
		}
	}
	if got, err := s.Progress(t.Context(), 0); err != nil || got.Next != next || got.Epoch != 7 {
		t.Errorf("progress %+v, %v; want %d", got, err, next)
	}
	if known, notified, _, err := s.Counts(t.Context()); err != nil || known != 2 || notified != 1 {
		t.Errorf("%d known, %d notified, %v", known, notified, err)
	}
}

// TestOutdated checks that only the last version of an alert that changes in the queue is sent.
func TestOutdated(t *testing.T) {
	s := newStore(t)
	policy := alert.NotifyPolicy{Routes: []alert.Route{{Channel: "a"}}, NeedsAttention: func(*alert.Alert) bool { return true }}
	for i, severity := range []alert.Severity{alert.Medium, alert.High, alert.Critical} {
		at, list := alert.Position{Next: int64(i + 1)}, []alert.Alert{{ID: "x", Severity: severity}}
		if err := s.Apply(t.Context(), 0, at, list, policy); err != nil {
			t.Fatal(err)
		}
	}
	list, err := s.Queued(t.Context(), "a", 10)
	if err != nil || len(list) != 1 || list[0].Alert.Severity != alert.Critical {
		t.Errorf("%+v, %v", list, err)
	}
}
