package finding

import "time"

// Activity is what somebody did on a day, beside what was usual then. The last word
// about a day, which is known by its Date, counts: when it ends may be known better
// later.
type Activity struct {
	User    string   `json:"user"`
	End     int64    `json:"end"`            // of the day, Unix milliseconds: in the middle of the person's night
	Open    bool     `json:"open,omitempty"` // the day is not over
	Gone    bool     `json:"gone,omitempty"` // there was no such day, as is known now
	Risk    float64  `json:"risk,omitempty"` // the highest score of the day
	Leaving bool     `json:"leaving,omitempty"`
	Service bool     `json:"service,omitempty"` // a service account rather than a person
	Sources []string `json:"sources,omitempty"` // that had something from them
	Known   float64  `json:"known"`             // person-days that unusual counts were told from usual ones by, those long ago less
	Counts  []Amount `json:"counts,omitempty"`
}

// Date is the calendar day in the middle of which the day is.
func (a *Activity) Date() string {
	return time.UnixMilli(a.End - 12*time.Hour.Milliseconds()).UTC().Format(time.DateOnly)
}

// Amount is how much of something was done.
type Amount struct {
	Detector string  `json:"detector"`
	Metric   string  `json:"metric"`
	Unit     string  `json:"unit"` // plural, for people
	N        float64 `json:"n"`
	Usual    float64 `json:"usual"` // on a usual day of the person
	Peers    float64 `json:"peers"` // on a usual day of a colleague
}

// Leaver is somebody of whom HR has said that they leave.
type Leaver struct {
	User    string `json:"user"`
	Notice  int64  `json:"notice"`             // when that became known, Unix milliseconds
	LastDay int64  `json:"last_day,omitempty"` // the last working day; 0 if it is not known
}
