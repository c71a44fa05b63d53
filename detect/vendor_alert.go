package detect

import "github.com/outflow/outflow/internal/event"

// vendorAlert is what the service itself reports (E11). It is evidence beside our
// own and adds to it; by itself it says no more than how rare such a report is
// here.
var vendorAlert = &Detector{
	Name: "vendor_alert", Title: "Alert of the service itself", Techniques: []string{"T1078.004"},
	Facts: []Fact{{
		Name: "vendor_alert", Weight: .8, Stake: 1, Once: true, On: []event.Class{event.VendorAlert}, Holds: func(*Act) bool { return true },
		Say: func(a *Act) string {
			s := a.Source.Title() + " itself reports " + quoted(a.Action)
			if r := a.Attr(event.AttrReason); r != "" && r != a.Action {
				s += " (" + quoted(r) + ")"
			}
			return s
		},
	}},
}
