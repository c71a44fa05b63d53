package google

import (
	"cmp"
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
)

// application is the meaning of the event names of an application. The zero value leaves all of
// them unclassified.
type application map[string]handler

type handler struct {
	class  event.Class
	detail func(d *detail, e *event.Event, out *ingest.Sink)
}

func (a application) classify(app string, d *detail, e *event.Event, out *ingest.Sink) {
	h, known := a[d.name]
	if !known && strings.HasSuffix(d.name, "_hierarchy_reconciled") { // inherited, not done by a person
		h.class = event.Derived
	}
	e.Class = h.class
	if h.detail != nil {
		h.detail(d, e, out)
	}
}

var applications = map[string]application{
	"drive": {
		"view":                           {event.View, nil},
		"preview":                        {event.View, nil},
		"print":                          {event.View, nil},
		"access_item_content":            {event.View, nil},
		"access_url":                     {event.View, nil},
		"edit":                           {event.Edit, nil},
		"download":                       {event.Download, nil},
		"sync_item_content":              {event.Sync, nil},
		"create":                         {event.Upload, nil},
		"upload":                         {event.Upload, nil},
		"trash":                          {event.Delete, nil},
		"delete":                         {event.Delete, nil},
		"copy":                           {event.Copy, nil},
		"source_copy":                    {event.Copy, nil},
		"rename":                         {event.Rename, nil},
		"move":                           {event.Rename, nil},
		"add_to_folder":                  {event.Rename, nil},
		"remove_from_folder":             {event.Rename, nil},
		"change_user_access":             {event.ShareUser, userAccess},
		"change_owner":                   {event.ShareUser, ownerChange},
		"change_document_visibility":     {event.ShareLink, visibility},
		"change_document_access_scope":   {event.ShareLink, visibility},
		"publish_change":                 {event.ShareLink, published},
		"change_acl_editors":             {event.ConfigChange, nil},
		"shared_drive_membership_change": {event.MembershipAdd, member},
		"shared_drive_settings_change":   {event.ConfigChange, nil},
		"label_removed":                  {event.LabelChange, labelRemoved},
		"label_field_changed":            {event.LabelChange, nil},
		"label_added":                    {event.LabelChange, labelAdded},
		"label_added_by_item_create":     {event.LabelChange, labelAdded},
		"search":                         {event.List, nil},
		"email_collaborators":            {event.ShareUser, nil},
		"untrash":                        {event.Edit, nil},
	},
	"login": {
		"login_success":                    {event.LoginSuccess, nil},
		"login_failure":                    {event.LoginFailure, loginFailure},
		"logout":                           {event.Logout, nil},
		"login_challenge":                  {event.MFAChallenge, nil},
		"login_verification":               {event.MFAChallenge, nil},
		"suspicious_login":                 {event.VendorAlert, affected},
		"suspicious_login_less_secure_app": {event.VendorAlert, affected},
		"suspicious_programmatic_login":    {event.VendorAlert, affected},
		"gov_attack_warning":               {event.VendorAlert, affected},
		"account_disabled_password_leak":   {event.VendorAlert, affected},
		"account_disabled_hijacked":        {event.VendorAlert, affected},
		"account_disabled_spamming":        {event.VendorAlert, affected},
		"account_disabled_generic":         {event.VendorAlert, affected},
		"2sv_disable":                      {event.MFADisabled, nil},
		"email_forwarding_out_of_domain":   {event.MailRule, forwarded},
	},
	"admin": {
		"ASSIGN_ROLE":                      {event.AdminGrant, adminRole},
		"GRANT_ADMIN_PRIVILEGE":            {event.AdminGrant, adminRole},
		"GRANT_DELEGATED_ADMIN_PRIVILEGES": {event.AdminGrant, adminRole},
		"ADD_PRIVILEGE":                    {event.AdminGrant, adminRole},
		"UNASSIGN_ROLE":                    {event.AdminRevoke, adminRole},
		"REVOKE_ADMIN_PRIVILEGE":           {event.AdminRevoke, adminRole},
		"REMOVE_PRIVILEGE":                 {event.AdminRevoke, adminRole},
		"SUSPEND_USER":                     {event.Offboard, adminUser},
		"DELETE_USER":                      {event.Offboard, adminUser},
		"ARCHIVE_USER":                     {event.Offboard, adminUser},
		"AUTHORIZE_API_CLIENT_ACCESS":      {event.TokenGrant, appGrant},
		"REMOVE_API_CLIENT_ACCESS":         {event.TokenRevoke, appGrant},
		"ADD_APPLICATION":                  {event.TokenGrant, appGrant},
		"CREATE_DATA_TRANSFER_REQUEST":     {event.Export, adminUser},
		"CUSTOMER_TAKEOUT_CREATED":         {event.Export, nil},
		"CUSTOMER_TAKEOUT_SUCCEEDED":       {event.Export, nil},
		"DOWNLOAD_USERLIST_CSV":            {event.Export, nil},
		"EMAIL_LOG_SEARCH":                 {event.List, adminUser},
		"CHANGE_APPLICATION_SETTING":       {event.ConfigChange, setting},
		"CREATE_APPLICATION_SETTING":       {event.ConfigChange, setting},
		"DELETE_APPLICATION_SETTING":       {event.ConfigChange, setting},
		"CHANGE_CALENDAR_SETTING":          {event.ConfigChange, setting},
		"REMOVE_TRUSTED_DOMAINS":           {event.ConfigChange, setting},
		"ENFORCE_STRONG_AUTHENTICATION":    {event.ConfigChange, setting},
		"ALLOW_STRONG_AUTHENTICATION":      {event.ConfigChange, setting},
		"ADD_TRUSTED_DOMAINS":              {event.ConfigChange, setting},
		"CHANGE_PASSWORD":                  {event.ConfigChange, adminUser},
		"CREATE_USER":                      {event.ConfigChange, adminUser},
		"UNSUSPEND_USER":                   {event.ConfigChange, adminUser},
		"TURN_OFF_2_STEP_VERIFICATION":     {event.MFADisabled, adminUser},
		"UNENROLL_USER_FROM_STRONG_AUTH":   {event.MFADisabled, adminUser},
		"ADD_GROUP_MEMBER":                 {event.MembershipAdd, adminUser},
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
		"password_edit":                  {event.ConfigChange, nil},
		"recovery_email_edit":            {event.ConfigChange, nil},
		"recovery_phone_edit":            {event.ConfigChange, nil},
		"recovery_secret_qa_edit":        {event.ConfigChange, nil},
		"2sv_enroll":                     {event.MFAEnabled, nil},
		"titanium_enroll":                {event.ConfigChange, nil},
		"titanium_unenroll":              {event.ConfigChange, weakerAuthentication},
	},
	"calendar": {"change_calendar_acls": {event.PermissionGrant, calendarAccess}},
	"groups": {
		"add_user":          {event.MembershipAdd, member},
		"accept_invitation": {event.MembershipAdd, nil},
		"join":              {event.MembershipAdd, nil},
	},
	"groups_enterprise": {
		"add_member":      {event.MembershipAdd, member},
		"add_member_role": {event.MembershipAdd, member},
	},
	"saml": {"login_success": {event.AppAccess, nil}, "login_failure": {event.LoginFailure, loginFailure}},
	"rules": {
		"rule_match":      {event.VendorAlert, nil},
		"rule_trigger":    {event.VendorAlert, nil},
		"content_matched": {event.VendorAlert, nil},
	},
	"vault": {"create_export": {event.Export, nil}, "download_export": {event.Export, nil}},
}

var visibilities = map[string]event.Visibility{
	"private":                        event.Private,
	"shared_internally":              event.Internal,
	"people_within_domain_with_link": event.Internal,
	"public_in_the_domain":           event.Internal,
	"shared_externally":              event.External,
	"people_with_link":               event.PublicLink,
	"public_on_the_web":              event.Public,
}

// userAccess is a change of a person's, group's or domain's access.
func userAccess(d *detail, e *event.Event, out *ingest.Sink) {
	e.Before, e.After = visibilities[d.oldVisibility], visibilities[d.visibility]
	none := false
	names(d.newValues, func(v string) { none = none || v == "none" })
	if none {
		e.Class = event.Unshare
	}
	scope := event.ScopeUnknown
	if d.change == "external" {
		scope = event.ScopeExternal
	}
	to(d.targetUser, scope, out)
	if d.targetUser == "" && d.targetDomain != "" && d.targetDomain != "all" {
		out.To(out.Join("@", out.Lower(d.targetDomain)), scope)
	}
}

func to(address string, scope event.Scope, out *ingest.Sink) {
	out.To(out.Account("google_workspace", address), scope)
}

func ownerChange(d *detail, e *event.Event, out *ingest.Sink) {
	scope := event.ScopeUnknown
	if d.change == "external" {
		scope = event.ScopeExternal
	}
	to(cmp.Or(d.newOwner, d.targetUser), scope, out)
	out.Attr(event.AttrRole, "owner")
}

// visibility is a change of who may open an item by its link. Narrowing it counts as unsharing.
func visibility(d *detail, e *event.Event, out *ingest.Sink) {
	e.Before, e.After = visibilities[d.oldVisibility], visibilities[d.visibility]
	switch {
	case e.After >= event.PublicLink:
		out.To("*", event.ScopeAnyone)
	case e.After == event.Private || e.Before > e.After && e.After != event.NoVisibility:
		e.Class = event.Unshare
	}
}

func published(d *detail, e *event.Event, out *ingest.Sink) {
	visibility(d, e, out)
	if e.Class == event.ShareLink {
		e.After = event.Public
		e.To = e.To[:0]
		out.To("*", event.ScopeAnyone)
	}
}

// calendarAccess is a change of who sees a calendar. Google has an address of its own for the
// public
// (developers.google.com/workspace/admin/reports/v1/appendix/activity/calendar).
func calendarAccess(d *detail, e *event.Event, out *ingest.Sink) {
	e.Object = event.Object{ID: d.calendar, Type: "calendar", Name: d.calendar}
	e.Class = event.ShareUser
	public := strings.HasSuffix(d.grantee, "@public.calendar.google.com")
	switch {
	case d.access == "none":
		e.Class = event.Unshare
	case public:
		e.Class, e.After = event.ShareLink, event.Public
		out.To("*", event.ScopeAnyone)
	}
	if !public {
		to(d.grantee, event.ScopeUnknown, out)
	}
}

func member(d *detail, e *event.Event, out *ingest.Sink) {
	to(cmp.Or(d.targetUser, d.memberEmail, d.userEmail), event.ScopeUnknown, out)
	if e.Object.ID == "" {
		e.Object = event.Object{ID: d.groupEmail, Type: "group", Name: d.groupEmail}
	}
	if strings.Contains(d.membership, "remove") {
		e.Class = event.Unshare
	}
}

func loginFailure(d *detail, e *event.Event, out *ingest.Sink) {
	e.Outcome = event.Failure
	out.Attr(event.AttrReason, d.failure)
}

// affected makes the subject of a warning the actor, since Google often names no actor.
func affected(d *detail, e *event.Event, out *ingest.Sink) {
	if d.affected != "" {
		e.Actor = event.Actor{Kind: event.Human, Account: out.Account("google_workspace", d.affected)}
	}
	out.Attr(event.AttrReason, d.name)
}

func adminRole(d *detail, e *event.Event, out *ingest.Sink) {
	to(d.userEmail, event.ScopeUnknown, out)
	role := d.role
	if role == "" && strings.HasPrefix(d.name, "GRANT_ADMIN") {
		role = "Super administrator"
	}
	out.Attr(event.AttrRole, role)
	e.Object = event.Object{ID: role, Type: "role", Name: role}
}

func adminUser(d *detail, e *event.Event, out *ingest.Sink) {
	to(d.userEmail, event.ScopeUnknown, out)
	e.Object = event.Object{ID: d.userEmail, Type: "user", Name: d.userEmail}
}

func setting(d *detail, e *event.Event, out *ingest.Sink) {
	name := cmp.Or(d.setting, d.name)
	e.Object = event.Object{ID: name, Type: "setting", Name: name}
	if d.newValue != "" {
		out.Attr(event.AttrTarget, out.Join(name, "=", d.newValue))
	}
	if kind, effect := governs(d.name, d.setting, d.newValue); kind != "" {
		out.Policy(kind, effect)
	}
}

// governs returns what a setting of the Admin console governs, and in which direction the new
// value changes it.
// Names: https://developers.google.com/workspace/admin/reports/v1/appendix/activity/admin-application-settings
func governs(action, name, value string) (kind, effect string) {
	name, value = strings.ToUpper(name), strings.ToUpper(value)
	switch {
	case action == "ADD_TRUSTED_DOMAINS":
		return "sharing", "weaker"
	case action == "REMOVE_TRUSTED_DOMAINS":
		return "sharing", "stronger"
	case action == "ENFORCE_STRONG_AUTHENTICATION" || action == "ALLOW_STRONG_AUTHENTICATION":
		if value == "FALSE" {
			return "authentication", "weaker"
		}
		return "authentication", "stronger"
	case strings.Contains(name, "SHARING") || strings.Contains(name, "OUTSIDE_DOMAIN") || strings.Contains(name, "PUBLISHING") ||
		strings.Contains(name, "EXTERNAL"):
		switch {
		case strings.Contains(value, "NOT_ALLOWED") || strings.Contains(value, "PROHIBIT") || strings.Contains(value, "DISABLED") ||
			value == "FALSE" || value == "PRIVATE" || value == "NONE":
			return "sharing", "stronger"
		case value != "":
			return "sharing", "weaker"
		}
		return "sharing", ""
	case strings.Contains(name, "PASSWORD") || strings.Contains(name, "2SV") || strings.Contains(name, "TWO_STEP") ||
		strings.Contains(name, "SSO") || strings.Contains(name, "LESS_SECURE"):
		return "authentication", ""
	}
	return "", ""
}

func labelRemoved(_ *detail, _ *event.Event, out *ingest.Sink) {
	out.Attr(event.AttrEffect, "weaker")
}

func labelAdded(_ *detail, _ *event.Event, out *ingest.Sink) {
	out.Attr(event.AttrEffect, "stronger")
}

func weakerAuthentication(_ *detail, _ *event.Event, out *ingest.Sink) {
	out.Policy("authentication", "weaker")
}

func appGrant(d *detail, e *event.Event, out *ingest.Sink) {
	e.Object = event.Object{ID: cmp.Or(d.clientID, d.appName), Type: "application", Name: cmp.Or(d.appName, d.clientID)}
	out.Attr(event.AttrScopes, joined(d.scopes, out))
	out.Attr(event.AttrAppName, d.appName)
}

func appActivity(d *detail, e *event.Event, out *ingest.Sink) {
	appGrant(d, e, out)
	e.Client.App, e.Bytes = cmp.Or(d.clientID, d.appName), d.bytes
}

func takeout(d *detail, e *event.Event, out *ingest.Sink) {
	e.Object.Type = "account"
	out.Attr(event.AttrTarget, d.destination)
}

func forwarded(d *detail, e *event.Event, out *ingest.Sink) {
	e.Object.Type = "mailbox"
	to(d.forward, event.ScopeExternal, out)
}
