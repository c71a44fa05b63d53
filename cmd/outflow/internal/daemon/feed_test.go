package daemon

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/feed"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
)

// TestAdmit tells commands beside the daemon from which severity on two people close an alert, and that one is enough again.
func TestAdmit(t *testing.T) {
	store, err := feed.Open(t.Context(), filepath.Join(t.TempDir(), "feed.db"), []byte("key"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	a := alert.Sample(time.Now())
	a.Severity = alert.High
	for _, c := range []struct {
		severity string
		waits    bool
	}{{"high", true}, {"critical", false}, {"high", true}, {"", false}} {
		s := &feed.Server{Store: store}
		if err := admit(t.Context(), s, &config.Config{Feed: config.Feed{SecondPerson: c.severity}}); err != nil {
			t.Fatal(err)
		}
		if two := s.TwoPeople != nil && s.TwoPeople(a.Severity); two != c.waits {
			t.Errorf("%q: the feed asks for two: %v", c.severity, two)
		}
		for _, status := range []feed.Status{feed.Undecided, feed.True} {
			tr := feed.Triage{Alert: a.ID, At: time.Now(), Who: "kim", Status: status}
			waits, err := store.DecideBeside(t.Context(), tr, &a, "ops", "x")
			if want := c.waits && status == feed.True; err != nil || waits != want {
				t.Errorf("%q, %s: waits %v, %v", c.severity, status, waits, err)
			}
		}
	}
}
