package detectors

import (
	"github.com/outflow/outflow/internal/finding"

	"github.com/outflow/outflow/detect"
)

// unresolvedIdentity is a source many of whose accounts belong to nobody known
// (I05).
var unresolvedIdentity = &detect.Detector{
	Name: "unresolved_identity", Title: "Accounts without a person",
	Traits: finding.AboutData, Mechanism: detect.UnknownAccounts,
}
