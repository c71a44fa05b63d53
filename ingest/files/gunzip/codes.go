package gunzip

import (
	"encoding/binary"
	"unsafe"
)

// verdict is why decoding stopped.
type verdict int

const (
	paused verdict = iota // at the end of the input at hand, or out is full
	ended                 // the block has ended
	wrong                 // there is no such code, or a match begins before the output does
)

// codes inflates a block with codes until it ends or out is full.
func (r *Reader) codes() error {
	for r.end < full {
		var v verdict
		if len(r.src)-r.pos >= 16 {
			v = r.fast()
			r.bits &= 1<<r.n - 1
		} else {
			var err error
			if v, err = r.careful(); err != nil {
				return err
			}
		}
		switch v {
		case ended:
			r.state = betweenBlocks
			return nil
		case wrong:
			return r.corrupt()
		}
	}
	return nil
}

// fast decodes symbols while there are 16 bytes of input or more, and out is not full. A refill leaves at least 56 bits: enough for
// three literals of the first table (33), or for a length (20) and a distance (28).
func (r *Reader) fast() verdict {
	src, out, literals, distances := r.src, r.out, r.literals, r.distances
	bits, n, pos, end := r.bits, r.n, r.pos, r.end
	v := paused
	for last := len(src) - 16; pos <= last && end < full; {
		bits |= binary.LittleEndian.Uint64(src[pos:pos+8:pos+8]) << (n & 63)
		pos += int(n>>3&7 ^ 7)
		n |= 56
		e := literals[bits&(1<<literalBits-1)]
		if e&literal != 0 {
			out[end] = byte(e >> 16)
			end, bits, n = end+1, bits>>(e&63), n-uint(e)
			if e = literals[bits&(1<<literalBits-1)]; e&literal != 0 {
				out[end] = byte(e >> 16)
				end, bits, n = end+1, bits>>(e&63), n-uint(e)
				if e = literals[bits&(1<<literalBits-1)]; e&literal != 0 {
					out[end] = byte(e >> 16)
					end, bits, n = end+1, bits>>(e&63), n-uint(e)
					continue
				}
			}
			bits |= binary.LittleEndian.Uint64(src[pos:pos+8:pos+8]) << (n & 63)
			pos += int(n>>3&7 ^ 7)
			n |= 56
		}
		if e&special != 0 {
			if e&pointer != 0 {
				e = literals[e>>16+uint32(bits>>literalBits)&(1<<(e>>8&15)-1)]
			}
			if e&literal != 0 {
				out[end] = byte(e >> 16)
				end, bits, n = end+1, bits>>(e&63), n-uint(e)
				continue
			}
			if e&special != 0 {
				bits, n, v = bits>>(e&63), n-uint(e), stop(e)
				break
			}
		}
		length := int(e>>16) + int(bits&(1<<(e&63)-1)>>(e>>8&15))
		bits, n = bits>>(e&63), n-uint(e)

		d := distances[bits&(1<<distanceBits-1)]
		if d&pointer != 0 {
			d = distances[d>>16+uint32(bits>>distanceBits)&(1<<(d>>8&15)-1)]
		}
		distance := int(d>>16) + int(bits&(1<<(d&63)-1)>>(d>>8&15))
		if d&special != 0 || distance > end {
			v = wrong
			break
		}
		bits, n = bits>>(d&63), n-uint(d)
		if distance >= 16 { // almost always, and most are not longer than 32
			far(unsafe.Pointer(&out[end]), unsafe.Pointer(&out[end-distance]), length)
		} else {
			repeat(out, end, distance, length)
		}
		end += length
	}
	r.bits, r.n, r.pos, r.end = bits, n&63, pos, end
	return v
}

// stop returns the verdict on an entry that is no symbol.
func stop(e uint32) verdict {
	if e&endOfBlock != 0 {
		return ended
	}
	return wrong
}

// far copies a match that begins 16 bytes before to, or earlier: whole pieces of 16 bytes, and 32 at least.
func far(to, from unsafe.Pointer, length int) {
	*(*[16]byte)(to) = *(*[16]byte)(from)
	*(*[16]byte)(unsafe.Add(to, 16)) = *(*[16]byte)(unsafe.Add(from, 16))
	for i := 32; i < length; i += 16 {
		*(*[16]byte)(unsafe.Add(to, i)) = *(*[16]byte)(unsafe.Add(from, i))
	}
}

// repeat copies a match of at most longest bytes to out[end:], and up to overrun bytes more. Distance is at least 1 and at most
// end, and end is at most one more than full, so all of it is within out.
func repeat(out *[full + longest + overrun]byte, end, distance, length int) {
	to := unsafe.Pointer(&out[end])
	from := unsafe.Pointer(&out[end-distance])
	switch {
	case distance >= 16:
		far(to, from, length)
	case distance >= 8:
		for i := 0; i < length; i += 8 {
			*(*uint64)(unsafe.Add(to, i)) = *(*uint64)(unsafe.Add(from, i))
		}
	case distance == 1:
		eight := uint64(out[end-1]) * 0x0101010101010101
		for i := 0; i < length; i += 8 {
			*(*uint64)(unsafe.Add(to, i)) = eight
		}
	default:
		for i := range length {
			out[end+i] = out[end+i-distance]
		}
	}
}

// careful decodes one symbol where little input is at hand. It takes no more input than it needs.
func (r *Reader) careful() (verdict, error) {
	e, err := r.symbol(r.literals[:], literalBits)
	switch {
	case err != nil:
		return paused, err
	case e&literal != 0:
		r.out[r.end] = byte(e >> 16)
		r.end++
		r.drop(e)
		return paused, nil
	case e&special != 0:
		r.drop(e)
		return stop(e), nil
	}
	length := r.drop(e)
	d, err := r.symbol(r.distances[:], distanceBits)
	if err != nil {
		return paused, err
	}
	if d&special != 0 {
		return wrong, nil
	}
	distance := r.drop(d)
	if distance > r.end {
		return wrong, nil
	}
	repeat(r.out, r.end, distance, length)
	r.end += length
	return paused, nil
}

// symbol returns the entry of the next symbol. All of its bits are there.
func (r *Reader) symbol(table []uint32, width uint) (uint32, error) {
	for {
		e := table[r.bits&(1<<width-1)]
		if e&pointer != 0 {
			e = table[e>>16+uint32(r.bits>>width)&(1<<(e>>8&15)-1)]
		}
		if uint(e&63) <= r.n {
			return e, nil
		}
		if err := r.need(r.n + 1); err != nil {
			return 0, err
		}
	}
}

// drop takes the bits of a symbol, and returns its value with the extra bits.
func (r *Reader) drop(e uint32) int {
	v := int(e>>16) + int(r.bits&(1<<(e&63)-1)>>(e>>8&15))
	r.bits >>= e & 63
	r.n -= uint(e & 63)
	return v
}
