package files

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/files/parquet"
	"github.com/outflow/outflow/internal/disk"
	"github.com/outflow/outflow/internal/jsonscan"
)

// parquet reads a Parquet file. Its rows are read like lines of JSON if they are records, and else
// like those of a table.
func (r *reader) parquet(name string, in *bufio.Reader, depth int) error {
	at, size, done, err := r.spool(in, depth)
	if err != nil {
		return err
	}
	defer done()
	f, err := parquet.Open(at, size, r.spent.inflate)
	if err != nil {
		return r.lost(columnar(err).reason)
	}
	defer f.Close()
	rows := &rowText{file: f, budgetUse: r.spent}
	if err := r.planColumns(rows); err != nil {
		return r.lost(columnar(fmt.Errorf("row %d: %w", f.Row(), err)).reason)
	}
	r.rep.Parts++
	r.rowLines, r.jsonRows, r.heading = true, !rows.table, rows.table
	err = r.read(name, rows)
	r.rowLines, r.jsonRows, r.heading = false, false, false
	return err
}

// columnar is the notice for a Parquet file that cannot be read further.
func columnar(err error) *notice {
	if n := (*notice)(nil); errors.As(err, &n) {
		return n
	}
	return &notice{"Parquet file: " + err.Error(), true}
}

// spool returns random access to a file that is read from in, and its size. What is not on disk as
// it is becomes a temporary file, which done removes.
func (r *reader) spool(in io.Reader, depth int) (at io.ReaderAt, size int64, done func(), err error) {
	if r.whole != nil && depth == 0 {
		return r.whole, r.whole.Size(), func() {}, nil
	}
	f, err := disk.Unnamed("")
	if err != nil {
		return nil, 0, nil, unreadable(err)
	}
	if size, err = io.Copy(f, in); err != nil {
		f.Close()
		return nil, 0, nil, unreadable(err)
	}
	return f, size, func() { f.Close() }, nil
}

// planColumns finds out from the first rows how they are read, and goes back to the first one.
func (r *reader) planColumns(rows *rowText) error {
	f := rows.file
	var first [][]byte
	known := false
	for len(first) < manyLines && !known {
		row, err := f.AppendRow(nil)
		if err == io.EOF {
			break
		}
		if err != nil {
			if len(first) > 0 {
				break // it is met again
			}
			return err
		}
		known, _, _ = r.recognise(row)
		first = append(first, row)
	}
	columns := f.Columns()
	var rename func(parent, name string) string
	if !known && len(first) > 0 {
		cells := func() [][][]byte { return cellsOf(columns, first) }
		h := fold(columns)
		p := r.planRows(columns, h, cells, true)
		rows.table = p != nil || len(h) > 1 && slices.ContainsFunc(r.tables, func(t *ingest.Table) bool { return t.Match(h) })
		if p != nil && p.name == athena {
			rename = structName
		}
	}
	if err := f.Rewind(rename); err != nil {
		return err
	}
	rows.columns = columns
	return nil
}

// cellsOf returns the cells of rows, which are objects.
func cellsOf(columns []string, rows [][]byte) (table [][][]byte) {
	for _, row := range rows {
		cells := make([][]byte, len(columns))
		var s jsonscan.Scanner
		s.Reset(row)
		s.Object()
		for s.Next() {
			if i := slices.Index(columns, string(s.Key)); i >= 0 {
				cells[i] = bytes.Clone(unquoted(s.RawUnchecked()))
			} else {
				s.Skip()
			}
		}
		table = append(table, cells)
	}
	return table
}

// unquoted returns the text of a value in JSON.
func unquoted(value []byte) []byte {
	if len(value) == 0 || value[0] != '"' {
		return value
	}
	var s jsonscan.Scanner
	s.Reset(value)
	return s.Bytes()
}

// rowText is the text of the rows of a Parquet file: an object on each line, or a table in CSV.
type rowText struct {
	file    *parquet.File
	columns []string
	table   bool
	begun   bool
	err     error
	cells   []byte
	ends    []int
	csvText
	*budgetUse
}

// csvText is a part of a table in CSV.
type csvText struct {
	text []byte // not read yet
	buf  []byte
}

// Read implements io.Reader.
func (t *rowText) Read(p []byte) (int, error) {
	for len(t.text) == 0 {
		if t.err == nil {
			t.err = t.check()
		}
		if t.err != nil {
			return 0, t.err
		}
		t.fill()
	}
	n := copy(p, t.text)
	t.text = t.text[n:]
	return n, t.inflate(n)
}

// fill writes the next rows.
func (t *rowText) fill() {
	t.buf = t.buf[:0]
	if t.table && !t.begun {
		t.begun = true
		for i, c := range t.columns {
			t.cell(i, []byte(c))
		}
		t.buf = append(t.buf, '\n')
	}
	for len(t.buf) < 64<<10 && t.err == nil {
		before := len(t.buf)
		if t.table {
			t.row()
		} else if t.buf, t.err = t.file.AppendRow(t.buf); t.err == nil {
			t.buf = append(t.buf, '\n')
		}
		if t.err != nil {
			t.buf = t.buf[:before]
		}
	}
	t.text = t.buf
	if n := (*notice)(nil); t.err != nil && t.err != io.EOF && !errors.As(t.err, &n) {
		t.err = columnar(errors.New("row " + strconv.FormatInt(t.file.Row(), 10) + ": " + t.err.Error()))
	}
}

// row writes the next row of a table.
func (t *rowText) row() {
	t.cells, t.ends, t.err = t.file.AppendCells(t.cells[:0], t.ends[:0])
	if t.err != nil {
		return
	}
	from := 0
	for i, end := range t.ends {
		t.cell(i, unquoted(t.cells[from:end]))
		from = end
	}
	t.buf = append(t.buf, '\n')
}

// cell writes a cell.
func (t *csvText) cell(column int, text []byte) {
	if column > 0 {
		t.buf = append(t.buf, ',')
	}
	t.buf = append(t.buf, '"')
	for {
		i := bytes.IndexByte(text, '"')
		if i < 0 {
			break
		}
		t.buf = append(append(t.buf, text[:i+1]...), '"')
		text = text[i+1:]
	}
	t.buf = append(append(t.buf, text...), '"')
}
