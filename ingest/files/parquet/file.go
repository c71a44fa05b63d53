package parquet

import (
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// File is a Parquet file whose rows are read one after another.
type File struct {
	in      io.ReaderAt
	meta    *metadata
	root    *node
	columns []*column
	spend   func(bytes int) error // counts unpacked bytes
	held    int64                 // bytes of pages and dictionaries
	group   int                   // the number of row groups begun
	left    int64                 // rows of the group that are not read
	row     int64                 // rows read
	raw     []byte
	gzip    *gzip.Reader
	zstd    *zstd.Decoder
}

// Open opens a file of a size. Spend is called for the bytes of pages that are unpacked: its error
// ends the reading.
func Open(in io.ReaderAt, size int64, spend func(bytes int) error) (*File, error) {
	m, err := readMetadata(in, size)
	if err != nil {
		return nil, err
	}
	f := &File{in: in, meta: m, spend: spend}
	return f, f.Rewind(nil)
}

// Rewind goes back to the first row. Rename, unless it is nil, gives columns other names; parent is
// the new name of the column that they are in.
func (f *File) Rewind(rename func(parent, name string) string) error {
	if len(f.meta.schema) == 0 || f.meta.schema[0].children <= 0 {
		return errors.New("no columns")
	}
	f.columns, f.held, f.group, f.left, f.row = nil, 0, 0, 0, 0
	t := &tree{file: f, schema: f.meta.schema[1:], rename: rename}
	f.root = &node{shape: object}
	for range f.meta.schema[0].children {
		n, err := t.next(f.root, "", 0, 0, 1)
		if err != nil {
			return err
		}
		f.root.kids = append(f.root.kids, n)
	}
	f.root.columns = f.columns
	if len(t.schema) > 0 || len(f.columns) == 0 {
		return errThrift
	}
	return nil
}

// Close releases what unpacks pages.
func (f *File) Close() {
	if f.zstd != nil {
		f.zstd.Close()
	}
}

// Columns returns the names of the columns at the top.
func (f *File) Columns() []string {
	names := make([]string, len(f.root.kids))
	for i, k := range f.root.kids {
		names[i] = k.name
	}
	return names
}

// Row is the number of the row that was read last, from 1.
func (f *File) Row() int64 { return f.row }

// next goes to the next row. It returns io.EOF behind the last one.
func (f *File) next() error {
	for f.left == 0 {
		if f.row > 0 || f.group > 0 {
			for _, c := range f.columns {
				if err := c.load(); err == nil {
					return fmt.Errorf("column %s: more values than rows", c.path)
				} else if err != io.EOF {
					return err
				}
			}
		}
		if f.group == len(f.meta.groups) {
			if f.row != f.meta.rows {
				return fmt.Errorf("it has %d rows and states %d", f.row, f.meta.rows)
			}
			return io.EOF
		}
		g := f.meta.groups[f.group]
		f.group++
		if len(g.chunks) != len(f.columns) {
			return fmt.Errorf("row group %d has %d columns, and the schema %d", f.group, len(g.chunks), len(f.columns))
		}
		for i, c := range f.columns {
			if err := c.begin(g.chunks[i]); err != nil {
				return err
			}
		}
		f.left = g.rows
	}
	f.left--
	f.row++
	for _, c := range f.columns {
		if err := c.load(); err != nil {
			return c.short(err)
		}
		if c.rep != 0 {
			return errColumns
		}
	}
	return nil
}

// AppendRow appends the next row in JSON. It returns io.EOF behind the last one.
func (f *File) AppendRow(b []byte) ([]byte, error) {
	if err := f.next(); err != nil {
		return b, err
	}
	b, _, err := f.root.object(b)
	return b, err
}

// AppendCells appends the values of the next row in JSON, and to ends where each of them ends. A
// value that is missing is empty. It returns io.EOF behind the last row.
func (f *File) AppendCells(b []byte, ends []int) ([]byte, []int, error) {
	if err := f.next(); err != nil {
		return b, ends, err
	}
	for _, k := range f.root.kids {
		before := len(b)
		var ok bool
		var err error
		if b, ok, err = k.append(b); err != nil {
			return b, ends, err
		}
		if !ok {
			b = b[:before]
		}
		ends = append(ends, len(b))
	}
	return b, ends, nil
}

// maxRow is the length of the longest row, in bytes.
const maxRow = 16 << 20

// room returns an error if a row has become too long.
func (f *File) room(length int) error {
	if length > maxRow {
		return errors.New("a row of over 16 MiB")
	}
	return nil
}

// scratch returns a buffer that is valid until it is called again.
func (f *File) scratch(n int64) []byte {
	if int64(cap(f.raw)) < n {
		f.raw = make([]byte, n)
	}
	return f.raw[:n]
}
