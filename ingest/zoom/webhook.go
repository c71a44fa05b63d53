package zoom

import (
	"cmp"
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// webhook holds the fields of an event notification that are used: {event, event_ts, payload:
// {account_id, operator, operator_id, object: {…}}}.
// https://developers.zoom.us/docs/api/webhooks/
type webhook struct {
	name, at, account, operator, operatorID string
	id, email, host, topic, when            string
	client, version, file                   string
	recordings                              int64
}

// decodeWebhook decodes an event notification.
func decodeWebhook(s *jsonscan.Scanner, out *ingest.Sink) error {
	var w webhook
	if !s.Object() {
		return ingest.ErrNotThis
	}
	for s.Next() {
		switch string(s.Key) {
		case "event":
			w.name = s.Text()
		case "event_ts":
			w.at = s.Text()
		case "account_id":
			w.account = s.Text()
		case "payload":
			if s.Kind() != '{' {
				return ingest.ErrNotThis
			}
			w.scanPayload(s)
		default:
			s.Skip()
		}
	}
	if err := s.Err(); err != nil {
		return err
	}
	if w.account == "" || !strings.Contains(w.name, ".") {
		return ingest.ErrNotThis
	}
	return w.emit(out)
}

func (w *webhook) scanPayload(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	for s.Next() {
		switch string(s.Key) {
		case "account_id":
			w.account = s.Text()
		case "operator":
			w.operator = s.Text()
		case "operator_id":
			w.operatorID = s.Text()
		case "time_stamp":
			w.when = s.Text()
		case "object":
			w.scanObject(s)
		default:
			s.Skip()
		}
	}
}

func (w *webhook) scanObject(s *jsonscan.Scanner) {
	if s.Kind() != '{' || !s.Object() {
		s.Skip()
		return
	}
	for s.Next() {
		switch string(s.Key) {
		case "id", "uuid":
			w.id = cmp.Or(s.Text(), w.id)
		case "email", "owner_email":
			w.email = s.Text()
		case "host_email":
			w.host = s.Text()
		case "topic", "name", "room_name":
			w.topic = s.Text()
		case "file_name":
			w.file = s.Text()
		case "date_time", "timestamp":
			w.when = cmp.Or(w.when, s.Text())
		case "client_type":
			w.client = s.Text()
		case "version":
			w.version = s.Text()
		case "recording_files":
			w.count(s)
		case "meetings":
			if s.Kind() == '[' && s.Array() {
				for s.Elem() {
					w.scanObject(s)
				}
			} else {
				s.Skip()
			}
		default:
			s.Skip()
		}
	}
}

// count counts the recordings of a meeting.
func (w *webhook) count(s *jsonscan.Scanner) {
	if s.Kind() != '[' || !s.Array() {
		s.Skip()
		return
	}
	for s.Elem() {
		s.Skip()
		w.recordings++
	}
}

func (w *webhook) emit(out *ingest.Sink) error {
	at, err := out.Time("event_ts", cmp.Or(w.at, w.when))
	if err != nil {
		return err
	}
	e := out.New(event.Zoom)
	e.Time, e.Tenant, e.Action = at, w.account, w.name
	who := cmp.Or(w.operator, w.operatorID)
	kind, verb, _ := strings.Cut(w.name, ".")
	if who == "" && kind == "user" { // what people do to their own account has no operator
		who = cmp.Or(w.email, w.id)
	}
	e.Actor = event.Actor{Account: out.Account("zoom", who), Kind: event.Human}
	if e.Actor.Account == "" {
		e.Actor.Kind = event.System
	}
	e.Object = event.Object{ID: w.id, Type: kind, Name: cmp.Or(w.file, w.topic, w.email)}
	e.Client.Agent = strings.TrimSpace(out.Join(w.client, " ", w.version))
	w.classify(e, kind, verb, out)
	out.Emit()
	return nil
}

// notifications are the events with a class, by name.
var notifications = map[string]event.Class{
	"user.signed_in":               event.LoginSuccess,
	"user.signed_out":              event.Logout,
	"user.deactivated":             event.Offboard,
	"user.deleted":                 event.Offboard,
	"user.disassociated":           event.Offboard,
	"user.created":                 event.ConfigChange,
	"user.activated":               event.ConfigChange,
	"user.updated":                 event.ConfigChange,
	"user.settings_updated":        event.ConfigChange,
	"user.invitation_accepted":     event.MembershipAdd,
	"account.updated":              event.ConfigChange,
	"account.settings_updated":     event.ConfigChange,
	"account.disassociated":        event.ConfigChange,
	"recording.deleted":            event.Delete,
	"recording.trashed":            event.Delete,
	"recording.batch_deleted":      event.Delete,
	"recording.batch_trashed":      event.Delete,
	"recording.completed":          event.Derived,
	"recording.recovered":          event.ConfigChange,
	"recording.renamed":            event.Rename,
	"chat_channel.member_invited":  event.MembershipAdd,
	"chat_message.file_sent":       event.Upload,
	"chat_message.file_downloaded": event.Download,
	"chat_message.file_deleted":    event.Delete,
	"chat_message.file_shared":     event.ShareUser,
	"whiteboard.exported":          event.Export,
	"app_deauthorized":             event.TokenRevoke,
}

func (w *webhook) classify(e *event.Event, kind, verb string, out *ingest.Sink) {
	e.Class = notifications[w.name]
	switch e.Class {
	case event.Delete:
		e.Items = w.recordings
	case event.Offboard:
		out.To(out.Account("zoom", cmp.Or(w.email, w.id)), event.ScopeUnknown)
	case event.Other:
		if kind == "meeting" || kind == "webinar" || kind == "phone" || kind == "zoomroom" || verb == "started" || verb == "ended" {
			e.Class = event.View
		}
	}
}
