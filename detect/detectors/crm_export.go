package detectors

import (
	"github.com/outflow/outflow/internal/event"

	"github.com/outflow/outflow/detect"
)

// crmExport is a user who exports reports or files of the CRM (A03). One
// execution counts once, however many records describe it.
var crmExport = &detect.Detector{
	Name: "crm_export", Title: "CRM export", Techniques: []string{"T1213.004"}, Weight: .8, Exfiltration: true,
	Needs: []detect.Need{crmEvents},
	Metrics: []detect.Metric{
		{
			Name: "crm_exports", HalfSaturation: 2, Unit: "exports", Slow: true, On: []event.Class{event.Export},
			Measure: when(func(a *detect.Enriched) bool { return crm(a) && a.Export }),
		},
		{Name: "crm_export_rows", HalfSaturation: 25, Unit: "rows", Scale: detect.Root, On: []event.Class{event.Export},
			Measure: func(a *detect.Enriched) float64 {
				if crm(a) {
					return a.Rows
				}
				return 0
			}},
		{
			Name: "crm_exports_burst", HalfSaturation: 2, Unit: "exports within half an hour", Burst: true,
			On:      []event.Class{event.Export},
			Measure: when(func(a *detect.Enriched) bool { return crm(a) && a.Export }),
		},
		{
			Name: "crm_files", HalfSaturation: 10, Unit: "files", Weight: .6, On: takesFile,
			Measure: when(func(a *detect.Enriched) bool { return a.First && crm(a) }),
		},
	},
	Floor: func(c detect.Counts) bool {
		return c.N("crm_export_rows") >= 200 || c.N("crm_exports") >= 3 || c.N("crm_files") >= 10
	},
	Reason: func(d *detect.Day) string {
		s := "downloaded " + detect.Amount(d.N("crm_files"), "CRM file", "CRM files")
		if n := d.N("crm_exports"); n > 0 {
			s = "exported " + detect.Amount(d.N("crm_export_rows"), "Salesforce row", "Salesforce rows") + " in " +
				detect.Amount(n, "report export", "report exports")
		}
		return s + d.Within()
	},
}

func crm(a *detect.Enriched) bool { return a.Source == event.Salesforce }
