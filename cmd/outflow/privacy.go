package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/datadir"
	"github.com/outflow/outflow/cmd/outflow/internal/privacy"
)

// privacyFlags are those of all commands about privacy.
type privacyFlags struct {
	privacy.Dir
	config string
}

func (f *privacyFlags) flags(cmd *cobra.Command) {
	cmd.PersistentFlags().StringVar(&f.Data, "data", "", "the data directory of a daemon, or of scans: `DIR` (default: that of --config, or data)")
	cmd.PersistentFlags().StringVar(&f.config, "config", "", "the configuration `FILE`")
}

// open loads the configuration, and takes the data directory for itself if that is wanted.
func (f *privacyFlags) open(exclusive bool) (conf *config.Config, unlock func(), err error) {
	if conf, err = config.Load(f.config); err != nil {
		return nil, nil, &exit{exitUsage, err}
	}
	f.Data = cmp.Or(f.Data, conf.DataDir)
	if _, err := os.Stat(filepath.Join(f.Data, "alerts.db")); err != nil {
		return nil, nil, fmt.Errorf("--data %s: there are no alerts", f.Data)
	}
	unlock = func() {}
	f.Write = exclusive
	if exclusive {
		lock, err := datadir.Lock(f.Data)
		if err != nil {
			return nil, nil, fmt.Errorf("--data%w: stop the daemon first", err)
		}
		unlock = func() { lock.Close() }
	}
	return conf, unlock, nil
}

func newPrivacy(stdout, stderr io.Writer) *cobra.Command {
	var f privacyFlags
	cmd := &cobra.Command{
		Use: "privacy", Short: "What is kept about people, for how long, and who looked; export and erase", Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	f.flags(cmd)
	var r report
	show := &cobra.Command{
		Use: "report", Short: "List indicators, purposes, retention, and who saw what", Args: usage(cobra.NoArgs),
		Long: `Report lists what a works council or a data protection officer asks for: which
indicators there are, what they count and for whom they are switched off; the purposes,
and under which pseudonyms each sees people; what is kept, for how long and since when;
what was deleted because of that; and who has used the feed within 90 days.`,
		PreRunE: func(*cobra.Command, []string) error { return r.check() },
		RunE: func(cmd *cobra.Command, _ []string) error {
			conf, _, err := f.open(false)
			if err != nil {
				return err
			}
			p, err := f.Report(cmd.Context(), conf, time.Now())
			if err != nil {
				return err
			}
			return r.write(stdout, p, p.Write)
		},
	}
	r.flag(show)
	export := &cobra.Command{
		Use: "export PERSON", Short: "Write everything that is kept about somebody as JSON", Args: usage(cobra.ExactArgs(1)),
		Long: `Export writes, for a request of somebody to see what is kept about them: their accounts,
what HR has said, what is usual for them, alerts with what was decided, their days, their
events that the embedded log still has, and who looked. The daemon may run.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			conf, _, err := f.open(false)
			if err != nil {
				return err
			}
			m, err := f.Named(cmd.Context(), conf, args[0])
			if err != nil {
				return err
			}
			if s := m.Describe(args[0]); s != "" {
				fmt.Fprintln(stderr, s)
			}
			x, err := f.Export(cmd.Context(), conf, m.Person.Address)
			if err != nil {
				return err
			}
			enc := json.NewEncoder(stdout)
			enc.SetIndent("", "  ")
			return enc.Encode(x)
		},
	}
	var yes bool
	erase := &cobra.Command{
		Use: "erase PERSON", Short: "Delete everything that is kept about somebody", Args: usage(cobra.ExactArgs(1)),
		Long: `Erase deletes what is kept about somebody from the data directory: alerts with all that
became of them, days, baselines, accounts, events, dead letters, and requests for their
name; and writes the files anew, so that no trace is left in what was freed. The log of
access says that it was done, by a pseudonym. Stop the daemon first. What is not reached
is listed: exports in watched folders, topics of Kafka, backups, messages that were sent.
Unless people are switched off (indicators_off), new events begin a new baseline.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !yes {
				return &exit{exitUsage, errors.New("this cannot be undone: say --yes")}
			}
			conf, unlock, err := f.open(true)
			if err != nil {
				return err
			}
			defer unlock()
			m, err := f.Named(cmd.Context(), conf, args[0])
			if err != nil {
				return err
			}
			if s := m.Describe(args[0]); s != "" { // it cannot be undone: no guess is good enough
				return fmt.Errorf("%s: give the address", s)
			}
			e, err := f.Erase(cmd.Context(), conf, m.Person.Address, time.Now())
			if err != nil {
				return err
			}
			_, err = io.WriteString(stdout, e.String())
			return err
		},
	}
	erase.Flags().BoolVar(&yes, "yes", false, "do it")
	expiry := &cobra.Command{
		Use: "expire", Short: "Delete what is older than retention says, as the daemon does once a day", Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			conf, _, err := f.open(false)
			if err != nil {
				return err
			}
			if conf.Retention == (config.Retention{}) {
				return &exit{exitFailed, errors.New("nothing is deleted: no retention is configured (--config)")}
			}
			alerts, err := alert.OpenStore(cmd.Context(), filepath.Join(f.Data, "alerts.db"))
			if err != nil {
				return err
			}
			defer alerts.Close()
			said, err := privacy.Expire(cmd.Context(), f.Data, conf, alerts, time.Now())
			if err != nil {
				return err
			}
			if said == "" {
				said = "nothing is that old"
			}
			_, err = fmt.Fprintln(stdout, said)
			return err
		},
	}
	cmd.AddCommand(show, export, erase, expiry)
	return cmd
}
