package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/keys"
	"github.com/outflow/outflow/internal/plain"
)

func newChannel(stdout, stderr io.Writer) *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use: "channel", Short: "Test the channels of a daemon", Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringVar(&path, "config", "", "the configuration `FILE` of the daemon")
	cmd.AddCommand(&cobra.Command{
		Use: "test NAME", Short: "Send a message that is marked as a test", Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			conf, err := sourcesOf(path)
			if err != nil {
				return err
			}
			for i := range conf.Channels {
				c := &conf.Channels[i]
				if c.Name != args[0] {
					continue
				}
				if c.Kind == "file" {
					return &exit{exitUsage, fmt.Errorf("channel %s writes to %s: there is nothing to test", c.Name, c.Path)}
				}
				if err := testChannel(cmd.Context(), conf, c); err != nil {
					return explained(fmt.Errorf("channel %s: %w", c.Name, err))
				}
				_, err := fmt.Fprintf(stdout, "Sent: look whether it has arrived in %s.\n", plain.Escape(c.Name))
				return err
			}
			return &exit{exitUsage, fmt.Errorf("%s has no channel %q", path, args[0])}
		},
	})
	return cmd
}

func testChannel(ctx context.Context, conf *config.Config, c *config.Channel) error {
	if err := os.MkdirAll(conf.DataDir, 0o700); err != nil {
		return err
	}
	mask, err := keys.ChannelMask(conf.DataDir, conf, c, nil)
	if err != nil {
		return err
	}
	n, err := c.Open(ctx)
	if err != nil {
		return err
	}
	m := &alert.Message{Alert: alert.Sample(time.Now()), Test: true}
	m.Link = conf.Link(&m.Alert)
	if mask != nil {
		m.Alert = mask(&m.Alert)
	}
	_, err = n.Notify(ctx, m)
	return err
}

func newAlerts(stdout io.Writer) *cobra.Command {
	var path string
	var r report
	cmd := &cobra.Command{
		Use: "alerts", Short: "Look at the alerts of a daemon, and at what was not sent", Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringVar(&path, "config", "", "the configuration `FILE` of the daemon")
	open := func(cmd *cobra.Command, open func(context.Context, string) (*alert.Store, error)) (*alert.Store, error) {
		name, err := runFile(path, "alerts.db")
		if err != nil {
			return nil, err
		}
		return open(cmd.Context(), name)
	}
	unsent := &cobra.Command{
		Use: "unsent", Short: "List messages that did not go out, and why", Args: usage(cobra.NoArgs),
		Long: `Unsent lists messages that were put aside, because the channel refused them, three
days had passed or they were beyond the channel's budget, and those that are tried again.`,
		PreRunE: func(*cobra.Command, []string) error { return r.check() },
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := open(cmd, alert.OpenStoreReadOnly)
			if err != nil {
				return err
			}
			defer s.Close()
			list, err := s.Unsent(cmd.Context())
			if err != nil {
				return err
			}
			return r.write(stdout, list, func(w io.Writer) error {
				for _, u := range list {
					number, when := strconv.FormatInt(u.Seq, 10), "put aside "+u.At.Format("2006-01-02 15:04")
					if u.Seq == 0 {
						number, when = "-", fmt.Sprintf("tried %d times, again at %s", u.Tries, u.At.Format("2006-01-02 15:04:05"))
					}
					if _, err := fmt.Fprintf(w, "%s  %s  %s  %s: %s (%s)\n", number, plain.Escape(u.Channel), u.Alert[:min(8, len(u.Alert))], plain.Escape(u.Title), plain.Escape(u.Reason), when); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	r.flag(unsent)
	retry := &cobra.Command{
		Use: "retry [NUMBER]", Short: "Send what was put aside after all: all, or one", Args: usage(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			seq := int64(0)
			if len(args) > 0 {
				var err error
				if seq, err = strconv.ParseInt(args[0], 10, 64); err != nil || seq < 1 {
					return &exit{exitUsage, fmt.Errorf("%q is not the number of a message: outflow alerts unsent", args[0])}
				}
			}
			s, err := open(cmd, alert.OpenStore)
			if err != nil {
				return err
			}
			defer s.Close()
			n, err := s.Retry(cmd.Context(), seq, time.Now())
			if err == nil && n == 0 && seq > 0 {
				err = errors.New("there is no such message")
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(stdout, "%s messages are sent at the next look\n", plain.Count(int(n)))
			return err
		},
	}
	cmd.AddCommand(unsent, retry)
	return cmd
}
