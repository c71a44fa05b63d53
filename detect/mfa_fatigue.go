package detect

import "github.com/outflow/outflow/internal/event"

// mfaFatigue is somebody who is asked to approve a sign-in until they give in
// (E03): refused pushes in a burst, above all with an approval after them.
var mfaFatigue = &Detector{
	Name: "mfa_fatigue", Title: "MFA fatigue", Techniques: []string{"T1621"}, Identity: true,
	Facts: []Fact{{
		Name: "push_refused", Weight: .8, Stake: 1, Once: true, On: []event.Class{event.MFADenied}, Holds: func(a *Act) bool { return a.Refused >= 3 },
		Say: func(a *Act) string {
			return "refused " + some(float64(a.Refused), "push", "pushes") + " for a sign-in within ten minutes"
		},
	}, {
		Name: "push_accepted", Weight: 1.4, Stake: 3, Once: true, On: []event.Class{event.MFAChallenge, event.LoginSuccess}, Holds: func(a *Act) bool { return a.Refused >= 3 },
		Say: func(a *Act) string {
			return "approved a sign-in after refusing " + some(float64(a.Refused), "push", "pushes")
		},
	}},
}
