package detectors

import (
	"github.com/outflow/outflow/internal/event"

	"github.com/outflow/outflow/detect"
)

// massDeletion is a user who deletes many files (F05).
var massDeletion = &detect.Detector{
	Name: "mass_deletion", Title: "Mass deletion", Techniques: []string{"T1485", "T1070"},
	Needs: fileStores,
	Metrics: []detect.Metric{
		{
			Name: "deletes", HalfSaturation: 50, Unit: "files", Weight: .8, Slow: true,
			On:      []event.Class{event.Delete},
			Measure: when(func(a *detect.Enriched) bool { return a.First && detect.FileStore(a.Source) }),
		},
		{
			Name: "deletes_burst", HalfSaturation: 50, Unit: "files within half an hour", Weight: .8, Burst: true,
			On:      []event.Class{event.Delete},
			Measure: when(func(a *detect.Enriched) bool { return a.First && detect.FileStore(a.Source) }),
		},
	},
	Floor: func(c detect.Counts) bool { return c.N("deletes") >= 15 },
	Reason: func(d *detect.Day) string {
		return "deleted " + detect.Amount(d.N("deletes"), "file", "files") + d.Where() + d.Within()
	},
}
