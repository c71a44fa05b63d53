package detectors

import (
	"cmp"

	"github.com/outflow/outflow/internal/event"

	"github.com/outflow/outflow/detect"
)

// selfGrant is a user who gives an administrative right to one of their own
// accounts, or gives one and takes it away within a day (D02).
var selfGrant = &detect.Detector{
	Name: "self_grant", Title: "Self-granted or short-lived privilege", Techniques: []string{"T1098.003"},
	Needs:     management,
	Privilege: detect.PrivilegeTaken,
	Indicators: []detect.Indicator{{
		Name: "grant_self", Weight: 1.3, Least: detect.LeastShown, Kind: right, Impact: 3,
		Persists: "grant_self_lasting", On: []event.Class{event.AdminGrant},
		Match: func(a *detect.Enriched) bool { return a.TopGrant() && a.Receiver() == "themselves" },
		Describe: func(a *detect.Enriched) string {
			return "gave their own account " + a.RightName() + " in " + a.Source.Title()
		},
		Headline: func(a *detect.Enriched) string {
			return "gave themselves " + a.RightHeadline() + " in " + a.Source.Title()
		},
	}, {
		Name: "grant_self_lasting", Weight: 1.3, Least: detect.LeastShown, Impact: 3,
	}, {
		Name: "grant_self_unnamed", Weight: 1, Impact: 3, On: []event.Class{event.AdminGrant},
		Match: func(a *detect.Enriched) bool { return a.UnnamedGrant() && a.Receiver() == "themselves" },
		Describe: func(a *detect.Enriched) string {
			return "gave their own account an administrative right in " + a.Source.Title() + " (the log does not say which)"
		},
	}, {
		Name: "grant_self_lesser", Weight: .6, Kind: right, Impact: 2, On: []event.Class{event.AdminGrant},
		Match: func(a *detect.Enriched) bool {
			return a.Outcome == event.Success && !a.TopGrant() && !a.UnnamedGrant() && a.Receiver() == "themselves" && !othersAccount(a)
		},
		Describe: func(a *detect.Enriched) string {
			return "gave their own account the limited administrative right " + detect.Quote(a.Role()) + " in " + a.Source.Title()
		},
		Headline: func(a *detect.Enriched) string {
			return "gave themselves " + detect.Named(a.Role()) + " in " + a.Source.Title()
		},
	}, {
		Name: "grant_self_others_account", Weight: 1, Impact: 2, On: []event.Class{event.AdminGrant, event.PermissionGrant},
		Match: func(a *detect.Enriched) bool {
			return a.Outcome == event.Success && othersAccount(a) && a.Receiver() == "themselves"
		},
		Describe: func(a *detect.Enriched) string {
			right := cmp.Or(a.Role(), a.Attr(event.AttrPermission), "access")
			return "gave themselves the right " + detect.Quote(right) + " to " + ownedThing(a) + " of " + detect.Quote(a.Object.Name)
		},
	}, {
		Name: "grant_self_application", Weight: .5, Kind: application, Impact: 1, On: []event.Class{event.PermissionGrant},
		Match: func(a *detect.Enriched) bool {
			return a.Source == event.Okta && a.Outcome == event.Success && a.Object.Type == "appinstance" && a.Receiver() == "themselves"
		},
		Describe: func(a *detect.Enriched) string {
			return "assigned themselves the application " + detect.Quote(a.Object.Name) + " in Okta"
		},
	}, {
		Name: "grant_brief", Weight: .8, Impact: 2, On: []event.Class{event.AdminRevoke},
		Match: func(a *detect.Enriched) bool { return a.Brief > 0 },
		Describe: func(a *detect.Enriched) string {
			return "revoked the right " + detect.Quote(a.Role()) + " from " + a.Receiver() + " after " + detect.Duration(a.Brief)
		},
	}},
}

// application names the application that somebody may use.
func application(a *detect.Enriched) string { return a.Object.Name }

// othersAccount says whether a right is to the whole mailbox or drive of somebody else.
func othersAccount(a *detect.Enriched) bool {
	return (a.Object.Type == "mailbox" || a.Object.Type == "drive") && a.Object.Owner != "" && a.Object.Owner != a.Person &&
		a.Object.Owner != a.Actor.Account
}

func ownedThing(a *detect.Enriched) string {
	if a.Object.Type == "drive" && a.Source == event.M365 {
		return "the OneDrive"
	}
	return "the " + a.Object.Type
}
