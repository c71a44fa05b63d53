package slack

import (
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
)

type handler struct {
	class  event.Class
	detail func(r *record, e *event.Event, out *ingest.Sink)
}

var actions = ingest.NamesOf(map[string]handler{
	"file_downloaded":                         {event.Download, download},
	"canvas_downloaded":                       {event.Download, nil},
	"list_downloaded":                         {event.Download, nil},
	"huddle_recording_downloaded":             {event.Download, nil},
	"file_uploaded":                           {event.Upload, nil},
	"file_deleted":                            {event.Delete, nil},
	"file_shared":                             {event.ShareUser, shared},
	"canvas_shared":                           {event.ShareUser, shared},
	"file_public_link_created":                {event.ShareLink, public},
	"canvas_linksharing_enabled":              {event.ShareLink, public},
	"list_linksharing_enabled":                {event.ShareLink, public},
	"file_public_link_revoked":                {event.Unshare, nil},
	"external_shared_channel_invite_sent":     {event.ShareUser, invited},
	"external_shared_channel_invite_created":  {event.ShareUser, invited},
	"connect_dm_invite_generated":             {event.ShareUser, invited},
	"external_shared_channel_invite_accepted": {event.MembershipAdd, nil},
	"external_shared_channel_connected":       {event.MembershipAdd, nil},
	"guest_created":                           {event.MembershipAdd, subject},
	"guest_channel_join":                      {event.MembershipAdd, nil},
	"private_channel_converted_to_public":     {event.ConfigChange, nil},
	"user_channel_join":                       {event.AppAccess, nil},
	"public_channel_preview":                  {event.View, nil},
	"role_change_to_admin":                    {event.AdminGrant, role},
	"role_change_to_owner":                    {event.AdminGrant, role},
	"owner_transferred":                       {event.AdminGrant, role},
	"role_assigned":                           {event.AdminGrant, role},
	"permissions_assigned":                    {event.AdminGrant, role},
	"service_owner_transferred":               {event.AdminGrant, role},
	"role_change_to_user":                     {event.AdminRevoke, role},
	"role_change_to_guest":                    {event.AdminRevoke, role},
	"role_removed":                            {event.AdminRevoke, role},
	"permissions_removed":                     {event.AdminRevoke, role},
	"user_login":                              {event.LoginSuccess, nil},
	"user_login_failed":                       {event.LoginFailure, failed},
	"user_logout":                             {event.Logout, nil},
	"user_deactivated":                        {event.Offboard, subject},
	"user_created":                            {event.ConfigChange, subject},
	"user_reactivated":                        {event.ConfigChange, subject},
	"manual_export_started":                   {event.Export, ofWorkspace},
	"manual_export_completed":                 {event.Export, ofWorkspace},
	"manual_export_downloaded":                {event.Export, ofWorkspace},
	"scheduled_export_started":                {event.Export, ofWorkspace},
	"scheduled_export_downloaded":             {event.Export, ofWorkspace},
	"channels_export_started":                 {event.Export, nil},
	"channels_export_downloaded":              {event.Export, nil},
	"manual_user_export_started":              {event.Export, ofOthers},
	"manual_user_export_downloaded":           {event.Export, ofOthers},
	"app_installed":                           {event.TokenGrant, app},
	"app_approved":                            {event.TokenGrant, app},
	"app_scopes_expanded":                     {event.TokenGrant, app},
	"anomaly":                                 {event.VendorAlert, anomaly},
	"file_malicious_content_detected":         {event.VendorAlert, nil},
	"ekm_unenrolled":                          {event.Tamper, nil},
	"idp_configuration_added":                 {event.ConfigChange, signOn},
	"idp_configuration_deleted":               {event.ConfigChange, signOn},
	"idp_prod_configuration_updated":          {event.ConfigChange, signOn},
	"intune_disabled":                         {event.ConfigChange, signOn},
	"intune_enabled":                          {event.ConfigChange, signOn},

	// What leaves.
	"export_private_channel_analytics_created":  {event.Export, nil},
	"channel_audit_export_started":              {event.Export, ofOthers},
	"channel_audit_export_downloaded":           {event.Export, ofOthers},
	"audit_logs_export_csv_started":             {event.Export, nil},
	"audit_logs_export_json_started":            {event.Export, nil},
	"search_query_audit_logs_export_started":    {event.Export, nil},
	"search_query_audit_logs_export_downloaded": {event.Export, nil},
	"workflow_responses_csv_download":           {event.Export, nil},
	"security_settings_export_started":          {event.Export, nil},
	"apps_analytics_export_started":             {event.Export, nil},
	"workflow_analytics_export_started":         {event.Export, nil},
	"slackbot_analytics_export_started":         {event.Export, nil},
	"child_app_manifest_exported":               {event.Export, nil},
	"canvas_quip_document_cloned":               {event.Copy, nil},
	"private_message_forwarded":                 {event.Copy, nil},
	"workspace_copy_started":                    {event.Copy, nil},
	"file_download_blocked":                     {event.VendorAlert, nil},
	"file_downloaded_blocked":                   {event.VendorAlert, nil},
	"native_dlp_rule_action_applied":            {event.VendorAlert, nil},
	"user_logout_compromised":                   {event.VendorAlert, nil},
	"workflow_ai_answer_suspicious_prompt":      {event.VendorAlert, nil},
	"workflow_trigger_suspicious_keyword":       {event.VendorAlert, nil},
	"audit_logs_records_searched_anomaly":       {event.VendorAlert, nil},

	// What is read, also by assistants.
	"canvas_opened":                                   {event.View, nil},
	"list_opened":                                     {event.View, nil},
	"message_activity_viewed":                         {event.View, nil},
	"slack_ai_mcp_resource_read":                      {event.View, nil},
	"slack_ai_summary_requested":                      {event.View, nil},
	"slack_ai_file_summary_generated":                 {event.View, nil},
	"mcp_slack_read_canvas_tool_called":               {event.View, nil},
	"mcp_slack_read_channel_tool_called":              {event.View, nil},
	"mcp_slack_read_file_tool_called":                 {event.View, nil},
	"mcp_slack_read_list_tool_called":                 {event.View, nil},
	"mcp_slack_read_thread_tool_called":               {event.View, nil},
	"mcp_slack_read_user_profile_tool_called":         {event.View, nil},
	"mcp_slack_search_public_tool_called":             {event.List, nil},
	"mcp_slack_search_channels_tool_called":           {event.List, nil},
	"mcp_slack_search_users_tool_called":              {event.List, nil},
	"mcp_slack_list_channel_members_tool_called":      {event.List, nil},
	"mcp_slack_search_public_and_private_tool_called": {event.List, nil},
	"audit_logs_records_searched":                     {event.List, nil},

	// Who may reach what.
	"list_shared":                                     {event.ShareUser, shared},
	"record_shared":                                   {event.ShareUser, shared},
	"slack_ai_skill_share_link_created":               {event.ShareUser, nil},
	"canvas_access_added":                             {event.PermissionGrant, nil},
	"canvas_access_upgraded":                          {event.PermissionGrant, nil},
	"list_access_added":                               {event.PermissionGrant, nil},
	"list_access_upgraded":                            {event.PermissionGrant, nil},
	"canvas_unshared":                                 {event.Unshare, nil},
	"canvas_access_revoked":                           {event.Unshare, nil},
	"list_access_revoked":                             {event.Unshare, nil},
	"canvas_linksharing_disabled":                     {event.Unshare, nil},
	"list_linksharing_disabled":                       {event.Unshare, nil},
	"external_shared_channel_access_upgraded":         {event.PermissionGrant, nil},
	"external_shared_channel_invite_approved":         {event.PermissionGrant, nil},
	"external_shared_channel_invite_request_approved": {event.PermissionGrant, nil},
	"external_shared_channel_reconnected":             {event.MembershipAdd, nil},
	"connect_dm_invite_accepted":                      {event.MembershipAdd, nil},
	"approved_orgs_added":                             {event.PermissionGrant, nil},
	"app_collaborator_added":                          {event.PermissionGrant, nil},
	"template_collaborator_added":                     {event.PermissionGrant, nil},
	"function_distribution_permission_added":          {event.PermissionGrant, nil},
	"workflow_trigger_permission_added":               {event.PermissionGrant, nil},
	"salesforce_access_granted":                       {event.PermissionGrant, nil},
	"role_added_to_usergroup":                         {event.PermissionGrant, nil},
	"org_owner_created":                               {event.AdminGrant, role},
	"user_added_to_usergroup":                         {event.MembershipAdd, nil},
	"guest_joined_workspace":                          {event.MembershipAdd, nil},
	"guest_deactivated":                               {event.Offboard, subject},
	"external_user_disconnected":                      {event.Offboard, subject},

	// Applications.
	"org_app_installed":                       {event.TokenGrant, app},
	"org_app_workspace_added":                 {event.TokenGrant, app},
	"org_app_upgraded_to_org_install":         {event.TokenGrant, app},
	"app_resources_granted":                   {event.TokenGrant, app},
	"app_mcp_server_added":                    {event.TokenGrant, app},
	"cli_app_install":                         {event.TokenGrant, app},
	"salesforce_mcp_server_workspace_granted": {event.TokenGrant, app},
	"external_auth_oauth2_token_fetched":      {event.AppAccess, nil},
	"app_uninstalled":                         {event.TokenRevoke, nil},
	"app_restricted":                          {event.TokenRevoke, nil},
	"app_deleted":                             {event.TokenRevoke, nil},
	"org_app_uninstalled":                     {event.TokenRevoke, nil},
	"org_app_workspace_removed":               {event.TokenRevoke, nil},
	"app_mcp_server_removed":                  {event.TokenRevoke, nil},
	"external_auth_oauth2_token_deleted":      {event.TokenRevoke, nil},

	// Content.
	"canvas_created":                 {event.Upload, nil},
	"list_created":                   {event.Upload, nil},
	"canvas_edited":                  {event.Edit, nil},
	"canvas_deleted":                 {event.Delete, nil},
	"list_deleted":                   {event.Delete, nil},
	"message_tombstoned":             {event.Delete, nil},
	"apps_analytics_export_prepared": {event.Derived, nil},
	"channels_export_deleted":        {event.ConfigChange, nil},
	"manual_export_deleted":          {event.ConfigChange, nil},

	// Sign-in and protection.
	"cli_login":                          {event.AppAccess, nil},
	"cli_logout":                         {event.Logout, nil},
	"user_passkey_created":               {event.MFAEnabled, subject},
	"user_passkey_removed":               {event.MFADisabled, subject},
	"ip_allowlist_enabled":               {event.ConfigChange, signOn},
	"ip_allowlist_disabled":              {event.ConfigChange, signOn},
	"ip_allowlist_access_denied":         {event.Derived, nil},
	"enterprise_managed_auth_enabled":    {event.ConfigChange, signOn},
	"enterprise_managed_auth_disabled":   {event.ConfigChange, signOn},
	"team_authorized_ip_range_added":     {event.ConfigChange, signOn},
	"team_authorized_ip_range_removed":   {event.ConfigChange, signOn},
	"team_authorized_ip_range_set":       {event.ConfigChange, signOn},
	"auth_policy_created":                {event.ConfigChange, signOn},
	"auth_policy_entity_removed":         {event.ConfigChange, signOn},
	"barrier_created":                    {event.ConfigChange, boundary},
	"barrier_updated":                    {event.ConfigChange, boundary},
	"barrier_deleted":                    {event.ConfigChange, boundary},
	"native_dlp_rule_created":            {event.ConfigChange, boundary},
	"native_dlp_rule_edited":             {event.ConfigChange, boundary},
	"native_dlp_rule_deactivated":        {event.ConfigChange, boundary},
	"native_dlp_rule_reactivated":        {event.ConfigChange, boundary},
	"ekm_logging_config_set":             {event.ConfigChange, watched},
	"legal_hold_policy_released":         {event.ConfigChange, watched},
	"legal_hold_policy_entities_deleted": {event.ConfigChange, watched},
})

// changes are the words of actions that change something without a meaning of its own: an
// object is made, changed, moved or removed.
var changes = map[string]bool{
	"created": true, "added": true, "updated": true, "changed": true, "set": true, "enabled": true, "disabled": true, "removed": true,
	"deleted": true, "renamed": true, "archive": true, "unarchive": true, "assigned": true, "activated": true, "deactivated": true,
	"approved": true, "restored": true, "transferred": true, "converted": true, "disconnected": true, "moved": true, "modified": true,
	"published": true, "unpublished": true, "revoked": true, "reset": true, "invalidated": true, "verified": true, "unverified": true,
	"undeleted": true, "upserted": true, "upgraded": true, "downgraded": true, "reactivated": true, "merged": true, "synced": true,
}

// byVerb returns what an action means that has no meaning of its own.
func byVerb(action string) handler {
	if strings.HasPrefix(action, "pref.") {
		return handler{event.ConfigChange, setting}
	}
	for word := range strings.SplitSeq(action, "_") {
		if changes[word] {
			return handler{event.ConfigChange, nil}
		}
	}
	return handler{}
}

// ofWorkspace is an export of the messages and files of everybody in the workspace.
func ofWorkspace(_ *record, e *event.Event, _ *ingest.Sink) { e.Object.Type = "organization" }

// ofOthers is an export of what other people wrote.
func ofOthers(_ *record, _ *event.Event, out *ingest.Sink) {
	out.Attr(event.AttrReach, event.ReachOthers)
}

// boundary is a change of what may be shared with whom: barriers between groups, and rules for
// what a message may contain.
func boundary(r *record, _ *event.Event, out *ingest.Sink) {
	effect := ""
	switch {
	case strings.HasSuffix(r.action, "_deleted"), strings.HasSuffix(r.action, "_deactivated"):
		effect = "weaker"
	case strings.HasSuffix(r.action, "_created"), strings.HasSuffix(r.action, "_reactivated"):
		effect = "stronger"
	}
	out.Policy("sharing", effect)
}

// watched is a change of what is kept for those who investigate.
func watched(r *record, _ *event.Event, out *ingest.Sink) {
	effect := ""
	if strings.HasSuffix(r.action, "_released") || strings.HasSuffix(r.action, "_deleted") {
		effect = "weaker"
	}
	out.Policy("logging", effect)
}
