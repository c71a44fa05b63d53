package doctor

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/outflow/outflow/cmd/outflow/internal/batch"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/plain"
)

// wantedDays is how many days events should reach back: baselines are settled after about a
// month.
const wantedDays = 30

// note adds a note.
func (d *Diagnosis) note(format string, args ...any) {
	d.Notes = append(d.Notes, fmt.Sprintf(format, args...))
}

// addNotes notes what else is missing or wrong.
func (d *Diagnosis) addNotes(cov *batch.Coverage, seen *classCounts) {
	d.noteSpans()
	d.noteHistory()
	if seen[event.HR][event.Person] == 0 {
		d.note("no people file (people.csv): departments are unknown, so everybody is compared with everybody, " +
			"and accounts are tied together by their addresses only")
	}
	if n := cov.Malformed; n > 0 {
		d.note("%s malformed: outflow scan names them", plain.CountOf(n, "record is", "records are"))
	}
	for _, u := range cov.Unreadable {
		d.note("%s could not be read, or not whole: %s", plain.Escape(u.File), plain.Escape(u.Reason))
	}
	d.Notes = append(d.Notes, cov.Warnings()...)
	if n := len(cov.Unrecognised); n > 0 {
		d.note("%s not recognised: outflow scan names them", plain.CountOf(n, "file was", "files were"))
	}
}

// noteSpans notes sources that begin late, or end before the others.
func (d *Diagnosis) noteSpans() {
	latest := time.Time{}
	for _, s := range d.Sources {
		if s.To.After(latest) {
			latest = s.To
		}
	}
	for _, s := range d.Sources {
		behind := latest.Sub(s.To)
		switch {
		case s.Days == 0:
		case s.Days < wantedDays:
			d.note("%s reaches back %s: baselines are settled after about %d",
				s.Source, plain.CountOf(s.Days, "day", "days"), wantedDays)
		case behind > 48*time.Hour:
			d.note("%s ends on %s, %s before the newest event: is its export still running?",
				s.Source, s.To.Format(time.DateOnly), plain.CountOf(int(behind/(24*time.Hour)), "day", "days"))
		}
	}
}

// noteHistory notes how much is missing until counts are scored, and what that means.
func (d *Diagnosis) noteHistory() {
	u := &d.Usual
	days := 0
	for i := range d.Sources {
		days = max(days, d.Sources[i].Days)
	}
	switch {
	case u.PersonDays == 0:
		d.note("there are no events of people: nothing can be scored")
	case !u.Enough:
		pace := (u.Needed-u.PersonDays)*max(days, 1)/u.PersonDays + 1
		d.note("counts are scored from %d user-days on, "+
			"and the source with the most has %d: at this pace that takes about %s more; "+
			"until then they are compared with the first days of other organisations (%s)",
			u.Needed, u.PersonDays, plain.CountOf(pace, "day", "days"), strings.Join(batch.Counting(), ", "))
	}
}

// accountDays writes how many days of accounts there are.
func accountDays(n int) string {
	if n >= maxPersonDays {
		return "over " + plain.CountOf(maxPersonDays, "", "days of accounts")
	}
	return plain.CountOf(n, "day of an account", "days of accounts")
}

// Write writes the diagnosis as text: what is blind first. The only error is one of w.
func (d *Diagnosis) Write(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintln(&b, "Sources")
	for _, s := range d.Sources {
		fmt.Fprintf(&b, "  %-17s %10s", s.Source, plain.Count(s.Events))
		if s.Days > 0 {
			from, to := s.From.Format(time.DateOnly), s.To.Format(time.DateOnly)
			fmt.Fprintf(&b, "  %s to %s  %s", from, to, accountDays(s.PersonDays))
		}
		fmt.Fprintln(&b)
	}
	for _, state := range []string{Blind, Partly, Able} {
		d.writeState(&b, state)
	}
	writeOperations(&b, "Unmapped event types (stored, not scored)", d.Unmapped)
	writeOperations(&b, "Mapped, but used by no detector", d.Unjudged)
	if len(d.Notes) > 0 {
		fmt.Fprintln(&b, "\nNotes")
		for _, n := range d.Notes {
			fmt.Fprintf(&b, "  %s\n", n)
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// visibility says what a state means.
var visibility = map[string]string{Blind: "No visibility", Partly: "Partial visibility", Able: "Full visibility"}

// writeState writes the detectors in a state, if there are any.
func (d *Diagnosis) writeState(b *bytes.Buffer, state string) {
	n := 0
	for _, x := range d.Detectors {
		if x.State == state {
			n++
		}
	}
	if n == 0 {
		return
	}

	fmt.Fprintf(b, "\n%s: %d of %d detectors\n", visibility[state], n, len(d.Detectors))
	for _, x := range d.Detectors {
		if x.State != state {
			continue
		}
		fmt.Fprintf(b, "  %s", x.Detector)
		if len(x.Sees) > 0 {
			fmt.Fprintf(b, ": sees %s", strings.Join(x.Sees, ", "))
		}
		fmt.Fprintln(b)
		for _, m := range x.Missing {
			fmt.Fprintf(b, "      missing: %s\n", m)
		}
		if state == Blind && len(x.Absent) > 0 {
			fmt.Fprintf(b, "      would see %s\n", strings.Join(x.Absent, ", "))
		}
	}
}

// writeOperations lists operations by source, if there are any.
func writeOperations(b *bytes.Buffer, title string, operations map[string]map[string]int) {
	if len(operations) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n", title)
	for _, source := range slices.Sorted(maps.Keys(operations)) {
		fmt.Fprintf(b, "  %s: %s\n", source, batch.Names(operations[source]))
	}
}
