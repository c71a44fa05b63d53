package eventlog

import (
	"context"
	"database/sql"
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/outflow/outflow/internal/sqlitedb"
)

//go:embed migrations/*.sql
var scripts embed.FS

// File is an SQLite file with logs. One process writes to it at a time. What was acknowledged
// survives a power cut.
type File struct {
	db  *sql.DB
	enc *zstd.Encoder
	dec *zstd.Decoder
}

// OpenFile opens a file with logs, and creates or migrates it.
func OpenFile(ctx context.Context, path string) (*File, error) {
	db, err := sqlitedb.Open(ctx, path, scripts, sqlitedb.Full)
	if err != nil {
		return nil, fmt.Errorf("eventlog: open: %w", err)
	}
	return newFile(db)
}

// OpenFileReadOnly opens an existing file for reading, as it is at this moment, while another
// process may append to it. Methods that write return an error.
func OpenFileReadOnly(ctx context.Context, path string) (*File, error) {
	db, err := sqlitedb.OpenReadOnly(ctx, path, scripts)
	if err != nil {
		return nil, fmt.Errorf("eventlog: open read-only: %w", err)
	}
	return newFile(db)
}

// newFile returns the File of an open database, which it closes after an error.
func newFile(db *sql.DB) (*File, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(true))
	if err != nil {
		db.Close()
		return nil, err
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1<<30))
	if err != nil {
		db.Close()
		return nil, err
	}
	return &File{db, enc, dec}, nil
}

// Close closes the file. Its logs must not be used afterwards.
func (f *File) Close() error {
	f.dec.Close()
	return f.db.Close()
}

// SQLite is a log in a File. Concurrent calls of Append share a transaction.
type SQLite struct {
	file  *File
	id    int64
	parts int

	mu      sync.Mutex
	changed *sync.Cond
	ended   bool
	queue   []*pendingAppend
	leading bool
	read    map[int]*segment // by partition: the segment that was read last
}

// pendingAppend is a call of Append that waits to be written.
type pendingAppend struct {
	recs []Record
	done chan struct{}
	err  error
}

// segment is the records of one transaction in one partition.
type segment struct {
	base int64 // offset of the first record
	at   int64 // when it was appended, Unix milliseconds
	recs []Record
}

// Log opens the log with a name, or creates it. The number of partitions is fixed at creation:
// another number is an error.
func (f *File) Log(ctx context.Context, name string, partitions int) (*SQLite, error) {
	l := &SQLite{file: f, parts: partitions, read: map[int]*segment{}}
	l.changed = sync.NewCond(&l.mu)
	has, err := f.Partitions(ctx, name)
	if err == nil && has == 0 {
		_, err = f.db.ExecContext(ctx, "INSERT INTO topic (name, partitions) VALUES (?, ?) ON CONFLICT (name) DO NOTHING", name, partitions)
	}
	if err == nil {
		err = f.db.QueryRowContext(ctx, "SELECT id, partitions FROM topic WHERE name = ?", name).Scan(&l.id, &has)
	}
	if err != nil {
		return nil, fmt.Errorf("eventlog: %s: %w", name, err)
	}
	if has != partitions {
		return nil, fmt.Errorf("eventlog: %s has %d partitions, not %d: the number is fixed when a log is created", name, has, partitions)
	}
	return l, nil
}

// Partitions returns the number of partitions of a log; 0 if it does not exist.
func (f *File) Partitions(ctx context.Context, name string) (n int, err error) {
	err = f.db.QueryRowContext(ctx, "SELECT partitions FROM topic WHERE name = ?", name).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return n, err
}

// Partitions implements Log.
func (l *SQLite) Partitions() int { return l.parts }

// End ends appending: readers get io.EOF once they have read everything.
func (l *SQLite) End() {
	l.mu.Lock()
	l.ended = true
	l.mu.Unlock()
	l.changed.Broadcast()
}

// Append implements Log. A nil error means that the records survive a power cut.
func (l *SQLite) Append(ctx context.Context, recs ...Record) error {
	if len(recs) == 0 {
		return nil
	}
	for i := range recs {
		if _, err := recs[i].place(l.parts); err != nil {
			return err
		}
	}

	a := &pendingAppend{recs: recs, done: make(chan struct{})}
	l.mu.Lock()
	if l.ended {
		l.mu.Unlock()
		return ErrClosed
	}

	l.queue = append(l.queue, a)
	lead := !l.leading
	l.leading = true
	l.mu.Unlock()
	if !lead {
		<-a.done
		return a.err
	}

	for { // the first call writes for all that wait
		l.mu.Lock()
		group := l.queue
		l.queue = nil
		if len(group) == 0 {
			l.leading = false
			l.mu.Unlock()
			return a.err
		}
		l.mu.Unlock()
		err := l.write(context.WithoutCancel(ctx), group)
		for _, g := range group {
			g.err = err
			close(g.done)
		}
		l.wake()
	}
}

// appendRecord appends a record in the stored form of a segment.
func appendRecord(b []byte, key string, value []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(key)))
	b = append(b, key...)
	b = binary.AppendUvarint(b, uint64(len(value)))
	return append(b, value...)
}

// write appends the records of a group in one transaction.
func (l *SQLite) write(ctx context.Context, group []*pendingAppend) error {
	plain, count := make([][]byte, l.parts), make([]int, l.parts)
	for _, g := range group {
		for i := range g.recs {
			r := &g.recs[i]
			p, err := r.place(l.parts)
			if err != nil {
				return err
			}
			plain[p] = appendRecord(plain[p], r.Key, r.Value)
			count[p]++
		}
	}

	now := time.Now().UnixMilli()
	err := sqlitedb.Tx(ctx, l.file.db, func(tx *sql.Tx) error {
		for p, b := range plain {
			if count[p] == 0 {
				continue
			}
			var next int64
			err := tx.QueryRowContext(ctx, "SELECT next FROM bound WHERE topic = ? AND part = ?", l.id, p).Scan(&next)
			if err != nil && !errors.Is(err, sql.ErrNoRows) {
				return err
			}

			if _, err := tx.ExecContext(ctx,
				"INSERT INTO segment (topic, part, base, n, at, body) VALUES (?, ?, ?, ?, ?, ?)",
				l.id, p, next, count[p], now, l.file.enc.EncodeAll(b, nil)); err != nil {
				return err
			}

			if _, err := tx.ExecContext(ctx,
				"INSERT INTO bound (topic, part, next) VALUES (?, ?, ?) ON CONFLICT (topic, part) DO UPDATE SET next = excluded.next",
				l.id, p, next+int64(count[p])); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("eventlog: append: %w", err)
	}

	return nil
}

// Bounds implements Log.
func (l *SQLite) Bounds(ctx context.Context, partition int) (first, next int64, err error) {
	if err := within(partition, l.parts); err != nil {
		return 0, 0, err
	}
	err = l.file.db.QueryRowContext(ctx,
		"SELECT coalesce((SELECT next FROM bound WHERE topic = ?1 AND part = ?2), 0), coalesce((SELECT min(base) "+
			"FROM segment WHERE topic = ?1 AND part = ?2), -1)",
		l.id, partition).Scan(&next, &first)
	if err != nil {
		return 0, 0, fmt.Errorf("eventlog: read bounds: %w", err)
	}
	if first < 0 {
		first = next
	}
	return first, next, nil
}

// Read implements Log.
func (l *SQLite) Read(ctx context.Context, partition int, from int64, max int) ([]Record, error) {
	if err := within(partition, l.parts); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, l.wake)
	defer stop()
	for {
		l.mu.Lock()
		s, ended := l.read[partition], l.ended
		l.mu.Unlock()
		if s == nil || from < s.base || from >= s.base+int64(len(s.recs)) {
			var err error
			if s, err = l.segment(ctx, partition, from); err != nil {
				return nil, err
			}
		}

		if s != nil {
			l.mu.Lock()
			l.read[partition] = s
			l.mu.Unlock()
			recs := s.recs[from-s.base:]
			return recs[:min(max, len(recs)):min(max, len(recs))], nil
		}

		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if ended {
			return nil, io.EOF
		}
		l.wait(ctx, partition, from)
	}
}

// wait returns once there may be a record at an offset.
func (l *SQLite) wait(ctx context.Context, partition int, from int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for ctx.Err() == nil && !l.ended {
		var next int64
		err := l.file.db.QueryRowContext(ctx,
			"SELECT next FROM bound WHERE topic = ? AND part = ?",
			l.id, partition).Scan(&next)
		if err == nil && next > from {
			return
		}
		l.changed.Wait()
	}
}

// wake holds the lock, so that no reader misses the end of its context between checking and
// waiting.
func (l *SQLite) wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.changed.Broadcast()
}

// segment reads the segment with an offset; nil if it does not exist yet.
func (l *SQLite) segment(ctx context.Context, partition int, from int64) (*segment, error) {
	s := &segment{}
	var n int
	var body []byte
	err := l.file.db.QueryRowContext(ctx,
		"SELECT base, n, at, body FROM segment WHERE topic = ? AND part = ? AND base <= ? ORDER BY base DESC LIMIT 1",
		l.id, partition, from).Scan(&s.base, &n, &s.at, &body)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("eventlog: read: %w", err)
	}
	if err != nil || from >= s.base+int64(n) {
		first, next, err := l.Bounds(ctx, partition)
		switch {
		case err != nil:
			return nil, err
		case from > next:
			return nil, fmt.Errorf(
				"eventlog: offset %d is beyond the end of partition %d (%d): the log was restored or replaced",
				from, partition, next)
		case from < first:
			return nil, ErrGone
		}
		return nil, nil
	}
	if s.recs, err = unpack(l.file.dec, body, partition, s.base, n, s.at); err != nil {
		return nil, err
	}
	return s, nil
}

// unpack returns the n records of a stored segment that begins at an offset and was appended at
// a time (Unix milliseconds).
func unpack(dec *zstd.Decoder, body []byte, partition int, base int64, n int, at int64) ([]Record, error) {
	plain, err := dec.DecodeAll(body, nil)
	if err != nil {
		return nil, fmt.Errorf("eventlog: partition %d, offset %d: damaged: %w", partition, base, err)
	}
	if n < 0 || n > len(plain)/2 { // a record takes at least two bytes
		return nil, fmt.Errorf("eventlog: partition %d, offset %d: damaged segment: %d records in %d bytes", partition, base, n, len(plain))
	}
	recs := make([]Record, n)
	for i := range recs {
		var key, value []byte
		if key, plain, err = field(plain); err == nil {
			value, plain, err = field(plain)
		}
		if err != nil {
			return nil, fmt.Errorf("eventlog: partition %d, offset %d: %w", partition, base+int64(i), err)
		}
		recs[i] = Record{
			Partition: partition,
			Offset:    base + int64(i),
			Key:       string(key),
			Value:     value,
			Appended:  at,
		}
	}
	if len(plain) > 0 {
		return nil, fmt.Errorf(
			"eventlog: partition %d, offset %d: damaged segment: %d bytes after its %d records",
			partition, base, len(plain), n)
	}
	return recs, nil
}

// field splits the first length-prefixed field off.
func field(b []byte) (value, rest []byte, err error) {
	n, k := binary.Uvarint(b)
	if k <= 0 || n > uint64(len(b)-k) {
		return nil, nil, errors.New("damaged segment")
	}
	return b[k : k+int(n) : k+int(n)], b[k+int(n):], nil
}

// Trim deletes segments of a partition that were appended before a time and end at or before
// the offset keep, which readers may still need. It returns how many records it deleted.
func (l *SQLite) Trim(ctx context.Context, partition int, before time.Time, keep int64) (gone int64, err error) {
	var n sql.NullInt64
	err = sqlitedb.Tx(ctx, l.file.db, func(tx *sql.Tx) error {
		const which = " FROM segment WHERE topic = ? AND part = ? AND at < ? AND base + n <= ?"
		args := []any{l.id, partition, before.UnixMilli(), keep}
		if err := tx.QueryRowContext(ctx, "SELECT sum(n)"+which, args...).Scan(&n); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "DELETE"+which, args...)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("eventlog: trim: %w", err)
	}
	return n.Int64, nil
}

// Rewrite replaces the values of records of a log for which change returns true, at their
// offsets. It erases data that must not be stored any longer. No other process may use the file
// meanwhile. It returns how many it replaced; 0 for a log that does not exist.
func (f *File) Rewrite(ctx context.Context, name string, change func(r *Record) (value []byte, changed bool)) (n int, err error) {
	parts, err := f.Partitions(ctx, name)
	if err != nil || parts == 0 {
		return 0, err
	}
	l, err := f.Log(ctx, name, parts)
	if err != nil {
		return 0, err
	}

	for p := range parts {
		at, end, err := l.Bounds(ctx, p)
		if err != nil {
			return n, err
		}
		for at < end {
			s, err := l.segment(ctx, p, at)
			if err != nil {
				return n, err
			}
			if s == nil {
				break
			}

			var plain []byte
			changed := 0
			for i := range s.recs {
				r := &s.recs[i]
				value, different := change(r)
				if different {
					changed++
				} else {
					value = r.Value
				}
				plain = appendRecord(plain, r.Key, value)
			}

			if changed > 0 {
				if _, err := f.db.ExecContext(ctx,
					"UPDATE segment SET body = ? WHERE topic = ? AND part = ? AND base = ?",
					f.enc.EncodeAll(plain, nil), l.id, p, s.base); err != nil {
					return n, fmt.Errorf("eventlog: rewrite: %w", err)
				}
				n += changed
			}

			at = s.base + int64(len(s.recs))
		}
	}

	return n, nil
}

// Vacuum rewrites the file without what was replaced or deleted.
func (f *File) Vacuum(ctx context.Context) error { return sqlitedb.Vacuum(ctx, f.db) }
