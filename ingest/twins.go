package ingest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// Limits of reading a record in which keys occur twice.
const (
	maxTwins    = 8  // keys of one record
	maxReadings = 32 // combinations of their values
)

// Decode decodes the JSON record at the start of b and returns its length. The scanner must be
// Unique.
//
// If a key that is read occurs twice with different values, its value is unknown: the record is
// read without the key, and Ambiguous returns it. The error is a *jsonscan.DuplicateKeyError
// instead if it depends on the value what was done, when, by whom and with what outcome, or if the
// events without the key state something that is not so with one of the values.
func (s *Sink) Decode(scan *jsonscan.Scanner, b []byte, decode func(*jsonscan.Scanner, *Sink) error) (int, error) {
	err := s.decodeOnce(scan, b, decode)
	if err == nil {
		return scan.Offset(), nil
	}
	if twin := (*jsonscan.DuplicateKeyError)(nil); !errors.As(err, &twin) {
		return 0, err
	}
	var whole jsonscan.Scanner
	whole.Reset(b)
	if whole.Skip(); whole.Err() != nil {
		return 0, whole.Err()
	}
	n := whole.Offset()
	t := twins{sink: s, scan: scan, decode: decode}
	without, keys, ok := t.without(b[:n])
	if !ok {
		return 0, err
	}
	if s.Asks() != "" {
		return 0, errAsks
	}
	if err := s.decodeOnce(scan, without, decode); err != nil {
		return 0, err
	}
	s.ambiguous = append(s.ambiguous, keys...)
	return n, nil
}

// Ambiguous returns the keys of the current record whose value is unknown, because they occur
// twice with different values. The result is valid until Begin.
func (s *Sink) Ambiguous() []string { return s.ambiguous }

// decodeOnce decodes the record at the start of b. If events are inspected, all of its keys count
// as read.
func (s *Sink) decodeOnce(scan *jsonscan.Scanner, b []byte, decode func(*jsonscan.Scanner, *Sink) error) error {
	scan.Reset(b)
	if s.Inspected() {
		if scan.Raw(); scan.Err() != nil {
			return scan.Err()
		}
		s.Native(b[:scan.Offset()])
		scan.Reset(b)
	}
	return decode(scan, s)
}

// twins reads a record in which keys occur twice.
type twins struct {
	sink     *Sink
	scan     *jsonscan.Scanner
	decode   func(*jsonscan.Scanner, *Sink) error
	readings int
}

// without returns a record without the keys that occur twice with different values, and these
// keys. It is false if their values matter too much.
func (t *twins) without(record []byte) (text []byte, keys []string, ok bool) {
	text = record
	for range maxTwins {
		said, err := t.try(text)
		twin := (*jsonscan.DuplicateKeyError)(nil)
		if !errors.As(err, &twin) {
			return text, keys, err == nil && t.holds(record, said)
		}
		key, without, each, split := twin.Split(text)
		if !split {
			break
		}
		if text = without; len(each) > 1 {
			keys = append(keys, key[:min(len(key), 64)])
		}
	}
	return nil, nil, false
}

// holds reports whether statements hold whichever values of its keys count in a record.
func (t *twins) holds(record []byte, said []statement) bool {
	if t.readings++; t.readings > maxReadings {
		return false
	}
	got, err := t.try(record)
	if twin := (*jsonscan.DuplicateKeyError)(nil); errors.As(err, &twin) {
		_, _, each, ok := twin.Split(record)
		for _, one := range each {
			ok = ok && t.holds(one, said)
		}
		return ok
	}
	if err != nil || len(got) != len(said) {
		return false
	}
	for i := range said {
		if !said[i].holds(&got[i]) {
			return false
		}
	}
	return true
}

// try returns what the events of a record say, without emitting them.
func (t *twins) try(record []byte) ([]statement, error) {
	s := t.sink
	pending, native, outer, keys := s.pending, s.native, s.trial, len(s.ambiguous)
	s.trial = []statement{}
	err := s.decodeOnce(t.scan, record, t.decode)
	said := s.trial
	s.pending, s.native, s.trial, s.ambiguous = pending, native, outer, s.ambiguous[:keys]
	if s.Asks() != "" {
		return nil, nil // the record is decoded again
	}
	return said, err
}

// statement is what an event says.
type statement struct {
	deed  string   // what was done, when, by whom and with what outcome
	facts []string // everything else that detectors count or grade, as far as it is known
}

// holds reports whether everything that a statement says is so in another one.
func (a *statement) holds(b *statement) bool {
	if a.deed != b.deed {
		return false
	}
	for _, fact := range a.facts {
		if !slices.Contains(b.facts, fact) {
			return false
		}
	}
	return true
}

// stated returns what an event says. Names and where the person acted from are left out: they
// accuse nobody.
func stated(e *event.Event) (s statement) {
	s.deed = fmt.Sprintf("%d %d %q %d %d %v %q %q %v %d",
		e.Source, e.Time, e.Action, e.Class, e.Outcome, e.Zoneless, e.Actor.Account, e.Actor.OnBehalfOf, e.Actor.Guest, e.Actor.Kind)
	fact := func(name, value string) {
		if value != "" {
			s.facts = append(s.facts, name+" "+value)
		}
	}
	number := func(name string, n int64) {
		if n != 0 {
			fact(name, fmt.Sprint(n))
		}
	}
	fact("object", e.Object.ID)
	fact("type", e.Object.Type)
	fact("container", e.Object.Container)
	fact("owner", e.Object.Owner)
	fact("label", e.Object.Label)
	number("before", int64(e.Before))
	number("after", int64(e.After))
	number("rows", e.Rows)
	number("bytes", e.Bytes)
	number("items", e.Items)
	number("size", e.Object.Size)
	if e.Object.Folder {
		fact("folder", "true")
	}
	for _, to := range e.To {
		fact("to", fmt.Sprintf("%q %d", to.Account, to.Scope))
	}
	for _, a := range e.Attrs {
		fact(a.Name, a.Value)
	}
	return s
}
