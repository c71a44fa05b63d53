package detect

import "github.com/outflow/outflow/internal/finding"

// unresolvedIdentity is a source many of whose accounts belong to nobody known
// (I05).
var unresolvedIdentity = &Detector{
	Name: "unresolved_identity", Title: "Accounts without a person",
	Traits: finding.AboutData, Mechanism: UnknownAccounts,
}
