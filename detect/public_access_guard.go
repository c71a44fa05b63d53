package detect

import "github.com/outflow/outflow/internal/event"

// publicAccessGuard is a block of public access that is taken away or loosened
// (C02).
var publicAccessGuard = &Detector{
	Name: "public_access_guard", Title: "Public access block removed", Techniques: []string{"T1562.001"},
	Facts: []Fact{{
		Name: "guard_off", Weight: .8, Stake: 1, On: []event.Class{event.GuardChange}, Holds: func(a *Act) bool { return loosened(a) && !a.Sensitive },
		Say: sayLoosened,
	}, {
		Name: "guard_off_sensitive", Weight: 1.6, Stake: 2, On: []event.Class{event.GuardChange}, Holds: func(a *Act) bool { return loosened(a) && a.Sensitive },
		Say: sayLoosened,
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
