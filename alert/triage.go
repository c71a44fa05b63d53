package alert

import (
	"fmt"
	"time"
)

// TriageStatus says how far people are with an alert, in the words of OCSF.
type TriageStatus string

// The statuses.
const (
	TriageNew        TriageStatus = "new"         // nobody works on it: nothing was decided, or it was reopened
	TriageInProgress TriageStatus = "in_progress" // somebody has acknowledged it
	TriageSuppressed TriageStatus = "suppressed"  // a suppression was made from it, and is in force
	TriageResolved   TriageStatus = "resolved"    // closed with a Verdict
)

// Verdict is what a closed alert turned out to be.
type Verdict string

// The verdicts.
const (
	VerdictTrue      Verdict = "true_positive"  // the activity was a risk
	VerdictBenign    Verdict = "benign"         // it happened, and was legitimate
	VerdictFalse     Verdict = "false_positive" // it did not happen, or says nothing
	VerdictDuplicate Verdict = "duplicate"      // another alert reports it
)

// Triage is what people have decided about an alert, as channels tell it. Notes stay in the feed.
type Triage struct {
	Number   int          `json:"number"`             // of the decision, from 1: a later one about the same alert has a higher number
	Status   TriageStatus `json:"status"`             // how far people are
	Verdict  Verdict      `json:"verdict,omitempty"`  // what the alert turned out to be; "" unless it was closed
	Assignee string       `json:"assignee,omitempty"` // who works on it; "" for nobody, and for readers under pseudonyms
	By       string       `json:"by,omitempty"`       // who decided; "" for readers under pseudonyms
	At       time.Time    `json:"at"`                 // when it was decided
}

// Key identifies what is said of an alert: a later revision, and a later decision, has another.
func (a *Alert) Key() string {
	if a.Triage == nil {
		return fmt.Sprintf("%s.%d", a.ID, a.Revision)
	}
	return fmt.Sprintf("%s.%d.%d", a.ID, a.Revision, a.Triage.Number)
}
