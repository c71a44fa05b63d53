package ruleset

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/sigma"
)

// TestPySigma compares what rules match with what pySigma makes of them (.ci/sigma): rule by
// rule, record by record. OUTFLOW_PYSIGMA is a Python interpreter that has pySigma. The rules are
// those in testdata, generated ones, and those below OUTFLOW_SIGMA_RULES, such as a copy of
// github.com/SigmaHQ/sigma. It prints the table of docs/rules.md.
func TestPySigma(t *testing.T) {
	python := os.Getenv("OUTFLOW_PYSIGMA")
	if python == "" {
		t.Skip("needs pySigma: .ci/sigma/run")
	}
	list := samples(t)
	docs := documents(t, "testdata/rules")
	for source := range logsources {
		docs = append(docs, generated(ofSource(list, source), 250, rand.New(rand.NewPCG(11, uint64(source))))...)
	}
	own := len(docs)
	if dir := os.Getenv("OUTFLOW_SIGMA_RULES"); dir != "" {
		docs = append(docs, published(t, dir)...)
	}
	t.Logf("%d rules of SigmaHQ", len(docs)-own)
	set := load(t, docs...)
	got := matches(set, list)
	want := ask(t, python, docs, list)

	type tally struct{ rules, records, pairs, matching, differ int }
	table := map[event.Source]*tally{}
	for s := range logsources {
		table[s] = &tally{records: len(ofSource(list, s))}
	}
	for _, r := range set.Rules {
		c := table[r.Source]
		c.rules++
		c.pairs += c.records
		if reason, refused := want[r.ID].(string); refused {
			t.Errorf("%s: pySigma refuses it: %s", r.ID, reason)
			continue
		}
		c.matching += len(got[r.ID])
		var theirs []int
		for _, n := range want[r.ID].([]any) {
			theirs = append(theirs, int(n.(float64)))
		}
		here, there := without(got[r.ID], theirs), without(theirs, got[r.ID])
		if n := len(here) + len(there); n > 0 {
			c.differ += n
			t.Errorf("%s matches %d records only here, %d only with pySigma, one of them is\n%s\n%s",
				r.ID, len(here), len(there), list[append(here, there...)[0]].json, docs[slices.IndexFunc(docs, func(d string) bool { return strings.Contains(d, r.ID) })])
		}
	}
	fmt.Println("| log | rules | records | compared | matching | different |\n|---|---|---|---|---|---|")
	for _, s := range slices.Sorted(maps.Keys(table)) {
		c := table[s]
		fmt.Printf("| %s | %d | %d | %d | %d | %d |\n", s, c.rules, c.records, c.pairs, c.matching, c.differ)
	}
}

// without returns the numbers of a that are not in b, which is in order.
func without(a, b []int) (out []int) {
	for _, n := range a {
		if _, found := slices.BinarySearch(b, n); !found {
			out = append(out, n)
		}
	}
	return out
}

// ask has pySigma match the rules: numbers of records by id, or why a rule is refused.
func ask(t *testing.T, python string, docs []string, list []*sample) (out map[string]any) {
	t.Helper()
	dir := t.TempDir()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for _, x := range list {
		line := map[string]any{"source": x.source.String()}
		if x.json != nil {
			line["record"] = json.RawMessage(x.json)
		} else {
			row := map[string]string{}
			for i, c := range x.cells {
				if i < len(x.columns) {
					row[x.columns[i]] = string(c)
				}
			}
			line["row"] = row
		}
		if err := enc.Encode(line); err != nil {
			t.Fatal(err)
		}
	}
	job, _ := json.Marshal(map[string]any{
		"rules": filepath.Join(dir, "rules.yml"), "records": filepath.Join(dir, "records"), "placeholders": placeholders,
	})
	for name, data := range map[string][]byte{"rules.yml": []byte(strings.Join(docs, "---\n")), "records": b.Bytes(), "job": job} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(python, "../../../../.ci/sigma/oracle.py", filepath.Join(dir, "job"))
	cmd.Stderr = os.Stderr
	answer, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(answer, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// published returns the rules of a folder that are about logs that Outflow reads.
func published(t *testing.T, dir string) (docs []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".yml" {
			return err
		}
		set, bad, err := sigma.Load(path, placeholders)
		if err != nil || len(bad) > 0 || len(set.Rules) != 1 {
			return err
		}
		b, err := os.ReadFile(path)
		docs = append(docs, strings.TrimPrefix(string(b), "---\n")+"\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return docs
}
