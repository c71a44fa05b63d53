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

// privacyFlags are the flags of all commands about privacy.
type privacyFlags struct {
	privacy.Dir
	config string
}

func (f *privacyFlags) flags(cmd *cobra.Command) {
	cmd.PersistentFlags().StringVar(&f.Data, "data", "",
		"the data directory of a daemon or of scans: `DIR` (default: that of --config, or data)")
	cmd.PersistentFlags().StringVar(&f.config, "config", "", "the configuration `FILE`")
}

// open loads the configuration and, if exclusive is set, locks the data directory until unlock is
// called.
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
		Use:   "privacy",
		Short: "Report, export, erase and expire personal data",
		Args:  usage(cobra.NoArgs),
		RunE:  group,
	}
	f.flags(cmd)
	cmd.AddCommand(
		newPrivacyReport(stdout, &f),
		newExport(stdout, stderr, &f),
		newErase(stdout, &f),
		newExpire(stdout, &f),
	)
	return cmd
}

func newPrivacyReport(stdout io.Writer, f *privacyFlags) *cobra.Command {
	var r report
	cmd := &cobra.Command{
		Use:   "report",
		Short: "List indicators, purposes, retention, and who accessed what",
		Long: `Report lists what a works council or a data protection officer asks for: which
indicators there are, what they count and who is exempt from them; the purposes,
and the pseudonyms under which each sees people; what is kept, for how long and since
when; what was deleted because of that; and who has used the feed within 90 days.`,
		Args:    usage(cobra.NoArgs),
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
	r.flag(cmd)
	return cmd
}

func newExport(stdout, stderr io.Writer, f *privacyFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "export PERSON",
		Short: "Write everything that is kept about a person as JSON",
		Long: `Export answers a person's request for access to their data. It writes their accounts,
HR's records, their baseline, alerts with what was decided, their days, their events
that the embedded log still holds, and who accessed them. The daemon may be running.`,
		Args: usage(cobra.ExactArgs(1)),
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
}

func newErase(stdout io.Writer, f *privacyFlags) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "erase PERSON",
		Short: "Delete everything that is kept about a person",
		Long: `Erase deletes what is kept about a person from the data directory: alerts with their
decisions, days, baselines, accounts, events, dead letters, and requests for their name.
It rewrites the files, so that no trace is left in freed space. The audit log of accesses
records the erasure under a pseudonym. Stop the daemon first. What is not reached is
listed: exports in watched folders, Kafka topics, backups, messages that were sent.
Unless the person is excluded (indicators_off), new events begin a new baseline.`,
		Args: usage(cobra.ExactArgs(1)),
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
	cmd.Flags().BoolVar(&yes, "yes", false, "confirm: this cannot be undone")
	return cmd
}

func newExpire(stdout io.Writer, f *privacyFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "expire",
		Short: "Delete what is older than retention allows, as the daemon does once a day",
		Args:  usage(cobra.NoArgs),
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

			deleted, err := privacy.Expire(cmd.Context(), f.Data, conf, alerts, time.Now())
			if err != nil {
				return err
			}
			if deleted == "" {
				deleted = "nothing is that old"
			}
			_, err = fmt.Fprintln(stdout, deleted)
			return err
		},
	}
}
