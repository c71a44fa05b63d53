package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/reporting"
)

func newReport(stdout, stderr io.Writer) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Write offboarding reviews, weekly digests and lists for owners",
		Args:  usage(cobra.NoArgs),
		RunE:  group,
	}
	cmd.AddCommand(newReview(stdout, stderr), newDigest(stdout), newOwners(stdout, stderr), newPeople(stdout, stderr), newVerify(stdout))
	return cmd
}

// reportFlags are the flags of commands that write reports.
type reportFlags struct {
	reporting.Source
	config, format, out string
	force               bool
	formats             []string // that --format may be
}

// flags defines the flags. The first format is the default.
func (f *reportFlags) flags(cmd *cobra.Command, formats ...string) {
	f.formats = formats
	fl := cmd.Flags()
	fl.StringVar(&f.Data, "data", "data", "the data directory of a daemon or of scans: `DIR`")
	fl.StringVar(&f.config, "config", "", "the configuration `FILE`: domains of the organisation, and the channel for --send")
	fl.StringVar(&f.format, "format", formats[0], "output format: "+strings.Join(formats, ", "))
	fl.StringVarP(&f.out, "out", "o", "", "write to `FILE` instead of standard output, with a signed manifest beside it")
	fl.BoolVar(&f.force, "force", false, "replace an existing file even if it is no report, or was changed since")
	fl.StringVar(&f.People, "people", "names", "show people by names or pseudonyms")
	completeFlag(cmd, "format", formats)
	completeFlag(cmd, "people", []string{"names", "pseudonyms"})
}

// check returns an error of usage if there is no such format.
func (f *reportFlags) check() error {
	if !slices.Contains(f.formats, f.format) {
		return &exit{exitUsage, fmt.Errorf("--format %q: %s", f.format, strings.Join(f.formats, ", "))}
	}
	return nil
}

// open loads the configuration, and reads what reports are made of. Close what it returns.
func (f *reportFlags) open(ctx context.Context) (*reporting.Data, error) {
	if f.People != "names" && f.People != "pseudonyms" {
		return nil, &exit{exitUsage, fmt.Errorf("--people %q: names, pseudonyms", f.People)}
	}
	var err error
	if f.Conf, err = config.Load(f.config); err != nil {
		return nil, &exit{exitUsage, err}
	}
	return f.Load(ctx)
}

// write writes a report to a file, or to stdout if path is "".
func (f *reportFlags) write(stdout io.Writer, path string, content []byte) error {
	if path == "" {
		_, err := stdout.Write(content)
		return err
	}
	return f.WriteFile(path, content, f.force)
}

// asUsage makes it an error of usage that --send was given and no mail can be sent.
func asUsage(err error) error {
	if errors.Is(err, config.ErrNoMail) {
		return &exit{exitUsage, fmt.Errorf("--send: %w", err)}
	}
	return err
}
