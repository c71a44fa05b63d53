package sigma

import (
	"encoding/base64"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// item is one field of a selection with the values it is compared with; without a
// field, a keyword that may stand anywhere.
type item struct {
	field  string
	tests  []test
	every  bool   // all tests must hold
	exists int    // 1: the field must be there, −1: it must not; 0: no matter
	isNull bool   // a missing field or null satisfies it
	other  string // the field whose value is compared with
}

type test func(v string) bool

func (i *item) match(r *Record) bool {
	if i.field == "" {
		return r.anywhere(i)
	}
	values, there := r.Lookup(i.field)
	switch {
	case i.exists != 0:
		return there == (i.exists > 0)
	case i.other != "":
		others, _ := r.Lookup(i.other)
		for _, v := range values {
			for _, o := range others {
				if strings.EqualFold(v, o) {
					return true
				}
			}
		}
		return false
	case i.isNull && !there:
		return true
	}
	return i.holds(values)
}

func (i *item) holds(values []string) bool {
	for _, t := range i.tests {
		found := false
		for _, v := range values {
			if found = t(v); found {
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
			i.tests = append(i.tests, func(t string) bool { return t == "" })
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

// encoded applies the modifiers that change what is looked for.
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
func pattern(text, how string, cased bool, flags string, line int) (test, error) {
	switch how {
	case "re":
		if flags != "" {
			text = "(?" + flags + ")" + text
		}
		re, err := regexp.Compile(text)
		if err != nil {
			return nil, &Error{Line: line, Reason: "the regular expression cannot be compiled (RE2 syntax): " + err.Error()}
		}
		return re.MatchString, nil
	case "cidr":
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, &Error{Line: line, Reason: quote(text) + " is not a range of addresses"}
		}
		return func(v string) bool {
			a, err := netip.ParseAddr(v)
			return err == nil && p.Contains(a.Unmap())
		}, nil
	case "lt", "lte", "gt", "gte":
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, &Error{Line: line, Reason: quote(text) + " is not a number"}
		}
		return func(v string) bool {
			x, err := strconv.ParseFloat(v, 64)
			return err == nil && compare(x, how, n)
		}, nil
	}
	parts, wild := wildcards(text)
	if !wild {
		want := unescape(text)
		if !cased {
			want = strings.ToLower(want)
		}
		fold := func(v string) string {
			if cased {
				return v
			}
			return strings.ToLower(v)
		}
		switch how {
		case "contains":
			return func(v string) bool { return strings.Contains(fold(v), want) }, nil
		case "startswith":
			return func(v string) bool { return strings.HasPrefix(fold(v), want) }, nil
		case "endswith":
			return func(v string) bool { return strings.HasSuffix(fold(v), want) }, nil
		}
		if cased {
			return func(v string) bool { return v == want }, nil
		}
		return func(v string) bool { return strings.EqualFold(v, want) }, nil
	}
	re := strings.Join(parts, "")
	if how != "contains" && how != "endswith" {
		re = "^" + re
	}
	if how != "contains" && how != "startswith" {
		re += "$"
	}
	if !cased {
		re = "(?is)" + re
	} else {
		re = "(?s)" + re
	}
	compiled, err := regexp.Compile(re)
	if err != nil {
		return nil, &Error{Line: line, Reason: err.Error()}
	}
	return compiled.MatchString, nil
}

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

func unescape(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	return strings.NewReplacer(`\*`, `*`, `\?`, `?`, `\\`, `\`).Replace(text)
}
