package detect

import (
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// publicAccessGuard is a block of public access that is taken away or loosened
// (C02).
var publicAccessGuard = &Detector{
	Name: "public_access_guard", Title: "Public access block removed", Techniques: []string{"T1562.001"},
	Needs:  []Need{awsManage},
	Traits: finding.ChangesSettings,
	Indicators: []Indicator{{
		Name: "guard_off", Weight: .7, Impact: 1, Persists: "guard_off_lasting", On: []event.Class{event.GuardChange}, Match: func(a *Enriched) bool { return loosened(a) && !a.Sensitive },
		Describe: sayLoosened,
	}, {
		Name: "guard_off_sensitive", Weight: 1.6, Impact: 2, Persists: "guard_off_sensitive_lasting", On: []event.Class{event.GuardChange}, Match: func(a *Enriched) bool { return loosened(a) && a.Sensitive },
		Describe: sayLoosened,
	}, {
		Name: "guard_off_lasting", Weight: .8, Impact: 1,
	}, {
		Name: "guard_off_sensitive_lasting", Weight: 1.6, Impact: 2,
	}},
}

func loosened(a *Enriched) bool {
	b := a.Attr(event.AttrBlock)
	return a.Outcome == event.Success && (b == "off" || b == "partial")
}

func sayLoosened(a *Enriched) string {
	if a.Object.Type == "account" {
		return "took the block of public access off the whole account " + quoted(a.Object.Name)
	}
	return "took the block of public access off the bucket " + quoted(a.Object.Name)
}
