package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/cmd/outflow/internal/reporting"
	"github.com/outflow/outflow/internal/plain"
)

func newVerify(stdout io.Writer) *cobra.Command {
	var key, data string
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Verify that a report is unchanged",
		Long: `Verify checks a report against the manifest beside it, and names the part that was
changed. The report must be signed with the key of the data directory, or with that of
--key. Who verifies reports on another machine gets the key once from those who write
them, by another way than the reports: verify prints it.`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			public := strings.ToLower(key)
			if key == "" {
				var err error
				if public, err = reporting.PublicKey(data); errors.Is(err, fs.ErrNotExist) {
					return fmt.Errorf("%s: no such file: name the data directory that the report was made from (--data), "+
						"or the key (--key)", filepath.Join(data, "report.key"))
				} else if err != nil {
					return err
				}
			}
			m, err := reporting.VerifyFile(args[0], public)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			_, err = fmt.Fprintf(stdout, "%s is as it was written %s, signed by %s\n", plain.Escape(args[0]), m.Made, m.PublicKey)
			return err
		},
	}
	cmd.Flags().StringVar(&data, "data", "data", "the data directory that the report was made from: `DIR`")
	cmd.Flags().StringVar(&key, "key", "", "the public `KEY` that must have signed, in place of that of --data, as verify prints it")
	cmd.MarkFlagsMutuallyExclusive("data", "key")
	return cmd
}
