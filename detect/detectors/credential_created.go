package detectors

import (
	"strings"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
)

// credentialCreated is a user who makes a key or a password for another user (D07): it says little by
// itself, but whoever has it can act as that user.
var credentialCreated = &detect.Detector{
	Name: "credential_created", Title: "Credential created for another user", Techniques: []string{"T1098.001"},
	Needs:     []detect.Need{awsManage},
	Privilege: detect.PrivilegeTaken,
	Indicators: []detect.Indicator{{
		Name: "credential_of_other", Weight: .45, Impact: 1, On: []event.Class{event.TokenGrant},
		Match: func(a *detect.Enriched) bool {
			return cloud(a) && a.Outcome == event.Success && a.Object.Type == "user" && len(a.To) > 0 && a.Subject() != a.Person
		},
		Describe: func(a *detect.Enriched) string {
			what := "created a key"
			switch a.Action {
			case "CreateLoginProfile":
				what = "set a password"
			case "UpdateLoginProfile":
				what = "set a new password"
			}
			who := a.Subject()
			if strings.Contains(who, ":") { // nobody known: the name of the user says more
				who = a.Object.Name
			}
			return what + " for " + detect.Quote(who) + " in " + a.Source.Title()
		},
	}},
}
