package files

import (
	"bytes"
	"errors"
	"io"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/jsonscan"
)

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
			if r.depth == 0 || !r.listRow() {
				w.advance(1)
				r.elements()
			}
		case c == '{':
			if !r.page() {
				r.record()
			}
		case c == '"':
			r.quoted()
		default:
			if n := r.prefixed(); n > 0 {
				w.advance(n)
			} else {
				r.junk()
			}
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
		r.unread(int64(w.end - w.start))
		w.start = w.end
		return
	}
	r.unread(w.skipLine())
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
		if keys, _, err := r.topKeys(b[at:]); err == nil && r.knows(keys) {
			r.fail(w.lineAt(0), ingest.Whole(jsonscan.ErrShort), b[:at])
			w.advance(at)
			r.unread(w.offset() - from)
			return
		}
	}
	r.rep.Oversized++
	r.fail(w.lineAt(0), errors.New("a record longer than 4 MiB"), b)
	if !w.skipValue(r.layout == linesLayout) {
		w.skipLine()
	}
	r.unread(w.offset() - from)
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
		if keys, _, err := r.topKeys(b[from:]); err == nil && r.knows(keys) {
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
			if err == nil && r.knows(keys) {
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
		r.unread(w.skipLine())
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
			if !r.listRow() {
				w.advance(1)
				r.elements()
			}
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

// quoted decodes the records in a JSON string. A string that the window cannot hold is read as
// a stream.
func (r *reader) quoted() {
	w := &r.w
	text, n, err := r.str()
	line := w.lineAt(0)
	switch {
	case err == jsonscan.ErrShort && w.full() && r.nested < jsonscan.MaxDepth:
		r.longString()
		return
	case err != nil:
		if r.tried = nil; w.full() {
			r.rep.Oversized++
			err = errors.New("a record longer than 4 MiB")
		}
		r.fail(line, ingest.Whole(err), w.bytes())
		r.unread(w.skipLine())
		return
	}
	if inner := append([]byte(nil), trim(text)...); len(inner) > 0 && (inner[0] == '{' || inner[0] == '[' || prefix(inner) > 0) {
		w.advance(n)
		r.line(inner, line)
		return
	}
	if r.depth == 0 || !isNumber(text) { // collectors write times beside records
		r.skipped(line, w.bytes()[:n], int64(n))
	}
	w.advance(n)
}

// isNumber reports whether a text is a number without a sign.
func isNumber(text []byte) bool { return len(bytes.Trim(text, "0123456789.")) == 0 && len(text) > 0 }

// prefixed returns the length of the prefix of the line at the start of the window.
func (r *reader) prefixed() int {
	w := &r.w
	for bytes.IndexByte(w.bytes(), '\n') < 0 && !w.full() && w.grow() {
	}
	line, _, _ := bytes.Cut(w.bytes(), newline)
	return prefix(bytes.TrimRight(line, " \t\r"))
}

// longString reads the documents in the string at the start of the window, which is longer
// than the window.
func (r *reader) longString() {
	outer, cut, layout := r.w, r.cut, r.layout
	text := &unescaping{w: &outer}
	outer.advance(1)
	r.nested++
	r.w = window{r: text, buf: make([]byte, 256<<10), line: outer.lineAt(0), fixed: true}
	r.layout = documentsLayout
	r.documents()
	r.w, r.cut, r.layout = outer, cut, layout
	r.nested--
	if text.err != nil {
		r.truncated("the file ends inside a string, or the string is damaged")
	}
}

// unescaping reads the text of a JSON string, whose opening quote has been consumed, from a
// window, up to its closing quote.
type unescaping struct {
	w    *window
	scan jsonscan.Scanner
	rest []byte // unescaped, but not read yet
	done bool
	err  error
}

// Read implements io.Reader.
func (u *unescaping) Read(p []byte) (int, error) {
	for len(u.rest) == 0 {
		if u.done || u.err != nil {
			return 0, io.EOF
		}
		u.err = u.next()
	}
	n := copy(p, u.rest)
	u.rest = u.rest[n:]
	return n, nil
}

// next unescapes a piece of the string.
func (u *unescaping) next() error {
	w := u.w
	if w.end-w.start < 16 && !w.fill() && w.end == w.start {
		return io.ErrUnexpectedEOF
	}
	b := w.bytes()
	n := bytes.IndexAny(b, "\"\\")
	switch {
	case n < 0:
		n = len(b)
	case n > 0:
	case b[0] == '"':
		w.advance(1)
		u.done = true
		return nil
	default: // escapes, as many as there are in a row: a surrogate pair must not be split
		for n < len(b) && b[n] == '\\' && n < 4<<10 {
			size := 2
			if n+1 < len(b) && b[n+1] == 'u' {
				size = 6
			}
			if n+size > len(b) {
				break
			}
			n += size
		}
		if n == 0 {
			return io.ErrUnexpectedEOF
		}
		u.scan.Reset(append(append([]byte{'"'}, b[:n]...), '"'))
		u.rest = append([]byte(nil), u.scan.Bytes()...)
		w.advance(n)
		return u.scan.Err()
	}
	u.rest = append([]byte(nil), b[:n]...)
	w.advance(n)
	return nil
}

// str reads the string at the start of the window, reading more input as needed, and returns
// its text and its length with the quotes. The text is valid until the scanner is used again.
func (r *reader) str() (text []byte, n int, err error) {
	w := &r.w
	for {
		r.scan.Reset(w.bytes())
		text = r.scan.Bytes()
		if err = r.scan.Err(); err != jsonscan.ErrShort || w.full() || !w.grow() {
			return text, r.scan.Offset(), err
		}
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
				r.literalEnd(line, first, n)
				return
			}
			n++
		}
		if !w.fill() {
			r.literalEnd(line, first, n)
			return
		}
	}
}

// literalEnd counts a list element of n bytes that is not a record, except the numbers that
// collectors write beside records.
func (r *reader) literalEnd(line int, first []byte, n int64) {
	if r.depth == 0 || !isNumber(first) {
		r.skipped(line, first, n)
	}
}
