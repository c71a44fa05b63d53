package chart

import (
	"bytes"
	"fmt"
	"html"
	"math"
	"strings"
)

// The size of a small chart, in its own units.
const (
	smallWidth  = 300
	smallHeight = 56
	smallFloor  = smallHeight - 12 // where bars stand, above the dates
)

// Small draws consecutive days as a small SVG within a page: bars, those that are marked in another class,
// and a line for the person's own usual day. It has no colours: classes d-bar, d-mark, d-own and d-axis take them
// from the page's style sheet. Alt describes the chart for people who do not see it. Without days the
// result is empty.
func Small(days []Day, alt string) []byte {
	if len(days) == 0 {
		return nil
	}
	most := 0.0
	for _, d := range days {
		for _, v := range []float64{d.N, d.Usual} {
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				most = max(most, v)
			}
		}
	}
	scale := 0.0
	if most > 0 {
		scale = (smallFloor - 2) / most
	}
	height := func(v float64) float64 {
		if math.IsNaN(v) || math.IsInf(v, 0) || v <= 0 {
			return 0
		}
		return max(v*scale, 1) // something is seen of every day with something
	}
	step := float64(smallWidth) / float64(len(days))
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg class="small-chart" role="img" viewBox="0 0 %d %d" aria-label="%s">`,
		smallWidth, smallHeight, html.EscapeString(alt))
	var line []string
	for i, d := range days {
		x := float64(i) * step
		if h := height(d.N); h > 0 {
			class := "d-bar"
			if d.Marked {
				class = "d-mark"
			}
			width := max(step*.8, .6)
			fmt.Fprintf(&b, `<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, class, x, smallFloor-h, width, h)
		}
		if !math.IsNaN(d.Usual) {
			line = append(line, fmt.Sprintf("%.1f,%.1f", x+step*.4, smallFloor-height(d.Usual)))
		}
	}
	fmt.Fprintf(&b, `<line class="d-axis" x1="0" x2="%d" y1="%d" y2="%[2]d"/>`, smallWidth, smallFloor)
	if len(line) > 1 {
		fmt.Fprintf(&b, `<polyline class="d-own" points="%s"/>`, strings.Join(line, " "))
	}
	first, last := days[0].Date.Format("Jan 2"), days[len(days)-1].Date.Format("Jan 2")
	fmt.Fprintf(&b, `<text x="0" y="%d">%s</text><text x="%d" y="%[1]d" text-anchor="end">%[4]s</text></svg>`,
		smallHeight-2, first, smallWidth, last)
	return b.Bytes()
}
