package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/cmd/outflow/internal/batch"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/daemon"
	"github.com/outflow/outflow/ingest/watch"
	"github.com/outflow/outflow/internal/plain"
)

// runFolder is the data directory that a configuration file names.
func runFolder(path string) (string, error) {
	if path == "" {
		return "", &exit{exitUsage, errors.New("--config is required")}
	}
	conf, err := config.Load(path)
	if err != nil {
		return "", &exit{exitUsage, err}
	}
	return conf.DataDir, nil
}

// runFile is a file of the state of the daemon with a configuration.
func runFile(config, name string) (string, error) {
	dir, err := runFolder(config)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%s: no daemon has run there", dir)
	}
	return path, nil
}

// openSources opens the state of the sources of the daemon with a configuration, to change
// it.
func openSources(ctx context.Context, config string) (*watch.Store, error) {
	path, err := runFile(config, "sources.db")
	if err != nil {
		return nil, err
	}
	return watch.Open(ctx, path)
}

// readSources opens the state of the sources of the daemon with a configuration, to read
// it.
func readSources(ctx context.Context, config string) (*watch.Store, error) {
	path, err := runFile(config, "sources.db")
	if err != nil {
		return nil, err
	}
	return watch.OpenReadOnly(ctx, path)
}

func newStatus(stdout io.Writer) *cobra.Command {
	var path string
	var r report
	cmd := &cobra.Command{
		Use: "status", Short: "Say how the daemon is doing", Args: usage(cobra.NoArgs),
		Long: `Status says what the daemon with this configuration did last: by source the events
and the newest of them, how far behind it is, and what was told.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := r.check(); err != nil {
				return err
			}
			file, err := runFile(path, "status.json")
			if err != nil {
				return err
			}
			b, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			var s daemon.Status
			if err := json.Unmarshal(b, &s); err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			if s.Usual, err = batch.UsualKept(cmd.Context(), filepath.Dir(file)); err != nil {
				return err
			}
			return r.write(stdout, &s, func(w io.Writer) error {
				if err := printStatus(&s, w, time.Now()); err != nil {
					return err
				}
				return batch.PrintUsual(w, s.Usual)
			})
		},
	}
	cmd.Flags().StringVar(&path, "config", "", "the configuration `FILE` of the daemon")
	r.flag(cmd)
	return cmd
}

// printStatus writes a status for people.
func printStatus(s *daemon.Status, w io.Writer, now time.Time) error {
	ago := func(t time.Time) string {
		if t.IsZero() {
			return "-"
		}
		return t.Format("2006-01-02 15:04:05") + " (" + since(now.Sub(t)) + " ago)"
	}
	if s.Once {
		fmt.Fprintf(w, "Ran once, until %s.\n\n", ago(s.At))
	} else if now.Sub(s.At) > 5*daemon.StatusEvery {
		fmt.Fprintf(w, "Not running; this is from %s.\n\n", ago(s.At))
	} else {
		fmt.Fprintf(w, "Running since %s.\n\n", ago(s.Started))
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SOURCE\tVENDOR\tEVENTS\tPER HOUR\tNEWEST")
	for _, v := range s.Sources {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", plain.Escape(v.Source), v.Vendor, plain.Count(int(v.Events)), plain.Count(int(v.Hourly)), ago(v.Newest))
	}
	fmt.Fprintln(t)
	if len(s.Parts) > 0 {
		fmt.Fprintln(t, "PARTITION\tREAD\tEND\tLAG")
		for _, p := range s.Parts {
			fmt.Fprintf(t, "%d\t%s\t%s\t%s\n", p.Partition, plain.Count(int(p.Next)), plain.Count(int(p.End)), plain.Count(int(p.Lag)))
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(s.Streams) > 0 {
		if err := printStates(w, s.Streams, s.At); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	for _, what := range s.Unwell {
		fmt.Fprintf(w, "NOT WORKING: %s\n", what)
	}
	for _, f := range s.Folders {
		fmt.Fprintf(w, "Source %s: %s files are known, %s wait or are being read, %s could not be read.", plain.Escape(f.Source), plain.Count(f.Files), plain.Count(f.Waiting+f.Reading), plain.Count(f.Unreadable))
		if f.Example != "" {
			fmt.Fprintf(w, " One of these: %s.", plain.Escape(f.Example))
		}
		if f.Walking != "" {
			fmt.Fprintf(w, " Changes are found by walking every %s: %s.", time.Duration(f.Every*float64(time.Second)).Round(time.Second), plain.Escape(f.Walking))
		}
		fmt.Fprintln(w)
	}
	if len(s.Unwell)+len(s.Folders) > 0 {
		fmt.Fprintln(w)
	}
	if s.Arrived != nil {
		if err := s.Arrived.Print(w); err != nil {
			return err
		}
	}
	if j := s.Judge; j != nil {
		fmt.Fprintf(w, "Knows %s people; the newest event that was judged is of %s; %s times since the start something came late enough to judge again.\n", plain.Count(j.People), ago(j.Newest), plain.Count(int(j.Rewinds)))
	}
	if j := s.Judge; j != nil && j.Names+j.Guests > 0 {
		fmt.Fprintf(w, "Left out: what was known of %s names that never signed in, and %s events of outsiders; there were too many (docs/detectors/names_left_out.md).\n", plain.Count(int(j.Names)), plain.Count(int(j.Guests)))
	}
	if j := s.Judge; j != nil && j.Of > 0 {
		fmt.Fprintf(w, "Judges %d of %d shards of the people (%s); waited %s for who judges the others.\n", len(j.Shards), j.Of, listed(j.Shards), time.Duration(j.Waited*float64(time.Second)).Round(time.Second))
	}
	if a := s.Alerts; a != nil {
		fmt.Fprintf(w, "%s alerts are known, %s were told, %s wait to be sent.\n", plain.Count(a.Known), plain.Count(a.Told), plain.Count(a.Waiting))
	}
	_, err := fmt.Fprintf(w, "%s records could not be decoded (outflow dead list); %s failures since the start.\n", plain.Count(s.Dead), plain.Count(int(s.Failures)))
	return err
}

// listed lists numbers, which are in order: 0–3, 7.
func listed(list []int) string {
	var parts []string
	for i := 0; i < len(list); {
		k := i
		for k+1 < len(list) && list[k+1] == list[k]+1 {
			k++
		}
		part := strconv.Itoa(list[i])
		if k > i {
			part += "–" + strconv.Itoa(list[k])
		}
		parts, i = append(parts, part), k+1
	}
	return strings.Join(parts, ", ")
}

// since is how long something is ago, for people.
func since(d time.Duration) string {
	switch d = d.Round(time.Second); {
	case d < 2*time.Minute:
		return d.String()
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutes", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d hours", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

func newDead(stdout io.Writer) *cobra.Command {
	var path string
	var r report
	cmd := &cobra.Command{
		Use: "dead", Short: "Look at records that could not be decoded", Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringVar(&path, "config", "", "the configuration `FILE` of the daemon")
	// with runs do on the letters: on the one that is named, or with 0 on all of them.
	with := func(open func(ctx context.Context, config string) (*watch.Store, error), do func(ctx context.Context, s *watch.Store, id int64) error) func(*cobra.Command, []string) error {
		return func(cmd *cobra.Command, args []string) error {
			id := int64(0)
			if len(args) > 0 {
				var err error
				if id, err = strconv.ParseInt(args[0], 10, 64); err != nil || id < 1 {
					return &exit{exitUsage, fmt.Errorf("%q is not the number of a dead letter: outflow dead list", args[0])}
				}
			}
			s, err := open(cmd.Context(), path)
			if err != nil {
				return err
			}
			defer s.Close()
			return do(cmd.Context(), s, id)
		}
	}
	list := &cobra.Command{
		Use: "list", Short: "List them: where they are, and why", Args: usage(cobra.NoArgs),
		PreRunE: func(*cobra.Command, []string) error { return r.check() },
		RunE: with(readSources, func(ctx context.Context, s *watch.Store, all int64) error {
			letters, err := s.DeadLetters(ctx, all)
			if err != nil {
				return err
			}
			return r.write(stdout, letters, func(w io.Writer) error {
				for _, l := range letters {
					if _, err := fmt.Fprintf(w, "%d  %s  %s  %s: %s\n", l.ID, l.At.Format("2006-01-02 15:04"), plain.Escape(l.Source), place(&l), plain.Escape(l.Reason)); err != nil {
						return err
					}
				}
				return nil
			})
		}),
	}
	r.flag(list)
	show := &cobra.Command{
		Use: "show NUMBER", Short: "Show one with its record, if the file is still there", Args: usage(cobra.ExactArgs(1)),
		RunE: with(readSources, func(ctx context.Context, s *watch.Store, id int64) error {
			letters, err := s.DeadLetters(ctx, id)
			if err != nil {
				return err
			}
			if len(letters) == 0 {
				return fmt.Errorf("there is no dead letter %d", id)
			}
			l := letters[0]
			fmt.Fprintf(stdout, "%s:%d\n%s\n", plain.Escape(l.File), l.Line, plain.Escape(l.Reason))
			record := l.Record
			if record == "" {
				record, err = watch.Record(l.File, l.Line)
			}
			if err != nil {
				fmt.Fprintf(stdout, "The record cannot be shown: %s\n", plain.Escape(err.Error()))
				return nil
			}
			_, err = fmt.Fprintf(stdout, "\n%s\n", plain.Escape(record))
			return err
		}),
	}
	replay := &cobra.Command{
		Use: "replay [NUMBER]", Short: "Have the daemon read all, or one, again", Args: usage(cobra.MaximumNArgs(1)),
		Long: `Replay has the daemon read dead letters again at its next look, those of files with
the whole file, for instance after an upgrade that understands them. What it had understood before
counts once. Letters whose file is not there any more stay and are listed; the exit status is 1 then.`,
		RunE: with(openSources, func(ctx context.Context, s *watch.Store, id int64) error {
			n, gone, err := s.ReprocessDeadLetters(ctx, id)
			if err == nil && n == 0 && len(gone) == 0 && id > 0 {
				err = fmt.Errorf("there is no dead letter %d", id)
			}
			if err != nil {
				return err
			}
			if _, err = fmt.Fprintf(stdout, "%s dead letters are read again at the next look\n", plain.Count(int(n))); err != nil || len(gone) == 0 {
				return err
			}
			for _, l := range gone {
				if _, err := fmt.Fprintf(stdout, "%d  %s  %s: stays: the file that it was in is gone, or was changed\n", l.ID, plain.Escape(l.Source), place(&l)); err != nil {
					return err
				}
			}
			return fmt.Errorf("%s dead letters cannot be read again, and stay", plain.Count(len(gone)))
		}),
	}
	cmd.AddCommand(list, show, replay)
	return cmd
}

// place is where a dead letter is: its file, and its line if it is not about all of it.
func place(l *watch.DeadLetter) string {
	text := plain.Escape(l.File)
	if l.Line > 0 {
		text += ":" + strconv.Itoa(l.Line)
	}
	return text
}
