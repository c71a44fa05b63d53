package main

import (
	"bytes"
	"context"
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
	send, includeOpenCases bool
}

func newOwners(stdout, stderr io.Writer) *cobra.Command {
	var f ownersFlags
	cmd := &cobra.Command{
		Use:   "owners [PERSON]",
		Short: "List, for each person, what they have exposed and not closed",
		Long: `Owners makes a list for everyone who has made something public or given others access that
is still open: what, since when, and where to close it. The person who opened it knows best
whether that was intended. Without a person it says who would get a list. --send mails them,
through the server of the first channel of kind email; --out writes a file for each person.

A list would tell a person that somebody looks at what they did. It is therefore not made for
people who are leaving (HR files, or a watchlist of leavers), and not for people with an alert
of high severity or above in a case that is not closed, or that was confirmed. They are named
on the terminal, with the reason. --include-open-cases makes their lists all the same.`,
		Example: `  outflow report owners --data data
  outflow report owners --data data --out owners/
  outflow report owners --data data --config outflow.yaml --send`,
		Args:    usage(cobra.MaximumNArgs(1)),
		PreRunE: func(*cobra.Command, []string) error { return f.check() },
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), args, stdout, stderr)
		},
	}
	f.flags(cmd, "html", "json", "text")
	cmd.Flags().BoolVar(&f.send, "send", false, "mail each person their list; without it nothing is sent")
	cmd.Flags().BoolVar(&f.includeOpenCases, "include-open-cases", false, "also for people who leave or have an open case")
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
	none := only != "" && len(list) == 0
	if none { // whether they may be told anything does not depend on what they have opened
		list = []reports.Owner{{User: only}}
	}
	var withheld []reports.Withheld
	if !f.includeOpenCases {
		list, withheld = reports.Withhold(data.In, list)
	}
	switch {
	case only != "" && len(withheld) > 0:
		return fmt.Errorf("no list is made for %s: %s (--include-open-cases makes it)",
			plain.Escape(only), plain.Escape(strings.Join(withheld[0].Why, "; ")))
	case none:
		_, err = fmt.Fprintf(stdout, "these logs show nothing that %s has opened to others and that is still open\n",
			plain.Escape(only))
		return err
	case f.send:
		sent, err := reporting.SendOwners(ctx, data.Conf, list)
		if err != nil {
			return asUsage(err)
		}
		fmt.Fprintf(stdout, "mails: %s\n", plain.Count(sent))
		return sayWithheld(stdout, withheld)
	case only == "" && f.out == "":
		return dryRun(stdout, list, withheld)
	}
	for i := range list {
		if err := f.writeOwner(stdout, &list[i]); err != nil {
			return err
		}
	}
	if f.out == "" {
		return nil
	}
	fmt.Fprintf(stdout, "people with something open: %s\n", plain.Count(len(list)))
	return sayWithheld(stdout, withheld)
}

// dryRun says who would get a list.
func dryRun(stdout io.Writer, list []reports.Owner, withheld []reports.Withheld) error {
	fmt.Fprintf(stdout, "Nothing is sent. With --send, %s a list:\n", plain.CountOf(len(list), "person gets", "people get"))
	for _, o := range list {
		fmt.Fprintf(stdout, "  %s  %s, the oldest open for %s\n", plain.Escape(o.User), plain.CountOf(len(o.Items), "item", "items"),
			plain.CountOf(o.Items[0].Days, "day", "days"))
	}
	return sayWithheld(stdout, withheld)
}

// sayWithheld says who gets no list, and why.
func sayWithheld(stdout io.Writer, withheld []reports.Withheld) error {
	if len(withheld) == 0 {
		return nil
	}
	fmt.Fprintf(stdout, "Left out, %s (--include-open-cases includes them):\n", plain.CountOf(len(withheld), "person", "people"))
	for _, w := range withheld {
		fmt.Fprintf(stdout, "  %s  %s; %s\n", plain.Escape(w.User), plain.CountOf(w.Items, "item", "items"),
			plain.Escape(strings.Join(w.Why, "; ")))
	}
	return nil
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
