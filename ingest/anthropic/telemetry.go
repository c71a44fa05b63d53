package anthropic

import (
	"cmp"
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// telemetry holds the fields of an event of Claude Code that are used.
type telemetry struct {
	at, body, name, email, account, organization, session, tool, success, parameters, sequence string
}

// decodeTelemetry decodes a request of OpenTelemetry with log records: {resourceLogs: [{scopeLogs:
// [{logRecords: […]}]}]}. Records of other programs are not read.
func decodeTelemetry(s *jsonscan.Scanner, out *ingest.Sink) error {
	var list []telemetry
	if !s.Object() {
		return ingest.ErrNotThis
	}
	for s.Next() {
		if string(s.Key) != "resourceLogs" {
			s.Skip()
			continue
		}
		inner(s, "scopeLogs", func() {
			inner(s, "logRecords", func() {
				if !s.Array() {
					return
				}
				for s.Elem() {
					list = append(list, logRecord(s))
				}
			})
		})
	}
	if err := s.Err(); err != nil {
		return err
	}
	times := make([]int64, 0, len(list))
	known := list[:0]
	for i := range list {
		t := &list[i]
		if !strings.HasPrefix(t.body, "claude_code.") && !strings.HasPrefix(t.name, "claude_code.") {
			continue
		}
		at, err := out.TimeUTC("timeUnixNano", t.at)
		if err != nil {
			return err
		}
		times, known = append(times, at), append(known, *t)
	}
	if len(known) == 0 {
		return ingest.ErrNotThis
	}
	for i := range known {
		known[i].emit(times[i], out)
	}
	return nil
}

// inner calls visit at a field of each object of a list.
func inner(s *jsonscan.Scanner, key string, visit func()) {
	if !s.Array() {
		return
	}
	for s.Elem() {
		if !s.Object() {
			continue
		}
		for s.Next() {
			if string(s.Key) == key {
				visit()
			} else {
				s.Skip()
			}
		}
	}
}

func logRecord(s *jsonscan.Scanner) (t telemetry) {
	if !s.Object() {
		return t
	}
	for s.Next() {
		switch string(s.Key) {
		case "timeUnixNano":
			t.at = s.Text()
		case "observedTimeUnixNano":
			t.at = cmp.Or(t.at, s.Text())
		case "eventName":
			t.name = s.Text()
		case "body":
			t.body = anyValue(s)
		case "attributes":
			t.attributes(s)
		default:
			s.Skip()
		}
	}
	return t
}

func (t *telemetry) attributes(s *jsonscan.Scanner) {
	if !s.Array() {
		return
	}
	for s.Elem() {
		if !s.Object() {
			continue
		}
		var key, value string
		for s.Next() {
			switch string(s.Key) {
			case "key":
				key = s.Text()
			case "value":
				value = anyValue(s)
			default:
				s.Skip()
			}
		}
		switch key {
		case "user.email":
			t.email = value
		case "user.account_uuid":
			t.account = value
		case "organization.id":
			t.organization = value
		case "session.id":
			t.session = value
		case "tool_name":
			t.tool = value
		case "tool_parameters", "tool_input":
			t.parameters = cmp.Or(t.parameters, value)
		case "success":
			t.success = value
		case "event.sequence":
			t.sequence = value
		case "event.name":
			t.name = cmp.Or(t.name, value)
		}
	}
}

// anyValue reads {stringValue: …}, {intValue: …} or {boolValue: …}.
func anyValue(s *jsonscan.Scanner) (text string) {
	if !s.Object() {
		return ""
	}
	for s.Next() {
		switch string(s.Key) {
		case "stringValue", "intValue", "boolValue", "doubleValue":
			text = s.Text()
		default:
			s.Skip()
		}
	}
	return text
}

// emit makes an event: a prompt, or the use of a tool. Requests to the model, errors and decisions
// are consequences of prompts.
func (t *telemetry) emit(at int64, out *ingest.Sink) {
	e := out.New(event.Anthropic)
	name := t.body
	if !strings.HasPrefix(name, "claude_code.") {
		name = t.name
	}
	e.Time, e.Tenant, e.Action = at, t.organization, name
	e.Actor = event.Actor{Kind: event.Human, Account: out.Account(source, t.email)}
	if e.Actor.Account == "" {
		e.Actor.Account = out.Account(source, t.account)
	}
	e.Client.Session, e.Client.App = t.session, "claude-code"
	e.Object.ID = t.session
	if t.sequence != "" {
		e.Key = ingest.Hash(source, t.session, t.sequence, name)
	}
	switch strings.TrimPrefix(name, "claude_code.") {
	case "user_prompt":
		e.Class, e.Object.Type = event.Assistant, "conversation"
	case "tool_result":
		e.Class, e.Object.Type = event.Assistant, "tool"
		e.Object.ID, e.Object.Name = t.tool, t.tool
		out.Attr(event.AttrTarget, out.Copy(t.argument()))
		if t.success == "false" {
			e.Outcome = event.Failure
		}
	default:
		e.Class = event.Derived
	}
	out.Emit()
}

// argument is the file, address or command that a tool was given.
func (t *telemetry) argument() string {
	for _, name := range []string{"file_path", "path", "url", "bash_command", "full_command", "command", "mcp_server_name"} {
		var s jsonscan.Scanner
		s.Reset([]byte(t.parameters))
		if s.Kind() != '{' {
			return ""
		}
		if v := s.Field(name); v != "" {
			return strings.Clone(v)
		}
	}
	return ""
}
