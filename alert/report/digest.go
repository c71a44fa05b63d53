package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/plain"
)

// Digest is the weekly report for a security lead.
type Digest struct {
	Week       string        `json:"week"`              // such as 2026-W20
	From       time.Time     `json:"from"`              // Monday, 00:00 UTC
	To         time.Time     `json:"to"`                // the Monday after, 00:00 UTC
	Made       time.Time     `json:"made"`              // when the digest was made
	Act        []Point       `json:"act"`               // up to five cases to act on, the most urgent first
	Who        []string      `json:"-"`                 // users of Act, in the same order
	Counts     []Count       `json:"counts"`            // by severity, the highest first
	Trend      []Week        `json:"trend"`             // the last twelve weeks, this one last
	Open       []Open        `json:"open"`              // exposures that nobody has closed, the newest eight first
	OpenCount  int           `json:"open_count"`        // how many there are in all
	Leaving    []Leaver      `json:"leaving"`           // people whose last day is this week or next
	Sharing    []Sharing     `json:"sharing"`           // who shared most with outsiders
	Changes    []Sharing     `json:"changes"`           // changes of policies, logging and other safeguards
	Detectors  []Detector    `json:"detectors"`         // with alerts this week
	Health     []Unseen      `json:"health"`            // problems with the data
	Overflow   int           `json:"overflow"`          // messages beyond a channel's daily limit
	Suppressed int           `json:"suppressed"`        // alerts that suppressions muted
	Budget     *alert.Kept   `json:"budget,omitempty"`  // how it was kept up to the end of the week; nil if none is asked for
	Verdict    State         `json:"verdict"`           // the result
	Coverage   *Coverage     `json:"coverage"`          // of the days of the week that are over
	Usual      *Usual        `json:"usual"`             // how much is known of what is usual
	Arrived    []LateArrival `json:"arrived,omitempty"` // records that arrived in the week, by source

	people []string // users with alerts
}

// LateArrival counts the records of one source that arrived on a day or in a week, by what
// became of them.
type LateArrival struct {
	Day      time.Time `json:"day,omitzero"` // UTC; zero for a week
	Source   string    `json:"source"`       // title of the source
	Received int64     `json:"received"`     // records that arrived
	Judged   int64     `json:"judged"`       // of them, scored
	Repeated int64     `json:"repeated"`     // of them, duplicates
	LeftOut  int64     `json:"left_out"`     // of them, too late, dated ahead or unreadable
}

// Sentence returns the figures for people.
func (a *LateArrival) Sentence() string {
	s := fmt.Sprintf("%s judged of %s", plain.Number(a.Judged), plural(int(a.Received), "record"))
	if a.Repeated > 0 {
		s += fmt.Sprintf(", %s had come before", plain.Number(a.Repeated))
	}
	if a.LeftOut > 0 {
		s += fmt.Sprintf(", %s left out (outflow status)", plain.Number(a.LeftOut))
	}
	return s
}

// lateArrivals sums up by source what arrived from one time until before another.
func lateArrivals(all []LateArrival, from, to time.Time) (list []LateArrival) {
	for _, a := range all {
		if a.Day.Before(from) || !a.Day.Before(to) {
			continue
		}
		i := slices.IndexFunc(list, func(x LateArrival) bool { return x.Source == a.Source })
		if i < 0 {
			i = len(list)
			list = append(list, LateArrival{Source: a.Source})
		}
		x := &list[i]
		x.Received, x.Judged, x.Repeated, x.LeftOut = x.Received+a.Received, x.Judged+a.Judged, x.Repeated+a.Repeated, x.LeftOut+a.LeftOut
	}
	slices.SortFunc(list, func(a, b LateArrival) int { return strings.Compare(a.Source, b.Source) })
	return list
}

// State is the result of a week.
type State string

// The states of a week.
const (
	AllQuiet   State = "quiet"                         // nothing to act on, in complete data
	Busy       State = "to_look_at"                    // something to look at
	NoData     State = "not_enough_data"               // there is no data of the week
	PartlyData State = "quiet_as_far_as_there_is_data" // nothing to act on, in incomplete data
)

// Count is the number of alerts of a severity in the week.
type Count struct {
	Severity alert.Severity `json:"severity"` // from critical to medium
	Alerts   int            `json:"alerts"`   // of the week
	People   int            `json:"people"`   // that they are about
}

// Week is the number of alerts in a week.
type Week struct {
	Week   string `json:"week"`   // such as 2026-W20
	Alerts int    `json:"alerts"` // of medium severity or above
}

// Sharing is what a user shared or changed.
type Sharing struct {
	Person string `json:"person"` // the user
	Reason string `json:"reason"` // of the evidence
	Alert  string `json:"alert"`  // ID of the alert
}

// Detector is the outcome of a detector's alerts.
type Detector struct {
	Name      string  `json:"name"`      // of the detector
	Alerts    int     `json:"alerts"`    // this week
	Closed    int     `json:"closed"`    // ever, as true or false
	Precision float64 `json:"precision"` // share of Closed that was true, 0 to 1
}

// Outcome counts the closed alerts of a detector.
type Outcome struct {
	True  int // closed as true or benign-true
	False int // closed as false
}

// WeekOf returns the name of the ISO 8601 week of a time, and its Monday (UTC).
func WeekOf(at time.Time) (name string, monday time.Time) {
	at = at.UTC()
	year, week := at.ISOWeek()
	monday = time.Date(at.Year(), at.Month(), at.Day()-(int(at.Weekday())+6)%7, 0, 0, 0, 0, time.UTC)
	return fmt.Sprintf("%d-W%02d", year, week), monday
}

// ParseWeek returns the Monday of a week such as 2026-W20. A week that does not exist is an
// error.
func ParseWeek(text string) (monday time.Time, err error) {
	var year, week int
	if n, err := fmt.Sscanf(text, "%4d-W%2d", &year, &week); n != 2 || err != nil || week < 1 || week > 53 {
		return monday, fmt.Errorf("%q is not a week such as 2026-W20", text)
	}
	_, monday = WeekOf(time.Date(year, 1, 4, 0, 0, 0, 0, time.UTC)) // 4 January is always in the first week
	monday = monday.AddDate(0, 0, 7*(week-1))
	if name, _ := WeekOf(monday); name != fmt.Sprintf("%d-W%02d", year, week) {
		return monday, fmt.Errorf("%d has no week %d", year, week)
	}
	return monday, nil
}

const (
	actOn   = 5  // most cases to act on
	listed  = 8  // most open exposures, and most changes
	weeks   = 12 // length of the trend
	sharers = 5  // most users who shared
)

// MakeDigest makes the digest of the week that begins on a Monday. Closed reports whether an
// alert was closed. Outcomes are by detector. Overflow is the number of messages beyond a
// channel's daily limit.
func MakeDigest(in *Input, monday time.Time, closed func(id string) bool, outcomes map[string]Outcome, overflow int) *Digest {
	d := &Digest{
		From:      monday,
		To:        monday.AddDate(0, 0, 7),
		Made:      in.Reported,
		Overflow:  overflow,
		Act:       []Point{},
		Open:      []Open{},
		Leaving:   []Leaver{},
		Sharing:   []Sharing{},
		Changes:   []Sharing{},
		Detectors: []Detector{},
		Health:    slices.Clone(in.Failing),
	}

	d.Week, _ = WeekOf(monday)
	c := &counted{alerts: map[alert.Severity]int{}, people: map[alert.Severity]map[string]bool{}, byDetector: map[string]int{}}
	trend := map[string]int{}
	var act []actionable
	for i := range in.Alerts {
		a := &in.Alerts[i]
		if !a.Service {
			d.people = append(d.people, a.User)
		}
		d.addOpen(a)
		d.addChanges(in, a)
		inside := !a.Time.Before(d.From) && a.Time.Before(d.To)
		switch {
		case a.Severity < alert.Medium:
			continue
		case a.Health:
			if inside {
				d.Health = append(d.Health, Unseen{clean(a.Title), clean(a.Reason)})
			}
			continue
		}

		week, _ := WeekOf(a.Time)
		trend[week]++
		if !inside {
			continue
		}
		c.add(a)
		if !closed(a.ID) {
			act = append(act, actionable{point(a), a})
		}
		d.addSharing(in, a)
	}

	d.addActionable(act)
	for s := alert.Critical; s >= alert.Medium; s-- {
		d.Counts = append(d.Counts, Count{s, c.alerts[s], len(c.people[s])})
	}
	for i := weeks - 1; i >= 0; i-- {
		name, _ := WeekOf(monday.AddDate(0, 0, -7*i))
		d.Trend = append(d.Trend, Week{name, trend[name]})
	}
	slices.SortFunc(d.Open, func(a, b Open) int { return b.Opened.Compare(a.Opened) })
	d.OpenCount = len(d.Open)
	d.Open = d.Open[:min(len(d.Open), listed)]
	d.addLeaving(in)
	d.Sharing = d.Sharing[:min(len(d.Sharing), sharers)]
	d.Changes = d.Changes[:min(len(d.Changes), listed)]
	d.addDetectors(c.byDetector, outcomes)
	d.findProblems(in)
	return d
}

// counted are the alerts of the week.
type counted struct {
	alerts     map[alert.Severity]int
	people     map[alert.Severity]map[string]bool // users with alerts
	byDetector map[string]int
}

// add counts an alert.
func (c *counted) add(a *alert.Alert) {
	c.alerts[a.Severity]++
	if c.people[a.Severity] == nil {
		c.people[a.Severity] = map[string]bool{}
	}
	c.people[a.Severity][a.User] = true
	for _, name := range a.Detectors {
		c.byDetector[name]++
	}
}

// actionable is an alert that nobody has closed, as the digest shows it.
type actionable struct {
	p Point
	a *alert.Alert
}

// addOpen adds the exposures of an alert that are still open.
func (d *Digest) addOpen(a *alert.Alert) {
	for _, x := range a.Exposures {
		if x.Closed == nil && a.Severity >= alert.Medium && !a.Health && x.Opened.Before(d.To) {
			d.Open = append(d.Open, openSince(x, a, d.To))
		}
	}
}

// addChanges adds the changes of settings that an alert of the week reports.
func (d *Digest) addChanges(in *Input, a *alert.Alert) {
	if inWeek := !a.Time.Before(d.From) && a.Time.Before(d.To); inWeek && !a.Health && a.Severity >= alert.Low {
		for _, e := range a.Evidence {
			if in.Detectors[e.Detector]&finding.ChangesSettings != 0 {
				d.Changes = append(d.Changes, Sharing{a.User, clean(e.Reason), a.ID})
			}
		}
	}
}

// addSharing adds what an alert reports about sharing with outsiders.
func (d *Digest) addSharing(in *Input, a *alert.Alert) {
	if in.Detectors.Any(a.Detectors, finding.SharesOutside) {
		for _, e := range a.Evidence {
			if in.Detectors[e.Detector]&finding.SharesOutside != 0 {
				d.Sharing = append(d.Sharing, Sharing{a.User, clean(e.Reason), a.ID})
				break
			}
		}
	}
}

// addActionable adds the alerts to act on, the most urgent first, one of each case.
func (d *Digest) addActionable(act []actionable) {
	slices.SortStableFunc(act, func(x, y actionable) int {
		return cmp.Or(cmp.Compare(y.a.Severity, x.a.Severity), cmp.Compare(y.a.Score, x.a.Score))
	})
	seen := map[string]bool{}
	for _, x := range act {
		if seen[x.a.Case] || len(d.Act) == actOn {
			continue
		}
		seen[x.a.Case] = true
		d.Act, d.Who = append(d.Act, x.p), append(d.Who, x.a.User)
	}
}

// addLeaving adds the leavers whose last day is in the week or the one after.
func (d *Digest) addLeaving(in *Input) {
	for _, l := range in.Leavers {
		if !l.LastDay.IsZero() && !l.LastDay.Before(d.From) && l.LastDay.Before(d.To.AddDate(0, 0, 7)) {
			l.Watchlists = in.watchlists(l.User)
			d.Leaving = append(d.Leaving, l)
		}
	}

	slices.SortFunc(d.Leaving, func(a, b Leaver) int { return cmp.Or(a.LastDay.Compare(b.LastDay), cmp.Compare(a.User, b.User)) })
}

// addDetectors adds the detectors with alerts in the week, and their precision.
func (d *Digest) addDetectors(alerts map[string]int, outcomes map[string]Outcome) {
	for name, n := range alerts {
		x := Detector{Name: name, Alerts: n}
		if o := outcomes[name]; o.True+o.False > 0 {
			x.Closed, x.Precision = o.True+o.False, float64(o.True)/float64(o.True+o.False)
		}
		d.Detectors = append(d.Detectors, x)
	}

	slices.SortFunc(d.Detectors, func(a, b Detector) int { return cmp.Or(cmp.Compare(b.Alerts, a.Alerts), cmp.Compare(a.Name, b.Name)) })
}

// SetSuppressed sets the number of alerts that suppressions muted, and updates the verdict.
func (d *Digest) SetSuppressed(suppressed int) {
	d.Suppressed = suppressed
	if d.Verdict != NoData && !d.Quiet() {
		d.Verdict = Busy
	}
}

// Quiet reports whether there is nothing to list. Whether the week was quiet is the verdict's
// to state: there may be no data.
func (d *Digest) Quiet() bool {
	return len(d.Act)+len(d.Open)+len(d.Health)+len(d.Leaving)+len(d.Changes)+d.Overflow+d.Suppressed == 0
}

// findProblems adds the coverage and the problems with the data, and sets the verdict. Sources
// with data in the four weeks before are expected to have some.
func (d *Digest) findProblems(in *Input) {
	d.Coverage = in.Coverage(d.From, d.To.Add(-time.Second), -1)
	d.Usual = &in.Usual
	d.Arrived = lateArrivals(in.Arrived, d.From, d.To)
	for i := range d.Arrived {
		if a := &d.Arrived[i]; a.LeftOut > 0 {
			d.Health = append(d.Health, Unseen{a.Source, a.Sentence()})
		}
	}
	c := d.Coverage
	before := in.coverageOf(d.From.AddDate(0, 0, -28), d.From.Add(-time.Second))
	missing := 0
	for i, s := range c.Sources {
		if s.WithData == 0 && before.Sources[i].WithData > 0 {
			missing++
			d.Health = append(d.Health, Unseen{
				sourceTitle(s.Source),
				"there is no data of this week, and there was in the four weeks before",
			})
		}
	}
	switch {
	case c.Known && c.WithData == 0:
		d.Verdict = NoData
	case !d.Quiet():
		d.Verdict = Busy
	case !c.Known || missing > 0 || d.Usual.Lacking() != "" || c.Days < 7 || c.missingDays() > 0:
		d.Verdict = PartlyData
	default:
		d.Verdict = AllQuiet
	}
}

// Headline returns the result in one line.
func (d *Digest) Headline() string {
	switch d.Verdict {
	case NoData:
		s := "Not enough data to say how the week was: there is none of it"
		if len(d.Act)+len(d.Open)+len(d.Leaving)+len(d.Changes) > 0 {
			s += "; " + d.summary()
		}
		return s
	case AllQuiet:
		return "A quiet week: nothing to act on, nothing open, all sources deliver"
	case PartlyData:
		return "Nothing to act on and nothing open, as far as there is data"
	}
	return d.summary()
}

// summary returns the figures in one line.
func (d *Digest) summary() string {
	total := 0
	for _, c := range d.Counts {
		total += c.Alerts
	}
	parts := []string{plural(total, "alert")}
	if n := len(d.Act); n > 0 {
		parts = append(parts, plural(n, "case")+" to act on")
	}
	if d.OpenCount > 0 {
		parts = append(parts, fmt.Sprintf("%d still open", d.OpenCount))
	}
	if n := len(d.Leaving); n > 0 {
		parts = append(parts, fmt.Sprintf("%d leaving", n))
	}
	if n := len(d.Health); n > 0 {
		parts = append(parts, plural(n, "problem")+" with the data")
	}
	return strings.Join(parts, ", ")
}

// Sparkline draws the trend as a line of block characters, which every mail client shows.
func (d *Digest) Sparkline() string {
	most := 1
	for _, w := range d.Trend {
		most = max(most, w.Alerts)
	}
	var b strings.Builder
	for _, w := range d.Trend {
		b.WriteRune([]rune("▁▂▃▄▅▆▇█")[w.Alerts*7/most])
	}
	return b.String()
}

// Mask replaces the names of people by pseudonyms.
func (d *Digest) Mask(m *alert.Mask) {
	m = m.Within(d.people...)
	for i := range d.Act {
		d.Act[i].Reason = m.Text(d.Act[i].Reason, d.Who[i])
		if d.Who[i] != "" {
			d.Who[i] = m.Name(d.Who[i])
		}
	}
	for i := range d.Open {
		d.Open[i].What = m.Text(d.Open[i].What)
	}
	for i := range d.Leaving {
		l := &d.Leaving[i]
		for j := range l.Watchlists {
			l.Watchlists[j] = m.Text(l.Watchlists[j], l.User)
		}
		l.User = m.Name(l.User)
	}
	for _, list := range [][]Sharing{d.Sharing, d.Changes} {
		for i := range list {
			s := &list[i]
			s.Reason = m.Text(s.Reason, s.Person)
			s.Person = m.Name(s.Person)
		}
	}
	for i := range d.Health {
		d.Health[i].Why = m.Text(d.Health[i].Why)
	}
}
