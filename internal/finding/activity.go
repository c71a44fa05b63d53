package finding

import (
	"cmp"
	"time"
)

// Activity is a daily summary: what a user did on a day, beside what is usual. A later summary of the same user and End
// replaces it.
type Activity struct {
	User    string  `json:"user"`              // account of the user
	End     int64   `json:"end"`               // end of the day, Unix milliseconds: in the middle of the user's night
	Open    bool    `json:"open,omitempty"`    // the day is not over
	Gone    bool    `json:"gone,omitempty"`    // there was no such day, as later events showed
	Risk    float64 `json:"risk,omitempty"`    // highest score of the day
	Leaving bool    `json:"leaving,omitempty"` // whether the user was known to leave
	Service bool    `json:"service,omitempty"` // a service account rather than a person
	// Department of the person, from HR's files; may be empty.
	Department string   `json:"department,omitempty"`
	Sources    []string `json:"sources,omitempty"` // short names of the sources with events of the user
	// Hours are the hours (UTC) in which the user did something: bit 0 for the one from midnight on. Events whose
	// records state no zone do not count.
	Hours uint32 `json:"hours,omitempty"`
	// Origins are where and with what the user did something, without what failed; nil if records state none of it.
	Origins *Origins `json:"origins,omitempty"`
	Known   float64  `json:"known"`            // person-days that baselines rested on; old ones count less
	Counts  []Amount `json:"counts,omitempty"` // what was counted, by metric
}

// Date returns the calendar date of the day (2006-01-02): that of 12 hours before its end, in
// UTC. Two days of a user have the same one where the second began at an earlier hour than the first, as it may once
// it is known when the user sleeps.
func (a *Activity) Date() string {
	return time.UnixMilli(a.End - 12*time.Hour.Milliseconds()).UTC().Format(time.DateOnly)
}

// Origins are where and with what a user did something on a day: of each kind the first few.
type Origins struct {
	Networks  []string `json:"networks,omitempty"`  // as baselines tell them apart: 203.0.0.0/16, 2001:db8::/32
	Countries []string `json:"countries,omitempty"` // as vendors located the addresses
	Devices   []string `json:"devices,omitempty"`   // ids or names that vendors have
	Agents    []string `json:"agents,omitempty"`    // user agents as sent, one of those that differ in their version only
}

// Amount is what one metric counted on a day.
type Amount struct {
	Detector string  `json:"detector"`           // that counts it
	Metric   string  `json:"metric"`             // name of the metric
	Unit     string  `json:"unit"`               // plural, for people
	N        float64 `json:"n"`                  // on the day, as far as logs state it
	AtLeast  bool    `json:"at_least,omitempty"` // there was more than N, of unknown amount
	// The part of N that the alert about the day speaks of, if its act ended before the day did; 0 for all of it.
	Act   float64 `json:"act,omitempty"`
	Usual float64 `json:"usual"` // on a usual day of the user
	Peers float64 `json:"peers"` // on a usual day of a colleague
}

// Told returns the amount that the alert about the day speaks of.
func (a *Amount) Told() float64 { return cmp.Or(a.Act, a.N) }

// Leaver is a person whom HR lists as leaving.
type Leaver struct {
	User    string `json:"user"`               // account of the person
	Notice  int64  `json:"notice"`             // when it became known, Unix milliseconds
	LastDay int64  `json:"last_day,omitempty"` // last working day, Unix milliseconds; 0 if unknown
}
