package detect

import "github.com/outflow/outflow/internal/event"

// syncDownload is a sync client that fetches many files (A02). A new laptop does
// that too, so it weighs less than a download by hand.
var syncDownload = &Detector{
	Name: "sync_download", Title: "Bulk sync", Techniques: []string{"T1530"}, Weight: .4, Exfiltration: true,
	Needs: []Need{boxFiles, m365Files, driveFiles},
	Metrics: []Metric{
		{Name: "synced", HalfSaturation: 200, Unit: "files", On: []event.Class{event.Sync}, Measure: when(func(a *Enriched) bool { return a.First && FileStore(a.Source) })},
		{Name: "synced_new_device", History: true, HalfSaturation: 100, Unit: "files to a device new to the person", On: []event.Class{event.Sync}, Measure: when(func(a *Enriched) bool { return a.First && a.NewDevice })},
	},
	Floor: func(c Counts) bool { return c.N("synced") >= 50 },
	Reason: func(d *Day) string {
		return "a sync client fetched " + some(d.N("synced"), "file", "files") + d.Where() + d.Within() + d.OfWhich("synced_new_device", "to a device new to them")
	},
}
