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
		Short: "Print the version, commit and build",
		Long: `version prints the version, the commit that the program was built from with its date, the Go
release, and the system it is for.`,
		Args: usage(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(stdout, "outflow", buildinfo.Long())
			return err
		},
	}
}
