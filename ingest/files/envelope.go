package files

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/files/gunzip"
	"github.com/outflow/outflow/internal/jsonscan"
)

// Limits of what is unwrapped.
const (
	maxEnvelopes = 4        // envelopes around a record
	maxCarried   = 64 << 20 // bytes of an unpacked envelope
)

// envelopes is the state of unwrapping. Everything is kept between records: a stream of
// envelopes costs no allocation.
type envelopes struct {
	depth  int // how many are open
	levels [maxEnvelopes + 1]level
	plan   *plan // of the previous row
	build  []byte

	joined     *plan       // of the previous flat object; nil if it is no record
	joinedKeys ingest.Keys // its keys

	ocsf ocsf
}

// level is one depth of envelopes.
type level struct {
	carrier *carrier // of the previous record at this depth; nil if it was not in one
	path    int      // which of its paths led to the record
	flat    bool     // the previous record at this depth was a flattened one
	outer   jsonscan.Scanner
	text    jsonscan.Scanner // holds the unescaped record
	packed  []byte           // what base64 gave
	plain   []byte           // what gzip gave
	values  [8][]byte        // values at the first keys of the paths
}

// errNested is the error for a record in too many envelopes.
var errNested = fmt.Errorf("a record in more than %d envelopes", maxEnvelopes)

// unwrap decodes the records in the envelope at the start of b and returns the length of the
// envelope. The error is ingest.ErrNotThis if it is no such envelope, an *unknownRecord if
// what it holds is no known record, jsonscan.ErrShort if b ends inside the envelope, or what is
// wrong with it or with the record in it.
func (r *reader) unwrap(c *carrier, b []byte) (int, error) {
	l := &r.levels[r.depth]
	if l.carrier == c {
		if n, err := r.unwrapAgain(l, b); err != ingest.ErrNotThis && !isUnknown(err) {
			return n, err
		}
	}
	n, err := l.find(c, b)
	if err != nil {
		return 0, err
	}
	first := 0
	if l.carrier == c {
		first = l.path
	}
	var unknown error = ingest.ErrNotThis
	for i := range c.paths {
		at := i
		if i == 0 {
			at = first
		} else if i <= first {
			at = i - 1
		}
		value := l.value(c.paths[at], l.values[at])
		if len(value) == 0 {
			continue
		}
		before := r.rep.Records
		err := r.carried(c.name, value)
		if u := (*unknownRecord)(nil); errors.As(err, &u) {
			if unknown == ingest.ErrNotThis {
				unknown = err
			}
			continue
		}
		if err != nil {
			return n, err
		}
		l.carrier, l.path = c, at
		r.enveloped(c.name, r.rep.Records-before)
		return n, nil
	}
	return n, unknown
}

// unwrapAgain is unwrap for an envelope like the previous one, in one pass. The error is
// ingest.ErrNotThis, too, if what it holds has to be looked at more closely.
func (r *reader) unwrapAgain(l *level, b []byte) (int, error) {
	s := &l.outer
	s.Unique = true
	s.Reset(b)
	if s.Kind() != '{' {
		return 0, ingest.ErrNotThis
	}
	text := follow(s, l.carrier.paths[l.path])
	if s.Err() != nil {
		return 0, s.Err()
	}
	n := s.Offset()
	if text = trim(text); len(text) == 0 || text[0] != '{' {
		return 0, ingest.ErrNotThis
	}
	before, name := r.rep.Records, l.carrier.name
	if err := r.inside(name, text); err != nil {
		return n, err
	}
	r.enveloped(name, r.rep.Records-before)
	return n, nil
}

// follow returns the value at a path in the object at the scanner's position, which it consumes:
// the text of a string, or the value as it is written.
func follow(s *jsonscan.Scanner, p path) (text []byte) {
	s.Object()
	for s.Next() {
		if text != nil || string(s.Key) != p[0] && (p[0] != "*" || s.Kind() != '{') {
			s.Skip()
			continue
		}
		switch kind := s.Kind(); {
		case kind == '{' && len(p) > 1:
			text = follow(s, p[1:])
		case len(p) > 1:
			s.Skip()
		case kind == '"':
			text = s.Bytes()
		default:
			text = s.RawUnchecked()
		}
	}
	return text
}

// unwrapAny decodes the records in the envelope at the start of b, which has these keys. The
// result is that of unwrap.
func (r *reader) unwrapAny(keys ingest.Keys, b []byte, first bool) (int, error) {
	var unknown error = ingest.ErrNotThis
	for c := range carries(keys, first) {
		n, err := r.unwrap(c, b)
		if err != ingest.ErrNotThis && !isUnknown(err) {
			return n, err
		}
		if unknown == ingest.ErrNotThis && !c.vague {
			unknown = err
		}
	}
	if first && flattened(keys) {
		n, err := r.unflatten(keys, b)
		if err != ingest.ErrNotThis && !isUnknown(err) {
			r.levels[r.depth].flat = err == nil
			return n, err
		}
	}
	if !first && isOCSF(keys) {
		return r.restored(keys, b)
	}
	return 0, unknown
}

// enveloped counts records that were in an envelope.
func (r *reader) enveloped(name string, records int) {
	if records > 0 {
		if r.rep.Envelopes == nil {
			r.rep.Envelopes = map[string]int{}
		}
		r.rep.Envelopes[name] += records
	}
}

// find finds the values at the first keys of a carrier's paths in the object at the start of b
// and returns its length.
func (l *level) find(c *carrier, b []byte) (int, error) {
	s := &l.outer
	s.Unique = true
	s.Reset(b)
	if s.Kind() != '{' {
		return 0, ingest.ErrNotThis
	}
	clear(l.values[:])
	s.Object()
	for s.Next() {
		wanted := false
		for _, p := range c.paths {
			wanted = wanted || string(s.Key) == p[0]
		}
		if !wanted {
			s.Skip()
			continue
		}
		key := s.Key
		raw := s.RawUnchecked()
		for i, p := range c.paths {
			if string(key) == p[0] {
				l.values[i] = raw
			}
		}
	}
	return s.Offset(), s.Err()
}

// value returns the value at the rest of a path in the value at its first key, or nil.
func (l *level) value(p path, raw []byte) []byte {
	for _, key := range p[1:] {
		if len(raw) == 0 || raw[0] != '{' {
			return nil
		}
		s := &l.outer
		s.Reset(raw)
		raw = nil
		s.Object()
		for raw == nil && s.Next() {
			if string(s.Key) == key || key == "*" && s.Kind() == '{' {
				raw = s.RawUnchecked()
			} else {
				s.Skip()
			}
		}
	}
	return raw
}

// carried decodes the records in a value of an envelope.
func (r *reader) carried(name string, value []byte) error {
	if r.depth == maxEnvelopes {
		return errNested
	}
	text, err := r.inText(value)
	if err != nil {
		return fmt.Errorf("in an envelope of %s: %w", name, err)
	}
	return r.inside(name, text)
}

// inside decodes the records in the text that an envelope held.
func (r *reader) inside(name string, text []byte) error {
	if r.depth == maxEnvelopes {
		return errNested
	}
	columns := r.columns
	r.columns = nil // what is in an envelope is no row of the table around it
	r.depth++
	err := r.contents(text)
	r.depth--
	r.columns = columns
	if u := (*unknownRecord)(nil); errors.As(err, &u) {
		return &unknownRecord{keys: u.keys, in: append([]string{name}, u.in...)}
	}
	if err != nil && !errors.Is(err, errNested) {
		return fmt.Errorf("in an envelope of %s: %v", name, ingest.Whole(err)) // offsets in it are none in the file
	}
	return err
}

// contents decodes the records that an envelope held. The error is as that of decode, but
// never ErrShort.
func (r *reader) contents(b []byte) error {
	if len(b) == 0 {
		return &unknownRecord{}
	}
	switch b[0] {
	case '{':
		n, err := r.decode(b)
		if err == nil {
			if rest := trim(b[n:]); len(rest) > 0 {
				r.within(rest, r.lineNow())
			}
			return nil
		}
		if u := (*unknownRecord)(nil); errors.As(err, &u) {
			if _, levels, _ := r.findRecords(b, true); levels > 0 {
				r.within(b, r.lineNow())
				return nil
			}
		}
		return ingest.Whole(err)
	case '[':
		if known, _, _ := r.knownList(b[1:]); known {
			r.within(b, r.lineNow())
			return nil
		}
	}
	return &unknownRecord{}
}

// inText returns the text that a value of an envelope holds: the value itself, or what is
// in a string, which may be escaped again, behind a prefix, or in base64 and packed with gzip.
func (r *reader) inText(value []byte) ([]byte, error) {
	l := &r.levels[r.depth]
	for times := 0; len(value) > 0 && value[0] == '"'; times++ {
		if times > maxEnvelopes {
			return nil, errNested
		}
		if times > 0 { // the scanner's own memory
			value = append(l.plain[:0], value...)
			l.plain = value
		}
		l.text.Reset(value)
		text := l.text.Bytes()
		if err := l.text.Err(); err != nil {
			return nil, ingest.Whole(err)
		}
		value = trim(text)
	}
	if len(value) == 0 || value[0] == '{' || value[0] == '[' {
		return value, nil
	}
	if n := prefix(value); n > 0 {
		return value[n:], nil
	}
	return r.unpacked(l, value)
}

// unpacked returns what a text in base64 holds, also if it is packed with gzip; nil if it is no
// text in base64 or holds no JSON.
func (r *reader) unpacked(l *level, text []byte) ([]byte, error) {
	if len(text) < 4 {
		return nil, nil
	}
	encoding := base64.StdEncoding
	if bytes.ContainsAny(text, "-_") {
		encoding = base64.URLEncoding
	}
	if text[len(text)-1] != '=' {
		encoding = encoding.WithPadding(base64.NoPadding)
	}
	size := encoding.DecodedLen(len(text))
	if cap(l.packed) < size {
		l.packed = make([]byte, size)
	}
	n, err := encoding.Decode(l.packed[:size], text)
	if err != nil {
		return nil, nil
	}
	b := l.packed[:n]
	if bytes.HasPrefix(b, []byte{0x1f, 0x8b}) {
		if b, err = r.inflated(l, b); err != nil {
			return nil, err
		}
	}
	b = trim(b)
	if len(b) > 0 && b[0] != '{' && b[0] != '[' {
		b = b[prefix(b):]
	}
	if len(b) == 0 || b[0] != '{' && b[0] != '[' {
		return nil, nil
	}
	return b, nil
}

// inflated returns what is packed in b with gzip.
func (r *reader) inflated(l *level, b []byte) ([]byte, error) {
	br := buffers.Get().(*bufio.Reader)
	br.Reset(bytes.NewReader(b))
	defer buffers.Put(br)
	z := inflaters.Get().(*gunzip.Reader)
	defer inflaters.Put(z)
	if err := z.Reset(br); err != nil {
		return nil, damaged("gzip", err)
	}
	plain := bytes.NewBuffer(l.plain[:0])
	n, err := io.Copy(plain, io.LimitReader(&inflating{&gzipMembers{z, br}, r.spent, "gzip"}, maxCarried+1))
	l.plain = plain.Bytes()
	if err != nil {
		return nil, damaged("gzip", err)
	}
	if n > maxCarried {
		return nil, errors.New("an envelope of over 64 MiB")
	}
	return l.plain, nil
}

// recognise reports whether the value at the start of b is a known record or an envelope that
// holds one, without decoding it; carried reports the latter. The error is
// jsonscan.ErrShort if a longer b may give another answer.
func (r *reader) recognise(b []byte) (known, carried bool, err error) {
	if len(b) == 0 {
		return false, false, nil
	}
	switch b[0] {
	case '{':
		keys, n, err := r.topKeys(b)
		if err != nil {
			return false, false, err
		}
		for c := range carries(keys, true) {
			if r.holds(c, b[:n]) {
				return true, true, nil
			}
		}
		if r.match(keys) != nil {
			return true, false, nil
		}
		for c := range carries(keys, false) {
			if r.holds(c, b[:n]) {
				return true, true, nil
			}
		}
		if isOCSF(keys) {
			known := r.restorable(b[:n])
			return known, known, nil
		}
		if flattened(keys) {
			p := r.planned(keys)
			return p != nil, p != nil, nil
		}
	case '[':
		known, _, more := r.knownList(b[1:])
		if more {
			return false, false, jsonscan.ErrShort
		}
		return known, known, nil
	}
	return false, false, nil
}

// holds reports whether an object is an envelope with a known record.
func (r *reader) holds(c *carrier, b []byte) bool {
	l := &r.levels[r.depth]
	if r.depth == maxEnvelopes {
		return false
	}
	if _, err := l.find(c, b); err != nil {
		return false
	}
	values := l.values
	for i, p := range c.paths {
		text, err := r.inText(l.value(p, values[i]))
		if err != nil || len(text) == 0 {
			continue
		}
		r.depth++
		known, _, _ := r.recognise(text)
		if !known && text[0] == '{' {
			_, levels, _ := r.findRecords(text, true)
			known = levels > 0
		}
		r.depth--
		if known {
			return true
		}
	}
	return false
}

// lineNow returns the line of the record being decoded.
func (r *reader) lineNow() int {
	if r.lineNumber > 0 {
		return r.lineNumber
	}
	return r.w.lineAt(0)
}

// maxPrefix is the length of the longest prefix of a line before its record.
const maxPrefix = 512

// prefix returns the length of what collectors write on a line before a record in JSON: a
// priority and a time, as syslog does, a time and the name of a stream, or a name and a bar. It
// is 0 if there is no such prefix or no object behind it that ends with the line.
func prefix(line []byte) int {
	at := bytes.IndexByte(line[:min(len(line), maxPrefix)], '{')
	if at <= 0 || line[len(line)-1] != '}' {
		return 0
	}
	switch head := string(line[:at]); {
	case !strings.ContainsAny(head[at-1:], " \t:"):
	case isTime(head), head[0] == '<' && isPriority(head):
		if quotes := strings.Count(head, `"`); quotes == 0 || quotes%2 == 0 && strings.Contains(head, " [") { // structured data of RFC 5424
			return at
		}
	case strings.HasSuffix(head, "| "):
		if name := strings.TrimRight(head[:at-2], " "); name != "" && !strings.ContainsAny(name, " \t\"'|=") {
			return at
		}
	}
	return 0
}

// isPriority reports whether a line begins with the priority of syslog: <134>.
func isPriority(head string) bool {
	number, rest, found := strings.Cut(head[1:], ">")
	return found && len(number) > 0 && len(number) <= 3 && strings.Trim(number, "0123456789") == "" && len(rest) > 0
}

// isTime reports whether a line begins with a time: that of ISO 8601, that of syslog
// (Mar 2 08:00:00) or a number of seconds or parts of them.
func isTime(head string) bool {
	const digits = "0123456789"
	first := head[:max(0, strings.IndexAny(head, " \t"))]
	rest := strings.TrimLeft(first, digits)
	switch n := len(first) - len(rest); {
	case n == 4 && (strings.HasPrefix(rest, "-") || strings.HasPrefix(rest, "/")):
		return len(first) >= 10
	case n >= 10 && n <= 19:
		return strings.Trim(rest, digits+".:") == ""
	}
	const months = "JanFebMarAprMayJunJulAugSepOctNovDec"
	at := strings.Index(months, head[:min(3, len(head))])
	return len(head) > 15 && len(first) == 3 && at >= 0 && at%3 == 0 && strings.Count(head[:16], ":") >= 2
}
