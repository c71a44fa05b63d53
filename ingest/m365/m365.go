// Package m365 decodes Microsoft 365 audit records: of the Management Activity
// API, of Purview's CSV export (AuditData) and of the Graph audit query. Facts
// about the format: docs/sources/m365.md.
package m365

import (
	"cmp"
	"strings"
	"sync"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/names"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// Formats are the JSON shapes of Microsoft 365 records.
var Formats = append([]*ingest.Format{
	{
		Name:   "m365",
		Match:  func(k ingest.Keys) bool { return k.Has("CreationTime", "Operation", "Workload") },
		Decode: decode,
	},
	{
		Name:   "m365_graph",
		Match:  func(k ingest.Keys) bool { return k.Has("auditData", "operation") },
		Decode: decodeGraph,
	},
	{
		Name:   "m365_audit_search",
		Match:  func(k ingest.Keys) bool { return k.Has("AuditData") },
		Decode: decodeGraph,
	},
}, entraFormats...)

// Tables are the delimited shapes of Microsoft 365 records.
var Tables = []*ingest.Table{{
	Name:  "m365_purview_csv",
	Match: func(h ingest.Header) bool { return h.Has("auditdata") },
	Bind:  ingest.PerRow(row),
}, flattened, entraSignIns, entraAudits}

// record holds the fields of a record that are used.
type record struct {
	time, id, operation, tenant, userKey, userID, workload, ip, agent, objectID, result              string
	organization                                                                                     string
	itemType, itemID, site, relative, fileName, label, appID, appName, targetName                    string
	teamName, teamID, targetType, severity, logonError, errorNumber, mailbox, session, deviceID      string
	size, count                                                                                      string
	recordType, userType                                                                             int64
	extended, modified, targets, actors, parameters, operationProperties, deviceProperty, labelEvent []byte
	members                                                                                          []byte

	workloadFields

	cut string // what stands in place of a list that a detail needs, and that a tool has not written out
}

var records = sync.Pool{New: func() any { return new(record) }}

func decode(s *jsonscan.Scanner, out *ingest.Sink) error {
	r := records.Get().(*record)
	defer records.Put(r)
	*r = record{}
	if !s.Object() {
		return ingest.ErrNotThis
	}
	for s.Next() {
		r.scanCommon(s)
	}
	if err := s.Err(); err != nil {
		return err
	}
	if r.operation == "" || r.time == "" {
		return ingest.ErrNotThis
	}
	return r.emit(out)
}

// scanCommon reads a field of the common schema of all workloads, or else of a workload's.
func (r *record) scanCommon(s *jsonscan.Scanner) {
	switch string(s.Key) {
	case "CreationTime":
		r.time = s.Text()
	case "Id":
		r.id = s.Text()
	case "Operation":
		r.operation = s.Text()
	case "OrganizationId":
		r.tenant = s.Text()
	case "RecordType":
		r.recordType = s.Int()
	case "UserKey":
		r.userKey = s.Text()
	case "UserType":
		r.userType = userType(s.Text())
	case "UserId":
		r.userID = s.Text()
	case "Workload":
		r.workload = s.Text()
	case "ClientIP", "ClientIPAddress", "ActorIpAddress":
		if t := s.Text(); r.ip == "" {
			r.ip = t
		}
	case "ObjectId":
		r.objectID = s.Text()
	case "ResultStatus":
		r.result = s.Text()
	case "AppAccessContext":
		r.scanContext(s)
	default:
		r.scanWorkload(s)
	}
}

// scanWorkload reads a field of the schema of a workload: SharePoint, Exchange, Entra ID, Teams
// or an endpoint.
func (r *record) scanWorkload(s *jsonscan.Scanner) {
	switch string(s.Key) {
	case "UserAgent":
		r.agent = s.Text()
	case "ItemType":
		r.itemType = s.Text()
	case "ListItemUniqueId":
		r.itemID = s.Text()
	case "SiteUrl":
		r.site = s.Text()
	case "SourceRelativeUrl":
		r.relative = s.Text()
	case "SourceFileName":
		r.fileName = s.Text()
	case "SensitivityLabelId":
		r.label = s.Text()
	case "FileSizeBytes", "FileSize":
		r.size = s.Text()
	case "ApplicationId", "AppId", "ClientAppId":
		if t := s.Text(); t != "" {
			r.appID = t
		}
	case "ApplicationDisplayName":
		r.appName = s.Text()
	case "TargetUserOrGroupName":
		r.targetName = s.Text()
	case "TargetUserOrGroupType":
		r.targetType = s.Text()
	case "UserSharedWith":
		if t := s.Text(); r.targetName == "" {
			r.targetName = t
		}
	case "Severity":
		r.severity = s.Text()
	case "LogonError":
		r.logonError = s.Text()
	case "ErrorNumber", "ErrorCode":
		r.errorNumber = s.Text()
	case "MailboxOwnerUPN":
		r.mailbox = s.Text()
	case "SessionId":
		r.session = s.Text()
	case "MachineId":
		r.deviceID = s.Text()
	case "OperationCount":
		r.count = s.Text()
	case "ExtendedProperties":
		r.extended = s.Raw()
	case "ModifiedProperties":
		r.modified = s.Raw()
	case "Target":
		r.targets = s.Raw()
	case "Members":
		r.members = s.Raw()
	case "TeamName":
		r.teamName = s.Text()
	case "TeamGuid":
		r.teamID = s.Text()
	case "Actor":
		r.actors = s.Raw()
	case "Parameters":
		r.parameters = s.Raw()
	case "OrganizationName":
		r.organization = s.Text()
	case "OperationProperties":
		r.operationProperties = s.Raw()
	case "SensitivityLabelEventData":
		r.labelEvent = s.Raw()
	case "DeviceProperties":
		r.deviceProperty = s.Raw()
	default:
		r.workloadFields.scan(s)
	}
}

func (r *record) scanContext(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	for s.Next() {
		switch string(s.Key) {
		case "AADSessionId":
			r.session = s.Text()
		case "ClientAppId":
			if t := s.Text(); r.appID == "" {
				r.appID = t
			}
		case "ClientAppName":
			if t := s.Text(); r.appName == "" {
				r.appName = t
			}
		default:
			s.Skip()
		}
	}
}

func (r *record) emit(out *ingest.Sink) error {
	at, err := out.TimeUTC("CreationTime", r.time)
	if err != nil {
		return err
	}
	e := out.New(event.M365)
	e.Time, e.ID, e.Tenant, e.Action = at, r.id, r.tenant, cmp.Or(r.action, r.operation)
	if r.id != "" {
		e.Key = ingest.Hash("m365", r.id)
	}

	e.Actor.Name = r.displayName
	r.actor(&e.Actor, out)
	r.ownDomain(out)
	e.Client = event.Client{
		IP:      ingest.Address(r.ip),
		Agent:   r.agent,
		App:     r.appID,
		Country: r.country,
		Session: r.session,
		Device:  r.deviceID,
	}
	out.Attr(event.AttrAppName, r.appName)
	op := r.meaning()
	e.Class = op.class
	if strings.EqualFold(r.result, "Failed") || strings.EqualFold(r.result, "Failure") || r.result == "False" {
		e.Outcome = event.Failure
	}

	if r.site != "" || r.itemID != "" {
		r.item(e, out)
	} else if r.objectID != "" {
		e.Object.ID, e.Object.Name = r.objectID, r.objectID
	}

	if r.extended != nil || r.deviceProperty != nil {
		r.scanExtended(e, out)
	}
	if op.detail != nil {
		if op.detail(r, e, out); r.cut != "" {
			return &cutList{r.cut}
		}
	}
	out.Emit()
	return nil
}

func (r *record) item(e *event.Event, out *ingest.Sink) {
	o := &e.Object
	o.Type, o.Folder = "file", r.itemType == "Folder"
	switch r.itemType {
	case "", "File":
	default:
		o.Type = out.Lower(r.itemType)
	}
	o.ID, o.Name, o.Label, o.Size = r.itemID, r.fileName, r.label, out.Size(r.size)
	if o.ID == "" || o.ID == zeroID {
		o.ID = r.objectID
	}
	o.Container = strings.TrimSuffix(r.site, "/")
	if strings.Contains(r.site, "/personal/") { // a drive has many folders, which differ at the second level
		folder := r.relative
		if i := strings.IndexByte(folder, '/'); i >= 0 {
			if j := strings.IndexByte(folder[i+1:], '/'); j >= 0 {
				folder = folder[:i+1+j]
			}
		}
		if folder != "" {
			o.Container = out.Join(o.Container, "/", folder)
		}
	}
	if r.itemType == "File" || r.itemType == "Folder" {
		out.Attr(event.AttrFolder, r.parent(out))
	}
	if e.Class == event.Download || e.Class == event.Sync {
		e.Bytes = o.Size
	}
}

// parent returns the path of the folder that an item is in, from the root of the host; "" if the record
// does not state it.
func (r *record) parent(out *ingest.Sink) string {
	if path := urlPath(r.objectID); path != "" {
		return path[:max(strings.LastIndexByte(path, '/'), 0)]
	}
	site := urlPath(strings.TrimSuffix(r.site, "/"))
	if site == "" || r.relative == "" || r.itemType == "Folder" { // a folder's own path, or that of the one above
		return ""
	}
	return out.Join(site, "/", r.relative)
}

// urlPath returns the path of a URL without a slash at its end; "" if the text is no URL.
func urlPath(url string) string {
	_, rest, found := strings.Cut(url, "://")
	i := strings.IndexByte(rest, '/')
	if !found || i < 0 {
		return ""
	}
	return strings.TrimSuffix(rest[i:], "/")
}

// actor sets who acted. UserType is 4 for the system, 5 for an application and 6 for a service
// principal. For guests it is often 0, so they are recognised by the form of the name.
func (r *record) actor(a *event.Actor, out *ingest.Sink) {
	id := r.userID
	a.Kind = event.Human
	if strings.HasSuffix(id, "|app@sharepoint") { // a claim
		id = "app@sharepoint"
	}
	switch {
	case id == "anonymous" || strings.HasPrefix(id, "urn:spo:anon"):
		a.Kind = event.Anonymous
		return
	case id == "app@sharepoint" && r.appID != "":
		a.Kind = event.App // by permissions of its own, all of which SharePoint writes under one name
		a.Account, a.Name = out.Account("m365", r.appID), cmp.Or(a.Name, r.appName)
		return
	case id == "app@sharepoint" || strings.EqualFold(id, `SHAREPOINT\system`) || strings.HasPrefix(id, `NT AUTHORITY\`) ||
		strings.HasPrefix(id, "NT SERVICE"):
		a.Kind = event.System
	case strings.HasPrefix(id, "ServicePrincipal_"), r.userType == 6:
		a.Kind = event.App
	case r.userType == 5:
		a.Kind = event.App
	case r.userType == 4 || r.userType == 7 || r.userType == 8:
		a.Kind = event.System
	case r.userType == 9 || r.userType == 3:
		a.Kind = event.Support
	case isGUID(id) && r.workload != "AzureActiveDirectory":
		a.Kind = event.App
	}

	a.Account = person(id, out)
	if a.Account == "" || strings.HasPrefix(a.Account, "m365:") {
		if upn := actorUPN(r.actors); upn != "" {
			a.Account = person(upn, out)
		}
	}
	if r.workload == "AzureActiveDirectory" && a.Kind == event.Human && ingest.IsEmail(a.Account) {
		a.Alias = r.objectIDAlias(out)
	}
}

// ownDomain sets a domain that is the tenant's own: that of the organisation in whose Exchange a
// command was run, or the one in which a guest has a name.
func (r *record) ownDomain(out *ingest.Sink) {
	domain := names.Tenant(r.userID)
	if domain == "" && r.parameters != nil {
		domain = r.organization
	}
	if domain = out.Lower(domain); strings.HasSuffix(domain, names.OnMicrosoft) {
		out.Attr(event.AttrOwnDomain, domain)
	}
}

// objectIDAlias returns the account of the actor's object id, under which other records may be.
func (r *record) objectIDAlias(out *ingest.Sink) string {
	id := r.userKey
	if !isGUID(id) {
		if id = actorID(r.actors); id == "" && isGUID(r.userID) {
			id = r.userID
		}
	}
	if id == "" || id == zeroID {
		return ""
	}
	return out.Join("m365:", out.Lower(id))
}

const zeroID = "00000000-0000-0000-0000-000000000000"

// isGuest reports whether a user name has the form of a guest's.
func isGuest(name string) bool { return strings.Contains(strings.ToLower(name), "#ext#") }

// person returns the account of a user name, of which there are many forms: see package names.
func person(name string, out *ingest.Sink) string { return out.Account("m365", name) }

// userTypes are the names of user types, which tools write instead of numbers.
var userTypes = map[string]int64{
	"regular": 0, "reserved": 1, "admin": 2, "dcadmin": 3, "system": 4, "application": 5, "serviceprincipal": 6,
	"custompolicy": 7, "systempolicy": 8, "partnertechnician": 9, "guest": 10,
}

// userType returns the number of a user type.
func userType(t string) int64 {
	if t != "" && (t[0] < '0' || t[0] > '9') {
		var buf [32]byte
		return userTypes[string(fold(buf[:0], t))]
	}
	return jsonscan.ParseInt([]byte(t))
}

func isGUID(id string) bool {
	return len(id) == 36 && id[8] == '-' && id[13] == '-' && id[18] == '-' && id[23] == '-'
}

// actorUPN returns the user name (type 5) in Actor.
func actorUPN(actors []byte) string {
	return actorOf(actors, func(_ string, kind int64) bool { return kind == 5 })
}

// actorID returns the user's object id (type 0) in Actor.
func actorID(actors []byte) string {
	return actorOf(actors, func(id string, kind int64) bool { return kind == 0 && isGUID(id) })
}

// actorOf returns the first id in Actor that is wanted.
func actorOf(actors []byte, wanted func(id string, kind int64) bool) (found string) {
	var s jsonscan.Scanner
	if s.Reset(actors); actors == nil || !s.Array() {
		return ""
	}
	for s.Elem() {
		if id, kind := idAndType(&s); found == "" && wanted(id, kind) {
			found = id
		}
	}
	return found
}

func idAndType(s *jsonscan.Scanner) (id string, kind int64) {
	if !s.Object() {
		return "", -1
	}
	for s.Next() {
		switch string(s.Key) {
		case "ID":
			id = s.Text()
		case "Type":
			kind = s.Int()
		default:
			s.Skip()
		}
	}
	return id, kind
}

// unquote returns the text of a property value that is itself JSON: a string such as "Global
// Administrator", or a list of one.
func unquote(v string) string {
	v = strings.TrimSpace(v)
	v = strings.TrimSuffix(strings.TrimPrefix(v, "["), "]")
	return strings.Trim(strings.TrimSpace(v), `"`)
}

// scanExtended reads the user agent and the session from the property lists of Entra ID.
func (r *record) scanExtended(e *event.Event, out *ingest.Sink) {
	pairs(r.extended, func(name, value, _ string) {
		switch name {
		case "UserAgent":
			e.Client.Agent = out.Copy(value)
		case "additionalDetails":
			if agent := jsonField(value, "User-Agent"); agent != "" && e.Client.Agent == "" {
				e.Client.Agent = out.Copy(agent)
			}
		}
	})
	pairs(r.deviceProperty, func(name, value, _ string) {
		switch name {
		case "SessionId":
			if e.Client.Session == "" {
				e.Client.Session = out.Copy(value)
			}
		case "Id":
			e.Client.Device = out.Copy(value)
		}
	})
}

// jsonField returns a top-level text field of a JSON object in a string.
func jsonField(text, field string) string {
	var s jsonscan.Scanner
	s.Reset([]byte(text))
	return s.Field(field)
}

// decodeGraph decodes a record with the native record in auditData.
func decodeGraph(s *jsonscan.Scanner, out *ingest.Sink) error {
	var inner []byte
	if !s.Object() {
		return ingest.ErrNotThis
	}
	for s.Next() {
		if k := string(s.Key); k == "auditData" || k == "AuditData" {
			if s.Kind() == '{' {
				inner = s.Raw()
			} else {
				inner = s.Bytes()
			}
			continue
		}
		s.Skip()
	}
	if s.Err() != nil {
		return s.Err()
	}
	return decodeWhole(inner, out)
}

func decodeWhole(inner []byte, out *ingest.Sink) error {
	if len(inner) == 0 {
		return ingest.ErrNotThis
	}
	_, err := out.Decode(&jsonscan.Scanner{Unique: true}, inner, decode)
	return ingest.Whole(err)
}

// row decodes a row of an export of Purview or Search-UnifiedAuditLog, by the native record in
// AuditData rather than the other columns.
func row(h ingest.Header, cells [][]byte, out *ingest.Sink) error {
	data := h.Cell(cells, "auditdata")
	err := decodeWhole(data, out)
	if err != nil && len(data) >= 32000 {
		return &cutCell{err}
	}
	return err
}

// cutCell is the error for an AuditData cell that a spreadsheet program has shortened.
type cutCell struct{ err error }

func (c *cutCell) Error() string {
	return "AuditData is cut at about 32,767 characters, as spreadsheets do: " + c.err.Error()
}

func (c *cutCell) Unwrap() error { return c.err }
