package detectors

import (
	"slices"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
)

// forbiddenDomain is something shared with, or a guest invited from, a domain
// that the configuration forbids (B04): a competitor, say.
var forbiddenDomain = &detect.Detector{
	Name: "forbidden_domain", Title: "Shared with a forbidden domain", Techniques: []string{"T1567"}, Exfiltration: true,
	Needs: append(slices.Clone(fileStores), slackAny, githubAny),
	Indicators: []detect.Indicator{{
		Name: "forbidden_domain", Weight: 1.8, Impact: 3,
		On:    []event.Class{event.ShareUser, event.MembershipAdd, event.MailRule, event.PermissionGrant},
		Match: func(a *detect.Enriched) bool { return a.Forbidden != "" },
		Describe: func(a *detect.Enriched) string {
			if a.Class == event.MailRule {
				return "set up forwarding of mail to " + detect.Quote(a.Forbidden) + ", at a forbidden domain"
			}
			return "gave " + detect.Quote(a.Forbidden) + ", at a forbidden domain, access to " + detect.Quote(a.ItemName())
		},
		Headline: func(a *detect.Enriched) string {
			if a.Class == event.MailRule {
				return "set up forwarding of mail to the forbidden " + detect.Named(a.Forbidden)
			}
			return "gave the forbidden " + detect.Named(a.Forbidden) + " access to " + detect.Named(a.ItemName())
		},
	}},
}
