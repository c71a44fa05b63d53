// Package google decodes activities of the Google Workspace Reports API: drive,
// login, admin, token, takeout, groups, user_accounts and the other
// applications. Facts about the format: docs/sources/google_workspace.md.
package google

import (
	"cmp"
	"strings"
	"sync"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// Formats are the JSON shapes of Workspace activities.
var Formats = []*ingest.Format{{
	Name:   "google_workspace",
	Match:  func(k ingest.Keys) bool { return k.Has("id", "actor", "events") },
	Decode: decode,
}}

// activity holds the fields of an activity that are used.
type activity struct {
	time, qualifier, app, customer, email, profile, key, ip, region, appName string
	events                                                                   []byte
	e                                                                        detail
	scan                                                                     jsonscan.Scanner
}

// detail is an element of events with the parameters that are used. Names of parameters are
// lower-case in most applications and upper-case in admin.
type detail struct {
	kind, name                                                                    string
	docID, docType, title, owner, visibility, oldVisibility, change, targetUser   string
	targetDomain, appID, newOwner, userEmail, role, setting, newValue, membership string
	clientID, appName, destination, forward, affected, failure, label             string
	groupEmail, memberEmail, drive, calendar, grantee, access                     string
	scopes, newValues                                                             []byte
	primary, notPrimary, suspicious, collaborator                                 bool
	bytes                                                                         int64
}

var activities = sync.Pool{New: func() any { return new(activity) }}

func decode(s *jsonscan.Scanner, out *ingest.Sink) error {
	a := activities.Get().(*activity)
	defer activities.Put(a)
	*a = activity{scan: a.scan}
	a.scan.Unique = true
	if !s.Object() {
		return ingest.ErrNotThis
	}

	for s.Next() {
		switch string(s.Key) {
		case "id":
			a.scanID(s)
		case "actor":
			a.scanActor(s)
		case "ipAddress":
			a.ip = s.Text()
		case "events":
			a.events = s.RawUnchecked()
		case "networkInfo":
			a.region = s.Field("regionCode")
		default:
			s.Skip()
		}
	}

	if err := s.Err(); err != nil {
		return err
	}
	if a.events == nil || a.app == "" && a.time == "" {
		return ingest.ErrNotThis
	}
	at, err := out.Time("id.time", a.time)
	if err != nil {
		return err
	}

	es := &a.scan
	es.Reset(a.events)
	if es.Kind() != '[' { // split by a tool
		return a.emit(es, at, out)
	}
	n := 0
	for es.Array(); es.Elem(); n++ {
		es.Skip()
	}

	if n > 1 { // check all of them first, so that an error emits none
		es.Reset(a.events)
		for es.Array(); es.Elem(); {
			a.e.scan(es)
		}
	}

	if es.Err() != nil {
		return ingest.Whole(es.Err())
	}
	es.Reset(a.events)
	for es.Array(); es.Elem(); {
		if err := a.emit(es, at, out); err != nil {
			return err
		}
	}

	return ingest.Whole(es.Err())
}

func (a *activity) scanID(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	for s.Next() {
		switch string(s.Key) {
		case "time":
			a.time = s.Text()
		case "uniqueQualifier":
			a.qualifier = s.Text()
		case "applicationName":
			a.app = s.Text()
		case "customerId":
			a.customer = s.Text()
		default:
			s.Skip()
		}
	}
}

func (a *activity) scanActor(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	for s.Next() {
		switch string(s.Key) {
		case "email":
			a.email = s.Text()
		case "profileId":
			a.profile = s.Text()
		case "key":
			a.key = s.Text()
		case "applicationInfo":
			a.appName = s.Field("applicationName")
		default:
			s.Skip()
		}
	}
}

// scan reads one element of events.
func (d *detail) scan(s *jsonscan.Scanner) {
	*d = detail{}
	if !s.Object() {
		return
	}
	for s.Next() {
		switch string(s.Key) {
		case "type":
			d.kind = s.Text()
		case "name":
			d.name = s.Text()
		case "parameters":
			if s.Array() {
				for s.Elem() {
					d.parameter(s)
				}
			}
		default:
			s.Skip()
		}
	}
}

// parameter reads {name, value | intValue | boolValue | multiValue | …}.
func (d *detail) parameter(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	var name, value string
	var list []byte
	for s.Next() {
		switch string(s.Key) {
		case "name":
			name = s.Text()
		case "value", "intValue", "boolValue":
			value = s.Text()
		case "multiValue":
			list = s.Raw()
		default:
			s.Skip()
		}
	}

	if value != "" || list != nil {
		d.set(name, value, list)
	}
}

// set sets the field of a parameter, which has a value or a list of values.
func (d *detail) set(name, value string, list []byte) {
	switch name {
	case "doc_id":
		d.docID = value
	case "doc_type":
		d.docType = value
	case "doc_title":
		d.title = value
	case "owner":
		d.owner = value
	case "visibility":
		d.visibility = value
	case "old_visibility":
		d.oldVisibility = value
	case "visibility_change":
		d.change = value
	case "target_user", "target":
		d.targetUser = value
	case "target_domain":
		d.targetDomain = value
	case "primary_event":
		d.primary, d.notPrimary = value == "true", value == "false"
	case "originating_app_id":
		d.appID = value
	case "new_owner":
		d.newOwner = value
	case "shared_drive_id", "team_drive_id":
		d.drive = value
	case "membership_change_type":
		d.membership = value
	case "new_value":
		d.newValues = list
	case "actor_is_collaborator_account":
		d.collaborator = value == "true"
	case "label", "label_title":
		d.label = value
	case "USER_EMAIL", "user_email":
		d.userEmail = value
	case "GROUP_EMAIL", "group_email", "group_id":
		d.groupEmail = value
	case "member_id", "member_email":
		d.memberEmail = value
	case "ROLE_NAME", "PRIVILEGE_NAME":
		if d.role == "" || name == "ROLE_NAME" {
			d.role = value
		}
	case "SETTING_NAME":
		d.setting = value
	case "NEW_VALUE":
		d.newValue = value
	case "API_CLIENT_NAME", "client_id":
		d.clientID = value
	case "API_SCOPES":
		d.scopes = list
	case "app_name":
		d.appName = value
	case "scope":
		d.scopes = list
	case "num_response_bytes":
		d.bytes = jsonscan.ParseInt([]byte(value))
	case "TAKEOUT_DESTINATION":
		d.destination = value
	case "email_forwarding_destination_address":
		d.forward = value
	case "calendar_id":
		d.calendar = value
	case "grantee_email":
		d.grantee = value
	case "access_level":
		d.access = value
	case "affected_email_address":
		d.affected = value
	case "login_failure_type":
		d.failure = value
	case "is_suspicious":
		d.suspicious = value == "true"
	}
}

// emit emits an element of events. The elements of an activity differ in name or object, so both
// are part of the key.
func (a *activity) emit(s *jsonscan.Scanner, at int64, out *ingest.Sink) error {
	d := &a.e
	d.scan(s)
	if s.Err() != nil {
		return ingest.Whole(s.Err())
	}
	if d.name == "" {
		d.name = "(unnamed)"
	}

	e := out.New(event.GoogleWorkspace)
	e.Time, e.ID, e.Tenant, e.Action = at, a.qualifier, a.customer, d.name
	e.Key = ingest.Hash("google_workspace", a.app, a.qualifier, a.email, d.name, d.docID, d.targetUser, d.userEmail)
	e.Client = event.Client{IP: ingest.Address(a.ip), Country: a.region, App: d.appID}
	e.Actor.Kind = event.Human
	switch {
	case a.email != "":
		e.Actor.Account = out.Account("google_workspace", a.email)
		if a.profile != "" && a.profile != anonymousProfile {
			e.Actor.Alias = out.Join("google_workspace:", a.profile)
		}
	case a.key != "":
		e.Actor.Kind, e.Actor.Account = event.App, out.Account("google_workspace", a.key)
	case a.profile != "" && a.profile != anonymousProfile:
		e.Actor.Account = out.Join("google_workspace:", a.profile)
	default:
		e.Actor.Kind = event.Anonymous
	}

	if d.docID != "" {
		e.Object = event.Object{
			ID:        d.docID,
			Type:      "file",
			Name:      d.title,
			Container: cmp.Or(d.owner, d.drive),
			Owner:     d.owner,
			Label:     d.label,
		}
		if d.docType == "folder" || d.docType == "shared_drive" {
			e.Object.Type, e.Object.Folder = d.docType, true
		}
	}

	if a.app == "admin" && a.appName != "" {
		e.Client.App = a.appName
	}
	applications[a.app].classify(a.app, d, e, out)
	if d.notPrimary && a.app == "drive" {
		e.Class = event.Derived
	}

	out.Emit()
	return nil
}

// anonymousProfile is the profile id of anonymous users.
const anonymousProfile = "105250506097979753968"

// names calls visit for every element of a list of texts.
func names(list []byte, visit func(string)) {
	var s jsonscan.Scanner
	if s.Reset(list); list == nil || !s.Array() {
		return
	}
	for s.Elem() {
		visit(s.Text())
	}
}

func joined(list []byte, out *ingest.Sink) string {
	var b strings.Builder
	names(list, func(t string) {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(t)
	})
	return out.Copy(b.String())
}
