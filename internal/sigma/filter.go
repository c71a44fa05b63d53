package sigma

import (
	"slices"
	"strings"
)

// filter adds a condition to other rules: they match only records for which it holds, too.
type filter struct {
	title string
	file  string
	line  int
	log   [3]string // product, service and category of the rules; empty for any
	any   bool      // all rules about the log
	rules []string  // or those with these ids, names or titles
	body  *value
}

// compileFilter compiles a filter. Its selections are compiled for every rule anew, because a
// rule's fields are bound to the records of its source.
func (c *compiler) compileFilter(v *value) (*filter, error) {
	f := &filter{title: v.str("title"), line: v.line, body: v.get("filter")}
	if f.title == "" {
		return nil, &Error{Line: v.line, Reason: "the filter has no title"}
	}
	ls := v.get("logsource")
	if ls == nil || ls.kind != mapping {
		return nil, &Error{Line: v.line, Reason: "the filter has no logsource"}
	}
	f.log = logOf(ls)
	if f.body.kind != mapping {
		return nil, &Error{Line: v.line, Reason: "the filter has no selections"}
	}
	rules := f.body.get("rules")
	if rules == nil {
		return nil, &Error{Line: f.body.line, Reason: "the filter names no rules: a list of rules, or any"}
	}
	f.rules = f.body.texts("rules")
	f.any = rules.kind == list && len(f.rules) == 0 || len(f.rules) == 1 && strings.EqualFold(f.rules[0], "any")
	_, err := c.detection(f.body, "filter")
	return f, err
}

// logOf returns product, service and category of a logsource, in lower case.
func logOf(ls *value) [3]string {
	return [3]string{lower(ls.str("product")), lower(ls.str("service")), lower(ls.str("category"))}
}

// concerns reports whether a filter is about the log of a rule.
func (f *filter) concerns(r *Rule) bool {
	for i, want := range f.log {
		if want != "" && want != r.log[i] {
			return false
		}
	}
	return true
}

// apply adds the filters to their rules.
func (s *Set) apply(c *compiler) (bad []error) {
	for _, f := range s.filters {
		named := map[string]bool{}
		for _, r := range s.Rules {
			i := slices.IndexFunc(f.rules, func(n string) bool { return r.named(n) })
			if i >= 0 {
				named[f.rules[i]] = true
			}
			switch {
			case r.Correlation != nil || !f.any && i < 0:
			case f.concerns(r):
				if e, err := c.detection(f.body, "filter"); err == nil {
					r.when = all{r.when, e}
				}
			case !f.any:
				bad = append(bad, &Error{f.file, f.line, "the filter is for " + quote(f.rules[i]) + ", whose logsource is another"})
			}
		}
		for _, n := range f.rules {
			known := named[n] || slices.ContainsFunc(s.Skipped, func(k Skipped) bool { return k.named(n) })
			if !f.any && !known {
				bad = append(bad, &Error{f.file, f.line, "the filter is for " + quote(n) + ", which is no rule here"})
			}
		}
	}
	return bad
}
