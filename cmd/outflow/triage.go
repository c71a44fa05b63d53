package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/alert/feed"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/datadir"
	"github.com/outflow/outflow/cmd/outflow/internal/keys"
	"github.com/outflow/outflow/cmd/outflow/internal/triage"
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/internal/plain"
)

func newTriage(stdout io.Writer) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "triage",
		Short: "Decide about alerts, and list what decisions teach",
		Args:  usage(cobra.NoArgs),
		RunE:  group,
	}
	cmd.AddCommand(newTriageDecide(stdout), newTriageList(stdout))
	return cmd
}

// triageData defines --data.
func triageData(cmd *cobra.Command, data *string) {
	cmd.Flags().StringVar(data, "data", "", "the data directory of scans or of a daemon, which may be running: `DIR`")
}

// errNoData is what commands about decisions say without --data.
var errNoData = errors.New("--data is required: the directory that a scan or a daemon keeps its alerts in")

func newTriageDecide(stdout io.Writer) *cobra.Command {
	var data, note, who, of string
	var statuses []string
	for _, s := range feed.Statuses {
		statuses = append(statuses, string(s))
	}
	cmd := &cobra.Command{
		Use:   "decide --data DIR ALERT STATUS",
		Short: "Record a decision about an alert",
		Long: `Decide records a decision about an alert, as the feed does: ` + strings.Join(statuses, ", ") + `.

Alerts that were closed as false or benign-true lower the score of later evidence of the same
detector, most in the same place, and those closed as true raise it: within bounds, and never
below what rules, grave indicators and blatant days score at least. Status open takes a
decision back, and what it has changed.

Where the feed requires two people to close an alert (feed.second_person), this does, too: the
first one proposes it, and it is closed once somebody with another account decides the same.
With an identity provider such alerts are closed in the feed only.

ALERT is the id of an alert, or the beginning of one, as scan prints it.`,
		Example: `  outflow triage decide --data state/ 3fa4c1d2 false --note "nightly backup"
  outflow triage decide --data state/ 3fa4c1d2 open`,
		Args: usage(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if data == "" {
				return &exit{exitUsage, errNoData}
			}
			t := feed.Triage{At: time.Now().UTC(), Who: cmp.Or(who, account()), Status: feed.Status(args[1]), Note: note, DuplicateOf: of}
			if !slices.Contains(feed.Statuses, t.Status) {
				return &exit{exitUsage, fmt.Errorf("status %q: %s", args[1], strings.Join(statuses, ", "))}
			}
			if (t.Status == feed.Duplicate) != (of != "") {
				return &exit{exitUsage, errors.New("--duplicate-of names the alert that reports the same: " +
					"it is required for duplicate, and for nothing else")}
			}
			return decide(cmd.Context(), stdout, data, args[0], t)
		},
	}
	triageData(cmd, &data)
	cmd.Flags().StringVar(&note, "note", "", "the reason; required for false and benign-true")
	cmd.Flags().StringVar(&of, "duplicate-of", "", "the alert that reports the same; required for duplicate: `ALERT`")
	cmd.Flags().StringVar(&who, "by", "", "who decides; default: the account that runs this")
	return cmd
}

// account is the name of the account that runs the program.
func account() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}

// decide records a decision about the alert whose id begins with a text, after the audit log.
func decide(ctx context.Context, stdout io.Writer, dir, id string, t feed.Triage) error {
	alerts, err := datadir.OpenAlerts(ctx, dir)
	if err != nil {
		return err
	}
	defer alerts.Close()
	a, err := keys.FindAlert(ctx, alerts, dir, id)
	if err != nil {
		return err
	}
	if t.DuplicateOf != "" {
		other, err := keys.FindAlert(ctx, alerts, dir, t.DuplicateOf)
		if err != nil {
			return err
		}
		if t.DuplicateOf = other.ID; other.ID == a.ID {
			return errors.New("an alert is no duplicate of itself")
		}
	}
	if t.Since, err = alerts.DataUntil(ctx, t.At); err != nil {
		return err
	}
	t.Alert = a.ID
	s, err := keys.OpenFeed(ctx, dir)
	if err != nil {
		return err
	}
	defer s.Close()
	shown, err := keys.ShownID(dir, t.Alert)
	if err != nil {
		return err
	}
	waits, err := s.DecideBeside(ctx, t, a, account(), shown)
	if err != nil {
		return err
	}
	if waits {
		_, err = fmt.Fprintf(stdout, "%s: proposed as %s, by %s. It is closed once a second person with another account decides "+
			"the same.\n", a.Short(), t.Status, plain.Escape(t.Who))
		return err
	}
	_, err = fmt.Fprintf(stdout, "%s: %s, by %s. It counts for events after %s.\n", a.Short(), t.Status, plain.Escape(t.Who),
		t.Since.Format("2006-01-02 15:04 MST"))
	return err
}

// decision is a line of triage list.
type decision struct {
	Alert string `json:"alert"`
	feed.Triage
	Since time.Time `json:"counts_from"`
}

// lessons is what triage list prints.
type lessons struct {
	Decisions []decision      `json:"decisions"` // the latest about each alert, the latest last
	Changes   []engine.Lesson `json:"changes"`   // of weights
}

func newTriageList(stdout io.Writer) *cobra.Command {
	var data string
	var r report
	cmd := &cobra.Command{
		Use:   "list --data DIR",
		Short: "List decisions about alerts, and what they change",
		Long: `List prints the latest decision about each alert, and by how many points the decisions of
the last year change the scores of similar evidence.`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if data == "" {
				return &exit{exitUsage, errNoData}
			}
			if err := r.check(); err != nil {
				return err
			}
			l, err := listLessons(cmd.Context(), data)
			if err != nil {
				return err
			}
			return r.write(stdout, l, l.print)
		},
	}
	triageData(cmd, &data)
	r.flag(cmd)
	return cmd
}

// listLessons reads the decisions of a data directory.
func listLessons(ctx context.Context, dir string) (*lessons, error) {
	all, users, err := triage.Decisions(ctx, dir)
	if err != nil {
		return nil, err
	}
	l := &lessons{Decisions: []decision{}, Changes: []engine.Lesson{}}
	latest := map[string]int{}
	var verdicts []engine.Verdict
	until := int64(0)
	for i := range all {
		latest[all[i].Alert] = i
		verdicts = append(verdicts, triage.VerdictOf(&all[i], users[all[i].Alert]))
		until = max(until, verdicts[i].At)
	}
	for i := range all {
		if t := &all[i]; latest[t.Alert] == i {
			l.Decisions = append(l.Decisions, decision{t.Alert, t.Triage, t.Since})
		}
	}
	l.Changes = append(l.Changes, config.Catalog().Lessons(verdicts, until)...)
	return l, nil
}

// print writes the decisions and what they change as text.
func (l *lessons) print(w io.Writer) error {
	if len(l.Decisions) == 0 {
		_, err := fmt.Fprintln(w, "There are no decisions.")
		return err
	}
	for i := range l.Decisions {
		d := &l.Decisions[i]
		short, when := d.Alert[:min(8, len(d.Alert))], d.At.Format("2006-01-02 15:04")
		line := fmt.Sprintf("%s  %s  %s  %s", short, when, plain.Escape(d.Who), d.Status)
		if d.DuplicateOf != "" {
			line += " of " + d.Original()
		}
		if d.Note != "" {
			line += "  " + plain.Escape(d.Note)
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	if len(l.Changes) == 0 {
		_, err := fmt.Fprintln(w, "\nThey change no scores.")
		return err
	}
	if _, err := fmt.Fprintln(w, "\nChange of the score of similar evidence:"); err != nil {
		return err
	}
	for i := range l.Changes {
		x := &l.Changes[i]
		var ids []string
		for _, id := range x.Alerts {
			ids = append(ids, id[:min(8, len(id))])
		}
		if _, err := fmt.Fprintf(w, "%+6.2f  %s, %s: %d dismissed, %d confirmed (%s)\n", x.Points, x.Detector, subjectText(x.Subject),
			x.Dismissed, x.Confirmed, strings.Join(ids, " ")); err != nil {
			return err
		}
	}
	return nil
}

// subjectText is a kind of subject in words.
func subjectText(kind string) string {
	return map[string]string{
		"detector": "anywhere", "place": "in the place of these alerts", "application": "with the application of these alerts",
		"function": "in the department of these alerts",
	}[kind]
}
