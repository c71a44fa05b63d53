package explain

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/chart"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/plain"
)

const (
	barWidth  = 24 // columns of a bar
	fewTerms  = 8  // that are drawn
	fewItems  = 12 // of one detector's evidence that are listed
	nameWidth = 40 // columns of what a bar stands for
)

// drawParts draws what the score comes from: what speaks for and against it, or else the detectors.
func (x *Explanation) drawParts(w io.Writer) {
	type part struct {
		name   string
		points float64
	}
	var parts []part
	for i := range x.Alert.Receipt.Terms {
		t := &x.Alert.Receipt.Terms[i]
		name, points := partOf(t), t.LogOdds()*x.Alert.Receipt.Scale
		if k := slices.IndexFunc(parts, func(p part) bool { return p.name == name }); k >= 0 {
			parts[k].points += points
		} else {
			parts = append(parts, part{name, points})
		}
	}
	if len(parts) == 0 {
		for _, e := range x.Alert.Evidence {
			parts = append(parts, part{e.Title, e.Points})
		}
	}
	parts = slices.DeleteFunc(parts, func(p part) bool { return math.Abs(p.points) < .05 })
	slices.SortStableFunc(parts, func(a, b part) int { return -cmp.Compare(math.Abs(a.points), math.Abs(b.points)) })
	if len(parts) == 0 {
		return
	}
	section(w, "What the score comes from, in points")
	most := math.Abs(parts[0].points)
	for _, p := range parts[:min(len(parts), fewTerms)] {
		bar := strings.TrimRight(chart.Bar(math.Abs(p.points), most, barWidth, x.ASCII), " ")
		fmt.Fprintf(w, "  %-*s %+6.1f  %s\n", nameWidth, plain.Escape(plain.Clip(p.name, nameWidth)), p.points, bar)
	}
	if more := len(parts) - fewTerms; more > 0 {
		fmt.Fprintf(w, "  and %s below\n", plain.CountOf(more, "smaller part", "smaller parts"))
	}
}

// of says what the features of single kinds of activity are about, by the beginning of their names.
var of = map[string]string{
	"points":    "which detectors saw it",
	"indicator": "which detectors saw it",
	"rarity":    "how rare the amounts are",
	"size":      "how large the amounts are",
}

// plainly has words for features without words of their own.
var plainly = map[string]string{
	"places":    "how many places",
	"one_place": "mostly in one place",
	"detectors": "how many detectors saw it",
	"receivers": "how many receivers",
	"span":      "spread over hours",
	"sources":   "how many services",
}

// partOf is what a term is counted as: features of how unusual the day is, and of single kinds of activity,
// are one part each.
func partOf(t *finding.Term) string {
	kind, _, single := strings.Cut(t.Feature, ":")
	switch {
	case strings.HasPrefix(t.Feature, "base"):
		return "how unusual the day is"
	case single:
		return of[kind]
	}
	return cmp.Or(t.Words, plainly[t.Feature], strings.ReplaceAll(t.Feature, "_", " "))
}

// drawDays draws the person's days against their usual day, on one scale.
func (x *Explanation) drawDays(w io.Writer) {
	if x.Days == nil {
		return
	}
	section(w, "Day by day, "+plain.Escape(x.Days.Unit))
	DrawDays(w, x.Days.Days, x.ASCII, x.Width)
	fmt.Fprintf(w, "  %s\n", plain.Escape(x.Days.Alt))
}

// DrawDays draws days and the usual day below one another on one scale, with a mark under marked days, in
// lines of a number of columns at most (0 for 80).
func DrawDays(w io.Writer, days []chart.Day, ascii bool, width int) {
	const label = "  usual  "
	room := min(len(days), cmp.Or(width, 80)-len(label))
	if room < 1 {
		return
	}
	var seen, usual, marks []float64
	most := 0.0
	for _, d := range days {
		seen, usual = append(seen, d.N), append(usual, d.Usual)
		mark := 0.0
		if d.Marked {
			mark = 1
		}
		marks = append(marks, mark)
		most = max(most, finite(d.N), finite(d.Usual))
	}
	line := func(name string, values []float64) {
		fmt.Fprintln(w, strings.TrimRight(name+chart.Line(chart.Shorten(values, room), most, ascii), " "))
	}
	line("  seen   ", seen)
	var under strings.Builder
	for _, m := range chart.Shorten(marks, room) {
		under.WriteByte(" ^"[int(m)])
	}
	if slices.Contains(marks, 1) {
		fmt.Fprintln(w, "         "+strings.TrimRight(under.String(), " "))
	}
	if slices.ContainsFunc(usual, func(v float64) bool { return !math.IsNaN(v) }) {
		line(label, usual)
	}
	first, last := days[0].Date.Format(time.DateOnly), days[len(days)-1].Date.Format(time.DateOnly)
	fmt.Fprintf(w, "         %s%*s\n", first, max(room-len(first), len(last)+1), last)
}

// finite is a value, or 0 if it is none.
func finite(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}

// writeItems lists the first events of each detector's evidence.
func (x *Explanation) writeItems(w io.Writer) {
	for i := range x.Alert.Evidence {
		e := &x.Alert.Evidence[i]
		if len(e.Items) == 0 {
			continue
		}
		section(w, "Events: "+e.Title)
		if title := sameItems(x.Alert.Evidence[:i], e); title != "" {
			fmt.Fprintf(w, "  the same events as under %s\n", title)
			continue
		}
		for k := range e.Items[:min(len(e.Items), fewItems)] {
			fmt.Fprintf(w, "  %s\n", plain.Escape(itemLine(&e.Items[k])))
		}
		if more := len(e.Items) - fewItems + e.Unlisted; len(e.Items) > fewItems || e.Unlisted > 0 {
			said := plain.CountOf(max(more, e.Unlisted), "more event", "more events")
			fmt.Fprintf(w, "  and %s (--format json lists those that are kept)\n", said)
		}
	}
}

// sameItems is the title of an earlier piece of evidence that lists the same events, or "".
func sameItems(earlier []alert.Evidence, e *alert.Evidence) string {
	same := func(a, b alert.Item) bool { return a.Time.Equal(b.Time) && itemLine(&a) == itemLine(&b) }
	for i := range earlier {
		if earlier[i].Unlisted == e.Unlisted && slices.EqualFunc(earlier[i].Items, e.Items, same) {
			return earlier[i].Title
		}
	}
	return ""
}

// itemLine is an event in a line.
func itemLine(x *alert.Item) string {
	parts := []string{x.Time.Format("2006-01-02 15:04:05"), strings.ReplaceAll(x.Activity, "_", " ")}
	if name := cmp.Or(x.Object.Name, x.Object.ID); name != "" {
		parts = append(parts, plain.Clip(name, 80))
	}
	if x.Object.Container != "" {
		parts = append(parts, "in "+plain.Clip(x.Object.Container, 60))
	}
	if x.Rows > 0 {
		parts = append(parts, plain.CountOf(int(x.Rows), "row", "rows"))
	}
	if n := cmp.Or(x.Bytes, x.Object.Size); n > 0 {
		parts = append(parts, plain.Size(float64(n)))
	}
	if len(x.Recipients) > 0 {
		to := strings.Join(x.Recipients[:min(len(x.Recipients), 3)], ", ")
		parts = append(parts, "to "+plain.Clip(to, 80))
	}
	if from := cmp.Or(x.Client.Agent, x.Client.App); from != "" {
		parts = append(parts, plain.Clip(from, 60))
	}
	if x.Client.IP != "" {
		parts = append(parts, x.Client.IP)
	}
	if x.Outcome != "" {
		parts = append(parts, x.Outcome)
	}
	return strings.Join(parts, "  ")
}

// writeChips writes what a reader needs beside the headline.
func writeChips(w io.Writer, facts []finding.Fact) {
	for _, f := range facts {
		fmt.Fprintf(w, "  - %s\n", plain.Escape(f.Text))
	}
}
