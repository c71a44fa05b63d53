package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/cmd/outflow/internal/batch"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/internal/plain"
)

func newBacktest(stdout, stderr io.Writer) *cobra.Command {
	var conf, against string
	var out report
	var workers int
	cmd := &cobra.Command{
		Use:   "backtest --config NEW.yaml [--against OLD.yaml] PATH...",
		Short: "Say what a configuration would have changed in the past",
		Long: `Backtest replays exported logs with two configurations, in the time of the
events, and prints which alerts are new, which are lost and which have moved, how
many there are a day and by person, and what each exception of the new
configuration has kept from being told. Nothing is kept; two runs print the same.

Every exception is also replayed without: that takes one more scan each.

Exit status: 0 fine, 1 something could not be read, 2 wrong usage.`,
		Example: `  outflow backtest --config new.yaml exports/                      # against no configuration
  outflow backtest --config new.yaml --against outflow.yaml exports/`,
		Args: usage(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, paths []string) error {
			if conf == "" {
				return &exit{exitUsage, errors.New("--config is required: the configuration to try")}
			}
			if err := out.check(); err != nil {
				return err
			}
			next, err := config.Load(conf)
			if err != nil {
				return &exit{exitUsage, err}
			}
			old, err := config.Load(against)
			if err != nil {
				return &exit{exitUsage, err}
			}
			progress := batch.NewProgress(stderr)
			b, err := backtest(cmd.Context(), paths, workers, old, next, progress)
			progress.End()
			if err != nil {
				return err
			}
			if err := out.write(stdout, b, b.write); err != nil {
				return err
			}
			return b.verdict
		},
	}
	cmd.Flags().StringVar(&conf, "config", "", "the configuration to try (`FILE`)")
	cmd.Flags().StringVar(&against, "against", "", "the configuration to compare with (`FILE`; default: none)")
	out.flag(cmd)
	cmd.Flags().IntVar(&workers, "workers", runtime.GOMAXPROCS(0), "files to decode at the same time")
	return cmd
}

// comparison is what a backtest found.
type comparison struct {
	Days       int              `json:"days"` // with events
	Old        volume           `json:"old"`
	New        volume           `json:"new"`
	Added      []alert.Alert    `json:"new_alerts"`
	Lost       []alert.Alert    `json:"lost_alerts"`
	Moved      []moved          `json:"moved_alerts"`
	Exceptions []exceptionCount `json:"exceptions"`

	verdict error // of the exit status: too little could be read
}

// volume is how many alerts there are to look at.
type volume struct {
	Alerts   int            `json:"alerts"`
	PerDay   float64        `json:"per_day"`
	Severity map[string]int `json:"by_severity"`
	Persons  map[string]int `json:"by_person"`
}

// moved is an alert that both configurations show, with another score or severity.
type moved struct {
	Alert    alert.Alert    `json:"alert"`
	Score    float64        `json:"old_score"`
	Severity alert.Severity `json:"old_severity"`
}

// exceptionCount is what an exception has kept from being told.
type exceptionCount struct {
	Name   string `json:"name"`
	Owner  string `json:"owner"`
	Reason string `json:"reason"`
	Until  string `json:"until,omitempty"`
	Events int    `json:"events"`
	People int    `json:"people"`
	Alerts int    `json:"hidden_alerts"` // that would be shown without it
}

const notable = .5 // a score that changes by less has not moved

func backtest(ctx context.Context, paths []string, workers int, old, next *config.Config, p *batch.Progress) (*comparison, error) {
	run := func(c *config.Config) (*batch.Result, map[string]alert.Alert, error) {
		res, err := batch.Scan(ctx, batch.Input{Paths: paths, Workers: workers, Config: c, Progress: p})
		if err != nil {
			return nil, nil, err
		}
		see := map[string]alert.Alert{}
		for _, a := range res.Alerts {
			if !a.Health && alert.NeedsAttention(&a, c.Budget, alert.Medium) {
				a.Receipt = nil
				see[a.ID] = a
			}
		}
		return res, see, nil
	}
	_, was, err := run(old)
	if err != nil {
		return nil, err
	}
	res, is, err := run(next)
	if err != nil {
		return nil, err
	}
	days := max(res.Coverage.Days(), 1)
	out := &comparison{Days: days, Old: volumeOf(was, days), New: volumeOf(is, days), Added: []alert.Alert{}, Lost: []alert.Alert{}, Moved: []moved{}, Exceptions: []exceptionCount{}, verdict: failed(res.Coverage.Verdict())}
	for id, a := range is {
		b, both := was[id]
		switch {
		case !both:
			out.Added = append(out.Added, a)
		case math.Abs(a.Score-b.Score) >= notable || a.Severity != b.Severity:
			out.Moved = append(out.Moved, moved{a, b.Score, b.Severity})
		}
	}
	for id, b := range was {
		if _, both := is[id]; !both {
			out.Lost = append(out.Lost, b)
		}
	}
	alert.Rank(out.Added)
	alert.Rank(out.Lost)
	slices.SortFunc(out.Moved, func(a, b moved) int {
		return cmp.Or(-cmp.Compare(math.Abs(a.Alert.Score-a.Score), math.Abs(b.Alert.Score-b.Score)), cmp.Compare(a.Alert.ID, b.Alert.ID))
	})
	for i, c := range res.Covered {
		x := exceptionCount{Name: c.Label(), Owner: c.Owner, Reason: c.Reason, Events: c.Acts, People: c.Users}
		if !c.Until.IsZero() {
			x.Until = c.Until.UTC().Format(time.RFC3339)
		}
		if c.Acts > 0 {
			without := *next
			without.Exceptions = slices.Delete(slices.Clone(next.Exceptions), i, i+1)
			_, more, err := run(&without)
			if err != nil {
				return nil, err
			}
			for id := range more {
				if _, seen := is[id]; !seen {
					x.Alerts++
				}
			}
		}
		out.Exceptions = append(out.Exceptions, x)
	}
	return out, nil
}

func volumeOf(see map[string]alert.Alert, days int) volume {
	v := volume{Alerts: len(see), PerDay: math.Round(float64(len(see))/float64(days)*100) / 100, Severity: map[string]int{}, Persons: map[string]int{}}
	for _, a := range see {
		v.Severity[a.Severity.String()]++
		v.Persons[a.User]++
	}
	return v
}

// write is the comparison for people.
func (c *comparison) write(w io.Writer) error {
	var b bytes.Buffer
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "over %d days\told\tnew\t\n", c.Days)
	fmt.Fprintf(t, "alerts\t%d\t%d\t\n", c.Old.Alerts, c.New.Alerts)
	fmt.Fprintf(t, "a day\t%.2f\t%.2f\t\n", c.Old.PerDay, c.New.PerDay)
	for s := alert.Critical; s >= alert.Informational; s-- {
		if n := s.String(); c.Old.Severity[n]+c.New.Severity[n] > 0 {
			fmt.Fprintf(t, "%s\t%d\t%d\t\n", n, c.Old.Severity[n], c.New.Severity[n])
		}
	}
	fmt.Fprintf(t, "people\t%d\t%d\t\n", len(c.Old.Persons), len(c.New.Persons))
	t.Flush()
	list := func(title string, alerts []alert.Alert) {
		fmt.Fprintf(&b, "\n%s: %s\n", title, plain.Count(len(alerts)))
		for i := range alerts {
			a := &alerts[i]
			fmt.Fprintf(&b, "  %s  %-8s  %5.1f  %s  %s: %s\n", a.Short(), a.Severity, a.Score, a.Time.Format("2006-01-02 15:04"), plain.Escape(a.User), plain.Escape(a.Title))
		}
	}
	list("New", c.Added)
	list("Lost", c.Lost)
	fmt.Fprintf(&b, "\nMoved: %s\n", plain.Count(len(c.Moved)))
	for i := range c.Moved {
		m := &c.Moved[i]
		fmt.Fprintf(&b, "  %s  %s %.1f → %s %.1f  %s  %s: %s\n", m.Alert.Short(), m.Severity, m.Score, m.Alert.Severity, m.Alert.Score, m.Alert.Time.Format("2006-01-02 15:04"), plain.Escape(m.Alert.User), plain.Escape(m.Alert.Title))
	}
	type change struct {
		who      string
		old, new int
	}
	var people []change
	all := maps.Clone(c.Old.Persons)
	maps.Copy(all, c.New.Persons)
	for who := range all {
		if x := (change{who, c.Old.Persons[who], c.New.Persons[who]}); x.old != x.new {
			people = append(people, x)
		}
	}
	slices.SortFunc(people, func(x, y change) int {
		return cmp.Or(-cmp.Compare(max(x.new-x.old, x.old-x.new), max(y.new-y.old, y.old-y.new)), cmp.Compare(x.who, y.who))
	})
	fmt.Fprintf(&b, "\nPeople with more or fewer alerts: %s\n", plain.Count(len(people)))
	for _, x := range people {
		fmt.Fprintf(&b, "  %s: %d → %d\n", plain.Escape(x.who), x.old, x.new)
	}
	if len(c.Exceptions) > 0 {
		fmt.Fprintf(&b, "\nExceptions\n")
	}
	for _, x := range c.Exceptions {
		until := ""
		if x.Until != "" {
			until = ", until " + x.Until
		}
		fmt.Fprintf(&b, "  %s: %s events of %s people, %s alerts hidden (%s: %s%s)\n", plain.Escape(x.Name), plain.Count(x.Events), plain.Count(x.People), plain.Count(x.Alerts), plain.Escape(x.Owner), plain.Escape(x.Reason), until)
	}
	_, err := w.Write(b.Bytes())
	return err
}
