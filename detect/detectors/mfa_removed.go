package detectors

import (
	"github.com/outflow/outflow/internal/event"

	"github.com/outflow/outflow/detect"
)

// mfaRemoved is a second factor that is removed or reset (E04): most weigh little
// unless none is enrolled again the same day; of a leaver, or of
// another user, more.
var mfaRemoved = &detect.Detector{
	Name: "mfa_removed", Title: "Second factor removed", Techniques: []string{"T1556.006"}, Compromise: true,
	Needs: []detect.Need{oktaAny, m365Entra, googleUsers, githubAny, boxAny, dropboxAny, awsManage},
	Indicators: []detect.Indicator{{
		Name: "factor_removed", Weight: .4, Impact: 1, On: []event.Class{event.MFADisabled}, Persists: "factor_not_restored",
		Match:    func(a *detect.Enriched) bool { return a.Subject() == a.Person && !a.Leaving },
		Describe: func(a *detect.Enriched) string { return "removed their own second factor in " + a.Source.Title() },
	}, {
		Name: "factor_not_restored", Weight: .9, Impact: 2,
	}, {
		Name: "factor_of_other_removed", Weight: .4, Impact: 1, On: []event.Class{event.MFADisabled},
		Persists: "factor_of_other_not_restored",
		Match:    func(a *detect.Enriched) bool { return a.Subject() != a.Person && !a.Leaving },
		Describe: func(a *detect.Enriched) string {
			return "removed the second factor of " + detect.Quote(a.Subject()) + " in " + a.Source.Title()
		},
	}, {
		Name: "factor_of_other_not_restored", Weight: .9, Impact: 2,
	}, {
		Name: "factor_removed_leaving", Weight: 1.4, Impact: 3, On: []event.Class{event.MFADisabled},
		Match: func(a *detect.Enriched) bool { return a.Leaving },
		Describe: func(a *detect.Enriched) string {
			if a.Subject() == a.Person {
				return "removed their own second factor in " + a.Source.Title() + " while leaving"
			}
			return "removed the second factor of " + detect.Quote(a.Subject()) + " in " + a.Source.Title() + " while leaving"
		},
	}},
}
