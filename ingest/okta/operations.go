package okta

import (
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
)

// operation is what an event type means.
type operation struct {
	class  event.Class
	policy string // what a changed setting governs (event.AttrPolicy)
	effect string // in which direction it was changed (event.AttrEffect); "" if the type does not say
}

// operationOf returns what an event type means; class event.Other if it is of no interest or
// not known.
func operationOf(kind string) operation {
	if op, known := operations.Get(kind); known {
		return op
	}
	kind = strings.ToLower(kind)
	if strings.HasPrefix(kind, "app.oauth2.") && strings.Contains(kind, ".token.grant") {
		return operation{class: event.Derived} // the sign-in to the application is logged as such
	}
	for i := range families {
		if f := &families[i]; strings.HasPrefix(kind, f.prefix) {
			return f.operation(kind)
		}
	}
	return operation{}
}

// operations are the event types with a meaning of their own.
// https://developer.okta.com/docs/reference/api/event-types/
var operations = ingest.NamesOf(map[string]operation{
	"user.session.start":               {class: event.LoginSuccess},
	"user.session.end":                 {class: event.Logout},
	"user.session.expire":              {class: event.Logout},
	"user.authentication.slo":          {class: event.Logout},
	"user.authentication.auth_via_mfa": {class: event.MFAChallenge},
	"user.authentication.verify":       {class: event.MFAChallenge},
	"user.authentication.auth_via_IDP": {class: event.MFAChallenge},
	"policy.evaluate_sign_on":          {class: event.MFAChallenge},

	"user.mfa.okta_verify.deny_push":                {class: event.MFADenied},
	"user.mfa.okta_verify.deny_push_upgrade_needed": {class: event.MFADenied},

	// A code or a push that was sent: it is answered in an event of its own.
	"system.push.send_factor_verify_push":       {class: event.Derived},
	"system.sms.send_factor_verify_message":     {class: event.Derived},
	"system.sms.send_okta_push_verify_message":  {class: event.Derived},
	"system.email.send_factor_verify_message":   {class: event.Derived},
	"system.email.challenge_factor_redeemed":    {class: event.Derived},
	"system.voice.send_mfa_challenge_call":      {class: event.Derived},
	"system.voice.send_phone_verification_call": {class: event.Derived},

	"user.account.lock":                   {class: event.AccountLocked},
	"user.authentication.sso":             {class: event.AppAccess},
	"user.session.access_admin_app":       {class: event.AppAccess},
	"user.session.impersonation.initiate": {class: event.AppAccess},
	"support.org.view":                    {class: event.AppAccess},

	"user.account.privilege.grant":                {class: event.AdminGrant},
	"group.privilege.grant":                       {class: event.AdminGrant},
	"app.oauth2.client.privilege.grant":           {class: event.AdminGrant},
	"iam.resourceset.bindings.add":                {class: event.AdminGrant},
	"iam.role.assignment.create":                  {class: event.AdminGrant},
	"workflows.user.role.user.add":                {class: event.PermissionGrant},
	"workflows.user.role.group.add":               {class: event.PermissionGrant},
	"user.account.privilege.revoke":               {class: event.AdminRevoke},
	"group.privilege.revoke":                      {class: event.AdminRevoke},
	"app.oauth2.client.privilege.revoke":          {class: event.AdminRevoke},
	"iam.resourceset.bindings.delete":             {class: event.AdminRevoke},
	"iam.role.permissions.add":                    {class: event.PermissionGrant},
	"user.session.impersonation.grant":            {class: event.PermissionGrant},
	"application.user_membership.add":             {class: event.PermissionGrant},
	"group.application_assignment.add":            {class: event.PermissionGrant},
	"system.directory.debugger.grant":             {class: event.PermissionGrant},
	"master_application.user_membership.add":      {class: event.PermissionGrant},
	"pam.permission.change":                       {class: event.PermissionGrant},
	"pam.project.add_group":                       {class: event.PermissionGrant},
	"group.user_membership.add":                   {class: event.MembershipAdd},
	"pam.group.bulk_membership_change":            {class: event.MembershipAdd},
	"system.api_token.create":                     {class: event.TokenGrant},
	"system.api_token.enable":                     {class: event.TokenGrant},
	"app.oauth2.client.lifecycle.create":          {class: event.TokenGrant},
	"app.oauth2.as.consent.grant":                 {class: event.TokenGrant},
	"app.oauth2.consent.grant":                    {class: event.TokenGrant},
	"app.oauth2.admin.consent.grant":              {class: event.TokenGrant},
	"app.oauth2.trusted_server.add":               {class: event.TokenGrant},
	"app.keys.generate":                           {class: event.TokenGrant},
	"app.keys.clone":                              {class: event.TokenGrant},
	"workflows.user.connection.create":            {class: event.TokenGrant},
	"workload_principal.register":                 {class: event.TokenGrant},
	"system.api_token.revoke":                     {class: event.TokenRevoke},
	"app.oauth2.as.consent.revoke":                {class: event.TokenRevoke},
	"app.oauth2.admin.consent.revoke":             {class: event.TokenRevoke},
	"app.oauth2.client.lifecycle.delete":          {class: event.TokenRevoke},
	"app.oauth2.token.revoke":                     {class: event.TokenRevoke},
	"app.oauth2.as.token.revoke":                  {class: event.TokenRevoke},
	"workflows.user.connection.revoke":            {class: event.TokenRevoke},
	"workflows.user.connection.delete":            {class: event.TokenRevoke},
	"app.oauth2.trusted_server.delete":            {class: event.TokenRevoke},
	"integration.api_service.lifecycle.authorize": {class: event.TokenGrant},
	"integration.api_service.lifecycle.revoke":    {class: event.TokenRevoke},
	"app.oauth2.credentials.lifecycle.create":     {class: event.TokenGrant},
	"app.oauth2.credentials.lifecycle.delete":     {class: event.TokenRevoke},

	"user.mfa.factor.deactivate":   {class: event.MFADisabled},
	"user.mfa.factor.reset_all":    {class: event.MFADisabled},
	"user.mfa.factor.suspend":      {class: event.MFADisabled},
	"user.mfa.factor.unsuspend":    {class: event.MFAEnabled},
	"user.mfa.factor.activate":     {class: event.MFAEnabled},
	"user.mfa.factor.update":       {class: event.ConfigChange},
	"user.credential.enroll":       {class: event.MFAEnabled},
	"system.mfa.factor.deactivate": {event.ConfigChange, "authentication", "weaker"},
	"system.mfa.factor.activate":   {event.ConfigChange, "authentication", "stronger"},

	"user.lifecycle.deactivate":       {class: event.Offboard},
	"user.lifecycle.suspend":          {class: event.Offboard},
	"user.lifecycle.delete.initiated": {class: event.Offboard},

	"user.account.report_suspicious_activity_by_enduser": {class: event.VendorAlert},
	"security.threat.detected":                           {class: event.VendorAlert},
	"security.attack.start":                              {class: event.VendorAlert},
	"security.breached_credential.detected":              {class: event.VendorAlert},
	"user.risk.detect":                                   {class: event.VendorAlert},
	"user.mfa.attempt_bypass":                            {class: event.VendorAlert},
	"app.oauth2.token.detect_reuse":                      {class: event.VendorAlert},
	"app.oauth2.as.token.detect_reuse":                   {class: event.VendorAlert},

	"system.log_stream.lifecycle.deactivate": {class: event.Tamper},
	"system.log_stream.lifecycle.delete":     {class: event.Tamper},

	// Secrets that are shown.
	"application.user_membership.show_password":    {class: event.View},
	"app.oauth2.client.read_client_secret":         {class: event.View},
	"application.configuration.read_client_secret": {class: event.View},
	"system.idp.lifecycle.read_client_secret":      {class: event.View},
	"pam.secret.reveal":                            {class: event.View},
	"pam.resource.checkout":                        {class: event.View},

	"analytics.reports.export.download": {class: event.Export},
	"analytics.reports.export.request":  {class: event.Derived},
	"analytics.reports.export.generate": {class: event.Derived},
	"mim.streamDevicesCSVDownload":      {class: event.Export},
	"workflows.user.table.view":         {class: event.View},
})

// family is a group of event types that have a beginning in common, and end with a verb.
type family struct {
	prefix string
	policy string
}

// families are the event types of settings, by their beginning. The first that fits holds.
var families = []family{
	{"policy.", "authentication"},
	{"zone.", "authentication"},
	{"network_zone.", "authentication"},
	{"system.idp.", "authentication"},
	{"application.policy.", "authentication"},
	{"app.policy.", "authentication"},
	{"security.authenticator.", "authentication"},
	{"security.behavior.", "authentication"},
	{"security.threat.configuration", "authentication"},
	{"security.attack_protection.", "authentication"},
	{"security.session_protection.", "authentication"},
	{"security.protected_action.settings", "authentication"},
	{"security.zone.", ""},
	{"security.trusted_origin.", "authentication"},
	{"device.assurance.policy.", "authentication"},
	{"device.posture.check.", "authentication"},
	{"security.events.provider.", ""},
	{"security.events.transmitter.", ""},
	{"system.log_stream.", "logging"},
	{"workflows.user.execution_log_stream", "logging"},
	{"workflows.user.flow.execution_log_stream", "logging"},
	{"event_hook.", ""},
	{"inline_hook.", ""},
	{"iam.", ""},
	{"application.", ""},
	{"app.", ""},
	{"group.", ""},
	{"user.account.", ""},
	{"user.lifecycle.", ""},
	{"user.session.impersonation.", ""},
	{"oauth2.", ""},
	{"system.", ""},
	{"account.", ""},
	{"access.", ""},
	{"device.", ""},
	{"directory.", ""},
	{"pam.", ""},
	{"workflows.user.", ""},
	{"workload_principal.", ""},
	{"certification.", ""},
	{"support.", ""},
	{"resource_servers.", ""},
	{"pki.", ""},
	{"personal.", ""},
	{"credential.", ""},
}

// operation returns what an event type of the family means, by its verb. An update may go either way.
func (f *family) operation(kind string) operation {
	verb := kind[strings.LastIndexByte(kind, '.')+1:]
	switch verb {
	case "export":
		return operation{class: event.Export}
	case "create", "created", "add", "activate", "activated", "update", "updated", "change", "enable", "enabled", "import", "unsuspend",
		"rollover", "rotate", "assign", "reactivate", "publish", "move", "extend", "restore", "approve", "unlock_by_admin",
		"reset_password",
		"update_password", "update_primary_email", "update_secondary_email", "update_profile":
		return operation{event.ConfigChange, f.policy, ""}
	case "delete", "deleted", "remove", "deactivate", "deactivated", "disable", "disabled", "revoke":
		op := operation{event.ConfigChange, f.policy, ""}
		if f.policy != "" {
			op.effect = "weaker"
		}
		return op
	}
	return operation{}
}
