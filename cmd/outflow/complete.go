package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/datadir"
)

// What the shell completes beside commands and flags: values of flags, and names of what a configuration
// or a data directory has.

// completeFlag completes the values of a flag, which is defined.
func completeFlag(cmd *cobra.Command, flag string, values []string) {
	completeFlagBy(cmd, flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// completeFlagBy completes the values of a flag, which is defined, by a function.
func completeFlagBy(cmd *cobra.Command, flag string, by cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, by); err != nil {
		panic(err)
	}
}

// completeNames completes the first argument with names of a configuration.
func completeNames(path *string, names func(*config.Config) []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		conf, err := loadDaemonConfig(*path)
		if err != nil || len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return names(conf), cobra.ShellCompDirectiveNoFileComp
	}
}

func sourceNames(c *config.Config) (names []string) {
	for i := range c.Sources {
		names = append(names, c.Sources[i].Name)
	}
	return names
}

func channelNames(c *config.Config) (names []string) {
	for i := range c.Channels {
		names = append(names, c.Channels[i].Name)
	}
	return names
}

// alertIDs are the ids of the alerts in a data directory, with what they are about; none after the first
// argument.
func alertIDs(ctx context.Context, dir string, args int) (list []cobra.Completion) {
	if dir == "" || args > 0 {
		return nil
	}
	s, err := datadir.OpenAlerts(ctx, dir)
	if err != nil {
		return nil
	}
	defer s.Close()
	all, err := s.All(ctx)
	if err != nil {
		return nil
	}
	for i := range all {
		list = append(list, cobra.CompletionWithDesc(all[i].Short(), all[i].User+" "+all[i].Title))
	}
	return list
}
