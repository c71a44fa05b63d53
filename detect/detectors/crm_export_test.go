package detectors

import "testing"

// TestCRMExports checks what is said about exports and prints of reports.
func TestCRMExports(t *testing.T) {
	for _, c := range []struct {
		exports, printed, rows, unsized float64
		want                            string
	}{
		{2, 0, 500, 0, "exported 500 Salesforce rows (in 2 exports)"},
		{2, 0, 0, 2, "made 2 report exports from Salesforce (row counts are not in the logs)"},
		{3, 0, 500, 1, "made 3 report exports from Salesforce (at least 500 rows) (the row counts of 1 of them are not in the logs)"},
		{90, 90, 45_000, 0, "printed 90 Salesforce reports (45,000 rows)"},
		{1, 1, 0, 1, "printed 1 Salesforce report (row counts are not in the logs)"},
		{3, 2, 700, 0, "exported 700 Salesforce rows (in 3 exports, 2 of them printed)"},
		{3, 3, 700, 1, "printed 3 Salesforce reports (at least 700 rows) (the row counts of 1 of them are not in the logs)"},
	} {
		did, remark := crmExports(c.exports, c.printed, c.rows, c.unsized)
		if got := did + remark; got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}
