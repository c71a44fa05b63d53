package detect

import "github.com/outflow/outflow/internal/event"

// vendorAlert is what the service itself reports (E11). It is evidence beside our
// own and adds to it; by itself it says no more than how rare such a report is
// here.
var vendorAlert = &Detector{
	Name: "vendor_alert", Title: "Alert of the service itself", Techniques: []string{"T1078.004"},
	Needs: []Need{boxShield, m365Alerts, crmAlerts, slackAlerts},
	Indicators: []Indicator{{
		Name: "vendor_alert", Weight: .8, Impact: 1, Once: true, On: []event.Class{event.VendorAlert}, Match: func(*Enriched) bool { return true },
		Describe: func(a *Enriched) string {
			s := a.Source.Title() + " itself reports " + quoted(a.Action)
			if r := a.Attr(event.AttrReason); r != "" && r != a.Action {
				s += " (" + quoted(r) + ")"
			}
			return s
		},
	}},
}
