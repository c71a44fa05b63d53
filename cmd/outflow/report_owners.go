package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	reports "github.com/outflow/outflow/alert/report"
	"github.com/outflow/outflow/cmd/outflow/internal/reporting"
	"github.com/outflow/outflow/internal/plain"
)

// ownersFlags are what lists for owners were asked for.
type ownersFlags struct {
	reportFlags
	send bool
}

func newOwners(stdout, stderr io.Writer) *cobra.Command {
	var f ownersFlags
	cmd := &cobra.Command{
		Use:   "owners [PERSON]",
		Short: "List, for each person, what they have exposed and not closed",
		Long: `Owners writes a list for everyone who has made something public or given outsiders access
that is still open: what, since when, and where to close it. The person who opened it knows best
whether that was intended. The lists go into a folder, a file for each person, or with
--send to each person by mail, through the server of the first channel of kind email.`,
		Example: `  outflow report owners --data data --out owners/
  outflow report owners --data data --config outflow.yaml --send`,
		Args:    usage(cobra.MaximumNArgs(1)),
		PreRunE: func(*cobra.Command, []string) error { return f.check() },
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && f.out == "" && !f.send {
				return &exit{exitUsage, errors.New("a person is required, or a folder (--out), or --send")}
			}
			return f.run(cmd.Context(), args, stdout, stderr)
		},
	}
	f.flags(cmd, "html", "json", "text")
	cmd.Flags().BoolVar(&f.send, "send", false, "mail each person their list")
	return cmd
}

// run writes or mails the list of the person that args names, or those of everyone.
func (f *ownersFlags) run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	data, err := f.open(ctx)
	if err != nil {
		return err
	}
	defer data.Close()
	only := ""
	if len(args) == 1 { // also if it is empty: that is an unknown user, rather than all
		if only, err = f.FindUser(ctx, data, args[0], nil, stderr); err != nil {
			return err
		}
	}

	list := reports.MakeOwners(data.In, only)
	if f.send {
		return asUsage(reporting.SendOwners(ctx, stdout, data.Conf, list))
	}
	for i := range list {
		if err := f.writeOwner(stdout, &list[i]); err != nil {
			return err
		}
	}

	switch {
	case only != "" && len(list) == 0:
		_, err = fmt.Fprintf(stdout, "these logs show nothing that %s has opened and that is still open\n", plain.Escape(only))
	case f.out != "" || len(list) == 0:
		_, err = fmt.Fprintf(stdout, "people with something open: %s\n", plain.Count(len(list)))
	}
	return err
}

// writeOwner writes the list of one person.
func (f *ownersFlags) writeOwner(stdout io.Writer, o *reports.Owner) error {
	var b bytes.Buffer
	if err := o.Write(&b, f.format); err != nil {
		return err
	}
	path := f.out
	if path != "" {
		if err := os.MkdirAll(path, 0o700); err != nil {
			return err
		}
		suffix := strings.Replace(f.format, "text", "txt", 1)
		path = filepath.Join(path, reporting.FileName(o.User)+"."+suffix)
	}
	return f.write(stdout, path, b.Bytes())
}
