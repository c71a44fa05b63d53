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

// Refusal is a source that cannot be opened: a secret that is gone, a vendor that does not
// say which streams there are. It is known by its streams, as if each of them failed.
type Refusal struct {
	Store  *Store
	Name   string
	Source event.Source // as in Pull
	Log    eventlog.Log

	since   time.Time
	streams []*Pull
}

// everything stands for the streams of a source of which none is known yet.
const everything = "*"

// Record takes in that it was tried in vain. Once that has lasted for an hour, it is said in
// the log, from when on each stream was not read.
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

// Clear takes in that it is open: from now on its streams say themselves how they are.
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
