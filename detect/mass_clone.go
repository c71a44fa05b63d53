package detect

import "github.com/outflow/outflow/internal/event"

// massClone is somebody who clones many repositories (A07): distinct ones, so
// that a pipeline that clones one again and again does not count.
var massClone = &Detector{
	Name: "mass_clone", Title: "Mass clone of source code", Techniques: []string{"T1213.003", "T1567.001"}, Takes: true,
	Metrics: []Metric{
		{Name: "repositories", Half: 4, Unit: "repositories", Harm: .8, On: []event.Class{event.Clone}, Measure: when(func(a *Act) bool { return a.First })},
		{Name: "repositories_new", History: true, Half: 3, Unit: "repositories new to the person", Slow: true, On: []event.Class{event.Clone}, Measure: when(func(a *Act) bool { return a.First && a.Fresh })},
		{Name: "repositories_burst", Half: 4, Unit: "repositories within half an hour", Harm: .8, Burst: true, On: []event.Class{event.Clone}, Measure: when(func(a *Act) bool { return a.First })},
	},
	Enough: func(d *Day) bool { return d.n("repositories") >= 4 },
	Reason: func(d *Day) string {
		return "cloned " + some(d.n("repositories"), "repository", "repositories") + d.within("mass_clone") + d.of("repositories_new", "never used before")
	},
}
