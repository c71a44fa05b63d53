package main

import (
	"github.com/spf13/cobra"

	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/ingest"
)

// formFlags are the flags about times that do not say it themselves.
type formFlags struct{ zone, order string }

// flags defines the flags.
func (f *formFlags) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.zone, "zone", "", "`ZONE` of times that state none, such as Europe/Berlin or -05:00")
	cmd.Flags().StringVar(&f.order, "date-order", "",
		"`ORDER` of dates such as 02/03/2026: dmy or mdy (default: as other rows of the file show)")
}

// forms returns what the flags say. The error is of usage.
func (f *formFlags) forms() (ingest.Forms, error) {
	forms, err := config.ParseForms(f.zone, f.order, "--zone", "--date-order")
	if err != nil {
		return forms, &exit{exitUsage, err}
	}
	return forms, nil
}
