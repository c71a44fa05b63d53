package ruleset

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/outflow/outflow/internal/event"
)

var condition = regexp.MustCompile(`, condition: ([^{}]+)}`)

// TestBeside checks that a rule matches the same records alone, beside each other rule about the
// same log, and beside all rules, in either order; and that nothing is lost because rules are
// evaluated only for actions that they can match.
func TestBeside(t *testing.T) {
	list := samples(t)
	docs := documents(t, "testdata/rules")
	for source := range logsources {
		of := ofSource(list, source)
		docs = append(docs, generated(of, 60, rand.New(rand.NewPCG(7, uint64(source))))...)
	}
	docs = slices.DeleteFunc(docs, func(d string) bool { return strings.Contains(d, "filter:") })
	everything := matches(load(t, docs...), list)
	slices.Reverse(docs)
	backwards := matches(load(t, docs...), list)

	sources := map[event.Source][]string{}
	alone := map[string][]int{}
	hits := map[event.Source]int{}
	for _, d := range docs {
		set := load(t, d)
		r := set.Rules[0]
		sources[r.Source] = append(sources[r.Source], d)
		got := matches(set, list)[r.ID]
		alone[r.ID] = got
		if len(got) > 0 {
			hits[r.Source]++
		}
		if !slices.Equal(got, everything[r.ID]) || !slices.Equal(got, backwards[r.ID]) {
			t.Errorf("%s matches %d records alone, %d and %d beside all others\n%s", r.ID, len(got), len(everything[r.ID]), len(backwards[r.ID]), d)
		}
		// A further condition that no record satisfies keeps the rule from being left out early.
		late := matches(load(t, condition.ReplaceAllString(d, ", _no: {no_such_field: x}, condition: _no or ($1)}")), list)
		if !slices.Equal(got, late[r.ID]) {
			t.Errorf("%s matches %d records, and %d if it is evaluated for every action\n%s", r.ID, len(got), len(late[r.ID]), d)
		}
	}
	for source, docs := range sources {
		if hits[source] < 3 {
			t.Errorf("%d rules match records of %s", hits[source], source)
		}
		of := ofSource(list, source)
		of = of[:min(len(of), 300)]
		beside(t, docs[len(docs)-min(len(docs), 30):], of) // those in testdata are last
	}
}

// beside checks every rule beside each other one.
func beside(t *testing.T, docs []string, list []*sample) {
	t.Helper()
	alone := make([]map[string][]int, len(docs))
	for i, d := range docs {
		alone[i] = matches(load(t, d), list)
	}
	for i, a := range docs {
		for k, b := range docs[:i] {
			both := matches(load(t, a, b), list)
			want := maps.Clone(alone[i])
			maps.Copy(want, alone[k])
			if !maps.EqualFunc(both, want, slices.Equal) {
				t.Errorf("beside each other these match otherwise than alone:\n%s%s", a, b)
			}
		}
	}
}

// TestKnownFields checks that no rule about a field that records have is called dead.
func TestKnownFields(t *testing.T) {
	var docs []string
	known := map[string]bool{}
	for _, x := range samples(t) {
		var record any
		if x.json == nil || logsources[x.source] == "" || json.Unmarshal(x.json, &record) != nil {
			continue
		}
		for _, f := range fieldsOf("", record) {
			id := x.source.String() + " " + f.path
			if known[id] || strings.ContainsAny(f.path, `|"`) {
				continue
			}
			known[id] = true
			docs = append(docs, fmt.Sprintf("{title: %q, logsource: %s, detection: {sel: {%q: ''}, condition: sel}}\n", id, logsources[x.source], f.path+"|contains"))
		}
	}
	for _, r := range load(t, docs...).Rules {
		if why := r.Never(); why != "" {
			t.Errorf("%s: %s", r.Title, why)
		}
	}
}
