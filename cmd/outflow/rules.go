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

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/sigma"
)

// rules are the organisation's own rules as they were loaded.
type rules struct {
	set *sigma.Set // nil if there are none
	bad []error    // rules that cannot be compiled
}

// loadRules compiles the rules of a folder; none if it is "".
func loadRules(path string) (rules, error) {
	if path == "" {
		return rules{}, nil
	}
	set, bad, err := sigma.Load(path)
	if err != nil {
		return rules{}, fmt.Errorf("rules: %w", err)
	}
	return rules{set, bad}, nil
}

// inspect returns the function by which a worker asks the rules about records;
// nil if there are none.
func (r rules) inspect() func(worker int) func(*event.Event, *ingest.Native) {
	if r.set == nil || len(r.set.Rules) == 0 {
		return nil
	}
	return func(int) func(*event.Event, *ingest.Native) {
		m := sigma.NewMatcher(r.set)
		var rec sigma.Record
		seen := map[*sigma.Rule]bool{} // of the current record: a rule speaks once about it
		return func(e *event.Event, n *ingest.Native) {
			if !m.Concerns(e.Source) || n.JSON == nil && n.Columns == nil {
				return
			}
			if n.First {
				clear(seen)
				if n.JSON != nil {
					rec.Reset(n.JSON)
				} else {
					rec.ResetRow(n.Columns, n.Cells)
				}
			}
			m.Match(e.Source, e.Action, &rec, func(rule *sigma.Rule, fields [][2]string) {
				if seen[rule] {
					return
				}
				seen[rule] = true
				value := rule.ID
				for _, f := range fields {
					value += "\x1f" + f[0] + "=" + f[1]
				}
				e.Attrs = append(e.Attrs, event.Attr{Name: event.AttrRuleMatch, Value: value})
			})
		}
	}
}

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
	r, err := loadRules(path)
	if err != nil {
		return err
	}
	correlations := 0
	for _, x := range r.set.Rules {
		if x.Correlation != nil {
			correlations++
		}
	}
	fmt.Fprintf(w, "%s rules can be used, %s of them correlations\n", count(len(r.set.Rules)), count(correlations))
	for _, s := range r.set.Skipped {
		fmt.Fprintf(w, "not used: %s: %s: %s\n", escaped(s.File), escaped(s.Title), escaped(s.Reason))
	}
	for _, b := range r.bad {
		fmt.Fprintf(w, "wrong: %s\n", escaped(b.Error()))
	}
	if len(r.bad) > 0 {
		return fmt.Errorf("%s rules cannot be compiled", count(len(r.bad)))
	}
	return nil
}

// testRules runs the tests below a folder.
func testRules(ctx context.Context, w io.Writer, dir string) error {
	r, err := loadRules(dir)
	if err != nil {
		return err
	}
	for _, b := range r.bad {
		fmt.Fprintf(w, "wrong: %s\n", escaped(b.Error()))
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
	passed, failed := 0, len(r.bad)
	for _, p := range files {
		tests, err := sigma.LoadTests(p)
		if err != nil {
			failed++
			fmt.Fprintf(w, "wrong: %s\n", escaped(err.Error()))
			continue
		}
		for i := range tests {
			t := &tests[i]
			got, err := runTest(ctx, r, t)
			switch {
			case err != nil:
				failed++
				fmt.Fprintf(w, "FAIL %s:%d: %s: %s\n", escaped(p), t.Line, escaped(t.Name), escaped(err.Error()))
			case got != t.Match:
				failed++
				fmt.Fprintf(w, "FAIL %s:%d: %s: %s %s\n", escaped(p), t.Line, escaped(t.Name), escaped(t.Rule), map[bool]string{true: "matches", false: "does not match"}[got])
			default:
				passed++
			}
		}
	}
	if passed+failed == 0 {
		return fmt.Errorf("%s: there are no tests: files named *.test.yaml", dir)
	}
	fmt.Fprintf(w, "%s passed, %s failed\n", count(passed), count(failed))
	if failed > 0 {
		return fmt.Errorf("%s tests of rules failed", count(failed))
	}
	return nil
}

// runTest scans the records of a test, and says whether its rule spoke.
func runTest(ctx context.Context, r rules, t *sigma.Test) (bool, error) {
	rule := r.set.Find(t.Rule)
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
	res, err := scan(ctx, scanInput{paths: []string{dir}, workers: 1, config: &config{loaded: r}, progress: newProgress(io.Discard)})
	if err != nil {
		return false, err
	}
	if res.coverage.Events == 0 {
		return false, fmt.Errorf("no record was recognised: %s", why(res.coverage))
	}
	return res.matched[rule.ID], nil
}

// why says why nothing was recognised.
func why(c *coverage) string {
	for _, p := range c.Problems {
		return p.String()
	}
	for _, u := range c.Unrecognised {
		return u.Reason
	}
	return "there are none"
}

// correlates says whether a rule is about several events.
func (r rules) correlates() bool {
	return r.set != nil && slices.ContainsFunc(r.set.Rules, func(x *sigma.Rule) bool { return x.Correlation != nil })
}
