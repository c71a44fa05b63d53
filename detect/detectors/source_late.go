package detectors

import (
	"github.com/outflow/outflow/internal/finding"

	"github.com/outflow/outflow/detect"
)

// sourceLate is a source with events that come much later than they used to (I02): what
// was scored meanwhile was scored on less.
var sourceLate = &detect.Detector{
	Name: "source_late", Title: "Source late",
	Traits: finding.AboutData, Mechanism: detect.SourceLate,
}
