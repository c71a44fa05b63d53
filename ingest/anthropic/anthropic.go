// Package anthropic decodes the activity feed of Anthropic's Compliance API and the events that
// Claude Code exports over OpenTelemetry. Facts about the formats: docs/sources/anthropic.md.
package anthropic

import (
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

const source = "anthropic"

// Formats are the JSON shapes of Anthropic's records.
var Formats = []*ingest.Format{
	{
		Name:   "anthropic_activity",
		Match:  func(k ingest.Keys) bool { return k.Has("id", "created_at", "type", "actor", "organization_id") },
		Decode: decode,
	},
	{
		Name:   "claude_code_otlp",
		Match:  func(k ingest.Keys) bool { return k.Has("resourceLogs") },
		Decode: decodeTelemetry,
	},
}

// activity holds the fields of an activity that are used.
type activity struct {
	id, at, kind, organization                                                        string
	actorType, email, userID, guessed, apiKey, ip, agent                              string
	chat, file, fileName, project, artifact, workspace, role, target, integration, on string
}

func decode(s *jsonscan.Scanner, out *ingest.Sink) error {
	var a activity
	if !s.Object() {
		return ingest.ErrNotThis
	}
	for s.Next() {
		a.scan(s)
	}
	if err := s.Err(); err != nil {
		return err
	}
	if a.kind == "" || !strings.HasSuffix(a.actorType, "_actor") {
		return ingest.ErrNotThis
	}
	return a.emit(out)
}

func (a *activity) scan(s *jsonscan.Scanner) {
	switch key := string(s.Key); key {
	case "id":
		a.id = s.Text()
	case "created_at":
		a.at = s.Text()
	case "type":
		a.kind = s.Text()
	case "organization_id":
		a.organization = s.Text()
	case "actor":
		a.scanActor(s)
	case "claude_chat_id":
		a.chat = s.Text()
	case "claude_file_id", "claude_document_id", "file_id":
		a.file = s.Text()
	case "filename", "file_name":
		a.fileName = s.Text()
	case "claude_project_id":
		a.project = s.Text()
	case "claude_artifact_id":
		a.artifact = s.Text()
	case "workspace_id":
		a.workspace = s.Text()
	case "role", "new_role", "role_name":
		a.role = s.Text()
	case "target_email", "target_user_email", "invited_email", "email_address", "email":
		a.target = s.Text()
	case "integration_type", "integration_name", "mcp_server_name", "server_name":
		a.integration = s.Text()
	case "enabled", "is_enabled":
		a.on = s.Text()
	default:
		s.Skip()
	}
}

func (a *activity) scanActor(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	for s.Next() {
		switch string(s.Key) {
		case "type":
			a.actorType = s.Text()
		case "email_address":
			a.email = s.Text()
		case "unauthenticated_email_address":
			a.guessed = s.Text()
		case "user_id":
			a.userID = s.Text()
		case "api_key_id", "admin_api_key_id", "service_id", "service_key_id":
			a.apiKey = s.Text()
		case "ip_address":
			a.ip = s.Text()
		case "user_agent":
			a.agent = s.Text()
		default:
			s.Skip()
		}
	}
}

func (a *activity) emit(out *ingest.Sink) error {
	at, err := out.TimeUTC("created_at", a.at)
	if err != nil {
		return err
	}
	e := out.New(event.Anthropic)
	e.Time, e.ID, e.Tenant, e.Action = at, a.id, a.organization, a.kind
	e.Client.IP, e.Client.Agent = ingest.Address(a.ip), a.agent
	a.actor(&e.Actor, out)
	op := meaning(a.kind)
	e.Class, e.Outcome = op.class, op.outcome
	a.object(e)
	if op.policy != "" {
		effect := op.effect
		switch a.on {
		case "true":
			effect = "stronger"
		case "false":
			effect = "weaker"
		}
		out.Policy(op.policy, effect)
	}
	if e.Class == event.AdminGrant || e.Class == event.AdminRevoke {
		out.Attr(event.AttrRole, a.role)
	}
	switch e.Class {
	case event.AdminGrant, event.AdminRevoke, event.MembershipAdd, event.Offboard, event.ShareUser:
		if ingest.IsEmail(a.target) {
			out.To(out.Account(source, a.target), event.ScopeUnknown)
		}
	}
	out.Emit()
	return nil
}

// actor sets who acted: a person, a key, or the directory that synchronises people.
func (a *activity) actor(to *event.Actor, out *ingest.Sink) {
	switch a.actorType {
	case "user_actor":
		to.Kind = event.Human
		to.Account = out.Account(source, a.email)
		if to.Account == "" {
			to.Account = out.Account(source, a.userID)
		}
	case "unauthenticated_user_actor":
		to.Kind, to.Account = event.Human, out.Account(source, a.guessed)
	case "api_actor", "admin_api_key_actor", "service_actor":
		to.Kind, to.Account = event.Service, out.Account(source, a.apiKey)
	case "anthropic_actor":
		to.Kind = event.Support
	default:
		to.Kind = event.System
	}
}

// object sets what was acted on: the most special of the things that the record names.
func (a *activity) object(e *event.Event) {
	o := &e.Object
	o.Container = a.project
	switch {
	case strings.HasPrefix(a.kind, "org_data_export"):
		o.Type, o.ID = "organization", a.organization
	case a.file != "" || a.fileName != "":
		o.Type, o.ID, o.Name = "file", a.file, a.fileName
	case a.artifact != "":
		o.Type, o.ID, o.Name = "artifact", a.artifact, a.artifact
	case a.chat != "":
		o.Type, o.ID = "conversation", a.chat
	case a.project != "":
		o.Type, o.ID, o.Name, o.Container = "project", a.project, a.project, ""
	case a.integration != "":
		o.Type, o.ID, o.Name = "application", a.integration, a.integration
	case a.workspace != "":
		o.Type, o.ID, o.Name = "workspace", a.workspace, a.workspace
	}
}
