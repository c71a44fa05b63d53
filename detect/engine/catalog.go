package engine

import (
	"slices"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/detect/detectors"
	"github.com/outflow/outflow/internal/event"
)

// busy is harmless activity. It is not judged: it says how busy somebody is, and
// much work explains much else.
var busy = []detect.Metric{
	{Name: "views", On: []event.Class{event.View}, Measure: one},
	{Name: "edits", On: []event.Class{event.Edit}, Measure: one},
	{Name: "uploads", On: []event.Class{event.Upload}, Measure: one},
	{Name: "internal_shares", On: []event.Class{event.ShareUser}, Measure: func(a *detect.Enriched) float64 { return float64(a.Internal) }},
	{Name: "fetches", On: []event.Class{event.Fetch}, Measure: one},
	{Name: "pushes", On: []event.Class{event.Push}, Measure: one},
	{Name: "report_runs", On: []event.Class{event.ReportRun}, Measure: one},
	{Name: "queries", On: []event.Class{event.Query}, Measure: one},
	{Name: "logins", On: []event.Class{event.LoginSuccess}, Measure: one},
}

func one(*detect.Enriched) float64 { return 1 }

// metric is a Metric in the flat list that state is kept by.
type metric struct {
	*detect.Metric
	detector int // index in All, or -1 if it only says how busy somebody is
	harm     float64
	carried  int // index among those that go on from day to day, or -1
}

// fact is a Fact in the flat list.
type fact struct {
	*detect.Indicator
	detector int
	lasting  int // index of the fact that Lasts names, or -1
}

// The flat lists: judged metrics first, then the busy ones.
var (
	metrics  []metric
	facts    []fact
	judged   int   // how many of the metrics are judged
	slow     []int // metrics looked at for lasting shifts
	carried  []int // metrics that go on from day to day
	groups   [][]int
	onClass  [256][]int // metrics by class
	factsOn  [256][]int
	index    = map[string]int{} // metric by name
	detected = map[string]int{} // detector by name

	mechanism [detect.Mechanisms]int // the detector of each
)

// detectorOf is the detector of a mechanism.
func detectorOf(m detect.Mechanism) *detect.Detector { return detectors.All[mechanism[m]] }

func init() {
	groups = make([][]int, len(detectors.All))
	for d, det := range detectors.All {
		detected[det.Name] = d
		if det.Mechanism != detect.NoMechanism {
			mechanism[det.Mechanism] = d
		}
		for i := range det.Metrics {
			m := metric{&det.Metrics[i], d, det.Metrics[i].Weight, -1}
			if m.harm == 0 {
				m.harm = 1
			}
			groups[d] = append(groups[d], len(metrics))
			if m.Decay > 0 {
				m.carried = len(carried)
				carried = append(carried, len(metrics))
			}
			if m.Slow {
				slow = append(slow, len(metrics))
			}
			metrics = append(metrics, m)
		}
		for i := range det.Indicators {
			facts = append(facts, fact{&det.Indicators[i], d, -1})
		}
	}
	for i := range facts {
		if facts[i].Persists != "" {
			facts[i].lasting = slices.IndexFunc(facts, func(f fact) bool { return f.Name == facts[i].Persists })
		}
	}
	judged = len(metrics)
	for i := range busy {
		metrics = append(metrics, metric{&busy[i], -1, 0, -1})
	}
	for i, m := range metrics {
		index[m.Name] = i
		rare = append(rare, rareCounts[m.Name])
		for _, c := range m.On {
			onClass[c] = append(onClass[c], i)
		}
	}
	for i, f := range facts {
		for _, c := range f.On {
			factsOn[c] = append(factsOn[c], i)
		}
	}
}

// weightOf is the weight of a detector's counts in the score.
func weightOf(d *detect.Detector) float64 {
	if d.Weight == 0 {
		return 1
	}
	return d.Weight
}
