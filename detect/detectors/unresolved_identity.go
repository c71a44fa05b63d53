package detectors

import (
	"github.com/outflow/outflow/internal/finding"

	"github.com/outflow/outflow/detect"
)

// unresolvedIdentity is a source of which many accounts belong to no known user
// (I05).
var unresolvedIdentity = &detect.Detector{
	Name: "unresolved_identity", Title: "Accounts of nobody known",
	Traits: finding.AboutData, Mechanism: detect.UnknownAccounts,
}
