package plain

import (
	"strconv"
	"strings"
)

// Escape makes a name from the outside fit for a terminal.
func Escape(s string) string {
	q := strconv.Quote(s)
	if q = q[1 : len(q)-1]; len(q) > 300 {
		return strings.ToValidUTF8(q[:300], "") + "…"
	}
	return strings.ReplaceAll(q, `\"`, `"`)
}

// Count writes a number with separators.
func Count(n int) string { return Number(int64(n)) }
