package main

import (
	"errors"
	"io"
	"reflect"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/cmd/outflow/internal/batch"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/replay"
)

func newBacktest(stdout, stderr io.Writer) *cobra.Command {
	var conf, against string
	var out report
	var workers int
	var forms formFlags
	cmd := &cobra.Command{
		Use:   "backtest --config NEW.yaml [--against OLD.yaml] PATH...",
		Short: "Replay history against a new configuration",
		Long: `Backtest replays exported logs with two configurations, in event time, and prints which
alerts are new, which are lost and which have moved, how many there are per day and per
person, and what each exception of the new configuration suppressed. Nothing is kept;
two runs print the same.

Every exception costs one more scan: the logs are also replayed without it.

Exit status: 0 success, 1 something could not be read, 2 wrong usage.`,
		Example: `  outflow backtest --config new.yaml exports/                      # compare with the defaults
  outflow backtest --config new.yaml --against outflow.yaml exports/`,
		Args: paths,
		RunE: func(cmd *cobra.Command, paths []string) error {
			if conf == "" {
				return &exit{exitUsage, errors.New("--config is required: the configuration to try")}
			}
			if err := out.check(); err != nil {
				return err
			}
			read, err := forms.forms()
			if err != nil {
				return err
			}
			next, err := config.Load(conf)
			if err != nil {
				return &exit{exitUsage, err}
			}
			old, err := config.Load(against)
			if err == nil && !reflect.DeepEqual(old.PersonalDomains, next.PersonalDomains) {
				err = errors.New("personal_domains must be the same in both configurations: they hold for the whole process")
			}
			if err != nil {
				return &exit{exitUsage, err}
			}
			progress := batch.NewProgress(stderr)
			b, err := replay.Compare(cmd.Context(), replay.Logs{Paths: paths, Workers: workers, Forms: read, Progress: progress}, old, next)
			progress.End()
			if err != nil {
				return err
			}
			if err := out.write(stdout, b, b.Write); err != nil {
				return err
			}
			return failed(b.Verdict)
		},
	}
	cmd.Flags().StringVar(&conf, "config", "", "the configuration to try (`FILE`)")
	cmd.Flags().StringVar(&against, "against", "", "the configuration to compare with (`FILE`; default: the defaults)")
	out.flag(cmd)
	forms.flags(cmd)
	cmd.Flags().IntVar(&workers, "workers", runtime.GOMAXPROCS(0), "number of files decoded at the same time")
	return cmd
}
