package files

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/jsonscan"
)

// giveUp is the number of records of unknown shape after which a stream without
// a single known record is taken for a file of another kind.
const giveUp = 1000

// reader finds the records of one plain stream after another and decodes them.
// Every worker has one.
type reader struct {
	formats []*ingest.Format
	tables  []*ingest.Table
	sink    *ingest.Sink
	stop    func() bool // whether to end early
	keep    bool        // records that cannot be decoded, for the report

	w       window
	scan    jsonscan.Scanner
	current *ingest.Format // of the record before
	rep     *Report
	name    string
	keys    string // top-level keys of the first unknown record
	nested  int    // lists within lists that are open
}

// read decodes one plain stream. The error, if any, is a *notice.
func (r *reader) read(name string, in io.Reader) error {
	r.w.reset(in)
	r.name, r.current, r.keys, r.nested = name, nil, "", 0
	before, unknown, problems := r.rep.Records, r.rep.Unknown, len(r.rep.Problems)
	shape, err := r.sniff()
	if err != nil {
		return err
	}
	switch shape {
	case linesShape:
		r.lines()
	case textShape:
		r.text()
	case documentsShape:
		r.documents()
	default:
		err = r.delimited()
	}
	if r.w.err != nil {
		r.problem(r.w.line, "cannot read on: "+r.w.err.Error())
		return &notice{r.w.err.Error(), true}
	}
	if err == nil && r.rep.Records == before && r.rep.Unknown > unknown { // nothing here is ours
		r.rep.Unknown, r.rep.Problems = unknown, r.rep.Problems[:problems]
		r.rep.ProblemCount = len(r.rep.Problems)
		return &notice{reason: "JSON of an unknown kind: " + r.keys}
	}
	return err
}

type shape int

const (
	delimitedShape shape = iota
	linesShape
	documentsShape
	textShape
)

// sniff decides from the first window how records are laid out.
func (r *reader) sniff() (shape, error) {
	w := &r.w
	for w.end < 128<<10 && w.fill() {
	}
	if bytes.HasPrefix(w.bytes(), utf8BOM) {
		w.advance(3)
	}
	switch c := w.skipSpace(); c {
	case 0:
		if w.err != nil {
			return 0, &notice{w.err.Error(), true}
		}
		return 0, &notice{reason: "empty file"}
	case '{', '"':
		if c == '{' {
			if _, levels, _ := r.findRecords(w.bytes()); levels > 0 { // a page, the only thing that most files hold
				return documentsShape, nil
			}
		}
		if r.linesAhead() {
			return linesShape, nil
		}
		if c == '{' {
			return documentsShape, nil
		}
	case '[':
		if b := bytes.TrimLeft(w.bytes()[1:], " \r\n\t"); len(b) == 0 || b[0] == '{' || b[0] == ']' || b[0] == '"' || b[0] == '[' {
			return documentsShape, nil
		}
	}
	if bytes.IndexByte(w.bytes()[:min(512, len(w.bytes()))], 0) >= 0 {
		return 0, &notice{reason: "binary file"}
	}
	first, _, _ := bytes.Cut(w.bytes(), newline)
	if f := r.lineFormat(bytes.TrimRight(first, "\r")); f != nil {
		r.current = f
		return textShape, nil
	}
	return delimitedShape, nil
}

// linesAhead says whether any of the first lines is by itself a known record,
// or a JSON string that holds one.
func (r *reader) linesAhead() bool {
	b := r.w.bytes()
	for n := 0; n < 20 && len(b) > 0; n++ {
		line, rest, found := bytes.Cut(b, newline)
		if !found && !r.w.eof {
			return false
		}
		if line = bytes.TrimSpace(line); len(line) > 1 && line[0] == '"' {
			r.scan.Reset(line)
			line = append([]byte(nil), r.scan.Bytes()...)
			if r.scan.Err() != nil || r.scan.Offset() < len(bytes.TrimSpace(b[:len(b)-len(rest)])) {
				line = nil
			}
		}
		if len(line) > 0 && line[0] == '{' {
			if keys, _, err := r.topKeys(line); err == nil && r.match(keys) != nil {
				return true
			}
		}
		b = rest
	}
	return false
}

// lines reads a record from every line.
func (r *reader) lines() {
	w := &r.w
	for number := w.lineAt(0); !r.stop(); number++ {
		line, tooLong, ok := w.nextLine()
		if !ok {
			return
		}
		if tooLong {
			r.problem(number, "a line longer than 4 MiB")
			continue
		}
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] == '"' {
			r.scan.Reset(line)
			line = append([]byte(nil), r.scan.Bytes()...)
		}
		for len(line) > 0 {
			n, err := r.decode(line)
			if err != nil {
				r.fail(number, ingest.Whole(err))
				break
			}
			if line = bytes.TrimLeft(line[n:], " \t\r,"); len(line) > 0 && line[0] != '{' {
				r.problem(number, "something follows the record")
				break
			}
		}
	}
}

// decode decodes the record that b begins with and returns its length. The
// error is jsonscan.ErrShort if b ends inside the record, an *unknownRecord if
// no format knows it, or what is wrong with it.
func (r *reader) decode(b []byte) (int, error) {
	if r.current != nil {
		n, err := r.try(r.current, b)
		if err != ingest.ErrNotThis {
			return n, err
		}
	}
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
		if err == nil {
			r.current = f
		}
		return n, err
	}
	return 0, &unknownRecord{keys}
}

func (r *reader) try(f *ingest.Format, b []byte) (int, error) {
	r.scan.Reset(b)
	r.sink.Begin()
	if r.sink.Inspected() {
		if r.scan.Skip(); r.scan.Err() != nil {
			return 0, r.scan.Err()
		}
		r.sink.Native(b[:r.scan.Offset()])
		r.scan.Reset(b)
	}
	if err := f.Decode(&r.scan, r.sink); err != nil {
		return 0, err
	}
	r.rep.Records++
	r.rep.Formats[f.Name]++
	return r.scan.Offset(), nil
}

// unknownRecord is a well-formed record that no format matches.
type unknownRecord struct{ keys ingest.Keys }

func (u *unknownRecord) Error() string {
	keys := append([]string(nil), u.keys...)
	sort.Strings(keys)
	if len(keys) > 6 {
		keys = append(keys[:6], "…")
	}
	return fmt.Sprintf("a record of an unknown kind, with the keys %s", strings.Join(keys, ", "))
}

// topKeys lists the keys of the object that b begins with, and its length.
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

func (r *reader) match(keys ingest.Keys) *ingest.Format {
	for _, f := range r.formats {
		if f.Line == nil && f.Match(keys) {
			return f
		}
	}
	return nil
}

// lineFormat is the format of a stream of lines that begins with one, or nil.
func (r *reader) lineFormat(line []byte) *ingest.Format {
	for _, f := range r.formats {
		if f.Line != nil && f.Line.First(line) {
			return f
		}
	}
	return nil
}

// text reads a record from every line.
func (r *reader) text() {
	w := &r.w
	for number := w.lineAt(0); !r.stop(); number++ {
		line, tooLong, ok := w.nextLine()
		switch {
		case !ok:
			return
		case tooLong:
			r.problem(number, "a line longer than 4 MiB")
			continue
		case len(bytes.TrimSpace(line)) == 0:
			continue
		}
		r.sink.Begin()
		if r.sink.Inspected() {
			r.sink.Row([]string{"line"}, [][]byte{line})
		}
		if err := r.current.Line.Decode(line, r.sink); err != nil {
			before := len(r.rep.Problems)
			r.problem(number, err.Error())
			if r.keep && len(r.rep.Problems) > before {
				r.rep.Problems[before].Record = string(line[:min(len(line), maxKept)])
			}
			continue
		}
		r.rep.Records++
		r.rep.Formats[r.current.Name]++
	}
}

// fail counts a record that could not be decoded.
func (r *reader) fail(line int, err error) {
	var u *unknownRecord
	if !errors.As(err, &u) {
		r.problem(line, err.Error())
		return
	}
	r.rep.Unknown++
	if r.keys == "" {
		r.keys = strings.TrimPrefix(u.Error(), "a record of an unknown kind, with ")
	}
	if r.rep.Records > 0 || r.rep.Unknown == 1 {
		r.problem(line, u.Error())
	}
}

func (r *reader) problem(line int, reason string) { r.rep.add(r.name, line, reason) }

// Keys under which vendors, and the tools that call them, put pages of records.
var wrapperKeys = map[string]bool{"Records": true, "records": true, "Events": true, "events": true, "items": true, "entries": true, "value": true,
	"data": true, "results": true, "result": true, "logs": true, "response": true, "Report_Entry": true, "activities": true, "operation_logs": true, "activity_logs": true}

// documents reads concatenated values: records, arrays of records and pages,
// on as many lines as they like.
func (r *reader) documents() {
	w := &r.w
	for !r.stop() {
		switch c := w.skipSpace(); c {
		case 0:
			return
		case ',':
			w.advance(1)
		case '[':
			w.advance(1)
			if !r.elements() {
				return
			}
		case '{':
			if r.page() {
				continue
			}
			if !r.record() {
				r.resync()
			}
		default:
			r.problem(w.lineAt(0), fmt.Sprintf("unexpected %q", rune(c)))
			w.advance(1)
			r.resync()
		}
		if r.rep.Records == 0 && r.rep.Unknown > giveUp {
			return
		}
	}
}

// resync goes on at the next line that begins like a value.
func (r *reader) resync() {
	for {
		r.w.skipLine()
		if r.w.start == r.w.end && !r.w.fill() {
			return
		}
		if c := r.w.buf[r.w.start]; c == '{' || c == '[' {
			return
		}
	}
}

// record decodes the value at the start of the window, reading on as needed. It
// returns false if the end of the value cannot be found.
func (r *reader) record() bool {
	w := &r.w
	for {
		n, err := r.decode(w.bytes())
		if err == nil {
			w.advance(n)
			return true
		}
		if err == jsonscan.ErrShort && !w.full() && w.fill() {
			continue
		}
		line := w.lineAt(0)
		if w.full() {
			err = errors.New("a record longer than 4 MiB")
		} else if err == jsonscan.ErrShort {
			r.rep.Cut = true
		}
		if syntax := (*jsonscan.SyntaxError)(nil); errors.As(err, &syntax) {
			line = w.lineAt(syntax.Offset)
		}
		before := len(r.rep.Problems)
		r.fail(line, ingest.Whole(err))
		if r.keep && len(r.rep.Problems) > before {
			r.rep.Problems[before].Record = r.value(w.bytes())
		}
		return w.skipValue()
	}
}

// maxKept bounds how much of a record is kept that cannot be decoded.
const maxKept = 256 << 10

// value is the JSON value that b begins with; its beginning, if it is long or does
// not end.
func (r *reader) value(b []byte) string {
	var s jsonscan.Scanner
	s.Reset(b)
	if s.Skip(); s.Err() == nil {
		b = b[:s.Offset()]
	}
	return string(b[:min(len(b), maxKept)])
}

// elements decodes the values of an array whose bracket has been consumed. It
// returns false when the end of the array cannot be found.
func (r *reader) elements() bool {
	w := &r.w
	if r.nested++; r.nested > jsonscan.MaxDepth {
		r.problem(w.lineAt(0), "lists nested too deep: the rest of the file is not read")
		return false
	}
	defer func() { r.nested-- }()
	for !r.stop() {
		switch c := w.skipSpace(); c {
		case 0:
			r.rep.Cut = true
			r.problem(w.lineAt(0), "the file ends inside a list of records")
			return false
		case ']':
			w.advance(1)
			return true
		case ',':
			w.advance(1)
		case '{':
			if !r.record() {
				r.problem(w.lineAt(0), "the rest of the file cannot be read: brackets do not match")
				return false
			}
		case '[':
			w.advance(1)
			if !r.elements() {
				return false
			}
		case '"':
			if !r.quoted() {
				return false
			}
		case '}':
			r.problem(w.lineAt(0), "the rest of the file cannot be read: brackets do not match")
			return false
		default:
			r.problem(w.lineAt(0), "expected a record")
			if !r.skipLiteral() {
				return false
			}
		}
		if r.rep.Records == 0 && r.rep.Unknown > giveUp {
			return false
		}
	}
	return false
}

// quoted decodes a record that is written as a JSON string.
func (r *reader) quoted() bool {
	w := &r.w
	for {
		r.scan.Reset(w.bytes())
		text := r.scan.Bytes()
		if err := r.scan.Err(); err == nil {
			n := r.scan.Offset()
			text = append([]byte(nil), text...)
			if _, err := r.decode(text); err != nil {
				r.fail(w.lineAt(0), ingest.Whole(err))
			}
			w.advance(n)
			return true
		} else if err != jsonscan.ErrShort || !w.fill() {
			r.fail(w.lineAt(0), ingest.Whole(err))
			return false
		}
	}
}

func (r *reader) skipLiteral() bool {
	w := &r.w
	for {
		for ; w.start < w.end; w.start++ {
			if c := w.buf[w.start]; c == ',' || c == ']' || c == '}' {
				return true
			}
		}
		if !w.fill() {
			return false
		}
	}
}

// page decodes the records of a page such as {"Records":[…]} or
// {"data":{"events":[…]}}. It returns false, consuming nothing, if the object
// at the start of the window is no page of known records.
func (r *reader) page() bool {
	w := &r.w
	var at, levels int
	for {
		var more bool
		at, levels, more = r.findRecords(w.bytes())
		if levels > 0 {
			break
		}
		if !more || w.full() || !w.fill() {
			return false
		}
	}
	w.advance(at)
	if !r.elements() {
		w.start = w.end
		return true
	}
	for ; levels > 0; levels-- {
		if !r.restOfObject() {
			return true
		}
	}
	return true
}

// findRecords looks for a list of known records in the object that b begins
// with. It returns the offset just inside the list and how many objects are
// open there; more says that a longer b may give another answer.
func (r *reader) findRecords(b []byte) (at, levels int, more bool) {
	var s jsonscan.Scanner
	s.Reset(b)
	return r.findList(&s, b, 1)
}

func (r *reader) findList(s *jsonscan.Scanner, b []byte, level int) (at, levels int, more bool) {
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
			known, more := r.knownList(b[s.Offset()+1:])
			if more {
				return 0, 0, true
			}
			if known {
				return s.Offset() + 1, level, false
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
	return 0, 0, s.Err() == jsonscan.ErrShort
}

// knownList says whether the first element of a list is a known record, or the
// list is empty.
func (r *reader) knownList(b []byte) (known, more bool) {
	b = bytes.TrimLeft(b, " \r\n\t")
	if len(b) == 0 {
		return false, true
	}
	switch b[0] {
	case ']':
		return true, false
	case '"':
		r.scan.Reset(b)
		b = append([]byte(nil), r.scan.Bytes()...)
		if r.scan.Err() != nil {
			return false, r.scan.Err() == jsonscan.ErrShort
		}
	}
	if len(b) == 0 || b[0] != '{' {
		return false, false
	}
	keys, _, err := r.topKeys(b)
	if err != nil {
		return false, err == jsonscan.ErrShort
	}
	return r.match(keys) != nil, false
}

// restOfObject consumes the remaining keys of an object and its bracket.
func (r *reader) restOfObject() bool {
	w := &r.w
	for {
		switch c := w.skipSpace(); c {
		case 0:
			r.problem(w.lineAt(0), "the file ends inside a page of records")
			return false
		case '}':
			w.advance(1)
			return true
		case ',', ':':
			w.advance(1)
		case '{', '[':
			if !w.skipValue() {
				return false
			}
		case '"':
			for {
				r.scan.Reset(w.bytes())
				if r.scan.Skip(); r.scan.Err() == nil {
					w.advance(r.scan.Offset())
					break
				}
				if r.scan.Err() != jsonscan.ErrShort || !w.fill() {
					return false
				}
			}
		case ']':
			r.problem(w.lineAt(0), "the rest of the file cannot be read: brackets do not match")
			return false
		default:
			if !r.skipLiteral() {
				return false
			}
		}
	}
}
