package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/feed"
	reports "github.com/outflow/outflow/alert/report"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/reporting"
	"github.com/outflow/outflow/internal/plain"
)

// reviewFlags are what reviews were asked for.
type reviewFlags struct {
	reportFlags
	from, to, week    string
	paper, preparedBy string
}

func newReview(stdout, stderr io.Writer) *cobra.Command {
	var f reviewFlags
	cmd := &cobra.Command{
		Use:   "review [PERSON]",
		Short: "Write the offboarding review of a leaver",
		Long: `Review writes what an HR partner needs to know about a person who leaves. The first page
says whether there was nothing unusual, what to look at, or what to do today. Then comes
the period from 90 days before notice to 30 days after the last day: the evidence, what
is still open, and what could not be seen. With --week it writes a review for everyone
with the last day in that week, into the folder --out.`,
		Example: `  outflow report review dana.ruiz@acme.example --data data --out dana.html
  outflow report review --week 2026-W20 --data data --out reviews/`,
		Args: usage(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 1) == (f.week != "") {
				return &exit{exitUsage, errors.New("a person is required, or --week")}
			}
			if err := f.check(); err != nil {
				return err
			}
			if !slices.Contains(reports.Papers, f.paper) {
				return &exit{exitUsage, fmt.Errorf("--paper %q: %s", f.paper, strings.Join(reports.Papers, ", "))}
			}
			return f.run(cmd.Context(), args, stdout, stderr)
		},
	}
	f.flags(cmd, "html", "json", "md", "pdf")
	cmd.Flags().StringVar(&f.from, "from", "", "first day of the review (default: 90 days before notice)")
	cmd.Flags().StringVar(&f.to, "to", "", "last day of the review (default: 30 days after the last day)")
	cmd.Flags().StringVar(&f.paper, "paper", reports.Papers[0], "size of a PDF's pages: "+strings.Join(reports.Papers, ", "))
	cmd.Flags().StringVar(&f.preparedBy, "prepared-by", "", "`NAME` of who prepares the review, for its first page")
	cmd.Flags().StringVar(&f.week, "week", "", "review everyone with the last day in a week: 2026-W20")
	return cmd
}

// run writes the review of the person that args names, or those of the week.
func (f *reviewFlags) run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	begin, err := config.Moment(f.from)
	if err != nil {
		return &exit{exitUsage, fmt.Errorf("--from: %w", err)}
	}
	end, err := config.Moment(f.to)
	if err != nil {
		return &exit{exitUsage, fmt.Errorf("--to: %w", err)}
	}
	data, err := f.open(ctx)
	if err != nil {
		return err
	}
	defer data.Close()
	var mask *alert.Mask
	if f.People == "pseudonyms" {
		if mask, err = f.Mask(ctx, data, feed.HR); err != nil {
			return err
		}
	}

	one := func(user, path string) error {
		content, err := f.review(data.In, user, begin, end, mask)
		if err != nil {
			return err
		}
		return f.write(stdout, path, content)
	}
	if len(args) == 0 {
		return f.reviewWeek(data.In, mask, stdout, one)
	}
	user, err := f.FindUser(ctx, data, args[0], mask, stderr)
	if err != nil {
		return err
	}
	return one(user, f.out)
}

// review makes the review of a user in the format that is asked for.
func (f *reviewFlags) review(in *reports.Input, user string, begin, end time.Time, mask *alert.Mask) ([]byte, error) {
	r := reports.MakeReview(in, user, begin, end)
	if mask != nil {
		r.Mask(mask)
	}
	r.PreparedBy = f.preparedBy
	var b bytes.Buffer
	var err error
	if f.format == "pdf" {
		err = r.WritePDF(&b, f.paper)
	} else {
		err = r.Write(&b, f.format)
	}
	return b.Bytes(), err
}

// reviewWeek writes, by one, a review of everyone with the last day in the week.
func (f *reviewFlags) reviewWeek(in *reports.Input, mask *alert.Mask, stdout io.Writer, one func(user, path string) error) error {
	monday, err := reports.ParseWeek(f.week)
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
		name := reporting.FileName(l.User)
		if mask != nil {
			name = mask.Name(l.User)
		}
		if err := one(l.User, filepath.Join(f.out, name+"."+f.format)); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(stdout, "reviews in %s: %s\n", plain.Escape(f.out), plain.Count(n))
	return err
}
