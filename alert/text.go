package alert

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/plain"
)

// Sentence returns the title and the reason as one sentence, without control characters.
func (a *Alert) Sentence() string { return printable(sentence(a)) }

// Headline returns one line for people: severity, title and user.
func (m *Message) Headline() string {
	a := &m.Alert
	s := strings.ToUpper(a.Severity.String()) + " " + a.Title
	switch {
	case m.Test:
		s = "TEST: " + s
	case a.Withdrawn:
		s = "Withdrawn: " + s
	}
	if a.User != "" {
		s += ": " + a.User
	}
	return printable(s)
}

// Fact is a property of an alert as people read it.
type Fact struct {
	Name  string // such as When
	Value string // without control characters
}

// Facts returns the properties to be shown beside the sentence.
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
	add("When", a.Window.Start.Format("2006-01-02 15:04")+" to "+a.Window.End.Format("15:04")+" UTC")
	add("Sources", strings.Join(a.Sources, ", "))
	if a.Unit != "" {
		add("Seen", number(a.Observed)+" "+a.Unit+"; usual "+number(a.Expected)+", colleagues "+number(a.Peers))
	}
	add("Fate", a.statusText())
	add("Techniques", strings.Join(a.Techniques, ", "))
	if a.Provisional {
		add("Provisional", "the day is not over in the data")
	}
	if m.Repeat {
		add("Possible repeat", "sending it was interrupted before")
	}
	add("Alert", a.Short())
	return list
}

// Rest returns a line about the alerts in Others; "" if there are none.
func (m *Message) Rest() string {
	if len(m.Others) == 0 {
		return ""
	}
	var worst [5]int
	for i := range m.Others {
		worst[m.Others[i].Severity]++
	}
	var parts []string
	for s := Critical; s >= Informational; s-- {
		if n := worst[s]; n > 0 {
			parts = append(parts, number(float64(n))+" "+s.String())
		}
	}
	return number(float64(len(m.Others))) + " more alerts waited while this channel was down: " +
		strings.Join(parts, ", ") + ". They are in the list of alerts."
}

// Text returns the message as plain text of several lines.
func (m *Message) Text() string {
	var b strings.Builder
	b.WriteString(m.Headline() + "\n\n" + m.Alert.Sentence() + "\n")
	for _, f := range m.Facts() {
		b.WriteString("\n" + f.Name + ": " + f.Value)
	}
	if m.Link != "" {
		b.WriteString("\n\n" + m.Link)
	}
	if rest := m.Rest(); rest != "" {
		b.WriteString("\n\n" + rest)
	}
	return b.String() + "\n"
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
		Title:          "Test of this channel",
		Reason:         "nothing has happened: somebody tries whether messages arrive",
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
		}},
	}
}

// number formats an amount for people: without decimals from ten on, with one below.
func number(x float64) string {
	if x >= 10 || x == math.Trunc(x) {
		return plain.Number(int64(math.Round(x)))
	}
	return strconv.FormatFloat(x, 'f', 1, 64)
}
