package sigma

import (
	"encoding/base64"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// item is a field of a selection with the values that it is compared with. Without a field it
// is a keyword, which may occur anywhere.
type item struct {
	field  string
	tests  []test
	every  bool   // all tests must hold
	exists int    // 1: the field must be present, −1: it must not; 0: either
	isNull bool   // a missing field or null matches
	other  string // the field that it is compared with

	slot, otherSlot int // of the fields in a record
}

// test is one value, and how a field is compared with it.
type test struct {
	how   how
	want  string // in lower case, unless the comparison is cased
	cased bool
	re    *regexp.Regexp
	net   netip.Prefix
	than  string // lt, lte, gt or gte
	n     float64
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
	isEmpty
)

// holds compares a value, which is given as it is and in lower case.
func (t *test) holds(v, low string) bool {
	if !t.cased {
		v = low
	}
	switch t.how {
	case equals:
		return v == t.want
	case contains:
		return strings.Contains(v, t.want)
	case startsWith:
		return strings.HasPrefix(v, t.want)
	case endsWith:
		return strings.HasSuffix(v, t.want)
	case matches:
		return t.re.MatchString(v)
	case inside:
		a, err := netip.ParseAddr(v)
		return err == nil && t.net.Contains(a.Unmap())
	case compares:
		x, err := strconv.ParseFloat(v, 64)
		return err == nil && compare(x, t.than, t.n)
	}
	return v == ""
}

// match reports whether a record satisfies the item.
func (i *item) match(r *Record) bool {
	if i.field == "" {
		return i.holds(r.texts, r.texts)
	}
	values := r.values[i.slot]
	there := len(values) > 0
	switch {
	case i.exists != 0:
		return there == (i.exists > 0)
	case i.other != "":
		for _, v := range r.lows[i.slot] {
			if slices.Contains(r.lows[i.otherSlot], v) {
				return true
			}
		}
		return false
	case i.isNull && !there:
		return true
	}
	return i.holds(values, r.lows[i.slot])
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
func selection(v *value) (expr, error) {
	switch v.kind {
	case mapping:
		var list all
		for k := range v.keys {
			i, err := newItem(v.keys[k], &v.list[k])
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
			e, err := selection(&v.list[k])
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

	t, err := pattern(v.text, "contains", false, "", v.line)
	if err != nil {
		return nil, err
	}
	return &item{tests: []test{t}}, nil
}

// newItem compiles "field|modifier|…: value".
func newItem(key string, v *value) (*item, error) {
	parts := strings.Split(key, "|")
	i := &item{field: parts[0]}
	how, cased, flags := "", false, ""
	encode := []string(nil)
	for _, m := range parts[1:] {
		switch m {
		case "contains", "startswith", "endswith", "re", "cidr", "lt", "lte", "gt", "gte", "fieldref", "exists":
			if how != "" {
				return nil, &Error{Line: v.line, Reason: "the modifiers " + how + " and " + m + " do not go together"}
			}
			how = m
		case "all":
			i.every = true
		case "cased":
			cased = true
		case "i", "m", "s":
			flags += m
		case "base64", "base64offset", "windash":
			encode = append(encode, m)
		default:
			return nil, &Error{Line: v.line, Reason: "the modifier " + quote(m) + " is not supported"}
		}
	}

	values := []value{*v}
	if v.kind == list {
		values = v.list
	}
	if v.kind == mapping {
		return nil, &Error{Line: v.line, Reason: "the field " + quote(i.field) + " is compared with a map"}
	}

	for k := range values {
		x := &values[k]
		switch {
		case x.kind == mapping || x.kind == list:
			return nil, &Error{Line: x.line, Reason: "the field " + quote(i.field) + " is compared with a list or a map"}
		case x.kind == null:
			i.isNull = true
			i.tests = append(i.tests, test{how: isEmpty})
			continue
		case how == "exists":
			if i.exists = -1; x.text == "true" {
				i.exists = 1
			}
			continue
		case how == "fieldref":
			i.other = x.text
			continue
		}

		for _, text := range encoded(x.text, encode) {
			t, err := pattern(text, how, cased, flags, x.line)
			if err != nil {
				return nil, err
			}
			i.tests = append(i.tests, t)
		}
	}

	return i, nil
}

// encoded applies the modifiers that change the value that is looked for.
func encoded(text string, how []string) []string {
	out := []string{text}
	for _, m := range how {
		var next []string
		for _, t := range out {
			switch m {
			case "base64":
				next = append(next, base64.StdEncoding.EncodeToString([]byte(t)))
			case "base64offset":
				// A text may begin at any of three positions within the groups of four.
				for shift, from := range []int{0, 2, 3} {
					e := strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(strings.Repeat(" ", shift)+t)), "=")
					if cut := (len(t) + shift) % 3; cut != 0 && len(e) > 0 {
						e = e[:len(e)-1]
					}
					next = append(next, e[min(from, len(e)):])
				}
			case "windash":
				next = append(next, t)
				if strings.Contains(t, "-") {
					next = append(next, strings.ReplaceAll(t, "-", "/"), strings.ReplaceAll(t, "-", "–"))
				}
			}
		}
		out = next
	}
	return out
}

// pattern compiles one value.
func pattern(text, modifier string, cased bool, flags string, line int) (t test, err error) {
	t.cased = cased
	switch modifier {
	case "re":
		if flags != "" {
			text = "(?" + flags + ")" + text
		}
		t.how, t.cased = matches, true
		if t.re, err = regexp.Compile(text); err != nil {
			return t, &Error{Line: line, Reason: "the regular expression cannot be compiled (RE2 syntax): " + err.Error()}
		}
		return t, nil

	case "cidr":
		t.how = inside
		if t.net, err = netip.ParsePrefix(text); err != nil {
			return t, &Error{Line: line, Reason: quote(text) + " is not a range of addresses"}
		}
		return t, nil

	case "lt", "lte", "gt", "gte":
		t.how, t.than = compares, modifier
		if t.n, err = strconv.ParseFloat(text, 64); err != nil {
			return t, &Error{Line: line, Reason: quote(text) + " is not a number"}
		}
		return t, nil
	}

	// Wildcards at the ends mean the same as the modifiers do.
	before, after := modifier == "contains" || modifier == "endswith", modifier == "contains" || modifier == "startswith"
	for strings.HasPrefix(text, "*") {
		text, before = text[1:], true
	}
	for strings.HasSuffix(text, "*") && !strings.HasSuffix(text, `\*`) {
		text, after = text[:len(text)-1], true
	}

	parts, wild := wildcards(text)
	if !wild {
		t.want = unescape(text)
		if !cased {
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
	if !before {
		re = "^" + re
	}
	if !after {
		re += "$"
	}

	if !cased {
		re = strings.ToLower(re) // compared with values in lower case
	}
	t.how = matches
	if t.re, err = regexp.Compile("(?s)" + re); err != nil {
		return t, &Error{Line: line, Reason: err.Error()}
	}

	return t, nil
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
func wildcards(text string) (parts []string, wild bool) {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text) && strings.IndexByte(`*?\`, text[i+1]) >= 0:
			i++
			parts = append(parts, regexp.QuoteMeta(text[i:i+1]))
		case c == '*':
			parts, wild = append(parts, ".*"), true
		case c == '?':
			parts, wild = append(parts, "."), true
		default:
			parts = append(parts, regexp.QuoteMeta(text[i:i+1]))
		}
	}
	return parts, wild
}

// unescape removes the backslash before *, ? and backslash.
func unescape(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	return strings.NewReplacer(`\*`, `*`, `\?`, `?`, `\\`, `\`).Replace(text)
}
