package main

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/alert"
	reports "github.com/outflow/outflow/alert/report"
	"github.com/outflow/outflow/cmd/outflow/internal/datadir"
	"github.com/outflow/outflow/cmd/outflow/internal/explain"
	"github.com/outflow/outflow/cmd/outflow/internal/keys"
)

func newExplain(stdout io.Writer) *cobra.Command {
	var data string
	var out report
	cmd := &cobra.Command{
		Use:   "explain --data DIR ALERT",
		Short: "Explain an alert's score, and recompute it",
		Long: `Explain shows the receipt of an alert's score: what was counted, what was expected, how
rare that is, and how it adds up. It recomputes the score from the receipt and reports
whether it matches.

ALERT is the id of an alert, or the beginning of one, as scan prints it.

Exit status: 0 the score matches, 1 it does not or cannot be computed, 2 wrong usage.`,
		Example: `  outflow scan --data state/ exports/
  outflow explain --data state/ 3fa4c1d2`,
		Args: usage(cobra.ExactArgs(1)),

		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return alertIDs(cmd.Context(), data, len(args)), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if data == "" {
				return &exit{exitUsage, errors.New("--data is required: the directory that a scan or a daemon keeps its alerts in")}
			}
			if err := out.check(); err != nil {
				return err
			}
			s, err := datadir.OpenAlerts(cmd.Context(), data)
			if err != nil {
				return err
			}
			defer s.Close()
			a, err := keys.FindAlert(cmd.Context(), s, data, args[0])
			if err != nil {
				return err
			}
			days, err := daysAround(cmd.Context(), s, a)
			if err != nil {
				return err
			}
			return printExplanation(stdout, a, days, out)
		},
	}
	cmd.Flags().StringVar(&data, "data", "", "the data directory of scans or of a daemon, which may be running: `DIR`")
	out.flag(cmd)
	return cmd
}

// daysAround are the days of the person in the eight weeks before an alert and two after; nil if none are
// kept.
func daysAround(ctx context.Context, s *alert.Store, a *alert.Alert) (*reports.Series, error) {
	if a.User == "" {
		return nil, nil
	}
	days, err := s.Days(ctx, a.User, a.Time.AddDate(0, 0, -56), a.Time.AddDate(0, 0, 14))
	if err != nil || len(days) == 0 {
		return nil, err
	}
	return reports.AlertSeries(a, days), nil
}

// printExplanation prints an explanation, and fails if the score does not match its receipt.
func printExplanation(w io.Writer, a *alert.Alert, days *reports.Series, out report) error {
	x, err := explain.New(a)
	if err != nil {
		return err
	}
	x.Days, x.ASCII = days, !unicodeWanted(w)
	_, x.Width = terminal(w)
	if err := out.write(w, x, x.Write); err != nil {
		return err
	}
	if !x.Matches {
		return errors.New("the score does not match its receipt")
	}
	return nil
}
