package main

import (
	"bytes"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	reports "github.com/outflow/outflow/alert/report"
	"github.com/outflow/outflow/cmd/outflow/internal/reporting"
)

func newDigest(stdout io.Writer) *cobra.Command {
	var f reportFlags
	var week string
	var send bool
	cmd := &cobra.Command{
		Use:   "digest",
		Short: "Write the risk digest of a week",
		Long: `Digest writes what a security lead needs to know about a week: five things to do, each
with its owner, what is exposed and since when, who leaves soon, how the week compares with
the last twelve, how long alerts waited, how precise each detector was, and which data is
missing. People are shown by pseudonyms, unless --people names is given. --send mails it
through the first channel of kind email, for instance from cron.`,
		Example: `  outflow report digest --data data --week 2026-W20 --out digest.html
  outflow report digest --data data --config outflow.yaml --send`,
		Args:    usage(cobra.NoArgs),
		PreRunE: func(*cobra.Command, []string) error { return f.check() },
		RunE: func(cmd *cobra.Command, _ []string) error {
			data, err := f.open(cmd.Context())
			if err != nil {
				return err
			}
			defer data.Close()
			_, monday := reports.WeekOf(data.In.Now)
			if week != "" {
				if monday, err = reports.ParseWeek(week); err != nil {
					return &exit{exitUsage, fmt.Errorf("--week: %w", err)}
				}
			}

			d, err := f.Digest(cmd.Context(), data, monday)
			if err != nil {
				return err
			}
			if send {
				return asUsage(reporting.SendDigest(cmd.Context(), data.Conf, d))
			}
			var b bytes.Buffer
			if err := d.Write(&b, f.format); err != nil {
				return err
			}
			return f.write(stdout, f.out, b.Bytes())
		},
	}
	f.flags(cmd, "html", "json", "text")
	people := cmd.Flags().Lookup("people")
	f.People, people.DefValue = "pseudonyms", "pseudonyms"
	cmd.Flags().StringVar(&week, "week", "", "the week (2026-W20); default: the week of the newest data")
	cmd.Flags().BoolVar(&send, "send", false, "mail the digest through the first channel of kind email")
	return cmd
}
