package watch

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/sqlitedb"
)

// Refusal is a source that cannot be opened, for instance because a secret is missing or the
// vendor does not list its streams. It is stored as if each of its known streams failed.
type Refusal struct {
	Store  *Store       // where the attempts are stored
	Name   string       // name of the source
	Source event.Source // as in Pull
	Mixed  bool         // as in Pull
	Log    eventlog.Log // where gaps are appended

	since   time.Time // first failed attempt
	streams []*Pull
}

// everything is the name of the stream that stands for a source without known streams.
const everything = "*"

// Record stores a failed attempt to open the source. Once attempts have failed for an hour, it
// appends a gap for each stream to the event log.
func (r *Refusal) Record(ctx context.Context, why error, now time.Time) error {
	if r.streams == nil {
		states, err := r.Store.States(ctx)
		if err != nil {
			return err
		}
		r.since = now
		add := func(stream string) {
			r.streams = append(r.streams, &Pull{
				Name:   r.Name,
				Source: r.Source,
				Mixed:  r.Mixed,
				Stream: ingest.Stream{Name: stream},
				Log:    r.Log,
				since:  now,
			})
		}
		for _, st := range states {
			if st.Source == r.Name {
				add(st.Stream)
			}
		}
		if len(r.streams) == 0 {
			add(everything)
		}
	}
	var all error
	for _, p := range r.streams {
		err := r.Store.failed(ctx, p, why, now)
		if err == nil && now.Sub(r.since) >= complainAfter {
			err = r.Store.recordError(ctx, p, why, now)
		}
		all = errors.Join(all, err)
	}
	return all
}

// Clear stores that the source is open. From then on its streams store their own states.
func (r *Refusal) Clear(ctx context.Context) error {
	r.streams = nil
	err := sqlitedb.Tx(ctx, r.Store.db, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM cursor WHERE source = ? AND stream = ?", r.Name, everything); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "UPDATE cursor SET failing = '' WHERE source = ?", r.Name)
		return err
	})
	if err != nil {
		return fmt.Errorf("watch: clear refusal: %w", err)
	}
	return nil
}
