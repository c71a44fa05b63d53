package detect

import "github.com/outflow/outflow/internal/event"

// crmExport is somebody who exports reports or files of the CRM (A03). One
// execution counts once, however many records describe it.
var crmExport = &Detector{
	Name: "crm_export", Title: "CRM export", Techniques: []string{"T1213.004"}, Weight: .8, Takes: true,
	Metrics: []Metric{
		{Name: "crm_exports", Half: 2, Unit: "exports", Slow: true, On: []event.Class{event.Export}, Measure: when(func(a *Act) bool { return crm(a) && a.Export })},
		{Name: "crm_export_rows", Half: 25, Unit: "rows", Scale: Root, On: []event.Class{event.Export}, Measure: func(a *Act) float64 {
			if crm(a) {
				return a.Rows
			}
			return 0
		}},
		{Name: "crm_exports_burst", Half: 2, Unit: "exports within half an hour", Burst: true, On: []event.Class{event.Export}, Measure: when(func(a *Act) bool { return crm(a) && a.Export })},
		{Name: "crm_files", Half: 10, Unit: "files", Harm: .6, On: takesFile, Measure: when(func(a *Act) bool { return a.First && crm(a) })},
	},
	Enough: func(d *Day) bool {
		return d.n("crm_export_rows") >= 200 || d.n("crm_exports") >= 3 || d.n("crm_files") >= 10
	},
	Reason: func(d *Day) string {
		s := "downloaded " + some(d.n("crm_files"), "CRM file", "CRM files")
		if n := d.n("crm_exports"); n > 0 {
			s = "exported " + some(d.n("crm_export_rows"), "Salesforce row", "Salesforce rows") + " in " + some(n, "report export", "report exports")
		}
		return s + d.within("crm_export")
	},
}

func crm(a *Act) bool { return a.Source == event.Salesforce }
