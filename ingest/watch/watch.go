// Package watch brings what sources have into the log of events: folders in which
// exported logs appear, and streams of APIs. Every file comes once, by its content: a
// copy, or a new name, is nothing new; a file that has grown goes on where it ended.
// What was interrupted goes on in the middle. A stream goes on from a cursor that is
// stored once what is before it is in the log: a crash repeats, and never skips.
//
// It owns sources.db.
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

// Store is an open sources.db.
type Store struct {
	db *sql.DB

	mu     sync.Mutex
	taking map[string]chan struct{} // contents that are being read, by hash; closed when they are
}

// Open opens the file, or makes it.
func Open(ctx context.Context, path string) (*Store, error) {
	db, err := sqlitedb.Open(ctx, path, scripts)
	if err != nil {
		return nil, fmt.Errorf("watch: open store: %w", err)
	}
	return newStore(db), nil
}

// OpenReadOnly opens a file that exists, to read what it holds at this moment, also while
// another process writes it. Everything that writes fails.
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

// Source is a source of files.
type Source struct {
	Name    string
	Paths   []string // files and folders
	Workers int      // files read at the same time
	// Together is how long after a look another one may follow so that both are of one
	// delivery, in which nothing is late for what came in the other.
	Together time.Duration
	Settled  time.Duration // a file that was written to more recently is left for the next pass
	Formats  []*ingest.Format
	Tables   []*ingest.Table
	Inspect  func(worker int) func(*event.Event, *ingest.Native) // see files.Reader
	Log      eventlog.Log
	// Between is called by name between two durable effects; for tests, may be nil.
	Between func(name string)
}

func (src *Source) between(name string) {
	if src.Between != nil {
		src.Between(name)
	}
}

// Pass is what one look at the folders gave.
type Pass struct {
	Files    int            // read
	Events   int            // appended to the log
	Problems int            // records that could not be decoded
	Left     int            // files that are still being written to
	Failed   []files.Report // files that could not be read; they are tried again
	Missing  int            // folders that could not be read, of Follower
	Lost     int            // how often notifications were lost, of Follower
	Paths    map[string]Recognition
}

// Recognition is how much of the files below a path of a source was recognised.
type Recognition struct {
	Files int
	Bytes int64   // of what they hold, unpacked
	Read  float64 // of these, what was recognised
}

// recognise adds a file to what is known of the path that it lies below.
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

func (p *Pass) add(paths map[string]Recognition) {
	for path, r := range paths {
		if p.Paths == nil {
			p.Paths = map[string]Recognition{}
		}
		all := p.Paths[path]
		p.Paths[path] = Recognition{all.Files + r.Files, all.Bytes + r.Bytes, all.Read + r.Read}
	}
}

const (
	batchEvents = 4096
	batchBytes  = 1 << 20
)

// found is a file that is new, or has changed.
type found struct {
	path     string
	size     int64
	modified int64
	rising   bool // it is being written to: what is complete is read
}

// Pass looks at the folders once and appends what is new to the log. An error is
// that of the log, the context or sources.db: the next pass goes on from there.
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
	come, err := s.arrivals(ctx, src.Name, now, src.Together)
	if err != nil {
		return p, err
	}

	if err := s.takeAll(ctx, src, todo, come, now, &p); err != nil {
		return p, err
	}
	if err := s.reportLateness(ctx, src.Name, src.Log, come, 0); err != nil {
		return p, err
	}
	return p, src.appendMarker(ctx, seq, false)
}

// pending lists the files of a source that are new or have changed, and counts in p
// those that cannot be read or are still being written to.
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

// unsettled says whether a file may still be being written to. One that is dated after
// now was written before the clock was set back.
func (src *Source) unsettled(info fs.FileInfo, now time.Time) bool {
	return now.Sub(info.ModTime()) < src.Settled && !info.ModTime().After(now)
}

// takeAll reads files, several at a time, and counts in p what came of them.
func (s *Store) takeAll(ctx context.Context, src *Source, todo []found, come *arrivals, now time.Time, p *Pass) error {
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(max(src.Workers, 1))
	for _, f := range todo {
		if gctx.Err() != nil {
			break
		}
		g.Go(func() error {
			rep, events, err := s.takeGuarded(gctx, src, f, come, now)
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

// count adds a file that was read.
func (p *Pass) count(paths []string, rep *files.Report) {
	p.Files++
	p.Problems += rep.ProblemCount
	p.recognise(paths, rep)
	if rep.Failed {
		p.Failed = append(p.Failed, *rep)
	}
}

// takeGuarded is take, but a panic is a failure of the file.
func (s *Store) takeGuarded(
	ctx context.Context, src *Source, f found, come *arrivals, now time.Time,
) (rep *files.Report, events int, err error) {
	err = guard.Do("file", func() (err error) {
		rep, events, err = s.take(ctx, src, f, come, now)
		return err
	})
	if panicked := (*guard.Panic)(nil); errors.As(err, &panicked) {
		return &files.Report{Path: f.path, Reason: err.Error(), Failed: true}, 0, nil
	}
	return rep, events, err
}

// nextBatchSeq is that of the next delivery: later ones have greater numbers, also if the clock
// was set back.
func (s *Store) nextBatchSeq(ctx context.Context, now time.Time) (pass int64, err error) {
	err = s.db.QueryRowContext(ctx,
		"INSERT INTO pass (one, last) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET last = max(last + 1, excluded.last) RETURNING last",
		now.UnixNano()).Scan(&pass)
	if err != nil {
		return 0, fmt.Errorf("watch: count batches: %w", err)
	}
	return pass, nil
}

// appendMarker tells the readers of the log that much begins to come, or has come.
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

// known says whether a file is as it was when it was taken in.
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

// take brings one file into the log. The report is nil if its content is there
// already.
func (s *Store) take(ctx context.Context, src *Source, f found, come *arrivals, now time.Time) (*files.Report, int, error) {
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
		in.vendors.come = come
	}
	rep, err := in.read(ctx, f, now)
	if err != nil {
		return nil, in.appended, err
	}

	if rep.Failed || f.rising { // it is read again, from here on
		come.add(&in.vendors)
		return rep, in.appended, s.partly(ctx, src.Name, f, hash, max(in.seen, skip), &in.vendors)
	}
	if err := appendAhead(ctx, src.Log, src.Name, rep, cmp.Or(in.vendors.newestOf(), now.UnixMilli())); err != nil {
		return nil, in.appended, err
	}
	src.between("read")
	come.add(&in.vendors)
	return rep, in.appended, s.finish(ctx, src.Name, f, hash, in.seen, rep, &in.vendors, now)
}

// intake brings the events of one file into the log, and notes how far it got.
type intake struct {
	store    *Store
	src      *Source
	hash     []byte // of the content
	skip     int    // events at the beginning that are in the log already
	seen     int    // events so far, with those that were refused
	appended int    // events that this intake appended
	batch    batch
	vendors  vendorCounts
}

// read reads a file into the log.
func (in *intake) read(ctx context.Context, f found, now time.Time) (*files.Report, error) {
	emit, refuse := func(e *event.Event) error { return in.emit(ctx, e) }, in.refuse
	if f.rising {
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

// emit takes the next event.
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

// refuse counts an event that was refused.
func (in *intake) refuse() { in.seen++ }

// flush appends the batch. Unless it was the last, in which case finish or partly does
// so, it notes how many events of the file are in the log.
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

// heldEvent is the newest event of a file that is being written to. It may come from half
// a line, so each is passed on when the next one comes, and the last one never.
type heldEvent struct {
	intake  *intake
	next    func(*event.Event) error
	value   []byte // the event as stored; nil before the first
	refused int    // events that were refused since: they are counted after it
	dec     event.Decoder
	decoded event.Event
}

// emit holds an event, and passes on the one before.
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

// refuse counts an event that was refused.
func (h *heldEvent) refuse() {
	if h.value != nil {
		h.refused++
	} else {
		h.intake.refuse()
	}
}

// batch collects events that are appended to the log together.
type batch struct {
	records []eventlog.Record
	size    int // bytes of the records
}

// add adds an event and the same as stored, and says whether the batch is full.
func (b *batch) add(e *event.Event, value []byte) (full bool) {
	b.records = append(b.records, eventlog.Record{Key: strings.Clone(e.Actor.Account), Value: value})
	b.size += len(value)
	return len(b.records) >= batchEvents || b.size >= batchBytes
}

// appendAhead appends a notice about the records of each vendor that are dated too far ahead.
// It stands at a time (Unix milliseconds) at which other events do.
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

// progress is how many events of a content are in the log, by itself or as the
// beginning of a file that has grown.
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

// alreadyTaken says whether a content that was in the log before is to be read once more.
func (s *Store) alreadyTaken(ctx context.Context, hash []byte) (is bool, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM path WHERE hash = ?)", hash).Scan(&is)
	if err != nil {
		return false, fmt.Errorf("watch: look up content: %w", err)
	}
	return is, nil
}

// claim waits until nobody else reads a content, and keeps others from it until release
// is called: copies that come at the same time are read one after the other, and so once.
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

// digest is the SHA-256 of the first bytes of a file.
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

// remember notes which content is at a path.
func (s *Store) remember(ctx context.Context, f found, hash []byte) error {
	if err := storePath(ctx, s.db, f, hash); err != nil {
		return fmt.Errorf("watch: record known file: %w", err)
	}
	return nil
}

// storePath notes which content is at a path.
func storePath(ctx context.Context, db executor, f found, hash []byte) error {
	_, err := db.ExecContext(ctx,
		"INSERT INTO path (path, size, modified, hash) VALUES (?, ?, ?, ?) "+
			"ON CONFLICT (path) DO UPDATE SET size = excluded.size, modified = excluded.modified, hash = excluded.hash",
		f.path, f.size, f.modified, hash)
	return err
}

// storeProgress notes how many events of a content are in the log.
func storeProgress(ctx context.Context, db executor, hash []byte, events int) error {
	_, err := db.ExecContext(ctx,
		"INSERT INTO file (hash, events, done) VALUES (?, ?, 0) ON CONFLICT (hash) DO UPDATE SET events = excluded.events",
		hash, events)
	return err
}

// partly notes how much of a file is in the log that is to be read again.
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

// finish notes that a file is in the log, and what of it could not be.
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

// insertDeadLetters makes dead letters of what could not be decoded.
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

// vendorCounts counts events by vendor.
type vendorCounts struct {
	n      [32]int
	newest [32]int64
	come   *arrivals // what had come before; nil if what is late is not counted
	latest [32]int64 // the same as newest, without what claims to be from the future
	lags   [32]ingest.LatenessHistogram
}

func (v *vendorCounts) count(e *event.Event) {
	v.n[e.Source]++
	if e.Source != event.HR {
		v.newest[e.Source] = max(v.newest[e.Source], e.Time)
		if v.come == nil {
			return
		}
		if e.Time <= v.come.until {
			v.latest[e.Source] = max(v.latest[e.Source], e.Time)
		}
		if before := v.come.before[e.Source]; before > 0 {
			v.lags[e.Source].Add(before - e.Time)
		}
	}
}

// newestOf is the time of the newest event that was counted; 0 if there is none.
func (v *vendorCounts) newestOf() (at int64) {
	for _, n := range v.newest {
		at = max(at, n)
	}
	return at
}

// add adds what another one has counted.
func (v *vendorCounts) add(o *vendorCounts) {
	for i := range o.n {
		v.n[i] += o.n[i]
		v.newest[i], v.latest[i] = max(v.newest[i], o.newest[i]), max(v.latest[i], o.latest[i])
		v.lags[i].Merge(&o.lags[i])
	}
}

// credit adds them to what has come through a source.
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

// Vendor is what has come of a vendor through a source.
type Vendor struct {
	Source string    `json:"source"`
	Vendor string    `json:"vendor"`
	Events int64     `json:"events"`
	Newest time.Time `json:"newest"` // of the events; zero for HR
}

// Vendors lists what has come, by source and vendor.
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

// DeadLetter is a record, or a file, that could not be decoded.
type DeadLetter struct {
	ID     int64     `json:"id"`
	Source string    `json:"source"`
	File   string    `json:"file"`           // or what of an API it came in
	Line   int       `json:"line,omitempty"` // 0 for a whole file
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
	Record string    `json:"record,omitempty"` // of an API
}

// DeadLetters lists what could not be decoded, the latest last; all of them, or the one
// with an id.
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

// DeadLetterCount is how many records of a source could not be decoded.
type DeadLetterCount struct {
	Source  string `json:"source"`
	Records int64  `json:"records"`
}

// DeadLettersSince counts the dead letters since a time, by source. What was replayed since is not
// among them.
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

// CountDeadLetters is how many records could not be decoded.
func (s *Store) CountDeadLetters(ctx context.Context) (n int, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT count(*) FROM dead").Scan(&n)
	return n, err
}

// ReprocessDeadLetters has dead letters read once more, by a version that may understand them: one
// letter, or all; with a letter its whole file. What of them is in the log counts
// once. Records of APIs wait for Redo. It returns how many letters are concerned, and those
// that stay as they are because nothing with the content of their file is there any more.
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

// contents are the hashes of what the letters of files are about, of all or of one, as far as
// it is there to be read, and the letters of which it is not.
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

// Reread has files be read again at the next look, although they are in the log: those at
// some paths, and below them. It returns how many. What of them is in the log counts once.
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

// maxShown bounds how much of a record is shown.
const maxShown = 4096

// Record is the line of a plain file on which a record begins, or the beginning of
// the line. Compressed files and archives are not opened.
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

// EraseDeadLetters deletes dead letters whose record has one of some accounts in it, and returns
// how many.
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
