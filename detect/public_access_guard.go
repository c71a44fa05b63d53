package detect

import "github.com/outflow/outflow/internal/event"

// publicAccessGuard is a block of public access that is taken away or loosened
// (C02).
var publicAccessGuard = &Detector{
	Name: "public_access_guard", Title: "Public access block removed", Techniques: []string{"T1562.001"},
	Facts: []Fact{{
		Name: "guard_off", Weight: .7, Stake: 1, Lasts: "guard_off_lasting", On: []event.Class{event.GuardChange}, Holds: func(a *Act) bool { return loosened(a) && !a.Sensitive },
		Say: sayLoosened,
	}, {
		Name: "guard_off_sensitive", Weight: 1.6, Stake: 2, Lasts: "guard_off_sensitive_lasting", On: []event.Class{event.GuardChange}, Holds: func(a *Act) bool { return loosened(a) && a.Sensitive },
		Say: sayLoosened,
	}, {
		Name: "guard_off_lasting", Weight: .8, Stake: 1,
	}, {
		Name: "guard_off_sensitive_lasting", Weight: 1.6, Stake: 2,
	}},
}

func loosened(a *Act) bool {
	b := a.Attr(event.AttrBlock)
	return a.Outcome == event.Success && (b == "off" || b == "partial")
}

func sayLoosened(a *Act) string {
	if a.Object.Type == "account" {
		return "took the block of public access off the whole account " + quoted(a.Object.Name)
	}
	return "took the block of public access off the bucket " + quoted(a.Object.Name)
}
