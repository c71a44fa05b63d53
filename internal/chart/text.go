package chart

import (
	"math"
	"strings"
)

// Charts of text, for terminals.

// levels are the heights of a bar in one line, from nothing to full.
var (
	levels      = []rune(" ▁▂▃▄▅▆▇█")
	asciiLevels = []rune(" ._-=+*#@")
	eighths     = []rune(" ▏▎▍▌▋▊▉█")
)

// Line draws values as bars of one character each, in one line, against the highest that there can be. What
// is unknown (NaN) is a space; what is more than nothing can be told from it. ASCII asks for no other
// characters.
func Line(values []float64, most float64, ascii bool) string {
	marks := levels
	if ascii {
		marks = asciiLevels
	}
	var b strings.Builder
	for _, v := range values {
		b.WriteRune(marks[step(v, most, len(marks)-1)])
	}
	return b.String()
}

// step is the level of a value of some: 0 for none, at least 1 for more than none.
func step(v, most float64, steps int) int {
	if math.IsNaN(v) || v <= 0 || most <= 0 {
		return 0
	}
	return min(max(int(math.Round(v/most*float64(steps))), 1), steps)
}

// Bar draws one value as a bar of a number of characters at most, which a value of most has. It is padded
// to that width.
func Bar(v, most float64, width int, ascii bool) string {
	if ascii {
		n := step(v, most, width)
		return strings.Repeat("#", n) + strings.Repeat(" ", width-n)
	}
	n := step(v, most, 8*width)
	s := strings.Repeat("█", n/8)
	full := n / 8
	if rest := n % 8; rest > 0 {
		s += string(eighths[rest])
		full++
	}
	return s + strings.Repeat(" ", width-full)
}

// Shorten joins consecutive values until there are at most width, each the highest of those it stands for.
func Shorten(values []float64, width int) []float64 {
	if len(values) <= width || width < 1 {
		return values
	}
	out := make([]float64, width)
	for i := range out {
		from, to := i*len(values)/width, (i+1)*len(values)/width
		out[i] = math.NaN()
		for _, v := range values[from:to] {
			if math.IsNaN(out[i]) || v > out[i] {
				out[i] = v
			}
		}
	}
	return out
}
