package recognition

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/plain"
)

// mostActions is how many actions without a meaning are listed.
const mostActions = 20

// Recognised reports whether a record of the file was read.
func (r *Reading) Recognised() bool { return r.Records > 0 }

// Write writes the reading as text. Errors of w are not reported.
func (r *Reading) Write(w io.Writer) error {
	fmt.Fprintf(w, "%s: %s\n", plain.Escape(r.File), r.summary())
	if r.Reason != "" {
		fmt.Fprintf(w, "  %s\n", plain.Escape(r.Reason))
	}
	if len(r.Formats) > 0 {
		fmt.Fprintf(w, "  read as %s\n", counted(r.Formats, len(r.Formats)))
	}
	if len(r.Envelopes) > 0 {
		fmt.Fprintf(w, "  records were in %s\n", counted(r.Envelopes, len(r.Envelopes)))
	}
	if len(r.Twins) > 0 {
		fmt.Fprintf(w, "  unknown, because the key occurs twice with different values: %s\n", counted(r.Twins, mostActions))
	}
	if r.Delimiter != "" {
		fmt.Fprintf(w, "  cells are separated by %s\n", delimiters[r.Delimiter])
	}
	if r.DateOrder != "" {
		fmt.Fprintf(w, "  dates are %s\n", r.DateOrder)
	}
	if r.Zone != "" {
		fmt.Fprintf(w, "  the file states the zone of its times: %s\n", plain.Escape(r.Zone))
	}
	for i := range r.First {
		r.First[i].write(w)
	}
	if len(r.Problems) > 0 {
		fmt.Fprintf(w, "\nNot read (%s of %s):\n", plain.Count(len(r.Problems)), plain.Count(r.Unread))
		for _, p := range r.Problems {
			fmt.Fprintf(w, "  %s\n", plain.Escape(p.String()))
		}
	}
	if len(r.Unmapped) > 0 {
		fmt.Fprintf(w, "\nActions without a meaning (class other), which no detector judges: %s\n", counted(r.Unmapped, mostActions))
	}
	return nil
}

var delimiters = map[string]string{",": "commas", ";": "semicolons", "tab": "tabs", "|": "bars"}

// summary says how much was read.
func (r *Reading) summary() string {
	if r.Records == 0 && r.Unread == 0 {
		return "no record was recognised"
	}
	s := fmt.Sprintf("%s read, %s", plain.CountOf(r.Records, "record", "records"), plain.CountOf(r.Events, "event", "events"))
	if r.Unread > 0 {
		s += ", " + plain.Count(r.Unread) + " not read"
	}
	return s
}

// counted lists names with their numbers, the largest first, and at most as many.
func counted(n map[string]int, most int) string {
	names := slices.SortedFunc(maps.Keys(n), func(a, b string) int { return cmp.Or(n[b]-n[a], strings.Compare(a, b)) })
	var list []string
	for i, name := range names {
		if i == most {
			list = append(list, fmt.Sprintf("… %s more", plain.Count(len(names)-i)))
			break
		}
		list = append(list, fmt.Sprintf("%s (%s)", plain.Escape(name), plain.Count(n[name])))
	}
	return strings.Join(list, ", ")
}

// write writes a record.
func (rec *Record) write(w io.Writer) {
	where := fmt.Sprintf("line %d", rec.Line)
	if rec.Member != "" {
		where = plain.Escape(rec.Member) + ", " + where
	}
	fmt.Fprintf(w, "\n%s: %s", where, rec.Format)
	switch len(rec.Events) {
	case 0:
		fmt.Fprint(w, ", no event")
	case 1:
	default:
		fmt.Fprintf(w, ", %d events", len(rec.Events))
	}
	fmt.Fprintln(w)
	for i := range rec.Events {
		if i > 0 {
			fmt.Fprintln(w)
		}
		rec.Events[i].write(w)
	}
}

// write writes an event, a line for each fact.
func (e *Event) write(w io.Writer) {
	line := func(name string, parts ...string) {
		if parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" }); len(parts) > 0 {
			fmt.Fprintf(w, "  %-11s %s\n", name, plain.Escape(strings.Join(parts, ", ")))
		}
	}
	at := strings.TrimSuffix(strings.Replace(strings.TrimSuffix(e.Time, "Z"), "T", " ", 1), ".000") + " UTC"
	if e.Zoneless {
		at += " (no zone is stated: taken as UTC)"
	}
	line("time", at)
	line("source", e.Source, named("tenant", e.Tenant), named("id", e.ID))
	class := e.Class
	if class == event.Other.String() {
		class += " (the action has no meaning to Outflow)"
	}
	line("class", class, named("outcome", e.Outcome))
	line("action", e.Action)
	account := cmp.Or(e.Actor, "not stated")
	line("actor", account, e.ActorName, named("kind", e.ActorKind), named("also", e.Alias), named("for", e.OnBehalfOf))
	line("object", e.object()...)
	line("volume", e.volume()...)
	for _, t := range e.Recipients {
		line("recipient", t.Account, stated(t.Scope))
	}
	line("visibility", named("from", e.Before), named("to", e.After))
	line("client", e.IP, e.Country, named("app", e.App), named("device", e.Device), named("session", e.Session), e.Agent)
	for _, a := range e.Attributes {
		line(a.Name, a.Value)
	}
}

// object lists what is known about the object.
func (e *Event) object() []string {
	size := ""
	if e.Size > 0 {
		size = plain.Number(e.Size) + " bytes"
	}
	whole := ""
	if e.Folder {
		whole = "a whole folder"
	}
	return []string{
		e.Object, e.ObjectType, named("id", e.ObjectID), named("in", e.Container),
		named("owner", e.Owner), named("label", e.Label), size, whole,
	}
}

// volume lists how much was taken.
func (e *Event) volume() (parts []string) {
	if e.Rows > 0 {
		parts = append(parts, plain.CountOf(int(e.Rows), "row", "rows"))
	}
	if e.RowsUnknown {
		parts = append(parts, "rows of unknown number")
	}
	if e.Bytes > 0 {
		parts = append(parts, plain.Number(e.Bytes)+" bytes")
	}
	if e.Items > 0 {
		parts = append(parts, plain.CountOf(int(e.Items), "item", "items"))
	}
	return parts
}

// named returns a value after its name, or "" for no value.
func named(name, value string) string {
	if value == "" {
		return ""
	}
	return name + " " + value
}

// stated says what the vendor states about a recipient; "" if it states nothing.
func stated(scope string) string {
	if scope == "unknown" {
		return ""
	}
	return scope
}
