package detectors

import (
	"cmp"
	"strings"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
)

// adminGrant is an administrative right that is granted (D01): it weighs more
// if the receiver is the giver, does not work with systems, or if it happens at
// an odd hour.
var adminGrant = &detect.Detector{
	Name: "admin_grant", Title: "Administrative right granted", Techniques: []string{"T1098.003"},
	Needs:     management,
	Privilege: detect.PrivilegeGiven,
	Indicators: []detect.Indicator{{
		Name: "highest_grant", Weight: .5, Least: detect.LeastShown, Kind: right, Impact: 2, Persists: "highest_grant_lasting",
		On:       []event.Class{event.AdminGrant},
		Match:    func(a *detect.Enriched) bool { return gaveAnother(a) && a.HighestGrant() },
		Describe: sayGave, Headline: grantHeadline,
	}, {
		Name: "highest_grant_lasting", Weight: .5, Least: detect.LeastShown, Impact: 2,
	}, {
		Name: "top_grant", Weight: .5, Kind: right, Impact: 2, Persists: "top_grant_lasting", On: []event.Class{event.AdminGrant},
		Match:    func(a *detect.Enriched) bool { return gaveAnother(a) && !a.HighestGrant() },
		Describe: sayGave, Headline: grantHeadline,
	}, {
		Name: "top_grant_odd", Weight: .9, Impact: 3, On: []event.Class{event.AdminGrant}, Match: func(a *detect.Enriched) bool {
			kind := receiverKind(a)
			return gaveAnother(a) && a.HighestGrant() && (kind == elsewhere || kind == builder && a.OffHours)
		},
	}, {
		Name: "top_grant_outside", Weight: .8, Impact: 3, On: []event.Class{event.AdminGrant},
		Match: func(a *detect.Enriched) bool { return gaveAnother(a) && a.Party.Standing > detect.Vendor },
		Describe: func(a *detect.Enriched) string {
			return "granted an administrative right to the outsider " + detect.Quote(a.Party.Account) + a.Party.Words()
		},
	}, {
		Name: "top_grant_lasting", Weight: .5, Impact: 2,
	}, {
		Name: "grant_unnamed", Weight: .4, Kind: source, Impact: 1, On: []event.Class{event.AdminGrant},
		Match: (*detect.Enriched).UnnamedGrant,
		Describe: func(a *detect.Enriched) string {
			return "granted " + a.Receiver() + " an administrative right in " + a.Source.Title() + " (the log does not say which)"
		},
	}},
}

// gaveAnother says whether full control was granted to another account than the giver's own, which
// selfGrant reports.
func gaveAnother(a *detect.Enriched) bool { return a.TopGrant() && a.Receiver() != "themselves" }

func sayGave(a *detect.Enriched) string {
	return "granted " + a.RightName() + " in " + a.Source.Title() + " to " + a.Receiver()
}

func grantHeadline(a *detect.Enriched) string {
	return "granted " + a.RightHeadline() + " in " + a.Source.Title() + " to " + a.ReceiverNamed()
}

// right tells full rights apart by service and name, and by whether their receiver is anybody known.
func right(a *detect.Enriched) string {
	s := a.Source.Title() + ": " + cmp.Or(a.Attr(event.AttrGrant), strings.ToLower(a.Role()))
	if len(a.To) > 0 && strings.Contains(a.To[0].Account, ":") {
		return "to nobody known, " + s
	}
	return s
}

// source tells apart by the service.
func source(a *detect.Enriched) string { return a.Source.Title() }

// Kinds of receivers, by department.
const (
	unknownKind = iota
	operator    // administers systems
	builder     // builds them
	elsewhere
)

func receiverKind(a *detect.Enriched) int {
	if len(a.To) == 0 {
		return unknownKind
	}
	dept := strings.ToLower(a.To[0].Department)
	if dept == "" {
		return unknownKind
	}
	words := strings.FieldsFunc(dept, func(c rune) bool { return !(c >= 'a' && c <= 'z') })
	for _, w := range words {
		switch w {
		case "it", "ict", "security", "infosec", "infrastructure", "sysadmin", "helpdesk", "identity", "systems", "sre", "secops", "edv":
			return operator
		}
	}
	for _, w := range words {
		switch w {
		case "engineering", "engineers", "platform", "devops", "technology", "development", "developers", "software",
			"cloud", "technik", "entwicklung":
			return builder
		}
	}
	return elsewhere
}
