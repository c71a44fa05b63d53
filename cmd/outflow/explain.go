package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/datadir"
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/plain"
)

func newExplain(stdout io.Writer) *cobra.Command {
	var data string
	var out report
	cmd := &cobra.Command{
		Use:   "explain --data DIR ALERT",
		Short: "Say what the score of an alert rests on, and compute it again",
		Long: `Explain shows the receipt of an alert's score: what was counted, what was to be
expected, how rare that is, and how it adds up. It computes the score again from
the receipt and says whether it matches.

ALERT is the id of an alert, or the beginning of one, as scan prints it.

Exit status: 0 the score matches, 1 it does not or cannot be computed, 2 wrong usage.`,
		Example: `  outflow scan --data state/ exports/
  outflow explain --data state/ 3fa4c1d2`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if data == "" {
				return &exit{exitUsage, errors.New("--data is required: the directory that a scan or a daemon keeps its alerts in")}
			}
			if err := out.check(); err != nil {
				return err
			}
			s, err := datadir.OpenAlerts(cmd.Context(), data)
			if err != nil {
				return err
			}
			defer s.Close()
			a, err := s.Find(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return explain(stdout, a, out)
		},
	}
	cmd.Flags().StringVar(&data, "data", "", "the data directory of scans, or of a daemon, which may run: `DIR`")
	out.flag(cmd)
	return cmd
}

// explanation is what explain says as JSON.
type explanation struct {
	Alert      *alert.Alert  `json:"alert"`
	Recomputed float64       `json:"recomputed"`
	Matches    bool          `json:"matches"`
	Steps      []engine.Step `json:"steps"`
	Notes      []string      `json:"notes"`
}

func explain(w io.Writer, a *alert.Alert, out report) error {
	x := explanation{Alert: a, Notes: notes(a), Matches: true}
	if a.Receipt != nil {
		var err error
		if x.Recomputed, x.Steps, err = config.Catalog.Recompute(a.Receipt); err != nil {
			return err
		}
	}
	for i := range x.Steps {
		x.Matches = x.Matches && x.Steps[i].Matches()
	}
	x.Matches = x.Matches && math.Abs(x.Recomputed-a.Score) <= .0006 // alerts round to thousandths
	if err := out.write(w, &x, x.write); err != nil {
		return err
	}
	if !x.Matches {
		return fmt.Errorf("the score does not match its receipt")
	}
	return nil
}

// notes say how what the alert counts was counted.
func notes(a *alert.Alert) (list []string) {
	for _, e := range a.Evidence {
		if e.Events == 0 {
			continue
		}
		var parts []string
		if e.Observed > 0 && e.Unit != "" {
			parts = append(parts, plain.Count(int(e.Observed))+" "+e.Unit)
		}
		parts = append(parts, plain.Count(e.Events)+" events counted")
		if e.Repeats > 0 {
			parts = append(parts, plain.Count(e.Repeats)+" further events about things counted already")
		}
		if e.Folders > 0 {
			parts = append(parts, plain.Count(e.Folders)+" of them folders of unknown size")
		}
		list = append(list, e.Title+": "+strings.Join(parts, "; "))
	}
	return list
}

// write is the explanation for people: a sentence first, then everything.
func (x *explanation) write(w io.Writer) error {
	a := x.Alert
	who := cmp.Or(plain.Escape(a.User), "the data")
	fmt.Fprintf(w, "%s %s, %s, score %.1f, about %s on %s\n\n", a.Title, a.Short(), a.Severity, a.Score, who, a.Time.Format("2006-01-02 15:04 MST"))
	fmt.Fprintf(w, "%s.\n", plain.Escape(a.Reason))
	r := a.Receipt
	if r == nil {
		fmt.Fprintln(w, "\nIt rests on what is stated, not on counts: there is no score to compute.")
		return nil
	}
	fmt.Fprintf(w, "%s\n", plainly(a))
	section := func(title string) { fmt.Fprintf(w, "\n%s\n", title) }
	section("How it was counted")
	for _, n := range x.Notes {
		fmt.Fprintf(w, "  %s\n", plain.Escape(n))
	}
	fmt.Fprintf(w, "  %s\n", strings.Join([]string{"from " + time.UnixMilli(r.Start).UTC().Format("2006-01-02 15:04") + " to " + time.UnixMilli(r.At).UTC().Format("2006-01-02 15:04 MST"), "sources " + strings.Join(a.Sources, ", "),
		fmt.Sprintf("the person's own usual day rests on %.1f active days", r.Days), knownDays(r)}, "; "))
	if len(r.Counts) > 0 {
		section("Counts, against what is usual (rows and bytes are judged by their square root)")
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(t, "  metric\twindow\ttotal\tjudged\town\tpeers\torganisation\tcolleagues ×\tbusier ×\texpected\tsurprise\tonce in\tfloor\tdensity\tpoints\t")
		for i := range r.Counts {
			c := &r.Counts[i]
			fmt.Fprintf(t, "  %s\t%s\t%.0f\t%.0f\t%.3g\t%.3g\t%.3g\t%.2f\t%.2f\t%.3g\t%.2f\t%s\t%.0f\t%.2f\t%.2f\t\n", c.Metric, c.Window, c.Total, c.Judged, c.Own, c.Peers, c.Organisation, c.Colleagues, r.Busier,
				c.Own*c.Colleagues*r.Busier, c.Surprise, oncein(c.Rarity), math.Exp(c.Floor), c.Density, c.Points)
		}
		t.Flush()
		fmt.Fprintln(w, "  surprise is −log₁₀ of the chance of so many or more; once in: of how many days of anybody here one surprises as much, by how surprises spread where that is more than are known; a count speaks above the floor")
	}
	if len(r.Facts) > 0 {
		section("Facts")
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(t, "  fact\tweight\tseen on\tof days\tpoints\t")
		for _, f := range r.Facts {
			fmt.Fprintf(t, "  %s\t%.2f\t%.1f\t%.0f\t%.2f\t\n", f.Fact, f.Weight, f.Seen, f.Days, f.Points)
		}
		t.Flush()
	}
	section("Sum")
	for _, e := range a.Evidence {
		if e.Points > 0 {
			fmt.Fprintf(w, "  %6.2f  %s\n", e.Points, e.Detector)
		}
	}
	fmt.Fprintf(w, "  %6.2f  together: the strongest in full, half of the others%s\n", r.Today, also(r))
	fmt.Fprintf(w, "  %6.2f  less half of what is usual for the person (%.2f), but never below 30 %%\n", r.Risk, r.Own)
	if len(a.EventIDs) > 0 {
		section(fmt.Sprintf("Events (%d of %s)", len(a.EventIDs), plain.Count(a.EventCount)))
		fmt.Fprintf(w, "  %s\n", plain.Escape(strings.Join(a.EventIDs, " ")))
	}
	section("Computed again")
	if x.Matches {
		fmt.Fprintf(w, "  %.3f, as the alert says: all %d steps match (model %d).\n", x.Recomputed, len(x.Steps), r.Model)
		return nil
	}
	fmt.Fprintf(w, "  %.3f, and the alert says %.3f: DOES NOT MATCH.\n", x.Recomputed, a.Score)
	for i := range x.Steps {
		if s := &x.Steps[i]; !s.Matches() {
			fmt.Fprintf(w, "  %s %s: the receipt says %.6g, computed %.6g\n", s.Detector, s.What, s.Said, s.Found)
		}
	}
	return nil
}

// also lists what adds to a score beside the detectors' own points.
func also(r *finding.Receipt) string {
	s := ""
	if r.Shift > 0 {
		s += fmt.Sprintf(", %.2f for a lasting shift", r.Shift)
	}
	if r.Leaver {
		s += ", more for leaving"
	}
	if r.Right > 0 {
		s += ", more for a new right before"
	}
	if r.Breach > 0 {
		s += ", more for the suspicion about the account before"
	}
	return s
}

// plainly says in a sentence how unusual the strongest count is.
func plainly(a *alert.Alert) string {
	best := -1
	for i, c := range a.Receipt.Counts {
		if best < 0 || c.Points > a.Receipt.Counts[best].Points {
			best = i
		}
	}
	if best < 0 || a.Receipt.Counts[best].Points == 0 {
		facts := slices.Clone(a.Receipt.Facts)
		slices.SortFunc(facts, func(x, y finding.Noticed) int { return -cmp.Compare(x.Points, y.Points) })
		if len(facts) == 0 {
			return "It is the sum of many days a little above the usual."
		}
		seen := fmt.Sprintf("Such a thing counts as noticed on %.1f of %s days of people", facts[0].Seen, plain.Count(int(facts[0].Days)))
		if a.Receipt.Model < 3 {
			return seen + ", those assumed at first among them."
		}
		return fmt.Sprintf("%s: %.0f are known here, and the others are assumed until more are.", seen, min(a.Receipt.Known, facts[0].Days))
	}
	c := &a.Receipt.Counts[best]
	if c.Before.Days == 0 {
		return fmt.Sprintf("Little is known here yet, %.0f days of people of which %d are needed: that %s %s are many is known from elsewhere, where one day in 10,000 has %s or more.",
			a.Receipt.Known, int(engine.Enough), plain.Count(int(c.Total)), c.Unit, plain.Count(int(unjudged(c, c.Before.Rare))))
	}
	often := fmt.Sprintf("Anybody's day here is as unusual in this respect once in %s days", oncein(c.Rarity))
	if math.Exp(c.Rarity) > c.Before.Days { // more days than there were
		often = fmt.Sprintf("Of the %s days of people that are known here %s as unusual in this respect; extrapolated from how such days spread, one in %s is", plain.Count(int(c.Before.Days)), were(c.Before.AtLeast), oncein(c.Rarity))
	}
	return fmt.Sprintf("%s; for this person and day %.3g %s were to be expected where there were %s.", often, unjudged(c, c.Own*c.Colleagues*a.Receipt.Busier), c.Unit, plain.Count(int(c.Total)))
}

// knownDays says how many days of anybody are known.
func knownDays(r *finding.Receipt) string {
	if r.Model < 3 {
		return "how many days of anybody were known was not kept"
	}
	return fmt.Sprintf("%.0f days of anybody here are known, %d are needed to judge counts by them", r.Known, int(engine.Enough))
}

// were says how many days there were of a kind.
func were(n float64) string {
	switch n = math.Floor(n + .5); n {
	case 0:
		return "none was"
	case 1:
		return "1 was"
	}
	return plain.Count(int(n)) + " were"
}

// unjudged turns an expectation on the scale of the model into the unit of its
// count.
func unjudged(c *finding.Count, x float64) float64 {
	if c.Judged > 0 && c.Total > 2*c.Judged { // the square root was judged
		return x * x * c.Total / (c.Judged * c.Judged)
	}
	return x
}

// oncein writes a rarity as the number of days of which one is as unusual.
func oncein(rarity float64) string { return plain.Count(int(math.Exp(min(rarity, 40)) + .5)) }
