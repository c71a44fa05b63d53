// Package salesforce decodes Salesforce event monitoring (EventLogFile CSVs, the same rows as
// JSON, and stored real-time events), the setup audit trail and the login history. It is also
// their source. Facts about the formats: docs/sources/salesforce.md.
package salesforce

import (
	"cmp"
	"strings"
	"sync"

	"github.com/cespare/xxhash/v2"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
	"github.com/outflow/outflow/internal/plain"
)

// Formats are the JSON shapes of Salesforce events.
var Formats = []*ingest.Format{
	{
		Name: "salesforce_event_log_json",
		Match: func(k ingest.Keys) bool {
			return k.Has("EVENT_TYPE") && (k.Has("TIMESTAMP") || k.Has("TIMESTAMP_DERIVED"))
		},
		Decode: decodeRow,
	},
	{
		Name:   "salesforce_event",
		Match:  func(k ingest.Keys) bool { return k.Has("EventIdentifier", "EventDate") },
		Decode: decodeEvent,
	},
	{
		Name:   "salesforce_setup_audit_trail",
		Match:  func(k ingest.Keys) bool { return k.Has("Action", "Section", "Display", "CreatedDate") },
		Decode: decodeSetup,
	},
	{
		Name:   "salesforce_login_history",
		Match:  func(k ingest.Keys) bool { return k.Has("LoginTime", "SourceIp", "UserId", "Status") },
		Decode: decodeLogin,
	},
}

// Tables are the delimited shapes of Salesforce events.
var Tables = []*ingest.Table{{
	Name: "salesforce_event_log_file",
	Match: func(h ingest.Header) bool {
		return h.Has("eventtype", "timestamp") && (h.Has("userid") || h.Has("requestid")) && !h.Has("displaymessage")
	},
	Bind: bind,
}, setupRows, loginRows, eventRows, setupPage, loginPage}

// The columns that are read. The key of a row is made from the first ones, so that an event in
// an hourly and a daily file, or a repeated row, counts once. REQUEST_ID alone is the same in all
// rows of a request.
const (
	eventType = iota
	timestamp
	requestID
	userID
	uri
	sessionKey
	rowCount
	rowsProcessed
	recordsProcessed
	numberOfRecords
	reportID
	uriID
	documentID
	versionID
	jobID
	batchID
	jobStatus
	entityName
	entityType
	methodName
	sizeBytes
	transactionType
	loginStatus
	query
	identifying // number of columns in the key

	timestampDerived = iota - 1
	userIDDerived
	reportIDDerived
	documentIDDerived
	requestStatus
	clientIP
	sourceIP
	clientName
	connectedApp
	operationType
	origin
	rendering
	userName
	userType
	browserType
	clientInfo
	userAgent
	countryCode
	organizationID
	delegatedID
	delegatedName
	method
	action
	fileName
	description
	entityID
	assetID
	user
	columnCount
)

var columnNames = [columnCount]string{
	eventType:         "EVENT_TYPE",
	timestamp:         "TIMESTAMP",
	requestID:         "REQUEST_ID",
	userID:            "USER_ID",
	uri:               "URI",
	sessionKey:        "SESSION_KEY",
	rowCount:          "ROW_COUNT",
	rowsProcessed:     "ROWS_PROCESSED",
	recordsProcessed:  "RECORDS_PROCESSED",
	numberOfRecords:   "NUMBER_OF_RECORDS",
	reportID:          "REPORT_ID",
	uriID:             "URI_ID_DERIVED",
	documentID:        "DOCUMENT_ID",
	versionID:         "VERSION_ID",
	jobID:             "JOB_ID",
	batchID:           "BATCH_ID",
	jobStatus:         "JOB_STATUS",
	entityName:        "ENTITY_NAME",
	entityType:        "ENTITY_TYPE",
	methodName:        "METHOD_NAME",
	sizeBytes:         "SIZE_BYTES",
	transactionType:   "TRANSACTION_TYPE",
	loginStatus:       "LOGIN_STATUS",
	query:             "QUERY",
	timestampDerived:  "TIMESTAMP_DERIVED",
	userIDDerived:     "USER_ID_DERIVED",
	reportIDDerived:   "REPORT_ID_DERIVED",
	documentIDDerived: "DOCUMENT_ID_DERIVED",
	requestStatus:     "REQUEST_STATUS",
	clientIP:          "CLIENT_IP",
	sourceIP:          "SOURCE_IP",
	clientName:        "CLIENT_NAME",
	connectedApp:      "CONNECTED_APP_ID",
	operationType:     "OPERATION_TYPE",
	origin:            "ORIGIN",
	rendering:         "RENDERING_TYPE",
	userName:          "USER_NAME",
	userType:          "USER_TYPE",
	browserType:       "BROWSER_TYPE",
	clientInfo:        "CLIENT_INFO",
	userAgent:         "USER_AGENT",
	countryCode:       "COUNTRY_CODE",
	organizationID:    "ORGANIZATION_ID",
	delegatedID:       "DELEGATED_USER_ID",
	delegatedName:     "DELEGATED_USER_NAME",
	method:            "METHOD",
	action:            "ACTION",
	fileName:          "FILE_NAME",
	description:       "REPORT_DESCRIPTION",
	entityID:          "ENTITY_ID",
	assetID:           "ASSET_ID",
	user:              "USER",
}

var columnIndex = func() map[string]int {
	m := map[string]int{}
	for i, n := range columnNames {
		m[n] = i
	}
	return m
}()

// row is a row of an event log file.
type row struct {
	cells [columnCount]string
	id18  [18]byte
}

func bind(h ingest.Header) func([][]byte, *ingest.Sink) error {
	var at [columnCount]int
	for i, n := range columnNames {
		at[i] = h.Index(plain.Column(n))
	}
	r := new(row)
	return func(cells [][]byte, out *ingest.Sink) error {
		for i, k := range at {
			r.cells[i] = ""
			if k >= 0 && k < len(cells) {
				r.cells[i] = ingest.View(cells[k])
			}
		}
		return r.emit(out)
	}
}

var rowPool = sync.Pool{New: func() any { return new(row) }}

func decodeRow(s *jsonscan.Scanner, out *ingest.Sink) error {
	r := rowPool.Get().(*row)
	defer rowPool.Put(r)
	r.cells = [columnCount]string{}
	if !s.Object() {
		return ingest.ErrNotThis
	}
	for s.Next() {
		if i, known := columnIndex[string(s.Key)]; known {
			r.cells[i] = s.Text()
		} else {
			s.Skip()
		}
	}
	if err := s.Err(); err != nil {
		return err
	}
	return r.emit(out)
}

// emit emits the event of the row.
func (r *row) emit(out *ingest.Sink) error {
	c := &r.cells
	if c[eventType] == "" {
		return ingest.ErrNotThis
	}
	at, err := out.TimeUTC("TIMESTAMP", cmp.Or(c[timestampDerived], c[timestamp]))
	if err != nil && c[timestamp] != "" && c[timestampDerived] != "" { // a spreadsheet may have spoilt one of them
		if again, bad := out.TimeUTC("TIMESTAMP", c[timestamp]); bad == nil {
			at, err = again, nil
		}
	}
	if err != nil {
		return err
	}

	e := out.New(event.Salesforce)
	e.Time, e.ID, e.Tenant, e.Action = at, c[requestID], c[organizationID], c[eventType]
	h := xxhash.New()
	for i := 0; i < identifying; i++ {
		h.WriteString(c[i])
		h.Write([]byte{0})
	}

	e.Key = h.Sum64() | 1
	e.Actor.Kind = event.Human
	switch strings.ToLower(c[userType]) {
	case "guest":
		e.Actor.Kind = event.Anonymous
	case "automatedprocess", "cloudintegrationuser", "platformintegrationuser":
		e.Actor.Kind = event.System
	}

	account := r.account(cmp.Or(c[userIDDerived], c[userID]), out)
	if name := cmp.Or(c[userName], c[user]); ingest.IsEmail(name) {
		e.Actor.Account, e.Actor.Alias = out.Lower(name), account
	} else {
		e.Actor.Account = account
	}

	e.Client = event.Client{
		IP:      ingest.Address(cmp.Or(c[clientIP], c[sourceIP])),
		Agent:   cmp.Or(c[browserType], c[clientInfo], c[userAgent]),
		Country: c[countryCode],
		App:     cmp.Or(c[clientName], c[connectedApp]),
		Session: c[sessionKey],
	}
	if c[requestStatus] == "F" || c[requestStatus] == "U" {
		e.Outcome = event.Failure
	}

	if h := types[c[eventType]]; h != nil {
		h(r, e, out)
	}
	out.Emit()
	return nil
}

// account returns the account of a user id. Ids of 15 characters may differ in case only, so they
// are first extended to the 18-character form.
func (r *row) account(id string, out *ingest.Sink) string {
	switch len(id) {
	case 18:
	case 15:
		copy(r.id18[:], id)
		for block := range 3 {
			upper := 0
			for i := range 5 {
				if ch := id[block*5+i]; ch >= 'A' && ch <= 'Z' {
					upper |= 1 << i
				}
			}
			r.id18[15+block] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[upper]
		}
		id = string(r.id18[:])
	default:
		return ""
	}
	return out.Join("salesforce:", out.Lower(id))
}

// types is the meaning of each EVENT_TYPE. Types that are not listed stay unclassified and are
// counted.
var types = map[string]func(r *row, e *event.Event, out *ingest.Sink){
	"Login":                       login,
	"LoginAs":                     loginAs,
	"SalesforceLoginAs":           loginAs,
	"Logout":                      class(event.Logout),
	"Report":                      report,
	"AsyncReportRun":              report,
	"ReportExport":                reportExport,
	"WaveDownload":                waveDownload,
	"API":                         apiCall,
	"RestApi":                     apiCall,
	"ApexRestApi":                 class(event.AppAccess),
	"ApiTotalUsage":               class(event.AppAccess),
	"BulkApi":                     bulk,
	"BulkApi2":                    bulk,
	"ContentTransfer":             contentTransfer,
	"ContentDistribution":         contentDistribution,
	"ContentDocumentLink":         class(event.PermissionGrant),
	"DocumentAttachmentDownloads": attachment,
	"DocumentAttachmentDownoads":  attachment, // both are in the vendor's documentation
	"URI":                         class(event.View),
	"LightningPageView":           class(event.View),
	"Search":                      class(event.List),
	"SearchClick":                 class(event.View),
	"KnowledgeArticleView":        class(event.View),
	"PermissionUpdate":            class(event.PermissionGrant),
	"GroupMembership":             class(event.MembershipAdd),
}

func class(c event.Class) func(*row, *event.Event, *ingest.Sink) {
	return func(_ *row, e *event.Event, _ *ingest.Sink) { e.Class = c }
}

// wrongSecrets are the statuses of sign-ins with a wrong name, password or code, without blanks and signs.
var wrongSecrets = []string{
	"invalidpassword", "pwdinvalid", "passwordinvalid", "invalidlogin", "invalidusername", "invalidcredentials", "nosuchuser",
	"usernotfound", "invalidverificationcode", "incorrectcode",
}

func login(r *row, e *event.Event, out *ingest.Sink) {
	e.Class = event.LoginSuccess
	if status := r.cells[loginStatus]; status != "" && status != "LOGIN_NO_ERROR" && !strings.EqualFold(status, "success") {
		ingest.SignInFailed(e, status, wrongSecrets...)
		out.Attr(event.AttrReason, status)
	}
	e.Client.App = ""
}

// loginAs is an admin who signs in as another user. The delegated user of the record is the
// admin; its user is the one on whose behalf the admin acts.
func loginAs(r *row, e *event.Event, out *ingest.Sink) {
	e.Class = event.AppAccess
	e.Actor.OnBehalfOf = e.Actor.Account
	admin := r.account(r.cells[delegatedID], out)
	e.Actor.Account, e.Actor.Alias = admin, ""
	if name := r.cells[delegatedName]; ingest.IsEmail(name) {
		e.Actor.Account, e.Actor.Alias = out.Lower(name), admin
	}
}

// report is a report that was run. Formatted exports and printable views are recorded only here,
// exports of details in ReportExport, too.
func report(r *row, e *event.Event, out *ingest.Sink) {
	c := &r.cells
	e.Class, e.Rows = event.ReportRun, out.Rows(c[rowCount])
	switch printed := c[rendering] == "P"; { // else W: a page, E: mail, J: JSON
	case printed, c[rendering] == "X", c[rendering] == "C", c[origin] == "ReportExported":
		e.Class, e.Rows = event.Export, exported(c[rowCount], out)
		if printed {
			out.Attr(event.AttrChannel, event.ChannelPrinter)
		}
	}
	id := cmp.Or(c[reportIDDerived], c[reportID], c[uriID])
	e.Object = event.Object{ID: id, Type: "report", Name: c[entityName], Container: c[entityName]}
	out.Attr(event.AttrReport, reportKey(id))
	out.Attr(event.AttrExecution, c[requestID])
}

// reportKey returns the 15-character form of a report id, which all types have.
func reportKey(id string) string {
	if len(id) == 18 {
		return id[:15]
	}
	return id
}

// reportExport is an exported report. It has no row count, but the run of the report has.
func reportExport(r *row, e *event.Event, out *ingest.Sink) {
	c := &r.cells
	id := cmp.Or(c[uriID], strings.TrimPrefix(c[uri], "/"))
	e.Class, e.Rows = event.Export, event.RowsUnknown
	e.Object = event.Object{ID: id, Type: "report", Name: c[description]}
	if len(e.Object.Name) > 80 {
		e.Object.Name = ""
	}
	out.Attr(event.AttrReport, reportKey(id))
	out.Attr(event.AttrExecution, c[requestID])
}

// exported is the number of rows of an export. One that is not stated is not zero.
func exported(rows string, out *ingest.Sink) int64 {
	if rows == "" {
		return event.RowsUnknown
	}
	return out.Rows(rows)
}

func waveDownload(r *row, e *event.Event, out *ingest.Sink) {
	e.Class, e.Rows = event.Export, exported(r.cells[numberOfRecords], out)
	e.Object = event.Object{ID: r.cells[assetID], Type: "dashboard"}
	out.Attr(event.AttrExecution, r.cells[requestID])
}

// apiCall is a call that returned or wrote rows. Only reads are queries.
func apiCall(r *row, e *event.Event, out *ingest.Sink) {
	c := &r.cells
	e.Class, e.Rows = event.Query, out.Rows(c[rowsProcessed])
	switch m := strings.ToLower(cmp.Or(c[methodName], c[method])); {
	case strings.HasPrefix(m, "create"), strings.HasPrefix(m, "update"), strings.HasPrefix(m, "upsert"),
		strings.HasPrefix(m, "delete"), m == "post", m == "patch", m == "put":
		e.Class = event.Edit
	}
	e.Object = event.Object{ID: c[entityName], Type: "entity", Name: c[entityName]}
}

// bulk is a batch or a state of a job. A BulkApi2 job has a row for every state with the number
// of rows so far; they have the execution in common.
func bulk(r *row, e *event.Event, out *ingest.Sink) {
	c := &r.cells
	e.Class, e.Rows = event.Query, out.Rows(c[rowsProcessed], c[recordsProcessed])
	switch op := strings.ToLower(c[operationType]); op {
	case "query", "queryall", "":
	default:
		e.Class = event.Edit
	}
	entity := cmp.Or(c[entityType], c[entityName])
	e.Object = event.Object{ID: entity, Type: "entity", Name: entity}
	out.Attr(event.AttrExecution, out.Join(c[jobID], c[batchID]))
	out.Attr(event.AttrPermission, "bulk")
}

func contentTransfer(r *row, e *event.Event, out *ingest.Sink) {
	c := &r.cells
	switch c[transactionType] {
	case "VersionDownloadAction", "VersionDownloadApi", "":
		e.Class, e.Bytes = event.Download, out.Size(c[sizeBytes])
	case "VersionRenditionDownload":
		e.Class = event.View
	default:
		e.Class = event.Upload
	}
	e.Object = event.Object{
		ID:   cmp.Or(c[documentIDDerived], c[documentID], c[versionID]),
		Type: "file",
		Name: c[fileName],
		Size: out.Size(c[sizeBytes]),
	}
}

func contentDistribution(r *row, e *event.Event, out *ingest.Sink) {
	e.Object = event.Object{ID: r.cells[versionID], Type: "file"}
	switch strings.ToUpper(r.cells[action]) {
	case "INSERT", "":
		e.Class, e.After = event.ShareLink, event.PublicLink
		out.To("*", event.ScopeAnyone)
	case "DELETE":
		e.Class = event.Unshare
	default:
		e.Class = event.ConfigChange
	}
}

func attachment(r *row, e *event.Event, _ *ingest.Sink) {
	e.Class = event.Download
	e.Object = event.Object{ID: r.cells[entityID], Type: "file", Name: r.cells[fileName]}
}

// stored holds the fields of a stored real-time event that are used.
type stored struct {
	kind, signed, id, date, username, user, ip, execution, operation, name, app, file, size, status string
	processed, returned                                                                             string
	sequence                                                                                        int64
}

// decodeEvent decodes a stored real-time event, as a query returns it.
func decodeEvent(s *jsonscan.Scanner, out *ingest.Sink) error {
	var v stored
	if !s.Object() {
		return ingest.ErrNotThis
	}
	v.scan(s)
	if err := s.Err(); err != nil {
		return err
	}
	at, err := out.TimeUTC("EventDate", v.date)
	if err != nil {
		return err
	}

	e := out.New(event.Salesforce)
	e.Time, e.ID, e.Action = at, v.id, cmp.Or(v.kind, v.signed, "RealTimeEvent")
	e.Key = ingest.Hash("salesforce", v.id)
	e.Actor.Kind = event.Human
	var r row
	account := r.account(v.user, out)
	if e.Actor.Account = account; ingest.IsEmail(v.username) {
		e.Actor.Account, e.Actor.Alias = out.Lower(v.username), account
	}
	e.Client = event.Client{IP: ingest.Address(v.ip), App: v.app}
	e.Rows, e.Object.Name = v.rows(out), v.name
	v.classify(e, out)
	out.Emit()
	return nil
}

// scan reads the fields of an object.
func (v *stored) scan(s *jsonscan.Scanner) {
	for s.Next() {
		switch string(s.Key) {
		case "attributes":
			v.kind = s.Field("type")
		case "EventIdentifier":
			v.id = s.Text()
		case "EventDate":
			v.date = s.Text()
		case "Username":
			v.username = s.Text()
		case "UserId":
			v.user = s.Text()
		case "SourceIp":
			v.ip = s.Text()
		case "ExecutionIdentifier":
			v.execution = s.Text()
		case "Operation", "FileAction":
			v.operation = s.Text()
		case "Name", "QueriedEntities":
			v.name = s.Text()
		case "Client", "Application", "ConnectedAppId":
			v.app = s.Text()
		case "RowsProcessed":
			v.processed = s.Text()
		case "RowsReturned":
			v.returned = s.Text()
		case "Sequence":
			v.sequence = s.Int()
		case "DocumentId":
			v.file = s.Text()
		case "ContentSize":
			v.size = s.Text()
		case "Status":
			v.status = s.Text()
		case "ReportId", "ListViewId", "ApiType", "LoginType", "LoginAsCategory":
			v.sign(string(s.Key), s.Text())
		default:
			s.Skip()
		}
	}
}

// signs are fields that only events of one type have. A stream names the type beside the event.
var signs = map[string]string{
	"ReportId":        "ReportEvent",
	"ListViewId":      "ListViewEvent",
	"ApiType":         "ApiEvent",
	"LoginType":       "LoginEvent",
	"LoginAsCategory": "LoginAsEvent",
}

// sign notes the type of an event that has a field.
func (v *stored) sign(field, value string) {
	if value != "" && v.signed != "LoginAsEvent" {
		v.signed = signs[field]
	}
}

// rows is how many rows were processed or, where that is not stated, returned.
func (v *stored) rows(out *ingest.Sink) int64 {
	if n := out.Rows(v.processed); n > 0 {
		return n
	}
	return out.Rows(v.processed, v.returned)
}

// classify sets the class of an event by its type, and the fields that depend on the type.
func (v *stored) classify(e *event.Event, out *ingest.Sink) {
	switch kind := strings.TrimSuffix(strings.TrimSuffix(cmp.Or(v.kind, v.signed), "Store"), "Stream"); kind {
	case "ReportEvent":
		e.Class, e.Object.Type = event.ReportRun, "report"
		if strings.Contains(v.operation, "Export") {
			e.Class = event.Export
		}
		out.Attr(event.AttrExecution, v.execution)
		if v.sequence > 0 {
			out.Attr(event.AttrChunk, out.Join("chunk", string(rune('0'+v.sequence%10))))
		}

	case "ApiEvent", "BulkApiResultEvent", "ListViewEvent":
		e.Class, e.Object.Type = event.Query, "entity"
		if kind == "ListViewEvent" {
			e.Class = event.View
		}
		out.Attr(event.AttrExecution, v.execution)

	case "FileEvent":
		switch v.operation {
		case "PREVIEW":
			e.Class = event.View
		case "UPLOAD":
			e.Class = event.Upload
		default:
			e.Class = event.Download
		}
		e.Object = event.Object{ID: v.file, Type: "file", Size: out.Size(v.size)}
		e.Bytes = e.Object.Size

	case "LoginEvent":
		e.Class = event.LoginSuccess
		if v.status != "" && v.status != "Success" {
			ingest.SignInFailed(e, v.status, wrongSecrets...)
			out.Attr(event.AttrReason, v.status)
		}

	case "LoginAsEvent":
		e.Class = event.AppAccess
	case "ReportAnomalyEvent", "ApiAnomalyEvent", "CredentialStuffingEvent", "SessionHijackingEvent", "GuestUserAnomalyEvent":
		e.Class = event.VendorAlert
	}
}
