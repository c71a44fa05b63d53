package detectors

import (
	"github.com/outflow/outflow/detect"
)

// appDownload is an application that reads many files on a user's behalf (A19).
var appDownload = &detect.Detector{
	Name: "app_download", Title: "Bulk read by a connected application", Techniques: []string{"T1528", "T1530"}, Exfiltration: true,
	Needs: fileStores,
	Metrics: []detect.Metric{
		{
			Name: "app_downloads", Weight: .5, HalfSaturation: 20, Unit: "files", On: takesFile,
			Measure: when(func(a *detect.Enriched) bool { return a.First && a.Connected }),
		},
		{
			Name: "app_downloads_rare", History: true, HalfSaturation: 20,
			Unit: "files by an application that nobody else uses", On: takesFile,
			Measure: when(func(a *detect.Enriched) bool { return a.First && a.RareApp }),
		},
		{
			Name: "app_downloads_burst", Weight: .5, HalfSaturation: 20, Unit: "files within half an hour",
			Burst: true, On: takesFile,
			Measure: when(func(a *detect.Enriched) bool { return a.First && a.Connected }),
		},
	},
	Floor: func(c detect.Counts) bool { return c.N("app_downloads") >= 5 },
	Reason: func(d *detect.Day) string {
		return "a connected application read " + detect.Amount(d.N("app_downloads"), "file", "files") + " for them" + d.Where()
	},
	Headline: func(d *detect.Day) string {
		return "a connected application read " + detect.Amount(d.N("app_downloads"), "file", "files") + d.From() + d.Within()
	},
}
