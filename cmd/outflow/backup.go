package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/cmd/outflow/internal/backup"
	"github.com/outflow/outflow/internal/plain"
)

func newBackup(stdout io.Writer) *cobra.Command {
	var data string
	var force bool
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy all state into one file, even while the daemon runs",
		Long: `Backup writes a consistent, compressed copy of a data directory to one file. The
daemon may run meanwhile. The file holds personal data and the keys; only its owner can
read it. An existing file is not replaced without --force. If the backup fails, no file
is left behind.`,
		Example: "  outflow backup --data data outflow-backup.tar.gz",
		Args:    usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := backup.Create(cmd.Context(), data, args[0], force)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(stdout, "%s in %s\n", plain.CountOf(n, "file", "files"), args[0])
			return err
		},
	}
	cmd.Flags().StringVar(&data, "data", "data", "the data directory: `DIR`")
	cmd.Flags().BoolVar(&force, "force", false, "replace an existing file")
	return cmd
}
