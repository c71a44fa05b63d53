package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/all"
	"github.com/outflow/outflow/ingest/files"
	"github.com/outflow/outflow/ingest/watch"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/plain"
	"github.com/outflow/outflow/internal/webapi"
)

func newSource(stdout, stderr io.Writer) *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use: "source", Short: "Test the sources of a daemon, and see how far they have been read", Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringVar(&path, "config", "", "the configuration `FILE` of the daemon")
	var since string
	test := &cobra.Command{
		Use: "test NAME", Short: "Ask a source for a page, and print what comes", Args: usage(cobra.ExactArgs(1)),
		Long: `Test asks every stream of a source for its first page, as the daemon would, and
prints what comes as events. Nothing is kept: the daemon goes on where it was. If a
vendor refuses, its own words are printed, and what they mean.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			conf, err := sourcesOf(path)
			if err != nil {
				return err
			}
			for i := range conf.Sources {
				if c := &conf.Sources[i]; c.Name == args[0] {
					c.Since = cmp.Or(since, c.Since, "24h")
					return testSource(cmd.Context(), conf, c, stdout, stderr)
				}
			}
			return &exit{exitUsage, fmt.Errorf("%s has no source %q", path, args[0])}
		},
	}
	test.Flags().StringVar(&since, "since", "", "ask for what there is since a day (2026-03-31), or a span (24h) ago")
	cmd.AddCommand(test, newSourceState(stdout, &path))
	return cmd
}

// sourcesOf is the configuration of a daemon.
func sourcesOf(path string) (*config.Config, error) {
	if path == "" {
		return nil, &exit{exitUsage, errors.New("--config is required")}
	}
	conf, err := config.Load(path)
	if err != nil {
		return nil, &exit{exitUsage, err}
	}
	return conf, nil
}

// meaning is what kinds of refusals mean for who set a source up.
var meaning = map[webapi.Kind]string{
	webapi.Unauthorized: "the secret is wrong, has run out, or belongs to somebody else",
	webapi.Denied:       "a permission, a scope or a licence is missing",
	webapi.Throttled:    "too many requests: somebody else uses the same allowance",
	webapi.Refused:      "the vendor knows nothing by that name, or does not understand the request",
	webapi.Temporary:    "the vendor does not answer as it should: try again",
}

func testSource(ctx context.Context, conf *config.Config, c *config.Source, stdout, stderr io.Writer) error {
	if c.Api == nil {
		return &exit{exitUsage, fmt.Errorf("source %s reads files: outflow doctor looks at them", c.Name)}
	}
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	streams, err := c.Api.Open(ctx, config.SourceEnv(c, "", log))
	if err != nil {
		return explained(fmt.Errorf("source %s: %w", c.Name, err))
	}
	failed := 0
	for _, s := range streams {
		if err := testStream(ctx, &s, stdout); err != nil {
			failed++
			fmt.Fprintf(stdout, "%s: %s\n", plain.Escape(s.Name), plain.Escape(explained(err).Error()))
		}
	}
	if failed > 0 {
		return &exit{exitFailed, fmt.Errorf("%d of %d streams cannot be read", failed, len(streams))}
	}
	return nil
}

// explained adds what a refusal means.
func explained(err error) error {
	var e *webapi.Error
	if errors.As(err, &e) {
		return fmt.Errorf("%w\n  That is: %s", err, meaning[e.Kind])
	}
	return err
}

const (
	testPages  = 5 // asked for until something comes
	testEvents = 3 // printed
)

func testStream(ctx context.Context, s *ingest.Stream, stdout io.Writer) error {
	var cur ingest.Cursor
	events, problems := 0, 0
	classes := map[event.Class]int{}
	var first []string
	reader := files.Reader{Formats: all.Formats, Tables: all.Tables, Emit: func(int) func(*event.Event) error {
		return func(e *event.Event) error {
			events++
			classes[e.Class]++
			if len(first) < testEvents {
				first = append(first, fmt.Sprintf("%s  %s  %s  %s  %s", time.UnixMilli(e.Time).UTC().Format("2006-01-02 15:04:05"), cmp.Or(e.Actor.Account, "-"), e.Class, e.Action, cmp.Or(e.Object.Name, e.Object.ID)))
			}
			return nil
		}
	}}
	for range testPages {
		page, err := s.Source.Fetch(ctx, cur)
		if err != nil {
			return err
		}
		for _, b := range page.Bodies {
			in, err := b.Open(ctx)
			if err != nil {
				return err
			}
			rep, err := reader.Stream(ctx, b.Name, in)
			in.Close()
			if err == nil && rep.Failed {
				err = errors.New(rep.Reason)
			}
			if err != nil {
				return err
			}
			problems += rep.ProblemCount
			if events > 0 {
				break
			}
		}
		if events > 0 || !page.More {
			break
		}
		cur = page.Next
	}
	fmt.Fprintf(stdout, "%s: it answers; %s events, %s records not decoded", plain.Escape(s.Name), plain.Count(events), plain.Count(problems))
	if n := classes[event.Other]; n > 0 {
		fmt.Fprintf(stdout, ", %s of a kind that is not judged", plain.Count(n))
	}
	fmt.Fprintln(stdout)
	for _, line := range first {
		fmt.Fprintln(stdout, "  "+plain.Escape(line))
	}
	return nil
}

func newSourceState(stdout io.Writer, path *string) *cobra.Command {
	cmd := &cobra.Command{
		Use: "state", Short: "See, set or reset up to where streams have been read", Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var r report
	show := &cobra.Command{
		Use: "show [NAME]", Short: "Show how far streams have been read, and what is missing", Args: usage(cobra.MaximumNArgs(1)),
		PreRunE: func(*cobra.Command, []string) error { return r.check() },
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := readSources(cmd.Context(), *path)
			if err != nil {
				return err
			}
			defer s.Close()
			all, err := s.States(cmd.Context())
			if err != nil {
				return err
			}
			list := all[:0]
			for _, st := range all {
				if len(args) == 0 || st.Source == args[0] {
					list = append(list, st)
				}
			}
			if len(args) > 0 && len(list) == 0 {
				return fmt.Errorf("nothing has been read of a source %q", args[0])
			}
			return r.write(stdout, list, func(w io.Writer) error { return printStates(w, list, time.Now()) })
		},
	}
	r.flag(show)
	reset := &cobra.Command{
		Use: "reset NAME [STREAM]", Short: "Have a source, or one of its streams, read from the beginning", Args: usage(cobra.RangeArgs(1, 2)),
		Long: `Reset has a source read again from where its setting since, or outflow run --since,
says. What is known already counts once; what is older than what the judge still
holds is counted as late.`,
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
			_, err = fmt.Fprintf(stdout, "%s streams are read from the beginning at the next look\n", plain.Count(n))
			return err
		},
	}
	set := &cobra.Command{
		Use: "set NAME STREAM CURSOR", Short: "Have a stream go on from a cursor, as show --format json prints it", Args: usage(cobra.ExactArgs(3)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !json.Valid([]byte(args[2])) {
				return &exit{exitUsage, errors.New("the cursor is not JSON: outflow source state show --format json")}
			}
			conf, err := sourcesOf(*path)
			if err != nil {
				return err
			}
			if !slices.ContainsFunc(conf.Sources, func(c config.Source) bool { return c.Name == args[0] }) {
				return &exit{exitUsage, fmt.Errorf("%s has no source %q", *path, args[0])}
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
			if !slices.ContainsFunc(all, func(st watch.State) bool { return st.Source == args[0] && st.Stream == args[1] }) {
				return fmt.Errorf("the source %s has read no stream %q: outflow source state show", args[0], args[1])
			}
			if err := s.SetCursor(cmd.Context(), args[0], args[1], ingest.Cursor(args[2])); err != nil {
				return err
			}
			_, err = fmt.Fprintln(stdout, "It goes on from there at the next look.")
			return err
		},
	}
	cmd.AddCommand(show, reset, set)
	return cmd
}

// printStates writes how far streams have been read for people.
func printStates(w io.Writer, list []watch.State, now time.Time) error {
	ago := func(t time.Time) string {
		if t.IsZero() {
			return "never"
		}
		return since(now.Sub(t)) + " ago"
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SOURCE\tSTREAM\tEVENTS\tLAST EVENTS\tLAST ANSWER\tSTATE")
	for _, s := range list {
		state := "fine"
		if s.Failing != "" {
			state = "failing: " + s.Failing
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", plain.Escape(s.Source), plain.Escape(s.Stream), plain.Count(int(s.Events)), ago(s.Saved), ago(s.Asked), plain.Escape(strings.ReplaceAll(state, "\n", "; ")))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, s := range list {
		for _, g := range s.Gaps {
			span := ""
			if !g.From.IsZero() {
				span = g.From.Format("2006-01-02 15:04") + " to " + g.To.Format("2006-01-02 15:04") + ": "
			}
			if _, err := fmt.Fprintf(w, "Gap in %s, %s: %s%s\n", plain.Escape(s.Source), plain.Escape(s.Stream), span, plain.Escape(g.Reason)); err != nil {
				return err
			}
		}
	}
	return nil
}
