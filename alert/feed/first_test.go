package feed

import (
	"maps"
	"path/filepath"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
)

// TestFirstDecisions says when alerts were taken up first, whatever was decided later.
func TestFirstDecisions(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "feed.db"), []byte("key"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	monday := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for _, d := range []struct {
		alert string
		after time.Duration
	}{
		{"before", -time.Hour}, {"before", time.Hour}, {"within", 2 * time.Hour}, {"within", 3 * time.Hour}, {"within", 200 * time.Hour},
		{"after", 7 * 24 * time.Hour},
	} {
		a := alert.Sample(monday)
		a.ID = d.alert
		if err := s.Decide(t.Context(), Triage{At: monday.Add(d.after), Who: "kim", Status: Acknowledged}, &a); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.FirstDecisions(t.Context(), monday, monday.AddDate(0, 0, 7))
	if want := map[string]time.Time{"within": monday.Add(2 * time.Hour)}; err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
}
