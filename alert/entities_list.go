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
	order := map[EntityOrder]string{AlertedOn: "alerts DESC, ", BusyEntities: "events DESC, ", LatestEntities: "last DESC, "}[f.Order]
	rows, err := s.db.QueryContext(ctx, "SELECT name, title, alerts, events, last FROM entity_total WHERE "+where+" ORDER BY "+order+
		"name LIMIT ? OFFSET ?", append(args, f.Limit, f.Skip)...)
	if err != nil {
		return nil, fmt.Errorf("alert: list entities: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		x := EntitySummary{Entity: Entity{Kind: f.Kind}}
		var last int64
		if err := rows.Scan(&x.Name, &x.Title, &x.Alerts, &x.Events, &last); err != nil {
			return nil, fmt.Errorf("alert: list entities: %w", err)
		}
		x.Last = time.UnixMilli(last).UTC()
		list = append(list, x)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("alert: list entities: %w", err)
	}
	for i := range list {
		x := &list[i]
		var first int64
		err := s.db.QueryRowContext(ctx, "SELECT count(DISTINCT user), coalesce(min(first), 0), coalesce(sum(bytes), 0), "+
			"coalesce(sum(rows), 0) FROM entity WHERE kind = ? AND name = ?", string(f.Kind), x.Name).
			Scan(&x.People, &first, &x.Bytes, &x.Rows)
		if err != nil {
			return nil, fmt.Errorf("alert: sum up entity: %w", err)
		}
		x.First = time.UnixMilli(first).UTC()
	}
	return list, nil
}

// CountEntities returns how many entities of each kind alerts name, without the given domains and addresses in them.
func (s *Store) CountEntities(ctx context.Context, except []string) (map[EntityKind]int, error) {
	counts := map[EntityKind]int{}
	for _, kind := range EntityKinds {
		n := 0
		err := s.db.QueryRowContext(ctx, "SELECT coalesce(sum(names), 0) FROM entity_kind WHERE kind = ?", string(kind)).Scan(&n)
		if (kind == DomainEntity || kind == AddressEntity) && len(except) > 0 && err == nil {
			where, args, werr := (&EntityFilter{Kind: kind, Except: except}).where()
			if werr != nil {
				return nil, fmt.Errorf("alert: count entities: %w", werr)
			}
			err = s.db.QueryRowContext(ctx, "SELECT count(*) FROM entity_total WHERE "+where, args...).Scan(&n)
		}
		if err != nil {
			return nil, fmt.Errorf("alert: count entities: %w", err)
		}
		counts[kind] = n
	}
	return counts, nil
}

// EntityDomains returns the domains that alerts name, and those of addresses.
func (s *Store) EntityDomains(ctx context.Context) (list []string, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT DISTINCT substr(name, instr(name, '@') + 1) FROM entity_total WHERE kind IN (?, ?)",
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
