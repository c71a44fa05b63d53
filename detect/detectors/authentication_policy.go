package detectors

import (
	"github.com/outflow/outflow/internal/finding"

	"github.com/outflow/outflow/detect"
)

// authenticationPolicy is a requirement for passwords, second factors or single
// sign-on that is lowered for everybody (E10).
var authenticationPolicy = &detect.Detector{
	Name: "authentication_policy", Title: "Authentication policy weakened", Techniques: []string{"T1556", "T1685"},
	Needs: []detect.Need{
		oktaAny, m365Entra, googleAdmin, slackAny, githubAny, dropboxAny, awsManage, atlassianAny, zoomAny, snowflakeAny,
	},
	Traits:     finding.ChangesSettings,
	Indicators: policyFacts("authentication"),
}
