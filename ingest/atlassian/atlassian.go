// Package atlassian decodes Atlassian's audit logs: the one of an organisation, those of Jira
// and Confluence Cloud, and the common one of Jira, Confluence and Bitbucket Data Center. It is
// also the source of the first. Facts about the formats: docs/sources/atlassian.md.
package atlassian

import (
	"cmp"
	"strings"
	"sync"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// Formats are the JSON shapes of audit records.
var Formats = []*ingest.Format{{
	Name:   "atlassian_organization",
	Match:  func(k ingest.Keys) bool { return k.Has("type", "id", "attributes") && !k.Has("relationships") },
	Decode: decoder((*record).organization),
}, {
	Name:   "atlassian_confluence",
	Match:  func(k ingest.Keys) bool { return k.Has("creationDate", "summary", "category", "author") },
	Decode: decoder((*record).confluence),
}, {
	Name:   "atlassian_jira",
	Match:  func(k ingest.Keys) bool { return k.Has("created", "summary", "category", "id") },
	Decode: decoder((*record).jira),
}, {
	Name: "atlassian_data_center",
	Match: func(k ingest.Keys) bool {
		return k.Has("timestamp", "author", "affectedObjects") && (k.Has("type") || k.Has("auditType"))
	},
	Decode: decoder((*record).server),
}}

// thing is an object of a record: a user, a group, a space, a project.
type thing struct{ kind, id, name, email, detail string }

// change is a value that was changed.
type change struct{ name, from, to string }

// record holds the fields of a record that are used, whatever its shape.
type record struct {
	field                                string // name of the field with the time
	id, time, action, category, ip, site string
	actor, behalf                        thing
	token                                string
	things                               [8]thing
	thingCount                           int
	changes                              [8]change
	changeCount                          int
}

var records = sync.Pool{New: func() any { return new(record) }}

// decoder returns the decoder of records that are read by a function.
func decoder(read func(r *record, s *jsonscan.Scanner) bool) func(*jsonscan.Scanner, *ingest.Sink) error {
	return func(s *jsonscan.Scanner, out *ingest.Sink) error {
		r := records.Get().(*record)
		defer records.Put(r)
		*r = record{}
		if !s.Object() {
			return ingest.ErrNotThis
		}
		known := read(r, s)
		if err := s.Err(); err != nil {
			return err
		}
		if !known || r.action == "" {
			return ingest.ErrNotThis
		}
		return r.emit(out)
	}
}

// organization reads an event of an organisation's log.
func (r *record) organization(s *jsonscan.Scanner) (known bool) {
	r.field = "attributes.time"
	for s.Next() {
		switch string(s.Key) {
		case "type":
			known = s.Text() == "events"
		case "id":
			r.id = s.Text()
		case "attributes":
			if !s.Object() {
				continue
			}
			for s.Next() {
				switch string(s.Key) {
				case "time":
					r.time = s.Text()
				case "action":
					r.action = s.Text()
				case "actor":
					r.scanActor(s)
				case "location":
					r.ip = s.Field("ip")
				case "context":
					r.scanThings(s)
				case "container":
					r.scanContainer(s)
				default:
					s.Skip()
				}
			}

		default:
			s.Skip()
		}
	}

	return known
}

// scanActor reads who acted: directly, with a token, or on behalf of another user.
func (r *record) scanActor(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	for s.Next() {
		switch string(s.Key) {
		case "onBehalfOf":
			r.behalf.scan(s)
		case "auth":
			r.token = s.Field("tokenLabel")
		default:
			r.actor.field(s)
		}
	}
}

// scanContainer reads where it happened: the id of the site or, without one, of its container.
func (r *record) scanContainer(s *jsonscan.Scanner) {
	if !s.Array() {
		return
	}
	for s.Elem() {
		var t thing
		t.scan(s)
		if r.site == "" || t.kind == "sites" {
			r.site = t.id
		}
	}
}

func (r *record) scanThings(s *jsonscan.Scanner) {
	if !s.Array() {
		return
	}
	for s.Elem() {
		if r.thingCount == len(r.things) {
			s.Skip()
			continue
		}
		t := &r.things[r.thingCount]
		if t.scan(s); t.name != "" || t.id != "" {
			r.thingCount++
		}
	}
}

func (t *thing) scan(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	for s.Next() {
		t.field(s)
	}
}

// field reads a field of a user, group, space or other object, under its name in any of the
// shapes.
func (t *thing) field(s *jsonscan.Scanner) {
	switch string(s.Key) {
	case "id", "accountId":
		t.id = s.Text()
	case "type", "typeName", "objectType":
		t.kind = s.Text()
	case "name", "displayName", "groupName", "siteName", "appName":
		t.name = cmp.Or(t.name, s.Text())
	case "email":
		t.email = s.Text()
	case "permissionName", "roleName", "role":
		t.detail = s.Text()
	case "uri":
		t.detail = user(s.Text())
	case "attributes":
		t.scan(s)
	default:
		s.Skip()
	}
}

// user returns the name of the user that a record of a data center is about.
func user(uri string) string {
	for _, mark := range []string{"username=", "ViewProfile.jspa?name=", "/users/"} {
		if _, name, ok := strings.Cut(uri, mark); ok {
			name, _, _ = strings.Cut(name, "&")
			return name
		}
	}
	return ""
}

// confluence reads a record of Confluence Cloud.
func (r *record) confluence(s *jsonscan.Scanner) bool {
	r.field = "creationDate"
	for s.Next() {
		switch string(s.Key) {
		case "author":
			r.actor.scan(s)
			r.actor.kind = ""
		case "remoteAddress":
			r.ip = s.Text()
		case "creationDate":
			r.time = s.Text()
		case "summary":
			r.action = s.Text()
		case "category":
			r.category = s.Text()
		case "affectedObject":
			r.scanThing(s)
		case "associatedObjects":
			r.scanThings(s)
		case "changedValues":
			r.scanChanges(s)
		default:
			s.Skip()
		}
	}
	return r.time != ""
}

func (r *record) scanThing(s *jsonscan.Scanner) {
	if r.thingCount < len(r.things) {
		t := &r.things[r.thingCount]
		if t.scan(s); t.name != "" || t.id != "" {
			r.thingCount++
		}
		return
	}
	s.Skip()
}

func (r *record) scanChanges(s *jsonscan.Scanner) {
	if !s.Array() {
		return
	}
	for s.Elem() {
		var c change
		if !s.Object() {
			continue
		}
		for s.Next() {
			switch string(s.Key) {
			case "name", "key", "fieldName":
				c.name = s.Text()
			case "oldValue", "from", "changedFrom":
				c.from = s.Text()
			case "newValue", "to", "changedTo", "value":
				c.to = s.Text()
			default:
				s.Skip()
			}
		}
		if r.changeCount < len(r.changes) {
			r.changes[r.changeCount] = c
			r.changeCount++
		}
	}
}

// jira reads a record of Jira Cloud.
func (r *record) jira(s *jsonscan.Scanner) bool {
	r.field = "created"
	for s.Next() {
		switch string(s.Key) {
		case "id":
			r.id = s.Text()
		case "created":
			r.time = s.Text()
		case "summary":
			r.action = s.Text()
		case "category":
			r.category = s.Text()
		case "remoteAddress":
			r.ip = s.Text()
		case "authorAccountId":
			r.actor.id = s.Text()
		case "authorKey":
			r.actor.name = s.Text()
		case "objectItem":
			r.scanThing(s)
		case "associatedItems":
			r.scanThings(s)
		case "changedValues":
			r.scanChanges(s)
		default:
			s.Skip()
		}
	}
	return r.time != ""
}

// server reads a record of a data center, from the API or from the audit file of a node.
func (r *record) server(s *jsonscan.Scanner) bool {
	r.field = "timestamp"
	for s.Next() {
		switch string(s.Key) {
		case "timestamp":
			if s.Kind() == '{' {
				r.time = s.Field("epochSecond")
			} else {
				r.time = s.Text()
			}

		case "author":
			r.actor.scan(s)
			r.actor.kind = ""
			switch {
			case r.actor.id == "-1", r.actor.name == "System":
				r.actor = thing{kind: "system"}
			case r.actor.id == "-2", r.actor.name == "Anonymous":
				r.actor = thing{kind: "anonymous"}
			default:
				r.actor.id = cmp.Or(r.actor.detail, r.actor.id)
			}

		case "type", "auditType":
			if !s.Object() {
				continue
			}
			for s.Next() {
				switch string(s.Key) {
				case "action":
					r.action = s.Text()
				case "category":
					r.category = s.Text()
				default:
					s.Skip()
				}
			}

		case "affectedObjects":
			r.scanThings(s)
		case "changedValues", "extraAttributes":
			r.scanChanges(s)
		case "source":
			r.ip = s.Text()
		case "system":
			r.site = s.Text()
		default:
			s.Skip()
		}
	}

	return r.time != ""
}

func (r *record) emit(out *ingest.Sink) error {
	at, err := out.Time(r.field, r.time)
	if err != nil {
		return err
	}
	e := out.New(event.Atlassian)
	e.Time, e.ID, e.Tenant, e.Action = at, r.id, r.site, r.action
	if r.field == "created" { // Jira's ids are unique within a site, which the record does not name
		e.Key = ingest.Hash("atlassian_jira", r.id, r.time, r.action)
	} else if r.id != "" {
		e.Key = ingest.Hash("atlassian", r.id)
	}

	e.Actor = event.Actor{
		Account: out.Account("atlassian", cmp.Or(r.actor.email, r.actor.id)),
		Name:    r.actor.name,
		Kind:    event.Human,
	}
	if r.actor.email != "" && r.actor.id != "" {
		e.Actor.Alias = out.Join("atlassian:", out.Lower(r.actor.id))
	}
	switch {
	case r.actor.kind == "system" || r.actor.id == "" && r.actor.email == "":
		e.Actor.Kind = event.System
	case r.actor.kind == "anonymous":
		e.Actor.Kind = event.Anonymous
	case r.field == "attributes.time" && r.actor.email == "" && !strings.Contains(r.actor.id, ":"):
		e.Actor.Kind = event.App // a product or an application
	}

	e.Actor.OnBehalfOf = out.Account("atlassian", cmp.Or(r.behalf.email, r.behalf.id))
	e.Client = event.Client{IP: ingest.Address(r.ip), App: r.token}
	if r.token != "" {
		out.Attr(event.AttrAppName, r.token)
	}
	if t := r.object(); t != nil {
		e.Object = event.Object{ID: t.id, Type: strings.ToLower(t.kind), Name: t.name}
	}

	r.classify(e, out)
	out.Emit()
	return nil
}

// object returns the object of the action: the first thing that is neither a user nor the site,
// else the first thing.
func (r *record) object() *thing {
	if t := r.find("repository"); t != nil { // its project is there, too
		return t
	}
	things := r.things[:r.thingCount]
	for i := range things {
		if t := &things[i]; !t.is("user", "users", "site", "sites") {
			return t
		}
	}
	if len(things) > 0 {
		return &things[0]
	}
	return nil
}

func (t *thing) is(kinds ...string) bool {
	for _, k := range kinds {
		if strings.EqualFold(t.kind, k) {
			return true
		}
	}
	return false
}

// find returns the first thing of one of the kinds, or nil.
func (r *record) find(kinds ...string) *thing {
	for i := range r.things[:r.thingCount] {
		if t := &r.things[i]; t.is(kinds...) {
			return t
		}
	}
	return nil
}

// changed returns the new value of a changed field, or the old one if it was removed.
func (r *record) changed(names ...string) string {
	for _, n := range names {
		for i := range r.changes[:r.changeCount] {
			if c := &r.changes[i]; strings.EqualFold(c.name, n) {
				return cmp.Or(c.to, c.from)
			}
		}
	}
	return ""
}
