// Package ingest defines the contracts between readers, decoders and sources. Decoders, one
// package per vendor, turn the records of audit logs into events. They state facts; scoring
// happens elsewhere. Sources read streams of APIs.
package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"time"
	"unsafe"

	"github.com/outflow/outflow/ingest/names"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// ErrNotThis is what a decoder returns for a record that is not of its format after all. The
// reader then tries other formats. It is not an error of the input.
var ErrNotThis = errors.New("not a record of this format")

// Format is one shape in which a vendor writes records: JSON objects or lines of text.
type Format struct {
	Name string // as in docs/sources and in the coverage summary
	// Match reports whether an object with these top-level keys is such a record. The first
	// format that matches is used.
	Match func(k Keys) bool
	// Decode reads the record at the scanner's position and emits its events. If it returns an
	// error, it must not have emitted any; jsonscan.ErrShort asks for the same record again
	// with more input.
	Decode func(s *jsonscan.Scanner, out *Sink) error
	// Line replaces Match and Decode in formats that are lines of text.
	Line *Line
}

// Line is a format of lines of text.
type Line struct {
	// First reports whether a line is such a record.
	First func(line []byte) bool
	// Decode reads a line and emits its events. The line is valid only during the call.
	Decode func(line []byte, out *Sink) error
}

// Table is one shape in which a vendor writes delimited rows.
type Table struct {
	Name string // as in docs/sources and in the coverage summary
	// Match reports whether a header is that of this table.
	Match func(h Header) bool
	// Bind looks up the columns once and returns the function that reads a row and emits its
	// events. The row has the cells of the header's columns. The function is not safe for
	// concurrent use.
	Bind func(h Header) func(row [][]byte, out *Sink) error
	// Columns are what the table is declared by; nil if Match knows (see Declare).
	Columns []Column
	// Forms is what is known about values of such tables that do not say it themselves.
	Forms Forms
}

// PerRow returns a Bind for tables whose columns are looked up for every row.
func PerRow(read func(h Header, row [][]byte, out *Sink) error) func(Header) func([][]byte, *Sink) error {
	return func(h Header) func([][]byte, *Sink) error {
		return func(row [][]byte, out *Sink) error { return read(h, row, out) }
	}
}

// Keys are the top-level keys of a record.
type Keys []string

// Has reports whether all of the given keys are there.
func (k Keys) Has(names ...string) bool {
next:
	for _, n := range names {
		for _, have := range k {
			if have == n {
				continue next
			}
		}
		return false
	}
	return true
}

// Header names the columns of a table, folded by plain.Column.
type Header []string

// Has reports whether all of the given (folded) columns are there.
func (h Header) Has(names ...string) bool {
	for _, n := range names {
		if h.Index(n) < 0 {
			return false
		}
	}
	return true
}

// Index returns the position of a (folded) column, or -1.
func (h Header) Index(name string) int {
	for i, c := range h {
		if c == name {
			return i
		}
	}
	return -1
}

// Cell returns the value of the first of the given (folded) columns that exists and is not
// empty, without surrounding white space, or nil.
func (h Header) Cell(row [][]byte, names ...string) []byte {
	for _, n := range names {
		if i := h.Index(n); i >= 0 && i < len(row) && len(row[i]) > 0 {
			return bytes.TrimSpace(row[i])
		}
	}
	return nil
}

// Sink receives the events of one worker. A decoder calls New, fills in the event, and calls
// Emit. A Sink is not safe for concurrent use.
type Sink struct {
	emit    func(*event.Event)
	e       event.Event
	scratch []byte
	pending int // events emitted for the current record
	inspect func(*event.Event, *Native)
	native  Native
	latest  int64 // later events are refused, Unix milliseconds; 0 for no limit
	refused *AheadError
	refuse  func() // may be nil
	forms   forms

	trial     []statement // takes the events in place of emit, unless it is nil
	ambiguous []string    // keys of the current record whose value is unknown
}

// AheadError is the error for an event that is dated further ahead than MaxClockSkew.
type AheadError struct {
	Source event.Source // vendor of the event
	Time   time.Time    // time of the event
}

// Error implements error.
func (e *AheadError) Error() string {
	return "dated " + e.Time.UTC().Format("2006-01-02 15:04:05") + " UTC, more than 24 h ahead of the clock here"
}

// MaxClockSkew is how far an event may be dated ahead of this machine's clock.
const MaxClockSkew = 24 * time.Hour

// RefuseAfter makes the sink refuse events that are dated after a time, except HR's, which
// state what is planned. Refuse, if not nil, is called for each refused event.
func (s *Sink) RefuseAfter(latest time.Time, refuse func()) {
	s.latest, s.refuse = latest.UnixMilli(), refuse
}

// AheadNotice returns the event which says that a number of records of a vendor, received
// through the source called name, are dated too far ahead, the latest of them at a time. The
// event itself is dated at, in Unix milliseconds.
func AheadNotice(source event.Source, name string, records int, latest time.Time, at int64) *event.Event {
	e := &event.Event{
		Source: source,
		Class:  event.SourceGap,
		Action: event.Ahead,
		Time:   at,
		Tenant: name,
		Actor:  event.Actor{Kind: event.System},
		Object: event.Object{Type: event.Stream},
	}
	until := latest.UTC().Format(time.RFC3339)
	e.Attrs = append(e.Attrs,
		event.Attr{Name: event.AttrUntil, Value: until},
		event.Attr{Name: event.AttrRecords, Value: fmt.Sprint(records)})
	e.Key = Hash("source_gap", event.Ahead, source.String(), name, fmt.Sprint(records), until)
	return e
}

// Refused returns an *AheadError if an event of the current record was refused, or nil.
func (s *Sink) Refused() error {
	if s.refused == nil {
		return nil
	}
	return s.refused
}

// Native is the vendor's own record from which an event was decoded: JSON or a row of a table.
// It is valid only during the call that it is passed to.
type Native struct {
	JSON    []byte   // the record; nil for a row
	Columns []string // names of the columns of a row
	Cells   [][]byte // cells of a row
	First   bool     // the event is the first of its record
}

// NewSink returns a sink that passes events to emit. An event and its strings are valid only
// during the call.
func NewSink(emit func(*event.Event)) *Sink { return &Sink{emit: emit} }

// Begin starts a new record. Strings made for earlier events become invalid.
func (s *Sink) Begin() {
	s.scratch, s.pending, s.refused, s.forms.local, s.ambiguous = s.scratch[:0], 0, nil, 0, s.ambiguous[:0]
	if !s.forms.probing {
		s.forms.asks = ""
	}
}

// Inspect sets a function that inspects every event together with its record just before the
// event is passed on. The function may add attributes. Readers call Native or Row before they
// decode.
func (s *Sink) Inspect(f func(e *event.Event, n *Native)) { s.inspect = f }

// Inspected reports whether Native or Row must be called before decoding.
func (s *Sink) Inspected() bool { return s.inspect != nil }

// Native sets the current record. Decoders call it if the vendor's record is inside another
// one.
func (s *Sink) Native(json []byte) { s.native = Native{JSON: json} }

// Row sets the current row.
func (s *Sink) Row(columns []string, cells [][]byte) {
	s.native = Native{Columns: columns, Cells: cells}
}

// New returns the event to fill in. Only its source is set.
func (s *Sink) New(src event.Source) *event.Event {
	s.e = event.Event{Source: src, To: s.e.To[:0], Attrs: s.e.Attrs[:0]}
	return &s.e
}

// Emit passes the event on. An event without a Key gets one made from its source, tenant and
// id or, without an id, from its whole content. An event that is dated too far ahead is
// refused.
func (s *Sink) Emit() {
	e := &s.e
	if s.forms.asks != "" || s.forms.probing {
		return
	}
	if s.trial != nil {
		s.trial = append(s.trial, stated(e))
		s.pending++
		return
	}
	if s.latest > 0 && e.Time > s.latest && e.Source != event.HR {
		s.refused = &AheadError{e.Source, time.UnixMilli(e.Time)}
		if s.refuse != nil {
			s.refuse()
		}
		return
	}
	if e.Key == 0 {
		if e.ID != "" {
			e.Key = Hash(e.Source.String(), e.Tenant, e.ID)
		} else {
			e.Key = ContentKey(e)
		}
	}
	if s.forms.local != 0 && s.forms.local == e.Time { // not part of what makes an event the same
		e.Zoneless = true
	}
	if s.inspect != nil {
		s.native.First = s.pending == 0
		s.inspect(e, &s.native)
	}
	s.pending++
	s.emit(e)
}

// Emitted returns the number of events emitted since Begin.
func (s *Sink) Emitted() int { return s.pending }

// Join concatenates strings into memory that is valid until Begin.
func (s *Sink) Join(parts ...string) string {
	from := len(s.scratch)
	for _, p := range parts {
		s.scratch = append(s.scratch, p...)
	}
	return view(s.scratch[from:])
}

// Lower returns t in lower case (ASCII letters only), valid until Begin.
func (s *Sink) Lower(t string) string {
	for i := 0; i < len(t); i++ {
		if c := t[i]; c >= 'A' && c <= 'Z' {
			from := len(s.scratch)
			s.scratch = append(s.scratch, t...)
			for j := from + i; j < len(s.scratch); j++ {
				if c := s.scratch[j]; c >= 'A' && c <= 'Z' {
					s.scratch[j] = c | 0x20
				}
			}
			return view(s.scratch[from:])
		}
	}
	return t
}

// Copy copies t into memory that is valid until Begin. Decoders use it for strings in buffers
// of their own.
func (s *Sink) Copy(t string) string { return s.Join(t) }

// Attr adds an attribute to the event, unless the value is empty.
func (s *Sink) Attr(name, value string) {
	if value != "" {
		s.e.Attrs = append(s.e.Attrs, event.Attr{Name: name, Value: value})
	}
}

// Policy sets what a changed setting governs (event.AttrPolicy) and, if the record states it,
// in which direction it was changed (event.AttrEffect).
func (s *Sink) Policy(kind, effect string) {
	s.Attr(event.AttrPolicy, kind)
	s.Attr(event.AttrEffect, effect)
}

// To adds a recipient to the event, unless the account is empty. Scope is what the vendor
// itself states about the recipient.
func (s *Sink) To(account string, scope event.Scope) {
	if account != "" {
		s.e.To = append(s.e.To, event.Recipient{Account: account, Scope: scope})
	}
}

// Account returns the canonical name of an account: an e-mail address in lower case, also of
// forms that contain one (see package names), or any other id with the source as prefix. It
// returns "" for an empty or meaningless id. The result is valid until Begin.
func (s *Sink) Account(src, id string) string {
	switch id {
	case "", "-", "null", "unknown", "Unknown", "N/A":
		return ""
	}
	if IsEmail(id) {
		return s.Lower(id)
	}
	if address := names.Address(id); address != "" {
		return s.Lower(address)
	}
	return s.Join(src, ":", s.Lower(id))
}

// IsEmail reports whether t has the form of an e-mail address.
func IsEmail(t string) bool { return names.IsEmail(t) }

func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// View returns b as a string that shares its memory, so b must not change while it is used.
func View(b []byte) string { return view(b) }
