// Package slack decodes the entries of the Slack audit log, and is its source. Facts about the
// format: docs/sources/slack.md.
package slack

import (
	"cmp"
	"strings"
	"sync"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// Formats are the JSON shapes of audit entries.
var Formats = []*ingest.Format{{
	Name:   "slack",
	Match:  func(k ingest.Keys) bool { return k.Has("date_create", "action", "actor", "entity") },
	Decode: decode,
}, {
	Name:   "slack_access_log",
	Match:  func(k ingest.Keys) bool { return k.Has("user_id", "date_first", "date_last", "user_agent") },
	Decode: decodeAccess,
}}

// thing is an actor or an entity: {type, <type>: {id, name, email, …}}.
type thing struct {
	kind, id, name, email, title, privacy, filetype string
	scopes                                          []byte // of an application
}

// record holds the fields of an entry that are used.
type record struct {
	id, created, action, ip, agent, session, workspace string
	actor, entity                                      thing
	details                                            []byte
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
		switch string(s.Key) {
		case "id":
			r.id = s.Text()
		case "date_create":
			r.created = s.Text()
		case "action":
			r.action = s.Text()
		case "actor":
			r.actor.scan(s)
		case "entity":
			r.entity.scan(s)
		case "context":
			r.scanContext(s)
		case "details":
			r.details = s.Raw()
		default:
			s.Skip()
		}
	}

	if err := s.Err(); err != nil {
		return err
	}
	if r.action == "" || r.created == "" {
		return ingest.ErrNotThis
	}
	return r.emit(out)
}

func (t *thing) scan(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	for s.Next() {
		if string(s.Key) == "type" {
			t.kind = s.Text()
			continue
		}
		if !s.Object() {
			continue
		}
		for s.Next() {
			switch string(s.Key) {
			case "id":
				t.id = s.Text()
			case "name":
				t.name = s.Text()
			case "email":
				t.email = s.Text()
			case "title":
				t.title = s.Text()
			case "privacy":
				t.privacy = s.Text()
			case "filetype":
				t.filetype = s.Text()
			case "scopes":
				t.scopes = s.Raw()
			default:
				s.Skip()
			}
		}
	}
}

func (r *record) scanContext(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	for s.Next() {
		switch string(s.Key) {
		case "ua":
			r.agent = s.Text()
		case "ip_address":
			r.ip = s.Text()
		case "session_id":
			r.session = s.Text()
		case "location":
			r.workspace = s.Field("id")
		default:
			s.Skip()
		}
	}
}

func (r *record) emit(out *ingest.Sink) error {
	at, err := out.Time("date_create", r.created)
	if err != nil {
		return err
	}
	e := out.New(event.Slack)
	e.Time, e.ID, e.Tenant, e.Action = at, r.id, r.workspace, r.action
	if r.id != "" {
		e.Key = ingest.Hash("slack", r.id)
	}

	e.Actor.Kind, e.Actor.Name = event.Human, r.actor.name
	e.Actor.Account = out.Account("slack", cmp.Or(r.actor.email, r.actor.id))
	if r.actor.email != "" && r.actor.id != "" {
		e.Actor.Alias = out.Join("slack:", out.Lower(r.actor.id))
	}
	if r.actor.kind != "user" && r.actor.kind != "" {
		e.Actor.Kind = event.App
	}

	e.Client = event.Client{IP: ingest.Address(r.ip), Agent: r.agent, Session: r.session}
	e.Object = event.Object{ID: r.entity.id, Type: r.entity.kind, Name: cmp.Or(r.entity.title, r.entity.name)}
	h, known := actions.Get(r.action)
	if !known {
		h = byVerb(r.action)
	}
	e.Class = h.class
	if h.detail != nil {
		h.detail(r, e, out)
	}
	out.Emit()
	return nil
}

// decodeAccess decodes an entry of the access log (team.accessLogs): a person's visits from one
// address with one client, in sum. Later pages have the same entry with a later end.
func decodeAccess(s *jsonscan.Scanner, out *ingest.Sink) error {
	var user, name, first, ip, agent, country string
	if !s.Object() {
		return ingest.ErrNotThis
	}
	for s.Next() {
		switch string(s.Key) {
		case "user_id":
			user = s.Text()
		case "username":
			name = s.Text()
		case "date_first":
			first = s.Text()
		case "ip":
			ip = s.Text()
		case "user_agent":
			agent = s.Text()
		case "country":
			country = s.Text()
		default:
			s.Skip()
		}
	}
	if err := s.Err(); err != nil {
		return err
	}
	if user == "" || first == "" {
		return ingest.ErrNotThis
	}
	at, err := out.Time("date_first", first)
	if err != nil {
		return err
	}
	e := out.New(event.Slack)
	e.Time, e.Action, e.Class = at, "access", event.AppAccess
	e.Key = ingest.Hash("slack_access", user, ip, agent, first)
	e.Actor = event.Actor{Account: out.Account("slack", user), Name: name, Kind: event.Human}
	e.Client = event.Client{IP: ingest.Address(ip), Agent: agent, Country: country}
	out.Emit()
	return nil
}

// download is a file that was fetched. The applications for telephones fetch a picture to show it.
func download(r *record, e *event.Event, _ *ingest.Sink) {
	agent := strings.ToLower(r.agent)
	phone := strings.HasPrefix(agent, "com.tinyspeck.") || strings.Contains(agent, "(iphone") || strings.Contains(agent, "(ipad") ||
		strings.Contains(agent, "android")
	if phone && strings.HasPrefix(r.entity.filetype, "image/") {
		e.Class = event.View
	}
}

// signOn is a change of how people or their devices sign in.
func signOn(r *record, _ *event.Event, out *ingest.Sink) {
	effect := ""
	switch {
	case strings.HasSuffix(r.action, "_deleted"), strings.HasSuffix(r.action, "_disabled"), strings.HasSuffix(r.action, "_entity_removed"):
		effect = "weaker"
	case strings.HasSuffix(r.action, "_enabled"):
		effect = "stronger"
	}
	out.Policy("authentication", effect)
}

// setting is a changed preference of a workspace. Turning off one that forbids something weakens
// the policy.
func setting(r *record, _ *event.Event, out *ingest.Sink) {
	value := ""
	r.visit(func(key, v string) {
		if key == "new_value" && value == "" {
			value = v
		}
	})

	name := strings.TrimPrefix(r.action, "pref.")
	out.Attr(event.AttrTarget, out.Join(name, "=", value))
	off := value == "false" || value == "disabled" || value == "off" || value == "none" || value == "optional"
	on := value == "true" || value == "enabled" || value == "on" || value == "required"
	effect := func(weaker, stronger bool) string {
		switch {
		case weaker:
			return "weaker"
		case stronger:
			return "stronger"
		}
		return ""
	}

	switch {
	case strings.Contains(name, "two_factor") || strings.HasPrefix(name, "sso") || strings.Contains(name, "session_duration") ||
		strings.Contains(name, "password"):
		out.Policy("authentication", effect(off, on))
	case name == "disallow_public_file_urls":
		out.Policy("sharing", effect(off, on))
	case strings.Contains(name, "public") || strings.Contains(name, "external") || strings.Contains(name, "shared_channel") ||
		strings.Contains(name, "guest") || strings.Contains(name, "who_can_dm"):
		out.Policy("sharing", effect(on, off))
	}
}

func public(_ *record, e *event.Event, out *ingest.Sink) {
	e.After = event.PublicLink
	out.To("*", event.ScopeAnyone)
}

// details visits the text values of details, whose shape depends on the action.
func (r *record) visit(visit func(key, value string)) {
	var s jsonscan.Scanner
	if s.Reset(r.details); r.details == nil || !s.Object() {
		return
	}
	for s.Next() {
		key := string(s.Key)
		if s.Kind() == '[' {
			s.Array()
			for s.Elem() {
				visit(key, s.Text())
			}
			continue
		}
		visit(key, s.Text())
	}
}

func shared(r *record, e *event.Event, out *ingest.Sink) {
	r.visit(func(key, value string) {
		if key == "shared_to" && ingest.IsEmail(value) {
			out.To(out.Lower(value), event.ScopeUnknown)
		}
	})
}

func invited(r *record, e *event.Event, out *ingest.Sink) {
	r.visit(func(key, value string) {
		if ingest.IsEmail(value) {
			out.To(out.Lower(value), event.ScopeExternal)
		}
	})
}

func subject(r *record, e *event.Event, out *ingest.Sink) {
	out.To(out.Account("slack", cmp.Or(r.entity.email, r.entity.id)), event.ScopeUnknown)
}

func role(r *record, e *event.Event, out *ingest.Sink) {
	subject(r, e, out)
	name := ""
	switch r.action {
	case "role_change_to_admin":
		name = "admin"
	case "role_change_to_owner", "owner_transferred", "service_owner_transferred":
		name = "owner"
	default:
		r.visit(func(key, value string) {
			if (key == "role" || key == "permissions" || key == "new_value") && name == "" {
				name = value
			}
		})
		if r.entity.kind == "role" {
			name = cmp.Or(r.entity.name, name)
		}
	}
	out.Attr(event.AttrRole, out.Copy(name))
}

func failed(_ *record, e *event.Event, _ *ingest.Sink) { e.Outcome = event.Failure }

func app(r *record, e *event.Event, out *ingest.Sink) {
	var list []string
	r.visit(func(key, value string) {
		if strings.Contains(key, "scopes") {
			list = append(list, value)
		}
	})
	if len(list) == 0 && len(r.entity.scopes) > 0 && r.entity.scopes[0] == '[' {
		var s jsonscan.Scanner
		s.Reset(r.entity.scopes)
		for s.Array(); s.Elem(); {
			list = append(list, strings.Clone(s.Text()))
		}
	}
	out.Attr(event.AttrScopes, out.Copy(strings.Join(list, " ")))
	out.Attr(event.AttrAppName, e.Object.Name)
}

func anomaly(r *record, e *event.Event, out *ingest.Sink) {
	var list []string
	r.visit(func(key, value string) {
		if key == "reason" {
			list = append(list, value)
		}
	})
	out.Attr(event.AttrReason, out.Copy(strings.Join(list, ", ")))
}
