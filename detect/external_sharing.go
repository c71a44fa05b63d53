package detect

import "github.com/outflow/outflow/internal/event"

// externalSharing is somebody who shares much with outsiders (B02): pairs of an
// item and a recipient, each once. Partners the organisation has long shared with
// weigh little, since sharing with them is not new to anybody.
var externalSharing = &Detector{
	Name: "external_sharing", Title: "External sharing", Techniques: []string{"T1567.002"}, Takes: true,
	Metrics: []Metric{
		{Name: "external_shares", Half: 6, Unit: "shares", Harm: .5, On: sharesWithPeople, Measure: func(a *Act) float64 { return float64(a.External) }},
		{Name: "external_shares_unknown", History: true, Half: 5, Unit: "shares with new or personal domains", Slow: true, On: sharesWithPeople, Measure: func(a *Act) float64 { return float64(a.Unknown - a.Own) }},
		{Name: "external_shares_new", History: true, Half: 3, Unit: "shares with recipients new to the person", Harm: .6, On: sharesWithPeople, Measure: func(a *Act) float64 { return float64(a.NewRecipients) }},
		{Name: "external_shares_burst", Half: 6, Unit: "shares within half an hour", Harm: .5, Burst: true, On: sharesWithPeople, Measure: func(a *Act) float64 { return float64(a.External) }},
		{Name: "external_shares_sensitive", Half: 4, Unit: "sensitive items shared", Harm: .6, On: sharesWithPeople, Measure: func(a *Act) float64 {
			if a.Sensitive {
				return float64(a.External)
			}
			return 0
		}},
		{Name: "external_shares_self", Half: 5, Unit: "shares with their own private address", Slow: true, On: sharesWithPeople, Measure: func(a *Act) float64 { return float64(a.Own) }},
	},
	Reason: func(d *Day) string {
		return "shared " + some(d.n("external_shares"), "item", "items") + d.toWhom("external_sharing") + d.within("external_sharing") +
			d.of("external_shares_sensitive", "sensitive", "external_shares_unknown", "to new or personal domains")
	},
}

var sharesWithPeople = []event.Class{event.ShareUser}
