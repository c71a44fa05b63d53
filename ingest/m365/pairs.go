package m365

import (
	"strings"

	"github.com/outflow/outflow/internal/jsonscan"
)

// visitor receives a named value of a list and, if it is stated, the value before.
type visitor func(name, value, before string)

// cutList is the error for a record of which a tool has not written out what its meaning depends on.
type cutList struct{ text string }

func (c *cutList) Error() string {
	text := c.text
	if len(text) > 40 {
		text = text[:40] + "…"
	}
	return "a list is cut to " + text + ", as PowerShell's ConvertTo-Json does without a greater -Depth"
}

// pairs is the function pairs, and notes what stands in place of a list that is not written out.
func (r *record) pairs(list []byte, visit visitor) {
	if cut := pairs(list, visit); cut != "" {
		r.cut = cut
	}
}

// isCut reports whether a value is the name of a type, which PowerShell writes in place of lists and
// objects that are nested too deeply.
func isCut(value string) bool {
	return strings.HasPrefix(value, "System.") && strings.IndexByte(value, ' ') < 0
}

// pairs calls visit for every {Name, Value} of a list. New values may also be NewValue, with the
// previous one as OldValue. Tools write such a list in other shapes, too: one element without the
// list, an object with the names as keys, a string of JSON, -Name "value" words, and @{Name=…;
// Value=…} for each element. It returns what stands in place of elements that are not written out.
func pairs(list []byte, visit visitor) (cut string) {
	if list == nil {
		return ""
	}
	var s jsonscan.Scanner
	s.Reset(list)
	switch s.Kind() {
	case '[':
		s.Array()
		for s.Elem() {
			switch s.Kind() {
			case '{':
				element(&s, list, visit)
			case '"':
				if t := s.Text(); t != "" && !hashTable(t, visit) {
					cut = t
				}
			default:
				s.Skip()
			}
		}
	case '{':
		element(&s, list, visit)
	case '"':
		return written(string(s.Bytes()), visit)
	}
	return cut
}

// written reads a list that is a string.
func written(t string, visit visitor) (cut string) {
	switch t = strings.TrimSpace(t); {
	case t == "":
	case t[0] == '[' || t[0] == '{':
		return pairs([]byte(t), visit)
	case strings.HasPrefix(t, "@{"):
		for part := range strings.SplitSeq(t[2:], "@{") {
			if !hashTable("@{"+strings.TrimSpace(part), visit) {
				return t
			}
		}
	case isCut(t):
		return t
	default:
		words(t, visit)
	}
	return ""
}

// element reads an object of a list: a {Name, Value} or else values under their names.
func element(s *jsonscan.Scanner, list []byte, visit visitor) {
	var name, value, before string
	start, isNamed, others := s.Offset(), false, false
	if !s.Object() {
		return
	}
	for s.Next() {
		switch string(s.Key) {
		case "Name", "name":
			name = textOf(s)
		case "Value", "NewValue", "value", "newValue":
			value, isNamed = textOf(s), true
		case "OldValue", "oldValue":
			before, isNamed = textOf(s), true
		default:
			s.Skip()
			others = true
		}
	}
	if isNamed || !others {
		visit(name, value, before)
		return
	}
	var again jsonscan.Scanner
	again.Reset(list[start:s.Offset()])
	underNames(&again, visit)
}

// underNames reads an object whose keys are names. A value may be an object of the new and the old
// value; such names then have _ in place of the full stop.
func underNames(s *jsonscan.Scanner, visit visitor) {
	if !s.Object() {
		return
	}
	for s.Next() {
		name := string(s.Key)
		if s.Kind() != '{' {
			visit(name, textOf(s), "")
			continue
		}
		raw := s.Raw()
		var in jsonscan.Scanner
		in.Reset(raw)
		var value, before string
		changed := false
		for in.Object(); in.Next(); {
			switch string(in.Key) {
			case "NewValue", "newValue":
				value, changed = textOf(&in), true
			case "OldValue", "oldValue":
				before, changed = textOf(&in), true
			default:
				in.Skip()
			}
		}
		if changed {
			visit(strings.ReplaceAll(name, "_", "."), value, before)
		} else {
			visit(name, string(raw), "")
		}
	}
}

// textOf returns a value as text: the elements of a list of strings separated by ";", and other
// lists and objects as they are written.
func textOf(s *jsonscan.Scanner) string {
	if k := s.Kind(); k != '[' && k != '{' {
		return s.Text()
	}
	raw := s.Raw()
	var in jsonscan.Scanner
	in.Reset(raw)
	var parts []string
	if in.Kind() == '[' {
		for in.Array(); in.Elem(); {
			if in.Kind() == '{' || in.Kind() == '[' {
				return string(raw)
			}
			parts = append(parts, in.Text())
		}
		return strings.Join(parts, ";")
	}
	return string(raw)
}

// hashTable reads @{Name=ForwardTo; Value=kim@example.com}, as PowerShell writes an object, and
// reports whether t is one.
func hashTable(t string, visit visitor) bool {
	if !strings.HasPrefix(t, "@{") {
		return false
	}
	t = strings.TrimSuffix(t[2:], "}")
	var names, values []string
	for part := range strings.SplitSeq(t, "; ") {
		key, value, ok := strings.Cut(part, "=")
		if !ok || strings.ContainsAny(key, " .@<\"") {
			if len(values) == 0 {
				return false
			}
			values[len(values)-1] += "; " + part // a value with a semicolon
			continue
		}
		names, values = append(names, key), append(values, value)
	}
	var name, value, before string
	isNamed := false
	for i, n := range names {
		switch n {
		case "Name":
			name = values[i]
		case "Value", "NewValue":
			value, isNamed = values[i], true
		case "OldValue":
			before, isNamed = values[i], true
		}
	}
	if isNamed {
		visit(name, value, before)
		return true
	}
	for i, n := range names {
		visit(n, values[i], "")
	}
	return len(names) > 0
}

// words parses -Name "value" -Other value.
func words(t string, visit visitor) {
	for {
		i := strings.IndexByte(t, '-')
		if i < 0 {
			return
		}
		name, rest, _ := strings.Cut(t[i+1:], " ")
		rest = strings.TrimLeft(rest, " ")
		value := ""
		if strings.HasPrefix(rest, `"`) {
			value, rest, _ = strings.Cut(rest[1:], `"`)
		} else if !strings.HasPrefix(rest, "-") {
			value, rest, _ = strings.Cut(rest, " ")
		}
		visit(name, value, "")
		t = rest
	}
}
