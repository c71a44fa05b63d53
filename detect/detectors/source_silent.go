package detectors

import (
	"github.com/outflow/outflow/internal/finding"

	"github.com/outflow/outflow/detect"
)

// sourceSilent is a source that sends nothing for longer than its own habit by the
// hour of the week; hours in which the other sources are silent, too, do not count where
// there are others (I01).
var sourceSilent = &detect.Detector{
	Name: "source_silent", Title: "Source silent",
	Traits: finding.AboutData | finding.NeverSuppressed, Mechanism: detect.SourceSilent,
}
