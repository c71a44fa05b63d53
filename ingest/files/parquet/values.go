package parquet

import (
	"encoding/binary"
	"errors"
)

var errPage = errors.New("a damaged page")

// value is a value of a column: a number, the bits of one, or bytes.
type value struct {
	number int64
	bytes  []byte // valid until the next value is read
}

// values reads the values of a page, one after another.
type values interface {
	next() (value, error)
}

// hybrid reads numbers in runs and in packed bits.
type hybrid struct {
	b      []byte
	width  uint
	left   uint64 // in the run
	packed []byte // of the run; nil if one value repeats
	bit    uint64 // in packed
	same   uint32
}

// next returns the next number.
func (h *hybrid) next() (uint32, error) {
	for h.left == 0 {
		head, n := uvarint(h.b)
		if n == 0 {
			return 0, errPage
		}
		h.b = h.b[n:]
		h.packed, h.bit = nil, 0
		if head&1 == 0 {
			size := int(h.width+7) / 8
			if size > len(h.b) {
				return 0, errPage
			}
			h.same = 0
			for i := range size {
				h.same |= uint32(h.b[i]) << (8 * i)
			}
			h.b, h.left = h.b[size:], head>>1
			continue
		}
		groups := head >> 1
		if h.width == 0 {
			h.same, h.left = 0, min(groups, 1<<31)*8
			continue
		}
		size := uint64(len(h.b))
		if groups < size/uint64(h.width) {
			size = groups * uint64(h.width)
		}
		h.packed, h.b = h.b[:size], h.b[size:]
		h.left = min(groups, 1<<31) * 8
	}
	h.left--
	if h.packed == nil {
		return h.same, nil
	}
	v, ok := bits(h.packed, h.bit, h.width)
	if !ok {
		return 0, errPage
	}
	h.bit += uint64(h.width)
	return uint32(v), nil
}

// bits returns the number of a width at a bit.
func bits(b []byte, at uint64, width uint) (uint64, bool) {
	if width == 0 {
		return 0, true
	}
	if at+uint64(width) > 8*uint64(len(b)) {
		return 0, false
	}
	i := at / 8
	shift := at % 8
	var v uint64
	if i+8 <= uint64(len(b)) {
		v = binary.LittleEndian.Uint64(b[i:]) >> shift
	} else {
		for n, c := range b[i:] {
			v |= uint64(c) << (8 * n)
		}
		v >>= shift
	}
	if shift+uint64(width) > 64 {
		v |= uint64(b[i+8]) << (64 - shift)
	}
	if width < 64 {
		v &= 1<<width - 1
	}
	return v, true
}

// plain reads values as they are.
type plain struct {
	b        []byte
	physical int64
	length   int
	bit      uint64
}

// next implements values.
func (p *plain) next() (value, error) {
	n := p.length
	switch p.physical {
	case boolean:
		v, ok := bits(p.b, p.bit, 1)
		if p.bit++; !ok {
			return value{}, errPage
		}
		return value{number: int64(v)}, nil
	case byteArray:
		if len(p.b) < 4 {
			return value{}, errPage
		}
		size := binary.LittleEndian.Uint32(p.b)
		if p.b = p.b[4:]; uint64(size) > uint64(len(p.b)) {
			return value{}, errPage
		}
		n = int(size)
	}
	if n > len(p.b) {
		return value{}, errPage
	}
	b := p.b[:n]
	p.b = p.b[n:]
	return fixedValue(p.physical, b), nil
}

// fixedValue returns the value of a physical type in b.
func fixedValue(physical int64, b []byte) value {
	switch physical {
	case int32s:
		return value{number: int64(int32(binary.LittleEndian.Uint32(b)))}
	case float:
		return value{number: int64(binary.LittleEndian.Uint32(b))}
	case int64s, double:
		return value{number: int64(binary.LittleEndian.Uint64(b))}
	}
	return value{bytes: b}
}

// width returns the length of values of a physical type, 0 if it varies.
func width(physical, length int64) int {
	switch physical {
	case int32s, float:
		return 4
	case int64s, double:
		return 8
	case int96s:
		return 12
	case fixed:
		return int(length)
	}
	return 0
}

// runs reads booleans in runs.
type runs struct{ hybrid }

// next implements values.
func (r *runs) next() (value, error) {
	v, err := r.hybrid.next()
	return value{number: int64(v)}, err
}

// indexes reads values that are in a dictionary.
type indexes struct {
	hybrid
	dictionary []value
}

// next implements values.
func (x *indexes) next() (value, error) {
	i, err := x.hybrid.next()
	if err != nil || uint64(i) >= uint64(len(x.dictionary)) {
		return value{}, errPage
	}
	return x.dictionary[i], nil
}

// deltas reads numbers as differences.
type deltas struct {
	b         []byte
	mini      uint64 // values of a part of a block
	parts     uint64 // of a block
	left      uint64 // values
	last      int64
	first     bool
	least     int64
	widths    []byte
	inPart    uint64
	part      []byte
	bit       uint64
	narrow    bool // 32 bits
	partWidth uint
}

// maxBlock is the largest block of differences. All writers use 128.
const maxBlock = 1 << 16

// newDeltas begins reading differences at the start of b.
func newDeltas(b []byte, narrow bool) (*deltas, error) {
	t := &thrift{b: b}
	block, parts, total := t.unsigned(), t.unsigned(), t.unsigned()
	d := &deltas{parts: parts, left: total, last: t.number(), first: true, narrow: narrow}
	d.b = t.b
	if t.err != nil || block == 0 || block > maxBlock || parts == 0 || parts > block || block%parts != 0 || block/parts%8 != 0 {
		return nil, errPage
	}
	d.mini = block / parts
	return d, nil
}

// next returns the next number.
func (d *deltas) next() (int64, error) {
	if d.left == 0 {
		return 0, errPage
	}
	if d.left--; d.first {
		d.first = false
		return d.last, nil
	}
	if d.inPart == 0 {
		if len(d.widths) == 0 && !d.block() {
			return 0, errPage
		}
		d.partWidth, d.widths = uint(d.widths[0]), d.widths[1:]
		size := uint64(d.partWidth) * d.mini / 8
		if d.partWidth > 64 {
			return 0, errPage
		}
		size = min(size, uint64(len(d.b))) // the last part may be cut
		d.part, d.b, d.bit, d.inPart = d.b[:size], d.b[size:], 0, d.mini
	}
	v, ok := bits(d.part, d.bit, d.partWidth)
	if !ok {
		return 0, errPage
	}
	d.bit += uint64(d.partWidth)
	d.inPart--
	d.last += d.least + int64(v)
	if d.narrow {
		d.last = int64(int32(d.last))
	}
	return d.last, nil
}

// block reads the head of a block.
func (d *deltas) block() bool {
	t := &thrift{b: d.b}
	d.least = t.number()
	d.widths = t.take(d.parts)
	d.b = t.b
	return t.err == nil
}

// rest returns what is behind the numbers. It reads no number.
func (d *deltas) rest() ([]byte, error) {
	e := *d
	if e.left > 0 {
		e.left--
	}
	for e.left > 0 {
		if !e.block() {
			return nil, errPage
		}
		for _, w := range e.widths {
			if e.left == 0 {
				break
			}
			size := uint64(w) * e.mini / 8
			if size > uint64(len(e.b)) {
				return nil, errPage
			}
			e.b = e.b[size:]
			e.left -= min(e.left, e.mini)
		}
	}
	return e.b, nil
}

// numbers reads numbers that are stored as differences.
type numbers struct{ *deltas }

// next implements values.
func (n numbers) next() (value, error) {
	v, err := n.deltas.next()
	return value{number: v}, err
}

// lengths reads bytes whose lengths are before them, and the parts that they share with the value
// before.
type lengths struct {
	prefix *deltas // nil if nothing is shared
	suffix *deltas
	b      []byte
	last   []byte
}

// newLengths begins reading such values.
func newLengths(b []byte, shared bool) (values, error) {
	l := &lengths{}
	var err error
	if shared {
		if l.prefix, err = newDeltas(b, true); err != nil {
			return nil, err
		}
		if b, err = l.prefix.rest(); err != nil {
			return nil, err
		}
	}
	if l.suffix, err = newDeltas(b, true); err != nil {
		return nil, err
	}
	l.b, err = l.suffix.rest()
	return l, err
}

// next implements values.
func (l *lengths) next() (value, error) {
	shared := int64(0)
	n, err := l.suffix.next()
	if err == nil && l.prefix != nil {
		shared, err = l.prefix.next()
	}
	if err != nil || n < 0 || n > int64(len(l.b)) || shared < 0 || shared > int64(len(l.last)) {
		return value{}, errPage
	}
	b := l.b[:n]
	l.b = l.b[n:]
	if l.prefix != nil {
		l.last = append(l.last[:shared], b...)
		b = l.last
	}
	return value{bytes: b}, nil
}

// split reads values whose first bytes are together, then their second ones, and so on.
type split struct {
	b        []byte
	physical int64
	length   int
	at       int
	one      []byte
}

// next implements values.
func (s *split) next() (value, error) {
	count := len(s.b) / s.length
	if s.at >= count {
		return value{}, errPage
	}
	s.one = s.one[:0]
	for i := range s.length {
		s.one = append(s.one, s.b[i*count+s.at])
	}
	s.at++
	return fixedValue(s.physical, s.one), nil
}
