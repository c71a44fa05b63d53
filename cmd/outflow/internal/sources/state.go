package sources

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/outflow/outflow/ingest/watch"
	"github.com/outflow/outflow/internal/plain"
)

// PrintStates prints how far streams have been read as of now: a table, and a line for each gap.
func PrintStates(w io.Writer, list []watch.State, now time.Time) error {
	ago := func(t time.Time) string {
		if t.IsZero() {
			return "never"
		}
		return Age(now.Sub(t)) + " ago"
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SOURCE\tSTREAM\tEVENTS\tLAST EVENTS\tLAST ANSWER\tSTATE")
	for _, s := range list {
		state := "fine"
		if s.Failing != "" {
			state = "failing: " + s.Failing
		}
		source, stream := plain.Escape(s.Source), plain.Escape(s.Stream)
		state = plain.Escape(strings.ReplaceAll(state, "\n", "; "))
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n",
			source, stream, plain.Count(int(s.Events)), ago(s.Saved), ago(s.Asked), state)
	}
	if err := t.Flush(); err != nil {
		return err
	}

	for i := range list {
		if err := printGaps(w, &list[i]); err != nil {
			return err
		}
	}
	return nil
}

// printGaps prints the spans of time that could not be read.
func printGaps(w io.Writer, s *watch.State) error {
	for _, g := range s.Gaps {
		span := ""
		if !g.From.IsZero() {
			span = g.From.Format("2006-01-02 15:04") + " to " + g.To.Format("2006-01-02 15:04") + ": "
		}
		_, err := fmt.Fprintf(w, "Gap in %s, %s: %s%s\n", plain.Escape(s.Source), plain.Escape(s.Stream), span, plain.Escape(g.Reason))
		if err != nil {
			return err
		}
	}
	return nil
}

// Age writes how long ago something was: in seconds up to two minutes, then in minutes, hours
// and days.
func Age(d time.Duration) string {
	switch d = d.Round(time.Second); {
	case d < 2*time.Minute:
		return d.String()
	case d < 2*time.Hour:
		return plain.CountOf(int(d.Minutes()), "minute", "minutes")
	case d < 48*time.Hour:
		return plain.CountOf(int(d.Hours()), "hour", "hours")
	}
	return plain.CountOf(int(d.Hours()/24), "day", "days")
}
