package detectors

import (
	"slices"

	"github.com/outflow/outflow/detect"
)

// slowDrip is a user with days that are each a little above the usual, for long
// (A15). It has no counts of its own: the engine keeps a CUSUM for every metric
// that is marked slow.
var slowDrip = &detect.Detector{
	Name: "slow_drip", Title: "Slow drip over many days", Techniques: []string{"T1020", "T1567"},
	Needs:     append(slices.Clone(fileStores), crmEvents, s3Data, gitEvents),
	Mechanism: detect.SlowDrift,
	Reason: func(d *detect.Day) string {
		switch {
		case d.Lasting:
			return "has been above their usual level for several days" + of(d)
		case d.ActiveDays < detect.FewDays:
			return "rose above the level of the few days known before" + of(d)
		}
		return "rose above the level of the weeks before" + of(d)
	},
	Headline: func(d *detect.Day) string {
		switch {
		case d.Lasting:
			return "more than usual for several days" + of(d)
		case d.ActiveDays < detect.FewDays:
			return "more than on the few days known before" + of(d)
		}
		return "more than in the weeks before" + of(d)
	},
}

// of says of what there is more.
func of(d *detect.Day) string {
	if d.Rising == "" {
		return ""
	}
	return ": " + d.Rising
}
