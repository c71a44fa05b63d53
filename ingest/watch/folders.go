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

// taken calls yield for every path whose file is in the log, as it was then. Nothing else
// may be asked of the store meanwhile.
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

// forgotten lists the paths whose file is to be read again, or is not whole in the log.
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

// version changes when another process has changed sources.db.
func (s *Store) version(ctx context.Context) (n int64, err error) {
	if err = s.db.QueryRowContext(ctx, "PRAGMA data_version").Scan(&n); err != nil {
		err = fmt.Errorf("watch: read data version: %w", err)
	}
	return n, err
}

// folder is the stream under which it is noted how a folder of a source is.
func (s *Store) folder(src *Source, path string) *Pull {
	return &Pull{Name: src.Name, Stream: ingest.Stream{Name: filepath.Clean(path)}, Log: src.Log, folder: true}
}

// forgetFolders drops what is noted about folders that a source has no more.
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

// answered notes that a folder can be read, or could be a moment ago.
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

// AppendGap puts into the log that something has kept sources from being read since a moment: a
// kind of object of event.SourceGap with its name, and the reason.
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
