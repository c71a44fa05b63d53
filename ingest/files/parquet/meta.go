// Package parquet reads the rows of Parquet files, also of such as were made to do harm: a page is
// decoded value by value, so that nothing but packed pages takes memory.
package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Limits on what a file may state.
const (
	maxFooter  = 16 << 20 // bytes
	maxColumns = 10_000
	maxChunks  = 1 << 20 // columns of all row groups
	maxDepth   = 32      // of nested columns
	maxPage    = 64 << 20
	maxHeld    = 256 << 20 // bytes of all pages that are held at once
)

// Magic is how a Parquet file begins and ends.
const Magic = "PAR1"

// Physical types.
const (
	boolean = iota
	int32s
	int64s
	int96s
	float
	double
	byteArray
	fixed
)

// element is an element of the schema: a column, or a group of some.
type element struct {
	name       string
	leaf       bool
	physical   int64
	length     int64 // of fixed values
	repetition int64 // 0 required, 1 optional, 2 repeated
	children   int64
	converted  int64 // the older annotation; -1 for none
	scale      int64
	logical    int64 // the annotation; 0 for none
	unit       int64 // of times: 1 milliseconds, 2 microseconds, 3 nanoseconds
	local      bool  // a time without a zone
	unsigned   bool
}

// chunk is a column of a row group.
type chunk struct {
	physical, codec, values int64
	from, size              int64 // where its pages are in the file
	data, dictionary        int64 // where its pages begin; dictionary is 0 if it has none
	elsewhere               bool
}

// group is a row group.
type group struct {
	rows   int64
	chunks []chunk
}

// metadata is what the end of a file says.
type metadata struct {
	rows      int64
	schema    []element
	groups    []group
	chunks    int
	encrypted bool
}

// readMetadata reads the end of a file.
func readMetadata(in io.ReaderAt, size int64) (*metadata, error) {
	if size < 12 {
		return nil, errors.New("cut off: its end is missing")
	}
	var end [8]byte
	if _, err := in.ReadAt(end[:], size-8); err != nil {
		return nil, err
	}
	switch string(end[4:]) {
	case Magic:
	case "PARE":
		return nil, errors.New("encrypted")
	default:
		return nil, errors.New("cut off: its end is missing")
	}
	n := int64(binary.LittleEndian.Uint32(end[:]))
	if n > size-12 {
		return nil, errThrift
	}
	if n > maxFooter {
		return nil, errors.New("metadata of over 16 MiB")
	}
	b := make([]byte, n)
	if _, err := in.ReadAt(b, size-8-n); err != nil {
		return nil, err
	}
	m := &metadata{}
	t := &thrift{b: b}
	m.read(t)
	if t.err != nil {
		return nil, t.err
	}
	return m, m.check(size - 8 - n)
}

// check returns an error if row groups are not what they must be. Pages end before an offset.
func (m *metadata) check(end int64) error {
	switch {
	case m.encrypted:
		return errors.New("encrypted")
	case m.rows < 0:
		return errThrift
	}
	for i := range m.groups {
		g := &m.groups[i]
		if g.rows < 0 {
			return errThrift
		}
		for j := range g.chunks {
			c := &g.chunks[j]
			if c.elsewhere {
				return errors.New("columns in other files")
			}
			c.from = c.data
			if c.dictionary > 0 && c.dictionary < c.data {
				c.from = c.dictionary
			}
			if c.from < 4 || c.size < 0 || c.values < 0 || c.from > end || c.size > end-c.from {
				return fmt.Errorf("row group %d: column %d is not within the file", i+1, j+1)
			}
		}
	}
	return nil
}

// read reads the metadata of a file.
func (m *metadata) read(t *thrift) {
	t.fields(func(id int64, kind byte) bool {
		switch {
		case id == 2 && kind == thriftList:
			t.list(func(byte) {
				if len(m.schema) > 2*maxColumns {
					t.fail()
					return
				}
				m.schema = append(m.schema, readElement(t))
			})
		case id == 3 && kind == 6:
			m.rows = t.number()
		case id == 4 && kind == thriftList:
			t.list(func(byte) { m.readGroup(t) })
		case id == 8:
			m.encrypted = true
			return false
		default:
			return false
		}
		return true
	})
}

// readElement reads an element of the schema.
func readElement(t *thrift) element {
	e := element{converted: -1}
	t.fields(func(id int64, kind byte) bool {
		switch {
		case id == 10 && kind == thriftStruct:
			e.readLogical(t)
		case id == 4 && kind == thriftBinary:
			e.name = string(t.binary())
		case kind < 4 || kind > 6:
			return false
		default:
			v := t.number()
			switch id {
			case 1:
				e.physical, e.leaf = v, true
			case 2:
				e.length = v
			case 3:
				e.repetition = v
			case 5:
				e.children = v
			case 6:
				e.converted = v
			case 7:
				e.scale = v
			}
		}
		return true
	})
	return e
}

// readLogical reads the annotation of a column.
func (e *element) readLogical(t *thrift) {
	t.fields(func(logical int64, kind byte) bool {
		e.logical = logical
		if kind != thriftStruct {
			return false
		}
		t.fields(func(id int64, kind byte) bool {
			switch {
			case (logical == 7 || logical == 8) && id == 1:
				e.local = kind == thriftFalse
			case (logical == 7 || logical == 8) && id == 2 && kind == thriftStruct:
				t.fields(func(unit int64, _ byte) bool {
					e.unit = unit
					return false
				})
				return true
			case logical == 10 && id == 2:
				e.unsigned = kind == thriftFalse
			case logical == 5 && id == 1 && kind == 5:
				e.scale = t.number()
				return true
			}
			return false
		})
		return true
	})
}

// readGroup reads a row group.
func (m *metadata) readGroup(t *thrift) {
	var g group
	t.fields(func(id int64, kind byte) bool {
		switch {
		case id == 1 && kind == thriftList:
			t.list(func(byte) {
				if m.chunks++; m.chunks > maxChunks {
					t.fail()
					return
				}
				g.chunks = append(g.chunks, readChunk(t))
			})
		case id == 3 && kind == 6:
			g.rows = t.number()
		default:
			return false
		}
		return true
	})
	if len(m.groups) >= maxChunks {
		t.fail()
	}
	m.groups = append(m.groups, g)
}

// readChunk reads what is said about a column of a row group.
func readChunk(t *thrift) chunk {
	c := chunk{physical: -1}
	t.fields(func(id int64, kind byte) bool {
		if id == 1 && kind == thriftBinary {
			c.elsewhere = len(t.binary()) > 0
			return true
		}
		if id != 3 || kind != thriftStruct {
			return false
		}
		t.fields(func(id int64, kind byte) bool {
			if kind < 4 || kind > 6 {
				return false
			}
			v := t.number()
			switch id {
			case 1:
				c.physical = v
			case 4:
				c.codec = v
			case 5:
				c.values = v
			case 7:
				c.size = v
			case 9:
				c.data = v
			case 11:
				c.dictionary = v
			}
			return true
		})
		return true
	})
	return c
}

// page is the header of a page.
type page struct {
	kind         int64 // 0 data, 2 dictionary, 3 data of version 2
	size, packed int64 // bytes
	values       int64
	encoding     int64
	levels       int64 // encoding of levels
	defBytes     int64 // in version 2
	repBytes     int64
	uncompressed bool // in version 2
}

// readPage reads the header of a page.
func readPage(t *thrift) page {
	p := page{kind: -1}
	t.fields(func(id int64, kind byte) bool {
		if (id == 5 || id == 7 || id == 8) && kind == thriftStruct {
			p.levels = 3
			t.fields(func(field int64, kind byte) bool {
				if id == 8 && field == 7 {
					p.uncompressed = kind == thriftFalse
				}
				if kind < 4 || kind > 6 {
					return false
				}
				p.set(id, field, t.number())
				return true
			})
			return true
		}
		if kind < 4 || kind > 6 {
			return false
		}
		switch v := t.number(); id {
		case 1:
			p.kind = v
		case 2:
			p.size = v
		case 3:
			p.packed = v
		}
		return true
	})
	return p
}

// set sets a field of the header for a kind of page.
func (p *page) set(header, field, v int64) {
	switch {
	case field == 1:
		p.values = v
	case header == 5 && field == 2, header == 7 && field == 2, header == 8 && field == 4:
		p.encoding = v
	case header == 5 && field == 3:
		p.levels = v
	case header == 8 && field == 5:
		p.defBytes = v
	case header == 8 && field == 6:
		p.repBytes = v
	}
}
