// Package ingest turns what vendors write into events. It owns the contract
// between the readers of files (and, later, of APIs) and the decoders, one
// package per vendor. Decoders state facts; they judge nothing.
package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"
	"unsafe"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// ErrNotThis is what a decoder returns for a record that is not of its format
// after all. The reader then recognises the record anew; it is not an error of
// the input.
var ErrNotThis = errors.New("not a record of this format")

// Format is one shape in which a vendor writes records, one after another.
type Format struct {
	Name string // as in docs/sources and in the coverage summary
	// Match says whether an object with these top-level keys is such a record.
	// Formats are asked in order, the first match decides.
	Match func(k Keys) bool
	// Decode reads the record that s stands before and emits its events. On an
	// error nothing of the record may have been emitted; jsonscan.ErrShort asks
	// for the same record again with more input.
	Decode func(s *jsonscan.Scanner, out *Sink) error
	// Line, for formats that are lines of text rather than JSON, in place of Match and
	// Decode: whether a line is such a record (First), and what reads one. A line and
	// what is made of it are valid until the next.
	Line *Line
}

// Line is a format of lines of text.
type Line struct {
	First  func(line []byte) bool
	Decode func(line []byte, out *Sink) error
}

// Table is one shape in which a vendor writes delimited rows.
type Table struct {
	Name string
	// Match says whether a header belongs to this table.
	Match func(h Header) bool
	// Bind looks the columns up once and returns what reads a row, whose cells
	// follow the header, and emits its events. One reader calls it at a time.
	Bind func(h Header) func(row [][]byte, out *Sink) error
}

// PerRow is a Bind for tables that look their columns up in every row.
func PerRow(read func(h Header, row [][]byte, out *Sink) error) func(Header) func([][]byte, *Sink) error {
	return func(h Header) func([][]byte, *Sink) error {
		return func(row [][]byte, out *Sink) error { return read(h, row, out) }
	}
}

// Keys are the top-level keys of a record.
type Keys []string

// Has says whether all of the given keys are there.
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

// Has says whether all of the given (folded) columns are there.
func (h Header) Has(names ...string) bool {
	for _, n := range names {
		if h.Index(n) < 0 {
			return false
		}
	}
	return true
}

// Index is the position of a (folded) column, or -1.
func (h Header) Index(name string) int {
	for i, c := range h {
		if c == name {
			return i
		}
	}
	return -1
}

// Cell is the value of the first of the given (folded) columns that exists and
// is not empty, or nil.
func (h Header) Cell(row [][]byte, names ...string) []byte {
	for _, n := range names {
		if i := h.Index(n); i >= 0 && i < len(row) && len(row[i]) > 0 {
			return bytes.TrimSpace(row[i])
		}
	}
	return nil
}

// Sink receives the events of one reader. A decoder calls New, fills the event
// in, and calls Emit. It is not safe for concurrent use: every worker has one.
type Sink struct {
	emit    func(*event.Event)
	e       event.Event
	scratch []byte
	pending int // events emitted for the current record
	inspect func(*event.Event, *Native)
	native  Native
	latest  int64 // events after it are refused, Unix milliseconds; 0 for none
	refused *AheadError
	refuse  func() // may be nil
}

// AheadError says that an event is dated further ahead than clocks go wrong.
type AheadError struct {
	Source event.Source
	Time   time.Time
}

func (e *AheadError) Error() string {
	return "dated " + e.Time.UTC().Format("2006-01-02 15:04:05") + " UTC, more than 24 h ahead of the clock here"
}

// MaxClockSkew is by how much an event may be dated ahead of the clock of who reads it.
const MaxClockSkew = 24 * time.Hour

// RefuseAfter has the sink refuse events that are dated after a time; HR's are not refused, since
// they speak of what is planned. A function is called for each of them; nil for none.
func (s *Sink) RefuseAfter(latest time.Time, refuse func()) {
	s.latest, s.refuse = latest.UnixMilli(), refuse
}

// AheadNotice is what is told of records of a source, through something with a name, that
// are dated too far ahead: how many, and up to when. It stands at a time (Unix milliseconds)
// at which other events do.
func AheadNotice(source event.Source, name string, records int, latest time.Time, at int64) *event.Event {
	e := &event.Event{
		Source: source,
		Class:  event.SourceGap,
		Action: event.Ahead,
		Time:   at,
		Tenant: name,
		Actor:  event.Actor{Kind: event.System},
		Object: event.Object{Type: "stream"},
	}
	until := latest.UTC().Format(time.RFC3339)
	e.Attrs = append(e.Attrs,
		event.Attr{Name: event.AttrUntil, Value: until},
		event.Attr{Name: event.AttrRecords, Value: fmt.Sprint(records)})
	e.Key = Hash("source_gap", event.Ahead, source.String(), name, fmt.Sprint(records), until)
	return e
}

// Refused is an *AheadError if an event of the current record was refused, and nil otherwise.
func (s *Sink) Refused() error {
	if s.refused == nil {
		return nil
	}
	return s.refused
}

// Native is the vendor's own record that an event was decoded from: JSON, or a
// row of a table. It is valid during the call it is handed over in.
type Native struct {
	JSON    []byte
	Columns []string
	Cells   [][]byte
	First   bool // the event is the first of its record
}

// NewSink returns a sink that hands events to emit. An event and its texts are
// valid only during the call.
func NewSink(emit func(*event.Event)) *Sink { return &Sink{emit: emit} }

// Begin starts a new record: texts made for earlier events become invalid.
func (s *Sink) Begin() { s.scratch, s.pending, s.refused = s.scratch[:0], 0, nil }

// Inspect has a function look at every event together with the record it comes
// from, just before it is handed on; the function may add attributes. Readers call
// Native or Row before they decode.
func (s *Sink) Inspect(f func(e *event.Event, n *Native)) { s.inspect = f }

// Inspected says whether records are to be handed over.
func (s *Sink) Inspected() bool { return s.inspect != nil }

// Native states the current record. A decoder calls it where the vendor's record
// is carried by another one.
func (s *Sink) Native(json []byte) { s.native = Native{JSON: json} }

// Row states the current row.
func (s *Sink) Row(columns []string, cells [][]byte) {
	s.native = Native{Columns: columns, Cells: cells}
}

// New returns the event to fill in, empty but for its source.
func (s *Sink) New(src event.Source) *event.Event {
	s.e = event.Event{Source: src, To: s.e.To[:0], Attrs: s.e.Attrs[:0]}
	return &s.e
}

// Emit hands the event on. An event without a Key gets one from its source, time
// and id, or, without an id, from all of its content. One that is dated too far ahead is
// refused.
func (s *Sink) Emit() {
	e := &s.e
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
	if s.inspect != nil {
		s.native.First = s.pending == 0
		s.inspect(e, &s.native)
	}
	s.pending++
	s.emit(e)
}

// Emitted is the number of events emitted since Begin.
func (s *Sink) Emitted() int { return s.pending }

// Join concatenates texts into memory that is valid until Begin.
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

// Copy copies t into memory that is valid until Begin. Decoders use it for text
// in a buffer of their own.
func (s *Sink) Copy(t string) string { return s.Join(t) }

// Attr adds an attribute to the event, unless the value is empty.
func (s *Sink) Attr(name, value string) {
	if value != "" {
		s.e.Attrs = append(s.e.Attrs, event.Attr{Name: name, Value: value})
	}
}

// Policy says what a setting governs (event.AttrPolicy), and in which direction
// it was changed, if the record tells (event.AttrEffect).
func (s *Sink) Policy(kind, effect string) {
	s.Attr(event.AttrPolicy, kind)
	s.Attr(event.AttrEffect, effect)
}

// To adds a recipient to the event, unless the account is empty. Scope states
// what the vendor itself says about the recipient, if anything.
func (s *Sink) To(account string, scope event.Scope) {
	if account != "" {
		s.e.To = append(s.e.To, event.Recipient{Account: account, Scope: scope})
	}
}

// Account is the canonical name of an account: an e-mail address in lower case
// stands for itself, another id is prefixed with its source. The result is
// valid until Begin; an empty or meaningless id gives "".
func (s *Sink) Account(src, id string) string {
	switch id {
	case "", "-", "null", "unknown", "Unknown", "N/A":
		return ""
	}
	if IsEmail(id) {
		return s.Lower(id)
	}
	return s.Join(src, ":", s.Lower(id))
}

// IsEmail says whether t has the form of an e-mail address.
func IsEmail(t string) bool {
	at := strings.IndexByte(t, '@')
	if at < 1 || at == len(t)-1 || strings.IndexByte(t[at+1:], '@') >= 0 {
		return false
	}
	for i := 0; i < len(t); i++ {
		switch c := t[i]; {
		case c <= ' ' || c == 0x7f:
			return false
		case c == '/' || c == ':' || c == '\\' || c == '|' || c == '<' || c == '>' || c == '"' || c == ',' || c == ';':
			return false
		}
	}
	return true
}

func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// View returns b as text that shares its memory.
func View(b []byte) string { return view(b) }
