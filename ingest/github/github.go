// Package github decodes the GitHub audit log: API answers, exports and streamed
// objects. Facts about the format: docs/sources/github.md.
package github

import (
	"cmp"
	"strings"
	"sync"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// Formats are the JSON shapes of audit log records. A record may have no actor: GitHub names none
// for deploy keys and its own machinery, and tools leave out what is empty.
var Formats = []*ingest.Format{{
	Name: "github",
	Match: func(k ingest.Keys) bool {
		if !k.Has("action") || k.Has("entity") || !(k.Has("@timestamp") || k.Has("created_at")) {
			return false
		}
		some := k.Has("org") || k.Has("repo") || k.Has("business") || k.Has("actor_location") || k.Has("actor_id") || k.Has("actor_ip")
		return k.Has("_document_id") || k.Has("actor") && some || k.Has("@timestamp") && some
	},
	Decode: decode,
}}

// record holds the fields of a record that are used.
type record struct {
	id, stamp, created, action, actor, ip, country, nameID, org, repo, user, permission          string
	visibility, before, agent, access, bot, app, invitee, team, email, owner, newName            string
	path, method, status, fingerprint, public, target, business, scope, oldPermission, selection string
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
		if string(s.Key) != "data" {
			r.field(s)
			continue
		}
		if s.Object() { // older exports put further fields there
			for s.Next() {
				r.field(s)
			}
		}
	}

	if err := s.Err(); err != nil {
		return err
	}
	if r.action == "" || r.stamp == "" && r.created == "" {
		return ingest.ErrNotThis
	}
	return r.emit(out)
}

// field reads the value of the current key.
func (r *record) field(s *jsonscan.Scanner) {
	switch string(s.Key) {
	case "_document_id":
		r.id = s.Text()
	case "@timestamp":
		r.stamp = s.Text()
	case "created_at":
		r.created = s.Text()
	case "action":
		r.action = s.Text()
	case "actor":
		r.actor = s.Text()
	case "actor_ip":
		r.ip = s.Text()
	case "actor_is_bot":
		r.bot = s.Text()
	case "actor_location":
		r.country = s.Field("country_code")
	case "external_identity_nameid", "external_identity_username": // either may be the address
		if t := s.Text(); !ingest.IsEmail(r.nameID) {
			r.nameID = t
		}
	case "org":
		r.org = oneOf(s)
	case "business":
		r.business = s.Text()
	case "repo", "repository":
		if t := oneOf(s); t != "" {
			r.repo = t
		}
	case "user":
		r.user = s.Text()
	case "permission", "new_repo_permission":
		r.permission = s.Text()
	case "user_agent":
		r.agent = s.Text()
	case "programmatic_access_type":
		r.access = s.Text()
	default:
		r.rareField(s)
	}
}

// rareField reads the value of a key that few records have.
func (r *record) rareField(s *jsonscan.Scanner) {
	switch string(s.Key) {
	case "invitee", "collaborator":
		r.invitee = s.Text()
	case "email", "invitee_email":
		r.email = s.Text()
	case "old_permission", "old_role":
		r.oldPermission = s.Text()
	case "visibility":
		r.visibility = s.Text()
	case "previous_visibility":
		r.before = s.Text()
	case "integration", "oauth_application_name", "application", "oauth_application":
		r.app = s.Text()
	case "team":
		r.team = s.Text()
	case "new_owner", "owner":
		r.owner = s.Text()
	case "new_nwo":
		r.newName = s.Text()
	case "url_path":
		r.path = s.Text()
	case "request_method":
		r.method = s.Text()
	case "status_code":
		r.status = s.Text()
	case "deploy_key_fingerprint", "fingerprint":
		r.fingerprint = s.Text()
	case "repository_public", "public_repo":
		r.public = s.Text()
	case "name", "project_name", "gist_id":
		r.target = s.Text()
	case "repository_selection":
		r.selection = s.Text()
	case "token_scopes":
		r.scope = s.Text()
	default:
		s.Skip()
	}
}

// oneOf reads a text that may also be a list of texts.
func oneOf(s *jsonscan.Scanner) (t string) {
	if s.Kind() != '[' {
		return s.Text()
	}
	s.Array()
	for s.Elem() {
		if v := s.Text(); t == "" {
			t = v
		}
	}
	return t
}

func (r *record) emit(out *ingest.Sink) error {
	at, err := out.TimeUTC("@timestamp", cmp.Or(r.stamp, r.created))
	if err != nil {
		return err
	}
	e := out.New(event.GitHub)
	e.Time, e.ID, e.Tenant, e.Action = at, r.id, cmp.Or(r.org, r.business), r.action
	if r.id != "" {
		e.Key = ingest.Hash("github", r.id)
	}

	h, _ := operations.Get(r.action)
	e.Class = h.class
	r.who(e, out)

	e.Client = event.Client{IP: ingest.Address(r.ip), Agent: r.agent, Country: r.country, Session: ""}
	if r.repo != "" {
		e.Object = event.Object{ID: r.repo, Type: "repository", Name: r.repo, Container: r.org}
	}
	if h.detail != nil {
		h.detail(r, e, out)
	}

	out.Emit()
	return nil
}

// who sets the actor. A key, an app that acts by itself and a bot are services. Where no actor is
// named, the user is, if what was done is done by oneself.
func (r *record) who(e *event.Event, out *ingest.Sink) {
	e.Actor.Kind = event.Human
	login := r.actor
	if login == "" && byOneself[e.Class] {
		login = r.user
	}
	switch {
	case strings.EqualFold(r.access, "deploy key"), r.actor == "deploy_key",
		r.actor == "" && r.fingerprint != "" && strings.HasPrefix(r.action, "git."):
		e.Actor.Kind, e.Actor.Account = event.Service, "github:deploy_key"
		if r.fingerprint != "" {
			e.Actor.Account = out.Join("github:deploy_key:", r.fingerprint)
		}
	case r.bot == "true", strings.HasSuffix(login, "[bot]"), ownApp(r.access):
		e.Actor.Kind, e.Actor.Account = event.Service, out.Account("github", login)
	case ingest.IsEmail(r.nameID) && (login != "" || byOneself[e.Class]):
		e.Actor.Account = out.Lower(r.nameID)
		if login != "" {
			e.Actor.Alias = out.Join("github:", out.Lower(login))
		}
	case login != "":
		e.Actor.Account = out.Account("github", login)
	case r.public == "true" && (e.Class == event.Clone || e.Class == event.Fetch):
		e.Actor.Kind = event.Anonymous
	case byOneself[e.Class]:
		e.Actor.Kind = event.Unknown
	default:
		e.Actor.Kind = event.System
	}
}

// ownApp reports whether an app acted by itself, rather than for a user.
func ownApp(access string) bool {
	return strings.HasPrefix(access, "GitHub App") && !strings.Contains(access, "user-to-server")
}

// byOneself has the classes whose user field is the user who acts. In others it is the user to whom
// something is done.
var byOneself = map[event.Class]bool{
	event.Clone: true, event.Fetch: true, event.Push: true, event.View: true, event.List: true, event.Edit: true, event.Download: true,
	event.LoginSuccess: true, event.LoginFailure: true, event.Logout: true, event.MFAChallenge: true, event.AppAccess: true,
}

var visibilities = map[string]event.Visibility{
	"private":  event.Private,
	"internal": event.Internal,
	"public":   event.Public,
}

// access is a change of a repository's visibility, or a new repository, which counts as published
// only if it is public from the start.
func access(r *record, e *event.Event, out *ingest.Sink) {
	e.Before, e.After = visibilities[r.before], visibilities[r.visibility]
	switch {
	case e.After == event.Public:
		e.Class = event.ShareLink
		out.To("*", event.ScopeAnyone)
	case e.Class == event.ShareLink && e.After != event.NoVisibility:
		e.Class = event.Unshare
	}
}

// policy is a change to a setting. Its name shows what it governs.
func policy(kind, effect string) func(*record, *event.Event, *ingest.Sink) {
	return func(_ *record, e *event.Event, out *ingest.Sink) {
		if e.Object.ID == "" {
			e.Object = event.Object{ID: e.Tenant, Type: "organization", Name: e.Tenant}
		}
		out.Policy(kind, effect)
	}
}

func published(_ *record, e *event.Event, out *ingest.Sink) {
	e.After = event.Public
	out.To("*", event.ScopeAnyone)
}

func member(r *record, e *event.Event, out *ingest.Sink) {
	receiver(r, event.ScopeUnknown, out)
	out.Attr(event.AttrPermission, r.permission)
}

// receiver adds the user or address that receives something.
func receiver(r *record, scope event.Scope, out *ingest.Sink) {
	out.To(out.Account("github", cmp.Or(r.email, r.invitee, r.user)), scope)
}

// invited is an invitation to a repository. Members of the organisation are added without one, so
// that who is invited is none.
func invited(r *record, e *event.Event, out *ingest.Sink) {
	receiver(r, event.ScopeExternal, out)
	out.Attr(event.AttrPermission, r.permission)
}

// orgMember is a new member of the organisation.
func orgMember(r *record, e *event.Event, out *ingest.Sink) {
	receiver(r, event.ScopeInternal, out)
	out.Attr(event.AttrPermission, r.permission)
	if r.permission == "admin" {
		e.Class = event.AdminGrant
		out.Attr(event.AttrRole, r.permission)
	}
}

func role(r *record, e *event.Event, out *ingest.Sink) {
	receiver(r, event.ScopeUnknown, out)
	name := r.permission
	if name == "" && strings.Contains(r.action, "admin") {
		name = "admin"
	}
	out.Attr(event.AttrRole, name)
}

// transferred is a repository that is handed over to another owner. The user of such records is
// one of the parties, and not always the new owner.
func transferred(r *record, e *event.Event, out *ingest.Sink) {
	owner := r.owner
	if name, _, found := strings.Cut(r.newName, "/"); owner == "" && found {
		owner = name
	}
	if strings.EqualFold(owner, r.org) { // it comes in
		owner = ""
	}
	out.To(out.Account("github", owner), event.ScopeUnknown)
	out.Attr(event.AttrRole, "owner")
	if strings.HasSuffix(r.action, "_outgoing") {
		out.Attr(event.AttrReach, event.ReachOutside)
	}
}

// handedOver is an organisation, or an app, that goes to another owner.
func handedOver(r *record, e *event.Event, out *ingest.Sink) {
	if e.Object.ID == "" {
		name := cmp.Or(r.app, r.org)
		e.Object = event.Object{ID: name, Type: "organization", Name: name}
	}
	transferred(r, e, out)
}

// app is access of an application, an OAuth application or a token. What a GitHub App may do is not in
// the log, but whether it is installed on all repositories is.
func app(r *record, e *event.Event, out *ingest.Sink) {
	out.Attr(event.AttrAppName, r.app)
	if strings.HasPrefix(r.action, "integration_installation.") && r.app != "" {
		e.Object = event.Object{ID: r.app, Type: "application", Name: r.app, Container: r.org}
		if r.selection == "all" && e.Class == event.TokenGrant && r.action != "integration_installation.version_updated" {
			out.Attr(event.AttrReach, event.ReachOrganization)
		}
	}
	if strings.HasPrefix(r.action, "personal_access_token") || strings.HasPrefix(r.action, "oauth") {
		out.Attr(event.AttrScopes, r.scope)
	}
}

func failed(_ *record, e *event.Event, _ *ingest.Sink) { e.Outcome = event.Failure }

// gist is a gist, or a project, that may be public.
func gist(r *record, e *event.Event, out *ingest.Sink) {
	if e.Object.ID == "" {
		e.Object = event.Object{ID: r.target, Type: "gist", Name: r.target}
	}
	access(r, e, out)
}

// project is a project board.
func project(r *record, e *event.Event, out *ingest.Sink) {
	e.Object = event.Object{ID: r.target, Type: "project", Name: r.target, Container: r.org}
	switch {
	case strings.HasSuffix(r.action, "visibility_public"):
		published(r, e, out)
	case strings.HasSuffix(r.action, "collaborator.add"), strings.HasSuffix(r.action, "user_permission"):
		receiver(r, event.ScopeUnknown, out)
	}
}

// request is a request to the API. Most of what it reads is of no interest by itself; an archive of
// a repository is the repository.
func request(r *record, e *event.Event, out *ingest.Sink) {
	if len(r.status) == 3 && r.status[0] >= '4' {
		e.Outcome = event.Failure
	}
	parts := strings.Split(strings.Trim(r.path, "/"), "/")
	if len(parts) > 1 && parts[0] == "api" { // GitHub Enterprise Server: /api/v3/repos/…
		parts = parts[2:]
	}
	if r.method != "" && !strings.EqualFold(r.method, "GET") {
		e.Class = event.Derived // what it changes has an event of its own
		return
	}
	e.Class = event.List
	for i, part := range parts {
		switch part {
		case "tarball", "zipball", "archive":
			if parts[0] == "repos" && i == 3 && r.repo == "" {
				name := out.Join(parts[1], "/", parts[2])
				e.Object = event.Object{ID: name, Type: "repository", Name: name, Container: r.org}
			}
			if e.Class = event.Clone; part == "archive" {
				e.Class = event.Export // of a migration
			}
			return
		case "contents", "blobs", "raw":
			e.Class = event.View
		}
	}
}
