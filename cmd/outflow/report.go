package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/feed"
	reports "github.com/outflow/outflow/alert/report"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/keys"
	"github.com/outflow/outflow/cmd/outflow/internal/reporting"
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
	reporting.Source
	config, format, out string
	force               bool
}

func (f *reportFlags) flags(cmd *cobra.Command, formats string) {
	fl := cmd.Flags()
	fl.StringVar(&f.Data, "data", "data", "the data directory of a daemon, or of scans: `DIR`")
	fl.StringVar(&f.config, "config", "", "the configuration `FILE`: own domains, and the channel for --send")
	fl.StringVar(&f.format, "format", "html", "of the output: "+formats)
	fl.StringVarP(&f.out, "out", "o", "", "write to `FILE` instead of standard output, with a signed manifest beside it")
	fl.BoolVar(&f.force, "force", false, "replace a file that exists, also if it is no report, or was changed since")
	fl.StringVar(&f.People, "people", "names", "names, or pseudonyms")
}

// open loads the configuration, and reads what reports are made of. Close what it returns.
func (f *reportFlags) open(ctx context.Context) (*reporting.Data, error) {
	if f.People != "names" && f.People != "pseudonyms" {
		return nil, &exit{exitUsage, fmt.Errorf("--people %q: names, pseudonyms", f.People)}
	}
	var err error
	if f.Conf, err = config.Load(f.config); err != nil {
		return nil, &exit{exitUsage, err}
	}
	return f.Load(ctx)
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
	seed, err := keys.RandomKey(filepath.Join(f.Data, "report.key"))
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
				return &exit{exitUsage, errors.New("a person is required, or --week")}
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
			data, err := f.open(cmd.Context())
			if err != nil {
				return err
			}
			defer data.Close()
			in, conf := data.In, data.Conf
			var mask *alert.Mask
			if f.People == "pseudonyms" {
				if mask, err = keys.OpenMask(f.Data, conf, string(feed.HR), nil); err != nil {
					return err
				}
			}
			user := ""
			if len(args) == 1 {
				if user, err = f.Whom(cmd.Context(), data, args[0], mask, stderr); err != nil {
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
				return &exit{exitUsage, errors.New("--week: a folder is required: --out")}
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
			data, err := f.open(cmd.Context())
			if err != nil {
				return err
			}
			defer data.Close()
			_, monday := reports.WeekOf(data.In.Now)
			if week != "" {
				if monday, err = reports.ParseWeek(week); err != nil {
					return &exit{exitUsage, fmt.Errorf("--week: %w", err)}
				}
			}
			d, err := f.Digest(cmd.Context(), data, monday)
			if err != nil {
				return err
			}
			if send {
				return asUsage(reporting.SendDigest(cmd.Context(), data.Conf, d))
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
				return &exit{exitUsage, errors.New("a person is required, or a folder (--out), or --send")}
			}
			data, err := f.open(cmd.Context())
			if err != nil {
				return err
			}
			defer data.Close()
			if len(args) == 1 { // also if it is empty: that names nobody, and not everybody
				if only, err = f.Whom(cmd.Context(), data, only, nil, stderr); err != nil {
					return err
				}
			}
			list := reports.MakeOwners(data.In, only)
			if send {
				return asUsage(reporting.SendOwners(cmd.Context(), stdout, data.Conf, list))
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

// asUsage makes it an error of usage that --send was given and nothing can be mailed.
func asUsage(err error) error {
	if errors.Is(err, config.ErrNoMail) {
		return &exit{exitUsage, fmt.Errorf("--send: %w", err)}
	}
	return err
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
