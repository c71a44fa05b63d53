package alert

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/outflow/outflow/internal/sqlitedb"
)

//go:embed migrations/*.sql
var scripts embed.FS

// Store is alerts.db: the alerts with their history and notifications, daily summaries,
// suppressions and leavers. It is written last of all files; its generation is that of all.
type Store struct{ db *sql.DB }

// OpenStore opens the file, and creates or migrates it.
func OpenStore(ctx context.Context, path string) (*Store, error) {
	// People are notified of what is in it. An alert changes pages all over the file.
	db, err := sqlitedb.Open(ctx, path, scripts, sqlitedb.Full, sqlitedb.Cache(8))
	if err != nil {
		return nil, fmt.Errorf("alert: open store: %w", err)
	}
	return &Store{db}, nil
}

// OpenStoreReadOnly opens an existing file for reading, as it is at this moment, while another
// process may write to it. Methods that write return an error.
func OpenStoreReadOnly(ctx context.Context, path string) (*Store, error) {
	db, err := sqlitedb.OpenReadOnly(ctx, path, scripts)
	if err != nil {
		return nil, fmt.Errorf("alert: open store read-only: %w", err)
	}
	return &Store{db}, nil
}

// Close closes the file.
func (s *Store) Close() error { return s.db.Close() }

// Generation returns the number of the current generation; 0 if there is none.
func (s *Store) Generation(ctx context.Context) (n int64, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT generation FROM desk").Scan(&n)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("alert: read generation: %w", err)
	}
	return n, nil
}

// Load returns the current generation, and the correlator as of its checkpoint. Alerts before
// the checkpoint are final, alerts on days that were not over at that time are as they were
// then, and later ones are gone. Without a generation it returns 0 and an empty correlator.
func (s *Store) Load(ctx context.Context) (generation int64, c *Correlator, err error) {
	var snapshot []byte
	var at int64
	err = s.db.QueryRowContext(ctx, "SELECT generation, checkpoint, snapshot FROM desk").Scan(&generation, &at, &snapshot)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, NewCorrelator(), nil
	}
	if err != nil {
		return 0, nil, fmt.Errorf("alert: load generation: %w", err)
	}

	rows, err := s.db.QueryContext(ctx, "SELECT body FROM alert WHERE time <= ?", raisedAt(at-1).UnixMilli())
	if err != nil {
		return 0, nil, fmt.Errorf("alert: load generation: %w", err)
	}
	defer rows.Close()
	var done []Alert
	for rows.Next() {
		var body []byte
		var a Alert
		if err := rows.Scan(&body); err != nil {
			return 0, nil, fmt.Errorf("alert: load generation: %w", err)
		}
		if err := json.Unmarshal(body, &a); err != nil {
			return 0, nil, fmt.Errorf("alert: load generation: %w", err)
		}
		done = append(done, a)
	}

	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return 0, nil, fmt.Errorf("alert: load generation: %w", err)
	}
	for i := range done {
		if err := s.LoadItems(ctx, &done[i]); err != nil {
			return 0, nil, err
		}
	}
	c, err = restoreBatch(snapshot, done)
	return generation, c, err
}

// Find returns the alert whose id begins with a text, in any case. No alert, or several, are an
// error. It has its items.
func (s *Store) Find(ctx context.Context, id string) (*Alert, error) {
	id = strings.ToLower(id)
	rows, err := s.db.QueryContext(ctx, "SELECT body FROM alert WHERE substr(id, 1, ?) = ?", len(id), id)
	if err != nil {
		return nil, fmt.Errorf("alert: find alert: %w", err)
	}
	defer rows.Close()
	var found *Alert
	for rows.Next() {
		var body []byte
		if err := rows.Scan(&body); err != nil {
			return nil, fmt.Errorf("alert: find alert: %w", err)
		}
		if found != nil {
			return nil, fmt.Errorf("%q begins the ids of several alerts: use more characters", id)
		}
		found = new(Alert)
		if err := json.Unmarshal(body, found); err != nil {
			return nil, fmt.Errorf("alert: find alert: %w", err)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, fmt.Errorf("alert: find alert: %w", err)
	}
	if found == nil || id == "" {
		return nil, fmt.Errorf("there is no alert %q", id)
	}
	return found, s.LoadItems(ctx, found)
}

// Save stores a generation: the correlator's BatchSnapshot at a checkpoint (Unix milliseconds),
// and all alerts in place of the stored ones. A nil snapshot is empty.
func (s *Store) Save(ctx context.Context, generation, checkpoint int64, snapshot []byte, list iter.Seq2[*Alert, error]) error {
	if snapshot == nil {
		snapshot = []byte("{}")
	}
	err := sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM alert"); err != nil {
			return err
		}
		insert, err := tx.PrepareContext(ctx, "INSERT INTO alert (id, time, user, score, body) VALUES (?, ?, ?, ?, ?)")
		if err != nil {
			return err
		}
		defer insert.Close()
		for a, err := range list {
			if err != nil {
				return err
			}
			kept := a.WithoutItems()
			body, err := json.Marshal(&kept)
			if err != nil {
				return err
			}
			if err := putItems(ctx, tx, a); err != nil {
				return err
			}
			if _, err := insert.ExecContext(ctx, a.ID, a.Time.UnixMilli(), a.User, a.Score, string(body)); err != nil {
				return err
			}
			if err := indexEntities(ctx, tx, a); err != nil {
				return err
			}
		}

		for _, table := range []string{"evidence", "entity"} {
			if _, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE alert NOT IN (SELECT id FROM alert)"); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx,
			"INSERT INTO desk (one, generation, checkpoint, snapshot) VALUES (1, ?, ?, ?) "+
				"ON CONFLICT (one) DO UPDATE SET generation = excluded.generation, "+
				"checkpoint = excluded.checkpoint, snapshot = excluded.snapshot",
			generation, checkpoint, string(snapshot))

		return err
	})
	if err != nil {
		return fmt.Errorf("alert: save generation: %w", err)
	}

	return nil
}
