package detectors

import (
	"cmp"
	"slices"
	"strings"

	"github.com/outflow/outflow/internal/event"

	"github.com/outflow/outflow/detect"
)

// vendorAlert is what the service itself reports (E11). It is evidence beside our
// own and adds to it; by itself it says no more than how rare such a report is
// here, unless it is one of those that the service means most seriously.
var vendorAlert = &detect.Detector{
	Name: "vendor_alert", Title: "Vendor alert", Techniques: []string{"T1078.004"},
	Needs: []detect.Need{boxShield, m365Alerts, crmAlerts, slackAlerts},
	Indicators: []detect.Indicator{{
		Name: "vendor_alert", Weight: .8, Kind: vendorRule, Impact: 1, Once: true, On: []event.Class{event.VendorAlert},
		Match:    func(a *detect.Enriched) bool { return !grave(a) },
		Describe: sayReported,
	}, {
		Name: "vendor_alert_grave", Weight: .8, Least: detect.LeastShown, Kind: vendorRule, Impact: 2, Once: true,
		On: []event.Class{event.VendorAlert}, Match: grave, Describe: sayReported,
	}},
}

func sayReported(a *detect.Enriched) string {
	s := a.Source.Title() + " raised the alert " + detect.Quote(a.Action)
	if r := a.Attr(event.AttrReason); r != "" && r != a.Action {
		s += " (" + detect.Quote(r) + ")"
	}
	return s
}

// vendorRule tells alerts apart by the rule of the service that raised them.
func vendorRule(a *detect.Enriched) string {
	return a.Source.Title() + ": " + cmp.Or(a.Attr(event.AttrReason), a.Action)
}

// graveAlerts are the alerts of services that say that an account, or one of its credentials, is in the
// hands of somebody else or under attack, whatever their level.
var graveAlerts = map[event.Source][]string{
	event.GoogleWorkspace: {
		"gov_attack_warning", "account_disabled_password_leak", "account_disabled_hijacked", "suspicious_login",
		"suspicious_login_less_secure_app", "suspicious_programmatic_login", "user_signed_out_due_to_suspicious_session_cookie",
		"login_success", "DEVICE_COMPROMISED_EVENT",
	},
	event.Okta: {
		"security.threat.detected", "security.attack.start", "security.breached_credential.detected",
		"user.account.report_suspicious_activity_by_enduser", "user.mfa.attempt_bypass", "app.oauth2.token.detect_reuse",
		"app.oauth2.as.token.detect_reuse",
	},
	event.CloudTrail: {"AttachUserPolicy", "PutUserPolicy"},
	event.M365: {
		"Fraud reported - user is blocked for MFA", "Fraud reported - no action taken", "Suspicious activity reported",
		"User reported unusual sign-in event as not legitimate",
	},
	event.Slack:      {"user_logout_compromised", "file_malicious_content_detected"},
	event.GitHub:     {"secret_scanning_alert.public_leak"},
	event.Salesforce: {"CredentialStuffingEvent", "SessionHijackingEvent"},
}

// grave says whether a service's alert is one of those that it means most seriously: by the level that
// it states, or by what it is about.
func grave(a *detect.Enriched) bool {
	switch strings.ToLower(a.Attr(event.AttrSeverity)) {
	case "high", "critical":
		return true
	case "":
		return slices.Contains(graveAlerts[a.Source], a.Action)
	}
	return false
}
