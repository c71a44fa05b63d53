// Package zoom decodes Zoom's operation logs and sign-in activities, from the reports API and
// from exports of the web portal. It is also their source. Facts about the format:
// docs/sources/zoom.md.
package zoom

import (
	"cmp"
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// Formats are the JSON shapes of both reports.
var Formats = []*ingest.Format{{
	Name:   "zoom_operation",
	Match:  func(k ingest.Keys) bool { return k.Has("operation_detail", "time") },
	Decode: decode,
}, {
	Name:   "zoom_activity",
	Match:  func(k ingest.Keys) bool { return k.Has("email", "time", "type", "client_type") },
	Decode: decode,
}, {
	Name:   "zoom_webhook",
	Match:  func(k ingest.Keys) bool { return k.Has("event", "payload") },
	Decode: decodeWebhook,
}}

// Tables are the delimited shapes of Zoom's reports: the portal's exports of operation logs and of
// sign-ins.
var Tables = []*ingest.Table{
	ingest.Declare("zoom_operation_csv", []ingest.Column{
		{Field: "time", Required: true, Names: []string{"Time", "Zeit", "Heure", "Hora", "時刻"}},
		{Field: "operator", Required: true, Names: []string{"Operator", "Bediener", "Opérateur", "Operador"}},
		{Field: "detail", Required: true, Names: []string{"Operation Detail", "Operation Details"}},
		{Field: "category", Names: []string{"Category Type", "Category"}},
		{Field: "action", Names: []string{"Action", "Aktion", "Acción"}},
	}, func(cell ingest.Cells, out *ingest.Sink) error {
		r := record{
			time:     cell("time"),
			operator: cell("operator"),
			category: cell("category"),
			action:   cell("action"),
			detail:   cell("detail"),
		}
		return r.emit(out)
	}),
	ingest.Declare("zoom_activity_csv", []ingest.Column{
		{Field: "time", Required: true, Names: []string{"Time", "Zeit", "Heure", "Hora", "時刻"}},
		{Field: "email", Required: true, Names: []string{"Email", "E-Mail", "User", "Email address"}},
		{Field: "type", Required: true, Names: []string{"Type", "Typ", "Tipo"}},
		{Field: "client", Required: true, Names: []string{"Client Type", "Client-Typ"}},
		{Field: "ip", Names: []string{"IP Address", "IP-Adresse", "Adresse IP"}},
		{Field: "version", Names: []string{"Version", "Client Version"}},
	}, func(cell ingest.Cells, out *ingest.Sink) error {
		r := record{
			time:     cell("time"),
			operator: cell("email"),
			kind:     cell("type"),
			client:   cell("client"),
			ip:       cell("ip"),
			version:  cell("version"),
		}
		if r.kind == "" {
			return ingest.ErrNotThis
		}
		return r.emit(out)
	}),
}

// record is a row of one of the reports.
type record struct{ time, operator, category, action, detail, kind, ip, client, version string }

func decode(s *jsonscan.Scanner, out *ingest.Sink) error {
	var r record
	if !s.Object() {
		return ingest.ErrNotThis
	}
	for s.Next() {
		switch string(s.Key) {
		case "time":
			r.time = s.Text()
		case "operator", "email":
			r.operator = s.Text()
		case "category_type":
			r.category = s.Text()
		case "action":
			r.action = s.Text()
		case "operation_detail":
			r.detail = s.Text()
		case "type":
			r.kind = s.Text()
		case "ip_address":
			r.ip = s.Text()
		case "client_type":
			r.client = s.Text()
		case "version":
			r.version = s.Text()
		default:
			s.Skip()
		}
	}

	if err := s.Err(); err != nil {
		return err
	}
	if r.detail == "" && (r.kind == "" || r.client == "") {
		return ingest.ErrNotThis
	}
	return r.emit(out)
}

func (r *record) emit(out *ingest.Sink) error {
	at, err := out.Time("time", r.time)
	if err != nil {
		return err
	}
	e := out.New(event.Zoom)
	e.Time = at
	e.Actor = event.Actor{Account: out.Account("zoom", r.operator), Kind: event.Human}
	if e.Actor.Account == "" {
		e.Actor.Kind = event.System
	}
	if r.kind != "" && r.detail == "" {
		r.activity(e, out)
	} else {
		r.operation(e, out)
	}
	out.Emit()
	return nil
}

// activity is a sign-in or a sign-out. Sign-ins that failed are not reported.
func (r *record) activity(e *event.Event, out *ingest.Sink) {
	e.Action = r.kind
	e.Client = event.Client{
		IP:    ingest.Address(r.ip),
		Agent: out.Join(r.client, " ", strings.TrimPrefix(r.version, "-")),
	}
	e.Client.Agent = strings.TrimSpace(e.Client.Agent)
	switch strings.ToLower(r.kind) {
	case "sign in":
		e.Class = event.LoginSuccess
	case "sign out":
		e.Class = event.Logout
	}
}

// operation is a change by a user. The details are in an English sentence:
// "Change Role  - dana@acme.example: from Member to Admin".
func (r *record) operation(e *event.Event, out *ingest.Sink) {
	e.Action = out.Join(r.category, "/", r.action)
	e.Object = event.Object{Type: out.Lower(r.category), Name: r.subject()}
	out.Attr(event.AttrTarget, r.detail)
	what, detail := strings.ToLower(cmp.Or(r.category, "")), strings.ToLower(r.detail)
	action := strings.ToLower(r.action)
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(detail, w) {
				return true
			}
		}
		return false
	}

	from, to := r.values()
	switch {
	case has("change role", "user role"):
		e.Class = event.ConfigChange
		switch before, after := rank(from), rank(to); {
		case after > before:
			e.Class = event.AdminGrant
			out.Attr(event.AttrRole, to)
		case before > after:
			e.Class = event.AdminRevoke
			out.Attr(event.AttrRole, from)
		}
		r.concerns(out)

	case what == "user" && (strings.Contains(action, "delete") || has("deactivate", "delete user", "unlink")):
		e.Class = event.Offboard
		r.concerns(out)
	case strings.Contains(what, "recording"):
		switch {
		case strings.Contains(action, "delete") || has("delete cloud recording"):
			e.Class = event.Delete
		case has("download"):
			e.Class = event.Download
		case has("share", "public"):
			e.Class = event.ConfigChange
			if has("publicly", "public access", "everyone", "anyone") {
				e.Class, e.After = event.ShareLink, event.PublicLink
				out.To("*", event.ScopeAnyone)
			}
		case has("view", "play"):
			e.Class = event.View
		}

	case strings.Contains(what, "marketplace") || strings.Contains(what, "app") && has("install", "authoriz", "approve"):
		e.Class = event.TokenGrant
		if has("uninstall", "deauthoriz", "remove") {
			e.Class = event.TokenRevoke
		}
		out.Attr(event.AttrAppName, e.Object.Name)

	case has("export"):
		e.Class = event.Export
	case strings.Contains(what, "sso") ||
		strings.Contains(what, "single sign"), has("two-factor", "two factor", "single sign-on", "sign-in method",
		"password requirement", "sign in with"):
		e.Class = event.ConfigChange
		out.Policy("authentication", onOff(from, to))

	case has("recording", "passcode", "authenticated users", "waiting room", "share", "external contact", "security option",
		"require ", "encrypt"):
		e.Class = event.ConfigChange
		effect := onOff(from, to)
		if !has("only", "passcode", "require", "authenticated", "waiting room", "prevent", "block", "security option",
			"encrypt") { // it allows rather than forbids
			effect = map[string]string{"weaker": "stronger", "stronger": "weaker"}[effect]
		}
		out.Policy("sharing", effect)

	default:
		e.Class = event.ConfigChange
	}
}

// rank returns how much a role may administer: 0 if nothing.
func rank(role string) int {
	switch role = strings.ToLower(role); {
	case role == "owner":
		return 3
	case strings.Contains(role, "owner"): // co-owners
		return 2
	case strings.Contains(role, "admin"):
		return 1
	}
	return 0
}

// onOff returns the effect of a protection's change from one value to another.
func onOff(from, to string) string {
	switch {
	case strings.EqualFold(from, "on") && strings.EqualFold(to, "off"):
		return "weaker"
	case strings.EqualFold(from, "off") && strings.EqualFold(to, "on"):
		return "stronger"
	}
	return ""
}

// values returns the old and the new value in the sentence.
func (r *record) values() (from, to string) {
	i := strings.LastIndex(r.detail, "from ")
	if i < 0 {
		return "", ""
	}
	from, to, ok := strings.Cut(r.detail[i+len("from "):], " to ")
	if !ok {
		return "", ""
	}
	return strings.TrimSpace(from), strings.TrimSpace(to)
}

// subject returns the words after the dash of the sentence, without the change.
func (r *record) subject() string {
	_, s, ok := strings.Cut(r.detail, " - ")
	if !ok {
		return r.detail
	}
	s, _, _ = strings.Cut(s, ": from ")
	return strings.TrimSpace(s)
}

// concerns adds the user that the sentence names as a recipient.
func (r *record) concerns(out *ingest.Sink) {
	for w := range strings.FieldsFuncSeq(r.detail, func(c rune) bool { return c == ' ' || c == ',' || c == ':' || c == ';' }) {
		if ingest.IsEmail(w) {
			out.To(out.Lower(w), event.ScopeUnknown)
			return
		}
	}
}
