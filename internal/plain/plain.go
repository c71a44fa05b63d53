// Package plain writes what comes from the outside, and numbers, so that they can
// stand in a line of text. It owns no state.
package plain

import "strconv"

// Disturbs says whether a character could disturb a terminal, a log or a line of
// text: control characters, line and paragraph separators, what changes the
// direction of text, and what takes no room.
func Disturbs(c rune) bool {
	switch {
	case c < 0x20, c >= 0x7f && c < 0xa0, c >= 0x200b && c <= 0x200f, c >= 0x2028 && c <= 0x202e, c >= 0x2060 && c <= 0x206f, c == 0xfeff:
		return true
	}
	return false
}

// Number writes a whole number with separators: 41,200.
func Number(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
