package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/cmd/outflow/internal/backup"
	"github.com/outflow/outflow/internal/plain"
)

func newRestore(stdout io.Writer) *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Restore a backup into an empty data directory",
		Args:  usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := backup.Restore(cmd.Context(), args[0], data)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(stdout, "%s in %s\n", plain.CountOf(n, "file", "files"), data)
			return err
		},
	}
	cmd.Flags().StringVar(&data, "data", "data", "the data directory, which must be empty or missing: `DIR`")
	return cmd
}
