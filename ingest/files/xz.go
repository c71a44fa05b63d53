package files

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/ulikunitz/xz"
)

// maxDictionary is the size of the largest dictionary of LZMA that is accepted, in bytes: it is
// held in memory. That of xz -9 is 64 MiB.
const maxDictionary = 128 << 20

var errDictionary = &notice{"packed with a dictionary of over 128 MiB: unpack it first", true}

// openXZ returns a reader of what is packed in the streams of an xz file. The library takes as much
// memory as a block asks for, so what it asks for is checked before the library reads it.
func openXZ(in io.Reader) (io.Reader, error) {
	return xz.NewReader(&xzBlocks{in: in, next: (*xzBlocks).streamHeader, need: 12})
}

// xzBlocks passes an xz file on and follows its structure: stream headers, block headers, the
// chunks of LZMA2, checks, indexes. It holds back a part until all of it is known.
type xzBlocks struct {
	in      io.Reader
	part    []byte                  // the part being read
	need    int                     // its length, as far as it is known
	next    func(x *xzBlocks) error // what to do when it is there
	ready   []byte                  // parts that may be passed on
	pass    int64                   // bytes to pass on before the next part
	check   int                     // length of the check of a block
	block   int64                   // bytes of the block, or of the index, without padding and check
	numbers uint64                  // in the rest of the index
	err     error
}

// xzChecks are the lengths of checks by their number in a stream header.
var xzChecks = [16]int{0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64}

var errXZ = errors.New("its structure is that of no xz file")

// Read implements io.Reader.
func (x *xzBlocks) Read(p []byte) (int, error) {
	for len(x.ready) == 0 && x.pass == 0 {
		if x.err != nil {
			return 0, x.err
		}
		x.err = x.advance()
	}
	if len(x.ready) > 0 {
		n := copy(p, x.ready)
		x.ready = x.ready[n:]
		return n, nil
	}
	n, err := x.in.Read(p[:min(int64(len(p)), x.pass)])
	x.pass -= int64(n)
	return n, err
}

// advance reads the current part as far as it is known, and looks at it.
func (x *xzBlocks) advance() error {
	from := len(x.part)
	x.part = append(x.part, make([]byte, x.need-from)...)
	n, err := io.ReadFull(x.in, x.part[from:])
	if err != nil {
		x.ready, x.part = x.part[:from+n], nil // cut off, or at its end: the library says which
		return err
	}
	return x.next(x)
}

// done passes the part on, which pass further bytes follow, and expects the next one.
func (x *xzBlocks) done(pass int64, need int, next func(*xzBlocks) error) error {
	x.ready = append([]byte(nil), x.part...)
	x.part, x.pass, x.need, x.next = x.part[:0], pass, need, next
	return nil
}

// streamHeader looks at the header of a stream, or at the padding before one.
func (x *xzBlocks) streamHeader() error {
	if binary.LittleEndian.Uint32(x.part) == 0 {
		x.ready = append([]byte(nil), x.part[:4]...)
		x.part = append(x.part[:0], x.part[4:]...)
		return nil
	}
	x.check = xzChecks[x.part[7]&15]
	return x.done(0, 1, (*xzBlocks).blockHeader)
}

// blockHeader looks at the header of a block, or at the beginning of the index.
func (x *xzBlocks) blockHeader() error {
	if x.part[0] == 0 {
		return x.done(0, 1, (*xzBlocks).indexCount)
	}
	size := (int(x.part[0]) + 1) * 4
	if len(x.part) < size {
		x.need = size
		return nil
	}
	rest := x.part[2:]
	for _, flag := range []byte{0x40, 0x80} { // sizes that may be stated
		if x.part[1]&flag != 0 {
			_, n := binary.Uvarint(rest)
			if n <= 0 {
				return errXZ
			}
			rest = rest[n:]
		}
	}
	if x.part[1]&3 != 0 || len(rest) < 3 || rest[0] != 0x21 || rest[1] != 1 {
		return errors.New("packed with a filter that is not supported")
	}
	if bits := int(rest[2]); bits > 40 || (2|int64(bits&1))<<(bits/2+11) > maxDictionary {
		return errDictionary
	}
	x.block = 0
	return x.done(0, 1, (*xzBlocks).chunk)
}

// chunk looks at the header of a chunk.
func (x *xzBlocks) chunk() error {
	control, size := x.part[0], 1
	switch {
	case control == 0:
		x.block++
		padding := (4 - x.block%4) % 4
		return x.done(padding+int64(x.check), 1, (*xzBlocks).blockHeader)
	case control >= 0xc0:
		size = 6
	case control >= 0x80:
		size = 5
	case control <= 2:
		size = 3
	default:
		return errXZ
	}
	if len(x.part) < size {
		x.need = size
		return nil
	}
	data := int64(binary.BigEndian.Uint16(x.part[1:])) + 1
	if control >= 0x80 {
		data = int64(binary.BigEndian.Uint16(x.part[3:])) + 1
	}
	x.block += int64(size) + data
	return x.done(data, 1, (*xzBlocks).chunk)
}

// indexCount looks at the number of records in an index. Its numbers end with a byte below 0x80.
func (x *xzBlocks) indexCount() error {
	count, n := binary.Uvarint(x.part)
	if n < 0 || n == 0 && len(x.part) > 9 {
		return errXZ
	}
	if n == 0 {
		x.need++
		return nil
	}
	x.block, x.numbers = int64(n)+1, 2*count // of the index
	return x.index()
}

// indexNumber looks at a byte of the numbers in an index.
func (x *xzBlocks) indexNumber() error {
	x.block++
	if x.part[0] < 0x80 {
		x.numbers--
	}
	return x.index()
}

// index expects the next number of an index, or what follows the last one: padding, a check and
// the footer of the stream.
func (x *xzBlocks) index() error {
	if x.numbers > 0 {
		return x.done(0, 1, (*xzBlocks).indexNumber)
	}
	return x.done((4-x.block%4)%4+4+12, 12, (*xzBlocks).streamHeader)
}
