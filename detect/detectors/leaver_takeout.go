package detectors

import (
	"github.com/outflow/outflow/internal/finding"

	"github.com/outflow/outflow/detect"
)

// leaverTakeout is a user who takes data out between notice and a week after
// the last day (F02). It adds weight where another detector has already spoken.
var leaverTakeout = &detect.Detector{
	Name: "leaver_takeout", Title: "Exfiltration before departure", Techniques: []string{"T1530", "T1567"},
	Needs:  []detect.Need{leaversFile},
	Traits: finding.AboutLeavers, Mechanism: detect.Leaving, Qualifier: "before leaving",
	Reason: func(*detect.Day) string { return "is leaving" },
}
