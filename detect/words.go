package detect

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/outflow/outflow/internal/plain"
)

// Number writes a count with separators: 41,200.
func Number(x float64) string { return plain.Number(int64(min(math.Round(x), 1<<62))) }

// About writes a usual count: whole numbers from 10 on, one digit below.
func About(x float64) string {
	switch {
	case x < .05:
		return "0"
	case x < 9.95:
		return strconv.FormatFloat(x, 'f', 1, 64)
	}
	return Number(x)
}

// Size writes bytes for people.
func Size(b float64) string { return plain.Size(b) }

// InBytes writes bytes in brackets: " (519 MB)"; "" if there are none.
func InBytes(b float64) string {
	if b <= 0 {
		return ""
	}
	return " (" + Size(b) + ")"
}

// Amount writes a count with its noun: "1 file", "143 files".
func Amount(x float64, one, many string) string {
	if math.Round(x) == 1 {
		return "1 " + one
	}
	return Number(x) + " " + many
}

// SeenOn says on how many of the user-days so far something was seen; "" if none is known.
func SeenOn(days, of int64) string {
	switch {
	case of == 0:
		return ""
	case days == 0:
		return "not seen in the " + userDays(of) + " so far"
	}
	return "seen on " + Number(float64(days)) + " of the " + userDays(of) + " so far"
}

// AsUnusual says how many of the user-days so far were as unusual in some respect; "" if none is known.
func AsUnusual(days, of int64) string {
	switch {
	case of == 0:
		return ""
	case days == 0:
		return "nothing as unusual in the " + userDays(of) + " so far"
	}
	return "as unusual on " + Number(float64(days)) + " of the " + userDays(of) + " so far"
}

func userDays(n int64) string { return Amount(float64(n), "user-day", "user-days") }

// Duration writes a duration, given in milliseconds, for people.
func Duration(ms int64) string { return plain.Duration(time.Duration(ms) * time.Millisecond) }

// Quote makes a name from the logs fit for a sentence: one line, no control or
// direction characters, of bounded length.
func Quote(name string) string {
	name = strings.Map(func(c rune) rune {
		switch {
		case plain.Disturbs(c), c == 0xfffd:
			return -1
		case c == '"':
			return '\''
		}
		return c
	}, name)
	if r := []rune(name); len(r) > 60 {
		name = string(r[:59]) + "…"
	}
	return `"` + name + `"`
}

// Named is a name from the logs in a headline: as it is, if it is one word of harmless characters and
// not long, and quoted otherwise.
func Named(name string) string {
	if name == "" || len(name) > 40 {
		return Quote(name)
	}
	for _, c := range []byte(name) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-_./@+:", c) >= 0:
		default:
			return Quote(name)
		}
	}
	return strings.Clone(name) // the memory of an event is not kept
}

// MaxHeadline is the most characters of a headline.
const MaxHeadline = 110

// Headline makes a clause a headline: with a capital, a remark after it, and of bounded length.
func Headline(clause, remark string) string {
	clause = Capital(clause)
	if r, most := []rune(clause), MaxHeadline-utf8.RuneCountInString(remark); len(r) > most {
		clause = strings.TrimRight(string(r[:most-1]), " ,;:") + "…"
	}
	return clause + remark
}

// Capital writes the first letter of a text as a capital.
func Capital(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[size:]
}

// short is the part of a container's name that people know it by.
func short(place string) string {
	if i := strings.Index(place, "/sites/"); i >= 0 {
		place = place[i+len("/sites/"):]
	} else if i := strings.Index(place, "://"); i >= 0 {
		parts := strings.Split(strings.Trim(place[i+3:], "/"), "/")
		place = parts[len(parts)-1]
	}
	return strings.TrimSuffix(place, "/")
}

// List lists names as English does: a, b and c.
func List(names []string) string {
	switch len(names) {
	case 0:
		return ""
	case 1:
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}
