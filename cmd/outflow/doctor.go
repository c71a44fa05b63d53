package main

import (
	"io"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/cmd/outflow/internal/batch"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/doctor"
)

func newDoctor(stdout, stderr io.Writer) *cobra.Command {
	var out report
	var workers int
	var path string
	var forms formFlags
	cmd := &cobra.Command{
		Use:   "doctor PATH...",
		Short: "Show what each detector can see in exported logs, and what is missing",
		Long: `Doctor reads exported logs and reports for each detector whether it has full, partial or no
visibility of what it looks for in the sources that arrive (in JSON: able, partly, blind);
and which licence, switch or export is missing. It scores nothing and keeps nothing.

Exit status: 0 success, 1 something could not be read, 2 wrong usage.`,
		Example: `  outflow doctor exports/
  outflow doctor --format json exports/ | jq '.detectors[] | select(.state != "able")'`,
		Args: paths,
		RunE: func(cmd *cobra.Command, paths []string) error {
			if err := out.check(); err != nil {
				return err
			}
			read, err := forms.forms()
			if err != nil {
				return err
			}
			conf, err := config.Load(path)
			if err != nil {
				return &exit{exitUsage, err}
			}
			progress := batch.NewProgress(stderr)
			d, err := doctor.Examine(cmd.Context(), doctor.Logs{
				Paths:    paths,
				Workers:  workers,
				Tables:   conf.AllTables(),
				Forms:    read,
				Progress: progress,
			})
			progress.End()
			if err != nil {
				return err
			}
			d.Notes = append(d.Notes, conf.EndedWatchlists(time.Now())...)
			if err := out.write(stdout, d, d.Write); err != nil {
				return err
			}
			return failed(d.Verdict)
		},
	}
	out.flag(cmd)
	cmd.Flags().StringVar(&path, "config", "", "use the tables of the configuration `FILE`, and check its watchlists")
	forms.flags(cmd)
	cmd.Flags().IntVar(&workers, "workers", runtime.GOMAXPROCS(0), "number of files decoded at the same time")
	return cmd
}
