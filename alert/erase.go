package alert

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/outflow/outflow/internal/sqlitedb"
)

// tablesByAlert are the tables whose rows belong to an alert, by its id.
var tablesByAlert = []string{"told", "outbox", "sent", "failed", "change", "entity", "evidence", "decided"}

// Erase deletes everything that is stored about a user: alerts with their history and
// notifications, daily summaries, suppressions, and what HR reported. It returns the ids of
// the alerts and the number of daily summaries that it deleted.
func (s *Store) Erase(ctx context.Context, user string) (alerts []string, days int64, err error) {
	err = sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		if alerts, err = alertsAbout(ctx, tx, user); err != nil {
			return err
		}
		for _, id := range alerts {
			if err := eraseAlert(ctx, tx, id); err != nil {
				return err
			}
		}

		res, err := tx.ExecContext(ctx, "DELETE FROM activity WHERE lower(user) = lower(?)", user)
		if err != nil {
			return err
		}
		if days, err = res.RowsAffected(); err != nil {
			return err
		}

		for _, table := range []string{"suppression", "leaver"} {
			if _, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE lower(user) = lower(?)", user); err != nil {
				return err
			}
		}
		return eraseSnapshot(ctx, tx, user)
	})
	if err != nil {
		return nil, 0, fmt.Errorf("alert: erase: %w", err)
	}
	return alerts, days, nil
}

// alertsAbout returns the ids of all alerts about a user, also of those of which only
// versions in the feed are left.
func alertsAbout(ctx context.Context, tx *sql.Tx, user string) (ids []string, err error) {
	rows, err := tx.QueryContext(ctx,
		"SELECT id FROM alert WHERE lower(user) = lower(?1) UNION SELECT alert FROM change WHERE lower(user) = lower(?1)",
		user)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, errors.Join(rows.Err(), rows.Close())
}

// eraseAlert deletes an alert with its history and notifications.
func eraseAlert(ctx context.Context, tx *sql.Tx, id string) error {
	for _, table := range tablesByAlert {
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE alert = ?", id); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, "DELETE FROM alert WHERE id = ?", id)
	return err
}

// eraseSnapshot removes a user from the stored state of the correlator.
func eraseSnapshot(ctx context.Context, tx *sql.Tx, user string) error {
	var snapshot []byte
	err := tx.QueryRowContext(ctx, "SELECT snapshot FROM desk").Scan(&snapshot)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}

	if snapshot, err = EraseFromState(snapshot, user); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "UPDATE desk SET snapshot = ?", string(snapshot))
	return err
}

// Expire deletes the alerts raised before one time, unless they have an open exposure, and the
// daily summaries before another; a zero time keeps all. It returns how many of each it
// deleted.
func (s *Store) Expire(ctx context.Context, alerts, days time.Time) (gone, goneDays int64, err error) {
	err = sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		if !alerts.IsZero() {
			const old = "SELECT id FROM alert WHERE time < ? AND NOT EXISTS (SELECT 1 " +
				"FROM json_each(body, '$.exposures') x WHERE json_extract(x.value, '$.closed') IS NULL)"
			at := alerts.UnixMilli()
			for _, table := range tablesByAlert {
				if _, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE alert IN ("+old+")", at); err != nil {
					return err
				}
			}

			res, err := tx.ExecContext(ctx, "DELETE FROM alert WHERE id IN ("+old+")", at)
			if err != nil {
				return err
			}
			if gone, err = res.RowsAffected(); err != nil {
				return err
			}

			if _, err := tx.ExecContext(ctx, "DELETE FROM suppression WHERE expires < ?", at); err != nil {
				return err
			}
		}

		if days.IsZero() {
			return nil
		}
		res, err := tx.ExecContext(ctx, "DELETE FROM activity WHERE day < ?", days.UTC().Format(time.DateOnly))
		if err != nil {
			return err
		}

		goneDays, err = res.RowsAffected()
		return err
	})
	if err != nil {
		return 0, 0, fmt.Errorf("alert: expire: %w", err)
	}

	return gone, goneDays, nil
}

// StoredRows counts what is stored of one kind of data.
type StoredRows struct {
	What   string    `json:"what"`            // the kind, in plain words
	Rows   int64     `json:"rows"`            // how many records
	People int64     `json:"people"`          // of how many users
	Oldest time.Time `json:"oldest,omitzero"` // zero if there are none
}

// StoredRows returns how much is stored: of alerts, and of daily summaries.
func (s *Store) StoredRows(ctx context.Context) ([]StoredRows, error) {
	alerts, days := StoredRows{What: "alerts"}, StoredRows{What: "days of people"}
	var oldest int64
	var day string
	err := s.db.QueryRowContext(ctx,
		"SELECT count(*), count(DISTINCT user), coalesce(min(time), 0) FROM alert").Scan(&alerts.Rows, &alerts.People, &oldest)
	if err == nil {
		err = s.db.QueryRowContext(ctx,
			"SELECT count(*), count(DISTINCT user), coalesce(min(day), '') FROM activity").Scan(&days.Rows, &days.People, &day)
	}
	if err != nil {
		return nil, fmt.Errorf("alert: count stored rows: %w", err)
	}
	if oldest > 0 {
		alerts.Oldest = time.UnixMilli(oldest).UTC()
	}
	if t, err := time.Parse(time.DateOnly, day); err == nil {
		days.Oldest = t
	}
	return []StoredRows{alerts, days}, nil
}

// Vacuum returns the space of deleted rows to the file system, and overwrites it.
func (s *Store) Vacuum(ctx context.Context) error { return sqlitedb.Vacuum(ctx, s.db) }
