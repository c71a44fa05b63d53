package watch

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/outflow/outflow/ingest/files"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/sqlitedb"
)

// RereadAll decodes the API records for which ReprocessDeadLetters was called again. Those
// that can be decoded now are appended to the event log and are no longer dead letters. It
// returns how many events were appended.
func (s *Store) RereadAll(ctx context.Context, p *Pull, now time.Time) (events int, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT id, file, record FROM dead WHERE again AND source = ?", p.Name)
	if err != nil {
		return 0, fmt.Errorf("watch: reread dead letters: %w", err)
	}
	defer rows.Close()
	var letters []DeadLetter
	for rows.Next() {
		var l DeadLetter
		if err := rows.Scan(&l.ID, &l.File, &l.Record); err != nil {
			return 0, fmt.Errorf("watch: reread dead letters: %w", err)
		}
		letters = append(letters, l)
	}

	if err := rows.Close(); err != nil {
		return 0, fmt.Errorf("watch: reread dead letters: %w", err)
	}
	for _, l := range letters {
		t := &taken{}
		rep, err := p.take(ctx, l.File, strings.NewReader(l.Record), t)
		if err != nil && !rep.Failed && !rep.Cut {
			return events, err
		}
		events += t.events
		err = sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
			if rep.ProblemCount == 0 && rep.Records > 0 {
				t.took(&rep)
				if err := t.credit(ctx, tx, p.Name); err != nil {
					return err
				}
				_, err := tx.ExecContext(ctx, "DELETE FROM dead WHERE id = ?", l.ID)
				return err
			}
			_, err := tx.ExecContext(ctx, "UPDATE dead SET again = 0 WHERE id = ?", l.ID)
			return err
		})
		if err != nil {
			return events, fmt.Errorf("watch: reread dead letters: %w", err)
		}
	}

	return events, nil
}

// insertDeadLetters stores problems as dead letters.
func insertDeadLetters(ctx context.Context, tx *sql.Tx, source string, hash []byte, problems []files.Problem, now time.Time) error {
	for _, p := range problems {
		if _, err := tx.ExecContext(ctx,
			"INSERT INTO dead (source, file, line, reason, hash, at, record) VALUES (?, ?, ?, ?, ?, ?, ?)",
			source, p.File, p.Line, p.Reason, hash, now.UnixMilli(), p.Record); err != nil {
			return err
		}
	}
	return nil
}

// DeadLetter is a record or a file that could not be decoded.
type DeadLetter struct {
	ID     int64     `json:"id"`               // increases
	Source string    `json:"source"`           // name of the source
	File   string    `json:"file"`             // the file, or the part of an API's answer
	Line   int       `json:"line,omitempty"`   // from 1; 0 for a whole file
	Reason string    `json:"reason"`           // why it could not be decoded
	At     time.Time `json:"at"`               // when it was read
	Record string    `json:"record,omitempty"` // its beginning, if it came from an API
}

// DeadLetters returns the dead letter with an id, or all of them if id is 0, the latest last.
func (s *Store) DeadLetters(ctx context.Context, id int64) (list []DeadLetter, err error) {
	rows, err := s.db.QueryContext(ctx,
		"SELECT id, source, file, line, reason, at, record FROM dead WHERE ?1 = 0 OR id = ?1 ORDER BY id", id)
	if err != nil {
		return nil, fmt.Errorf("watch: list dead letters: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var l DeadLetter
		var at int64
		if err := rows.Scan(&l.ID, &l.Source, &l.File, &l.Line, &l.Reason, &at, &l.Record); err != nil {
			return nil, fmt.Errorf("watch: list dead letters: %w", err)
		}
		l.At = time.UnixMilli(at).UTC()
		list = append(list, l)
	}
	return list, rows.Err()
}

// DeadLetterCount is the number of dead letters of a source.
type DeadLetterCount struct {
	Source  string `json:"source"`  // name of the source
	Records int64  `json:"records"` // dead letters
}

// DeadLettersSince counts the dead letters that were added since a time, by source. Those
// replayed successfully in the meantime are not counted.
func (s *Store) DeadLettersSince(ctx context.Context, since time.Time) (list []DeadLetterCount, err error) {
	rows, err := s.db.QueryContext(ctx,
		"SELECT source, count(*) FROM dead WHERE at >= ? GROUP BY source ORDER BY source", since.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("watch: count dead letters: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var c DeadLetterCount
		if err := rows.Scan(&c.Source, &c.Records); err != nil {
			return nil, fmt.Errorf("watch: count dead letters: %w", err)
		}
		list = append(list, c)
	}
	return list, rows.Err()
}

// CountDeadLetters returns the number of dead letters.
func (s *Store) CountDeadLetters(ctx context.Context) (n int, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT count(*) FROM dead").Scan(&n)
	return n, err
}

// ReprocessDeadLetters requests that a dead letter, or all of them if id is 0, be decoded
// again, since a new version may understand them. Files are read again as a whole, and events
// that are in the event log already count once. Records of APIs wait for RereadAll. It returns
// how many letters that affects, and the letters that stay because no file with their content
// exists any more.
func (s *Store) ReprocessDeadLetters(ctx context.Context, id int64) (n int64, gone []DeadLetter, err error) {
	there, missing, err := s.contents(ctx, id)
	if err != nil {
		return 0, nil, fmt.Errorf("watch: request reprocessing of dead letters: %w", err)
	}
	err = sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		change := func(statement string, arg any) (int64, error) {
			res, err := tx.ExecContext(ctx, statement, arg)
			if err != nil {
				return 0, err
			}
			return res.RowsAffected()
		}
		if n, err = change("UPDATE dead SET again = 1 WHERE record <> '' AND (?1 = 0 OR id = ?1)", id); err != nil {
			return err
		}

		for _, hash := range there {
			if _, err := change("DELETE FROM file WHERE hash = ?", hash); err != nil {
				return err
			}
			letters, err := change("DELETE FROM dead WHERE record = '' AND hash = ?", hash)
			if err != nil {
				return err
			}
			n += letters
		}

		return nil
	})
	if err != nil {
		return 0, nil, fmt.Errorf("watch: request reprocessing of dead letters: %w", err)
	}

	all, err := s.DeadLetters(ctx, 0)
	if err != nil {
		return n, nil, err
	}
	return n, slices.DeleteFunc(all, func(l DeadLetter) bool { return !missing[l.ID] }), nil
}

// contents returns the hashes of the files of dead letters that can still be read, and the
// letters whose file cannot. If id is not 0, it is limited to the file of that letter.
func (s *Store) contents(ctx context.Context, id int64) (there [][]byte, missing map[int64]bool, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT d.id, d.hash, p.path, p.size FROM dead d LEFT JOIN path p ON p.hash = d.hash
		WHERE d.record = '' AND (?1 = 0 OR d.hash IN (SELECT hash FROM dead WHERE id = ?1 AND record = ''))`, id)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	found, letters := map[string]bool{}, map[int64]string{}
	for rows.Next() {
		var letter int64
		var hash []byte
		var path sql.NullString
		var size sql.NullInt64
		if err := rows.Scan(&letter, &hash, &path, &size); err != nil {
			return nil, nil, err
		}
		letters[letter] = string(hash)
		if found[string(hash)] || !path.Valid {
			continue
		}
		if info, err := os.Stat(path.String); err == nil && info.Size() == size.Int64 {
			found[string(hash)] = true
		}
	}

	missing = map[int64]bool{}
	for letter, hash := range letters {
		missing[letter] = !found[hash]
	}
	for hash := range found {
		there = append(there, []byte(hash))
	}

	return there, missing, rows.Err()
}

// maxShown is how many bytes of a record are shown.
const maxShown = 4096

// FindRecord returns the record of a dead letter from its file at path, cut to 4,096 bytes. Archive!member
// is in Letter.File. Compressed files and archives are read with the reader, which needs no Emit.
func FindRecord(ctx context.Context, r files.Reader, l *DeadLetter, path string) (string, error) {
	if l.Line < 1 {
		return "", errors.New("it is a whole file")
	}
	in, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer in.Close()
	br := bufio.NewReader(in)
	if head, _ := br.Peek(512); !packed(head) {
		return line(br, l.Line)
	}
	r.Emit = func(int) func(*event.Event) error { return func(*event.Event) error { return nil } }
	name, _, _ := strings.Cut(l.File, "!")
	rep, err := r.Stream(ctx, name, br)
	if err != nil {
		return "", err
	}
	for _, p := range rep.Problems {
		if p.Line == l.Line && p.Record != "" && p.File == l.File {
			return p.Record[:min(len(p.Record), maxShown)], nil
		}
	}
	return "", fmt.Errorf("line %d of the file can be decoded, or is not there any more: outflow dead-letter replay %d", l.Line, l.ID)
}

// packed reports whether a file is compressed, or an archive.
func packed(head []byte) bool {
	for _, magic := range []string{"\x1f\x8b", "PK\x03\x04", "\x28\xb5\x2f\xfd", "BZh", "\xfd7zXZ", "7z\xbc\xaf\x27\x1c", "PAR1"} {
		if strings.HasPrefix(string(head), magic) {
			return true
		}
	}
	return len(head) > 262 && string(head[257:262]) == "ustar"
}

// line returns a line of a text, from 1, cut to maxShown bytes.
func line(r *bufio.Reader, line int) (string, error) {
	for n := 1; ; n++ {
		text, err := r.ReadSlice('\n')
		if n == line && len(text) > 0 {
			return strings.TrimRight(string(text[:min(len(text), maxShown)]), "\r\n"), nil
		}
		for err == bufio.ErrBufferFull {
			_, err = r.ReadSlice('\n')
		}
		if err != nil {
			return "", fmt.Errorf("the file has no line %d any more", line)
		}
	}
}

// EraseDeadLetters deletes the dead letters whose record or reason contains one of the
// accounts, in any case, and returns their number.
func (s *Store) EraseDeadLetters(ctx context.Context, accounts []string) (gone int64, err error) {
	for _, a := range accounts {
		res, err := s.db.ExecContext(ctx,
			"DELETE FROM dead WHERE instr(lower(record), ?) > 0 OR instr(lower(reason), ?) > 0",
			strings.ToLower(a), strings.ToLower(a))
		if err != nil {
			return gone, fmt.Errorf("watch: erase dead letters: %w", err)
		}
		n, err := res.RowsAffected()
		if err != nil {
			return gone, fmt.Errorf("watch: erase dead letters: %w", err)
		}
		gone += n
	}
	return gone, sqlitedb.Vacuum(ctx, s.db)
}
