package watch

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/outflow/outflow/ingest/files"
)

// Roles of a Format.
const (
	Decoded   = "format"    // a format whose records were decoded
	Undecoded = "undecoded" // a format whose records could not be decoded
	Envelope  = "envelope"  // what decoded records were handed on in
	Ambiguous = "ambiguous" // a format with decoded records in which a key occurs twice, with different values
)

// Format counts what records of the streams of a source were taken for.
type Format struct {
	Source  string `json:"source"`  // name of the source
	Role    string `json:"role"`    // Decoded, Undecoded, Envelope or Ambiguous
	Name    string `json:"name"`    // of the format or envelope
	Records int64  `json:"records"` // since the source was first read
}

// shape is what a record was taken for: a role and a name of a Format.
type shape struct{ role, name string }

// took counts what the records of a body were taken for.
func (t *taken) took(rep *files.Report) {
	for role, counts := range map[string]map[string]int{
		Decoded: rep.Formats, Undecoded: rep.Undecoded, Envelope: rep.Envelopes, Ambiguous: rep.Ambiguous,
	} {
		for name, n := range counts {
			if t.shapes == nil {
				t.shapes = map[shape]int{}
			}
			t.shapes[shape{role, name}] += n
		}
	}
}

// credit adds what was read to the counts stored for a source.
func (t *taken) credit(ctx context.Context, tx *sql.Tx, source string) error {
	for s, n := range t.shapes {
		if _, err := tx.ExecContext(ctx,
			"INSERT INTO format (source, role, name, records) VALUES (?, ?, ?, ?) "+
				"ON CONFLICT (source, role, name) DO UPDATE SET records = records + excluded.records",
			source, s.role, s.name, n); err != nil {
			return err
		}
	}
	return t.counts.credit(ctx, tx, source)
}

// Formats returns what the records of all streams were taken for, ordered by source, role and
// name.
func (s *Store) Formats(ctx context.Context) (list []Format, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT source, role, name, records FROM format ORDER BY source, role, name")
	if err != nil {
		return nil, fmt.Errorf("watch: list formats: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var f Format
		if err := rows.Scan(&f.Source, &f.Role, &f.Name, &f.Records); err != nil {
			return nil, fmt.Errorf("watch: list formats: %w", err)
		}
		list = append(list, f)
	}
	return list, rows.Err()
}
