package detectors

import (
	"github.com/outflow/outflow/internal/event"

	"github.com/outflow/outflow/detect"
)

// crmQuery is a user who takes rows out of the CRM through its interfaces for
// programs (A04).
var crmQuery = &detect.Detector{
	Name: "crm_query", Title: "CRM bulk query", Techniques: []string{"T1213.004", "T1119"}, Weight: 1.35, Exfiltration: true,
	Needs: []detect.Need{crmEvents},
	Metrics: []detect.Metric{
		{Name: "crm_query_rows", HalfSaturation: 40, Unit: "rows", Weight: .9, Scale: detect.Root,
			On: []event.Class{event.Query},
			Measure: func(a *detect.Enriched) float64 {
				if crm(a) {
					return a.Rows
				}
				return 0
			}},
	},
	Floor: func(c detect.Counts) bool { return c.N("crm_query_rows") >= 500 },
	Reason: func(d *detect.Day) string {
		s := queried(d)
		if t := &d.Evidence.Targets; t.Name != "" && t.Share > .5 {
			s += ", with " + detect.Quote(t.Name)
		}
		return s
	},
	Headline: queried,
}

// queried says how many rows queries returned.
func queried(d *detect.Day) string {
	return "retrieved " + detect.Amount(d.N("crm_query_rows"), "Salesforce row", "Salesforce rows") + " through the API" + d.Within()
}
