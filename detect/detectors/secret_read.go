package detectors

import (
	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
)

// secretRead is a user who reads the values of many secrets (A20): secrets, decrypted parameters and
// passwords of machines, each once a day.
var secretRead = &detect.Detector{
	Name: "secret_read", Title: "Bulk read of secrets", Techniques: []string{"T1555.006"}, Exfiltration: true,
	Needs: []detect.Need{awsManage},
	Metrics: []detect.Metric{
		{Name: "secrets", HalfSaturation: 12, Unit: "secrets", On: []event.Class{event.Download}, Measure: secrets},
		{
			Name: "secrets_burst", HalfSaturation: 12, Unit: "secrets within half an hour", Burst: true,
			On: []event.Class{event.Download}, Measure: secrets,
		},
	},
	Floor: func(c detect.Counts) bool { return c.N("secrets") >= 5 },
	Reason: func(d *detect.Day) string {
		return "read the values of " + detect.Amount(d.N("secrets"), "secret or parameter", "secrets or parameters") + d.Where()
	},
	Headline: func(d *detect.Day) string {
		return "read " + detect.Amount(d.N("secrets"), "secret or parameter", "secrets or parameters") + d.From() + d.Within()
	},
}

// secrets is how many secrets an act reads for the first time today.
func secrets(a *detect.Enriched) float64 {
	if !cloud(a) || !a.First || a.Object.Type != "secret" && a.Object.Type != "parameter" {
		return 0
	}
	return float64(max(a.Items, 1))
}
