package detect

import "github.com/outflow/outflow/internal/event"

// mfaFatigue is somebody who is asked to approve a sign-in until they give in
// (E03): refused pushes in a burst, above all with an approval after them.
var mfaFatigue = &Detector{
	Name: "mfa_fatigue", Title: "MFA fatigue", Techniques: []string{"T1621"}, Compromise: true,
	Needs: []Need{oktaAny, m365Entra},
	Indicators: []Indicator{{
		Name: "push_refused", Weight: .8, Impact: 1, Once: true, On: []event.Class{event.MFADenied}, Match: func(a *Enriched) bool { return a.Refused >= 3 },
		Describe: func(a *Enriched) string {
			return "refused " + some(float64(a.Refused), "push", "pushes") + " for a sign-in within ten minutes"
		},
	}, {
		Name: "push_accepted", Weight: 1.4, Impact: 3, Once: true, On: []event.Class{event.MFAChallenge, event.LoginSuccess}, Match: func(a *Enriched) bool { return a.Refused >= 3 },
		Describe: func(a *Enriched) string {
			return "approved a sign-in after refusing " + some(float64(a.Refused), "push", "pushes")
		},
	}},
}
