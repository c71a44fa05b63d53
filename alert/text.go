package alert

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/outflow/outflow/internal/attack"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/plain"
)

// Sentence returns the title and the reason as one sentence, without control characters.
func (a *Alert) Sentence() string { return printable(sentence(a)) }

// Headline returns one line for people: severity, title and user; or what was decided about several alerts.
func (m *Message) Headline() string {
	a := &m.Alert
	if m.Several() {
		return printable(m.decisionsText())
	}
	s := strings.ToUpper(a.Severity.String()) + " " + a.Title
	switch {
	case m.Test:
		s = "TEST: " + s
	case a.Withdrawn:
		s = "Withdrawn: " + s
	case a.Triage != nil && a.Done():
		s = upperFirst(a.Triage.Title(), true) + ": " + s
	}
	if a.User != "" {
		s += ": " + a.User
	}
	return printable(s)
}

// DetectorTitle returns the title of the alert's detector.
func (a *Alert) DetectorTitle() string {
	for i := range a.Evidence {
		if a.Evidence[i].Detector == a.Detector {
			return a.Evidence[i].Title
		}
	}
	return a.Title
}

// Fact is a property of an alert as people read it.
type Fact struct {
	Name  string // such as When
	Value string // without control characters
}

// Facts returns the properties to be shown beside the text.
func (m *Message) Facts() (list []Fact) {
	a := &m.Alert
	add := func(name, value string) {
		if value != "" {
			list = append(list, Fact{name, printable(value)})
		}
	}
	who := a.User
	if a.Service && !event.IsPlace(a.User) {
		who += " (service account)"
	}
	add("Who", who)
	add("When", span(a.Window)+" UTC")
	if a.Triage != nil {
		add("Triage", a.Triage.Title())
	}
	if m.Repeat {
		add("Possible repeat", repeated)
	}
	add("Sources", strings.Join(SourceTitles(a.Sources), ", "))
	if a.Unit != "" {
		usual := "usual day " + plain.Amount(a.Expected) + ", colleagues " + plain.Amount(a.Peers)
		add("Observed", plain.Amount(a.Observed)+" "+a.Unit+" ("+usual+")")
	}
	add("Sent to", a.destinations())
	add("Exposure", a.exposed())
	add("ATT&CK", strings.Join(attack.Titles(a.Techniques), "; "))
	if a.Provisional {
		add("Provisional", "the day is not over in the data")
	}
	add("Alert", a.Short())
	return list
}

// repeated says why a message may come twice.
const repeated = "sending it was interrupted before"

// Repeated says that the message may come twice, and why; "" if it does not.
func (m *Message) Repeated() string {
	if !m.Repeat {
		return ""
	}
	return "Possible repeat: " + repeated + "."
}

// span formats a window: the date once if it is one day.
func span(w Window) string {
	const full = "2006-01-02 15:04"
	start, end := w.Start.UTC(), w.End.UTC()
	switch {
	case end.Sub(start) < time.Minute:
		return start.Format(full)
	case start.Format(time.DateOnly) == end.Format(time.DateOnly):
		return start.Format(full) + " to " + end.Format("15:04")
	}
	return start.Format(full) + " to " + end.Format(full)
}

// SourceTitles returns the names of sources for people.
func SourceTitles(names []string) []string {
	titles := make([]string, 0, len(names))
	for _, n := range names {
		if t := event.SourceNamed(n).Title(); t != "" {
			n = t
		}
		titles = append(titles, n)
	}
	return titles
}

// shownDestinations is the most destinations of a message.
const shownDestinations = 5

// destinations lists who or what received most, with the number of events.
func (a *Alert) destinations() string {
	var list []Destination
	for i := range a.Evidence {
		for _, d := range a.Evidence[i].Destinations {
			k := slices.IndexFunc(list, func(x Destination) bool { return x.Name == d.Name })
			if k < 0 {
				list = append(list, d)
			} else { // detectors may rest on the same events
				list[k].Events = max(list[k].Events, d.Events)
			}
		}
	}
	slices.SortStableFunc(list, func(x, y Destination) int { return cmp.Compare(y.Events, x.Events) })
	var parts []string
	for _, d := range list[:min(len(list), shownDestinations)] {
		name := strings.TrimPrefix(d.Name, "@")
		if name == "*" {
			name = "anybody"
		}
		parts = append(parts, plain.Clip(name, maxItemPlace)+" ("+plain.CountOf(d.Events, "event", "events")+")")
	}
	if more := len(list) - len(parts); more > 0 {
		parts = append(parts, plain.Count(more)+" more")
	}
	return strings.Join(parts, ", ")
}

// exposed says whether what was exposed or disabled is still so; "" if nothing was.
func (a *Alert) exposed() string {
	all, open := len(a.Exposures), a.OpenExposures()
	switch {
	case all == 0:
		return ""
	case open == 0:
		return strings.TrimSuffix(a.statusText(), ".")
	case all == 1:
		return "still in effect"
	}
	return plain.Count(open) + " of " + plain.Count(all) + " still in effect"
}

// OpenExposures is how many of the exposures nobody has reverted.
func (a *Alert) OpenExposures() (n int) {
	for i := range a.Exposures {
		if a.Exposures[i].Closed == nil {
			n++
		}
	}
	return n
}

// Chips returns the alert's facts as short texts, the most telling first.
func (m *Message) Chips() (list []string) {
	for _, f := range m.Alert.Facts {
		list = append(list, printable(plain.Clip(f.Text, maxChip)))
	}
	return list
}

const (
	maxChip  = 200 // characters of a chip
	topItems = 5   // items of a message
)

// Items returns the most telling items of the alert, a line each, and how many more events there are.
func (m *Message) Items() (list []string) {
	top := m.Alert.TopItems(topItems)
	for i := range top {
		list = append(list, top[i].Text())
	}
	if more := m.Alert.MoreItems(topItems); more > 0 && len(list) > 0 {
		list = append(list, "and "+plain.CountOf(more, "more event", "more events"))
	}
	return list
}

// Body returns the reason as a sentence, without control characters.
func (m *Message) Body() string { return printable(upperFirst(m.Alert.Reason, true)) + "." }

// Rest returns a line about the alerts in Others; "" if there are none.
func (m *Message) Rest() string {
	switch {
	case m.Several():
		return "They are in the list of alerts."
	case len(m.Others) == 0:
		return ""
	}
	var worst [5]int
	for i := range m.Others {
		worst[m.Others[i].Severity]++
	}
	var parts []string
	for s := Critical; s >= Informational; s-- {
		if n := worst[s]; n > 0 {
			parts = append(parts, plain.Amount(float64(n))+" "+s.String())
		}
	}
	return plain.Amount(float64(len(m.Others))) + " more alerts waited while this channel was down: " +
		strings.Join(parts, ", ") + ". They are in the list of alerts."
}

// Text returns the message as plain text of several lines. A decision has few: the alert was told before.
func (m *Message) Text() string {
	var b strings.Builder
	if m.Decision {
		for _, l := range append(append([]string{m.Headline()}, m.Changes()...), m.Rest(), m.Repeated(), m.Link) {
			if l != "" {
				b.WriteString(l + "\n")
			}
		}
		return b.String()
	}
	lines := func(title, mark string, list []string) {
		if len(list) == 0 {
			return
		}
		b.WriteString("\n" + title)
		for _, l := range list {
			b.WriteString(mark + l + "\n")
		}
	}
	b.WriteString(m.Headline() + "\n")
	lines("Changed:\n", "  ", m.Changes())
	lines("", "- ", m.Chips())
	b.WriteString("\n" + m.Body() + "\n")
	var facts []string
	for _, f := range m.Facts() {
		facts = append(facts, f.Name+": "+f.Value)
	}
	lines("", "", facts)
	lines("Items:\n", "- ", m.Items())
	if m.Link != "" {
		b.WriteString("\n" + m.Link + "\n")
	}
	if rest := m.Rest(); rest != "" {
		b.WriteString("\n" + rest + "\n")
	}
	return b.String()
}

// Sample returns the alert that outflow channel test sends.
func Sample(now time.Time) Alert {
	now = now.UTC().Truncate(time.Second)
	return Alert{
		ID:             "00000000000000000000000000000000",
		Revision:       1,
		Case:           "00000000000000000000000000000000",
		Time:           now,
		User:           "test.person@example.com",
		Detector:       "bulk_download",
		Detectors:      []string{"bulk_download"},
		Score:          12.3,
		Rate:           .4,
		Severity:       Low,
		Title:          "Test message, no action needed",
		Reason:         "outflow channel test sent this to see whether messages arrive",
		Facts:          []finding.Fact{{Kind: finding.FactUnusual, Text: "nothing has happened"}},
		Window:         Window{now.Add(-time.Hour), now},
		Observed:       120,
		Expected:       3,
		Peers:          2.5,
		Unit:           "files",
		BaselineDays:   30,
		Sources:        []string{"box"},
		Techniques:     []string{"T1530"},
		EventIDs:       []string{"test"},
		EventCount:     1,
		DataCompleteTo: now,
		Evidence: []Evidence{{
			Detector: "bulk_download",
			Title:    "Bulk download",
			Points:   12.3,
			Reason:   "nothing has happened",
			Observed: 120,
			Expected: 3,
			Peers:    2.5,
			Unit:     "files",
			Sources:  []string{"box"},
			Events:   1,
			Items: []Item{{
				Time:     now,
				Source:   "box",
				Activity: "download",
				Action:   "DOWNLOAD",
				Object:   Object{Type: "file", Name: "test.txt", Size: 1},
			}},
		}},
	}
}
