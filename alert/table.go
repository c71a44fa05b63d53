package alert

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/width"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/plain"
)

// maxOfCase is how many further alerts of a case a table names.
const maxOfCase = 8

// margin is what the lines of an alert are indented by in a table.
const margin = "     "

// table writes alerts for people.
type table struct {
	Options
	*bufio.Writer
}

// writeTable writes alerts for people: an entry for each case, in the order of its most urgent alert, which
// the entry describes; the others follow it in a line each.
func writeTable(w io.Writer, list []Alert, o Options) error {
	if o.Width == 0 {
		o.Width = 120
	}
	o.Width = max(o.Width, 60)
	t := table{o, bufio.NewWriter(w)}
	cases := ByCase(list)
	for i, c := range cases {
		t.first(i+1, c[0])
		t.others(c[1:])
	}
	if len(cases) == 0 {
		fmt.Fprintln(t, "No alerts.")
		t.wrapped("", printable(o.Unjudged))
	}
	return t.Flush()
}

// ByCase groups ranked alerts by case, without changing their order.
func ByCase(list []Alert) (cases [][]*Alert) {
	at := map[string]int{}
	for i := range list {
		a := &list[i]
		k, known := at[a.Case]
		if !known {
			k = len(cases)
			at[a.Case], cases = k, append(cases, nil)
		}
		cases[k] = append(cases[k], a)
	}
	return cases
}

// first writes the most urgent alert of a case. Alerts without a headline have the whole sentence.
func (t *table) first(rank int, a *Alert) {
	text := a.Title
	if name := a.DetectorTitle(); strings.HasPrefix(a.Title, name) {
		text = sentence(a)
	}
	head := fmt.Sprintf("%3d  %s  ", rank, t.severity(a.Severity))
	const indent = len(margin) + severityWidth + 2
	for _, line := range wrap(printable(text), t.Width-indent) {
		fmt.Fprintf(t, "%s%s\n", head, t.bold(line))
		head = strings.Repeat(" ", indent)
	}
	t.joined(t.identity(a))
	var facts []string
	for _, f := range a.Facts {
		facts = append(facts, printable(f.Text))
	}
	t.joined(facts)
	for _, s := range []string{a.statusText(), a.sayRepeated()} {
		t.wrapped(margin, printable(s))
	}
}

// identity says who, when, how much and by which id an alert is found.
func (t *table) identity(a *Alert) []string {
	who := printable(a.User)
	if a.Health {
		who = "data health"
	} else if a.Service && !event.IsPlace(a.User) {
		who += " (service account)"
	}
	parts := []string{who, a.Time.Format("2006-01-02 15:04") + " UTC"}
	if !a.Health {
		parts = append(parts, fmt.Sprintf("score %.1f", a.Score))
	}
	if a.Provisional {
		parts = append(parts, "provisional")
	}
	return append(parts, a.Short())
}

// others writes further alerts of a case, a line each.
func (t *table) others(list []*Alert) {
	for i, a := range list {
		if i == maxOfCase {
			fmt.Fprintf(t, "%sand %s of the same case\n", margin, plain.CountOf(len(list)-i, "more alert", "more alerts"))
			break
		}
		end := fmt.Sprintf(" (%.1f, %s)", a.Score, a.Short())
		line := "also " + a.Time.Format("2006-01-02 15:04") + ", " + a.Severity.String() + ": " + printable(a.Title)
		fmt.Fprintf(t, "%s%s%s\n", margin, t.clip(line, t.Width-len(margin)-len(end)), end)
	}
}

// joined writes parts, as many in a line as fit. A part that does not fit in a line is wrapped.
func (t *table) joined(parts []string) {
	sep, room := " · ", t.Width-len(margin)
	if t.ASCII {
		sep = " | "
	}
	line := ""
	for _, p := range parts {
		switch {
		case line == "":
			line = p
		case columns(line)+columns(sep)+columns(p) <= room:
			line += sep + p
		default:
			t.wrapped(margin, line)
			line = p
		}
	}
	t.wrapped(margin, line)
}

// wrapped writes a text in lines that fit.
func (t *table) wrapped(indent, text string) {
	for _, line := range wrap(text, t.Width-len(indent)) {
		fmt.Fprintf(t, "%s%s\n", indent, line)
	}
}

// clip cuts a text off at a number of columns.
func (t *table) clip(text string, room int) string {
	if columns(text) <= room {
		return text
	}
	end := "…"
	if t.ASCII {
		end = "..."
	}
	return strings.TrimRight(text[:fitting(text, room-columns(end))], " ") + end
}

func (t *table) bold(s string) string {
	if !t.Color {
		return s
	}
	return "\x1b[1m" + s + "\x1b[0m"
}

var severityColors = [...]string{"2", "36", "33", "31", "1;31"}

// severityWidth is how many columns a severity has.
const severityWidth = 8

// severity returns a severity in its colour.
func (t *table) severity(s Severity) string {
	name := s.String()
	if s == Informational {
		name = "info"
	}
	name = fmt.Sprintf("%-*s", severityWidth, name)
	if !t.Color {
		return name
	}
	return "\x1b[" + severityColors[s] + "m" + name + "\x1b[0m"
}

// columns is how many columns a text has in a terminal.
func columns(s string) (n int) {
	for _, c := range s {
		n += columnsOf(c)
	}
	return n
}

func columnsOf(c rune) int {
	if k := width.LookupRune(c).Kind(); k == width.EastAsianWide || k == width.EastAsianFullwidth {
		return 2
	}
	return 1
}

// fitting is how many bytes of a text fit into a number of columns: at least its first character.
func fitting(text string, room int) int {
	for i, c := range text {
		if room -= columnsOf(c); room < 0 && i > 0 {
			return i
		}
	}
	return len(text)
}

// wrap breaks a text into lines of at most room columns, at spaces where there are any.
func wrap(text string, room int) (lines []string) {
	line := ""
	add := func(word string) {
		switch {
		case line == "":
			line = word
		case columns(line)+1+columns(word) <= room:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	for word := range strings.FieldsSeq(text) {
		for n := fitting(word, room); n < len(word); n = fitting(word, room) {
			add(word[:n])
			word = word[n:]
		}
		add(word)
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}
