package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/docs/schema"
	"github.com/outflow/outflow/internal/outfile"
	"github.com/outflow/outflow/internal/plain"
)

func newConfig(stdout io.Writer) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Check a configuration, and print its JSON Schema for editors",
		Args:  usage(cobra.NoArgs),
		RunE:  group,
	}
	cmd.AddCommand(newConfigCheck(stdout), newConfigSchema(stdout))
	return cmd
}

func newConfigCheck(stdout io.Writer) *cobra.Command {
	var out report
	var path string
	var roles []string
	var skip bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Say what is wrong with a configuration, and what it would do",
		Long: `Check reads a configuration as outflow run does, and lists all that is wrong with it, with
file and line: keys that do not exist, values that cannot be, deprecated keys, secrets that
cannot be resolved, files and folders that do not exist or have the wrong permissions. Then it
says what the configuration would do. References of the form exec:COMMAND are run, as
outflow run does. Nothing is written, and nothing is connected to: outflow source test and
outflow channel test do that.

Exit status: 0 no errors, 1 errors, 2 wrong usage. Warnings are no errors.`,
		Example: `  outflow config check --config outflow.yaml
  outflow config check --config outflow.yaml --skip-secrets    # where they are not at hand, as in CI
  outflow config check --config outflow.yaml --format json | jq '.problems[]'`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := out.check(); err != nil {
				return err
			}
			if err := checkRoles(roles); err != nil {
				return err
			}
			if !outfile.Exists(path) {
				return &exit{exitUsage, fmt.Errorf("--config %s: there is no such file: outflow init writes one", path)}
			}
			found := config.Check(cmd.Context(), path, !skip, roles...)
			r := checkReport{File: path, Problems: found.Problems, Errors: found.Errors()}
			r.Warnings = len(r.Problems) - r.Errors
			if found.Valid {
				found.Config.PersonalDomains.Use()
				r.Plan = found.Config.Plan(time.Now(), roles)
			}
			if err := out.write(stdout, &r, r.write); err != nil {
				return err
			}
			if r.Errors > 0 {
				return &exit{code: exitFailed}
			}
			return nil
		},
	}
	out.flag(cmd)
	cmd.Flags().StringVar(&path, "config", "outflow.yaml", "the configuration `FILE`")
	ofDaemon := "of the daemon that it is for, comma-separated: " + strings.Join(config.Roles, ", ")
	cmd.Flags().StringSliceVar(&roles, "roles", config.Roles, ofDaemon)
	cmd.Flags().BoolVar(&skip, "skip-secrets", false, "do not resolve secrets")
	completeFlag(cmd, "roles", config.Roles)
	return cmd
}

// checkRoles returns an error of usage for a role that does not exist.
func checkRoles(roles []string) error {
	for _, r := range roles {
		if !slices.Contains(config.Roles, r) {
			return &exit{exitUsage, fmt.Errorf("--roles %q: %s", r, strings.Join(config.Roles, ", "))}
		}
	}
	return nil
}

// checkReport is the result of config check.
type checkReport struct {
	File     string           `json:"file"`
	Errors   int              `json:"errors"`
	Warnings int              `json:"warnings"`
	Problems []config.Problem `json:"problems"`
	Plan     *config.Plan     `json:"plan,omitempty"` // nil if the configuration cannot be used
}

// write writes a line for each problem, in the form that editors understand, and then the plan.
func (r *checkReport) write(w io.Writer) error {
	file := plain.Escape(r.File)
	for _, p := range r.Problems {
		where := file
		if p.Line > 0 {
			where = fmt.Sprintf("%s:%d", file, p.Line)
		}
		fmt.Fprintf(w, "%s: %s: %s\n", where, p.Severity, plain.Escape(p.Text))
	}
	fmt.Fprintf(w, "%s: %s, %s\n", file, plain.CountOf(r.Errors, "error", "errors"), plain.CountOf(r.Warnings, "warning", "warnings"))
	if r.Plan == nil {
		return nil
	}
	return r.Plan.Write(w)
}

func newConfigSchema(stdout io.Writer) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of the configuration, with which editors complete and check it",
		Long: `Schema prints the JSON Schema (draft 2020-12) of the configuration. Editors with a language
server for YAML complete and check a file whose first line names it:

  # yaml-language-server: $schema=outflow.schema.json`,
		Example: `  outflow config schema > outflow.schema.json`,
		Args:    usage(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			_, err := stdout.Write(schema.Config)
			return err
		},
	}
}
