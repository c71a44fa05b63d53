package dropbox

import (
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
)

// handler is the meaning of an event type.
type handler struct {
	class  event.Class
	detail func(r *record, e *event.Event, out *ingest.Sink)
}

var types = ingest.NamesOf(map[string]handler{
	"file_download":                        {event.Download, nil},
	"shared_content_download":              {event.Download, nil},
	"shared_link_download":                 {event.Download, nil},
	"paper_doc_download":                   {event.Download, nil},
	"file_transfers_transfer_download":     {event.Download, nil},
	"file_preview":                         {event.View, nil},
	"shared_content_view":                  {event.View, nil},
	"shared_link_view":                     {event.View, nil},
	"paper_doc_view":                       {event.View, nil},
	"file_add":                             {event.Upload, nil},
	"file_edit":                            {event.Edit, nil},
	"paper_doc_edit":                       {event.Edit, nil},
	"file_restore":                         {event.Edit, nil},
	"create_folder":                        {event.Upload, nil},
	"file_delete":                          {event.Delete, nil},
	"file_permanently_delete":              {event.Delete, nil},
	"file_copy":                            {event.Copy, nil},
	"shared_content_copy":                  {event.Copy, nil},
	"file_get_copy_reference":              {event.Copy, nil},
	"file_move":                            {event.Rename, nil},
	"file_rename":                          {event.Rename, nil},
	"shared_link_create":                   {event.ShareLink, link},
	"shared_link_change_visibility":        {event.ShareLink, link},
	"shared_link_settings_change_audience": {event.ShareLink, link},
	"shared_content_change_link_audience":  {event.ShareLink, link},
	"shared_link_disable":                  {event.Unshare, nil},
	"shared_content_remove_member":         {event.Unshare, nil},
	"shared_content_add_member":            {event.ShareUser, recipients},
	"shared_content_add_invitees":          {event.ShareUser, invitees},
	"shared_link_share":                    {event.ShareUser, recipients},
	"file_transfers_transfer_send":         {event.ShareUser, recipients},
	"paper_content_add_member":             {event.ShareUser, recipients},
	"sf_external_invite_warn":              {event.ShareUser, recipients},
	"sf_team_invite":                       {event.ShareUser, recipients},
	"shared_folder_transfer_ownership":     {event.PermissionGrant, recipients},
	"member_change_admin_role":             {event.AdminGrant, adminRole},
	"member_change_status":                 {event.ConfigChange, status},
	"app_link_team":                        {event.TokenGrant, teamApp},
	"app_link_user":                        {event.TokenGrant, linkedApp},
	"app_unlink_user":                      {event.TokenRevoke, linkedApp},
	"app_unlink_team":                      {event.TokenRevoke, linkedApp},
	"device_link_success":                  {event.AppAccess, nil},
	"sign_in_as_session_start":             {event.AppAccess, nil},
	"login_success":                        {event.LoginSuccess, nil},
	"login_fail":                           {event.LoginFailure, failed},
	"logout":                               {event.Logout, nil},
	"sso_error":                            {event.LoginFailure, failed},
	"tfa_change_status":                    {event.MFADisabled, tfa},
	"tfa_reset":                            {event.MFADisabled, tfaReset},
	"tfa_change_policy":                    {event.ConfigChange, changed},
	"member_transfer_account_contents":     {event.Export, nil},
	"export_members_report":                {event.Export, nil},
	"dropbox_passwords_exported":           {event.Export, nil},
	"external_sharing_create_report":       {event.Export, nil},
	"sharing_change_link_policy":           {event.ConfigChange, changed},
	"member_send_invite_policy_changed":    {event.ConfigChange, changed},
	"password_reset":                       {event.ConfigChange, nil},
	"admin_alerting_triggered_alert":       {event.VendorAlert, nil},
	"object_label_removed":                 {event.LabelChange, label},
	"object_label_updated_value":           {event.LabelChange, label},
	"object_label_added":                   {event.LabelChange, label},
	"shared_folder_change_members_policy":  {event.ConfigChange, nil},
	"sharing_change_folder_join_policy":    {event.ConfigChange, changed},
	"sharing_change_member_policy":         {event.ConfigChange, changed},

	// What leaves.
	"media_hub_file_downloaded":             {event.Download, nil},
	"replay_file_downloaded":                {event.Download, nil},
	"showcase_file_download":                {event.Download, nil},
	"governance_policy_zip_part_downloaded": {event.Export, ofOthers},
	"governance_policy_export_created":      {event.Export, ofOthers},
	"legal_holds_export_a_hold":             {event.Export, ofOthers},
	"legal_holds_export_downloaded":         {event.Export, ofOthers},
	"paper_admin_export_start":              {event.Export, nil},
	"team_activity_create_report":           {event.Export, nil},
	"file_save_copy_reference":              {event.Copy, nil},
	"shared_link_copy":                      {event.View, nil},
	"dash_cloned_stack":                     {event.Copy, nil},

	// What is read.
	"file_transfers_transfer_view":    {event.View, nil},
	"showcase_file_view":              {event.View, nil},
	"showcase_view":                   {event.View, nil},
	"paper_published_link_view":       {event.View, nil},
	"member_folder_contents_accessed": {event.View, nil},
	"dash_opened_stack":               {event.View, nil},
	"dash_viewed_company_stack":       {event.View, nil},
	"dash_connector_tools_call":       {event.View, nil},
	"open_note_shared":                {event.View, nil},
	"shared_note_opened":              {event.View, nil},

	// Who may reach what.
	"media_hub_shared_link_created":                 {event.ShareLink, link},
	"media_hub_shared_link_audience_changed":        {event.ShareLink, link},
	"replay_file_shared_link_created":               {event.ShareLink, link},
	"replay_file_shared_link_modified":              {event.ShareLink, link},
	"send_and_track_link_created":                   {event.ShareLink, link},
	"dash_shared_link_to_stack":                     {event.ShareLink, link},
	"dash_changed_audience_of_shared_link_to_stack": {event.ShareLink, link},
	"paper_published_link_create":                   {event.ShareLink, published},
	"paper_external_view_allow":                     {event.ShareLink, published},
	"note_acl_link":                                 {event.ShareLink, published},
	"paper_external_view_forbid":                    {event.Unshare, nil},
	"paper_published_link_disabled":                 {event.Unshare, nil},
	"media_hub_shared_link_revoked":                 {event.Unshare, nil},
	"send_and_track_link_deleted":                   {event.Unshare, nil},
	"dash_removed_shared_link_to_stack":             {event.Unshare, nil},
	"shared_content_unshare":                        {event.Unshare, nil},
	"shared_content_remove_invitees":                {event.Unshare, nil},
	"sf_fb_uninvite":                                {event.Unshare, nil},
	"sf_team_uninvite":                              {event.Unshare, nil},
	"collection_share":                              {event.ShareUser, recipients},
	"note_shared":                                   {event.ShareUser, recipients},
	"paper_doc_team_invite":                         {event.ShareUser, recipients},
	"paper_folder_team_invite":                      {event.ShareUser, recipients},
	"sf_fb_invite":                                  {event.ShareUser, recipients},
	"sf_invite_group":                               {event.ShareUser, recipients},
	"showcase_add_member":                           {event.ShareUser, recipients},
	"sign_template_shared":                          {event.ShareUser, recipients},
	"shared_content_change_member_role":             {event.PermissionGrant, recipients},
	"shared_content_restore_member":                 {event.PermissionGrant, recipients},
	"sf_team_grant_access":                          {event.PermissionGrant, recipients},
	"showcase_access_granted":                       {event.PermissionGrant, recipients},
	"paper_doc_ownership_changed":                   {event.PermissionGrant, recipients},
	"group_add_member":                              {event.MembershipAdd, recipients},
	"shared_content_claim_invitation":               {event.MembershipAdd, nil},
	"changed_enterprise_admin_role":                 {event.AdminGrant, adminRole},

	// Content.
	"file_request_receive_file":          {event.Upload, nil},
	"email_ingest_receive_file":          {event.Upload, nil},
	"paper_content_create":               {event.Upload, nil},
	"file_revert":                        {event.Edit, nil},
	"paper_content_permanently_delete":   {event.Delete, nil},
	"paper_doc_deleted":                  {event.Delete, nil},
	"paper_doc_trashed":                  {event.Delete, nil},
	"replay_file_delete":                 {event.Delete, nil},
	"showcase_permanently_deleted":       {event.Delete, nil},
	"team_folder_permanently_delete":     {event.Delete, nil},
	"governance_policy_content_disposed": {event.Delete, nil},

	"member_permanently_delete_account_contents": {event.Delete, nil},

	// Sign-in and protection.
	"risc_security_event":                       {event.VendorAlert, nil},
	"app_blocked_by_permissions":                {event.Derived, nil},
	"started_enterprise_admin_session":          {event.AppAccess, nil},
	"reseller_support_session_start":            {event.AppAccess, nil},
	"integration_connected":                     {event.TokenGrant, nil},
	"dash_added_connector":                      {event.TokenGrant, nil},
	"integration_disconnected":                  {event.TokenRevoke, nil},
	"passkey_add":                               {event.MFAEnabled, nil},
	"passkey_remove":                            {event.MFADisabled, nil},
	"tfa_add_security_key":                      {event.MFAEnabled, nil},
	"tfa_remove_security_key":                   {event.MFADisabled, nil},
	"tfa_add_exception":                         {event.MFADisabled, tfaReset},
	"device_unlink":                             {event.ConfigChange, nil},
	"data_placement_restriction_satisfy_policy": {event.ConfigChange, nil},
	"protect_policy_scheduled":                  {event.ConfigChange, nil},
	"paper_external_view_default_team":          {event.Unshare, nil},
	"note_acl_invite_only":                      {event.Unshare, nil},
	"shared_content_relinquish_membership":      {event.Unshare, nil},
	"paper_doc_slack_share":                     {event.ShareUser, recipients},
	"shmodel_group_share":                       {event.ShareUser, recipients},
	"note_share_receive":                        {event.Derived, nil},
	"protect_action_export":                     {event.Export, nil},
	"protect_report_view":                       {event.View, nil},
	"sso_change_policy":                         {event.ConfigChange, changed},
})

// changes are the words of types that change something without a meaning of its own: an object
// is made, changed, moved or removed.
var changes = map[string]bool{
	"add": true, "added": true, "change": true, "changed": true, "create": true, "created": true, "delete": true, "deleted": true,
	"disabled": true, "enabled": true, "edit": true, "edited": true, "remove": true, "removed": true, "rename": true, "renamed": true,
	"archive": true, "archived": true, "activated": true, "deactivated": true, "updated": true, "assigned": true, "restore": true,
	"restored": true,
	"disable":  true, "enable": true, "activate": true, "deactivate": true, "rotate": true, "release": true, "merge": true, "link": true,
	"moved": true, "mount": true, "unmount": true, "set": true, "close": true, "allow": true, "reset": true,
}

// byWords returns what a type means that has no meaning of its own. A policy of the team governs
// sharing, or sign-in.
func byWords(kind string) handler {
	if strings.HasSuffix(kind, "_policy") || strings.HasSuffix(kind, "_policy_changed") {
		if authentication(kind) || strings.Contains(kind, "shar") || strings.Contains(kind, "link") || strings.Contains(kind, "download") ||
			strings.Contains(kind, "external") {
			return handler{event.ConfigChange, changed}
		}
	}
	for word := range strings.SplitSeq(kind, "_") {
		if changes[word] {
			return handler{event.ConfigChange, nil}
		}
	}
	return handler{}
}

// authentication says whether a type is about how people sign in.
func authentication(kind string) bool {
	for _, word := range []string{"tfa_", "sso_", "login", "password_strength", "passkey", "web_sessions", "device_approvals",
		"network_control"} {
		if strings.Contains(kind, word) {
			return true
		}
	}
	return false
}

// published is a document that everybody with the link may open.
func published(_ *record, e *event.Event, out *ingest.Sink) {
	e.After = event.PublicLink
	out.To("*", event.ScopeAnyone)
}
