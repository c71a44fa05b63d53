package atlassian

import (
	"strings"

	"github.com/outflow/outflow/ingest"
)

var (
	consoleDate   = ingest.Column{Field: "date", Required: true, Names: []string{"Date", "Datum", "Fecha", "日付"}}
	consoleAuthor = ingest.Column{Field: "author", Required: true, Names: []string{"Author", "Autor", "Auteur", "作成者"}}
	consoleIP     = ingest.Column{Field: "ip", Names: []string{"IP address", "IP", "IP-Adresse", "Adresse IP", "Dirección IP"}}
)

// Tables are the delimited shapes of records: what the pages of audit logs export.
var Tables = []*ingest.Table{
	ingest.Declare("atlassian_confluence_csv", []ingest.Column{
		consoleDate, consoleAuthor, consoleIP,
		{Field: "action", Required: true, Names: []string{"Change", "Änderung", "Modification", "Cambio"}},
		{Field: "object", Required: true, Names: []string{"Affected object", "Betroffenes Objekt"}},
		{Field: "category", Names: []string{"Event type", "Category"}},
		{Field: "description", Names: []string{"Description", "Beschreibung"}},
	}, func(cell ingest.Cells, out *ingest.Sink) error {
		r := console(cell, "creationDate", "author")
		r.object1(cell("object"))
		return r.row(out)
	}),
	ingest.Declare("atlassian_jira_csv", []ingest.Column{
		consoleDate, consoleAuthor, consoleIP,
		{Field: "action", Required: true, Names: []string{"Change", "Change summary", "Summary", "Änderung"}},
		{Field: "object", Required: true, Names: []string{"Object", "Object name", "Objekt", "Objet", "Objeto"}},
		{Field: "category", Required: true, Names: []string{"Category", "Kategorie", "Catégorie", "Categoría"}},
		{Field: "items", Names: []string{"Associated items", "Associated item"}},
	}, func(cell ingest.Cells, out *ingest.Sink) error {
		r := console(cell, "date", "author")
		r.object1(cell("object"))
		for item := range strings.SplitSeq(cell("items"), ",") {
			if r.object1(strings.TrimSpace(item)); strings.Contains(strings.ToLower(r.action), "user") {
				r.things[max(r.thingCount-1, 0)].kind = "user"
			}
		}
		return r.row(out)
	}),
	ingest.Declare("atlassian_organization_csv", []ingest.Column{
		consoleDate, consoleIP,
		{Field: "actor", Required: true, Names: []string{"Actor", "Akteur", "Acteur"}},
		{Field: "action", Required: true, Names: []string{"Activity", "Action", "Aktivität", "Activité"}},
		{Field: "location", Required: true, Names: []string{"Location", "Standort", "Lieu"}},
		{Field: "actorid", Names: []string{"Actor ID", "Actor account ID"}},
		{Field: "id", Names: []string{"ID", "Event ID"}},
	}, func(cell ingest.Cells, out *ingest.Sink) error {
		r := console(cell, "date", "actor")
		r.actor.id, r.id = cell("actorid"), cell("id")
		return r.row(out)
	}),
}

// console returns what all pages have. Who acted is an address, or else a name that is no id.
func console(cell ingest.Cells, field, who string) *record {
	r := &record{field: field, time: cell("date"), action: cell("action"), category: cell("category"), ip: cell("ip")}
	if name := cell(who); ingest.IsEmail(name) {
		r.actor.email = name
	} else {
		r.actor.id, r.actor.name = name, name
	}
	return r
}

// object1 adds an object, with its kind before a colon.
func (r *record) object1(name string) {
	if name == "" || r.thingCount == len(r.things) {
		return
	}
	t := thing{name: name}
	if kind, rest, ok := strings.Cut(name, ": "); ok && !strings.Contains(kind, " ") {
		t.kind, t.name = kind, rest
	}
	r.things[r.thingCount] = t
	r.thingCount++
}

// row emits the event of a row.
func (r *record) row(out *ingest.Sink) error {
	if r.action == "" {
		return ingest.ErrNotThis
	}
	return r.emit(out)
}
