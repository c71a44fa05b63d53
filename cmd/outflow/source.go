package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/cmd/outflow/internal/sources"
	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/watch"
	"github.com/outflow/outflow/internal/plain"
	"github.com/outflow/outflow/internal/secret"
)

func newSource(stdout, stderr io.Writer) *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "source",
		Short: "Test the sources of a daemon, and show how far they have been read",
		Args:  usage(cobra.NoArgs),
		RunE:  group,
	}
	configFlag(cmd, &path)
	cmd.AddCommand(newSourceTest(stdout, stderr, &path), newSourceState(stdout, &path))
	return cmd
}

func newSourceTest(stdout, stderr io.Writer, path *string) *cobra.Command {
	var since string
	cmd := &cobra.Command{
		Use:   "test NAME",
		Short: "Fetch a page from a source, and print the events in it",
		Long: `Test fetches the first page of every stream of a source, as the daemon would, and prints
the events in it. Nothing is kept: the daemon continues where it was. If the vendor
refuses, its error message is printed, with an explanation.`,
		Args: usage(cobra.ExactArgs(1)),

		ValidArgsFunction: completeNames(path, sourceNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			conf, err := loadDaemonConfig(*path)
			if err != nil {
				return err
			}
			c := sourceNamed(conf, args[0])
			if c == nil {
				return &exit{exitUsage, fmt.Errorf("%s has no source %q", *path, args[0])}
			}
			if c.Api == nil {
				return &exit{exitUsage, fmt.Errorf("source %s reads files: outflow doctor looks at them", c.Name)}
			}
			c.Since = cmp.Or(since, c.Since, "24h")
			log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn, ReplaceAttr: secret.Attr}))
			return failed(sources.Test(cmd.Context(), conf, c, log, stdout))
		},
	}
	cmd.Flags().StringVar(&since, "since", "", "start of what is fetched: a date (2026-03-31) or a duration (24h)")
	return cmd
}

func newSourceState(stdout io.Writer, path *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "state",
		Short: "Show, set or reset the positions up to which streams have been read",
		Args:  usage(cobra.NoArgs),
		RunE:  group,
	}
	cmd.AddCommand(newStateShow(stdout, path), newStateReset(stdout, path), newStateSet(stdout, path))
	return cmd
}

func newStateShow(stdout io.Writer, path *string) *cobra.Command {
	var r report
	cmd := &cobra.Command{
		Use:     "show [NAME]",
		Short:   "Show how far streams have been read, and what is missing",
		Args:    usage(cobra.MaximumNArgs(1)),
		PreRunE: func(*cobra.Command, []string) error { return r.check() },

		ValidArgsFunction: completeNames(path, sourceNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := readSources(cmd.Context(), *path)
			if err != nil {
				return err
			}
			defer s.Close()
			list, err := s.States(cmd.Context())
			if err != nil {
				return err
			}

			if len(args) > 0 {
				list = slices.DeleteFunc(list, func(st watch.State) bool { return st.Source != args[0] })
				if len(list) == 0 {
					return fmt.Errorf("nothing has been read of a source %q", args[0])
				}
			}
			return r.write(stdout, list, func(w io.Writer) error { return sources.PrintStates(w, list, time.Now()) })
		},
	}
	r.flag(cmd)
	return cmd
}

func newStateReset(stdout io.Writer, path *string) *cobra.Command {
	return &cobra.Command{
		Use:   "reset NAME [STREAM]",
		Short: "Read a source, or one of its streams, from the start again",
		Long: `Reset has a source read again from the time given by its setting since, or by outflow
run --since. Events that are known already count once; events older than what the
processor still holds are counted as late.`,
		Args: usage(cobra.RangeArgs(1, 2)),

		ValidArgsFunction: completeNames(path, sourceNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := openSources(cmd.Context(), *path)
			if err != nil {
				return err
			}
			defer s.Close()
			all, err := s.States(cmd.Context())
			if err != nil {
				return err
			}

			n := 0
			for _, st := range all {
				if st.Source != args[0] || len(args) == 2 && st.Stream != args[1] {
					continue
				}
				n++
				if err := s.SetCursor(cmd.Context(), st.Source, st.Stream, nil); err != nil {
					return err
				}
			}
			if n == 0 {
				return fmt.Errorf("no such stream: outflow source state show")
			}
			_, err = fmt.Fprintf(stdout, "%s read from the beginning at the next look\n", plain.CountOf(n, "stream is", "streams are"))
			return err
		},
	}
}

func newStateSet(stdout io.Writer, path *string) *cobra.Command {
	return &cobra.Command{
		Use:   "set NAME STREAM CURSOR",
		Short: "Continue a stream from a cursor, as show --format json prints it",
		Args:  usage(cobra.ExactArgs(3)),

		ValidArgsFunction: completeNames(path, sourceNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			source, stream, cursor := args[0], args[1], args[2]
			if !json.Valid([]byte(cursor)) {
				return &exit{exitUsage, errors.New("the cursor is not JSON: outflow source state show --format json")}
			}
			conf, err := loadDaemonConfig(*path)
			if err != nil {
				return err
			}
			if sourceNamed(conf, source) == nil {
				return &exit{exitUsage, fmt.Errorf("%s has no source %q", *path, source)}
			}
			s, err := openSources(cmd.Context(), *path)
			if err != nil {
				return err
			}
			defer s.Close()

			all, err := s.States(cmd.Context())
			if err != nil {
				return err
			}
			known := func(st watch.State) bool { return st.Source == source && st.Stream == stream }
			if !slices.ContainsFunc(all, known) {
				return fmt.Errorf("the source %s has read no stream %q: outflow source state show", source, stream)
			}
			if err := s.SetCursor(cmd.Context(), source, stream, ingest.Cursor(cursor)); err != nil {
				return err
			}
			_, err = fmt.Fprintln(stdout, "It goes on from there at the next look.")
			return err
		},
	}
}
