package detectors

import (
	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// personalMailbox is something shared with a private mailbox (B03), above all
// with the person's own.
var personalMailbox = &detect.Detector{
	Name: "personal_mailbox", Title: "Shared with a personal mailbox", Techniques: []string{"T1567.002"}, Exfiltration: true,
	Needs:  fileStores,
	Traits: finding.SharesOutside,
	Indicators: []detect.Indicator{{
		Name: "shared_with_self", Weight: .5, Impact: 2, On: []event.Class{event.ShareUser},
		Match: func(a *detect.Enriched) bool { return a.Own > 0 },
		Describe: func(a *detect.Enriched) string {
			return "shared " + detect.Quote(a.ObjectName()) + " with their own private address " + detect.Quote(a.Outsider())
		},
		Headline: func(a *detect.Enriched) string {
			return "shared " + detect.Named(a.ObjectName()) + " with their own private address " + detect.Named(a.Outsider())
		},
	}},
}
