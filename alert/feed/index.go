package feed

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/country"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/sqlitedb"
)

const (
	indexedAtOnce = 200     // alerts that one transaction adds to the index
	waitForIndex  = 2000    // most new alerts that a page waits for; more are added in the background
	maxWords      = 1 << 14 // bytes of an alert that are searched
)

// indexRow is an alert as the index of the queue has it.
type indexRow struct {
	*alert.Alert
	shown bool
	seen  string // the id, as readers see it
	words string // to search in
}

// updateIndex adds what has come to alerts.db since the last call to the index of the queue. Pages are served meanwhile.
func (s *Server) updateIndex(ctx context.Context) error {
	for {
		if left, err := s.indexSome(ctx); left == 0 || err != nil {
			return err
		}
	}
}

// catchUp adds what has come to alerts.db to the index for a page, and returns how many changes are left: none, unless
// there are more than a page waits for, which Run adds.
func (s *Server) catchUp(ctx context.Context) (left int64, err error) {
	place, err := s.Store.indexPlace(ctx)
	if err != nil {
		return 0, err
	}
	newest, err := s.Alerts.NewestChange(ctx)
	if err != nil || newest == place {
		return 0, err
	}
	if left = newest - place; left < 0 { // alerts.db is another, or an older one
		left = newest
	}
	if left > waitForIndex {
		return left, nil
	}
	return 0, s.updateIndex(ctx)
}

// indexSome adds the next changes of alerts.db to the index, in one transaction, and returns how many are left.
func (s *Server) indexSome(ctx context.Context) (left int64, err error) {
	s.indexing.Lock()
	defer s.indexing.Unlock()
	place, err := s.Store.indexPlace(ctx)
	if err != nil {
		return 0, err
	}
	newest, err := s.Alerts.NewestChange(ctx)
	if err != nil {
		return 0, err
	}
	if newest < place {
		if err := s.Store.clearIndex(ctx); err != nil {
			return 0, err
		}
		place = 0
	}
	if place == newest {
		return 0, nil
	}
	changes, err := s.Alerts.Changes(ctx, alert.Filter{After: place, Limit: indexedAtOnce, All: true, Latest: true})
	if err != nil {
		return 0, err
	}
	alerts := make([]*alert.Alert, len(changes))
	for i := range changes {
		alerts[i] = &changes[i].Alert
	}
	if err := s.Alerts.LoadItems(ctx, alerts...); err != nil {
		return 0, err
	}
	mask := s.Mask(SOC)
	list := make([]indexRow, len(changes))
	for i, a := range alerts {
		masked := mask.Alert(a)
		list[i] = indexRow{a, changes[i].Shown, masked.ID, searchable(&masked)}
	}
	if place = newest; len(changes) == indexedAtOnce {
		place = changes[len(changes)-1].Seq
	}
	return newest - place, s.Store.index(ctx, list, place)
}

// searchable returns the text of a masked alert that is searched. It has each text once: where a word is, and how often,
// does not matter.
func searchable(a *alert.Alert) string {
	var b strings.Builder
	has := map[string]bool{"": true}
	add := func(texts ...string) {
		for _, t := range texts {
			if !has[t] && b.Len()+len(t) < maxWords {
				has[t] = true
				b.WriteString(t)
				b.WriteByte('\n')
			}
		}
	}
	add(a.ID, a.Short(), a.User, a.Department, a.Severity.String(), a.Title, a.Reason)
	add(a.Context...)
	add(a.Techniques...)
	for _, f := range a.Facts {
		add(f.Text)
	}
	for _, source := range a.Sources {
		add(source, vendorTitle(source))
	}
	for i := range a.Evidence {
		e := &a.Evidence[i]
		add(e.Detector, e.Title, e.Reason)
		for _, d := range e.Destinations {
			add(d.Name)
		}
		for k := range e.Items {
			x := &e.Items[k]
			add(x.Object.Name, x.Object.Container, x.Object.ID, x.Object.Label, x.Client.IP, x.Client.Country,
				country.Name(x.Client.Country), x.Client.Network, x.Client.App, x.RecordID)
			add(x.Recipients...)
		}
	}
	for _, x := range a.Exposures {
		add(x.What)
	}
	return b.String()
}

// rankOf orders alerts: by severity, then score, then time. A higher one comes first.
func rankOf(a *alert.Alert) int64 {
	score := min(max(int64(a.Score*100), 0), 1<<22-1)
	seconds := min(max(a.Time.Unix(), 0), 1<<34-1)
	return leastRank(a.Severity) | score<<34 | seconds
}

// leastRank is the rank that every alert of a severity, or of a higher one, has at least.
func leastRank(severity alert.Severity) int64 { return int64(severity) << 56 }

// indexPlace returns the place in the feed of alerts.db up to which the index is built.
func (s *Store) indexPlace(ctx context.Context) (seq int64, err error) {
	if err = s.db.QueryRowContext(ctx, "SELECT seq FROM queue_place").Scan(&seq); err != nil {
		err = fmt.Errorf("feed: read place of index: %w", err)
	}
	return seq, err
}

// clearIndex empties the index.
func (s *Store) clearIndex(ctx context.Context) error {
	_, err := s.db.ExecContext(ctx,
		"DELETE FROM queue_text; DELETE FROM queue; DELETE FROM queue_facet; UPDATE queue_place SET seq = 0")
	if err != nil {
		return fmt.Errorf("feed: clear index: %w", err)
	}
	return nil
}

// index stores alerts in the index, in place of what it has of them, and up to which place of the feed it is built.
func (s *Store) index(ctx context.Context, list []indexRow, place int64) error {
	err := sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		x, err := newIndexer(ctx, tx)
		if err != nil {
			return err
		}
		defer x.close()
		for i := range list {
			if err := x.add(ctx, &list[i]); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, "UPDATE queue_place SET seq = ?", place)
		return err
	})
	if err != nil {
		return fmt.Errorf("feed: index alerts: %w", err)
	}
	return nil
}

// indexer adds alerts to the index in a transaction.
type indexer struct {
	tx                             *sql.Tx
	known, row, clear, text, facet *sql.Stmt
	facets                         map[[2]string]string // titles that it has added, by kind and name
}

// newIndexer prepares the statements of an indexer, which the caller closes.
func newIndexer(ctx context.Context, tx *sql.Tx) (x *indexer, err error) {
	x = &indexer{tx: tx, facets: map[[2]string]string{}}
	for _, p := range []struct {
		to    **sql.Stmt
		query string
	}{
		{&x.row, `INSERT INTO queue (alert, time, rank, severity, score, incident, user, department, detectors,
			sources, shown, seen, status, assignee) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12,
			coalesce((SELECT status FROM triage WHERE alert = ?1 ORDER BY seq DESC LIMIT 1), 'open'),
			coalesce((SELECT assignee FROM triage WHERE alert = ?1 ORDER BY seq DESC LIMIT 1), ''))
			ON CONFLICT (alert) DO UPDATE SET time = excluded.time, rank = excluded.rank, severity = excluded.severity,
			score = excluded.score, incident = excluded.incident, department = excluded.department, detectors = excluded.detectors,
			sources = excluded.sources, shown = excluded.shown, seen = excluded.seen RETURNING id`},
		{&x.clear, "DELETE FROM queue_text WHERE docid = ?"},
		{&x.text, "INSERT INTO queue_text (docid, body) VALUES (?, ?)"},
		{&x.facet, "INSERT INTO queue_facet (kind, name, title) VALUES (?, ?, ?) " +
			"ON CONFLICT (kind, name) DO UPDATE SET title = excluded.title WHERE title <> excluded.title"},
		{&x.known, "SELECT EXISTS (SELECT 1 FROM queue WHERE alert = ?)"},
	} {
		if *p.to, err = tx.PrepareContext(ctx, p.query); err != nil {
			x.close()
			return nil, err
		}
	}
	return x, nil
}

// close closes the statements.
func (x *indexer) close() {
	for _, s := range []*sql.Stmt{x.known, x.row, x.clear, x.text, x.facet} {
		if s != nil {
			s.Close()
		}
	}
}

// add stores one alert in the index; one that is withdrawn leaves it.
func (x *indexer) add(ctx context.Context, a *indexRow) error {
	if a.Withdrawn {
		return unindex(ctx, x.tx, a.ID)
	}
	var known bool
	if err := x.known.QueryRowContext(ctx, a.ID).Scan(&known); err != nil {
		return err
	}
	var id int64
	err := x.row.QueryRowContext(ctx, a.ID, a.Time.UnixMilli(), rankOf(a.Alert), a.Severity, a.Score, a.Case, a.User, a.Department,
		" "+strings.Join(a.Detectors, " ")+" ", " "+strings.Join(a.Sources, " ")+" ", a.shown, a.seen).Scan(&id)
	if err != nil {
		return err
	}
	if known {
		if _, err := x.clear.ExecContext(ctx, id); err != nil {
			return err
		}
	}
	if _, err := x.text.ExecContext(ctx, id, a.words); err != nil {
		return err
	}
	for i := range a.Evidence {
		if err := x.addFacet(ctx, "detector", a.Evidence[i].Detector, a.Evidence[i].Title); err != nil {
			return err
		}
	}
	for _, source := range a.Sources {
		if err := x.addFacet(ctx, "source", source, vendorTitle(source)); err != nil {
			return err
		}
	}
	return x.addFacet(ctx, "department", a.Department, a.Department)
}

// addFacet adds a value by which the queue can be filtered; none for "".
func (x *indexer) addFacet(ctx context.Context, kind, name, title string) error {
	key := [2]string{kind, name}
	if name == "" || x.facets[key] == title {
		return nil
	}
	x.facets[key] = title
	_, err := x.facet.ExecContext(ctx, kind, name, title)
	return err
}

// unindex removes alerts from the index.
func unindex(ctx context.Context, tx *sql.Tx, alerts ...string) error {
	for _, id := range alerts {
		if _, err := tx.ExecContext(ctx, "DELETE FROM queue_text WHERE docid = (SELECT id FROM queue WHERE alert = ?)", id); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM queue WHERE alert = ?", id); err != nil {
			return err
		}
	}
	return nil
}

// optimizeIndex leaves no trace of removed words in the index.
func optimizeIndex(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO queue_text (queue_text) VALUES ('optimize')")
	return err
}

// pruneIndex removes from the index what alerts.db no longer has.
func (s *Server) pruneIndex(ctx context.Context) error {
	s.indexing.Lock()
	defer s.indexing.Unlock()
	known, err := s.Alerts.UsersOf(ctx)
	if err != nil {
		return err
	}
	indexed, err := s.Store.texts(ctx, "SELECT alert FROM queue")
	if err != nil {
		return err
	}
	gone := slices.DeleteFunc(indexed, func(id string) bool { _, there := known[id]; return there })
	err = sqlitedb.Tx(ctx, s.Store.db, func(tx *sql.Tx) error {
		if err := unindex(ctx, tx, gone...); err != nil {
			return err
		}
		for _, unused := range []string{
			"kind = 'department' AND name NOT IN (SELECT department FROM queue)",
			"kind = 'detector' AND NOT EXISTS (SELECT 1 FROM queue WHERE instr(detectors, ' ' || name || ' ') > 0)",
			"kind = 'source' AND NOT EXISTS (SELECT 1 FROM queue WHERE instr(sources, ' ' || name || ' ') > 0)",
		} {
			if _, err := tx.ExecContext(ctx, "DELETE FROM queue_facet WHERE "+unused); err != nil {
				return err
			}
		}
		if len(gone) == 0 {
			return nil
		}
		return optimizeIndex(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("feed: prune index: %w", err)
	}
	return nil
}

// texts returns the single column of a query.
func (s *Store) texts(ctx context.Context, query string, args ...any) (list []string, err error) {
	rows, err := s.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("feed: read index: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var t string
		if err := rows.Scan(&t); err != nil {
			return nil, fmt.Errorf("feed: read index: %w", err)
		}
		list = append(list, t)
	}
	return list, errors.Join(rows.Err(), rows.Close())
}

// facet is a value by which the queue can be filtered.
type facet struct {
	Kind, Name, Title string
}

// facets returns the values by which the queue can be filtered, by their titles. Those of sources come in the order of
// events' sources.
func (s *Store) facets(ctx context.Context) (map[string][]facet, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT kind, name, title FROM queue_facet ORDER BY kind, title COLLATE NOCASE")
	if err != nil {
		return nil, fmt.Errorf("feed: read index: %w", err)
	}
	defer rows.Close()
	all := map[string][]facet{}
	for rows.Next() {
		var f facet
		if err := rows.Scan(&f.Kind, &f.Name, &f.Title); err != nil {
			return nil, fmt.Errorf("feed: read index: %w", err)
		}
		all[f.Kind] = append(all[f.Kind], f)
	}
	slices.SortFunc(all["source"], func(a, b facet) int { return int(event.SourceNamed(a.Name)) - int(event.SourceNamed(b.Name)) })
	return all, rows.Err()
}
