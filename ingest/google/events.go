package google

import (
	"maps"
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
)

// tables has what the events of each application mean. Events that no table names are kept, and
// counted as unmapped.
var tables = func() map[string]*ingest.Names[handler] {
	all := map[string]*ingest.Names[handler]{}
	for app, meanings := range applications {
		m := maps.Clone(meanings)
		for _, l := range lists[app] {
			for name := range strings.FieldsSeq(l.names) {
				m[name] = l.handler
			}
		}
		names := ingest.NamesOf(m)
		all[app] = &names
	}
	for alias, app := range map[string]string{
		"looker_studio": "data_studio", "group_enterprise": "groups_enterprise", "enterprise_groups": "groups_enterprise",
		"device": "mobile", "devices": "mobile", "oauth": "token", "user_account": "user_accounts",
		"gemini_in_workspace_apps": "gemini", "data_loss_prevention": "rules",
	} {
		all[alias] = all[app]
	}
	return all
}()

// list gives many events the same meaning.
type list struct {
	handler
	names string
}

// applications has the events of each application by name.
// https://developers.google.com/workspace/admin/reports/v1/appendix/activity
var applications = map[string]map[string]handler{
	"drive": {
		"view":                           {event.View, nil},
		"preview":                        {event.View, nil},
		"access_item_content":            {event.View, nil},
		"access_url":                     {event.View, nil},
		"connected_sheets_query":         {event.View, nil},
		"sheets_import_range":            {event.View, nil},
		"sheets_import_url":              {event.View, nil},
		"edit":                           {event.Edit, nil},
		"print":                          {event.Print, nil},
		"download":                       {event.Download, nil},
		"sync_item_content":              {event.Sync, nil},
		"create":                         {event.Upload, nil},
		"upload":                         {event.Upload, nil},
		"trash":                          {event.Delete, nil},
		"delete":                         {event.Delete, nil},
		"copy":                           {event.Copy, copied},
		"source_copy":                    {event.Copy, copied},
		"rename":                         {event.Rename, nil},
		"move":                           {event.Rename, nil},
		"add_to_folder":                  {event.Rename, nil},
		"remove_from_folder":             {event.Rename, nil},
		"change_user_access":             {event.ShareUser, userAccess},
		"change_owner":                   {event.ShareUser, ownerChange},
		"change_document_visibility":     {event.ShareLink, visibility},
		"change_document_access_scope":   {event.ShareLink, visibility},
		"publish_change":                 {event.ShareLink, published},
		"shared_drive_membership_change": {event.MembershipAdd, driveMember},
		"team_drive_membership_change":   {event.MembershipAdd, driveMember},
		"shared_drive_settings_change":   {event.ConfigChange, setting},
		"team_drive_settings_change":     {event.ConfigChange, setting},
		"label_removed":                  {event.LabelChange, labelRemoved},
		"label_field_changed":            {event.LabelChange, nil},
		"label_added":                    {event.LabelChange, labelAdded},
		"label_added_by_item_create":     {event.LabelChange, labelAdded},
		"apply_security_update":          {event.ConfigChange, nil},
		"remove_security_update":         {event.ConfigChange, nil},
		"search":                         {event.List, nil},
		"email_collaborators":            {event.ShareUser, nil},
		"expire_access_request":          {event.Derived, nil},
		"storage_usage_update":           {event.Derived, nil},
	},
	"login": {
		"login_success":                  {event.LoginSuccess, nil},
		"login_failure":                  {event.LoginFailure, loginFailure},
		"logout":                         {event.Logout, nil},
		"login_challenge":                {event.MFAChallenge, nil},
		"login_verification":             {event.MFAChallenge, nil},
		"2sv_disable":                    {event.MFADisabled, nil},
		"2sv_enroll":                     {event.MFAEnabled, nil},
		"titanium_unenroll":              {event.ConfigChange, weakerAuthentication},
		"email_forwarding_out_of_domain": {event.MailRule, forwarded},
	},
	"admin": {
		"ASSIGN_ROLE":                      {event.AdminGrant, adminRole},
		"GRANT_ADMIN_PRIVILEGE":            {event.AdminGrant, adminRole},
		"GRANT_DELEGATED_ADMIN_PRIVILEGES": {event.AdminGrant, adminRole},
		"ADD_PRIVILEGE":                    {event.AdminGrant, adminRole},
		"UNASSIGN_ROLE":                    {event.AdminRevoke, adminRole},
		"REVOKE_ADMIN_PRIVILEGE":           {event.AdminRevoke, adminRole},
		"REMOVE_PRIVILEGE":                 {event.AdminRevoke, adminRole},

		"AUTHORIZE_API_CLIENT_ACCESS":     {event.TokenGrant, delegation},
		"REMOVE_API_CLIENT_ACCESS":        {event.TokenRevoke, appGrant},
		"ADD_TO_TRUSTED_OAUTH2_APPS":      {event.TokenGrant, appGrant},
		"ADD_APPLICATION":                 {event.TokenGrant, appGrant},
		"REVOKE_3LO_TOKEN":                {event.TokenRevoke, appGrant},
		"REVOKE_3LO_DEVICE_TOKENS":        {event.TokenRevoke, appGrant},
		"TOGGLE_OAUTH_ACCESS_TO_ALL_APIS": {event.ConfigChange, opens("sharing")},

		"CREATE_DATA_TRANSFER_REQUEST":          {event.Export, transfer},
		"TRANSFER_DOCUMENT_OWNERSHIP":           {event.Export, transfer},
		"CUSTOMER_TAKEOUT_CREATED":              {event.Export, ofOrganization},
		"CUSTOMER_TAKEOUT_SUCCEEDED":            {event.Export, ofOrganization},
		"CUSTOMER_TAKEOUT_SCHEDULED":            {event.Export, ofOrganization},
		"REQUEST_ACCOUNT_INFO":                  {event.Export, ofOthers},
		"REQUEST_MAILBOX_DUMP":                  {event.Export, ofOthers},
		"DOWNLOAD_USERLIST_CSV":                 {event.Export, nil},
		"DOWNLOAD_PENDING_INVITES_LIST":         {event.Export, nil},
		"GROUP_LIST_DOWNLOAD":                   {event.Export, nil},
		"GROUP_MEMBERS_DOWNLOAD":                {event.Export, nil},
		"SECURITY_INVESTIGATION_EXPORT_QUERY":   {event.Export, nil},
		"SECURITY_INVESTIGATION_CONTENT_ACCESS": {event.View, nil},

		"CREATE_GMAIL_SETTING":             {event.ConfigChange, gmailSetting},
		"CHANGE_GMAIL_SETTING":             {event.ConfigChange, gmailSetting},
		"DELETE_GMAIL_SETTING":             {event.ConfigChange, gmailSetting},
		"CHANGE_EMAIL_SETTING":             {event.ConfigChange, gmailSetting},
		"TOGGLE_OUTBOUND_RELAY":            {event.ConfigChange, policy("mail", "")},
		"MAIL_ROUTING_DESTINATION_ADDED":   {event.MailRule, mailCopied},
		"MAIL_ROUTING_DESTINATION_REMOVED": {event.ConfigChange, adminUser},
		"CREATE_EMAIL_MONITOR":             {event.MailRule, mailCopied},
		"DELETE_EMAIL_MONITOR":             {event.ConfigChange, adminUser},

		"ADD_TRUSTED_DOMAINS":                      {event.ConfigChange, policy("sharing", "weaker")},
		"REMOVE_TRUSTED_DOMAINS":                   {event.ConfigChange, policy("sharing", "stronger")},
		"ENFORCE_STRONG_AUTHENTICATION":            {event.ConfigChange, enforced},
		"ALLOW_STRONG_AUTHENTICATION":              {event.ConfigChange, enforced},
		"ADD_SECONDARY_DOMAIN":                     {event.ConfigChange, policy("authentication", "")},
		"UPDATE_DOMAIN_PRIMARY_ADMIN_EMAIL":        {event.ConfigChange, policy("authentication", "")},
		"TOGGLE_SSO_ENABLED":                       {event.ConfigChange, protects("authentication")},
		"CHANGE_SSO_SETTINGS":                      {event.ConfigChange, policy("authentication", "")},
		"TOGGLE_CAA_ENABLEMENT":                    {event.ConfigChange, protects("authentication")},
		"WEAK_PROGRAMMATIC_LOGIN_SETTINGS_CHANGED": {event.ConfigChange, opens("authentication")},
		"ENABLE_NON_ADMIN_USER_PASSWORD_RECOVERY":  {event.ConfigChange, opens("authentication")},
		"TOGGLE_ALLOW_ADMIN_PASSWORD_RESET":        {event.ConfigChange, opens("authentication")},
		"TOGGLE_SSL":                               {event.ConfigChange, protects("authentication")},
		"TOGGLE_CONTACT_SHARING":                   {event.ConfigChange, opens("sharing")},
		"UNTRUST_DOMAIN_OWNED_OAUTH2_APPS":         {event.ConfigChange, policy("sharing", "stronger")},
		"TRUST_DOMAIN_OWNED_OAUTH2_APPS":           {event.ConfigChange, policy("sharing", "")},
		"ALLOW_SERVICE_FOR_OAUTH2_ACCESS":          {event.ConfigChange, policy("sharing", "weaker")},
		"DISALLOW_SERVICE_FOR_OAUTH2_ACCESS":       {event.ConfigChange, policy("sharing", "stronger")},
		"ADD_APPLICATION_TO_WHITELIST":             {event.ConfigChange, policy("sharing", "weaker")},
		"REMOVE_APPLICATION_FROM_WHITELIST":        {event.ConfigChange, policy("sharing", "stronger")},
		"WHITELISTED_GROUPS_UPDATED":               {event.ConfigChange, policy("sharing", "")},
		"CHANGE_LOGIN_ACTIVITY_TRACE":              {event.ConfigChange, policy("logging", "")},

		"TURN_OFF_2_STEP_VERIFICATION":           {event.MFADisabled, adminUser},
		"UNENROLL_USER_FROM_STRONG_AUTH":         {event.MFADisabled, adminUser},
		"UNENROLL_USER_FROM_TITANIUM":            {event.MFADisabled, adminUser},
		"REVOKE_SECURITY_KEY":                    {event.MFADisabled, adminUser},
		"SECURITY_KEY_REGISTERED_FOR_USER":       {event.MFAEnabled, adminUser},
		"USER_ENROLLED_IN_TWO_STEP_VERIFICATION": {event.MFAEnabled, adminUser},
		"ADD_GROUP_MEMBER":                       {event.MembershipAdd, groupMember},
		"UPDATE_GROUP_MEMBER":                    {event.MembershipAdd, groupMember},
		"REMOVE_GROUP_MEMBER":                    {event.Unshare, groupMember},
	},
	"token": {
		"authorize": {event.TokenGrant, appGrant},
		"revoke":    {event.TokenRevoke, appGrant},
		"request":   {event.AppAccess, appGrant},
		"activity":  {event.Query, appActivity},
	},
	"takeout": {
		"STARTED_USER_TAKEOUT":    {event.Export, takeout},
		"SCHEDULED_USER_TAKEOUT":  {event.Export, takeout},
		"COMPLETED_USER_TAKEOUT":  {event.Export, takeout},
		"DOWNLOADED_USER_TAKEOUT": {event.Export, takeout},
	},
	"user_accounts": {
		"2sv_disable":                    {event.MFADisabled, nil},
		"email_forwarding_out_of_domain": {event.MailRule, forwarded},
		"2sv_enroll":                     {event.MFAEnabled, nil},
		"passkey_enrolled":               {event.MFAEnabled, nil},
		"passkey_removed":                {event.MFADisabled, nil},
		"security_key_registered":        {event.MFAEnabled, nil},
		"security_key_removed":           {event.MFADisabled, nil},
		"titanium_unenroll":              {event.ConfigChange, weakerAuthentication},
	},
	"calendar": {
		"change_calendar_acls": {event.PermissionGrant, calendarAccess},
		"export_calendar":      {event.Export, nil},
		"print_preview":        {event.View, nil},
	},
	"groups": {
		"add_user":                       {event.MembershipAdd, groupMember},
		"add_member":                     {event.MembershipAdd, groupMember},
		"approve_join_request":           {event.MembershipAdd, groupMember},
		"invite_user":                    {event.MembershipAdd, groupMember},
		"accept_invitation":              {event.MembershipAdd, groupMember},
		"join":                           {event.MembershipAdd, groupMember},
		"remove_user":                    {event.Unshare, groupMember},
		"change_acl_permission":          {event.ConfigChange, opensGroup},
		"change_basic_setting":           {event.ConfigChange, opensGroup},
		"add_service_account_permission": {event.PermissionGrant, groupMember},
	},
	"groups_enterprise": {
		"add_member":              {event.MembershipAdd, groupMember},
		"add_member_role":         {event.MembershipAdd, groupMember},
		"join":                    {event.MembershipAdd, groupMember},
		"accept_invitation":       {event.MembershipAdd, groupMember},
		"approve_join_request":    {event.MembershipAdd, groupMember},
		"invite_member":           {event.MembershipAdd, groupMember},
		"remove_member":           {event.Unshare, groupMember},
		"remove_member_role":      {event.Unshare, groupMember},
		"change_security_setting": {event.ConfigChange, opensGroup},
	},
	"saml": {"login_success": {event.AppAccess, nil}, "login_failure": {event.LoginFailure, loginFailure}},
	"vault": { // former names; the present ones are in lists
		"create_matter":       {event.ConfigChange, matterOpened},
		"create_export":       {event.Export, ofMatter},
		"download_export":     {event.Export, ofMatter},
		"add_collaborator":    {event.PermissionGrant, matterMember},
		"remove_collaborator": {event.Unshare, matterMember},
	},
	"chat": {
		"attachment_download":    {event.Download, attached},
		"emoji_created":          {event.Upload, nil},
		"attachment_upload":      {event.Upload, attached},
		"add_room_member":        {event.MembershipAdd, roomMember},
		"invite_accept":          {event.MembershipAdd, roomMember},
		"invite_send":            {event.MembershipAdd, roomMember},
		"remove_room_member":     {event.Unshare, roomMember},
		"message_posted":         {event.Edit, nil},
		"direct_message_started": {event.Other, nil},
		"history_turned_off":     {event.ConfigChange, setting},
		"history_turned_on":      {event.ConfigChange, setting},
	},
	"data_studio": {
		"VIEW":                       {event.View, studioAsset},
		"EDIT":                       {event.Edit, studioAsset},
		"CREATE":                     {event.Upload, studioAsset},
		"DATA_EXPORT":                {event.Export, studioAsset},
		"DOWNLOAD_REPORT":            {event.Export, studioAsset},
		"SDL_EXPORT":                 {event.Export, studioAsset},
		"ADD_REPORT_EMAIL_DELIVERY":  {event.ShareUser, studioShare},
		"CHANGE_USER_ACCESS":         {event.ShareUser, studioShare},
		"CHANGE_ASSET_ACCESS_SCOPE":  {event.ShareLink, studioVisibility},
		"CHANGE_DOCUMENT_VISIBILITY": {event.ShareLink, studioVisibility},
		"TRASH":                      {event.Delete, studioAsset},
		"DELETE":                     {event.Delete, studioAsset},
		"RESTORE":                    {event.Edit, studioAsset},
		"SEARCH":                     {event.List, studioAsset},
	},
	"meet": {},
	"keep": {
		"created_note":        {event.Upload, note},
		"edited_note_content": {event.Edit, note},
		"deleted_note":        {event.Delete, note},
		"uploaded_attachment": {event.Upload, note},
		"deleted_attachment":  {event.Delete, note},
		"modified_acl":        {event.ShareUser, note},
	},
	"rules":                {},
	"mobile":               {},
	"chrome":               {},
	"gmail":                {},
	"context_aware_access": {"ACCESS_DENY_EVENT": {event.AppAccess, denied}, "ACCESS_DENY_INTERNAL_ERROR_EVENT": {event.AppAccess, denied}},
	"access_transparency":  {"ACCESS": {event.View, nil}},
	"classroom":            {},
	"gemini":               {"feature_utilization": {event.Assistant, assistant}},
	"gcp": {
		"IMPORT_SSH_PUBLIC_KEY": {event.TokenGrant, nil},
		"UPDATE_SSH_PUBLIC_KEY": {event.TokenGrant, nil},
		"DELETE_SSH_PUBLIC_KEY": {event.TokenRevoke, nil},
		"GET_SSH_PUBLIC_KEY":    {event.List, nil},
		"GET_LOGIN_PROFILE":     {event.List, nil},
		"DELETE_POSIX_ACCOUNT":  {event.ConfigChange, nil},
	},
	"data_migration":    {"EXPORT_ITEM_COMPLETED": {event.Derived, nil}},
	"contacts":          {},
	"cloud_search":      {},
	"admin_data_action": {},
}
