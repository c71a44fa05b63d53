package detect

import (
	"slices"

	"github.com/outflow/outflow/internal/event"
)

// forbiddenDomain is something shared with, or somebody invited from, a domain
// that the configuration forbids (B04): a competitor, say.
var forbiddenDomain = &Detector{
	Name: "forbidden_domain", Title: "Share to a forbidden domain", Techniques: []string{"T1567"}, Exfiltration: true,
	Needs: append(slices.Clone(fileStores), slackAny, githubAny),
	Indicators: []Indicator{{
		Name: "forbidden_domain", Weight: 1.8, Impact: 3, On: []event.Class{event.ShareUser, event.MembershipAdd, event.MailRule, event.PermissionGrant}, Match: func(a *Enriched) bool { return a.Forbidden != "" },
		Describe: func(a *Enriched) string {
			if a.Class == event.MailRule {
				return "forwards mail to " + quoted(a.Forbidden) + ", at a forbidden domain"
			}
			return "gave " + quoted(a.Forbidden) + ", at a forbidden domain, access to " + quoted(a.ItemName())
		},
	}},
}
