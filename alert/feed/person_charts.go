package feed

import (
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/outflow/outflow/internal/plain"
)

// RiskChart draws the highest score of each day, as SVG in the colours of the page.
func (p *personProfile) RiskChart() template.HTML {
	if len(p.Risk) == 0 {
		return ""
	}
	const wide, high = 720.0, 110.0
	first, err := time.Parse(time.DateOnly, p.Risk[0].Day)
	if err != nil {
		return ""
	}
	most := 1.0
	for _, d := range p.Risk {
		most = max(most, d.Score)
	}
	days := int(p.Until.Sub(first).Hours()/24) + 1
	step := wide / float64(max(days, 30))
	var b strings.Builder
	for _, d := range p.Risk {
		at, err := time.Parse(time.DateOnly, d.Day)
		if err != nil {
			continue
		}
		x, h := step*float64(int(at.Sub(first).Hours()/24)), max(high*d.Score/most, 1)
		class := "own"
		if d.Alert != "" {
			class = "seen"
		}
		bar := fmt.Sprintf(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" class="%s"><title>%s: %.1f points%s</title></rect>`,
			x, 14+high-h, max(step-1, 1), h, class, d.Day, d.Score, map[bool]string{true: ", with an alert"}[d.Alert != ""])
		if d.Alert != "" {
			bar = fmt.Sprintf(`<a href="/alerts/%s">%s</a>`, template.URLQueryEscaper(d.Alert), bar)
		}
		b.WriteString(bar)
	}
	fmt.Fprintf(&b, `<text x="0" y="10" class="l">%.1f points</text><text x="0" y="%.0f" class="l">%s</text>`, most, high+30,
		first.Format("2 Jan 2006"))
	fmt.Fprintf(&b, `<text x="%.0f" y="%.0f" text-anchor="end" class="l">%s</text>`, step*float64(days), high+30,
		p.Until.Format("2 Jan 2006"))
	return template.HTML(fmt.Sprintf(`<svg role="group" aria-label="%s" viewBox="0 0 %.0f %.0f" class="bars wide">%s</svg>`,
		template.HTMLEscapeString(p.RiskSummary()), wide, high+36, b.String()))
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
