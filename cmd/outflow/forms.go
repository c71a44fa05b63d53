package main

import (
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/plain"
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

// lifetime is a flag for a length of time, in days where it is whole days.
type lifetime time.Duration

// String implements pflag.Value.
func (l *lifetime) String() string {
	if d := time.Duration(*l); d%(24*time.Hour) == 0 {
		return strconv.Itoa(int(d/(24*time.Hour))) + "d"
	}
	return time.Duration(*l).String()
}

// Set implements pflag.Value.
func (l *lifetime) Set(text string) error {
	d, err := plain.ParseDuration(text)
	*l = lifetime(d)
	return err
}

// Type implements pflag.Value.
func (l *lifetime) Type() string { return "duration" }
