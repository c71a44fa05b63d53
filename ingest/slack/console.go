package slack

import (
	"strings"

	"github.com/outflow/outflow/ingest"
)

// Tables are the delimited shapes of audit entries: the export of the audit log dashboard.
var Tables = []*ingest.Table{ingest.Declare("slack_csv", []ingest.Column{
	{Field: "date", Required: true, Names: []string{"Date", "Timestamp", "date_create", "Datum", "Fecha", "日付"}},
	{Field: "action", Required: true, Names: []string{"Action", "Aktion", "Acción", "アクション"}},
	{Field: "actor", Required: true, Names: []string{"Actor", "Actor name", "Akteur", "Acteur", "アクター"}},
	{Field: "entity", Required: true, Names: []string{"Entity", "Entity name", "Entität", "Entité", "Entidad"}},
	{Field: "entitytype", Required: true, Names: []string{"Entity type"}},
	{Field: "email", Names: []string{"Actor email", "Actor email address", "Email"}},
	{Field: "actorid", Names: []string{"Actor ID", "Actor user ID"}},
	{Field: "entityid", Names: []string{"Entity ID"}},
	{Field: "ip", Names: []string{"IP address", "IP"}},
	{Field: "agent", Names: []string{"User agent", "UA"}},
	{Field: "workspace", Names: []string{"Workspace", "Location", "Workspace ID"}},
	{Field: "id", Names: []string{"ID", "Event ID"}},
}, func(cell ingest.Cells, out *ingest.Sink) error {
	r := record{
		id: cell("id"), created: cell("date"), ip: cell("ip"), agent: cell("agent"), workspace: cell("workspace"),
		action: out.Copy(strings.ReplaceAll(ingest.Words(cell("action")), " ", "_")),
		actor:  thing{kind: "user", id: cell("actorid"), name: cell("actor"), email: cell("email")},
		entity: thing{kind: cell("entitytype"), id: cell("entityid"), name: cell("entity")},
	}
	if r.action == "" {
		return ingest.ErrNotThis
	}
	if r.actor.email == "" && r.actor.id == "" && ingest.IsEmail(r.actor.name) {
		r.actor.email = r.actor.name
	}
	return r.emit(out)
})}
