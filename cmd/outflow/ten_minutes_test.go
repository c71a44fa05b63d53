package main

import (
	"os"
	"strings"
	"testing"
)

// TestTenMinutes holds the answers in docs/ten-minutes.md against what the commands say of the example.
func TestTenMinutes(t *testing.T) {
	long(t)
	t.Parallel()
	doc, err := os.ReadFile("../../docs/ten-minutes.md")
	if err != nil {
		t.Fatal(err)
	}
	said := strings.Join(strings.Fields(string(doc)), " ")
	data := privateDir(t)
	if code, _, errs := outflow("scan", "--data", data, "--format", "ndjson", "--out", os.DevNull, "../../examples/acme"); code != exitFine && code != exitFailed {
		t.Fatal(code, errs)
	}
	for _, c := range []struct {
		args    []string
		answers map[string]string // what the page says, and what the command does
	}{
		{[]string{"report", "review", "chen.kapoor@acme.example", "--format", "md"}, map[string]string{
			"act today": "**Act today.",
			"40 report exports from Salesforce, at least 62,802 rows":      "Made 40 report exports from Salesforce (at least 62,802 rows)",
			"the logs have no row counts of 37 of them":                    "the row counts of 37 of them are not in the logs",
			"0 on a usual day, 0 for colleagues, and 0 on the 49 other":    "a usual day of the person has 0, of colleagues 0; the highest of the 49 other days shown has 0.",
			"on 17 April, the day of notice, 25 days before the last day":  "25 days before leaving (on the day notice was given)",
			"the right AdministratorAccess that the person granted":        "since 11 March 2026",
			"44 of the 90 days before notice":                              "44 of the 90 days before notice are not covered",
			"everything after 20 April":                                    "Data received up to 20 April 2026",
			"the security team, about the case that is named":              "call the security team about case e9a0c430",
			"an AWS administrator, for the right; then IT and the manager": "Agree with IT and the manager",
		}},
		{[]string{"report", "owners"}, map[string]string{
			"Two people would get a list": "2 people get a list",
			"Three are left out":          "Left out, 3 people",
		}},
		{[]string{"report", "digest", "--week", "2026-W16", "--format", "text"}, map[string]string{
			"4 alerts, 2 more than the week before": "4 alerts",
			"12 cases need action":                  "12 cases need action",
			"6 exposures are still open":            "6 exposures still open",
		}},
	} {
		code, out, errs := outflow(append(c.args, "--data", data)...)
		if code != exitFine {
			t.Errorf("%v: exit %d: %s", c.args, code, errs)
		}
		for answer, want := range c.answers {
			if !strings.Contains(said, answer) {
				t.Errorf("docs/ten-minutes.md does not say %q", answer)
			}
			if !strings.Contains(out, want) {
				t.Errorf("%v does not say %q", c.args, want)
			}
		}
	}
}
