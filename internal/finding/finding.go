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
	Qualifier  string   `json:"qualifier,omitempty"` // what a detector that only adds weight appends to the title of others
	Precursor  bool     `json:"precursor,omitempty"` // how somebody came in, not what they did: others come before it in the title
	Reason     string   `json:"reason"`              // one sentence with figures
	Context    []string `json:"context"`             // what else adds weight: leaving, off hours, a new network
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

	Repeats int      `json:"repeats,omitempty"` // further events about objects that were already counted
	Folders int      `json:"folders,omitempty"` // objects that are folders of unknown size
	Receipt *Receipt `json:"receipt,omitempty"` // figures that the score rests on; may be nil

	// Health means that the finding is about the data. It has no person, and the risk is 0.
	Health bool `json:"health,omitempty"`
}

// Exposure is something that was exposed or disabled, and when that ended.
type Exposure struct {
	What   string `json:"what"`             // in plain words
	Opened int64  `json:"opened"`           // Unix milliseconds
	Closed int64  `json:"closed,omitempty"` // Unix milliseconds; 0 if it is still open
	By     string `json:"by,omitempty"`     // who reverted it; may be empty
}
