package google

import (
	"errors"
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/jsonscan"
)

var errNoEvent = errors.New("an element of events is not an object")

// detail is an event with the parameters that are used. Names of parameters are lower-case in
// most applications and upper-case in admin, data_studio and takeout.
type detail struct {
	kind, name                                                                    string
	docID, docType, title, owner, visibility, oldVisibility, change, targetUser   string
	targetDomain, appID, newOwner, userEmail, role, setting, newValue, membership string
	clientID, appName, destination, forward, affected, failure, label             string
	groupEmail, memberEmail, drive, calendar, grantee, access, description        string
	domain, oldValue, addedRole, resource, matter, room, attachment, asset        string
	assetID, assetType, attachmentHash, copyType, scope, query, unit              string
	scopes, newValues, targets                                                    []byte // lists, if they are
	primary, notPrimary, suspicious, collaborator                                 bool
	bytes                                                                         int64

	cut    error // a tool left out the event, its parameters, or one that decides what the event is
	folded [40]byte
}

// scan reads an event.
func (d *detail) scan(s *jsonscan.Scanner) {
	*d = detail{}
	if s.Kind() != '{' {
		if d.cut = errNoEvent; s.Kind() == '"' {
			d.cut = ingest.CutError("an event", s.Text())
		} else {
			s.Skip()
		}
		return
	}
	s.Object()
	for s.Next() {
		switch string(s.Key) {
		case "type", "eventType":
			d.kind = s.Text()
		case "name", "eventName":
			d.name = s.Text()
		case "parameters", "parameter":
			d.parameters(s)
		default:
			s.Skip()
		}
	}
}

// parameters reads a list of parameters, one that a tool has left of a list, or an object that has
// them by name.
func (d *detail) parameters(s *jsonscan.Scanner) {
	switch s.Kind() {
	case '[':
		s.Array()
		for s.Elem() {
			if s.Kind() == '"' {
				d.cut = ingest.CutError("parameters", s.Text())
			} else {
				d.parameter(s)
			}
		}
	case '{':
		d.byName(s)
	case '"':
		text := s.Text()
		if len(text) < 2 || text[0] != '[' && text[0] != '{' || ingest.Cut(text) {
			d.cut = ingest.CutError("parameters", text)
			return
		}
		var inner jsonscan.Scanner // a tool has encoded them
		inner.Reset([]byte(text))
		if d.parameters(&inner); inner.Err() != nil {
			d.cut = ingest.Whole(inner.Err())
		}
	default:
		s.Skip()
	}
}

// parameter reads {name, value | intValue | boolValue | multiValue | …}.
func (d *detail) parameter(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	var name string
	var v value
	for s.Next() {
		switch string(s.Key) {
		case "name":
			name = s.Text()
		case "value", "intValue", "boolValue", "multiValue", "multiStrValue", "multiIntValue", "multiBoolValue":
			v.read(s)
		default:
			s.Skip()
		}
	}
	d.set(name, v)
}

// byName reads parameters by name: {"doc_id": "x", "new_value": ["none"]}, also with their values
// in objects: {"doc_id": {"value": "x"}}. A single parameter as parameter reads it has the same
// form, with the names name and value.
func (d *detail) byName(s *jsonscan.Scanner) {
	s.Object()
	var single string
	var v value
	for s.Next() {
		switch string(s.Key) {
		case "name":
			single = s.Text()
		case "value", "intValue", "boolValue", "multiValue", "multiIntValue", "multiBoolValue":
			v.read(s)
		default:
			name := ingest.View(d.fold(ingest.View(s.Key)))
			var v value
			v.read(s)
			d.setFolded(name, v)
		}
	}
	if single != "" && (v.text != "" || v.list != nil) {
		d.set(single, v)
	}
}

// value is what a parameter has: a text, a list of texts, or neither if a tool left it out.
type value struct {
	text string
	list []byte
	mark string // what the tool wrote in its place
}

// read reads a value, or an object that has one. A list of one is also a text: tools turn either
// into the other.
func (v *value) read(s *jsonscan.Scanner) {
	switch s.Kind() {
	case '[':
		v.list = s.Raw()
		var one jsonscan.Scanner
		one.Reset(v.list)
		n := 0
		for one.Array(); one.Elem(); n++ {
			if t := one.Text(); n == 0 {
				v.text = t
			}
		}
		if n > 1 {
			v.text = ""
		}
	case '{':
		s.Object()
		for s.Next() {
			switch string(s.Key) {
			case "value", "intValue", "boolValue", "multiValue", "multiIntValue", "multiBoolValue":
				v.read(s)
			default:
				s.Skip()
			}
		}
	case 'n':
		s.Skip()
	default:
		v.text = s.Text()
	}
	if ingest.Cut(v.text) {
		*v = value{mark: v.text}
	}
}

// is reports whether a value is the word true or false, in any case.
func (v *value) is(word string) bool { return strings.EqualFold(v.text, word) }

// fold writes the name of a parameter in lower case. It is valid until the next call.
func (d *detail) fold(name string) []byte {
	b := d.folded[:0]
	for i := 0; i < len(name) && i < len(d.folded); i++ {
		c := name[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		b = append(b, c)
	}
	return b
}

// set sets the field of a parameter.
func (d *detail) set(name string, v value) {
	if name != "" && name[0] >= 'A' && name[0] <= 'Z' {
		name = ingest.View(d.fold(name))
	}
	d.setFolded(name, v)
}

// setFolded sets the field of a parameter whose name is in lower case.
func (d *detail) setFolded(name string, v value) {
	if v.mark != "" {
		if name == "new_value" || name == "api_scopes" || name == "visibility" { // what decides how an event is judged
			d.cut = ingest.CutError(name, v.mark)
		}
		return
	}
	if v.text == "" && v.list == nil {
		return
	}
	if field := d.field(name); field != nil {
		*field = v.text
		return
	}
	switch name {
	case "primary_event":
		d.primary, d.notPrimary = v.is("true"), v.is("false")
	case "new_value":
		d.newValue, d.newValues = v.text, v.list
	case "actor_is_collaborator_account":
		d.collaborator = v.is("true")
	case "role_name":
		d.role = v.text
	case "privilege_name":
		if d.role == "" {
			d.role = v.text
		}
	case "api_scopes", "scope", "scopes":
		d.scopes, d.scope = v.list, v.text
	case "num_response_bytes":
		d.bytes = jsonscan.ParseInt([]byte(v.text))
	case "target_users":
		d.targets, d.targetUser = v.list, v.text
	case "is_suspicious":
		d.suspicious = v.is("true")
	}
}

// field is the field of a parameter that is a text, by its name in lower case; nil if there is none.
func (d *detail) field(name string) *string {
	switch name {
	case "doc_id":
		return &d.docID
	case "doc_type":
		return &d.docType
	case "doc_title":
		return &d.title
	case "owner", "owner_email":
		return &d.owner
	case "visibility":
		return &d.visibility
	case "old_visibility", "prior_visibility":
		return &d.oldVisibility
	case "visibility_change":
		return &d.change
	case "target_user", "target", "target_user_email", "target_email":
		return &d.targetUser
	case "target_domain":
		return &d.targetDomain
	case "originating_app_id":
		return &d.appID
	case "new_owner", "destination_user_email":
		return &d.newOwner
	case "shared_drive_id", "team_drive_id":
		return &d.drive
	case "membership_change_type":
		return &d.membership
	case "added_role":
		return &d.addedRole
	case "label", "label_title":
		return &d.label
	case "user_email":
		return &d.userEmail
	case "group_email", "group_id":
		return &d.groupEmail
	case "member_id", "member_email":
		return &d.memberEmail
	case "setting_name":
		return &d.setting
	case "setting_description":
		return &d.description
	case "old_value":
		return &d.oldValue
	case "domain_name":
		return &d.domain
	}
	return d.rareField(name)
}

// rareField is field for parameters of applications with few events.
func (d *detail) rareField(name string) *string {
	switch name {
	case "api_client_name", "client_id":
		return &d.clientID
	case "app_name", "application_name":
		return &d.appName
	case "takeout_destination":
		return &d.destination
	case "email_forwarding_destination_address", "email_monitor_dest_email":
		return &d.forward
	case "calendar_id":
		return &d.calendar
	case "grantee_email":
		return &d.grantee
	case "access_level":
		return &d.access
	case "affected_email_address":
		return &d.affected
	case "login_failure_type":
		return &d.failure
	case "resource_name", "note_name":
		return &d.resource
	case "matter_id":
		return &d.matter
	case "query":
		return &d.query
	case "organizational_unit_name", "org_unit_name":
		return &d.unit
	case "room_id", "space_id":
		return &d.room
	case "attachment_name":
		return &d.attachment
	case "attachment_hash":
		return &d.attachmentHash
	case "asset_type":
		return &d.assetType
	case "copy_type":
		return &d.copyType
	case "asset_name":
		return &d.asset
	case "asset_id":
		return &d.assetID
	}
	return nil
}

// names calls visit for every element of a list of texts or, if there is no list, for a text.
func names(list []byte, text string, visit func(string)) {
	if list == nil {
		visit(text)
		return
	}
	var s jsonscan.Scanner
	s.Reset(list)
	for s.Array(); s.Elem(); {
		visit(s.Text())
	}
}

// joined returns the scopes of an application, separated by blanks. Tools also join them with
// commas.
func (d *detail) joined(out *ingest.Sink) string {
	var b strings.Builder
	names(d.scopes, d.scope, func(t string) {
		for scope := range strings.FieldsFuncSeq(t, func(c rune) bool { return c == ',' || c == ';' || c <= ' ' }) {
			if b.Len() > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(scope)
		}
	})
	return out.Copy(b.String())
}
