// Package box decodes Box enterprise events and the User Activity report. Facts
// about the format: docs/sources/box.md.
package box

import (
	"cmp"
	"strings"
	"sync"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// Formats are the JSON shapes of Box events.
var Formats = []*ingest.Format{{
	Name: "box",
	Match: func(k ingest.Keys) bool {
		return k.Has("event_type", "created_by") && (k.Has("source") || k.Has("event_id"))
	},
	Decode: decode,
}}

// user is created_by, accessible_by or owned_by.
type user struct{ id, name, login string }

// record holds the fields of an event that are used.
type record struct {
	id, kind, created, ip, session                                  string
	by, action, to, owner                                           user
	itemType, itemID, itemName, parentName, parentID, label, access string
	userID, userName, role, email, service, reason, priority, group string
	size                                                            string
	kilobytes                                                       string // in place of size
	details                                                         []byte
	sourceUser                                                      user
	sourceKind                                                      string
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
		case "event_id":
			r.id = s.Text()
		case "event_type":
			r.kind = s.Text()
		case "created_at":
			r.created = s.Text()
		case "created_by":
			r.by.scan(s)
		case "action_by":
			r.action.scan(s)
		case "accessible_by":
			r.to.scan(s)
		case "ip_address":
			r.ip = s.Text()
		case "session_id":
			r.session = s.Text()
		case "source":
			r.scanSource(s)
		case "additional_details":
			if s.Kind() == '"' { // the object encoded as a string
				r.details = append([]byte(nil), s.Bytes()...)
			} else {
				r.details = s.Raw()
			}

		default:
			s.Skip()
		}
	}

	if err := s.Err(); err != nil {
		return err
	}
	if r.kind == "" {
		return ingest.ErrNotThis
	}
	r.scanDetails()
	return r.emit(out)
}

func (u *user) scan(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	for s.Next() {
		switch string(s.Key) {
		case "id":
			u.id = s.Text()
		case "name":
			u.name = s.Text()
		case "login":
			u.login = s.Text()
		default:
			s.Skip()
		}
	}
}

// scanSource reads the object of the event: an item, a collaboration, a user, a group, or a file
// as in the API. The shape depends on the kind.
func (r *record) scanSource(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	for s.Next() {
		switch string(s.Key) {
		case "item_type":
			r.itemType = s.Text()
		case "type":
			r.sourceKind = s.Text()
		case "item_id", "file_id", "folder_id":
			r.itemID = s.Text()
			if k := string(s.Key); r.itemType == "" && k != "item_id" {
				r.itemType = k[:strings.IndexByte(k, '_')]
			}

		case "item_name", "file_name", "folder_name":
			r.itemName = s.Text()
		case "id":
			r.sourceUser.id = s.Text()
		case "name":
			r.sourceUser.name = s.Text()
		case "login":
			r.sourceUser.login = s.Text()
		case "size":
			r.size = s.Text()
		case "user_id":
			r.userID = s.Text()
		case "user_name":
			r.userName = s.Text()
		case "group_name":
			r.group = s.Text()
		case "owned_by":
			r.owner.scan(s)
		case "parent":
			var p user
			p.scan(s)
			r.parentID, r.parentName = p.id, p.name

		case "classification":
			if s.Kind() == '{' {
				r.label = s.Field("name")
			} else {
				r.label = s.Text()
			}

		case "shared_link":
			r.access = s.Field("access")
		default:
			s.Skip()
		}
	}

	if r.itemID == "" && (r.sourceKind == "file" || r.sourceKind == "folder") {
		r.itemType, r.itemID, r.itemName = r.sourceKind, r.sourceUser.id, r.sourceUser.name
	}
}

func (r *record) scanDetails() {
	var s jsonscan.Scanner
	if s.Reset(r.details); r.details == nil || !s.Object() {
		return
	}
	for s.Next() {
		switch string(s.Key) {
		case "size":
			r.size = s.Text()
		case "access", "shared_link_access":
			r.access = s.Text()
		case "role":
			r.role = s.Text()
		case "email", "collaborator_email", "invited_email":
			r.email = s.Text()
		case "service_name":
			r.service = s.Text()
		case "shield_alert":
			r.scanAlert(&s)
		default:
			s.Skip()
		}
	}
}

// scanAlert reads a Shield alert. The person is inside it; the event's actor is the unknown
// user.
func (r *record) scanAlert(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	for s.Next() {
		switch string(s.Key) {
		case "rule_name", "rule_category":
			if t := s.Text(); r.reason == "" {
				r.reason = t
			}
		case "priority":
			r.priority = s.Text()
		case "user":
			if s.Object() {
				for s.Next() {
					switch string(s.Key) {
					case "email", "login":
						r.by.login = s.Text()
					case "id":
						r.by.id = s.Text()
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

// anonymousID is the user id of anonymous users.
const anonymousID = "2"

func (r *record) emit(out *ingest.Sink) error {
	at, err := out.Time("created_at", r.created)
	if err != nil {
		return err
	}
	e := out.New(event.Box)
	e.Time, e.ID, e.Action = at, r.id, r.kind
	if r.id != "" {
		e.Key = ingest.Hash("box", r.id)
	}

	e.Actor = r.actor(out)
	if r.action.login != "" && !strings.EqualFold(r.action.login, r.by.login) { // an admin acting as the user
		e.Actor.OnBehalfOf = e.Actor.Account
		e.Actor.Account, e.Actor.Alias = out.Account("box", r.action.login), ""
	}

	e.Client = event.Client{IP: ingest.Address(r.ip), Session: r.session}
	h, _ := types.Get(r.kind)
	e.Class = h.class
	if r.itemID != "" || r.itemName != "" {
		e.Object = event.Object{
			ID:        r.itemID,
			Type:      r.itemType,
			Name:      r.itemName,
			Container: cmp.Or(r.parentName, r.parentID),
			Owner:     out.Lower(r.owner.login),
			Label:     r.label,
			Size:      r.bytes(out),
			Folder:    r.itemType == "folder",
		}
		out.Attr(event.AttrFolder, r.parentID)
		if e.Class == event.Download || e.Class == event.Sync {
			e.Bytes = e.Object.Size
		}
	} else if r.sourceUser.login != "" {
		e.Object = event.Object{ID: r.sourceUser.id, Type: "user", Name: r.sourceUser.login}
	} else if r.group != "" {
		e.Object = event.Object{Type: "group", Name: r.group}
	}

	if h.detail != nil {
		h.detail(r, e, out)
	}
	out.Emit()
	return nil
}

// bytes returns the size of the item; 0 if it is not known.
func (r *record) bytes(out *ingest.Sink) int64 {
	if kb, ok := out.Number(r.kilobytes); ok && kb < 1e12 {
		return int64(kb * 1024)
	}
	return out.Size(r.size)
}

func (r *record) actor(out *ingest.Sink) (a event.Actor) {
	switch {
	case r.by.login == "" && (r.by.id == "" || r.by.id == anonymousID):
		a.Kind = event.Anonymous
	case r.by.login == "":
		a.Kind, a.Account, a.Name = event.Human, out.Join("box:", r.by.id), r.by.name
	default:
		a.Kind, a.Account, a.Name = event.Human, out.Account("box", r.by.login), r.by.name
		if strings.HasPrefix(r.by.login, "AutomationUser_") || strings.HasSuffix(r.by.login, "@boxdevedition.com") {
			a.Kind = event.Service
		}
		if r.by.id != "" && r.by.id != anonymousID {
			a.Alias = out.Join("box:", r.by.id)
		}
	}
	return a
}
