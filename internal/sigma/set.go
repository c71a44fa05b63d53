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
	Skipped  []Skipped // valid rules that cannot match anything
	filters  []*filter
	byID     map[string]int
	bySource [32][]*Rule
	fields   [32]*fields
}

func newSet() *Set { return &Set{byID: map[string]int{}} }

// Skipped is a valid rule that cannot match anything.
type Skipped struct {
	File   string // path
	Line   int    // of the rule in File
	Title  string // of the rule
	Reason string // why it cannot match

	rule *Rule
}

// named reports whether the rule has an id, name or title.
func (k *Skipped) named(n string) bool { return k.rule.named(n) }

// Load compiles the rules of a folder with its subfolders, or of one file. Files that end in
// .test.yaml or .test.yml contain tests and are left out. Placeholders are the values of
// placeholders by name. Bad lists the rules that cannot be compiled, with file and line; the
// others are usable. Err is that of reading the files.
func Load(path string, placeholders map[string][]string) (set *Set, bad []error, err error) {
	set = newSet()
	c := &compiler{placeholders: placeholders}
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
		bad = append(bad, set.add(c, p, data)...)
	}
	bad = append(bad, set.link()...)
	bad = append(bad, set.apply(c)...)
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
func (s *Set) add(c *compiler, file string, data []byte) (bad []error) {
	docs, err := documents(data)
	if err != nil {
		return []error{inFile(file, err)}
	}
	for i := range docs {
		if err := s.addDocument(c, file, &docs[i]); err != nil {
			bad = append(bad, inFile(file, err))
		}
	}
	return bad
}

// addDocument compiles a rule, a correlation or a filter.
func (s *Set) addDocument(c *compiler, file string, d *value) error {
	if d.get("filter") != nil {
		f, err := c.compileFilter(d)
		if err == nil {
			f.file = file
			s.filters = append(s.filters, f)
		}
		return err
	}
	r, skipped, err := c.compile(d)
	if err != nil {
		return err
	}
	r.File = file
	r.ID = cmp.Or(r.ID, r.Name, r.Title)
	if skipped != "" {
		s.Skipped = append(s.Skipped, Skipped{file, r.Line, r.Title, skipped, r})
		return nil
	}
	if other := s.Rule(r.ID); other != nil {
		return &Error{file, r.Line, "the id " + quote(r.ID) + " is that of a rule in " + other.File}
	}
	s.byID[r.ID] = len(s.Rules)
	s.Rules = append(s.Rules, r)
	return nil
}

// inFile adds the file to an error.
func inFile(file string, err error) error {
	if e, ok := err.(*Error); ok {
		e.File = file
		return e
	}
	return &Error{file, 1, strings.TrimSpace(err.Error())}
}

// link links correlations with the rules that they are over, and leaves out those that cannot
// be.
func (s *Set) link() (bad []error) {
	wrong := map[*Rule]error{}
	for again := true; again; {
		again = false
		for _, r := range s.Rules {
			if r.Correlation == nil || wrong[r] != nil {
				continue
			}
			if err := s.linkOne(r, wrong); err != nil {
				wrong[r], again = err, true
			}
		}
	}
	kept := s.Rules[:0:0]
	for _, r := range s.Rules {
		if err := wrong[r]; err != nil {
			bad = append(bad, err)
		} else {
			kept = append(kept, r)
		}
	}
	s.Rules = kept
	s.feed()
	return bad
}

// linkOne links a correlation with the rules that it is over.
func (s *Set) linkOne(r *Rule, wrong map[*Rule]error) error {
	c := r.Correlation
	c.Rules = c.Rules[:0]
	for _, name := range c.names {
		i := slices.IndexFunc(s.Rules, func(x *Rule) bool { return x.named(name) && wrong[x] == nil })
		if i < 0 {
			reason := "the correlation is over " + quote(name) + ", which is no rule here"
			for _, k := range s.Skipped {
				if k.named(name) {
					reason = "the correlation is over " + quote(name) + ", which is not used: " + k.Reason
				}
			}
			return &Error{r.File, c.line, reason}
		}
		if x := s.Rules[i]; x == r || x.feedsOn(r, map[*Rule]bool{}) {
			return &Error{r.File, c.line, "the correlation is over " + quote(name) + ", which is over the correlation"}
		}
		c.Rules = append(c.Rules, s.Rules[i])
	}
	return nil
}

// feedsOn reports whether a rule is over another one, directly or through others.
func (r *Rule) feedsOn(other *Rule, seen map[*Rule]bool) bool {
	if r.Correlation == nil || seen[r] {
		return false
	}
	seen[r] = true
	return slices.ContainsFunc(r.Correlation.Rules, func(x *Rule) bool { return x == other || x.feedsOn(other, seen) })
}

// feed sets what rules have to do for the correlations over them.
func (s *Set) feed() {
	for _, r := range s.Rules {
		c := r.Correlation
		if c == nil {
			continue
		}
		for _, x := range c.Rules {
			x.Feeds = x.Feeds || !c.emits
			for _, name := range append(slices.Clone(c.GroupBy), c.Fields...) {
				x.ask(c.FieldOf(x, name))
			}
		}
	}
}

// ask has a rule state a field of its matches. A correlation states what its own rules state.
func (r *Rule) ask(field string) {
	if field == "" || slices.Contains(r.by, field) {
		return
	}
	r.by = append(r.by, field)
	if r.Correlation == nil {
		return
	}
	for _, x := range r.Correlation.Rules {
		x.ask(r.Correlation.FieldOf(x, field))
	}
}

// index prepares the rules for matching.
func (s *Set) index() {
	clear(s.byID) // link has removed correlations
	for i, r := range s.Rules {
		s.byID[r.ID] = i
		if r.Correlation != nil {
			continue
		}
		s.bySource[r.Source] = append(s.bySource[r.Source], r)
		f := s.fields[r.Source]
		if f == nil {
			f = newFields(r.Source)
			s.fields[r.Source] = f
		}
		bind(r.when, f)
		r.bySlots = r.bySlots[:0]
		for _, name := range r.by {
			r.bySlots = append(r.bySlots, f.slot(name))
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
		if mayHold(r.when, taxonomies[src].action, action) {
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
			if values := r.values[at]; len(values) > 0 && r.has[at] == present {
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
