package jsonscan

import "bytes"

// Split returns the key, what a text is without the key, and what it is with each of the values
// that the key has, in order: one copy for each value that is written differently. Without the key
// only if the values differ; else it is the text with the one value. The text must be the one that
// was scanned, or the one that it is a part of, unchanged. It is false if the object is no whole
// part of the text.
func (e *DuplicateKeyError) Split(text []byte) (key string, without []byte, each [][]byte, ok bool) {
	at := cap(text) - cap(e.object)
	if at < 1 || at >= len(text) || len(e.object) == 0 || &text[at] != &e.object[0] {
		return "", nil, nil, false
	}
	members, end := membersOf(text[:len(text):len(text)], at)
	if end == 0 {
		return "", nil, nil, false
	}
	if key = e.key; key == "" {
		key = firstTwin(members)
	}
	var values [][]byte
	for _, m := range members {
		if m.key == key && !contains(values, m.value) {
			values = append(values, m.value)
		}
	}
	for _, v := range values {
		each = append(each, spliced(text, at, end, members, key, v))
	}
	switch len(values) {
	case 0:
		return "", nil, nil, false
	case 1:
		return key, each[0], each, true
	}
	return key, spliced(text, at, end, members, key, nil), each, true
}

// member is a key of an object with its value.
type member struct {
	key   string
	text  []byte // both, as they are written
	value []byte // as it is written
}

// membersOf returns the members of the object in b whose bracket is before an offset, and the
// offset of its closing bracket; 0 if b ends before it or is malformed.
func membersOf(b []byte, at int) (list []member, end int) {
	s := Scanner{b: b, i: at, depth: 1, first: true}
	for {
		from := s.i
		if !s.Next() {
			break
		}
		m := member{key: string(s.Key), value: s.Raw()}
		m.text = b[from+bytes.IndexByte(b[from:s.i], '"') : s.i]
		list = append(list, m)
	}
	if s.err != nil {
		return nil, 0
	}
	return list, s.i - 1
}

// firstTwin returns the first key that occurs again, or "".
func firstTwin(list []member) string {
	seen := map[string]bool{}
	for _, m := range list {
		if seen[m.key] {
			return m.key
		}
		seen[m.key] = true
	}
	return ""
}

func contains(list [][]byte, v []byte) bool {
	for _, have := range list {
		if bytes.Equal(have, v) {
			return true
		}
	}
	return false
}

// spliced returns a copy of a text in which an object, from one offset to another, has a key once,
// with a value, or not at all if the value is nil.
func spliced(text []byte, from, to int, members []member, key string, value []byte) []byte {
	out := append(make([]byte, 0, len(text)), text[:from]...)
	for _, m := range members {
		if m.key == key {
			if value == nil || !bytes.Equal(m.value, value) {
				continue
			}
			value = nil
		}
		if len(out) > from {
			out = append(out, ',')
		}
		out = append(out, m.text...)
	}
	return append(out, text[to:]...)
}
