package detect

import "github.com/outflow/outflow/internal/event"

// massDeletion is somebody who deletes many files (F05).
var massDeletion = &Detector{
	Name: "mass_deletion", Title: "Mass deletion", Techniques: []string{"T1485", "T1070"},
	Metrics: []Metric{
		{Name: "deletes", Half: 50, Unit: "files", Harm: .8, Slow: true, On: []event.Class{event.Delete}, Measure: when(func(a *Act) bool { return a.First && fileStore(a.Source) })},
		{Name: "deletes_burst", Half: 50, Unit: "files within half an hour", Harm: .8, Burst: true, On: []event.Class{event.Delete}, Measure: when(func(a *Act) bool { return a.First && fileStore(a.Source) })},
	},
	Enough: func(d *Day) bool { return d.n("deletes") >= 15 },
	Reason: func(d *Day) string {
		return "deleted " + some(d.n("deletes"), "file", "files") + d.where("mass_deletion") + d.within("mass_deletion")
	},
}
