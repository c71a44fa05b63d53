package alert

import (
	"encoding/json"
	"fmt"

	"github.com/outflow/outflow/internal/plain"
)

// Told is what a channel said about an alert last.
type Told struct {
	Revision    int      `json:"revision"`              // of the alert
	Severity    Severity `json:"severity"`              // of the alert
	Score       float64  `json:"score"`                 // in points
	Observed    float64  `json:"observed"`              // in Unit
	Unit        string   `json:"unit,omitempty"`        // what Observed counts
	Events      int      `json:"events"`                // events of the alert's detector
	Exposures   int      `json:"exposures,omitempty"`   // that were listed
	Open        int      `json:"open,omitempty"`        // of them, those that nobody had reverted
	Lowered     int      `json:"lowered,omitempty"`     // how often the score had been lowered
	Provisional bool     `json:"provisional,omitempty"` // whether the day was not over
	Withdrawn   bool     `json:"withdrawn,omitempty"`   // whether it was withdrawn
	// What had been decided: its number, 0 for nothing, and the status.
	Decision int          `json:"decision,omitempty"`
	Status   TriageStatus `json:"status,omitempty"`
}

// told returns what a message about an alert says.
func (a *Alert) told() Told {
	t := Told{
		Revision: a.Revision, Severity: a.Severity, Score: a.Score, Observed: a.Observed, Unit: a.Unit, Events: a.leadEvents(),
		Exposures: len(a.Exposures), Open: a.OpenExposures(), Lowered: len(a.Lowered), Provisional: a.Provisional, Withdrawn: a.Withdrawn,
	}
	if a.Triage != nil {
		t.Decision, t.Status = a.Triage.Number, a.Triage.Status
	}
	return t
}

// leadEvents is how many events the alert's detector counted. Detectors may count the same events, so that
// those of all of them cannot be added up.
func (a *Alert) leadEvents() int {
	for i := range a.Evidence {
		if a.Evidence[i].Detector == a.Detector {
			return a.Evidence[i].Events
		}
	}
	return a.EventCount
}

// parseTold reads what was stored; nil for "" and for what another version wrote.
func parseTold(stored string) *Told {
	var t Told
	if stored == "" || json.Unmarshal([]byte(stored), &t) != nil {
		return nil
	}
	return &t
}

// Changes says what is new since the channel's last message about the alert, a sentence each. It is empty
// for the first message.
func (m *Message) Changes() (list []string) {
	a, b := &m.Alert, m.Before
	if m.Ref == "" && b == nil || m.Several() {
		return nil
	}
	if b == nil {
		same := a.told()
		same.Withdrawn, same.Decision, same.Status = false, 0, ""
		b = &same
	}
	add := func(s string) { list = append(list, printable(s)) }
	if a.Triage != nil && a.Triage.Number != b.Decision {
		add(a.Triage.sentence(b.Status))
	}
	if a.Withdrawn && !b.Withdrawn {
		add("Later events explain this activity. Alert withdrawn.")
	}
	switch {
	case a.Severity > b.Severity:
		add("Severity raised from " + b.Severity.String() + " to " + a.Severity.String() + ".")
	case a.Severity < b.Severity:
		add("Severity lowered from " + b.Severity.String() + " to " + a.Severity.String() + ".")
	}
	if n := len(a.Lowered); n > b.Lowered {
		add(fmt.Sprintf("Score lowered from %.1f to %.1f, because they %s.", a.Lowered[n-1].From, a.Score, a.Lowered[n-1].Reason))
	}
	switch {
	case a.Unit != "" && a.Unit == b.Unit && a.Observed > b.Observed:
		add("Grew from " + plain.Amount(b.Observed) + " to " + plain.Amount(a.Observed) + " " + a.Unit + ".")
	case a.leadEvents() > b.Events:
		add("Grew from " + plain.Count(b.Events) + " to " + plain.CountOf(a.leadEvents(), "event", "events") + ".")
	}
	list = append(list, a.exposureChanges(b)...)
	if b.Provisional && !a.Provisional {
		add("The day is over: these figures are final.")
	}
	if len(list) == 0 {
		add("Details updated.")
	}
	return list
}

// exposureChanges says what was exposed or reverted since.
func (a *Alert) exposureChanges(b *Told) (list []string) {
	open, more := a.OpenExposures(), len(a.Exposures)-b.Exposures
	if more > 0 {
		list = append(list, plain.CountOf(more, "more exposure", "more exposures")+".")
	}
	closed := b.Open + max(more, 0) - open
	switch {
	case closed <= 0:
	case open == 0:
		list = append(list, plain.CountOf(closed, "exposure", "exposures")+" closed, none still in effect.")
	default:
		list = append(list, plain.CountOf(closed, "exposure", "exposures")+" closed, "+plain.Count(open)+" still in effect.")
	}
	return list
}
