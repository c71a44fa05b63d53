package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/elastic"
	"github.com/outflow/outflow/internal/standards"
)

// TestStandards checks that every alert of the example is a finding of OCSF and a document of ECS.
func TestStandards(t *testing.T) {
	t.Parallel()
	n := 0
	for line := range strings.Lines(scannedLines(t, acme, "--all")) {
		var m alert.Message
		if err := json.Unmarshal([]byte(line), &m.Alert); err != nil {
			t.Fatal(err)
		}
		finding, err := alert.OCSF(&m, "1.0")
		if err != nil {
			t.Fatal(err)
		}
		document, err := json.Marshal(elastic.Document(&m, "1.0"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range append(standards.OCSF(finding).Faults, standards.ECS(document, "outflow").Faults...) {
			t.Errorf("%s: %s", m.Alert.ID, f)
		}
		n++
	}
	if n < 100 {
		t.Errorf("only %d alerts were checked", n)
	}
}
