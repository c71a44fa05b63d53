package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// report is the output format of a command other than scan.
type report struct{ format string }

// flag defines --format.
func (r *report) flag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&r.format, "format", "text", "output format: json, text")
	completeFlag(cmd, "format", []string{"json", "text"})
}

// check returns an error of usage if there is no such format.
func (r *report) check() error {
	if r.format != "text" && r.format != "json" {
		return &exit{exitUsage, fmt.Errorf("--format %q: json, text", r.format)}
	}
	return nil
}

// write writes a value as JSON, or as text.
func (r *report) write(w io.Writer, v any, text func(io.Writer) error) error {
	if r.format == "text" {
		return text(w)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// failed gives an error, which may be nil, the exit code of a command that did not do all of its
// job.
func failed(err error) error {
	if err == nil {
		return nil
	}
	return &exit{exitFailed, err}
}
