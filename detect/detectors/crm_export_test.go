package detectors

import "testing"

// TestCRMExports checks what is said about exports and prints of reports.
func TestCRMExports(t *testing.T) {
	for _, c := range []struct {
		exports, printed, rows, unsized float64
		want                            string
	}{
		{2, 0, 500, 0, "exported 500 Salesforce rows in 2 report exports"},
		{2, 0, 0, 2, "exported Salesforce rows in 2 report exports (how many is not in these logs)"},
		{3, 0, 500, 1, "exported at least 500 Salesforce rows in 3 report exports (the rows of 1 are not in these logs)"},
		{90, 90, 45_000, 0, "printed 90 reports of 45,000 Salesforce rows"},
		{1, 1, 0, 1, "printed 1 Salesforce report (the number of rows is not in these logs)"},
		{3, 2, 700, 0, "exported 700 Salesforce rows in 3 report exports, 2 of them printed"},
		{3, 3, 700, 1, "exported at least 700 Salesforce rows in 3 report exports, 3 of them printed (the rows of 1 are not in these logs)"},
	} {
		if got := crmExports(c.exports, c.printed, c.rows, c.unsized); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}
