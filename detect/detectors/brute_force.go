package detectors

import (
	"fmt"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
)

// bruteForce is a sign-in that succeeds from an address that failed again and
// again within the day before (E01).
var bruteForce = &detect.Detector{
	Name: "brute_force", Title: "Brute force, then success", Techniques: []string{"T1110", "T1078.004"},
	Needs:      signIns,
	Compromise: true,
	Indicators: []detect.Indicator{{
		Name: "brute_force", Weight: .5, Impact: 2, On: []event.Class{event.LoginSuccess},
		Match: func(a *detect.Enriched) bool { return a.Failures >= 6 },
		Describe: func(a *detect.Enriched) string {
			return fmt.Sprintf("signed in to %s after %d failed attempts from %s", a.Source.Title(), a.Failures, detect.Named(a.Client.IP))
		},
	}, {
		Name: "brute_force_strange", Weight: .8, Impact: 3, On: []event.Class{event.LoginSuccess},
		Match: func(a *detect.Enriched) bool { return a.Failures >= 6 && a.Strange },
	}},
}
