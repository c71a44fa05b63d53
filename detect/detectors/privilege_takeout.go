package detectors

import (
	"github.com/outflow/outflow/detect"
)

// privilegeTakeout is an administrative right or an application's access, given to
// a user or taken by them, and data taken out by the same person within 48 hours
// (H04). It has nothing of its own: it adds weight where both have spoken.
var privilegeTakeout = &detect.Detector{
	Name: "privilege_takeout", Title: "New privilege followed by exfiltration", Techniques: []string{"T1098.003", "T1213"},
	Needs:     management,
	Mechanism: detect.AfterPrivilege,
	Reason:    func(*detect.Day) string { return "took data out within two days of receiving a new right" },
}
