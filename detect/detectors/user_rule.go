package detectors

import (
	"github.com/outflow/outflow/detect"
)

// userRule is what rules of the organisation's own find, in Sigma's format. A rule
// that matches all the time says little, whatever its level; one of level high or
// critical that does not is always reported.
var userRule = &detect.Detector{
	Name: "user_rule", Title: "Custom rule",
	Mechanism: detect.UserRules,
}
