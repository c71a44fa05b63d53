package detect

import "github.com/outflow/outflow/internal/finding"

// authenticationPolicy is a requirement for passwords, second factors or single
// sign-on that is lowered for everybody (E10).
var authenticationPolicy = &Detector{
	Name: "authentication_policy", Title: "Authentication policy weakened", Techniques: []string{"T1556", "T1562"},
	Needs: []Need{
		oktaAny, m365Entra, googleAdmin, slackAny, githubAny, dropboxAny, awsManage, atlassianAny, zoomAny, snowflakeAny,
	},
	Traits:     finding.ChangesSettings,
	Indicators: policyFacts("authentication"),
}
