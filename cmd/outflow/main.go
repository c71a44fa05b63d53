// Command outflow reads the audit logs of cloud and SaaS providers and reports users who
// exfiltrate or expose data in a way that is unusual for them.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/internal/buildinfo"
	"github.com/outflow/outflow/internal/secret"
)

// Exit codes.
const (
	exitFine   = 0
	exitFailed = 1
	exitUsage  = 2
	exitFound  = 3 // --fail-on: there is an alert at least that severe
)

// exit is an error that carries an exit code. Without err nothing is printed.
type exit struct {
	code int
	err  error
}

// Error returns the text of the error, or the exit code.
func (e *exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

// Unwrap returns the error that the exit code is for; it may be nil.
func (e *exit) Unwrap() error { return e.err }

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run runs the program with its arguments, and returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50) // most of the heap is buffers without pointers: collecting is cheap, memory is not
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot(stdout, stderr)
	root.SetArgs(args)
	var wrong error
	helpFor(root, &wrong)
	err := cmp.Or(root.ExecuteContext(ctx), wrong)
	var coded *exit
	switch {
	case err == nil:
		return exitFine
	case errors.As(err, &coded):
		if coded.err != nil {
			fmt.Fprintln(stderr, "outflow:", secret.Redact(coded.err.Error()))
		}
		return coded.code
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "outflow: interrupted")
		return exitFailed
	}
	fmt.Fprintln(stderr, "outflow:", secret.Redact(err.Error()))
	return exitFailed
}

func newRoot(stdout, stderr io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:   "outflow",
		Short: "Find insiders who exfiltrate data, in the audit logs of cloud and SaaS providers",
		Long: `Outflow reads the audit logs of AWS CloudTrail, Microsoft 365, Google Workspace,
Box, Salesforce, Okta, Slack, GitHub, Dropbox, Atlassian, Zoom, Snowflake, Anthropic and
OpenAI, learns a baseline for every user, and reports who exfiltrates or exposes data in
an unusual way.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          usage(cobra.NoArgs),
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		Version:       buildinfo.Version(),

		PersistentPreRun: warnDeprecatedKeys,
	}

	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(flagError)
	root.SetVersionTemplate("{{.Name}} " + buildinfo.Long() + "\n")

	root.AddCommand(
		newScan(stdout, stderr),
		newExplain(stdout),
		newEvents(stdout, stderr),
		newBacktest(stdout, stderr),
		newDoctor(stdout, stderr),
		newIngest(stdout),
		newRules(stdout),
		newRun(stderr),
		newDemo(stdout, stderr),
		newConfig(stdout),
		newInit(stdout),
		newSource(stdout, stderr),
		newChannel(stdout),
		newNotifications(stdout),
		newReport(stdout, stderr),
		newTriage(stdout),
		newToken(stdout),
		newAudit(stdout),
		newPrivacy(stdout, stderr),
		newStatus(stdout),
		newDeadLetter(stdout),
		newRejudge(stdout),
		newBackup(stdout),
		newRestore(stdout),
		newVersion(stdout),
		newMan(),
	)
	root.AddCommand(renamed(stdout)...)
	return root
}

// renamed are commands under the names that they had before. They work for one release, are not
// listed, and say on standard error what they are called now.
func renamed(stdout io.Writer) []*cobra.Command {
	letters := newDeadLetter(stdout)
	deprecate(letters, "dead", "dead-letter")
	alerts := newNotifications(stdout)
	for _, c := range alerts.Commands() {
		if c.Name() == "pending" {
			c.Aliases = []string{"unsent"}
		}
	}
	deprecate(alerts, "alerts", "notifications")
	return []*cobra.Command{letters, alerts}
}

// deprecate gives a command the name it had before.
func deprecate(cmd *cobra.Command, old, now string) {
	cmd.Use, cmd.Hidden = old, true
	cmd.PersistentPreRun = func(sub *cobra.Command, _ []string) {
		path := now
		if sub != cmd {
			path += " " + sub.Name()
		}
		fmt.Fprintf(sub.ErrOrStderr(), "outflow: outflow %s is deprecated: use outflow %s\n", old, path)
		warnDeprecatedKeys(sub, nil)
	}
}

// warnDeprecatedKeys prints the deprecated keys that the configuration of a command uses. outflow run
// logs them itself, and outflow config lists them.
func warnDeprecatedKeys(cmd *cobra.Command, _ []string) {
	if cmd.Name() == "run" || cmd.Parent().Name() == "config" {
		return
	}
	for _, flag := range []string{"config", "against"} {
		f := cmd.Flag(flag)
		if f == nil || f.Value.String() == "" {
			continue
		}
		for _, k := range config.Deprecated(f.Value.String()) {
			fmt.Fprintf(cmd.ErrOrStderr(), "outflow: --%s %s: %s\n", flag, f.Value, &k)
		}
	}
}
