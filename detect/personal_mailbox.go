package detect

import "github.com/outflow/outflow/internal/event"

// personalMailbox is something shared with a private mailbox (B03), above all
// with the person's own.
var personalMailbox = &Detector{
	Name: "personal_mailbox", Title: "Share to a personal mailbox", Techniques: []string{"T1567.002"}, Takes: true,
	Facts: []Fact{{
		Name: "shared_with_self", Weight: .5, Stake: 2, On: []event.Class{event.ShareUser}, Holds: func(a *Act) bool { return a.Own > 0 },
		Say: func(a *Act) string {
			return "shared " + quoted(a.Object.Name) + " with their own private address " + quoted(outsider(a))
		},
	}},
	Reason: nil,
}

// outsider is the first recipient outside.
func outsider(a *Act) string {
	for i := range a.To {
		if a.To[i].Scope == event.ScopeExternal {
			return a.To[i].Account
		}
	}
	return ""
}
