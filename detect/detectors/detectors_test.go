package detectors

import (
	"os"
	"strings"
	"testing"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/finding"
)

// dayOf is a day on which a detector has counted n of every metric.
func dayOf(d *detect.Detector, n float64) *detect.Day {
	counts := make([]float64, len(d.Metrics))
	for i := range counts {
		counts[i] = n
	}
	return &detect.Day{
		Counts: detect.NewCounts(d, counts), Settled: true, ActiveDays: 30,
		Evidence: detect.Evidence{Events: 2, From: 1, To: 60_000},
	}
}

// TestReasons asks every detector for its floor and its words: it names metrics of its own
// only, and what it counts is above the floor if there is enough of it.
func TestReasons(t *testing.T) {
	for _, d := range All {
		day := dayOf(d, 1e9)
		if d.Floor != nil && (len(d.Metrics) == 0 || !d.Floor(day.Counts) || d.Floor(dayOf(d, 0).Counts)) {
			t.Errorf("%s: the floor lets everything or nothing through", d.Name)
		}
		if len(d.Metrics) > 0 && d.Reason == nil {
			t.Errorf("%s counts, and has no words for it", d.Name)
		}
		if d.Reason != nil && d.Reason(day) == "" {
			t.Errorf("%s has no reason", d.Name)
		}
	}
}

// TestUnsettled does not say that something is new to somebody of whom hardly a day is
// known.
func TestUnsettled(t *testing.T) {
	d := dayOf(bulkDownload, 30)
	d.Settled = false
	if s := bulkDownload.Reason(d); strings.Contains(s, "never opened") || !strings.Contains(s, "30 sensitive") {
		t.Error(s)
	}
	d.Settled = true
	if s := bulkDownload.Reason(d); !strings.Contains(s, "30 never opened before") {
		t.Error(s)
	}
	drip := dayOf(slowDrip, 0)
	if drip.ActiveDays = 2; strings.Contains(slowDrip.Reason(drip), "weeks") {
		t.Error(slowDrip.Reason(drip))
	}
}

// TestFiles finds every detector in a file of its name.
func TestFiles(t *testing.T) {
	for _, d := range All {
		b, err := os.ReadFile(d.Name + ".go")
		if err != nil || !strings.Contains(string(b), `Name: "`+d.Name+`"`) {
			t.Errorf("%s is in no file of its own: %v", d.Name, err)
		}
	}
}

// TestTraits has the traits that other rooms rely on.
func TestTraits(t *testing.T) {
	all := Traits()
	for trait, want := range map[finding.Traits]string{
		finding.AboutData:       "common_activity hr_feed names_left_out source_gap source_late source_silent unresolved_identity",
		finding.AboutLeavers:    "access_left_behind leaver_takeout terminated_user_activity",
		finding.NeverSuppressed: "logging_disabled source_gap source_silent",
		finding.ChangesSettings: "authentication_policy logging_disabled public_access_guard sharing_policy",
		finding.SharesOutside:   "external_sharing personal_mailbox public_link",
	} {
		if got := strings.Join(all.With(trait), " "); got != want {
			t.Errorf("trait %d: %s, want %s", trait, got, want)
		}
	}
	if len(all) != len(All) {
		t.Errorf("%d detectors have traits, of %d", len(all), len(All))
	}
}

// TestUnits has a reader tell the counts of a detector apart: each has a unit of its own.
func TestUnits(t *testing.T) {
	for _, d := range All {
		of := map[string]string{}
		for i := range d.Metrics {
			m := &d.Metrics[i]
			if other, taken := of[m.Unit]; taken {
				t.Errorf("%s: %s and %s both count %s", d.Name, other, m.Name, m.Unit)
			}
			of[m.Unit] = m.Name
		}
	}
}
