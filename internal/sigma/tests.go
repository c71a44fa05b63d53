package sigma

import (
	"os"
	"strings"
)

// Test is a sample for a rule.
type Test struct {
	Name    string // may be empty
	Line    int    // in the file of the test, from 1
	Rule    string // id, name or title of the rule
	Match   bool   // whether the rule must match
	Records []any  // vendor records, in the order in which they happened
}

// LoadTests reads the tests of a file. The error is an *Error with the line, or that of
// reading.
func LoadTests(path string) (tests []Test, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	docs, err := documents(data)
	if err != nil {
		return nil, inFile(path, err)
	}

	fail := func(line int, reason string) error { return &Error{path, line, reason} }
	for i := range docs {
		d := &docs[i]
		tested := d.get("tests")
		if d.str("rule") == "" || tested == nil || len(tested.list) == 0 {
			return nil, fail(d.line, "a test file must name a rule and list tests")
		}
		for k := range tested.list {
			x := &tested.list[k]
			t := Test{Name: x.str("name"), Line: x.line, Rule: d.str("rule")}
			switch strings.ToLower(x.str("match")) {
			case "true":
				t.Match = true
			case "false":
			default:
				return nil, fail(x.line, "the test has neither match: true nor match: false")
			}

			recs := x.get("records")
			if one := x.get("record"); one != nil && recs == nil {
				recs = &value{kind: list, list: []value{*one}}
			}
			if recs == nil || recs.kind != list || len(recs.list) == 0 {
				return nil, fail(x.line, "the test has no records")
			}

			for j := range recs.list {
				if recs.list[j].kind != mapping {
					return nil, fail(recs.list[j].line, "a record must be a map")
				}
				t.Records = append(t.Records, recs.list[j].plain())
			}

			tests = append(tests, t)
		}
	}

	return tests, nil
}

// Find returns the rule with an id, name or title, or nil.
func (s *Set) Find(name string) *Rule {
	for _, r := range s.Rules {
		if r.ID == name || r.Name == name || r.Title == name {
			return r
		}
	}
	return nil
}
