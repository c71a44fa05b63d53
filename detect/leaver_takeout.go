package detect

import "github.com/outflow/outflow/internal/finding"

// leaverTakeout is somebody who takes data out between notice and a week after
// the last day (F02). It adds weight where another detector has already spoken.
var leaverTakeout = &Detector{
	Name: "leaver_takeout", Title: "Take-out before leaving", Techniques: []string{"T1530", "T1567"},
	Needs:  []Need{leaversFile},
	Traits: finding.AboutLeavers, Mechanism: Leaving, Qualifier: "before leaving",
	Reason: func(*Day) string { return "is leaving" },
}
