package triage

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/feed"
	"github.com/outflow/outflow/cmd/outflow/internal/keys"
	"github.com/outflow/outflow/detect/detectors"
)

// heard is a channel that keeps what it is told.
type heard []string

// Notify implements alert.Notifier.
func (h *heard) Notify(_ context.Context, m *alert.Message) (string, error) {
	said := strings.Join(m.Changes(), " ")
	if !m.Decision {
		said = "alert"
	}
	*h = append(*h, m.Alert.Short()+": "+said)
	return "ref", nil
}

// desk is a data directory with alerts that a channel was told of, and a feed.
type desk struct {
	t      *testing.T
	dir    string
	alerts *alert.Store
	feed   *feed.Store
	list   []alert.Alert
	out    *heard
	now    time.Time
}

func newDesk(t *testing.T, n int) *desk {
	d := &desk{t: t, dir: t.TempDir(), out: &heard{}, now: time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)}
	var err error
	if d.alerts, err = alert.OpenStore(t.Context(), filepath.Join(d.dir, "alerts.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.alerts.Close() })
	for i := range n {
		a := alert.Sample(d.now)
		a.ID, a.Severity = fmt.Sprintf("%08d%024d", i+1, 0), alert.Medium
		d.list = append(d.list, a)
	}
	policy := alert.NotifyPolicy{
		Now: d.now, NeedsAttention: func(*alert.Alert) bool { return true }, Routes: []alert.Route{{Channel: "a"}},
	}
	if err := d.alerts.Apply(t.Context(), 0, alert.Position{Next: 1, Epoch: 1}, d.list, policy); err != nil {
		t.Fatal(err)
	}
	d.tell(true)
	if d.feed, err = keys.OpenFeed(t.Context(), d.dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.feed.Close() })
	return d
}

// decide stores a decision about the nth alert.
func (d *desk) decide(n int, status feed.Status, assignee string) {
	d.t.Helper()
	x := feed.Triage{Alert: d.list[n].ID, At: d.now, Since: d.now, Who: "kim", Status: status, Assignee: assignee, Note: "why"}
	if err := d.feed.Decide(d.t.Context(), x, &d.list[n]); err != nil {
		d.t.Fatal(err)
	}
}

// tell has what was decided told, and returns what was.
func (d *desk) tell(atOnce bool) []string {
	d.t.Helper()
	if err := Tell(d.t.Context(), d.dir, d.alerts, []alert.Route{{Channel: "a"}}, d.now, atOnce); err != nil {
		d.t.Fatal(err)
	}
	*d.out = nil
	for {
		c := &alert.Channel{Name: "a", Notifier: d.out}
		if sent, _, err := c.Deliver(d.t.Context(), d.alerts, d.now); err != nil || sent == 0 {
			if err != nil {
				d.t.Fatal(err)
			}
			return *d.out
		}
	}
}

// TestTell tells each decision once, after it has settled, and nothing of one that is taken back at once.
func TestTell(t *testing.T) {
	d := newDesk(t, 3)
	check := func(step string, got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", step, got, want)
		}
	}
	check("nothing was decided", d.tell(true))
	d.decide(0, feed.Acknowledged, "kim")
	check("it has not settled", d.tell(false))
	d.now = d.now.Add(settle)
	check("it has", d.tell(false), "00000001: Acknowledged by kim: somebody works on it.")
	check("told already", d.tell(true))
	d.decide(1, feed.False, "")
	d.decide(1, feed.Undecided, "")
	check("taken back", d.tell(true))
	d.decide(0, feed.BenignTrue, "kim")
	d.decide(2, feed.True, "")
	check("two", d.tell(true), "00000001: Closed by kim: benign.", "00000003: Closed by kim: true positive.")
	for i := range 20 { // somebody decides every four seconds
		d.decide(1, feed.Acknowledged, fmt.Sprint("person ", i))
		d.now = d.now.Add(settle - time.Second)
		if got := d.tell(false); (len(got) > 0) != (i == 14) { // a minute after the first
			t.Fatalf("decision %d: %q", i, got)
		}
	}
}

// TestTellSuppressions tells that alerts like one are suppressed, and of the end of that.
func TestTellSuppressions(t *testing.T) {
	d := newDesk(t, 1)
	d.decide(0, feed.BenignTrue, "")
	d.tell(true)
	p, err := alert.Suggest(&d.list[0], detectors.Traits(), d.now)
	if err != nil {
		t.Fatal(err)
	}
	p.Owner, p.Reason = "lee", "nightly export"
	if _, err := d.alerts.Suppress(t.Context(), p, detectors.Traits()); err != nil {
		t.Fatal(err)
	}
	d.now = d.now.Add(time.Hour)
	for _, want := range []string{"Suppressed by lee: alerts like this one are muted for a while.", "", "Closed by kim: benign.", ""} {
		if got := strings.TrimPrefix(strings.Join(d.tell(false), ""), d.list[0].Short()+": "); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		if want == "" {
			d.now = p.Expires
		}
	}
}

// TestTellFromNowOn tells nothing of what was decided before decisions were told, but revisions have it.
func TestTellFromNowOn(t *testing.T) {
	d := newDesk(t, 1)
	d.decide(0, feed.False, "")
	fresh, err := alert.OpenStore(t.Context(), filepath.Join(t.TempDir(), "alerts.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close()
	policy := alert.NotifyPolicy{
		Now: d.now, NeedsAttention: func(*alert.Alert) bool { return true }, Routes: []alert.Route{{Channel: "a"}},
	}
	if err := fresh.Apply(t.Context(), 0, alert.Position{Next: 1, Epoch: 1}, d.list, policy); err != nil {
		t.Fatal(err)
	}
	d.alerts = fresh
	if got := d.tell(false); !slices.Equal(got, []string{"00000001: alert"}) {
		t.Errorf("%q", got)
	}
	d.list[0].Revision, d.list[0].Severity = 2, alert.High
	if err := fresh.Apply(t.Context(), 0, alert.Position{Next: 2, Epoch: 1}, d.list, policy); err != nil {
		t.Fatal(err)
	}
	queued, err := fresh.Queued(t.Context(), "a", 10)
	if err != nil || len(queued) != 1 || queued[0].Alert.Triage == nil || queued[0].Alert.Triage.Verdict != alert.VerdictFalse {
		t.Errorf("%+v, %v", queued, err)
	}
}
