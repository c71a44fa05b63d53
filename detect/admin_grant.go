package detect

import (
	"strings"

	"github.com/outflow/outflow/internal/event"
)

// adminGrant is an administrative right given to somebody (D01): it weighs more
// if the receiver is the giver, does not work with systems, or if it happens at
// an odd hour.
var adminGrant = &Detector{
	Name: "admin_grant", Title: "Administrative right granted", Techniques: []string{"T1098.003"},
	Indicators: []Indicator{{
		Name: "top_grant", Weight: .5, Impact: 2, Persists: "top_grant_lasting", On: []event.Class{event.AdminGrant}, Match: topGrant,
		Describe: func(a *Enriched) string {
			return "gave " + receiver(a) + " the right " + quoted(role(a)) + " in " + a.Source.Title()
		},
	}, {
		Name: "top_grant_odd", Weight: .9, Impact: 3, On: []event.Class{event.AdminGrant}, Match: func(a *Enriched) bool {
			kind := receiverKind(a)
			return topGrant(a) && (kind == elsewhere || kind == builder && a.OffHours)
		},
	}, {
		Name: "top_grant_lasting", Weight: .5, Impact: 2,
	}},
}

// topGrant says whether what is granted is full control.
func topGrant(a *Enriched) bool {
	if a.Outcome != event.Success || a.Class != event.AdminGrant {
		return false
	}
	if a.Attr(event.AttrGrant) != "" {
		return true
	}
	for r := range strings.SplitSeq(strings.ToLower(role(a)), ",") { // Okta names several at once
		if fullControl(strings.TrimSpace(r)) {
			return true
		}
	}
	return false
}

// fullControl says whether the name of a role, in small letters, is that of one
// over everything.
func fullControl(r string) bool {
	for _, minor := range []string{"readonly", "read only", "reader", "viewer", "view", "auditor", "helpdesk", "help desk", "billing", "reports", "support", "security_reader", "user administrator", "groups", "services", "guest"} {
		if strings.Contains(r, minor) {
			return false
		}
	}
	for _, full := range []string{"administratoraccess", "global administrator", "super", "org_admin", "organization administrator", "_seed_admin", "root", "owner", "poweruser", "fullaccess", "full access", "privileged", "company administrator", "iamfullaccess"} {
		if strings.Contains(r, full) {
			return true
		}
	}
	return r == "admin" || r == "administrator" || r == "admins" || r == "administrators"
}

func role(a *Enriched) string { return a.Attr(event.AttrRole) }

func receiver(a *Enriched) string {
	for i := range a.To {
		if a.To[i].Account == a.Person {
			return "themselves"
		}
	}
	if len(a.To) > 0 {
		return quoted(a.To[0].Account)
	}
	if a.Object.Name != "" {
		return quoted(a.Object.Name)
	}
	return "somebody"
}

// Kinds of receivers, by department.
const (
	unknownKind = iota
	operator    // administers systems
	builder     // builds them
	elsewhere
)

func receiverKind(a *Enriched) int {
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
		case "engineering", "engineers", "platform", "devops", "technology", "development", "developers", "software", "cloud", "technik", "entwicklung":
			return builder
		}
	}
	return elsewhere
}
