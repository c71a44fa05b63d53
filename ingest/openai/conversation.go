package openai

import (
	"cmp"
	"slices"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// conversation holds the fields of a conversation of ChatGPT Enterprise that are used.
type conversation struct {
	id, object, workspace, email, userID, title, created string
	messages                                             []message
}

// message is one message, and the files that came with it.
type message struct {
	id, created, role, gpt string
	files                  []file
}

type file struct{ id, name string }

// decodeConversation decodes a conversation: an event for each question of the person, and one for
// each file that they gave with it.
func decodeConversation(s *jsonscan.Scanner, out *ingest.Sink) error {
	var c conversation
	if !s.Object() {
		return ingest.ErrNotThis
	}
	for s.Next() {
		switch string(s.Key) {
		case "id":
			c.id = s.Text()
		case "object":
			c.object = s.Text()
		case "workspace_id":
			c.workspace = s.Text()
		case "user_email":
			c.email = s.Text()
		case "user_id":
			c.userID = s.Text()
		case "title":
			c.title = s.Text()
		case "created_at":
			c.created = s.Text()
		case "messages":
			data(s, func() { c.messages = append(c.messages, readMessage(s)) })
		default:
			s.Skip()
		}
	}
	if err := s.Err(); err != nil {
		return err
	}
	if c.object != "compliance.workspace.conversation" {
		return ingest.ErrNotThis
	}
	return c.emit(out)
}

// data calls visit for every element of {object: "list", data: […]}, or of a list.
func data(s *jsonscan.Scanner, visit func()) {
	if s.Kind() == '[' {
		for s.Array(); s.Elem(); {
			visit()
		}
		return
	}
	if !s.Object() {
		return
	}
	for s.Next() {
		if string(s.Key) != "data" || s.Kind() != '[' {
			s.Skip()
			continue
		}
		for s.Array(); s.Elem(); {
			visit()
		}
	}
}

func readMessage(s *jsonscan.Scanner) (m message) {
	if !s.Object() {
		return m
	}
	for s.Next() {
		switch string(s.Key) {
		case "id":
			m.id = s.Text()
		case "created_at":
			m.created = s.Text()
		case "author":
			m.role = s.Field("role")
		case "gpt_id":
			m.gpt = s.Text()
		case "files":
			data(s, func() { m.files = append(m.files, readFile(s)) })
		default:
			s.Skip()
		}
	}
	return m
}

func readFile(s *jsonscan.Scanner) (f file) {
	if !s.Object() {
		return f
	}
	for s.Next() {
		switch string(s.Key) {
		case "id":
			f.id = s.Text()
		case "name", "filename":
			f.name = s.Text()
		default:
			s.Skip()
		}
	}
	return f
}

// emit emits the events of the person's messages, or one of no class if there are none. A message without a time of its
// own is dated like the conversation.
func (c *conversation) emit(out *ingest.Sink) error {
	times := make([]int64, len(c.messages))
	for i, m := range c.messages {
		at, err := out.TimeUTC("created_at", cmp.Or(m.created, c.created))
		if err != nil {
			return err
		}
		times[i] = at
	}
	if !slices.ContainsFunc(c.messages, func(m message) bool { return m.role == "user" }) {
		at, err := out.TimeUTC("created_at", c.created)
		if err != nil {
			return err
		}
		e := c.event(&message{id: c.id}, at, out)
		e.Action, e.Object = "conversation", event.Object{ID: c.id, Type: "conversation", Name: c.title}
		e.Key = ingest.Hash(source, c.workspace, c.id)
		out.Emit()
		return nil
	}
	for i, m := range c.messages {
		if m.role != "user" {
			continue
		}
		e := c.event(&m, times[i], out)
		e.Class, e.Action = event.Assistant, "conversation.message"
		e.Object = event.Object{ID: c.id, Type: "conversation", Name: c.title}
		e.Key = ingest.Hash(source, c.workspace, c.id, m.id)
		out.Emit()
		for _, f := range m.files {
			e := c.event(&m, times[i], out)
			e.Class, e.Action = event.Upload, "conversation.file"
			e.Object = event.Object{ID: f.id, Type: "file", Name: f.name, Container: c.title}
			e.Key = ingest.Hash(source, c.workspace, c.id, m.id, f.id, f.name)
			out.Emit()
		}
	}
	return nil
}

func (c *conversation) event(m *message, at int64, out *ingest.Sink) *event.Event {
	e := out.New(event.OpenAI)
	e.Time, e.ID, e.Tenant = at, m.id, c.workspace
	e.Client.App = m.gpt
	e.Actor = event.Actor{Kind: event.Human, Account: out.Account(source, c.email)}
	if e.Actor.Account == "" {
		e.Actor.Account = out.Account(source, c.userID)
	}
	return e
}
