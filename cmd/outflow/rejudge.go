package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/stream"
	"github.com/outflow/outflow/internal/outfile"
	"github.com/outflow/outflow/internal/plain"
)

func newRejudge(stdout io.Writer) *cobra.Command {
	var path, from string
	var reread []string
	cmd := &cobra.Command{
		Use:     "rescore",
		Aliases: []string{"rejudge"},
		Short:   "Have the daemon process everything from a date on again",
		Long: `Rescore has the daemon with this configuration process everything that happened on a day
and later again: at once if it is running, otherwise when it starts. Events that arrived
too late are processed then. The daemon rolls back to the newest baselines from before that
day. If none are kept, and the log does not hold everything there ever was, baselines are
learned anew from what the log holds; alerts about earlier days stay as they are.

With --reread, the files of these sources are read again first, so that the log holds what
it no longer held; what it holds already counts once. To read an API again, use outflow
source state reset.

Over Kafka it must be called on each machine with the role detect.`,
		Example: `  outflow rescore --config outflow.yaml --from 2026-03-01
  outflow rescore --config outflow.yaml --from 2026-03-01 --reread exports`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if path == "" {
				return &exit{exitUsage, errors.New("--config is required")}
			}
			day, err := time.Parse(time.DateOnly, from)
			if err != nil {
				return &exit{exitUsage, fmt.Errorf("--from %q: a day such as 2026-03-31", from)}
			}
			conf, err := loadDaemonConfig(path)
			if err != nil {
				return err
			}
			return rejudge(cmd.Context(), conf, path, day, reread, stdout)
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().StringVar(&from, "from", "", "first `DAY` to process again (2026-03-31, UTC)")
	cmd.Flags().StringSliceVar(&reread, "reread", nil, "read these sources again first")
	completeFlagBy(cmd, "reread", completeNames(&path, sourceNames))
	return cmd
}

// rejudge has sources read again, and leaves the request for the daemon.
func rejudge(ctx context.Context, conf *config.Config, path string, from time.Time, reread []string, stdout io.Writer) error {
	for _, name := range reread {
		if sourceNamed(conf, name) == nil {
			var names []string
			for _, s := range conf.Sources {
				names = append(names, s.Name)
			}
			return &exit{exitUsage, fmt.Errorf("--reread %q: there is no such source: %s", name, strings.Join(names, ", "))}
		}
	}

	if _, err := os.Stat(conf.DataDir); err != nil {
		return fmt.Errorf("%s: no daemon has run there", conf.DataDir)
	}
	for _, name := range reread {
		if err := rereadSource(ctx, conf, path, name, from, stdout); err != nil {
			return fmt.Errorf("source %s: %w", name, err)
		}
	}

	b, err := json.Marshal(stream.RejudgeRequest{From: from, At: time.Now().UTC(), Reread: len(reread) > 0})
	if err != nil {
		return err
	}
	file := filepath.Join(conf.DataDir, stream.RejudgeFile)
	if err := outfile.Write(file, append(b, '\n'), 0o600, true); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "What happened on %s and later is processed again, "+
		"once the daemon has read everything there is: see outflow status.\n", from.Format(time.DateOnly))
	return err
}

// rereadSource has the files of a source read again.
func rereadSource(ctx context.Context, conf *config.Config, path, name string, from time.Time, stdout io.Writer) error {
	c := sourceNamed(conf, name)
	if c.Api != nil {
		return &exit{exitUsage, fmt.Errorf("it is an API: outflow source state reset %s has it read again, by outflow run --since %s",
			name, from.Format(time.DateOnly))}
	}
	s, err := openSources(ctx, path)
	if err != nil {
		return err
	}
	defer s.Close()
	n, err := s.Reread(ctx, c.Paths)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "Source %s: %s read again.\n", name, plain.CountOf(int(n), "file is", "files are"))
	return err
}
