// Package dropbox decodes the Dropbox team event log. Facts about the format:
// docs/sources/dropbox.md.
package dropbox

import (
	"cmp"
	"strings"
	"sync"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// Formats are the JSON shapes of team events.
var Formats = []*ingest.Format{{
	Name:   "dropbox",
	Match:  func(k ingest.Keys) bool { return k.Has("event_type", "event_category", "timestamp") },
	Decode: decode,
}}

// user is a person in the shape that the log uses everywhere.
type user struct{ tag, email, account, name string }

// asset is a file or folder of an event.
type asset struct {
	tag, id, name, path string
	size                string
}

// record holds the fields of an event that are used.
type record struct {
	time, kind, actorTag, ip, country, session, appID, appName string
	actor, context                                             user
	participants                                               []user
	assets                                                     []asset
	outsiders                                                  bool
	details                                                    []byte
	newValue, oldValue, audience                               string
}

var records = sync.Pool{New: func() any { return new(record) }}

func decode(s *jsonscan.Scanner, out *ingest.Sink) error {
	r := records.Get().(*record)
	defer records.Put(r)
	*r = record{participants: r.participants[:0], assets: r.assets[:0]}
	if !s.Object() {
		return ingest.ErrNotThis
	}
	for s.Next() {
		switch string(s.Key) {
		case "timestamp":
			r.time = s.Text()
		case "event_type":
			r.kind = tag(s)
		case "actor":
			r.scanActor(s)
		case "context":
			r.context.scan(s)
		case "origin":
			r.scanOrigin(s)
		case "involve_non_team_member":
			r.outsiders = s.Bool()
		case "participants":
			if s.Array() {
				for s.Elem() {
					r.participant(s)
				}
			}

		case "assets":
			if s.Array() {
				for s.Elem() {
					r.asset(s)
				}
			}

		case "details":
			r.details = s.Raw()
		default:
			s.Skip()
		}
	}

	if err := s.Err(); err != nil {
		return err
	}
	if r.kind == "" || r.time == "" {
		return ingest.ErrNotThis
	}
	return r.emit(out)
}

// isTag reports whether a key is the tag of a union. Some tools write _tag for .tag.
func isTag(key []byte) bool { return string(key) == ".tag" || string(key) == "_tag" }

// tag reads the tag of the union that comes next.
func tag(s *jsonscan.Scanner) (t string) {
	if s.Kind() == '"' {
		return s.Text()
	}
	if !s.Object() {
		return ""
	}
	for s.Next() {
		if isTag(s.Key) {
			t = s.Text()
		} else {
			s.Skip()
		}
	}
	return t
}

func (u *user) scan(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	for s.Next() {
		switch {
		case isTag(s.Key):
			u.tag = s.Text()
		case string(s.Key) == "email":
			u.email = s.Text()
		case string(s.Key) == "account_id":
			u.account = s.Text()
		case string(s.Key) == "display_name":
			u.name = s.Text()
		default:
			s.Skip()
		}
	}
}

func (r *record) scanActor(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	for s.Next() {
		switch k := string(s.Key); {
		case isTag(s.Key):
			r.actorTag = s.Text()
		case k == "user" || k == "admin":
			r.actor.scan(s)
		case k == "app":
			if s.Object() {
				for s.Next() {
					switch string(s.Key) {
					case "app_id":
						r.appID = s.Text()
					case "display_name":
						r.appName = s.Text()
					default:
						s.Skip()
					}
				}
			}
		default:
			s.Skip()
		}
	}
}

func (r *record) scanOrigin(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	for s.Next() {
		switch string(s.Key) {
		case "geo_location":
			if s.Object() {
				for s.Next() {
					switch string(s.Key) {
					case "ip_address":
						r.ip = s.Text()
					case "country":
						r.country = s.Text()
					default:
						s.Skip()
					}
				}
			}
		case "access_method":
			r.session = nested(s, "session_id")
		default:
			s.Skip()
		}
	}
}

// nested returns a text field at any depth of the next object.
func nested(s *jsonscan.Scanner, name string) (value string) {
	if s.Kind() != '{' {
		s.Skip()
		return ""
	}
	s.Object()
	for s.Next() {
		if string(s.Key) == name {
			value = s.Text()
		} else if v := nested(s, name); v != "" {
			value = v
		}
	}
	return value
}

// participant reads {"user":{…}} or {"group":{…}}.
func (r *record) participant(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	for s.Next() {
		if string(s.Key) != "user" {
			s.Skip()
			continue
		}
		var u user
		u.scan(s)
		r.participants = append(r.participants, u)
	}
}

func (r *record) asset(s *jsonscan.Scanner) {
	var a asset
	if !s.Object() {
		return
	}
	for s.Next() {
		switch {
		case isTag(s.Key):
			a.tag = s.Text()
		case string(s.Key) == "file_id":
			a.id = s.Text()
		case string(s.Key) == "display_name":
			a.name = s.Text()
		case string(s.Key) == "file_size":
			a.size = s.Text()
		case string(s.Key) == "path":
			a.path = s.Field("contextual")
		default:
			s.Skip()
		}
	}
	r.assets = append(r.assets, a)
}

// emit emits an event for every asset, since a selection may have many items.
func (r *record) emit(out *ingest.Sink) error {
	at, err := out.Time("timestamp", r.time)
	if err != nil {
		return err
	}
	if len(r.assets) == 0 {
		r.one(at, nil, 0, out)
	}
	for i := range r.assets {
		r.one(at, &r.assets[i], i, out)
	}
	return nil
}

func (r *record) one(at int64, a *asset, index int, out *ingest.Sink) {
	e := out.New(event.Dropbox)
	e.Time, e.Action = at, r.kind
	r.setActor(e, out)
	e.Client = event.Client{IP: ingest.Address(r.ip), Country: r.country, Session: r.session, App: r.appID}
	out.Attr(event.AttrAppName, r.appName)
	if a != nil {
		e.Object = event.Object{
			ID:        cmp.Or(a.id, a.path, a.name),
			Type:      cmp.Or(a.tag, "file"),
			Name:      cmp.Or(a.name, a.path),
			Container: folder(a.path),
			Size:      out.Size(a.size),
			Folder:    strings.HasSuffix(a.tag, "folder"),
		}
		if i := strings.LastIndexByte(a.path, '/'); i > 0 {
			out.Attr(event.AttrFolder, a.path[:i])
		}
		e.ID = out.Join(r.time, "/", cmp.Or(a.id, a.path, "-")) // the log has no ids, so time and item identify the record
	}
	h, known := types.Get(r.kind)
	if !known {
		h = byWords(r.kind)
	}
	e.Class = h.class
	if e.Class == event.Download && a != nil {
		e.Bytes = e.Object.Size
	}
	if h.detail != nil {
		h.detail(r, e, out)
	}
	e.Key = ingest.ContentKey(e) + uint64(index)
	out.Emit()
}

// folder returns the first level of a path, at which folders are shared.
func folder(path string) string {
	path = strings.TrimPrefix(path, "/")
	if i := strings.IndexByte(path, '/'); i >= 0 {
		return path[:i]
	}
	return ""
}

func (r *record) setActor(e *event.Event, out *ingest.Sink) {
	a := &e.Actor
	a.Kind, a.Name = event.Human, r.actor.name
	switch r.actorTag {
	case "app":
		a.Kind, a.Account = event.App, out.Account("dropbox", r.appID)
		return
	case "anonymous":
		a.Kind = event.Anonymous
		return
	case "dropbox", "reseller":
		a.Kind, a.Account = event.Support, out.Join("dropbox:", r.actorTag)
		return
	}
	a.Account = out.Account("dropbox", cmp.Or(r.actor.email, r.actor.account))
	if r.actor.email != "" && r.actor.account != "" {
		a.Alias = out.Join("dropbox:", out.Lower(r.actor.account))
	}
	if r.context.email != "" && !strings.EqualFold(r.context.email, r.actor.email) {
		a.OnBehalfOf = out.Account("dropbox", r.context.email)
	}
}

// scanDetails reads the details that most types have: new value, previous value, and who may
// open a link.
func (r *record) scanDetails() {
	var s jsonscan.Scanner
	if s.Reset(r.details); r.details == nil || !s.Object() {
		return
	}
	for s.Next() {
		switch string(s.Key) {
		case "new_value":
			r.newValue = tag(&s)
		case "previous_value":
			r.oldValue = tag(&s)
		case "shared_link_owner", "shared_content_access_level":
			s.Skip()
		case "shared_link_access_level", "link_audience", "target_audience":
			r.audience = tag(&s)
		default:
			s.Skip()
		}
	}
}

// link is a change of who may open a link. Without a stated audience, everybody may, which is
// Dropbox's default for teams.
func link(r *record, e *event.Event, out *ingest.Sink) {
	r.scanDetails()
	audiences := map[string]event.Visibility{
		"public":             event.PublicLink,
		"password":           event.PublicLink,
		"team":               event.Internal,
		"team_only":          event.Internal,
		"members":            event.Private,
		"no_one":             event.Private,
		"team_and_password":  event.Internal,
		"shared_folder_only": event.Private,
		"none":               event.Private,
	}
	e.Before = audiences[r.oldValue]
	if v, stated := audiences[cmp.Or(r.newValue, r.audience)]; stated {
		e.After = v
	} else if r.kind == "shared_link_create" {
		e.After = event.PublicLink
	}
	switch {
	case e.After == event.PublicLink:
		out.To("*", event.ScopeAnyone)
	case e.Before > e.After && e.After != event.NoVisibility:
		e.Class = event.Unshare
	}
}

// linkedApp is an application that may reach the data of the user who linked it.
func linkedApp(r *record, e *event.Event, out *ingest.Sink) {
	var s jsonscan.Scanner
	if s.Reset(r.details); r.details == nil {
		return
	}
	id := nested(&s, "app_id")
	s.Reset(r.details)
	name := nested(&s, "display_name")
	if id = cmp.Or(id, name); id == "" {
		return
	}
	e.Object = event.Object{ID: out.Copy(id), Type: "application", Name: out.Copy(cmp.Or(name, id))}
	out.Attr(event.AttrAppName, e.Object.Name)
}

// ofOthers is an export of what is held of members of the team.
func ofOthers(_ *record, _ *event.Event, out *ingest.Sink) {
	out.Attr(event.AttrReach, event.ReachOthers)
}

// teamApp is an application that may reach the data of the whole team. The log does not say what it
// may do there.
func teamApp(r *record, e *event.Event, out *ingest.Sink) {
	linkedApp(r, e, out)
	out.Attr(event.AttrReach, event.ReachOrganization)
}

func recipients(r *record, e *event.Event, out *ingest.Sink) {
	for _, u := range r.participants {
		scope := event.ScopeUnknown
		if strings.HasSuffix(u.tag, "non_team_member") {
			scope = event.ScopeExternal
		}
		out.To(out.Account("dropbox", cmp.Or(u.email, u.account)), scope)
	}
}

func invitees(r *record, e *event.Event, out *ingest.Sink) {
	recipients(r, e, out)
	var s jsonscan.Scanner
	if s.Reset(r.details); r.details == nil || !s.Object() {
		return
	}
	for s.Next() {
		if string(s.Key) == "invitees" && s.Kind() == '[' {
			s.Array()
			for s.Elem() {
				out.To(out.Account("dropbox", s.Text()), event.ScopeUnknown)
			}
			continue
		}
		s.Skip()
	}
}

func adminRole(r *record, e *event.Event, out *ingest.Sink) {
	r.scanDetails()
	recipients(r, e, out)
	if len(e.To) == 0 && r.context.email != "" {
		out.To(out.Account("dropbox", r.context.email), event.ScopeUnknown)
	}
	out.Attr(event.AttrRole, out.Copy(r.newValue))
	if r.newValue == "member_only" {
		e.Class = event.AdminRevoke
	}
}

func status(r *record, e *event.Event, out *ingest.Sink) {
	r.scanDetails()
	if r.newValue == "suspended" || r.newValue == "removed" {
		e.Class = event.Offboard
	}
	if r.context.email != "" {
		out.To(out.Account("dropbox", r.context.email), event.ScopeUnknown)
	}
}

// tfa is a change of a person's second factor, which may also strengthen it.
func tfa(r *record, e *event.Event, out *ingest.Sink) {
	if r.context.email != "" {
		out.To(out.Account("dropbox", r.context.email), event.ScopeUnknown)
	}
	if r.scanDetails(); r.newValue != "disabled" {
		e.Class = event.MFAEnabled
	}
}

func tfaReset(r *record, e *event.Event, out *ingest.Sink) {
	tfa(r, e, out)
	e.Class = event.MFADisabled
}

func changed(r *record, e *event.Event, out *ingest.Sink) {
	r.scanDetails()
	out.Attr(event.AttrTarget, out.Join(r.kind, "=", r.newValue))
	kind := "sharing"
	if authentication(r.kind) {
		kind = "authentication"
	}
	effect := ""
	switch r.newValue {
	case "default_public", "everyone", "anyone", "allowed", "default_allow", "disabled", "optional", "enabled_for_everyone", "off",
		"require_tfa_disable":
		effect = "weaker"
	case "only_team", "team_only", "default_team_only", "forbidden", "required", "only_me", "default_no_one", "no_one", "on",
		"require_tfa_enable":
		effect = "stronger"
	}
	out.Policy(kind, effect)
}

// label is a sensitivity label that was set or removed.
func label(r *record, _ *event.Event, out *ingest.Sink) {
	if r.kind == "object_label_removed" {
		out.Attr(event.AttrEffect, "weaker")
	}
}

func failed(_ *record, e *event.Event, _ *ingest.Sink) { e.Outcome = event.Failure }
