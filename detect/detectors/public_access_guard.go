package detectors

import (
	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// publicAccessGuard is a block of public access that is taken away or loosened
// (C02).
var publicAccessGuard = &detect.Detector{
	Name: "public_access_guard", Title: "Block Public Access disabled", Techniques: []string{"T1685"},
	Needs:  []detect.Need{awsManage},
	Traits: finding.ChangesSettings,
	Indicators: []detect.Indicator{{
		Name: "guard_off", Weight: .7, Impact: 1, Persists: "guard_off_lasting", On: []event.Class{event.GuardChange},
		Match:    func(a *detect.Enriched) bool { return loosened(a) && !a.Sensitive },
		Describe: sayLoosened,
	}, {
		Name: "guard_off_sensitive", Weight: 1.6, Impact: 2, Persists: "guard_off_sensitive_lasting",
		On:       []event.Class{event.GuardChange},
		Match:    func(a *detect.Enriched) bool { return loosened(a) && a.Sensitive },
		Describe: sayLoosened,
	}, {
		Name: "guard_off_lasting", Weight: .8, Impact: 1,
	}, {
		Name: "guard_off_sensitive_lasting", Weight: 1.6, Impact: 2,
	}},
}

func loosened(a *detect.Enriched) bool {
	b := a.Attr(event.AttrBlock)
	return a.Outcome == event.Success && (b == "off" || b == "partial")
}

func sayLoosened(a *detect.Enriched) string {
	did := "disabled"
	if a.Attr(event.AttrBlock) == "partial" {
		did = "partly disabled"
	}
	switch a.Object.Type {
	case "images", "snapshots":
		return did + " the block on public sharing of " + a.Object.Type + " in the account " + detect.Quote(a.Object.Name)
	case "account":
		return did + " S3 Block Public Access for the whole account " + detect.Quote(a.Object.Name)
	}
	return did + " S3 Block Public Access on the bucket " + detect.Quote(a.Object.Name)
}
