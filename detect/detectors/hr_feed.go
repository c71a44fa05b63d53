package detectors

import (
	"github.com/outflow/outflow/internal/finding"

	"github.com/outflow/outflow/detect"
)

// hrFeed is an HR feed that has stopped, or says what can hardly be true (I04): of somebody who works
// as usual, that they have left.
var hrFeed = &detect.Detector{
	Name: "hr_feed", Title: "HR feed stale or implausible",
	Needs:  []detect.Need{leaversFile},
	Traits: finding.AboutData, Mechanism: detect.HRFeed,
}
