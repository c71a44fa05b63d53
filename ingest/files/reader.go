package files

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"

	"github.com/outflow/outflow/ingest"
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
	open  *os.File   // the file on disk, while it is read
	spent *budgetUse // what the file has cost so far

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
}

// stop reports whether to stop early.
func (r *reader) stop() bool { return r.spent.check() != nil }

// read decodes one plain stream. The error, if any, is a *notice.
func (r *reader) read(name string, in io.Reader) error {
	r.w.reset(in)
	r.name, r.current, r.foreign, r.keys, r.known, r.empty, r.cut, r.nested = name, nil, "", "", false, false, false, 0
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
		return &notice{reason: cmp.Or(r.foreign, "JSON of an unknown kind: "+r.keys)}
	}

	if r.known || r.empty && r.rep.ProblemCount == before.ProblemCount {
		r.rep.Known++
	}
	return nil
}

// records reads all records of the stream.
func (r *reader) records() error {
	if err := r.sniff(); err != nil {
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
		if _, levels, _ := r.findRecords(w.bytes()); levels > 0 { // a page; most files hold just one
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
	if r.table = r.findTable(); r.table.Table != nil {
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
	r.foreign = describeText(w.bytes())
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
		if len(line) > 0 && line[0] == '{' {
			if keys, _, err := r.topKeys(line); err == nil && r.match(keys) != nil {
				return true
			}
			n++
		}
		b = rest
	}
	return false
}

// trim removes separators and NUL bytes around a line.
func trim(line []byte) []byte {
	line = bytes.TrimRight(line, " \r\t\v\f\x00")
	for len(line) > 0 {
		n := separator(line)
		if line[0] == 0 {
			n = 1
		}
		if n == 0 {
			break
		}
		line = line[n:]
	}
	return line
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

// lines reads a record from every line.
func (r *reader) lines() {
	w := &r.w
	for !r.stop() {
		r.padding()
		number := w.lineAt(0)
		line, tooLong, ok := w.nextLine()
		switch {
		case !ok:
			return
		case tooLong:
			r.longLine()
		default:
			r.line(line, number)
		}
	}
}

// line reads the records of one line, usually one.
func (r *reader) line(line []byte, number int) {
	for len(line) > 0 && !r.stop() {
		n := separator(line)
		if line[0] == ',' {
			n = 1
		}
		if n > 0 {
			line = line[n:]
			continue
		}
		switch line[0] {
		case 0:
			n := len(line) - len(bytes.TrimLeft(line, "\x00"))
			r.problem(number, fmt.Sprintf("%d NUL bytes: what was written here is lost", n))
			line = line[n:]
		case '{':
			line = line[r.lineRecord(line, number):]
		case '"':
			line = line[r.lineText(line, number):]
		case '[':
			r.within(line, number)
			return
		default:
			r.skipped(number, line, int64(len(line)))
			return
		}
	}
}

// lineRecord decodes the record at the start of a line and returns its length.
func (r *reader) lineRecord(line []byte, number int) int {
	n, err := r.decode(line)
	if err == nil {
		return n
	}
	if unknown := (*unknownRecord)(nil); errors.As(err, &unknown) {
		if _, levels, _ := r.findRecords(line); levels > 0 {
			r.within(line, number)
			return len(line)
		}
	}
	r.fail(number, ingest.Whole(err), line)
	if n := r.resume(line, err); n > 0 {
		return n
	}
	return len(line)
}

// lineText reads the records in the JSON string at the start of a line and returns the
// length of the string.
func (r *reader) lineText(line []byte, number int) int {
	r.scan.Reset(line)
	text := append([]byte(nil), r.scan.Bytes()...)
	if err := r.scan.Err(); err != nil {
		r.tried = nil
		r.fail(number, ingest.Whole(err), line)
		return len(line)
	}
	n := r.scan.Offset()
	if inner := trim(text); len(inner) == 0 || bytes.IndexByte([]byte("{[\""), inner[0]) < 0 {
		r.skipped(number, line[:n], int64(n))
	} else if r.nested++; r.nested <= jsonscan.MaxDepth {
		r.line(inner, number)
		r.nested--
	}
	return n
}

// within reads documents in memory as if they were the stream.
func (r *reader) within(b []byte, number int) {
	outer, cut, layout := r.w, r.rep.Cut, r.layout
	r.cut = false
	r.w = window{buf: b, end: len(b), eof: true, line: number}
	r.layout = documentsLayout
	r.documents()
	r.w, r.layout, r.cut = outer, layout, false
	if r.w.start < r.w.end || !r.w.eof {
		r.rep.Cut = cut // the line was cut off, not the stream
	}
}

// longLine reads the records of a line that does not fit into the window.
func (r *reader) longLine() {
	w := &r.w
	for !r.stop() {
		r.padding()
		for ; w.start < w.end; w.start++ {
			if c := w.buf[w.start]; c == '\n' {
				w.start++
				return
			} else if c != ' ' && c != '\t' && c != '\r' && c != ',' {
				break
			}
		}

		if w.start == w.end {
			if !w.fill() {
				return
			}
			continue
		}

		switch w.buf[w.start] {
		case 0:
		case '{':
			if !r.page() {
				r.record()
			}
		case '[':
			w.advance(1)
			r.elements()
		case '"':
			r.quoted()
		default:
			line, first := w.lineAt(0), beginning(w.bytes())
			r.skipped(line, first, w.skipLine())
			return
		}
	}
}

// decode decodes the record at the start of b and returns its length. The error is
// jsonscan.ErrShort if b ends inside the record, an *unknownRecord if no format matches,
// or what is wrong with the record.
func (r *reader) decode(b []byte) (int, error) {
	if r.current != nil {
		n, err := r.try(r.current, b)
		if err != ingest.ErrNotThis {
			return n, err
		}
	}
	r.tried = nil
	keys, _, err := r.topKeys(b)
	if err != nil {
		return 0, err
	}
	for _, f := range r.formats {
		if f == r.current || f.Line != nil || !f.Match(keys) {
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
	r.tried = nil
	return 0, &unknownRecord{keys}
}

// try decodes the record at the start of b with a format and returns its length.
func (r *reader) try(f *ingest.Format, b []byte) (int, error) {
	r.tried = f
	r.scan.Reset(b)
	r.sink.Begin()
	if r.sink.Inspected() {
		if r.scan.Raw(); r.scan.Err() != nil { // rules may use any part of the record
			return 0, r.scan.Err()
		}
		r.sink.Native(b[:r.scan.Offset()])
		r.scan.Reset(b)
	}
	if err := f.Decode(&r.scan, r.sink); err != nil {
		return 0, err
	}
	if err := r.refused(); err != nil {
		return 0, err
	}
	r.rep.Records++
	r.rep.Formats[f.Name]++
	return r.scan.Offset(), nil
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
type unknownRecord struct{ keys ingest.Keys }

func (u *unknownRecord) Error() string {
	keys := append([]string(nil), u.keys...)
	sort.Strings(keys)
	if len(keys) > 6 {
		keys = append(keys[:6], "…")
	}
	return fmt.Sprintf("a record of an unknown kind, with the keys %s", strings.Join(keys, ", "))
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

// lineFormat returns the text format of a stream that begins with a line, or nil.
func (r *reader) lineFormat(line []byte) *ingest.Format {
	for _, f := range r.formats {
		if f.Line != nil && f.Line.First(line) {
			return f
		}
	}
	return nil
}

// text reads a record that is not JSON from every line.
func (r *reader) text() {
	w := &r.w
	for !r.stop() {
		r.padding()
		number := w.lineAt(0)
		line, tooLong, ok := w.nextLine()
		switch {
		case !ok:
			return
		case tooLong:
			r.rep.Oversized++
			r.problem(number, "a line longer than 4 MiB")
			r.rep.Unread += w.skipLine()
			continue
		case len(bytes.TrimSpace(line)) == 0:
			continue
		}

		r.tried = r.current
		r.sink.Begin()
		if r.sink.Inspected() {
			r.sink.Row([]string{"line"}, [][]byte{line})
		}
		err := r.current.Line.Decode(line, r.sink)
		if err == nil {
			err = r.refused()
		}

		if err != nil {
			r.fail(number, err, line)
			continue
		}

		r.rep.Records++
		r.rep.Formats[r.current.Name]++
	}
}

// fail counts a record that could not be decoded. It is at the start of b.
func (r *reader) fail(line int, err error, b []byte) {
	var u *unknownRecord
	switch {
	case errors.As(err, &u):
		r.rep.Unknown++
		if r.keys == "" {
			r.keys = strings.TrimPrefix(u.Error(), "a record of an unknown kind, with ")
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
	r.rep.Unread += n
	if r.tried = nil; len(r.rep.Problems) >= maxProblems {
		r.rep.ProblemCount++
		return
	}
	r.fail(line, fmt.Errorf("no record, %d bytes: %q", n, beginning(b)), b)
}

// beginning returns the part of a skipped text that is shown in a problem.
func beginning(b []byte) []byte {
	b, _, _ = bytes.Cut(b[:min(len(b), 60)], newline)
	return append([]byte(nil), bytes.TrimSpace(b)...)
}

// problem adds a problem at a line of the stream to the report.
func (r *reader) problem(line int, reason string) { r.rep.add(r.name, line, reason) }

// wrapperKeys are the keys under which vendors, and tools that export from them, put lists
// of records.
var wrapperKeys = map[string]bool{
	"Records":        true,
	"records":        true,
	"Events":         true,
	"events":         true,
	"items":          true,
	"entries":        true,
	"value":          true,
	"data":           true,
	"results":        true,
	"result":         true,
	"logs":           true,
	"response":       true,
	"Report_Entry":   true,
	"activities":     true,
	"operation_logs": true,
	"activity_logs":  true,
}

// documents reads concatenated values: records, arrays of records and pages, with line
// breaks anywhere.
func (r *reader) documents() {
	w := &r.w
	for !r.stop() {
		switch c, ok := w.skipSpace(); {
		case !ok:
			return
		case c == 0:
			r.padding()
		case c == ',':
			w.advance(1)
		case c == '[':
			w.advance(1)
			r.elements()
		case c == '{':
			if !r.page() {
				r.record()
			}
		case c == '"':
			r.quoted()
		default:
			r.junk()
		}
	}
}

// junk skips text that is not JSON, up to the next line that begins like a list or a record,
// and counts it as one problem.
func (r *reader) junk() {
	w := &r.w
	line, first := w.lineAt(0), beginning(w.bytes())
	n := w.skipLine()
	for {
		c, ok := w.skipSpace()
		if !ok || c == '{' || c == '[' || c == 0 {
			break
		}
		n += w.skipLine()
	}
	r.skipped(line, first, n)
}

// record decodes the value at the start of the window, reading more input as needed. A value
// that cannot be decoded is counted and skipped.
func (r *reader) record() {
	w := &r.w
	for {
		n, err := r.decode(w.bytes())
		if err == nil {
			w.advance(n)
			return
		}
		if err == jsonscan.ErrShort && !w.full() && w.grow() {
			continue
		}
		if unknown := (*unknownRecord)(nil); (errors.As(err, &unknown) || err == jsonscan.ErrShort && w.full()) && r.page() {
			return
		}
		r.bad(err)
		return
	}
}

// bad counts the undecodable value at the start of the window and skips it.
func (r *reader) bad(err error) {
	w := &r.w
	if err == jsonscan.ErrShort && w.full() {
		r.tooLong()
		return
	}
	line := w.lineAt(0)
	if syntax := (*jsonscan.SyntaxError)(nil); errors.As(err, &syntax) {
		line = w.lineAt(syntax.Offset)
	}
	r.fail(line, ingest.Whole(err), w.bytes())
	for {
		if n := r.resume(w.bytes(), err); n > 0 {
			w.advance(n)
			return
		}
		if w.full() || !w.grow() {
			break
		}
	}
	if err == jsonscan.ErrShort {
		r.rep.Cut = true
		r.rep.Unread += int64(w.end - w.start)
		w.start = w.end
		return
	}
	r.rep.Unread += w.skipLine()
}

// tooLong counts and skips a record that does not fit into the window. If another record
// begins on a line of its own within it, the first one has no end, and only that is skipped.
func (r *reader) tooLong() {
	w := &r.w
	from, b := w.offset(), w.bytes()
	for at := 0; ; {
		n := bytes.Index(b[at:], []byte("\n{"))
		if n < 0 {
			break
		}
		at += n + 1
		if keys, _, err := r.topKeys(b[at:]); err == nil && r.match(keys) != nil {
			r.fail(w.lineAt(0), ingest.Whole(jsonscan.ErrShort), b[:at])
			w.advance(at)
			r.rep.Unread += w.offset() - from
			return
		}
	}
	r.rep.Oversized++
	r.fail(w.lineAt(0), errors.New("a record longer than 4 MiB"), b)
	if !w.skipValue(r.layout == linesLayout) {
		w.skipLine()
	}
	r.rep.Unread += w.offset() - from
}

// resume returns the offset at which to go on after the bad record at the start of b: after
// its closing bracket or at the next known record, whichever comes first. It returns 0 if b
// has neither.
func (r *reader) resume(b []byte, err error) int {
	end := 0
	var s jsonscan.Scanner
	s.Reset(b)
	if s.Skip(); s.Err() == nil {
		end = s.Offset()
	}
	from := 1
	if syntax := (*jsonscan.SyntaxError)(nil); errors.As(err, &syntax) {
		from = max(1, min(syntax.Offset, len(b)))
	} else if err != jsonscan.ErrShort && end > 0 {
		return end // the JSON is well formed, a value in it is invalid
	}
	limit := len(b)
	if end > 0 {
		limit = end
	}
	if next := r.nextKnown(b, from, limit); next > 0 {
		return next
	}
	return end
}

// nextKnown returns the offset of the next known record in b, at or after from and before
// limit, or 0. It must begin where a list element or a line may begin: an object nested in
// a record is not one, since an attacker may have put it there. Or it interrupts a string,
// where a write was cut off and another one followed on the same line.
func (r *reader) nextKnown(b []byte, from, limit int) int {
	work := 16 * len(b) // limit in bytes scanned, for input made to be slow
	if from >= 3 && b[from-2] == '{' && b[from-1] == '"' {
		from -= 2
		if keys, _, err := r.topKeys(b[from:]); err == nil && r.match(keys) != nil {
			return from
		}
		from++
	}
	for at := from; at < limit && work > 0; at++ {
		n := bytes.IndexByte(b[at:limit], '{')
		if n < 0 {
			return 0
		}
		at += n
		before := bytes.TrimRight(b[:at], " \t")
		if len(before) == 0 {
			continue
		}
		switch before[len(before)-1] {
		case ',', '[', '\n', '\r', '}', 0, 0x1e:
			keys, _, err := r.topKeys(b[at:])
			if err == nil && r.match(keys) != nil {
				return at
			}
			work -= r.scan.Offset()
		}
	}
	return 0
}

// maxKept is how many bytes of an undecodable record are kept.
const maxKept = 256 << 10

// value returns the JSON value at the start of b, cut to maxKept bytes.
func (r *reader) value(b []byte) string {
	var s jsonscan.Scanner
	s.Reset(b)
	if s.Skip(); s.Err() == nil {
		b = b[:s.Offset()]
	}
	return string(b[:min(len(b), maxKept)])
}

// elements decodes the elements of an array whose opening bracket has been consumed, and
// consumes the closing one if there is one.
func (r *reader) elements() {
	w := &r.w
	r.nested++
	defer func() { r.nested-- }()
	if r.nested > jsonscan.MaxDepth {
		r.tried = nil
		r.problem(w.lineAt(0), "lists nested deeper than 64: the rest of the line is not read")
		r.rep.Unread += w.skipLine()
		return
	}

	for empty := true; !r.stop(); empty = false {
		switch c, ok := w.skipSpace(); {
		case !ok:
			r.truncated("the file ends inside a list of records")
			return
		case c == ']':
			w.advance(1)
			r.empty = r.empty || empty
			return

		case c == '}':
			r.problem(w.lineAt(0), "the end of a list of records is missing")
			return
		case c == ',':
			w.advance(1)
		case c == '{':
			r.record()
		case c == '[':
			w.advance(1)
			r.elements()
		case c == '"':
			r.quoted()
		case c == 0:
			r.padding()
		default:
			r.literal()
		}
	}
}

// truncated counts, once per stream, that the stream ends inside a value.
func (r *reader) truncated(reason string) {
	if !r.cut {
		r.problem(r.w.lineAt(0), reason)
	}
	r.cut, r.rep.Cut = true, true
}

// quoted decodes a record encoded as a JSON string.
func (r *reader) quoted() {
	w := &r.w
	for {
		r.scan.Reset(w.bytes())
		text := r.scan.Bytes()
		err := r.scan.Err()
		if err == jsonscan.ErrShort && !w.full() && w.grow() {
			continue
		}
		line := w.lineAt(0)
		if err != nil {
			if r.tried = nil; w.full() {
				r.rep.Oversized++
				err = errors.New("a record longer than 4 MiB")
			}
			r.fail(line, ingest.Whole(err), w.bytes())
			r.rep.Unread += w.skipLine()
			return
		}
		n := r.scan.Offset()
		if inner := append([]byte(nil), trim(text)...); len(inner) > 0 && inner[0] == '{' {
			w.advance(n)
			r.line(inner, line)
			return
		}
		r.skipped(line, w.bytes()[:n], int64(n))
		w.advance(n)
		return
	}
}

// literal skips a list element that is not a record.
func (r *reader) literal() {
	w := &r.w
	line, first, n := w.lineAt(0), beginning(w.bytes()), int64(0)
	if i := bytes.IndexAny(first, ",]}{["); i > 0 {
		first = first[:i]
	}
	for {
		for ; w.start < w.end; w.start++ {
			if c := w.buf[w.start]; n > 0 && (c == ',' || c == ']' || c == '}' || c == '{' || c == '[' || c == '\n') {
				r.skipped(line, first, n)
				return
			}
			n++
		}
		if !w.fill() {
			r.skipped(line, first, n)
			return
		}
	}
}

// page decodes the records of a page such as {"Records":[…]} or {"data":{"events":[…]}}.
// It returns false and consumes nothing if the object at the start of the window is not a
// page of known records.
func (r *reader) page() bool {
	w := &r.w
	var at, levels int
	for {
		var more bool
		at, levels, more = r.findRecords(w.bytes())
		if levels > 0 {
			break
		}
		if !more || w.full() || !w.grow() {
			return false
		}
	}
	if r.nested++; r.nested > jsonscan.MaxDepth {
		r.nested--
		return false
	}
	defer func() { r.nested-- }()
	w.advance(at)
	r.elements()
	for ; levels > 0; levels-- {
		if !r.restOfObject() {
			return true
		}
	}
	return true
}

// findRecords looks for a list of known records, or an empty list, in the object at the
// start of b. An object that is itself a known record is not a page. It returns the offset
// just inside the list and how many objects are open there; more means that a longer b may
// give another answer.
func (r *reader) findRecords(b []byte) (at, levels int, more bool) {
	var s jsonscan.Scanner
	s.Reset(b)
	return r.findList(&s, b, 1)
}

// findList is findRecords for an object at a nesting level, from 1. The scanner is at the
// start of b.
func (r *reader) findList(s *jsonscan.Scanner, b []byte, level int) (at, levels int, more bool) {
	void := 0 // offset just inside the first empty list
	if !s.Object() {
		return 0, 0, s.Err() == jsonscan.ErrShort
	}
	for s.Next() {
		if !wrapperKeys[string(s.Key)] {
			s.Skip()
			continue
		}

		switch s.Kind() {
		case '[':
			known, empty, more := r.knownList(b[s.Offset()+1:])
			if more {
				return 0, 0, true
			}
			if known {
				return s.Offset() + 1, level, false
			}
			if empty && void == 0 {
				void = s.Offset() + 1
			}
		case '{':
			if level < 3 {
				sub := jsonscan.Scanner{}
				sub.Reset(b[s.Offset():])
				at, levels, more := r.findList(&sub, b[s.Offset():], level+1)
				if levels > 0 || more {
					return s.Offset() + at, levels, more
				}
			}
		}

		s.Skip()
	}

	if s.Err() == nil && void > 0 {
		if keys, _, err := r.topKeys(b); err == nil && r.match(keys) == nil {
			return void, level, false
		}
	}

	return 0, 0, s.Err() == jsonscan.ErrShort
}

// knownList reports whether one of the first elements of a list is a known record, and
// whether the list is empty; more means that a longer b may give another answer.
func (r *reader) knownList(b []byte) (known, empty, more bool) {
	var s jsonscan.Scanner
	s.Reset(b) // b begins after the bracket
	for n := 0; n < manyLines; n++ {
		switch s.Kind() {
		case ']':
			return false, n == 0, false
		case '{', '"':
			element := b[s.Offset():]
			if element[0] == '"' {
				text := s
				element = append([]byte(nil), text.Bytes()...)
				if text.Err() != nil {
					return false, false, text.Err() == jsonscan.ErrShort
				}
			}
			if len(element) == 0 || element[0] != '{' {
				break
			}
			keys, _, err := r.topKeys(element)
			if err == jsonscan.ErrShort {
				return false, false, true
			}
			if err == nil && r.match(keys) != nil {
				return true, false, false
			}
		}

		if s.Skip(); s.Err() != nil {
			return false, false, s.Err() == jsonscan.ErrShort
		}
		switch s.Kind() {
		case ',':
			b = b[s.Offset()+1:]
			s.Reset(b)
		default:
			return false, false, s.Err() == jsonscan.ErrShort
		}
	}

	return false, false, false
}

// restOfObject consumes the remaining keys and the closing bracket of an object, and reads
// the other lists of records in it. It returns false if the object does not end.
func (r *reader) restOfObject() bool {
	w := &r.w
	list := false // the next value belongs to one of wrapperKeys
	for !r.stop() {
		c, ok := w.skipSpace()
		switch {
		case !ok:
			r.truncated("the file ends inside a page of records")
			return false
		case c == '}':
			w.advance(1)
			return true
		case c == ',', c == ':':
			w.advance(1)
		case c == 0:
			r.padding()
		case c == '"':
			var good bool
			if list, good = r.wrapperKey(); !good {
				return false
			}

		case c == '[' && list:
			if r.furtherList() {
				w.advance(1)
				r.elements()
			} else if !r.skipRest() {
				return false
			}

		case c == '{':
			if !(list && r.page()) && !r.skipRest() {
				return false
			}

		case c == '[':
			if !r.skipRest() {
				return false
			}

		case c == ']':
			r.problem(w.lineAt(0), "a page of records is damaged: brackets do not match")
			return false
		default:
			r.constant()
		}
	}

	return false
}

// wrapperKey consumes a string and reports whether it is one of wrapperKeys. Ok is false if
// the string is damaged.
func (r *reader) wrapperKey() (is, ok bool) {
	w := &r.w
	for {
		r.scan.Reset(w.bytes())
		text := r.scan.Bytes()
		err := r.scan.Err()
		if err == jsonscan.ErrShort && !w.full() && w.grow() {
			continue
		}
		if err != nil {
			r.problem(w.lineAt(0), "a page of records is damaged: "+ingest.Whole(err).Error())
			r.rep.Unread += w.skipLine()
			return false, false
		}
		is = wrapperKeys[string(text)]
		w.advance(r.scan.Offset())
		return is, true
	}
}

// furtherList reports whether the list at the start of the window holds known records.
func (r *reader) furtherList() bool {
	for {
		known, _, more := r.knownList(r.w.bytes()[1:])
		if known || !more || r.w.full() || !r.w.grow() {
			return known
		}
	}
}

// skipRest consumes a value of a page that holds no records. It returns false if the value
// does not end.
func (r *reader) skipRest() bool {
	w := &r.w
	line, first := w.lineAt(0), beginning(w.bytes())
	if w.skipValue(false) {
		return true
	}
	r.skipped(line, first, w.skipLine())
	return false
}

// constant consumes a number, true, false or null.
func (r *reader) constant() {
	w := &r.w
	for {
		for ; w.start < w.end; w.start++ {
			if c := w.buf[w.start]; c == ',' || c == ']' || c == '}' || c == '\n' {
				return
			}
		}
		if !w.fill() {
			return
		}
	}
}
