package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/outflow/outflow/alert/email"
	"github.com/outflow/outflow/detect/detectors"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/feed"
	reports "github.com/outflow/outflow/alert/report"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/datadir"
	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/watch"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/outfile"
	"github.com/outflow/outflow/internal/plain"
)

func newReport(stdout, stderr io.Writer) *cobra.Command {
	cmd := &cobra.Command{
		Use: "report", Short: "Write the review of a leaver, or the digest of a week", Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newReview(stdout, stderr), newDigest(stdout), newOwners(stdout, stderr), newVerify(stdout))
	return cmd
}

// source of reports: a data directory.
type reportFlags struct {
	data, config, format, out, people string
	force                             bool
}

func (f *reportFlags) flags(cmd *cobra.Command, formats string) {
	fl := cmd.Flags()
	fl.StringVar(&f.data, "data", "data", "the data directory of a daemon, or of scans: `DIR`")
	fl.StringVar(&f.config, "config", "", "the configuration `FILE`: own domains, and the channel for --send")
	fl.StringVar(&f.format, "format", "html", "of the output: "+formats)
	fl.StringVarP(&f.out, "out", "o", "", "write to `FILE` instead of standard output, with a signed manifest beside it")
	fl.BoolVar(&f.force, "force", false, "replace a file that exists, also if it is no report, or was changed since")
	fl.StringVar(&f.people, "people", "names", "names, or pseudonyms")
}

// reportData is what reports are made of: what a data directory holds at one moment.
type reportData struct {
	in     *reports.Input
	conf   *config.Config
	alerts *alert.Store
}

// close closes the alerts: in.Days reads them until then.
func (d *reportData) close() { d.alerts.Close() }

// load reads what reports are made of, also while a daemon or a scan writes it. Close what
// it returns.
func (f *reportFlags) load(ctx context.Context) (d *reportData, err error) {
	if f.people != "names" && f.people != "pseudonyms" {
		return nil, &exit{exitUsage, fmt.Errorf("--people %q: names, pseudonyms", f.people)}
	}
	d = &reportData{}
	if d.conf, err = config.Load(f.config); err != nil {
		return nil, &exit{exitUsage, err}
	}
	if f.config != "" {
		if err := d.conf.Complete(f.config, roleNames); err != nil {
			return nil, &exit{exitUsage, err}
		}
	}
	if d.alerts, err = datadir.OpenAlerts(ctx, f.data); err != nil {
		return nil, err
	}
	if d.in, err = reportInput(ctx, d.alerts); err == nil {
		if err = f.known(ctx, d); err == nil {
			err = deliver(ctx, f.data, d.in)
		}
	}
	if err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// reportInput is what alerts say for reports.
func reportInput(ctx context.Context, alerts *alert.Store) (in *reports.Input, err error) {
	in = &reports.Input{Detectors: detectors.Traits(), Reported: time.Now().UTC().Truncate(time.Second)}
	if in.Alerts, err = alerts.All(ctx); err != nil {
		return nil, err
	}
	for i := range in.Alerts {
		if at := in.Alerts[i].DataCompleteTo; at.After(in.Now) {
			in.Now = at
		}
	}
	if in.Covered, err = alerts.Covered(ctx); err != nil {
		return nil, err
	}
	for d := range in.Covered {
		if at, err := time.Parse(time.DateOnly, d); err == nil && at.AddDate(0, 0, 1).After(in.Now) && at.After(in.Now) {
			in.Now = at
		}
	}
	in.Days = func(user string, from, to time.Time) ([]finding.Activity, error) {
		return alerts.Days(ctx, user, from, to)
	}
	if in.Leavers, err = leavers(ctx, alerts); err != nil {
		return nil, err
	}
	for _, s := range event.Sources() {
		if s != event.HR {
			in.All = append(in.All, s.Title())
		}
	}
	in.Kinds = kinds()
	return in, nil
}

// deliver adds which sources deliver, up to when, and what fails, where a daemon knows.
func deliver(ctx context.Context, dir string, in *reports.Input) error {
	path := filepath.Join(dir, "sources.db")
	if _, err := os.Stat(path); err != nil {
		return nil
	}
	s, err := watch.OpenReadOnly(ctx, path)
	if err != nil {
		return err
	}
	defer s.Close()
	vendors, err := s.Vendors(ctx)
	if err != nil {
		return err
	}
	for _, v := range vendors {
		for _, known := range event.Sources() {
			if known.String() == v.Vendor && !slices.Contains(in.Sources, known.Title()) {
				in.Sources = append(in.Sources, known.Title())
			}
		}
		if v.Newest.After(in.Now) {
			in.Now = v.Newest
		}
	}
	if in.Arrived, err = arrivedOf(dir); err != nil {
		return err
	}
	states, err := s.States(ctx)
	if err != nil {
		return err
	}
	for _, st := range states {
		what := st.Source + ", " + st.Stream
		if st.Failing != "" {
			in.Failing = append(in.Failing, reports.Unseen{What: what, Why: "it cannot be read: " + st.Failing})
		}
		for _, g := range st.Gaps {
			why := g.Reason
			if !g.From.IsZero() {
				why = g.From.Format(time.DateOnly) + " to " + g.To.Format(time.DateOnly) + ": " + why
			}
			in.Failing = append(in.Failing, reports.Unseen{What: what, Why: why})
		}
	}
	return nil
}

// arrivedOf is what became of what came, as the daemon says; nil if it has not run.
func arrivedOf(dir string) (list []reports.Arrived, err error) {
	b, err := os.ReadFile(filepath.Join(dir, "status.json"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var s daemonStatus
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("status.json: %w", err)
	}
	for _, a := range s.Accounts {
		source := "records that are no events"
		if a.Vendor != "" {
			source = event.SourceNamed(a.Vendor).Title()
		}
		list = append(list, reports.Arrived{Day: time.UnixMilli(a.Day * event.Day).UTC(), Source: source, Received: a.Received, Judged: a.Judged, Repeated: a.Repeated, LeftOut: a.Left()})
	}
	return list, nil
}

// leavers are those of whom HR has said that they leave.
func leavers(ctx context.Context, alerts *alert.Store) (list []reports.Leaver, err error) {
	all, err := alerts.Leavers(ctx)
	for _, l := range all {
		x := reports.Leaver{User: l.User, Notice: time.UnixMilli(l.Notice).UTC()}
		if l.LastDay > 0 {
			x.LastDay = time.UnixMilli(l.LastDay).UTC()
		}
		list = append(list, x)
	}
	return list, err
}

// logged hands what is in the embedded log of events to a function.
func logged(ctx context.Context, path string, take func(rec []byte) error) error {
	f, err := eventlog.OpenFileReadOnly(ctx, path)
	if err != nil {
		return err
	}
	defer f.Close()
	parts, err := f.Partitions(ctx, "events")
	if err != nil || parts == 0 {
		return err
	}
	log, err := f.Log(ctx, "events", parts)
	if err != nil {
		return err
	}
	for p := range log.Partitions() {
		at, end, err := log.Bounds(ctx, p)
		if err != nil {
			return err
		}
		for at < end {
			recs, err := log.Read(ctx, p, at, recordsPerRead)
			if err != nil {
				return err
			}
			for i := range recs {
				if event.HasHeader(recs[i].Value) { // no mark
					if err := take(recs[i].Value); err != nil {
						return err
					}
				}
			}
			at = recs[len(recs)-1].Offset + 1
		}
	}
	return nil
}

// write writes a report to where it is wanted. A report of before is replaced; what is no
// report, or was changed since it was written, is not.
func (f *reportFlags) write(stdout io.Writer, path string, content []byte) error {
	if path == "" {
		_, err := stdout.Write(content)
		return err
	}
	replace := f.force || unchanged(path)
	report, err := outfile.Create(path, 0o600, replace)
	if err != nil {
		return err
	}
	defer report.Discard()
	if report.Path == "" { // a pipe: nothing lies beside it
		if _, err := report.Write(content); err != nil {
			return err
		}
		return report.Commit()
	}
	signed, err := outfile.Create(path+".manifest.json", 0o600, replace)
	if err != nil {
		return err
	}
	defer signed.Discard()
	seed, err := randomKey(filepath.Join(f.data, "report.key"))
	if err != nil {
		return err
	}
	manifest, err := reports.Sign(filepath.Base(path), content, ed25519.NewKeyFromSeed(seed), time.Now())
	if err != nil {
		return err
	}
	if _, err := report.Write(content); err != nil {
		return err
	}
	if _, err := signed.Write(append(manifest, '\n')); err != nil {
		return err
	}
	if err := report.Commit(); err != nil {
		return err
	}
	return signed.Commit()
}

// unchanged says whether a file is a report as it was written.
func unchanged(path string) bool {
	content, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	manifest, err := os.ReadFile(path + ".manifest.json")
	if err != nil {
		return false
	}
	_, err = reports.Verify(content, manifest, "")
	return err == nil
}

// pdf prints a page by a browser, if there is one.
func pdf(ctx context.Context, html []byte) ([]byte, error) {
	browser := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			browser = path
			break
		}
	}
	if browser == "" {
		return nil, errors.New("--format pdf: neither chromium nor google-chrome is installed; write html and print it from a browser")
	}
	dir, err := os.MkdirTemp("", "outflow-pdf-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	page, out := filepath.Join(dir, "page.html"), filepath.Join(dir, "page.pdf")
	if err := os.WriteFile(page, html, 0o600); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	args := []string{"--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync", "--user-data-dir=" + filepath.Join(dir, "profile"), "--no-pdf-header-footer", "--print-to-pdf=" + out, "file://" + page}
	if os.Getuid() == 0 { // it refuses to run its sandbox as root
		args = append([]string{"--no-sandbox"}, args...)
	}
	if text, err := exec.CommandContext(ctx, browser, args...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("--format pdf: %s: %w: %s", browser, err, plain.Escape(string(text[:min(len(text), 300)])))
	}
	return os.ReadFile(out)
}

func newReview(stdout, stderr io.Writer) *cobra.Command {
	var f reportFlags
	var from, to, week string
	cmd := &cobra.Command{
		Use: "review [PERSON]", Short: "Write the offboarding review of a leaver", Args: usage(cobra.MaximumNArgs(1)),
		Long: `Review writes what an HR partner needs to know about somebody who leaves: on the first
page whether there was nothing unusual, or what to look at, or what to do today; then
the period from 90 days before notice to 30 after the last day, with evidence, what is
open still, and what could not be seen. With --week it writes one for everybody whose
last day is in that week, into the folder --out.`,
		Example: `  outflow report review dana.ruiz@acme.example --data data --out dana.html
  outflow report review --week 2026-W20 --data data --out reviews/`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 1) == (week != "") {
				return &exit{exitUsage, errors.New("a person is needed, or --week")}
			}
			if !slices.Contains([]string{"html", "json", "md", "pdf"}, f.format) {
				return &exit{exitUsage, fmt.Errorf("--format %q: html, json, md, pdf", f.format)}
			}
			begin, err := config.Moment(from)
			if err != nil {
				return &exit{exitUsage, fmt.Errorf("--from: %w", err)}
			}
			end, err := config.Moment(to)
			if err != nil {
				return &exit{exitUsage, fmt.Errorf("--to: %w", err)}
			}
			data, err := f.load(cmd.Context())
			if err != nil {
				return err
			}
			defer data.close()
			in, conf := data.in, data.conf
			var mask *alert.Mask
			if f.people == "pseudonyms" {
				if mask, err = openMask(f.data, conf, string(feed.HR), nil); err != nil {
					return err
				}
			}
			user := ""
			if len(args) == 1 {
				if user, err = f.whom(cmd.Context(), data, args[0], mask, stderr); err != nil {
					return err
				}
			}
			one := func(user, path string) error {
				r := reports.MakeReview(in, user, begin, end)
				if mask != nil {
					r.Mask(mask)
				}
				var b bytes.Buffer
				format := f.format
				if format == "pdf" {
					format = "html"
				}
				if err := r.Write(&b, format); err != nil {
					return err
				}
				content := b.Bytes()
				if f.format == "pdf" {
					if content, err = pdf(cmd.Context(), content); err != nil {
						return err
					}
				}
				return f.write(stdout, path, content)
			}
			if len(args) == 1 {
				return one(user, f.out)
			}
			monday, err := reports.ParseWeek(week)
			if err != nil {
				return &exit{exitUsage, fmt.Errorf("--week: %w", err)}
			}
			if f.out == "" {
				return &exit{exitUsage, errors.New("--week: a folder is needed: --out")}
			}
			if err := os.MkdirAll(f.out, 0o700); err != nil {
				return err
			}
			n := 0
			for _, l := range in.Leavers {
				if l.LastDay.Before(monday) || !l.LastDay.Before(monday.AddDate(0, 0, 7)) {
					continue
				}
				n++
				name := fileName(l.User)
				if mask != nil {
					name = mask.Name(l.User)
				}
				if err := one(l.User, filepath.Join(f.out, name+"."+f.format)); err != nil {
					return err
				}
			}
			_, err = fmt.Fprintf(stdout, "reviews in %s: %s\n", plain.Escape(f.out), plain.Count(n))
			return err
		},
	}
	f.flags(cmd, "html, json, md, pdf")
	cmd.Flags().StringVar(&from, "from", "", "begin at this day (default: 90 days before notice)")
	cmd.Flags().StringVar(&to, "to", "", "end at this day (default: 30 days after the last day)")
	cmd.Flags().StringVar(&week, "week", "", "everybody whose last day is in a week: 2026-W20")
	return cmd
}

// fileName makes a name of a file of somebody's account.
func fileName(user string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_' || c == '@' {
			return c
		}
		return '_'
	}, strings.TrimLeft(strings.ToLower(user), "."))
}

func newDigest(stdout io.Writer) *cobra.Command {
	var f reportFlags
	var week string
	var send bool
	cmd := &cobra.Command{
		Use: "digest", Short: "Write the risk digest of a week", Args: usage(cobra.NoArgs),
		Long: `Digest writes what a security lead needs to know about a week: what to act on, what is
open still and since when, who leaves, how the week compares with the last twelve, how
right each detector was, and what is wrong with the data. --send mails it through the
first channel of kind email, for instance from cron.`,
		Example: "  outflow report digest --data data --week 2026-W20 --out digest.html\n  outflow report digest --data data --config outflow.yaml --people pseudonyms --send",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains([]string{"html", "json", "text"}, f.format) {
				return &exit{exitUsage, fmt.Errorf("--format %q: html, json, text", f.format)}
			}
			data, err := f.load(cmd.Context())
			if err != nil {
				return err
			}
			defer data.close()
			_, monday := reports.WeekOf(data.in.Now)
			if week != "" {
				if monday, err = reports.ParseWeek(week); err != nil {
					return &exit{exitUsage, fmt.Errorf("--week: %w", err)}
				}
			}
			d, err := f.digest(cmd.Context(), data, monday)
			if err != nil {
				return err
			}
			if send {
				return sendDigest(cmd.Context(), data.conf, d)
			}
			var b bytes.Buffer
			if err := d.Write(&b, f.format); err != nil {
				return err
			}
			return f.write(stdout, f.out, b.Bytes())
		},
	}
	f.flags(cmd, "html, json, text")
	cmd.Flags().StringVar(&week, "week", "", "the week (2026-W20); that of the newest data if nothing is said")
	cmd.Flags().BoolVar(&send, "send", false, "mail it through the first channel of kind email")
	return cmd
}

// mail makes the digest of a week and mails it.
func (f *reportFlags) mail(ctx context.Context, monday time.Time) error {
	data, err := f.load(ctx)
	if err != nil {
		return err
	}
	defer data.close()
	d, err := f.digest(ctx, data, monday)
	if err != nil {
		return err
	}
	return sendDigest(ctx, data.conf, d)
}

// digest makes the digest of a week, with what was decided in the feed.
func (f *reportFlags) digest(ctx context.Context, data *reportData, monday time.Time) (*reports.Digest, error) {
	closed := func(string) bool { return false }
	outcomes := map[string]reports.Outcome{}
	if path := filepath.Join(f.data, "feed.db"); outfile.Exists(path) {
		s, err := feed.OpenReadOnly(ctx, path, nil)
		if err != nil {
			return nil, err
		}
		defer s.Close()
		standing, err := s.Standing(ctx)
		if err != nil {
			return nil, err
		}
		closed = func(id string) bool {
			t, known := standing[id]
			return known && t.Status != feed.Undecided && t.Status != feed.Acknowledged
		}
		all, err := s.Precision(ctx)
		if err != nil {
			return nil, err
		}
		for name, c := range all {
			outcomes[name] = reports.Outcome(c)
		}
	}
	unsent, err := data.alerts.Unsent(ctx)
	if err != nil {
		return nil, err
	}
	overflow := 0
	for _, u := range unsent {
		if u.Budget && !u.At.Before(monday) && u.At.Before(monday.AddDate(0, 0, 7)) {
			overflow++
		}
	}
	d := reports.MakeDigest(data.in, monday, closed, outcomes, overflow)
	hidden, err := suppressed(ctx, data.alerts, d.From, d.To)
	if err != nil {
		return nil, err
	}
	d.Settle(hidden)
	if f.people == "pseudonyms" {
		m, err := openMask(f.data, data.conf, string(feed.SOC), nil)
		if err != nil {
			return nil, err
		}
		d.Mask(m)
	}
	return d, nil
}

// suppressed is how many alerts of a stretch of time were not told because of suppressions.
func suppressed(ctx context.Context, alerts *alert.Store, from, to time.Time) (n int, err error) {
	list, err := alerts.Suppressions(ctx)
	if err != nil {
		return 0, err
	}
	seen := map[string]bool{}
	for i := range list {
		p := &list[i]
		begin, end := slices.MaxFunc([]time.Time{p.Made, from}, time.Time.Compare), slices.MinFunc([]time.Time{p.Until(), to}, time.Time.Compare)
		kept, err := alerts.Suppressed(ctx, p, detectors.Traits(), begin, end)
		if err != nil {
			return 0, err
		}
		for j := range kept {
			seen[kept[j].ID] = true
		}
	}
	return len(seen), nil
}

func newOwners(stdout, stderr io.Writer) *cobra.Command {
	var f reportFlags
	var send bool
	cmd := &cobra.Command{
		Use: "owners [PERSON]", Short: "Write, for everybody, what they have opened to others and nobody has closed", Args: usage(cobra.MaximumNArgs(1)),
		Long: `Owners writes a list for everybody who has made something public, or given somebody
outside access, that is so still: what, since when, and where it is closed. Who opened it
knows best whether it was meant. It goes into a folder, a file for each, or with --send to
each by mail, through the server of the first channel of kind email.`,
		Example: "  outflow report owners --data data --out owners/\n  outflow report owners --data data --config outflow.yaml --send",
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains([]string{"html", "json", "text"}, f.format) {
				return &exit{exitUsage, fmt.Errorf("--format %q: html, json, text", f.format)}
			}
			only := ""
			if len(args) == 1 {
				only = args[0]
			}
			if len(args) == 0 && f.out == "" && !send {
				return &exit{exitUsage, errors.New("a person is needed, or a folder (--out), or --send")}
			}
			data, err := f.load(cmd.Context())
			if err != nil {
				return err
			}
			defer data.close()
			if len(args) == 1 { // also if it is empty: that names nobody, and not everybody
				if only, err = f.whom(cmd.Context(), data, only, nil, stderr); err != nil {
					return err
				}
			}
			list := reports.MakeOwners(data.in, only)
			if send {
				return sendOwners(cmd.Context(), stdout, data.conf, list)
			}
			for i := range list {
				var b bytes.Buffer
				if err := list[i].Write(&b, f.format); err != nil {
					return err
				}
				path := f.out
				if path != "" {
					if err := os.MkdirAll(path, 0o700); err != nil {
						return err
					}
					path = filepath.Join(path, fileName(list[i].User)+"."+strings.Replace(f.format, "text", "txt", 1))
				}
				if err := f.write(stdout, path, b.Bytes()); err != nil {
					return err
				}
			}
			switch {
			case only != "" && len(list) == 0:
				_, err = fmt.Fprintf(stdout, "these logs show nothing that %s has opened and nobody has closed\n", plain.Escape(only))
			case f.out != "" || len(list) == 0:
				_, err = fmt.Fprintf(stdout, "people with something open: %s\n", plain.Count(len(list)))
			}
			return err
		},
	}
	f.flags(cmd, "html, json, text")
	cmd.Flags().BoolVar(&send, "send", false, "mail it to each of them")
	return cmd
}

// sendOwners mails everybody their list.
func sendOwners(ctx context.Context, stdout io.Writer, conf *config.Config, list []reports.Owner) error {
	settings, env, err := mailer(conf)
	if err != nil {
		return err
	}
	sent := 0
	for i := range list {
		o := &list[i]
		if !ingest.IsEmail(o.User) {
			continue
		}
		var text, html bytes.Buffer
		if err := errors.Join(o.Write(&text, "text"), o.Write(&html, "html")); err != nil {
			return err
		}
		to := *settings
		to.To = []string{o.User}
		if err := to.Send(ctx, env, "[Outflow] "+o.Headline(), fmt.Sprintf("owner-%x-%s", sha256.Sum256([]byte(o.User)), o.Made.Format(time.DateOnly)), text.String(), html.String()); err != nil {
			return fmt.Errorf("after %d of %d mails: %w", sent, len(list), err)
		}
		sent++
	}
	_, err = fmt.Fprintf(stdout, "mails: %s\n", plain.Count(sent))
	return err
}

// mailer is the mail channel of a configuration; having none is an error of usage.
func mailer(conf *config.Config) (*email.Config, alert.Env, error) {
	settings, env, err := conf.Mail()
	if errors.Is(err, config.ErrNoMail) {
		err = &exit{exitUsage, fmt.Errorf("--send: %w", err)}
	}
	return settings, env, err
}

func sendDigest(ctx context.Context, conf *config.Config, d *reports.Digest) error {
	settings, env, err := mailer(conf)
	if err != nil {
		return err
	}
	var text, html bytes.Buffer
	if err := errors.Join(d.Write(&text, "text"), d.Write(&html, "html")); err != nil {
		return err
	}
	return settings.Send(ctx, env, "[Outflow] "+d.Week+": "+d.Headline(), "digest-"+d.Week, text.String(), html.String())
}

func newVerify(stdout io.Writer) *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use: "verify FILE", Short: "Check that a report is as it was written", Args: usage(cobra.ExactArgs(1)),
		Long: `Verify checks a report against the manifest beside it, and says which part was changed.
It prints the key that signed; --key demands a certain one.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			content, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			manifest, err := os.ReadFile(args[0] + ".manifest.json")
			if err != nil {
				return err
			}
			m, err := reports.Verify(content, manifest, key)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			_, err = fmt.Fprintf(stdout, "%s is as it was written %s, signed by %s\n", plain.Escape(args[0]), m.Made, m.PublicKey)
			return err
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "the public key that must have signed, as verify prints it")
	return cmd
}

// recordsPerRead is how many records of a log are read at a time.
const recordsPerRead = 512
