package detectors

import (
	"github.com/outflow/outflow/internal/event"

	"github.com/outflow/outflow/detect"
)

// syncDownload is a sync client that fetches many files (A02). A new laptop does
// that too, so it weighs less than a download by hand.
var syncDownload = &detect.Detector{
	Name: "sync_download", Title: "Bulk sync", Techniques: []string{"T1530"}, Weight: .4, Exfiltration: true,
	Needs: []detect.Need{boxFiles, m365Files, driveFiles},
	Metrics: []detect.Metric{
		{
			Name: "synced", HalfSaturation: 200, Unit: "files", On: []event.Class{event.Sync},
			Measure: when(func(a *detect.Enriched) bool { return a.First && detect.FileStore(a.Source) }),
		},
		{
			Name: "synced_new_device", History: true, HalfSaturation: 100, Unit: "files to a device new to the person",
			On:      []event.Class{event.Sync},
			Measure: when(func(a *detect.Enriched) bool { return a.First && a.NewDevice }),
		},
	},
	Floor: func(c detect.Counts) bool { return c.N("synced") >= 50 },
	Reason: func(d *detect.Day) string {
		return "synced " + detect.Amount(d.N("synced"), "file", "files") + d.Where() + d.OfWhich()
	},
	Headline: func(d *detect.Day) string {
		return "synced " + detect.Amount(d.N("synced"), "file", "files") + d.From() + d.Within()
	},
	Whole: "synced",
	Parts: []detect.Part{{"synced_new_device", "to a device new to them"}},
}
