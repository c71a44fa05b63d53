package detect

import "github.com/outflow/outflow/internal/event"

// crmQuery is somebody who takes rows out of the CRM through its interfaces for
// programs (A04).
var crmQuery = &Detector{
	Name: "crm_query", Title: "CRM bulk query", Techniques: []string{"T1213.004", "T1119"}, Weight: 1.35, Takes: true,
	Metrics: []Metric{
		{Name: "crm_query_rows", Half: 40, Unit: "rows", Harm: .9, Scale: Root, On: []event.Class{event.Query}, Measure: func(a *Act) float64 {
			if crm(a) {
				return a.Rows
			}
			return 0
		}},
	},
	Enough: func(d *Day) bool { return d.n("crm_query_rows") >= 500 },
	Reason: func(d *Day) string {
		s := "took " + some(d.n("crm_query_rows"), "Salesforce row", "Salesforce rows") + " through the API"
		if name, share := top(d.proof(detected["crm_query"]).Targets); name != "" && share > .5 {
			s += " with " + quoted(name)
		}
		return s + d.within("crm_query")
	},
}
