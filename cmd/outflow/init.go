package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/setup"
	"github.com/outflow/outflow/cmd/outflow/internal/sources"
	"github.com/outflow/outflow/internal/outfile"
	"github.com/outflow/outflow/internal/plain"
	"github.com/outflow/outflow/internal/secret"
)

// longestTest is how long a test of a source or a channel may take.
const longestTest = time.Minute

// initFlags are the flags of init.
type initFlags struct {
	path     string
	force    bool
	sources  []string
	channels []string
	noTest   bool
	answers  setup.Answers
}

func newInit(stdout io.Writer) *cobra.Command {
	f := initFlags{}
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write a first configuration, test its credentials, and say what is missing",
		Long: `Init asks which sources and channels there are, and writes a configuration with comments. With
--source and --channel, for scripts, it asks nothing. Secrets are references: env:NAME,
file:PATH or exec:COMMAND. They are never in the file.

Then it checks the configuration as outflow config check does, asks each source for a page and
sends a test message through each channel, and says what is missing, with the page of the
documentation to read.

Exit status: 0 everything works, 1 the file is written and something is missing, 2 wrong usage.`,
		Example: `  outflow init
  outflow init --source 'files, paths: [./exports]' --channel 'file, path: alerts.ndjson'
  outflow init --source 'okta, domain: acme.okta.com, token: "env:OKTA_TOKEN"' \
    --channel 'slack, token: "env:SLACK_BOT_TOKEN", channel: C0123456789, min_severity: high'`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), cmd.InOrStdin(), stdout) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.path, "config", "outflow.yaml", "write `FILE`")
	fl.BoolVar(&f.force, "force", false, "replace the file if there is one")
	fl.StringArrayVar(&f.sources, "source", nil, "a source: `KIND, SETTING: VALUE, …`, as in the configuration; may be repeated")
	fl.StringArrayVar(&f.channels, "channel", nil, "a channel, in the same form; may be repeated")
	fl.StringVar(&f.answers.Feed, "feed", "127.0.0.1:8443", "`ADDRESS` of the page, on this machine; none if empty")
	fl.StringVar(&f.answers.DataDir, "data-dir", "./data", "`DIR` for what Outflow stores")
	fl.Float64Var(&f.answers.Budget, "budget", 0, "accepted number of false alerts per 1,000 user-days")
	for flag, list := range map[string]string{"source": "sources", "channel": "channels"} {
		completeFlagBy(cmd, flag, func(*cobra.Command, []string, string) (names []cobra.Completion, _ cobra.ShellCompDirective) {
			kinds, _ := setup.Kinds(list) // completion has no errors
			for _, k := range kinds {
				names = append(names, cobra.CompletionWithDesc(k.Name, k.Page))
			}
			return names, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		})
	}
	fl.BoolVar(&f.noTest, "no-test", false, "ask no source, and send no test message")
	return cmd
}

// run asks or reads flags, writes the file, and tests it.
func (f *initFlags) run(ctx context.Context, in io.Reader, out io.Writer) error {
	if !f.force && outfile.Exists(f.path) {
		return &exit{exitUsage, fmt.Errorf("--config: %s exists: use --force to replace it", f.path)}
	}
	sourceKinds, err := setup.Kinds("sources")
	if err != nil {
		return err
	}
	channelKinds, err := setup.Kinds("channels")
	if err != nil {
		return err
	}
	var a *setup.Asker
	switch {
	case len(f.sources) > 0:
		err = errors.Join(f.parse("source", sourceKinds, f.sources), f.parse("channel", channelKinds, f.channels))
	case len(f.channels) > 0:
		err = &exit{exitUsage, errors.New("--source is required, too")}
	case !isTerminal(in):
		err = &exit{exitUsage, errors.New("there is no terminal to ask on: --source and --channel say what there is")}
	default:
		a = &setup.Asker{In: bufio.NewReader(in), Out: out, Try: tryItem}
		done := make(chan error, 1) // reading from a terminal cannot be interrupted
		go func() { done <- a.All(sourceKinds, channelKinds, &f.answers) }()
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case err = <-done:
		}
	}
	if err != nil {
		return err
	}
	return f.finish(ctx, a, out)
}

// isTerminal reports whether an input is a terminal.
func isTerminal(in io.Reader) bool {
	file, ok := in.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// parse takes the sources or channels of flags. Errors are of usage.
func (f *initFlags) parse(flag string, kinds []setup.Kind, texts []string) error {
	for _, text := range texts {
		x, err := setup.Parse(kinds, text)
		if err == nil {
			err = tryItem(&x)
		}
		if err != nil {
			return &exit{exitUsage, fmt.Errorf("--%s: %w", flag, err)}
		}
		f.answers.Add(x)
	}
	return nil
}

// tryItem returns what is wrong with the settings of a source or a channel, whatever they refer to.
func tryItem(x *setup.Item) error {
	dir, err := os.MkdirTemp("", "outflow-init-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	a := setup.Answers{DataDir: "data"}
	a.Add(*x)
	path := filepath.Join(dir, "outflow.yaml")
	if err := os.WriteFile(path, a.Write(), 0o600); err != nil {
		return err
	}
	if c := config.Check(context.Background(), path, false); !c.Valid {
		return errors.New(c.Problems[0].Text)
	}
	return nil
}

// finish writes the file, checks and tests it, and says what is missing. Without a, nobody is asked.
func (f *initFlags) finish(ctx context.Context, a *setup.Asker, out io.Writer) error {
	if err := outfile.Write(f.path, f.answers.Write(), 0o600, f.force); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s is written.\n", plain.Escape(f.path))
	checked := config.Check(ctx, f.path, true, config.Roles...)
	missing := checked.Errors()
	for _, p := range checked.Problems {
		fmt.Fprintf(out, "%s:%d: %s%s\n", plain.Escape(f.path), p.Line, plain.Escape(p.Text), f.advice(p.Text))
	}
	if checked.Valid && !f.noTest {
		n, err := f.test(ctx, a, checked, out)
		if err != nil {
			return err
		}
		missing += n
	}
	fmt.Fprintf(out, "\nNext:\n  outflow config check --config %[1]s\n  outflow run --config %[1]s\n", plain.Escape(f.path))
	if f.answers.Feed != "" {
		fmt.Fprintf(out, "  outflow token create --config %s --name NAME --role soc    # to sign in at http://%s\n",
			plain.Escape(f.path), plain.Escape(f.answers.Feed))
	}
	if missing > 0 {
		return &exit{exitFailed, fmt.Errorf("%s: see above", plain.CountOf(missing, "thing is missing", "things are missing"))}
	}
	return nil
}

// advice is where to read about a problem of a source or a channel; "" for others.
func (f *initFlags) advice(problem string) string {
	for _, x := range append(f.answers.Sources, f.answers.Channels...) {
		if strings.HasPrefix(problem, strings.TrimSuffix(x.Kind.List, "s")+" "+x.Name()+": ") {
			return fmt.Sprintf("\n  %s says how to set it up.", x.Kind.Page)
		}
	}
	return ""
}

// test tests the sources and channels of which no error is known, and returns how many do not work.
func (f *initFlags) test(ctx context.Context, a *setup.Asker, checked *config.Checked, out io.Writer) (failed int, err error) {
	log := slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelError, ReplaceAttr: secret.Attr}))
	known := func(what string) bool {
		for _, p := range checked.Problems {
			if p.Severity == config.IsError && strings.HasPrefix(p.Text, what+": ") {
				return true
			}
		}
		return false
	}
	conf := checked.Config
	conf.PersonalDomains.Use()
	try := func(what string, do func(ctx context.Context) error) {
		ctx, cancel := context.WithTimeout(ctx, longestTest)
		defer cancel()
		fmt.Fprintf(out, "\nTesting %s:\n", plain.Escape(what))
		if err := do(ctx); err != nil {
			failed++
			fmt.Fprintf(out, "  %s%s\n", plain.Escape(secret.Redact(err.Error())), f.advice(what+": "))
		}
	}
	for i := range conf.Sources {
		s := &conf.Sources[i]
		if what := "source " + s.Name; s.Api != nil && s.Kind != "push" && !known(what) {
			s.Since = "24h"
			try(what, func(ctx context.Context) error { return sources.Test(ctx, conf, s, log, out) })
		}
	}
	for i := range conf.Channels {
		c := &conf.Channels[i]
		what := "channel " + c.Name
		if c.Kind == "file" || known(what) {
			continue
		}
		if a != nil {
			if yes, err := a.Yes("Send a test message to "+c.Name+"?", true); err != nil || !yes {
				return failed, err
			}
		}
		try(what, func(ctx context.Context) error {
			if err := testChannel(ctx, conf, c); err != nil {
				return sources.Explain(err)
			}
			_, err := fmt.Fprintln(out, "  A test message is sent: look whether it has arrived.")
			return err
		})
	}
	return failed, nil
}
