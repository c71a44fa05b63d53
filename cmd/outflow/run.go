package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/daemon"
	"github.com/outflow/outflow/internal/secret"
)

func newRun(stderr io.Writer) *cobra.Command {
	var path string
	var roles []string
	var once bool
	var since, logLevel, logFormat string
	var forms formFlags
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Watch sources and send alerts until stopped",
		Long: `Run watches the sources of the configuration, processes events as they arrive, and sends
alerts through its channels. Without further infrastructure everything is in one process
and one data directory. With Kafka the roles may run on separate machines.

It stops within ten seconds of SIGTERM. After a stop or a crash it continues where it was.`,
		Example: `  outflow run --config outflow.yaml
  outflow run --config outflow.yaml --once          # process what there is now, for cron
  outflow run --config outflow.yaml --roles detect  # one of several machines`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if path == "" {
				return &exit{exitUsage, errors.New("--config is required")}
			}
			if err := checkRoles(roles); err != nil {
				return err
			}
			log, err := newLogger(stderr, logLevel, logFormat)
			if err != nil {
				return &exit{exitUsage, err}
			}
			conf, err := config.LoadFor(path, roles...)
			if err != nil {
				return &exit{exitUsage, err}
			}
			conf.PersonalDomains.Use()
			if since != "" {
				if _, err := (&config.Source{Since: since}).Start(time.Now()); err != nil {
					return &exit{exitUsage, fmt.Errorf("--%w", err)}
				}
			}

			read, err := forms.forms()
			if err != nil {
				return err
			}
			d := &daemon.Daemon{
				Path:   path,
				Config: conf,
				Roles:  roles,
				Once:   once,
				Since:  since,
				Forms:  read,
				Log:    log,
			}
			return d.Run(cmd.Context())
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&path, "config", "", "read settings from `FILE` (YAML, see config.example.yaml)")
	fl.StringSliceVar(&roles, "roles", config.Roles, "comma-separated: "+strings.Join(config.Roles, ", "))
	fl.StringVar(&since, "since", "", "backfill start for new API sources: a date (2026-03-31) or a duration (720h)")
	forms.flags(cmd)
	fl.BoolVar(&once, "once", false, "process what there is now, send alerts, and exit")
	fl.StringVar(&logLevel, "log-level", "info", "least severe `LEVEL` that is logged: debug, info, warn, error")
	fl.StringVar(&logFormat, "log-format", "text", "`FORMAT` of the log on standard error: text, json")
	completeFlag(cmd, "roles", config.Roles)
	completeFlag(cmd, "log-level", []string{"debug", "info", "warn", "error"})
	completeFlag(cmd, "log-format", []string{"text", "json"})
	return cmd
}

// newLogger returns a logger that writes records of a level, and more severe ones, to w. The error
// names the flag.
func newLogger(w io.Writer, level, format string) (*slog.Logger, error) {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	least, known := levels[level]
	if !known {
		return nil, fmt.Errorf("--log-level %q: debug, info, warn, error", level)
	}
	options := &slog.HandlerOptions{Level: least, ReplaceAttr: secret.Attr}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return nil, fmt.Errorf("--log-format %q: text, json", format)
}
