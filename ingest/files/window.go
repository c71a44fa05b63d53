package files

import (
	"bytes"
	"io"
)

// maxRecord is the size of the longest record that is read, in bytes. Records of all vendors
// are smaller than 1 MiB.
const maxRecord = 4 << 20

// window is a sliding view of a stream. The bytes from start to end have been read, but not
// consumed.
type window struct {
	r          io.Reader
	buf        []byte
	start, end int
	eof        bool
	err        error // why reading ended, unless at the end of the input
	line       int   // line number of the byte at counted, from 1
	counted    int   // offset in buf up to which newlines are counted in line
	total      int64 // bytes read
	fixed      bool  // all of it is on one line of the file
}

// reset starts reading another stream and reuses the buffer.
func (w *window) reset(r io.Reader) {
	*w = window{r: r, buf: w.buf, line: 1}
	if w.buf == nil {
		w.buf = make([]byte, 256<<10)
	}
}

// bytes returns the unconsumed bytes. They are valid until fill is called.
func (w *window) bytes() []byte { return w.buf[w.start:w.end] }

// advance consumes n bytes.
func (w *window) advance(n int) { w.start += n }

// offset returns how many bytes of the stream have been consumed.
func (w *window) offset() int64 { return w.total - int64(w.end-w.start) }

// lineAt returns the line number, from 1, of the byte n after start.
func (w *window) lineAt(n int) int {
	if w.fixed {
		return w.line
	}
	if w.counted < w.start {
		w.count(w.start)
	}
	if n == 0 {
		return w.line
	}
	return w.line + bytes.Count(w.buf[w.start:min(w.start+n, w.end)], newline)
}

var newline = []byte{'\n'}

// count counts the newlines up to an offset in buf.
func (w *window) count(to int) {
	w.line += bytes.Count(w.buf[w.counted:to], newline)
	w.counted = to
}

// fill reads more input. It moves or grows the buffer as needed, and returns false at the
// end of the input or when the window is full.
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
		w.total += int64(n)
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

// full reports that a record does not fit into the window.
func (w *window) full() bool { return !w.eof && w.end-w.start >= maxRecord }

// grow reads until the window holds twice as much as before. So a record that is scanned
// again from its beginning costs at most twice its length, however short the reads are. It
// returns false if nothing could be added.
func (w *window) grow() bool {
	before := w.end - w.start
	for w.end-w.start < 2*before+1 && w.fill() {
	}
	return w.end-w.start > before
}

// separators are, in UTF-8, the byte order mark and the line and paragraph separators.
var separators = [][]byte{utf8BOM, []byte("\u2028"), []byte("\u2029")}

// separator returns the length of the separator at the start of b, or 0. Separators are
// white space, the record separator of RFC 7464, and separators.
func separator(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	switch b[0] {
	case ' ', '\n', '\r', '\t', '\v', '\f', 0x1e:
		return 1
	case 0xef, 0xe2:
		for _, s := range separators {
			if bytes.HasPrefix(b, s) {
				return len(s)
			}
		}
	}
	return 0
}

// skipSpace consumes separators and returns the next byte; ok is false at the end.
func (w *window) skipSpace() (c byte, ok bool) {
	for {
		for ; w.start < w.end; w.start++ {
			c := w.buf[w.start]
			if c == ' ' || c == '\n' || c == '\r' || c == '\t' {
				continue
			}
			if c >= 0xe2 && w.end-w.start < 3 && w.fill() {
				w.start--
				continue
			}
			n := separator(w.bytes())
			if n == 0 {
				return c, true
			}
			w.start += n - 1
		}
		if !w.fill() {
			return 0, false
		}
	}
}

// skipNULs consumes the NUL bytes at the start and returns their number.
func (w *window) skipNULs() (n int64) {
	for {
		for ; w.start < w.end; w.start++ {
			if w.buf[w.start] != 0 {
				return n
			}
			n++
		}
		if !w.fill() {
			return n
		}
	}
}

// nextLine returns the next line without its line end. Ok is false at the end of the input.
// A line that does not fit into the window is not consumed, and tooLong is true.
func (w *window) nextLine() (line []byte, tooLong, ok bool) {
	from := 0
	for {
		if i := bytes.IndexByte(w.buf[w.start+from:w.end], '\n'); i >= 0 {
			line = w.buf[w.start : w.start+from+i]
			if w.counted == w.start { // the newline need not be looked for again
				w.line, w.counted = w.line+1, w.start+from+i+1
			}
			w.start += from + i + 1
			return bytes.TrimSuffix(line, []byte{'\r'}), false, true
		}
		from = w.end - w.start
		if w.full() {
			return nil, true, true
		}
		if !w.fill() {
			line = w.bytes()
			w.start = w.end
			return bytes.TrimSuffix(line, []byte{'\r'}), false, len(line) > 0
		}
	}
}

// skipLine consumes everything up to and including the next newline, and returns the number
// of bytes.
func (w *window) skipLine() (n int64) {
	for {
		if i := bytes.IndexByte(w.bytes(), '\n'); i >= 0 {
			w.advance(i + 1)
			return n + int64(i) + 1
		}
		n += int64(w.end - w.start)
		w.start = w.end
		if !w.fill() {
			return n
		}
	}
}

// skipValue consumes a JSON object or array of any length, but no more than the line
// if oneLine is set. It returns false when the input or the line ends first, or when
// it is no JSON: brackets that close what is not open, a line end in a string.
func (w *window) skipValue(oneLine bool) bool {
	depth, text, escape := 0, false, false
	for {
		for ; w.start < w.end; w.start++ {
			c := w.buf[w.start]
			switch {
			case c == '\n' && (text || oneLine):
				return false
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
