package detectors

import (
	"cmp"

	"github.com/outflow/outflow/internal/event"

	"github.com/outflow/outflow/detect"
)

// mailForwarding is a rule or a setting that sends mail outside (F04).
var mailForwarding = &detect.Detector{
	Name: "mail_forwarding", Title: "Mail forwarded outside", Techniques: []string{"T1114.003", "T1564.008"}, Exfiltration: true,
	Needs: []detect.Need{m365Exchange, googleUsers, googleAdmin},
	Indicators: []detect.Indicator{{
		Name: "forward_unknown", Weight: 1.5, Impact: 2, On: []event.Class{event.MailRule},
		Match: func(a *detect.Enriched) bool { return a.External > 0 && a.Unknown > 0 },
		Describe: func(a *detect.Enriched) string {
			return "forwards mail to " + detect.Quote(a.Outsider()) + ", at a new or personal domain"
		},
	}, {
		Name: "forward_outside", Weight: .6, Impact: 1, On: []event.Class{event.MailRule},
		Match:    func(a *detect.Enriched) bool { return a.External > 0 && a.Unknown == 0 },
		Describe: func(a *detect.Enriched) string { return "forwards mail to " + detect.Quote(a.Outsider()) },
	}, {
		Name: "mail_routing_changed", Weight: .6, Impact: 1, On: []event.Class{event.ConfigChange},
		Match: func(a *detect.Enriched) bool { return a.Attr(event.AttrPolicy) == "mail" },
		Describe: func(a *detect.Enriched) string {
			return "changed where the organisation's mail is routed: " + detect.Quote(cmp.Or(a.Attr(event.AttrTarget), a.Action))
		},
	}},
}
