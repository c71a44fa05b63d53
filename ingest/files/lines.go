package files

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/jsonscan"
)

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
	outer := r.lineNumber
	r.lineNumber = number
	defer func() { r.lineNumber = outer }()
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
			n := prefix(line)
			if n == 0 {
				r.skipped(number, line, int64(len(line)))
				return
			}
			r.enveloped(linePrefix, r.prefixedRecord(line[n:], number))
			return
		}
	}
}

// linePrefix is the name of what collectors write before a record on its line.
const linePrefix = "syslog or time before the record"

// prefixedRecord decodes the records on a line without its prefix and returns their number.
func (r *reader) prefixedRecord(line []byte, number int) int {
	before := r.rep.Records
	r.line(line, number)
	return r.rep.Records - before
}

// lineRecord decodes the record at the start of a line and returns its length.
func (r *reader) lineRecord(line []byte, number int) int {
	n, err := r.decode(line)
	if err == nil {
		return n
	}
	if unknown := (*unknownRecord)(nil); errors.As(err, &unknown) {
		if _, levels, _ := r.findRecords(line, true); levels > 0 {
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
	outer, cut, layout, line := r.w, r.rep.Cut, r.layout, r.lineNumber
	r.cut, r.lineNumber = false, number
	r.w = window{buf: b, end: len(b), eof: true, line: number, fixed: r.depth > 0}
	r.layout = documentsLayout
	r.documents()
	r.w, r.layout, r.cut, r.lineNumber = outer, layout, false, line
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
			r.unread(w.skipLine())
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

		r.wasDecoded(r.current.Name, number)
	}
}
