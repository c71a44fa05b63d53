package main

import (
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/outflow/outflow/internal/buildinfo"
)

// newMan is for packages: it is not listed.
func newMan() *cobra.Command {
	return &cobra.Command{
		Use:    "man DIR",
		Short:  "Write the manual pages into a folder",
		Long:   `man writes a manual page for each command into a folder, as packages install them in man1.`,
		Hidden: true,
		Args:   usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			root := cmd.Root()
			root.DisableAutoGenTag = true // the date would differ from build to build
			head := &doc.GenManHeader{Title: "OUTFLOW", Section: "1", Source: "Outflow " + buildinfo.Version(), Manual: "Outflow"}
			return doc.GenManTree(root, head, args[0])
		},
	}
}
