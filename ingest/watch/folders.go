package watch

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
)

// taken calls yield for every file that has been read to its end, as it was then. Yield must
// not use the store.
func (s *Store) taken(ctx context.Context, yield func(found)) error {
	rows, err := s.db.QueryContext(ctx, "SELECT path, size, modified FROM path JOIN file USING (hash) WHERE done")
	if err != nil {
		return fmt.Errorf("watch: list known files: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var n found
		if err := rows.Scan(&n.path, &n.size, &n.modified); err != nil {
			return fmt.Errorf("watch: list known files: %w", err)
		}
		yield(n)
	}
	return rows.Err()
}

// forgotten returns the paths of known files that are to be read again, or were not read to
// their end.
func (s *Store) forgotten(ctx context.Context) (paths []string, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT path FROM path LEFT JOIN file USING (hash) WHERE coalesce(done, 0) = 0")
	if err != nil {
		return nil, fmt.Errorf("watch: list files to reread: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var path string
		if err := rows.Scan(&path); err != nil {
			return nil, fmt.Errorf("watch: list files to reread: %w", err)
		}
		paths = append(paths, path)
	}
	return paths, rows.Err()
}

// version returns a number that changes when another process writes to sources.db.
func (s *Store) version(ctx context.Context) (n int64, err error) {
	if err = s.db.QueryRowContext(ctx, "PRAGMA data_version").Scan(&n); err != nil {
		err = fmt.Errorf("watch: read data version: %w", err)
	}
	return n, err
}

// folder returns the stream under which the state of a folder is stored.
func (s *Store) folder(src *Source, path string) *Pull {
	return &Pull{Name: src.Name, Stream: ingest.Stream{Name: filepath.Clean(path)}, Log: src.Log, folder: true}
}

// forgetFolders deletes the states of folders that are no longer configured.
func (s *Store) forgetFolders(ctx context.Context, src *Source) error {
	states, err := s.States(ctx)
	if err != nil {
		return err
	}
	configured := map[string]bool{}
	for _, path := range src.Paths {
		configured[s.folder(src, path).Stream.Name] = true
	}
	for _, st := range states {
		if st.Source != src.Name || configured[st.Stream] {
			continue
		}
		if _, err := s.db.ExecContext(ctx,
			"DELETE FROM cursor WHERE source = ? AND stream = ? AND cursor = x''",
			st.Source, st.Stream); err != nil {
			return fmt.Errorf("watch: forget folders: %w", err)
		}
	}
	return nil
}

// answered stores that a folder could be read at a time.
func (s *Store) answered(ctx context.Context, p *Pull, now time.Time) error {
	_, err := s.db.ExecContext(ctx,
		"INSERT INTO cursor (source, stream, cursor, saved, asked) VALUES (?, ?, x'', 0, ?) "+
			"ON CONFLICT (source, stream) DO UPDATE SET asked = excluded.asked, failing = ''",
		p.Name, p.Stream.Name, now.UnixMilli())
	if err != nil {
		return fmt.Errorf("watch: record that folders answered: %w", err)
	}
	return nil
}

// AppendGap appends an event which says that sources have not been read since a time. Kind and
// name are those of the object of the event.SourceGap, which is what kept them from being read.
// The error is that of the event log.
func AppendGap(ctx context.Context, log eventlog.Log, kind, name string, since time.Time, reason string) error {
	from := since.UTC().Format(time.RFC3339)
	e := event.Event{
		Class:  event.SourceGap,
		Action: event.Failing,
		Time:   since.UnixMilli(),
		Actor:  event.Actor{Kind: event.System},
		Object: event.Object{Type: kind, Name: name},
	}
	e.Attrs = []event.Attr{{Name: event.AttrFrom, Value: from}, {Name: event.AttrReason, Value: reason}}
	e.Key = ingest.Hash("source_gap", kind, name, from)
	return log.Append(ctx, eventlog.Record{Value: e.Append(nil)})
}
