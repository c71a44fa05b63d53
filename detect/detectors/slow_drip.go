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
		if d.Lasting {
			return "has taken more than usual day after day"
		}
		if d.ActiveDays < detect.FewDays {
			return "has begun to take more than on the few days known before"
		}
		return "has begun to take more than over the weeks before"
	},
}
