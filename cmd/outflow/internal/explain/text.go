package explain

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/plain"
)

const minutes = "2006-01-02 15:04"

// Write writes the explanation as text: a sentence first, then everything. Errors of w are not
// reported.
func (x *Explanation) Write(w io.Writer) error {
	a := x.Alert
	who := cmp.Or(plain.Escape(a.User), "the data")
	fmt.Fprintf(w, "%s\nalert %s, %s, score %.1f, about %s on %s\n\n",
		plain.Escape(a.Title), a.Short(), a.Severity, a.Score, who, a.Time.Format(minutes+" MST"))
	reason := plain.Escape(detect.Capital(a.Reason))
	if !strings.HasSuffix(reason, "…") { // a long one is cut
		reason += "."
	}
	fmt.Fprintln(w, reason)
	r := a.Receipt
	if r == nil {
		fmt.Fprintln(w, "\nIt rests on what is stated, not on counts: there is no score to compute.")
		x.writeItems(w)
		return nil
	}

	fmt.Fprintf(w, "%s\n", summary(a))
	writeChips(w, a.Facts)
	x.drawParts(w)
	x.drawDays(w)
	x.writeItems(w)
	x.writeBasis(w)
	writeCounts(w, r)
	writeFacts(w, r)
	writeSum(w, a)
	if len(a.EventIDs) > 0 {
		section(w, fmt.Sprintf("Events (%d of %s)", len(a.EventIDs), plain.Count(a.EventCount)))
		fmt.Fprintf(w, "  %s\n", plain.Escape(strings.Join(a.EventIDs, " ")))
	}
	x.writeResult(w)
	return nil
}

func section(w io.Writer, title string) { fmt.Fprintf(w, "\n%s\n", title) }

// writeBasis writes how it was counted, over which time and from how many days.
func (x *Explanation) writeBasis(w io.Writer) {
	r := x.Alert.Receipt
	section(w, "How it was counted")
	for _, n := range x.Notes {
		fmt.Fprintf(w, "  %s\n", plain.Escape(n))
	}
	from, to := time.UnixMilli(r.Start).UTC(), time.UnixMilli(r.At).UTC()
	fmt.Fprintf(w, "  %s\n", strings.Join([]string{
		"from " + from.Format(minutes) + " to " + to.Format(minutes+" MST"),
		"sources " + strings.Join(x.Alert.Sources, ", "),
		fmt.Sprintf("the person's own usual day rests on %.1f active days", r.Days),
		knownDays(r),
	}, "; "))
}

// writeCounts writes each count against what was expected.
func writeCounts(w io.Writer, r *finding.Receipt) {
	if len(r.Counts) == 0 {
		return
	}
	section(w, "Counts, against what is usual (rows and bytes are scored by their square root)")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "  metric\twindow\ttotal\tscored\town\tpeers\torganisation\tcolleagues ×\tbusier ×\t"+
		"expected\tsurprise\tas surprising\trarity\tfloor\tdensity\tpoints\t")
	for i := range r.Counts {
		c := &r.Counts[i]
		total := fmt.Sprintf("%.0f", c.Total)
		if c.Part { // the score takes what is likely besides
			total = fmt.Sprintf("≥ %.0f", c.Stated)
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\t%.0f\t%.3g\t%.3g\t%.3g\t%.2f\t%.2f\t",
			c.Metric, c.Window, total, c.Judged, c.Own, c.Peers, c.Organisation, c.Colleagues, r.Busier)
		fmt.Fprintf(t, "%.3g\t%.2f\t%s\t%.2f\t%.2f\t%.2f\t%.2f\t\n",
			c.Own*c.Colleagues*r.Busier, c.Surprise, soFar(c.Before.SeenOn, c.Before.SeenOf), c.Rarity, c.Floor, c.Density, c.Points)
	}
	t.Flush()
	fmt.Fprintln(w, "  surprise is −log₁₀ of the chance of so many or more; as surprising: on so many of the user-days so far; "+
		"rarity is −ln of their share, smoothed, and continued beyond the largest for the score; a count scores only above the floor")
}

// writeFacts writes each indicator, and how often it was seen before.
func writeFacts(w io.Writer, r *finding.Receipt) {
	if len(r.Facts) == 0 {
		return
	}
	section(w, "Facts")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "  fact\tweight\tseen so far\tcounts as\tof days\tpoints\t")
	for _, f := range r.Facts {
		name := f.Fact
		if f.Kind != "" {
			name += " (" + f.Kind + ")"
		}
		fmt.Fprintf(t, "  %s\t%.2f\t%s\t%.1f\t%.0f\t%.2f\t\n", name, f.Weight, soFar(f.SeenOn, f.SeenOf), f.Seen, f.Days, f.Points)
	}
	t.Flush()
	fmt.Fprintln(w, "  counts as: what is left of earlier days, with those assumed at first; the score rests on it")
}

// writeSum writes how the points add up.
func writeSum(w io.Writer, a *alert.Alert) {
	r := a.Receipt
	section(w, "Sum")
	for _, e := range a.Evidence {
		if e.Points > 0 {
			fmt.Fprintf(w, "  %6.2f  %s\n", e.Points, e.Detector)
		}
	}
	fmt.Fprintf(w, "  %6.2f  together: the strongest in full, half of the others%s\n", r.Today, additions(r))
	own := r.Risk - r.WatchPoints
	if len(r.Terms) > 0 {
		own = r.Base
	}
	fmt.Fprintf(w, "  %6.2f  less half of what is usual for the person (%.2f), but never below 30 %%\n", own, r.Own)
	writeTerms(w, r)
	if len(r.Watch) > 0 {
		fmt.Fprintf(w, "  %6.2f  with the weight of watchlists:%s\n", r.Risk, weights(r.Watch))
	}
}

// writeTerms writes what speaks for and against the day, the strongest first.
func writeTerms(w io.Writer, r *finding.Receipt) {
	if len(r.Terms) == 0 {
		return
	}
	terms := slices.Clone(r.Terms)
	points := func(t *finding.Term) float64 { return t.LogOdds() * r.Scale }
	terms = slices.DeleteFunc(terms, func(t finding.Term) bool { return math.Abs(points(&t)) < .005 })
	slices.SortStableFunc(terms, func(a, b finding.Term) int { return -cmp.Compare(math.Abs(points(&a)), math.Abs(points(&b))) })
	section(w, "For and against, as weighed over many organisations")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "  feature\tvalue\tweight\ttrees\tpoints\t")
	for i := range terms {
		x := &terms[i]
		fmt.Fprintf(t, "  %s\t%.3g\t%+.3g\t%+.3g\t%+.2f\t", x.Feature, x.Value, x.Weight, x.Trees, points(x))
		if x.Words != "" {
			fmt.Fprintf(t, "  %s", x.Words)
		}
		fmt.Fprintln(t)
	}
	t.Flush()
	fmt.Fprintf(w, "  the score is %.3g × ln(1 + exp(sum of value × weight and of trees %+.3g)), at least %.2f for rules and indicators\n",
		r.Scale, r.Bias+r.Absent-r.Offset, r.Floor)
}

// weights lists watchlists and their points.
func weights(list []finding.Watched) string {
	var names []string
	for _, x := range list {
		names = append(names, fmt.Sprintf(" %s (%+.2f)", plain.Escape(x.List), x.Points))
	}
	return strings.Join(names, ",")
}

// writeResult writes whether the recomputed score matches, and the steps that do not.
func (x *Explanation) writeResult(w io.Writer) {
	section(w, "Computed again")
	if x.Matches {
		fmt.Fprintf(w, "  %.3f, as the alert says: all %d steps match (model %d).\n",
			x.Recomputed, len(x.Steps), x.Alert.Receipt.Model)
		return
	}
	fmt.Fprintf(w, "  %.3f, and the alert says %.3f: DOES NOT MATCH.\n", x.Recomputed, x.Alert.Score)
	for i := range x.Steps {
		if s := &x.Steps[i]; !s.Matches() {
			fmt.Fprintf(w, "  %s %s: the receipt says %.6g, computed %.6g\n", s.Detector, s.What, s.Stated, s.Found)
		}
	}
}

// additions lists what adds to a score beside the detectors' own points.
func additions(r *finding.Receipt) string {
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

// summary says in a sentence how unusual the strongest count or indicator is.
func summary(a *alert.Alert) string {
	var count *finding.Count
	var fact *finding.Noticed
	for i := range a.Receipt.Counts {
		if c := &a.Receipt.Counts[i]; c.Points > 0 && (count == nil || c.Points > count.Points) {
			count = c
		}
	}
	for i := range a.Receipt.Facts {
		if f := &a.Receipt.Facts[i]; fact == nil || f.Points > fact.Points {
			fact = f
		}
	}
	switch {
	case count != nil && (fact == nil || count.Points >= fact.Points):
		return countSummary(a.Receipt, count)
	case fact != nil:
		return factSummary(fact)
	}
	return "It is the sum of many days a little above the usual."
}

// factSummary says how often an indicator was seen.
func factSummary(f *finding.Noticed) string {
	if f.SeenOf == 0 {
		return "How often this was seen before was not kept."
	}
	return detect.Capital(detect.SeenOn(f.SeenOn, f.SeenOf)) + "."
}

// countSummary says how rare a count is, and what was expected.
func countSummary(r *finding.Receipt, c *finding.Count) string {
	total := plain.Count(int(c.Total))
	if c.Part {
		total = "at least " + plain.Count(int(c.Stated))
	}
	if c.Before.Days == 0 {
		return fmt.Sprintf("Little is known here yet, %.0f user-days of the %d that are needed; "+
			"hardly a day of other organisations has %s %s.",
			r.Known, int(engine.Enough), total, c.Unit)
	}
	often := "How many days were as unusual was not kept"
	if c.Before.SeenOf > 0 {
		often = detect.Capital(detect.AsUnusual(c.Before.SeenOn, c.Before.SeenOf))
	}
	expected := unscaled(c, c.Own*c.Colleagues*r.Busier)
	return fmt.Sprintf("%s: %s %s, where %.3g were to be expected of this person on this day.", often, total, c.Unit, expected)
}

// knownDays says how many days of people the baselines rest on.
func knownDays(r *finding.Receipt) string {
	if r.Model < 3 {
		return "how many user-days were known was not kept"
	}
	return fmt.Sprintf("%s user-days here are known, %d are needed to score counts", plain.Count(int(r.Known+.5)), int(engine.Enough))
}

// unscaled turns an expectation on the scale of the model into the unit of its count.
func unscaled(c *finding.Count, x float64) float64 {
	if c.Judged > 0 && c.Total > 2*c.Judged { // the square root was scored
		return x * x * c.Total / (c.Judged * c.Judged)
	}
	return x
}

// soFar writes on how many of the user-days something was seen.
func soFar(on, of int64) string {
	if of == 0 {
		return "–"
	}
	return plain.Number(on) + " of " + plain.Number(of)
}
