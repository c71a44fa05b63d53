package alert

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/klauspost/compress/zstd"
)

// Items are stored apart from their alert: lists of alerts do without them, and its history has only
// those of now.

var (
	zstdWriter, _ = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<18))
	zstdReader, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
)

// WithoutItems returns the alert without the items of its evidence.
func (a *Alert) WithoutItems() Alert {
	out := *a
	out.Evidence = slices.Clone(a.Evidence)
	for i := range out.Evidence {
		out.Evidence[i].Items = nil
	}
	return out
}

// CountUnlisted sets Unlisted of evidence that comes without its items, which it changes: none of its events is listed.
func (a *Alert) CountUnlisted() {
	for i := range a.Evidence {
		if e := &a.Evidence[i]; len(e.Items) == 0 {
			e.Unlisted = e.Events
		}
	}
}

// items are those of all evidence, in its order.
func (a *Alert) items() (list [][]Item, some bool) {
	for i := range a.Evidence {
		list = append(list, a.Evidence[i].Items)
		some = some || len(a.Evidence[i].Items) > 0
	}
	return list, some
}

// packItems returns the items of an alert as they are stored; nil if it has none.
func (a *Alert) packItems() ([]byte, error) {
	list, some := a.items()
	if !some {
		return nil, nil
	}
	b, err := json.Marshal(list)
	if err != nil {
		return nil, err
	}
	return zstdWriter.EncodeAll(b, nil), nil
}

// putItems stores the items of an alert in place of those that are stored. An alert without any leaves
// them: it may have been loaded without.
func putItems(ctx context.Context, tx *sql.Tx, a *Alert) error {
	items, err := a.packItems()
	if err != nil || items == nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO evidence (alert, items) VALUES (?, ?) "+
		"ON CONFLICT (alert) DO UPDATE SET items = excluded.items WHERE items <> excluded.items", a.ID, items)
	return err
}

// LoadItems adds the stored items to the evidence of alerts, which lists of alerts come without. Alerts
// stored before there were items have none.
func (s *Store) LoadItems(ctx context.Context, list ...*Alert) error {
	ids := make([]string, len(list))
	for i, a := range list {
		ids[i] = a.ID
	}
	which, err := json.Marshal(ids)
	if err != nil {
		return fmt.Errorf("alert: load items: %w", err)
	}
	rows, err := s.db.QueryContext(ctx, "SELECT alert, items FROM evidence WHERE alert IN (SELECT value FROM json_each(?))", string(which))
	if err != nil {
		return fmt.Errorf("alert: load items: %w", err)
	}
	defer rows.Close()
	stored := map[string][]byte{}
	for rows.Next() {
		var id string
		var b []byte
		if err := rows.Scan(&id, &b); err != nil {
			return fmt.Errorf("alert: load items: %w", err)
		}
		stored[id] = b
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return fmt.Errorf("alert: load items: %w", err)
	}
	for _, a := range list {
		if b, known := stored[a.ID]; known {
			if err := a.setItems(b); err != nil {
				return fmt.Errorf("alert: load the items of alert %s: %w", a.ID, err)
			}
		}
	}
	return nil
}

// setItems adds items as they are stored. Those of another version of the evidence are left out.
func (a *Alert) setItems(stored []byte) error {
	b, err := zstdReader.DecodeAll(stored, nil)
	if err != nil {
		return err
	}
	var list [][]Item
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	if len(list) != len(a.Evidence) {
		return nil
	}
	a.Evidence = slices.Clone(a.Evidence)
	for i := range list {
		a.Evidence[i].Items = list[i]
	}
	return nil
}
