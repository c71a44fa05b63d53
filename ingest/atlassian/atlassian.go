// Package atlassian decodes Atlassian's audit logs: that of an organisation, those of
// Jira and Confluence in the cloud, and the one that Jira, Confluence and Bitbucket
// share in data centers. Facts about the formats: docs/sources/atlassian.md.
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

// thing is what a record speaks of: a user, a group, a space, a project.
type thing struct{ kind, id, name, email, detail string }

// change is a value that was changed.
type change struct{ name, from, to string }

// record is what one pass over a record picks out of it, whatever its shape.
type record struct {
	field                                string // that the time is from
	id, time, action, category, ip, site string
	actor, behalf                        thing
	token                                string
	things                               [8]thing
	thingCount                           int
	changes                              [8]change
	changeCount                          int
}

var records = sync.Pool{New: func() any { return new(record) }}

// decoder makes a decoder of what reads one shape.
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

// organization reads an event of the organisation's log.
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

// scanActor reads who acted: directly, with a token, or for somebody.
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

// scanContainer reads where it happened: the id of the site or, without one, of
// what holds it.
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

// field reads a field of a user, group, space or other object, as one of the shapes
// names it.
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

// user is the name of the user that a page of a data center is about.
func user(uri string) string {
	for _, mark := range []string{"username=", "ViewProfile.jspa?name=", "/users/"} {
		if _, name, ok := strings.Cut(uri, mark); ok {
			name, _, _ = strings.Cut(name, "&")
			return name
		}
	}
	return ""
}

// confluence reads a record of Confluence in the cloud.
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

// jira reads a record of Jira in the cloud.
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

// server reads a record of a data center, as the interface gives it or as it stands in
// the audit file of a node.
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
	at, ok := ingest.Time(r.time)
	if !ok {
		return ingest.BadTime(r.field, r.time)
	}
	e := out.New(event.Atlassian)
	e.Time, e.ID, e.Tenant, e.Action = at, r.id, r.site, r.action
	if r.field == "created" { // ids of Jira are numbers of one site, which the record does not name
		e.Key = ingest.Hash("atlassian_jira", r.id, r.time, r.action)
	} else if r.id != "" {
		e.Key = ingest.Hash("atlassian", r.id)
	}

	e.Actor = event.Actor{Account: out.Account("atlassian", cmp.Or(r.actor.email, r.actor.id)), Name: r.actor.name, Kind: event.Human}
	if r.actor.email != "" && r.actor.id != "" {
		e.Actor.Alias = out.Join("atlassian:", out.Lower(r.actor.id))
	}
	switch {
	case r.actor.kind == "system" || r.actor.id == "" && r.actor.email == "":
		e.Actor.Kind = event.System
	case r.actor.kind == "anonymous":
		e.Actor.Kind = event.Anonymous
	case r.field == "attributes.time" && r.actor.email == "" && !strings.Contains(r.actor.id, ":"):
		e.Actor.Kind = event.App // a product, or an application, that acts by itself
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

// object is what was acted on: what is neither a user nor the site around it, if
// there is such a thing.
func (r *record) object() *thing {
	if t := r.find("repository"); t != nil { // beside the project that it is in
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

// find is the first of the things of a kind.
func (r *record) find(kinds ...string) *thing {
	for i := range r.things[:r.thingCount] {
		if t := &r.things[i]; t.is(kinds...) {
			return t
		}
	}
	return nil
}

// changed is what a field was changed to, or what it was before if it was taken away.
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

// administers says whether a group or permission is one that administers something.
func administers(name string) bool { return strings.Contains(strings.ToLower(name), "admin") }

// rules says, of a group or permission that administers, whether it rules over a whole
// organisation, site or product: the groups that Atlassian makes, and the highest
// permissions.
func rules(name string) string {
	switch n := strings.ToLower(name); n {
	case "org-admins", "site-admins", "administrators", "system-administrators", "jira-administrators",
		"confluence-administrators", "stash-admins", "sys_admin", "systemadministrator", "administer jira",
		"jira system administrators", "administrateconfluence":
		return "everything in " + name
	}
	return ""
}

// classify says what kind of action it was. Names of actions are in no list that
// Atlassian keeps: what they have in common decides. The organisation's log writes
// user_added_to_group where the products write "User added to group".
func (r *record) classify(e *event.Event, out *ingest.Sink) {
	action := strings.ReplaceAll(strings.ToLower(r.action), "_", " ")
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(action, w) {
				return true
			}
		}
		return false
	}

	subject := func() {
		if t := r.find("user", "users"); t != nil {
			out.To(out.Account("atlassian", cmp.Or(t.email, t.detail, t.id, t.name)), event.ScopeUnknown)
		}
	}

	switch {
	case has("login failed", "authentication failed", "failed login"):
		e.Class, e.Outcome = event.LoginFailure, event.Failure
	case has("logged in as user"):
		e.Class = event.AppAccess
		if t := r.find("user", "users"); t != nil {
			e.Actor.OnBehalfOf = out.Account("atlassian", cmp.Or(t.email, t.id))
		}
		subject()

	case action == "user login", has("user logged in", "login successful", "authentication successful"):
		e.Class = event.LoginSuccess
	case has("logout", "logged out"):
		e.Class = event.Logout
	case has("api token created", "api key created", "access token created", "personal access token added"):
		e.Class = event.TokenGrant
		out.Attr(event.AttrAppName, out.Copy(e.Object.Name))
	case has("api token revoked", "api key revoked", "api key deleted", "access token deleted", "access token revoked",
		"access token removed"):
		e.Class = event.TokenRevoke
	case has("app installed", "plugin installed"):
		e.Class = event.TokenGrant
		out.Attr(event.AttrAppName, out.Copy(e.Object.Name))
	case has("added to group", "added to user group", "group member added", "member added to group"):
		e.Class = event.MembershipAdd
		if g := r.find("group", "groups"); g != nil && administers(g.name) {
			e.Class = event.AdminGrant
			out.Attr(event.AttrRole, out.Copy(g.name))
			out.Attr(event.AttrGrant, rules(g.name))
		}
		subject()

	case has("removed from group", "deleted from user group", "removed from user group", "group member removed"):
		e.Class = event.ConfigChange
		if g := r.find("group", "groups"); g != nil && administers(g.name) {
			e.Class = event.AdminRevoke
			out.Attr(event.AttrRole, out.Copy(g.name))
		}
		subject()

	case has("permission", "role") && !has("scheme"):
		r.permission(has, subject, e, out)
	case has("public access", "anonymous access", "made public", "public link"):
		e.Class = event.ShareLink
		if has("disabled", "removed", "revoked", "turned off", "deleted") || r.changed("Public access", "Public") == "false" {
			e.Class = event.Unshare
			break
		}
		e.After = event.Public
		out.To("*", event.ScopeAnyone)

	case has("export") && !has("policy", "setting"):
		e.Class = event.Export
	case has("user invit", "invitation"):
		e.Class = event.MembershipAdd
		subject()
	case has("user deactivated", "user deleted", "user removed", "account deactivated", "user suspended"):
		e.Class = event.Offboard
		subject()
	case has("audit log configuration", "audit log retention", "audit coverage"):
		e.Class = event.ConfigChange
		out.Policy("logging", "")
	case has("two step", "two-step", "mfa", "saml", "single sign-on", "sso ", "authentication policy", "password policy",
		"session duration", "idle session", "ip allowlist"):
		e.Class = event.ConfigChange
		effect := ""
		switch {
		case has("disabled", "deleted", "removed"):
			effect = "weaker"
		case has("enabled", "added", "enforced"):
			effect = "stronger"
		}
		out.Policy("authentication", effect)

	case has("data security policy", "external user policy", "external sharing"):
		e.Class = event.ConfigChange
		out.Policy("sharing", "")
	case has("downloaded"):
		e.Class = event.Download
	case has("viewed", "accessed by user"):
		e.Class = event.View
	case has("page ", "blogpost", "blog post", "attachment", "whiteboard", "issue ") && has("deleted", "trashed", "purged"):
		e.Class = event.Delete
	case has("page created", "page updated", "page published", "blogpost created", "blogpost updated", "issue created", "issue updated"):
		e.Class = event.Edit
	case has("attachment uploaded", "attachment added"):
		e.Class = event.Upload
	case has("space deleted", "project deleted", "repository deleted"):
		e.Class = event.Delete
	case has("created", "updated", "changed", "added", "removed", "deleted", "enabled", "disabled", "update", "archived",
		"granted", "revoked"):
		e.Class = event.ConfigChange
	}
}

// permission is a right that was given or taken: over everything, over a space to
// named people, or to anybody.
func (r *record) permission(has func(...string) bool, subject func(), e *event.Event, out *ingest.Sink) {
	name := r.changed("Type", "Permission")
	for i := range r.things[:r.thingCount] {
		if t := &r.things[i]; !t.is("user", "group") {
			name = cmp.Or(name, t.detail)
		}
	}

	taken := has("removed", "revoked", "deleted")
	holder := r.find("user", "users", "group", "groups")
	anybody := strings.Contains(strings.ToLower(name), "anonymous") ||
		holder != nil && strings.EqualFold(holder.name, "Anonymous") || strings.EqualFold(r.changed("Group", "User"), "Anonymous")
	out.Attr(event.AttrPermission, out.Copy(name))
	switch {
	case anybody && taken:
		e.Class = event.Unshare
	case anybody:
		e.Class, e.After = event.ShareLink, event.Public
		out.To("*", event.ScopeAnyone)
	case has("global permission", "org admin", "site admin", "role") && administers(cmp.Or(name, r.changed("Group"), r.action)):
		e.Class = event.AdminGrant
		if taken {
			e.Class = event.AdminRevoke
		}
		out.Attr(event.AttrRole, out.Copy(cmp.Or(name, r.action)))
		if !taken {
			out.Attr(event.AttrGrant, rules(name))
		}
		subject()

	case taken:
		e.Class = event.ConfigChange
	default:
		e.Class = event.PermissionGrant
		subject()
	}
}
