package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/ingest/watch"
)

// What commands about a daemon share: its configuration, and the files of its data directory.

// configFlag defines --config of a command about a daemon, and of its subcommands.
func configFlag(cmd *cobra.Command, path *string) {
	cmd.PersistentFlags().StringVar(path, "config", "", "the configuration `FILE` of the daemon")
}

// loadDaemonConfig loads the configuration of a daemon, which must be given. Errors are of usage.
func loadDaemonConfig(path string) (*config.Config, error) {
	if path == "" {
		return nil, &exit{exitUsage, errors.New("--config is required")}
	}
	conf, err := config.Load(path)
	if err != nil {
		return nil, &exit{exitUsage, err}
	}
	return conf, nil
}

// daemonDir is the data directory that a configuration names.
func daemonDir(path string) (string, error) {
	conf, err := loadDaemonConfig(path)
	if err != nil {
		return "", err
	}
	return conf.DataDir, nil
}

// daemonFile is the path of a file in the data directory of a daemon, which must exist.
func daemonFile(config, name string) (string, error) {
	dir, err := daemonDir(config)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%s: no daemon has run there", dir)
	}
	return path, nil
}

// openSources opens the state of a daemon's sources to change it.
func openSources(ctx context.Context, config string) (*watch.Store, error) {
	path, err := daemonFile(config, "sources.db")
	if err != nil {
		return nil, err
	}
	return watch.Open(ctx, path)
}

// readSources opens the state of a daemon's sources to read it.
func readSources(ctx context.Context, config string) (*watch.Store, error) {
	path, err := daemonFile(config, "sources.db")
	if err != nil {
		return nil, err
	}
	return watch.OpenReadOnly(ctx, path)
}

// sourceNamed returns the source of a configuration with a name; nil if there is none.
func sourceNamed(conf *config.Config, name string) *config.Source {
	for i := range conf.Sources {
		if conf.Sources[i].Name == name {
			return &conf.Sources[i]
		}
	}
	return nil
}
