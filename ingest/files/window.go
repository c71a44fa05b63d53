package files

import (
	"bytes"
	"io"
)

// maxRecord is the longest record that is read: vendors stay below 1 MiB.
const maxRecord = 4 << 20

// window is a sliding view of a stream: the bytes between start and end are
// read and not yet consumed.
type window struct {
	r          io.Reader
	buf        []byte
	start, end int
	eof        bool
	err        error // why reading ended, if not at the end of the input
	line       int   // number of the line that holds start, from 1, as of counted
	counted    int   // position up to which newlines are counted into line
}

// reset starts on another stream, reusing the buffer.
func (w *window) reset(r io.Reader) {
	*w = window{r: r, buf: w.buf, line: 1}
	if w.buf == nil {
		w.buf = make([]byte, 256<<10)
	}
}

// bytes are the unread bytes; valid until fill.
func (w *window) bytes() []byte { return w.buf[w.start:w.end] }

// advance consumes n bytes.
func (w *window) advance(n int) { w.start += n }

// lineAt is the line number of the byte n after start.
func (w *window) lineAt(n int) int {
	w.count(w.start)
	return w.line + bytes.Count(w.buf[w.start:min(w.start+n, w.end)], newline)
}

var newline = []byte{'\n'}

func (w *window) count(to int) {
	w.line += bytes.Count(w.buf[w.counted:to], newline)
	w.counted = to
}

// fill reads more, moving or growing the buffer as needed. It returns false at
// the end of the input and when the window is full.
func (w *window) fill() bool {
	if w.eof {
		return false
	}
	if w.start > 0 {
		w.count(w.start)
		copy(w.buf, w.buf[w.start:w.end])
		w.end -= w.start
		w.start, w.counted = 0, 0
	}
	if w.end == len(w.buf) {
		if len(w.buf) >= maxRecord {
			return false
		}
		bigger := make([]byte, 2*len(w.buf))
		copy(bigger, w.buf[:w.end])
		w.buf = bigger
	}
	for tries := 0; tries < 100; tries++ {
		n, err := w.r.Read(w.buf[w.end:])
		w.end += n
		if err != nil {
			w.eof = true
			if err != io.EOF {
				w.err = err
			}
			return n > 0
		}
		if n > 0 {
			return true
		}
	}
	w.eof, w.err = true, io.ErrNoProgress
	return false
}

// full says that a record does not fit.
func (w *window) full() bool { return !w.eof && w.end-w.start >= maxRecord }

// skipSpace consumes white space and returns the next byte, or 0 at the end.
func (w *window) skipSpace() byte {
	for {
		for ; w.start < w.end; w.start++ {
			if c := w.buf[w.start]; c != ' ' && c != '\n' && c != '\r' && c != '\t' {
				return c
			}
		}
		if !w.fill() {
			return 0
		}
	}
}

// nextLine returns the next line without its end; ok is false at the end of the
// input. A line that does not fit comes with tooLong, and is consumed.
func (w *window) nextLine() (line []byte, tooLong, ok bool) {
	from := 0
	for {
		if i := bytes.IndexByte(w.buf[w.start+from:w.end], '\n'); i >= 0 {
			line = w.buf[w.start : w.start+from+i]
			w.start += from + i + 1
			return bytes.TrimSuffix(line, []byte{'\r'}), false, true
		}
		from = w.end - w.start
		if w.full() {
			w.skipLine()
			return nil, true, true
		}
		if !w.fill() {
			line = w.bytes()
			w.start = w.end
			return bytes.TrimSuffix(line, []byte{'\r'}), false, len(line) > 0
		}
	}
}

// skipLine consumes everything up to and including the next newline.
func (w *window) skipLine() {
	for {
		if i := bytes.IndexByte(w.bytes(), '\n'); i >= 0 {
			w.advance(i + 1)
			return
		}
		w.start = w.end
		if !w.fill() {
			return
		}
	}
}

// skipValue consumes a JSON object or array of any length. It returns false when
// the input ends first, or when brackets do not match.
func (w *window) skipValue() bool {
	depth, text, escape := 0, false, false
	for {
		for ; w.start < w.end; w.start++ {
			c := w.buf[w.start]
			switch {
			case escape:
				escape = false
			case text && c == '\\':
				escape = true
			case c == '"':
				text = !text
			case text:
			case c == '{' || c == '[':
				depth++
			case c == '}' || c == ']':
				if depth--; depth <= 0 {
					w.start++
					return depth == 0
				}
			}
		}
		if !w.fill() {
			return false
		}
	}
}
