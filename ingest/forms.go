package ingest

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/outflow/outflow/ingest/form"
	"github.com/outflow/outflow/internal/event"
)

// Forms are the ways in which a source writes what its records do not say.
type Forms struct {
	Zone  *time.Location // of times without a zone; nil if it is not known
	Order form.Order     // of dates that are numbers; form.NoOrder if it is not known
}

// ErrAmbiguous is wrapped by the errors for times that may be either of two.
var ErrAmbiguous = errors.New("is ambiguous")

// errNoTime is the error for what is not a time in any form.
var errNoTime = errors.New("not a time")

// errAsks is what a decoder gets while the records after this one are being looked at.
var errAsks = errors.New("the form of a value is not known yet")

// forms is what a sink knows about the forms of the current file.
type forms struct {
	Forms
	source Forms                 // what the configuration says about all files
	zone   *time.Location        // that the file states; nil if it states none
	orders map[string]form.Order // by field: what its values have shown so far
	point  form.Point            // what the numbers of the file have shown so far
	usual  form.Point            // what the file's delimiter suggests
	local  int64                 // the last time without a zone, as if it were in UTC; 0 for none

	mayAsk  func(what string) bool // nil if the reader cannot look ahead
	asks    string                 // what must be known to read the record; "" for nothing
	probing bool                   // the reader is looking ahead: nothing is emitted

	settled func() // called when a value was read by what others have shown, or a setting; may be nil
}

// numbers is what asks holds if the meaning of points in numbers must be known.
const numbers = "numbers"

// UseForms sets what the configuration says about the records, and a function that is called
// when a value was read that could not have been read without knowing its form from elsewhere. It
// may be nil.
func (s *Sink) UseForms(f Forms, settled func()) {
	s.forms.Forms, s.forms.source, s.forms.settled = f, f, settled
}

// Assume sets what is known about the values of the current file, besides what the configuration
// says about all files. What the file states itself comes first.
func (s *Sink) Assume(f Forms) {
	if f.Zone != nil {
		s.forms.Zone = f.Zone
	}
	if f.Order != form.NoOrder {
		s.forms.Order = f.Order
	}
}

// Order returns the order of day and month in the current file as far as it is known: as it was set, or
// as the values have shown it.
func (s *Sink) Order() form.Order {
	if s.forms.Order != form.NoOrder {
		return s.forms.Order
	}
	found := form.NoOrder
	for _, order := range s.forms.orders {
		if found != form.NoOrder && found != order {
			return form.NoOrder
		}
		found = order
	}
	return found
}

// BeginFile forgets what the values of other files have shown. Zone is the zone that the file
// states for its times, or nil; usual is what a point in a number usually stands for in such a
// file. MayAsk reports whether the reader will look ahead to find out what is needed; if it is
// not nil, the reader calls Asks after each record.
func (s *Sink) BeginFile(zone *time.Location, usual form.Point, mayAsk func(what string) bool) {
	f := &s.forms
	s.forms = forms{Forms: f.source, source: f.source, settled: f.settled, zone: zone, usual: usual, mayAsk: mayAsk}
}

// Asks returns what must be known to read the current record, or "". If it is not "", nothing was
// emitted: the reader calls Probe, decodes records after this one until Asks returns "", calls
// Settle, and decodes this one again.
func (s *Sink) Asks() string { return s.forms.asks }

// Probe makes the sink learn from records without emitting events.
func (s *Sink) Probe() { s.forms.probing = true }

// Settle ends Probe.
func (s *Sink) Settle() { s.forms.probing, s.forms.asks = false, "" }

// Time reads the time of an event and returns Unix milliseconds: all forms of the function Time
// and of form.ParseTime. The zone is that of the value, of the file or of the configuration; if
// none of them states one, the time is taken as UTC and the event is Zoneless. The error names
// the field.
func (s *Sink) Time(field, t string) (int64, error) {
	ms, zoned, ok := clock(t)
	if ok && zoned {
		return ms, nil
	}
	return s.placed(field, t, ms, ok, false)
}

// TimeUTC is Time for vendors that write UTC without saying so.
func (s *Sink) TimeUTC(field, t string) (int64, error) {
	ms, zoned, ok := clock(t)
	if ok && (zoned || s.forms.zone == nil) {
		return ms, nil
	}
	return s.placed(field, t, ms, ok, true)
}

// placed reads a time that is not in a form with a zone that vendors write. If plain is set,
// clock is the time without its zone.
func (s *Sink) placed(field, t string, clock int64, plain, utc bool) (int64, error) {
	p := form.Time{Clock: clock}
	if !plain {
		var err error
		if p, err = s.parse(field, field, t); err == errNoTime {
			return 0, BadTime(field, t)
		}
		if err != nil {
			return 0, err
		}
		if p.Day {
			return 0, fmt.Errorf("%s %q is a day without a time of day", field, clip(t))
		}
	}
	zone := s.forms.zone
	if zone == nil && !utc {
		zone = s.forms.Zone
	}
	stated := p.Zone != nil || zone != nil || utc
	if zone == nil {
		zone = time.UTC
	}
	ms := p.In(zone)
	if !ValidTime(ms) {
		return 0, BadTime(field, t)
	}
	if !stated {
		s.forms.local = ms
	}
	return ms, nil
}

// Day reads a calendar day, with or without a time of day, as it is written. It returns its
// beginning in UTC, Unix milliseconds. The days of one file are written in one order.
func (s *Sink) Day(field, t string) (int64, error) {
	const day = 86400_000
	if len(t) >= 10 && t[4] == '-' && t[7] == '-' && (len(t) == 10 || t[10] != ' ' && t[10] != 'T') { // with the zone of XML, perhaps
		if ms, ok := Date(t[:10]); ok {
			return ms, nil
		}
	}
	p, err := s.parse(field, "days", t)
	if err == errNoTime || err == nil && !ValidTime(p.Clock/day*day) {
		return 0, fmt.Errorf("%s %q is not a date such as 2026-03-31", field, clip(t))
	}
	return p.Clock / day * day, err
}

// parse reads a time in any form. Key is what its order of day and month is remembered under.
func (s *Sink) parse(field, key, t string) (form.Time, error) {
	f := &s.forms
	zone := f.zone
	if zone == nil {
		zone = f.Zone
	}
	known := f.orders[key]
	if f.Order != form.NoOrder {
		known = f.Order
	}
	p, err := form.ParseTime(t, form.NoOrder, zone)
	switch {
	case err == form.ErrZone:
		return p, fmt.Errorf("%s %q %w: several zones have this abbreviation; set the zone of the source, or --zone",
			field, clip(t), ErrAmbiguous)
	case err != nil:
		return p, errNoTime
	case p.Shows != form.NoOrder:
		return p, s.shown(field, key, t, p.Shows)
	case !p.Open:
		return p, nil
	case known != form.NoOrder:
		if f.settled != nil && !f.probing {
			f.settled()
		}
		if p, err = form.ParseTime(t, known, zone); err != nil || p.Open {
			return p, errNoTime
		}
		return p, nil
	case s.ask(key):
		return p, errAsks
	}
	return p, fmt.Errorf("%s %q %w: day first or month first; set date_order of the source, or --date-order", field, clip(t), ErrAmbiguous)
}

// shown notes the order of day and month in a value that has no other meaning.
func (s *Sink) shown(field, key, t string, order form.Order) error {
	f := &s.forms
	known := f.orders[key]
	switch {
	case f.Order != form.NoOrder && f.Order != order:
		return fmt.Errorf("%s %q is %s, but by the configuration dates are %s", field, clip(t), order, f.Order)
	case known != form.NoOrder && known != order:
		return fmt.Errorf("%s %q is %s, but another value of this file is %s", field, clip(t), order, known)
	case known != form.NoOrder:
		return nil
	}
	if f.orders == nil {
		f.orders = map[string]form.Order{}
	}
	f.orders[key] = order
	if f.asks == key {
		f.asks = ""
	}
	return nil
}

// ask reports whether the reader will look for what is needed to read a value.
func (s *Sink) ask(what string) bool {
	f := &s.forms
	if f.probing {
		return true
	}
	if f.asks == "" && f.mayAsk != nil && f.mayAsk(what) {
		f.asks = what
	}
	return f.asks != ""
}

// Rows reads numbers of rows, whose digits may be grouped, and returns the largest. It returns 0
// if there are none, and event.RowsUnknown if none is known and one of them is not a whole number
// or may be either of two.
func (s *Sink) Rows(texts ...string) int64 {
	known, unknown := int64(0), false
	for _, t := range texts {
		if t == "" {
			continue
		}
		if n, ok := s.Count(t); ok {
			known = max(known, n)
		} else {
			unknown = true
		}
	}
	if unknown && known == 0 {
		return event.RowsUnknown
	}
	return known
}

// Count reads a whole number that is not negative, whose digits may be grouped.
func (s *Sink) Count(t string) (n int64, ok bool) {
	if n, ok := plainCount(t); ok {
		return n, true
	}
	f, ok := s.number(t, form.ParseNumber)
	if !ok || f < 0 || f >= 1e18 || f != math.Trunc(f) {
		return 0, false
	}
	return int64(f), true
}

// Size reads a number of bytes, with or without a unit. It returns 0, which stands for an unknown
// size, for anything else.
func (s *Sink) Size(t string) int64 {
	if t == "" {
		return 0
	}
	if n, ok := plainCount(t); ok {
		return n
	}
	f, ok := s.number(t, form.ParseSize)
	if !ok || f < 0 || f >= 1e18 {
		return 0
	}
	return int64(f)
}

// Number reads a number that is not negative, whose digits may be grouped.
func (s *Sink) Number(t string) (float64, bool) {
	f, ok := s.number(t, form.ParseNumber)
	return f, ok && f >= 0
}

// plainCount reads a number without separators.
func plainCount(t string) (n int64, ok bool) {
	if t == "" || len(t) > 18 {
		return 0, false
	}
	for i := 0; i < len(t); i++ {
		c := t[i] - '0'
		if c > 9 {
			return 0, false
		}
		n = n*10 + int64(c)
	}
	return n, true
}

// number reads a number, and notes what it shows about points.
func (s *Sink) number(t string, parse func(string, form.Point) (form.Number, bool)) (float64, bool) {
	f := &s.forms
	n, ok := parse(t, form.NoPoint)
	switch {
	case !ok:
		return 0, false
	case n.Shows != form.NoPoint:
		if f.point == form.NoPoint {
			f.point = n.Shows
			if f.asks == numbers {
				f.asks = ""
			}
		}
		return n.Value, true
	case !n.Open:
		return n.Value, true
	case f.point == form.NoPoint && s.ask(numbers):
		return 0, false
	}
	return s.grouped(t, parse)
}

// grouped reads a number with three digits after its only separator. A comma groups unless
// numbers of the file show otherwise; a point says nothing by itself.
func (s *Sink) grouped(t string, parse func(string, form.Point) (form.Number, bool)) (float64, bool) {
	point := s.forms.point
	if point == form.NoPoint {
		point = s.forms.usual
	}
	if n, ok := parse(t, form.PointDecimal); point == form.NoPoint && ok {
		for i := 0; i < len(t); i++ {
			if t[i] == ',' {
				return n.Value, true
			}
		}
		return 0, false
	}
	if point == form.NoPoint {
		return 0, false
	}
	n, ok := parse(t, point)
	return n.Value, ok && (s.forms.point != form.NoPoint || n.Value >= 1000)
}

// clip shortens a value that a message quotes.
func clip(t string) string {
	if len(t) > 40 {
		return t[:40] + "…"
	}
	return t
}
