package parquet

import "errors"

// Kinds of values in the compact protocol of Thrift.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftMap    = 11
	thriftStruct = 12
)

// maxThriftDepth is the deepest nesting of metadata.
const maxThriftDepth = 16

var errThrift = errors.New("damaged metadata")

// thrift reads values in the compact protocol. After an error, everything is empty.
type thrift struct {
	b     []byte
	depth int
	err   error
}

// fail remembers that the input is damaged.
func (t *thrift) fail() {
	t.err, t.b = errThrift, nil
}

// take returns the next n bytes.
func (t *thrift) take(n uint64) []byte {
	if n > uint64(len(t.b)) {
		t.fail()
		return nil
	}
	b := t.b[:n]
	t.b = t.b[n:]
	return b
}

// unsigned reads a number of variable length.
func (t *thrift) unsigned() uint64 {
	v, n := uvarint(t.b)
	if n <= 0 {
		t.fail()
		return 0
	}
	t.b = t.b[n:]
	return v
}

// number reads a signed number of any width but a byte.
func (t *thrift) number() int64 { return unzigzag(t.unsigned()) }

// binary reads a string.
func (t *thrift) binary() []byte { return t.take(t.unsigned()) }

// fields reads a structure. It calls read for each field, which returns false if it did not read the
// value. The kind says which of true and false a field is.
func (t *thrift) fields(read func(id int64, kind byte) bool) {
	if t.depth++; t.depth > maxThriftDepth {
		t.fail()
	}
	id := int64(0)
	for t.err == nil {
		head := t.take(1)
		if len(head) == 0 || head[0] == 0 {
			break
		}
		if delta := int64(head[0] >> 4); delta > 0 {
			id += delta
		} else {
			id = t.number()
		}
		if kind := head[0] & 15; !read(id, kind) {
			t.skip(kind, false)
		}
	}
	t.depth--
}

// list reads a list and calls read for each of its elements.
func (t *thrift) list(read func(kind byte)) {
	head := t.take(1)
	if len(head) == 0 {
		return
	}
	n := uint64(head[0] >> 4)
	if n == 15 {
		n = t.unsigned()
	}
	if n > uint64(len(t.b)) { // each element takes a byte at least
		t.fail()
	}
	for ; n > 0 && t.err == nil; n-- {
		read(head[0] & 15)
	}
}

// skip skips a value. Booleans take a byte in lists and none in structures.
func (t *thrift) skip(kind byte, inList bool) {
	switch kind {
	case thriftTrue, thriftFalse:
		if inList {
			t.take(1)
		}
	case thriftByte:
		t.take(1)
	case 4, 5, 6:
		t.unsigned()
	case thriftDouble:
		t.take(8)
	case thriftBinary:
		t.binary()
	case thriftList, thriftSet:
		if t.depth++; t.depth > maxThriftDepth {
			t.fail()
		}
		t.list(func(kind byte) { t.skip(kind, true) })
		t.depth--
	case thriftMap:
		t.skipMap()
	case thriftStruct:
		t.fields(func(int64, byte) bool { return false })
	default:
		t.fail()
	}
}

// skipMap skips a map.
func (t *thrift) skipMap() {
	n := t.unsigned()
	if n == 0 {
		return
	}
	kinds := t.take(1)
	if n > uint64(len(t.b)) || len(kinds) == 0 {
		t.fail()
		return
	}
	if t.depth++; t.depth > maxThriftDepth {
		t.fail()
	}
	for ; n > 0 && t.err == nil; n-- {
		t.skip(kinds[0]>>4, true)
		t.skip(kinds[0]&15, true)
	}
	t.depth--
}

// uvarint decodes a number at the start of b and returns its length, which is 0 if there is none.
func uvarint(b []byte) (v uint64, n int) {
	for i := 0; i < len(b) && i < 10; i++ {
		v |= uint64(b[i]&0x7f) << (7 * i)
		if b[i] < 0x80 {
			return v, i + 1
		}
	}
	return 0, 0
}

// unzigzag returns the signed number that is stored as v.
func unzigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }
