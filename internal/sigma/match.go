package sigma

import (
	"cmp"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// item is a field of a selection with the values that it is compared with. Without a field it
// is a keyword, which may occur anywhere.
type item struct {
	field  string
	line   int
	tests  []test
	every  bool   // all tests must hold
	not    bool   // it holds if the tests do not
	exists int    // 1: the field must be present, −1: it must not; 0: either
	isNull bool   // a missing field or null matches
	others []test // fields that it is compared with, by name in want

	slot       int // of the field in a record
	otherSlots []int
}

// test is one value, and how a field is compared with it.
type test struct {
	how   how
	want  string // in lower case, unless the comparison is cased
	cased bool
	re    *regexp.Regexp
	net   netip.Prefix
	part  string // of a date
	than  string // lt, lte, gt, gte or eq
	n     float64
	forms []test
}

// how is how a field is compared with a value.
type how uint8

const (
	equals how = iota
	contains
	startsWith
	endsWith
	matches // a regular expression
	inside  // a range of addresses
	compares
	oneOf // several forms of one value
)

// holds compares a value, which is given as it is and in lower case.
func (t *test) holds(v, low string) bool {
	if !t.cased && t.part == "" {
		v = low
	}
	switch t.how {
	case oneOf:
		return slices.ContainsFunc(t.forms, func(x test) bool { return x.holds(v, low) })
	case matches:
		return t.re.MatchString(v)
	case inside:
		a, err := netip.ParseAddr(v)
		return err == nil && t.net.Contains(a.Unmap())
	case compares:
		if t.part != "" {
			n, ok := datePart(v, t.part)
			return ok && compare(float64(n), t.than, t.n)
		}
		x, err := strconv.ParseFloat(v, 64)
		return err == nil && compare(x, t.than, t.n)
	}
	return t.compareText(v, t.want)
}

// compareText compares two texts.
func (t *test) compareText(v, want string) bool {
	switch t.how {
	case contains:
		return strings.Contains(v, want)
	case startsWith:
		return strings.HasPrefix(v, want)
	case endsWith:
		return strings.HasSuffix(v, want)
	}
	return v == want
}

// match reports whether a record satisfies the item.
func (i *item) match(r *Record) bool { return i.found(r) != i.not }

// found reports whether a record has the values of the item.
func (i *item) found(r *Record) bool {
	switch {
	case i.field == "":
		return i.holds(r.words, r.lowWords)
	case i.exists != 0:
		return (r.has[i.slot] != missing) == (i.exists > 0)
	case len(i.others) > 0:
		return i.refers(r)
	case i.isNull && r.has[i.slot] != present:
		return true
	}
	return i.holds(r.values[i.slot], r.lows[i.slot])
}

// refers reports whether the field compares with one of the other fields, or with all of them
// if every is set.
func (i *item) refers(r *Record) bool {
	for k := range i.others {
		t, from := &i.others[k], r.lows
		if t.cased {
			from = r.values
		}
		hit := slices.ContainsFunc(from[i.slot], func(v string) bool {
			return slices.ContainsFunc(from[i.otherSlots[k]], func(w string) bool { return t.compareText(v, w) })
		})
		if hit != i.every {
			return hit
		}
	}
	return i.every
}

// holds reports whether one of the values satisfies one of the tests, or all of them if every
// is set.
func (i *item) holds(values, lows []string) bool {
	for k := range i.tests {
		t, found := &i.tests[k], false
		for n := range values {
			if found = t.holds(values[n], lows[n]); found {
				break
			}
		}
		if found != i.every {
			return found
		}
	}
	return i.every && len(i.tests) > 0
}

// selection compiles a named part of a detection: a map (all of it must hold), a
// list of maps or keywords (one must), or a single keyword.
func (c *compiler) selection(v *value) (expr, error) {
	switch v.kind {
	case mapping:
		var list all
		for k := range v.keys {
			i, err := c.item(v.keys[k], &v.list[k])
			if err != nil {
				return nil, err
			}
			list = append(list, i)
		}
		if len(list) == 0 {
			return nil, &Error{Line: v.line, Reason: "an empty selection"}
		}
		return list, nil

	case list:
		var out some
		for k := range v.list {
			e, err := c.selection(&v.list[k])
			if err != nil {
				return nil, err
			}
			out = append(out, e)
		}
		if len(out) == 0 {
			return nil, &Error{Line: v.line, Reason: "an empty selection"}
		}
		return out, nil

	case null:
		return nil, &Error{Line: v.line, Reason: "an empty selection"}
	}
	return c.item("", v)
}

// item compiles "field|modifier|…: value".
func (c *compiler) item(key string, v *value) (*item, error) {
	parts := strings.Split(key, "|")
	m, expand, err := parseModifiers(parts[1:], v.line)
	if err != nil {
		return nil, err
	}
	i := &item{field: parts[0], line: v.line, every: m.every, not: m.not}
	if i.field == "" && m.how == "" {
		m.how = "contains" // a keyword may occur anywhere
	}
	if i.field == "" && (m.how == "exists" || m.ref || m.part != "") {
		return nil, &Error{Line: v.line, Reason: "the modifiers need the name of a field before them"}
	}

	values := []value{*v}
	if v.kind == list {
		values = v.list
	}
	if v.kind == mapping {
		return nil, &Error{Line: v.line, Reason: "the field " + quote(i.field) + " is compared with a map"}
	}
	if len(values) == 0 {
		return nil, &Error{Line: v.line, Reason: "the field " + quote(i.field) + " is compared with an empty list"}
	}

	for k := range values {
		texts := []string{values[k].text}
		if expand {
			if texts, err = c.expand(values[k].text, values[k].line); err != nil {
				return nil, err
			}
		}
		if err := i.add(&values[k], texts, &m); err != nil {
			return nil, err
		}
	}
	return i, nil
}

// add adds a value that the field is compared with. Texts are what it says, with its
// placeholders replaced.
func (i *item) add(x *value, texts []string, m *modifiers) error {
	fail := func(reason string) error { return &Error{Line: x.line, Reason: reason} }
	switch {
	case x.kind == mapping || x.kind == list:
		return fail("the field " + quote(i.field) + " is compared with a list or a map")
	case m.how == "exists":
		if x.text != "true" && x.text != "false" {
			return fail("exists takes true or false")
		}
		if i.exists = -1; x.text == "true" {
			i.exists = 1
		}
		return nil
	case x.kind == null && (m.how != "" || m.re || m.ref || m.part != "" || len(m.encode) > 0):
		return fail("null goes with no modifier but neq and all")
	case x.kind == null && i.field == "":
		return fail("a keyword without a text")
	case x.kind == null:
		i.isNull = true
		return nil
	case m.ref:
		i.others = append(i.others, test{how: hows[m.how], want: x.text, cased: m.cased})
		return nil
	}

	var forms []test
	for _, text := range texts {
		encoded, err := m.encoded(text, x.line)
		if err != nil {
			return err
		}
		for _, t := range encoded {
			one, err := m.test(t, x.line)
			if err != nil {
				return err
			}
			forms = append(forms, one)
		}
	}
	if i.every && len(forms) > 1 { // all is about the values, not their forms
		forms = []test{{how: oneOf, forms: forms}}
	}
	i.tests = append(i.tests, forms...)
	return nil
}

// hows are the comparisons of texts by their modifier.
var hows = map[string]how{"": equals, "contains": contains, "startswith": startsWith, "endswith": endsWith}

// test compiles one value.
func (m *modifiers) test(text string, line int) (t test, err error) {
	fail := func(reason string) (test, error) { return t, &Error{Line: line, Reason: reason} }
	t.cased = m.cased
	switch {
	case m.re:
		t.how, t.cased = matches, true
		switch m.how {
		case "startswith":
			text = "^(?:" + text + ")"
		case "endswith":
			text = "(?:" + text + ")$"
		}
		if m.flags != "" {
			text = "(?" + m.flags + ")" + text
		}
		if t.re, err = regexp.Compile(text); err != nil {
			return fail("the regular expression cannot be compiled (RE2 syntax): " + err.Error())
		}
		return t, nil

	case m.how == "cidr":
		t.how = inside
		if t.net, err = parseNet(text); err != nil {
			return fail(quote(text) + " is not a range of addresses")
		}
		return t, nil

	case m.part != "" || slices.Contains([]string{"lt", "lte", "gt", "gte"}, m.how):
		t.how, t.than, t.part = compares, cmp.Or(m.how, "eq"), m.part
		if t.n, err = strconv.ParseFloat(text, 64); err != nil {
			return fail(quote(text) + " is not a number")
		}
		if m.part != "" && t.than == "eq" && !inRange(m.part, t.n) {
			return fail(text + " is no " + m.part)
		}
		return t, nil
	}
	return m.text(text, line)
}

// parseNet reads a range of addresses, or a single address.
func parseNet(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	return netip.ParsePrefix(text)
}

// inRange reports whether a part of a date can have a value.
func inRange(part string, n float64) bool {
	limits := map[string][2]float64{
		"minute": {0, 59}, "hour": {0, 23}, "day": {1, 31}, "week": {1, 53}, "month": {1, 12}, "year": {1, 9999},
	}
	return n >= limits[part][0] && n <= limits[part][1] && n == float64(int(n))
}

// text compiles a text with wildcards. Those at the ends mean the same as the modifiers do.
func (m *modifiers) text(text string, line int) (t test, err error) {
	t.cased = m.cased
	before, after := m.how == "contains" || m.how == "endswith", m.how == "contains" || m.how == "startswith"
	for strings.HasPrefix(text, "*") {
		text, before = text[1:], true
	}
	for strings.HasSuffix(text, "*") && !escapedAt(text, len(text)-1) {
		text, after = text[:len(text)-1], true
	}

	windash := m.windash && len(m.encode) == 0
	parts, wild := wildcards(text, windash)
	if !wild {
		t.want = unescape(text)
		if !m.cased {
			t.want = strings.ToLower(t.want)
		}
		switch {
		case before && after:
			t.how = contains
		case after:
			t.how = startsWith
		case before:
			t.how = endsWith
		}
		return t, nil
	}

	re := strings.Join(parts, "")
	if !m.cased {
		re = strings.ToLower(re) // compared with values in lower case
	}
	if !before {
		re = "^" + re
	}
	if !after {
		re += "$"
	}
	t.how = matches
	if t.re, err = regexp.Compile("(?s)" + re); err != nil {
		return t, &Error{Line: line, Reason: err.Error()}
	}
	return t, nil
}

// escapedAt reports whether the character at a place is behind an odd number of backslashes.
func escapedAt(text string, at int) bool {
	n := 0
	for at > n && text[at-n-1] == '\\' {
		n++
	}
	return n%2 == 1
}

// compare compares two numbers with an operator: lt, lte, gt, gte, eq or neq.
func compare(x float64, how string, n float64) bool {
	switch how {
	case "lt":
		return x < n
	case "lte":
		return x <= n
	case "gt":
		return x > n
	case "gte":
		return x >= n
	case "neq":
		return x != n
	}
	return x == n
}

// wildcards turns a text with * and ? into parts of a regular expression; a
// backslash before one of them, or before a backslash, takes its meaning away.
// With windash, a dash stands for any of the five.
func wildcards(text string, windash bool) (parts []string, wild bool) {
	for i := 0; i < len(text); i++ {
		c, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case c == '\\' && i+1 < len(text) && strings.IndexByte(`*?\`, text[i+1]) >= 0:
			i++
			parts = append(parts, regexp.QuoteMeta(text[i:i+1]))
		case c == '*':
			parts, wild = append(parts, ".*"), true
		case c == '?':
			parts, wild = append(parts, "."), true
		case windash && strings.ContainsRune(dashes, c):
			parts, wild = append(parts, "[-/–—―]"), true
			i += size - 1
		default:
			parts = append(parts, regexp.QuoteMeta(text[i:i+size]))
			i += size - 1
		}
	}
	return parts, wild
}

// escaper escapes what has a meaning in the text of a rule.
var escaper = strings.NewReplacer(`*`, `\*`, `?`, `\?`, `\`, `\\`)

// unescaper removes the backslash before *, ? and backslash.
var unescaper = strings.NewReplacer(`\*`, `*`, `\?`, `?`, `\\`, `\`)

// unescape returns a text without the backslashes that only escape.
func unescape(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	return unescaper.Replace(text)
}
