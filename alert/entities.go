package alert

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/outflow/outflow/internal/mail"
)

// EntityKind is a kind of what alerts name beside the people that they are about.
type EntityKind string

// The kinds of entity.
const (
	DomainEntity      EntityKind = "domain"      // mail domain outside of the organisation
	AddressEntity     EntityKind = "address"     // mail address in such a domain
	AccountEntity     EntityKind = "account"     // AWS account that received something
	ApplicationEntity EntityKind = "application" // acted for a person, or was authorised
	BucketEntity      EntityKind = "bucket"      // of AWS
	ItemEntity        EntityKind = "item"        // file, folder, report, repository …
)

// EntityKinds are all kinds.
var EntityKinds = []EntityKind{DomainEntity, AddressEntity, AccountEntity, ApplicationEntity, BucketEntity, ItemEntity}

// Entity is something that alerts name: who received something, what acted, or what was shared or taken.
type Entity struct {
	Kind EntityKind `json:"kind"`
	// Name identifies it: in lower case; of an item 16 hexadecimal digits, as its id may have a person's name in it.
	Name  string `json:"name"`
	Title string `json:"title"` // for people
}

const (
	maxEntities   = 100 // of one alert
	maxEntityName = 500 // bytes; an entity with a longer name is left out
)

var (
	domainForm  = regexp.MustCompile(`^([a-z0-9_-]+\.)+[a-z][a-z0-9-]*[a-z0-9]$`)
	accountForm = regexp.MustCompile(`^[0-9]{12}$`)
)

// RecipientEntities returns what the name of a recipient or destination stands for: an address and its domain, a
// domain, an AWS account; nothing for everybody ("*") and for what has none of these forms.
func RecipientEntities(name string) (list []Entity) {
	name = strings.ToLower(strings.TrimSpace(name))
	local, domain, isAddress := strings.Cut(name, "@")
	switch {
	case accountForm.MatchString(name):
		return []Entity{{AccountEntity, name, "AWS account " + name}}
	case !isAddress:
		domain, local = name, ""
	}
	if !domainForm.MatchString(domain) || len(name) > maxEntityName {
		return nil
	}
	if local != "" {
		list = append(list, Entity{AddressEntity, name, name})
	}
	return append(list, Entity{DomainEntity, domain, domain})
}

// entity returns an entity with a name in lower case; no kind if there is no name that can be stored.
func entity(kind EntityKind, name string) Entity {
	name = strings.TrimSpace(name)
	if name == "" || len(name) > maxEntityName {
		return Entity{}
	}
	return Entity{kind, strings.ToLower(name), name}
}

// ObjectEntity returns what an item is about: a bucket, an application, or an item of its source. The kind is ""
// if it is none of these.
func (x *Item) ObjectEntity() Entity {
	o := &x.Object
	switch {
	case x.Source == "aws_cloudtrail" && (o.Type == "bucket" || o.Type == "object" || o.Type == "batch"):
		if bucket := cmp.Or(o.Container, o.Name); bucket != "" {
			return entity(BucketEntity, bucket)
		}
	case o.Type == "application":
		return entity(ApplicationEntity, cmp.Or(o.Name, o.ID))
	case itemTypes[o.Type] && cmp.Or(o.ID, o.Name) != "":
		id := xxhash.Sum64String(x.Source + "\x00" + cmp.Or(o.ID, o.Name))
		return Entity{ItemEntity, fmt.Sprintf("%016x", id), cut(cmp.Or(o.Name, o.ID), maxEntityName)}
	}
	return Entity{}
}

// itemTypes are the types of objects that hold data, and have a page of their own.
var itemTypes = map[string]bool{
	"": true, "file": true, "folder": true, "report": true, "repository": true, "drive": true, "shared_drive": true, "site": true,
	"dashboard": true, "table": true, "database": true, "notebook": true, "note": true, "page": true, "space": true, "project": true,
	"document": true, "attachment": true, "recording": true, "calendar": true, "share": true, "query": true, "conversation": true,
}

// ApplicationEntity returns the application that acted for the person; the kind is "" if there was none.
func (x *Item) ApplicationEntity() Entity { return entity(ApplicationEntity, x.Client.App) }

// cut cuts a text off after a number of bytes, at the beginning of a character.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "")
}

// Mention is what one alert says of an entity.
type Mention struct {
	Alert  string    `json:"alert"`           // ID
	User   string    `json:"user"`            // the alert is about
	Events int       `json:"events"`          // that name it, at least
	First  time.Time `json:"first"`           // of them, as far as they are listed
	Last   time.Time `json:"last"`            // likewise
	Bytes  int64     `json:"bytes,omitempty"` // that were taken with them
	Rows   int64     `json:"rows,omitempty"`  // likewise; unknown numbers count as none
}

// mentions are those of one alert, by entity, while they are collected.
type mentions struct {
	alert  *Alert
	list   map[[2]string]*Mention
	titles map[[2]string]string
	order  [][2]string
	seen   map[[3]string]bool // entity and record that were counted
	own    string             // domain of the person
}

// mentionsOf collects what an alert says of entities: who received something comes first, then what acted, and
// what was taken or shared, up to maxEntities.
func mentionsOf(a *Alert) *mentions {
	m := &mentions{alert: a, list: map[[2]string]*Mention{}, titles: map[[2]string]string{}, seen: map[[3]string]bool{}}
	if _, domain, ok := strings.Cut(strings.ToLower(a.User), "@"); ok && !mail.Consumer(domain) {
		m.own = domain
	}
	named := make([][][]Entity, len(a.Evidence))
	for i := range a.Evidence {
		for j := range a.Evidence[i].Items {
			named[i] = append(named[i], a.Evidence[i].Items[j].Entities())
		}
	}
	for _, kinds := range [][]EntityKind{
		{DomainEntity, AddressEntity, AccountEntity}, {ApplicationEntity, BucketEntity}, {ItemEntity},
	} {
		for i := range a.Evidence {
			e := &a.Evidence[i]
			for j := range e.Items {
				for _, x := range named[i][j] {
					m.add(kinds, x, &e.Items[j])
				}
			}
			for _, d := range e.Destinations {
				for _, x := range RecipientEntities(d.Name) {
					m.atLeast(kinds, x, d.Events)
				}
			}
		}
	}
	return m
}

// Entities returns what an item names: its recipients, the application that acted, and what it is about.
func (x *Item) Entities() (list []Entity) {
	for _, name := range x.Recipients {
		list = append(list, RecipientEntities(name)...)
	}
	for _, e := range []Entity{x.ApplicationEntity(), x.ObjectEntity()} {
		if e.Kind != "" {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b Entity) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) })
	return slices.CompactFunc(list, func(a, b Entity) bool { return a.Kind == b.Kind && a.Name == b.Name })
}

// of returns the mention of an entity; nil if it is of another kind, of the organisation, or there are too many.
func (m *mentions) of(kinds []EntityKind, x Entity) *Mention {
	if !slices.Contains(kinds, x.Kind) || (x.Kind == DomainEntity || x.Kind == AddressEntity) && m.inside(x.Name) {
		return nil
	}
	key := [2]string{string(x.Kind), x.Name}
	if m.list[key] == nil {
		if len(m.list) >= maxEntities {
			return nil
		}
		m.list[key] = &Mention{Alert: m.alert.ID, User: m.alert.User, First: m.alert.Window.Start, Last: m.alert.Window.End}
		m.titles[key], m.order = x.Title, append(m.order, key)
	}
	return m.list[key]
}

// inside reports whether an address or domain is in the domain of the person.
func (m *mentions) inside(name string) bool {
	domain := cmp.Or(mail.Domain(name), name)
	return m.own != "" && (domain == m.own || strings.HasSuffix(domain, "."+m.own))
}

// add counts an item for an entity that it names. An event that several detectors list counts once.
func (m *mentions) add(kinds []EntityKind, x Entity, item *Item) {
	n := m.of(kinds, x)
	record := [3]string{string(x.Kind), x.Name, item.Identity()}
	if n == nil || m.seen[record] {
		return
	}
	m.seen[record] = true
	if n.Events++; n.Events == 1 {
		n.First, n.Last = item.Time, item.Time
	}
	if item.Time.Before(n.First) {
		n.First = item.Time
	}
	if item.Time.After(n.Last) {
		n.Last = item.Time
	}
	n.Bytes += max(item.Bytes, 0)
	n.Rows += max(item.Rows, 0)
}

// atLeast raises the number of events of an entity.
func (m *mentions) atLeast(kinds []EntityKind, x Entity, events int) {
	if n := m.of(kinds, x); n != nil {
		n.Events = max(n.Events, events)
	}
}

// indexEntities stores what an alert says of entities, in place of what an earlier version said. An alert without
// items leaves that: it may have been loaded without.
func indexEntities(ctx context.Context, tx *sql.Tx, a *Alert) error {
	if _, some := a.items(); !some && !a.Withdrawn {
		var known bool
		err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM entity WHERE alert = ?)", a.ID).Scan(&known)
		if err != nil || known {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM entity WHERE alert = ?", a.ID); err != nil || a.Withdrawn {
		return err
	}
	m := mentionsOf(a)
	if len(m.order) == 0 {
		return nil
	}
	rows := make([][]any, 0, len(m.order)) // one statement for all of them
	for _, key := range m.order {
		n := m.list[key]
		rows = append(rows, []any{key[0], key[1], m.titles[key], n.Events, n.First.UnixMilli(), n.Last.UnixMilli(), n.Bytes, n.Rows})
	}
	b, err := json.Marshal(rows)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO entity (kind, name, alert, user, title, events, first, last, bytes, rows) "+
		"SELECT value ->> 0, value ->> 1, ?1, ?2, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7 "+
		"FROM json_each(?3)", a.ID, a.User, string(b))
	return err
}

// EntitySummary is what all alerts together say of an entity.
type EntitySummary struct {
	Entity
	Alerts int       `json:"alerts"`
	People int       `json:"people"`          // users that the alerts are about
	Events int64     `json:"events"`          // that name it, at least
	First  time.Time `json:"first"`           // of them
	Last   time.Time `json:"last"`            // of them
	Bytes  int64     `json:"bytes,omitempty"` // that were taken with them
	Rows   int64     `json:"rows,omitempty"`  // likewise
}

// Entity sums up what alerts say of an entity; nil if none names it.
func (s *Store) Entity(ctx context.Context, kind EntityKind, name string) (*EntitySummary, error) {
	x := &EntitySummary{Entity: Entity{Kind: kind, Name: name}}
	var first, last int64
	err := s.db.QueryRowContext(ctx, "SELECT count(*), count(DISTINCT user), coalesce(sum(events), 0), coalesce(min(first), 0), "+
		"coalesce(max(last), 0), coalesce(sum(bytes), 0), coalesce(sum(rows), 0) FROM entity WHERE kind = ? AND name = ?",
		string(kind), name).Scan(&x.Alerts, &x.People, &x.Events, &first, &last, &x.Bytes, &x.Rows)
	if err == nil && x.Alerts > 0 {
		err = s.db.QueryRowContext(ctx, "SELECT title FROM entity WHERE kind = ? AND name = ? ORDER BY last DESC LIMIT 1",
			string(kind), name).Scan(&x.Title)
	}
	if err != nil {
		return nil, fmt.Errorf("alert: look up entity: %w", err)
	}
	if x.Alerts == 0 {
		return nil, nil
	}
	x.First, x.Last = time.UnixMilli(first).UTC(), time.UnixMilli(last).UTC()
	return x, nil
}

// Mentions returns what alerts say of an entity, the latest first: at most limit of them, after the first skip.
func (s *Store) Mentions(ctx context.Context, kind EntityKind, name string, skip, limit int) (list []Mention, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT alert, user, events, first, last, bytes, rows FROM entity "+
		"WHERE kind = ? AND name = ? ORDER BY last DESC, alert LIMIT ? OFFSET ?", string(kind), name, limit, skip)
	if err != nil {
		return nil, fmt.Errorf("alert: list mentions of entity: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var n Mention
		var first, last int64
		if err := rows.Scan(&n.Alert, &n.User, &n.Events, &first, &last, &n.Bytes, &n.Rows); err != nil {
			return nil, fmt.Errorf("alert: list mentions of entity: %w", err)
		}
		n.First, n.Last = time.UnixMilli(first).UTC(), time.UnixMilli(last).UTC()
		list = append(list, n)
	}
	return list, rows.Err()
}
