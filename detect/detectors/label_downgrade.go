package detectors

import (
	"github.com/outflow/outflow/internal/event"

	"github.com/outflow/outflow/detect"
)

// labelDowngrade is a sensitivity label that is lowered or taken off (B12): above
// all where the same item is shared out or downloaded within three days.
var labelDowngrade = &detect.Detector{
	Name: "label_downgrade", Title: "Sensitivity label downgraded", Techniques: []string{"T1036", "T1567.002"}, Exfiltration: true,
	Needs: []detect.Need{m365Labels, googleLabels, boxLabels},
	Metrics: []detect.Metric{
		{
			Name: "labels_lowered", HalfSaturation: 5, Weight: .6, Unit: "labels",
			On: []event.Class{event.LabelChange}, Measure: when((*detect.Enriched).LabelLowered),
		},
	},
	Indicators: []detect.Indicator{{
		Name: "unlabelled_shared", Weight: 1.1, Impact: 3, On: []event.Class{event.ShareUser, event.ShareLink},
		Match: func(a *detect.Enriched) bool {
			return a.Unlabelled && (a.External > 0 || a.After >= event.PublicLink)
		},
		Describe: func(a *detect.Enriched) string {
			return "removed or lowered the label of " + detect.Quote(a.ItemName()) + ", then shared it outside"
		},
	}, {
		Name: "unlabelled_downloaded", Weight: .6, Impact: 2, Once: true, On: takesFile,
		Match: func(a *detect.Enriched) bool { return a.Unlabelled && byHand(a) },
		Describe: func(a *detect.Enriched) string {
			return "removed or lowered the label of " + detect.Quote(a.ItemName()) + ", then downloaded it"
		},
	}},
	Floor: func(c detect.Counts) bool { return c.N("labels_lowered") >= 10 },
	Reason: func(d *detect.Day) string {
		return "removed or lowered the sensitivity label of " + detect.Amount(d.N("labels_lowered"), "item", "items")
	},
}
