package detectors

import (
	"github.com/outflow/outflow/internal/event"

	"github.com/outflow/outflow/detect"
)

// bulkCopy is a user who copies or prints many files of a file store (A11): what a copy is named
// and where it lies is up to them, and paper leaves no further trace.
var bulkCopy = &detect.Detector{
	Name: "bulk_copy", Title: "Files copied or printed in bulk", Techniques: []string{"T1074.002", "T1213"}, Weight: .7, Exfiltration: true,
	Needs: fileStores,
	Metrics: []detect.Metric{
		{Name: "copies", HalfSaturation: 12, Unit: "files copied", On: fileCopies, Measure: when(byHand)},
		{
			Name: "copies_burst", HalfSaturation: 12, Unit: "files copied within half an hour", Burst: true, On: fileCopies,
			Measure: when(byHand),
		},
		{
			Name: "copies_outside", HalfSaturation: 6, Unit: "copies between this organisation and another", On: fileCopies,
			Measure: when(func(a *detect.Enriched) bool { return byHand(a) && a.Attr(event.AttrReach) == event.ReachOutside }),
		},
		{
			Name: "copies_sensitive", HalfSaturation: 8, Unit: "sensitive files copied or printed", On: copiesOrPrints,
			Measure: when(func(a *detect.Enriched) bool { return byHand(a) && a.Sensitive }),
		},
		{Name: "prints", HalfSaturation: 12, Unit: "files printed", On: filePrints, Measure: when(byHand)},
		{
			Name: "prints_fresh", History: true, HalfSaturation: 10, Unit: "files printed that were never opened before", On: filePrints,
			Measure: when(func(a *detect.Enriched) bool { return byHand(a) && a.Fresh }),
		},
	},
	Floor:    func(c detect.Counts) bool { return c.N("copies")+c.N("prints") >= 8 },
	Reason:   func(d *detect.Day) string { return copiedFiles(d) + d.Where() + d.OfWhich() },
	Headline: func(d *detect.Day) string { return copiedFiles(d) + d.From() + d.Within() },
	Parts: []detect.Part{
		{"prints_fresh", "printed without having been opened before"}, {"copies_sensitive", "sensitive"},
		{"copies_outside", "copied from or to another organisation"},
	},
}

// copiedFiles says how many files were copied and printed.
func copiedFiles(d *detect.Day) string {
	var done []string
	if n := d.N("copies"); n > 0 {
		done = append(done, "copied "+detect.Amount(n, "file", "files"))
	}
	if n := d.N("prints"); n > 0 {
		done = append(done, "printed "+detect.Amount(n, "file", "files"))
	}
	return detect.List(done)
}

var (
	fileCopies     = []event.Class{event.Copy}
	filePrints     = []event.Class{event.Print}
	copiesOrPrints = []event.Class{event.Copy, event.Print}
)
