package engine

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
)

// busy is harmless activity. It is not scored: it says how busy a person is, and
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
	detector int // index in the catalog, or -1 if it only says how busy a person is
	weight   float64
	carried  int  // index among those that go on from day to day, or -1
	unsigned bool // of what is done without a sign-in
	stated   int  // index of the metric with the part that people are told of: its own, if that is all
	part     bool // it is the part that people are told of another
}

// indicator is an Indicator in the flat list.
type indicator struct {
	*detect.Indicator
	detector int
	unsigned bool
	lasting  int // index of the indicator that Persists names, or -1
}

// Catalog is the detectors that an engine scores by, and the flat lists that state is kept by.
// It does not change, and may be shared.
type Catalog struct {
	detectors    []*detect.Detector
	metrics      []metric // those that are scored first, then the busy ones
	indicators   []indicator
	scored       int        // how many of the metrics are scored
	slow         []int      // metrics looked at for lasting shifts
	carried      []int      // metrics that go on from day to day
	groups       [][]int    // metrics by detector
	onClass      [256][]int // metrics by class
	indicatorsOn [256][]int
	rare         []rareCount            // by metric
	index        map[string]int         // metric by name
	detected     map[string]int         // detector by name
	mechanism    [detect.Mechanisms]int // the detector of each
	afterLeaving int                    // the detector that is AfterLeaving, or -1
	// The first indicator of it.
	afterLeavingFact int
	model            uint64 // Model
	layer            *layer
	priors           *priors
}

// NewCatalog returns the catalog of detectors, of which stored state keeps the order. It panics
// if there are more than 64, if a mechanism has not exactly one, or if two metrics, or two
// indicators, have the same name.
func NewCatalog(detectors []*detect.Detector) *Catalog {
	c := &Catalog{detectors: detectors, groups: make([][]int, len(detectors)), index: map[string]int{}, detected: map[string]int{}}
	c.afterLeaving = -1
	for i := range c.mechanism {
		c.mechanism[i] = -1
	}
	for d, det := range detectors {
		c.add(d, det)
	}
	for i := range c.indicators {
		f := &c.indicators[i]
		if f.Persists != "" {
			f.lasting = slices.IndexFunc(c.indicators, func(other indicator) bool { return other.Name == f.Persists })
		}
	}
	c.scored = len(c.metrics)
	for i := range busy {
		c.metrics = append(c.metrics, metric{Metric: &busy[i], detector: -1, carried: -1})
	}
	for i, m := range c.metrics {
		c.index[m.Name], c.metrics[i].stated = i, i
		c.rare = append(c.rare, cmp.Or(rareCounts[m.Name], unsignedCounts[m.Name]))
		for _, class := range m.On {
			c.onClass[class] = append(c.onClass[class], i)
		}
	}
	for i, m := range c.metrics {
		if m.Stated != "" {
			c.metrics[i].stated = c.index[m.Stated]
			c.metrics[c.index[m.Stated]].part = true
		}
	}
	for i, f := range c.indicators {
		for _, class := range f.On {
			c.indicatorsOn[class] = append(c.indicatorsOn[class], i)
		}
	}
	c.check()
	c.layer = newLayer(c, weightsJSON)
	c.priors = newPriors(c, priorsJSON)
	c.model = c.version()
	return c
}

// add adds a detector, by its index.
func (c *Catalog) add(d int, det *detect.Detector) {
	c.detected[det.Name] = d
	if m := det.Mechanism; m != detect.NoMechanism {
		if c.mechanism[m] >= 0 {
			panic("engine: " + det.Name + " and " + c.Of(m).Name + " have the same mechanism")
		}
		c.mechanism[m] = d
	}
	for i := range det.Metrics {
		m := metric{Metric: &det.Metrics[i], detector: d, weight: det.Metrics[i].Weight, carried: -1, unsigned: det.Unsigned}
		if m.weight == 0 {
			m.weight = 1
		}
		c.groups[d] = append(c.groups[d], len(c.metrics))
		if m.Decay > 0 {
			m.carried = len(c.carried)
			c.carried = append(c.carried, len(c.metrics))
		}
		if m.Slow {
			c.slow = append(c.slow, len(c.metrics))
		}
		c.metrics = append(c.metrics, m)
	}
	if det.AfterLeaving {
		c.afterLeaving, c.afterLeavingFact = d, len(c.indicators)
	}
	for i := range det.Indicators {
		c.indicators = append(c.indicators, indicator{&det.Indicators[i], d, det.Unsigned, -1})
	}
}

// check panics if the catalog cannot be scored by.
func (c *Catalog) check() {
	if len(c.detectors) > 64 || len(c.carried) > 64 {
		panic("engine: sets of detectors, and of counts that go on, are kept in 64 bits")
	}
	if len(c.detected) < len(c.detectors) || len(c.index) < len(c.metrics) {
		panic("engine: two detectors, or two metrics, have the same name")
	}
	named := map[string]bool{}
	for _, f := range c.indicators {
		if named[f.Name] {
			panic("engine: two indicators are called " + f.Name)
		}
		named[f.Name] = true
	}
	for m := detect.NoMechanism + 1; int(m) < detect.Mechanisms; m++ {
		if c.mechanism[m] < 0 {
			panic(fmt.Sprintf("engine: mechanism %d has no detector", m))
		}
	}
}

// Of is the detector of a mechanism.
func (c *Catalog) Of(m detect.Mechanism) *detect.Detector { return c.detectors[c.mechanism[m]] }

// weightOf is the weight of a detector's counts in the score.
func weightOf(d *detect.Detector) float64 {
	if d.Weight == 0 {
		return 1
	}
	return d.Weight
}
