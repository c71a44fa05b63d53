package recognition

import (
	"time"

	"github.com/outflow/outflow/internal/event"
)

// Event is an event as it is shown. What the record does not state is empty.
type Event struct {
	Time     string `json:"time"`               // RFC 3339, in UTC
	Zoneless bool   `json:"zoneless,omitempty"` // the record states no zone: the time was taken as UTC
	Source   string `json:"source"`
	Class    string `json:"class"`
	Action   string `json:"action"`            // in the vendor's words
	Outcome  string `json:"outcome,omitempty"` // failure, denied or unknown; "" for success
	ID       string `json:"id,omitempty"`
	Tenant   string `json:"tenant,omitempty"`

	Actor      string `json:"actor,omitempty"` // account
	ActorKind  string `json:"actor_kind"`
	ActorName  string `json:"actor_name,omitempty"`
	Alias      string `json:"alias,omitempty"`
	OnBehalfOf string `json:"on_behalf_of,omitempty"`

	Object     string `json:"object,omitempty"` // its name
	ObjectType string `json:"object_type,omitempty"`
	ObjectID   string `json:"object_id,omitempty"`
	Container  string `json:"container,omitempty"`
	Owner      string `json:"owner,omitempty"`
	Label      string `json:"label,omitempty"`
	Folder     bool   `json:"folder,omitempty"`

	Size        int64  `json:"size,omitempty"`         // of the object, in bytes
	Bytes       int64  `json:"bytes,omitempty"`        // taken
	Rows        int64  `json:"rows,omitempty"`         // returned or exported
	RowsUnknown bool   `json:"rows_unknown,omitempty"` // there were rows, of unknown number
	Items       int64  `json:"items,omitempty"`        // taken in one event
	Before      string `json:"before,omitempty"`       // visibility
	After       string `json:"after,omitempty"`        // visibility

	Recipients []Recipient `json:"recipients,omitempty"`

	IP      string `json:"ip,omitempty"`
	Agent   string `json:"user_agent,omitempty"`
	Country string `json:"country,omitempty"`
	App     string `json:"app,omitempty"`
	Session string `json:"session,omitempty"`
	Device  string `json:"device,omitempty"`

	Attributes []Attribute `json:"attributes,omitempty"`
}

// Recipient is who received something.
type Recipient struct {
	Account string `json:"account"`
	Scope   string `json:"scope"` // what the vendor states: internal, external, anyone or unknown
}

// Attribute is a further fact.
type Attribute struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// newEvent returns an event as it is shown. It shares no memory with e.
func newEvent(e *event.Event) Event {
	e = e.Clone()
	x := Event{
		Time:     time.UnixMilli(e.Time).UTC().Format("2006-01-02T15:04:05.000Z"),
		Zoneless: e.Zoneless,
		Source:   e.Source.String(),
		Class:    e.Class.String(),
		Action:   e.Action,
		Outcome:  [...]string{"", "failure", "denied", "unknown"}[e.Outcome],
		ID:       e.ID,
		Tenant:   e.Tenant,

		Actor:      e.Actor.Account,
		ActorKind:  e.Actor.Kind.String(),
		ActorName:  e.Actor.Name,
		Alias:      e.Actor.Alias,
		OnBehalfOf: e.Actor.OnBehalfOf,

		Object:     e.Object.Name,
		ObjectType: e.Object.Type,
		ObjectID:   e.Object.ID,
		Container:  e.Object.Container,
		Owner:      e.Object.Owner,
		Label:      e.Object.Label,
		Folder:     e.Object.Folder,

		Size:        e.Object.Size,
		Bytes:       e.Bytes,
		Rows:        max(e.Rows, 0),
		RowsUnknown: e.Rows == event.RowsUnknown,
		Items:       e.Items,
		Before:      e.Before.String(),
		After:       e.After.String(),

		IP:      e.Client.IP,
		Agent:   e.Client.Agent,
		Country: e.Client.Country,
		App:     e.Client.App,
		Session: e.Client.Session,
		Device:  e.Client.Device,
	}
	for _, t := range e.To {
		x.Recipients = append(x.Recipients, Recipient{t.Account, [...]string{"unknown", "internal", "external", "anyone"}[t.Scope]})
	}
	for _, a := range e.Attrs {
		x.Attributes = append(x.Attributes, Attribute{a.Name, a.Value})
	}
	return x
}
