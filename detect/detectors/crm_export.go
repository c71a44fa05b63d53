package detectors

import (
	"strings"

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
		{
			Name: "crm_export_rows", HalfSaturation: 25, Unit: "rows", Scale: detect.Root, Stated: "crm_export_rows_stated",
			On: []event.Class{event.Export},
			Measure: func(a *detect.Enriched) float64 {
				if crm(a) {
					return a.Rows + a.LikelyRows
				}
				return 0
			},
		},
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
		did, how := crmTaken(d)
		return did + d.Within() + how
	},
	Headline: func(d *detect.Day) string {
		did, _ := crmTaken(d)
		return did + d.Within()
	},
}

// crmTaken says what was taken, and how.
func crmTaken(d *detect.Day) (did, how string) {
	if n := d.N("crm_exports"); n > 0 {
		return crmExports(n, d.N("crm_prints"), d.N("crm_export_rows_stated"), d.N("crm_exports_unsized"))
	}
	return "downloaded " + detect.Amount(d.N("crm_files"), "Salesforce file", "Salesforce files"), ""
}

// crmExports says how much was exported, and with what remark. What the logs do not state is not zero.
func crmExports(exports, printed, rows, unsized float64) (did, remark string) {
	verb, reports := "made ", detect.Amount(exports, "report export from Salesforce", "report exports from Salesforce")
	var remarks []string
	switch {
	case printed == exports:
		verb, reports = "printed ", detect.Amount(exports, "Salesforce report", "Salesforce reports")
	case printed > 0:
		remarks = append(remarks, detect.Number(printed)+" of them printed")
	}
	switch {
	case unsized == 0 && printed < exports:
		did = "exported " + detect.Amount(rows, "Salesforce row", "Salesforce rows")
		remarks = append([]string{"in " + detect.Amount(exports, "export", "exports")}, remarks...)
	case unsized == 0:
		did = verb + reports + " (" + detect.Amount(rows, "row", "rows") + ")"
	case rows == 0:
		did = verb + reports
		remarks = append(remarks, "row counts are not in the logs")
	default:
		did = verb + reports + " (at least " + detect.Amount(rows, "row", "rows") + ")"
		remarks = append(remarks, "the row counts of "+detect.Number(unsized)+" of them are not in the logs")
	}
	if len(remarks) > 0 {
		remark = " (" + strings.Join(remarks, ", ") + ")"
	}
	return did, remark
}

func crm(a *detect.Enriched) bool { return a.Source == event.Salesforce }
