package detectors

import (
	"github.com/outflow/outflow/internal/event"

	"github.com/outflow/outflow/detect"
)

// vendorAlert is what the service itself reports (E11). It is evidence beside our
// own and adds to it; by itself it says no more than how rare such a report is
// here.
var vendorAlert = &detect.Detector{
	Name: "vendor_alert", Title: "Alert of the service itself", Techniques: []string{"T1078.004"},
	Needs: []detect.Need{boxShield, m365Alerts, crmAlerts, slackAlerts},
	Indicators: []detect.Indicator{{
		Name: "vendor_alert", Weight: .8, Impact: 1, Once: true, On: []event.Class{event.VendorAlert},
		Match: func(*detect.Enriched) bool { return true },
		Describe: func(a *detect.Enriched) string {
			s := a.Source.Title() + " itself reports " + detect.Quote(a.Action)
			if r := a.Attr(event.AttrReason); r != "" && r != a.Action {
				s += " (" + detect.Quote(r) + ")"
			}
			return s
		},
	}},
}
