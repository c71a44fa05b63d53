package sigma

import (
	"cmp"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/outflow/outflow/internal/event"
)

// Set is a set of compiled rules. It does not change after Load, and is safe for concurrent
// use.
type Set struct {
	Rules    []*Rule   // usable rules, in the order of their files
	Skipped  []Skipped // valid rules about logs that Outflow does not read
	byID     map[string]int
	bySource [32][]*Rule
	fields   [32]*fields
}

func newSet() *Set { return &Set{byID: map[string]int{}} }

// Skipped is a valid rule that cannot match anything.
type Skipped struct {
	File   string // path
	Title  string // of the rule
	Reason string // why it cannot match
}

// Load compiles the rules of a folder with its subfolders, or of one file. Files that end in
// .test.yaml or .test.yml contain tests and are left out. Bad lists the rules that cannot be
// compiled, with file and line; the others are usable. Err is that of reading the files.
func Load(path string) (set *Set, bad []error, err error) {
	set = newSet()
	var paths []string
	err = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && isRule(p) {
			paths = append(paths, p)
		}
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	slices.Sort(paths)
	for _, p := range paths {
		data, err := os.ReadFile(p)
		if err != nil {
			return nil, nil, err
		}
		bad = append(bad, set.add(p, data)...)
	}
	bad = append(bad, set.link()...)
	set.index()
	return set, bad, nil
}

// isRule reports whether a file contains rules, by its name.
func isRule(p string) bool {
	return (strings.HasSuffix(p, ".yml") || strings.HasSuffix(p, ".yaml")) && !IsTest(p)
}

// IsTest reports whether a file contains tests of rules, by its name.
func IsTest(p string) bool {
	return strings.HasSuffix(p, ".test.yml") || strings.HasSuffix(p, ".test.yaml")
}

// add compiles the documents of a file.
func (s *Set) add(file string, data []byte) (bad []error) {
	docs, err := documents(data)
	if err != nil {
		return []error{inFile(file, err)}
	}
	for i := range docs {
		r, skipped, err := compile(&docs[i])
		switch {
		case err != nil:
			bad = append(bad, inFile(file, err))
			continue
		case skipped != "":
			s.Skipped = append(s.Skipped, Skipped{file, docs[i].str("title"), skipped})
			continue
		}
		r.File = file
		r.ID = cmp.Or(r.ID, r.Name, r.Title)
		if other := s.Rule(r.ID); other != nil {
			bad = append(bad, &Error{file, r.Line, "the id " + quote(r.ID) + " is that of a rule in " + other.File})
			continue
		}
		s.byID[r.ID] = len(s.Rules)
		s.Rules = append(s.Rules, r)
	}
	return bad
}

// inFile adds the file to an error.
func inFile(file string, err error) error {
	if e, ok := err.(*Error); ok {
		e.File = file
		return e
	}
	return &Error{file, 1, strings.TrimSpace(err.Error())}
}

// link links correlations with the rules that they are over.
func (s *Set) link() (bad []error) {
	kept := s.Rules[:0:0]
	feeds := map[*Rule]bool{}
	for _, r := range s.Rules {
		c := r.Correlation
		if c == nil {
			kept = append(kept, r)
			continue
		}

		var err error
		for _, name := range c.names {
			i := slices.IndexFunc(s.Rules, func(x *Rule) bool {
				return x != r && x.Correlation == nil && (x.Name == name || x.ID == name || x.Title == name)
			})
			if i < 0 {
				err = &Error{r.File, c.line, "the correlation is over " + quote(name) + ", which is no rule here"}
				break
			}
			c.Rules = append(c.Rules, s.Rules[i])
		}

		if err != nil {
			bad = append(bad, err)
			continue
		}

		for _, x := range c.Rules {
			feeds[x] = feeds[x] || !c.emits
			for _, name := range append(slices.Clone(c.GroupBy), c.Field) {
				if f := c.FieldOf(x, name); f != "" && !slices.Contains(x.by, f) {
					x.by = append(x.by, f)
				}
			}
		}

		kept = append(kept, r)
	}

	s.Rules = kept
	for r, only := range feeds {
		r.Feeds = only
	}
	return bad
}

// index prepares the rules for matching.
func (s *Set) index() {
	clear(s.byID) // link has removed correlations
	for i, r := range s.Rules {
		s.byID[r.ID] = i
		if r.Correlation == nil {
			s.bySource[r.Source] = append(s.bySource[r.Source], r)
			f := s.fields[r.Source]
			if f == nil {
				f = newFields()
				s.fields[r.Source] = f
			}
			bind(r.when, f, aliases[r.Source])
			r.bySlots = r.bySlots[:0]
			for _, name := range r.by {
				r.bySlots = append(r.bySlots, f.slot(name, aliases[r.Source][name]))
			}
		}
	}
}

// Rule returns the rule with an id, or nil. A nil Set has no rules.
func (s *Set) Rule(id string) *Rule {
	if s == nil {
		return nil
	}
	if i, known := s.byID[id]; known {
		return s.Rules[i]
	}
	return nil
}

// Matcher matches records with the rules of a set, for one goroutine. It remembers which rules
// can match which actions: most rules name one, and are never evaluated for others.
type Matcher struct {
	set   *Set
	might [32]map[string][]*Rule
}

// maxActions bounds what a Matcher remembers of a source: a hostile log could name any number.
const maxActions = 4096

// NewMatcher returns a matcher for the rules of a set.
func NewMatcher(set *Set) *Matcher { return &Matcher{set: set} }

// Concerns reports whether any rule is about records of a source.
func (m *Matcher) Concerns(src event.Source) bool { return len(m.set.bySource[src]) > 0 }

// candidates returns the rules that can match an action.
func (m *Matcher) candidates(src event.Source, action string) []*Rule {
	if list, known := m.might[src][action]; known {
		return list
	}
	var list []*Rule
	for _, r := range m.set.bySource[src] {
		if mayHold(r.when, actionFields[src], action) {
			list = append(list, r)
		}
	}
	if m.might[src] == nil {
		m.might[src] = map[string][]*Rule{}
	}
	if len(m.might[src]) < maxActions {
		m.might[src][strings.Clone(action)] = list
	}
	return list
}

// Match calls hit for every rule that a record matches, with the values of the fields that
// correlations over it need. Action is the vendor's name of the action.
func (m *Matcher) Match(src event.Source, action string, r *Record, hit func(rule *Rule, fields [][2]string)) {
	list := m.candidates(src, action)
	if len(list) == 0 {
		return
	}
	r.prepare(m.set.fields[src])
	for _, rule := range list {
		if !rule.when.match(r) {
			continue
		}
		var fields [][2]string
		for k, at := range rule.bySlots {
			if values := r.values[at]; len(values) > 0 {
				fields = append(fields, [2]string{rule.by[k], values[0]})
			}
		}
		hit(rule, fields)
	}
}

// lower is strings.ToLower without a copy where nothing changes.
func lower(t string) string {
	for i := 0; i < len(t); i++ {
		if c := t[i]; c >= 'A' && c <= 'Z' || c >= 0x80 {
			return strings.ToLower(t)
		}
	}
	return t
}
