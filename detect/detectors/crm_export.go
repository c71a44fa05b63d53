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
			Measure: when(func(a *detect.Enriched) bool { return crm(a) && a.Export && !a.Whole() }),
		},
		{Name: "crm_export_rows", HalfSaturation: 25, Unit: "rows", Scale: detect.Root, On: []event.Class{event.Export},
			Measure: func(a *detect.Enriched) float64 {
				if crm(a) {
					return a.Rows + a.LikelyRows
				}
				return 0
			}},
		{
			Name: "crm_export_rows_stated", Unscored: true, Unit: "rows that logs state", On: []event.Class{event.Export},
			Measure: func(a *detect.Enriched) float64 {
				if crm(a) {
					return a.Rows
				}
				return 0
			},
		},
		{
			Name: "crm_exports_unsized", Unscored: true, Unit: "exports of unknown size", On: []event.Class{event.Export},
			Measure: when(func(a *detect.Enriched) bool { return crm(a) && a.Export && a.Unsized && !a.Whole() }),
		},
		{
			Name: "crm_prints", Unscored: true, Unit: "reports printed", On: []event.Class{event.Export},
			Measure: when(func(a *detect.Enriched) bool {
				return crm(a) && a.Export && a.Attr(event.AttrChannel) == event.ChannelPrinter
			}),
		},
		{
			Name: "crm_exports_burst", HalfSaturation: 2, Unit: "exports within half an hour", Burst: true,
			On:      []event.Class{event.Export},
			Measure: when(func(a *detect.Enriched) bool { return crm(a) && a.Export && !a.Whole() }),
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
			s = crmExports(n, d.N("crm_prints"), d.N("crm_export_rows_stated"), d.N("crm_exports_unsized"))
		}
		return s + d.Within()
	},
}

// crmExports says how much was exported. What the logs do not state is not zero.
func crmExports(exports, printed, rows, unsized float64) string {
	in := detect.Amount(exports, "report export", "report exports")
	switch {
	case printed == exports && unsized == 0:
		return "printed " + detect.Amount(printed, "report", "reports") + " of " + detect.Amount(rows, "Salesforce row", "Salesforce rows")
	case printed == exports && rows == 0:
		return "printed " + detect.Amount(printed, "Salesforce report", "Salesforce reports") + " (the number of rows is not in these logs)"
	case printed > 0:
		in += ", " + detect.Number(printed) + " of them printed"
	}
	switch {
	case unsized == 0:
		return "exported " + detect.Amount(rows, "Salesforce row", "Salesforce rows") + " in " + in
	case rows == 0:
		return "exported Salesforce rows in " + in + " (how many is not in these logs)"
	}
	return "exported at least " + detect.Amount(rows, "Salesforce row", "Salesforce rows") + " in " + in + " (the rows of " +
		detect.Number(unsized) + " are not in these logs)"
}

func crm(a *detect.Enriched) bool { return a.Source == event.Salesforce }
