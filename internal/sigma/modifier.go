package sigma

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

// compiler compiles the rules of a set.
type compiler struct {
	placeholders map[string][]string // values by name, without the percent signs
	unused       bool                // the rule is about a log that Outflow does not read: placeholders need no values
}

// modifiers are those of a key "field|modifier|…".
type modifiers struct {
	how     string   // how values are compared; empty for equality
	part    string   // the part of a date that is compared
	every   bool     // all
	not     bool     // neq
	cased   bool     // cased
	ref     bool     // fieldref
	flags   string   // of a regular expression
	re      bool     // re
	windash bool     // any of five dashes stands for another
	encode  []string // base64, base64offset, utf16 …, in their order
}

var (
	comparisons = []string{"contains", "startswith", "endswith", "cidr", "lt", "lte", "gt", "gte", "exists"}
	dateParts   = []string{"minute", "hour", "day", "week", "month", "year"}
	encodings   = []string{"base64", "base64offset", "wide", "utf16", "utf16le", "utf16be"}
	flagNames   = map[string]string{"i": "i", "ignorecase": "i", "m": "m", "multiline": "m", "s": "s", "dotall": "s"}
)

// parseModifiers reads the modifiers of a key.
func parseModifiers(names []string, line int) (m modifiers, expand bool, err error) {
	fail := func(reason string) (modifiers, bool, error) { return m, false, &Error{Line: line, Reason: reason} }
	for _, n := range names {
		switch {
		case slices.Contains(comparisons, n):
			if m.how != "" {
				return fail("the modifiers " + m.how + " and " + n + " do not go together")
			}
			m.how = n
		case slices.Contains(dateParts, n):
			if m.part != "" {
				return fail("the modifiers " + m.part + " and " + n + " do not go together")
			}
			m.part = n
		case slices.Contains(encodings, n):
			m.encode = append(m.encode, n)
		case flagNames[n] != "":
			if !m.re {
				return fail("the modifier " + n + " belongs behind re")
			}
			m.flags += flagNames[n]
		case n == "re":
			m.re = true
		case n == "all":
			m.every = true
		case n == "neq":
			m.not = true
		case n == "cased":
			m.cased = true
		case n == "fieldref":
			m.ref = true
		case n == "windash":
			m.windash = true
		case n == "expand":
			expand = true
		default:
			return fail("the modifier " + quote(n) + " is not supported")
		}
	}
	return m, expand, m.check(line)
}

// check returns an error for modifiers that do not go together.
func (m *modifiers) check(line int) error {
	text := m.how == "" || slices.Contains([]string{"contains", "startswith", "endswith"}, m.how)
	var first, second string
	switch {
	case m.re && !text:
		first, second = "re", m.how
	case m.re && m.ref:
		first, second = "re", "fieldref"
	case m.re && len(m.encode) > 0:
		first, second = "re", m.encode[0]
	case m.re && m.windash:
		first, second = "re", "windash"
	case m.ref && !text:
		first, second = "fieldref", m.how
	case m.ref && (len(m.encode) > 0 || m.windash):
		first, second = "fieldref", slices.Concat(m.encode, []string{"windash"})[0]
	case m.part != "" && (m.re || m.ref || len(m.encode) > 0 || m.windash):
		first, second = m.part, "a modifier of texts"
	case m.part != "" && (text && m.how != "" || m.how == "cidr" || m.how == "exists"):
		first, second = m.part, m.how
	case !text && (len(m.encode) > 0 || m.windash):
		first, second = m.how, slices.Concat(m.encode, []string{"windash"})[0]
	default:
		return nil
	}
	return &Error{Line: line, Reason: "the modifiers " + first + " and " + second + " do not go together"}
}

// maxExpanded bounds the values that one value of a rule may expand to.
const maxExpanded = 10_000

// expand replaces the placeholders of a text, %name%, with each of their values. A backslash
// before a percent sign takes its meaning away.
func (c *compiler) expand(text string, line int) ([]string, error) {
	out := []string{""}
	add := func(parts ...string) {
		var next []string
		for _, o := range out {
			for _, p := range parts {
				next = append(next, o+p)
			}
		}
		out = next
	}
	for text != "" {
		at := strings.IndexByte(text, '%')
		if at > 0 && text[at-1] == '\\' {
			add(text[:at-1] + "%")
			text = text[at+1:]
			continue
		}
		end := -1
		if at >= 0 {
			end = strings.IndexByte(text[at+1:], '%')
		}
		if end < 0 {
			add(text)
			break
		}
		name := text[at+1 : at+1+end]
		values := c.placeholders[name]
		if c.unused {
			values = []string{name}
		}
		if len(values) == 0 {
			return nil, &Error{
				Line:   line,
				Reason: "the placeholder " + quote("%"+name+"%") + " has no values: state them under placeholders in the configuration",
			}
		}
		add(text[:at])
		if len(out)*len(values) > maxExpanded {
			return nil, &Error{Line: line, Reason: "the placeholders make more than 10,000 values"}
		}
		add(values...)
		text = text[at+end+2:]
	}
	return out, nil
}

// dashes are the characters that introduce an option on Windows.
const dashes = "-/–—―"

// maxDashes bounds the dashes of a value that is encoded: each of them makes five values.
const maxDashes = 4

// encoded applies the modifiers that change the value that is looked for.
func (m *modifiers) encoded(text string, line int) ([]string, error) {
	if len(m.encode) == 0 {
		return []string{text}, nil
	}
	if _, wild := wildcards(text, false); wild {
		return nil, &Error{Line: line, Reason: "a value with wildcards cannot be encoded"}
	}
	out := []string{unescape(text)}
	if m.windash {
		out = permuted(out[0])
		if out == nil {
			return nil, &Error{Line: line, Reason: "windash before an encoding takes at most 4 dashes"}
		}
	}
	for _, how := range m.encode {
		var next []string
		for _, t := range out {
			switch how {
			case "base64":
				next = append(next, base64.StdEncoding.EncodeToString([]byte(t)))
			case "base64offset":
				next = append(next, offsets(t)...)
			default:
				next = append(next, encodeUTF16(t, how))
			}
		}
		out = next
	}
	for i, t := range out {
		out[i] = escaper.Replace(t)
	}
	return out, nil
}

// permuted returns a text with every combination of dashes in place of its own; nil if there
// are too many.
func permuted(text string) []string {
	out, n := []string{""}, 0
	for _, c := range text {
		each := []string{string(c)}
		if strings.ContainsRune(dashes, c) {
			if n++; n > maxDashes {
				return nil
			}
			each = strings.Split(dashes, "")
		}
		var next []string
		for _, o := range out {
			for _, x := range each {
				next = append(next, o+x)
			}
		}
		out = next
	}
	return out
}

// offsets returns what a text looks like within a longer text in Base64: it may begin at any of
// three positions within the groups of four.
func offsets(text string) (out []string) {
	for shift, from := range []int{0, 2, 3} {
		e := strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(strings.Repeat(" ", shift)+text)), "=")
		if (len(text)+shift)%3 != 0 && len(e) > 0 {
			e = e[:len(e)-1]
		}
		out = append(out, e[min(from, len(e)):])
	}
	return out
}

// encodeUTF16 returns the bytes of a text in UTF-16: of lower byte order unless it is utf16be,
// behind a byte order mark for utf16.
func encodeUTF16(text, how string) string {
	var b strings.Builder
	if how == "utf16" {
		b.WriteString("\xff\xfe")
	}
	for _, u := range utf16.Encode([]rune(text)) {
		if how == "utf16be" {
			b.WriteByte(byte(u >> 8))
			b.WriteByte(byte(u))
		} else {
			b.WriteByte(byte(u))
			b.WriteByte(byte(u >> 8))
		}
	}
	return b.String()
}

// layouts are the ways in which vendors write a time.
var layouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05Z07:00", "2006-01-02",
}

// datePart returns a part of a date, as the date states it: times are not converted to another
// zone. A number is a Unix time, in seconds or, if it is longer, in milliseconds or microseconds.
func datePart(value, part string) (n int, ok bool) {
	t, ok := parseTime(strings.TrimSpace(value))
	if !ok {
		return 0, false
	}
	switch part {
	case "minute":
		return t.Minute(), true
	case "hour":
		return t.Hour(), true
	case "day":
		return t.Day(), true
	case "week":
		_, w := t.ISOWeek()
		return w, true
	case "month":
		return int(t.Month()), true
	}
	return t.Year(), true
}

// parseTime reads a time.
func parseTime(value string) (time.Time, bool) {
	if n, err := strconv.ParseInt(value, 10, 64); err == nil {
		switch {
		case n < 1e8 || n > 1e16:
			return time.Time{}, false
		case n >= 1e14:
			return time.UnixMicro(n).UTC(), true
		case n >= 1e11:
			return time.UnixMilli(n).UTC(), true
		}
		return time.Unix(n, 0).UTC(), true
	}
	for _, l := range layouts {
		if t, err := time.Parse(l, value); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
