package m365

import (
	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// workloadFields holds the fields of a record that only some workloads write: Exchange's reading
// of mail, endpoints, Copilot, Power BI and the newer sharing operations.
type workloadFields struct {
	folders, mailItem, copilot, removable, sharing                          []byte
	logonType, clientInfo, mailboxGUID                                      string
	linkScope, eventData                                                    string
	deviceName, targetDomain, targetPath, printer, application, enforcing   string
	workspace, itemName, artifact, report, dataset, dashboard, artifactKind string
	action, country, displayName                                            string // of Entra ID's own schema
	silent                                                                  bool   // the person was not there
	artifactID, reportID, datasetID, dashboardID, dataflowID, succeeded     string
	exchange, sharePoint, publicFolders                                     string // where a search looks
}

// scan reads a field, or skips it.
func (f *workloadFields) scan(s *jsonscan.Scanner) {
	if raw := f.list(string(s.Key)); raw != nil {
		*raw = s.Raw()
	} else if text := f.text(string(s.Key)); text != nil {
		if t := s.Text(); t != "" {
			*text = t
		}
	} else {
		s.Skip()
	}
}

// list returns where a field is kept that is an object or a list, or nil.
func (f *workloadFields) list(key string) *[]byte {
	switch key {
	case "Folders":
		return &f.folders
	case "Item":
		return &f.mailItem
	case "CopilotEventData":
		return &f.copilot
	case "RemovableMediaDeviceAttributes":
		return &f.removable
	case "SharingInformation":
		return &f.sharing
	}
	return nil
}

// text returns where a field is kept that is a text, or nil.
func (f *workloadFields) text(key string) *string {
	switch key {
	case "LogonType", "Logon_Type":
		return &f.logonType
	case "ClientInfoString":
		return &f.clientInfo
	case "MailboxGuid":
		return &f.mailboxGUID
	case "SharingLinkScope":
		return &f.linkScope
	case "EventData", "Event_Data":
		return &f.eventData
	case "DeviceName":
		return &f.deviceName
	case "TargetDomain":
		return &f.targetDomain
	case "TargetFilePath":
		return &f.targetPath
	case "TargetPrinterName":
		return &f.printer
	case "Application":
		return &f.application
	case "EnforcementMode":
		return &f.enforcing
	case "ExchangeLocations":
		return &f.exchange
	case "SharepointLocations":
		return &f.sharePoint
	case "PublicFolderLocations":
		return &f.publicFolders
	}
	return f.powerBI(key)
}

// meaning returns what the operation of the record means. Endpoints use some names of SharePoint
// for files of their own.
func (r *record) meaning() operation {
	if r.workload == "Endpoint" || r.recordType == dlpEndpoint {
		if op, known := onDevices[r.operation]; known {
			return op
		}
	}
	return lookup(r.operation)
}

const dlpEndpoint = 63 // RecordType

// workloads are the operations of sharing, of reading mail, of Copilot, Power BI and eDiscovery.
var workloads = map[string]operation{
	"MailItemsAccessed": {event.MailRead, mailAccess},
	"MessageBind":       {event.MailRead, mailAccess},
	"FolderBind":        {event.MailRead, mailAccess},

	"AnonymousLinkCreated":       {event.ShareLink, anyoneLink},
	"AnonymousLinkUpdated":       {event.ShareLink, anyoneLink},
	"AnonymousLinkRemoved":       {event.Unshare, nil},
	"AnonymousLinkDeleted":       {event.Unshare, nil},
	"AnonymousLinkUsed":          {event.View, anonymous},
	"CompanyLinkCreated":         {event.ShareLink, companyLink},
	"CompanyLinkUpdated":         {event.ShareLink, companyLink},
	"CompanyLinkUsed":            {event.View, nil},
	"CompanyLinkRemoved":         {event.Unshare, nil},
	"CompanyLinkDeleted":         {event.Unshare, nil},
	"SecureLinkCreated":          {event.PermissionGrant, nil},
	"SecureLinkUpdated":          {event.PermissionGrant, nil},
	"SecureLinkUsed":             {event.View, nil},
	"SecureLinkDeleted":          {event.Unshare, nil},
	"SecureLinkRemoved":          {event.Unshare, nil},
	"AddedToSecureLink":          {event.ShareUser, shared},
	"RemovedFromSecureLink":      {event.Unshare, nil},
	"SharingLinkCreated":         {event.ShareLink, scopedLink},
	"SharingLinkUpdated":         {event.ShareLink, scopedLink},
	"SharingLinkUsed":            {event.View, linkUsed},
	"SharingLinkDeleted":         {event.Unshare, nil},
	"SharingLinkRemoved":         {event.Unshare, nil},
	"AddedToSharingLink":         {event.ShareUser, shared},
	"RemovedFromSharingLink":     {event.Unshare, nil},
	"SharingSet":                 {event.ShareUser, shared},
	"SharingRevoked":             {event.Unshare, nil},
	"SharingInvitationCreated":   {event.ShareUser, invited},
	"SharingInvitationUpdated":   {event.ShareUser, invited},
	"SharingInvitationAccepted":  {event.AppAccess, nil},
	"SharingInvitationBlocked":   {event.ShareUser, blockedInvitation},
	"SharingInvitationRevoked":   {event.Unshare, nil},
	"SharingInvitationDeleted":   {event.Unshare, nil},
	"SharingInheritanceBroken":   {event.PermissionGrant, nil},
	"SharingInheritanceReset":    {event.PermissionGrant, nil},
	"PermissionLevelAdded":       {event.PermissionGrant, nil},
	"PermissionLevelModified":    {event.PermissionGrant, nil},
	"PermissionLevelRemoved":     {event.PermissionGrant, nil},
	"PermissionTemplateModified": {event.PermissionGrant, nil},
	"AccessRequestCreated":       {event.PermissionGrant, asked},
	"AccessRequestUpdated":       {event.PermissionGrant, asked},
	"AccessRequestDenied":        {event.PermissionGrant, asked},
	"AccessRequestRejected":      {event.PermissionGrant, asked},
	"AccessRequestAccepted":      {event.ShareUser, shared},
	"AccessRequestApproved":      {event.ShareUser, shared},
	"AccessInvitationCreated":    {event.ShareUser, invited},
	"AccessInvitationUpdated":    {event.ShareUser, invited},
	"AccessInvitationAccepted":   {event.AppAccess, nil},
	"AccessInvitationExpired":    {event.Unshare, nil},
	"AccessInvitationRevoked":    {event.Unshare, nil},

	"CopilotInteraction":        {event.Assistant, copilot},
	"ConnectedAIAppInteraction": {event.Assistant, copilot},
	"AIAppInteraction":          {event.Assistant, copilot},
	"TeamCopilotInteraction":    {event.Assistant, copilot},

	"ExportReport":                  {event.Export, biExport},
	"ExportArtifact":                {event.Export, biExport},
	"ExportArtifactDownload":        {event.Export, biExport},
	"ExportDataflow":                {event.Export, biExport},
	"ExportTile":                    {event.Export, biExport},
	"DownloadReport":                {event.Export, biExport},
	"DownloadDataset":               {event.Export, biExport},
	"DownloadDataflow":              {event.Export, biExport},
	"PrintReport":                   {event.Export, biExport},
	"PrintReportPage":               {event.Export, biExport},
	"PrintDashboard":                {event.Export, biExport},
	"AnalyzeInExcel":                {event.Export, biExport},
	"AnalyzedByExternalApplication": {event.Export, biExport},
	"RunEmailSubscription":          {event.ReportRun, biItem},
	"ViewReport":                    {event.ReportRun, biItem},
	"ViewDashboard":                 {event.ReportRun, biItem},
	"ViewTile":                      {event.ReportRun, biItem},
	"ViewDataflow":                  {event.ReportRun, biItem},
	"ViewMetadata":                  {event.ReportRun, biItem},
	"ViewUsageMetrics":              {event.ReportRun, biItem},
	"ShareReport":                   {event.ShareUser, biShare},
	"ShareDashboard":                {event.ShareUser, biShare},
	"ShareDataset":                  {event.ShareUser, biShare},
	"ShareTile":                     {event.ShareUser, biShare},
	"PublishToWebReport":            {event.ShareLink, biPublished},
	"CreateEmailSubscription":       {event.ShareUser, biShare},
	"EditReport":                    {event.Edit, biItem},
	"CreateReport":                  {event.Edit, biItem},
	"DeleteReport":                  {event.Edit, biItem},
	"DeleteDashboard":               {event.Edit, biItem},
	"DeleteDataset":                 {event.Edit, biItem},
	"RenameReport":                  {event.Rename, biItem},
	"CopyReport":                    {event.Edit, biItem},
	"RefreshDataset":                {event.Derived, biItem},
	"ExportActivityEvents":          {event.CloudRead, nil},

	riskDetected: {event.VendorAlert, atRisk},

	"MessagesExported":       {event.Export, conversations},
	"MessagesListed":         {event.List, conversations},
	"MessagesRead":           {event.View, conversations},
	"TranscriptsExported":    {event.Export, conversations},
	"RecordingExported":      {event.Export, conversations},
	"SearchExported":         {event.Export, discovery},
	"SearchExportDownloaded": {event.Export, discovery},
	"SearchPreviewed":        {event.List, discovery},
	"ExportJob":              {event.Export, discovery},
	"ExportStarted":          {event.Export, discovery},
	"DownloadDocument":       {event.Export, discovery},
	"ReportExported":         {event.Export, nil},
	"AeDExport":              {event.Export, discovery},
}

// atRisk is a detection of Entra ID Protection.
func atRisk(r *record, e *event.Event, out *ingest.Sink) {
	out.Attr(event.AttrReason, r.logonError)
	rated(r, e, out)
}

// asked is access that was asked for, and not given by this.
func asked(_ *record, e *event.Event, _ *ingest.Sink) { e.Outcome = event.Denied }

// conversations are messages of chats and channels that an application fetched.
func conversations(_ *record, e *event.Event, _ *ingest.Sink) {
	if e.Object.Type == "" {
		e.Object.Type = "conversation"
	}
}
