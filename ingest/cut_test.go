package ingest

import "testing"

func TestCut(t *testing.T) {
	for mark, want := range map[string]bool{
		"System.Object[]": true, "System.String[]": true, "System.Collections.Hashtable": true,
		"System.Collections.Generic.List`1[System.Object]": true, "System.Management.Automation.PSCustomObject": true,
		"@{name=doc_id; value=x}": true, "[Object]": true, "[object Object]": true, "{...}": true, "...": true, "…": true,
		"": false, "System": false, "System.Net design": false, "@home": false, "[draft] plan": false, "{id}": false, "...and then": false,
		"Q3 plan": false,
	} {
		if Cut(mark) != want {
			t.Errorf("Cut(%q) is %v", mark, !want)
		}
	}
}
