package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/ingest/all"
	"github.com/outflow/outflow/ingest/files"
	"github.com/outflow/outflow/ingest/watch"
	"github.com/outflow/outflow/internal/outfile"
	"github.com/outflow/outflow/internal/plain"
)

func newDeadLetter(stdout io.Writer) *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "dead-letter",
		Short: "List, show and replay records that could not be decoded",
		Args:  usage(cobra.NoArgs),
		RunE:  group,
	}
	configFlag(cmd, &path)
	cmd.AddCommand(newLetterList(stdout, &path), newLetterShow(stdout, &path), newLetterReplay(stdout, &path))
	return cmd
}

// onLetters runs do on the dead letters of a daemon, in the store that open opens: on the one that is
// given as an argument, or with id 0 on all of them.
func onLetters(
	path *string,
	open func(ctx context.Context, config string) (*watch.Store, error),
	do func(ctx context.Context, s *watch.Store, id int64) error,
) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		id := int64(0)
		if len(args) > 0 {
			var err error
			if id, err = strconv.ParseInt(args[0], 10, 64); err != nil || id < 1 {
				return &exit{exitUsage, fmt.Errorf("%q is not the number of a dead letter: outflow dead-letter list", args[0])}
			}
		}
		s, err := open(cmd.Context(), *path)
		if err != nil {
			return err
		}
		defer s.Close()
		return do(cmd.Context(), s, id)
	}
}

func newLetterList(stdout io.Writer, path *string) *cobra.Command {
	var r report
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List dead letters: where they are, and why",
		Args:    usage(cobra.NoArgs),
		PreRunE: func(*cobra.Command, []string) error { return r.check() },
		RunE: onLetters(path, readSources, func(ctx context.Context, s *watch.Store, all int64) error {
			letters, err := s.DeadLetters(ctx, all)
			if err != nil {
				return err
			}
			return r.write(stdout, letters, func(w io.Writer) error { return printLetters(w, letters) })
		}),
	}
	r.flag(cmd)
	return cmd
}

func printLetters(w io.Writer, letters []watch.DeadLetter) error {
	for i := range letters {
		l := &letters[i]
		at := l.At.Format("2006-01-02 15:04")
		_, err := fmt.Fprintf(w, "%d  %s  %s  %s: %s\n", l.ID, at, plain.Escape(l.Source), position(l), plain.Escape(l.Reason))
		if err != nil {
			return err
		}
	}
	return nil
}

func newLetterShow(stdout io.Writer, path *string) *cobra.Command {
	return &cobra.Command{
		Use:   "show NUMBER",
		Short: "Show a dead letter with its record, if the file still exists",
		Args:  usage(cobra.ExactArgs(1)),
		RunE: onLetters(path, readSources, func(ctx context.Context, s *watch.Store, id int64) error {
			letters, err := s.DeadLetters(ctx, id)
			if err != nil {
				return err
			}
			if len(letters) == 0 {
				return fmt.Errorf("there is no dead letter %d", id)
			}

			l := &letters[0]
			fmt.Fprintf(stdout, "%s\n%s\n", position(l), plain.Escape(l.Reason))
			record := l.Record
			if record == "" {
				if record, err = letterRecord(ctx, *path, l); err != nil {
					return fmt.Errorf("the record cannot be shown: %s", plain.Escape(err.Error()))
				}
			}
			_, err = fmt.Fprintf(stdout, "\n%s\n", plain.Escape(record))
			return err
		}),
	}
}

// letterRecord reads the record of a dead letter from its file.
func letterRecord(ctx context.Context, path string, l *watch.DeadLetter) (string, error) {
	conf, err := loadDaemonConfig(path)
	if err != nil {
		return "", err
	}
	file, err := letterFile(conf, l)
	if err != nil {
		return "", err
	}
	return watch.FindRecord(ctx, files.Reader{Formats: all.Formats, Tables: conf.AllTables()}, l, file)
}

// letterFile finds the file of a dead letter. A relative path is that of the daemon's working directory,
// which may be another one: then the file is looked for below the folders of the source.
func letterFile(conf *config.Config, l *watch.DeadLetter) (string, error) {
	file, _, _ := strings.Cut(l.File, "!")
	if outfile.Exists(file) {
		return file, nil
	}
	if s := sourceNamed(conf, l.Source); s != nil && !filepath.IsAbs(file) {
		for _, root := range s.Paths {
			_, below, found := strings.Cut("/"+file, "/"+filepath.Base(root)+"/")
			if at := filepath.Join(root, below); found && outfile.Exists(at) {
				return at, nil
			}
		}
	}
	return "", fmt.Errorf("%s is gone", l.File)
}

func newLetterReplay(stdout io.Writer, path *string) *cobra.Command {
	return &cobra.Command{
		Use:   "replay [NUMBER]",
		Short: "Read all dead letters again, or one",
		Long: `Replay has the daemon read dead letters again at its next look, for instance after an
upgrade that understands them. A file is read as a whole; events that are known already
count once. Dead letters of a file that is gone or was changed stay and are listed; the exit
status is 1 then.`,
		Args: usage(cobra.MaximumNArgs(1)),
		RunE: onLetters(path, openSources, func(ctx context.Context, s *watch.Store, id int64) error {
			n, gone, err := s.ReprocessDeadLetters(ctx, id)
			if err == nil && n == 0 && len(gone) == 0 && id > 0 {
				err = fmt.Errorf("there is no dead letter %d", id)
			}
			if err != nil {
				return err
			}

			read := plain.CountOf(int(n), "dead letter is", "dead letters are")
			if _, err = fmt.Fprintf(stdout, "%s read again at the next look\n", read); err != nil || len(gone) == 0 {
				return err
			}
			for i := range gone {
				l := &gone[i]
				_, err := fmt.Fprintf(stdout, "%d  %s  %s: stays: the file that it was in is gone, or was changed\n",
					l.ID, plain.Escape(l.Source), position(l))
				if err != nil {
					return err
				}
			}
			stay := plain.CountOf(len(gone), "dead letter cannot be read again, and stays", "dead letters cannot be read again, and stay")
			return errors.New(stay)
		}),
	}
}

// position is where a dead letter is: its file, and its line unless it is the whole file.
func position(l *watch.DeadLetter) string {
	text := plain.Escape(l.File)
	if l.Line > 0 {
		text += ":" + strconv.Itoa(l.Line)
	}
	return text
}
