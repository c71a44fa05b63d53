package replay

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/plain"
)

const minutes = "2006-01-02 15:04"

// Write writes the comparison as text. The only error is one of w.
func (c *Comparison) Write(w io.Writer) error {
	var b bytes.Buffer
	c.writeVolume(&b)
	writeAlerts(&b, "New", c.Added)
	writeAlerts(&b, "Lost", c.Lost)
	fmt.Fprintf(&b, "\nMoved: %s\n", plain.Count(len(c.Moved)))
	for i := range c.Moved {
		m := &c.Moved[i]
		a := &m.Alert
		fmt.Fprintf(&b, "  %s  %s %.1f → %s %.1f  %s  %s: %s\n",
			a.Short(), m.Severity, m.Score, a.Severity, a.Score, a.Time.Format(minutes), plain.Escape(a.User), plain.Escape(a.Title))
	}
	c.writePeople(&b)
	c.writeExceptions(&b)
	_, err := w.Write(b.Bytes())
	return err
}

// writeVolume writes how many alerts there are to look at.
func (c *Comparison) writeVolume(b *bytes.Buffer) {
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "over %s\told\tnew\t\n", plain.CountOf(c.Days, "day", "days"))
	fmt.Fprintf(t, "alerts\t%d\t%d\t\n", c.Old.Alerts, c.New.Alerts)
	fmt.Fprintf(t, "a day\t%.2f\t%.2f\t\n", c.Old.PerDay, c.New.PerDay)
	for s := alert.Critical; s >= alert.Informational; s-- {
		if n := s.String(); c.Old.Severity[n]+c.New.Severity[n] > 0 {
			fmt.Fprintf(t, "%s\t%d\t%d\t\n", n, c.Old.Severity[n], c.New.Severity[n])
		}
	}
	fmt.Fprintf(t, "people\t%d\t%d\t\n", len(c.Old.Persons), len(c.New.Persons))
	t.Flush()
}

// writeAlerts writes a list of alerts, a line each.
func writeAlerts(b *bytes.Buffer, title string, alerts []alert.Alert) {
	fmt.Fprintf(b, "\n%s: %s\n", title, plain.Count(len(alerts)))
	for i := range alerts {
		a := &alerts[i]
		fmt.Fprintf(b, "  %s  %-8s  %5.1f  %s  %s: %s\n",
			a.Short(), a.Severity, a.Score, a.Time.Format(minutes), plain.Escape(a.User), plain.Escape(a.Title))
	}
}

// writePeople writes who has more or fewer alerts, the largest change first.
func (c *Comparison) writePeople(b *bytes.Buffer) {
	type change struct {
		user     string
		old, new int
	}
	var changes []change
	all := maps.Clone(c.Old.Persons)
	maps.Copy(all, c.New.Persons)
	for user := range all {
		if x := (change{user, c.Old.Persons[user], c.New.Persons[user]}); x.old != x.new {
			changes = append(changes, x)
		}
	}
	slices.SortFunc(changes, func(x, y change) int {
		return cmp.Or(
			-cmp.Compare(max(x.new-x.old, x.old-x.new), max(y.new-y.old, y.old-y.new)),
			cmp.Compare(x.user, y.user),
		)
	})

	fmt.Fprintf(b, "\nPeople with more or fewer alerts: %s\n", plain.Count(len(changes)))
	for _, x := range changes {
		fmt.Fprintf(b, "  %s: %d → %d\n", plain.Escape(x.user), x.old, x.new)
	}
}

// writeExceptions writes what each exception covered and hid.
func (c *Comparison) writeExceptions(b *bytes.Buffer) {
	if len(c.Exceptions) > 0 {
		fmt.Fprintf(b, "\nExceptions\n")
	}
	for _, x := range c.Exceptions {
		until := ""
		if x.Until != "" {
			until = ", until " + x.Until
		}
		events := plain.CountOf(x.Events, "event", "events")
		people := plain.CountOf(x.People, "person", "people")
		alerts := plain.CountOf(x.Alerts, "alert", "alerts")
		fmt.Fprintf(b, "  %s: %s of %s, %s hidden (%s: %s%s)\n",
			plain.Escape(x.Name), events, people, alerts, plain.Escape(x.Owner), plain.Escape(x.Reason), until)
	}
}
