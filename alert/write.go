package alert

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/outflow/outflow/internal/plain"
)

// Writer writes alerts, which are ranked, in one format.
type Writer func(w io.Writer, list []Alert, o Options) error

// Options are the settings of formats. Each format uses those that concern it.
type Options struct {
	Color    bool   // whether a table has ANSI colours
	ASCII    bool   // whether a table is to have no other characters between texts
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
			row[k] = CSVCell(row[k])
		}
		if err := c.Write(row); err != nil {
			return err
		}
	}

	c.Flush()
	return c.Error()
}

// CSVCell returns a text as a cell of a CSV file that is safe to open in a spreadsheet: without control characters, and
// not read as a formula.
func CSVCell(text string) string { return escapeFormula(printable(text)) }

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
		return "Still in effect."
	case still > 0:
		return fmt.Sprintf("%d of %d still in effect.", still, len(a.Exposures))
	case by == a.User || by == "":
		return "Reverted after " + plain.Duration(longest) + "."
	}
	return "Reverted after " + plain.Duration(longest) + " by " + by + "."
}

// Short returns the first eight characters of the id, by which people refer to an alert.
func (a *Alert) Short() string { return a.ID[:min(len(a.ID), 8)] }

// sentence returns the title and the reason of an alert.
func sentence(a *Alert) string { return a.Title + ": " + a.Reason + "." }

// printable replaces control characters, and those that change the direction of text.
func printable(s string) string { return plain.Printable(s) }
