package detectors

import (
	"github.com/outflow/outflow/detect"
)

// compromiseTakeout is a sign-in that may be an intruder's, and data taken
// out by the same account within 24 hours (H02). It has nothing of its own: it
// adds weight where both have spoken.
var compromiseTakeout = &detect.Detector{
	Name: "compromise_takeout", Title: "Account compromise followed by exfiltration", Techniques: []string{"T1078.004", "T1530"},
	Needs:     signIns,
	Mechanism: detect.AfterCompromise,
	Reason:    func(*detect.Day) string { return "took data out within a day of a suspicious sign-in" },
}
