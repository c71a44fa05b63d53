package watch

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/files"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/sqlitedb"
)

// Pull is one stream of an API, and what brings it into the log.
type Pull struct {
	Name    string // of the source
	Stream  ingest.Stream
	Formats []*ingest.Format
	Tables  []*ingest.Table
	Inspect func(worker int) func(*event.Event, *ingest.Native)
	Log     eventlog.Log
	// Between is called by name between two durable effects; for tests, may be nil.
	Between func(name string)

	pass         int64 // of the delivery that goes on; 0 if none does
	seen, before map[uint64]struct{}
}

// Step is what asking a stream once gave.
type Step struct {
	Events   int // appended to the log
	Repeats  int // that had come a short while ago
	Problems int // records that could not be decoded
	Gaps     []ingest.Gap
	More     bool
}

// maxSeen bounds how many events are remembered so that the overlap of looks does not
// come into the log again. What is forgotten comes twice, and counts once.
const maxSeen = 1 << 19

// Step asks a stream once from where it was read to, brings what came into the log,
// and stores how far it got. An error is that of the vendor, the log, the context or
// sources.db: the next call asks for the same again.
func (s *Store) Step(ctx context.Context, p *Pull, now time.Time) (step Step, err error) {
	defer func() {
		if err != nil && ctx.Err() == nil {
			err = errors.Join(err, s.failed(ctx, p, err, now), p.deliver(ctx, false, now))
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
	if page.More && p.pass == 0 {
		if err := p.deliver(ctx, true, now); err != nil {
			return step, err
		}
	}
	step.More, step.Gaps = page.More, page.Gaps
	var counts vendors
	var problems []files.Problem
	for _, body := range page.Bodies {
		in, err := body.Open(ctx)
		var gap *ingest.Gap
		switch {
		case errors.As(err, &gap):
			step.Gaps = append(step.Gaps, *gap)
			continue
		case err != nil:
			return step, err
		}
		rep, err := p.take(ctx, &body, in, &step, &counts)
		in.Close()
		if err != nil {
			return step, err
		}
		step.Problems += rep.ProblemCount
		problems = append(problems, rep.Problems...)
		if rep.Reason != "" && rep.Records == 0 {
			problems = append(problems, files.Problem{File: body.Name, Reason: rep.Reason})
			step.Problems = max(step.Problems, 1)
		}
	}
	p.between("read")
	if err := s.advance(ctx, p, &page, &step, &counts, problems, now); err != nil {
		return step, err
	}
	p.between("advanced")
	if page.Done != nil {
		if err := page.Done(ctx); err != nil {
			return step, fmt.Errorf("it is in the log, but telling so failed: %w", err)
		}
	}
	if !page.More {
		return step, p.deliver(ctx, false, now)
	}
	return step, nil
}

func (p *Pull) between(name string) {
	if p.Between != nil {
		p.Between(name)
	}
}

// deliver tells the readers of the log that much begins to come, or has come.
func (p *Pull) deliver(ctx context.Context, begins bool, now time.Time) error {
	if begins {
		p.pass = now.UnixNano()
	}
	if p.pass == 0 {
		return nil
	}
	src := Source{Name: p.Name + "/" + p.Stream.Name, Log: p.Log}
	if err := src.mark(ctx, p.pass, begins); err != nil {
		return err
	}
	if !begins {
		p.pass = 0
	}
	return nil
}

// take brings one body into the log. A body that breaks off is an error.
func (p *Pull) take(ctx context.Context, body *ingest.Body, in interface{ Read([]byte) (int, error) }, step *Step, counts *vendors) (files.Report, error) {
	var batch []eventlog.Record
	var sums []uint64
	size := 0
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		if err := p.Log.Append(ctx, batch...); err != nil {
			return err
		}
		p.between("appended")
		p.remember(sums)
		step.Events += len(batch)
		batch, sums, size = nil, sums[:0], 0
		return nil
	}
	reader := files.Reader{Formats: p.Formats, Tables: p.Tables, Inspect: p.Inspect, Emit: func(int) func(*event.Event) error {
		return func(e *event.Event) error {
			value := e.Append(nil)
			sum := xxhash.Sum64(value)
			if p.known(sum) {
				step.Repeats++
				return nil
			}
			counts.count(e)
			batch = append(batch, eventlog.Record{Key: strings.Clone(e.Actor.Account), Value: value})
			sums = append(sums, sum)
			if size += len(value); len(batch) >= batchEvents || size >= batchBytes {
				return flush()
			}
			return nil
		}
	}}
	rep, err := reader.Stream(ctx, body.Name, in)
	if err == nil {
		err = flush()
	}
	if err == nil && rep.Failed {
		err = fmt.Errorf("%s: %s", body.Name, rep.Reason)
	}
	return rep, err
}

func (p *Pull) known(sum uint64) bool {
	_, now := p.seen[sum]
	_, before := p.before[sum]
	return now || before
}

// remember keeps what is in the log now.
func (p *Pull) remember(sums []uint64) {
	if p.seen == nil || len(p.seen) >= maxSeen {
		p.before, p.seen = p.seen, map[uint64]struct{}{}
	}
	for _, sum := range sums {
		p.seen[sum] = struct{}{}
	}
}

// Cursor is up to where a stream has been read; empty if it has not.
func (s *Store) Cursor(ctx context.Context, source, stream string) (ingest.Cursor, error) {
	var cur []byte
	err := s.db.QueryRowContext(ctx, "SELECT cursor FROM cursor WHERE source = ? AND stream = ?", source, stream).Scan(&cur)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("watch: %w", err)
	}
	return cur, nil
}

// advance stores how far a stream was read, and what of it could not be.
func (s *Store) advance(ctx context.Context, p *Pull, page *ingest.Page, step *Step, v *vendors, problems []files.Problem, now time.Time) error {
	err := sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		if err := bury(ctx, tx, p.Name, []byte{}, problems, now); err != nil {
			return err
		}
		if err := v.credit(ctx, tx, p.Name); err != nil {
			return err
		}
		for _, g := range step.Gaps {
			from, to := int64(0), int64(0)
			if !g.From.IsZero() {
				from, to = g.From.UnixMilli(), g.To.UnixMilli()
			}
			if _, err := tx.ExecContext(ctx, "INSERT INTO gap (source, stream, since, until, reason, at) VALUES (?, ?, ?, ?, ?, ?)", p.Name, p.Stream.Name, from, to, g.Reason, now.UnixMilli()); err != nil {
				return err
			}
		}
		next := page.Next
		if next == nil {
			next = ingest.Cursor{}
		}
		saved := now.UnixMilli()
		_, err := tx.ExecContext(ctx, `INSERT INTO cursor (source, stream, cursor, events, saved, asked) VALUES (?1, ?2, ?3, ?4, ?5, ?5)
			ON CONFLICT (source, stream) DO UPDATE SET cursor = excluded.cursor, events = events + excluded.events, saved = iif(excluded.events > 0, excluded.saved, saved), asked = excluded.asked, failing = ''`,
			p.Name, p.Stream.Name, []byte(next), step.Events, saved)
		return err
	})
	if err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	return nil
}

// failed notes why a stream does not go on.
func (s *Store) failed(ctx context.Context, p *Pull, why error, now time.Time) error {
	_, err := s.db.ExecContext(ctx, "INSERT INTO cursor (source, stream, cursor, saved, asked, failing) VALUES (?, ?, x'', 0, 0, ?) ON CONFLICT (source, stream) DO UPDATE SET failing = excluded.failing", p.Name, p.Stream.Name, why.Error())
	if err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	return nil
}

// State is how far a stream of a source has been read.
type State struct {
	Source  string        `json:"source"`
	Stream  string        `json:"stream"`
	Cursor  ingest.Cursor `json:"-"`
	Events  int64         `json:"events"`            // appended to the log since the stream began
	Saved   time.Time     `json:"saved"`             // when something came last
	Asked   time.Time     `json:"asked"`             // when the vendor answered last
	Failing string        `json:"failing,omitempty"` // why it does not now
	Gaps    []Missing     `json:"gaps,omitempty"`
}

// Missing is a stretch of time that could not be read, and will not be.
type Missing struct {
	From   time.Time `json:"from"` // zero if unknown
	To     time.Time `json:"to"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"` // when that was found
}

// States lists the streams, by source and stream.
func (s *Store) States(ctx context.Context) (list []State, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT source, stream, cursor, events, saved, asked, failing FROM cursor ORDER BY source, stream")
	if err != nil {
		return nil, fmt.Errorf("watch: %w", err)
	}
	defer rows.Close()
	place := map[[2]string]int{}
	for rows.Next() {
		var st State
		var saved, asked int64
		if err := rows.Scan(&st.Source, &st.Stream, (*[]byte)(&st.Cursor), &st.Events, &saved, &asked, &st.Failing); err != nil {
			return nil, fmt.Errorf("watch: %w", err)
		}
		st.Saved, st.Asked = instant(saved), instant(asked)
		place[[2]string{st.Source, st.Stream}] = len(list)
		list = append(list, st)
	}
	if err := rows.Close(); err != nil {
		return nil, fmt.Errorf("watch: %w", err)
	}
	gaps, err := s.db.QueryContext(ctx, "SELECT source, stream, since, until, reason, at FROM gap ORDER BY id")
	if err != nil {
		return nil, fmt.Errorf("watch: %w", err)
	}
	defer gaps.Close()
	for gaps.Next() {
		var source, stream string
		var m Missing
		var from, to, at int64
		if err := gaps.Scan(&source, &stream, &from, &to, &m.Reason, &at); err != nil {
			return nil, fmt.Errorf("watch: %w", err)
		}
		m.From, m.To, m.At = instant(from), instant(to), instant(at)
		if i, known := place[[2]string{source, stream}]; known {
			list[i].Gaps = append(list[i].Gaps, m)
		}
	}
	return list, gaps.Err()
}

func instant(ms int64) (t time.Time) {
	if ms > 0 {
		t = time.UnixMilli(ms).UTC()
	}
	return t
}

// SetCursor has a stream go on from a cursor; an empty one stands for the beginning.
// Gaps and counts stay.
func (s *Store) SetCursor(ctx context.Context, source, stream string, cur ingest.Cursor) error {
	if cur == nil {
		cur = ingest.Cursor{}
	}
	_, err := s.db.ExecContext(ctx, "INSERT INTO cursor (source, stream, cursor, saved, asked) VALUES (?, ?, ?, 0, 0) ON CONFLICT (source, stream) DO UPDATE SET cursor = excluded.cursor", source, stream, []byte(cur))
	if err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	return nil
}

// Redo reads the records of APIs once more for which Again was called. Those that can
// be decoded now are in the log, and no dead letters any more.
func (s *Store) Redo(ctx context.Context, p *Pull, now time.Time) (events int, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT id, file, record FROM dead WHERE again AND source = ?", p.Name)
	if err != nil {
		return 0, fmt.Errorf("watch: %w", err)
	}
	defer rows.Close()
	var letters []Letter
	for rows.Next() {
		var l Letter
		if err := rows.Scan(&l.ID, &l.File, &l.Record); err != nil {
			return 0, fmt.Errorf("watch: %w", err)
		}
		letters = append(letters, l)
	}
	if err := rows.Close(); err != nil {
		return 0, fmt.Errorf("watch: %w", err)
	}
	for _, l := range letters {
		var step Step
		var counts vendors
		body := ingest.Held(l.File, []byte(l.Record))
		rep, err := p.take(ctx, &body, strings.NewReader(l.Record), &step, &counts)
		if err != nil && ctx.Err() != nil {
			return events, err
		}
		events += step.Events
		err = sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
			if err == nil && rep.ProblemCount == 0 && rep.Records > 0 {
				if err := counts.credit(ctx, tx, p.Name); err != nil {
					return err
				}
				_, err := tx.ExecContext(ctx, "DELETE FROM dead WHERE id = ?", l.ID)
				return err
			}
			_, err := tx.ExecContext(ctx, "UPDATE dead SET again = 0 WHERE id = ?", l.ID)
			return err
		})
		if err != nil {
			return events, fmt.Errorf("watch: %w", err)
		}
	}
	return events, nil
}
