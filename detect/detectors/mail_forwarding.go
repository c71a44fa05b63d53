package detectors

import (
	"cmp"
	"strings"

	"github.com/outflow/outflow/internal/event"

	"github.com/outflow/outflow/detect"
)

// mailForwarding is a rule or a setting that sends mail outside (F04).
var mailForwarding = &detect.Detector{
	Name: "mail_forwarding", Title: "Mail forwarded outside", Techniques: []string{"T1114.003", "T1564.008"}, Exfiltration: true,
	Needs: []detect.Need{m365Exchange, googleUsers, googleAdmin},
	Indicators: append([]detect.Indicator{{
		Name: "forward_unknown", Weight: 1.5, Impact: 2, Revocable: true, On: []event.Class{event.MailRule},
		Match: func(a *detect.Enriched) bool { return a.External > 0 && a.Unknown > 0 },
		Describe: func(a *detect.Enriched) string {
			return "set up forwarding of mail to " + detect.Quote(a.Outsider()) + ", at a new or personal domain"
		},
	}, {
		Name: "forward_outside", Weight: .6, Impact: 1, Revocable: true, On: []event.Class{event.MailRule},
		Match:    func(a *detect.Enriched) bool { return a.External > 0 && a.Unknown == 0 },
		Describe: func(a *detect.Enriched) string { return "set up forwarding of mail to " + detect.Quote(a.Outsider()) },
	}, {
		Name: "mail_routing_changed", Weight: .6, Impact: 1, On: []event.Class{event.ConfigChange},
		Match: func(a *detect.Enriched) bool {
			return a.Attr(event.AttrPolicy) == "mail" && a.Attr(event.AttrEffect) == ""
		},
		Describe: func(a *detect.Enriched) string {
			return "changed the routing of the organisation's mail: " + setting(a)
		},
	}, {
		Name: "forward_unnamed", Weight: .6, Impact: 1, Revocable: true, On: []event.Class{event.MailRule},
		Match: func(a *detect.Enriched) bool { return a.External == 0 && unplaced(a) != "" },
		Describe: func(a *detect.Enriched) string {
			return "set up forwarding of mail to " + detect.Quote(unplaced(a)) + ", whose address is not in the log"
		},
	}}, policyFacts("mail")[:2]...),
}

// unplaced is a recipient of whom it is not known whether they are outside: a contact, or a name; "" if
// there is none.
func unplaced(a *detect.Enriched) string {
	for i := range a.To {
		if a.To[i].Scope == event.ScopeUnknown {
			_, name, _ := strings.Cut(a.To[i].Account, ":")
			return cmp.Or(name, a.To[i].Account)
		}
	}
	return ""
}
