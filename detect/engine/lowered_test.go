package engine

import (
	"math"
	"strings"
	"testing"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// playLowered plays lines, and returns the highest score of p1 on each day, what was lowered, and what was
// done again. Every score that was lowered follows from its receipt.
func playLowered(t *testing.T, lines ...string) (risk map[int64]float64, lowered []*finding.Lowered, again []finding.Again) {
	t.Helper()
	s := &scenario{t: t}
	for _, line := range append([]string{"people 30 Sales", "routine 1-60"}, lines...) {
		s.line(line)
	}
	s.sort()
	risk = map[int64]float64{}
	e := newEngine(Config{}, func(f *finding.Finding) error {
		if f.Person != address("p1") {
			return nil
		}
		day := (f.Time-at(1, 0))/event.Day + 1
		risk[day] = max(risk[day], f.Risk)
		again = append(again, f.Again...)
		if f.Lowered != nil {
			lowered = append(lowered, f.Lowered)
			if found := testCatalog.layer.lowered(f.Lowered); math.Abs(found-f.Lowered.Risk) > 1e-3 {
				t.Errorf("lowered to %g, the receipt gives %g", f.Lowered.Risk, found)
			}
		}
		return nil
	})
	feed(t, e, s.events)
	return risk, lowered, again
}

// TestLowered lowers the score of an alert by what happens within a day after it, and by nothing later.
func TestLowered(t *testing.T) {
	taken := "40 14:00 p1 download x60 spread=10m source=box place=Board item=d-"
	for name, c := range map[string]struct {
		after string
		want  bool
	}{
		"a group, an hour later":      {"40 15:00 p1 membership_add source=slack item=C1", true},
		"a group, two days later":     {"42 15:00 p1 membership_add source=slack item=C1", false},
		"a group, the hour before":    {"40 13:00 p1 membership_add source=slack item=C1", false},
		"a group, but of a colleague": {"40 15:00 p2 membership_add source=slack item=C1", false},
	} {
		t.Run(name, func(t *testing.T) {
			risk, lowered, _ := playLowered(t, taken, c.after)
			if (len(lowered) == 1) != c.want || len(lowered) > 1 {
				t.Fatalf("lowered %d times, the score was %.1f", len(lowered), risk[40])
			}
			if c.want && (lowered[0].From != risk[40] || lowered[0].Risk >= lowered[0].From || !strings.Contains(lowered[0].Reason, "group")) {
				t.Errorf("score %.1f, lowered: %+v", risk[40], lowered[0])
			}
		})
	}
}

// TestToldOnce scores an act that is repeated lower, until something of it is new.
func TestToldOnce(t *testing.T) {
	share := func(day, n, to string) string {
		return day + " 14:00 p1 share_user x" + n + " spread=10m place=Board item=d" + day + "- to=" + to
	}
	first := share("40", "20", "ann@rival.example")
	for name, c := range map[string]struct {
		second string
		told   bool
	}{
		"the same":          {share("42", "20", "ann@rival.example"), false},
		"another receiver":  {share("42", "20", "bob@other.example"), true},
		"much more":         {share("42", "90", "ann@rival.example"), true},
		"after two weeks":   {share("55", "20", "ann@rival.example"), true},
		"another kind":      {"42 14:00 p1 download x90 spread=10m source=box place=Deals item=e-", true},
		"with notice given": {"notice p1 41 60\n" + share("42", "20", "ann@rival.example"), true},
	} {
		t.Run(name, func(t *testing.T) {
			risk, _, again := playLowered(t, append(strings.Split(c.second, "\n"), first)...)
			if risk[40] < attention {
				t.Fatalf("day 40: %.1f", risk[40])
			}
			if c.told != (len(again) == 0) || !c.told && risk[42] >= attention {
				t.Errorf("score of the second day %.1f, of the first %.1f; said again %d times", risk[42]+risk[55], risk[40], len(again))
			}
		})
	}
}
