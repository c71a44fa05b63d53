package lexicon

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// kind is what a rune is for finding the words of a name.
type kind uint8

const (
	gap kind = iota
	lower
	upper
	digit
	cjk // scripts that do not separate words
)

// fold appends a name as the entries are looked for in it: small letters without accents, one space
// before and after every word. Words end at other characters, at a capital letter after a small one
// ("BoardMinutes"), before the last of several capitals ("HRCases"), at digits, and where the script
// changes. "&" and "+" are words: "M&A".
func fold(to []byte, name string) []byte {
	to = append(to, ' ')
	last := gap
	for i := 0; i < len(name); {
		c := name[i]
		if c < utf8.RuneSelf {
			k, b := ascii(c)
			if k == upper && last == upper && i+1 < len(name) && name[i+1] >= 'a' && name[i+1] <= 'z' {
				last = gap
				to = space(to)
			}
			to = put(to, last, k, b)
			last = k
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(name[i:])
		i += n
		to, last = foldRune(to, last, r)
	}
	return space(to)
}

// foldRune is fold for a rune beyond ASCII.
func foldRune(to []byte, last kind, r rune) ([]byte, kind) {
	if unicode.Is(unicode.Mn, r) { // an accent of its own
		return to, last
	}
	k := gap
	switch {
	case r >= 0x1100 && (unicode.IsLetter(r) || unicode.IsNumber(r)):
		k = cjk
	case unicode.IsUpper(r):
		k = upper
	case unicode.IsLetter(r):
		k = lower
	}
	if k == gap {
		return space(to), gap
	}
	if letters, special := plain[unicode.ToLower(r)]; special {
		return append(put(to, last, k, letters[0]), letters[1:]...), k
	}
	var utf [utf8.UTFMax]byte
	whole := utf[:utf8.EncodeRune(utf[:], unicode.ToLower(r))]
	if d := norm.NFKD.Properties(whole).Decomposition(); d != nil {
		whole = d
	}
	if k == cjk && whole[0] < utf8.RuneSelf { // full-width Latin
		k, _ = ascii(whole[0])
	}
	first := true
	for len(whole) > 0 {
		r, n := utf8.DecodeRune(whole)
		if !unicode.Is(unicode.Mn, r) {
			if first {
				to = begin(to, last, k)
			}
			to = append(to, whole[:n]...)
			first = false
		}
		whole = whole[n:]
	}
	return to, k
}

// plain are letters that are no letter with an accent.
var plain = map[rune]string{'ß': "ss", 'ø': "o", 'æ': "ae", 'œ': "oe", 'ł': "l", 'đ': "d", 'ð': "d", 'þ': "th", 'ı': "i"}

// ascii is the kind of an ASCII character, and its small letter.
func ascii(c byte) (kind, byte) {
	switch {
	case c >= 'a' && c <= 'z':
		return lower, c
	case c >= 'A' && c <= 'Z':
		return upper, c + ('a' - 'A')
	case c >= '0' && c <= '9':
		return digit, c
	}
	return gap, c
}

// put appends an ASCII character, with a space before it where a word begins.
func put(to []byte, last, k kind, c byte) []byte {
	if k != gap {
		return append(begin(to, last, k), c)
	}
	if c == '&' || c == '+' {
		return append(space(to), c, ' ')
	}
	return space(to)
}

// begin ends the word before, if a character of a kind begins one after another kind.
func begin(to []byte, last, k kind) []byte {
	if last == k || last == gap || last == upper && k == lower {
		return to
	}
	return space(to)
}

// space ends a word.
func space(to []byte) []byte {
	if to[len(to)-1] != ' ' {
		to = append(to, ' ')
	}
	return to
}
