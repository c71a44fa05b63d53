package google

import (
	"strings"

	"github.com/outflow/outflow/ingest"
)

// Tables are the delimited shapes of activities: the reports of GAM, and the logs that the admin
// console exports.
var Tables = []*ingest.Table{gam, driveConsole, loginConsole}

// gam is a report of GAM (https://github.com/GAM-team/GAM): the fields of an activity by their
// paths, and a column for each parameter.
var gam = &ingest.Table{
	Name:  "google_workspace_gam_csv",
	Match: func(h ingest.Header) bool { return h.Has("name", "idtime", "idapplicationname") },
	Bind: func(h ingest.Header) func([][]byte, *ingest.Sink) error {
		return func(row [][]byte, out *ingest.Sink) error {
			a := begin()
			defer activities.Put(a)
			for i, column := range h {
				if i < len(row) {
					a.gam(column, ingest.View(row[i]))
				}
			}
			return a.portal("id.time", out)
		}
	},
}

// parameterOf are the parameters by folded column, where the column does not fold to itself.
var parameterOf = func() map[string]string {
	m := map[string]string{}
	for _, name := range []string{
		"doc_id", "doc_type", "doc_title", "old_visibility", "visibility_change", "target_user", "target_domain", "new_value", "old_value",
		"user_email", "primary_event", "originating_app_id", "shared_drive_id", "owner_is_shared_drive", "app_name", "client_id",
		"api_scopes",
		"role_name", "privilege_name", "setting_name", "group_email", "login_type", "login_challenge_method", "login_failure_type",
		"is_suspicious", "target_users", "actor_is_collaborator_account", "num_response_bytes", "source_copied_from", "application_name",
	} {
		m[strings.ReplaceAll(name, "_", "")] = name
	}
	return m
}()

// gam sets a field of the activity, or else a parameter of its event.
func (a *activity) gam(column, cell string) {
	switch column {
	case "name":
		a.e.name = cell
	case "type":
		a.e.kind = cell
	case "idtime":
		a.time = cell
	case "idapplicationname":
		a.app = cell
	case "iduniquequalifier":
		a.qualifier = cell
	case "idcustomerid":
		a.customer = cell
	case "actoremail":
		a.email = cell
	case "actorprofileid":
		a.profile = cell
	case "actorkey":
		a.key = cell
	case "ipaddress":
		a.ip = cell
	case "networkinforegioncode":
		a.region = cell
	default:
		name := column
		if n, known := parameterOf[column]; known {
			name = n
		}
		a.e.set(name, value{text: cell})
	}
}

// portal emits the event of a row. Field names the column of its time.
func (a *activity) portal(field string, out *ingest.Sink) error {
	if a.e.name == "" || a.app == "" {
		return ingest.ErrNotThis
	}
	at, err := out.Time(field, a.time)
	if err != nil {
		return err
	}
	a.scan.Reset([]byte("{}"))
	return a.emit(&a.scan, at, out)
}

var (
	consoleDate = ingest.Column{Field: "date", Required: true, Names: []string{"Date", "Datum", "Fecha", "日付"}}
	consoleWhat = ingest.Column{Field: "event", Required: true, Names: []string{
		"Event", "Event name", "Ereignis", "Événement", "Evento", "イベント",
	}}
	consoleIP = ingest.Column{Field: "ip", Names: []string{"IP address", "IP-Adresse", "Adresse IP", "Dirección IP", "IP アドレス"}}
)

// driveConsole is the export of the Drive log events of the admin console.
var driveConsole = ingest.Declare("google_workspace_drive_csv", []ingest.Column{
	consoleDate, consoleWhat, consoleIP,
	{Field: "doc_id", Required: true, Names: []string{"Document ID", "Dokument-ID", "ID du document", "ID de documento", "ドキュメント ID"}},
	{Field: "actor", Required: true, Names: []string{
		"Actor", "User", "Akteur", "Nutzer", "Acteur", "Utilisateur", "Usuario", "アクター", "ユーザー",
	}},
	{Field: "doc_title", Names: []string{"Title", "Document title", "Titel", "Titre", "Título", "タイトル"}},
	{Field: "doc_type", Names: []string{"Document type", "Dokumenttyp", "Type de document"}},
	{Field: "owner", Names: []string{"Owner", "Eigentümer", "Propriétaire", "Propietario", "オーナー"}},
	{Field: "visibility", Names: []string{"Visibility", "Sichtbarkeit", "Visibilité", "Visibilidad"}},
	{Field: "old_visibility", Names: []string{"Prior visibility", "Old visibility"}},
	{Field: "target_user", Names: []string{"Target", "Target user", "Recipients"}},
	{Field: "new_value", Names: []string{"New value"}},
}, func(cell ingest.Cells, out *ingest.Sink) error {
	a := begin()
	defer activities.Put(a)
	a.console("drive", cell, out)
	for _, name := range []string{"doc_id", "doc_title", "owner", "target_user", "new_value"} {
		a.e.set(name, value{text: cell(name)})
	}
	a.e.set("doc_type", value{text: named(cell("doc_type"), out)})
	a.e.set("visibility", value{text: named(cell("visibility"), out)})
	a.e.set("old_visibility", value{text: named(cell("old_visibility"), out)})
	return a.portal("Date", out)
})

// loginConsole is the export of the user log events of the admin console.
var loginConsole = ingest.Declare("google_workspace_login_csv", []ingest.Column{
	consoleDate, consoleWhat, consoleIP,
	{Field: "login_type", Required: true, Names: []string{"Login type", "Anmeldetyp", "Type de connexion", "Tipo de inicio de sesión"}},
	{Field: "actor", Required: true, Names: []string{"Actor", "User", "Akteur", "Nutzer", "Utilisateur", "Usuario"}},
	{Field: "is_suspicious", Names: []string{"Is suspicious", "Suspicious login"}},
	{Field: "login_failure_type", Names: []string{"Login failure type"}},
}, func(cell ingest.Cells, out *ingest.Sink) error {
	a := begin()
	defer activities.Put(a)
	a.console("login", cell, out)
	a.e.set("is_suspicious", value{text: cell("is_suspicious")})
	a.e.set("login_failure_type", value{text: cell("login_failure_type")})
	return a.portal("Date", out)
})

// console sets what all logs of the admin console have.
func (a *activity) console(app string, cell ingest.Cells, out *ingest.Sink) {
	a.app, a.time, a.ip = app, cell("date"), cell("ip")
	a.email = cell("actor")
	if strings.EqualFold(a.email, "anonymous") || strings.EqualFold(a.email, "anonymous user") {
		a.email = ""
	}
	event := ingest.Words(cell("event"))
	if name, known := consoleEvents[event]; known {
		a.e.name = name
	} else {
		a.e.name = named(event, out)
	}
}

// named writes a label of the console as the API does: Shared internally is shared_internally. The
// types of Google's own documents have a prefix that is left out.
func named(label string, out *ingest.Sink) string {
	label = strings.TrimPrefix(ingest.Words(label), "google ")
	return out.Copy(strings.ReplaceAll(label, " ", "_"))
}

// consoleEvents are the events whose labels are not their names.
var consoleEvents = map[string]string{
	"downloaded":                             "download",
	"viewed":                                 "view",
	"edited":                                 "edit",
	"created":                                "create",
	"uploaded":                               "upload",
	"deleted":                                "delete",
	"trashed":                                "trash",
	"printed":                                "print",
	"copied":                                 "copy",
	"user sharing permissions change":        "change_user_access",
	"user sharing permissions changed":       "change_user_access",
	"user access change":                     "change_user_access",
	"link sharing visibility change":         "change_document_visibility",
	"link sharing visibility changed":        "change_document_visibility",
	"link sharing access type change":        "change_document_access_scope",
	"link sharing access type changed":       "change_document_access_scope",
	"owner changed":                          "change_owner",
	"shared drive membership change":         "shared_drive_membership_change",
	"shared drive settings change":           "shared_drive_settings_change",
	"successful login":                       "login_success",
	"failed login":                           "login_failure",
	"suspicious login":                       "suspicious_login",
	"leaked password":                        "account_disabled_password_leak",
	"2-step verification disable":            "2sv_disable",
	"2-step verification enroll":             "2sv_enroll",
	"out of domain email forwarding enabled": "email_forwarding_out_of_domain",
}
