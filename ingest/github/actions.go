package github

import (
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
)

// handler is what an action means: its class, and what is to be read from the record.
type handler struct {
	class  event.Class
	detail func(r *record, e *event.Event, out *ingest.Sink)
}

// operations has what the actions mean. Actions that are not in it are kept, and counted as
// unmapped.
// https://docs.github.com/en/enterprise-cloud@latest/organizations/keeping-your-organization-secure (audit log events)
var operations = func() ingest.Names[handler] {
	all := map[string]handler{}
	for _, l := range lists {
		for _, name := range expand(l.names) {
			all[name] = l.handler
		}
	}
	for name, h := range actions {
		all[name] = h
	}
	return ingest.NamesOf(all)
}()

// expand returns the actions of a list. In a line "category: verb verb" every verb is one of the
// category.
func expand(list string) (names []string) {
	for line := range strings.Lines(list) {
		category, verbs, found := strings.Cut(line, ":")
		if !found {
			names = append(names, strings.Fields(line)...)
			continue
		}
		for verb := range strings.FieldsSeq(verbs) {
			names = append(names, strings.TrimSpace(category)+"."+verb)
		}
	}
	return names
}

// actions are those with something to read from the record.
var actions = map[string]handler{
	"git.clone":         {event.Clone, nil},
	"repo.download_zip": {event.Clone, nil},
	"git.fetch":         {event.Fetch, nil},
	"git.push":          {event.Push, nil},
	"api.request":       {event.List, request},

	"repo.access":                         {event.ShareLink, access},
	"repo.create":                         {event.Upload, access},
	"repo.pages_public":                   {event.ShareLink, published},
	"repo.pages_private":                  {event.Unshare, nil},
	"gist.create":                         {event.Upload, gist},
	"gist.visibility_change":              {event.ShareLink, gist},
	"project.visibility_public":           {event.ShareLink, project},
	"project.visibility_private":          {event.Unshare, project},
	"project_collaborator.add":            {event.ShareUser, project},
	"project_collaborator.remove":         {event.Unshare, project},
	"project_collaborator.update":         {event.ShareUser, project},
	"repo.destroy":                        {event.Delete, nil},
	"repo.transfer":                       {event.ShareUser, transferred},
	"repo.transfer_start":                 {event.ShareUser, transferred},
	"repo.transfer_outgoing":              {event.ShareUser, transferred},
	"org.transfer":                        {event.ShareUser, handedOver},
	"org.transfer_outgoing":               {event.ShareUser, handedOver},
	"repo.add_member":                     {event.ShareUser, member},
	"repo.update_member":                  {event.ShareUser, member},
	"repo.remove_member":                  {event.Unshare, member},
	"repository_invitation.create":        {event.ShareUser, invited},
	"repository_invitation.accept":        {event.MembershipAdd, nil},
	"repository_invitation.cancel":        {event.Unshare, member},
	"repository_invitation.reject":        {event.Unshare, nil},
	"org.add_outside_collaborator":        {event.ShareUser, invited},
	"org.remove_outside_collaborator":     {event.Unshare, member},
	"business.invite_unaffiliated_member": {event.MembershipAdd, member},

	"org.invite_member":                  {event.MembershipAdd, member},
	"org.add_member":                     {event.MembershipAdd, orgMember},
	"org.restore_member":                 {event.MembershipAdd, orgMember},
	"org.remove_member":                  {event.Offboard, member},
	"business.remove_member":             {event.Offboard, member},
	"user.suspend":                       {event.Offboard, member},
	"user.delete":                        {event.Offboard, member},
	"external_identity.deprovision":      {event.Offboard, member},
	"team.add_member":                    {event.MembershipAdd, member},
	"team.remove_member":                 {event.Unshare, member},
	"enterprise_team.add_member":         {event.MembershipAdd, member},
	"enterprise_team.remove_member":      {event.Unshare, member},
	"org.update_member":                  {event.AdminGrant, memberRole},
	"org.add_security_manager":           {event.AdminGrant, role},
	"org.integration_manager_added":      {event.AdminGrant, role},
	"integration.manager_added":          {event.AdminGrant, role},
	"business.add_admin":                 {event.AdminGrant, role},
	"business.invite_admin":              {event.AdminGrant, role},
	"user.promote":                       {event.AdminGrant, siteAdmin},
	"organization_role.assign":           {event.AdminGrant, role},
	"enterprise_role.assign":             {event.AdminGrant, role},
	"business.remove_admin":              {event.AdminRevoke, role},
	"business.cancel_admin_invitation":   {event.AdminRevoke, role},
	"user.demote":                        {event.AdminRevoke, siteAdmin},
	"organization_role.revoke":           {event.AdminRevoke, role},
	"enterprise_role.revoke":             {event.AdminRevoke, role},
	"org.remove_security_manager":        {event.AdminRevoke, role},
	"org.integration_manager_removed":    {event.AdminRevoke, role},
	"integration.manager_removed":        {event.AdminRevoke, role},
	"org.add_billing_manager":            {event.PermissionGrant, member},
	"business.add_billing_manager":       {event.PermissionGrant, member},
	"business.invite_billing_manager":    {event.PermissionGrant, member},
	"business.add_support_entitlee":      {event.PermissionGrant, member},
	"organization_moderators.add_user":   {event.PermissionGrant, member},
	"repo.temporary_access_granted":      {event.PermissionGrant, nil},
	"repo.staff_unlock":                  {event.PermissionGrant, nil},
	"project.update_user_permission":     {event.ShareUser, project},
	"repository_secret_scanning.disable": {event.Tamper, nil},

	"org.sso_response":                  {event.LoginSuccess, nil},
	"business.sso_response":             {event.LoginSuccess, nil},
	"user.login":                        {event.LoginSuccess, nil},
	"user.failed_login":                 {event.LoginFailure, failed},
	"user.logout":                       {event.Logout, nil},
	"user.two_factor_challenge_success": {event.MFAChallenge, nil},
	"user.two_factor_requested":         {event.MFAChallenge, unanswered},
	"user.two_factor_challenge_failure": {event.MFAChallenge, failed},
	"business.recovery_code_failed":     {event.LoginFailure, failed},
	"org.recovery_code_failed":          {event.LoginFailure, failed},
	"business.recovery_code_used":       {event.LoginSuccess, nil},
	"org.recovery_code_used":            {event.LoginSuccess, nil},

	"org.update_member_repository_invitation_permission":      {event.ConfigChange, permits("sharing")},
	"business.update_member_repository_invitation_permission": {event.ConfigChange, permits("sharing")},
	"personal_access_token.expiration_limit_set":              {event.ConfigChange, policy("authentication", "")},
}

// memberRole is a change between owner and member of an organisation.
func memberRole(r *record, e *event.Event, out *ingest.Sink) {
	role(r, e, out)
	switch {
	case r.permission == "" || r.permission == "admin" || r.permission == "owner":
	case r.oldPermission == "admin" || r.oldPermission == "owner":
		e.Class = event.AdminRevoke
		e.Attrs[len(e.Attrs)-1].Value = r.oldPermission
	default:
		e.Class = event.PermissionGrant
	}
}

// siteAdmin is the right of an administrator of GitHub Enterprise Server.
func siteAdmin(r *record, e *event.Event, out *ingest.Sink) {
	receiver(r, event.ScopeUnknown, out)
	out.Attr(event.AttrRole, "site admin")
}

// unanswered is a second factor that was asked for.
func unanswered(_ *record, e *event.Event, _ *ingest.Sink) { e.Outcome = event.UnknownOutcome }

// permits is a setting that opens what it governs if members are permitted something.
func permits(kind string) func(*record, *event.Event, *ingest.Sink) {
	return func(r *record, e *event.Event, out *ingest.Sink) {
		effect := ""
		switch r.permission {
		case "true":
			effect = "weaker"
		case "false":
			effect = "stronger"
		}
		policy(kind, effect)(r, e, out)
	}
}

// list gives many actions the same meaning.
type list struct {
	handler
	names string
}

var lists = []list{
	{handler{event.ConfigChange, policy("authentication", "weaker")}, `
		org: disable_two_factor_requirement disable_saml saml_disabled clear_disallowed_two_factor_methods
		org: remove_disallowed_two_factor_method
		business: disable_two_factor_requirement disable_saml disable_oidc clear_disallowed_two_factor_methods
		business: remove_disallowed_two_factor_method proxy_security_header_disabled
		ip_allow_list: disable disable_for_installed_apps disable_idp_ip_allowlist_for_web disable_user_level_enforcement
		ip_allow_list: enable_skip_idp_ip_allowlist_app_access
		ssh_certificate_requirement: disable
		auto_approve_personal_access_token_requests: enable
		personal_access_token: access_restriction_disabled expiration_limit_unset
		sso_redirect: disable`},
	{handler{event.ConfigChange, policy("authentication", "stronger")}, `
		org: enable_two_factor_requirement enable_saml add_disallowed_two_factor_method
		business: enable_two_factor_requirement enable_saml enable_oidc add_disallowed_two_factor_method proxy_security_header_enabled
		ip_allow_list: enable enable_for_installed_apps enable_idp_ip_allowlist_for_web enable_user_level_enforcement
		ip_allow_list: disable_skip_idp_ip_allowlist_app_access
		ssh_certificate_requirement: enable
		auto_approve_personal_access_token_requests: disable
		personal_access_token: access_restriction_enabled
		sso_redirect: enable`},
	{handler{event.ConfigChange, policy("authentication", "")}, `
		org: update_saml_provider_settings
		business: update_saml_provider_settings enable_open_scim disable_open_scim
		ip_allow_list: update_ip_allowlist_configuration
		ip_allow_list_entry: create update destroy
		personal_access_token: access_restriction_reset auto_approve_grant_requests_reset auto_approve_grant_requests_enabled
		personal_access_token: auto_approve_grant_requests_disabled
		ssh_certificate_authority: create destroy
		sso_lockdown: enable disable
		team_sync_tenant: enabled disabled update_okta_credentials`},
	{handler{event.ConfigChange, policy("sharing", "weaker")}, `
		private_repository_forking: enable
		members_can_create_public_repos: enable
		members_can_create_pages: enable
		members_can_create_public_pages: enable
		repository_visibility_change: enable
		restrict_notification_delivery: disable
		org: disable_oauth_app_restrictions allow_third_party_access_requests_from_outside_collaborators_enabled`},
	{handler{event.ConfigChange, policy("sharing", "stronger")}, `
		private_repository_forking: disable
		members_can_create_public_repos: disable
		members_can_create_pages: disable
		members_can_create_public_pages: disable
		repository_visibility_change: disable
		restrict_notification_delivery: enable
		org: enable_oauth_app_restrictions allow_third_party_access_requests_from_outside_collaborators_disabled`},
	{handler{event.ConfigChange, policy("sharing", "")}, `
		private_repository_forking: clear
		repository_visibility_change: clear
		org: update_default_repository_permission update_member_repository_creation_permission
		business: update_default_repository_permission update_member_repository_creation_permission clear_default_repository_permission
		business: clear_members_can_create_repos
		organization_domain: create approve verify destroy
		enterprise_domain: create approve verify destroy`},
	{handler{event.ConfigChange, policy("logging", "")}, `
		org: disable_source_ip_disclosure enable_source_ip_disclosure
		business: disable_source_ip_disclosure enable_source_ip_disclosure
		audit_log_streaming: create update check`},
	{handler{event.Tamper, nil}, `
		audit_log_streaming: destroy
		secret_scanning: disable
		secret_scanning_new_repos: disable
		repository_secret_scanning_push_protection: disable
		business_advanced_security: disabled
		business_secret_scanning: disable
		business_secret_scanning_push_protection: disable
		org: secret_scanning_push_protection_disable advanced_security_disabled_on_all_repos`},
	{handler{event.MFADisabled, nil}, `
		two_factor_authentication: disabled remove_factor
		security_key: remove
		passkey: remove
		two_factor_account_recovery: two_factor_destroy`},
	{handler{event.MFAEnabled, nil}, `
		two_factor_authentication: enabled add_factor
		security_key: register
		passkey: register`},
	{handler{event.VendorAlert, nil}, `
		user: sign_in_from_unrecognized_device sign_in_from_unrecognized_device_and_location sign_in_from_unrecognized_location
		secret_scanning_alert: create public_leak
		secret_scanning_push_protection: bypass`},
	{handler{event.Derived, nil}, `
		user: new_device_used device_verification_requested device_verification_success device_verification_failure
		user: correct_password_from_unrecognized_device correct_password_from_unrecognized_device_and_location
		user: correct_password_from_unrecognized_location
		user_session: country_change
		git_signing_ssh_public_key: create delete
		external_identity: scim_api_success scim_api_failure provision update
		external_group: scim_api_success scim_api_failure`},
	{handler{event.Export, nil}, `
		migration: create download
		org: audit_log_export audit_log_git_event_export connect_usage_metrics_export
		business: audit_log_export audit_log_git_event_export connect_usage_metrics_export
		user: audit_log_export`},
	{handler{event.ReportRun, nil}, `
		org: security_center_export_code_scanning_metrics security_center_export_coverage security_center_export_overview_dashboard
		org: security_center_export_risk
		business: security_center_export_code_scanning_metrics security_center_export_coverage security_center_export_overview_dashboard
		business: security_center_export_risk`},
	{handler{event.View, nil}, `
		org: recovery_codes_viewed recovery_codes_downloaded recovery_codes_printed
		business: recovery_codes_viewed recovery_codes_downloaded recovery_codes_printed enterprise_server_license_download
		user: two_factor_recovery_codes_viewed two_factor_recovery_codes_downloaded two_factor_recovery_codes_printed
		staff: dependabot_debug_credentials_generated`},
	{handler{event.TokenGrant, app}, `
		personal_access_token: access_granted create credential_regenerated update
		public_key: create update verify
		deploy_key: create
		oauth_authorization: create update
		oauth_access: create regenerate update
		oauth_application: create generate_client_secret reset_secret transfer unsuspend
		integration: create generate_client_secret transfer unsuspend
		integration_installation: create repositories_added version_updated unsuspend
		org: oauth_app_access_approved oauth_app_access_unblocked
		org_credential_authorization: grant
		hook: create config_changed active_changed events_changed
		sandbox: generate_token`},
	{handler{event.TokenRevoke, app}, `
		personal_access_token: access_revoked credential_revoked destroy request_denied request_cancelled
		public_key: delete unverify
		deploy_key: destroy
		oauth_authorization: destroy
		oauth_access: destroy revoke
		oauth_application: destroy remove_client_secret revoke_all_tokens revoke_tokens suspend
		integration: destroy remove_client_secret revoke_all_tokens revoke_tokens suspend
		integration_installation: destroy repositories_removed suspend
		org: oauth_app_access_denied oauth_app_access_blocked revoke_external_identity revoke_sso_session
		business: revoke_external_identity revoke_sso_session
		org_credential_authorization: revoke deauthorize
		hook: destroy`},
	{handler{event.PermissionGrant, nil}, `
		team: add_repository update_repository_permission promote_maintainer add_to_organization
		organization_moderators: add_team
		project: update_org_permission update_team_permission
		project_base_role: update
		organization_wide_project_base_role: update
		org: codespaces_trusted_repo_access_granted codespaces_user_access_allowed codespaces_team_access_allowed
		repo: codespaces_trusted_repo_access_granted update_actions_access_settings
		user: codespaces_trusted_repo_access_granted
		external_group: add_member link
		team_group_mapping: create update
		repository_vulnerability_alerts: authorized_users_teams
		protected_branch: branch_allowances authorized_users_teams
		successor_invitation: create accept`},
	{handler{event.Unshare, nil}, `
		team: remove_repository demote_maintainer remove_from_organization
		organization_moderators: remove_team remove_user
		org: remove_billing_manager codespaces_trusted_repo_access_revoked codespaces_user_access_revoked codespaces_team_access_revoked
		org: cancel_invitation block_user
		business: remove_billing_manager remove_support_entitlee cancel_billing_manager_invitation
		repo: codespaces_trusted_repo_access_revoked
		user: codespaces_trusted_repo_access_revoked
		external_group: remove_member unlink
		team_group_mapping: destroy
		successor_invitation: cancel revoke decline destroy`},
	{handler{event.Delete, nil}, `
		org: delete async_delete
		business: delete
		packages: package_deleted package_version_deleted
		artifact: destroy
		gist: destroy
		project: delete
		codespaces: destroy
		migration: destroy_file
		issue: destroy
		discussion: destroy
		discussion_post: destroy`},
	{handler{event.Upload, nil}, `
		packages: package_published package_version_published
		codespaces: create export_environment
		project: create`},
	{handler{event.Rename, nil}, `
		repo: rename
		project: rename`},
	{handler{event.Edit, nil}, `
		pull_request: create merge close reopen rebase ready_for_review converted_to_draft indirect_merge in_progress
		pull_request: create_review_request remove_review_request
		pull_request_review: submit dismiss delete
		pull_request_review_comment: create update delete
		issue_comment: update destroy pinned unpinned
		commit_comment: update destroy
		discussion_comment: update destroy
		discussion_post: update
		discussion_post_reply: update destroy
		issue: pinned unpinned transfer
		project: close open link unlink access
		project_field: create delete
		project_view: create delete
		user_content_edit: delete`},
	{handler{event.ConfigChange, nil}, settings},
	{handler{event.Edit, nil}, work},
}
