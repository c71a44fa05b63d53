// Package watch appends the events of sources to the event log. Sources are folders in which
// exported logs appear, and streams of APIs.
//
// Every file is read once, by its content: a copy, or a new name, adds nothing, and a file
// that has grown is resumed where it ended, as is an interrupted one. A stream is resumed
// from a cursor, which is stored after everything before it is in the event log. A crash may
// repeat events, but never skips any.
//
// The package owns sources.db.
package watch

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/files"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/guard"
	"github.com/outflow/outflow/internal/sqlitedb"
)

//go:embed migrations/*.sql
var scripts embed.FS

// Store is an open sources.db. It is safe for concurrent use.
type Store struct {
	db   *sql.DB
	each statements // not prepared if the file is read-only

	mu     sync.Mutex
	taking map[string]chan struct{} // contents being read, by hash; closed afterwards
}

// Open opens sources.db and creates it if needed.
func Open(ctx context.Context, path string) (*Store, error) {
	db, err := sqlitedb.Open(ctx, path, scripts)
	if err != nil {
		return nil, fmt.Errorf("watch: open store: %w", err)
	}
	s := newStore(db)
	if err := s.each.prepare(ctx, db); err != nil {
		db.Close()
		return nil, fmt.Errorf("watch: open store: %w", err)
	}
	return s, nil
}

// statements are what is executed for every file.
type statements struct{ known, progress, storeFile, storePath *sql.Stmt }

// prepare prepares all statements.
func (s *statements) prepare(ctx context.Context, db *sql.DB) (err error) {
	for _, x := range []struct {
		statement **sql.Stmt
		query     string
	}{
		{&s.known, "SELECT EXISTS (SELECT 1 FROM path JOIN file USING (hash) WHERE path = ? AND size = ? AND modified = ? AND done)"},
		{&s.progress, "SELECT events, done, ambiguous, EXISTS (SELECT 1 FROM path WHERE hash = ?1), " +
			"EXISTS (SELECT 1 FROM path WHERE path = ?2 AND size < ?3) FROM (SELECT 1) LEFT JOIN file ON hash = ?1"},
		{&s.storeFile, "INSERT INTO file (hash, events, ambiguous, done, problems, reason) VALUES (?, ?, ?, 1, ?, ?) " +
			"ON CONFLICT (hash) DO UPDATE SET events = excluded.events, ambiguous = excluded.ambiguous, " +
			"done = 1, problems = excluded.problems, reason = excluded.reason"},
		{&s.storePath, "INSERT INTO path (path, size, modified, hash) VALUES (?, ?, ?, ?) " +
			"ON CONFLICT (path) DO UPDATE SET size = excluded.size, modified = excluded.modified, hash = excluded.hash"},
	} {
		if *x.statement, err = db.PrepareContext(ctx, x.query); err != nil {
			return err
		}
	}
	return nil
}

// OpenReadOnly opens an existing sources.db for reading, also while another process writes
// to it. Methods that write return an error.
func OpenReadOnly(ctx context.Context, path string) (*Store, error) {
	db, err := sqlitedb.OpenReadOnly(ctx, path, scripts)
	if err != nil {
		return nil, fmt.Errorf("watch: open store read-only: %w", err)
	}
	return newStore(db), nil
}

func newStore(db *sql.DB) *Store { return &Store{db: db, taking: map[string]chan struct{}{}} }

// Close closes the file.
func (s *Store) Close() error { return s.db.Close() }

// Source is a source of kind files.
type Source struct {
	Name    string   // as configured
	Paths   []string // files and folders
	Workers int      // files read at the same time; 0 stands for 1
	// Together is how long after one pass another may begin and still belong to the same
	// delivery. Within a delivery, no event makes another one late.
	Together time.Duration
	Settled  time.Duration                                       // files modified more recently than this are left to a later pass
	Formats  []*ingest.Format                                    // as in files.Reader
	Tables   []*ingest.Table                                     // as in files.Reader
	Inspect  func(worker int) func(*event.Event, *ingest.Native) // as in files.Reader
	Forms    ingest.Forms                                        // as in files.Reader
	Log      eventlog.Log                                        // where the events are appended
	// Between, if not nil, is called with a name between two durable effects. It is for tests.
	Between func(name string)
}

// between calls Between.
func (src *Source) between(name string) {
	if src.Between != nil {
		src.Between(name)
	}
}

// Pass is the result of one pass over the folders of a source.
type Pass struct {
	Files    int                    // files read
	Events   int                    // events appended to the event log
	Problems int                    // records that could not be decoded
	Left     int                    // files that are still being written to
	Failed   []files.Report         // files that could not be read; they are retried
	Missing  int                    // folders that could not be read; set by Follower only
	Lost     int                    // how often change notifications were lost; set by Follower only
	Paths    map[string]Recognition // by configured path
}

// Recognition is how much of the files below a configured path was recognised.
type Recognition struct {
	Files int     // files read
	Bytes int64   // bytes in them, unpacked
	Read  float64 // recognised bytes, as a part of Bytes
}

// recognise adds a file to the configured path that it is below.
func (p *Pass) recognise(paths []string, r *files.Report) {
	root := ""
	for _, path := range paths {
		if len(path) > len(root) && (r.Path == path || strings.HasPrefix(r.Path, strings.TrimSuffix(path, "/")+"/")) {
			root = path
		}
	}
	size := max(r.Size, r.Content)
	p.add(map[string]Recognition{cmp.Or(root, r.Path): {1, size, float64(size) * r.Recognised()}})
}

// add adds the figures of another pass by path.
func (p *Pass) add(paths map[string]Recognition) {
	for path, r := range paths {
		if p.Paths == nil {
			p.Paths = map[string]Recognition{}
		}
		all := p.Paths[path]
		p.Paths[path] = Recognition{all.Files + r.Files, all.Bytes + r.Bytes, all.Read + r.Read}
	}
}

// A batch is appended to the event log when it has this many events or bytes.
const (
	batchEvents = 4096
	batchBytes  = 1 << 20
)

// found is a file that is new or has changed.
type found struct {
	path     string
	size     int64 // bytes
	modified int64 // Unix nanoseconds
	growing  bool  // still being written to: only complete records are read
}

// Pass goes through the folders once and appends what is new to the event log. The error is
// that of the event log, the context or sources.db. The next pass resumes there.
func (s *Store) Pass(ctx context.Context, src *Source, now time.Time) (Pass, error) {
	var p Pass
	todo, err := s.pending(ctx, src, now, &p)
	if err != nil || len(todo) == 0 {
		return p, err
	}
	seq, err := s.nextBatchSeq(ctx, now)
	if err != nil {
		return p, err
	}
	if err := src.appendMarker(ctx, seq, true); err != nil {
		return p, err
	}
	arrived, err := s.arrivals(ctx, src.Name, now, src.Together)
	if err != nil {
		return p, err
	}

	if err := s.takeAll(ctx, src, todo, arrived, now, &p); err != nil {
		return p, err
	}
	if err := s.reportLateness(ctx, src.Name, src.Log, arrived, 0); err != nil {
		return p, err
	}
	return p, src.appendMarker(ctx, seq, false)
}

// pending returns the files of a source that are new or have changed. It counts in p the
// files that cannot be read or are still being written to.
func (s *Store) pending(ctx context.Context, src *Source, now time.Time, p *Pass) (todo []found, err error) {
	list, unreadable := files.Find(src.Paths)
	for _, u := range unreadable {
		if u.Failed {
			p.Failed = append(p.Failed, u)
		}
	}

	var some bool // were read before
	if err := s.db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM path)").Scan(&some); err != nil {
		return nil, fmt.Errorf("watch: look up files: %w", err)
	}
	for _, f := range list {
		info, err := os.Stat(f.Path)
		if err != nil {
			p.Failed = append(p.Failed, files.Report{Path: f.Path, Reason: err.Error(), Failed: true})
			continue
		}
		n := found{path: f.Path, size: info.Size(), modified: info.ModTime().UnixNano()}
		known := false
		if some {
			known, err = s.known(ctx, n)
		}
		switch {
		case err != nil:
			return nil, err
		case known:
		case src.unsettled(info, now):
			p.Left++
		default:
			todo = append(todo, n)
		}
	}
	return todo, nil
}

// unsettled reports whether a file may still be being written to. A modification time after
// now means that the clock was set back since.
func (src *Source) unsettled(info fs.FileInfo, now time.Time) bool {
	return now.Sub(info.ModTime()) < src.Settled && !info.ModTime().After(now)
}

// takeAll reads files, several at a time, and adds the results to p.
func (s *Store) takeAll(ctx context.Context, src *Source, todo []found, arrived *arrivals, now time.Time, p *Pass) error {
	var mu sync.Mutex
	var failed error
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	next := func() (f found, more bool) {
		mu.Lock()
		defer mu.Unlock()
		if len(todo) == 0 || ctx.Err() != nil {
			return found{}, false
		}
		f, todo = todo[0], todo[1:]
		if info, err := os.Stat(f.path); err == nil { // much may have been read since it was found
			f.size, f.modified = info.Size(), info.ModTime().UnixNano()
		}
		return f, true
	}
	done := func(r result) {
		mu.Lock()
		defer mu.Unlock()
		if panicked := (*guard.Panic)(nil); errors.As(r.err, &panicked) {
			r.rep, r.err = &files.Report{Path: r.path, Reason: r.err.Error(), Failed: true}, nil
		}
		if r.err != nil {
			failed = cmp.Or(failed, r.err)
			cancel()
			return
		}
		p.Events += r.events
		if r.rep != nil {
			p.count(src.Paths, r.rep)
		}
	}
	var workers sync.WaitGroup
	for range min(max(src.Workers, 1), len(todo)) {
		workers.Go(func() { s.takeSome(ctx, src, next, arrived, now, done) })
	}
	workers.Wait()
	return cmp.Or(failed, ctx.Err())
}

// count adds the report of a file.
func (p *Pass) count(paths []string, rep *files.Report) {
	p.Files++
	p.Problems += rep.ProblemCount
	p.recognise(paths, rep)
	if rep.Failed {
		p.Failed = append(p.Failed, *rep)
	}
}

// nextBatchSeq returns the sequence number of the next batch. Numbers increase even if the
// clock is set back.
func (s *Store) nextBatchSeq(ctx context.Context, now time.Time) (pass int64, err error) {
	err = s.db.QueryRowContext(ctx,
		"INSERT INTO pass (one, last) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET last = max(last + 1, excluded.last) RETURNING last",
		now.UnixNano()).Scan(&pass)
	if err != nil {
		return 0, fmt.Errorf("watch: count batches: %w", err)
	}
	return pass, nil
}

// appendMarker appends to every partition a marker that a batch begins or ends.
func (src *Source) appendMarker(ctx context.Context, pass int64, begins bool) error {
	recs := make([]eventlog.Record, src.Log.Partitions())
	for i := range recs {
		recs[i] = eventlog.Record{
			Partition: i,
			Value:     ingest.BatchMarker{Begin: begins, Seq: pass, Source: src.Name}.Append(nil),
		}
	}
	return src.Log.Append(ctx, recs...)
}

// known reports whether a file is unchanged since it was read to its end.
func (s *Store) known(ctx context.Context, f found) (is bool, err error) {
	if err := s.each.known.QueryRowContext(ctx, f.path, f.size, f.modified).Scan(&is); err != nil {
		return false, fmt.Errorf("watch: look up file: %w", err)
	}
	return is, nil
}

// Reread requests that the files at and below some paths be read again at the next pass. It
// returns their number. Events that are in the event log already count once.
func (s *Store) Reread(ctx context.Context, paths []string) (n int64, err error) {
	err = sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		for _, p := range paths {
			res, err := tx.ExecContext(ctx,
				"DELETE FROM file WHERE hash IN (SELECT hash FROM path WHERE path = ?1 OR substr(path, 1, length(?2)) = ?2)",
				p, strings.TrimSuffix(p, "/")+"/")
			if err != nil {
				return err
			}
			some, err := res.RowsAffected()
			if err != nil {
				return err
			}
			n += some
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("watch: request rereading of files: %w", err)
	}
	return n, nil
}
