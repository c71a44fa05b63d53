package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/feed"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/datadir"
	"github.com/outflow/outflow/cmd/outflow/internal/keys"
	"github.com/outflow/outflow/cmd/outflow/internal/records"
	"github.com/outflow/outflow/cmd/outflow/internal/stream"
	"github.com/outflow/outflow/ingest/all"
	"github.com/outflow/outflow/ingest/backlog"
	"github.com/outflow/outflow/ingest/files"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/plain"
)

// eventsFlags say which events are looked for, and where.
type eventsFlags struct {
	alert, data, config string
	out                 report
}

func newEvents(stdout, stderr io.Writer) *cobra.Command {
	var f eventsFlags
	cmd := &cobra.Command{
		Use:   "events --alert ALERT {--data DIR | --config FILE} [EXPORT...]",
		Short: "Show the events that an alert rests on",
		Long: `Events prints the events that an alert rests on, also those beyond the ones that it lists,
from the event log of the data directory as long as that keeps them. Given folders or files of
exports, it reads those instead and prints the vendors' own records with them.

Names are shown. A line of the audit log of accesses says who has read the events of which alert.

Exit status: 0 found, 1 none found or not readable, 2 wrong usage.`,
		Example: `  outflow events --data data/ --alert 3fa4c1d2
  outflow events --data data/ --alert 3fa4c1d2 --format json exports/`,
		RunE: func(cmd *cobra.Command, args []string) error {
			conf, err := f.check()
			if err != nil {
				return err
			}
			return f.run(cmd.Context(), stdout, stderr, conf, args)
		},
	}
	cmd.Flags().StringVar(&f.alert, "alert", "", "`ID` of an alert, or the beginning of one")
	cmd.Flags().StringVar(&f.data, "data", "", "the data directory of scans or of a daemon, which may be running: `DIR`")
	configFlag(cmd, &f.config)
	f.out.flag(cmd)
	completeAlerts(cmd, &f.data)
	return cmd
}

// completeAlerts completes --alert by the alerts of a data directory.
func completeAlerts(cmd *cobra.Command, data *string) {
	complete := func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return alertIDs(cmd.Context(), *data, 0), cobra.ShellCompDirectiveNoFileComp
	}
	if err := cmd.RegisterFlagCompletionFunc("alert", complete); err != nil {
		panic(err)
	}
}

// check returns the configuration that the flags name, with its defaults where they name none.
func (f *eventsFlags) check() (*config.Config, error) {
	if err := f.out.check(); err != nil {
		return nil, err
	}
	if f.alert == "" {
		return nil, &exit{exitUsage, errors.New("--alert is required: the id of an alert")}
	}
	if f.config == "" && f.data == "" {
		return nil, &exit{exitUsage, errors.New("--data or --config is required: where the alert is kept")}
	}
	if f.config == "" {
		return new(config.Config), nil
	}
	conf, err := loadDaemonConfig(f.config)
	if err == nil && f.data == "" {
		f.data = conf.DataDir
	}
	return conf, err
}

func (f *eventsFlags) run(ctx context.Context, stdout, stderr io.Writer, conf *config.Config, paths []string) error {
	alerts, err := datadir.OpenAlerts(ctx, f.data)
	if err != nil {
		return err
	}
	defer alerts.Close()
	a, err := keys.FindAlert(ctx, alerts, f.data, f.alert)
	if err != nil {
		return err
	}
	if err := logEvents(ctx, f.data, a); err != nil {
		return err
	}
	s := records.New(a)
	if len(paths) > 0 {
		err = readExports(ctx, stderr, s, conf, paths)
	} else {
		err = readLog(ctx, s, alerts, conf, f.data)
	}
	if err != nil {
		return err
	}
	found := s.Found()
	if err := f.print(stdout, found); err != nil {
		return err
	}
	missing := max(a.EventCount-len(found), 0)
	switch {
	case len(found) == 0:
		return fmt.Errorf("none of the %s of alert %s is there any more", plain.CountOf(a.EventCount, "event", "events"), a.Short())
	case missing > 0:
		fmt.Fprintf(stderr, "%s found; the alert counts %s. "+
			"An event that two detectors rest on counts twice, and old events may be gone.\n",
			plain.CountOf(len(found), "event", "events"), plain.Number(int64(a.EventCount)))
	}
	return nil
}

// logEvents says in the audit log of accesses that the events of an alert are read.
func logEvents(ctx context.Context, dir string, a *alert.Alert) error {
	s, err := keys.OpenFeed(ctx, dir)
	if err != nil {
		return err
	}
	defer s.Close()
	id, err := keys.ShownID(dir, a.ID)
	if err != nil {
		return err
	}
	return s.LogAccess(ctx, time.Now(), account(), feed.Admin, "read the events of alert "+id)
}

// readExports looks in folders and files.
func readExports(ctx context.Context, stderr io.Writer, s *records.Search, conf *config.Config, paths []string) error {
	reports, err := s.Read(ctx, files.Reader{Formats: all.Formats, Tables: conf.AllTables(), Workers: 1}, paths)
	if err != nil {
		return err
	}
	for i := range reports {
		if reports[i].Failed {
			fmt.Fprintf(stderr, "%s: %s\n", plain.Escape(reports[i].Path), plain.Escape(reports[i].Reason))
		}
		for _, p := range reports[i].Problems {
			fmt.Fprintf(stderr, "%s:%d: %s\n", plain.Escape(p.File), p.Line, plain.Escape(p.Reason))
		}
	}
	return nil
}

// readLog looks in the event log that a data directory or a configuration has, or in what scans keep.
func readLog(ctx context.Context, s *records.Search, alerts *alert.Store, conf *config.Config, dir string) error {
	if conf.Log.Kind == "kafka" {
		return readKafka(ctx, s, conf, dir)
	}
	if log := filepath.Join(dir, "log.db"); exists(log) {
		return datadir.EachEvent(ctx, log, s.Take)
	}
	generation, err := alerts.Generation(ctx)
	if err != nil {
		return err
	}
	kept, err := backlog.OpenReadOnly(ctx, filepath.Join(dir, "cursors.db"))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("--data %s: there is no event log", dir)
	}
	if err != nil {
		return err
	}
	defer kept.Close()
	_, err = kept.Load(ctx, generation, s.Take)
	return err
}

func readKafka(ctx context.Context, s *records.Search, conf *config.Config, dir string) error {
	l, err := stream.OpenLogs(ctx, &conf.Log, dir, true, nil)
	if err != nil {
		return err
	}
	defer l.Close()
	return s.ReadLog(ctx, l.Events)
}

// print prints events: one line each, or one JSON object a line.
func (f *eventsFlags) print(w io.Writer, found []records.Record) error {
	enc := json.NewEncoder(w)
	for i := range found {
		r := &found[i]
		var err error
		if f.out.format == "json" {
			err = enc.Encode(r)
		} else {
			_, err = fmt.Fprintf(w, "%s  %s  %s\n", r.Time.Format("2006-01-02 15:04:05"), event.SourceNamed(r.Source).Title(), r.Text())
		}
		if err == nil && f.out.format == "text" && len(r.Native) > 0 {
			_, err = fmt.Fprintf(w, "    %s\n", plain.Printable(string(r.Native)))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
