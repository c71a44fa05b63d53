package detectors

import (
	"github.com/outflow/outflow/internal/finding"

	"github.com/outflow/outflow/detect"
)

// sourceGap is a stretch of a source that was not read and never will be, a stream of it
// that does not answer, or records that cannot be believed (I03): what happened is not scored.
var sourceGap = &detect.Detector{
	Name: "source_gap", Title: "Source not read",
	Traits: finding.AboutData | finding.NeverSuppressed, Mechanism: detect.SourceGap,
}
