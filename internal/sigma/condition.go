package sigma

import (
	"path"
	"slices"
	"strings"
)

// expr is a compiled condition.
type expr interface{ match(r *Record) bool }

type (
	all  []expr         // holds if each does
	some []expr         // holds if one does
	not  struct{ expr } // holds if it does not
)

func (a all) match(r *Record) bool {
	for _, e := range a {
		if !e.match(r) {
			return false
		}
	}
	return true
}

func (s some) match(r *Record) bool {
	for _, e := range s {
		if e.match(r) {
			return true
		}
	}
	return false
}

func (n not) match(r *Record) bool { return !n.expr.match(r) }

// condition compiles the text of a condition over named selections.
func condition(text string, line int, named map[string]expr, names []string) (expr, error) {
	p := &conditionParser{words: tokens(text), line: line, named: named, names: names}
	e, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.next("|") {
		return nil, p.fail("aggregations after | are no longer part of Sigma: write a correlation")
	}
	if len(p.words) > 0 {
		return nil, p.fail("unexpected " + quote(p.words[0]) + " in the condition")
	}
	return e, nil
}

// conditionParser parses a condition: or binds weaker than and, and and weaker than not.
type conditionParser struct {
	words []string
	line  int
	named map[string]expr
	names []string // in the order of the rule
	depth int
}

// tokens splits a condition into words and brackets.
func tokens(text string) (out []string) {
	text = strings.NewReplacer("(", " ( ", ")", " ) ", "|", " | ").Replace(text)
	return strings.Fields(text)
}

// fail returns an error with the condition's line.
func (p *conditionParser) fail(reason string) error { return &Error{Line: p.line, Reason: reason} }

// next consumes the next word if it is a given one.
func (p *conditionParser) next(word string) bool {
	if len(p.words) > 0 && strings.EqualFold(p.words[0], word) {
		p.words = p.words[1:]
		return true
	}
	return false
}

// or parses a condition of terms that or joins.
func (p *conditionParser) or() (expr, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.fail("the condition is nested too deeply")
	}
	defer func() { p.depth-- }()
	var list some
	for {
		e, err := p.and()
		if err != nil {
			return nil, err
		}
		if list = append(list, e); !p.next("or") {
			break
		}
	}
	if len(list) == 1 {
		return list[0], nil
	}
	return list, nil
}

// and parses a condition of terms that and joins.
func (p *conditionParser) and() (expr, error) {
	var list all
	for {
		e, err := p.unary()
		if err != nil {
			return nil, err
		}
		if list = append(list, e); !p.next("and") {
			break
		}
	}
	if len(list) == 1 {
		return list[0], nil
	}
	return list, nil
}

// unary parses a name, a count of names, a negation or a condition in brackets.
func (p *conditionParser) unary() (expr, error) {
	switch {
	case len(p.words) == 0:
		return nil, p.fail("the condition ends too early")
	case p.next("not"):
		if p.depth++; p.depth > maxDepth {
			return nil, p.fail("the condition is nested too deeply")
		}
		defer func() { p.depth-- }()
		e, err := p.unary()
		return not{e}, err
	case p.next("("):
		e, err := p.or()
		if err == nil && !p.next(")") {
			err = p.fail("a bracket of the condition is not closed")
		}
		return e, err
	case len(p.words) > 2 && strings.EqualFold(p.words[1], "of"):
		return p.of()
	}
	word := p.words[0]
	p.words = p.words[1:]
	e, known := p.named[word]
	if !known {
		return nil, p.fail("the condition names " + quote(word) + ", which is no selection of the rule")
	}
	return e, nil
}

// of compiles "1 of selection_*" or "all of them".
func (p *conditionParser) of() (expr, error) {
	count, pattern := strings.ToLower(p.words[0]), p.words[2]
	p.words = p.words[3:]
	var list []expr
	for _, n := range p.names {
		if pattern == "them" && !strings.HasPrefix(n, "_") {
			list = append(list, p.named[n])
		} else if ok, _ := path.Match(pattern, n); ok && pattern != "them" {
			list = append(list, p.named[n])
		}
	}
	if len(list) == 0 {
		return nil, p.fail("the condition names " + quote(pattern) + ", which is no selection of the rule")
	}
	switch count {
	case "1", "any":
		return some(list), nil
	case "all":
		return all(list), nil
	}
	return nil, p.fail("the condition counts " + quote(count) + " of selections: 1, any or all")
}

// each calls f for every item of an expression.
func each(e expr, f func(*item)) {
	switch e := e.(type) {
	case all:
		for _, x := range e {
			each(x, f)
		}
	case some:
		for _, x := range e {
			each(x, f)
		}
	case not:
		each(e.expr, f)
	case *item:
		f(e)
	}
}

// bind sets the slots of an expression's fields in the records of a source.
func bind(e expr, f *fields) {
	each(e, func(i *item) {
		if i.field == "" {
			f.keywords = true
			return
		}
		i.slot = f.slot(i.field)
		i.otherSlots = i.otherSlots[:0]
		for _, o := range i.others {
			i.otherSlots = append(i.otherSlots, f.slot(o.want))
		}
	})
}

// mayHold reports whether an expression can hold for a record with an action: it returns false
// only if that depends on the action alone.
func mayHold(e expr, fields []string, action string) bool {
	switch e := e.(type) {
	case all:
		for _, x := range e {
			if !mayHold(x, fields, action) {
				return false
			}
		}
	case some:
		for _, x := range e {
			if mayHold(x, fields, action) {
				return true
			}
		}
		return false
	case *item:
		if slices.Contains(fields, lower(e.field)) && len(e.tests) > 0 && !e.isNull && !e.not {
			return e.holds([]string{action}, []string{lower(action)})
		}
	}
	return true
}
