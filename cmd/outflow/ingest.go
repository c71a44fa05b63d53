package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/recognition"
)

func newIngest(stdout io.Writer) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ingest",
		Short: "Show how files are understood",
		Args:  usage(cobra.NoArgs),
		RunE:  group,
	}
	cmd.AddCommand(newIngestExplain(stdout))
	return cmd
}

// mostExplained is how many records are shown at most.
const mostExplained = 1000

func newIngestExplain(stdout io.Writer) *cobra.Command {
	var path string
	var n int
	var out report
	var forms formFlags
	cmd := &cobra.Command{
		Use:   "explain FILE",
		Short: "Show what a file is taken for, and how its first records are understood",
		Long: `Explain reads a file as scan would, and prints what it is taken for, the events of its
first records, and what could not be read, with reasons. Of a table that Outflow does not
know, it names the nearest known one, and the columns that are missing. Tables of your own
are declared in the configuration (tables:, see docs/sources.md).

It scores nothing and keeps nothing.

Exit status: 0 success, 1 no record was recognised, 2 wrong usage.`,
		Example: `  outflow ingest explain exports/audit.csv
  outflow ingest explain --config outflow.yaml -n 20 portal.csv    # with tables of your own
  outflow ingest explain --format json portal.csv | jq .unmapped`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := out.check(); err != nil {
				return err
			}
			if n < 0 || n > mostExplained {
				return &exit{exitUsage, fmt.Errorf("-n %d: from 0 to %d", n, mostExplained)}
			}
			read, err := forms.forms()
			if err != nil {
				return err
			}
			conf, err := config.Load(path)
			if err != nil {
				return &exit{exitUsage, err}
			}
			r, err := recognition.Read(cmd.Context(), recognition.Input{
				Path:    args[0],
				Records: n,
				Tables:  conf.AllTables(),
				Forms:   read,
			})
			if err != nil {
				return err
			}
			if err := out.write(stdout, r, r.Write); err != nil {
				return err
			}
			if !r.Recognised() {
				return &exit{exitFailed, fmt.Errorf("%s: no record was recognised", args[0])}
			}
			return nil
		},
	}
	out.flag(cmd)
	forms.flags(cmd)
	cmd.Flags().StringVar(&path, "config", "", "use the tables of the configuration `FILE`")
	cmd.Flags().IntVarP(&n, "records", "n", 5, "show the first `N` records, and the first N that were not read")
	return cmd
}
