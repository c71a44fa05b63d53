package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/cmd/outflow/internal/batch"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/ruleset"
	"github.com/outflow/outflow/internal/buildinfo"
	"github.com/outflow/outflow/internal/outfile"
	"github.com/outflow/outflow/internal/plain"
)

// scanFlags are what a scan was asked to do.
type scanFlags struct {
	format   string
	out      string
	coverage string
	all      bool
	severity string
	failOn   string
	strict   bool
	data     string
	config   string
	rules    string
	since    string
	budget   float64
	workers  int
	domains  []string
}

func newScan(stdout, stderr io.Writer) *cobra.Command {
	var f scanFlags
	cmd := &cobra.Command{
		Use:   "scan PATH...",
		Short: "Read folders and files of exported audit logs and print ranked alerts",
		Long: `Scan reads folders and files of exported audit logs, learns what is usual for
every person, and prints alerts, the most urgent first.

Files are recognised by their content, also within gzip, zstd, zip and tar. HR
files (people.csv, leavers.csv) among them say who people are and who is leaving.
What could not be read is listed at the end, on standard error.

Exit status: 0 fine; 1 a file could not be read, or less than half of a PATH, or of
the records of a format, was recognised, or with --strict any record was not read;
2 wrong usage; 3 an alert at least as severe as --fail-on.`,
		Example: `  outflow scan exports/                            # what an analyst should look at
  outflow scan --all --format ndjson --out alerts.ndjson exports/
  outflow scan --data state/ january/              # keep baselines …
  outflow scan --data state/ february/             # … and go on from there
  outflow scan --fail-on high nightly/ || page     # for scripts`,
		Args: usage(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, paths []string) error {
			return runScan(cmd.Context(), f, paths, stdout, stderr)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.format, "format", "table", "of the output: "+strings.Join(formatNames(), ", "))
	fl.StringVarP(&f.out, "out", "o", "", "write alerts to `FILE` instead of standard output")
	fl.StringVar(&f.coverage, "coverage", "", "write what was read, and what could not be, to `FILE` as JSON")
	fl.BoolVar(&f.all, "all", false, "print everything above zero, not only what deserves attention")
	fl.StringVar(&f.severity, "min-severity", "medium", "print alerts from this severity on: "+strings.Join(severities(), ", "))
	fl.Float64Var(&f.budget, "budget", 0, "print as many alerts as give `N` false ones per 1,000 user-days, instead of those of a severity")
	fl.StringVar(&f.failOn, "fail-on", "", "exit with status 3 if there is an alert of this severity or above")
	fl.BoolVar(&f.strict, "strict", false, "exit with status 1 if any record is malformed, of an unknown kind, or longer than 4 MiB")
	fl.StringVar(&f.data, "data", "", "keep baselines and alerts in `DIR` between runs")
	fl.StringVar(&f.config, "config", "", "read settings from `FILE` (YAML, see config.example.yaml)")
	fl.StringVar(&f.rules, "rules", "", "use the rules below `DIR`, in Sigma's format (see outflow rules)")
	fl.StringVar(&f.since, "since", "", "print only alerts of this day (2026-03-31) and later")
	fl.IntVar(&f.workers, "workers", runtime.GOMAXPROCS(0), "files to decode at the same time")
	fl.StringSliceVar(&f.domains, "domain", nil, "a mail domain of the organisation; may repeat (default: learned from the people file)")
	complete := func(values []string) func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return values, cobra.ShellCompDirectiveNoFileComp
		}
	}
	for flag, values := range map[string][]string{"format": formatNames(), "min-severity": severities(), "fail-on": severities()} {
		if err := cmd.RegisterFlagCompletionFunc(flag, complete(values)); err != nil {
			panic(err) // a flag of that name is defined above
		}
	}
	return cmd
}

func formatNames() (names []string) {
	for name := range alert.Formats {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func severities() (names []string) {
	for s := alert.Informational; s <= alert.Critical; s++ {
		names = append(names, s.String())
	}
	return names
}

// runScan checks what was asked for, scans, and prints.
func runScan(ctx context.Context, f scanFlags, paths []string, stdout, stderr io.Writer) error {
	wrong := func(format string, args ...any) error { return &exit{exitUsage, fmt.Errorf(format, args...)} }
	write := alert.Formats[f.format]
	if write == nil {
		return wrong("--format %q: %s", f.format, strings.Join(formatNames(), ", "))
	}
	from, err := alert.ParseSeverity(f.severity)
	if err != nil {
		return wrong("--min-severity: %w", err)
	}
	failOn := alert.Critical + 1
	if f.failOn != "" {
		if failOn, err = alert.ParseSeverity(f.failOn); err != nil {
			return wrong("--fail-on: %w", err)
		}
	}
	if f.workers < 1 || f.workers > 256 {
		return wrong("--workers %d: from 1 to 256", f.workers)
	}
	if f.budget < 0 || f.budget > config.MaxBudget {
		return wrong("--budget %g: from 0 to %d false alerts per 1,000 user-days", f.budget, config.MaxBudget)
	}
	var since time.Time
	if f.since != "" {
		if since, err = time.Parse(time.DateOnly, f.since); err != nil {
			return wrong("--since %q: a day such as 2026-03-31", f.since)
		}
	}
	conf, err := config.Load(f.config)
	if err != nil {
		return wrong("%w", err)
	}
	if f.rules != "" {
		if conf.RuleSet, err = ruleset.Load(f.rules); err != nil {
			return wrong("--rules: %w", err)
		}
	}
	budget := cmp.Or(f.budget, conf.Budget)
	conf.Domains = append(conf.Domains, f.domains...)
	out := stdout
	var file, covered *outfile.File
	if f.out != "" { // before the work, not after
		if file, err = outfile.CreateResult(f.out, paths); err != nil {
			return fmt.Errorf("--out: %w", err)
		}
		defer file.Discard()
		out = file.File
	}
	if f.coverage != "" {
		if covered, err = outfile.CreateResult(f.coverage, paths); err != nil {
			return fmt.Errorf("--coverage: %w", err)
		}
		defer covered.Discard()
		if file != nil && covered.Path == file.Path && file.Path != "" {
			return wrong("--out and --coverage are the same file")
		}
	}
	progress := batch.NewProgress(stderr)
	res, err := batch.Scan(ctx, batch.Input{Paths: paths, Data: f.data, Workers: f.workers, Config: conf, Progress: progress})
	progress.End()
	if err != nil {
		return err
	}
	list := res.Alerts
	worst := alert.Severity(-1)
	list = slices.DeleteFunc(list, func(a alert.Alert) bool {
		if !since.IsZero() && a.Time.Before(since) {
			return true
		}
		worst = max(worst, a.Severity)
		return !f.all && !alert.NeedsAttention(&a, budget, from)
	})
	o := alert.Options{Version: buildinfo.Version(), Unjudged: res.Usual.Unjudged()}
	if res.Coverage.Days() == 0 {
		o.Unjudged = "No events of anybody were read: there is nothing to judge."
	}
	o.Color, o.Width = terminal(out)
	if err := write(out, list, o); err != nil {
		return fmt.Errorf("writing alerts: %w", err)
	}
	var b bytes.Buffer
	if file != nil {
		if err := file.Commit(); err != nil {
			return fmt.Errorf("--out: %w", err)
		}
		file.Note(&b)
	}
	res.Coverage.Print(&b)
	if res.Coverage.Days() > 0 {
		res.Usual.Print(&b)
	}
	hidden := 0
	if !f.all {
		hidden = len(res.Alerts) - len(list)
	}
	switch {
	case hidden == 0:
	case budget > 0:
		fmt.Fprintf(&b, "%s more beyond the budget of %g false alerts per 1,000 user-days: --all prints them\n", plain.Count(hidden), budget)
	default:
		fmt.Fprintf(&b, "%s more below %s: --all prints them\n", plain.Count(hidden), from)
	}
	for i, bad := range conf.RuleSet.Bad {
		if i == batch.FewProblems {
			fmt.Fprintf(&b, "… %s more rules cannot be compiled (outflow rules check lists them)\n", plain.Count(len(conf.RuleSet.Bad)-i))
			break
		}
		fmt.Fprintf(&b, "Rule left out: %s\n", plain.Escape(bad.Error()))
	}
	for _, c := range res.Covered {
		fmt.Fprintf(&b, "Exception %s covered %s events of %s people (%s; %s)\n", plain.Escape(c.Label()), plain.Count(c.Acts), plain.Count(c.Users), plain.Escape(c.Owner), plain.Escape(c.Reason))
	}
	if f.format == "table" && file == nil {
		fmt.Fprintln(stderr)
	}
	if covered != nil {
		res.Coverage.Usual = &res.Usual
		err := res.Coverage.Write(covered)
		if err == nil {
			err = covered.Commit()
		}
		if err != nil {
			stderr.Write(b.Bytes())
			return fmt.Errorf("--coverage: %w", err)
		}
		covered.Note(&b)
	}
	stderr.Write(b.Bytes())
	if err := failed(res.Coverage.Verdict()); err != nil {
		return err
	}
	switch {
	case f.strict && res.Coverage.Malformed > 0:
		return &exit{exitFailed, fmt.Errorf("%s malformed records were skipped (--strict)", plain.Count(res.Coverage.Malformed))}
	case len(conf.RuleSet.Bad) > 0:
		return &exit{exitFailed, fmt.Errorf("%d of the rules cannot be compiled", len(conf.RuleSet.Bad))}
	case worst >= failOn:
		return &exit{code: exitFound}
	}
	return nil
}

// terminal says whether colours are wanted, and how wide the output may be.
func terminal(w io.Writer) (color bool, width int) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return false, 0
	}
	if n, _, err := term.GetSize(int(f.Fd())); err == nil {
		width = n
	}
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb", width
}
