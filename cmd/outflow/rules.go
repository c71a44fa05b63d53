package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/rulecheck"
	"github.com/outflow/outflow/cmd/outflow/internal/ruleset"
	"github.com/outflow/outflow/internal/plain"
	"github.com/outflow/outflow/internal/sigma"
)

func newRules(stdout io.Writer) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "Check and test your own rules in Sigma format",
		Long: `Rules are Sigma rules (single events, correlations and filters) over the vendors' own records. A scan uses them with
--rules DIR, or rules: in the configuration.`,
		Args: usage(cobra.NoArgs),
		RunE: group,
	}
	cmd.AddCommand(newRulesCheck(stdout), newRulesTest(stdout))
	return cmd
}

func newRulesCheck(stdout io.Writer) *cobra.Command {
	var conf string
	cmd := &cobra.Command{
		Use:     "check DIR",
		Short:   "Compile rules and list those that cannot be used",
		Example: "  outflow rules check rules/",
		Args:    usage(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			c, err := config.Load(conf)
			if err != nil {
				return &exit{exitUsage, err}
			}
			return checkRules(stdout, args[0], c.Placeholders)
		},
	}
	placeholdersFlag(cmd, &conf)
	return cmd
}

// placeholdersFlag adds the flag for the configuration that has the values of placeholders.
func placeholdersFlag(cmd *cobra.Command, conf *string) {
	cmd.Flags().StringVar(conf, "config", "", "take the values of placeholders from `FILE`")
}

func newRulesTest(stdout io.Writer) *cobra.Command {
	var conf string
	cmd := &cobra.Command{
		Use:   "test DIR",
		Short: "Run the samples in *.test.yaml",
		Long: `Test reads every *.test.yaml below DIR and runs its samples against the rules beside it.
A file of tests is

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
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := config.Load(conf)
			if err != nil {
				return &exit{exitUsage, err}
			}
			return testRules(cmd.Context(), stdout, args[0], c.Placeholders)
		},
	}
	placeholdersFlag(cmd, &conf)
	return cmd
}

// checkRules compiles the rules of a folder, and prints those that cannot be used.
func checkRules(w io.Writer, path string, placeholders map[string][]string) error {
	r, err := ruleset.Load(path, placeholders)
	if err != nil {
		return err
	}
	usable, correlations := 0, 0
	var remarks []string
	remark := func(kind string, x *sigma.Rule, reason string) {
		line := fmt.Sprintf("%s:%d: %s: %s", x.File, x.Line, x.Title, reason)
		remarks = append(remarks, kind+": "+plain.Escape(line))
	}
	for _, x := range r.Set.Rules {
		if why := x.Never(); why != "" {
			remark("never matches", x, why)
			continue
		}
		if usable++; x.Correlation != nil {
			correlations++
		}
		for _, n := range x.Notes() {
			remark("note", x, n)
		}
	}
	fmt.Fprintf(w, "%s can be used, %s of them correlations\n", plain.CountOf(usable, "rule", "rules"), plain.Count(correlations))
	for _, s := range r.Set.Skipped {
		fmt.Fprintf(w, "not used: %s: %s: %s\n", plain.Escape(s.File), plain.Escape(s.Title), plain.Escape(s.Reason))
	}
	for _, line := range remarks {
		fmt.Fprintln(w, line)
	}
	for _, b := range r.Bad {
		fmt.Fprintf(w, "wrong: %s\n", plain.Escape(b.Error()))
	}
	if len(r.Bad) > 0 {
		return fmt.Errorf("%s cannot be compiled", plain.CountOf(len(r.Bad), "rule", "rules"))
	}
	return nil
}

// testRules runs the tests below a folder, and prints those that fail.
func testRules(ctx context.Context, w io.Writer, dir string, placeholders map[string][]string) error {
	passed, failed, err := rulecheck.Run(ctx, w, dir, placeholders)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s passed, %s failed\n", plain.Count(passed), plain.Count(failed))
	if failed > 0 {
		return fmt.Errorf("%s of rules failed", plain.CountOf(failed, "test", "tests"))
	}
	return nil
}
