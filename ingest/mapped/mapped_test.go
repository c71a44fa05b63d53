package mapped_test

import (
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/all"
	"github.com/outflow/outflow/ingest/mapped"
)

// declared are the tables of the samples.
const declared = `
- name: portal_csv
  source: box
  columns:
    {time: Zeitpunkt, user: [Konto, Account], action: Vorgang, object: Datei, object_id: Nummer, container: Ordner, size: Größe,
     recipient: Empfänger, visibility: Sichtbarkeit, ip: Adresse, user_agent: Programm, country: Land, outcome: Ergebnis, id: Kennung}
  actions: {Heruntergeladen: download, Geteilt: share_user, Link erstellt: share_link, Anmeldung: login_success, Fehlanmeldung: login_failure}
  outcomes: {ok: success, falsches Kennwort: failure, gesperrt: denied}
  visibility: {öffentlich: public_link, intern: internal}
  zone: Europe/Berlin
- name: crm_jobs
  source: salesforce
  columns: {time: When, user: Who, action: Job, object: Report, rows: Rows, app: Client, role: Profile, recipient: Given to}
  actions: {export run: export, 7: view, profile granted: admin_grant, wrong password: login_failure}
  date_order: mdy
- name: downloads
  source: dropbox
  columns: {time: Downloaded at, user: Downloaded by, object: Path}
  class: download
`

// tables parses declarations in YAML.
func tables(t testing.TB, text string) []mapped.Table {
	t.Helper()
	var list []mapped.Table
	if err := yaml.NewDecoder(strings.NewReader(text), yaml.Strict()).Decode(&list); err != nil {
		t.Fatal(err)
	}
	return list
}

func compiled(t testing.TB) []*ingest.Table {
	t.Helper()
	list, err := mapped.Compile(tables(t, declared), all.Tables)
	if err != nil {
		t.Fatal(err)
	}
	return list
}
