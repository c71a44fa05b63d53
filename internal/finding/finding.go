// Package finding holds what detect passes to alert: a detector's statement about one person
// and window.
package finding

// Finding is a detector's statement about a person. When it gets worse, or late events change
// it, the same ID comes again with a higher Revision; the last one counts.
type Finding struct {
	ID       string `json:"id"`       // made from detector, person and window
	Revision int    `json:"revision"` // from 1
	Episode  string `json:"episode"`  // joins findings into an alert: made from person and day

	Detector   string `json:"detector"`             // its name
	Person     string `json:"person"`               // account of the person; empty if Health
	Department string `json:"department,omitempty"` // from HR's files; may be empty
	Service    bool   `json:"service,omitempty"`    // a service account rather than a person
	Time       int64  `json:"time"`                 // when the last event it rests on happened, Unix milliseconds
	Start      int64  `json:"start"`                // beginning of the window, Unix milliseconds
	End        int64  `json:"end"`                  // end of the window, Unix milliseconds
	// When the score was reached first, Unix milliseconds, if the act has gone on since; 0 if it is Time.
	Raised int64 `json:"raised,omitempty"`
	// End of the person's day, until which it may get worse; Unix milliseconds.
	Until      int64    `json:"until,omitempty"`
	Points     float64  `json:"points"`              // contribution of the detector to the score, ≥ 0
	Risk       float64  `json:"risk"`                // the person's score at Time, from all detectors
	Rate       float64  `json:"rate"`                // false alerts per 1,000 user-days to expect at this Risk or above
	Impact     int      `json:"stake"`               // from 0 (little) to 3 (the most); stored as stake
	Title      string   `json:"title"`               // in a few words
	Headline   string   `json:"headline,omitempty"`  // what was done, in one short line with its figure; "" for Title
	Qualifier  string   `json:"qualifier,omitempty"` // what a detector that only adds weight appends to the title of others
	Precursor  bool     `json:"precursor,omitempty"` // how somebody came in, not what they did: others come before it in the title
	Reason     string   `json:"reason"`              // one sentence with figures
	Context    []string `json:"context"`             // what else adds weight: leaving, off hours, a new network
	Facts      []Fact   `json:"facts,omitempty"`     // what a reader needs beside Headline, at most MaxFacts, the most telling first
	Observed   float64  `json:"observed"`            // in Unit
	Expected   float64  `json:"expected"`            // on a usual day of the person, in Unit
	Peers      float64  `json:"peers"`               // on a usual day of a colleague, in Unit
	Unit       string   `json:"unit"`                // files, rows, repositories …; empty if nothing is counted
	Days       float64  `json:"days"`                // active days that Expected rests on; old days count less
	Sources    []string `json:"sources"`             // short names of the sources of its events
	Techniques []string `json:"techniques"`          // of MITRE ATT&CK
	EventIDs   []string `json:"event_ids"`           // the vendor's ids of some of the events, the first and the last
	Events     int      `json:"events"`              // how many events it counted
	// Up to when the data of its sources was complete at Time, Unix milliseconds.
	Complete int64 `json:"complete"`

	// Exposures are what the person exposed or disabled. A finding with exposures and without
	// risk only reports that these have ended.
	Exposures []Exposure `json:"exposures,omitempty"`

	// Again are later days on which the person did the same. A finding with them and without risk only
	// reports that.
	Again []Again `json:"again,omitempty"`
	// Lowered is what later events have lowered the score to. A finding with it has no risk.
	Lowered *Lowered `json:"lowered,omitempty"`

	// Items are some of its events, the most telling, by time.
	Items        []Item        `json:"items,omitempty"`
	Destinations []Destination `json:"destinations,omitempty"` // who or what received something, the most frequent first

	Repeats int      `json:"repeats,omitempty"` // further events about objects that were already counted
	Folders int      `json:"folders,omitempty"` // objects that are folders of unknown size
	Receipt *Receipt `json:"receipt,omitempty"` // figures that the score rests on; may be nil

	// Health means that the finding is about the data. It has no person, and the risk is 0.
	Health bool `json:"health,omitempty"`
}

// Item is an event that a finding rests on.
type Item struct {
	Record []byte `json:"record"`          // as event.Event.Append writes it
	First  bool   `json:"first,omitempty"` // the person had not touched the object before that day, in these logs
}

// Destination is who or what received something.
type Destination struct {
	Name   string `json:"name"`
	Events int    `json:"events"` // of the finding
}

// Fact is one short statement beside a headline, with its number.
type Fact struct {
	Kind FactKind `json:"kind"`
	Text string   `json:"text"` // a phrase, such as "usual day 0 rows, peers 12"
}

// FactKind is what a fact is about. Pages choose an icon by it.
type FactKind string

// The kinds of facts.
const (
	FactUnusual FactKind = "unusual"     // what is not as usual, against the person's own days and colleagues
	FactTo      FactKind = "destination" // where it went
	FactWho     FactKind = "person"      // who: a leaver, an administrator, a contractor
	FactBefore  FactKind = "before"      // what preceded it
)

// MaxDestinations is the most destinations of a finding: if it has as many, there may be more.
const MaxDestinations = 24

// MaxFacts is the most facts of a finding and of an alert.
const MaxFacts = 4

// Exposure is something that was exposed or disabled, and when that ended.
type Exposure struct {
	What   string `json:"what"`             // in plain words
	Opened int64  `json:"opened"`           // Unix milliseconds
	Closed int64  `json:"closed,omitempty"` // Unix milliseconds; 0 if it is still open
	By     string `json:"by,omitempty"`     // who reverted it; may be empty
}

// Again is a later day on which an act that was reported was repeated.
type Again struct {
	At     int64  `json:"at"`     // of its last event, Unix milliseconds
	Events int    `json:"events"` // of that day
	Alert  string `json:"alert"`  // episode of that day
}

// Lowered is a score that later events have lowered.
type Lowered struct {
	At     int64   `json:"at"`     // of the event, Unix milliseconds
	From   float64 `json:"from"`   // the score before
	Risk   float64 `json:"risk"`   // the score from then on
	Rate   float64 `json:"rate"`   // false alerts per 1,000 user-days to expect at Risk or above
	Reason string  `json:"reason"` // a clause in plain words
	// What Risk follows from: the part of From that features come to, and the log-odds and the least
	// score of the day as it is explained now.
	Before float64 `json:"before"`
	Logit  float64 `json:"logit"`
	Least  float64 `json:"least,omitempty"`
}
