package detectors

import (
	"github.com/outflow/outflow/internal/event"

	"github.com/outflow/outflow/detect"
)

// bulkDownload is a user who downloads many files by hand (A01): distinct
// files, not events; without sync clients, previews and applications.
var bulkDownload = &detect.Detector{
	Name: "bulk_download", Title: "Bulk download", Techniques: []string{"T1530", "T1213"}, Exfiltration: true,
	Needs: fileStores,
	Metrics: []detect.Metric{
		{Name: "downloads", HalfSaturation: 8, Unit: "files", Slow: true, On: takesFile, Measure: when(byHand)},
		{
			Name: "downloads_fresh", History: true, HalfSaturation: 8, Unit: "files never opened before", Slow: true,
			On: takesFile, Measure: when(func(a *detect.Enriched) bool { return byHand(a) && a.Fresh }),
		},
		{
			Name: "downloads_new_place", History: true, HalfSaturation: 6, Weight: 1.35,
			Unit: "files from places new to the person", Slow: true, On: takesFile,
			Measure: when(func(a *detect.Enriched) bool { return byHand(a) && a.PlaceAge <= 1 }),
		},
		{
			Name: "downloads_sensitive", HalfSaturation: 6, Unit: "sensitive files", Slow: true, On: takesFile,
			Measure: when(func(a *detect.Enriched) bool { return byHand(a) && a.Sensitive }),
		},
		{
			Name: "downloads_off_hours", History: true, HalfSaturation: 8, Weight: 1.35,
			Unit: "files outside working hours", Slow: true, On: takesFile,
			Measure: when(func(a *detect.Enriched) bool { return byHand(a) && a.OffHours }),
		},
		{Name: "downloads_burst", HalfSaturation: 8, Unit: "files within half an hour", Burst: true, On: takesFile, Measure: when(byHand)},
		{
			Name: "downloads_fresh_burst", History: true, HalfSaturation: 8,
			Unit: "files never opened before within half an hour", Burst: true, On: takesFile,
			Measure: when(func(a *detect.Enriched) bool { return byHand(a) && a.Fresh }),
		},
		{
			Name: "downloads_sensitive_burst", HalfSaturation: 6, Unit: "sensitive files within half an hour",
			Burst: true, On: takesFile,
			Measure: when(func(a *detect.Enriched) bool { return byHand(a) && a.Sensitive }),
		},
		{
			Name: "downloads_strange_network", History: true, HalfSaturation: 6, Unit: "files from an unknown network",
			On: takesFile, Measure: when(func(a *detect.Enriched) bool { return byHand(a) && a.Strange }),
		},
		{
			Name: "downloads_young_place", History: true, HalfSaturation: 20, Weight: .6, Decay: .88,
			Unit: "files never opened before, from places new within a month, over about a week", On: takesFile,
			Measure: when(func(a *detect.Enriched) bool { return byHand(a) && a.Fresh && a.PlaceAge <= 30 }),
		},
	},
	Floor: func(c detect.Counts) bool { return c.N("downloads") >= 5 },
	Reason: func(d *detect.Day) string {
		return "downloaded " + detect.Amount(d.N("downloads"), "file", "files") + d.Folders() + d.Where() + d.OfWhich()
	},
	Headline: func(d *detect.Day) string {
		return "downloaded " + detect.Amount(d.N("downloads"), "file", "files") + d.From() + d.Within()
	},
	Whole: "downloads",
	Parts: []detect.Part{
		{"downloads_fresh", "never opened before"}, {"downloads_new_place", "in places new to them"},
		{"downloads_sensitive", "sensitive"}, {"downloads_off_hours", "outside working hours"},
		{"downloads_strange_network", "from an unknown network"},
	},
}

var takesFile = []event.Class{event.Download}

// byHand says whether a file left a file store in a person's own doing, for the
// first time today.
func byHand(a *detect.Enriched) bool { return a.First && !a.Connected && inStore(a) }

// inStore says whether an object is kept in a file store, rather than in a conversation of the
// same service.
func inStore(a *detect.Enriched) bool { return detect.FileStore(a.Source) && !a.InConversation() }
