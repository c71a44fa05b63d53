package feed

import (
	"fmt"
	"html/template"
	"math"
	"net/url"
	"strings"
	"time"

	"github.com/outflow/outflow/alert/report"
	"github.com/outflow/outflow/internal/plain"
)

// bar is a day of a chart.
type bar struct {
	Date         time.Time
	N            float64
	Usual, Peers float64 // on a usual day of the user, and of a colleague; NaN if unknown
	Alert        string  // ID of an alert of the day, which the bar links to; "" if there is none
	Marked       bool    // the bar has the colour of alerts
}

// The size of a chart, in its own units.
const (
	chartWide = 720.0
	chartHigh = 110.0
	chartTop  = 18.0 // above the bars: what is drawn
	leastDays = 30   // least days that it is wide
)

// barChart draws days from the first bar to a day, as SVG in the colours of the page. Unit is what is counted, and label
// says in words what is drawn. Without bars it is empty.
func barChart(bars []bar, until time.Time, unit, label string) template.HTML {
	if len(bars) == 0 {
		return ""
	}
	first, most := bars[0].Date, 0.0
	for _, d := range bars {
		for _, x := range []float64{d.N, d.Usual, d.Peers} {
			if !math.IsNaN(x) {
				most = max(most, x)
			}
		}
	}
	if most <= 0 {
		most = 1
	}
	dayOf := func(t time.Time) float64 { return math.Round(t.Sub(first).Hours() / 24) }
	step := chartWide / max(dayOf(until)+1, leastDays)
	tall := func(x float64) float64 { return chartHigh * x / most }
	var b strings.Builder
	for _, d := range bars {
		if d.N > 0 {
			b.WriteString(d.draw(step*dayOf(d.Date), max(step-1, 1), max(tall(d.N), 1), unit))
		}
	}
	for _, l := range []struct {
		class string
		of    func(d *bar) float64
	}{{"line-own", func(d *bar) float64 { return d.Usual }}, {"line-peers", func(d *bar) float64 { return d.Peers }}} {
		var points []string
		for i := range bars {
			if y := l.of(&bars[i]); !math.IsNaN(y) {
				points = append(points, fmt.Sprintf("%.1f,%.1f", step*(dayOf(bars[i].Date)+.5), chartTop+chartHigh-tall(y)))
			}
		}
		if len(points) > 1 {
			fmt.Fprintf(&b, `<polyline points="%s" class="%s"/>`, strings.Join(points, " "), l.class)
		}
	}
	fmt.Fprintf(&b, `<line x1="0" x2="%.0f" y1="%[2]g" y2="%[2]g" class="axis"/>`, chartWide, chartTop+chartHigh)
	fmt.Fprintf(&b, `<text x="0" y="12" class="l">%s</text>`, template.HTMLEscapeString(counted(most, unit)))
	fmt.Fprintf(&b, `<text x="0" y="%g" class="l">%s</text>`, chartTop+chartHigh+16, first.Format("2 Jan 2006"))
	fmt.Fprintf(&b, `<text x="%.0f" y="%g" text-anchor="end" class="l">%s</text>`, step*(dayOf(until)+1), chartTop+chartHigh+16,
		until.Format("2 Jan 2006"))
	return template.HTML(fmt.Sprintf(`<svg role="group" aria-label="%s" viewBox="0 0 %.0f %.0f" class="bars wide">%s</svg>`,
		template.HTMLEscapeString(label), chartWide, chartTop+chartHigh+22, b.String()))
}

// unitPoints is the unit of scores, which have a decimal everywhere.
const unitPoints = "points"

// counted formats an amount with its unit.
func counted(x float64, unit string) string {
	if unit == unitPoints {
		return fmt.Sprintf("%.1f %s", x, unit)
	}
	return plain.Amount(x) + " " + unit
}

// draw draws the bar at a place, so wide and so tall.
func (d *bar) draw(x, wide, tall float64, unit string) string {
	class, title := "own", d.Date.Format(time.DateOnly)+": "+counted(d.N, unit)
	if d.Marked {
		class, title = "seen", title+", with an alert"
	}
	s := fmt.Sprintf(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" class="%s"><title>%s</title></rect>`,
		x, chartTop+chartHigh-tall, wide, tall, class, template.HTMLEscapeString(title))
	if d.Alert == "" {
		return s
	}
	return fmt.Sprintf(`<a href="/alerts/%s">%s</a>`, url.PathEscape(d.Alert), s)
}

// RiskChart draws the highest score of each day.
func (p *personProfile) RiskChart() template.HTML {
	var list []bar
	for _, d := range p.Risk {
		if at, err := time.Parse(time.DateOnly, d.Day); err == nil {
			list = append(list, bar{at, d.Score, math.NaN(), math.NaN(), d.Alert, d.Alert != ""})
		}
	}
	return barChart(list, p.Until, unitPoints, p.RiskSummary())
}

// metricChart is a metric of a user's days, to be drawn.
type metricChart struct{ *report.Series }

// Draw draws the days of the metric.
func (c metricChart) Draw() template.HTML {
	var list []bar
	for _, d := range c.Days {
		list = append(list, bar{d.Date, d.N, d.Usual, d.Peers, "", d.Marked})
	}
	if len(list) == 0 {
		return ""
	}
	return barChart(list, list[len(list)-1].Date, c.Unit, c.Alt)
}

// RiskSummary says in words what RiskChart shows.
func (p *personProfile) RiskSummary() string {
	var top riskDay
	raised := 0
	for _, d := range p.Risk {
		if d.Score > top.Score {
			top = d
		}
		if d.Alert != "" {
			raised++
		}
	}
	if top.Score == 0 {
		return fmt.Sprintf("No score on any of %s with activity.", plain.CountOf(len(p.Risk), "day", "days"))
	}
	return fmt.Sprintf("Highest score %.1f points, on %s. %s with an alert, of %s with activity.", top.Score, top.Day,
		plain.CountOf(raised, "day", "days"), plain.CountOf(len(p.Risk), "day", "days"))
}

// HoursChart draws on what share of the days there was activity in each hour, as SVG.
func (p *personProfile) HoursChart() template.HTML {
	if p.HourDays == 0 {
		return ""
	}
	var b strings.Builder
	for h, n := range p.Hours {
		share := float64(n) / float64(p.HourDays)
		tall := 48 * share
		if n > 0 {
			tall = max(tall, 1.5)
		}
		fmt.Fprintf(&b, `<rect x="%d" y="%.1f" width="16" height="%.1f" class="own"><title>%02d:00 to %02d:00 UTC: %s of %d</title></rect>`,
			h*18, 50-tall, tall, h, (h+1)%24, plain.CountOf(n, "day", "days"), p.HourDays)
		if h%3 == 0 {
			fmt.Fprintf(&b, `<text x="%d" y="64" class="l">%02d</text>`, h*18, h)
		}
	}
	return template.HTML(fmt.Sprintf(`<svg role="img" aria-label="%s" viewBox="0 0 432 68" class="bars">%s</svg>`,
		template.HTMLEscapeString(p.HoursSummary()), b.String()))
}

// usualHour is the share of days from which on an hour is one in which the user usually works.
const usualHour = .25

// HoursSummary says in words what HoursChart shows: the hours with activity on at least a quarter of the days.
func (p *personProfile) HoursSummary() string {
	usual := func(h int) bool { return float64(p.Hours[h%24]) >= usualHour*float64(p.HourDays) }
	var spans []string
	for h := range 24 {
		if !usual(h) || usual(h+23) {
			continue
		}
		end := h
		for usual(end) && end < h+24 {
			end++
		}
		spans = append(spans, fmt.Sprintf("%02d:00 to %02d:00", h, end%24))
	}
	switch {
	case p.HourDays == 0:
		return "The hours of their activity are not stored for these days."
	case len(spans) == 0 && usual(0):
		return "Active in every hour of the day."
	case len(spans) == 0:
		return "No hour has activity on a quarter of the days."
	}
	return "Usually active from " + strings.Join(spans, ", and from ") + " UTC."
}
