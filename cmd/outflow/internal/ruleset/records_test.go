package ruleset

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/all"
	"github.com/outflow/outflow/ingest/files"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/sigma"
)

const (
	corpus  = "../../../../../shared/corpus"
	example = "../../../../examples/acme"
)

// sample is a vendor's record with the actions of its events.
type sample struct {
	source  event.Source
	actions []string
	json    []byte
	columns []string
	cells   [][]byte
}

// samples reads records: a few of each action of the example, and all of the corpus if it is
// there.
func samples(t *testing.T) (list []*sample) {
	t.Helper()
	paths := []string{example}
	if _, err := os.Stat(corpus); err == nil {
		paths = append(paths, corpus)
	} else {
		t.Log("no corpus of samples beside the project: the example only")
	}
	seen := map[string]int{}
	for _, path := range paths {
		found, _ := files.Find([]string{path})
		r := files.Reader{Formats: all.Formats, Tables: all.Tables, Workers: 1}
		r.Emit = func(int) func(*event.Event) error { return func(*event.Event) error { return nil } }
		var now *sample
		r.Inspect = func(int) func(*event.Event, *ingest.Native) {
			return func(e *event.Event, n *ingest.Native) {
				kind := e.Source.String() + " " + e.Action
				if n.First {
					if seen[kind]++; path == example && seen[kind] > 12 {
						now = nil
						return
					}
					now = &sample{source: e.Source, json: slices.Clone(n.JSON), columns: slices.Clone(n.Columns)}
					for _, c := range n.Cells {
						now.cells = append(now.cells, slices.Clone(c))
					}
					list = append(list, now)
				}
				if now != nil {
					now.actions = append(now.actions, strings.Clone(e.Action))
				}
			}
		}
		if _, err := r.Read(t.Context(), found); err != nil {
			t.Fatal(err)
		}
	}
	if len(list) < 100 {
		t.Fatalf("%d records", len(list))
	}
	return list
}

// ofSource returns the records of a source.
func ofSource(list []*sample, s event.Source) (out []*sample) {
	for _, x := range list {
		if x.source == s {
			out = append(out, x)
		}
	}
	return out
}

// matches returns the indices of the records that every rule of a set matches, by the rule's id.
func matches(set *sigma.Set, list []*sample) map[string][]int {
	m := sigma.NewMatcher(set)
	var r sigma.Record
	out := map[string][]int{}
	for i, x := range list {
		if !m.Concerns(x.source) {
			continue
		}
		if x.json != nil {
			r.Reset(x.json)
		} else {
			r.ResetRow(x.columns, x.cells)
		}
		for _, a := range x.actions {
			m.Match(x.source, a, &r, func(rule *sigma.Rule, _ [][2]string) {
				if hits := out[rule.ID]; len(hits) == 0 || hits[len(hits)-1] != i {
					out[rule.ID] = append(hits, i)
				}
			})
		}
	}
	return out
}

// logsources are those of generated rules.
var logsources = map[event.Source]string{
	event.CloudTrail: `{"product": "aws", "service": "cloudtrail"}`, event.M365: `{"product": "m365", "service": "audit"}`,
	event.GoogleWorkspace: `{"product": "gcp", "service": "google_workspace.admin"}`, event.Okta: `{"product": "okta", "service": "okta"}`,
	event.GitHub: `{"product": "github", "service": "audit"}`, event.Slack: `{"product": "slack", "service": "audit"}`,
	event.Box: `{"product": "box"}`, event.Dropbox: `{"product": "dropbox"}`, event.Salesforce: `{"product": "salesforce"}`,
}

// field is a place in a record with the value there.
type field struct {
	path  string
	value any
}

// fieldsOf lists the fields of a record, and its parameters as fields.
func fieldsOf(path string, v any) (list []field) {
	switch v := v.(type) {
	case map[string]any:
		if path != "" {
			list = append(list, field{path, nil})
		}
		name, named := v["name"].(string)
		if value, text := v["value"].(string); named && text && strings.HasSuffix(path, "parameters") {
			list = append(list, field{name, value})
		}
		for k, x := range v {
			at := k
			if path != "" {
				at = path + "." + k
			}
			list = append(list, fieldsOf(at, x)...)
		}
	case []any:
		for _, x := range v {
			list = append(list, fieldsOf(path, x)...)
		}
	default:
		list = append(list, field{path, v})
	}
	return list
}

// generated makes rules out of what a source's records say, so that they match some of them.
func generated(list []*sample, n int, rng *rand.Rand) (rules []string) {
	for len(rules) < n && len(list) > 0 {
		x := list[rng.IntN(len(list))]
		var record any
		if x.json == nil {
			row := map[string]any{}
			for i, c := range x.cells {
				if i < len(x.columns) {
					row[x.columns[i]] = string(c)
				}
			}
			record = row
		} else if json.Unmarshal(x.json, &record) != nil {
			continue
		}
		fields := fieldsOf("", record)
		slices.SortFunc(fields, func(a, b field) int {
			return strings.Compare(a.path+fmt.Sprint(a.value), b.path+fmt.Sprint(b.value))
		})
		if len(fields) == 0 {
			continue
		}
		sel := map[string]any{}
		for range 1 + rng.IntN(2) {
			f := fields[rng.IntN(len(fields))]
			if key, value, ok := compared(f, fields, rng); ok {
				sel[key] = value
			}
		}
		if len(sel) == 0 {
			continue
		}
		body, _ := json.Marshal(sel)
		id := fmt.Sprintf("%s-%d", x.source, len(rules))
		rules = append(rules, fmt.Sprintf("{title: %q, id: %q, logsource: %s, detection: {sel: %s, condition: sel}}\n",
			id, id, logsources[x.source], body))
	}
	return rules
}

// compared makes a comparison that a field satisfies, or that it does not.
func compared(f field, fields []field, rng *rand.Rand) (key string, value any, ok bool) {
	if strings.ContainsAny(f.path, `|"`) {
		return "", nil, false
	}
	switch v := f.value.(type) {
	case nil:
		n := rng.IntN(3)
		return f.path + []string{"", "|exists", "|exists"}[n], []any{nil, true, false}[n], true
	case bool:
		return f.path, v, true
	case float64:
		return f.path + []string{"", "|gt", "|lte", "|neq"}[rng.IntN(4)], v, v == float64(int64(v)) && v < 1<<53
	case string:
		return comparedText(f.path, v, fields, rng)
	}
	return "", nil, false
}

func comparedText(path, v string, fields []field, rng *rand.Rand) (key string, value any, ok bool) {
	for _, c := range v {
		if c < ' ' || c > '~' || strings.ContainsRune(`*?\%`, c) {
			return "", nil, false
		}
	}
	if len(v) < 4 || len(v) > 200 {
		return path, v, v != ""
	}
	a, b := len(v)/4, len(v)-len(v)/4
	switch rng.IntN(14) {
	case 0:
		return path + "|contains", v[a:b], true
	case 1:
		return path + "|startswith", strings.ToUpper(v[:b]), true
	case 2:
		return path + "|endswith", []string{v[a:], "nothing"}, true
	case 3:
		return path + "|contains|all", []string{v[:a+1], v[b:]}, true
	case 4:
		return path + "|cased", v, true
	case 5:
		return path + "|cased|contains", strings.ToLower(v[a:b]), true
	case 6:
		return path + "|neq", v, true
	case 7:
		return path, v[:a] + "?" + v[a+1:b] + "*", true
	case 8:
		return path, "*" + v[a:b] + "*", true
	case 9:
		return path + "|fieldref", fields[rng.IntN(len(fields))].path, true
	case 10:
		return path + "|windash", v, true
	case 11:
		if strings.Contains(v, ":") && len(v) >= 19 {
			return path + "|hour", int(v[12]-'0') + 10*int(v[11]-'0'), v[10] == 'T' && v[13] == ':'
		}
		return path + "|re|i", strings.NewReplacer(".", `\.`, "(", `\(`, ")", `\)`, "[", `\[`, "]", `\]`, "+", `\+`, "{", `\{`, "}", `\}`, "|", `\|`, "^", `\^`, "$", `\$`).Replace(v[a:]), true
	case 12:
		last := path[strings.LastIndexByte(path, '.')+1:]
		return last, v, true
	}
	return path, v, true
}

// documents splits files of rules into their documents.
func documents(t *testing.T, dir string) (list []string) {
	t.Helper()
	names, err := filepath.Glob(dir + "/*.yml")
	if err != nil || len(names) == 0 {
		t.Fatal(dir, err)
	}
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, strings.Split(string(b), "---\n")...)
	}
	return list
}

// placeholders are those of the rules in testdata.
var placeholders = map[string][]string{"admins": {"kim", "adm*", "stratus*"}}

// load compiles rules.
func load(t *testing.T, docs ...string) *sigma.Set {
	t.Helper()
	name := filepath.Join(t.TempDir(), "r.yml")
	if err := os.WriteFile(name, []byte(strings.Join(docs, "---\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	set, bad, err := sigma.Load(name, placeholders)
	if err != nil || len(bad) > 0 {
		t.Fatal(err, bad)
	}
	return set
}
