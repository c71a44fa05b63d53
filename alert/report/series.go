package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/chart"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/plain"
)

// Series is a user's days by one metric.
type Series struct {
	Title  string      `json:"title"`  // for people
	Metric string      `json:"metric"` // name of the metric
	Unit   string      `json:"unit"`   // what it counts
	Days   []chart.Day `json:"days"`   // without gaps, the earliest first
	Alt    string      `json:"alt"`    // description for people who cannot see the chart

	worst    float64 // largest excess over what is usual
	detector string  // of a chart of a review
	leaves   bool    // of a chart of a review: it counts what left
}

// Draw draws the days. Mark is what a marked day is called.
func (s *Series) Draw(f chart.Format, mark string) ([]byte, error) {
	return chart.Days(f, s.Days, s.Unit, mark, "usual day", "colleagues")
}

// MakeSeries returns a user's days by the metric of an amount, from the first day to the last.
// Days must not be empty. Marked, which may be nil, reports which days have a mark; if none
// has, the result is nil.
func MakeSeries(days []finding.Activity, of *finding.Amount, marked func(*finding.Activity) bool) *Series {
	s := &Series{Title: heading(of.Detector) + ": " + of.Unit, Metric: of.Metric, Unit: of.Unit}
	first, err1 := time.Parse(time.DateOnly, days[0].Date())
	last, err2 := time.Parse(time.DateOnly, days[len(days)-1].Date())
	if err1 != nil || err2 != nil {
		return nil
	}
	var mark, highest chart.Day
	signed, least, at := false, false, 0
	for date := first; !date.After(last); date = date.AddDate(0, 0, 1) {
		d := chart.Day{Date: date, Usual: math.NaN(), Peers: math.NaN()}
		for ; at < len(days) && days[at].Date() == date.Format(time.DateOnly); at++ {
			for _, x := range days[at].Counts {
				if x.Metric == of.Metric {
					n := x.N
					if marked != nil && marked(&days[at]) { // the figure of its alert
						d.Marked, n, least = true, x.Told(), x.AtLeast
					}
					d.N, d.Usual, d.Peers = d.N+n, x.Usual, x.Peers // two days may have one date
					s.worst = max(s.worst, excess(&x))
				}
			}
		}

		s.Days = append(s.Days, d)
		switch {
		case d.Marked && (!signed || d.N > mark.N):
			mark, signed = d, true
		case !d.Marked && d.N > highest.N:
			highest = d
		}
	}

	if marked != nil && !signed {
		return nil
	}
	fill(s.Days)
	if !signed {
		s.Alt = fmt.Sprintf("%d days; the highest, %s, has %s %s.",
			len(s.Days), highest.Date.Format("2 January"), plain.Amount(highest.N), plain.Unit(highest.N, s.Unit))
		return s
	}

	seen := plain.Amount(mark.N)
	if least {
		seen = "At least " + seen
	}
	s.Alt = fmt.Sprintf("%s %s on %s; a usual day of the person has %s, of colleagues %s; the highest of the %d other days shown has %s.",
		seen, plain.Unit(mark.N, s.Unit), mark.Date.Format("2 January"), plain.Amount(mark.Usual), plain.Amount(mark.Peers), len(s.Days)-1,
		plain.Amount(highest.N))
	return s
}

// AlertSeries returns the days to be drawn for an alert: the amount that it is about, or else that of its
// leading detector that departs most from what is usual on the day of the alert. It returns nil if there is
// none.
func AlertSeries(a *alert.Alert, days []finding.Activity) *Series {
	on := slices.IndexFunc(days, func(d finding.Activity) bool { return d.End >= a.Time.UnixMilli() })
	if on < 0 {
		return nil
	}
	var lead *finding.Amount
	rank := func(x *finding.Amount) float64 {
		i := slices.IndexFunc(a.Evidence, func(e alert.Evidence) bool { return e.Detector == x.Detector })
		if i < 0 {
			return -1
		}
		score := a.Evidence[i].Points*1e3 + math.Log1p(x.N/(x.Usual+x.Peers+1))
		if x.Detector == a.Detector && strings.HasPrefix(a.Unit, x.Unit) { // "files within half an hour" are "files"
			score += 1e6 * float64(len(x.Unit))
		}
		return score
	}
	for i := range days[on].Counts {
		if x := &days[on].Counts[i]; rank(x) >= 0 && (lead == nil || rank(x) > rank(lead)) {
			lead = x
		}
	}
	if lead == nil {
		return nil
	}
	return MakeSeries(days, lead, func(d *finding.Activity) bool { return d.End == days[on].End })
}

// RiskSeries returns the scores of a user's days. Days must not be empty. Marked is as in MakeSeries.
func RiskSeries(days []finding.Activity, marked func(*finding.Activity) bool) *Series {
	list := make([]finding.Activity, len(days))
	var of finding.Amount
	for i := range days {
		of = finding.Amount{Detector: "score", Metric: "risk", Unit: "points", N: days[i].Risk, Usual: math.NaN(), Peers: math.NaN()}
		list[i] = days[i]
		list[i].Counts = []finding.Amount{of}
	}
	s := cmp.Or(MakeSeries(list, &of, marked), MakeSeries(list, &of, nil))
	if s == nil {
		return nil
	}
	s.Title = "Score"
	top := s.Days[0]
	for _, d := range s.Days {
		if d.N > top.N {
			top = d
		}
	}
	s.Alt = fmt.Sprintf("The highest of %s is %.1f, on %s.", plural(len(s.Days), "day"), top.N, top.Date.Format("2 January"))
	return s
}

// DayAlerts returns the alerts of each of a user's days, by its end, the highest score first.
func DayAlerts(days []finding.Activity, list []*alert.Alert) map[int64][]*alert.Alert {
	raised := map[int64][]*alert.Alert{}
	for _, a := range list {
		at := a.Time.UnixMilli()
		on := func(d finding.Activity) bool { return d.End >= at && d.End-at < event.Day }
		if d := slices.IndexFunc(days, on); d >= 0 && !a.Withdrawn {
			raised[days[d].End] = append(raised[days[d].End], a)
		}
	}
	for _, of := range raised {
		slices.SortStableFunc(of, func(a, b *alert.Alert) int { return cmp.Compare(b.Score, a.Score) })
	}
	return raised
}

// AllSeries returns a user's days by every metric that has amounts, what departs most from what
// is usual first. A day is marked, and has the figure of its alert, if the detector of the metric contributed to an
// alert of that day; see DayAlerts.
func AllSeries(days []finding.Activity, raised map[int64][]*alert.Alert) (list []Series) {
	seen := map[string]bool{}
	for i := range days {
		for j := range days[i].Counts {
			x := &days[i].Counts[j]
			if seen[x.Metric] {
				continue
			}
			seen[x.Metric] = true
			marked := func(d *finding.Activity) bool {
				return slices.ContainsFunc(raised[d.End], func(a *alert.Alert) bool { return slices.Contains(a.Detectors, x.Detector) })
			}
			if s := cmp.Or(MakeSeries(days, x, marked), MakeSeries(days, x, nil)); s != nil {
				list = append(list, *s)
			}
		}
	}
	slices.SortFunc(list, func(a, b Series) int { return cmp.Or(cmp.Compare(b.worst, a.worst), cmp.Compare(a.Metric, b.Metric)) })
	return list
}

// excess returns how far an amount is above what is usual.
func excess(x *finding.Amount) float64 { return x.N / (x.Usual + x.Peers + 1) }

// fill continues the lines of what is usual over days without amounts: with the last known
// values, and before the first with the first.
func fill(days []chart.Day) {
	own, peers := math.NaN(), math.NaN()
	for _, d := range days {
		if !math.IsNaN(d.Usual) {
			own, peers = d.Usual, d.Peers
			break
		}
	}
	for i := range days {
		d := &days[i]
		if math.IsNaN(d.Usual) {
			d.Usual, d.Peers = own, peers
		}
		own, peers = d.Usual, d.Peers
	}
}

// heading returns a detector's name for people.
func heading(detector string) string {
	words := strings.ReplaceAll(detector, "_", " ")
	if rest, ok := strings.CutPrefix(words, "crm"); ok {
		return "CRM" + rest
	}
	return strings.ToUpper(words[:1]) + words[1:]
}
