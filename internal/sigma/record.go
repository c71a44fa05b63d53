package sigma

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
	"github.com/outflow/outflow/internal/plain"
)

// fields are what the rules of a source need of its records: a slot for each field, so that a
// record is read once, and only as far as necessary. A path may fill several slots, because
// rules call the same value by different names.
type fields struct {
	source   event.Source
	slots    map[string]int   // by the rules' name of the field, in lower case
	columns  map[string][]int // by the folded name of a column
	named    map[string][]int // by the name of a parameter, in lower case
	root     *node
	keywords bool // a rule looks for words anywhere
	n        int
}

// node is a place in a record that rules ask for, or that leads to one.
type node struct {
	slots []int            // of the fields that are here
	inner map[string]*node // by key in lower case
	pairs bool             // a list of {name, value}: further fields
}

func newFields(source event.Source) *fields {
	return &fields{source: source, slots: map[string]int{}, columns: map[string][]int{}, named: map[string][]int{}, root: &node{}}
}

// slot returns the number of a field, and adds the field if it is new.
func (f *fields) slot(name string) int {
	low := strings.ToLower(name)
	at, known := f.slots[low]
	if known {
		return at
	}
	at = f.n
	f.n++
	f.slots[low] = at
	about := taxonomies[f.source]
	for _, path := range about.paths(low) {
		n := f.root.at(path)
		n.slots = append(n.slots, at)
		column := plain.Column(path)
		f.columns[column] = append(f.columns[column], at)
	}
	if lists := about.parameters(low); len(lists) > 0 {
		f.named[low] = append(f.named[low], at)
		for _, path := range lists {
			f.root.at(path).pairs = true
		}
	}
	if d := about.made[low]; d.from != "" {
		f.slot(d.from)
	}
	return at
}

// at returns the node at a path, which it adds if it is new.
func (n *node) at(path string) *node {
	for _, key := range strings.Split(strings.ToLower(path), ".") {
		if n.inner == nil {
			n.inner = map[string]*node{}
		}
		next := n.inner[key]
		if next == nil {
			next = &node{}
			n.inner[key] = next
		}
		n = next
	}
	return n
}

// under returns the node at a key, in lower case, which may contain dots; nil if there is none.
func (n *node) under(key []byte) *node {
	for n != nil {
		dot := bytes.IndexByte(key, '.')
		if dot < 0 {
			return n.inner[string(key)]
		}
		n, key = n.inner[string(key[:dot])], key[dot+1:]
	}
	return nil
}

// presence is whether a record has a field.
type presence uint8

const (
	missing presence = iota
	isNull           // without a value
	present
)

// Record is a vendor's record. It is read when the first rule needs it. The zero value is ready
// for Reset.
type Record struct {
	raw     []byte   // JSON
	columns []string // or the cells of a row, by folded column
	cells   [][]byte

	of       *fields
	read     bool
	values   [][]string // by slot
	lows     [][]string // values in lower case
	has      []presence // by slot
	keywords bool       // words are collected
	words    []string   // all values and keys
	lowWords []string   // in lower case
	key      []byte
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
	r.of, r.read, r.keywords = f, true, f.keywords
	for len(r.values) < f.n {
		r.values, r.lows, r.has = append(r.values, nil), append(r.lows, nil), append(r.has, missing)
	}
	for i := range r.values {
		r.values[i], r.lows[i], r.has[i] = r.values[i][:0], r.lows[i][:0], missing
	}
	r.words, r.lowWords = r.words[:0], r.lowWords[:0]
	if r.columns != nil {
		r.row()
	} else {
		var s jsonscan.Scanner
		s.Reset(r.raw)
		r.walk(&s, f.root, 0)
	}
	for name, d := range taxonomies[f.source].made {
		if to, wanted := f.slots[name]; wanted {
			for _, v := range r.values[f.slots[d.from]] {
				r.set(to, d.as(v))
			}
		}
	}
}

// row takes the cells that rules need. An empty cell is how a table writes both null and an
// empty text.
func (r *Record) row() {
	for i, c := range r.cells {
		if i < len(r.columns) {
			for _, at := range r.of.columns[r.columns[i]] {
				r.set(at, string(c))
				if len(c) == 0 {
					r.has[at] = isNull
				}
			}
		}
		if r.keywords {
			r.word(string(c))
		}
	}
}

// set adds a value of a field.
func (r *Record) set(at int, v string) {
	r.values[at] = append(r.values[at], v)
	r.lows[at] = append(r.lows[at], lower(v))
	r.has[at] = present
}

// word adds a text in which rules look for words.
func (r *Record) word(t string) {
	r.words, r.lowWords = append(r.words, t), append(r.lowWords, lower(t))
}

// walk visits a value. N is the node of its place; nil if no rule asks for anything there.
func (r *Record) walk(s *jsonscan.Scanner, n *node, depth int) {
	if n == nil && !r.keywords || depth > maxDepth {
		s.Skip()
		return
	}
	switch s.Kind() {
	case '{':
		switch {
		case n != nil && (len(n.slots) > 0 || n.pairs):
			r.whole(s.Raw(), n, depth)
		case r.keywords || n.inner != nil:
			r.object(s, n, depth)
		default:
			s.Skip()
		}

	case '[':
		r.note(n, present)
		if s.Array() {
			for s.Elem() {
				r.walk(s, n, depth+1)
			}
		}

	case 'n':
		s.Skip()
		r.note(n, isNull)
	case 0:
	default:
		r.scalar(s, n)
	}
}

// note notes that a record has the fields of a node.
func (r *Record) note(n *node, how presence) {
	if n == nil {
		return
	}
	for _, at := range n.slots {
		r.has[at] = max(r.has[at], how)
	}
}

// scalar takes a text, a number or a boolean.
func (r *Record) scalar(s *jsonscan.Scanner, n *node) {
	if n != nil && len(n.slots) == 0 && !r.keywords {
		s.Skip()
		return
	}
	text := strings.Clone(s.Text())
	if n != nil {
		for _, at := range n.slots {
			r.set(at, text)
		}
	}
	if r.keywords {
		r.word(text)
	}
}

// whole reads an object that is itself a field, whose value is its JSON text, or the element of
// a list of parameters.
func (r *Record) whole(raw []byte, n *node, depth int) {
	if len(n.slots) > 0 {
		var b bytes.Buffer
		if json.Compact(&b, raw) == nil {
			text := b.String()
			for _, at := range n.slots {
				r.set(at, text)
			}
		}
	}
	var s jsonscan.Scanner
	if n.pairs {
		r.parameter(raw)
	}
	if n.inner != nil || r.keywords {
		s.Reset(raw)
		r.object(&s, n, depth)
	}
}

// object visits the fields of an object.
func (r *Record) object(s *jsonscan.Scanner, n *node, depth int) {
	if !s.Object() {
		return
	}
	for s.Next() {
		if r.keywords {
			r.word(string(s.Key))
		}
		if n == nil {
			r.walk(s, nil, depth+1)
			continue
		}
		r.key = r.key[:0]
		for _, c := range s.Key {
			if c >= 'A' && c <= 'Z' {
				c |= 0x20
			}
			r.key = append(r.key, c)
		}
		r.walk(s, n.under(r.key), depth+1)
	}
}

// parameterValues are the keys, in lower case, in which vendors write the value of a parameter.
var parameterValues = map[string]bool{
	"value": true, "newvalue": true, "intvalue": true, "boolvalue": true,
	"multivalue": true, "multiintvalue": true, "multiboolvalue": true, "multistrvalue": true,
}

// parameter reads an element of a list of {name, value} as a field of that name.
func (r *Record) parameter(raw []byte) {
	var s jsonscan.Scanner
	s.Reset(raw)
	if !s.Object() {
		return
	}
	var slots []int
	for s.Next() {
		if bytes.EqualFold(s.Key, []byte("name")) {
			slots = r.of.named[lower(s.Text())]
			break
		}
		s.Skip()
	}
	if len(slots) == 0 {
		return
	}
	value := node{slots: slots}
	keywords := r.keywords
	r.keywords = false
	s.Reset(raw)
	s.Object()
	for s.Next() {
		if parameterValues[lower(string(s.Key))] {
			r.walk(&s, &value, 0)
		} else {
			s.Skip()
		}
	}
	r.keywords = keywords
}
