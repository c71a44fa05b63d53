package m365

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/jsonscan"
	"github.com/outflow/outflow/internal/plain"
)

// flattened is the unified audit log with a column for each field, as scripts and Log Analytics
// write it.
var flattened = &ingest.Table{
	Name: "m365_flat_csv",
	Match: func(h ingest.Header) bool {
		c := flatColumns(h)
		return c.has("CreationTime", "Operation", "UserId", "Workload")
	},
	Bind: func(h ingest.Header) func([][]byte, *ingest.Sink) error {
		c := flatColumns(h)
		var buf []byte
		return func(row [][]byte, out *ingest.Sink) error {
			buf = c.object(buf[:0], row)
			s := jsonscan.Scanner{}
			s.Reset(buf)
			return ingest.Whole(decode(&s, out))
		}
	},
}

// flatFields are the fields that are read of a flattened record.
var flatFields = strings.Fields(`
	CreationTime Id Operation OrganizationId RecordType UserKey UserType UserId Workload ClientIP ClientIPAddress ActorIpAddress
	ObjectId ResultStatus AppAccessContext UserAgent ItemType ListItemUniqueId SiteUrl SourceRelativeUrl SourceFileName
	SensitivityLabelId FileSizeBytes FileSize ApplicationId AppId ClientAppId ApplicationDisplayName TargetUserOrGroupName
	TargetUserOrGroupType UserSharedWith LogonError Severity ErrorNumber ErrorCode MailboxOwnerUPN SessionId MachineId OperationCount
	ExtendedProperties ModifiedProperties Target Actor Parameters OperationProperties SensitivityLabelEventData DeviceProperties
	Folders Item CopilotEventData RemovableMediaDeviceAttributes SharingInformation LogonType ClientInfoString MailboxGuid
	SharingLinkScope EventData DeviceName TargetDomain TargetFilePath TargetPrinterName Application EnforcementMode WorkSpaceName
	ItemName ArtifactName ReportName DatasetName DashboardName ArtifactId ReportId DatasetId DashboardId DataflowId ArtifactKind
	IsSuccess Members TeamName TeamGuid
`)

// flatNames are fields by the folded names of their columns.
var flatNames = func() map[string]string {
	names := map[string]string{ // columns of Log Analytics, and of Search-UnifiedAuditLog
		"timegenerated": "CreationTime", "timegeneratedutc": "CreationTime", "creationdate": "CreationTime",
		"officeworkload": "Workload", "officeobjectid": "ObjectId", "officeid": "Id", "recordid": "Id",
		"userids": "UserId", "operations": "Operation", "officetenantid": "OrganizationId",
	}
	for _, f := range flatFields {
		names[plain.Column(f)] = f
	}
	return names
}()

// flatTable says which field each column is; "" stands for none.
type flatTable []string

// flatColumns finds the fields of a header. Names may begin with that of the column that was
// flattened. A field of the record itself goes before another name for it.
func flatColumns(h ingest.Header) flatTable {
	t := make(flatTable, len(h))
	seen := map[string]int{}
	for i, column := range h {
		name := strings.TrimPrefix(column, "auditdata")
		field, known := flatNames[name]
		if !known {
			continue
		}
		if j, twice := seen[field]; twice {
			if name != plain.Column(field) {
				continue
			}
			t[j] = ""
		}
		t[i], seen[field] = field, i
	}
	return t
}

func (t flatTable) has(fields ...string) bool {
	for _, f := range fields {
		if !ingest.Keys(t).Has(f) {
			return false
		}
	}
	return true
}

// object appends a row as a JSON object. A cell that is JSON stays so.
func (t flatTable) object(b []byte, row [][]byte) []byte {
	b = append(b, '{')
	for i, field := range t {
		if field == "" || i >= len(row) || len(row[i]) == 0 {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = strconv.AppendQuote(b, field)
		b = append(b, ':')
		if c := row[i]; (c[0] == '[' || c[0] == '{') && json.Valid(c) {
			b = append(b, c...)
		} else {
			text, _ := json.Marshal(string(c)) // a text can always be marshalled
			b = append(b, text...)
		}
	}
	return append(b, '}')
}

// entraSignIns are sign-ins as the portal of Entra ID downloads them, or with columns that are
// named as the fields of Microsoft Graph.
var entraSignIns = &ingest.Table{
	Name: "entra_sign_in_csv",
	Match: func(h ingest.Header) bool {
		return first(h, signInTime) && first(h, signInCode) && first(h, signInApp) && h.Has("ipaddress") &&
			(first(h, signInUser) || h.Has("serviceprincipalid"))
	},
	Bind: ingest.PerRow(signInRow),
}

// The columns of a sign-in, by their possible names.
var (
	signInTime = []string{"dateutc", "createddatetime", "date", "timegeneratedutc", "timegenerated"}
	signInCode = []string{"signinerrorcode", "statuserrorcode", "resulttype"}
	signInApp  = []string{"application", "appdisplayname"}
	signInUser = []string{"username", "userprincipalname"}
)

// first reports whether a header has one of some columns.
func first(h ingest.Header, names []string) bool {
	for _, n := range names {
		if h.Index(n) >= 0 {
			return true
		}
	}
	return false
}

func signInRow(h ingest.Header, row [][]byte, out *ingest.Sink) error {
	cell := func(names ...string) string { return out.Copy(string(h.Cell(row, names...))) }
	f := entra{
		time: cell(signInTime...), id: cell("requestid", "id"), code: cell(signInCode...),
		reason: cell("failurereason", "statusfailurereason", "resultdescription"), detail: cell("statusadditionaldetails"),
		user: cell(signInUser...), userID: cell("userid"), appID: cell("applicationid", "appid"), appName: cell(signInApp...),
		ip: cell("ipaddress"), agent: cell("useragent"), deviceID: cell("deviceid", "devicedetaildeviceid"),
		session: cell("sessionid"), spID: cell("serviceprincipalid"), spName: cell("serviceprincipalname"),
		category: cell("category"), country: country(cell("locationcountryorregion", "location")),
		interactive: cell("isinteractive"), tenant: cell("hometenantid", "aadtenantid"),
	}
	if f.code == "" {
		switch strings.ToLower(cell("status")) {
		case "success":
			f.code = "0"
		case "failure", "interrupted":
			f.code = noCode
		}
	}
	if !f.signIn() {
		return ingest.ErrNotThis
	}
	return f.emit(out)
}

// country is the code at the end of a place: "Gouda, Zuid-Holland, NL".
func country(place string) string {
	place = strings.TrimSpace(place[strings.LastIndexByte(place, ',')+1:])
	if len(place) != 2 {
		return ""
	}
	return place
}

// entraAudits are directory audits as the portal of Entra ID downloads them.
var entraAudits = &ingest.Table{
	Name: "entra_audit_csv",
	Match: func(h ingest.Header) bool {
		return h.Has("activity", "category", "result") && first(h, signInTime) &&
			first(h, []string{"actoruserprincipalname", "initiatedbyactoruserprincipalname"}) &&
			first(h, []string{"target1displayname", "target1userprincipalname", "target1objectid"})
	},
	Bind: ingest.PerRow(auditRow),
}

func auditRow(h ingest.Header, row [][]byte, out *ingest.Sink) error {
	cell := func(names ...string) string { return out.Copy(string(h.Cell(row, names...))) }
	f := entra{
		time: cell(signInTime...), id: cell("auditid", "id"), activity: cell("activity"), outcome: cell("result"),
		ip: cell("ipaddress"), agent: cell("useragent"),
	}
	if f.activity == "" {
		return ingest.ErrNotThis
	}
	actor := map[string]map[string]string{}
	if upn, id := cell("actoruserprincipalname", "initiatedbyactoruserprincipalname"), cell("actorobjectid"); upn != "" ||
		id != "" && !strings.EqualFold(cell("actortype"), "application") {
		actor["user"] = map[string]string{"userPrincipalName": upn, "id": id, "displayName": cell("actordisplayname")}
	} else {
		actor["app"] = map[string]string{
			"servicePrincipalId": cell("actorserviceprincipalid", "actorobjectid"),
			"displayName":        cell("actorserviceprincipalname", "actordisplayname"),
		}
	}
	f.initiatedBy, _ = json.Marshal(actor) // texts can always be marshalled
	f.targets = auditTargets(h, row)
	return f.emit(out)
}

// auditTargets collects the numbered columns of a directory audit: Target1DisplayName,
// Target1ModifiedProperty1Name and so on.
func auditTargets(h ingest.Header, row [][]byte) []byte {
	type property struct {
		Name     string `json:"displayName"`
		OldValue string `json:"oldValue"`
		NewValue string `json:"newValue"`
	}
	type target struct {
		ID         string     `json:"id"`
		UPN        string     `json:"userPrincipalName"`
		Name       string     `json:"displayName"`
		Type       string     `json:"type"`
		Properties []property `json:"modifiedProperties"`
	}
	list := []target{}
	for i := 1; i <= 20; i++ {
		prefix := "target" + strconv.Itoa(i)
		cell := func(name string) string { return string(h.Cell(row, prefix+name)) }
		t := target{ID: cell("objectid"), UPN: cell("userprincipalname"), Name: cell("displayname"), Type: cell("type")}
		for j := 1; j <= 40; j++ {
			p := "modifiedproperty" + strconv.Itoa(j)
			name := cell(p + "name")
			if name == "" {
				break
			}
			t.Properties = append(t.Properties, property{name, cell(p + "oldvalue"), cell(p + "newvalue")})
		}
		if cmp.Or(t.ID, t.UPN, t.Name) == "" {
			break
		}
		list = append(list, t)
	}
	raw, _ := json.Marshal(list) // texts can always be marshalled
	return raw
}
