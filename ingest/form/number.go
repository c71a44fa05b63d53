package form

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Point is what a point stands for in numbers.
type Point uint8

// The meanings. Where a point groups thousands, a comma begins the fraction, and the other way
// round.
const (
	NoPoint      Point = iota // not known
	PointGroups               // 1.234,5
	PointDecimal              // 1,234.5
)

// Number is a number as it is written.
type Number struct {
	Value float64
	Shows Point // what a point stands for in a value that has no other meaning; NoPoint if it shows nothing
	Open  bool  // a point or a comma may group thousands or begin a fraction, and point was NoPoint
}

// ParseNumber reads a number whose digits may be grouped. Point is used for what the value does
// not show itself; it may be NoPoint. It returns false for what is not a number.
func ParseNumber(t string, point Point) (Number, bool) {
	t = strings.TrimSpace(t)
	if f, err := strconv.ParseFloat(t, 64); err == nil && strings.ContainsAny(t, "eE") && !math.IsInf(f, 0) {
		return Number{Value: f}, true
	}
	sign, t := 1.0, t
	if rest, ok := strings.CutPrefix(t, "-"); ok {
		sign, t = -1, rest
	}
	if plainNumber(t) {
		n, err := strconv.ParseFloat(t, 64)
		return Number{Value: sign * n}, err == nil
	}
	s, ok := separate(t)
	if !ok {
		return Number{}, false
	}
	n, ok := s.number(point)
	n.Value *= sign
	return n, ok
}

// plainNumber reports whether a text is nothing but digits.
func plainNumber(t string) bool { return len(t) < 19 && digits(t) }

// separated is a number in parts, between its separators.
type separated struct {
	parts []string
	seps  []rune
	buf   [8]string
	marks [8]rune
}

// separate splits a number at its separators.
func separate(t string) (s separated, ok bool) {
	s.parts, s.seps = s.buf[:0], s.marks[:0]
	from := 0
	for i := 0; i < len(t); {
		r, n := rune(t[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(t[i:])
		}
		switch {
		case r >= '0' && r <= '9':
			i += n
			continue
		case isSpace(r):
			r = ' '
		case r == '\'' || r == '’' || r == '٬':
			r = '\''
		case r == '.' || r == ',':
		default:
			return s, false
		}
		if i == from || len(s.seps) == len(s.marks)-1 {
			return s, false
		}
		s.parts, s.seps = append(s.parts, t[from:i]), append(s.seps, r)
		i += n
		from = i
	}
	s.parts = append(s.parts, t[from:])
	return s, len(s.parts) > 1 && from < len(t)
}

// number finds out which of the separators begins the fraction.
func (s *separated) number(point Point) (Number, bool) {
	last := s.seps[len(s.seps)-1]
	first := s.seps[0]
	var shows Point
	whole := len(s.parts) // parts before the fraction
	switch {
	case last != '.' && last != ',': // 9 000
	case first != last: // 1,234.5, 1 234,5
		whole--
		shows = meaning(last, true)
	case len(s.seps) > 1: // 1,234,567
		shows = meaning(last, false)
	case len(s.parts[1]) != 3 || len(s.parts[0]) > 3 || s.parts[0][0] == '0': // 9.5
		whole--
		shows = meaning(last, true)
	case point == NoPoint: // 9.000
		return Number{Value: joined(s.parts, 2), Open: true}, true
	case point == meaning(last, true):
		whole--
	}
	for i, p := range s.parts[:whole] {
		switch {
		case i > 0 && s.seps[i-1] != first: // groups are separated by one character
			return Number{}, false
		case i == 0 && len(p) > 3 && whole > 1, i == whole-1 && i > 0 && len(p) != 3:
			return Number{}, false
		case i > 0 && len(p) != 3 && !(len(p) == 2 && first == ','): // 12,34,567 in India
			return Number{}, false
		}
	}
	return Number{Value: joined(s.parts, whole), Shows: shows}, true
}

// meaning is what a point stands for if a separator begins a fraction, or groups.
func meaning(sep rune, fraction bool) Point {
	if (sep == '.') == fraction {
		return PointDecimal
	}
	return PointGroups
}

// joined is the number of which a count of parts are before the fraction.
func joined(parts []string, whole int) float64 {
	t := strings.Join(parts[:whole], "") + "." + strings.Join(parts[whole:], "")
	f, _ := strconv.ParseFloat(t, 64) // digits and one point
	return f
}

// ParseSize reads a number of bytes with or without a unit, such as 1.2 MB or 350 Ko. Units are
// powers of 1024, as programs show them.
func ParseSize(t string, point Point) (Number, bool) {
	t = strings.TrimSpace(t)
	end := len(t)
	for end > 0 && isUnit(t[end-1]) {
		end--
	}
	factor, ok := units[strings.ToLower(t[end:])]
	if !ok || end == 0 {
		return Number{}, false
	}
	n, ok := ParseNumber(strings.TrimRightFunc(t[:end], isSpace), point)
	n.Value *= factor
	return n, ok
}

func isUnit(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// units are the units of sizes.
var units = func() map[string]float64 {
	m := map[string]float64{"": 1, "b": 1, "o": 1, "byte": 1, "bytes": 1, "octets": 1}
	factor := 1.0
	for _, letter := range []string{"k", "m", "g", "t"} {
		factor *= 1024
		for _, unit := range []string{"", "b", "ib", "o", "io", "byte", "bytes"} {
			m[letter+unit] = factor
		}
	}
	return m
}()
