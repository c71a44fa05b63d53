// Package rulecheck runs the samples of an organisation's own rules: records that a rule must match
// or must not match, through the same decoding, matching and correlating as in a scan.
package rulecheck

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/outflow/outflow/cmd/outflow/internal/batch"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/ruleset"
	"github.com/outflow/outflow/internal/plain"
	"github.com/outflow/outflow/internal/sigma"
)

// Run runs every *.test.yaml below dir against the rules there, with the values of their placeholders, prints what fails to w, a line
// each, and counts. Rules that cannot be compiled and files that cannot be read count as failed.
// It is an error if there are no tests.
func Run(ctx context.Context, w io.Writer, dir string, placeholders map[string][]string) (passed, failed int, err error) {
	r, err := ruleset.Load(dir, placeholders)
	if err != nil {
		return 0, 0, err
	}
	for _, b := range r.Bad {
		fmt.Fprintf(w, "wrong: %s\n", plain.Escape(b.Error()))
	}
	files, err := find(dir)
	if err != nil {
		return 0, 0, err
	}

	failed = len(r.Bad)
	for _, p := range files {
		tests, err := sigma.LoadTests(p)
		if err != nil {
			failed++
			fmt.Fprintf(w, "wrong: %s\n", plain.Escape(err.Error()))
			continue
		}
		for i := range tests {
			if problem := check(ctx, r, &tests[i]); problem != "" {
				failed++
				t := &tests[i]
				fmt.Fprintf(w, "FAIL %s:%d: %s: %s\n", plain.Escape(p), t.Line, plain.Escape(t.Name), problem)
				continue
			}
			passed++
		}
	}

	if passed+failed == 0 {
		return 0, 0, fmt.Errorf("%s: there are no tests: files named *.test.yaml", dir)
	}
	return passed, failed, nil
}

// find lists the files of tests below a folder, in order.
func find(dir string) (list []string, err error) {
	err = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && sigma.IsTest(p) {
			list = append(list, p)
		}
		return err
	})
	slices.Sort(list)
	return list, err
}

// check runs a test, and says why it fails, escaped; "" if it passes.
func check(ctx context.Context, r ruleset.Rules, t *sigma.Test) string {
	got, err := runTest(ctx, r, t)
	switch {
	case err != nil:
		return plain.Escape(err.Error())
	case got == t.Match:
		return ""
	case got:
		return plain.Escape(t.Rule) + " matches"
	}
	return plain.Escape(t.Rule) + " does not match"
}

// runTest scans the records of a test, and reports whether its rule matches.
func runTest(ctx context.Context, r ruleset.Rules, t *sigma.Test) (bool, error) {
	rule := r.Set.Find(t.Rule)
	if rule == nil {
		return false, fmt.Errorf("there is no rule %q", t.Rule)
	}
	dir, err := os.MkdirTemp("", "outflow-rules-*")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)

	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // rules about whole objects see the text
	for _, rec := range t.Records {
		if err := enc.Encode(rec); err != nil {
			return false, err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "records.ndjson"), b.Bytes(), 0o600); err != nil {
		return false, err
	}

	res, err := batch.Scan(ctx, batch.Input{
		Paths:    []string{dir},
		Workers:  1,
		Config:   &config.Config{RuleSet: r},
		Progress: batch.NewProgress(io.Discard),
	})
	if err != nil {
		return false, err
	}
	if res.Coverage.Events == 0 {
		return false, fmt.Errorf("no record was recognised: %s", why(res.Coverage))
	}

	return res.Matched[rule.ID], nil
}

// why says why nothing was recognised.
func why(c *batch.Coverage) string {
	for _, p := range c.Problems {
		return p.String()
	}
	for _, u := range c.Unrecognised {
		return u.Reason
	}
	return "there are none"
}
