package main

import "strings"

// A native record is one that no Kind describes. Arg is the vendor's name of the
// operation; Raw holds the members other than who, when and from where. The helpers in
// this file and in records.go write Raw while a story is planned.

// more appends members that are already encoded.
func (e *enc) more(raw string) {
	if raw != "" {
		e.sep()
		e.b = append(e.b, raw...)
	}
}

// members returns the members that fill writes.
func members(fill func(e *enc)) string {
	e := &enc{b: []byte{'{'}}
	fill(e)
	return string(e.b[1:])
}

const (
	setupTrail = "SetupAuditTrail" // a table of Salesforce, not an event log file
	oktaPush   = "push"
)

// m365Natives maps an operation to its record type, content type and workload.
var m365Natives = map[string]struct {
	record            int64
	content, workload string
}{
	"FileCopied":                 {6, "Audit.SharePoint", "SharePoint"},
	"AnonymousLinkCreated":       {14, "Audit.SharePoint", "SharePoint"},
	"SharingLinkCreated":         {14, "Audit.SharePoint", "SharePoint"},
	"AddedToSharingLink":         {14, "Audit.SharePoint", "SharePoint"},
	"SecureLinkCreated":          {14, "Audit.SharePoint", "SharePoint"},
	"AddedToSecureLink":          {14, "Audit.SharePoint", "SharePoint"},
	"SiteCollectionAdminAdded":   {14, "Audit.SharePoint", "SharePoint"},
	"Add-MailboxPermission":      {1, "Audit.Exchange", "Exchange"},
	"MailItemsAccessed":          {50, "Audit.Exchange", "Exchange"},
	"UserLoginFailed":            {15, "Audit.AzureActiveDirectory", "AzureActiveDirectory"},
	"CaseAdded":                  {24, "Audit.General", "SecurityComplianceCenter"},
	"SearchCreated":              {24, "Audit.General", "SecurityComplianceCenter"},
	"SearchStarted":              {24, "Audit.General", "SecurityComplianceCenter"},
	"SearchExported":             {24, "Audit.General", "SecurityComplianceCenter"},
	"SearchExportDownloaded":     {24, "Audit.General", "SecurityComplianceCenter"},
	"CopilotInteraction":         {261, "Audit.General", "Copilot"},
	"FileCopiedToRemovableMedia": {63, "Audit.General", "Endpoint"},
	"FileUploadedToCloud":        {63, "Audit.General", "Endpoint"},
	"ViewReport":                 {20, "Audit.General", "PowerBI"},
	"ExportReport":               {20, "Audit.General", "PowerBI"},
}

func (w *World) m365Native(e *enc, v *Event) {
	n := m365Natives[v.Arg]
	e.time("CreationTime", v.At, "2006-01-02T15:04:05")
	e.uuid("Id", v.ID[0], v.ID[1])
	e.strs("Operation", v.Arg, "OrganizationId", uuid(w.Seed, 5))
	e.num("RecordType", n.record)
	e.strs("UserKey", v.Actor.Profile[:16])
	e.num("UserType", 0)
	e.num("Version", 1)
	e.strs("Workload", n.workload, "UserId", v.Actor.Email)
	if v.Arg != "MailItemsAccessed" { // it has ClientIPAddress instead
		e.strs("ClientIP", v.Ctx.IP)
	}
	e.more(v.Raw)
}

// googleNatives maps an event to its application and type.
var googleNatives = map[string]struct{ app, typ string }{
	"copy": {"drive", "access"}, "source_copy": {"drive", "access"},
	"change_document_access_scope": {"drive", "acl_change"}, "change_document_visibility": {"drive", "acl_change"},
	"change_document_visibility_hierarchy_reconciled": {"drive", "acl_change"},
	"shared_drive_membership_change":                  {"drive", "acl_change"},
	"CUSTOMER_TAKEOUT_CREATED":                        {"admin", "CUSTOMER_TAKEOUT"},
	"CUSTOMER_TAKEOUT_SUCCEEDED":                      {"admin", "CUSTOMER_TAKEOUT"},
	"AUTHORIZE_API_CLIENT_ACCESS":                     {"admin", "DOMAIN_SETTINGS"},
	"STARTED_USER_TAKEOUT":                            {"takeout", "USER_TAKEOUT"}, "COMPLETED_USER_TAKEOUT": {"takeout", "USER_TAKEOUT"},
	"create_matter": {"vault", "user_action"}, "create_export": {"vault", "user_action"}, "download_export": {"vault", "user_action"},
}

var oktaNatives = map[string][3]string{
	"application.user_membership.add":     {"application.user_membership.add", "Add user to application membership", "SUCCESS"},
	"system.push.send_factor_verify_push": {"system.push.send_factor_verify_push", "Send push to verify", "SUCCESS"},
	oktaPush + " refused":                 {"user.authentication.auth_via_mfa", "Authentication of user via MFA", "FAILURE"},
	oktaPush + " accepted":                {"user.authentication.auth_via_mfa", "Authentication of user via MFA", "SUCCESS"},
}

var dropboxNatives = map[string][3]string{
	"shared_content_add_member": {"shared_content_add_member", "sharing", "Added users and/or groups to shared file/folder"},
	"shared_folder_create":      {"shared_folder_create", "sharing", "Created shared folder"},
}

// snowflake encodes a row of QUERY_HISTORY or LOGIN_HISTORY.
func (w *World) snowflake(e *enc, v *Event) {
	const layout = "2006-01-02 15:04:05.000000000"
	if v.Arg == "LOGIN" {
		e.strs("EVENT_ID", eventRef(v))
		e.time("EVENT_TIMESTAMP", v.At, layout)
		e.strs("EVENT_TYPE", "LOGIN", "USER_NAME", snowName(v.Actor), "CLIENT_IP", v.Ctx.IP, "REPORTED_CLIENT_TYPE",
			[]string{"SNOWFLAKE_UI", "JDBC_DRIVER", "PYTHON_DRIVER"}[v.Ctx.Session%3], "REPORTED_CLIENT_VERSION", "3.22.0",
			"FIRST_AUTHENTICATION_FACTOR", "SAML_ASSERTION", "IS_SUCCESS", "YES", "RELATED_EVENT_ID", "0")
		return
	}
	e.strs("QUERY_ID", eventRef(v), "QUERY_TYPE", v.Arg, "QUERY_TEXT", v.Raw, "USER_NAME", snowName(v.Actor), "ROLE_NAME",
		[]string{"ANALYST", "REPORTER", "ENGINEER"}[v.Actor.Key%3], "WAREHOUSE_NAME", "COMPUTE_"+token(w.Seed, 2),
		"EXECUTION_STATUS", "SUCCESS")
	e.time("START_TIME", v.At-4000, layout)
	e.time("END_TIME", v.At, layout)
	e.num("ROWS_PRODUCED", v.N)
	if v.Arg == "UNLOAD" {
		e.num("ROWS_UNLOADED", v.N)
	}
	e.num("BYTES_WRITTEN_TO_RESULT", v.N*170)
	e.num("SESSION_ID", int64(v.Ctx.Session>>20))
}

func snowName(a *Actor) string { return strings.ToUpper(a.Email) }
