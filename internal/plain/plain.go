// Package plain writes what comes from the outside, and numbers, so that they can
// stand in a line of text. It owns no state.
package plain

import (
	"strconv"
	"strings"
	"time"
)

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

// Column folds the name of a table's column to lower case without spaces, dots,
// underscores, dashes and brackets, so that "Event time", "event_time" and "EVENT
// TIME" are one.
func Column(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(strings.TrimSpace(name)) {
		switch r {
		case ' ', '.', '_', '-', '(', ')', '[', ']', '"', '\ufeff':
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Number writes a whole number with separators: 41,200.
func Number(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Duration writes how long something took, to the minute, hour or day.
func Duration(d time.Duration) string {
	some := func(n int64, one string) string {
		if n == 1 {
			return "1 " + one
		}
		return Number(n) + " " + one + "s"
	}
	switch m := int64((d + 30*time.Second) / time.Minute); {
	case m < 1:
		return "under a minute"
	case m < 90:
		return some(m, "minute")
	case m < 60*36:
		return some((m+30)/60, "hour")
	default:
		return some((m+720)/1440, "day")
	}
}
