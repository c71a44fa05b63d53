package watch

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/files"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/sqlitedb"
)

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
	before, err := s.progress(ctx, f, hash)
	if err != nil {
		return nil, 0, err
	}
	if before.done {
		return nil, 0, s.remember(ctx, f, hash)
	}

	in := &intake{store: s, src: src, hash: hash, skip: before.events, unsure: before.ambiguous}
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
		return rep, in.appended, s.partly(ctx, src.Name, f, in, max(in.seen, in.skip))
	}
	if err := appendAhead(ctx, src.Log, src.Name, rep, cmp.Or(in.vendors.newestOf(), now.UnixMilli())); err != nil {
		return nil, in.appended, err
	}
	src.between("read")
	arrived.add(&in.vendors)
	return rep, in.appended, s.finish(ctx, src.Name, f, in, rep, now)
}

// intake appends the events of one file to the event log and stores its progress.
type intake struct {
	store    *Store
	src      *Source
	hash     []byte // of the content
	skip     int    // events at the beginning of the file that are in the event log already
	unsure   bool   // records among those were refused because their times are ambiguous
	seen     int    // events decoded so far, including refused ones and records with ambiguous times
	refused  bool   // a record was refused now because its time is ambiguous
	appended int    // events appended so far
	batch    batch
	vendors  vendorCounts
}

// read reads the file and appends its events.
func (in *intake) read(ctx context.Context, f found, now time.Time) (*files.Report, error) {
	emit, refuse := func(e *event.Event) error { return in.emit(ctx, e) }, in.refuse
	ambiguous := func() { in.refused = true; refuse() }
	if f.growing {
		held := &heldEvent{intake: in, next: emit}
		emit, refuse = held.emit, held.refuse
	}
	reader := files.Reader{
		Formats:   in.src.Formats,
		Tables:    in.src.Tables,
		Workers:   1,
		Inspect:   in.src.Inspect,
		Forms:     in.src.Forms,
		Latest:    now.Add(ingest.MaxClockSkew),
		Refused:   func(int) func() { return refuse },
		Settled:   func(int) func() { return in.settled },
		Ambiguous: func(int) func() { return ambiguous },
		Emit:      func(int) func(*event.Event) error { return emit },
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
	if in.batch.add(in.batch.encode(e)) {
		return in.flush(ctx, true)
	}
	return nil
}

// refuse counts a refused event.
func (in *intake) refuse() { in.seen++ }

// settled takes in everything from here on, if records were refused before because their times
// were ambiguous: now it is known how to read them. Events that are in the log already count once.
func (in *intake) settled() {
	if in.unsure {
		in.skip = min(in.skip, in.seen)
	}
}

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
	if in.batch.clear(); !more {
		return nil
	}
	if err := storeProgress(ctx, in.store.db, in, in.seen); err != nil {
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
	size    int    // bytes of the records
	slab    []byte // what the records share; it ends with the one that was encoded last
}

// The memory that stored events share has these sizes, and is left when it has less room than that.
const (
	slabLeast = 4 << 10
	slabMost  = 64 << 10
	slabRoom  = 1 << 10
)

// encode returns the stored form of an event. It is in memory that events share, so drop it if it is
// not added.
func (b *batch) encode(e *event.Event) []byte {
	if cap(b.slab)-len(b.slab) < slabRoom {
		b.slab = make([]byte, 0, min(max(2*cap(b.slab), slabLeast), slabMost))
	}
	from := len(b.slab)
	b.slab = e.Append(b.slab)
	return b.slab[from:len(b.slab):len(b.slab)]
}

// drop forgets the event that was encoded last.
func (b *batch) drop(value []byte) { b.slab = b.slab[:len(b.slab)-len(value)] }

// add adds an event in stored form and reports whether the batch is full.
func (b *batch) add(value []byte) (full bool) {
	account, _ := event.RecordActor(value)
	b.records = append(b.records, eventlog.Record{Key: account, Value: value})
	b.size += len(value)
	return len(b.records) >= batchEvents || b.size >= batchBytes
}

// clear empties the batch after its records were appended, which nothing changes any more.
func (b *batch) clear() { b.records, b.size = nil, 0 }

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

// progress is how far a content has been read.
type progress struct {
	events    int  // of the content that are in the event log, with refused ones
	done      bool // that is all of them
	ambiguous bool // records were refused because their times are ambiguous
}

// progress returns how far a content has been read. The content may be that of a known file that
// has grown.
func (s *Store) progress(ctx context.Context, f found, hash []byte) (p progress, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT events, done, ambiguous FROM file WHERE hash = ?", hash).
		Scan(&p.events, &p.done, &p.ambiguous)
	if err == nil || !errors.Is(err, sql.ErrNoRows) {
		return p, err
	}
	var before []byte
	var size int64
	err = s.db.QueryRowContext(ctx,
		"SELECT hash, size, events, ambiguous FROM path JOIN file USING (hash) WHERE path = ? AND size < ?",
		f.path, f.size).Scan(&before, &size, &p.events, &p.ambiguous)
	if errors.Is(err, sql.ErrNoRows) {
		return progress{}, nil
	}
	if err != nil {
		return progress{}, fmt.Errorf("watch: read progress of file: %w", err)
	}
	if h, err := digest(ctx, f.path, size); err != nil || string(h) != string(before) {
		return progress{}, nil // another file under the same name
	}
	return p, nil
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
func storeProgress(ctx context.Context, db executor, in *intake, events int) error {
	_, err := db.ExecContext(ctx,
		"INSERT INTO file (hash, events, ambiguous, done) VALUES (?, ?, ?, 0) "+
			"ON CONFLICT (hash) DO UPDATE SET events = excluded.events, ambiguous = excluded.ambiguous",
		in.hash, events, in.refused)
	return err
}

// partly stores the progress of a file that will be resumed.
func (s *Store) partly(ctx context.Context, source string, f found, in *intake, events int) error {
	err := sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		if err := storeProgress(ctx, tx, in, events); err != nil {
			return err
		}
		if err := storePath(ctx, tx, f, in.hash); err != nil {
			return err
		}
		return in.vendors.credit(ctx, tx, source)
	})
	if err != nil {
		return fmt.Errorf("watch: record progress of file: %w", err)
	}
	return nil
}

// finish stores that a file has been read to its end, with its dead letters.
func (s *Store) finish(ctx context.Context, source string, f found, in *intake, rep *files.Report, now time.Time) error {
	err := sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx,
			"INSERT INTO file (hash, events, ambiguous, done, problems, reason) VALUES (?, ?, ?, 1, ?, ?) "+
				"ON CONFLICT (hash) DO UPDATE SET events = excluded.events, ambiguous = excluded.ambiguous, "+
				"done = 1, problems = excluded.problems, reason = excluded.reason",
			in.hash, in.seen, in.refused, rep.ProblemCount, rep.Reason); err != nil {
			return err
		}
		if err := storePath(ctx, tx, f, in.hash); err != nil {
			return err
		}
		problems := rep.Problems
		if rep.Reason != "" && rep.Records == 0 {
			problems = append(problems, files.Problem{File: rep.Path, Reason: rep.Reason})
		}
		if err := insertDeadLetters(ctx, tx, source, in.hash, problems, now); err != nil {
			return err
		}
		return in.vendors.credit(ctx, tx, source)
	})
	if err != nil {
		return fmt.Errorf("watch: record file: %w", err)
	}
	return nil
}
