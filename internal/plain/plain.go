// Package plain formats numbers and text from outside for a line of plain text.
package plain

import (
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// Disturbs reports whether a character could disturb a terminal, a log or a line of text:
// control characters, line and paragraph separators, characters that change the direction of
// text, and characters without width.
func Disturbs(c rune) bool {
	switch {
	case c < 0x20, c >= 0x7f && c < 0xa0, c >= 0x200b && c <= 0x200f, c >= 0x2028 && c <= 0x202e, c >= 0x2060 && c <= 0x206f, c == 0xfeff:
		return true
	}
	return false
}

// Column folds the name of a table's column: to lower case, without spaces, dots, underscores,
// dashes and brackets. "Event time", "event_time" and "EVENT TIME" are the same column.
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

// Number formats an integer with separators: 41,200.
func Number(n int64) string { return humanize.Comma(n) }

// Duration formats a duration in minutes, hours or days.
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
