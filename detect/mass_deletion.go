package detect

import "github.com/outflow/outflow/internal/event"

// massDeletion is somebody who deletes many files (F05).
var massDeletion = &Detector{
	Name: "mass_deletion", Title: "Mass deletion", Techniques: []string{"T1485", "T1070"},
	Needs: fileStores,
	Metrics: []Metric{
		{Name: "deletes", HalfSaturation: 50, Unit: "files", Weight: .8, Slow: true, On: []event.Class{event.Delete}, Measure: when(func(a *Enriched) bool { return a.First && FileStore(a.Source) })},
		{Name: "deletes_burst", HalfSaturation: 50, Unit: "files within half an hour", Weight: .8, Burst: true, On: []event.Class{event.Delete}, Measure: when(func(a *Enriched) bool { return a.First && FileStore(a.Source) })},
	},
	Floor: func(c Counts) bool { return c.N("deletes") >= 15 },
	Reason: func(d *Day) string {
		return "deleted " + some(d.N("deletes"), "file", "files") + d.Where() + d.Within()
	},
}
