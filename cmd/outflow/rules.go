package main

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

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/cmd/outflow/internal/batch"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/ruleset"
	"github.com/outflow/outflow/internal/plain"
	"github.com/outflow/outflow/internal/sigma"
)

func newRules(stdout io.Writer) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "Check and test rules of your own, in Sigma's format",
		Long: `Rules are Sigma rules (single events, and the correlations event_count,
value_count, temporal and temporal_ordered) over the vendors' own records. A scan
uses them with --rules DIR, or rules: in the configuration.`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use: "check DIR", Short: "Compile rules and say which cannot be used",
		Example: "  outflow rules check rules/",
		Args:    usage(cobra.ExactArgs(1)),
		RunE:    func(_ *cobra.Command, args []string) error { return checkRules(stdout, args[0]) },
	}, &cobra.Command{
		Use: "test DIR", Short: "Run the samples in *.test.yaml",
		Long: `Test reads every *.test.yaml below DIR and asks the rules beside it about the
samples. A file of tests is

    rule: id-or-name-of-the-rule
    tests:
      - name: a trail is stopped
        match: true
        records:            # vendor records, in the order in which they happened
          - eventName: StopLogging
            …

Records go through the same decoding, matching and correlating as in a scan.

Exit status: 0 all pass, 1 one does not, 2 wrong usage.`,
		Example: "  outflow rules test rules/",
		Args:    usage(cobra.ExactArgs(1)),
		RunE:    func(cmd *cobra.Command, args []string) error { return testRules(cmd.Context(), stdout, args[0]) },
	})
	return cmd
}

func checkRules(w io.Writer, path string) error {
	r, err := ruleset.Load(path)
	if err != nil {
		return err
	}
	correlations := 0
	for _, x := range r.Set.Rules {
		if x.Correlation != nil {
			correlations++
		}
	}
	fmt.Fprintf(w, "%s rules can be used, %s of them correlations\n", plain.Count(len(r.Set.Rules)), plain.Count(correlations))
	for _, s := range r.Set.Skipped {
		fmt.Fprintf(w, "not used: %s: %s: %s\n", plain.Escape(s.File), plain.Escape(s.Title), plain.Escape(s.Reason))
	}
	for _, b := range r.Bad {
		fmt.Fprintf(w, "wrong: %s\n", plain.Escape(b.Error()))
	}
	if len(r.Bad) > 0 {
		return fmt.Errorf("%s rules cannot be compiled", plain.Count(len(r.Bad)))
	}
	return nil
}

// testRules runs the tests below a folder.
func testRules(ctx context.Context, w io.Writer, dir string) error {
	r, err := ruleset.Load(dir)
	if err != nil {
		return err
	}
	for _, b := range r.Bad {
		fmt.Fprintf(w, "wrong: %s\n", plain.Escape(b.Error()))
	}
	var files []string
	err = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && sigma.IsTest(p) {
			files = append(files, p)
		}
		return err
	})
	if err != nil {
		return err
	}
	slices.Sort(files)
	passed, failed := 0, len(r.Bad)
	for _, p := range files {
		tests, err := sigma.LoadTests(p)
		if err != nil {
			failed++
			fmt.Fprintf(w, "wrong: %s\n", plain.Escape(err.Error()))
			continue
		}
		for i := range tests {
			t := &tests[i]
			got, err := runTest(ctx, r, t)
			switch {
			case err != nil:
				failed++
				fmt.Fprintf(w, "FAIL %s:%d: %s: %s\n", plain.Escape(p), t.Line, plain.Escape(t.Name), plain.Escape(err.Error()))
			case got != t.Match:
				failed++
				fmt.Fprintf(w, "FAIL %s:%d: %s: %s %s\n", plain.Escape(p), t.Line, plain.Escape(t.Name), plain.Escape(t.Rule), map[bool]string{true: "matches", false: "does not match"}[got])
			default:
				passed++
			}
		}
	}
	if passed+failed == 0 {
		return fmt.Errorf("%s: there are no tests: files named *.test.yaml", dir)
	}
	fmt.Fprintf(w, "%s passed, %s failed\n", plain.Count(passed), plain.Count(failed))
	if failed > 0 {
		return fmt.Errorf("%s tests of rules failed", plain.Count(failed))
	}
	return nil
}

// runTest scans the records of a test, and says whether its rule spoke.
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
	for _, rec := range t.Records {
		if err := enc.Encode(rec); err != nil {
			return false, err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "records.ndjson"), b.Bytes(), 0o600); err != nil {
		return false, err
	}
	res, err := batch.Scan(ctx, batch.Input{Paths: []string{dir}, Workers: 1, Config: &config.Config{RuleSet: r}, Progress: batch.NewProgress(io.Discard)})
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
