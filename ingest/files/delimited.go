package files

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/plain"
)

// delimited reads a table: comma, semicolon, tab or bar, cells quoted or not,
// any order of columns.
func (r *reader) delimited() error {
	w := &r.w
	line := w.lineAt(0)
	delims := []byte(",;\t|")
	for { // lines that PowerShell and Excel put before the header
		b, _, _ := bytes.Cut(w.bytes(), newline)
		b = bytes.TrimSpace(b)
		if len(b) == 5 && bytes.HasPrefix(b, []byte("sep=")) {
			delims = b[4:5]
		} else if !bytes.HasPrefix(b, []byte("#TYPE")) && len(b) > 0 {
			break
		}
		if w.start == w.end && !w.fill() {
			return &notice{reason: "empty file"}
		}
		w.skipLine()
		line++
	}
	table, header, delim := r.header(delims)
	if table == nil {
		return &notice{reason: describeText(w.bytes())}
	}
	read := table.Bind(header)
	rows := rows{w: w, delim: delim, line: line}
	if _, err := rows.next(); err != nil {
		return &notice{reason: "the header cannot be read: " + err.Error()}
	}
	for !r.stop() {
		at := rows.line
		cells, err := rows.next()
		if err == errEnd {
			return nil
		}
		if err == nil && len(cells) != len(header) {
			if len(cells) == 1 && len(bytes.TrimSpace(cells[0])) == 0 {
				continue
			}
			if len(cells) != len(header)+1 || len(cells[len(header)]) > 0 {
				err = fmt.Errorf("%d cells, but the header has %d", len(cells), len(header))
				rows.back()
			}
		}
		if err == nil {
			r.sink.Begin()
			r.sink.Row(header, cells)
			if err = read(cells, r.sink); err == ingest.ErrNotThis {
				err = errors.New("a row without the cells that identify an event")
			}
		}
		if err != nil {
			r.problem(at, err.Error())
			continue
		}
		r.rep.Records++
		r.rep.Formats[table.Name]++
	}
	return nil
}

// header finds the delimiter and the table that the first row belongs to.
func (r *reader) header(delims []byte) (*ingest.Table, ingest.Header, byte) {
	for _, d := range delims {
		cells, _, ok := parseRow(r.w.bytes(), d, nil, new([]byte), true)
		if ok != rowDone || len(cells) < 2 {
			continue
		}
		h := make(ingest.Header, len(cells))
		for i, c := range cells {
			h[i] = plain.Column(string(c))
		}
		for _, t := range r.tables {
			if t.Match(h) {
				return t, h, d
			}
		}
	}
	return nil, nil, 0
}

// describeText says what a text file without a known header looks like.
func describeText(b []byte) string {
	line, _, _ := bytes.Cut(b, newline)
	if n := bytes.Count(line, []byte{','}); n >= 2 {
		cols := strings.Split(string(bytes.TrimSpace(line)), ",")
		if len(cols) > 4 {
			cols = append(cols[:4], "…")
		}
		return printable("a table of an unknown kind, with the columns " + strings.Join(cols, ", "))
	}
	return "text of an unknown kind"
}

// printable replaces what could disturb a terminal or a log: file content ends
// up in these messages.
func printable(s string) string {
	s = strings.Map(func(c rune) rune {
		if plain.Disturbs(c) {
			return '·'
		}
		return c
	}, s)
	if r := []rune(s); len(r) > 200 {
		s = string(r[:199]) + "…"
	}
	return s
}

var errEnd = errors.New("end of table")

// rows reads one row after another and finds its way back after a bad one.
type rows struct {
	w       *window
	delim   byte
	line    int // of the next row
	cells   [][]byte
	scratch []byte
	last    int // bytes of the row before
}

// next returns the cells of the next row, valid until the call after. After an
// error the next call goes on with the physical line after the one that the bad
// row began on: a cut line may have opened a quote that swallows good rows.
func (t *rows) next() ([][]byte, error) {
	w := t.w
	for {
		if w.start == w.end && !w.fill() {
			return nil, errEnd
		}
		cells, n, state := parseRow(w.bytes(), t.delim, t.cells[:0], &t.scratch, w.eof)
		if state == rowShort {
			if w.fill() {
				continue
			}
			if w.full() {
				t.skip()
				return nil, errors.New("a row longer than 4 MiB")
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
		t.line += bytes.Count(w.bytes()[:n], newline)
		w.advance(n)
		return cells, nil
	}
}

// skip leaves the physical line at the start of the window.
func (t *rows) skip() {
	t.line++
	t.w.skipLine()
}

// back returns to the second physical line of the row just read, if it has one.
func (t *rows) back() {
	w := t.w
	row := w.buf[w.start-t.last : w.start]
	if first := bytes.IndexByte(row, '\n') + 1; first > 0 && first < len(row) {
		t.line -= bytes.Count(row[first:], newline)
		w.start -= len(row) - first
		t.last = 0
	}
}

type rowState int

const (
	rowDone rowState = iota
	rowShort
	rowBadQuote
	rowOpenQuote
)

// parseRow splits the row that b begins with into cells and returns how many
// bytes it takes with its line end. Cells share the memory of b, or of scratch
// where quotes were doubled.
func parseRow(b []byte, delim byte, cells [][]byte, scratch *[]byte, last bool) ([][]byte, int, rowState) {
	*scratch = (*scratch)[:0]
	i := 0
	for {
		if i < len(b) && b[i] == '"' {
			start, from := i+1, len(*scratch)
			i++
			doubled := false
			for {
				k := bytes.IndexByte(b[i:], '"')
				if k < 0 {
					if last {
						return cells, 0, rowOpenQuote
					}
					return cells, 0, rowShort
				}
				i += k
				if i+1 == len(b) && !last {
					return cells, 0, rowShort
				}
				if i+1 < len(b) && b[i+1] == '"' {
					*scratch = append(*scratch, b[start:i+1]...)
					i += 2
					start, doubled = i, true
					continue
				}
				break
			}
			cell := b[start:i]
			if doubled {
				*scratch = append(*scratch, cell...)
				cell = (*scratch)[from:]
			}
			cells = append(cells, cell)
			i++
		} else {
			start := i
			for i < len(b) && b[i] != delim && b[i] != '\n' {
				i++
			}
			if i == len(b) && !last {
				return cells, 0, rowShort
			}
			cell := b[start:i]
			if (i == len(b) || b[i] == '\n') && len(cell) > 0 && cell[len(cell)-1] == '\r' {
				cell = cell[:len(cell)-1]
			}
			cells = append(cells, cell)
		}
		switch {
		case i == len(b):
			return cells, i, rowDone
		case b[i] == delim:
			i++
		case b[i] == '\n':
			return cells, i + 1, rowDone
		case b[i] == '\r' && i+1 < len(b) && b[i+1] == '\n':
			return cells, i + 2, rowDone
		case b[i] == '\r' && i+1 == len(b) && !last:
			return cells, 0, rowShort
		case b[i] == '\r' && i+1 == len(b):
			return cells, i + 1, rowDone
		default:
			return cells, 0, rowBadQuote
		}
	}
}
