package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	reports "github.com/outflow/outflow/alert/report"
	"github.com/outflow/outflow/internal/plain"
)

func newVerify(stdout io.Writer) *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Verify that a report is unchanged",
		Long: `Verify checks a report against the manifest beside it, and names the part that was
changed. It prints the key that signed the report; --key requires a certain one.`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			content, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			manifest, err := os.ReadFile(args[0] + ".manifest.json")
			if err != nil {
				return err
			}
			m, err := reports.Verify(content, manifest, key)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			_, err = fmt.Fprintf(stdout, "%s is as it was written %s, signed by %s\n", plain.Escape(args[0]), m.Made, m.PublicKey)
			return err
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "the public key that must have signed, as verify prints it")
	return cmd
}
