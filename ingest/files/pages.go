package files

import (
	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/jsonscan"
)

// page decodes the records of a page such as {"Records":[…]} or {"data":{"events":[…]}}.
// It returns false and consumes nothing if the object at the start of the window is not a
// page of known records.
func (r *reader) page() bool {
	w := &r.w
	var at, levels int
	for {
		var more bool
		at, levels, more = r.findRecords(w.bytes(), w.eof || w.full())
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
	columns := r.columns
	r.columns = r.found
	r.elements()
	r.columns = columns
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
// give another answer. Last means that there is no longer b. If the list holds the rows of a
// table, its columns are found, too.
func (r *reader) findRecords(b []byte, last bool) (at, levels int, more bool) {
	var s jsonscan.Scanner
	s.Reset(b)
	r.found, r.indirect = nil, false
	at, levels, more = r.findList(&s, b, 1)
	if levels > 0 && r.indirect {
		keys, _, err := r.topKeys(b)
		if err == jsonscan.ErrShort && !last {
			return 0, 0, true
		}
		if err == nil && r.match(keys) != nil { // what is in a record may come from the users being logged
			return 0, 0, false
		}
	}
	return at, levels, more
}

// findList is findRecords for an object at a nesting level, from 1. The scanner is at the
// start of b.
func (r *reader) findList(s *jsonscan.Scanner, b []byte, level int) (at, levels int, more bool) {
	void := 0 // offset just inside the first empty list
	if !s.Object() {
		return 0, 0, s.Err() == jsonscan.ErrShort
	}
	var columns []string
	for s.Next() {
		whose := wrapperKeys[string(s.Key)]
		switch kind := s.Kind(); {
		case whose == 0 && kind == '[' && columnKeys[string(s.Key)]:
			columns = columnNames(b[s.Offset():])
		case whose == 0:
		case kind == '[':
			known, empty, more := r.inList(columns, b[s.Offset()+1:], whose)
			if more {
				return 0, 0, true
			}
			if known {
				return s.Offset() + 1, level, false
			}
			if empty && void == 0 {
				void = s.Offset() + 1
			}
		case kind == '{' && level < 3:
			sub := jsonscan.Scanner{}
			sub.Reset(b[s.Offset():])
			at, levels, more := r.findList(&sub, b[s.Offset():], level+1)
			if levels > 0 || more {
				return s.Offset() + at, levels, more
			}
		}
		s.Skip()
	}

	if s.Err() == nil && void > 0 {
		if keys, _, err := r.topKeys(b); err == nil && r.match(keys) == nil {
			r.void = true
			return void, level, false
		}
	}

	return 0, 0, s.Err() == jsonscan.ErrShort
}

// manyElements is the number of elements of a list in which the first record is looked for.
const manyElements = 500

// inList is knownList for a list at one of wrapperKeys, which may also hold the rows of a table whose
// columns are known.
func (r *reader) inList(columns []string, b []byte, whose list) (known, empty, more bool) {
	if columns != nil {
		plan, more := r.rowsAhead(columns, b)
		if plan != nil {
			r.found, r.indirect = plan, r.indirect || whose != envelopeList
			return true, false, false
		}
		if more {
			return false, false, true
		}
	}
	before := r.indirect
	r.indirect = false
	known, empty, more = r.knownList(b)
	r.indirect = (before || r.indirect) && whose != envelopeList
	return known, empty, more
}

// knownList reports whether one of the first elements of a list is a known record, and
// whether the list is empty; more means that a longer b may give another answer.
func (r *reader) knownList(b []byte) (known, empty, more bool) {
	var s jsonscan.Scanner
	s.Reset(b) // b begins after the bracket
	for n := 0; n < manyElements; n++ {
		switch s.Kind() {
		case ']':
			return false, n == 0, false
		case '{', '"', '[':
			element := b[s.Offset():]
			if element[0] == '"' {
				text := s
				element = append([]byte(nil), text.Bytes()...)
				if text.Err() != nil {
					return false, false, text.Err() == jsonscan.ErrShort
				}
				element = trim(element)
				element = element[prefix(element):]
			}
			known, more := r.knownElement(element)
			if known || more {
				return known, false, more
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

// knownElement reports whether an element of a list is, or holds, a known record; more means
// that a longer one may give another answer.
func (r *reader) knownElement(b []byte) (known, more bool) {
	if len(b) > 0 && b[0] == '[' {
		if names, cells, _, ok := pairs(b); ok {
			if r.knownRow(names, cells) {
				r.indirect = true
				return true, false
			}
			return false, false
		}
	}
	known, carried, err := r.recognise(b)
	if known {
		r.indirect = r.indirect || carried
		return true, false
	}
	if len(b) > 0 && b[0] == '{' && r.inPages < maxPages {
		r.inPages++
		r.void = false
		var s jsonscan.Scanner
		s.Reset(b)
		_, levels, more := r.findList(&s, b, 1)
		r.inPages--
		if r.void { // nothing in it is known
			levels, r.void = 0, false
		}
		if levels > 0 || more {
			r.indirect = r.indirect || levels > 0
			return levels > 0, more
		}
	}
	return false, err == jsonscan.ErrShort
}

// maxPages is how many lists of pages are looked into.
const maxPages = 3

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
	text, n, err := r.str()
	if err != nil {
		r.problem(w.lineAt(0), "a page of records is damaged: "+ingest.Whole(err).Error())
		r.unread(w.skipLine())
		return false, false
	}
	is = wrapperKeys[string(text)] > 0
	w.advance(n)
	return is, true
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
