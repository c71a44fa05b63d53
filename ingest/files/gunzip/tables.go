package gunzip

import (
	"math/bits"
	"sync"
)

// An entry of a table says what the next bits of the input stand for.
//
//	bits 0–5    how many bits to take, with the extra bits of a length or a distance
//	bits 8–11   how many of them are the code; of a pointer, the bits of the second table
//	bits 16–31  a literal, a length or a distance before its extra bits is added, or where the second table begins
const (
	literal    = 1 << 12
	special    = 1 << 13 // a pointer, the end of the block, or nothing
	pointer    = 1 << 14 // the code is longer than the bits of the first table
	endOfBlock = 1 << 15
)

// The bits of first tables, and the most entries that second ones can have: the codes that do not fit share a beginning with another
// one at least, and the longest has 15 bits.
const (
	literalBits  = 11
	distanceBits = 9
	longestCode  = 15

	literalEntries  = 1<<literalBits + literalCodes/2<<(longestCode-literalBits)
	distanceEntries = 1<<distanceBits + distanceCodes/2<<(longestCode-distanceBits)
)

// How many codes there are, of which some stand for nothing.
const (
	literalCodes  = 288
	distanceCodes = 32
	lengthCodes   = 19

	maxLiterals  = 286
	maxDistances = 30
)

type (
	literalTable  [literalEntries]uint32
	distanceTable [distanceEntries]uint32
)

// tables are those of a block.
type tables struct {
	literals  literalTable
	distances distanceTable
}

// What symbols stand for: entries with the extra bits in place of all bits.
var (
	literalSymbols  [literalCodes]uint32
	distanceSymbols [distanceCodes]uint32
	lengthSymbols   [lengthCodes]uint32
)

func init() {
	for i := range 256 {
		literalSymbols[i] = literal | uint32(i)<<16
	}
	literalSymbols[256] = special | endOfBlock
	for i, length := 0, uint32(3); i < 28; i++ {
		extra := uint32(max(i/4-1, 0))
		literalSymbols[257+i] = length<<16 | extra
		length += 1 << extra
	}
	literalSymbols[285] = longest << 16
	literalSymbols[286], literalSymbols[287] = special, special
	for i, distance := 0, uint32(1); i < maxDistances; i++ {
		extra := uint32(max(i/2-1, 0))
		distanceSymbols[i] = distance<<16 | extra
		distance += 1 << extra
	}
	distanceSymbols[30], distanceSymbols[31] = special, special
	for i := range lengthCodes {
		lengthSymbols[i] = literal | uint32(i)<<16
	}
}

// fixedTables returns the tables of blocks without codes of their own.
var fixedTables = sync.OnceValue(func() *tables {
	t := new(tables)
	var lengths [literalCodes]byte
	for i := range lengths {
		switch {
		case i < 144:
			lengths[i] = 8
		case i < 256:
			lengths[i] = 9
		case i < 280:
			lengths[i] = 7
		default:
			lengths[i] = 8
		}
	}
	build(t.literals[:], literalBits, literalSymbols[:], lengths[:])
	for i := range distanceCodes {
		lengths[i] = 5
	}
	build(t.distances[:], distanceBits, distanceSymbols[:], lengths[:distanceCodes])
	return t
})

// build makes a table from the lengths of codes. It returns false if they are no complete code, unless there is none, or only one
// of one bit.
func build(table []uint32, width int, symbols []uint32, lengths []byte) bool {
	var count [longestCode + 1]int
	for _, n := range lengths {
		count[n]++
	}
	count[0] = 0
	var next, from [longestCode + 2]int // the next code of each length, and where its symbols begin in sorted
	most := 0
	for n := 1; n <= longestCode; n++ {
		next[n+1], from[n+1] = (next[n]+count[n])<<1, from[n]+count[n]
		if count[n] > 0 {
			most = n
		}
	}
	first := table[:1<<width]
	if most == 0 {
		fill(first, 0, 1, special)
		return true
	}
	first[0] = 0 // where a second table begins is not known yet
	if used := next[most] + count[most]; used != 1<<most {
		if used != 1 || most != 1 {
			return false
		}
		first[0] = special | 1
	}
	var sorted [literalCodes]uint16
	behind := from
	for i, n := range lengths {
		if n > 0 {
			sorted[behind[n]] = uint16(i)
			behind[n]++
		}
	}
	entry := func(i uint16, n int) (code int, e uint32) {
		code = int(bits.Reverse16(uint16(next[n])) >> (16 - n))
		next[n]++
		return code, symbols[i] + uint32(n) | uint32(n)<<8
	}
	for n := 1; n <= width; n++ { // the table for n bits is twice that for one less, and the codes of n bits
		half := 1 << (n - 1)
		copy(first[half:2*half], first[:half])
		for _, i := range sorted[from[n]:from[n+1]] {
			code, e := entry(i, n)
			first[code] = e
		}
	}
	free := 1 << width // where the next second table begins
	for n := width + 1; n <= most; n++ {
		for _, i := range sorted[from[n]:from[n+1]] {
			code, e := entry(i, n)
			at := &first[code&(1<<width-1)]
			if *at == 0 {
				*at = special | pointer | uint32(free)<<16 | uint32(most-width)<<8 | uint32(width)
				free += 1 << (most - width)
			}
			second := int(*at >> 16)
			fill(table[second:second+1<<(most-width)], code>>width, 1<<(n-width), e)
		}
	}
	return true
}

// fill sets every step-th entry, from one on.
func fill(table []uint32, from, step int, entry uint32) {
	for i := from; i < len(table); i += step {
		table[i] = entry
	}
}

// lengthOrder is in which order the lengths of the codes for lengths are written.
var lengthOrder = [lengthCodes]byte{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// readTables reads the codes of a block.
func (r *Reader) readTables() error {
	counts, err := r.take(14)
	if err != nil {
		return err
	}
	literals, distances := int(counts&31)+257, int(counts>>5&31)+1
	if literals > maxLiterals || distances > maxDistances {
		return r.corrupt()
	}
	var of [lengthCodes]byte
	for i := range int(counts>>10) + 4 {
		n, err := r.take(3)
		if err != nil {
			return err
		}
		of[lengthOrder[i]] = byte(n)
	}
	var table [1 << 7]uint32
	if !build(table[:], 7, lengthSymbols[:], of[:]) {
		return r.corrupt()
	}
	var lengths [maxLiterals + maxDistances]byte
	if err := r.readLengths(table[:], lengths[:literals+distances]); err != nil {
		return err
	}
	if !build(r.own.literals[:], literalBits, literalSymbols[:], lengths[:literals]) ||
		!build(r.own.distances[:], distanceBits, distanceSymbols[:], lengths[literals:literals+distances]) {
		return r.corrupt()
	}
	return nil
}

// readLengths reads the lengths of codes.
func (r *Reader) readLengths(table []uint32, lengths []byte) error {
	for i := 0; i < len(lengths); {
		e, err := r.symbol(table, 7)
		if err != nil {
			return err
		}
		if e&special != 0 {
			return r.corrupt()
		}
		r.bits >>= e & 63
		r.n -= uint(e & 63)
		symbol := byte(e >> 16)
		if symbol < 16 {
			lengths[i] = symbol
			i++
			continue
		}
		again, extra, value := 3, uint(2), byte(0)
		switch symbol {
		case 16:
			if i == 0 {
				return r.corrupt()
			}
			value = lengths[i-1]
		case 17:
			extra = 3
		case 18:
			again, extra = 11, 7
		}
		more, err := r.take(extra)
		if err != nil {
			return err
		}
		if again += int(more); again > len(lengths)-i {
			return r.corrupt()
		}
		for range again {
			lengths[i] = value
			i++
		}
	}
	return nil
}
