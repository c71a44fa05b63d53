package m365

import (
	"slices"
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
)

// exchangeOperations are cmdlets of Exchange and Purview, and what owners and delegates set in
// mailboxes.
var exchangeOperations = map[string]operation{
	"New-InboxRule":                   {event.MailRule, forwarding},
	"Set-InboxRule":                   {event.MailRule, forwarding},
	"Enable-InboxRule":                {event.MailRule, forwarding},
	"Disable-InboxRule":               {event.ConfigChange, endedRule},
	"Remove-InboxRule":                {event.ConfigChange, endedRule},
	"UpdateInboxRules":                {event.MailRule, forwarding},
	"New-TransportRule":               {event.MailRule, forwarding},
	"Set-TransportRule":               {event.MailRule, forwarding},
	"Enable-TransportRule":            {event.MailRule, forwarding},
	"Disable-TransportRule":           {event.ConfigChange, nil},
	"Remove-TransportRule":            {event.ConfigChange, nil},
	"New-JournalRule":                 {event.MailRule, forwarding},
	"Set-JournalRule":                 {event.MailRule, forwarding},
	"Enable-JournalRule":              {event.MailRule, forwarding},
	"Disable-JournalRule":             {event.ConfigChange, nil},
	"Remove-JournalRule":              {event.ConfigChange, nil},
	"Set-Mailbox":                     {event.ConfigChange, mailbox},
	"Set-MailboxFolderPermission":     {event.PermissionGrant, mailboxPermission},
	"Add-MailboxFolderPermission":     {event.PermissionGrant, mailboxPermission},
	"Remove-MailboxFolderPermission":  {event.Unshare, nil},
	"Add-MailboxPermission":           {event.PermissionGrant, mailboxPermission},
	"Remove-MailboxPermission":        {event.Unshare, mailboxPermission},
	"Add-RecipientPermission":         {event.PermissionGrant, mailboxPermission},
	"Remove-RecipientPermission":      {event.Unshare, mailboxPermission},
	"AddFolderPermissions":            {event.PermissionGrant, mailboxPermission},
	"ModifyFolderPermissions":         {event.PermissionGrant, mailboxPermission},
	"RemoveFolderPermissions":         {event.Unshare, nil},
	"Add-RoleGroupMember":             {event.AdminGrant, cmdletRole},
	"Update-RoleGroupMember":          {event.AdminGrant, cmdletRole},
	"Remove-RoleGroupMember":          {event.AdminRevoke, cmdletRole},
	"New-ManagementRoleAssignment":    {event.AdminGrant, cmdletRole},
	"Set-ManagementRoleAssignment":    {event.ConfigChange, cmdletRole},
	"Remove-ManagementRoleAssignment": {event.AdminRevoke, cmdletRole},
	"Add-eDiscoveryCaseAdmin":         {event.AdminGrant, cmdletRole},
	"Update-eDiscoveryCaseAdmin":      {event.AdminGrant, cmdletRole},
	"Remove-eDiscoveryCaseAdmin":      {event.AdminRevoke, cmdletRole},

	"New-ComplianceSearch":       {event.List, search},
	"Set-ComplianceSearch":       {event.List, search},
	"Start-ComplianceSearch":     {event.List, search},
	"New-ComplianceSearchAction": {event.Export, searchAction},
	"New-MailboxSearch":          {event.Export, export},
	"Search-Mailbox":             {event.Export, searchMailbox},
	"New-MailboxExportRequest":   {event.Export, export},
}

// mailbox is a change of a mailbox: of where its mail is forwarded to, or of what is logged of it.
func mailbox(r *record, e *event.Event, out *ingest.Sink) {
	forwarding(r, e, out)
	if e.Class == event.MailRule {
		return
	}
	ended := false
	r.pairs(r.parameters, func(name, value, _ string) {
		var buf [32]byte
		ended = ended || empty(value) && forwardingParameters[string(fold(buf[:0], name))]
	})
	auditing.change(r, e, out)
	if ended && !slices.ContainsFunc(e.Attrs, func(a event.Attr) bool { return a.Name == event.AttrPolicy }) {
		out.Policy("mail", stronger)
	}
}

// endedRule is a rule of a mailbox that is removed or switched off.
func endedRule(_ *record, _ *event.Event, out *ingest.Sink) { out.Policy("mail", stronger) }

// empty reports whether the value of a parameter stands for none.
func empty(value string) bool {
	value = strings.TrimSpace(value)
	return value == "" || strings.EqualFold(value, "$null") || strings.EqualFold(value, "null")
}

// forwardingParameters name where mail is sent to.
var forwardingParameters = map[string]bool{
	"forwardto": true, "redirectto": true, "forwardasattachmentto": true, "forwardingsmtpaddress": true, "forwardingaddress": true,
	"blindcopyto": true, "redirectmessageto": true, "copyto": true, "addtorecipients": true, "journalemailaddress": true,
}

// forwarding finds where mail is forwarded to: addresses, or else the names of recipients whose
// addresses the record does not state. Other changes of a mailbox are changes of settings.
func forwarding(r *record, e *event.Event, out *ingest.Sink) {
	e.Object.Type = "mailbox"
	visit := func(name, value, _ string) {
		var buf [32]byte
		switch {
		case forwardingParameters[string(fold(buf[:0], name))]:
			r.forwardTo(value, out)
		case name == "Name":
			if value != "" {
				e.Object.Name = out.Copy(value)
			}
		case name == "RuleActions" || name == "Actions": // JSON of UpdateInboxRules
			if strings.Contains(value, "Forward") || strings.Contains(value, "Redirect") {
				addresses(strings.NewReplacer(":", " ", "{", " ", "}", " ").Replace(value), out)
			}
		}
	}

	r.pairs(r.parameters, visit)
	r.pairs(r.operationProperties, visit)
	if len(e.To) > 0 {
		e.Class = event.MailRule
	}
}

// addresses adds the e-mail addresses in a text as recipients, and reports whether there are any.
func addresses(text string, out *ingest.Sink) (found bool) {
	for part := range strings.FieldsFuncSeq(text, func(c rune) bool {
		return c == ';' || c == ',' || c == ' ' || c == '"' || c == '[' || c == ']'
	}) {
		part = strings.TrimPrefix(strings.TrimPrefix(part, "smtp:"), "SMTP:")
		if ingest.IsEmail(part) {
			out.To(person(part, out), event.ScopeUnknown)
			found = true
		}
	}
	return found
}

// forwardTo adds the recipients of a rule or setting.
func (r *record) forwardTo(value string, out *ingest.Sink) {
	switch value = strings.TrimSpace(value); {
	case empty(value):
	case isCut(value):
		r.cut = value
	case !addresses(value, out):
		out.To(person(out.Copy(value), out), event.ScopeUnknown)
	}
}

// mailboxPermission is a right to a mailbox or a folder of one, whose owner is the object.
func mailboxPermission(r *record, e *event.Event, out *ingest.Sink) {
	e.Object.Type = "mailbox"
	r.pairs(r.parameters, func(name, value, _ string) {
		switch name {
		case "Identity":
			if value != "" {
				e.Object.Name = out.Copy(value)
			}
		case "User", "Trustee":
			if sameName(value, e.Actor.Account) {
				value = e.Actor.Account
			}
			out.To(person(out.Copy(value), out), event.ScopeUnknown)
		case "AccessRights":
			out.Attr(event.AttrPermission, out.Copy(value))
		}
	})
	if e.Object.Name == "" {
		e.Object.Name = r.mailbox
	}
	if name := e.Object.Name; name != "" && !sameName(name, e.Actor.Account) {
		e.Object.Owner = person(name, out)
	}
}

// sameName reports whether the name of a recipient in Exchange is that of an account: its address or
// the part before the @, also behind the name of the organisation.
func sameName(name, account string) bool {
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	local, _, _ := strings.Cut(account, "@")
	return name != "" && (strings.EqualFold(name, account) || strings.EqualFold(name, local))
}

// cmdletRole is a group of roles, or a role, and who is given it.
func cmdletRole(r *record, e *event.Event, out *ingest.Sink) {
	role := ""
	r.pairs(r.parameters, func(name, value, _ string) {
		switch name {
		case "Identity", "Role":
			if role == "" || name == "Role" {
				role = out.Copy(value)
			}
		case "Member", "Members", "User", "SecurityGroup", "App":
			for part := range strings.SplitSeq(value, ";") {
				out.To(person(out.Copy(strings.TrimSpace(part)), out), event.ScopeUnknown)
			}
		}
	})
	if role == "" && strings.Contains(r.operation, "CaseAdmin") {
		role = "eDiscovery Administrator"
	}
	out.Attr(event.AttrRole, role)
}

// searchScopes name the parameters that say where a search looks.
var searchScopes = map[string]bool{
	"exchangelocation": true, "sharepointlocation": true, "publicfolderlocation": true, "sourcemailboxes": true, "allsourcemailboxes": true,
}

// search is a search of mailboxes and sites, or of one of them.
func search(r *record, e *event.Event, out *ingest.Sink) {
	e.Object = event.Object{Type: "search", ID: r.objectID, Name: r.objectID}
	r.pairs(r.parameters, func(name, value, _ string) {
		var buf [32]byte
		switch key := string(fold(buf[:0], name)); {
		case key == "searchname", key == "name" && e.Object.Name == r.objectID, key == "identity":
			e.Object.ID, e.Object.Name = out.Copy(value), out.Copy(value)
		case key == "mailbox" && value != "":
			e.Object.Name = out.Copy(value)
		case key == "filepath" && value != "":
			out.Attr(event.AttrTarget, out.Copy(value))
		case searchScopes[key] && strings.EqualFold(value, "All"), key == "allsourcemailboxes" && strings.EqualFold(value, "true"):
			e.Object.Type = "organization" // every mailbox or site
		}
	})
}

// discovery is a content search of Purview, or an export of what it found. Its records have the places
// that are searched as fields of their own.
func discovery(r *record, e *event.Event, out *ingest.Sink) {
	e.Object = event.Object{Type: "search", ID: r.objectID, Name: r.objectID}
	for _, places := range []string{r.exchange, r.sharePoint, r.publicFolders} {
		if strings.EqualFold(strings.Trim(places, `[]" `), "All") {
			e.Object.Type = "organization"
		}
	}
	ofOthers(e, out)
}

// searchAction is what is done with the results of a search: they are exported, shown or purged.
func searchAction(r *record, e *event.Event, out *ingest.Sink) {
	search(r, e, out)
	e.Class = event.ConfigChange
	action := func(name, value, _ string) {
		switch name {
		case "Purge", "PurgeType":
			if !strings.EqualFold(value, "False") {
				e.Class = event.Delete
			}
		case "Export", "Report":
			if e.Class == event.ConfigChange && !strings.EqualFold(value, "False") {
				e.Class = event.Export
			}
		case "Preview":
			if e.Class == event.ConfigChange && !strings.EqualFold(value, "False") {
				e.Class = event.View
			}
		}
	}
	r.pairs(r.parameters, action)
	ofOthers(e, out)
}

// ofOthers notes that an export is of other people's data.
func ofOthers(e *event.Event, out *ingest.Sink) {
	if e.Class == event.Export {
		out.Attr(event.AttrReach, event.ReachOthers)
	}
}

// export is an export of mailboxes.
func export(r *record, e *event.Event, out *ingest.Sink) {
	search(r, e, out)
	if !sameName(e.Object.Name, e.Actor.Account) {
		ofOthers(e, out)
	}
}

// searchMailbox is Search-Mailbox, which copies what it finds to another mailbox, or deletes it.
func searchMailbox(r *record, e *event.Event, out *ingest.Sink) {
	search(r, e, out)
	e.Class = event.List
	r.pairs(r.parameters, func(name, value, _ string) {
		switch name {
		case "DeleteContent":
			if !strings.EqualFold(value, "False") {
				e.Class = event.Delete
			}
		case "TargetMailbox":
			if e.Class != event.Delete && value != "" {
				e.Class = event.Export
				out.Attr(event.AttrTarget, out.Copy(value))
			}
		}
	})
	ofOthers(e, out)
}
