// Package finding holds what crosses from detect to alert: a detector's judgement
// on one person and window.
package finding

// Finding says that a detector speaks about a person. When it gets worse, or late
// data changes it, the same ID comes again with a higher Revision; the last one
// counts.
type Finding struct {
	ID       string `json:"id"` // made from detector, person and window
	Revision int    `json:"revision"`
	Episode  string `json:"episode"` // what belongs together: made from person and day

	Detector   string  `json:"detector"`
	Person     string  `json:"person"`
	Department string  `json:"department,omitempty"` // of the person, as HR says
	Service    bool    `json:"service,omitempty"`    // a service account rather than a person
	Time       int64   `json:"time"`                 // when the last event it rests on happened, Unix milliseconds
	Start      int64   `json:"start"`                // of the window, Unix milliseconds
	End        int64   `json:"end"`
	Until      int64   `json:"until,omitempty"` // end of the person's day: until then it may get worse
	Points     float64 `json:"points"`          // what the detector itself contributes, ≥ 0
	Risk       float64 `json:"risk"`            // the person's score with everything considered, at this time
	// false alerts per 1,000 user-days to be expected in the organisation at this risk or above
	Rate       float64  `json:"rate"`
	Impact     int      `json:"stake"`               // what is at stake: 0 little … 3 the most; stored as stake
	Title      string   `json:"title"`               // in a few words
	Qualifier  string   `json:"qualifier,omitempty"` // of one that only adds weight to what others see: what it adds to their title
	Reason     string   `json:"reason"`              // in one sentence with numbers
	Context    []string `json:"context"`             // what else weighs in: leaving, off hours, new network
	Observed   float64  `json:"observed"`
	Expected   float64  `json:"expected"` // on a usual day of the person
	Peers      float64  `json:"peers"`    // on a usual day of a colleague
	Unit       string   `json:"unit"`     // of the three: files, rows, repositories …
	Days       float64  `json:"days"`     // active days the person's own usual day rests on, decayed
	Sources    []string `json:"sources"`
	Techniques []string `json:"techniques"` // MITRE ATT&CK
	EventIDs   []string `json:"event_ids"`  // the vendor's ids of some of the events, the first and the last
	Events     int      `json:"events"`     // how many events there were
	Complete   int64    `json:"complete"`   // up to when the data of its sources is believed complete at Time

	// Exposures are what the person laid open or switched off. A finding without
	// risk that has some says that they are over: it changes nothing else.
	Exposures []Exposure `json:"exposures,omitempty"`

	Repeats int      `json:"repeats,omitempty"` // further events about things that were counted already
	Folders int      `json:"folders,omitempty"` // things taken that are folders of unknown size
	Receipt *Receipt `json:"receipt,omitempty"`

	// Health says that the finding is about the data: nobody is accused, and the
	// risk is 0.
	Health bool `json:"health,omitempty"`
}

// Exposure is something that was laid open or switched off, and when that ended.
type Exposure struct {
	What   string `json:"what"`
	Opened int64  `json:"opened"`           // Unix milliseconds
	Closed int64  `json:"closed,omitempty"` // Unix milliseconds; 0 if it has not been undone
	By     string `json:"by,omitempty"`     // who undid it
}
