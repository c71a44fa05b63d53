package sigma

import (
	"bytes"
	"strings"

	"github.com/outflow/outflow/internal/jsonscan"
	"github.com/outflow/outflow/internal/plain"
)

// fields are what the rules of a source need of records: a slot for each field, so that a
// record is read once, and only as far as necessary.
type fields struct {
	slots    map[string]int // by path in lower case, other names of a field included
	columns  map[string]int // the same by the folded name of a column
	prefixes map[string]bool
	keywords bool // a rule looks for words anywhere
	n        int
}

func newFields() *fields {
	return &fields{slots: map[string]int{}, columns: map[string]int{}, prefixes: map[string]bool{"": true}}
}

// slot returns the number of a field, and adds the field with its other names if it is new.
func (f *fields) slot(name string, others []string) int {
	low := strings.ToLower(name)
	at, known := f.slots[low]
	if !known {
		at = f.n
		f.n++
		f.add(low, at)
	}
	for _, o := range others {
		if o = strings.ToLower(o); o != low {
			if _, taken := f.slots[o]; !taken {
				f.add(o, at)
			}
		}
	}
	return at
}

// add adds a name of a field.
func (f *fields) add(path string, at int) {
	f.slots[path] = at
	f.columns[plain.Column(path)] = at
	for i := range path {
		if path[i] == '.' {
			f.prefixes[path[:i]] = true
		}
	}
}

// Record is a vendor's record. It is read when the first rule needs it. The zero value is ready
// for Reset.
type Record struct {
	raw     []byte   // JSON
	columns []string // or the cells of a row, by folded column
	cells   [][]byte

	of     *fields
	read   bool
	values [][]string // by slot
	lows   [][]string // values in lower case
	texts  []string   // all values in lower case, if a rule looks for words
	path   []byte
}

// Reset sets the record to JSON, which must not change until the last Match.
func (r *Record) Reset(raw []byte) { r.raw, r.columns, r.cells, r.read = raw, nil, nil, false }

// ResetRow sets the record to a row of a table, by folded column names (plain.Column).
func (r *Record) ResetRow(columns []string, cells [][]byte) {
	r.raw, r.columns, r.cells, r.read = nil, columns, cells, false
}

// prepare reads the record for the rules of a source.
func (r *Record) prepare(f *fields) {
	if r.read && r.of == f {
		return
	}
	r.of, r.read = f, true
	for len(r.values) < f.n {
		r.values, r.lows = append(r.values, nil), append(r.lows, nil)
	}
	for i := range r.values {
		r.values[i], r.lows[i] = r.values[i][:0], r.lows[i][:0]
	}
	r.texts, r.path = r.texts[:0], r.path[:0]
	if r.columns != nil {
		r.row()
		return
	}
	var s jsonscan.Scanner
	s.Reset(r.raw)
	r.walk(&s, 0)
	if to, wanted := f.slots["eventservice"]; wanted { // the name that rules use for Google's services
		for _, app := range r.values[f.slots["id.applicationname"]] {
			r.set(to, app+".googleapis.com")
		}
	}
}

// row takes the cells that rules need.
func (r *Record) row() {
	for i, c := range r.cells {
		if i < len(r.columns) && len(c) > 0 {
			if at, wanted := r.of.columns[r.columns[i]]; wanted {
				r.set(at, string(c))
			}
		}
		if r.of.keywords {
			r.texts = append(r.texts, strings.ToLower(string(c)))
		}
	}
}

// set adds a value of a field.
func (r *Record) set(at int, v string) {
	r.values[at] = append(r.values[at], v)
	r.lows[at] = append(r.lows[at], lower(v))
}

// pairLists are lists of {name, value} in which vendors have further fields.
var pairLists = map[string]bool{
	"events.parameters":  true,
	"parameters":         true,
	"extendedproperties": true,
	"modifiedproperties": true,
}

// walk visits a value at the current path.
func (r *Record) walk(s *jsonscan.Scanner, depth int) {
	switch s.Kind() {
	case '{':
		if depth > maxDepth || !r.of.keywords && !r.of.prefixes[string(r.path)] && !pairLists[string(r.path)] {
			s.Skip()
			return
		}
		if pairLists[string(r.path)] {
			r.pair(s.Raw(), depth)
			return
		}
		r.object(s, depth)

	case '[':
		if depth > maxDepth {
			s.Skip()
			return
		}
		if s.Array() {
			for s.Elem() {
				r.walk(s, depth+1)
			}
		}

	case 'n':
		s.Skip() // null is treated as missing
	case 0:
	default:
		at, wanted := r.of.slots[string(r.path)]
		switch {
		case wanted:
			r.set(at, strings.Clone(s.Text()))
		case !r.of.keywords:
			s.Skip()
			return
		}
		if r.of.keywords {
			if wanted {
				r.texts = append(r.texts, r.lows[at][len(r.lows[at])-1])
			} else {
				r.texts = append(r.texts, strings.ToLower(strings.Clone(s.Text())))
			}
		}
	}
}

// object visits the fields of an object at the current path.
func (r *Record) object(s *jsonscan.Scanner, depth int) {
	if !s.Object() {
		return
	}
	end := len(r.path)
	for s.Next() {
		if end > 0 {
			r.path = append(r.path, '.')
		}
		for _, c := range s.Key {
			if c >= 'A' && c <= 'Z' {
				c |= 0x20
			}
			r.path = append(r.path, c)
		}
		r.walk(s, depth+1)
		r.path = r.path[:end]
	}
}

// pair reads an element of a list of {name, value}: as a field of that name, and
// as what it is.
func (r *Record) pair(raw []byte, depth int) {
	var s jsonscan.Scanner
	s.Reset(raw)
	name, at, wanted := "", 0, false
	if s.Object() {
		for s.Next() {
			switch {
			case bytes.EqualFold(s.Key, []byte("name")):
				name = strings.ToLower(s.Text())
				at, wanted = r.of.slots[name]
			case wanted && (bytes.EqualFold(s.Key, []byte("value")) || bytes.EqualFold(s.Key, []byte("newvalue")) ||
				bytes.EqualFold(s.Key, []byte("intvalue")) || bytes.EqualFold(s.Key, []byte("boolvalue"))):
				if k := s.Kind(); k != '[' && k != '{' && k != 'n' {
					r.set(at, strings.Clone(s.Text()))
				} else {
					s.Skip()
				}
			default:
				s.Skip()
			}
		}
	}
	if r.of.keywords || r.of.prefixes[string(r.path)] {
		s.Reset(raw)
		r.object(&s, depth)
	}
}
