package dropbox

import (
	"path"
	"strings"

	"github.com/outflow/outflow/ingest"
)

// Tables are the delimited shapes of events: the activity report of the admin console.
var Tables = []*ingest.Table{ingest.Declare("dropbox_activity_csv", []ingest.Column{
	{Field: "date", Required: true, Names: []string{"Date", "Timestamp", "Datum", "Fecha", "日付"}},
	{Field: "email", Required: true, Names: []string{"Email", "Member email", "User email", "E-Mail", "E-Mail-Adresse", "Adresse e-mail"}},
	{Field: "activity", Required: true, Names: []string{"Activity", "Event", "Event type", "Aktivität", "Activité", "Actividad"}},
	{Field: "content", Required: true, Names: []string{"Content", "Item", "File", "Inhalt", "Contenu", "Contenido"}},
	{Field: "member", Names: []string{"Member", "Name", "Mitglied", "Membre", "Miembro"}},
	{Field: "details", Names: []string{"Details", "Détails", "Detalles"}},
	{Field: "ip", Names: []string{"IP address", "IP", "IP-Adresse", "Adresse IP"}},
	{Field: "country", Names: []string{"Country", "Land", "Pays", "País"}},
}, func(cell ingest.Cells, out *ingest.Sink) error {
	r := record{
		time: cell("date"), ip: cell("ip"), country: cell("country"), actorTag: "user",
		actor: user{email: cell("email"), name: cell("member")},
	}
	words := ingest.Words(cell("activity"))
	kind, known := activities[words]
	if !known {
		kind = out.Copy(strings.ReplaceAll(words, " ", "_"))
	}
	if r.kind = kind; kind == "" {
		return ingest.ErrNotThis
	}
	if name := cell("content"); name != "" {
		r.assets = []asset{{tag: "file", name: path.Base(name), path: name}}
	}
	return r.emit(out)
})}
