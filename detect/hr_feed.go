package detect

import "github.com/outflow/outflow/internal/finding"

// hrFeed is an HR feed that has stopped, or says what can hardly be true (I04).
var hrFeed = &Detector{
	Name: "hr_feed", Title: "HR feed stale or implausible",
	Needs:  []Need{leaversFile},
	Traits: finding.AboutData, Mechanism: HRFeed,
}
