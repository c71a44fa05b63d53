package files

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/form"
	"github.com/outflow/outflow/internal/jsonscan"
	"github.com/outflow/outflow/internal/plain"
)

// aheadMost is how many bytes of a table are looked at to find out in which forms its values are
// written. Of other files, it is what has been read already.
const aheadMost = 1 << 20

// beginForms begins a stream whose values may be in forms of their own. Zone is the zone that the
// stream states for its times, or nil.
func (r *reader) beginForms(zone *time.Location, usual form.Point) {
	clear(r.looked)
	r.sink.BeginFile(zone, usual, r.mayLook)
}

// mayLook reports whether to look ahead for what must be known: every part of a stream is looked
// at once.
func (r *reader) mayLook(what string) bool {
	until, again := r.looked[what]
	return r.layout != textLayout && (!again || r.w.offset() > until)
}

// looks notes that the rest of the window is looked at for what must be known.
func (r *reader) looks(what string) {
	if r.looked == nil {
		r.looked = map[string]int64{}
	}
	if len(r.looked) > 64 { // more columns than a record has
		r.looked[what] = math.MaxInt64
		return
	}
	r.looked[what] = r.w.total
}

// lookAtRows decodes the rows after the one just read until it is known in which form the values
// of that one are. It goes back to that row.
func (r *reader) lookAtRows(t *rows, c *columns) {
	w := &r.w
	t.line -= bytes.Count(w.buf[w.start-t.last:w.start], newline)
	w.start -= t.last
	for w.end-w.start < aheadMost && w.fill() {
	}
	r.looks(r.sink.Asks())
	r.sink.Probe()
	var cells [][]byte
	var scratch []byte
	for b := w.bytes(); len(b) > 0 && r.sink.Asks() != "" && !r.stop(); {
		row, n, state := parseRow(b, t.delim, cells[:0], &scratch, w.eof)
		if state == rowShort {
			break
		}
		if state != rowDone {
			n = bytes.IndexByte(b, '\n') + 1
			if n == 0 {
				break
			}
		}
		if b = b[n:]; state == rowDone && c.fit(row) == nil {
			r.sink.Begin()
			r.sink.Row(c.Header, row)
			c.decode(row, r.sink) // an error is that row's
		}
		cells = row
	}
	r.sink.Settle()
}

// lookAtRecords decodes the records after the one at the start of b until it is known in which
// form the values of that one are.
func (r *reader) lookAtRecords(f *ingest.Format, b []byte) {
	r.looks(r.sink.Asks())
	r.sink.Probe()
	r.probe(f, b)
	if r.layout == linesLayout {
		r.probe(f, r.w.bytes())
	}
	r.sink.Settle()
}

// probe decodes records without emitting their events until the sink knows what it asks for.
func (r *reader) probe(f *ingest.Format, b []byte) {
	var s jsonscan.Scanner
	for len(b) > 0 && r.sink.Asks() != "" && !r.stop() {
		if n := separator(b); n > 0 || b[0] == ',' {
			b = b[max(n, 1):]
			continue
		}
		n := jsonLength(b)
		if n == 0 || b[0] != '{' {
			return
		}
		s.Reset(b)
		r.sink.Begin()
		f.Decode(&s, r.sink) // an error is that record's
		b = b[n:]
	}
}

// jsonLength returns the length of the JSON value at the start of b, or 0 if it is not whole.
func jsonLength(b []byte) int {
	var s jsonscan.Scanner
	s.Reset(b)
	if s.Skip(); s.Err() != nil {
		return 0
	}
	return s.Offset()
}

// unplaced counts a record that was refused because its time is ambiguous: later, when more of
// the file has been written, it may be clear. It returns the error.
func (r *reader) unplaced(err error) error {
	if r.ambiguous != nil && errors.Is(err, ingest.ErrAmbiguous) {
		r.ambiguous()
	}
	return err
}

// zonedColumns returns the columns of a header without the zones in brackets after their names,
// such as "Date (PST)", and the first of these zones; nil if there is none.
func zonedColumns(cells [][]byte) (h ingest.Header, zone *time.Location) {
	h = make(ingest.Header, len(cells))
	for i, c := range cells {
		name := strings.TrimSpace(string(c))
		h[i] = plain.Column(name)
		at := strings.IndexAny(name, "([")
		if at < 0 || zone != nil {
			continue
		}
		z, ok := form.ParseZone(strings.TrimRight(name[at+1:], ")]"))
		if !ok {
			z, ok = form.ParseZone(strings.TrimSpace(name[at:])) // (GMT+01:00) Paris
		}
		if ok {
			h[i], zone = plain.Column(name[:at]), z
		}
	}
	return h, zone
}

// zoneLabels are what files write before the zone of their times, in the languages of consoles.
var zoneLabels = []string{
	"timezone", "time zone", "zeitzone", "fuseau horaire", "zona horaria", "huso horario", "タイムゾーン", "times are in", "times in",
	"all times", "all times in", "all times are in", "generated in",
}

// statedZone returns the zone that a line before a header states for the times of the table, or
// nil.
func statedZone(line []byte) *time.Location {
	text := strings.Trim(strings.TrimSpace(string(line)), "#\"'/*;, \t")
	low := strings.ToLower(text)
	for _, label := range zoneLabels {
		rest, ok := strings.CutPrefix(low, label)
		if !ok {
			continue
		}
		rest = strings.Trim(text[len(text)-len(rest):], ":：=\"',;\t ")
		if z, ok := form.ParseZone(rest); ok {
			return z
		}
	}
	return nil
}

// usualPoint returns what a point in a number usually stands for in a table: where a semicolon
// separates cells, the comma begins fractions.
func usualPoint(delim byte) form.Point {
	if delim == ';' {
		return form.PointGroups
	}
	return form.NoPoint
}
