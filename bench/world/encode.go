package main

import (
	"strconv"
	"strings"
	"time"
)

// enc appends JSON to a buffer. Nothing is escaped: the strings of a world consist of
// letters, digits and punctuation that JSON takes as it is.
type enc struct{ b []byte }

func (e *enc) sep() {
	if c := e.b[len(e.b)-1]; c != '{' && c != '[' && c != ':' && c != '\n' {
		e.b = append(e.b, ',')
	}
}
func (e *enc) key(k string) {
	e.sep()
	e.b = append(append(append(e.b, '"'), k...), '"', ':')
}
func (e *enc) raw(k, v string)       { e.key(k); e.b = append(e.b, v...) }
func (e *enc) num(k string, v int64) { e.key(k); e.b = strconv.AppendInt(e.b, v, 10) }
func (e *enc) open(k string) { // an object; an element of an array if k is empty
	if k == "" {
		e.sep()
	} else {
		e.key(k)
	}
	e.b = append(e.b, '{')
}
func (e *enc) end()          { e.b = append(e.b, '}') }
func (e *enc) list(k string) { e.key(k); e.b = append(e.b, '[') }
func (e *enc) endList()      { e.b = append(e.b, ']') }
func (e *enc) strs(kv ...string) {
	for i := 0; i+1 < len(kv); i += 2 {
		e.key(kv[i])
		e.b = append(append(append(e.b, '"'), kv[i+1]...), '"')
	}
}

// begin starts a string value that the caller appends to and closes with quote.
func (e *enc) begin(k string) { e.key(k); e.b = append(e.b, '"') }
func (e *enc) quote()         { e.b = append(e.b, '"') }

func (e *enc) time(k string, ms int64, layout string) {
	e.begin(k)
	e.b = time.UnixMilli(ms).UTC().AppendFormat(e.b, layout)
	e.quote()
}

const hexDigits = "0123456789abcdef"

func appendUUID(b []byte, hi, lo uint64) []byte {
	for i := 0; i < 32; i++ {
		x := hi
		if i >= 16 {
			x = lo
		}
		if i == 8 || i == 12 || i == 16 || i == 20 {
			b = append(b, '-')
		}
		b = append(b, hexDigits[x>>(60-4*uint(i%16))&15])
	}
	return b
}

func uuid(keys ...uint64) string {
	h := hash(keys...)
	return string(appendUUID(nil, h, mix(h)))
}

func (e *enc) uuid(k string, hi, lo uint64) { e.begin(k); e.b = appendUUID(e.b, hi, lo); e.quote() }

// eventRef is the vendor's identifier of an event, as it appears in the export.
func eventRef(e *Event) string {
	switch e.Src {
	case Google:
		return strconv.FormatInt(int64(e.ID[0]), 10)
	case Salesforce:
		return "4" + token(e.ID[0], 20) + "-"
	case GitHub:
		return token(e.ID[0], 22)
	case Snowflake:
		if e.Arg == "LOGIN" {
			return strconv.FormatUint(e.ID[0]>>12, 10)
		}
	case Dropbox: // the team log has no identifiers
		return time.UnixMilli(e.At/1000*1000).UTC().Format(time.RFC3339) + "/" + dropboxFile(e.Item)
	}
	return string(appendUUID(nil, e.ID[0], e.ID[1]))
}

var fileWords = [2][]string{
	strings.Fields("Quarterly Customer Vendor Project Draft Final Regional Annual Weekly Team Client Internal Product Pricing " +
		"Launch Operations Résumé Übersicht Hiring Contract Renewal Migration Security Travel Campaign"),
	strings.Fields("Report Summary Plan Review Notes Agreement Budget Forecast Deck Analysis Checklist List Proposal Roadmap " +
		"Tracker Model Schedule Statement Brief Template"),
}
var fileTypes = []string{"docx", "docx", "xlsx", "xlsx", "pptx", "pdf", "pdf", "csv", "png", "zip"}
var googleTypes = map[string]string{"docx": "document", "xlsx": "spreadsheet", "pptx": "presentation", "pdf": "pdf", "csv": "txt",
	"png": "png", "zip": "unknown"}

func (it Item) key() uint64 { return mix(it.Folder.ID ^ uint64(it.Idx)*0x9e3779b97f4a7c15) }
func (it Item) ext() string { return fileTypes[it.key()>>8%uint64(len(fileTypes))] }

// size is the size of the file in bytes, from about 1 kB to 100 MB, mostly small.
func (it Item) size() int64 {
	k := it.key() >> 20
	return 900 + int64(k%4093)<<(k>>12%5+k>>16%5+k>>20%4+k>>24%3) + int64(k>>28%997)
}

func (it Item) appendName(b []byte) []byte {
	k := it.key()
	words := it.Folder.words
	b = append(b, words[0][k%uint64(len(words[0]))]...)
	b = append(append(b, ' '), words[1][k>>32%uint64(len(words[1]))]...)
	b = strconv.AppendUint(append(b, ' '), k>>40%997, 10)
	return append(append(b, '.'), it.ext()...)
}

func (e *enc) name(k string, it Item) { e.begin(k); e.b = it.appendName(e.b); e.quote() }

// Microsoft 365

var m365Ops = map[Kind]string{View: "FileAccessed", Edit: "FileModified", Download: "FileDownloaded",
	Sync: "FileSyncDownloadedFull", Upload: "FileUploaded", Delete: "FileRecycled",
	ShareInternal: "AddedToSecureLink", ShareExternal: "AddedToSecureLink", PublicLink: "AnonymousLinkCreated",
	LinkUsed: "AnonymousLinkUsed",
	Login:    "UserLoggedIn", LoginFailed: "UserLoginFailed", InboxRule: "New-InboxRule", ForwardMailbox: "Set-Mailbox",
	GrantApp: "Consent to application.", GrantRole: "Add member to role."}

var sensitivityLabels = [3]string{"", "a1f2c7d0-5d5e-4f0c-9f0b-6f1f3f1f0c11", "e7d3b2a4-0c3b-4b0e-8a25-2f6e6f9c2b22"}

func m365Content(v *Event) string {
	switch v.Kind {
	case Native:
		return m365Natives[v.Arg].content
	case Login, LoginFailed, GrantApp, GrantRole:
		return "Audit.AzureActiveDirectory"
	case InboxRule, ForwardMailbox:
		return "Audit.Exchange"
	}
	return "Audit.SharePoint"
}

func (w *World) m365(e *enc, v *Event) {
	if v.Kind == Native {
		w.m365Native(e, v)
		return
	}
	user, key := "anonymous", "anonymous"
	if v.Actor != nil {
		user, key = v.Actor.Email, v.Actor.Profile[:16]
	}
	content := m365Content(v)
	workload := content[6:]
	e.time("CreationTime", v.At, "2006-01-02T15:04:05")
	e.uuid("Id", v.ID[0], v.ID[1])
	e.strs("Operation", m365Ops[v.Kind], "OrganizationId", uuid(w.Seed, 5))
	e.num("RecordType", m365Record(v.Kind))
	e.strs("UserKey", key)
	e.num("UserType", 0)
	e.num("Version", 1)
	if v.Kind == Sync {
		workload = "OneDrive"
	}
	e.strs("Workload", workload, "ClientIP", v.Ctx.IP, "UserId", user)
	switch content {
	case "Audit.AzureActiveDirectory":
		e.entra(v)
	case "Audit.Exchange":
		w.exchange(e, v)
	default:
		w.sharepoint(e, v, user)
	}
}

// m365Record is the RecordType of an event.
func m365Record(k Kind) int64 {
	switch k {
	case ShareInternal, ShareExternal, PublicLink, LinkUsed:
		return 14
	case Login, LoginFailed:
		return 15
	case GrantApp, GrantRole:
		return 8
	case InboxRule, ForwardMailbox:
		return 1
	}
	return 6
}

// entra writes the members of sign-ins, consents and role assignments.
func (e *enc) entra(v *Event) {
	result := "Success"
	if v.Kind == LoginFailed {
		result = "Failed"
		e.strs("LogonError", "InvalidUserNameOrPassword")
	}
	e.strs("ResultStatus", result, "ObjectId", "00000003-0000-0ff1-ce00-000000000000")
	e.num("AzureActiveDirectoryEventType", 1)
	switch v.Kind {
	case Login, LoginFailed:
		e.raw("ExtendedProperties", `[{"Name":"ResultStatusDetail","Value":"`+
			map[Kind]string{Login: "Success", LoginFailed: "UserError"}[v.Kind]+`"},{"Name":"UserAgent","Value":"`+v.Ctx.Agent+
			`"},{"Name":"RequestType","Value":"OAuth2:Authorize"}]`)
		e.raw("DeviceProperties", `[{"Name":"OS","Value":"`+v.Ctx.Device.OS+
			`"},{"Name":"BrowserType","Value":"Other"},{"Name":"IsCompliantAndManaged","Value":"False"},{"Name":"SessionId",`+
			`"Value":"`+uuid(v.Ctx.Session)+`"}]`)
		e.strs("ErrorNumber", map[Kind]string{Login: "0", LoginFailed: "50126"}[v.Kind])
	case GrantApp:
		e.raw("Target", `[{"ID":"`+uuid(hashString(v.Arg))+`","Type":2},{"ID":"`+v.Arg+`","Type":1}]`)
		e.raw("ModifiedProperties", `[{"Name":"ConsentContext.IsAdminConsent","NewValue":"False","OldValue":""},`+
			`{"Name":"ConsentAction.Permissions","NewValue":"ConsentType: Principal, Scope: `+scopes(M365, v.Arg2)+`","OldValue":""}]`)
	case GrantRole:
		e.raw("Target", `[{"ID":"`+v.Arg+`","Type":5}]`)
		e.raw("ModifiedProperties", `[{"Name":"Role.DisplayName","NewValue":"`+v.Arg2+`","OldValue":""}]`)
	}
}

// exchange writes the members of mailbox cmdlets.
func (w *World) exchange(e *enc, v *Event) {
	e.strs("ResultStatus", "True", "ObjectId", w.domain+"/"+v.Actor.local(), "OriginatingServer", "AM0PR04MB1234 (15.20.8422.010)")
	switch {
	case v.Kind == ForwardMailbox:
		e.raw("Parameters", `[{"Name":"Identity","Value":"`+v.Actor.local()+`"},{"Name":"ForwardingSmtpAddress","Value":"smtp:`+
			v.Arg+`"},{"Name":"DeliverToMailboxAndForward","Value":"True"}]`)
	case v.Arg != "":
		e.raw("Parameters", `[{"Name":"Name","Value":"`+v.Arg2+`"},{"Name":"ForwardTo","Value":"`+v.Arg+
			`"},{"Name":"StopProcessingRules","Value":"True"}]`)
	default:
		e.raw("Parameters", `[{"Name":"Name","Value":"`+v.Arg2+`"},{"Name":"MoveToFolder","Value":"`+v.Arg2+
			`"},{"Name":"StopProcessingRules","Value":"True"}]`)
	}
}

// sharepoint writes the members of file operations and sharing.
func (w *World) sharepoint(e *enc, v *Event, user string) {
	f := v.Item.Folder
	site := "https://" + w.org + ".sharepoint.com/sites/" + strings.ReplaceAll(f.Name, " ", "-") + "/"
	agent, path := v.Ctx.Agent, "Shared Documents"
	if f.Site != "" {
		site, path = "https://"+w.org+".sharepoint.com/sites/"+f.Site+"/", w.lex.library+"/"+f.Name
	}
	if v.Kind == Sync {
		site, agent = "https://"+w.org+"-my.sharepoint.com/personal/"+strings.NewReplacer("@", "_", ".", "_").Replace(user)+"/",
			v.Ctx.Device.Sync
		path = "Documents/" + f.Name
	}
	e.uuid("CorrelationId", mix(v.ID[1]), mix(v.ID[0]))
	e.strs("EventSource", "SharePoint", "ItemType", "File")
	e.uuid("ListId", f.ID, mix(f.ID))
	e.uuid("ListItemUniqueId", v.Item.key(), f.ID)
	e.begin("ObjectId")
	e.b = v.Item.appendName(append(append(append(e.b, site...), path...), '/'))
	e.quote()
	e.strs("SiteUrl", site, "SourceRelativeUrl", path)
	e.name("SourceFileName", v.Item)
	e.strs("SourceFileExtension", v.Item.ext(), "UserAgent", agent)
	if l := sensitivityLabels[f.Sensitive]; l != "" {
		e.strs("SensitivityLabelId", l)
	}
	switch v.Kind {
	case Download, Sync, Upload:
		e.num("FileSizeBytes", v.Item.size())
		if v.Kind == Download && v.Arg != "" {
			e.strs("ApplicationDisplayName", v.Arg, "ApplicationId", uuid(hashString(v.Arg)))
		}
	case ShareInternal:
		e.strs("TargetUserOrGroupName", v.Arg, "TargetUserOrGroupType", "Member", "EventData", "<Type>Edit</Type>")
	case ShareExternal:
		target := v.Arg
		if hashString(target)%2 == 0 {
			target = strings.Replace(target, "@", "_", 1) + "#ext#@" + w.org + ".onmicrosoft.com"
		}
		e.strs("TargetUserOrGroupName", target, "TargetUserOrGroupType", "Guest", "EventData", "<Type>View</Type>")
	case PublicLink, LinkUsed:
		e.strs("EventData", "<Type>View</Type>")
		e.uuid("UniqueSharingId", v.Item.key(), 7)
	}
}

func scopes(src Source, level string) string { return scopeSets[src][int(level[0]-'0')] }

// Google Workspace

func googleApp(v *Event) string {
	switch v.Kind {
	case Native:
		return googleNatives[v.Arg].app
	case Login, LoginFailed:
		return "login"
	case GrantApp:
		return "token"
	case GrantRole:
		return "admin"
	}
	return "drive"
}

func (w *World) google(e *enc, v *Event) {
	app := googleApp(v)
	e.strs("kind", "admin#reports#activity")
	e.open("id")
	e.time("time", v.At, "2006-01-02T15:04:05.000Z")
	e.strs("uniqueQualifier", eventRef(v), "applicationName", app, "customerId", "C0"+token(w.Seed, 7))
	e.end()
	e.open("actor")
	if v.Actor != nil {
		e.strs("callerType", "USER", "email", v.Actor.Email, "profileId", v.Actor.Profile)
	}
	e.end()
	e.strs("ipAddress", v.Ctx.IP)
	e.list("events")
	e.open("")
	if v.Kind == Native {
		e.strs("type", googleNatives[v.Arg].typ, "name", v.Arg)
		e.b = append(append(append(e.b, `,"parameters":[`...), v.Raw...), "]}]"...)
		return
	}
	if app == "drive" {
		e.drive(v)
		return
	}
	e.googleAccount(v)
	e.b = append(e.b, "}]"...)
}

// googleAccount writes sign-ins, authorisations and role assignments.
func (e *enc) googleAccount(v *Event) {
	switch v.Kind {
	case Login:
		e.raw("type", `"login","name":"login_success","parameters":[{"name":"login_type","value":"google_password"},`+
			`{"name":"login_challenge_method","multiValue":["password","idv_any"]},{"name":"is_suspicious","boolValue":false}]`)
	case LoginFailed:
		e.raw("type", `"login","name":"login_failure","parameters":[{"name":"login_type","value":"google_password"},`+
			`{"name":"login_challenge_method","multiValue":["password"]},{"name":"login_failure_type",`+
			`"value":"login_failure_invalid_password"}]`)
	case GrantApp:
		e.raw("type", `"auth","name":"authorize","parameters":[{"name":"client_id","value":"`+
			strconv.FormatUint(hashString(v.Arg)%1e12, 10)+`.apps.googleusercontent.com"},{"name":"app_name","value":"`+v.Arg+
			`"},{"name":"client_type","value":"WEB"},{"name":"scope","multiValue":["`+
			strings.ReplaceAll(scopes(Google, v.Arg2), " ", `","`)+`"]}]`)
	case GrantRole:
		e.raw("type", `"DELEGATED_ADMIN_SETTINGS","name":"ASSIGN_ROLE","parameters":[{"name":"USER_EMAIL","value":"`+v.Arg+
			`"},{"name":"ROLE_NAME","value":"`+v.Arg2+`"}]`)
	}
}

// drive writes an event of Google Drive.
func (e *enc) drive(v *Event) {
	typ, name := "access", map[Kind]string{View: "view", Edit: "edit", Download: "download", Upload: "upload", Delete: "trash",
		ShareInternal: "change_user_access", ShareExternal: "change_user_access", PublicLink: "change_document_visibility",
		LinkUsed: "view"}[v.Kind]
	visibility, change := "shared_internally", ""
	switch v.Kind {
	case ShareInternal:
		typ, change = "acl_change", "none"
	case ShareExternal:
		typ, change, visibility = "acl_change", "external", "shared_externally"
	case PublicLink:
		typ, change, visibility = "acl_change", "external", "people_with_link"
	}
	e.strs("type", typ, "name", name)
	e.b = append(e.b, `,"parameters":[{"name":"primary_event","boolValue":true},{"name":"billable","boolValue":true}`...)
	if change != "" {
		e.param("visibility_change", change)
		if v.Kind == PublicLink {
			e.param("target_domain", "all")
			e.multi("old_value", "private")
			e.multi("new_value", "people_with_link")
		} else {
			e.param("target_user", v.Arg)
			e.multi("old_value", "none")
			e.multi("new_value", "can_view")
		}
		e.param("old_visibility", "private")
	}
	e.param("doc_id", "1"+token(v.Item.key(), 32))
	e.param("doc_type", googleTypes[v.Item.ext()])
	e.b = v.Item.appendName(append(e.b, `,{"name":"doc_title","value":"`...))
	e.b = append(e.b, `"}`...)
	e.param("visibility", visibility)
	if v.Kind == Download && v.Arg != "" {
		e.param("originating_app_id", strconv.FormatUint(hashString(v.Arg)%1e12, 10))
	} else {
		e.param("originating_app_id", "691301496089")
	}
	e.b = append(e.b, `,{"name":"owner_is_shared_drive","boolValue":true},{"name":"owner_is_team_drive","boolValue":true}`...)
	e.param("owner", v.Item.Folder.Name)
	e.param("team_drive_id", "0A"+token(v.Item.Folder.ID, 17))
	e.b = append(e.b, "]}]"...)
}

// param appends a parameter to a list that is not empty.
func (e *enc) param(k, val string) {
	e.b = append(append(append(append(append(e.b, `,{"name":"`...), k...), `","value":"`...), val...), `"}`...)
}

func (e *enc) multi(k, val string) {
	e.b = append(append(append(append(append(e.b, `,{"name":"`...), k...), `","multiValue":["`...), val...), `"]}`...)
}

// Box

var boxOps = map[Kind]string{View: "PREVIEW", Edit: "EDIT", Download: "DOWNLOAD", Upload: "UPLOAD", Delete: "DELETE",
	ShareInternal: "COLLABORATION_INVITE", ShareExternal: "COLLABORATION_INVITE", PublicLink: "SHARE", LinkUsed: "PREVIEW",
	Login: "LOGIN", LoginFailed: "FAILED_LOGIN"}

func (w *World) box(e *enc, v *Event) {
	e.strs("type", "event")
	e.uuid("event_id", v.ID[0], v.ID[1])
	e.open("created_by")
	if v.Actor != nil {
		e.strs("type", "user", "id", v.Actor.BoxID, "name", v.Actor.Name, "login", v.Actor.Email)
	} else {
		e.strs("type", "user", "id", "2", "name", "Unknown User", "login", "")
	}
	e.end()
	e.begin("created_at")
	e.b = time.UnixMilli(v.At).In(w.lex.homes[0].Zone).AppendFormat(e.b, time.RFC3339)
	e.quote()
	op := boxOps[v.Kind]
	if v.Kind == Native {
		op = v.Arg
	}
	e.strs("event_type", op, "ip_address", v.Ctx.IP)
	e.raw("session_id", "null")
	if v.Kind == Native {
		e.more(v.Raw)
		return
	}
	f := v.Item.Folder
	if f == nil {
		e.open("source")
		e.strs("type", "user", "id", v.Actor.BoxID, "name", v.Actor.Name, "login", v.Actor.Email)
		e.end()
		return
	}
	folder := strconv.FormatUint(f.ID%1e12, 10)
	e.open("source")
	e.strs("item_type", "file", "item_id", strconv.FormatUint(v.Item.key()%1e13, 10))
	e.name("item_name", v.Item)
	if v.Kind == PublicLink {
		e.raw("shared_link", `{"access":"open","url":"https://`+w.org+`.app.box.com/s/`+token(v.Item.key(), 24)+`"}`)
	}
	if f.Sensitive > 0 {
		e.strs("classification", []string{"", "Confidential", "Highly Confidential"}[f.Sensitive])
	}
	e.raw("parent", `{"type":"folder","name":"`+f.Name+`","id":"`+folder+`"}`)
	e.raw("owned_by", `{"type":"user","id":"`+w.services[0].BoxID+`","name":"`+w.lex.depts[f.Dept]+` Files","login":"files@`+w.domain+`"}`)
	e.end()
	switch v.Kind {
	case ShareInternal, ShareExternal:
		e.raw("accessible_by", `{"type":"user","id":"`+strconv.FormatUint(hashString(v.Arg)%1e11, 10)+`","login":"`+v.Arg+`"}`)
		e.raw("additional_details", `{"type":"collaboration","role":"Viewer","is_performed_by_admin":false}`)
	default:
		e.open("additional_details")
		e.num("size", v.Item.size())
		e.strs("version_id", strconv.FormatUint(v.Item.key()>>7%1e13, 10), "service_id", "10", "service_name", "Box Web Application")
		e.end()
	}
}

// Okta

var oktaTypes = map[Kind][3]string{
	Login:        {"user.session.start", "User login to Okta", "SUCCESS"},
	LoginFailed:  {"user.session.start", "User login to Okta", "FAILURE"},
	MFA:          {"user.authentication.auth_via_mfa", "Authentication of user via MFA", "SUCCESS"},
	SingleSignOn: {"user.authentication.sso", "User single sign on to app", "SUCCESS"},
	Lockout:      {"user.account.lock", "Max sign in attempts exceeded", "FAILURE"},
	GrantRole:    {"user.account.privilege.grant", "Grant user privilege", "SUCCESS"},
}

func (w *World) okta(e *enc, v *Event) {
	t, c, a := oktaTypes[v.Kind], v.Ctx, v.Actor
	if v.Kind == Native {
		t = oktaNatives[v.Arg]
	}
	geo := `{"city":"` + c.Place.City + `","country":"` + c.Place.Country + `","geolocation":{"lat":` +
		strconv.FormatFloat(c.Place.Lat, 'f', -1, 64) + `,"lon":` + strconv.FormatFloat(c.Place.Lon, 'f', -1, 64) +
		`},"postalCode":null,"state":"` + c.Place.State + `"}`
	e.open("actor")
	e.strs("id", "00u"+token(a.Key, 17), "type", "User", "alternateId", a.Email, "displayName", a.Name)
	e.raw("detailEntry", "null")
	e.end()
	e.open("client")
	e.raw("userAgent", `{"rawUserAgent":"`+c.Agent+`","os":"`+c.Device.OS+`","browser":"CHROME"}`)
	e.strs("zone", "null", "device", map[bool]string{false: "Computer", true: "Mobile"}[c.Device.Mobile])
	e.raw("id", "null")
	e.strs("ipAddress", c.IP)
	e.raw("geographicalContext", geo)
	e.end()
	e.strs("displayMessage", t[1], "eventType", t[0])
	reason := "null"
	if t[2] == "FAILURE" {
		reason = `"INVALID_CREDENTIALS"`
	}
	debug := ""
	if v.Kind == Native && strings.HasPrefix(v.Arg, oktaPush) {
		debug = `,"factor":"OKTA_VERIFY_PUSH"`
		if t[2] == "FAILURE" {
			reason = `"User rejected Okta push verify"`
		}
	}
	e.raw("outcome", `{"result":"`+t[2]+`","reason":`+reason+`}`)
	e.time("published", v.At, "2006-01-02T15:04:05.000Z")
	e.strs("severity", "INFO")
	e.raw("debugContext", `{"debugData":{"requestId":"`+token(v.ID[1], 24)+`","dtHash":"`+token(c.Session, 16)+
		`","threatSuspected":"false"`+debug+`}}`)
	e.raw("authenticationContext", `{"authenticationStep":0,"externalSessionId":"`+token(c.Session, 22)+`"}`)
	e.raw("securityContext", `{"asNumber":null,"asOrg":null,"isp":null,"domain":null,"isProxy":false}`)
	switch v.Kind {
	case Native:
		e.raw("target", "["+v.Raw+"]")
	case SingleSignOn:
		e.raw("target", `[{"id":"0oa`+token(hashString(v.Arg), 17)+`","type":"AppInstance","alternateId":"`+v.Arg+
			`","displayName":"`+v.Arg+`"}]`)
	case GrantRole:
		e.raw("target", `[{"id":"00u`+token(hashString(v.Arg), 17)+`","type":"User","alternateId":"`+v.Arg+`","displayName":"`+
			v.Arg+`"},{"id":"`+v.Arg2+`","type":"ROLE","displayName":"`+v.Arg2+`"}]`)
	default:
		e.raw("target", "null")
	}
	e.uuid("uuid", v.ID[0], v.ID[1])
	e.strs("version", "0")
}

// Slack

func (w *World) slack(e *enc, v *Event) {
	action := map[Kind]string{Upload: "file_uploaded", Download: "file_downloaded", Join: "user_channel_join", Login: "user_login",
		LoginFailed: "user_login_failed", GrantRole: "role_change_to_admin", GrantApp: "app_installed"}[v.Kind]
	if v.Kind == Native {
		action = v.Arg
	}
	user := func(email, name string, key uint64) string {
		return `{"type":"user","user":{"id":"W` + strings.ToUpper(token(key, 9)) + `","name":"` + name + `","email":"` + email +
			`","team":"T` + strings.ToUpper(token(w.Seed, 8)) + `"}}`
	}
	e.uuid("id", v.ID[0], v.ID[1])
	e.num("date_create", v.At/1000)
	e.strs("action", action)
	e.raw("actor", user(v.Actor.Email, v.Actor.Name, v.Actor.Key))
	switch v.Kind {
	case Native:
		e.more(v.Raw)
	case Upload, Download:
		k := v.ID[1]
		it := Item{&Folder{ID: k, words: w.lex.files}, 0}
		e.open("entity")
		e.strs("type", "file")
		e.open("file")
		e.strs("id", "F"+strings.ToUpper(token(k, 10)), "filetype", it.ext())
		e.name("name", it)
		e.name("title", it)
		e.end()
		e.end()
	case Join:
		e.raw("entity", `{"type":"channel","channel":{"id":"C`+strings.ToUpper(token(v.ID[1]%200, 9))+`","name":"proj-`+
			strings.ToLower(token(v.ID[1]%200, 5))+`","privacy":"public","is_shared":false}}`)
	case GrantRole:
		e.raw("entity", user(v.Arg, v.Arg, hashString(v.Arg)))
	default:
		e.raw("entity", user(v.Actor.Email, v.Actor.Name, v.Actor.Key))
	}
	e.open("context")
	e.raw("location", `{"type":"workspace","id":"T`+strings.ToUpper(token(w.Seed, 8))+`","name":"`+w.org+`","domain":"`+w.org+`"}`)
	e.strs("ua", v.Ctx.Agent, "ip_address", v.Ctx.IP)
	e.num("session_id", int64(v.Ctx.Session%1e12))
	e.end()
}

// GitHub

func (w *World) github(e *enc, v *Event) {
	a := v.Actor
	action := map[Kind]string{Clone: "git.clone", Fetch: "git.fetch", Push: "git.push", PullRequest: "pull_request.create",
		Login: "org.sso_response", GrantRole: "org.update_member", RepoAdmin: "repo.access"}[v.Kind]
	if v.Kind == Native {
		action = v.Arg
	}
	e.num("@timestamp", v.At)
	e.strs("_document_id", eventRef(v), "action", action, "actor", a.Login)
	e.num("actor_id", int64(a.Key%1e8))
	e.strs("actor_ip", v.Ctx.IP)
	e.raw("actor_location", `{"country_code":"`+v.Ctx.Place.Code+`"}`)
	e.strs("business", w.org, "org", w.org)
	e.num("org_id", int64(hash(w.Seed)%1e8))
	e.num("created_at", v.At)
	if !a.Service && !a.Guest {
		e.strs("external_identity_nameid", a.Email)
	}
	switch v.Kind {
	case Native:
		e.more(v.Raw)
	case Clone, Fetch, Push, PullRequest:
		repo := w.org + "/" + v.Item.Folder.Name
		e.strs("repo", repo, "repository", repo)
		e.raw("repository_public", strconv.FormatBool(v.Item.Folder.Public))
		if v.Kind == PullRequest {
			e.strs("user_agent", v.Ctx.Agent)
			break
		}
		e.num("transport_protocol", 1)
		e.strs("transport_protocol_name", "http", "user_agent",
			[]string{"git/2.39.5 (Apple Git-154)", "git/2.43.0", "git/2.47.1.windows.1"}[a.Key%3])
		if a.Service {
			e.strs("programmatic_access_type", "GitHub App server-to-server token")
		} else {
			e.strs("programmatic_access_type", "OAuth access token")
		}
	case GrantRole:
		e.strs("user", v.Arg, "permission", v.Arg2, "user_agent", v.Ctx.Agent)
	default:
		e.strs("user_agent", v.Ctx.Agent)
	}
}

// Dropbox

func dropboxFile(it Item) string {
	if it.Folder == nil {
		return "-"
	}
	return "id:" + token(it.key(), 22)
}

func (w *World) dropbox(e *enc, v *Event) {
	op := map[Kind][3]string{View: {"file_preview", "file_operations", "Previewed files and/or folders"},
		Download:      {"file_download", "file_operations", "Downloaded files and/or folders"},
		ShareExternal: {"shared_content_add_member", "sharing", "Added users and/or groups to shared file/folder"},
		Login:         {"login_success", "logins", "Signed in"}, LoginFailed: {"login_fail", "logins", "Failed to sign in"}}[v.Kind]
	if v.Kind == Native {
		op = dropboxNatives[v.Arg]
	}
	member := "team_member"
	if v.Actor.Guest {
		member = "non_team_member"
	}
	e.time("timestamp", v.At, "2006-01-02T15:04:05Z")
	e.raw("event_category", `{".tag":"`+op[1]+`"}`)
	e.raw("actor", `{".tag":"user","user":{".tag":"`+member+`","account_id":"dbid:`+token(v.Actor.Key, 30)+`","display_name":"`+
		v.Actor.Name+`","email":"`+v.Actor.Email+`","team_member_id":"dbmid:`+token(v.Actor.Key, 32)+`"}}`)
	e.raw("origin", `{"geo_location":{"city":"`+v.Ctx.Place.City+`","region":"`+v.Ctx.Place.State+`","country":"`+v.Ctx.Place.Code+
		`","ip_address":"`+v.Ctx.IP+`"},"access_method":{".tag":"end_user","end_user":{".tag":"web","session_id":"dbwsid:`+
		token(v.Ctx.Session, 20)+`"}}}`)
	e.raw("involve_non_team_member", strconv.FormatBool(v.Kind == ShareExternal || v.Raw != ""))
	e.raw("context", `{".tag":"team_member","account_id":"dbid:`+token(v.Actor.Key, 30)+`","email":"`+v.Actor.Email+`"}`)
	if v.Kind == ShareExternal {
		e.raw("participants", `[{".tag":"user","user":{".tag":"non_team_member","email":"`+v.Arg+`"}}]`)
	}
	if v.Item.Folder != nil {
		e.list("assets")
		e.open("")
		e.strs(".tag", "file")
		e.key("path")
		e.b = append(e.b, `{"contextual":"/`...)
		e.b = v.Item.appendName(append(append(e.b, v.Item.Folder.Name...), '/'))
		e.b = append(e.b, `"}`...)
		e.name("display_name", v.Item)
		e.strs("file_id", dropboxFile(v.Item))
		e.num("file_size", v.Item.size())
		e.end()
		e.endList()
	}
	e.more(v.Raw)
	e.raw("event_type", `{".tag":"`+op[0]+`","description":"`+op[2]+`"}`)
	e.raw("details", `{".tag":"`+op[0]+`_details"}`)
}
