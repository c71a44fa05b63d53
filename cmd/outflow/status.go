package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/cmd/outflow/internal/batch"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/daemon"
	"github.com/outflow/outflow/cmd/outflow/internal/datadir"
)

func newStatus(stdout io.Writer) *cobra.Command {
	var path string
	var r report
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show daemon status",
		Long: `Status shows what the daemon with this configuration last reported: what keeps it from
doing all of its job, the events of each source and the newest of them, how far behind it
is, and how many alerts were sent.

Exit status: 0 it runs, or ran with --once; 1 it does not run; 2 wrong usage.`,
		Args:    usage(cobra.NoArgs),
		PreRunE: func(*cobra.Command, []string) error { return r.check() },
		RunE: func(cmd *cobra.Command, _ []string) error {
			file, err := daemonFile(path, "status.json")
			if err != nil {
				return err
			}
			b, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			var s daemon.Status
			if err := json.Unmarshal(b, &s); err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			conf, err := config.Load(path)
			if err != nil {
				return err
			}
			held, known := datadir.Held(filepath.Dir(file))
			s.Look(held, known, time.Now())
			s.EndedWatchlists = conf.EndedWatchlists(time.Now())
			if s.Usual, err = batch.UsualKept(cmd.Context(), filepath.Dir(file)); err != nil {
				return err
			}

			err = r.write(stdout, &s, func(w io.Writer) error {
				if err := s.Print(w, time.Now()); err != nil {
					return err
				}
				return batch.PrintUsual(w, s.Usual)
			})
			if err == nil && s.Stopped {
				err = &exit{code: exitFailed}
			}
			return err
		},
	}
	configFlag(cmd, &path)
	r.flag(cmd)
	return cmd
}
