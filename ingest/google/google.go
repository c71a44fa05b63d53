// Package google decodes activities of the Google Workspace Reports API: drive,
// login, admin, token, takeout, groups, user_accounts and the other
// applications. Facts about the format: docs/sources/google_workspace.md.
package google

import (
	"cmp"
	"sync"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// Formats are the JSON shapes of Workspace activities: that of the Reports API, also with one event
// and its parameters at the top, as collectors write it; a row of the BigQuery export; an entry of
// Google Cloud's audit log.
var Formats = []*ingest.Format{{
	Name: "google_workspace",
	Match: func(k ingest.Keys) bool {
		switch {
		case !k.Has("id"):
			return false
		case k.Has("actor", "events"), k.Has("actor", "event"), k.Has("actor", "name", "parameters"):
			return true
		case k.Has("events"), k.Has("name", "parameters"), k.Has("actor", "name"):
			return k.Has("kind") || k.Has("etag") && k.Has("ipAddress")
		}
		return false
	},
	Decode: decode,
}, {
	Name:   "google_workspace_bigquery",
	Match:  func(k ingest.Keys) bool { return k.Has("time_usec", "event_name", "record_type") },
	Decode: decodeRow,
}, {
	Name:   "google_workspace_cloud_logging",
	Match:  func(k ingest.Keys) bool { return k.Has("logName", "protoPayload") },
	Decode: decodeEntry,
}}

// activity holds the fields of an activity that are used.
type activity struct {
	time, qualifier, app, customer, email, profile, key, ip, region, appName string
	events                                                                   []byte
	flat                                                                     bool  // e is the event, at the top level
	cut                                                                      error // a tool left out who acted, or when
	e                                                                        detail
	scan                                                                     jsonscan.Scanner
	records                                                                  []record
}

// record is a column of a row that may hold the parameters of its application.
type record struct {
	name   string
	fields []byte
}

var activities = sync.Pool{New: func() any { return new(activity) }}

// begin returns an empty activity from the pool.
func begin() *activity {
	a := activities.Get().(*activity)
	*a = activity{scan: a.scan, records: a.records[:0]}
	a.scan.Unique = true
	return a
}

func decode(s *jsonscan.Scanner, out *ingest.Sink) error {
	a := begin()
	defer activities.Put(a)
	if !s.Object() {
		return ingest.ErrNotThis
	}

	var parameters []byte
	for s.Next() {
		switch string(s.Key) {
		case "id":
			a.whole(s, "id")
			a.scanID(s)
		case "actor":
			a.whole(s, "actor")
			a.scanActor(s)
		case "ipAddress":
			a.ip = s.Text()
		case "events", "event":
			a.events = s.RawUnchecked()
		case "networkInfo":
			a.region = s.Field("regionCode")
		case "type":
			a.e.kind = s.Text()
		case "name":
			a.e.name = s.Text()
		case "parameters":
			parameters = s.RawUnchecked()
		default:
			s.Skip()
		}
	}

	if err := s.Err(); err != nil {
		return err
	}
	if a.cut != nil && (a.app != "" || a.email != "") {
		return a.cut
	}
	a.flat = a.events == nil && a.e.name != ""
	if a.events == nil && !a.flat || a.app == "" && a.time == "" {
		return ingest.ErrNotThis
	}
	at, err := out.Time("id.time", a.time)
	if err != nil {
		return err
	}
	if a.flat {
		if parameters != nil {
			a.scan.Reset(parameters)
			a.e.parameters(&a.scan)
		}
		return a.emit(&a.scan, at, out)
	}
	return a.emitAll(at, out)
}

// emitAll emits the elements of events, or the only one that a tool has left of the list.
func (a *activity) emitAll(at int64, out *ingest.Sink) error {
	es := &a.scan
	es.Reset(a.events)
	if inner := encoded(es, a.events); inner != nil {
		a.events = inner
		es.Reset(inner)
	}
	if es.Kind() != '[' {
		a.e.scan(es)
		return a.emit(es, at, out)
	}
	n := 0
	for es.Array(); es.Elem(); n++ {
		es.Skip()
	}

	if n > 1 { // check all of them first, so that an error emits none
		es.Reset(a.events)
		for es.Array(); es.Elem(); {
			if a.e.scan(es); a.e.cut != nil {
				return a.e.cut
			}
		}
	}

	if es.Err() != nil {
		return ingest.Whole(es.Err())
	}
	es.Reset(a.events)
	for es.Array(); es.Elem(); {
		a.e.scan(es)
		if err := a.emit(es, at, out); err != nil {
			return err
		}
	}

	return ingest.Whole(es.Err())
}

// whole notes that a tool left out a part that the next value should be.
func (a *activity) whole(s *jsonscan.Scanner, field string) {
	if s.Kind() != '"' {
		return
	}
	look := *s
	if t := look.Text(); ingest.Cut(t) {
		a.cut = ingest.CutError(field, t)
	}
}

// encoded returns the JSON in the text at the start of b, where a tool has encoded a list or an
// object as a text; nil if there is none.
func encoded(s *jsonscan.Scanner, b []byte) []byte {
	if s.Kind() != '"' {
		return nil
	}
	var text jsonscan.Scanner
	text.Reset(b)
	if inner := text.Bytes(); len(inner) > 1 && (inner[0] == '[' || inner[0] == '{' && inner[1] != '.') {
		return inner
	}
	return nil
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

// emit emits the event that was scanned last. The elements of an activity differ in name or object, so both
// are part of the key.
func (a *activity) emit(s *jsonscan.Scanner, at int64, out *ingest.Sink) error {
	d := &a.e
	if s.Err() != nil {
		return ingest.Whole(s.Err())
	}
	if d.cut != nil {
		return d.cut
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
	case a.profile == anonymousProfile || documents[a.app]:
		e.Actor.Kind = event.Anonymous
	default:
		e.Actor.Kind = event.Unknown
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
	classify(a.app, d, e, out)
	if d.notPrimary && a.app == "drive" && e.Class != event.Inherited {
		e.Class = event.Derived
	}

	out.Emit()
	if d.suspicious && a.app == "login" && e.Class == event.LoginSuccess { // what Google says about a sign-in is a fact of its own
		e.Class = event.VendorAlert
		e.Key = ingest.Hash("google_workspace", "suspicious", a.qualifier, a.email, d.name)
		out.Attr(event.AttrReason, "is_suspicious")
		out.Emit()
	}
	return nil
}

// documents are the applications in which people without an account may open what is shared with
// everybody: their events without an actor are those people's.
var documents = map[string]bool{"drive": true, "data_studio": true}

// anonymousProfile is the profile id of anonymous users.
const anonymousProfile = "105250506097979753968"
