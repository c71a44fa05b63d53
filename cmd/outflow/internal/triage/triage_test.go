package triage

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/feed"
	"github.com/outflow/outflow/cmd/outflow/internal/keys"
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/internal/finding"
)

// TestFollow reads decisions as they are made, without those about alerts that are gone; where they cannot be read,
// those known before stay.
func TestFollow(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	if list := Follow(ctx, dir, logger)(); list != nil {
		t.Errorf("without a feed: %v", list)
	}
	alerts, err := alert.OpenStore(ctx, filepath.Join(dir, "alerts.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer alerts.Close()
	subjects := []finding.Subject{{Detector: "bulk_download", Place: "00000000000000aa"}}
	a := alert.Alert{ID: "aaaa", User: "p1", Detectors: []string{"bulk_download"}, Receipt: &finding.Receipt{Subjects: subjects}}
	if err := alerts.Save(ctx, 1, 0, nil, alert.NewCorrelator().Each([]alert.Draft{alert.DraftOf(&a)})); err != nil {
		t.Fatal(err)
	}
	s, err := keys.OpenFeed(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	now := time.UnixMilli(5000).UTC()
	decide := func(a alert.Alert, status feed.Status) {
		t.Helper()
		d := feed.Triage{Alert: a.ID, At: now, Since: now.Add(-time.Second), Who: "jane", Status: status, Note: "why"}
		if err := s.Decide(context.Background(), d, &a); err != nil {
			t.Fatal(err)
		}
	}
	decide(a, feed.BenignTrue)
	gone := a
	gone.ID = "bbbb"
	decide(gone, feed.False)
	decide(a, feed.Duplicate)
	decide(a, feed.True)
	want := func(outcomes ...engine.Outcome) (list []engine.Verdict) {
		for i, x := range outcomes {
			list = append(list, engine.Verdict{Alert: "aaaa", Person: "p1", Seq: []int64{1, 3, 4}[i], At: 4000, Outcome: x, Subjects: subjects})
		}
		return list
	}
	follow := Follow(ctx, dir, logger)
	if got := follow(); !reflect.DeepEqual(got, want(engine.Dismissed, engine.Undecided, engine.Confirmed)) {
		t.Errorf("%+v", got)
	}
	decide(a, feed.Undecided)
	if got := follow(); len(got) != 3 {
		t.Errorf("it was read again at once: %+v", got)
	}
	if list, err := Verdicts(ctx, dir); err != nil || len(list) != 4 || list[3].Outcome != engine.Undecided {
		t.Errorf("%+v, %v", list, err)
	}

	broken := t.TempDir()
	for _, name := range []string{"feed.db", "alerts.db"} {
		if err := os.WriteFile(filepath.Join(broken, name), []byte(strings.Repeat("no database ", 100)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if list := Follow(ctx, broken, logger)(); list != nil || !strings.Contains(log.String(), "decisions about alerts not read") {
		t.Errorf("%v, %q", list, log.String())
	}
}
