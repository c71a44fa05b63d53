package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/internal/buildinfo"
)

func newVersion(stdout io.Writer) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  usage(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(stdout, "outflow", buildinfo.Version())
			return err
		},
	}
}
