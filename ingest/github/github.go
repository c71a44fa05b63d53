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

// Formats are the JSON shapes of audit log records.
var Formats = []*ingest.Format{{
	Name: "github",
	Match: func(k ingest.Keys) bool {
		return k.Has("action", "actor") && (k.Has("@timestamp") || k.Has("created_at")) && !k.Has("entity") &&
			(k.Has("_document_id") || k.Has("org") || k.Has("repo") || k.Has("business") || k.Has("actor_location") || k.Has("actor_id"))
	},
	Decode: decode,
}}

// record holds the fields of a record that are used.
type record struct {
	id, stamp, created, action, actor, ip, country, nameID, org, repo, user, permission string
	visibility, before, agent, access, bot, app, invitee, team                          string
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
		case "external_identity_nameid":
			r.nameID = s.Text()
		case "org":
			r.org = oneOf(s)
		case "repo", "repository":
			if t := oneOf(s); t != "" {
				r.repo = t
			}

		case "user":
			r.user = s.Text()
		case "invitee":
			r.invitee = s.Text()
		case "permission", "new_repo_permission":
			r.permission = s.Text()
		case "visibility":
			r.visibility = s.Text()
		case "previous_visibility":
			r.before = s.Text()
		case "user_agent":
			r.agent = s.Text()
		case "programmatic_access_type":
			r.access = s.Text()
		case "integration", "oauth_application_name":
			r.app = s.Text()
		case "team":
			r.team = s.Text()
		default:
			s.Skip()
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
	e.Time, e.ID, e.Tenant, e.Action = at, r.id, r.org, r.action
	if r.id != "" {
		e.Key = ingest.Hash("github", r.id)
	}

	e.Actor.Kind = event.Human
	switch {
	case r.bot == "true", strings.HasSuffix(r.actor, "[bot]"), strings.HasPrefix(r.access, "GitHub App"), r.actor == "deploy_key":
		e.Actor.Kind = event.Service
		e.Actor.Account = out.Account("github", r.actor)
	case r.actor == "":
		e.Actor.Kind = event.System
	case ingest.IsEmail(r.nameID):
		e.Actor.Account, e.Actor.Alias = out.Lower(r.nameID), out.Join("github:", out.Lower(r.actor))
	default:
		e.Actor.Account = out.Account("github", r.actor)
	}

	e.Client = event.Client{IP: ingest.Address(r.ip), Agent: r.agent, Country: r.country, Session: ""}
	if r.repo != "" {
		e.Object = event.Object{ID: r.repo, Type: "repository", Name: r.repo, Container: r.org}
	}
	h := actions[r.action]
	e.Class = h.class
	if h.detail != nil {
		h.detail(r, e, out)
	}

	out.Emit()
	return nil
}

type handler struct {
	class  event.Class
	detail func(r *record, e *event.Event, out *ingest.Sink)
}

var actions = map[string]handler{
	"git.clone":                                          {event.Clone, nil},
	"repo.download_zip":                                  {event.Clone, nil},
	"git.fetch":                                          {event.Fetch, nil},
	"git.push":                                           {event.Push, nil},
	"pull_request.create":                                {event.Edit, nil},
	"pull_request.merge":                                 {event.Edit, nil},
	"pull_request.close":                                 {event.Edit, nil},
	"pull_request_review.submit":                         {event.Edit, nil},
	"migration.create":                                   {event.Export, nil},
	"org.audit_log_export":                               {event.Export, nil},
	"org.audit_log_git_event_export":                     {event.Export, nil},
	"repo.access":                                        {event.ShareLink, access},
	"repo.create":                                        {event.Upload, access},
	"repo.pages_public":                                  {event.ShareLink, published},
	"repo.destroy":                                       {event.Delete, nil},
	"repo.transfer":                                      {event.ShareUser, member},
	"repo.transfer_start":                                {event.ShareUser, member},
	"repo.transfer_outgoing":                             {event.ShareUser, member},
	"repo.add_member":                                    {event.MembershipAdd, member},
	"org.invite_member":                                  {event.MembershipAdd, member},
	"repository_invitation.create":                       {event.MembershipAdd, member},
	"team.add_member":                                    {event.MembershipAdd, member},
	"org.update_member":                                  {event.AdminGrant, role},
	"org.add_member":                                     {event.MembershipAdd, orgMember},
	"business.add_admin":                                 {event.AdminGrant, role},
	"business.invite_admin":                              {event.AdminGrant, role},
	"organization_role.assign":                           {event.AdminGrant, role},
	"business.remove_admin":                              {event.AdminRevoke, role},
	"org.remove_member":                                  {event.Offboard, member},
	"personal_access_token.access_granted":               {event.TokenGrant, app},
	"public_key.create":                                  {event.TokenGrant, app},
	"deploy_key.create":                                  {event.TokenGrant, app},
	"oauth_authorization.create":                         {event.TokenGrant, app},
	"integration_installation.create":                    {event.TokenGrant, app},
	"org_credential_authorization.grant":                 {event.TokenGrant, app},
	"hook.create":                                        {event.TokenGrant, app},
	"org.sso_response":                                   {event.LoginSuccess, nil},
	"business.sso_response":                              {event.LoginSuccess, nil},
	"user.login":                                         {event.LoginSuccess, nil},
	"user.failed_login":                                  {event.LoginFailure, failed},
	"org.disable_two_factor_requirement":                 {event.ConfigChange, policy("authentication", "weaker")},
	"org.disable_saml":                                   {event.ConfigChange, policy("authentication", "weaker")},
	"org.saml_disabled":                                  {event.ConfigChange, policy("authentication", "weaker")},
	"business.disable_two_factor_requirement":            {event.ConfigChange, policy("authentication", "weaker")},
	"business.disable_saml":                              {event.ConfigChange, policy("authentication", "weaker")},
	"ip_allow_list.disable":                              {event.ConfigChange, policy("authentication", "weaker")},
	"org.enable_two_factor_requirement":                  {event.ConfigChange, policy("authentication", "stronger")},
	"org.enable_saml":                                    {event.ConfigChange, policy("authentication", "stronger")},
	"ip_allow_list.enable":                               {event.ConfigChange, policy("authentication", "stronger")},
	"private_repository_forking.enable":                  {event.ConfigChange, policy("sharing", "weaker")},
	"private_repository_forking.disable":                 {event.ConfigChange, policy("sharing", "stronger")},
	"members_can_create_public_repos.enable":             {event.ConfigChange, policy("sharing", "weaker")},
	"members_can_create_public_repos.disable":            {event.ConfigChange, policy("sharing", "stronger")},
	"protected_branch.destroy":                           {event.ConfigChange, nil},
	"protected_branch.policy_override":                   {event.ConfigChange, nil},
	"org.disable_oauth_app_restrictions":                 {event.ConfigChange, policy("sharing", "weaker")},
	"org.enable_oauth_app_restrictions":                  {event.ConfigChange, policy("sharing", "stronger")},
	"org.update_saml_provider_settings":                  {event.ConfigChange, policy("authentication", "")},
	"ip_allow_list_entry.create":                         {event.ConfigChange, policy("authentication", "")},
	"ip_allow_list_entry.update":                         {event.ConfigChange, policy("authentication", "")},
	"two_factor_authentication.disabled":                 {event.MFADisabled, nil},
	"two_factor_authentication.enabled":                  {event.MFAEnabled, nil},
	"repository_secret_scanning.disable":                 {event.Tamper, nil},
	"repository_secret_scanning_push_protection.disable": {event.Tamper, nil},
	"audit_log_streaming.destroy":                        {event.Tamper, nil},
	"secret_scanning.disable":                            {event.Tamper, nil},
	"secret_scanning_new_repos.disable":                  {event.Tamper, nil},
	"business_advanced_security.disabled":                {event.Tamper, nil},
	"business_secret_scanning.disable":                   {event.Tamper, nil},
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
	out.To(out.Account("github", cmp.Or(r.user, r.invitee)), event.ScopeUnknown)
	out.Attr(event.AttrPermission, r.permission)
}

func orgMember(r *record, e *event.Event, out *ingest.Sink) {
	member(r, e, out)
	if r.permission == "admin" {
		e.Class = event.AdminGrant
		out.Attr(event.AttrRole, r.permission)
	}
}

func role(r *record, e *event.Event, out *ingest.Sink) {
	out.To(out.Account("github", r.user), event.ScopeUnknown)
	name := r.permission
	if name == "" && strings.Contains(r.action, "admin") {
		name = "admin"
	}
	out.Attr(event.AttrRole, name)
}

func app(r *record, e *event.Event, out *ingest.Sink) { out.Attr(event.AttrAppName, r.app) }

func failed(_ *record, e *event.Event, _ *ingest.Sink) { e.Outcome = event.Failure }
