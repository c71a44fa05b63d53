package ingest

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/outflow/outflow/internal/jsonscan"
	"github.com/outflow/outflow/internal/plain"
)

// Column is a column of a table that is declared as data.
type Column struct {
	Field    string   // what it holds, as the table's reader calls it
	Required bool     // without it, the table is another one
	Names    []string // what it is called, in any language; the first is shown to users
	folded   []string // Names as in a Header
}

// Cells returns the cell of a field without surrounding white space; "" if there is none. The
// string is valid only during the call of the reader that it is passed to.
type Cells func(field string) string

// Declare returns a table whose columns are found by their names, in any order. Read emits the
// events of a row.
func Declare(name string, columns []Column, read func(cell Cells, out *Sink) error) *Table {
	for i := range columns {
		for _, n := range columns[i].Names {
			columns[i].folded = append(columns[i].folded, plain.Column(n))
		}
	}
	t := &Table{Name: name, Columns: columns}
	t.Match = func(h Header) bool { return len(t.Missing(h)) == 0 }
	t.Bind = func(h Header) func([][]byte, *Sink) error {
		at := map[string]int{}
		for i := range columns {
			if k := columns[i].in(h); k >= 0 {
				at[columns[i].Field] = k
			}
		}
		var row [][]byte
		cell := func(field string) string {
			if k, has := at[field]; has && k < len(row) {
				return View(bytes.TrimSpace(row[k]))
			}
			return ""
		}
		return func(cells [][]byte, out *Sink) error {
			row = cells
			return read(cell, out)
		}
	}
	return t
}

// in returns the position of the column in a header, or -1.
func (c *Column) in(h Header) int {
	for _, n := range c.folded {
		if i := h.Index(n); i >= 0 {
			return i
		}
	}
	return -1
}

// Missing returns the required columns that a header lacks, by the names shown to users; nil for a
// table that is not declared as data.
func (t *Table) Missing(h Header) (names []string) {
	for i := range t.Columns {
		if c := &t.Columns[i]; c.Required && c.in(h) < 0 {
			names = append(names, c.Names[0])
		}
	}
	return names
}

// Nearest returns, of tables that are declared as data, the one of whose required columns a header
// has most, at least two and at least half of them, and those that it lacks. It returns nil if
// there is none.
func Nearest(tables []*Table, h Header) (t *Table, missing []string) {
	best := 0.0
	for _, k := range tables {
		required := 0
		for i := range k.Columns {
			if k.Columns[i].Required {
				required++
			}
		}
		lacks := k.Missing(h)
		has := required - len(lacks)
		if has < 2 || 2*has < required {
			continue
		}
		if share := float64(has)/float64(required) + float64(has)/1000; share > best {
			best, t, missing = share, k, lacks
		}
	}
	return t, missing
}

// Words folds a name of an action as people write it, to small letters with single blanks and
// without a final stop.
func Words(t string) string {
	return strings.TrimSuffix(strings.Join(strings.Fields(strings.ToLower(t)), " "), ".")
}

// Keyed returns a table whose columns are the keys of a JSON record, in any case: what tools write
// that export objects of an API as rows. Keys names all keys that the decoder knows; a dot stands
// between the keys of nested objects. Required are those without which the table is another one.
func Keyed(name string, required, keys []string, decode func(*jsonscan.Scanner, *Sink) error) *Table {
	t := &Table{Name: name}
	at := map[string][]string{}
	for _, k := range keys {
		at[plain.Column(k)] = strings.Split(k, ".")
	}
	for _, k := range required {
		t.Columns = append(t.Columns, Column{Field: k, Required: true, Names: []string{k}, folded: []string{plain.Column(k)}})
	}
	t.Match = func(h Header) bool { return len(t.Missing(h)) == 0 }
	t.Bind = func(h Header) func([][]byte, *Sink) error {
		return func(row [][]byte, out *Sink) error {
			record := map[string]any{}
			for i, column := range h {
				if path := at[column]; path != nil && i < len(row) && len(row[i]) > 0 {
					put(record, path, string(bytes.TrimSpace(row[i])))
				}
			}
			text, err := json.Marshal(record)
			if err != nil {
				return err
			}
			var s jsonscan.Scanner
			s.Reset(text)
			return decode(&s, out)
		}
	}
	return t
}

// put sets a value in nested objects.
func put(record map[string]any, path []string, value string) {
	for len(path) > 1 {
		inner, _ := record[path[0]].(map[string]any)
		if inner == nil {
			inner = map[string]any{}
			record[path[0]] = inner
		}
		record, path = inner, path[1:]
	}
	record[path[0]] = value
}
