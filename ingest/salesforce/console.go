package salesforce

import (
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
)

// What Data Loader and similar tools export: the objects of the API as rows, with column names in
// capitals.
var (
	setupRows = ingest.Keyed("salesforce_setup_audit_trail_csv", []string{"Action", "Section", "Display", "CreatedDate"},
		[]string{
			"Id", "Action", "Section", "Display", "CreatedDate", "CreatedById", "CreatedBy.Username", "CreatedBy.Email", "DelegateUser",
		}, decodeSetup)
	loginRows = ingest.Keyed("salesforce_login_history_csv", []string{"UserId", "LoginTime", "SourceIp", "Status"},
		[]string{
			"Id", "UserId", "LoginTime", "LoginType", "SourceIp", "Status", "Browser", "Platform", "Application", "CountryIso",
		}, decodeLogin)
	eventRows = ingest.Keyed("salesforce_event_csv", []string{"EventIdentifier", "EventDate"},
		[]string{
			"EventIdentifier", "EventDate", "Username", "UserId", "SourceIp", "ExecutionIdentifier", "Operation", "FileAction", "Name",
			"QueriedEntities", "Client", "Application", "ConnectedAppId", "RowsProcessed", "RowsReturned", "Sequence", "DocumentId",
			"ContentSize", "Status", "ReportId", "ListViewId", "ApiType", "LoginType", "LoginAsCategory", "attributes.type",
		}, decodeEvent)
)

// setupPage is the export of the Setup page View Setup Audit Trail. It has the sentence about a
// change, but not the code.
var setupPage = ingest.Declare("salesforce_setup_page_csv", []ingest.Column{
	{Field: "date", Required: true, Names: []string{"Date", "Datum", "Fecha", "日付"}},
	{Field: "user", Required: true, Names: []string{"User", "Benutzer", "Utilisateur", "Usuario", "ユーザー"}},
	{Field: "action", Required: true, Names: []string{"Action", "Aktion", "Acción", "アクション"}},
	{Field: "section", Required: true, Names: []string{"Section", "Abschnitt", "Sección", "セクション"}},
	{Field: "delegate", Required: true, Names: []string{
		"Delegate User", "Stellvertretender Benutzer", "Utilisateur délégué", "Usuario delegado", "代理ユーザー",
	}},
}, func(cell ingest.Cells, out *ingest.Sink) error {
	at, err := out.Time("Date", cell("date"))
	if err != nil {
		return err
	}
	e := out.New(event.Salesforce)
	e.Time = at
	e.Actor = event.Actor{Account: out.Account("salesforce", cell("user")), Kind: event.Human}
	if delegate := cell("delegate"); ingest.IsEmail(delegate) {
		e.Actor.OnBehalfOf, e.Actor.Account = e.Actor.Account, out.Lower(delegate)
	}
	sentence := cell("action")
	e.Action = code(sentence)
	e.Object = event.Object{Type: "setting", Name: clip(sentence), Container: cell("section")}
	setup(e, strings.ToLower(e.Action), sentence, out)
	out.Emit()
	return nil
})

// code returns the code of the action that an English sentence describes; "setup" if it is not
// known.
func code(sentence string) string {
	text := strings.ToLower(sentence)
	for _, known := range []struct{ words, code string }{
		{"unassigned from user", "PermSetUnassign"},
		{"assigned to user", "PermSetAssign"},
		{"changed profile for user", "changedProfileForUser"},
		{"changed role for user", "changedRoleForUser"},
		{"requested an export", "dataExport"},
		{"requested a data export", "dataExport"},
		{"deactivated user", "deactivatedUser"},
		{"froze user", "frozeUser"},
		{"logged in using login-as", "loginAsGrantedToSfdc"},
		{"logged in as", "suOrgAdminLogin"},
		{"password polic", "changedPasswordPolicy"},
		{"session setting", "changedSessionSettings"},
		{"sharing", "changedSharing"},
	} {
		if strings.Contains(text, known.words) {
			return known.code
		}
	}
	if strings.HasPrefix(text, "changed permission set") && strings.Contains(text, "enabled") {
		return "PermSetEnableUserPerm"
	}
	return "setup"
}

// loginPage is the export of the Setup page Login History.
var loginPage = ingest.Declare("salesforce_login_page_csv", []ingest.Column{
	{Field: "user", Required: true, Names: []string{"Username", "Benutzername", "Nom d'utilisateur", "Nombre de usuario", "ユーザー名"}},
	{Field: "time", Required: true, Names: []string{
		"Login Time", "Anmeldezeit", "Heure de connexion", "Hora de inicio de sesión", "ログイン日時",
	}},
	{Field: "ip", Required: true, Names: []string{"Source IP", "Quell-IP", "IP source", "IP de origen", "送信元 IP"}},
	{Field: "status", Required: true, Names: []string{"Status", "Statut", "Estado", "状況"}},
	{Field: "type", Names: []string{"Login Type", "Anmeldetyp", "Type de connexion", "Tipo de inicio de sesión"}},
	{Field: "browser", Names: []string{"Browser", "Navigateur", "Navegador", "ブラウザ"}},
	{Field: "platform", Names: []string{"Platform", "Plattform", "Plate-forme", "Plataforma", "プラットフォーム"}},
	{Field: "application", Names: []string{"Application", "Anwendung", "Aplicación", "アプリケーション"}},
	{Field: "country", Names: []string{"Country Code", "Ländercode", "Code pays", "Código de país"}},
}, func(cell ingest.Cells, out *ingest.Sink) error {
	l := loginRecord{
		user: cell("user"), at: cell("time"), ip: cell("ip"), status: cell("status"), kind: cell("type"), browser: cell("browser"),
		platform: cell("platform"), app: cell("application"), country: cell("country"),
	}
	at, err := out.Time("Login Time", l.at)
	if err != nil {
		return err
	}
	return l.emit(at, out)
})
