package detectors

import (
	"github.com/outflow/outflow/internal/event"

	"github.com/outflow/outflow/detect"
)

// mfaFatigue is a user who is asked to approve a sign-in until they give in
// (E03): refused pushes in a burst, above all with an approval after them.
var mfaFatigue = &detect.Detector{
	Name: "mfa_fatigue", Title: "MFA fatigue", Techniques: []string{"T1621"}, Compromise: true,
	Needs: []detect.Need{oktaAny, m365Entra},
	Indicators: []detect.Indicator{{
		Name: "push_refused", Weight: .8, Impact: 1, Once: true, On: []event.Class{event.MFADenied},
		Match: func(a *detect.Enriched) bool { return a.Refused >= 3 },
		Describe: func(a *detect.Enriched) string {
			return "refused " + detect.Amount(float64(a.Refused), "MFA push", "MFA pushes") + " within ten minutes"
		},
	}, {
		Name: "push_accepted", Weight: 1.4, Impact: 3, Once: true, On: []event.Class{event.MFAChallenge, event.LoginSuccess},
		Match: func(a *detect.Enriched) bool { return a.Refused >= 3 },
		Describe: func(a *detect.Enriched) string {
			return "approved a sign-in after refusing " + detect.Amount(float64(a.Refused), "MFA push", "MFA pushes")
		},
	}},
}
