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

// Digest is the week of a security lead.
type Digest struct {
	Week       string        `json:"week"` // 2026-W20
	From       time.Time     `json:"from"`
	To         time.Time     `json:"to"`
	Made       time.Time     `json:"made"`
	Act        []Point       `json:"act"` // at most five
	Who        []string      `json:"-"`   // of Act, in order
	Counts     []Count       `json:"counts"`
	Trend      []Week        `json:"trend"` // the last twelve weeks, this one last
	Open       []Open        `json:"open"`  // exposures that nobody has closed, the newest first
	OpenCount  int           `json:"open_count"`
	Leaving    []Leaver      `json:"leaving"` // whose last day is this week or next
	Sharing    []Sharing     `json:"sharing"` // who shared most with whom outside
	Changes    []Sharing     `json:"changes"` // of what services allow: policies, logging, guards
	Detectors  []Detector    `json:"detectors"`
	Health     []Unseen      `json:"health"`
	Overflow   int           `json:"overflow"`   // messages beyond a channel's budget
	Suppressed int           `json:"suppressed"` // alerts that were not told because of suppressions
	Verdict    State         `json:"verdict"`
	Coverage   *Coverage     `json:"coverage"`          // of the days of the week, as far as they are over
	Usual      *Usual        `json:"usual"`             // how much is known of what is usual
	Arrived    []LateArrival `json:"arrived,omitempty"` // what became of what came in the week, by source

	people []string // whom alerts are about
}

// LateArrival is what became of the records of a vendor that came on a day, or in a week.
type LateArrival struct {
	Day      time.Time `json:"day,omitzero"` // UTC; zero for a week
	Source   string    `json:"source"`       // in the vendor's words
	Received int64     `json:"received"`
	Judged   int64     `json:"judged"`
	Repeated int64     `json:"repeated"`
	LeftOut  int64     `json:"left_out"` // too late, dated ahead, or unreadable
}

// Sentence says it for people.
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

// lateArrivals sums up what came from one moment to another, by source.
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

// State is what a week comes to.
type State string

// The states of a week. Of one without data nothing can be said.
const (
	AllQuiet   State = "quiet"
	Busy       State = "to_look_at"
	NoData     State = "not_enough_data"
	PartlyData State = "quiet_as_far_as_there_is_data"
)

// Count is how many alerts of a severity there were.
type Count struct {
	Severity alert.Severity `json:"severity"`
	Alerts   int            `json:"alerts"`
	People   int            `json:"people"`
}

// Week is a week's alerts that deserve attention.
type Week struct {
	Week   string `json:"week"`
	Alerts int    `json:"alerts"`
}

// Sharing is somebody who shared much outside.
type Sharing struct {
	Person string `json:"person"`
	Reason string `json:"reason"`
	Alert  string `json:"alert"`
}

// Detector is how alerts of a detector fared.
type Detector struct {
	Name      string  `json:"name"`
	Alerts    int     `json:"alerts"` // this week
	Closed    int     `json:"closed"` // ever, as true or false
	Precision float64 `json:"precision"`
}

// Outcome is how alerts of a detector turned out.
type Outcome struct{ True, False int }

// WeekOf is the week that a moment lies in, by ISO 8601, and its Monday.
func WeekOf(at time.Time) (name string, monday time.Time) {
	at = at.UTC()
	year, week := at.ISOWeek()
	monday = time.Date(at.Year(), at.Month(), at.Day()-(int(at.Weekday())+6)%7, 0, 0, 0, 0, time.UTC)
	return fmt.Sprintf("%d-W%02d", year, week), monday
}

// ParseWeek reads a week such as 2026-W20.
func ParseWeek(text string) (monday time.Time, err error) {
	var year, week int
	if n, err := fmt.Sscanf(text, "%4d-W%2d", &year, &week); n != 2 || err != nil || week < 1 || week > 53 {
		return monday, fmt.Errorf("%q is not a week such as 2026-W20", text)
	}
	_, monday = WeekOf(time.Date(year, 1, 4, 0, 0, 0, 0, time.UTC)) // it is in the first week
	monday = monday.AddDate(0, 0, 7*(week-1))
	if name, _ := WeekOf(monday); name != fmt.Sprintf("%d-W%02d", year, week) {
		return monday, fmt.Errorf("%d has no week %d", year, week)
	}
	return monday, nil
}

const (
	actOn   = 5
	listed  = 8
	weeks   = 12
	sharers = 5
)

// MakeDigest makes the digest of the week that begins on a Monday. Closed says which
// alerts were closed; outcomes are by detector; overflow is how many messages were beyond
// a budget.
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
	people     map[alert.Severity]map[string]bool
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

// addSharing adds what an alert says about sharing with outsiders.
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

// addActionable adds the alerts to act on, the most urgent first, and one of each case.
func (d *Digest) addActionable(act []actionable) {
	slices.SortStableFunc(act, func(x, y actionable) int {
		return cmp.Or(cmp.Compare(y.a.Severity, x.a.Severity), cmp.Compare(y.a.Score, x.a.Score))
	})
	seen := map[string]bool{}
	for _, x := range act { // a case is one thing to act on
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

// SetSuppressed takes in what is counted elsewhere, and comes to the verdict again: messages
// beyond a budget, and alerts that were not told because of suppressions.
func (d *Digest) SetSuppressed(suppressed int) {
	d.Suppressed = suppressed
	if d.Verdict != NoData && !d.Quiet() {
		d.Verdict = Busy
	}
}

// Quiet says that there is nothing to list. It does not say that the week was quiet: that
// is the verdict's to say.
func (d *Digest) Quiet() bool {
	return len(d.Act)+len(d.Open)+len(d.Health)+len(d.Leaving)+len(d.Changes)+d.Overflow+d.Suppressed == 0
}

// findProblems says of which days there is data, and comes to a verdict. Sources that had data in
// the four weeks before are expected.
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

// Headline says in a line how the week was.
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

// summary counts what there is.
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

// Sparkline draws numbers as a line of bars, which every mail client shows.
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

// Mask takes names out of a digest.
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
		d.Leaving[i].User = m.Name(d.Leaving[i].User)
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
