package report

import (
	"fmt"
	"html/template"
	"math"
	"strings"
	"time"

	"github.com/outflow/outflow/internal/chart"
	"github.com/outflow/outflow/internal/plain"
)

// Colours of charts. They can be told apart by people with colour blindness (Okabe and Ito, 2008), and in print.
const (
	inkColor     = "#1b1f24"
	quietColor   = "#57606a"
	gridColor    = "#d0d7de"
	gapColor     = "#eaeef2"
	barColor     = "#56b4e9"
	unusualColor = "#d55e00"
	peersColor   = "#00734f"
)

// A shape is a part of a drawing: a rectangle, a line, or a text at x and y.
type shape struct {
	kind       shapeKind
	x, y, w, h float64 // of a line, w and h lead to its end; of a text, x and y are where its baseline begins, or see anchor
	color      string
	dashed     bool
	text       string
	anchor     string // of a text: start, middle or end
	size       float64
}

type shapeKind int

const (
	rectangle shapeKind = iota
	stroke
	label
)

// drawing is a picture of shapes, which pages show as SVG, and PDF files as they are.
type drawing struct {
	w, h   float64
	shapes []shape
}

func (d *drawing) rect(x, y, w, h float64, color string) {
	d.shapes = append(d.shapes, shape{kind: rectangle, x: x, y: y, w: w, h: h, color: color})
}

func (d *drawing) line(x, y, w, h float64, color string, dashed bool) {
	d.shapes = append(d.shapes, shape{kind: stroke, x: x, y: y, w: w, h: h, color: color, dashed: dashed})
}

func (d *drawing) label(x, y float64, text, anchor, color string) {
	d.shapes = append(d.shapes, shape{kind: label, x: x, y: y, text: text, anchor: anchor, color: color, size: 11})
}

// svg returns the drawing for a page. Alt describes it to people who cannot see it.
func (d *drawing) svg(alt string) template.HTML {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg role="img" viewBox="0 0 %g %g" class="chart" aria-label="%s">`, d.w, d.h, template.HTMLEscapeString(clean(alt)))
	for _, s := range d.shapes {
		switch s.kind {
		case rectangle:
			fmt.Fprintf(&b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`, s.x, s.y, s.w, s.h, s.color)
		case stroke:
			dash := ""
			if s.dashed {
				dash = ` stroke-dasharray="4 3"`
			}
			fmt.Fprintf(&b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"%s/>`, s.x, s.y, s.x+s.w, s.y+s.h, s.color, dash)
		case label:
			fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="%s" fill="%s">%s</text>`, s.x, s.y, s.anchor, s.color,
				template.HTMLEscapeString(clean(s.text)))
		}
	}
	b.WriteString("</svg>")
	return template.HTML(b.String())
}

// Measures of the chart of a period.
const (
	chartWidth  = 700.0
	chartHeight = 210.0
	plotLeft    = 52.0
	plotRight   = 690.0
	plotTop     = 40.0
	plotBottom  = 170.0
)

// period draws the days of a series within the period of a review: bars for the days, a line for what is usual, the
// days without data in grey, notice and last day as marks.
func (r *Review) period(s *Series) *drawing {
	d := &drawing{w: chartWidth, h: chartHeight}
	from, span := day(r.From), max(r.To.Sub(r.From).Hours(), 24)
	x := func(at time.Time) float64 {
		return plotLeft + (plotRight-plotLeft)*min(max(at.Sub(from).Hours()/span, 0), 1)
	}
	r.drawGaps(d, x)
	most := drawScale(d, s.Days)
	y := func(v float64) float64 { return plotBottom - (plotBottom-plotTop)*min(v/most, 1) }
	width := max((plotRight-plotLeft)*24/span-1, 1)
	for i := range s.Days {
		b := &s.Days[i]
		if math.IsNaN(b.N) || b.N <= 0 {
			continue
		}
		color := barColor
		if b.Marked {
			color = unusualColor
		}
		height := max(plotBottom-y(b.N), 1)
		d.rect(x(b.Date), plotBottom-height, width, height, color)
	}
	drawUsual(d, s.Days, x, y)
	drawHighest(d, s, x, y)
	r.drawMarks(d, x)
	d.line(plotLeft, plotBottom, plotRight-plotLeft, 0, quietColor, false)
	for _, at := range months(r.From, r.To) {
		d.line(x(at), plotBottom, 0, 4, quietColor, false)
		d.label(x(at), plotBottom+16, at.Format("2 Jan"), "middle", quietColor)
	}
	legend(d, s)
	return d
}

// timeline draws the period with notice, last day and unusual days.
func (r *Review) timeline() *drawing {
	d := &drawing{w: chartWidth, h: 80}
	from, span := day(r.From), max(r.To.Sub(r.From).Hours(), 24)
	x := func(at time.Time) float64 { return 10 + (plotRight-10)*min(max(at.Sub(from).Hours()/span, 0), 1) }
	d.line(10, 55, plotRight-10, 0, quietColor, false)
	for _, m := range []struct {
		name string
		at   time.Time
		row  float64
	}{{"notice", r.Notice, 14}, {"last day", r.LastDay, 28}} {
		if !m.at.IsZero() {
			d.line(x(m.at), m.row+3, 0, 55-m.row, inkColor, true)
			d.label(min(max(x(m.at), 60), 640), m.row, m.name+" "+m.at.UTC().Format("2 Jan"), "middle", inkColor)
		}
	}
	for _, p := range r.Timeline {
		size := 4 + 2*float64(p.Severity)
		d.rect(x(p.Time)-size/2, 55-size/2, size, size, unusualColor)
	}
	d.label(10, 76, date(r.From), "start", quietColor)
	d.label(plotRight, 76, date(r.To), "end", quietColor)
	return d
}

// drawGaps greys out the days without data.
func (r *Review) drawGaps(d *drawing, x func(time.Time) float64) {
	gaps := r.Coverage.Missing
	if end := r.dataUntil(); end.Before(day(r.To)) {
		gaps = append(gaps[:len(gaps):len(gaps)], Stretch{From: end.AddDate(0, 0, 1), To: day(r.To)})
	}
	for _, g := range gaps {
		left, right := x(g.From), x(g.To.AddDate(0, 0, 1))
		if right <= left {
			continue
		}
		d.rect(left, plotTop, right-left, plotBottom-plotTop, gapColor)
		if right-left > 50 {
			d.label(left+6, plotTop+14, "no data", "start", quietColor)
		}
	}
}

// drawScale draws the lines of the scale, and returns its highest value.
func drawScale(d *drawing, days []chart.Day) float64 {
	most := 1.0
	for i := range days {
		for _, v := range []float64{days[i].N, days[i].Usual, days[i].Peers} {
			if !math.IsNaN(v) {
				most = max(most, v)
			}
		}
	}
	step := math.Pow(10, math.Floor(math.Log10(most)))
	for most/step > 4 {
		step *= 2
	}
	for most/step < 1.5 && step > 1 {
		step /= 2
	}
	top := math.Ceil(most/step) * step
	for v := 0.0; v <= top; v += step {
		at := plotBottom - (plotBottom-plotTop)*v/top
		d.line(plotLeft, at, plotRight-plotLeft, 0, gridColor, false)
		d.label(plotLeft-6, at+4, plain.Amount(v), "end", quietColor)
	}
	return top
}

// drawUsual draws what is usual for the person, and for colleagues, as lines.
func drawUsual(d *drawing, days []chart.Day, x func(time.Time) float64, y func(float64) float64) {
	for i := 1; i < len(days); i++ {
		a, b := &days[i-1], &days[i]
		left, width := x(a.Date), x(b.Date)-x(a.Date)
		if !math.IsNaN(a.Peers) && !math.IsNaN(b.Peers) {
			d.line(left, y(a.Peers), width, y(b.Peers)-y(a.Peers), peersColor, i%2 == 0)
		}
		if !math.IsNaN(a.Usual) && !math.IsNaN(b.Usual) {
			d.line(left, y(a.Usual), width, y(b.Usual)-y(a.Usual), inkColor, false)
		}
	}
}

// drawHighest writes beside the highest unusual day what it has.
func drawHighest(d *drawing, s *Series, x func(time.Time) float64, y func(float64) float64) {
	best := -1
	for i := range s.Days {
		if s.Days[i].Marked && (best < 0 || s.Days[i].N > s.Days[best].N) {
			best = i
		}
	}
	if best < 0 {
		return
	}
	b := &s.Days[best]
	anchor, at := "end", x(b.Date)-4
	if at < (plotLeft+plotRight)/2 {
		anchor, at = "start", x(b.Date)+10
	}
	d.label(at, y(b.N)+12, fmt.Sprintf("%s on %s", plain.Amount(b.N), b.Date.Format("2 January")), anchor, unusualColor)
}

// drawMarks draws notice and last day.
func (r *Review) drawMarks(d *drawing, x func(time.Time) float64) {
	for _, m := range []struct {
		name string
		at   time.Time
		row  float64
	}{{"notice", r.Notice, 14}, {"last day", r.LastDay, 28}} {
		if m.at.IsZero() || m.at.Before(r.From) || m.at.After(r.To) {
			continue
		}
		at := x(day(m.at))
		d.line(at, m.row+3, 0, plotBottom-m.row-3, inkColor, true)
		d.label(min(max(at, 60), 640), m.row, m.name+" "+m.at.UTC().Format("2 Jan"), "middle", inkColor)
	}
}

// legend says what the bars and lines are.
func legend(d *drawing, s *Series) {
	at := plotLeft
	const y = 202
	for _, e := range []struct{ name, color string }{
		{clean(s.Unit) + " a day", barColor}, {"unusual day", unusualColor}, {"usual for the person", inkColor}, {"colleagues", peersColor},
		{"no data", gapColor},
	} {
		d.rect(at, y-8, 10, 8, e.color)
		d.label(at+14, y, e.name, "start", quietColor)
		at += 30 + 5.6*float64(len([]rune(e.name)))
	}
}

// months are the dates below a chart: the first of each month, or each second Monday of a shorter period.
func months(from, to time.Time) (list []time.Time) {
	if to.Sub(from) < 60*24*time.Hour {
		_, monday := WeekOf(from)
		for at := monday; !at.After(to); at = at.AddDate(0, 0, 14) {
			if !at.Before(from) {
				list = append(list, at)
			}
		}
		return list
	}
	for at := time.Date(from.Year(), from.Month(), 1, 0, 0, 0, 0, time.UTC); !at.After(to); at = at.AddDate(0, 1, 0) {
		if !at.Before(from) {
			list = append(list, at)
		}
	}
	return list
}
