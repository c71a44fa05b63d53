package detect

import "github.com/outflow/outflow/internal/finding"

// sourceLate is a source whose events come much later than they used to (I02): what
// was judged meanwhile was judged on less.
var sourceLate = &Detector{
	Name: "source_late", Title: "Source late",
	Traits: finding.AboutData, Mechanism: SourceLate,
}
