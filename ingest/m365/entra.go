package m365

import (
	"cmp"
	"encoding/json"
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// Entra ID writes its sign-ins and directory audits in a schema of its own: answers of Microsoft
// Graph, files of the portal, diagnostic settings (in properties), tables of Log Analytics. The
// names of the fields are the same in all of them, but for their case.

// entraFormats are the JSON shapes of Entra ID.
var entraFormats = []*ingest.Format{
	{
		Name: "entra_sign_in",
		Match: func(k ingest.Keys) bool {
			return folded(k, "createddatetime", "status", "ipaddress", "appid") &&
				(folded(k, "userprincipalname") || folded(k, "serviceprincipalid") || folded(k, "userid", "appdisplayname"))
		},
		Decode: decodeEntra(func(f *entra) bool { return f.signIn() }),
	},
	{
		Name: "entra_audit",
		Match: func(k ingest.Keys) bool {
			return folded(k, "activitydisplayname", "activitydatetime", "targetresources")
		},
		Decode: decodeEntra(func(f *entra) bool { return f.audit() }),
	},
	{
		Name: "entra_risk_detection",
		Match: func(k ingest.Keys) bool {
			return folded(k, "riskeventtype", "risklevel", "detecteddatetime", "userprincipalname")
		},
		Decode: decodeEntra(func(f *entra) bool { return f.risk() }),
	},
	{
		Name:   "entra_diagnostic",
		Match:  func(k ingest.Keys) bool { return k.Has("time", "category", "operationName", "properties") },
		Decode: decodeEntra(func(f *entra) bool { return f.diagnostic() }),
	},
	{
		Name: "entra_log_analytics",
		Match: func(k ingest.Keys) bool {
			return folded(k, "timegenerated", "resulttype", "userprincipalname", "ipaddress", "appdisplayname")
		},
		Decode: decodeEntra(func(f *entra) bool { return f.signIn() }),
	},
}

// folded reports whether all of some keys, in lower case, are there in any case.
func folded(k ingest.Keys, names ...string) bool {
next:
	for _, n := range names {
		for _, have := range k {
			if len(have) == len(n) && strings.EqualFold(have, n) {
				continue next
			}
		}
		return false
	}
	return true
}

// entra holds the fields of a sign-in or a directory audit that are used.
type entra struct {
	time, logged, generated, id, tenant, category, operation, activity, service, result, outcome, reason string
	identity, caller                                                                                     string
	user, userID, userType, spID, spName, appID, appName, ip, agent, session, country, city              string
	code, deviceID, interactive, detail, riskType, riskLevel                                             string
	properties, initiatedBy, targets, details                                                            []byte
}

// decodeEntra returns a decoder of records that a function recognises.
func decodeEntra(known func(f *entra) bool) func(*jsonscan.Scanner, *ingest.Sink) error {
	return func(s *jsonscan.Scanner, out *ingest.Sink) error {
		var f entra
		if !s.Object() {
			return ingest.ErrNotThis
		}
		f.read(s)
		if err := s.Err(); err != nil {
			return err
		}
		if !known(&f) {
			return ingest.ErrNotThis
		}
		return f.emit(out)
	}
}

// read reads the fields of an object.
func (f *entra) read(s *jsonscan.Scanner) {
	var buf [32]byte
	for s.Next() {
		if len(s.Key) > len(buf) {
			s.Skip()
			continue
		}
		key := buf[:len(s.Key)]
		for i, c := range s.Key {
			if c >= 'A' && c <= 'Z' {
				c |= 0x20
			}
			key[i] = c
		}
		if to := f.text(string(key)); to != nil {
			if t := s.Text(); t != "" {
				*to = t
			}
			continue
		}
		switch string(key) {
		case "status":
			f.status(s)
		case "devicedetail":
			nested(s.Raw(), map[string]*string{"deviceid": &f.deviceID})
		case "location", "locationdetails":
			f.location(s)
		case "properties":
			f.properties = s.Raw()
		case "initiatedby":
			f.initiatedBy = s.Raw()
		case "targetresources":
			f.targets = s.Raw()
		case "additionaldetails":
			f.details = s.Raw()
		default:
			s.Skip()
		}
	}
}

// text returns where a field is kept that is a text, or nil.
func (f *entra) text(key string) *string {
	switch key {
	case "createddatetime":
		return &f.time
	case "activitydatetime":
		return &f.time
	case "detecteddatetime":
		return &f.generated
	case "riskeventtype":
		return &f.riskType
	case "risklevel":
		return &f.riskLevel
	case "time":
		return &f.logged
	case "timegenerated", "timegenerated [utc]":
		return &f.generated
	case "id":
		return &f.id
	case "tenantid", "aadtenantid":
		return &f.tenant
	case "category":
		return &f.category
	case "operationname":
		return &f.operation
	case "activitydisplayname":
		return &f.activity
	case "loggedbyservice":
		return &f.service
	case "result":
		return &f.outcome
	case "resultreason", "resultdescription":
		return &f.reason
	case "resulttype":
		return &f.result
	case "identity":
		return &f.identity
	case "calleripaddress":
		return &f.caller
	case "userprincipalname":
		return &f.user
	case "userid":
		return &f.userID
	case "usertype":
		return &f.userType
	case "serviceprincipalid":
		return &f.spID
	case "serviceprincipalname":
		return &f.spName
	case "appid":
		return &f.appID
	case "appdisplayname":
		return &f.appName
	case "ipaddress":
		return &f.ip
	case "useragent":
		return &f.agent
	case "sessionid":
		return &f.session
	case "isinteractive":
		return &f.interactive
	}
	return nil
}

// status reads the error code of a sign-in, and what Entra ID says about it.
func (f *entra) status(s *jsonscan.Scanner) {
	if s.Kind() != '{' && s.Kind() != '"' {
		s.Skip()
		return
	}
	nested(s.Raw(), map[string]*string{"errorcode": &f.code, "failurereason": &f.reason, "additionaldetails": &f.detail})
}

// location reads a country: of an object, or a text "NL".
func (f *entra) location(s *jsonscan.Scanner) {
	raw := s.Raw()
	nested(raw, map[string]*string{"countryorregion": &f.country, "city": &f.city})
	if len(raw) == 4 && raw[0] == '"' {
		f.country = string(raw[1:3])
	}
}

// nested reads texts of an object, which may be in a string of JSON, by their names in lower case.
func nested(raw []byte, to map[string]*string) {
	each(raw, func(s *jsonscan.Scanner) {
		for s.Next() {
			field := to[strings.ToLower(string(s.Key))]
			if field == nil {
				s.Skip()
				continue
			}
			if t := s.Text(); t != "" {
				*field = strings.Clone(t)
			}
		}
	})
}

// signInLogs are the categories of diagnostic settings that are sign-ins.
var signInLogs = map[string]bool{
	"SignInLogs": true, "NonInteractiveUserSignInLogs": true, "ServicePrincipalSignInLogs": true,
	"ManagedIdentitySignInLogs": true, "ADFSSignInLogs": true, "B2CRequestLogs": true,
}

// diagnostic reports whether a record is of one of the categories that are read, and reads its
// properties.
func (f *entra) diagnostic() bool {
	if !signInLogs[f.category] && f.category != "AuditLogs" && f.category != "UserRiskEvents" {
		return false
	}
	category, tenant := f.category, f.tenant
	each(f.properties, f.read)
	f.category, f.tenant = category, cmp.Or(tenant, f.tenant)
	switch category {
	case "AuditLogs":
		return f.audit()
	case "UserRiskEvents":
		return f.risk()
	}
	return f.signIn()
}

// risk reports whether a record is a risk that Identity Protection saw.
func (f *entra) risk() bool {
	f.time = cmp.Or(f.time, f.generated, f.logged)
	return f.riskType != "" && (f.user != "" || f.userID != "")
}

// signIn reports whether a record is a sign-in: it says what came of it.
func (f *entra) signIn() bool {
	f.time = cmp.Or(f.time, f.logged, f.generated)
	f.code = cmp.Or(f.code, f.result)
	return f.activity == "" && f.code != "" && (f.user != "" || f.userID != "" || f.spID != "" || f.spName != "")
}

// audit reports whether a record is one of the directory's audits.
func (f *entra) audit() bool {
	f.time = cmp.Or(f.time, f.logged, f.generated)
	return f.activity != "" && f.targets != nil
}

func (f *entra) emit(out *ingest.Sink) error {
	r := records.Get().(*record)
	defer records.Put(r)
	*r = record{}
	r.time, r.id, r.tenant, r.workload, r.recordType = f.time, f.id, f.tenant, "AzureActiveDirectory", entraAudit
	r.ip, r.agent, r.country = cmp.Or(f.ip, f.caller), f.agent, f.country
	switch {
	case f.riskType != "":
		r.operation, r.action = riskDetected, f.riskType
		r.userID, r.userKey = cmp.Or(f.user, f.userID), f.userID
		r.logonError, r.severity = strings.TrimSuffix("risk: "+f.riskLevel, "risk: "), f.riskLevel
	case f.activity != "":
		f.directory(r)
	default:
		f.signInRecord(r)
	}
	return r.emit(out)
}

const (
	entraAudit   = 8 // RecordType
	riskDetected = "riskDetection"
)

// signInRecord makes a sign-in of the fields.
func (f *entra) signInRecord(r *record) {
	r.operation, r.action = "UserLoggedIn", cmp.Or(f.operation, "signIns")
	if f.code != "0" {
		r.operation, r.errorNumber = "UserLoginFailed", strings.TrimPrefix(f.code, noCode)
		r.logonError = f.reason
		if f.detail != "" {
			r.logonError = strings.TrimPrefix(r.logonError+"; "+f.detail, "; ")
		}
	}
	r.appID, r.appName, r.deviceID, r.session = f.appID, f.appName, f.deviceID, f.session
	r.userID, r.userKey = cmp.Or(f.user, f.userID), f.userID
	if f.user == "" && f.userID == "" || strings.HasPrefix(f.category, "ServicePrincipal") ||
		strings.HasPrefix(f.category, "ManagedIdentity") {
		r.userID, r.userType, r.displayName = "ServicePrincipal_"+cmp.Or(f.spID, f.appID), servicePrincipal, f.spName
		r.silent = true
	}
	r.silent = r.silent || f.interactive == "false" || f.interactive == "False" || f.category == "NonInteractiveUserSignInLogs"
}

const servicePrincipal = 6 // UserType

// noCode stands for the error code of a sign-in that failed, where only that is stated.
const noCode = "unstated"

// directory makes a directory audit of the fields, in the form in which the unified audit log
// has it.
func (f *entra) directory(r *record) {
	r.operation, r.objectID = f.activity, ""
	switch strings.ToLower(f.outcome) {
	case "failure", "timeout", "clienterror":
		r.result = "Failed"
	}
	nestedActor(f.initiatedBy, r)
	var t targetList
	each(f.targets, t.target)
	r.targets, r.modified, r.objectID = t.targets(), t.properties(), t.id
	each(f.details, func(s *jsonscan.Scanner) {
		var key, value string
		for s.Next() {
			switch string(s.Key) {
			case "key", "Key":
				key = s.Text()
			case "value", "Value":
				value = s.Text()
			default:
				s.Skip()
			}
		}
		if key == "User-Agent" && r.agent == "" {
			r.agent = strings.Clone(value)
		}
	})
}

// nestedActor reads who initiated a change: a user or an application.
func nestedActor(raw []byte, r *record) {
	each(raw, func(s *jsonscan.Scanner) {
		for s.Next() {
			var id, upn, ip, name, app, sp string
			kind := strings.ToLower(string(s.Key))
			nested(s.Raw(), map[string]*string{
				"id": &id, "userprincipalname": &upn, "ipaddress": &ip, "displayname": &name,
				"appid": &app, "serviceprincipalid": &sp,
			})
			switch {
			case kind == "user" && (upn != "" || id != ""):
				r.userID, r.userKey, r.displayName, r.ip = cmp.Or(upn, id), id, name, cmp.Or(ip, r.ip)
			case kind == "app" && r.userID == "" && cmp.Or(sp, app, name) != "":
				r.userID, r.userType = "ServicePrincipal_"+cmp.Or(sp, app, name), servicePrincipal
				r.displayName, r.appID, r.appName = name, app, name
			}
		}
	})
}

// targetList collects what a directory audit changed.
type targetList struct {
	id, role string
	list     []targetItem
	changes  []change
	named    bool // a changed property names the role
}

// targetItem is an element of Target in the unified audit log.
type targetItem struct {
	ID   string
	Type int
}

// change is an element of ModifiedProperties in the unified audit log.
type change struct{ Name, OldValue, NewValue string }

func (t *targetList) targets() []byte {
	raw, _ := json.Marshal(t.list) // texts and numbers can always be marshalled
	return raw
}

// properties are the changed properties. A role that is only a target becomes one of them.
func (t *targetList) properties() []byte {
	if !t.named && t.role != "" {
		t.changes = append(t.changes, change{Name: "Role.DisplayName", NewValue: `"` + t.role + `"`})
	}
	raw, _ := json.Marshal(t.changes) // texts can always be marshalled
	return raw
}

func (t *targetList) target(s *jsonscan.Scanner) {
	var id, upn, name, kind string
	fields := map[string]*string{"id": &id, "userprincipalname": &upn, "displayname": &name, "type": &kind}
	for s.Next() {
		key := strings.ToLower(string(s.Key))
		if key == "modifiedproperties" {
			each(s.Raw(), t.change)
		} else if to := fields[key]; to != nil {
			*to = strings.Clone(s.Text())
		} else {
			s.Skip()
		}
	}
	t.add(kind, id, upn, name)
}

// add notes one target. Names of roles and groups are no names of the object: they are among the
// properties.
func (t *targetList) add(kind, id, upn, name string) {
	if t.id == "" {
		t.id = cmp.Or(upn, id, name) // as in the unified audit log
	}
	switch kind = strings.ToLower(kind); {
	case upn != "" || kind == "user" && id != "":
		t.list = append(t.list, targetItem{cmp.Or(upn, id), 5})
	case kind == "role":
		t.role = cmp.Or(t.role, name)
	case kind != "group" && name != "":
		t.list = append(t.list, targetItem{name, 1})
	}
}

func (t *targetList) change(s *jsonscan.Scanner) {
	var name, before, after string
	for s.Next() {
		switch strings.ToLower(string(s.Key)) {
		case "displayname", "name":
			name = s.Text()
		case "oldvalue":
			before = valueText(s)
		case "newvalue":
			after = valueText(s)
		default:
			s.Skip()
		}
	}
	t.changes = append(t.changes, change{strings.Clone(name), before, after})
	t.named = t.named || name == "Role.DisplayName" && (after != "" || before != "")
}

// valueText is a value of a property: a text, or JSON that is not in a text.
func valueText(s *jsonscan.Scanner) string {
	if k := s.Kind(); k == '{' || k == '[' {
		return string(s.Raw())
	}
	return strings.Clone(s.Text())
}

// signedIn is a sign-in that succeeded. One without the person being there, by a client that has a
// token, is access to an application.
func signedIn(r *record, e *event.Event, _ *ingest.Sink) {
	if r.silent {
		e.Class = event.AppAccess
	}
}
