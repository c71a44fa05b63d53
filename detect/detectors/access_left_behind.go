package detectors

import (
	"github.com/outflow/outflow/internal/finding"

	"github.com/outflow/outflow/detect"
)

// accessLeftBehind is what a leaver leaves open a day after the last working day
// (F06): applications and keys that were authorised, public links, outsiders in
// shared files.
var accessLeftBehind = &detect.Detector{
	Name: "access_left_behind", Title: "Access left behind", Techniques: []string{"T1078.004", "T1528"},
	Needs:  []detect.Need{leaversFile},
	Traits: finding.AboutLeavers, Mechanism: detect.AccessReview,
}
