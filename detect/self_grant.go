package detect

import "github.com/outflow/outflow/internal/event"

// selfGrant is somebody who gives an administrative right to one of their own
// accounts, or gives one and takes it away within a day (D02).
var selfGrant = &Detector{
	Name: "self_grant", Title: "Right granted to oneself, or for a moment", Techniques: []string{"T1098.003"},
	Needs:     management,
	Privilege: PrivilegeTaken,
	Indicators: []Indicator{{
		Name: "grant_self", Weight: 1, Impact: 3, On: []event.Class{event.AdminGrant}, Match: func(a *Enriched) bool { return a.TopGrant() && a.Receiver() == "themselves" },
		Describe: func(a *Enriched) string {
			return "gave their own account the right " + quoted(a.Role()) + " in " + a.Source.Title()
		},
	}, {
		Name: "grant_brief", Weight: .8, Impact: 2, On: []event.Class{event.AdminRevoke}, Match: func(a *Enriched) bool { return a.Brief > 0 },
		Describe: func(a *Enriched) string {
			return "took the right " + quoted(a.Role()) + " away from " + a.Receiver() + " again after " + lasting(a.Brief)
		},
	}},
}
