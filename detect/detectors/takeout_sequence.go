package detectors

import (
	"github.com/outflow/outflow/internal/event"

	"github.com/outflow/outflow/detect"
)

// takeoutSequence is the same files downloaded, then shared out or made public,
// or deleted, within three days (H01). Files are distinguished by id, so renaming one
// changes nothing; three stages weigh more than two.
var takeoutSequence = &detect.Detector{
	Name: "takeout_sequence", Title: "Download, then share or delete", Techniques: []string{"T1119", "T1567", "T1070"}, Exfiltration: true,
	Needs: fileStores,
	Metrics: []detect.Metric{
		{
			Name: "downloaded_then_shared", HalfSaturation: 1, Unit: "files shared after download",
			On:      []event.Class{event.ShareUser, event.ShareLink},
			Measure: when(func(a *detect.Enriched) bool { return a.SharedAfterDownload }),
		},
		{
			Name: "downloaded_then_deleted", HalfSaturation: 2, Unit: "files deleted after download", On: []event.Class{event.Delete},
			Measure: when(func(a *detect.Enriched) bool { return a.DeletedAfterDownload }),
		},
	},
	Indicators: []detect.Indicator{{
		Name: "three_stages", Weight: 1, Impact: 3, On: []event.Class{event.ShareUser, event.ShareLink, event.Delete},
		Match: func(a *detect.Enriched) bool { return a.Stages >= 3 },
		Describe: func(a *detect.Enriched) string {
			if a.Class == event.Delete {
				return "deleted " + detect.Quote(a.ItemName()) + " after downloading it, and renaming, relabelling or sharing it"
			}
			return "downloaded " + detect.Quote(a.ItemName()) + ", renamed or relabelled it, and shared it outside"
		},
	}},
	Floor: func(c detect.Counts) bool { return c.N("downloaded_then_shared")+c.N("downloaded_then_deleted") >= 2 },
	Reason: func(d *detect.Day) string {
		var done []string
		if n := d.N("downloaded_then_shared"); n > 0 {
			done = append(done, "shared "+detect.Number(n)+" of them outside")
		}
		if n := d.N("downloaded_then_deleted"); n > 0 {
			done = append(done, "deleted "+detect.Number(n)+" of them")
		}
		return "downloaded files, then " + detect.List(done)
	},
}
