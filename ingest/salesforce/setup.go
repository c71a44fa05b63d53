package salesforce

import (
	"cmp"
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// decodeSetup decodes a row of SetupAuditTrail: a change by an administrator. The action is a
// code; the details are in a sentence in the language of the organisation.
func decodeSetup(s *jsonscan.Scanner, out *ingest.Sink) error {
	var id, action, section, display, created, by, username, email, delegate string
	if !s.Object() {
		return ingest.ErrNotThis
	}
	for s.Next() {
		switch string(s.Key) {
		case "Id":
			id = s.Text()
		case "Action":
			action = s.Text()
		case "Section":
			section = s.Text()
		case "Display":
			display = s.Text()
		case "CreatedDate":
			created = s.Text()
		case "CreatedById":
			by = s.Text()
		case "CreatedBy":
			if s.Kind() != '{' || !s.Object() {
				s.Skip()
				continue
			}
			for s.Next() {
				switch string(s.Key) {
				case "Username":
					username = s.Text()
				case "Email":
					email = s.Text()
				default:
					s.Skip()
				}
			}

		case "DelegateUser":
			delegate = s.Text()
		default:
			s.Skip()
		}
	}

	if err := s.Err(); err != nil {
		return err
	}
	at, err := out.TimeUTC("CreatedDate", created)
	if err != nil {
		return err
	}

	e := out.New(event.Salesforce)
	e.Time, e.ID, e.Action = at, id, action
	e.Key = ingest.Hash("salesforce", id)
	e.Actor.Kind = event.Human
	var r row
	account := r.account(by, out)
	if name := cmp.Or(email, username); ingest.IsEmail(name) {
		e.Actor.Account, e.Actor.Alias = out.Lower(name), account
	} else {
		e.Actor.Account = account
	}

	if ingest.IsEmail(delegate) { // an administrator who was signed in as another user
		e.Actor.OnBehalfOf, e.Actor.Account, e.Actor.Alias = e.Actor.Account, out.Lower(delegate), ""
	}
	e.Object = event.Object{Type: "setting", ID: action, Name: clip(display), Container: section}
	setup(e, strings.ToLower(action), display, out)
	out.Emit()
	return nil
}

func clip(t string) string {
	const most = 200
	if len(t) > most {
		t = strings.ToValidUTF8(t[:most], "")
	}
	return t
}

// whole are permissions over all data or over permissions, as codes and as in the sentences.
var whole = []string{
	"modify all data", "modifyalldata", "view all data", "viewalldata", "manage users", "manageusers",
	"customize application", "system administrator", "systemadministrator",
}

// setup classifies an action of the setup audit trail.
func setup(e *event.Event, action, display string, out *ingest.Sink) {
	text := strings.ToLower(display)
	switch {
	case action == "permsetunassign", strings.HasPrefix(action, "permset") && strings.Contains(action, "disable"):
		e.Class = event.AdminRevoke
		holder(e, display, out)
	case strings.HasPrefix(action, "permsetassign"), strings.HasPrefix(action, "permsetgroupassign"),
		strings.HasPrefix(action, "permsetenable"), strings.HasPrefix(action, "changedprofileforuser"),
		strings.HasPrefix(action, "profileenable"), strings.HasPrefix(action, "changedroleforuser"):
		e.Class = event.PermissionGrant
		given := text
		if _, to, ok := strings.Cut(text, " to "); ok && strings.HasPrefix(action, "changed") { // from one to another
			given = to
		}
		for _, right := range whole {
			if strings.Contains(given, right) {
				e.Class = event.AdminGrant
				out.Attr(event.AttrRole, right)
				out.Attr(event.AttrGrant, right)
				break
			}
		}
		holder(e, display, out)

	case strings.HasPrefix(action, "dataexport"):
		e.Class, e.Object = event.Export, event.Object{Type: "organization", Name: clip(display)}
	case action == "deactivateduser", action == "frozeuser":
		e.Class = event.Offboard
	case action == "suorgadminlogin", strings.HasPrefix(action, "loginas"):
		e.Class = event.AppAccess
	case strings.Contains(action, "password") || strings.Contains(action, "session") || strings.Contains(action, "iprange") ||
		strings.Contains(action, "mfa") || strings.Contains(action, "twofactor"):
		e.Class = event.ConfigChange
		out.Policy("authentication", "")

	case strings.Contains(action, "sharing") || strings.HasPrefix(action, "owd"):
		e.Class = event.ConfigChange
		out.Policy("sharing", "")
	case strings.Contains(action, "eventlog") || strings.Contains(action, "eventmonitoring"):
		e.Class = event.ConfigChange
		out.Policy("logging", "")
	default:
		e.Class = event.ConfigChange
	}
}

// holder sets who or what has a right, from the sentence about it: a user, or a permission set
// or profile, which gives it to everybody that it is assigned to.
func holder(e *event.Event, display string, out *ingest.Sink) {
	e.Object = event.Object{Type: "permission set", ID: e.Object.ID, Container: e.Object.Container}
	if strings.Contains(strings.ToLower(e.Action), "profile") {
		e.Object.Type = "profile"
	}
	text := strings.ToLower(display)
	if i := strings.Index(text, e.Object.Type+" "); i >= 0 && len(text) == len(display) {
		if name, _, named := strings.Cut(display[i+len(e.Object.Type)+1:], ":"); named {
			e.Object.ID, e.Object.Name = "", clip(strings.TrimSpace(name))
		}
	}
	out.To(receiver(display, out), event.ScopeUnknown)
}

// receiver returns the user in a sentence about a right: a user name, or else an id.
func receiver(display string, out *ingest.Sink) string {
	id := ""
	for word := range strings.FieldsSeq(display) {
		word = strings.Trim(word, "(),;:.'\"[]")
		if ingest.IsEmail(word) {
			return out.Lower(word)
		}
		if strings.HasPrefix(word, "005") && (len(word) == 15 || len(word) == 18) { // 005 is the prefix of users
			id = word
		}
	}
	var r row
	return r.account(id, out)
}

// decodeLogin decodes a row of LoginHistory.
func decodeLogin(s *jsonscan.Scanner, out *ingest.Sink) error {
	var l loginRecord
	if !s.Object() {
		return ingest.ErrNotThis
	}
	for s.Next() {
		switch string(s.Key) {
		case "Id":
			l.id = s.Text()
		case "UserId":
			l.user = s.Text()
		case "LoginTime":
			l.at = s.Text()
		case "LoginType":
			l.kind = s.Text()
		case "SourceIp":
			l.ip = s.Text()
		case "Status":
			l.status = s.Text()
		case "Browser":
			l.browser = s.Text()
		case "Platform":
			l.platform = s.Text()
		case "Application":
			l.app = s.Text()
		case "CountryIso":
			l.country = s.Text()
		default:
			s.Skip()
		}
	}

	if err := s.Err(); err != nil {
		return err
	}
	at, err := out.TimeUTC("LoginTime", l.at)
	if err != nil {
		return err
	}
	return l.emit(at, out)
}

// loginRecord holds the fields of a row of LoginHistory that are used.
type loginRecord struct{ id, user, at, kind, ip, status, browser, platform, app, country string }

func (l *loginRecord) emit(at int64, out *ingest.Sink) error {
	e := out.New(event.Salesforce)
	e.Time, e.ID, e.Action = at, l.id, "LoginHistory"
	if l.id != "" {
		e.Key = ingest.Hash("salesforce", l.id)
	}
	var r row
	e.Actor = event.Actor{Account: r.account(l.user, out), Kind: event.Human}
	if ingest.IsEmail(l.user) {
		e.Actor.Account = out.Lower(l.user)
	}
	e.Class = event.LoginSuccess
	if l.status != "" && !strings.EqualFold(l.status, "success") {
		ingest.SignInFailed(e, l.status, wrongSecrets...)
		out.Attr(event.AttrReason, l.status)
	}

	agent := l.browser
	if l.platform != "" && l.platform != "Unknown" {
		agent = out.Join(l.browser, " ", l.platform)
	}
	e.Client = event.Client{IP: ingest.Address(l.ip), Agent: agent, Country: l.country}
	e.Object = event.Object{Type: "application", Name: cmp.Or(l.app, l.kind)}
	out.Emit()
	return nil
}
