package anthropic

import (
	"strings"

	"github.com/outflow/outflow/internal/event"
)

// operation is the meaning of a type of activity.
type operation struct {
	class          event.Class
	outcome        event.Outcome
	policy, effect string // of a changed setting
}

// operations are the types of activity whose name alone does not say what they mean.
// https://platform.claude.com/docs/en/api/compliance/activities/list
var operations = map[string]operation{
	"claude_chat_created":              {class: event.Assistant},
	"claude_chat_updated":              {class: event.Edit},
	"claude_chat_snapshot_created":     {class: event.PermissionGrant},
	"claude_artifact_published":        {class: event.PermissionGrant},
	"session_share_created":            {class: event.PermissionGrant},
	"session_share_revoked":            {class: event.Unshare},
	"session_share_accessed":           {class: event.View},
	"claude_project_created":           {class: event.Edit},
	"claude_project_archived":          {class: event.Edit},
	"claude_project_reported":          {class: event.Derived},
	"platform_file_content_downloaded": {class: event.Download},

	"org_data_export_started":   {class: event.Export},
	"org_data_export_completed": {class: event.Derived},
	"org_data_export_accessed":  {class: event.Derived},
	"org_members_exported":      {class: event.Export},
	"audit_log_export_started":  {class: event.CloudRead},
	"audit_log_export_accessed": {class: event.CloudRead},
	"compliance_api_accessed":   {class: event.CloudRead},

	"magic_link_login_succeeded":       {class: event.LoginSuccess},
	"social_login_succeeded":           {class: event.LoginSuccess},
	"sso_login_succeeded":              {class: event.LoginSuccess},
	"magic_link_login_failed":          {class: event.LoginFailure, outcome: event.UnknownOutcome},
	"sso_login_failed":                 {class: event.LoginFailure, outcome: event.UnknownOutcome},
	"anonymous_mobile_login_attempted": {class: event.Derived},
	"phone_code_verified":              {class: event.MFAChallenge},
	"sso_second_factor_magic_link":     {class: event.MFAChallenge},
	"user_logged_out":                  {class: event.Logout},
	"session_revoked":                  {class: event.Logout},

	"api_key_created":                   {class: event.TokenGrant},
	"admin_api_key_created":             {class: event.TokenGrant},
	"platform_api_key_created":          {class: event.TokenGrant},
	"service_key_created":               {class: event.TokenGrant},
	"platform_signing_key_created":      {class: event.TokenGrant},
	"environment_token_minted":          {class: event.TokenGrant},
	"tunnel_token_minted":               {class: event.TokenGrant},
	"integration_user_connected":        {class: event.TokenGrant},
	"ghe_user_connected":                {class: event.TokenGrant},
	"claude_gdrive_integration_created": {class: event.TokenGrant},
	"claude_github_integration_created": {class: event.TokenGrant},
	"mcp_server_created":                {class: event.TokenGrant},
	"admin_api_key_deleted":             {class: event.TokenRevoke},
	"scoped_api_key_deleted":            {class: event.TokenRevoke},
	"platform_signing_key_deleted":      {class: event.TokenRevoke},
	"service_key_revoked":               {class: event.TokenRevoke},
	"environment_token_revoked":         {class: event.TokenRevoke},
	"tunnel_token_revoked":              {class: event.TokenRevoke},
	"integration_user_disconnected":     {class: event.TokenRevoke},
	"ghe_user_disconnected":             {class: event.TokenRevoke},
	"claude_gdrive_integration_deleted": {class: event.TokenRevoke},
	"claude_github_integration_deleted": {class: event.TokenRevoke},
	"mcp_server_deleted":                {class: event.TokenRevoke},

	"role_assignment_granted":   {class: event.AdminGrant},
	"rbac_role_assigned":        {class: event.AdminGrant},
	"claude_user_role_updated":  {class: event.AdminGrant},
	"primary_owner_transferred": {class: event.AdminGrant},
	"role_assignment_revoked":   {class: event.AdminRevoke},
	"rbac_role_unassigned":      {class: event.AdminRevoke},

	"group_member_added":              {class: event.MembershipAdd},
	"platform_workspace_member_added": {class: event.MembershipAdd},
	"org_user_invite_sent":            {class: event.MembershipAdd},
	"org_user_invite_accepted":        {class: event.Derived},
	"org_join_request_approved":       {class: event.MembershipAdd},
	"scim_user_created":               {class: event.MembershipAdd},
	"org_user_deleted":                {class: event.Offboard},
	"scim_user_deleted":               {class: event.Offboard},
	"account_deleted":                 {class: event.Offboard},
	"org_user_left":                   {class: event.Offboard},

	"org_sso_toggled":                      {class: event.ConfigChange, policy: "authentication"},
	"org_sso_connection_activated":         {class: event.ConfigChange, policy: "authentication", effect: "stronger"},
	"org_sso_connection_deactivated":       {class: event.ConfigChange, policy: "authentication", effect: "weaker"},
	"org_sso_connection_deleted":           {class: event.ConfigChange, policy: "authentication", effect: "weaker"},
	"org_magic_link_second_factor_toggled": {class: event.ConfigChange, policy: "authentication"},
	"org_ip_restriction_created":           {class: event.ConfigChange, policy: "authentication", effect: "stronger"},
	"org_ip_restriction_updated":           {class: event.ConfigChange, policy: "authentication"},
	"org_ip_restriction_deleted":           {class: event.ConfigChange, policy: "authentication", effect: "weaker"},
	"org_invite_link_generated":            {class: event.ConfigChange, policy: "sharing"},
	"org_compliance_api_settings_updated":  {class: event.ConfigChange, policy: "logging"},
}

// endings are what the last words of a type mean, where nothing else is known of it. They are
// tried in this order.
var endings = []struct {
	suffix string
	operation
}{
	{"_access_failed", operation{class: event.View, outcome: event.Failure}},
	{"_deletion_failed", operation{class: event.Delete, outcome: event.Failure}},
	{"_sharing_updated", operation{class: event.PermissionGrant}},
	{"_uploaded", operation{class: event.Upload}},
	{"_viewed", operation{class: event.View}},
	{"_listed", operation{class: event.CloudRead}},
	{"_initiated", operation{class: event.Derived}},
}

// content are the beginnings of types that are about what people put into Claude. What is deleted
// of it is content; anything else that is deleted is a setting.
var content = []string{"claude_chat", "claude_file", "claude_project", "claude_published_artifact", "platform_file"}

// settings are the endings of types that change a setting of the organisation.
var settings = []string{
	"_created", "_updated", "_deleted", "_toggled", "_enabled", "_disabled", "_activated", "_deactivated", "_added", "_removed",
	"_replaced", "_archived", "_rotated", "_changed", "_verified", "_completed", "_started", "_allowlisted", "_blocklisted",
	"_unblocked", "_purchased", "_renewed", "_resumed", "_upgraded", "_scheduled", "_cancelled", "_granted", "_configured",
}

// meaning returns what a type of activity means.
func meaning(kind string) operation {
	if op, known := operations[kind]; known {
		return op
	}
	for _, e := range endings {
		if strings.HasSuffix(kind, e.suffix) {
			return e.operation
		}
	}
	if strings.HasSuffix(kind, "_deleted") {
		for _, c := range content {
			if strings.HasPrefix(kind, c) {
				return operation{class: event.Delete}
			}
		}
	}
	for _, s := range settings {
		if strings.HasSuffix(kind, s) {
			return operation{class: event.ConfigChange}
		}
	}
	return operation{}
}
