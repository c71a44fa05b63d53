package chart

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/go-analyze/charts"
)

// Week is one bar.
type Week struct {
	Label string // such as W20
	N     int    // height of the bar
}

// Weeks draws consecutive weeks as bars with their numbers; the last one is in a stronger colour. Without
// weeks there is an error.
func Weeks(format Format, list []Week) ([]byte, error) {
	if len(list) == 0 {
		return nil, fmt.Errorf("chart: no weeks")
	}
	null := charts.GetNullValue()
	before, now := make([]float64, len(list)), make([]float64, len(list))
	var labels []string
	most := 1
	for i, w := range list {
		before[i], now[i] = float64(w.N), null
		if i == len(list)-1 {
			before[i], now[i] = null, float64(w.N)
		}
		labels, most = append(labels, w.Label), max(most, w.N)
	}
	text := charts.FontStyle{FontSize: 10, FontColor: charts.ParseColor("#1B1F24")}
	label := charts.SeriesLabel{
		Show:           charts.Ptr(true),
		FontStyle:      text,
		ValueFormatter: func(n float64) string { return strconv.Itoa(int(n)) },
	}
	// The size at which mails show it: Outlook on Windows ignores a width beside an embedded image.
	p, err := charts.Render(charts.ChartOption{
		OutputFormat: string(format),
		Width:        600,
		Height:       140,
		Padding:      charts.NewBox(2, 12, 2, 2),
		Theme: charts.GetTheme(charts.ThemeLight).WithSeriesColors([]charts.Color{
			charts.ParseColor("#8BB8E8"), charts.ParseColor("#0B5CAD"),
		}),
		StackSeries: charts.Ptr(true),
		SeriesList: charts.GenericSeriesList{
			{Type: charts.ChartTypeBar, Values: before, Label: label},
			{Type: charts.ChartTypeBar, Values: now, Label: label},
		},
		XAxis: charts.XAxisOption{Labels: labels, LabelFontStyle: text},
		YAxis: []charts.YAxisOption{{Show: charts.Ptr(false), Min: charts.Ptr(0.0), Max: charts.Ptr(1.15 * float64(most))}},
	})
	if err != nil {
		return nil, fmt.Errorf("chart: render: %w", err)
	}
	return p.Bytes()
}

// WeeksText describes the weeks for people who cannot see them.
func WeeksText(list []Week) string {
	var parts []string
	for _, w := range list {
		parts = append(parts, w.Label+": "+strconv.Itoa(w.N))
	}
	return strings.Join(parts, ", ")
}
