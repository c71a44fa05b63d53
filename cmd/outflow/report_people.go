package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/feed"
	reports "github.com/outflow/outflow/alert/report"
	"github.com/outflow/outflow/cmd/outflow/internal/explain"
	"github.com/outflow/outflow/cmd/outflow/internal/reporting"
	"github.com/outflow/outflow/internal/chart"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/plain"
)

// peopleFlags are what a list of people was asked for.
type peopleFlags struct {
	reportFlags
	all  bool
	back lifetime
}

const (
	fewPeople = 30 // that are listed without --all
	fewSeries = 6  // of one person that are drawn
)

func newPeople(stdout, stderr io.Writer) *cobra.Command {
	f := peopleFlags{back: lifetime(90 * 24 * time.Hour)}
	cmd := &cobra.Command{
		Use:   "people [PERSON]",
		Short: "List people by their highest score, or draw one person's days",
		Long: `People lists everyone with stored days, the highest score first, with a small chart of the
scores by day. With PERSON it draws that person's days instead: the score, and what
departed most from their usual day, both on one scale. In pipes, and where the locale
has no UTF-8, charts are ASCII.`,
		Example: `  outflow report people --data data
  outflow report people --data data chen.kapoor@acme.example`,
		Args:    usage(cobra.MaximumNArgs(1)),
		PreRunE: func(*cobra.Command, []string) error { return f.check() },
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), args, stdout, stderr)
		},
	}
	f.formats = []string{"text", "json"}
	fl := cmd.Flags()
	fl.StringVar(&f.Data, "data", "data", "the data directory of a daemon or of scans: `DIR`")
	fl.StringVar(&f.config, "config", "", "the configuration `FILE`: domains of the organisation")
	fl.StringVar(&f.format, "format", "text", "output format: text, json")
	fl.StringVar(&f.People, "people", "names", "show people by names or pseudonyms")
	fl.Var(&f.back, "last", "days of the last `DURATION` of the data, such as 30d")
	fl.BoolVar(&f.all, "all", false, "list all people, and draw all amounts")
	completeFlag(cmd, "format", f.formats)
	completeFlag(cmd, "people", []string{"names", "pseudonyms"})
	return cmd
}

// run lists people, or draws the days of the one that args names.
func (f *peopleFlags) run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	data, err := f.open(ctx)
	if err != nil {
		return err
	}
	defer data.Close()
	var mask *alert.Mask
	if f.People == "pseudonyms" {
		if mask, err = f.Mask(ctx, data, feed.SOC); err != nil {
			return err
		}
	}
	from := data.In.Now.Add(-time.Duration(f.back))
	out := report{f.format}
	if len(args) == 0 {
		list, err := f.list(ctx, data, mask, from)
		if err != nil {
			return err
		}
		return out.write(stdout, list, func(w io.Writer) error { return f.writeList(w, list) })
	}
	user, err := f.FindUser(ctx, data, args[0], mask, stderr)
	if err != nil {
		return err
	}
	days, err := data.In.Days(user, from, data.In.Now.AddDate(1, 0, 0))
	if err != nil {
		return err
	}
	raised := alertDays(data.In.Alerts, user, days)
	if mask != nil {
		user = mask.Name(user)
	}
	for i := range days {
		days[i].User = user
	}
	return out.write(stdout, days, func(w io.Writer) error { return f.writePerson(w, user, days, raised) })
}

// personDays is a person with the scores of their days. It is written as JSON.
type personDays struct {
	User       string    `json:"user"`                 // account, or pseudonym
	Department string    `json:"department,omitempty"` // from HR's files
	Service    bool      `json:"service,omitempty"`    // a service account
	Leaving    bool      `json:"leaving,omitempty"`    // known to leave on the last day
	Days       int       `json:"days"`                 // active days
	Highest    float64   `json:"highest"`              // score
	On         string    `json:"on"`                   // date of it
	Alerts     int       `json:"alerts"`               // of medium severity or above
	Scores     []float64 `json:"scores"`               // by day, from the first date of the list on

	dates map[string]float64
}

// peopleList is what report people lists. It is written as JSON.
type peopleList struct {
	From   string        `json:"from"` // first date
	To     string        `json:"to"`   // last date
	People []*personDays `json:"people"`
}

// list is everyone with days from a time on, the highest score first.
func (f *peopleFlags) list(ctx context.Context, data *reporting.Data, mask *alert.Mask, from time.Time) (*peopleList, error) {
	at := map[string]*personDays{}
	l := &peopleList{People: []*personDays{}}
	err := data.EachDay(ctx, func(a *finding.Activity) error {
		date := a.Date()
		if a.End < from.UnixMilli() || a.Gone {
			return nil
		}
		p := at[a.User]
		if p == nil {
			p = &personDays{User: a.User, dates: map[string]float64{}}
			at[a.User] = p
			l.People = append(l.People, p)
		}
		if _, again := p.dates[date]; !again {
			p.Days++
		}
		p.dates[date] = max(a.Risk, p.dates[date])
		p.Service, p.Department, p.Leaving = a.Service, cmp.Or(a.Department, p.Department), a.Leaving
		if a.Risk > p.Highest || p.On == "" {
			p.Highest, p.On = a.Risk, date
		}
		if l.From == "" || date < l.From {
			l.From = date
		}
		l.To = max(l.To, date)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range data.In.Alerts {
		a := &data.In.Alerts[i]
		if p := at[a.User]; p != nil && a.Severity >= alert.Medium && !a.Time.Before(from) {
			p.Alerts++
		}
	}
	for _, p := range l.People {
		if mask != nil && !p.Service {
			p.User = mask.Name(p.User)
		}
		p.Scores = byDay(p.dates, l.From, l.To)
	}
	slices.SortFunc(l.People, func(a, b *personDays) int {
		return cmp.Or(-cmp.Compare(a.Highest, b.Highest), cmp.Compare(a.User, b.User))
	})
	return l, nil
}

// byDay are the scores from one date to another.
func byDay(of map[string]float64, from, to string) (scores []float64) {
	at, err := time.Parse(time.DateOnly, from)
	for ; err == nil && at.Format(time.DateOnly) <= to; at = at.AddDate(0, 0, 1) {
		scores = append(scores, of[at.Format(time.DateOnly)])
	}
	return scores
}

// writeList writes people, a line each.
func (f *peopleFlags) writeList(w io.Writer, l *peopleList) error {
	if len(l.People) == 0 {
		_, err := fmt.Fprintln(w, "No user-days are stored.")
		return err
	}
	services := 0
	most, who := 0.0, len("person")
	shown := l.People
	if !f.all {
		shown = shown[:min(len(shown), fewPeople)]
	}
	for _, p := range l.People {
		if most = max(most, p.Highest); p.Service {
			services++
		}
	}
	for _, p := range shown {
		who = max(who, len([]rune(plain.Clip(plain.Escape(p.User), 44))))
	}
	fmt.Fprintf(w, "%s and %s from %s to %s, the highest score first\n\n", plain.CountOf(len(l.People)-services, "person", "people"),
		plain.CountOf(services, "service account", "service accounts"), l.From, l.To)
	_, width := terminal(w)
	ascii := !unicodeWanted(w)
	head := fmt.Sprintf("%-*s  alerts  days  highest  on          ", who, "person")
	fmt.Fprintln(w, head+"scores by day")
	for _, p := range shown {
		line := chart.Line(chart.Shorten(p.Scores, max(cmp.Or(width, 120)-len(head), 10)), most, ascii)
		_, err := fmt.Fprintf(w, "%-*s  %6d  %4d  %7.1f  %s  %s\n",
			who, plain.Clip(plain.Escape(p.User), 44), p.Alerts, p.Days, p.Highest, p.On, strings.TrimRight(line, " "))
		if err != nil {
			return err
		}
	}
	if more := len(l.People) - len(shown); more > 0 {
		fmt.Fprintf(w, "%s more with lower scores (use --all)\n", plain.Count(more))
	}
	return nil
}

// telling is the first amount of each of the first few detectors: others of the same are much alike.
func telling(list []reports.Series) (out []reports.Series) {
	seen := map[string]bool{}
	for i := range list {
		detector, _, _ := strings.Cut(list[i].Title, ":")
		if !seen[detector] && len(out) <= fewSeries {
			seen[detector] = true
			out = append(out, list[i])
		}
	}
	return out
}

// alertDays are the alerts of medium severity or above about a person, by the end of their day.
func alertDays(list []alert.Alert, user string, days []finding.Activity) map[int64][]*alert.Alert {
	var of []*alert.Alert
	for i := range list {
		if a := &list[i]; a.User == user && a.Severity >= alert.Medium {
			of = append(of, a)
		}
	}
	return reports.DayAlerts(days, of)
}

// writePerson draws the days of a person.
func (f *peopleFlags) writePerson(w io.Writer, user string, days []finding.Activity, raised map[int64][]*alert.Alert) error {
	if len(days) == 0 {
		_, err := fmt.Fprintf(w, "No days of %s are stored.\n", plain.Escape(user))
		return err
	}
	last := &days[len(days)-1]
	fmt.Fprintf(w, "%s", plain.Escape(user))
	if last.Department != "" {
		fmt.Fprintf(w, ", %s", plain.Escape(last.Department))
	}
	fmt.Fprintf(w, ": %s from %s to %s", plain.CountOf(len(days), "active day", "active days"), days[0].Date(), last.Date())
	if last.Leaving {
		fmt.Fprint(w, "; leaving")
	}
	fmt.Fprintln(w)
	if len(raised) > 0 {
		fmt.Fprintln(w, "^ marks days with an alert of medium severity or above")
	}
	_, width := terminal(w)
	ascii := !unicodeWanted(w)
	list := reports.AllSeries(days, raised)
	if s := reports.RiskSeries(days, func(a *finding.Activity) bool { return len(raised[a.End]) > 0 }); s != nil {
		list = slices.Insert(list, 0, *s)
	}
	drawn := list
	if !f.all {
		drawn = telling(list)
	}
	for i := range drawn {
		s := &drawn[i]
		fmt.Fprintf(w, "\n%s\n", plain.Escape(s.Title))
		explain.DrawDays(w, s.Days, ascii, width)
		fmt.Fprintf(w, "  %s\n", plain.Escape(s.Alt))
	}
	if more := len(list) - len(drawn); more > 0 {
		fmt.Fprintf(w, "\n%s not drawn (use --all)\n", plain.CountOf(more, "further amount", "further amounts"))
	}
	return nil
}
