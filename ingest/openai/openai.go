// Package openai decodes OpenAI's audit log and the conversations that the compliance API of
// ChatGPT Enterprise returns. Facts about the formats: docs/sources/openai.md.
package openai

import (
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

const source = "openai"

// Formats are the JSON shapes of OpenAI's records.
var Formats = []*ingest.Format{
	{
		Name:   "openai_audit",
		Match:  func(k ingest.Keys) bool { return k.Has("id", "type", "effective_at", "actor") },
		Decode: decode,
	},
	{
		Name:   "chatgpt_conversation",
		Match:  func(k ingest.Keys) bool { return k.Has("id", "object", "workspace_id", "messages", "created_at") },
		Decode: decodeConversation,
	},
}

// entry holds the fields of an entry of the audit log that are used.
type entry struct {
	id, at, kind, project       string
	actorType, ip, agent        string
	email, userID, service, key string
	target, targetEmail, role   string
	scopes, failure             string
}

func decode(s *jsonscan.Scanner, out *ingest.Sink) error {
	var n entry
	var details []byte
	var under string
	if !s.Object() {
		return ingest.ErrNotThis
	}
	for s.Next() {
		switch key := string(s.Key); key {
		case "id":
			n.id = s.Text()
		case "type":
			n.kind = s.Text()
		case "effective_at":
			n.at = s.Text()
		case "project":
			n.project = s.Field("id")
		case "actor":
			n.actor(s)
		default: // the details stand under the type
			if strings.IndexByte(key, '.') > 0 && s.Kind() == '{' {
				under, details = key, s.Raw()
			} else {
				s.Skip()
			}
		}
	}
	if err := s.Err(); err != nil {
		return err
	}
	if n.actorType != "session" && n.actorType != "api_key" || n.kind == "" {
		return ingest.ErrNotThis
	}
	if under == n.kind {
		n.details(details, out)
	}
	return n.emit(out)
}

// actor reads {type, session: {user, ip_address, user_agent}} or {type, api_key: {user |
// service_account}}.
func (n *entry) actor(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	for s.Next() {
		switch string(s.Key) {
		case "type":
			n.actorType = s.Text()
		case "session", "api_key":
			n.principal(s)
		default:
			s.Skip()
		}
	}
}

func (n *entry) principal(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	for s.Next() {
		switch string(s.Key) {
		case "id":
			n.key = s.Text()
		case "ip_address":
			n.ip = s.Text()
		case "user_agent":
			n.agent = s.Text()
		case "service_account":
			n.service = s.Field("id")
		case "user":
			if !s.Object() {
				continue
			}
			for s.Next() {
				switch string(s.Key) {
				case "id":
					n.userID = s.Text()
				case "email":
					n.email = s.Text()
				default:
					s.Skip()
				}
			}
		default:
			s.Skip()
		}
	}
}

// details reads what an entry says about its type: {id, data: {…}} or {id, changes_requested: {…}}.
func (n *entry) details(raw []byte, out *ingest.Sink) {
	var s jsonscan.Scanner
	s.Reset(raw)
	if !s.Object() {
		return
	}
	for s.Next() {
		switch string(s.Key) {
		case "id":
			n.target = out.Copy(s.Text())
		case "error_message", "error_code":
			n.failure = out.Copy(s.Text())
		case "data", "changes_requested":
			n.data(&s, out)
		default:
			s.Skip()
		}
	}
}

func (n *entry) data(s *jsonscan.Scanner, out *ingest.Sink) {
	if !s.Object() {
		return
	}
	for s.Next() {
		switch string(s.Key) {
		case "email":
			n.targetEmail = out.Copy(s.Text())
		case "role", "role_id", "role_name":
			n.role = out.Copy(s.Text())
		case "scopes":
			if !s.Array() {
				continue
			}
			var list []string
			for s.Elem() {
				list = append(list, s.Text())
			}
			n.scopes = out.Copy(strings.Join(list, " "))
		default:
			s.Skip()
		}
	}
}

func (n *entry) emit(out *ingest.Sink) error {
	at, err := out.TimeUTC("effective_at", n.at)
	if err != nil {
		return err
	}
	e := out.New(event.OpenAI)
	e.Time, e.ID, e.Action = at, n.id, n.kind
	e.Client.IP, e.Client.Agent = ingest.Address(n.ip), n.agent
	switch {
	case n.service != "":
		e.Actor = event.Actor{Kind: event.Service, Account: out.Account(source, n.service)}
	case n.email != "" || n.userID != "":
		e.Actor = event.Actor{Kind: event.Human, Account: out.Account(source, n.email)}
		if e.Actor.Account == "" {
			e.Actor.Account = out.Account(source, n.userID)
		}
	case n.key != "":
		e.Actor = event.Actor{Kind: event.Service, Account: out.Account(source, n.key)}
	}
	op := operations[n.kind]
	e.Class, e.Outcome = op.class, op.outcome
	if n.kind == "user.updated" && n.role != "" {
		e.Class = event.AdminGrant
	}
	e.Object.ID, e.Object.Name, e.Object.Container = n.target, n.target, n.project
	e.Object.Type, _, _ = strings.Cut(n.kind, ".")
	if op.policy != "" {
		out.Policy(op.policy, op.effect)
	}
	out.Attr(event.AttrReason, n.failure)
	switch e.Class {
	case event.AdminGrant, event.AdminRevoke, event.MembershipAdd, event.Offboard:
		out.Attr(event.AttrRole, n.role)
		switch {
		case ingest.IsEmail(n.targetEmail):
			out.To(out.Account(source, n.targetEmail), event.ScopeUnknown)
		case strings.HasPrefix(n.target, "user-"):
			out.To(out.Account(source, n.target), event.ScopeUnknown)
		}
	case event.TokenGrant:
		out.Attr(event.AttrScopes, n.scopes)
	}
	out.Emit()
	return nil
}

// operation is the meaning of a type of entry.
type operation struct {
	class          event.Class
	outcome        event.Outcome
	policy, effect string // of a changed setting
}

// operations are the types of the audit log.
// https://platform.openai.com/docs/api-reference/audit-logs/object
var operations = map[string]operation{
	"login.succeeded":  {class: event.LoginSuccess},
	"login.failed":     {class: event.LoginFailure, outcome: event.UnknownOutcome},
	"logout.succeeded": {class: event.Logout},
	"logout.failed":    {class: event.Logout, outcome: event.Failure},

	"api_key.created":         {class: event.TokenGrant},
	"api_key.updated":         {class: event.ConfigChange},
	"api_key.deleted":         {class: event.TokenRevoke},
	"service_account.created": {class: event.TokenGrant},
	"service_account.updated": {class: event.ConfigChange},
	"service_account.deleted": {class: event.TokenRevoke},

	"user.added":              {class: event.MembershipAdd},
	"user.updated":            {class: event.ConfigChange},
	"user.deleted":            {class: event.Offboard},
	"invite.sent":             {class: event.MembershipAdd},
	"invite.accepted":         {class: event.Derived},
	"invite.deleted":          {class: event.ConfigChange},
	"group.created":           {class: event.ConfigChange},
	"group.updated":           {class: event.ConfigChange},
	"group.deleted":           {class: event.ConfigChange},
	"role.created":            {class: event.ConfigChange},
	"role.updated":            {class: event.ConfigChange},
	"role.deleted":            {class: event.ConfigChange},
	"role.assignment.created": {class: event.AdminGrant},
	"role.assignment.deleted": {class: event.AdminRevoke},
	"scim.enabled":            {class: event.ConfigChange, policy: "authentication", effect: "stronger"},
	"scim.disabled":           {class: event.ConfigChange, policy: "authentication", effect: "weaker"},

	"ip_allowlist.created":            {class: event.ConfigChange, policy: "authentication", effect: "stronger"},
	"ip_allowlist.updated":            {class: event.ConfigChange, policy: "authentication"},
	"ip_allowlist.deleted":            {class: event.ConfigChange, policy: "authentication", effect: "weaker"},
	"ip_allowlist.config.activated":   {class: event.ConfigChange, policy: "authentication", effect: "stronger"},
	"ip_allowlist.config.deactivated": {class: event.ConfigChange, policy: "authentication", effect: "weaker"},
	"certificate.created":             {class: event.ConfigChange},
	"certificate.updated":             {class: event.ConfigChange},
	"certificate.deleted":             {class: event.ConfigChange},
	"certificates.activated":          {class: event.ConfigChange, policy: "authentication", effect: "stronger"},
	"certificates.deactivated":        {class: event.ConfigChange, policy: "authentication", effect: "weaker"},
	"external_key.registered":         {class: event.ConfigChange},
	"external_key.removed":            {class: event.ConfigChange},

	"checkpoint.permission.created": {class: event.PermissionGrant},
	"checkpoint.permission.deleted": {class: event.Unshare},
	"resource.deleted":              {class: event.Delete},
	"organization.updated":          {class: event.ConfigChange},
	"project.created":               {class: event.ConfigChange},
	"project.updated":               {class: event.ConfigChange},
	"project.archived":              {class: event.ConfigChange},
	"project.deleted":               {class: event.ConfigChange},
	"rate_limit.updated":            {class: event.ConfigChange},
	"rate_limit.deleted":            {class: event.ConfigChange},
}
