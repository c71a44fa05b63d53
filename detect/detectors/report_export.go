package detectors

import (
	"github.com/outflow/outflow/internal/event"

	"github.com/outflow/outflow/detect"
)

// reportExport is a user who exports many reports, dashboards or datasets of a business
// intelligence service (A03). Records rarely say how many rows they have.
var reportExport = &detect.Detector{
	Name: "report_export", Title: "Reports exported", Techniques: []string{"T1213"}, Weight: .8, Exfiltration: true,
	Needs: []detect.Need{m365Reports, googleStudio},
	Metrics: []detect.Metric{
		{Name: "reports", HalfSaturation: 8, Unit: "exports", Slow: true, On: exports, Measure: when(exportsReport)},
		{
			Name: "reports_burst", HalfSaturation: 8, Unit: "exports within half an hour", Burst: true, On: exports,
			Measure: when(exportsReport),
		},
	},
	Floor: func(c detect.Counts) bool { return c.N("reports") >= 5 },
	Reason: func(d *detect.Day) string {
		return "exported reports, dashboards or datasets " + detect.Amount(d.N("reports"), "time", "times") + d.Where()
	},
	Headline: func(d *detect.Day) string {
		return "exported reports, dashboards or datasets " + detect.Amount(d.N("reports"), "time", "times") + d.From() + d.Within()
	},
}

var exports = []event.Class{event.Export}

// exportsReport says whether a report, rather than an account or workspace, is exported.
func exportsReport(a *detect.Enriched) bool {
	switch a.Object.Type {
	case "report", "dashboard", "dataset", "dataflow", "semanticmodel", "paginatedreport":
		return !crm(a) && a.Export
	}
	return false
}
