// Package jsonscan is a pull parser for JSON: the caller walks an object key by key, takes the
// few values that it wants and skips the rest, in one pass and without building a tree. It
// exists because audit records are wide and only a fifth of each is of interest;
// docs/benchmarks.md compares it with libraries.
//
// The scanner works on a byte slice that must hold the whole value. If the slice ends inside
// the value, Err is ErrShort: a streaming caller appends more input and starts the value again.
//
// It is lenient about types, because vendors are: Text of a number is its digits, Object of a
// string is an empty object. It is strict about structure: unbalanced brackets, missing colons
// or commas, raw control characters in strings and nesting deeper than 64 are errors. In
// skipped values only strings and brackets are checked. Keys are compared exactly, after
// escapes are resolved.
//
// RFC 8259 leaves open which of two equal keys counts, and parsers differ. A scanner that is
// Unique therefore fails with a DuplicateKeyError if a key that the caller reads occurs twice
// in its object with values that are not written alike, and the error tells what the text is with
// each of them (Split). Without Unique the caller sees both, in order.
package jsonscan

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"math/bits"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// ErrShort means that the input ended inside a value.
var ErrShort = errors.New("unexpected end of JSON")

// SyntaxError is malformed JSON at a byte offset of the scanned slice.
type SyntaxError struct {
	Offset int    // in bytes from 0
	Reason string // what is wrong
}

// Error returns the offset and the reason.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("malformed JSON at byte %d: %s", e.Offset, e.Reason)
}

// DuplicateKeyError means that an object has a key twice whose value was read, and that the
// values differ, or that the object is too large to compare them.
type DuplicateKeyError struct {
	Key string // unescaped, at most 64 bytes of it; "" if unknown

	object []byte // the scanned text, from behind the bracket of the object on
	key    string // all of Key
}

// Error names the key if it is known.
func (e *DuplicateKeyError) Error() string {
	if e.Key == "" {
		return "a key occurs twice in one object"
	}
	return fmt.Sprintf("the key %q occurs twice in one object", e.Key)
}

// MaxDepth is the deepest nesting of objects and arrays that is accepted.
const MaxDepth = 64

// Scanner walks one JSON value. The zero value is ready after Reset.
type Scanner struct {
	Key []byte // the key at which Next stopped; valid until the next call

	// Unique makes it an error if a key that is read occurs twice in an object. A key is read
	// if its value is asked for by any method but Skip. Within the result of Raw every key
	// counts as read, since it may be read later. Reset does not change Unique.
	Unique bool

	b       []byte
	i       int
	depth   int
	first   bool // just inside an object or array, so no comma is due
	err     error
	scratch []byte // unescaped strings of the current record

	unread bool     // Next has stopped at a key whose value has not been asked for
	keys   []uint64 // hashes of the keys read, of all open objects
	object object   // the innermost open one
	outer  []object // the open ones around it
	alike  int      // keys that occurred twice with the same value
}

// object is the state of an open object.
type object struct {
	at   int    // where it begins, after its bracket
	from int    // where its keys begin in Scanner.keys
	seen uint64 // a Bloom filter over them
}

// Reset starts over at the beginning of b. Strings that were returned before are invalid.
func (s *Scanner) Reset(b []byte) {
	s.b, s.i, s.depth, s.first, s.err = b, 0, 0, false, nil
	s.scratch, s.keys, s.unread = s.scratch[:0], s.keys[:0], false
	s.object, s.outer, s.alike = object{}, s.outer[:0], 0
}

// Err returns the first error, or nil. After an error every method returns its zero value, so
// that a decoder may check once, at the end.
func (s *Scanner) Err() error { return s.err }

// Offset returns the number of bytes consumed so far.
func (s *Scanner) Offset() int { return s.i }

// Fail makes the scan fail with a reason at the current offset, unless it has failed before.
func (s *Scanner) Fail(reason string) {
	if s.err == nil {
		s.err = &SyntaxError{s.i, reason}
	}
}

// short makes the scan fail with ErrShort.
func (s *Scanner) short() {
	if s.err == nil {
		s.err = ErrShort
		s.i = len(s.b)
	}
}

// peek skips white space and returns the next byte, or 0 at the end or after an error.
func (s *Scanner) peek() byte {
	if s.err == nil && s.i < len(s.b) {
		if c := s.b[s.i]; c > ' ' {
			return c
		}
	}
	return s.peekBehindSpace()
}

// peekBehindSpace is peek where there may be white space.
func (s *Scanner) peekBehindSpace() byte {
	if s.err != nil {
		return 0
	}
	b := s.b
	for i := s.i; i < len(b); i++ {
		if c := b[i]; c > ' ' || c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			s.i = i
			return c
		}
	}
	s.short()
	return 0
}

// Kind returns the first byte of the next value: one of { [ " t f n - or a digit; 0 after an
// error.
func (s *Scanner) Kind() byte {
	if s.unread {
		s.read()
	}
	return s.peek()
}

// manyKeys is the number of keys above which an object is checked once, at its end.
const manyKeys = 64

var (
	seed = maphash.MakeSeed()
	key0 = maphash.String(seed, "0")
	key1 = maphash.String(seed, "1")
)

// read records that the value of the current key is asked for.
func (s *Scanner) read() {
	s.unread = false
	s.note()
}

// note records the current key as one of the innermost object. It uses a seeded hash, so that
// nobody can construct keys that collide. Keys are short, which maphash is not made for.
func (s *Scanner) note() {
	var h uint64
	if k := s.Key; len(k) > 16 {
		h = maphash.Bytes(seed, k)
	} else {
		var x, y uint64
		switch n := len(k); {
		case n >= 8:
			x, y = binary.LittleEndian.Uint64(k), binary.LittleEndian.Uint64(k[n-8:])
		case n >= 4:
			x, y = uint64(binary.LittleEndian.Uint32(k)), uint64(binary.LittleEndian.Uint32(k[n-4:]))
		case n > 0:
			x = uint64(k[0])<<16 | uint64(k[n/2])<<8 | uint64(k[n-1])
		}
		high, low := bits.Mul64(x^key0, y^key1^uint64(len(k))<<56)
		h = high ^ low
	}
	bit := uint64(1) << (h & 63)
	if s.object.seen&bit != 0 && s.repeated(h) {
		return
	}
	s.object.seen |= bit
	s.keys = append(s.keys, h)
}

// repeated reports whether the current key, with a hash, was read in the innermost object
// before. It is an error if the values differ. If there are many keys, leave checks them
// instead.
func (s *Scanner) repeated(h uint64) bool {
	o := &s.object
	if len(s.keys)-o.from > manyKeys || !slices.Contains(s.keys[o.from:], h) {
		return false
	}
	if s.alike++; s.alike > maxAlike || !s.same(o.at) {
		s.duplicate(string(s.Key))
	}
	return true
}

// maxAlike bounds how often an object is searched for the first of two equal keys.
const maxAlike = 16

// same reports whether the next value is written like that of the first equal key of the object
// that begins at an offset.
func (s *Scanner) same(at int) bool {
	first, next := Scanner{b: s.b, i: at, depth: 1, first: true}, Scanner{b: s.b, i: s.i, depth: 1}
	if next.peek() == ':' {
		next.i++
	}
	for first.Next() && !bytes.Equal(first.Key, s.Key) {
		first.Skip()
	}
	return bytes.Equal(first.Raw(), next.Raw()) || next.err == ErrShort
}

// begin opens an object at an offset.
func (s *Scanner) begin(at int) {
	s.outer = append(s.outer, s.object)
	s.object = object{at: at, from: len(s.keys)}
}

// leave closes the innermost object. It checks its keys if there are many.
func (s *Scanner) leave() {
	if len(s.keys)-s.object.from > manyKeys {
		s.sortOut(s.keys[s.object.from:])
	}
	s.keys = s.keys[:s.object.from]
	if last := len(s.outer) - 1; last >= 0 {
		s.object, s.outer = s.outer[last], s.outer[:last]
	}
}

// sortOut checks the keys of an object that has many.
func (s *Scanner) sortOut(keys []uint64) {
	slices.Sort(keys)
	for i := 1; i < len(keys); i++ {
		if keys[i] == keys[i-1] {
			s.duplicate("")
			return
		}
	}
}

// duplicate makes the scan fail with a DuplicateKeyError.
func (s *Scanner) duplicate(key string) {
	if s.err == nil {
		s.err = &DuplicateKeyError{key[:min(len(key), 64)], s.b[s.object.at:], key}
	}
}

// Place is where a scanner is in a text.
type Place struct{ at, alike int }

// Place returns where the next value begins.
func (s *Scanner) Place() Place {
	s.peek()
	return Place{s.i, s.alike}
}

// Ahead returns the text from the next value on.
func (s *Scanner) Ahead() []byte {
	if s.peek() == 0 {
		return nil
	}
	return s.b[s.i:]
}

// Since returns the text from a place on if it stands for itself: whatever was read in it will be read again
// where the same text follows at the same depth, and SkipSame may skip it there. It is nil after an error, if a key occurred
// twice in the text, or if the scanner is not Unique and did not find out.
func (s *Scanner) Since(p Place) []byte {
	if s.err != nil || !s.Unique || s.alike != p.alike {
		return nil
	}
	return s.b[p.at:s.i]
}

// SkipSame skips the next value if it is written like an object or array that was read before (see Since), and
// reports whether it is. The value counts as read.
func (s *Scanner) SkipSame(text []byte) bool {
	if len(text) == 0 || s.peek() == 0 || !bytes.HasPrefix(s.b[s.i:], text) {
		return false
	}
	at := s.i
	if s.unread {
		s.read()
	}
	if s.err == nil {
		s.i = at + len(text)
	}
	return true
}

// Object enters the next value if it is an object, whose keys Next then walks. Otherwise it
// skips the value and returns false.
func (s *Scanner) Object() bool { return s.enter('{') }

// Array enters the next value if it is an array, whose elements Elem then walks. Otherwise it
// skips the value and returns false.
func (s *Scanner) Array() bool { return s.enter('[') }

// enter enters the next value if it begins with a bracket, and skips it otherwise.
func (s *Scanner) enter(open byte) bool {
	if s.unread {
		s.read()
	}
	switch s.peek() {
	case 0:
		return false
	case open:
	default:
		s.Skip()
		return false
	}
	if s.depth++; s.depth > MaxDepth {
		s.Fail("nested deeper than 64")
		return false
	}
	if s.Unique && open == '{' {
		s.begin(s.i + 1)
	}
	s.i++
	s.first = true
	return true
}

// Next stops at the next key of the object and its value. At the end it leaves the object and
// returns false.
func (s *Scanner) Next() bool {
	// Without white space, as machines write it.
	if i := s.i; s.err == nil && !s.first && i+1 < len(s.b) && s.b[i] == ',' && s.b[i+1] == '"' {
		s.i = i + 1
	} else if !s.more('}') {
		s.unread = false
		return false
	} else if s.peek() != '"' {
		s.Fail("expected a key")
		return false
	}
	s.Key = s.str()
	if (s.err != nil || s.i >= len(s.b) || s.b[s.i] != ':') && s.peek() != ':' {
		s.Fail("expected a colon")
		return false
	}
	s.i++
	s.unread = s.Unique
	return true
}

// Elem stops at the next element of the array. At the end it leaves the array and returns
// false.
func (s *Scanner) Elem() bool { return s.more(']') }

// more stops before the next element of an object or array, or leaves it at its closing
// bracket.
func (s *Scanner) more(end byte) bool {
	c := s.peek()
	switch {
	case c == 0:
		return false
	case c == end:
		if s.Unique && end == '}' {
			s.leave()
		}
		s.i++
		s.depth--
		s.first = false
		return false
	case s.first:
		s.first = false
		return true
	case c == ',':
		s.i++
		return s.err == nil
	}
	s.Fail("expected a comma or the end")
	return false
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special sets the high bit of the first of 8 bytes that is a quote, a backslash or below 0x20,
// and of none before it. Flipping one bit turns a quote into 0x20, keeps what is below 0x20
// below, and what is above above.
func special(x uint64) uint64 {
	return (((x ^ 0x02*ones) - 0x21*ones) | ((x ^ '\\'*ones) - ones)) &^ x & highs
}

// str reads the string at s.i, which must be the opening quote.
func (s *Scanner) str() []byte {
	b, start := s.b, s.i+1
	i := start
	for {
		if i+8 <= len(b) {
			hit := special(binary.LittleEndian.Uint64(b[i : i+8 : i+8]))
			if hit == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(hit) >> 3
		} else if i >= len(b) {
			s.short()
			return nil
		}
		switch c := b[i]; {
		case c == '"':
			s.i = i + 1
			return b[start:i]
		case c == '\\':
			return s.escaped(start, i)
		case c < 0x20:
			s.i = i
			s.Fail("control character in a string")
			return nil
		}
		i++
	}
}

// run appends what is in b from i on to a text, up to a byte that has to be looked at more closely
// or to the last few bytes, and returns where it ends. It copies eight bytes at a time, also those
// behind a special one, which are then overwritten.
func run(out, b []byte, i int) (text []byte, end int) {
	for i+8 <= len(b) {
		if cap(out)-len(out) < 8 {
			out = slices.Grow(out, 256)
		}
		eight := binary.LittleEndian.Uint64(b[i : i+8 : i+8])
		binary.LittleEndian.PutUint64(out[len(out):len(out)+8:len(out)+8], eight)
		hit := special(eight)
		if hit == 0 {
			out, i = out[:len(out)+8], i+8
			continue
		}
		n := bits.TrailingZeros64(hit) >> 3
		i += n
		if b[i] != '\\' || i+1 == len(b) || b[i+1] != '"' {
			return out[:len(out)+n], i
		}
		out = out[:len(out)+n+1] // JSON in a string has quotes above all
		out[len(out)-1] = '"'
		i += 2
	}
	return out, i
}

// escaped reads the rest of a string whose first backslash is at i.
func (s *Scanner) escaped(start, i int) []byte {
	b := s.b
	from := len(s.scratch)
	out := append(s.scratch, b[start:i]...)
	for i < len(b) {
		out, i = run(out, b, i)
		if i == len(b) {
			break
		}
		c := b[i]
		switch {
		case c == '"':
			s.i = i + 1
			s.scratch = out
			return out[from:]
		case c < 0x20:
			s.i = i
			s.Fail("control character in a string")
			return nil
		case c != '\\':
			out = append(out, c)
			i++
			continue
		}

		if i+1 >= len(b) {
			break
		}
		i += 2
		switch b[i-1] {
		case '"', '\\', '/':
			out = append(out, b[i-1])
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r, ok := hex4(b, i)
			if !ok {
				if i+4 > len(b) {
					s.short()
				} else {
					s.i = i
					s.Fail("bad \\u escape")
				}
				return nil
			}
			i += 4
			if utf16.IsSurrogate(r) {
				low := rune(-1)
				if i+1 < len(b) && b[i] == '\\' && b[i+1] == 'u' {
					low, _ = hex4(b, i+2)
				}
				if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
					i += 6
				}
			}
			out = utf8.AppendRune(out, r)

		default:
			s.i = i - 1
			s.Fail("bad escape")
			return nil
		}
	}

	s.short()
	return nil
}

// hex4 reads four hexadecimal digits.
func hex4(b []byte, i int) (rune, bool) {
	if i+4 > len(b) {
		return 0, false
	}
	var r rune
	for _, c := range b[i : i+4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// Bytes returns the next value as text: a string unescaped, a number or a boolean as written,
// nil for null, an object or an array. The result is valid until Reset, and while the scanned
// slice is not changed.
func (s *Scanner) Bytes() []byte {
	if s.unread {
		s.read()
	}
	if s.err == nil && s.i < len(s.b) && s.b[s.i] == '"' {
		return s.str()
	}
	switch s.peek() {
	case 0:
		return nil
	case '"':
		return s.str()
	case '{', '[', 'n':
		s.Skip()
		return nil
	}
	return s.literal()
}

// Text returns the result of Bytes as a string that shares the scanned memory: clone it to keep
// it.
func (s *Scanner) Text() string { return view(s.Bytes()) }

// view returns bytes as a string that shares their memory.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// literal reads a number, true, false or null.
func (s *Scanner) literal() []byte {
	b, start := s.b, s.i
	for i := start; i < len(b); i++ {
		switch b[i] {
		case ',', '}', ']', ' ', '\n', '\r', '\t':
			if i == start {
				s.Fail("expected a value")
				return nil
			}
			s.i = i
			return b[start:i]
		case '"', ':', '{', '[':
			s.i = i
			s.Fail("expected a value")
			return nil
		}
	}
	if s.depth == 0 && len(b) > start { // a bare literal may end the input
		s.i = len(b)
		return b[start:]
	}
	s.short()
	return nil
}

// Int returns the next value as an integer: a number, also with a fraction or an exponent, or a
// string that contains one; 0 for anything else.
func (s *Scanner) Int() int64 { return ParseInt(s.Bytes()) }

// ParseInt returns the integer in a text, or 0. A fraction is cut off, and an exponent applied.
func ParseInt(t []byte) int64 {
	n, digits := int64(0), t
	if len(digits) > 0 && digits[0] == '-' {
		digits = digits[1:]
	}
	if len(digits) == 0 || len(digits) > 18 {
		return parseFloat(t)
	}
	for _, c := range digits {
		if c -= '0'; c > 9 {
			return parseFloat(t)
		}
		n = n*10 + int64(c)
	}
	if len(digits) < len(t) {
		return -n
	}
	return n
}

// parseFloat is ParseInt for everything but integers of up to 18 digits. Numbers beyond ±1e18
// that do not fit an int64 as they are written are 0.
func parseFloat(t []byte) int64 {
	if n, err := strconv.ParseInt(view(t), 10, 64); err == nil {
		return n
	}
	f, err := strconv.ParseFloat(view(t), 64)
	if err != nil || f < -1e18 || f > 1e18 || f != f {
		return 0
	}
	return int64(f)
}

// Bool returns the next value as a boolean: true and the string "true", in any case, are true.
func (s *Scanner) Bool() bool {
	t := s.Bytes()
	return len(t) == 4 && t[0]|0x20 == 't' && t[1]|0x20 == 'r' && t[2]|0x20 == 'u' && t[3]|0x20 == 'e'
}

// Field returns one field of the next value, an object, as Text, and skips the others; "" if
// there is no object or no such field.
func (s *Scanner) Field(name string) (value string) {
	if !s.Object() {
		return ""
	}
	for s.Next() {
		if string(s.Key) == name {
			value = s.Text()
		} else {
			s.Skip()
		}
	}
	return value
}

// Raw returns the next value as it is written. If the scanner is Unique, all keys within are
// checked.
func (s *Scanner) Raw() []byte {
	if s.unread {
		s.read()
	}
	if s.peek() == 0 {
		return nil
	}
	start := s.i
	if c := s.b[start]; s.Unique && (c == '{' || c == '[') {
		s.check()
	} else {
		s.Skip()
	}
	if s.err != nil {
		return nil
	}
	return s.b[start:s.i]
}

// RawUnchecked is Raw without the check of keys, for callers that walk the value with another
// Unique scanner and handle its error.
func (s *Scanner) RawUnchecked() []byte {
	if s.unread {
		s.read()
	}
	unique := s.Unique
	s.Unique = false
	raw := s.Raw()
	s.Unique = unique
	return raw
}

// check skips the object or array at s.i like Skip, and treats all keys in it as read.
func (s *Scanner) check() {
	b, depth, key := s.b, s.depth, false // key: the next string is a key
	var objects uint64                   // a bit per open bracket: 1 for an object
	for i := s.i; i < len(b); i++ {
		switch c := b[i]; c {
		case '"':
			if s.i = i; !key {
				s.skipString()
			} else if s.Key = s.str(); s.err == nil {
				s.note()
			}
			if s.err != nil {
				return
			}
			i, key = s.i-1, false

		case ',':
			key = objects&1 != 0
		case '{', '[':
			if depth++; depth > MaxDepth {
				s.i = i
				s.Fail("nested deeper than 64")
				return
			}
			if objects, key = objects<<1, c == '{'; key {
				objects |= 1
				s.begin(i + 1)
			}

		case '}', ']':
			if (c == '}') != (objects&1 != 0) {
				s.i = i
				s.Fail("unbalanced brackets")
				return
			}
			if s.i = i; c == '}' {
				s.leave()
			}
			if s.err != nil {
				return
			}
			objects >>= 1
			if key, depth = false, depth-1; depth == s.depth {
				s.i = i + 1
				return
			}
		}
	}

	s.short()
}

// Skip skips the next value.
func (s *Scanner) Skip() {
	s.unread = false
	switch s.peek() {
	case 0:
		return
	case '"':
		s.skipString()
		return
	case '{', '[':
	default:
		s.literal()
		return
	}

	b, depth := s.b, 0
	var objects uint64 // a bit per open bracket: 1 for an object
	for i := s.i; i < len(b); i++ {
		switch b[i] {
		case '"':
			s.i = i
			s.skipString()
			if s.err != nil {
				return
			}
			i = s.i - 1

		case '{', '[':
			if depth++; s.depth+depth > MaxDepth {
				s.i = i
				s.Fail("nested deeper than 64")
				return
			}
			objects = objects<<1 | uint64(b[i]>>5&1)

		case '}', ']':
			if uint64(b[i]>>5&1) != objects&1 {
				s.i = i
				s.Fail("unbalanced brackets")
				return
			}
			objects >>= 1
			if depth--; depth == 0 {
				s.i = i + 1
				return
			}
		}
	}

	s.short()
}

// skipString skips the string at s.i without unescaping it.
func (s *Scanner) skipString() {
	b, i := s.b, s.i+1
	for {
		if i+8 <= len(b) {
			hit := special(binary.LittleEndian.Uint64(b[i : i+8 : i+8]))
			if hit == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(hit) >> 3
		} else if i >= len(b) {
			s.short()
			return
		}
		switch c := b[i]; {
		case c == '"':
			s.i = i + 1
			return
		case c == '\\':
			i++
		case c < 0x20:
			s.i = i
			s.Fail("control character in a string")
			return
		}
		i++
	}
}
