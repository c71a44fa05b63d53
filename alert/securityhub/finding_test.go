package securityhub_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/alerttest"
	"github.com/outflow/outflow/alert/securityhub"
	"github.com/outflow/outflow/internal/standards"
)

// TestFinding checks findings of every kind of message against the limits of ASFF.
func TestFinding(t *testing.T) {
	withdrawn, long, health := alerttest.Alert(), alerttest.Alert(), alerttest.Alert()
	withdrawn.Withdrawn, withdrawn.Revision = true, 2
	long.User, long.Reason, long.Title = strings.Repeat("ü", 2000), strings.Repeat("r", 5000), strings.Repeat("t", 900)
	for range 400 {
		long.Evidence[0].Items = append(long.Evidence[0].Items, long.Evidence[0].Items[0])
	}
	health.Health, health.User, health.Sources, health.Evidence, health.Techniques = true, "", nil, nil, nil
	for _, m := range []alert.Message{
		{Alert: alerttest.Alert(), Link: "https://outflow.example/alerts/1"},
		{Alert: withdrawn},
		{Alert: long},
		{Alert: health},
		{Alert: alert.Sample(alerttest.Now), Test: true, Repeat: true},
	} {
		b, err := json.Marshal(securityhub.Finding(&m, "eu-west-1", "123456789012", alerttest.Now))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range standards.ASFF(b).Faults {
			t.Errorf("%s\n%.1500s", f, b)
		}
	}
}
