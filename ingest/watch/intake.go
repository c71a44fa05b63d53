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
	"sync"
	"time"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/files"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/guard"
	"github.com/outflow/outflow/internal/sqlitedb"
)

// result is the result of reading a file.
type result struct {
	found
	rep    *files.Report // nil if its content has been read already
	events int           // appended
	err    error
}

// takeSome appends the events of some files to the event log, one file after another, until next has no more. It calls
// done with the result of each, once its progress is stored. A panic is the result of all files for which it is not stored
// yet. So is another error, after which takeSome returns.
func (s *Store) takeSome(ctx context.Context, src *Source, next func() (found, bool), arrived *arrivals, now time.Time, done func(result)) {
	for more := true; more; {
		g := s.newGroup(ctx, src, arrived, now, done)
		err := guard.Do("file", func() error {
			for {
				var f found
				if f, more = next(); !more {
					return g.save(ctx)
				}
				if err := g.take(ctx, f); err != nil {
					return err
				}
			}
		})
		g.end(err)
		if panicked := (*guard.Panic)(nil); err != nil && !errors.As(err, &panicked) {
			return
		}
	}
}

// group is files of a source that one worker reads one after another. Their events are appended to the event log
// together, and then the progress of all of them is stored in one transaction.
type group struct {
	store   *Store
	src     *Source
	arrived *arrivals
	now     time.Time
	read    func(files.File) (files.Report, error)
	endRead func()
	batch   batch
	content []byte       // of a small file, used again
	vendors vendorCounts // of the events since save
	waiting []*intake    // that were read, and whose progress is not stored yet
	current *intake      // that is being read; nil between files
	held    *heldEvent   // of current, if it is still being written to
	done    func(result)
}

// groupMost is how many files wait until their progress is stored.
const groupMost = 64

// intake is a file that is being read, or was read.
type intake struct {
	found
	hash    []byte // of the content
	release func() // lets other workers read the content
	rep     *files.Report
	skip    int   // events at the beginning of the file that are in the event log already
	unsure  bool  // records among those were refused because their times are ambiguous
	seen    int   // events decoded so far, including refused ones and records with ambiguous times
	refused bool  // a record was refused now because its time is ambiguous
	changed bool  // the file has grown since its content was looked at, so it is unknown how many of its events that has
	newest  int64 // time of the newest event that is not of HR, Unix milliseconds; 0 if there is none

	events, appended int // that were new, and those of them that are in the event log
}

// newGroup returns an empty group. The caller must call end.
func (s *Store) newGroup(ctx context.Context, src *Source, arrived *arrivals, now time.Time, done func(result)) *group {
	g := &group{store: s, src: src, arrived: arrived, now: now, done: done}
	reader := files.Reader{
		Formats:   src.Formats,
		Tables:    src.Tables,
		Inspect:   src.Inspect,
		Forms:     src.Forms,
		Latest:    now.Add(ingest.MaxClockSkew),
		Refused:   func(int) func() { return g.refuse },
		Settled:   func(int) func() { return func() { g.current.settled() } },
		Ambiguous: func(int) func() { return func() { g.current.refused = true; g.refuse() } },
		Emit: func(int) func(*event.Event) error {
			return func(e *event.Event) error {
				if g.held != nil {
					return g.held.emit(e)
				}
				return g.emit(ctx, e)
			}
		},
	}
	g.read, g.endRead = reader.Session(ctx)
	return g
}

// end ends the group. The error is the result of the files whose progress was not stored.
func (g *group) end(err error) {
	g.endRead()
	if g.current != nil {
		g.waiting = append(g.waiting, g.current)
	}
	for _, in := range g.waiting {
		in.release()
		g.done(result{found: in.found, events: in.appended, err: err})
	}
}

// take reads a file. Its events are appended, and its progress is stored, with the next call of save or before.
func (g *group) take(ctx context.Context, f found) error {
	in := &intake{found: f, release: func() {}}
	g.current, g.held = in, nil
	content, err := g.look(ctx, in)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		g.current = nil
		g.done(result{found: f, rep: &files.Report{Path: f.path, Reason: unwrapped(err), Failed: true}})
		return nil
	}
	if err := g.claim(ctx, in); err != nil {
		return err
	}
	// It takes a moment, and the driver starts a goroutine for what can be cancelled.
	before, err := g.store.progress(context.WithoutCancel(ctx), f, in.hash)
	if err != nil {
		return err
	}
	if before.done {
		if err := g.store.remember(ctx, f, in.hash); err != nil {
			return err
		}
		g.current = nil
		in.release()
		g.done(result{found: f})
		return nil
	}
	if g.vendors.arrived = g.arrived; before.again {
		g.vendors.arrived = nil
	}
	in.skip, in.unsure = before.events, before.ambiguous
	if f.growing {
		g.held = &heldEvent{intake: in, next: func(e *event.Event) error { return g.emit(ctx, e) }}
	}
	rep, err := g.read(files.File{Path: f.path, Size: f.size, Content: content})
	if err != nil {
		return err
	}
	if content == nil {
		info, err := os.Stat(f.path)
		in.changed = err != nil || info.Size() != f.size
	}
	in.rep, g.current = &rep, nil
	g.waiting = append(g.waiting, in)
	if !in.partly() {
		g.batch.addAhead(g.src.Name, &rep, cmp.Or(in.newest, g.now.UnixMilli()))
	}
	if len(g.waiting) >= groupMost || g.batch.full() {
		return g.save(ctx)
	}
	return nil
}

// contentMost is how many bytes a file has at most that is read once, for its digest and its records.
const contentMost = 1 << 20

// look computes the digest of a file. It returns the content of a small file, which is valid until the next call.
func (g *group) look(ctx context.Context, in *intake) (content []byte, err error) {
	if in.size > contentMost {
		in.hash, err = digest(ctx, in.path, in.size)
		return nil, err
	}
	file, err := os.Open(in.path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	g.content = slices.Grow(g.content[:0], int(in.size)+1) // never nil
	content = g.content[:in.size]
	if _, err := io.ReadFull(file, content); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(content)
	in.hash = sum[:]
	return content, nil
}

// claim reserves the content of a file. While another worker reads it, it waits; copies that arrive at the same time are
// read one after the other, and so once.
func (g *group) claim(ctx context.Context, in *intake) error {
	for {
		release, other := g.store.claim(in.hash)
		if other == nil {
			in.release = release
			return nil
		}
		if err := g.save(ctx); err != nil { // the other one may be of this group, or wait for one of it
			return err
		}
		select {
		case <-other:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// emit adds an event to the batch, unless it is one of those to skip.
func (g *group) emit(ctx context.Context, e *event.Event) error {
	in := g.current
	if in.seen++; in.seen <= in.skip {
		return nil
	}
	g.vendors.count(e)
	in.events++
	if e.Source != event.HR {
		in.newest = max(in.newest, e.Time)
	}
	if g.batch.add(g.batch.encode(e)); g.batch.full() {
		return g.save(ctx)
	}
	return nil
}

// refuse counts a refused event.
func (g *group) refuse() {
	if g.held != nil {
		g.held.refuse()
	} else {
		g.current.seen++
	}
}

// settled takes in everything from here on, if records were refused before because their times
// were ambiguous: now it is known how to read them. Events that are in the log already count once.
func (in *intake) settled() {
	if in.unsure {
		in.skip = min(in.skip, in.seen)
	}
}

// partly reports whether a file that was read will be read again: from where it ended, or, if that is unknown, whole.
func (in *intake) partly() bool { return in.rep.Failed || in.growing || in.changed }

// known is how many events of the content are in the event log, with refused ones, as far as that is known.
func (in *intake) known() int {
	if in.changed {
		return 0
	}
	return max(in.seen, in.skip)
}

// save appends the events of the group, and stores how far its files have been read.
func (g *group) save(ctx context.Context) error {
	if len(g.batch.records) > 0 {
		if err := g.src.Log.Append(ctx, g.batch.records...); err != nil {
			return err
		}
		g.src.between("appended")
		g.batch.clear()
	}
	part := g.current
	if part != nil && part.seen <= part.skip {
		part = nil
	}
	if len(g.waiting) == 0 && part == nil {
		return nil
	}
	if len(g.waiting) > 0 {
		g.src.between("read")
	}
	g.arrived.add(&g.vendors)
	ctx = context.WithoutCancel(ctx) // they are in the log
	err := sqlitedb.Tx(ctx, g.store.db, func(tx *sql.Tx) error {
		for _, in := range g.waiting {
			if err := g.store.record(ctx, tx, g.src.Name, in, g.now); err != nil {
				return err
			}
		}
		if part != nil {
			if err := storeProgress(ctx, tx, part); err != nil {
				return err
			}
		}
		return g.vendors.credit(ctx, tx, g.src.Name)
	})
	if err != nil {
		return fmt.Errorf("watch: record files: %w", err)
	}
	if part != nil {
		part.appended = part.events
	}
	for _, in := range g.waiting {
		in.release()
		g.done(result{found: in.found, rep: in.rep, events: in.events})
	}
	g.waiting = g.waiting[:0]
	g.vendors = vendorCounts{arrived: g.vendors.arrived}
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
		h.intake.seen++
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

// add adds an event in stored form.
func (b *batch) add(value []byte) {
	account, _ := event.RecordActor(value)
	b.records = append(b.records, eventlog.Record{Key: account, Value: value})
	b.size += len(value)
}

// addAhead adds, for each vendor, a notice about the records of a file or stream that are dated too far
// ahead. The notice itself is dated at, in Unix milliseconds, where other events are.
func (b *batch) addAhead(name string, rep *files.Report, at int64) {
	for _, source := range slices.Sorted(maps.Keys(rep.Ahead)) {
		n := rep.Ahead[source]
		notice := ingest.AheadNotice(source, name, n.Records, n.Latest, at)
		b.records = append(b.records, eventlog.Record{Value: notice.Append(nil)})
	}
}

// full reports whether the batch is to be appended.
func (b *batch) full() bool { return len(b.records) >= batchEvents || b.size >= batchBytes }

// clear empties the batch after its records were appended. What they refer to nothing changes any more.
func (b *batch) clear() {
	clear(b.records)
	b.records, b.size = b.records[:0], 0
}

// progress is how far a content has been read.
type progress struct {
	events    int  // of the content that are in the event log, with refused ones
	done      bool // that is all of them
	ambiguous bool // records were refused because their times are ambiguous
	again     bool // the content of a known file is being read again
}

// progress returns how far a content has been read. The content may be that of a known file that
// has grown.
func (s *Store) progress(ctx context.Context, f found, hash []byte) (p progress, err error) {
	var events *int
	var done, ambiguous *bool
	var grown bool
	err = s.each.progress.QueryRowContext(ctx, hash, f.path, f.size).Scan(&events, &done, &ambiguous, &p.again, &grown)
	if err != nil {
		return progress{}, fmt.Errorf("watch: look up content: %w", err)
	}
	if events != nil {
		p.events, p.done, p.ambiguous = *events, *done, *ambiguous
		return p, nil
	}
	if !grown {
		return p, nil
	}
	var before []byte
	var size int64
	from := progress{again: p.again}
	err = s.db.QueryRowContext(ctx,
		"SELECT hash, size, events, ambiguous FROM path JOIN file USING (hash) WHERE path = ? AND size < ?",
		f.path, f.size).Scan(&before, &size, &from.events, &from.ambiguous)
	if errors.Is(err, sql.ErrNoRows) {
		return p, nil
	}
	if err != nil {
		return p, fmt.Errorf("watch: read progress of file: %w", err)
	}
	if h, err := digest(ctx, f.path, size); err != nil || string(h) != string(before) {
		return p, nil // another file under the same name
	}
	return from, nil
}

// claim reserves a content until release is called. If another worker has it, it returns what is closed once that one
// releases it.
func (s *Store) claim(hash []byte) (release func(), other <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if other := s.taking[string(hash)]; other != nil {
		return nil, other
	}
	own := make(chan struct{})
	s.taking[string(hash)] = own
	return func() {
		s.mu.Lock()
		delete(s.taking, string(hash))
		s.mu.Unlock()
		close(own)
	}, nil
}

// digestBuffers are used again.
var digestBuffers = sync.Pool{New: func() any { return new([128 << 10]byte) }}

// digest returns the SHA-256 of the first size bytes of a file.
func digest(ctx context.Context, path string, size int64) ([]byte, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	buf := digestBuffers.Get().(*[128 << 10]byte)
	defer digestBuffers.Put(buf)
	h := sha256.New()
	for left := size; left > 0 && ctx.Err() == nil; {
		n, err := in.Read(buf[:min(left, int64(len(buf)))])
		h.Write(buf[:n])
		if left -= int64(n); err != nil && left > 0 {
			return nil, err
		}
	}
	return h.Sum(nil), ctx.Err()
}

// remember stores that a path holds a content that has been read.
func (s *Store) remember(ctx context.Context, f found, hash []byte) error {
	if _, err := s.each.storePath.ExecContext(ctx, f.path, f.size, f.modified, hash); err != nil {
		return fmt.Errorf("watch: record known file: %w", err)
	}
	return nil
}

// storeProgress stores how many events of a content are in the event log.
func storeProgress(ctx context.Context, tx *sql.Tx, in *intake) error {
	_, err := tx.ExecContext(ctx,
		"INSERT INTO file (hash, events, ambiguous, done) VALUES (?, ?, ?, 0) "+
			"ON CONFLICT (hash) DO UPDATE SET events = excluded.events, ambiguous = excluded.ambiguous",
		in.hash, in.known(), in.refused)
	return err
}

// record stores how far a file has been read: to its end, with its dead letters, or so far that it will be resumed.
func (s *Store) record(ctx context.Context, tx *sql.Tx, source string, in *intake, now time.Time) error {
	if in.partly() {
		if err := storeProgress(ctx, tx, in); err != nil {
			return err
		}
		return s.recordPath(ctx, tx, in)
	}
	rep := in.rep
	_, err := tx.StmtContext(ctx, s.each.storeFile).ExecContext(ctx, in.hash, in.seen, in.refused, rep.ProblemCount, rep.Reason)
	if err != nil {
		return err
	}
	if err := s.recordPath(ctx, tx, in); err != nil {
		return err
	}
	problems := rep.Problems
	if rep.Reason != "" && rep.Records == 0 {
		problems = append(problems, files.Problem{File: rep.Path, Reason: rep.Reason})
	}
	return insertDeadLetters(ctx, tx, source, in.hash, problems, now)
}

// recordPath stores which content is at the path of a file.
func (s *Store) recordPath(ctx context.Context, tx *sql.Tx, in *intake) error {
	_, err := tx.StmtContext(ctx, s.each.storePath).ExecContext(ctx, in.path, in.size, in.modified, in.hash)
	return err
}
