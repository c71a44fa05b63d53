package detectors

import (
	"github.com/outflow/outflow/internal/finding"

	"github.com/outflow/outflow/detect"
)

// commonActivity is the same unusual activity of many people within days.
var commonActivity = &detect.Detector{
	Name: "common_activity", Title: "The same activity by many people",
	Traits: finding.AboutData | finding.AboutMany, Mechanism: detect.CommonActivity,
}
