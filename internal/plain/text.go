package plain

import (
	"math"
	"strconv"
	"strings"
)

// Escape escapes a name from outside for a terminal, and cuts it off after 300 bytes.
func Escape(s string) string {
	q := strconv.Quote(s)
	q = strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
	if len(q) > 300 {
		return strings.ToValidUTF8(q[:300], "") + "…"
	}
	return q
}

// Printable replaces each character that could disturb a terminal, a log or a line of text with a dot.
func Printable(s string) string {
	return strings.Map(func(c rune) rune {
		if Disturbs(c) {
			return '·'
		}
		return c
	}, s)
}

// Count formats a number with separators.
func Count(n int) string { return Number(int64(n)) }

// Amount formats an amount: without decimals from ten on, with at most one below.
func Amount(x float64) string {
	if x >= 9.95 {
		return Number(int64(math.Round(x)))
	}
	return strings.TrimSuffix(strconv.FormatFloat(x, 'f', 1, 64), ".0")
}

// CountOf formats a number with separators and its noun: one if n is 1, many otherwise. "1 dead
// letter", "1,204 dead letters".
func CountOf(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Count(n) + " " + many
}

// Size formats a number of bytes: "2.1 MB", "41 kB", "640 bytes".
func Size(b float64) string {
	units := []string{"bytes", "kB", "MB", "GB", "TB", "PB"}
	i := 0
	for ; b >= 999.5 && i < len(units)-1; i++ {
		b /= 1000
	}
	if i == 0 && math.Round(b) == 1 {
		return "1 byte"
	}
	if i == 0 || b >= 9.95 {
		return Number(int64(min(math.Round(b), 1<<62))) + " " + units[i]
	}
	return strconv.FormatFloat(b, 'f', 1, 64) + " " + units[i]
}

// Clip returns at most some characters of a text, the last of them "…" if it was longer.
func Clip(t string, most int) string {
	r := []rune(t)
	if len(r) <= most {
		return t
	}
	return string(r[:max(most-1, 0)]) + "…"
}
