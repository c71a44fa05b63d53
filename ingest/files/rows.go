package files

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/jsonscan"
	"github.com/outflow/outflow/internal/plain"
)

// plan says how the rows of a table that is no vendor's own become records of one.
type plan struct {
	name   string   // of what wrote the table, as in docs/sources.md
	header []string // names of the columns, as they are written
	column int      // the column that holds a whole record; -1 if none does
	shape  *shape   // else, how the cells become a record
}

// cell is one value of a row.
type cell struct {
	text []byte
	json bool // it is written in JSON
}

// recordColumns are columns that hold whole records. They outrank the tables of vendors, since
// search engines write what they have found in a record beside it.
var recordColumns = map[string]string{
	"raw":                 "Splunk",
	"@message":            "CloudWatch Logs",
	"eventjson":           "CloudTrail Lake",
	"eventdata":           "CloudTrail Lake",
	"raweventdata":        "Defender XDR",
	"eventoriginal":       "Elastic Beats",
	"sourceeventoriginal": "Elasticsearch",
	"source":              "Elasticsearch",
	"@rawstring":          "Falcon LogScale",
}

// planRows returns how rows with a header, also folded, become records, or nil if they do not.
// The first rows, as far as they are known, show which column holds records. If tables is set,
// a header of a vendor's table has no plan.
func (r *reader) planRows(header []string, folded ingest.Header, rows func() [][][]byte, tables bool) *plan {
	p := &plan{header: slices.Clone(header), column: -1}
	for i, name := range folded {
		if c := recordColumns[name]; c != "" && r.columnHolds(rows, i, len(header)) {
			p.name, p.column = c, i
			return p
		}
	}
	for _, s := range schemas {
		if s.first && s.matches(folded) {
			p.name, p.shape = s.name, s.shape(header)
			return p
		}
	}
	if tables && slices.ContainsFunc(r.tables, func(t *ingest.Table) bool { return t.Match(folded) }) {
		return nil
	}
	for _, s := range schemas {
		if s.matches(folded) {
			p.name, p.shape = s.name, s.shape(header)
			return p
		}
	}
	for i := range header {
		if len(header) > 1 && r.columnHolds(rows, i, len(header)) {
			p.name, p.column = "column "+strings.TrimSpace(header[i]), i
			return p
		}
	}
	for _, s := range flatSchemas {
		shape := s.shape(header)
		if shape != nil && r.match(shape.keys()) != nil {
			p.name, p.shape = s.name, shape
			return p
		}
	}
	return nil
}

// fold returns the folded names of columns.
func fold(names []string) ingest.Header {
	folded := make(ingest.Header, len(names))
	for i, name := range names {
		folded[i] = plain.Column(name)
	}
	return folded
}

// columnHolds reports whether the first cells of a column are known records, or envelopes of
// some.
func (r *reader) columnHolds(rows func() [][][]byte, column, width int) bool {
	some := false
	if rows == nil || r.depth == maxEnvelopes {
		return false
	}
	for _, row := range rows() {
		if len(row) != width {
			return false
		}
		if len(bytes.TrimSpace(row[column])) == 0 {
			continue
		}
		text, err := r.inText(bytes.TrimSpace(row[column]))
		if err != nil || len(text) == 0 {
			return false
		}
		r.depth++
		known, _, _ := r.recognise(text)
		r.depth--
		if !known {
			return false
		}
		some = true
	}
	return some
}

// rowRecord decodes a row by a plan.
func (r *reader) rowRecord(p *plan, cells []cell) error {
	before := r.rep.Records
	var err error
	switch {
	case r.depth == maxEnvelopes:
		return errNested
	case p.column >= 0:
		err = r.carried(p.name, cells[p.column].text)
	default:
		r.build = p.shape.append(r.build[:0], cells)
		record := r.build
		r.build = nil // the record may be a row itself
		err = r.carried(p.name, record)
		r.build = record
	}
	if err == nil {
		r.enveloped(p.name, r.rep.Records-before)
	}
	return err
}

// flattened reports whether an object may be a record whose levels were joined to one: its
// keys are paths, or those of a table of Azure Monitor.
func flattened(keys ingest.Keys) bool {
	dots := 0
	for _, k := range keys {
		if k == "TimeGenerated" || strings.HasPrefix(k, "TimeGenerated ") {
			return true
		}
		if at := strings.IndexByte(k, '.'); at > 0 && at < len(k)-1 {
			dots++
		}
	}
	return dots >= 3
}

// planned returns the plan for flat objects with these keys, or nil.
func (r *reader) planned(keys ingest.Keys) *plan {
	if !slices.Equal(r.joinedKeys, keys) {
		r.joinedKeys, r.joined = slices.Clone(keys), r.planRows(keys, fold(keys), nil, false)
		if p := r.joined; p != nil && p.name == joinedKeys && len(p.shape.kids) == len(keys) { // nothing is joined
			r.joined = nil
		}
	}
	return r.joined
}

// unflatten decodes the flat object at the start of b, which has these keys, and returns its length.
func (r *reader) unflatten(keys ingest.Keys, b []byte) (int, error) {
	p := r.planned(keys)
	if p == nil {
		return 0, ingest.ErrNotThis
	}
	s := jsonscan.Scanner{Unique: true}
	s.Reset(b)
	s.Object()
	cells := make([]cell, 0, len(keys))
	for s.Next() {
		if len(cells) < len(keys) {
			cells = append(cells, cell{s.RawUnchecked(), true})
		} else {
			s.Skip()
		}
	}
	if s.Err() != nil {
		return 0, s.Err()
	}
	return s.Offset(), r.rowRecord(p, cells)
}

// pairs reads the row at the start of b, a list of objects of one name and one value each, as
// the answers of queries have them, and returns its length. It is false if b begins with
// no such row.
func pairs(b []byte) (names []string, cells []cell, n int, ok bool) {
	var s jsonscan.Scanner
	s.Reset(b)
	if s.Kind() != '[' {
		return nil, nil, 0, false
	}
	s.Array()
	for s.Elem() {
		if s.Kind() != '{' || len(names) >= 256 {
			return nil, nil, 0, false
		}
		name, c, count := "", cell{json: true}, 0
		field := false
		s.Object()
		for s.Next() {
			switch key := string(s.Key); {
			case key == "field" && s.Kind() == '"':
				name, field = s.Text(), true
				name = strings.Clone(name)
			case key == "value" && field:
				c.text = s.RawUnchecked()
			default:
				if count++; !field {
					name = key
				}
				c.text = s.RawUnchecked()
			}
		}
		if count > 1 || count == 1 && field || name == "" || s.Err() != nil || slices.Contains(names, name) {
			return nil, nil, 0, false
		}
		names, cells = append(names, name), append(cells, c)
	}
	return names, cells, s.Offset(), s.Err() == nil && len(names) > 0
}

// values reads the row at the start of b, a list of values, and returns its length.
func values(b []byte) (cells []cell, n int, err error) {
	var s jsonscan.Scanner
	s.Reset(b)
	if s.Kind() != '[' {
		s.Fail("expected a row")
		return nil, 0, s.Err()
	}
	s.Array()
	for s.Elem() {
		cells = append(cells, cell{s.RawUnchecked(), true})
	}
	return cells, s.Offset(), s.Err()
}

// columnNames reads the names of columns at the start of b: a list of names, or of objects with
// a name. It is nil if b has no such list.
func columnNames(b []byte) (names []string) {
	var s jsonscan.Scanner
	s.Reset(b)
	if s.Kind() != '[' {
		return nil
	}
	s.Array()
	for s.Elem() {
		name := ""
		switch s.Kind() {
		case '"':
			name = strings.Clone(s.Text())
		case '{':
			s.Object()
			for s.Next() {
				switch string(s.Key) {
				case "name", "Name", "ColumnName", "columnName":
					name = strings.Clone(s.Text())
				default:
					s.Skip()
				}
			}
		}
		if name == "" || len(names) >= 1024 {
			return nil
		}
		names = append(names, name)
	}
	if s.Err() != nil {
		return nil
	}
	return names
}

// columnKeys are the keys under which the answers of queries name their columns.
var columnKeys = map[string]bool{"columns": true, "Columns": true, "fields": true}

// knownRow reports whether a row becomes a known record.
func (r *reader) knownRow(names []string, cells []cell) bool {
	return r.planRows(names, fold(names), oneRow(cells), false) != nil
}

// oneRow returns the cells of a row as the only row.
func oneRow(cells []cell) func() [][][]byte {
	row := make([][]byte, len(cells))
	for i, c := range cells {
		row[i] = c.text
	}
	return func() [][][]byte { return [][][]byte{row} }
}

// rowsAhead returns how the rows of a list become records, or nil if they do not; more means that a
// longer b, which begins inside the list, may give another answer.
func (r *reader) rowsAhead(columns []string, b []byte) (p *plan, more bool) {
	var rows [][][]byte
	for len(rows) < manyLines {
		for len(b) > 0 && (separator(b) > 0 || b[0] == ',') {
			b = b[max(1, separator(b)):]
		}
		if len(b) > 0 && b[0] == ']' {
			break
		}
		cells, n, err := values(b)
		if err != nil && len(rows) > 0 {
			break // enough is seen
		}
		if err != nil || len(cells) != len(columns) {
			return nil, err == jsonscan.ErrShort
		}
		rows, b = append(rows, oneRow(cells)()...), b[n:]
	}
	return r.planRows(columns, fold(columns), func() [][][]byte { return rows }, false), false
}

// listRow decodes the row at the start of the window, a list in a list, reading more input as
// needed. It returns false and consumes nothing if it is none.
func (r *reader) listRow() bool {
	w := &r.w
	for {
		n, err := r.decodeRow(w.bytes())
		if err == jsonscan.ErrShort && !w.full() && w.grow() {
			continue
		}
		if err == ingest.ErrNotThis || err == jsonscan.ErrShort {
			return false
		}
		if err != nil {
			r.fail(r.lineNow(), err, w.bytes()[:n])
		}
		w.advance(n)
		return true
	}
}

// decodeRow decodes the row at the start of b and returns its length. The error is
// ingest.ErrNotThis if it is none, or as that of decode.
func (r *reader) decodeRow(b []byte) (int, error) {
	if p := r.columns; p != nil {
		cells, n, err := values(b)
		if err != nil {
			return 0, err
		}
		if len(cells) != len(p.header) {
			return n, fmt.Errorf("%d values, but there are %d columns", len(cells), len(p.header))
		}
		return n, r.rowRecord(p, cells)
	}
	names, cells, n, ok := pairs(b)
	if !ok {
		return 0, ingest.ErrNotThis
	}
	if r.plan == nil || !slices.Equal(r.plan.header, names) {
		if r.plan = r.planRows(names, fold(names), oneRow(cells), false); r.plan == nil {
			return n, &unknownRecord{keys: names}
		}
	}
	return n, r.rowRecord(r.plan, cells)
}
