package detect

import (
	"math"
	"strconv"
	"strings"
	"time"

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

// Amount writes a count with its noun: "1 file", "143 files".
func Amount(x float64, one, many string) string {
	if math.Round(x) == 1 {
		return "1 " + one
	}
	return Number(x) + " " + many
}

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
