// Package gunzip reads gzip files (RFC 1952), faster than the libraries do. The standard library's reader and klauspost's
// look at one symbol at a time, and keep the last 32 KiB apart from what they return; this one takes 64 bits of the input at
// once, decodes several symbols from them, and copies matches eight bytes or more at a time (docs/benchmarks.md).
//
// It accepts what these accept, and nothing else. What was inflated before an error is returned before the error.
package gunzip

import (
	"bufio"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
)

const (
	history = 32 << 10 // how far back a match reaches
	chunk   = 96 << 10 // most bytes that are inflated at a time, but for the last match
	full    = history + chunk
	longest = 258 // bytes of a match
	overrun = 30  // bytes that are written behind a match
)

// state is where in a member a Reader is.
type state int

const (
	betweenBlocks state = iota
	inStored
	inCodes
)

// Reader inflates one member of a gzip file. Reset makes it ready.
type Reader struct {
	in   *bufio.Reader
	src  []byte // what in has buffered
	pos  int    // how much of src is in bits, or was
	bits uint64 // input, the next bit the lowest; what is above n bits is the same input again
	n    uint   // how many bits there are
	base int64  // how much input was before src

	out       *[full + longest + overrun]byte
	read, end int // out[read:end] was not returned yet

	state     state
	final     bool // the block is the last one
	left      int  // bytes left of a stored block
	literals  *literalTable
	distances *distanceTable
	own       tables // of a block with codes of its own

	digest, size uint32
	err          error
}

// Reset begins to read a member. Its error is that of its header: io.EOF if there is nothing.
func (r *Reader) Reset(in *bufio.Reader) error {
	out := r.out
	if out == nil {
		out = new([full + longest + overrun]byte)
	}
	r.in, r.out, r.src, r.pos, r.bits, r.n, r.base = in, out, nil, 0, 0, 0, 0
	r.read, r.end, r.state, r.final, r.left, r.digest, r.size = 0, 0, betweenBlocks, false, 0, 0, 0
	r.err = r.header()
	return r.err
}

// Read implements io.Reader. At the end of the member it returns io.EOF, and the input is just behind it.
func (r *Reader) Read(p []byte) (int, error) {
	for r.read == r.end {
		if r.err != nil {
			return 0, r.err
		}
		if r.end >= full {
			r.end = copy(r.out[:history], r.out[r.end-history:r.end])
		}
		r.read = r.end
		r.err = r.inflate()
		fresh := r.out[r.read:r.end]
		r.digest, r.size = crc32.Update(r.digest, crc32.IEEETable, fresh), r.size+uint32(len(fresh))
		if r.err == io.EOF {
			r.err = r.trailer()
		}
	}
	n := copy(p, r.out[r.read:r.end])
	r.read += n
	return n, nil
}

// Bits of the flags in a header.
const (
	flagChecksum = 1 << (1 + iota)
	flagExtra
	flagName
	flagComment
	flagReserved = 0xe0
)

// maxName is the longest name or comment in a header, in bytes, with the NUL at its end.
const maxName = 512

// header reads the header of a member.
func (r *Reader) header() error {
	var b [10]byte
	if _, err := io.ReadFull(r.in, b[:]); err != nil {
		return err
	}
	if b[0] != 0x1f || b[1] != 0x8b || b[2] != 8 {
		return gzip.ErrHeader
	}
	sum := crc32.ChecksumIEEE(b[:])
	if b[3]&flagExtra != 0 {
		n, err := r.short(&sum)
		if err != nil {
			return err
		}
		for range n {
			if _, err := r.headerByte(&sum); err != nil {
				return err
			}
		}
	}
	for _, flag := range []byte{flagName, flagComment} {
		for i := 0; b[3]&flag != 0; i++ {
			if i == maxName {
				return gzip.ErrHeader
			}
			if c, err := r.headerByte(&sum); err != nil {
				return err
			} else if c == 0 {
				break
			}
		}
	}
	if b[3]&flagChecksum != 0 {
		want := uint16(sum)
		if got, err := r.short(&sum); err != nil {
			return err
		} else if got != want {
			return gzip.ErrHeader
		}
	}
	if b[3]&flagReserved != 0 {
		return gzip.ErrHeader
	}
	return nil
}

// headerByte reads a byte of the header and adds it to the checksum.
func (r *Reader) headerByte(sum *uint32) (byte, error) {
	c, err := r.in.ReadByte()
	*sum = crc32.Update(*sum, crc32.IEEETable, []byte{c})
	return c, noEOF(err)
}

// short reads a number of two bytes from the header.
func (r *Reader) short(sum *uint32) (uint16, error) {
	low, err := r.headerByte(sum)
	if err != nil {
		return 0, err
	}
	high, err := r.headerByte(sum)
	return uint16(low) | uint16(high)<<8, err
}

// trailer reads what is behind the last block. It returns io.EOF if the checksum and the size are right.
func (r *Reader) trailer() error {
	r.putBack()
	r.in.Discard(r.pos)
	r.src, r.pos = nil, 0
	var sums [2]uint32
	for i := range sums {
		var b [4]byte
		if _, err := io.ReadFull(r.in, b[:]); err != nil {
			return noEOF(err)
		}
		sums[i] = uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
	}
	if sums != [2]uint32{r.digest, r.size} {
		return gzip.ErrChecksum
	}
	return io.EOF
}

// inflate inflates until out is full, and returns io.EOF behind the last block.
func (r *Reader) inflate() (err error) {
	for err == nil && r.end < full {
		switch r.state {
		case betweenBlocks:
			if r.final {
				return io.EOF
			}
			err = r.block()
		case inStored:
			err = r.stored()
		case inCodes:
			err = r.codes()
		}
	}
	return err
}

// block reads the beginning of a block.
func (r *Reader) block() error {
	b, err := r.take(3)
	if err != nil {
		return err
	}
	r.final = b&1 != 0
	switch b >> 1 {
	case 0:
		r.putBack()
		r.bits, r.n = 0, 0
		n, err := r.take(32)
		if err != nil {
			return err
		}
		if n&0xffff != ^n>>16&0xffff {
			return r.corrupt()
		}
		r.left, r.state = int(n&0xffff), inStored
	case 1:
		fixed := fixedTables()
		r.literals, r.distances, r.state = &fixed.literals, &fixed.distances, inCodes
	case 2:
		if err := r.readTables(); err != nil {
			return err
		}
		r.literals, r.distances, r.state = &r.own.literals, &r.own.distances, inCodes
	default:
		return r.corrupt()
	}
	return nil
}

// stored copies from a stored block.
func (r *Reader) stored() error {
	r.putBack() // whole bytes: nothing is left in bits
	for r.left > 0 && r.end < full {
		if r.pos == len(r.src) {
			if err := r.more(); err != nil {
				return err
			}
		}
		n := copy(r.out[r.end:min(full, r.end+r.left)], r.src[r.pos:])
		r.pos, r.end, r.left = r.pos+n, r.end+n, r.left-n
	}
	if r.left == 0 {
		r.state = betweenBlocks
	}
	return nil
}

// take returns the next n bits, at most 32.
func (r *Reader) take(n uint) (uint32, error) {
	if err := r.need(n); err != nil {
		return 0, err
	}
	v := r.bits & (1<<n - 1)
	r.bits >>= n
	r.n -= n
	return uint32(v), nil
}

// need reads until there are n bits, at most 48.
func (r *Reader) need(n uint) error {
	for r.n < n {
		if r.pos == len(r.src) {
			if err := r.more(); err != nil {
				return err
			}
		}
		r.bits |= uint64(r.src[r.pos]) << r.n
		r.pos++
		r.n += 8
	}
	return nil
}

// putBack returns the whole bytes in bits to src.
func (r *Reader) putBack() {
	r.pos -= int(r.n >> 3)
	r.n &= 7
	r.bits &= 1<<r.n - 1
}

// more reads input behind that in src. Some bits may have to be read again.
func (r *Reader) more() error {
	r.putBack()
	r.in.Discard(r.pos)
	r.base += int64(r.pos)
	rest := len(r.src) - r.pos
	r.src, r.pos = nil, 0
	_, err := r.in.Peek(rest + 1)
	r.src, _ = r.in.Peek(r.in.Buffered())
	if len(r.src) > rest {
		return nil
	}
	return noEOF(err)
}

// corrupt returns the error for input that is no deflated data.
func (r *Reader) corrupt() error {
	return flate.CorruptInputError(r.base + int64(r.pos) - int64(r.n>>3))
}

// noEOF makes the end of the input an error.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
