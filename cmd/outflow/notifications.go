package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/plain"
)

func newNotifications(stdout io.Writer) *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "notifications",
		Short: "List and retry notifications that were not sent",
		Args:  usage(cobra.NoArgs),
		RunE:  group,
	}
	configFlag(cmd, &path)
	cmd.AddCommand(newPending(stdout, &path), newRetry(stdout, &path))
	return cmd
}

// openDaemonAlerts opens the alerts of a daemon.
func openDaemonAlerts(
	ctx context.Context, path string, open func(context.Context, string) (*alert.Store, error),
) (*alert.Store, error) {
	name, err := daemonFile(path, "alerts.db")
	if err != nil {
		return nil, err
	}
	return open(ctx, name)
}

func newPending(stdout io.Writer, path *string) *cobra.Command {
	var r report
	cmd := &cobra.Command{
		Use:   "pending",
		Short: "List notifications that were not sent, and why",
		Long: `Pending lists notifications that were set aside, because the channel refused them, three
days had passed or they were beyond the channel's budget, and those that will be retried.`,
		Args:    usage(cobra.NoArgs),
		PreRunE: func(*cobra.Command, []string) error { return r.check() },
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := openDaemonAlerts(cmd.Context(), *path, alert.OpenStoreReadOnly)
			if err != nil {
				return err
			}
			defer s.Close()
			list, err := s.Unsent(cmd.Context())
			if err != nil {
				return err
			}
			return r.write(stdout, list, func(w io.Writer) error { return printPending(w, list) })
		},
	}
	r.flag(cmd)
	return cmd
}

func printPending(w io.Writer, list []alert.Unsent) error {
	for _, u := range list {
		number, when := strconv.FormatInt(u.Seq, 10), "put aside "+u.At.Format("2006-01-02 15:04")
		if u.Seq == 0 {
			tries := plain.CountOf(u.Tries, "time", "times")
			number, when = "-", fmt.Sprintf("tried %s, again at %s", tries, u.At.Format("2006-01-02 15:04:05"))
		}
		id := u.Alert[:min(8, len(u.Alert))]
		_, err := fmt.Fprintf(w, "%s  %s  %s  %s: %s (%s)\n",
			number, plain.Escape(u.Channel), id, plain.Escape(u.Title), plain.Escape(u.Reason), when)
		if err != nil {
			return err
		}
	}
	return nil
}

func newRetry(stdout io.Writer, path *string) *cobra.Command {
	return &cobra.Command{
		Use:   "retry [NUMBER]",
		Short: "Retry undelivered notifications: all of them, or one",
		Args:  usage(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			seq := int64(0)
			if len(args) > 0 {
				var err error
				if seq, err = strconv.ParseInt(args[0], 10, 64); err != nil || seq < 1 {
					return &exit{exitUsage, fmt.Errorf("%q is not the number of a message: outflow notifications pending", args[0])}
				}
			}
			s, err := openDaemonAlerts(cmd.Context(), *path, alert.OpenStore)
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
			_, err = fmt.Fprintf(stdout, "%s sent at the next look\n", plain.CountOf(int(n), "message is", "messages are"))
			return err
		},
	}
}
