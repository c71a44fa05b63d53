package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/cmd/outflow/internal/batch"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/ruleset"
	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/buildinfo"
	"github.com/outflow/outflow/internal/outfile"
	"github.com/outflow/outflow/internal/plain"
)

// scanFlags are the flags of scan, unchecked.
type scanFlags struct {
	format   string
	out      string
	coverage string
	html     string
	people   string
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
	forms    formFlags
	stdin    io.Reader // for the path "-"
}

func newScan(stdout, stderr io.Writer) *cobra.Command {
	var f scanFlags
	cmd := &cobra.Command{
		Use:   "scan PATH...",
		Short: "Read folders and files of exported audit logs and print ranked alerts",
		Long: `Scan reads folders and files of exported audit logs, learns a baseline for every user, and
prints alerts, the most urgent first.

Files are recognised by their content, also inside archives (gzip, zstd, bzip2, xz, zip,
7-Zip, tar) and where Splunk, Elastic, CloudWatch Logs and others hand records on. HR files
(people.csv, leavers.csv) among them describe people and who is leaving. What could not
be read is listed at the end, on standard error.

A PATH of - is standard input.

Exit status: 0 success; 1 a file could not be read, or less than half of a PATH, or of
the records of a format, was recognised, or with --strict any record was not read;
2 wrong usage; 3 there is an alert at least as severe as --fail-on, whatever else.`,
		Example: `  outflow scan exports/                            # alerts that need attention
  outflow scan --html report.html exports/         # and as one page
  outflow scan --all --format ndjson --out alerts.ndjson exports/
  outflow scan --data state/ january/              # keep baselines …
  outflow scan --data state/ february/             # … and continue from there
  outflow scan --fail-on high nightly/ || page     # for scripts`,
		Args: paths,
		RunE: func(cmd *cobra.Command, paths []string) error {
			f.stdin = cmd.InOrStdin()
			return runScan(cmd.Context(), f, paths, stdout, stderr)
		},
	}
	f.flags(cmd)
	return cmd
}

// flags defines the flags.
func (f *scanFlags) flags(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.format, "format", "table", "output format: "+strings.Join(formatNames(), ", "))
	fl.StringVarP(&f.out, "out", "o", "", "write alerts to `FILE` instead of standard output")
	fl.StringVar(&f.coverage, "coverage", "", "write what was read, and what could not be read, to `FILE` as JSON")
	fl.StringVar(&f.html, "html", "", "write the whole result to `FILE` as a page that needs nothing else")
	fl.StringVar(&f.people, "people", "names", "show people on the page of --html by names or pseudonyms")
	fl.BoolVar(&f.all, "all", false, "print all alerts with a score above zero, not only those that need attention")
	fl.StringVar(&f.severity, "min-severity", "medium", "lowest severity to print: "+strings.Join(severities(), ", "))
	fl.Float64Var(&f.budget, "budget", 0, "print alerts up to a budget of `N` false ones per 1,000 user-days, instead of by severity")
	fl.StringVar(&f.failOn, "fail-on", "", "exit with status 3 if there is an alert of at least this severity")
	fl.BoolVar(&f.strict, "strict", false, "exit with status 1 if any record is malformed, of an unknown kind, or longer than 4 MiB")
	fl.StringVar(&f.data, "data", "", "keep baselines and alerts in `DIR` between runs")
	fl.StringVar(&f.config, "config", "", "read settings from `FILE` (YAML, see config.example.yaml)")
	fl.StringVar(&f.rules, "rules", "", "use the Sigma rules below `DIR` (see outflow rules)")
	fl.StringVar(&f.since, "since", "", "print only alerts from this date (2026-03-31) on")
	fl.IntVar(&f.workers, "workers", runtime.GOMAXPROCS(0), "number of files decoded at the same time")
	f.forms.flags(cmd)
	fl.StringSliceVar(&f.domains, "domain", nil,
		"mail domains of the organisation, comma-separated (default: learned from the people file)")
	completeFlag(cmd, "format", formatNames())
	completeFlag(cmd, "min-severity", severities())
	completeFlag(cmd, "fail-on", severities())
	completeFlag(cmd, "people", []string{"names", "pseudonyms"})
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

// scanJob is a checked request for a scan.
type scanJob struct {
	scanFlags
	conf   *config.Config
	read   ingest.Forms // of times that do not say it themselves
	write  alert.Writer
	from   alert.Severity // lowest that is printed
	failOn alert.Severity // lowest that fails; above critical if none does
	after  time.Time      // of the first alert that is printed; zero for all
	limit  float64        // budget of false alerts per 1,000 user-days; 0 for none

	alerts, covered, page *outfile.File // of --out, --coverage and --html; nil without
}

// job checks what was asked for. Errors are of usage.
func (f scanFlags) job() (*scanJob, error) {
	wrong := func(format string, args ...any) (*scanJob, error) {
		return nil, &exit{exitUsage, fmt.Errorf(format, args...)}
	}
	j := &scanJob{
		scanFlags: f,
		write:     alert.Formats[f.format],
		failOn:    alert.Critical + 1,
	}
	if j.write == nil {
		return wrong("--format %q: %s", f.format, strings.Join(formatNames(), ", "))
	}
	var err error
	if j.read, err = f.forms.forms(); err != nil {
		return nil, err
	}
	if j.from, err = alert.ParseSeverity(f.severity); err != nil {
		return wrong("--min-severity: %w", err)
	}
	if f.failOn != "" {
		if j.failOn, err = alert.ParseSeverity(f.failOn); err != nil {
			return wrong("--fail-on: %w", err)
		}
	}
	if f.people != "names" && f.people != "pseudonyms" {
		return wrong("--people %q: names, pseudonyms", f.people)
	}
	if f.workers < 1 || f.workers > 256 {
		return wrong("--workers %d: from 1 to 256", f.workers)
	}
	if f.budget < 0 || f.budget > config.MaxBudget {
		return wrong("--budget %g: from 0 to %d false alerts per 1,000 user-days", f.budget, config.MaxBudget)
	}
	if f.since != "" {
		if j.after, err = time.Parse(time.DateOnly, f.since); err != nil {
			return wrong("--since %q: a day such as 2026-03-31", f.since)
		}
	}

	if j.conf, err = config.Load(f.config); err != nil {
		return wrong("%w", err)
	}
	if f.rules != "" {
		if j.conf.RuleSet, err = ruleset.Load(f.rules, j.conf.Placeholders); err != nil {
			return wrong("--rules: %w", err)
		}
	}
	j.limit = cmp.Or(f.budget, j.conf.Budget)
	j.conf.Domains = append(j.conf.Domains, f.domains...)
	return j, nil
}

// create creates the files of --out, --coverage and --html: before the work, not after it.
func (j *scanJob) create(paths []string) (err error) {
	taken := map[string]string{} // flags by path
	for _, f := range []struct {
		flag, name string
		file       **outfile.File
	}{{"--out", j.out, &j.alerts}, {"--coverage", j.coverage, &j.covered}, {"--html", j.html, &j.page}} {
		if f.name == "" {
			continue
		}
		if *f.file, err = outfile.CreateResult(f.name, paths); err != nil {
			return fmt.Errorf("%s: %w", f.flag, err)
		}
		path := (*f.file).Path
		if other := taken[path]; other != "" && path != "" {
			return &exit{exitUsage, fmt.Errorf("%s and %s are the same file", other, f.flag)}
		}
		taken[path] = f.flag
	}
	return nil
}

// discard removes the files that were created and not committed.
func (j *scanJob) discard() {
	for _, f := range []*outfile.File{j.covered, j.alerts, j.page} {
		if f != nil {
			f.Discard()
		}
	}
}

// runScan checks what was asked for, scans, and prints.
func runScan(ctx context.Context, f scanFlags, paths []string, stdout, stderr io.Writer) error {
	j, err := f.job()
	if err != nil {
		return err
	}
	defer j.discard()
	if err := j.create(paths); err != nil {
		return err
	}

	read, stdin, err := spoolStdin(f.stdin, paths)
	if err != nil {
		return err
	}
	if stdin != "" {
		defer os.RemoveAll(filepath.Dir(stdin))
	}
	progress := batch.NewProgress(stderr)
	res, err := batch.Scan(ctx, batch.Input{
		Paths:    read,
		Data:     j.data,
		Workers:  j.workers,
		Forms:    j.read,
		Config:   j.conf,
		Budget:   j.limit,
		Progress: progress,
		KeepDays: j.page != nil,
	})
	progress.End()
	if err != nil {
		return err
	}
	res.Coverage.Rename(stdin, "standard input")

	drafts, hidden, worst := j.choose(res.Alerts, res.Budget)
	shown, err := res.Build(drafts)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := j.print(stdout, &b, res, shown); err != nil {
		return err
	}
	sum := summary{scanJob: j, Result: res, paths: paths, shown: shown, hidden: hidden}
	sum.print(&b)
	if j.format == "table" && j.alerts == nil {
		fmt.Fprintln(stderr)
	}
	if err = j.writeCoverage(&b, res); err != nil {
		err = fmt.Errorf("--coverage: %w", err)
	} else if err = sum.writePage(ctx, &b); err != nil {
		err = fmt.Errorf("--html: %w", err)
	}
	stderr.Write(b.Bytes())
	if err != nil {
		return err
	}
	return j.verdict(res, worst)
}

// spoolStdin copies standard input to a temporary file if a path is "-", since files are read by
// several workers and some of them twice. It returns the paths to read, and that of the file; "" if
// there is none.
func spoolStdin(stdin io.Reader, paths []string) (read []string, file string, err error) {
	i := slices.Index(paths, "-")
	if i < 0 {
		return paths, "", nil
	}
	dir, err := os.MkdirTemp("", "outflow-stdin-")
	if err != nil {
		return nil, "", err
	}
	file = filepath.Join(dir, "stdin")
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err == nil {
		_, err = io.Copy(f, stdin)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return nil, "", errors.Join(fmt.Errorf("standard input: %w", err), os.RemoveAll(dir))
	}
	read = slices.Clone(paths)
	read[i] = file
	return read, file, nil
}

// choose returns the alerts to print, how many are not printed for lack of --all, and
// the highest severity since --since.
func (j *scanJob) choose(all []alert.Draft, budget *alert.Budget) (shown []alert.Draft, hidden int, worst alert.Severity) {
	worst = -1
	total := len(all)
	shown = slices.DeleteFunc(all, func(a alert.Draft) bool {
		if !j.after.IsZero() && a.Time.Before(j.after) {
			return true
		}
		worst = max(worst, a.Severity)
		return !j.all && !a.NeedsAttention(budget, j.from)
	})
	if !j.all {
		hidden = total - len(shown)
	}
	return shown, hidden, worst
}

// print writes the alerts to where they are wanted, and notes in b the file they are in.
func (j *scanJob) print(stdout io.Writer, b *bytes.Buffer, res *batch.Result, shown []alert.Alert) error {
	out := stdout
	if j.alerts != nil {
		out = j.alerts.File
	}
	o := alert.Options{Version: buildinfo.Version(), Unjudged: res.Usual.Unscored()}
	if res.Coverage.Days() == 0 {
		o.Unjudged = "No events of people were read: there is nothing to score."
	}
	o.Color, o.Width = terminal(out)
	o.ASCII = !unicodeWanted(out)
	if err := j.write(out, shown, o); err != nil {
		return fmt.Errorf("writing alerts: %w", err)
	}
	if j.alerts == nil {
		return nil
	}
	if err := j.alerts.Commit(); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	j.alerts.Note(b)
	return nil
}

// writeCoverage writes the file of --coverage, and notes it in b.
func (j *scanJob) writeCoverage(b *bytes.Buffer, res *batch.Result) error {
	if j.covered == nil {
		return nil
	}
	res.Coverage.Usual = &res.Usual
	if err := res.Coverage.Write(j.covered); err != nil {
		return err
	}
	if err := j.covered.Commit(); err != nil {
		return err
	}
	j.covered.Note(b)
	return nil
}

// verdict is the error that the exit code comes from; nil if all is well. An alert that --fail-on asks
// about comes before what could not be read.
func (j *scanJob) verdict(res *batch.Result, worst alert.Severity) error {
	err := res.Coverage.Verdict()
	n := res.Coverage.Malformed
	switch bad := len(j.conf.RuleSet.Bad); {
	case err != nil:
	case j.strict && n > 0:
		err = fmt.Errorf("%s skipped (--strict)", plain.CountOf(n, "malformed record was", "malformed records were"))
	case bad > 0:
		err = fmt.Errorf("%s cannot be compiled", plain.CountOf(bad, "rule", "rules"))
	}
	if worst >= j.failOn {
		return &exit{exitFound, err}
	}
	return failed(err)
}
