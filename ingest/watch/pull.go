package watch

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
	"golang.org/x/sync/errgroup"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/files"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/guard"
	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/sqlitedb"
)

// Pull reads one stream of an API. The exported fields are set once; Step is called by one
// goroutine at a time.
type Pull struct {
	Name    string                                              // name of the source
	Source  event.Source                                        // vendor in gaps; not appended: of HR, and of NoSource unless Mixed
	Mixed   bool                                                // the records are those of any vendors
	Stream  ingest.Stream                                       // what is read
	Formats []*ingest.Format                                    // as in files.Reader
	Tables  []*ingest.Table                                     // as in files.Reader
	Inspect func(worker int) func(*event.Event, *ingest.Native) // as in files.Reader
	Forms   ingest.Forms                                        // as in files.Reader
	Log     eventlog.Log                                        // where the events are appended
	// Between, if not nil, is called with a name between two durable effects. It is for tests.
	Between func(name string)

	folder   bool      // the stream is a folder, and its name is the folder's path
	pass     int64     // sequence number of the open batch; 0 if there is none
	since    time.Time // first failure, if the vendor has never answered
	reported time.Time // start of the failure that was reported last
	arrived  *arrivals // the current delivery
	caughtUp bool      // read to the end since the program started, so repeats are recognised

	mu     sync.Mutex
	seen   recent        // events, so that those in the overlap of two requests are not appended again
	broken map[int64]int // failed attempts by id of the piece
}

// Step is the result of asking a stream once.
type Step struct {
	Events   int          // events appended to the event log
	Repeats  int          // events that were read recently, and not appended again
	Problems int          // records that could not be decoded
	Gaps     []ingest.Gap // what could not be read and will not be
	More     bool         // there is more to read at once
}

// add adds the result of a body.
func (s *Step) add(t *taken) {
	s.Events += t.events
	s.Repeats += t.repeats
	s.Problems += t.problemCount
	s.Gaps = append(s.Gaps, t.gaps...)
}

// Step fetches one page of a stream from its cursor on, appends the events to the event log,
// and stores the new cursor. The error is that of the vendor, the event log, the context or
// sources.db. The next call asks for the same page again.
func (s *Store) Step(ctx context.Context, p *Pull, now time.Time) (step Step, err error) {
	defer func() {
		if err != nil && ctx.Err() == nil {
			err = errors.Join(err, s.failed(ctx, p, err, now), s.recordError(ctx, p, err, now), s.appendMarkers(ctx, p, false, now))
		}
	}()

	cur, err := s.Cursor(ctx, p.Name, p.Stream.Name)
	if err != nil {
		return step, err
	}
	page, err := p.Stream.Source.Fetch(ctx, cur)
	if err != nil {
		return step, err
	}

	if (page.More || len(page.Bodies) > 1) && p.pass == 0 {
		if err := s.appendMarkers(ctx, p, true, now); err != nil {
			return step, err
		}
	}

	if p.arrived == nil {
		if p.arrived, err = s.arrivals(ctx, p.Name, now, 0); err != nil {
			return step, err
		}
	}

	step.More, step.Gaps = page.More, page.Gaps
	all, err := s.bodies(ctx, p, page.Bodies, &step, now)
	if err != nil {
		return step, err
	}
	p.between("read")
	for _, g := range step.Gaps {
		if err := p.appendGap(ctx, event.Gone, g, now); err != nil {
			return step, err
		}
	}

	if err := s.advance(ctx, p, cur, &page, &step, all, now); err != nil {
		return step, err
	}
	p.between("advanced")
	if page.Done != nil {
		if err := page.Done(ctx); err != nil {
			return step, fmt.Errorf("acknowledge what is in the event log: %w", err)
		}
	}

	if page.More {
		return step, nil
	}
	if p.caughtUp = true; now.Sub(p.arrived.since) >= spanOf {
		if err := s.reportLateness(ctx, p.Name, p.Log, p.arrived, learnFirst); err != nil {
			return step, err
		}
		p.arrived = nil
	}

	return step, s.appendMarkers(ctx, p, false, now)
}

// between calls Between.
func (p *Pull) between(name string) {
	if p.Between != nil {
		p.Between(name)
	}
}

// appendMarkers appends to every partition a marker that a batch of the stream begins or
// ends. It does nothing at the end if no batch is open.
func (s *Store) appendMarkers(ctx context.Context, p *Pull, begins bool, now time.Time) (err error) {
	if begins {
		if p.pass, err = s.nextBatchSeq(ctx, now); err != nil {
			return err
		}
	}
	if p.pass == 0 {
		return nil
	}
	src := Source{Name: p.Name + "/" + p.Stream.Name, Log: p.Log}
	if err := src.appendMarker(ctx, p.pass, begins); err != nil {
		return err
	}
	if !begins {
		p.pass = 0
	}
	return nil
}

// taken is the result of reading bodies.
type taken struct {
	events, repeats int // appended and not appended again
	counts          vendorCounts
	problems        []files.Problem
	problemCount    int
	gaps            []ingest.Gap
	shapes          map[shape]int // records by what they were taken for
}

// add adds the result of other bodies.
func (t *taken) add(o *taken) {
	t.events += o.events
	t.repeats += o.repeats
	t.problemCount += o.problemCount
	t.problems = append(t.problems, o.problems...)
	t.gaps = append(t.gaps, o.gaps...)
	t.counts.add(&o.counts)
	for s, n := range o.shapes {
		if t.shapes == nil {
			t.shapes = map[shape]int{}
		}
		t.shapes[s] += n
	}
}

// bodies appends the events of a page's bodies to the event log, several bodies at a time. It
// returns the results that are not stored yet; those of pieces with an id are stored one by
// one.
func (s *Store) bodies(ctx context.Context, p *Pull, list []ingest.Body, step *Step, now time.Time) (*taken, error) {
	all := &taken{}
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(max(p.Stream.Parallel, 1))
	for i := range list {
		if gctx.Err() != nil {
			break
		}
		g.Go(func() error {
			t, err := s.takeBody(gctx, p, &list[i], now)
			if t == nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			step.add(t)
			if list[i].ID == "" {
				t.gaps = nil // they are in step
				all.add(t)
			}
			return err
		})
	}
	return all, g.Wait()
}

// takeBody appends the events of a body to the event log, and stores the result if the body
// is a piece with an id. It returns nil if the piece has been read already. With an error, it
// returns what was appended before.
func (s *Store) takeBody(ctx context.Context, p *Pull, body *ingest.Body, now time.Time) (*taken, error) {
	id := int64(xxhash.Sum64String(body.ID))
	if body.ID != "" {
		known, err := s.has(ctx, p.Name, id)
		if err != nil || known {
			return nil, err
		}
	}

	var t *taken
	err := guard.Do("source", func() (err error) { t, err = p.body(ctx, body); return err })
	if panicked := (*guard.Panic)(nil); errors.As(err, &panicked) { // like content that cannot be read
		t, err = &taken{}, &brokenError{name: body.Name, reason: panicked.Error()}
	}
	broken := (*brokenError)(nil)
	if errors.As(err, &broken) && body.Final {
		t.problems = append(t.problems, files.Problem{File: body.Name, Reason: broken.reason, Record: broken.beginning})
		t.problemCount++
		err = nil
	}
	if errors.As(err, &broken) && body.ID != "" && p.giveUp(id) {
		t.gaps = append(t.gaps, ingest.Gap{Reason: "given up after several tries: " + secret.Redact(err.Error())})
		err = nil
	}

	switch {
	case err != nil && body.Skip != nil && ctx.Err() == nil:
		body.Skip(err)
		return t, nil
	case err != nil || body.ID == "":
		return t, err
	}
	if err := s.note(ctx, p.Name, id, t, now); err != nil {
		return t, err
	}
	p.between("noted")
	return t, nil
}

// has reports whether a piece has been read already.
func (s *Store) has(ctx context.Context, source string, id int64) (bool, error) {
	var n int
	if err := s.db.QueryRowContext(ctx, "SELECT count(*) FROM piece WHERE source = ? AND id = ?", source, id).Scan(&n); err != nil {
		return false, fmt.Errorf("watch: look up piece: %w", err)
	}
	return n > 0, nil
}

// note stores that a piece has been read, with its dead letters.
func (s *Store) note(ctx context.Context, source string, id int64, t *taken, now time.Time) error {
	err := sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx,
			"INSERT OR IGNORE INTO piece (source, id, at) VALUES (?, ?, ?)",
			source, id, now.UnixMilli()); err != nil {
			return err
		}
		if err := insertDeadLetters(ctx, tx, source, []byte{}, t.problems, now); err != nil {
			return err
		}
		return t.credit(ctx, tx, source)
	})
	if err != nil {
		return fmt.Errorf("watch: record piece: %w", err)
	}
	return nil
}

// keepPieces is how long the ids of pieces are remembered: longer than any vendor lists them.
const keepPieces = 45 * 24 * time.Hour

// Prune deletes the ids of pieces that no vendor lists any more.
func (s *Store) Prune(ctx context.Context, now time.Time) error {
	if _, err := s.db.ExecContext(ctx, "DELETE FROM piece WHERE at < ?", now.Add(-keepPieces).UnixMilli()); err != nil {
		return fmt.Errorf("watch: prune pieces: %w", err)
	}
	return nil
}

// body opens a body and appends its events to the event log.
func (p *Pull) body(ctx context.Context, body *ingest.Body) (*taken, error) {
	t := &taken{}
	if p.arrived != nil && (body.ID != "" || p.caughtUp) { // its events are new
		t.counts.arrived = p.arrived
	}
	in, err := body.Open(ctx)
	var gap *ingest.Gap
	switch {
	case errors.As(err, &gap):
		t.gaps = append(t.gaps, *gap)
		return t, nil
	case err != nil:
		return t, err
	}

	defer in.Close()
	head := &prefixReader{r: in}
	rep, err := p.take(ctx, body.Name, head, t)
	broken := (*brokenError)(nil)
	if errors.As(err, &broken) {
		broken.beginning = strings.ToValidUTF8(string(head.kept), "\uFFFD")
	}
	if err != nil && (broken == nil || !body.Final) {
		return t, err
	}
	if p.arrived != nil {
		p.arrived.add(&t.counts)
	}

	t.took(&rep)
	t.problemCount += rep.ProblemCount
	t.problems = append(t.problems, rep.Problems...)
	switch {
	case err != nil && rep.Reason == "" && rep.ProblemCount > 0: // the cut record is among them
		return t, nil
	case err != nil:
		return t, err
	}
	if rep.Reason != "" && rep.Records == 0 {
		t.problems = append(t.problems, files.Problem{
			File:   body.Name,
			Reason: rep.Reason,
			Record: strings.ToValidUTF8(string(head.kept), "\uFFFD"),
		})
		t.problemCount = max(t.problemCount, 1)
	}

	return t, nil
}

// prefixReader keeps the first maxBeginning bytes that are read, for a dead letter.
type prefixReader struct {
	r    io.Reader
	kept []byte
}

const maxBeginning = 64 << 10

// Read implements io.Reader.
func (b *prefixReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if room := maxBeginning - len(b.kept); room > 0 {
		b.kept = append(b.kept, p[:min(n, room)]...)
	}
	return n, err
}

// take decodes a stream and appends its events to the event log. Input that ends in the
// middle is a *brokenError.
func (p *Pull) take(ctx context.Context, name string, in io.Reader, t *taken) (files.Report, error) {
	var batch batch
	var sums []uint64
	flush := func() error {
		n := len(batch.records)
		if n == 0 {
			return nil
		}
		if err := p.Log.Append(ctx, batch.records...); err != nil {
			return err
		}
		p.between("appended")
		p.remember(sums)
		t.events += n
		batch.clear()
		sums = sums[:0]
		return nil
	}
	emit := func(e *event.Event) error {
		value := batch.encode(e)
		sum := xxhash.Sum64(value)
		if p.known(sum) {
			batch.drop(value)
			t.repeats++
			return nil
		}
		t.counts.count(e)
		sums = append(sums, sum)
		if batch.add(value); batch.full() {
			return flush()
		}
		return nil
	}

	now := time.Now()
	reader := files.Reader{
		Formats: p.Formats,
		Tables:  p.Tables,
		Inspect: p.Inspect,
		Forms:   p.Forms,
		Latest:  now.Add(ingest.MaxClockSkew),
		Emit:    func(int) func(*event.Event) error { return emit },
	}
	rep, err := reader.Stream(ctx, name, in)
	if err == nil {
		err = flush()
	}
	if err == nil {
		if batch.addAhead(p.Name, &rep, now.UnixMilli()); len(batch.records) > 0 {
			err = p.Log.Append(ctx, batch.records...)
		}
	}
	if err == nil && (rep.Failed || rep.Cut) {
		err = &brokenError{name: name, reason: cmp.Or(rep.Reason, "it ends in the middle")}
	}
	return rep, err
}

// brokenError is the error for a body whose content cannot be read to its end.
type brokenError struct {
	name, reason string
	beginning    string // of the content, for a dead letter
}

// Error implements error.
func (e *brokenError) Error() string { return e.name + ": " + e.reason }

// maxBroken is how often a piece with unreadable content is fetched. A piece that is broken at
// the vendor's must not block everything after it.
const maxBroken = 5

// giveUp counts a failed attempt to read a piece, and reports whether it was the last.
func (p *Pull) giveUp(id int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.broken == nil {
		p.broken = map[int64]int{}
	}
	p.broken[id]++
	if p.broken[id] < maxBroken {
		return false
	}
	delete(p.broken, id)
	return true
}

// known reports whether an event with this hash was appended recently.
func (p *Pull) known(sum uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen.has(sum)
}

// remember keeps the hashes of appended events.
func (p *Pull) remember(sums []uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, sum := range sums {
		p.seen.add(sum)
	}
}

// Cursor returns the cursor of a stream; empty if it has not been read.
func (s *Store) Cursor(ctx context.Context, source, stream string) (ingest.Cursor, error) {
	var cur []byte
	err := s.db.QueryRowContext(ctx, "SELECT cursor FROM cursor WHERE source = ? AND stream = ?", source, stream).Scan(&cur)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("watch: read cursor: %w", err)
	}
	return cur, nil
}

// advance stores the next cursor of a stream with its gaps and dead letters.
func (s *Store) advance(ctx context.Context, p *Pull, cur ingest.Cursor, page *ingest.Page, step *Step, t *taken, now time.Time) error {
	err := sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		if err := insertDeadLetters(ctx, tx, p.Name, []byte{}, t.problems, now); err != nil {
			return err
		}
		if err := t.credit(ctx, tx, p.Name); err != nil {
			return err
		}
		for _, g := range step.Gaps {
			from, to := int64(0), int64(0)
			if !g.From.IsZero() {
				from, to = g.From.UnixMilli(), g.To.UnixMilli()
			}
			if _, err := tx.ExecContext(ctx,
				"INSERT INTO gap (source, stream, since, until, reason, at) VALUES (?, ?, ?, ?, ?, ?)",
				p.Name, p.Stream.Name, from, to, g.Reason, now.UnixMilli()); err != nil {
				return err
			}
		}

		next := page.Next
		if next == nil {
			next = ingest.Cursor{}
		}
		saved := now.UnixMilli()
		_, err := tx.ExecContext(ctx, `INSERT INTO cursor (source, stream, cursor, events, saved, asked) VALUES (?1, ?2, ?3, ?4, ?5, ?5)
			ON CONFLICT (source, stream) DO UPDATE SET cursor = iif(cursor = ?6, excluded.cursor, cursor),
				events = events + excluded.events, saved = iif(excluded.events > 0, excluded.saved, saved),
				asked = excluded.asked, failing = ''`,
			p.Name, p.Stream.Name, []byte(next), step.Events, saved, append([]byte{}, cur...)) // unless the cursor was set meanwhile
		return err
	})
	if err != nil {
		return fmt.Errorf("watch: store cursor and dead letters: %w", err)
	}

	return nil
}

// failed stores why a stream cannot be read.
func (s *Store) failed(ctx context.Context, p *Pull, why error, now time.Time) error {
	_, err := s.db.ExecContext(ctx,
		"INSERT INTO cursor (source, stream, cursor, saved, asked, failing) VALUES (?, ?, x'', 0, 0, ?) "+
			"ON CONFLICT (source, stream) DO UPDATE SET failing = excluded.failing",
		p.Name, p.Stream.Name, secret.Redact(why.Error()))
	if err != nil {
		return fmt.Errorf("watch: record failure of stream: %w", err)
	}
	return nil
}

// appendGap appends an event about a gap in a stream. Its key is the same however often the
// gap is reported.
func (p *Pull) appendGap(ctx context.Context, action string, g ingest.Gap, now time.Time) error {
	if !p.folder && (p.Source == event.NoSource && !p.Mixed || p.Source == event.HR) {
		return nil
	}
	e := event.Event{
		Source: p.Source,
		Class:  event.SourceGap,
		Action: action,
		Time:   now.UnixMilli(),
		Tenant: p.Name,
		Actor:  event.Actor{Kind: event.System},
		Object: event.Object{Type: event.Stream},
	}
	if p.folder {
		e.Object.Type = event.Folder
	}

	if p.Stream.Name != everything {
		e.Object.Name = p.Stream.Name
	}
	stamp := func(name string, at time.Time) (text string) {
		if !at.IsZero() {
			text = at.UTC().Format(time.RFC3339)
			e.Attrs = append(e.Attrs, event.Attr{Name: name, Value: text})
		}
		return text
	}

	from, until := stamp(event.AttrFrom, g.From), stamp(event.AttrUntil, g.To)
	why := g.Reason
	if action == event.Failing {
		why = "" // the same failure, even if the wording changes
	}
	e.Attrs = append(e.Attrs, event.Attr{Name: event.AttrReason, Value: g.Reason})
	e.Key = ingest.Hash("source_gap", action, p.Name, p.Stream.Name, from, until, why)
	return p.Log.Append(ctx, eventlog.Record{Value: e.Append(nil)})
}

// complainAfter is how long a stream must fail before the failure is appended to the event log.
const complainAfter = time.Hour

// recordError appends an event to the event log if a stream has been failing for long, once
// for each failure.
func (s *Store) recordError(ctx context.Context, p *Pull, why error, now time.Time) error {
	var ms int64
	err := s.db.QueryRowContext(ctx, "SELECT asked FROM cursor WHERE source = ? AND stream = ?", p.Name, p.Stream.Name).Scan(&ms)
	if err != nil {
		return fmt.Errorf("watch: report failing stream: %w", err)
	}
	answered := event.Instant(ms)
	since := answered
	if since.IsZero() {
		if p.since.IsZero() {
			p.since = now
		}
		since = p.since
	}
	if now.Sub(since) < max(complainAfter, 3*p.Stream.Every) || p.reported.Equal(since) {
		return nil
	}
	if err := p.appendGap(ctx, event.Failing, ingest.Gap{From: answered, Reason: secret.Redact(why.Error())}, now); err != nil {
		return err
	}
	p.reported = since
	return nil
}

// State is the state of a stream of a source.
type State struct {
	Source  string          `json:"source"`            // name of the source
	Stream  string          `json:"stream"`            // name of the stream, or path of a folder
	Cursor  json.RawMessage `json:"cursor,omitempty"`  // empty at the beginning
	Events  int64           `json:"events"`            // events appended since the stream was first read
	Saved   time.Time       `json:"saved"`             // last time that events were appended
	Asked   time.Time       `json:"asked"`             // last time that the vendor answered
	Failing string          `json:"failing,omitempty"` // error of the last attempt; "" if it succeeded
	Gaps    []MissingSpan   `json:"gaps,omitempty"`    // in the order in which they were found
}

// MissingSpan is a gap: a time range of a stream that was not read and cannot be read any more.
type MissingSpan struct {
	From   time.Time `json:"from"`   // zero if unknown
	To     time.Time `json:"to"`     // zero if unknown
	Reason string    `json:"reason"` // why it was not read
	At     time.Time `json:"at"`     // when the gap was found
}

// States returns the states of all streams, ordered by source and stream.
func (s *Store) States(ctx context.Context) (list []State, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT source, stream, cursor, events, saved, asked, failing FROM cursor ORDER BY source, stream")
	if err != nil {
		return nil, fmt.Errorf("watch: list states of streams: %w", err)
	}
	defer rows.Close()
	place := map[[2]string]int{}
	for rows.Next() {
		var st State
		var saved, asked int64
		if err := rows.Scan(&st.Source, &st.Stream, (*[]byte)(&st.Cursor), &st.Events, &saved, &asked, &st.Failing); err != nil {
			return nil, fmt.Errorf("watch: list states of streams: %w", err)
		}
		st.Saved, st.Asked = event.Instant(saved), event.Instant(asked)
		place[[2]string{st.Source, st.Stream}] = len(list)
		list = append(list, st)
	}

	if err := rows.Close(); err != nil {
		return nil, fmt.Errorf("watch: list states of streams: %w", err)
	}
	gaps, err := s.db.QueryContext(ctx, "SELECT source, stream, since, until, reason, at FROM gap ORDER BY id")
	if err != nil {
		return nil, fmt.Errorf("watch: list states of streams: %w", err)
	}
	defer gaps.Close()
	for gaps.Next() {
		var source, stream string
		var m MissingSpan
		var from, to, at int64
		if err := gaps.Scan(&source, &stream, &from, &to, &m.Reason, &at); err != nil {
			return nil, fmt.Errorf("watch: list states of streams: %w", err)
		}
		m.From, m.To, m.At = event.Instant(from), event.Instant(to), event.Instant(at)
		if i, known := place[[2]string{source, stream}]; known {
			list[i].Gaps = append(list[i].Gaps, m)
		}
	}

	return list, gaps.Err()
}

// SetCursor makes a stream resume from a cursor. An empty cursor stands for the beginning.
// Gaps and counts are kept.
func (s *Store) SetCursor(ctx context.Context, source, stream string, cur ingest.Cursor) error {
	if cur == nil {
		cur = ingest.Cursor{}
	}
	_, err := s.db.ExecContext(ctx,
		"INSERT INTO cursor (source, stream, cursor, saved, asked) VALUES (?, ?, ?, 0, 0) "+
			"ON CONFLICT (source, stream) DO UPDATE SET cursor = excluded.cursor",
		source, stream, []byte(cur))
	if err != nil {
		return fmt.Errorf("watch: store cursor: %w", err)
	}
	return nil
}
