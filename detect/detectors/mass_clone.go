package detectors

import (
	"github.com/outflow/outflow/internal/event"

	"github.com/outflow/outflow/detect"
)

// massClone is a user who clones many repositories (A07): distinct ones, so
// that a pipeline that clones one again and again does not count.
var massClone = &detect.Detector{
	Name: "mass_clone", Title: "Mass clone of source code", Techniques: []string{"T1213.003", "T1567.001"}, Exfiltration: true,
	Needs: []detect.Need{gitEvents},
	Metrics: []detect.Metric{
		{
			Name: "repositories", HalfSaturation: 4, Unit: "repositories", Weight: .8, On: []event.Class{event.Clone},
			Measure: when(func(a *detect.Enriched) bool { return a.First }),
		},
		{
			Name: "repositories_new", History: true, HalfSaturation: 3, Unit: "repositories new to the person",
			Slow: true, On: []event.Class{event.Clone},
			Measure: when(func(a *detect.Enriched) bool { return a.First && a.Fresh }),
		},
		{
			Name: "repositories_burst", HalfSaturation: 4, Unit: "repositories within half an hour", Weight: .8,
			Burst: true, On: []event.Class{event.Clone},
			Measure: when(func(a *detect.Enriched) bool { return a.First }),
		},
	},
	Floor: func(c detect.Counts) bool { return c.N("repositories") >= 4 },
	Reason: func(d *detect.Day) string {
		return "cloned " + detect.Amount(d.N("repositories"), "repository", "repositories") + d.From() + d.Within() + d.OfWhich()
	},
	Headline: func(d *detect.Day) string {
		return "cloned " + detect.Amount(d.N("repositories"), "repository", "repositories") + d.From() + d.Within()
	},
	Whole: "repositories",
	Parts: []detect.Part{{"repositories_new", "never used before"}},
}
