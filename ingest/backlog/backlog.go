// Package backlog stores the state of ingestion between runs of scan: the alias graph at a
// checkpoint some days before the newest event, and the events since. So late events can be
// sorted in among them, and repeated ones are recognised.
//
// The package owns cursors.db.
package backlog

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/sqlitedb"
)

//go:embed migrations/*.sql
var scripts embed.FS

// Store is an open cursors.db.
type Store struct{ db *sql.DB }

// Open opens cursors.db and creates it if needed.
func Open(ctx context.Context, path string) (*Store, error) {
	db, err := sqlitedb.Open(ctx, path, scripts)
	if err != nil {
		return nil, fmt.Errorf("backlog: open: %w", err)
	}
	return &Store{db}, nil
}

// OpenReadOnly opens an existing cursors.db for reading, also while another process writes to
// it. Methods that write return an error.
func OpenReadOnly(ctx context.Context, path string) (*Store, error) {
	db, err := sqlitedb.OpenReadOnly(ctx, path, scripts)
	if err != nil {
		return nil, fmt.Errorf("backlog: open read-only: %w", err)
	}
	return &Store{db}, nil
}

// Close closes the file.
func (s *Store) Close() error { return s.db.Close() }

// Checkpoint is the state at which a generation of the backlog begins.
type Checkpoint struct {
	At      int64  // Unix milliseconds; 0 if the backlog holds all events
	Aliases []byte // the alias graph at that time
}

// Has reports whether a generation is stored.
func (s *Store) Has(ctx context.Context, generation int64) (is bool, err error) {
	err = s.db.QueryRowContext(ctx,
		"SELECT EXISTS (SELECT 1 FROM checkpoint WHERE generation = ?)", generation).Scan(&is)
	if err != nil {
		return false, fmt.Errorf("backlog: look up generation: %w", err)
	}
	return is, nil
}

// Load returns the checkpoint of a generation and calls each for its events in stored form. A
// record is valid only during the call. The error is that of cursors.db or of each.
func (s *Store) Load(ctx context.Context, generation int64, each func(rec []byte) error) (Checkpoint, error) {
	var c Checkpoint
	err := s.db.QueryRowContext(ctx, "SELECT at, aliases FROM checkpoint WHERE generation = ?", generation).Scan(&c.At, &c.Aliases)
	if errors.Is(err, sql.ErrNoRows) {
		return c, fmt.Errorf("backlog: generation %d is not in the file", generation)
	}
	if err != nil {
		return c, fmt.Errorf("backlog: load: %w", err)
	}

	rows, err := s.db.QueryContext(ctx, "SELECT body FROM backlog WHERE generation = ? ORDER BY chunk", generation)
	if err != nil {
		return c, fmt.Errorf("backlog: load: %w", err)
	}
	defer rows.Close()
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(chunkSize+maxEvent))
	if err != nil {
		return c, err
	}
	defer dec.Close()
	var packed sql.RawBytes
	var plain []byte
	for rows.Next() {
		if err := rows.Scan(&packed); err != nil {
			return c, fmt.Errorf("backlog: load: %w", err)
		}
		if plain, err = dec.DecodeAll(packed, plain[:0]); err != nil {
			return c, fmt.Errorf("backlog: decode generation: %w", err)
		}
		if err := event.Framed(plain, each); err != nil {
			return c, fmt.Errorf("backlog: decode generation: %w", err)
		}
	}

	return c, rows.Err()
}

// Writer writes a generation, which is not visible before Commit.
type Writer struct {
	ctx        context.Context
	tx         *sql.Tx
	generation int64
	plain      []byte
	events     int
	chunk      int
	enc        *zstd.Encoder
}

const (
	chunkSize = 1 << 20  // bytes of events after which a chunk is written
	maxEvent  = 16 << 20 // bytes; more than any stored event has, since records are limited to 4 MiB
)

// Begin starts a generation. On Commit it deletes all others but the current one.
func (s *Store) Begin(ctx context.Context, generation, current int64) (*Writer, error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("backlog: begin: %w", err)
	}
	for _, table := range []string{"checkpoint", "backlog"} {
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE generation <> ?", current); err != nil {
			tx.Rollback()
			return nil, fmt.Errorf("backlog: begin: %w", err)
		}
	}
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(chunkSize))
	if err != nil {
		tx.Rollback()
		return nil, err
	}
	return &Writer{ctx: ctx, tx: tx, generation: generation, enc: enc}, nil
}

// Add adds an event in stored form. The record may be reused afterwards.
func (w *Writer) Add(rec []byte) error {
	w.plain = event.AppendFramed(w.plain, rec)
	w.events++
	if len(w.plain) >= chunkSize {
		return w.flush()
	}
	return nil
}

// flush writes a chunk.
func (w *Writer) flush() error {
	if w.events == 0 {
		return nil
	}
	packed := w.enc.EncodeAll(w.plain, nil)
	if _, err := w.tx.ExecContext(w.ctx,
		"INSERT INTO backlog (generation, chunk, events, body) VALUES (?, ?, ?, ?)",
		w.generation, w.chunk, w.events, packed); err != nil {
		return fmt.Errorf("backlog: write events: %w", err)
	}
	w.plain, w.events, w.chunk = w.plain[:0], 0, w.chunk+1
	return nil
}

// Commit stores the generation durably with its checkpoint.
func (w *Writer) Commit(c Checkpoint) error {
	if err := w.flush(); err != nil {
		return err
	}
	if c.Aliases == nil {
		c.Aliases = []byte{}
	}
	if _, err := w.tx.ExecContext(w.ctx,
		"INSERT INTO checkpoint (generation, at, aliases) VALUES (?, ?, ?)",
		w.generation, c.At, c.Aliases); err != nil {
		return fmt.Errorf("backlog: commit: %w", err)
	}
	if err := w.tx.Commit(); err != nil {
		return fmt.Errorf("backlog: commit: %w", err)
	}
	return nil
}

// Rollback discards the generation, unless it was committed.
func (w *Writer) Rollback() { w.tx.Rollback() }

// Erase removes the events of a generation for which gone returns true, and replaces its alias
// graph. It deletes all other generations, and returns how many events were removed.
func (s *Store) Erase(ctx context.Context, generation int64, aliases []byte, gone func(rec []byte) bool) (n int, err error) {
	var kept [][]byte
	c, err := s.Load(ctx, generation, func(rec []byte) error {
		if gone(rec) {
			n++
		} else {
			kept = append(kept, append([]byte(nil), rec...))
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	c.Aliases = aliases
	w, err := s.Begin(ctx, generation, -1) // replaces every generation
	if err != nil {
		return 0, err
	}
	defer w.Rollback()
	for _, rec := range kept {
		if err := w.Add(rec); err != nil {
			return 0, err
		}
	}
	return n, w.Commit(c)
}

// Vacuum rewrites the file so that deleted data cannot be recovered from it.
func (s *Store) Vacuum(ctx context.Context) error { return sqlitedb.Vacuum(ctx, s.db) }
