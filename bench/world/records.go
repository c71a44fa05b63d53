package main

import (
	"strconv"
	"strings"
)

// This file writes the members of native records, vendor by vendor.

// siteOf returns the SharePoint site of a folder and the folder's path in it.
func (w *World) siteOf(f *Folder) (site, path string) {
	if f.Site != "" {
		return "https://" + w.org + ".sharepoint.com/sites/" + f.Site + "/", w.lex.library + "/" + f.Name
	}
	return "https://" + w.org + ".sharepoint.com/sites/" + strings.ReplaceAll(f.Name, " ", "-") + "/", "Shared Documents"
}

// sharepointItem describes a file or, if the index is negative, the folder itself.
func (w *World) sharepointItem(c *Context, it Item, correlation uint64, further ...string) string {
	return members(func(e *enc) {
		f := it.Folder
		site, path := w.siteOf(f)
		e.uuid("CorrelationId", mix(correlation), mix(correlation+1))
		e.strs("EventSource", "SharePoint", "SiteUrl", site, "UserAgent", c.Agent)
		e.uuid("ListId", f.ID, mix(f.ID))
		if it.Idx < 0 {
			e.strs("ItemType", "Folder", "ObjectId", site+path, "SourceRelativeUrl", path, "SourceFileName", f.Name,
				"SourceFileExtension", "")
		} else {
			e.strs("ItemType", "File", "SourceRelativeUrl", path)
			e.uuid("ListItemUniqueId", it.key(), f.ID)
			e.begin("ObjectId")
			e.b = it.appendName(append(append(append(e.b, site...), path...), '/'))
			e.quote()
			e.name("SourceFileName", it)
			e.strs("SourceFileExtension", it.ext())
		}
		if l := sensitivityLabels[f.Sensitive]; l != "" {
			e.strs("SensitivityLabelId", l)
		}
		e.strs(further...)
	})
}

// siteRecord describes a whole site.
func (w *World) siteRecord(c *Context, f *Folder, correlation uint64, further ...string) string {
	return members(func(e *enc) {
		site, _ := w.siteOf(f)
		e.uuid("CorrelationId", mix(correlation), mix(correlation+1))
		e.strs("EventSource", "SharePoint", "ItemType", "Web", "ObjectId", site, "SiteUrl", site, "Site", uuid(hashString(site)),
			"UserAgent", c.Agent)
		e.strs(further...)
	})
}

// mailboxRead describes the reading of n messages in a mailbox. logon is the logon type:
// 0 for the owner, 2 for a delegate.
func (w *World) mailboxRead(c *Context, owner *Actor, logon, n int, id uint64) string {
	return members(func(e *enc) {
		e.strs("ResultStatus", "Succeeded", "ClientIPAddress", c.IP, "ClientInfoString", "Client=OWA;Action=ViaProxy",
			"MailboxOwnerUPN", owner.Email, "MailboxGuid", uuid(owner.Key, 3), "SessionId", uuid(c.Session), "OrganizationName",
			w.org+".onmicrosoft.com", "OriginatingServer", "PA4PR01MB2222 (15.20.9000.010)")
		e.num("LogonType", int64(logon))
		e.num("InternalLogonType", 0)
		e.raw("ExternalAccess", "false")
		e.num("OperationCount", int64(n))
		access := "Bind"
		if id%11 == 0 {
			access = "Sync"
		}
		e.raw("OperationProperties", `[{"Name":"MailAccessType","Value":"`+access+`"},{"Name":"IsThrottled","Value":"False"}]`)
		e.raw("Folders", `[{"Id":"LgAAAB`+token(id, 8)+`","Path":"\\Inbox","FolderItems":[{"InternetMessageId":"<`+token(id+1, 20)+
			`@`+w.domain+`>","SizeInBytes":`+strconv.FormatUint(3000+id%120000, 10)+`}]}]`)
	})
}

func cmdlet(object string, kv ...string) string {
	return members(func(e *enc) {
		e.strs("ResultStatus", "True", "ObjectId", object, "OriginatingServer", "PA4PR01MB2222 (15.20.9000.010)")
		e.raw("ExternalAccess", "false")
		e.list("Parameters")
		for i := 0; i+1 < len(kv); i += 2 {
			e.open("")
			e.strs("Name", kv[i], "Value", kv[i+1])
			e.end()
		}
		e.endList()
	})
}

// discovery describes a step of a content search.
func discovery(name string) string {
	return members(func(e *enc) {
		e.strs("ObjectId", name, "ObjectType", "ComplianceSearch", "Case", name, "ExchangeLocations", "All", "SharepointLocations",
			"All", "Query", "(c:c)(date=2025-01-01..2026-12-31)", "ResultStatus", "Success")
	})
}

// copilot describes an answer that drew on files.
func (w *World) copilot(items []Item, id uint64) string {
	return members(func(e *enc) {
		e.open("CopilotEventData")
		e.strs("AppHost", []string{"BizChat", "Teams", "Word", "Office"}[id%4], "ThreadId", "19:"+token(id, 20)+"@thread.v2")
		e.list("Contexts")
		e.endList()
		e.list("AccessedResources")
		for _, it := range items {
			site, path := w.siteOf(it.Folder)
			e.open("")
			e.strs("Action", "Read", "ID", uuid(it.key()), "Type", it.ext())
			e.name("Name", it)
			e.begin("SiteUrl")
			e.b = it.appendName(append(append(append(e.b, site...), path...), '/'))
			e.quote()
			if l := sensitivityLabels[it.Folder.Sensitive]; l != "" {
				e.strs("SensitivityLabelId", l)
			}
			e.end()
		}
		e.endList()
		e.raw("Messages", `[{"Id":"1","isPrompt":true},{"Id":"2","isPrompt":false}]`)
		e.end()
	})
}

// endpoint describes what the agent on a managed computer saw happen to a file.
func (w *World) endpoint(a *Actor, d *Device, it Item, further ...string) string {
	return members(func(e *enc) {
		e.begin("ObjectId")
		e.b = it.appendName(append(e.b, `C:\\Users\\`+a.local()+`\\Documents\\`+it.Folder.Name+`\\`...))
		e.quote()
		e.strs("DeviceName", "pc-"+strings.ToLower(token(d.ID, 6))+"."+w.domain, "MDATPDeviceId", token(d.ID, 24), "FileExtension",
			it.ext(), "Application", "explorer.exe", "Platform", "Windows", "Sha256", token(it.key(), 32))
		e.num("FileSize", it.size())
		e.num("EnforcementMode", 1)
		e.raw("Hidden", "false")
		if l := sensitivityLabels[it.Folder.Sensitive]; l != "" {
			e.raw("SensitivityLabelEventData", `{"SensitivityLabelId":"`+l+`"}`)
		}
		for i := 0; i+1 < len(further); i += 2 {
			if v := further[i+1]; v[0] == '{' {
				e.raw(further[i], v)
			} else {
				e.strs(further[i], v)
			}
		}
	})
}

func (w *World) powerBI(f *Folder, report string) string {
	return members(func(e *enc) {
		e.strs("Activity", "ExportReport", "ItemName", report, "WorkSpaceName", f.Name, "DatasetName", report, "ReportName", report,
			"WorkspaceId", uuid(f.ID), "ReportId", uuid(hashString(report)), "ReportType", "PowerBIReport", "ConsumptionMethod",
			"Power BI Web")
		e.raw("IsSuccess", "true")
		e.raw("ExportedArtifactInfo", `{"ExportType":"XLSX","ArtifactType":"Report"}`)
	})
}

// strongFailed describes a sign-in with the right password that failed the second factor.
func strongFailed(c *Context) string {
	return members(func(e *enc) {
		e.strs("ResultStatus", "Success", "ObjectId", "00000003-0000-0000-c000-000000000000", "LogonError",
			"AuthenticationFailedSasError", "ErrorNumber", "500121", "ActorIpAddress", c.IP)
		e.num("AzureActiveDirectoryEventType", 1)
		e.raw("ExtendedProperties", `[{"Name":"ResultStatusDetail","Value":"Success"},{"Name":"UserAgent","Value":"`+c.Agent+
			`"},{"Name":"RequestType","Value":"SAS:ProcessAuth"}]`)
		e.raw("DeviceProperties", `[{"Name":"OS","Value":"`+c.Device.OS+`"},{"Name":"SessionId","Value":"`+uuid(c.Session)+`"}]`)
	})
}

// params encodes names and values as Google's parameters.
func params(kv ...string) string {
	e := &enc{b: []byte{'['}}
	for i := 0; i+1 < len(kv); i += 2 {
		e.open("")
		e.strs("name", kv[i], "value", kv[i+1])
		e.end()
	}
	return string(e.b[1:])
}

// driveItem describes a file or, if the index is negative, the folder itself.
func driveItem(it Item, visibility string, further ...string) string {
	f, id, title, typ := it.Folder, "", "", ""
	if it.Idx < 0 {
		id, title, typ = "0B"+token(it.Folder.ID, 26), f.Name, "folder"
	} else {
		id, title, typ = "1"+token(it.key(), 32), string(it.appendName(nil)), googleTypes[it.ext()]
	}
	list := append([]string{"doc_id", id, "doc_type", typ, "doc_title", title, "visibility", visibility, "originating_app_id",
		"691301496089", "owner", f.Name, "team_drive_id", "0A" + token(f.ID, 17), "shared_drive_id", "0A" + token(f.ID, 17)}, further...)
	return `{"name":"primary_event","boolValue":true},{"name":"billable","boolValue":true},{"name":"owner_is_shared_drive",` +
		`"boolValue":true},{"name":"owner_is_team_drive","boolValue":true},` + params(list...)
}

func boxUser(id, name, login string) string {
	return `{"type":"user","id":"` + id + `","name":"` + name + `","login":"` + login + `"}`
}

// boxFolder describes an invitation to a folder or, without a role, a link to it.
func (w *World) boxFolder(f *Folder, to, role string) string {
	return members(func(e *enc) {
		folder := strconv.FormatUint(f.ID%1e12, 10)
		owner := boxUser(w.services[0].BoxID, w.lex.depts[f.Dept], "files@"+w.domain)
		e.open("source")
		if role == "" {
			e.strs("item_type", "folder", "item_id", folder, "item_name", f.Name)
			e.raw("shared_link", `{"access":"open","url":"https://`+w.org+`.app.box.com/s/`+token(f.ID, 24)+`"}`)
		} else {
			e.strs("folder_id", folder, "folder_name", f.Name, "user_id", strconv.FormatUint(hashString(to)%1e11, 10), "user_name",
				strings.Split(to, "@")[0])
		}
		if f.Sensitive > 0 {
			e.strs("classification", []string{"", "Confidential", "Highly Confidential"}[f.Sensitive])
		}
		e.raw("parent", `{"type":"folder","name":"All Files","id":"0"}`)
		e.raw("owned_by", owner)
		e.end()
		if role == "" {
			e.raw("additional_details", `{"shared_link_id":"`+token(f.ID, 24)+`","access":"open","service_name":"Box Web Application"}`)
			return
		}
		e.raw("accessible_by", boxUser(strconv.FormatUint(hashString(to)%1e11, 10), strings.Split(to, "@")[0], to))
		e.raw("additional_details", `{"type":"collaboration","role":"`+role+`","is_performed_by_admin":false}`)
	})
}

// dropboxFolder describes the sharing of a folder with an outsider.
func dropboxFolder(f *Folder, to string) string {
	return members(func(e *enc) {
		e.raw("participants", `[{".tag":"user","user":{".tag":"non_team_member","account_id":"dbid:`+token(hashString(to), 30)+
			`","display_name":"`+strings.Split(to, "@")[0]+`","email":"`+to+`"}}]`)
		e.raw("assets", `[{".tag":"folder","path":{"contextual":"/`+f.Name+`","namespace_relative":{"ns_id":"`+
			strconv.FormatUint(f.ID%1e10, 10)+`","relative_path":"/"}},"display_name":"`+f.Name+`"}]`)
	})
}

func oktaUser(mail string) string {
	return `{"id":"00u` + token(hashString(mail), 17) + `","type":"User","alternateId":"` + mail + `","displayName":"` + mail + `"}`
}

func oktaApp(app, mail string) string {
	return `{"id":"0ua` + token(hashString(app+mail), 17) + `","type":"AppUser","alternateId":"` + mail + `","displayName":"` +
		mail + `"},{"id":"0oa` + token(hashString(app), 17) + `","type":"AppInstance","alternateId":"` + app + `","displayName":"` +
		app + `"},` + oktaUser(mail)
}

func (w *World) slackWorkspace(details string) string {
	team := "T" + strings.ToUpper(token(w.Seed, 8))
	return `"entity":{"type":"workspace","workspace":{"id":"` + team + `","name":"` + w.org + `","domain":"` + w.org +
		`"}},"details":{` + details + `}`
}

func slackChannel(name string) string {
	return `"entity":{"type":"channel","channel":{"id":"C` + strings.ToUpper(token(hashString(name), 9)) + `","name":"` + name +
		`","privacy":"public","is_shared":false}}`
}

// repository describes an action on a GitHub repository, with further members.
func (w *World) repository(f *Folder, agent string, kv ...string) string {
	return members(func(e *enc) {
		repo := w.org + "/" + f.Name
		e.strs("repo", repo, "repository", repo, "visibility", map[bool]string{true: "public", false: "private"}[f.Public],
			"user_agent", agent)
		e.strs(kv...)
	})
}

// byToken describes a clone that was authenticated by a personal access token.
func (w *World) byToken(f *Folder, key uint64, agent string) string {
	return members(func(e *enc) {
		repo := w.org + "/" + f.Name
		e.strs("repo", repo, "repository", repo)
		e.raw("repository_public", strconv.FormatBool(f.Public))
		e.num("transport_protocol", 1)
		e.strs("transport_protocol_name", "http", "user_agent", agent, "programmatic_access_type",
			"Fine-grained personal access token", "hashed_token", token(key, 30)+"=")
	})
}

// bucketFor is the API call that lets another account read a bucket, or replicates it there.
func bucketFor(f *Folder, account, ours string, replicate bool) (api, raw string) {
	host := `"Host":"` + f.Name + `.s3.amazonaws.com","bucketName":"` + f.Name + `"`
	if replicate {
		return "PutBucketReplication", `{"replication":"",` + host + `,"ReplicationConfiguration":{"Role":"arn:aws:iam::` + ours +
			`:role/replication","Rule":{"ID":"all","Status":"Enabled","Priority":1,"Filter":{"Prefix":""},` +
			`"DeleteMarkerReplication":{"Status":"Disabled"},"Destination":{"Bucket":"arn:aws:s3:::` + f.Name +
			`-copy","Account":"` + account + `"}}}}` + "\nnull"
	}
	return "PutBucketPolicy", `{"policy":"",` + host +
		`,"bucketPolicy":{"Version":"2012-10-17","Statement":[{"Sid":"Shared","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` +
		account + `:root"},"Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::` + f.Name + `","arn:aws:s3:::` +
		f.Name + `/*"]}]}}` + "\nnull"
}

func secretRead(name string) string {
	return `{"secretId":"` + name + `"}` + "\nnull"
}

func newKey(user, key string) string {
	return `{"userName":"` + user + `"}` + "\n" + `{"accessKey":{"userName":"` + user + `","status":"Active","accessKeyId":"` +
		key + `","createDate":"Feb 2, 2026 8:14:37 AM"}}`
}

func snapshotFor(id, account string) string {
	return `{"snapshotId":"snap-0` + id + `","createVolumePermission":{"add":{"items":[{"userId":"` + account +
		`"}]}},"attributeType":"CREATE_VOLUME_PERMISSION"}` + "\n" + `{"_return":true}`
}

// setupRow is a row of Salesforce's SetupAuditTrail. The encoder replaces $id
// and $at with the identifier and the time of the event.
func setupRow(a *Actor, action, section, display string) string {
	return `"attributes":{"type":"SetupAuditTrail","url":"/services/data/v63.0/sobjects/SetupAuditTrail/$id"},` +
		`"Id":"$id","Action":"` + action + `","Section":"` + section + `","Display":"` + display +
		`","CreatedDate":"$at","CreatedById":"` + a.SFID18 + `","CreatedBy":{"attributes":{"type":"User"},` +
		`"Username":"` + a.Email + `","Email":"` + a.Email + `"},"DelegateUser":null`
}
