// Package records finds the events that an alert rests on: in an event log, in what scans keep, or in
// exports, with the vendors' own records.
package records

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/cmd/outflow/internal/datadir"
	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/files"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
)

// Record is an event that an alert rests on.
type Record struct {
	alert.Item
	// Cited says that the alert lists the event. The others are of the same account, source and kind, and
	// from the window of the evidence: events beyond those that an alert lists.
	Cited bool `json:"cited"`
	// Native is the vendor's own record: JSON, or an object of the cells of a row. It is there if exports
	// were read.
	Native json.RawMessage `json:"native,omitempty"`
}

// Search looks for the events of an alert.
type Search struct {
	person   string
	cited    map[string]bool // events that the alert lists, by identity
	ids      map[string]bool // of records that the alert names, by source and id
	accounts map[string]bool // of the person, as the items name them, in lower case
	kinds    map[string][]alert.Window
	from, to int64

	mu    sync.Mutex
	found map[uint64]*Record // by the event's key
}

// slack is how far from the window of an alert an event may be: exports may state times without a zone.
const slack = 15 * time.Hour

// New returns a search for the events of an alert, which has its items.
func New(a *alert.Alert) *Search {
	s := &Search{
		person: a.User, cited: map[string]bool{}, ids: map[string]bool{}, kinds: map[string][]alert.Window{},
		accounts: map[string]bool{strings.ToLower(a.User): true}, found: map[uint64]*Record{},
		from: a.Window.Start.Add(-slack).UnixMilli(), to: a.Window.End.Add(slack).UnixMilli(),
	}
	for _, source := range a.Sources {
		for _, id := range a.EventIDs {
			s.ids[source+"\x00"+id] = true
		}
	}
	for i := range a.Evidence {
		s.add(&a.Evidence[i])
	}
	return s
}

// add adds what one detector's evidence rests on.
func (s *Search) add(e *alert.Evidence) {
	for k := range e.Items {
		x := &e.Items[k]
		s.cited[identity(x)] = true
		s.from = min(s.from, x.Time.UnixMilli())
		s.to = max(s.to, x.Time.UnixMilli())
		if x.Actor != "" {
			s.accounts[strings.ToLower(x.Actor)] = true
		}
		if kind := x.Source + "\x00" + x.Activity; e.Unlisted > 0 && e.Window != nil && !slices.Contains(s.kinds[kind], *e.Window) {
			s.kinds[kind] = append(s.kinds[kind], *e.Window)
		}
	}
}

// identity tells events apart: by the vendor's id, or else by time.
func identity(x *alert.Item) string {
	if x.RecordID != "" {
		return x.Source + "\x00" + x.Action + "\x00" + x.RecordID
	}
	return x.Source + "\x00" + x.Action + "\x00" + x.Time.Format(time.RFC3339Nano) + "\x00" + x.Object.ID + x.Object.Name
}

// Take takes in an event as it is stored, if the alert rests on it.
func (s *Search) Take(rec []byte) error {
	if at := event.RecordTime(rec); at < s.from || at > s.to {
		return nil
	}
	var dec event.Decoder
	var e event.Event
	if err := dec.Decode(rec, &e); err != nil {
		return fmt.Errorf("decode an event: %w", err)
	}
	s.take(&e, nil)
	return nil
}

// ReadLog takes in the records of an event log.
func (s *Search) ReadLog(ctx context.Context, log eventlog.Log) error {
	return datadir.EachOf(ctx, log, s.Take)
}

// take takes in an event with the vendor's record, which may be nil.
func (s *Search) take(e *event.Event, n *ingest.Native) {
	if e.Time < s.from || e.Time > s.to {
		return
	}
	x := alert.NewItem(e.Clone(), s.person, false)
	cited := s.cited[identity(&x)] || e.ID != "" && s.ids[x.Source+"\x00"+e.ID]
	if !cited && !s.beyond(e, &x) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if have := s.found[e.Key]; have == nil {
		s.found[e.Key] = &Record{x, cited, native(n)}
	}
}

// beyond says whether an event is one of those beyond what the alert lists.
func (s *Search) beyond(e *event.Event, x *alert.Item) bool {
	account := strings.ToLower(e.Actor.Account)
	if account == "" {
		account = event.Anonymous.String()
	}
	return s.accounts[account] && slices.ContainsFunc(s.kinds[x.Source+"\x00"+x.Activity], func(w alert.Window) bool {
		return !x.Time.Before(w.Start) && !x.Time.After(w.End)
	})
}

// native is a vendor's record as JSON.
func native(n *ingest.Native) json.RawMessage {
	switch {
	case n == nil:
		return nil
	case n.JSON != nil && json.Valid(n.JSON):
		return bytes.Clone(n.JSON)
	}
	row := map[string]string{}
	for i, c := range n.Columns {
		if i < len(n.Cells) {
			row[c] = string(n.Cells[i])
		}
	}
	b, err := json.Marshal(row)
	if err != nil || len(row) == 0 {
		return nil
	}
	return b
}

// Read looks for the events in exports, whose files the reader decodes.
func (s *Search) Read(ctx context.Context, r files.Reader, paths []string) ([]files.Report, error) {
	found, unreadable := files.Find(paths)
	r.Emit = func(int) func(*event.Event) error { return func(*event.Event) error { return nil } }
	r.Inspect = func(int) func(*event.Event, *ingest.Native) { return s.take }
	reports, err := r.Read(ctx, found)
	return append(unreadable, reports...), err
}

// Found are the events, by time.
func (s *Search) Found() []Record {
	list := make([]Record, 0, len(s.found))
	for _, r := range s.found {
		list = append(list, *r)
	}
	slices.SortFunc(list, func(a, b Record) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.RecordID, b.RecordID), cmp.Compare(a.Object.Name, b.Object.Name))
	})
	return list
}
