package alert

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/plain"
)

// Writer writes alerts, which are ranked, in one format.
type Writer func(w io.Writer, list []Alert, o Options) error

// Options are the settings of formats. Each format uses those that concern it.
type Options struct {
	Color    bool   // whether a table has ANSI colours
	Width    int    // of the terminal in columns; 0 for 120
	Version  string // of the program, for OCSF
	Unjudged string // what was not scored, and why; "" if everything was
}

// Formats are the writers by the name of their format.
var Formats = map[string]Writer{
	"table":  writeTable,
	"ndjson": writeNDJSON,
	"json":   writeJSON,
	"csv":    writeCSV,
	"ocsf":   writeOCSF,
}

// writeNDJSON writes one alert a line.
func writeNDJSON(w io.Writer, list []Alert, _ Options) error {
	enc := json.NewEncoder(w)
	for i := range list {
		if err := enc.Encode(&list[i]); err != nil {
			return err
		}
	}
	return nil
}

// writeJSON writes one array of alerts, indented.
func writeJSON(w io.Writer, list []Alert, _ Options) error {
	if list == nil {
		list = []Alert{}
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(list)
}

// csvColumns are the columns of the CSV format. Names are as in NDJSON.
var csvColumns = []string{
	"id", "time", "severity", "score", "rate", "user", "detector", "title", "reason", "window_start",
	"window_end", "provisional", "observed", "expected", "peers", "unit", "sources", "techniques",
	"event_count", "data_complete_to", "case", "event_ids",
}

// writeCSV writes one alert a row, below a row of column names.
func writeCSV(w io.Writer, list []Alert, _ Options) error {
	c := csv.NewWriter(w)
	if err := c.Write(csvColumns); err != nil {
		return err
	}
	num := func(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
	for i := range list {
		a := &list[i]
		row := []string{
			a.ID,
			formatTime(a.Time),
			a.Severity.String(),
			num(a.Score),
			num(a.Rate),
			a.User,
			a.Detector,
			a.Title,
			a.Reason,
			formatTime(a.Window.Start),
			formatTime(a.Window.End),
			strconv.FormatBool(a.Provisional),
			num(a.Observed),
			num(a.Expected),
			num(a.Peers),
			a.Unit,
			strings.Join(a.Sources, " "),
			strings.Join(a.Techniques, " "),
			strconv.Itoa(a.EventCount),
			formatTime(a.DataCompleteTo),
			a.Case,
			strings.Join(a.EventIDs, " "),
		}

		for k := range row {
			row[k] = escapeFormula(printable(row[k]))
		}
		if err := c.Write(row); err != nil {
			return err
		}
	}

	c.Flush()
	return c.Error()
}

// escapeFormula keeps a spreadsheet from reading a cell as a formula
// (owasp.org/www-community/attacks/CSV_Injection).
func escapeFormula(cell string) string {
	if strings.IndexAny(cell, "=+-@\t\r＝＋－＠") == 0 {
		return "'" + cell
	}
	return cell
}

// formatTime formats a time with milliseconds (RFC 3339).
func formatTime(t time.Time) string { return t.Format("2006-01-02T15:04:05.000Z07:00") }

// writeTable writes alerts for people: one entry for each case, represented by its most urgent
// alert.
func writeTable(w io.Writer, list []Alert, o Options) error {
	b := bufio.NewWriter(w)
	width := o.Width
	if width == 0 {
		width = 120
	}
	width = max(width, 60)
	days := map[string]int{}
	for i := range list {
		days[list[i].Case]++
	}

	shown := map[string]bool{}
	rank := 0
	for i := range list {
		a := &list[i]
		if shown[a.Case] {
			continue
		}
		shown[a.Case] = true
		rank++
		score, who := fmt.Sprintf("%5.1f", a.Score), printable(a.User)
		if a.Health {
			score, who = "    –", "health of the data"
		}

		head := fmt.Sprintf("%3d  %s  %s  %s  %s", rank, o.colorize(a.Severity), score, a.Time.Format("2006-01-02 15:04"), who)
		if a.Service && !event.IsPlace(a.User) {
			head += " (service account)"
		}
		if n := days[a.Case]; n > 1 {
			head += fmt.Sprintf("  [%d days]", n)
		}

		if a.Provisional {
			head += "  (provisional)"
		}
		head += "  " + a.Short()
		fmt.Fprintln(b, head)
		for _, line := range wrap(printable(sentence(a)), width-5) {
			fmt.Fprintf(b, "     %s\n", line)
		}

		if s := a.statusText(); s != "" {
			fmt.Fprintf(b, "     %s\n", printable(s))
		}
		if s := a.sayRepeated(); s != "" {
			fmt.Fprintf(b, "     %s\n", printable(s))
		}
	}

	if rank == 0 {
		fmt.Fprintln(b, "No alerts.")
		for _, line := range wrap(printable(o.Unjudged), width) {
			fmt.Fprintln(b, line)
		}
	}

	return b.Flush()
}

// statusText describes how long exposures stayed open; "" if there are none.
func (a *Alert) statusText() string {
	if len(a.Exposures) == 0 {
		return ""
	}
	longest, by, still := time.Duration(0), "", 0
	for _, x := range a.Exposures {
		switch {
		case x.Closed == nil:
			still++
		case x.Closed.Sub(x.Opened) >= longest:
			longest, by = x.Closed.Sub(x.Opened), x.By
		}
	}
	switch {
	case still == len(a.Exposures):
		return "Not undone."
	case still > 0:
		return fmt.Sprintf("%d of %d not undone.", still, len(a.Exposures))
	case by == a.User || by == "":
		return "Undone after " + plain.Duration(longest) + "."
	}
	return "Undone after " + plain.Duration(longest) + " by " + by + "."
}

// Short returns the first eight characters of the id, by which people refer to an alert.
func (a *Alert) Short() string { return a.ID[:min(len(a.ID), 8)] }

// sentence returns the title and the reason of an alert.
func sentence(a *Alert) string { return a.Title + ": " + a.Reason + "." }

var severityColors = [...]string{"2", "36", "33", "31", "1;31"}

// colorize returns a severity in its colour, padded to eight columns.
func (o Options) colorize(s Severity) string {
	name := s.String()
	if s == Informational {
		name = "info"
	}
	name = fmt.Sprintf("%-8s", name)
	if !o.Color {
		return name
	}
	return "\x1b[" + severityColors[s] + "m" + name + "\x1b[0m"
}

// printable replaces control characters, and those that change the direction of text.
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		if plain.Disturbs(c) {
			return '·'
		}
		return c
	}, s)
}

// wrap breaks a text into lines of at most width characters, at spaces where there are any.
func wrap(text string, width int) (lines []string) {
	line, n := "", 0
	for word := range strings.FieldsSeq(text) {
		runes := []rune(word)
		for len(runes) > width {
			if n > 0 {
				lines, line, n = append(lines, line), "", 0
			}
			lines = append(lines, string(runes[:width]))
			runes = runes[width:]
		}
		switch {
		case n == 0:
			line, n = string(runes), len(runes)
		case n+1+len(runes) <= width:
			line, n = line+" "+string(runes), n+1+len(runes)
		default:
			lines, line, n = append(lines, line), string(runes), len(runes)
		}
	}
	if n > 0 {
		lines = append(lines, line)
	}
	return lines
}
