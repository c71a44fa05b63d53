// Command outflow reads the audit logs of cloud and SaaS providers and says who
// takes out data in an unusual way.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/internal/buildinfo"
)

// Exit codes.
const (
	exitFine   = 0
	exitFailed = 1
	exitUsage  = 2
	exitFound  = 3 // --fail-on: something at least that severe was found
)

// exit is an error that carries an exit code; its text, if any, has been told.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is the whole program.
func run(args []string, stdout, stderr io.Writer) int {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50) // most of the heap is buffers without pointers: collecting is cheap, memory is not
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot(stdout, stderr)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var coded *exit
	switch {
	case err == nil:
		return exitFine
	case errors.As(err, &coded):
		if coded.err != nil {
			fmt.Fprintln(stderr, "outflow:", coded.err)
		}
		return coded.code
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "outflow: interrupted")
		return exitFailed
	}
	fmt.Fprintln(stderr, "outflow:", err)
	return exitFailed
}

func newRoot(stdout, stderr io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:   "outflow",
		Short: "Find insiders who take out data, in the audit logs of cloud and SaaS providers",
		Long: `Outflow reads the audit logs of AWS CloudTrail, Microsoft 365, Google Workspace,
Box, Salesforce, Okta, Slack, GitHub, Dropbox, Atlassian, Zoom and Snowflake, learns what is usual for every
person, and says who takes out data in an unusual way, or exposes it.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          usage(cobra.NoArgs),
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &exit{exitUsage, fmt.Errorf("%w\nSee '%s --help'", err, cmd.CommandPath())}
	})
	root.AddCommand(newScan(stdout, stderr), newExplain(stdout), newBacktest(stdout, stderr), newDoctor(stdout, stderr), newRules(stdout), newRun(stderr), newSource(stdout, stderr), newChannel(stdout, stderr), newAlerts(stdout), newReport(stdout, stderr), newToken(stdout), newAudit(stdout), newPrivacy(stdout, stderr), newStatus(stdout), newDead(stdout), newRejudge(stdout), newBackup(stdout), newRestore(stdout), newVersion(stdout))
	return root
}

// usage turns an error about arguments into one of usage.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return &exit{exitUsage, fmt.Errorf("%w\nSee '%s --help'", err, cmd.CommandPath())}
		}
		return nil
	}
}

func newVersion(stdout io.Writer) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: usage(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(stdout, "outflow", buildinfo.Version())
			return err
		},
	}
}
