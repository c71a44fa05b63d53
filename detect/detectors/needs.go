package detectors

import (
	"github.com/outflow/outflow/internal/event"

	"github.com/outflow/outflow/detect"
)

// labels stands for anything that carries a sensitivity label, or changes one.
var labels = []event.Class{event.LabelChange}

// need is a part of a source's log that arrives if events of some classes do, and what is missing
// if none does.
func need(s event.Source, missing string, classes ...event.Class) detect.Need {
	return detect.Need{Source: s, Classes: classes, Missing: missing}
}

// anyOf is any part of a source's log.
func anyOf(s event.Source) detect.Need { return detect.Need{Source: s} }

// The parts of audit logs that detectors see through. Which licence they require is documented on the
// vendors' pages in docs/sources.
var (
	fileWork = []event.Class{event.View, event.Edit, event.Upload, event.Download, event.Delete, event.Rename, event.Copy, event.Sync,
		event.Print}

	boxFiles     = need(event.Box, "file events: the enterprise events stream (admin_logs) rather than a user's own", fileWork...)
	m365Files    = need(event.M365, "the content type Audit.SharePoint (unified audit log on)", fileWork...)
	m365Exchange = need(event.M365, "the content type Audit.Exchange", event.MailRule, event.PermissionGrant, event.AdminGrant)
	m365Entra    = need(event.M365, "the content type Audit.AzureActiveDirectory",
		event.LoginSuccess, event.LoginFailure, event.AdminGrant, event.TokenGrant, event.MFADisabled)
	m365MailReads = need(event.M365, "MailItemsAccessed in the content type Audit.Exchange (E5, or Audit (Premium))", event.MailRead)
	m365Endpoint  = need(event.M365, "endpoint data loss prevention (devices onboarded to Microsoft Purview)", event.DeviceCopy)
	m365Assistant = need(event.M365, "CopilotInteraction in the content type Audit.General (or nobody has used Copilot)",
		event.Assistant)
	m365Reports = need(event.M365, "Power BI in the content type Audit.General (or nobody has exported a report)",
		event.ReportRun, event.Export)
	driveFiles  = need(event.GoogleWorkspace, "the application drive (Drive log events: Business Standard or above)", fileWork...)
	googleLogin = need(event.GoogleWorkspace, "the application login", event.LoginSuccess, event.LoginFailure)
	googleAdmin = need(event.GoogleWorkspace, "the application admin",
		event.AdminGrant, event.AdminRevoke, event.ConfigChange, event.Offboard)
	googleChat   = need(event.GoogleWorkspace, "the application chat", event.MembershipAdd, event.Download)
	googleStudio = need(event.GoogleWorkspace, "the application data_studio (or nobody has used it)", event.ReportRun, event.Export)
	googleToken  = need(event.GoogleWorkspace, "the application token", event.TokenGrant, event.TokenRevoke)
	googleUsers  = need(event.GoogleWorkspace, "the application user_accounts (or nobody has changed a factor or a forwarding)",
		event.MailRule, event.MFADisabled, event.MFAEnabled)
	takeouts     = need(event.GoogleWorkspace, "the application takeout (or nobody has made one)", event.Export)
	dropboxFiles = need(event.Dropbox, "file events: Dropbox Business Advanced or above", fileWork...)
	slackFiles   = need(event.Slack, "audit logs of Slack Enterprise Grid", event.Download, event.Upload, event.ShareUser)
	slackAny     = anyOf(event.Slack)
	crmEvents    = need(event.Salesforce, "Event Monitoring (Salesforce Shield or the add-on): "+
		"without it only Login and set-up data are logged",
		event.ReportRun, event.Export, event.Query, event.View)
	crmLogin  = need(event.Salesforce, "the Login event log file or LoginHistory", event.LoginSuccess, event.LoginFailure)
	s3Data    = need(event.CloudTrail, "S3 data events of the trail (object-level logging)", event.Download, event.List)
	awsManage = need(event.CloudTrail, "management events of the trail",
		event.CloudRead, event.CloudChange, event.PolicyChange, event.NetworkOpen, event.AdminGrant, event.AppAccess)
	gitEvents = need(event.GitHub, "Git events: GitHub Enterprise Cloud with include=git or audit log streaming",
		event.Clone, event.Fetch, event.Push)
	githubAny    = anyOf(event.GitHub)
	oktaAny      = anyOf(event.Okta)
	boxAny       = anyOf(event.Box)
	dropboxAny   = anyOf(event.Dropbox)
	atlassianAny = anyOf(event.Atlassian)
	zoomAny      = anyOf(event.Zoom)
	snowflakeAny = anyOf(event.Snowflake)
	anthropicAny = anyOf(event.Anthropic)
	openAIAny    = anyOf(event.OpenAI)
	leaversFile  = need(event.HR, "a file of leavers (leavers.csv: EmailAddress, ResignationDate, LastWorkingDate)", event.Notice)

	boxShield   = need(event.Box, "Box Shield (or it has reported nothing)", event.VendorAlert)
	m365Alerts  = need(event.M365, "the content types DLP.All and Audit.General (or they have reported nothing)", event.VendorAlert)
	crmAlerts   = need(event.Salesforce, "Threat Detection (Salesforce Shield) (or it has reported nothing)", event.VendorAlert)
	slackAlerts = need(event.Slack, "anomaly events of Slack Enterprise Grid (or there were none)", event.VendorAlert)

	m365Labels   = need(event.M365, "sensitivity labels (Microsoft Purview Information Protection)", labels...)
	googleLabels = need(event.GoogleWorkspace, "Drive labels (Business Standard or above)", labels...)
	boxLabels    = need(event.Box, "classification (Box Governance or Shield)", labels...)

	fileStores = []detect.Need{boxFiles, m365Files, driveFiles, dropboxFiles}
	signIns    = []detect.Need{
		oktaAny, m365Entra, googleLogin, slackAny, crmLogin, awsManage, boxAny, dropboxAny, atlassianAny, zoomAny, snowflakeAny,
		anthropicAny, openAIAny,
	}
	management = []detect.Need{
		oktaAny, m365Entra, googleAdmin, slackAny, githubAny, boxAny, dropboxAny, awsManage, atlassianAny, zoomAny, snowflakeAny,
		anthropicAny, openAIAny,
	}
)
