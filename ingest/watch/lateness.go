package watch

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/sqlitedb"
)

const (
	lagMemory  = .8        // weight of the usual lag, against that of the latest delivery
	spanOf     = time.Hour // the events of a stream in this time count as one delivery
	learnFirst = 24        // deliveries of a stream before its usual lag is known
)

// arrivals are the events of a delivery, with how much older they are, by vendor, than the
// newest event of the deliveries before. The events of an interrupted delivery count with the
// next one, so that the next one does not seem late. It is safe for concurrent use.
type arrivals struct {
	before   [32]int64     // by vendor: newest event of complete deliveries, Unix milliseconds; 0 for none
	since    time.Time     // begin of the delivery
	together time.Duration // see Source.Together
	until    int64         // later events do not make others late, Unix milliseconds

	mu  sync.Mutex
	sum vendorCounts
}

// arrivals begins a delivery of a source. If the last one was within together, it is resumed,
// since copying a folder takes a while.
func (s *Store) arrivals(ctx context.Context, source string, now time.Time, together time.Duration) (*arrivals, error) {
	a := &arrivals{since: now, together: together, until: now.Add(spanOf).UnixMilli()}
	rows, err := s.db.QueryContext(ctx,
		"SELECT vendor, iif(?3 > 0 AND ?2 - touched < ?3, prior, whole) FROM vendor WHERE source = ?1",
		source, now.UnixMilli(), together.Milliseconds())
	if err != nil {
		return nil, fmt.Errorf("watch: begin delivery: %w", err)
	}
	defer rows.Close()
	known := map[string]int64{}
	for rows.Next() {
		var vendor string
		var at int64
		if err := rows.Scan(&vendor, &at); err != nil {
			return nil, fmt.Errorf("watch: begin delivery: %w", err)
		}
		known[vendor] = at
	}
	for _, v := range event.Sources() {
		a.before[v] = known[v.String()]
	}
	return a, rows.Err()
}

// add adds the counts of one worker.
func (a *arrivals) add(v *vendorCounts) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sum.add(v)
}

// reportLateness ends a delivery. It appends an event for every vendor whose events were late,
// if at least learned deliveries were complete before, and updates the vendor's usual lag.
func (s *Store) reportLateness(ctx context.Context, source string, log eventlog.Log, a *arrivals, learned int) error {
	var recs []eventlog.Record
	for _, v := range event.Sources() {
		if a.sum.n[v] == 0 || v == event.HR {
			continue
		}
		late, lag := a.sum.lags[v].Count(), a.sum.lags[v].P99(a.sum.n[v])
		var usual float64
		var deliveries int
		err := s.db.QueryRowContext(ctx,
			"SELECT lag, deliveries FROM vendor WHERE source = ? AND vendor = ?",
			source, v.String()).Scan(&usual, &deliveries)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("watch: report lateness: %w", err)
		}

		if late == 0 || lag == 0 || deliveries < learned {
			continue
		}
		e := event.Event{
			Source: v,
			Class:  event.SourceLate,
			Action: "late",
			Time:   a.sum.latest[v],
			Tenant: source,
			Actor:  event.Actor{Kind: event.System},
			Object: event.Object{Type: "source"},
		}

		for _, x := range []struct {
			name string
			n    int64
		}{{event.AttrNew, int64(a.sum.n[v])}, {event.AttrLate, int64(late)}, {event.AttrLag, lag}, {event.AttrUsual, int64(usual)}} {
			e.Attrs = append(e.Attrs, event.Attr{Name: x.name, Value: strconv.FormatInt(x.n, 10)})
		}

		e.Key = ingest.Hash("source_late", source, v.String(), fmt.Sprint(e.Time, e.Attrs))
		recs = append(recs, eventlog.Record{Value: e.Append(nil)})
	}

	if len(recs) > 0 {
		if err := log.Append(ctx, recs...); err != nil {
			return err
		}
	}

	err := sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		for _, v := range event.Sources() {
			if a.sum.n[v] == 0 {
				continue
			}
			_, err := tx.ExecContext(ctx,
				"UPDATE vendor SET prior = iif(?7 > 0 AND ?6 - touched < ?7, prior, whole), touched = ?6, whole = max(whole, "+
					"?5), lag = lag * ?3 + (1 - ?3) * ?4, deliveries = deliveries + 1 WHERE source = ?1 AND vendor = ?2",
				source, v.String(), lagMemory, float64(a.sum.lags[v].P99(a.sum.n[v])), a.sum.latest[v], time.Now().UnixMilli(),
				a.together.Milliseconds())
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("watch: report lateness: %w", err)
	}

	return nil
}
