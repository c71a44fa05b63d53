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
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

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
	db *sql.DB

	mu     sync.Mutex
	taking map[string]chan struct{} // contents being read, by hash; closed afterwards
}

// Open opens sources.db and creates it if needed.
func Open(ctx context.Context, path string) (*Store, error) {
	db, err := sqlitedb.Open(ctx, path, scripts)
	if err != nil {
		return nil, fmt.Errorf("watch: open store: %w", err)
	}
	return newStore(db), nil
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

	for _, f := range list {
		info, err := os.Stat(f.Path)
		if err != nil {
			p.Failed = append(p.Failed, files.Report{Path: f.Path, Reason: err.Error(), Failed: true})
			continue
		}
		n := found{path: f.Path, size: info.Size(), modified: info.ModTime().UnixNano()}
		known, err := s.known(ctx, n)
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
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(max(src.Workers, 1))
	for _, f := range todo {
		if gctx.Err() != nil {
			break
		}
		g.Go(func() error {
			rep, events, err := s.takeGuarded(gctx, src, f, arrived, now)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			p.Events += events
			if rep != nil {
				p.count(src.Paths, rep)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return ctx.Err()
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

// takeGuarded is take, but returns a panic as a failed report.
func (s *Store) takeGuarded(
	ctx context.Context, src *Source, f found, arrived *arrivals, now time.Time,
) (rep *files.Report, events int, err error) {
	err = guard.Do("file", func() (err error) {
		rep, events, err = s.take(ctx, src, f, arrived, now)
		return err
	})
	if panicked := (*guard.Panic)(nil); errors.As(err, &panicked) {
		return &files.Report{Path: f.path, Reason: err.Error(), Failed: true}, 0, nil
	}
	return rep, events, err
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
func (s *Store) known(ctx context.Context, f found) (bool, error) {
	var n int
	err := s.db.QueryRowContext(ctx,
		"SELECT count(*) FROM path JOIN file USING (hash) WHERE path = ? AND size = ? AND modified = ? AND done",
		f.path, f.size, f.modified).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("watch: look up file: %w", err)
	}
	return n > 0, nil
}

// take appends the events of a file to the event log. It returns the report and how many
// events were appended. The report is nil if the content has been read already.
func (s *Store) take(ctx context.Context, src *Source, f found, arrived *arrivals, now time.Time) (*files.Report, int, error) {
	hash, err := digest(ctx, f.path, f.size)
	if ctx.Err() != nil {
		return nil, 0, ctx.Err()
	}
	if err != nil {
		return &files.Report{Path: f.path, Reason: unwrapped(err), Failed: true}, 0, nil
	}
	release, err := s.claim(ctx, hash)
	if err != nil {
		return nil, 0, err
	}
	defer release()
	skip, done, err := s.progress(ctx, f, hash)
	if err != nil {
		return nil, 0, err
	}
	if done {
		return nil, 0, s.remember(ctx, f, hash)
	}

	in := &intake{store: s, src: src, hash: hash, skip: skip}
	again, err := s.alreadyTaken(ctx, hash)
	if err != nil {
		return nil, 0, err
	}
	if !again {
		in.vendors.arrived = arrived
	}
	rep, err := in.read(ctx, f, now)
	if err != nil {
		return nil, in.appended, err
	}

	if rep.Failed || f.growing { // it will be resumed from here
		arrived.add(&in.vendors)
		return rep, in.appended, s.partly(ctx, src.Name, f, hash, max(in.seen, skip), &in.vendors)
	}
	if err := appendAhead(ctx, src.Log, src.Name, rep, cmp.Or(in.vendors.newestOf(), now.UnixMilli())); err != nil {
		return nil, in.appended, err
	}
	src.between("read")
	arrived.add(&in.vendors)
	return rep, in.appended, s.finish(ctx, src.Name, f, hash, in.seen, rep, &in.vendors, now)
}

// intake appends the events of one file to the event log and stores its progress.
type intake struct {
	store    *Store
	src      *Source
	hash     []byte // of the content
	skip     int    // events at the beginning of the file that are in the event log already
	seen     int    // events decoded so far, including refused ones
	appended int    // events appended so far
	batch    batch
	vendors  vendorCounts
}

// read reads the file and appends its events.
func (in *intake) read(ctx context.Context, f found, now time.Time) (*files.Report, error) {
	emit, refuse := func(e *event.Event) error { return in.emit(ctx, e) }, in.refuse
	if f.growing {
		held := &heldEvent{intake: in, next: emit}
		emit, refuse = held.emit, held.refuse
	}
	reader := files.Reader{
		Formats: in.src.Formats,
		Tables:  in.src.Tables,
		Workers: 1,
		Inspect: in.src.Inspect,
		Latest:  now.Add(ingest.MaxClockSkew),
		Refused: func(int) func() { return refuse },
		Emit:    func(int) func(*event.Event) error { return emit },
	}
	reports, err := reader.Read(ctx, []files.File{{Path: f.path, Size: f.size}})
	if err == nil {
		err = in.flush(ctx, false)
	}
	if err != nil {
		return nil, err
	}
	return &reports[0], nil
}

// emit appends an event, unless it is one of those to skip.
func (in *intake) emit(ctx context.Context, e *event.Event) error {
	if in.seen++; in.seen <= in.skip {
		return nil
	}
	in.vendors.count(e)
	if in.batch.add(e, e.Append(nil)) {
		return in.flush(ctx, true)
	}
	return nil
}

// refuse counts a refused event.
func (in *intake) refuse() { in.seen++ }

// flush appends the batch. If there is more to come, it stores the progress; after the last
// batch, finish or partly does so.
func (in *intake) flush(ctx context.Context, more bool) error {
	n := len(in.batch.records)
	if n == 0 {
		return nil
	}
	if err := in.src.Log.Append(ctx, in.batch.records...); err != nil {
		return err
	}
	in.src.between("appended")
	in.appended += n
	if in.batch = (batch{}); !more {
		return nil
	}
	if err := storeProgress(ctx, in.store.db, in.hash, in.seen); err != nil {
		return fmt.Errorf("watch: record progress of file: %w", err)
	}
	return nil
}

// heldEvent holds back the latest event of a file that is still being written to. The event
// may come from half a line, so it is passed on only when another one follows.
type heldEvent struct {
	intake  *intake
	next    func(*event.Event) error
	value   []byte // stored form of the event that is held; nil before the first
	refused int    // events refused since then; they are counted after it
	dec     event.Decoder
	decoded event.Event
}

// emit holds an event and passes on the one before.
func (h *heldEvent) emit(e *event.Event) error {
	before := h.value
	if h.value = e.Append(nil); before == nil {
		return nil
	}
	if err := h.dec.Decode(before, &h.decoded); err != nil {
		return err
	}
	err := h.next(&h.decoded)
	h.intake.seen += h.refused
	h.refused = 0
	return err
}

// refuse counts a refused event.
func (h *heldEvent) refuse() {
	if h.value != nil {
		h.refused++
	} else {
		h.intake.refuse()
	}
}

// batch collects events that are appended to the event log together.
type batch struct {
	records []eventlog.Record
	size    int // bytes of the records
}

// add adds an event with its stored form and reports whether the batch is full.
func (b *batch) add(e *event.Event, value []byte) (full bool) {
	b.records = append(b.records, eventlog.Record{Key: strings.Clone(e.Actor.Account), Value: value})
	b.size += len(value)
	return len(b.records) >= batchEvents || b.size >= batchBytes
}

// appendAhead appends, for each vendor, a notice about the records that are dated too far
// ahead. The notice itself is dated at, in Unix milliseconds, where other events are.
func appendAhead(ctx context.Context, log eventlog.Log, name string, rep *files.Report, at int64) error {
	for _, source := range slices.Sorted(maps.Keys(rep.Ahead)) {
		n := rep.Ahead[source]
		notice := ingest.AheadNotice(source, name, n.Records, n.Latest, at)
		if err := log.Append(ctx, eventlog.Record{Value: notice.Append(nil)}); err != nil {
			return err
		}
	}
	return nil
}

// progress returns how many events of a content are in the event log, and whether that is
// all of them. The content may be that of a known file that has grown.
func (s *Store) progress(ctx context.Context, f found, hash []byte) (events int, done bool, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT events, done FROM file WHERE hash = ?", hash).Scan(&events, &done)
	if err == nil || !errors.Is(err, sql.ErrNoRows) {
		return events, done, err
	}
	var before []byte
	var size int64
	err = s.db.QueryRowContext(ctx,
		"SELECT hash, size, events FROM path JOIN file USING (hash) WHERE path = ? AND size < ?",
		f.path, f.size).Scan(&before, &size, &events)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("watch: read progress of file: %w", err)
	}
	if h, err := digest(ctx, f.path, size); err != nil || string(h) != string(before) {
		return 0, false, nil // another file under the same name
	}
	return events, false, nil
}

// alreadyTaken reports whether the content of a known file is being read again.
func (s *Store) alreadyTaken(ctx context.Context, hash []byte) (is bool, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM path WHERE hash = ?)", hash).Scan(&is)
	if err != nil {
		return false, fmt.Errorf("watch: look up content: %w", err)
	}
	return is, nil
}

// claim waits until no other worker reads a content, and reserves it until release is called.
// Copies that arrive at the same time are read one after the other, and so once.
func (s *Store) claim(ctx context.Context, hash []byte) (release func(), err error) {
	for {
		s.mu.Lock()
		other := s.taking[string(hash)]
		if other == nil {
			own := make(chan struct{})
			s.taking[string(hash)] = own
			s.mu.Unlock()
			return func() {
				s.mu.Lock()
				delete(s.taking, string(hash))
				s.mu.Unlock()
				close(own)
			}, nil
		}
		s.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// digest returns the SHA-256 of the first size bytes of a file.
func digest(ctx context.Context, path string, size int64) ([]byte, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	h := sha256.New()
	for left := size; left > 0 && ctx.Err() == nil; {
		n, err := io.CopyN(h, in, min(left, 8<<20))
		if left -= n; err != nil {
			return nil, err
		}
	}
	return h.Sum(nil), ctx.Err()
}

// executor is a database or a transaction.
type executor interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// remember stores that a path holds a content that has been read.
func (s *Store) remember(ctx context.Context, f found, hash []byte) error {
	if err := storePath(ctx, s.db, f, hash); err != nil {
		return fmt.Errorf("watch: record known file: %w", err)
	}
	return nil
}

// storePath stores which content is at a path.
func storePath(ctx context.Context, db executor, f found, hash []byte) error {
	_, err := db.ExecContext(ctx,
		"INSERT INTO path (path, size, modified, hash) VALUES (?, ?, ?, ?) "+
			"ON CONFLICT (path) DO UPDATE SET size = excluded.size, modified = excluded.modified, hash = excluded.hash",
		f.path, f.size, f.modified, hash)
	return err
}

// storeProgress stores how many events of a content are in the event log.
func storeProgress(ctx context.Context, db executor, hash []byte, events int) error {
	_, err := db.ExecContext(ctx,
		"INSERT INTO file (hash, events, done) VALUES (?, ?, 0) ON CONFLICT (hash) DO UPDATE SET events = excluded.events",
		hash, events)
	return err
}

// partly stores the progress of a file that will be resumed.
func (s *Store) partly(ctx context.Context, source string, f found, hash []byte, events int, v *vendorCounts) error {
	err := sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		if err := storeProgress(ctx, tx, hash, events); err != nil {
			return err
		}
		if err := storePath(ctx, tx, f, hash); err != nil {
			return err
		}
		return v.credit(ctx, tx, source)
	})
	if err != nil {
		return fmt.Errorf("watch: record progress of file: %w", err)
	}
	return nil
}

// finish stores that a file has been read to its end, with its dead letters.
func (s *Store) finish(ctx context.Context, source string, f found, hash []byte, events int, rep *files.Report,
	v *vendorCounts, now time.Time) error {
	err := sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx,
			"INSERT INTO file (hash, events, done, problems, reason) VALUES (?, ?, 1, ?, ?) "+
				"ON CONFLICT (hash) DO UPDATE SET "+
				"events = excluded.events, done = 1, problems = excluded.problems, reason = excluded.reason",
			hash, events, rep.ProblemCount, rep.Reason); err != nil {
			return err
		}
		if err := storePath(ctx, tx, f, hash); err != nil {
			return err
		}
		problems := rep.Problems
		if rep.Reason != "" && rep.Records == 0 {
			problems = append(problems, files.Problem{File: rep.Path, Reason: rep.Reason})
		}
		if err := insertDeadLetters(ctx, tx, source, hash, problems, now); err != nil {
			return err
		}
		return v.credit(ctx, tx, source)
	})
	if err != nil {
		return fmt.Errorf("watch: record file: %w", err)
	}
	return nil
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

// vendorCounts counts events by vendor (event.Source). Times are Unix milliseconds.
type vendorCounts struct {
	n       [32]int                      // events
	newest  [32]int64                    // time of the newest event; 0 for HR
	arrived *arrivals                    // the delivery so far; nil if lateness is not measured
	latest  [32]int64                    // as newest, without events dated in the future
	lags    [32]ingest.LatenessHistogram // of late events
}

// count counts an event.
func (v *vendorCounts) count(e *event.Event) {
	v.n[e.Source]++
	if e.Source != event.HR {
		v.newest[e.Source] = max(v.newest[e.Source], e.Time)
		if v.arrived == nil {
			return
		}
		if e.Time <= v.arrived.until {
			v.latest[e.Source] = max(v.latest[e.Source], e.Time)
		}
		if before := v.arrived.before[e.Source]; before > 0 {
			v.lags[e.Source].Add(before - e.Time)
		}
	}
}

// newestOf returns the time of the newest event of any vendor; 0 if there is none.
func (v *vendorCounts) newestOf() (at int64) {
	for _, n := range v.newest {
		at = max(at, n)
	}
	return at
}

// add adds the counts of o.
func (v *vendorCounts) add(o *vendorCounts) {
	for i := range o.n {
		v.n[i] += o.n[i]
		v.newest[i], v.latest[i] = max(v.newest[i], o.newest[i]), max(v.latest[i], o.latest[i])
		v.lags[i].Merge(&o.lags[i])
	}
}

// credit adds the counts to those stored for a source.
func (v *vendorCounts) credit(ctx context.Context, tx *sql.Tx, source string) error {
	for _, vendor := range event.Sources() {
		if v.n[vendor] == 0 {
			continue
		}
		if _, err := tx.ExecContext(ctx,
			"INSERT INTO vendor (source, vendor, events, newest) VALUES (?, ?, ?, ?) "+
				"ON CONFLICT (source, vendor) DO UPDATE SET events = events + excluded.events, newest = max(newest, excluded.newest)",
			source, vendor.String(), v.n[vendor], v.newest[vendor]); err != nil {
			return err
		}
	}
	return nil
}

// Vendor counts the events of a vendor that were received through a source.
type Vendor struct {
	Source string    `json:"source"` // name of the source
	Vendor string    `json:"vendor"` // name of the vendor (event.Source)
	Events int64     `json:"events"` // since the source was first read
	Newest time.Time `json:"newest"` // time of the newest event; zero for HR
}

// Vendors returns the counts of all vendors, ordered by source and vendor.
func (s *Store) Vendors(ctx context.Context) (list []Vendor, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT source, vendor, events, newest FROM vendor ORDER BY source, vendor")
	if err != nil {
		return nil, fmt.Errorf("watch: list vendors: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var v Vendor
		var at int64
		if err := rows.Scan(&v.Source, &v.Vendor, &v.Events, &at); err != nil {
			return nil, fmt.Errorf("watch: list vendors: %w", err)
		}
		if at > 0 {
			v.Newest = time.UnixMilli(at).UTC()
		}
		list = append(list, v)
	}
	return list, rows.Err()
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

// maxShown is how many bytes of a record are shown.
const maxShown = 4096

// Record returns a line of a plain file, from 1, cut to 4,096 bytes. Compressed files and
// archives are an error.
func Record(path string, line int) (string, error) {
	if line < 1 {
		return "", errors.New("it is a whole file")
	}
	in, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer in.Close()
	r := bufio.NewReader(in)
	if head, _ := r.Peek(4); len(head) == 4 &&
		(head[0] == 0x1f && head[1] == 0x8b || string(head) == "PK\x03\x04" || string(head) == "\x28\xb5\x2f\xfd") {
		return "", errors.New("the file is compressed")
	}
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
