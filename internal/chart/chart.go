// Package chart draws charts of days: bars for what was counted, lines for what is usual. The
// colours can be told apart by people with colour blindness (Okabe and Ito, 2008), and in
// print.
package chart

import (
	"fmt"
	"math"
	"time"

	"github.com/go-analyze/charts"
)

// Format is an image format.
type Format string

// The formats.
const (
	SVG Format = charts.ChartOutputSVG
	PNG Format = charts.ChartOutputPNG
)

// Day is one bar, with what is usual.
type Day struct {
	Date   time.Time `json:"date"`             // the date that is shown
	N      float64   `json:"n"`                // height of the bar; NaN for none
	Usual  float64   `json:"usual"`            // on a usual day of the person; NaN if unknown
	Peers  float64   `json:"peers"`            // on a usual day of a colleague; NaN if unknown
	Marked bool      `json:"marked,omitempty"` // the bar has a mark
}

// Days draws consecutive days. Unit is what is counted. Mark is what a marked day is called;
// own and peers are the names of the lines. A line or mark without a name is left out. Without
// days there is an error.
func Days(format Format, days []Day, unit, mark, own, peers string) ([]byte, error) {
	if len(days) == 0 {
		return nil, fmt.Errorf("chart: no days")
	}
	null := charts.GetNullValue()
	value := func(x float64) float64 {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return null
		}
		return x
	}

	var bars, marked, usual, colleagues []float64
	var labels []string
	any := false
	for _, d := range days {
		n, m := value(d.N), null
		if d.Marked {
			m, any = n, true
		}
		bars, marked = append(bars, n), append(marked, m)
		usual, colleagues = append(usual, value(d.Usual)), append(colleagues, value(d.Peers))
		labels = append(labels, d.Date.Format("Jan 2"))
	}

	var list charts.GenericSeriesList
	var names []string
	var colors []charts.Color
	add := func(kind, name, color string, values []float64) {
		list = append(list, charts.GenericSeries{Type: kind, Name: name, Values: values})
		names, colors = append(names, name), append(colors, charts.ParseColor(color))
	}

	add(charts.ChartTypeBar, unit+" a day", "#56B4E9", bars)
	if any && mark != "" {
		add(charts.ChartTypeScatter, mark, "#D55E00", marked)
	}
	if own != "" {
		add(charts.ChartTypeLine, own, "#000000", usual)
	}

	if peers != "" {
		add(charts.ChartTypeLine, peers, "#009E73", colleagues)
	}
	text := charts.FontStyle{FontSize: 11}
	p, err := charts.Render(charts.ChartOption{
		OutputFormat:           string(format),
		Width:                  720,
		Height:                 220,
		Padding:                charts.NewBox(8, 8, 8, 4),
		Theme:                  charts.GetTheme(charts.ThemeLight).WithSeriesColors(colors),
		SeriesList:             list,
		LineStrokeWidth:        1.5,
		StrokeSmoothingTension: .05, // draws no points on lines
		XAxis:                  charts.XAxisOption{Labels: labels, LabelCount: 8, LabelFontStyle: text},
		YAxis:                  []charts.YAxisOption{{Min: charts.Ptr(0.0), LabelFontStyle: text}},
		Legend:                 charts.LegendOption{SeriesNames: names, FontStyle: text},
	})
	if err != nil {
		return nil, fmt.Errorf("chart: render: %w", err)
	}

	return p.Bytes()
}
