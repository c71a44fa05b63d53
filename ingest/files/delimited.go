package files

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/plain"
)

// table is a table found at the beginning of a stream.
type table struct {
	*ingest.Table          // nil if there is none
	before        [][]byte // lines before the header, except those that tools write there
	at            int      // offset of the header in the window
	header        ingest.Header
	names         []string // the columns as they are written
	plan          *plan    // how rows that are not a vendor's own become records
	delim         byte
	zone          *time.Location // that the header states for times; nil if it states none
}

// found reports whether there is a table.
func (t *table) found() bool { return t.Table != nil || t.plan != nil }

// findTable looks for a header among the first lines of the window.
func (r *reader) findTable() (t table) {
	b := r.w.bytes()
	delims := []byte(",;\t|")
	for n := 0; n < manyLines && t.at < len(b); n++ {
		line, _, _ := bytes.Cut(b[t.at:], newline)
		next := t.at + len(line) + 1
		switch line = bytes.TrimSpace(line); { // PowerShell and Excel write lines before the header
		case len(line) == 0, bytes.HasPrefix(line, []byte("#TYPE")):
		case len(line) == 5 && bytes.HasPrefix(line, []byte("sep=")):
			delims = line[4:5]
		case bytes.Contains(line, []byte(`{"`)): // a row, or a record
			t.before = append(t.before, line)
		default:
			if r.header(&t, b[t.at:], delims); t.found() {
				return t
			}
			t.before = append(t.before, line)
		}
		t.at = next
	}
	return table{}
}

// delimited reads a table. Cells are separated by commas, semicolons, tabs or bars and may
// be quoted; columns may be in any order.
func (r *reader) delimited() error {
	w, t := &r.w, r.table
	line := w.lineAt(0)
	for _, b := range t.before {
		if zone := statedZone(b); zone != nil {
			t.zone = zone
			continue
		}
		r.skipped(line, b, int64(len(b)))
	}
	line = w.lineAt(t.at)
	w.advance(t.at)
	columns := r.bind(&t)
	rows := rows{w: w, delim: t.delim, line: line, each: r.rowLines}
	if _, err := rows.next(); err != nil {
		r.known = false
		return &notice{reason: "the header cannot be read: " + err.Error()}
	}

	for !r.stop() {
		if nuls := rows.padding(); nuls > 0 {
			r.problem(rows.line, fmt.Sprintf("%d NUL bytes: what was written here is lost", nuls))
		}
		at := rows.line
		cells, err := rows.next()
		if err == errEnd {
			return nil
		}
		if err == nil && len(cells) == 1 && len(bytes.TrimSpace(cells[0])) == 0 && len(t.header) > 1 { // an empty line
			continue
		}
		if err == nil {
			if err = columns.fit(cells); err != nil {
				rows.back()
			}
		}
		if t.plan != nil {
			r.plannedRow(&columns, t.plan, at, cells, err)
			continue
		}
		if err == nil {
			err = r.row(&columns, cells)
			if r.sink.Asks() != "" {
				r.lookAtRows(&rows, &columns)
				continue
			}
		}

		if err != nil {
			if err == errLongRow {
				r.rep.Oversized++
			}
			r.rep.Undecoded[t.Name]++
			r.problem(at, err.Error())
			continue
		}
		r.wasDecoded(t.Name, at)
	}
	return nil
}

// bind prepares the reading of the rows of a table.
func (r *reader) bind(t *table) columns {
	c := columns{Header: t.header, twins: twins(t.header)}
	r.beginForms(t.zone, usualPoint(t.delim))
	if t.plan == nil {
		c.decode = t.Bind(t.header)
		r.sink.Assume(t.Forms)
	}
	return c
}

// plannedRow decodes the row on a line by a plan, unless there was an error before.
func (r *reader) plannedRow(c *columns, p *plan, line int, row [][]byte, err error) {
	r.tried = nil
	if err == errLongRow {
		r.rep.Oversized++
	}
	if err == nil {
		err = c.agree(row)
	}
	if err == nil {
		c.cells = c.cells[:0]
		for _, text := range row {
			c.cells = append(c.cells, cell{text: text})
		}
		r.lineNumber = line
		err = r.rowRecord(p, c.cells)
		r.lineNumber = 0
	}
	if err != nil {
		r.fail(line, err, nil)
	}
}

// row decodes one row of a table and emits its events.
func (r *reader) row(c *columns, cells [][]byte) error {
	if err := c.agree(cells); err != nil {
		return err
	}
	r.sink.Begin()
	r.sink.Row(c.Header, cells)
	switch err := c.decode(cells, r.sink); err {
	case nil:
		return r.refused()
	case ingest.ErrNotThis:
		return errors.New("a row without the cells that identify an event")
	default:
		return r.unplaced(err)
	}
}

// columns are the columns of a table.
type columns struct {
	ingest.Header
	cells  []cell   // of the row
	twins  [][2]int // pairs of columns with the same name
	decode func(row [][]byte, out *ingest.Sink) error
}

// fit returns an error if a row has a different number of cells than the header. One empty
// cell too many is accepted: it comes from a delimiter at the end of the line.
func (c *columns) fit(cells [][]byte) error {
	n := len(c.Header)
	if len(cells) == n || len(cells) == n+1 && len(cells[n]) == 0 {
		return nil
	}
	return fmt.Errorf("%d cells, but the header has %d", len(cells), n)
}

// agree returns an error if columns of the same name have different values.
func (c *columns) agree(cells [][]byte) error {
	for _, pair := range c.twins {
		if !bytes.Equal(cells[pair[0]], cells[pair[1]]) {
			return fmt.Errorf("the column %q occurs twice, with different values", c.Header[pair[0]])
		}
	}
	return nil
}

// twins returns the pairs of columns with the same (folded) name.
func twins(h ingest.Header) (pairs [][2]int) {
	first := make(map[string]int, len(h))
	for i, name := range h {
		if at, again := first[name]; again && name != "" {
			pairs = append(pairs, [2]int{at, i})
		} else {
			first[name] = i
		}
	}
	return pairs
}

// header finds the table whose header is the row at the start of b, and its delimiter.
func (r *reader) header(t *table, b, delims []byte) {
	for _, d := range delims {
		cells, n, ok := parseRow(b, d, nil, new([]byte), true)
		if ok != rowDone {
			continue
		}
		t.header, t.names, t.delim = make(ingest.Header, len(cells)), make([]string, len(cells)), d
		for i, c := range cells {
			t.names[i] = string(bytes.TrimPrefix(c, utf8BOM))
			t.header[i] = plain.Column(t.names[i])
		}
		var rows [][][]byte
		t.plan = r.planRows(t.names, t.header, func() [][][]byte {
			if rows == nil {
				rows = firstRows(b[n:], d)
			}
			return rows
		}, true)
		if t.plan != nil {
			return
		}
		for _, known := range r.tables {
			if len(cells) > 1 && known.Match(t.header) {
				t.Table = known
				return
			}
		}
		h, zone := zonedColumns(cells)
		for _, known := range r.tables {
			if zone != nil && len(cells) > 1 && known.Match(h) {
				t.Table, t.header, t.zone = known, h, zone
				return
			}
		}
	}
}

// firstRows returns the first rows of a table.
func firstRows(b []byte, delim byte) [][][]byte {
	rows := [][][]byte{}
	for len(rows) < manyLines && len(b) > 0 {
		cells, n, state := parseRow(b, delim, nil, new([]byte), false)
		if state != rowDone {
			cells, n, state = parseRow(b, delim, nil, new([]byte), true)
			if state != rowDone || len(rows) > 0 {
				break
			}
		}
		rows, b = append(rows, cells), b[n:]
	}
	return rows
}

// describeText describes a text file without a known header: its columns, and the known table
// that is nearest. Lines may be before the header.
func (r *reader) describeText(b []byte) string {
	plainText := "text of an unknown kind"
	text := plainText
	for n := 0; n < manyLines && len(b) > 0; n++ {
		var line []byte
		line, b, _ = bytes.Cut(b, newline)
		shown, h := header(line)
		if h == nil {
			continue
		}
		if len(shown) > 4 {
			shown = append(shown[:4], "…")
		}
		s := "a table of an unknown kind, with the columns " + strings.Join(shown, ", ")
		if t, missing := ingest.Nearest(r.tables, h); t != nil {
			return printable(s + "; it is nearest to " + t.Name + ", but lacks " + strings.Join(missing, ", "))
		}
		next, _, _ := bytes.Cut(b, newline)
		if _, row := header(next); n == 0 || text == plainText && len(row) == len(h) {
			text = printable(s)
		}
	}
	return text
}

// header returns the names of the columns that a line may have, as they are written and folded;
// nil if it has fewer than three.
func header(line []byte) (names []string, h ingest.Header) {
	line = bytes.TrimSpace(bytes.TrimPrefix(line, utf8BOM))
	for _, delim := range []byte(",;\t|") {
		if bytes.Count(line, []byte{delim}) < 2 {
			continue
		}
		cells, _, ok := parseRow(line, delim, nil, new([]byte), true)
		if ok != rowDone {
			continue
		}
		for _, c := range cells {
			h = append(h, plain.Column(string(c)))
			names = append(names, string(bytes.TrimSpace(c)))
		}
		return names, h
	}
	return nil, nil
}

// printable replaces characters that could disturb a terminal or a log, since messages
// quote file content.
func printable(s string) string {
	s = plain.Printable(s)
	if r := []rune(s); len(r) > 200 {
		s = string(r[:199]) + "…"
	}
	return s
}

var (
	errEnd     = errors.New("end of table")
	errLongRow = errors.New("a row longer than 4 MiB")
)

// rows reads the rows of a table and recovers after a bad one.
type rows struct {
	w       *window
	delim   byte
	line    int // line number of the next row
	cells   [][]byte
	scratch []byte
	last    int  // length of the previous row in bytes
	each    bool // a row is one line, whatever is in its cells
}

// padding consumes NUL bytes before the next row and returns their number.
func (t *rows) padding() int64 {
	if w := t.w; w.start == w.end && !w.fill() || w.buf[w.start] != 0 {
		return 0
	}
	return t.w.skipNULs()
}

// next returns the cells of the next row, valid until the next call. After an error, the
// next call goes on with the line after the one on which the bad row began, since a cut line
// may have opened a quote that swallows good rows.
func (t *rows) next() ([][]byte, error) {
	w := t.w
	for {
		if w.start == w.end && !w.fill() {
			return nil, errEnd
		}
		if w.buf[w.start] == utf8BOM[0] && bytes.HasPrefix(w.bytes(), utf8BOM) { // where files were joined
			w.advance(len(utf8BOM))
			continue
		}
		cells, n, state := parseRow(w.bytes(), t.delim, t.cells[:0], &t.scratch, w.eof)
		if state == rowShort {
			if !w.full() && w.grow() {
				continue
			}
			if w.full() {
				t.skip()
				return nil, errLongRow
			}
			cells, n, state = parseRow(w.bytes(), t.delim, t.cells[:0], &t.scratch, true)
		}

		t.cells = cells
		switch state {
		case rowBadQuote:
			t.skip()
			return nil, errors.New("text after a closing quote")
		case rowOpenQuote, rowShort:
			t.skip()
			return nil, errors.New("a quote that is never closed")
		}

		t.last = n
		if t.each {
			t.line++
		} else {
			t.line += bytes.Count(w.bytes()[:n], newline)
		}
		w.advance(n)
		return cells, nil
	}
}

// skip skips the line at the start of the window.
func (t *rows) skip() {
	t.line++
	t.w.skipLine()
}

// back goes back to the second line of the row just read, if it spans several.
func (t *rows) back() {
	w := t.w
	row := w.buf[w.start-t.last : w.start]
	if first := bytes.IndexByte(row, '\n') + 1; first > 0 && first < len(row) {
		t.line -= bytes.Count(row[first:], newline)
		w.start -= len(row) - first
		t.last = 0
	}
}

// rowState is the result of parsing a row.
type rowState int

const (
	rowDone      rowState = iota
	rowShort              // more input is needed
	rowBadQuote           // text after a closing quote
	rowOpenQuote          // the input ends inside a quote
)

// parseRow splits the row at the start of b into cells and returns its length including the
// line end. Cells share the memory of b, or of scratch where doubled quotes were undone.
// Last means that the input ends with b.
func parseRow(b []byte, delim byte, cells [][]byte, scratch *[]byte, last bool) ([][]byte, int, rowState) {
	*scratch = (*scratch)[:0]
	for i := 0; ; i++ {
		var cell []byte
		state := rowDone
		if i < len(b) && b[i] == '"' {
			cell, i, state = quotedCell(b, i, scratch, last)
		} else {
			from := i
			for i < len(b) && b[i] != delim && b[i] != '\n' {
				i++
			}
			cell = b[from:i]
			if i == len(b) && !last {
				state = rowShort
			} else if i == len(b) || b[i] == '\n' {
				cell = bytes.TrimSuffix(cell, carriageReturn)
			}
		}
		if state != rowDone {
			return cells, 0, state
		}

		cells = append(cells, cell)
		if i == len(b) || b[i] != delim {
			n, state := rowEnd(b[i:], last)
			return cells, i + n, state
		}
	}
}

// quotedCell reads the cell whose opening quote is at b[i] and returns the offset after the
// closing quote.
func quotedCell(b []byte, i int, scratch *[]byte, last bool) (cell []byte, next int, state rowState) {
	from, doubled := len(*scratch), false
	i++
	for start := i; ; start = i {
		k := bytes.IndexByte(b[i:], '"')
		if k < 0 && last {
			return nil, 0, rowOpenQuote
		}
		if k < 0 || i+k+1 == len(b) && !last { // the next byte may be a second quote
			return nil, 0, rowShort
		}
		i += k + 1
		if i < len(b) && b[i] == '"' {
			*scratch = append(*scratch, b[start:i]...)
			i, doubled = i+1, true
			continue
		}
		if cell = b[start : i-1]; doubled {
			*scratch = append(*scratch, cell...)
			cell = (*scratch)[from:]
		}
		return cell, i, rowDone
	}
}

// rowEnd returns the length of the line end at the start of b, which follows the last cell
// of a row.
func rowEnd(b []byte, last bool) (int, rowState) {
	switch {
	case len(b) == 0:
		return 0, rowDone
	case b[0] == '\n':
		return 1, rowDone
	case b[0] != '\r':
		return 0, rowBadQuote
	case len(b) == 1 && last:
		return 1, rowDone
	case len(b) == 1:
		return 0, rowShort
	case b[1] == '\n':
		return 2, rowDone
	}
	return 0, rowBadQuote
}

var carriageReturn = []byte{'\r'}
