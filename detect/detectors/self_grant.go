package detectors

import (
	"github.com/outflow/outflow/internal/event"

	"github.com/outflow/outflow/detect"
)

// selfGrant is a user who gives an administrative right to one of their own
// accounts, or gives one and takes it away within a day (D02).
var selfGrant = &detect.Detector{
	Name: "self_grant", Title: "Right granted to oneself, or for a moment", Techniques: []string{"T1098.003"},
	Needs:     management,
	Privilege: detect.PrivilegeTaken,
	Indicators: []detect.Indicator{{
		Name: "grant_self", Weight: 1, Impact: 3, On: []event.Class{event.AdminGrant},
		Match: func(a *detect.Enriched) bool { return a.TopGrant() && a.Receiver() == "themselves" },
		Describe: func(a *detect.Enriched) string {
			return "gave their own account the right " + detect.Quote(a.Role()) + " in " + a.Source.Title()
		},
	}, {
		Name: "grant_self_unnamed", Weight: 1, Impact: 3, On: []event.Class{event.AdminGrant},
		Match: func(a *detect.Enriched) bool { return a.UnnamedGrant() && a.Receiver() == "themselves" },
		Describe: func(a *detect.Enriched) string {
			return "gave their own account an administrative right in " + a.Source.Title() + "; the log does not say which"
		},
	}, {
		Name: "grant_self_lesser", Weight: .6, Impact: 2, On: []event.Class{event.AdminGrant},
		Match: func(a *detect.Enriched) bool {
			return a.Outcome == event.Success && !a.TopGrant() && !a.UnnamedGrant() && a.Receiver() == "themselves"
		},
		Describe: func(a *detect.Enriched) string {
			return "gave their own account the limited administrative right " + detect.Quote(a.Role()) + " in " + a.Source.Title()
		},
	}, {
		Name: "grant_brief", Weight: .8, Impact: 2, On: []event.Class{event.AdminRevoke},
		Match: func(a *detect.Enriched) bool { return a.Brief > 0 },
		Describe: func(a *detect.Enriched) string {
			return "took the right " + detect.Quote(a.Role()) + " away from " + a.Receiver() + " again after " + detect.Duration(a.Brief)
		},
	}},
}
