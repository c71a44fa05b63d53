package detectors

import (
	"strings"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
)

// warehouseExport is a user who takes rows out of the data warehouse (A12): unloads into a
// stage or a bucket, files fetched from a stage, and the results of queries, which reach
// whoever asks without leaving another trace.
var warehouseExport = &detect.Detector{
	Name: "warehouse_export", Title: "Data warehouse export", Techniques: []string{"T1213", "T1567.002"}, Exfiltration: true,
	Needs: []detect.Need{snowflakeAny},
	Metrics: []detect.Metric{
		{Name: "warehouse_unloads", HalfSaturation: 3, Unit: "unloads", On: []event.Class{event.Export},
			Measure: when(func(a *detect.Enriched) bool { return warehouse(a) && a.Export })},
		{Name: "warehouse_unload_rows", HalfSaturation: 300, Unit: "rows unloaded", Scale: detect.Root, On: []event.Class{event.Export},
			Measure: warehouseRows},
		{Name: "warehouse_stage_files", HalfSaturation: 10, Unit: "files from stages", On: []event.Class{event.Download},
			Measure: func(a *detect.Enriched) float64 {
				if warehouse(a) {
					return float64(max(a.Items, 1))
				}
				return 0
			}},
		{Name: "warehouse_result_rows", HalfSaturation: 2000, Weight: .6, Unit: "rows of results", Scale: detect.Root,
			On: []event.Class{event.Query}, Measure: warehouseRows},
	},
	Indicators: []detect.Indicator{{
		Name: "warehouse_unload_outside", Weight: .8, Impact: 2, Once: true, On: []event.Class{event.Export},
		Match: func(a *detect.Enriched) bool {
			return warehouse(a) && strings.Contains(a.Attr(event.AttrTarget), "://")
		},
		Describe: func(a *detect.Enriched) string {
			return "unloaded " + a.Source.Title() + " data to " + detect.Quote(strings.ToLower(a.Attr(event.AttrTarget))) + a.Party.Words()
		},
	}, {
		Name: "warehouse_unload_stranger", Weight: .8, Impact: 3, Once: true, On: []event.Class{event.Export},
		Match: func(a *detect.Enriched) bool { return warehouse(a) && a.Party.Strange() },
	}},
	Floor: func(c detect.Counts) bool {
		return c.N("warehouse_unloads") >= 1 || c.N("warehouse_stage_files") >= 3 || c.N("warehouse_result_rows") >= 100_000
	},
	Reason:   func(d *detect.Day) string { return warehouseTaken(d) + d.In() },
	Headline: func(d *detect.Day) string { return warehouseTaken(d) + d.InServices() + d.Within() },
}

// warehouseTaken says what was taken.
func warehouseTaken(d *detect.Day) string {
	var parts []string
	if n := d.N("warehouse_unloads"); n > 0 {
		s := "unloaded "
		if rows := d.N("warehouse_unload_rows"); rows > 0 {
			s += detect.Amount(rows, "row", "rows") + " with " + detect.Amount(n, "statement", "statements")
		} else {
			s += "data with " + detect.Amount(n, "statement", "statements") + " (the logs do not say how much)"
		}
		parts = append(parts, s)
	}
	if n := d.N("warehouse_stage_files"); n > 0 {
		parts = append(parts, "downloaded "+detect.Amount(n, "file", "files")+" from stages")
	}
	if n := d.N("warehouse_result_rows"); n >= 100_000 || len(parts) == 0 {
		parts = append(parts, "queried "+detect.Amount(n, "row", "rows"))
	}
	return detect.List(parts)
}

func warehouse(a *detect.Enriched) bool { return a.Source == event.Snowflake }

func warehouseRows(a *detect.Enriched) float64 {
	if warehouse(a) {
		return a.Rows
	}
	return 0
}
