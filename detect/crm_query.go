package detect

import "github.com/outflow/outflow/internal/event"

// crmQuery is somebody who takes rows out of the CRM through its interfaces for
// programs (A04).
var crmQuery = &Detector{
	Name: "crm_query", Title: "CRM bulk query", Techniques: []string{"T1213.004", "T1119"}, Weight: 1.35, Exfiltration: true,
	Needs: []Need{crmEvents},
	Metrics: []Metric{
		{Name: "crm_query_rows", HalfSaturation: 40, Unit: "rows", Weight: .9, Scale: Root, On: []event.Class{event.Query}, Measure: func(a *Enriched) float64 {
			if crm(a) {
				return a.Rows
			}
			return 0
		}},
	},
	Floor: func(c Counts) bool { return c.N("crm_query_rows") >= 500 },
	Reason: func(d *Day) string {
		s := "took " + some(d.N("crm_query_rows"), "Salesforce row", "Salesforce rows") + " through the API"
		if t := &d.Evidence.Targets; t.Name != "" && t.Share > .5 {
			s += " with " + quoted(t.Name)
		}
		return s + d.Within()
	},
}
