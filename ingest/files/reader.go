package files

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/form"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// reader finds and decodes the records of plain streams, one stream after another. Each
// worker has its own.
type reader struct {
	formats []*ingest.Format
	tables  []*ingest.Table
	sink    *ingest.Sink
	ended   func() bool // reports whether all reading is to stop early
	keep    bool        // keep undecodable records in the report

	rep   *Report
	whole *io.SectionReader // the file, while it is read; nil for a stream
	spent *budgetUse        // what the file has cost so far

	w       window
	scan    jsonscan.Scanner
	current *ingest.Format // format of the previous record
	tried   *ingest.Format // format of the record being decoded; nil if unknown
	table   table
	name    string
	foreign string // what the stream looks like; the reason if it holds no known record
	keys    string // top-level keys of the first unknown record
	known   bool   // a record or a header was recognised
	empty   bool   // the stream holds an empty list
	cut     bool   // the stream ends inside a value
	nested  int    // depth of open lists
	layout  layout

	envelopes
	lineNumber int              // of the line being decoded; 0 if the window knows it
	columns    *plan            // of the rows in the list being read
	found      *plan            // of the rows in the list that findRecords has found
	indirect   bool             // what findRecords has found is in envelopes
	void       bool             // the list that findList has found is empty
	inPages    int              // depth of the pages that are looked into
	looked     map[string]int64 // what was looked for ahead, and up to which offset
	rowLines   bool             // a line is a row: the lines in its cells do not count
	jsonRows   bool             // each line is an object in JSON
	heading    bool             // the first line has names of columns, and the one after it is row 1
	ambiguous  func()           // called when a record is refused because its time is ambiguous; may be nil
	decoded    func(Origin)     // called after each record; may be nil
}

// stop reports whether to stop early.
func (r *reader) stop() bool { return r.spent.check() != nil }

// read decodes one plain stream. The error, if any, is a *notice.
func (r *reader) read(name string, in io.Reader) error {
	r.w.reset(in)
	if r.heading {
		r.w.line = 0
	}
	r.name, r.current, r.foreign, r.keys, r.known, r.empty, r.cut, r.nested = name, nil, "", "", false, false, false, 0
	r.depth, r.lineNumber, r.columns, r.plan, r.inPages = 0, 0, nil, nil, 0
	r.joined, r.joinedKeys = nil, nil
	for i := range r.levels {
		r.levels[i].carrier, r.levels[i].flat = nil, false
	}
	r.beginForms(nil, form.NoPoint)
	before := *r.rep
	err := r.records()
	r.rep.Content += r.w.total
	if over := r.spent.check(); over != nil && r.w.err == nil {
		r.w.err = over
	}

	if r.w.err != nil {
		r.problem(r.w.line, "cannot read further: "+r.w.err.Error())
		if r.known {
			r.rep.Known++
		}
		return unreadable(r.w.err)
	}

	if err != nil {
		r.rep.Unread += r.w.total
		return err
	}

	if !r.known && (r.foreign != "" || r.rep.Unknown > before.Unknown) { // no audit log that is known
		r.rep.Unknown, r.rep.Oversized, r.rep.Problems, r.rep.ProblemCount = before.Unknown, before.Oversized,
			r.rep.Problems[:len(before.Problems)], before.ProblemCount
		r.rep.Unread, r.rep.Cut = before.Unread+r.w.total, before.Cut
		kind := "JSON"
		if r.jsonRows {
			kind = "Parquet"
		}
		return &notice{reason: cmp.Or(r.foreign, kind+" of an unknown kind: "+r.keys)}
	}

	r.empty = r.empty || r.jsonRows && r.w.total == 0
	if r.known || r.empty && r.rep.ProblemCount == before.ProblemCount {
		r.rep.Known++
	}
	return nil
}

// records reads all records of the stream.
func (r *reader) records() error {
	if r.jsonRows {
		r.layout = linesLayout
	} else if err := r.sniff(); err != nil {
		return err
	}
	switch r.layout {
	case linesLayout:
		r.lines()
	case textLayout:
		r.text()
	case documentsLayout:
		r.documents()
	default:
		return r.delimited()
	}
	return nil
}

// layout is how records are laid out.
type layout int

const (
	delimitedLayout layout = iota
	linesLayout            // JSON, a record on each line
	documentsLayout        // JSON, records and lists of records in any mix
	textLayout             // a record on each line, not JSON
)

// sniff detects the layout from the first window. Text before the first record, such as a
// banner, does not hide the records.
func (r *reader) sniff() error {
	w := &r.w
	for w.end < 128<<10 && w.fill() {
	}
	c, ok := w.skipSpace()
	for nuls := false; c == 0; c, ok = w.skipSpace() {
		if !ok {
			if w.err != nil {
				return unreadable(w.err)
			}
			if nuls {
				return &notice{reason: "nothing but NUL bytes"}
			}
			return &notice{reason: "empty file"}
		}
		r.padding()
		nuls = true
	}

	r.layout = documentsLayout
	switch c {
	case '{':
		if _, levels, _ := r.findRecords(w.bytes(), w.eof); levels > 0 { // a page; most files hold just one
			return nil
		}
		if r.linesAhead() {
			r.layout = linesLayout
		}
		return nil

	case '"':
		if r.linesAhead() {
			r.layout = linesLayout
			return nil
		}

	case '[':
		if listAhead(w.bytes()[1:]) {
			return nil
		}
	}

	return r.sniffText()
}

// listAhead reports whether the bytes after a bracket may be the elements of a list.
func listAhead(b []byte) bool {
	for n := separator(b); n > 0; n = separator(b) {
		b = b[n:]
	}
	return len(b) == 0 || bytes.IndexByte([]byte("{[]\",\x00"), b[0]) >= 0 || bytes.HasPrefix(b, []byte("null"))
}

// manyLines is the number of lines in which the first record or a header is looked for.
const manyLines = 20

// sniffText detects the layout of a stream that does not begin like JSON.
func (r *reader) sniffText() error {
	w := &r.w
	for bytes.IndexByte(w.bytes(), '\n') < 0 && w.grow() { // a header may be long
	}
	if r.table = r.findTable(); r.table.found() {
		r.layout, r.known = delimitedLayout, true
		return nil
	}
	if r.linesAhead() {
		r.layout = linesLayout
		return nil
	}
	rest := w.bytes()
	for n := 0; n < manyLines && len(rest) > 0; n++ {
		var line []byte
		line, rest, _ = bytes.Cut(rest, newline)
		if f := r.lineFormat(bytes.TrimRight(line, "\r")); f != nil {
			r.current, r.layout, r.known = f, textLayout, true
			return nil
		}
	}
	r.foreign = r.describeText(w.bytes())
	if bytes.IndexByte(w.bytes()[:min(512, len(w.bytes()))], 0) >= 0 {
		r.foreign = "binary file"
	}
	return nil
}

// linesAhead reports whether one of the first lines that look like JSON is a known record,
// or a JSON string that holds one.
func (r *reader) linesAhead() bool {
	b := r.w.bytes()
	for n := 0; n < manyLines && len(b) > 0; {
		line, rest, found := bytes.Cut(b, newline)
		if !found && !r.w.eof {
			return false
		}
		line = trim(line)
		for times := 0; times < 3 && len(line) > 1 && line[0] == '"'; times++ {
			r.scan.Reset(line)
			text := append([]byte(nil), r.scan.Bytes()...)
			if r.scan.Err() != nil || r.scan.Offset() < len(line) {
				text = nil
			}
			line = text
		}
		line = line[prefix(line):]
		if len(line) > 0 && (line[0] == '{' || line[0] == '[') {
			if known, _, err := r.recognise(line); err == nil && known {
				return true
			}
			n++
		}
		b = rest
	}
	return false
}

// padding consumes NUL bytes, which a crash or a truncation leaves in place of records, and
// counts them as one problem.
func (r *reader) padding() {
	w := &r.w
	if w.start == w.end && !w.fill() || w.buf[w.start] != 0 {
		return
	}
	line := w.lineAt(0)
	r.problem(line, fmt.Sprintf("%d NUL bytes: what was written here is lost", w.skipNULs()))
}

// decode decodes the record at the start of b and returns its length. The error is
// jsonscan.ErrShort if b ends inside the record, an *unknownRecord if no format matches,
// or what is wrong with the record.
func (r *reader) decode(b []byte) (int, error) {
	l := &r.levels[r.depth]
	if l.carrier != nil {
		n, err := r.unwrap(l.carrier, b)
		if err != ingest.ErrNotThis && !isUnknown(err) {
			return n, err
		}
		l.carrier = nil
	} else if r.current != nil && !l.flat {
		n, err := r.try(r.current, b)
		if err != ingest.ErrNotThis {
			return n, err
		}
	}
	l.flat = false
	r.tried = nil
	keys, _, err := r.topKeys(b)
	if err != nil {
		return 0, err
	}
	return r.decodeAs(keys, b)
}

// decodeAs decodes the record at the start of b, which has these top-level keys, as whatever
// it is. The result is that of decode.
func (r *reader) decodeAs(keys ingest.Keys, b []byte) (int, error) {
	var unknown error
	n, err := r.unwrapAny(keys, b, true)
	if err != ingest.ErrNotThis && !isUnknown(err) {
		return n, err
	} else if err != ingest.ErrNotThis {
		unknown = err
	}
	for _, f := range r.formats {
		if f.Line != nil || !f.Match(keys) {
			continue
		}
		n, err := r.try(f, b)
		if err == ingest.ErrNotThis {
			continue
		}
		r.known = true
		if err == nil {
			r.current = f
		}
		return n, err
	}
	n, err = r.unwrapAny(keys, b, false)
	r.tried = nil
	switch {
	case err != ingest.ErrNotThis && !isUnknown(err):
		return n, err
	case unknown != nil:
		return 0, unknown
	case err != ingest.ErrNotThis:
		return 0, err
	}
	return 0, &unknownRecord{keys: keys}
}

// isUnknown reports whether an error is an *unknownRecord.
func isUnknown(err error) bool {
	var u *unknownRecord
	return errors.As(err, &u)
}

// try decodes the record at the start of b with a format and returns its length.
func (r *reader) try(f *ingest.Format, b []byte) (int, error) {
	r.tried = f
	r.sink.Begin()
	length, err := r.sink.Decode(&r.scan, b, f.Decode)
	if r.sink.Asks() != "" {
		if n := jsonLength(b); n > 0 {
			r.lookAtRecords(f, b[n:])
			return r.try(f, b)
		}
		return 0, jsonscan.ErrShort
	}
	if err != nil {
		return 0, r.unplaced(err)
	}
	if err := r.refused(); err != nil {
		return 0, err
	}
	r.wasDecoded(f.Name, 0)
	return length, nil
}

// wasDecoded counts a record that was decoded. Line is 0 if the window knows it.
func (r *reader) wasDecoded(format string, line int) {
	r.rep.Records++
	r.rep.Formats[format]++
	if keys := r.sink.Ambiguous(); len(keys) > 0 {
		r.rep.ambiguous(format, keys)
	}
	if r.decoded != nil {
		r.decoded(r.origin(format, cmp.Or(line, r.lineNow())))
	}
}

// origin says where the record on a line is, and how it was read.
func (r *reader) origin(format string, line int) Origin {
	o := Origin{File: r.name, Line: line, Format: format, Order: r.sink.Order()}
	if r.layout == delimitedLayout {
		o.Delimiter, o.Zone = r.table.delim, r.table.zone
	}
	return o
}

// refused returns why an event of the current record was refused and counts it, or nil.
func (r *reader) refused() error {
	err := r.sink.Refused()
	if err == nil { // almost always
		return nil
	}
	if ahead := (*ingest.AheadError)(nil); errors.As(err, &ahead) {
		if r.rep.Ahead == nil {
			r.rep.Ahead = map[event.Source]Ahead{}
		}
		n := r.rep.Ahead[ahead.Source]
		if n.Records++; ahead.Time.After(n.Latest) {
			n.Latest = ahead.Time
		}
		r.rep.Ahead[ahead.Source] = n
	}
	return err
}

// unknownRecord is the error for a well-formed record that no format matches.
type unknownRecord struct {
	keys ingest.Keys // nil if it is no object
	in   []string    // the envelopes around it, the outermost first
}

// Error names the keys of the record and the envelopes around it.
func (u *unknownRecord) Error() string {
	where := ""
	if len(u.in) > 0 {
		where = " in an envelope of " + strings.Join(u.in, " in ")
	}
	if u.keys == nil {
		return "no record" + where
	}
	keys := append([]string(nil), u.keys...)
	sort.Strings(keys)
	if len(keys) > 6 {
		keys = append(keys[:6], "…")
	}
	return fmt.Sprintf("a record of an unknown kind%s, with the keys %s", where, strings.Join(keys, ", "))
}

// topKeys returns the keys of the object at the start of b and the object's length.
func (r *reader) topKeys(b []byte) (ingest.Keys, int, error) {
	var keys ingest.Keys
	r.scan.Reset(b)
	if r.scan.Kind() != '{' {
		r.scan.Fail("expected an object")
		return nil, 0, r.scan.Err()
	}
	r.scan.Object()
	for r.scan.Next() {
		if len(keys) < 256 {
			keys = append(keys, string(r.scan.Key))
		}
		r.scan.Skip()
	}
	return keys, r.scan.Offset(), r.scan.Err()
}

// match returns the JSON format of records with these top-level keys, or nil.
func (r *reader) match(keys ingest.Keys) *ingest.Format {
	for _, f := range r.formats {
		if f.Line == nil && f.Match(keys) {
			return f
		}
	}
	return nil
}

// knows reports whether an object with these top-level keys is a record, or an envelope, of a
// known kind.
func (r *reader) knows(keys ingest.Keys) bool {
	if r.match(keys) != nil {
		return true
	}
	for range carries(keys, true) {
		return true
	}
	for range carries(keys, false) {
		return true
	}
	return false
}

// lineFormat returns the text format of a stream that begins with a line, or nil.
func (r *reader) lineFormat(line []byte) *ingest.Format {
	for _, f := range r.formats {
		if f.Line != nil && f.Line.First(line) {
			return f
		}
	}
	return nil
}

// fail counts a record that could not be decoded. It is at the start of b.
func (r *reader) fail(line int, err error, b []byte) {
	var u *unknownRecord
	switch {
	case errors.As(err, &u):
		r.rep.Unknown++
		if r.keys == "" {
			r.keys = strings.TrimPrefix(strings.TrimPrefix(u.Error(), "a record of an unknown kind, with "), "a record of an unknown kind ")
		}
	case r.tried != nil:
		r.rep.Undecoded[r.tried.Name]++
	}
	before := len(r.rep.Problems)
	if before >= maxProblems { // count only
		r.rep.ProblemCount++
		return
	}
	r.problem(line, err.Error())
	if r.keep && len(r.rep.Problems) > before {
		r.rep.Problems[before].Record = r.value(b)
	}
}

// skipped counts n bytes that are not a record. They begin with b.
func (r *reader) skipped(line int, b []byte, n int64) {
	r.unread(n)
	if r.tried = nil; len(r.rep.Problems) >= maxProblems {
		r.rep.ProblemCount++
		return
	}
	r.fail(line, fmt.Errorf("no record, %d bytes: %q", n, beginning(b)), b)
}

// unread counts bytes that are not read. Those in an envelope are no bytes of the file.
func (r *reader) unread(n int64) {
	if r.depth == 0 {
		r.rep.Unread += n
	}
}

// beginning returns the part of a skipped text that is shown in a problem.
func beginning(b []byte) []byte {
	b, _, _ = bytes.Cut(b[:min(len(b), 60)], newline)
	return append([]byte(nil), bytes.TrimSpace(b)...)
}

// problem adds a problem at a line of the stream to the report.
func (r *reader) problem(line int, reason string) { r.rep.add(r.name, line, reason) }
