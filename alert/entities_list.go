package alert

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// EntityOrder is what a list of entities is ordered by.
type EntityOrder string

// The orders. Of two that are equal, the name decides.
const (
	LatestEntities EntityOrder = "latest" // last event, the latest first
	AlertedOn      EntityOrder = "alerts" // alerts that name it, the most first
	BusyEntities   EntityOrder = "events" // events that name it, the most first
	EntityNames    EntityOrder = "name"
)

// EntityOrders are all orders.
var EntityOrders = []EntityOrder{LatestEntities, AlertedOn, BusyEntities, EntityNames}

// EntityFilter says which entities are listed.
type EntityFilter struct {
	Kind   EntityKind
	Text   string   // that title or name has; "" for all
	Except []string // domains that are not listed, nor addresses in them
	Order  EntityOrder
	Skip   int
	Limit  int
}

// where returns the condition of a filter in SQL.
func (f *EntityFilter) where() (string, []any, error) {
	except, err := json.Marshal(append([]string{}, f.Except...))
	if err != nil {
		return "", nil, err
	}
	where, args := "kind = ?", []any{string(f.Kind)}
	if f.Kind == DomainEntity || f.Kind == AddressEntity {
		where += " AND substr(name, instr(name, '@') + 1) NOT IN (SELECT value FROM json_each(?))"
		args = append(args, string(except))
	}
	if f.Text != "" {
		like := "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(f.Text) + "%"
		where += ` AND (title LIKE ? ESCAPE '\' OR name LIKE ? ESCAPE '\')`
		args = append(args, like, like)
	}
	return where, args, nil
}

// Entities returns what alerts say of the entities of a kind. The titles are those of one of the alerts.
func (s *Store) Entities(ctx context.Context, f EntityFilter) (list []EntitySummary, err error) {
	where, args, err := f.where()
	if err != nil {
		return nil, fmt.Errorf("alert: list entities: %w", err)
	}
	order := map[EntityOrder]string{
		AlertedOn: "count(*) DESC, ", BusyEntities: "sum(events) DESC, ", LatestEntities: "max(last) DESC, ", EntityNames: "",
	}[f.Order]
	rows, err := s.db.QueryContext(ctx, "SELECT name, max(title), count(*), sum(events), min(first), max(last), sum(bytes), sum(rows) "+
		"FROM entity WHERE "+where+" GROUP BY name ORDER BY "+order+"name LIMIT ? OFFSET ?", append(args, f.Limit, f.Skip)...)
	if err != nil {
		return nil, fmt.Errorf("alert: list entities: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		x := EntitySummary{Entity: Entity{Kind: f.Kind}}
		var first, last int64
		if err := rows.Scan(&x.Name, &x.Title, &x.Alerts, &x.Events, &first, &last, &x.Bytes, &x.Rows); err != nil {
			return nil, fmt.Errorf("alert: list entities: %w", err)
		}
		x.First, x.Last = time.UnixMilli(first).UTC(), time.UnixMilli(last).UTC()
		list = append(list, x)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("alert: list entities: %w", err)
	}
	for i := range list {
		err := s.db.QueryRowContext(ctx, "SELECT count(DISTINCT user) FROM entity WHERE kind = ? AND name = ?",
			string(f.Kind), list[i].Name).Scan(&list[i].People)
		if err != nil {
			return nil, fmt.Errorf("alert: count people of entity: %w", err)
		}
	}
	return list, nil
}

// CountEntities returns how many entities of each kind alerts name, without the given domains and addresses in them.
func (s *Store) CountEntities(ctx context.Context, except []string) (map[EntityKind]int, error) {
	counts := map[EntityKind]int{}
	for _, kind := range EntityKinds {
		where, args, err := (&EntityFilter{Kind: kind, Except: except}).where()
		if err != nil {
			return nil, fmt.Errorf("alert: count entities: %w", err)
		}
		n := 0
		err = s.db.QueryRowContext(ctx, "SELECT count(*) FROM (SELECT DISTINCT name FROM entity WHERE "+where+")", args...).Scan(&n)
		if err != nil {
			return nil, fmt.Errorf("alert: count entities: %w", err)
		}
		counts[kind] = n
	}
	return counts, nil
}

// EntityDomains returns the domains that alerts name, and those of addresses.
func (s *Store) EntityDomains(ctx context.Context) (list []string, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT DISTINCT substr(name, instr(name, '@') + 1) FROM entity WHERE kind IN (?, ?)",
		string(DomainEntity), string(AddressEntity))
	if err != nil {
		return nil, fmt.Errorf("alert: list domains: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("alert: list domains: %w", err)
		}
		list = append(list, name)
	}
	return list, rows.Err()
}
