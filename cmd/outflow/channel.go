package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/datadir"
	"github.com/outflow/outflow/cmd/outflow/internal/keys"
	"github.com/outflow/outflow/cmd/outflow/internal/sources"
	"github.com/outflow/outflow/internal/plain"
)

func newChannel(stdout io.Writer) *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "channel",
		Short: "Test the channels of a daemon",
		Args:  usage(cobra.NoArgs),
		RunE:  group,
	}
	configFlag(cmd, &path)
	cmd.AddCommand(newChannelTest(stdout, &path))
	return cmd
}

func newChannelTest(stdout io.Writer, path *string) *cobra.Command {
	return &cobra.Command{
		Use:   "test NAME",
		Short: "Send a message that is marked as a test",
		Args:  usage(cobra.ExactArgs(1)),

		ValidArgsFunction: completeNames(path, channelNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			conf, err := loadDaemonConfig(*path)
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
					return sources.Explain(fmt.Errorf("channel %s: %w", c.Name, err))
				}
				_, err := fmt.Fprintf(stdout, "Test message sent. Check that it has arrived in %s.\n", plain.Escape(c.Name))
				return err
			}
			return &exit{exitUsage, fmt.Errorf("%s has no channel %q", *path, args[0])}
		},
	}
}

// testChannel sends a sample alert, masked as the channel's alerts are.
func testChannel(ctx context.Context, conf *config.Config, c *config.Channel) error {
	if err := datadir.Make(conf.DataDir, conf.DataDirShared); err != nil {
		return fmt.Errorf("data_dir%w", err)
	}
	mask, err := keys.ChannelMask(conf.DataDir, conf, c, keys.Organisation{})
	if err != nil {
		return err
	}
	n, err := c.Open(ctx)
	if err != nil {
		return err
	}
	m := &alert.Message{Alert: alert.Sample(time.Now()), Test: true}
	if mask != nil {
		m.Alert = mask(&m.Alert)
	}
	m.Link = conf.Link(&m.Alert)
	_, err = n.Notify(ctx, m)
	return err
}
