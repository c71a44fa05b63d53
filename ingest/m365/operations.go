package m365

import (
	"cmp"
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// operation is the meaning of an Operation. Operations that are not listed stay unclassified and
// are counted.
type operation struct {
	class  event.Class
	detail func(r *record, e *event.Event, out *ingest.Sink)
}

var operations = map[string]operation{
	"FileAccessed":                     {event.View, nil},
	"FileAccessedExtended":             {event.View, nil},
	"FilePreviewed":                    {event.View, nil},
	"FileVisited":                      {event.View, nil},
	"PageViewed":                       {event.View, nil},
	"PageViewedExtended":               {event.View, nil},
	"PagePrefetched":                   {event.View, nil},
	"ListViewed":                       {event.View, nil},
	"ClientViewSignaled":               {event.View, nil},
	"FileModified":                     {event.Edit, nil},
	"FileModifiedExtended":             {event.Edit, nil},
	"ListItemUpdated":                  {event.Edit, nil},
	"ListItemCreated":                  {event.Edit, nil},
	"FolderModified":                   {event.Edit, nil},
	"FileDownloaded":                   {event.Download, nil},
	"FileSyncDownloadedFull":           {event.Sync, nil},
	"FileSyncDownloadedPartial":        {event.Sync, nil},
	"FileUploaded":                     {event.Upload, nil},
	"FileSyncUploadedFull":             {event.Upload, nil},
	"FileUploadedPartial":              {event.Upload, nil},
	"FileDeleted":                      {event.Delete, nil},
	"FileRecycled":                     {event.Delete, nil},
	"FileDeletedFirstStageRecycleBin":  {event.Delete, nil},
	"FileDeletedSecondStageRecycleBin": {event.Delete, nil},
	"FolderDeleted":                    {event.Delete, nil},
	"FolderRecycled":                   {event.Delete, nil},
	"FileVersionsAllDeleted":           {event.Delete, nil},
	"HardDelete":                       {event.Delete, mail},
	"SoftDelete":                       {event.Delete, mail},
	"MoveToDeletedItems":               {event.Delete, mail},
	"FileCopied":                       {event.Copy, nil},
	"FileMoved":                        {event.Rename, nil},
	"FileRenamed":                      {event.Rename, nil},
	"FolderRenamed":                    {event.Rename, nil},
	"FolderMoved":                      {event.Rename, nil},
	"SearchQueryPerformed":             {event.List, nil},
	"SearchQueryInitiatedExchange":     {event.List, nil},
	"SearchQueryInitiatedSharePoint":   {event.List, nil},

	"AddedToGroup":               {event.MembershipAdd, recipient},
	"MemberAdded":                {event.MembershipAdd, nil},
	"Add member to group.":       {event.MembershipAdd, entraTarget},
	"SiteCollectionAdminAdded":   {event.AdminGrant, siteAdmin},
	"SiteCollectionAdminRemoved": {event.AdminRevoke, siteAdmin},
	"SharingPolicyChanged":       {event.ConfigChange, sharingPolicy},
	"SiteCollectionCreated":      {event.ConfigChange, nil},

	"UserLoggedIn":                                  {event.LoginSuccess, signedIn},
	"UserLoginFailed":                               {event.LoginFailure, loginFailed},
	"UserLoggedOff":                                 {event.Logout, nil},
	"UserSignedOut":                                 {event.Logout, nil},
	"MailboxLogin":                                  {event.AppAccess, nil},
	"TeamsSessionStarted":                           {event.AppAccess, nil},
	"Consent to application.":                       {event.TokenGrant, consent},
	"Add OAuth2PermissionGrant.":                    {event.PermissionGrant, consent},
	"Add delegated permission grant.":               {event.PermissionGrant, consent},
	"Add app role assignment grant to user.":        {event.PermissionGrant, entraTarget},
	"Add app role assignment to service principal.": {event.PermissionGrant, consent},
	"Add service principal credentials.":            {event.TokenGrant, entraTarget},
	"Update application – Certificates and secrets management ": {event.TokenGrant, entraTarget},
	"Add member to role.":                              {event.AdminGrant, roleChange},
	"Add eligible member to role.":                     {event.AdminGrant, roleChange},
	"Add-RoleGroupMember":                              {event.AdminGrant, cmdletRole},
	"Add member to role in PIM completed (permanent).": {event.AdminGrant, roleChange},
	"Add owner to application.":                        {event.PermissionGrant, entraTarget},
	"Remove member from role.":                         {event.AdminRevoke, roleChange},
	"Remove-RoleGroupMember":                           {event.AdminRevoke, cmdletRole},
	"Disable Strong Authentication.":                   {event.MFADisabled, entraTarget},
	"Set domain authentication.":                       {event.ConfigChange, authenticationPolicy},
	"Enable Strong Authentication.":                    {event.MFAEnabled, entraTarget},
	"User deleted security info":                       {event.MFADisabled, nil},
	"User registered security info":                    {event.MFAEnabled, nil},
	"Admin deleted security info":                      {event.MFADisabled, entraTarget},
	"Update conditional access policy.":                {event.ConfigChange, authenticationPolicy},
	"Delete conditional access policy.":                {event.ConfigChange, authenticationPolicy},
	"Add conditional access policy.":                   {event.ConfigChange, authenticationPolicy},
	"SensitivityLabelRemoved":                          {event.LabelChange, label},
	"SensitivityLabelUpdated":                          {event.LabelChange, label},
	"SensitivityLabelApplied":                          {event.LabelChange, label},
	"FileSensitivityLabelRemoved":                      {event.LabelChange, label},
	"FileSensitivityLabelChanged":                      {event.LabelChange, label},
	"FileSensitivityLabelApplied":                      {event.LabelChange, label},
	"SensitivityLabeledFileRenamed":                    {event.Rename, nil},
	"Set Company Information.":                         {event.ConfigChange, modifiedSettings},
	"Update user.":                                     {event.ConfigChange, updatedUser},
	"Disable account.":                                 {event.Offboard, entraTarget},
	"Delete user.":                                     {event.Offboard, entraTarget},
	"Reset user password.":                             {event.ConfigChange, entraTarget},
	"Change user password.":                            {event.ConfigChange, entraTarget},

	"New-InboxRule":                        {event.MailRule, forwarding},
	"Set-InboxRule":                        {event.MailRule, forwarding},
	"UpdateInboxRules":                     {event.MailRule, forwarding},
	"New-TransportRule":                    {event.MailRule, forwarding},
	"Set-TransportRule":                    {event.MailRule, forwarding},
	"Set-Mailbox":                          {event.ConfigChange, forwarding},
	"Add-MailboxPermission":                {event.PermissionGrant, mailboxPermission},
	"Add-RecipientPermission":              {event.PermissionGrant, mailboxPermission},
	"AddFolderPermissions":                 {event.PermissionGrant, mailboxPermission},
	"ModifyFolderPermissions":              {event.PermissionGrant, mailboxPermission},
	"Set-AdminAuditLogConfig":              {event.Tamper, cmdletSettings},
	"Set-MailboxAuditBypassAssociation":    {event.Tamper, cmdletSettings},
	"Set-TransportConfig":                  {event.ConfigChange, cmdletSettings},
	"Send":                                 {event.Upload, mail},
	"SendAs":                               {event.Upload, mail},
	"Create":                               {event.Edit, mail},
	"Update":                               {event.Edit, mail},
	"New-ComplianceSearchAction":           {event.Export, cmdletSettings},
	"New-MailboxExportRequest":             {event.Export, cmdletSettings},
	"DLPRuleMatch":                         {event.VendorAlert, nil},
	"DlpRuleMatch":                         {event.VendorAlert, nil},
	"AlertTriggered":                       {event.VendorAlert, nil},
	"MCAS_ALERT_ANUBIS_DETECTION_VELOCITY": {event.VendorAlert, nil},
}

func mail(r *record, e *event.Event, _ *ingest.Sink) {
	e.Object = event.Object{Type: "mail", Container: r.mailbox}
}

func recipient(r *record, e *event.Event, out *ingest.Sink) {
	scope := event.ScopeUnknown
	switch r.targetType {
	case "Guest", "Partner":
		scope = event.ScopeExternal
	case "Member":
		scope = event.ScopeInternal
	}
	for name := range strings.SplitSeq(r.targetName, ",") {
		if name = strings.TrimSpace(name); name != "" {
			out.To(person(name, out), scope)
		}
	}
}

func siteAdmin(r *record, e *event.Event, out *ingest.Sink) {
	recipient(r, e, out)
	out.Attr(event.AttrRole, "Site collection administrator")
}

// loginFailed classifies failed sign-ins. Prompts for a second factor or for staying signed in
// are not failures.
// Codes: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
func loginFailed(r *record, e *event.Event, out *ingest.Sink) {
	e.Outcome = event.Failure
	switch r.errorNumber {
	case "50074", "50076", "50079", "50072", "50140", "50058", "50125", "16000", "65001":
		e.Class, e.Outcome = event.MFAChallenge, event.UnknownOutcome
	case "500121":
		e.Class = event.MFADenied
	}
	out.Attr(event.AttrReason, r.logonError)
}

// updatedUser is a change of a directory entry. If no method of strong authentication is left,
// the second factor was removed; if the first one was added, it was enrolled. Entra ID lists the
// methods as a JSON array.
func updatedUser(r *record, e *event.Event, out *ingest.Sink) {
	entraTarget(r, e, out)
	pairs(r.modified, func(name, value, before string) {
		if name != "StrongAuthenticationMethod" {
			return
		}
		switch none, had := strings.TrimSpace(value) == "[]", strings.Contains(before, "{"); {
		case none && had:
			e.Class = event.MFADisabled
		case !none && !had:
			e.Class = event.MFAEnabled
		}
	})
}

// entraTarget sets the user or application that was changed in the directory.
func entraTarget(r *record, e *event.Event, out *ingest.Sink) {
	var s jsonscan.Scanner
	if s.Reset(r.targets); r.targets == nil || !s.Array() {
		if ingest.IsEmail(r.objectID) {
			out.To(person(r.objectID, out), event.ScopeUnknown)
		}
		return
	}
	name := ""
	for s.Elem() {
		id, kind := idAndType(&s)
		switch {
		case kind == 5 || kind != 3 && ingest.IsEmail(id):
			if len(e.To) == 0 {
				out.To(person(id, out), event.ScopeUnknown)
			}
		case kind == 1 || kind == 2 && name == "" && !isGUID(id) && id != "ServicePrincipal" && id != "User" && id != "Application":
			name = id
		}
	}
	if name != "" {
		e.Object.Name = out.Copy(name)
	}
}

func roleChange(r *record, e *event.Event, out *ingest.Sink) {
	entraTarget(r, e, out)
	role := ""
	pairs(r.modified, func(name, value, before string) {
		if name == "Role.DisplayName" {
			if role = unquote(value); role == "" {
				role = unquote(before)
			}
		}
	})
	out.Attr(event.AttrRole, out.Copy(role))
}

func cmdletRole(r *record, e *event.Event, out *ingest.Sink) {
	pairs(r.parameters, func(name, value, _ string) {
		switch name {
		case "Identity":
			out.Attr(event.AttrRole, out.Copy(value))
		case "Member":
			out.To(person(value, out), event.ScopeUnknown)
		}
	})
}

// consent reads the permissions that an application was granted.
func consent(r *record, e *event.Event, out *ingest.Sink) {
	entraTarget(r, e, out)
	if e.Object.Name == "" || e.Object.Name == r.objectID {
		e.Object.Name = r.objectID
	}
	e.Object.Type = "application"
	pairs(r.modified, func(name, value, _ string) {
		switch name {
		case "ConsentAction.Permissions":
			if i := strings.LastIndex(value, "Scope: "); i >= 0 {
				value = value[i+len("Scope: "):]
				if j := strings.IndexAny(value, ",]"); j >= 0 {
					value = value[:j]
				}
				out.Attr(event.AttrScopes, out.Copy(strings.TrimSpace(value)))
			}
		case "DelegatedPermissionGrant.Scope":
			out.Attr(event.AttrScopes, out.Copy(unquote(value)))
		case "ConsentContext.IsAdminConsent":
			if strings.EqualFold(unquote(value), "true") {
				out.Attr(event.AttrPermission, "admin consent")
			}
		}
	})
}

// sharingPolicy reports whether the sharing of a tenant or site was widened: a kind of sharing
// was turned on, or the capability is higher than before.
func sharingPolicy(r *record, e *event.Event, out *ingest.Sink) {
	modifiedSettings(r, e, out)
	effect := ""
	pairs(r.modified, func(name, value, before string) {
		value, before = strings.ToLower(unquote(value)), strings.ToLower(unquote(before))
		if value == before || !strings.Contains(strings.ToLower(name), "shar") && !strings.Contains(strings.ToLower(name), "guest") &&
			!strings.Contains(strings.ToLower(name), "anonymous") {
			return
		}
		now, was := openness[value], openness[before]
		switch {
		case now > was || now > 1 && before == "":
			effect = "weaker"
		case now < was && effect == "":
			effect = "stronger"
		}
	})
	out.Policy("sharing", effect)
}

// openness orders the values of sharing settings; SharingCapability has four.
var openness = map[string]int{
	"false":                           1,
	"disabled":                        1,
	"existingexternalusersharingonly": 2,
	"true":                            3,
	"enabled":                         3,
	"externalusersharingonly":         3,
	"externaluserandguestsharing":     4,
}

func authenticationPolicy(r *record, e *event.Event, out *ingest.Sink) {
	modifiedSettings(r, e, out)
	entraTarget(r, e, out)
	effect := ""
	switch {
	case strings.HasPrefix(r.operation, "Delete"):
		effect = "weaker"
	case strings.HasPrefix(r.operation, "Add"):
		effect = "stronger"
	}
	out.Policy("authentication", effect)
}

// label is a change of a sensitivity label. LabelEventType is 1 for an upgrade, 2 for a
// downgrade, 3 for a removal and 4 for a change at the same rank
// (learn.microsoft.com/office/office-365-management-api/office-365-management-activity-api-schema).
func label(r *record, e *event.Event, out *ingest.Sink) {
	var s jsonscan.Scanner
	if s.Reset(r.labelEvent); r.labelEvent != nil && s.Object() {
		for s.Next() {
			switch string(s.Key) {
			case "LabelEventType":
				switch v := s.Text(); v {
				case "2", "3", "LabelDowngraded", "LabelRemoved":
					out.Attr(event.AttrEffect, "weaker")
				case "1", "LabelUpgraded":
					out.Attr(event.AttrEffect, "stronger")
				}
			case "SensitivityLabelId":
				e.Object.Label = cmp.Or(e.Object.Label, out.Copy(s.Text()))
			default:
				s.Skip()
			}
		}
	}
	if e.Attr(event.AttrEffect) == "" && strings.HasSuffix(r.operation, "Removed") {
		out.Attr(event.AttrEffect, "weaker")
	}
}

func modifiedSettings(r *record, e *event.Event, out *ingest.Sink) {
	pairs(r.modified, func(name, value, before string) {
		if name != "" && value != before {
			out.Attr(event.AttrTarget, out.Join(name, "=", unquote(value)))
		}
	})
}

func cmdletSettings(r *record, e *event.Event, out *ingest.Sink) {
	pairs(r.parameters, func(name, value, _ string) {
		if name != "" && value != "" {
			out.Attr(event.AttrTarget, out.Join(name, "=", value))
		}
	})
}

func mailboxPermission(r *record, e *event.Event, out *ingest.Sink) {
	pairs(r.parameters, func(name, value, _ string) {
		switch name {
		case "User", "Trustee":
			out.To(person(value, out), event.ScopeUnknown)
		case "AccessRights":
			out.Attr(event.AttrPermission, out.Copy(value))
		}
	})
}

// forwarding finds where mail is forwarded to. Other changes of a mailbox are changes of
// settings.
func forwarding(r *record, e *event.Event, out *ingest.Sink) {
	e.Object.Type = "mailbox"
	add := func(value string) {
		for part := range strings.FieldsFuncSeq(value, func(c rune) bool {
			return c == ';' || c == ',' || c == ' ' || c == '"' ||
				c == '[' || c == ']'
		}) {
			part = strings.TrimPrefix(strings.TrimPrefix(part, "smtp:"), "SMTP:")
			if ingest.IsEmail(part) {
				out.To(person(part, out), event.ScopeUnknown)
			}
		}
	}

	visit := func(name, value, _ string) {
		switch name {
		case "ForwardTo", "RedirectTo", "ForwardAsAttachmentTo", "ForwardingSmtpAddress", "ForwardingAddress", "BlindCopyTo",
			"RedirectMessageTo", "CopyTo":
			add(value)
		case "Name":
			if value != "" {
				e.Object.Name = out.Copy(value)
			}
		case "RuleActions", "Actions": // JSON of UpdateInboxRules
			if strings.Contains(value, "Forward") || strings.Contains(value, "Redirect") {
				add(strings.NewReplacer(":", " ", "{", " ", "}", " ").Replace(value))
			}
		}
	}

	pairs(r.parameters, visit)
	pairs(r.operationProperties, visit)
	if len(e.To) > 0 {
		e.Class = event.MailRule
	}
}
