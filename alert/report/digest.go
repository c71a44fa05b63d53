package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/plain"
)

// Digest is the weekly report for a security lead.
type Digest struct {
	Week         string        `json:"week"`                   // such as 2026-W20
	From         time.Time     `json:"from"`                   // Monday, 00:00 UTC
	To           time.Time     `json:"to"`                     // the Monday after, 00:00 UTC
	Made         time.Time     `json:"made"`                   // when the digest was made
	Verdict      State         `json:"verdict"`                // the result
	Tasks        []Task        `json:"tasks"`                  // up to five things to do, the gravest and oldest first
	TaskCount    int           `json:"task_count"`             // how many there are in all
	Counts       []Count       `json:"counts"`                 // by severity, the highest first
	Trend        []Week        `json:"trend"`                  // the last twelve weeks, this one last
	Acknowledged *Acknowledged `json:"acknowledged,omitempty"` // nil if nobody has taken up an alert in the week
	Open         []Open        `json:"open"`                   // exposures that nobody has closed, the six gravest and oldest first
	OpenCount    int           `json:"open_count"`             // how many there are in all
	Ages         []Age         `json:"ages"`                   // of them, by age, the youngest first
	Leaving      []Leaving     `json:"leaving"`                // people whose last day is this week or in the two after it
	Sharing      []Sharing     `json:"sharing"`                // who shared most with outsiders
	Changes      []Sharing     `json:"changes"`                // changes of policies, logging and other safeguards
	Detectors    []Detector    `json:"detectors"`              // with alerts this week
	Health       []Unseen      `json:"health"`                 // problems with the data
	Overflow     int           `json:"overflow"`               // messages beyond a channel's daily limit
	Suppressed   int           `json:"suppressed"`             // alerts that suppressions muted
	Budget       *alert.Kept   `json:"budget,omitempty"`       // how it was kept up to the end of the week; nil if none is asked for
	Coverage     *Coverage     `json:"coverage"`               // of the days of the week that are over
	Usual        *Usual        `json:"usual"`                  // how much is known of what is usual
	Arrived      []LateArrival `json:"arrived,omitempty"`      // records that arrived in the week, by source

	// PublicURL is the address at which people reach the pages; "" for no links.
	PublicURL string `json:"-"`

	people     []string  // users with alerts
	oldestOpen time.Time // when the oldest exposure of all was opened
	first      time.Time // from when on there is data or an alert
}

// Triage is what people decided about alerts, and what became of messages.
type Triage struct {
	Outcomes     map[string]Outcome // by detector, ever
	Acknowledged []time.Duration    // from the first showing to the first decision, of the alerts first decided in the week
	Overflow     int                // messages of the week beyond a channel's daily limit
}

// Acknowledged is how long alerts waited that somebody took up in the week.
type Acknowledged struct {
	Alerts  int     `json:"alerts"`       // taken up in the week
	Seconds float64 `json:"mean_seconds"` // mean, from the first showing to the first decision
}

// String returns the mean for people.
func (a *Acknowledged) String() string {
	return plain.Duration(time.Duration(a.Seconds * float64(time.Second)))
}

// Age is how many exposures have been open for so long.
type Age struct {
	Name      string `json:"age"`       // in words
	Exposures int    `json:"exposures"` // how many
}

// ages are the bounds in days, and what is below each.
var ages = []struct {
	below int
	name  string
}{
	{7, "Under a week"},
	{28, "1 to 4 weeks"},
	{91, "1 to 3 months"},
	{1 << 30, "Over 3 months"},
}

// Leaving is a person who leaves soon, with the result of the review.
type Leaving struct {
	Leaver
	Verdict  Verdict `json:"verdict"`  // of the review
	Headline string  `json:"headline"` // of the review
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
	s := fmt.Sprintf("%s of %s scored", plain.Number(a.Judged), plural(int(a.Received), "record"))
	if a.Repeated > 0 {
		s += fmt.Sprintf(", %s had been received before", plain.Number(a.Repeated))
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
	Before   int            `json:"before"`   // alerts of the week before
	People   int            `json:"people"`   // that the alerts of the week are about
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
	Title     string  `json:"title"`     // of the detector, for people
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
	actOn    = 5  // most tasks
	listed   = 6  // most open exposures
	weeks    = 12 // length of the trend
	sharers  = 3  // most users who shared, and most changes
	reviewed = 12 // most leavers
)

// MakeDigest makes the digest of the week that begins on a Monday.
func MakeDigest(in *Input, monday time.Time, t Triage) *Digest {
	d := &Digest{
		From:      monday,
		To:        monday.AddDate(0, 0, 7),
		Made:      in.Reported,
		Overflow:  t.Overflow,
		Tasks:     []Task{},
		Open:      []Open{},
		Leaving:   []Leaving{},
		Sharing:   []Sharing{},
		Changes:   []Sharing{},
		Detectors: []Detector{},
		Health:    slices.Clone(in.Failing),
	}
	d.Week, _ = WeekOf(monday)
	d.first = in.firstData()
	c := &counted{
		alerts: map[alert.Severity]int{}, before: map[alert.Severity]int{}, people: map[alert.Severity]map[string]bool{},
		byDetector: map[string]*Detector{}, trend: map[string]int{},
	}
	var tasks []Task
	var open []alert.Severity // of the alerts of d.Open
	cases := map[string]string{}
	for i := range in.Alerts {
		a := &in.Alerts[i]
		if !a.Service {
			d.people = append(d.people, a.User)
		}
		cases[a.ID] = cmp.Or(a.Case, a.ID)
		tasks = append(tasks, d.tasks(in, a)...)
		open = d.addOpen(a, open)
		d.addChanges(in, a)
		d.count(in, a, c)
	}
	d.addTasks(tasks, cases)
	d.addCounts(c)
	d.sortOpen(open)
	d.addLeaving(in)
	d.Sharing = d.Sharing[:min(len(d.Sharing), sharers)]
	d.Changes = d.Changes[:min(len(d.Changes), sharers)]
	d.addDetectors(c.byDetector, t.Outcomes)
	d.addAcknowledged(t.Acknowledged)
	d.findProblems(in)
	return d
}

// end is up to when ages are counted: the end of the week, or now.
func (d *Digest) end() time.Time {
	if !d.Made.IsZero() && d.Made.Before(d.To) {
		return d.Made
	}
	return d.To
}

// counted are the alerts of the week and of those before.
type counted struct {
	alerts     map[alert.Severity]int
	before     map[alert.Severity]int             // of the week before
	people     map[alert.Severity]map[string]bool // users with alerts
	byDetector map[string]*Detector
	trend      map[string]int
}

// count counts an alert in its week.
func (d *Digest) count(in *Input, a *alert.Alert, c *counted) {
	inside := !a.Time.Before(d.From) && a.Time.Before(d.To)
	switch {
	case a.Severity < alert.Medium:
		return
	case a.Health:
		if inside {
			d.Health = append(d.Health, Unseen{clean(a.Title), clean(a.Reason)})
		}
		return
	}
	week, monday := WeekOf(a.Time)
	c.trend[week]++
	if monday.Equal(d.From.AddDate(0, 0, -7)) {
		c.before[a.Severity]++
	}
	if inside {
		c.add(a)
		d.addSharing(in, a)
	}
}

// add counts an alert of the week.
func (c *counted) add(a *alert.Alert) {
	c.alerts[a.Severity]++
	if c.people[a.Severity] == nil {
		c.people[a.Severity] = map[string]bool{}
	}
	c.people[a.Severity][a.User] = true
	for _, name := range a.Detectors {
		x := c.byDetector[name]
		if x == nil {
			x = &Detector{Name: name, Title: name}
			c.byDetector[name] = x
		}
		x.Alerts++
		for i := range a.Evidence {
			if a.Evidence[i].Detector == name {
				x.Title = clean(a.Evidence[i].Title)
			}
		}
	}
}

// addCounts adds the figures of the week, and the trend.
func (d *Digest) addCounts(c *counted) {
	for s := alert.Critical; s >= alert.Medium; s-- {
		d.Counts = append(d.Counts, Count{s, c.alerts[s], c.before[s], len(c.people[s])})
	}
	for i := weeks - 1; i >= 0; i-- {
		name, _ := WeekOf(d.From.AddDate(0, 0, -7*i))
		d.Trend = append(d.Trend, Week{name, c.trend[name]})
	}
}

// addOpen adds the exposures of an alert that are still open, and its severity for each.
func (d *Digest) addOpen(a *alert.Alert, severities []alert.Severity) []alert.Severity {
	for _, x := range a.Exposures {
		if x.Closed != nil || a.Severity < alert.Medium || a.Health || !x.Opened.Before(d.To) {
			continue
		}
		o := openSince(x, a, d.end())
		o.Person, o.Closer, o.What = a.User, closer(a, &x), upper(o.What)
		d.Open, severities = append(d.Open, o), append(severities, a.Severity)
	}
	return severities
}

// sortOpen has the gravest exposures first, the oldest of them before the others, and counts them by age.
func (d *Digest) sortOpen(severities []alert.Severity) {
	order := make([]int, len(d.Open))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(x, y int) int {
		return cmp.Or(cmp.Compare(severities[y], severities[x]), d.Open[x].Opened.Compare(d.Open[y].Opened))
	})
	sorted := make([]Open, 0, len(order))
	for _, i := range order {
		sorted = append(sorted, d.Open[i])
	}
	for _, a := range ages {
		d.Ages = append(d.Ages, Age{Name: a.name})
	}
	for i := range sorted {
		if d.oldestOpen.IsZero() || sorted[i].Opened.Before(d.oldestOpen) {
			d.oldestOpen = sorted[i].Opened
		}
		k := 0
		for sorted[i].Days >= ages[k].below {
			k++
		}
		d.Ages[k].Exposures++
	}
	d.OpenCount = len(sorted)
	d.Open = sorted[:min(len(sorted), listed)]
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

// addLeaving adds the leavers whose last day is in the week or in the two after it, with what their reviews
// come to.
func (d *Digest) addLeaving(in *Input) {
	for _, l := range in.Leavers {
		if !l.LastDay.IsZero() && !l.LastDay.Before(d.From) && l.LastDay.Before(d.To.AddDate(0, 0, 14)) {
			l.Watchlists = in.watchlists(l.User)
			d.Leaving = append(d.Leaving, Leaving{Leaver: l})
		}
	}
	slices.SortFunc(d.Leaving, func(a, b Leaving) int { return cmp.Or(a.LastDay.Compare(b.LastDay), cmp.Compare(a.User, b.User)) })
	for i := range d.Leaving[:min(len(d.Leaving), reviewed)] {
		l := &d.Leaving[i]
		r := MakeReview(in, l.User, time.Time{}, time.Time{})
		l.Verdict, l.Headline = r.Verdict, clean(r.Headline)
	}
}

// addDetectors adds the detectors with alerts in the week, and their precision.
func (d *Digest) addDetectors(alerts map[string]*Detector, outcomes map[string]Outcome) {
	for name, x := range alerts {
		if o := outcomes[name]; o.True+o.False > 0 {
			x.Closed, x.Precision = o.True+o.False, float64(o.True)/float64(o.True+o.False)
		}
		d.Detectors = append(d.Detectors, *x)
	}
	slices.SortFunc(d.Detectors, func(a, b Detector) int { return cmp.Or(cmp.Compare(b.Alerts, a.Alerts), cmp.Compare(a.Name, b.Name)) })
}

// addAcknowledged adds how long alerts waited.
func (d *Digest) addAcknowledged(waited []time.Duration) {
	if len(waited) == 0 {
		return
	}
	var sum time.Duration
	for _, w := range waited {
		sum += w
	}
	d.Acknowledged = &Acknowledged{len(waited), sum.Seconds() / float64(len(waited))}
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
	return d.TaskCount+len(d.Open)+len(d.Health)+len(d.Leaving)+len(d.Changes)+d.Overflow+d.Suppressed == 0
}

// firstData is from when on there is data or an alert; zero if there is none.
func (in *Input) firstData() (first time.Time) {
	earlier := func(t time.Time) {
		if first.IsZero() || t.Before(first) {
			first = t
		}
	}
	for date := range in.Covered {
		if t, err := time.Parse(time.DateOnly, date); err == nil {
			earlier(t)
		}
	}
	for i := range in.Alerts {
		earlier(in.Alerts[i].Time)
	}
	return first
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
	missing := d.addMissing(in)
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

// addMissing adds the sources without data in the week that had some in the four weeks before, and returns
// how many there are. In a week without any data they are one problem.
func (d *Digest) addMissing(in *Input) (missing int) {
	c := d.Coverage
	before := in.coverageOf(d.From.AddDate(0, 0, -28), d.From.Add(-time.Second))
	for i, s := range c.Sources {
		if s.WithData > 0 || before.Sources[i].WithData == 0 {
			continue
		}
		missing++
		if c.WithData > 0 {
			d.Health = append(d.Health, Unseen{
				sourceTitle(s.Source),
				"no data this week, " + plural(before.Sources[i].WithData, "day") + " with data in the four weeks before",
			})
		}
	}
	if c.WithData == 0 && missing > 0 {
		d.Health = append(d.Health, Unseen{plural(missing, "source"), "no data this week, and some in the four weeks before"})
	}
	return missing
}

// Headline returns the result in one line, without a full stop.
func (d *Digest) Headline() string {
	switch d.Verdict {
	case NoData:
		s := "No data for this week"
		if d.TaskCount+d.OpenCount+len(d.Leaving) > 0 {
			s += "; " + d.summary()
		}
		return s
	case AllQuiet:
		return "A quiet week: nothing to act on, nothing exposed, all sources deliver"
	case PartlyData:
		return "Nothing to act on and nothing exposed, as far as there is data"
	}
	return d.summary()
}

// Alerts returns how many alerts there were in the week, and in the one before.
func (d *Digest) Alerts() (n, before int) {
	for _, c := range d.Counts {
		n, before = n+c.Alerts, before+c.Before
	}
	return n, before
}

// summary returns the figures in one line.
func (d *Digest) summary() string {
	var parts []string
	if total, _ := d.Alerts(); d.Verdict != NoData {
		parts = append(parts, plural(total, "alert"))
	}
	if d.TaskCount > 0 {
		parts = append(parts, plain.CountOf(d.TaskCount, "case needs", "cases need")+" action")
	}
	if d.OpenCount > 0 {
		parts = append(parts, plural(d.OpenCount, "exposure")+" still open")
	}
	if n := len(d.Leaving); n > 0 {
		parts = append(parts, plain.Count(n)+" leaving soon")
	}
	if n := len(d.Health); n > 0 {
		parts = append(parts, plural(n, "problem")+" with the data")
	}
	return strings.Join(parts, ", ")
}

// Change says how a number compares with that of the week before.
func Change(now, before int) string {
	switch {
	case now == before:
		return "as last week"
	case now > before:
		return plain.Count(now-before) + " more than last week"
	}
	return plain.Count(before-now) + " fewer than last week"
}

// Span returns the days of the week: "13 to 19 April 2026".
func (d *Digest) Span() string {
	first, last := d.From, d.To.AddDate(0, 0, -1)
	form := "2 January 2006"
	switch {
	case first.Month() == last.Month():
		form = "2"
	case first.Year() == last.Year():
		form = "2 January"
	}
	return first.Format(form) + " to " + last.Format("2 January 2006")
}

// Link returns the address of an alert's page; "" if pages have none.
func (d *Digest) Link(id string) string {
	if d.PublicURL == "" {
		return ""
	}
	return d.PublicURL + "/alerts/" + id
}

// MostOfAge returns how many exposures the largest age group has.
func (d *Digest) MostOfAge() (most int) {
	for _, a := range d.Ages {
		most = max(most, a.Exposures)
	}
	return most
}

// MostOfWeek returns how many alerts the busiest week of the trend has.
func (d *Digest) MostOfWeek() (most int) {
	for _, w := range d.Trend {
		most = max(most, w.Alerts)
	}
	return most
}

// Figures returns the four figures of the week, each with its words.
func (d *Digest) Figures() [][2]string {
	alerts, before := d.Alerts()
	waited, taken := "–", "to acknowledge: none this week"
	if a := d.Acknowledged; a != nil {
		waited, taken = a.String(), "mean time to acknowledge "+plural(a.Alerts, "alert")
	}
	precision, of := "–", "precision: no verdicts yet"
	if closed, share := d.Precision(); closed > 0 {
		precision, of = fmt.Sprintf("%.0f %%", 100*share), "precision of this week's detectors, "+plural(closed, "verdict")
	}
	oldest := ""
	if days := d.oldest(); days > 0 {
		oldest = ", the oldest for " + plural(days, "day")
	}
	exposed := "open exposures"
	if d.OpenCount == 1 {
		exposed = "open exposure"
	}
	noun := "alerts, "
	if alerts == 1 {
		noun = "alert, "
	}
	return [][2]string{
		{plain.Count(alerts), noun + Change(alerts, before)},
		{plain.Count(d.OpenCount), exposed + oldest},
		{waited, taken},
		{precision, of},
	}
}

// oldest is for how many days the oldest exposure has been open.
func (d *Digest) oldest() int {
	if d.oldestOpen.IsZero() {
		return 0
	}
	return int(d.end().Sub(d.oldestOpen).Hours() / 24)
}

// shownDetectors is the most detectors of the digest.
const shownDetectors = 6

// TopDetectors returns the detectors with the most alerts.
func (d *Digest) TopDetectors() []Detector {
	return d.Detectors[:min(len(d.Detectors), shownDetectors)]
}

// PrecisionText returns the precision for people.
func (x *Detector) PrecisionText() string {
	if x.Closed == 0 {
		return "no verdicts yet"
	}
	return fmt.Sprintf("%.0f of %s true positive", x.Precision*float64(x.Closed), plain.Count(x.Closed))
}

// SourceRow is a source in the table of the coverage.
type SourceRow struct {
	Title   string // of the source
	Days    string // of the week, with data
	Records string // what became of what arrived; "" if it is not known
}

// SourceRows returns the sources with the days of the week on which they had data.
func (d *Digest) SourceRows() (list []SourceRow) {
	for i := range d.Coverage.Sources {
		s := &d.Coverage.Sources[i]
		row := SourceRow{Title: sourceTitle(s.Source), Days: fmt.Sprintf("%d of %d", s.WithData, d.Coverage.Days)}
		for k := range d.Arrived {
			if d.Arrived[k].Source == row.Title {
				row.Records = d.Arrived[k].Sentence()
			}
		}
		list = append(list, row)
	}
	return list
}

// FewReasons returns the first three reasons why kinds could not be scored on all days.
func (d *Digest) FewReasons() []Unseen {
	list := d.Coverage.Reasons()
	return list[:min(len(list), 3)]
}

// Neighbour returns the name of the week before (-1) or after (1); "" for a week that has not begun, or
// before which there is no data.
func (d *Digest) Neighbour(by int) string {
	monday := d.From.AddDate(0, 0, 7*by)
	if monday.After(d.Made) || !monday.AddDate(0, 0, 7).After(d.first) {
		return ""
	}
	name, _ := WeekOf(monday)
	return name
}

// Precision returns how many alerts of the week's detectors were closed ever, and the share of them that was
// true.
func (d *Digest) Precision() (closed int, share float64) {
	right := 0.0
	for _, x := range d.Detectors {
		closed += x.Closed
		right += x.Precision * float64(x.Closed)
	}
	if closed > 0 {
		share = right / float64(closed)
	}
	return closed, share
}

// Mask replaces the names of people by pseudonyms, and ids by those that readers see.
func (d *Digest) Mask(m *alert.Mask) {
	m = m.Within(d.people...)
	name := func(user string) string {
		if user == "" || event.IsPlace(user) {
			return user
		}
		return m.Name(user)
	}
	d.SetIDs(m.ID)
	public := d.PublicURL
	before := *d
	m.Walk(d, d.people...)
	d.PublicURL = public
	for i := range d.Tasks {
		d.Tasks[i].Person = name(before.Tasks[i].Person)
	}
	for i := range d.Open {
		d.Open[i].Person = name(before.Open[i].Person)
	}
	for i := range d.Leaving {
		d.Leaving[i].User = m.Name(before.Leaving[i].User)
	}
	for i := range d.Sharing {
		d.Sharing[i].Person = name(before.Sharing[i].Person)
	}
	for i := range d.Changes {
		d.Changes[i].Person = name(before.Changes[i].Person)
	}
}

// SetIDs replaces the ids of alerts by those that readers see: links lead to their pages.
func (d *Digest) SetIDs(id func(string) string) {
	set := func(to *string) { *to = id(*to) }
	for i := range d.Tasks {
		set(&d.Tasks[i].Alert)
	}
	for i := range d.Open {
		set(&d.Open[i].Alert)
	}
	for _, list := range [][]Sharing{d.Sharing, d.Changes} {
		for i := range list {
			set(&list[i].Alert)
		}
	}
}
