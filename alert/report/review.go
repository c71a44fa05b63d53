// Package report makes reports from alerts and from what HR reports: the offboarding review of
// a leaver, the digest of a week, and the list of what an owner should close. It does not
// score.
package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/plain"
)

// Leaver is a person whom HR lists as leaving.
type Leaver struct {
	User    string    `json:"user"`              // account of the person
	Notice  time.Time `json:"notice"`            // when it became known
	LastDay time.Time `json:"last_day,omitzero"` // last working day; zero if unknown
	// Watchlists that the person is on, a clause each.
	Watchlists []string `json:"watchlists,omitempty"`
}

// Verdict is the result of a review.
type Verdict string

// The verdicts.
const (
	// Nothing means that nothing unusual was found, in enough data.
	Nothing Verdict = "nothing_unusual"
	// Look means that there is something to look at.
	Look Verdict = "look"
	// Act means that something should be done today.
	Act Verdict = "act_today"
	// NotEnough means that nothing was found, but that there is too little data to tell: of the
	// period, of the person or of the organisation.
	NotEnough Verdict = "not_enough_data"
	// NoActivity means that the person is known, and that there is enough data, but nothing
	// that they did.
	NoActivity Verdict = "no_activity"
)

// Point is an alert as something to look at.
type Point struct {
	Alert    string         `json:"alert"`              // ID of the alert
	Case     string         `json:"case,omitempty"`     // of the alert
	Time     time.Time      `json:"time"`               // of the alert
	Severity alert.Severity `json:"severity"`           // of the alert
	Title    string         `json:"title"`              // of the alert
	Reason   string         `json:"reason"`             // of the alert
	Sources  []string       `json:"sources"`            // short names
	Said     string         `json:"said,omitempty"`     // what was done, in one short line
	Left     bool           `json:"left,omitempty"`     // data left
	When     string         `json:"when"`               // relative to notice and last day, in words
	Decision string         `json:"decision,omitempty"` // what was decided about it, a sentence; empty if nothing was

	dismissed bool     // it was closed as expected or wrong
	Events    []string `json:"event_ids,omitempty"` // ids of some events
}

// Open is an exposure that nobody has closed.
type Open struct {
	What     string    `json:"what"`           // in plain words
	Opened   time.Time `json:"opened"`         // since when it is open
	Days     int       `json:"days"`           // whole days since then
	Closer   string    `json:"closer"`         // who can close it, in words
	How      string    `json:"how"`            // how, in a sentence
	Link     string    `json:"link,omitempty"` // the vendor's page about it
	Alert    string    `json:"alert"`          // ID of the alert
	Detector string    `json:"detector"`       // that reported it; empty if unknown
	// Person is who opened it; empty in a review, which is about one person.
	Person string `json:"person,omitempty"`
}

// Unseen is something that could not be seen.
type Unseen struct {
	What string `json:"what"` // a source, a kind or a period
	Why  string `json:"why"`  // the reason
}

// Profile is what the files of HR state about a person. What they do not state is empty.
type Profile struct {
	Name       string `json:"name,omitempty"`       // display name
	Department string `json:"department,omitempty"` // of the person
	Manager    string `json:"manager,omitempty"`    // account or name of the manager
	Role       string `json:"role,omitempty"`       // job title
}

// Check is who has checked a review, and when.
type Check struct {
	By      string    `json:"by"`                      // name of the reader
	At      time.Time `json:"at"`                      // when
	Changed bool      `json:"changed_since,omitempty"` // the review is another one than was checked
	Print   string    `json:"-"`                       // Print of the review that was checked
}

// Checked is what was looked for in one field and not found.
type Checked struct {
	Field string   `json:"field"` // in a few words
	What  []string `json:"what"`  // in plain words
}

// Review is the offboarding review of one leaver.
type Review struct {
	Person     string    `json:"person"`                // account, or pseudonym if masked
	Profile    Profile   `json:"profile"`               // what HR states
	Case       string    `json:"case,omitempty"`        // of the most important point; empty if there is none
	Made       time.Time `json:"made"`                  // when the review was made
	PreparedBy string    `json:"prepared_by,omitempty"` // who made it; empty if that is not known
	Checked    *Check    `json:"checked,omitempty"`     // who has checked it; nil if nobody has
	From       time.Time `json:"from"`                  // beginning of the period
	To         time.Time `json:"to"`                    // end of the period
	Notice     time.Time `json:"notice,omitzero"`       // zero if unknown
	LastDay    time.Time `json:"last_day,omitzero"`     // zero if unknown
	Watchlists []string  `json:"watchlists,omitempty"`  // that the person is on, a clause each
	Verdict    Verdict   `json:"verdict"`               // the result
	Headline   string    `json:"headline"`              // the result in a few sentences: what left first
	Next       []string  `json:"next"`                  // what to do, the most urgent first
	Gaps       []string  `json:"gaps"`                  // stretches of the period without data, in sentences
	Points     []Point   `json:"points"`                // up to three, the most important first
	Timeline   []Point   `json:"timeline"`              // all unusual days, the earliest first
	Open       []Open    `json:"open"`                  // exposures that nobody has closed, the oldest first
	After      []Point   `json:"after"`                 // of Timeline, what happened after the last day
	Left       []Left    `json:"left"`                  // by kind, what departs most from what is usual first
	Days       []Series  `json:"days"`                  // charts of what was unusual by day, what left first
	Minor      int       `json:"minor"`                 // days that were slightly unusual and are not listed
	Normal     []Checked `json:"normal"`                // what was looked for and not found
	NotChecked []Unseen  `json:"not_checked"`           // what could not be looked for, in plain words, by reason
	Unseen     []Unseen  `json:"unseen"`                // what could not be seen
	Coverage   *Coverage `json:"coverage"`              // of which days there is data, and what could not be scored
	ActiveDays int       `json:"active_days"`           // of the person within the period; -1 if unknown
	CompleteTo time.Time `json:"complete_to"`           // up to when the data goes
	OnlyDays   bool      `json:"only_days,omitempty"`   // times of events are days: readers do not look them up
	Counting   []string  `json:"counting"`              // how amounts are counted, in sentences
	Statement  string    `json:"statement"`             // place for a statement of the person

	print  string  // see Print
	urgent bool    // an open exposure is severe, or so is what left after notice
	minor  []Point // days of medium severity that count among Minor
	thin   int     // days that would decide if the person's baseline were longer
}

// The period of a review: from lookBack before notice until lookAfter after the last day.
const (
	lookBack  = 90 * 24 * time.Hour
	lookAfter = 30 * 24 * time.Hour
)

// Input is what reports are made from.
type Input struct {
	Alerts    []alert.Alert     // all alerts, without withdrawn ones
	Leavers   []Leaver          // people whom HR lists as leaving
	Now       time.Time         // up to when the data goes
	Sources   []string          // titles of the sources that deliver; empty if unknown
	All       []string          // titles of all sources
	Kinds     []Kind            // what is looked for
	Detectors finding.Detectors // traits of all detectors
	Failing   []Unseen          // streams that fail, and gaps
	Arrived   []LateArrival     // records by source and day; nil without a daemon
	Reported  time.Time         // when the report is made
	// Days returns the daily summaries of a user between two times; nil where none are stored.
	Days func(user string, from, to time.Time) ([]finding.Activity, error)

	// Short names of the sources with data, by date (2006-01-02); nil if unknown.
	Covered map[string][]string
	HR      bool  // whether there are HR files with leavers
	Usual   Usual // how much is known of what is usual
	// Off returns why kinds, by title, are not looked for in what a user does (opt-out). It is
	// nil if there is no opt-out.
	Off func(user string) map[string]string
	// Decisions are what was decided in the feed, by the ID of the alert.
	Decisions map[string]Decision
	// Checks are who has checked reviews last, by account in lower case.
	Checks map[string]Check
	// Items adds the items of its evidence to an alert. It is nil where none are stored.
	Items func(a *alert.Alert) error
	// Profile returns what the files of HR state about a user. It is nil where there are none.
	Profile func(user string) Profile
	// Watched returns on which watchlists a user is, a clause each. It is nil if there are none.
	Watched func(user string) []string
}

// counting explains the figures of a review to its readers.
var counting = []string{
	"An unusual day is one whose activity is rare for the person, for colleagues and in the organisation; the " +
		"score says how rare. What was usual is taken from the time at least a month before notice.",
	"Files are counted once a day, however often they were opened. A folder counts as one thing, because how much is in it is not known.",
	"Rows and bytes are those that the services state.",
	"What an unusual day counts is drawn as it is stated here; other days are drawn as a whole.",
	"That something is unusual does not say that it was wrong: work before leaving, such as handing over, is unusual too.",
}

// MakeReview makes the review of one user. Notice and last day come from the input. The period
// is from lookBack before notice until lookAfter after the last day, unless from or to, which
// may be zero, say otherwise.
func MakeReview(in *Input, user string, from, to time.Time) *Review {
	r := newReview(in, user)
	r.Watchlists = in.watchlists(user)
	begin := r.setPeriod(in, from, to)
	r.Coverage = in.coverageOf(r.From, r.To)
	decisive := r.decisive(in, user, begin)
	var listed []alert.Alert
	for i := range in.Alerts {
		a := &in.Alerts[i]
		switch {
		case a.Health && a.Severity >= alert.Medium && a.Time.After(r.From) && a.Time.Before(r.To):
			r.Unseen = append(r.Unseen, Unseen{clean(a.Title), clean(a.Reason)})
		case strings.EqualFold(a.User, user) && !a.Time.Before(r.From) && !a.Time.After(r.To):
			r.addOpen(in, a)
			if r.addDay(in, a, decisive) {
				listed = append(listed, *a)
			}
		}
	}
	k := &kinds{found: map[string]bool{}, left: map[string]*Left{}}
	for i := range listed {
		if in.Items != nil {
			if err := in.Items(&listed[i]); err != nil {
				what := "Items of alert " + short(listed[i].ID)
				r.Unseen = append(r.Unseen, Unseen{what, "they could not be read: " + clean(err.Error())})
			}
		}
		k.add(in, &listed[i])
	}
	r.addCharts(in, user, listed)
	r.finish(in, user, k)
	return r
}

// watchlists are those that a user is on.
func (in *Input) watchlists(user string) []string {
	if in.Watched == nil {
		return nil
	}
	return in.Watched(user)
}

// newReview returns a review without content. Its lists are empty, not nil: JSON has all of them.
func newReview(in *Input, user string) *Review {
	r := &Review{
		Person:     user,
		Made:       in.Reported,
		CompleteTo: in.Now,
		Counting:   counting,
		Points:     []Point{},
		Timeline:   []Point{},
		Open:       []Open{},
		After:      []Point{},
		Left:       []Left{},
		Days:       []Series{},
		Normal:     []Checked{},
		Next:       []string{},
		Gaps:       []string{},
		NotChecked: []Unseen{},
		Unseen:     []Unseen{},
		ActiveDays: -1,
	}
	if in.Profile != nil {
		r.Profile = in.Profile(user)
	}
	return r
}

// setPeriod sets notice, last day and the period. It returns the notice, or what is closest
// to it where it is not known.
func (r *Review) setPeriod(in *Input, from, to time.Time) (begin time.Time) {
	for _, l := range in.Leavers {
		if strings.EqualFold(l.User, r.Person) {
			r.Notice, r.LastDay = l.Notice, l.LastDay
		}
	}
	begin = cmp.Or(r.Notice, r.LastDay, in.Now)
	r.From = begin.Add(-lookBack)
	r.To = cmp.Or(r.LastDay, r.Notice, in.Now).Add(lookAfter)
	if !from.IsZero() {
		r.From = from
	}
	if !to.IsZero() {
		r.To = to
	}
	return begin
}

// addOpen adds the exposures of an alert that nobody has closed.
func (r *Review) addOpen(in *Input, a *alert.Alert) {
	_, dismissed := in.decisionAbout(a.ID)
	for _, x := range a.Exposures {
		if x.Closed == nil && a.Severity >= alert.Low {
			r.urgent = r.urgent || a.Severity >= alert.High && !dismissed
			r.Open = append(r.Open, openSince(x, a, in.Now))
		}
	}
}

// openSince returns an exposure of an alert that is open at a time.
func openSince(x alert.Exposure, a *alert.Alert, now time.Time) Open {
	detector, _ := openedIn(a, &x)
	r := RemedyOf(a, &x)
	return Open{
		What:     clean(x.What),
		Opened:   x.Opened,
		Days:     int(now.Sub(x.Opened).Hours() / 24),
		Detector: detector,
		Closer:   r.Who,
		How:      r.How,
		Link:     r.Link,
		Alert:    a.ID,
	}
}

// addDay adds the day of an alert: to the timeline, which it reports, or to the minor days.
// Before the last day is over a day counts only if all of them together are decisive.
func (r *Review) addDay(in *Input, a *alert.Alert, decisive bool) (listed bool) {
	if a.Severity < alert.Medium {
		r.Minor++
		return false
	}
	p := point(a)
	p.Title, p.Reason = Neutral(a.Title), Neutral(a.Reason)
	p.Said, p.Left = in.said(a)
	p.Decision, p.dismissed = in.decisionAbout(a.ID)
	p.When = r.phase(a.Window.Start)
	after := !r.LastDay.IsZero() && a.Window.End.After(r.LastDay.Add(24*time.Hour))
	if !decisive && !after && !(p.dismissed && a.Severity >= alert.High) {
		r.minor = append(r.minor, p)
		r.Minor++
		return false
	}
	r.Timeline = append(r.Timeline, p)
	if p.Left && !p.dismissed && a.Severity >= alert.Critical && !r.Notice.IsZero() && !day(a.Window.Start).Before(day(r.Notice)) {
		r.urgent = true
	}
	if after {
		r.After = append(r.After, p)
	}
	return true
}

// drawn is the most charts in a review.
const drawn = 4

// In four months almost everybody has an alert. One decides the verdict if it is high.
// Otherwise it takes two, from a month before notice on. Both need a baseline of some days.
const (
	enoughDays = 8                   // active days that a baseline must rest on
	nearNotice = 30 * 24 * time.Hour // time before notice from which medium alerts count
	severalOf  = 2                   // how many of them it takes
)

// decisive reports whether the alerts are more than what happens to many people in so long a
// time.
func (r *Review) decisive(in *Input, user string, begin time.Time) bool {
	near := 0
	for i := range in.Alerts {
		a := &in.Alerts[i]
		if a.Health || a.Severity < alert.Medium || !strings.EqualFold(a.User, user) || a.Time.Before(r.From) || a.Time.After(r.To) {
			continue
		}
		if _, dismissed := in.decisionAbout(a.ID); dismissed {
			continue
		}
		if a.BaselineDays < enoughDays {
			if a.Severity >= alert.High || a.Time.After(begin.Add(-nearNotice)) {
				r.thin++
			}
			continue
		}
		if a.Severity >= alert.High {
			return true
		}
		if a.Time.After(begin.Add(-nearNotice)) {
			near++
		}
	}
	return near >= severalOf
}

// point returns an alert as something to look at.
func point(a *alert.Alert) Point {
	return Point{
		Alert:    a.ID,
		Case:     a.Case,
		Time:     a.Time,
		Severity: a.Severity,
		Title:    clean(a.Title),
		Reason:   clean(a.Reason),
		Sources:  a.Sources,
		Events:   a.EventIDs,
	}
}

// decisionAbout says in a sentence what was decided about an alert, and whether it was closed as expected or wrong.
func (in *Input) decisionAbout(id string) (sentence string, dismissed bool) {
	d, known := in.Decisions[id]
	if !known || !d.Closed {
		return "", false
	}
	as := "true"
	switch {
	case d.True:
	case d.Status == "duplicate":
		as = "a duplicate of another alert"
	default:
		as, dismissed = "expected activity", true
		if d.Status == "false" {
			as = "a false alarm"
		}
	}
	sentence = fmt.Sprintf("Closed by %s on %s as %s", d.Who, date(d.At), as)
	if d.Note != "" {
		sentence += ": " + strings.TrimRight(d.Note, ". ")
	}
	return clean(sentence) + ".", dismissed
}

// said returns what was done, in one short line: the headline of the alert, or else the first clause of its most
// telling evidence. Left reports whether data left.
func (in *Input) said(a *alert.Alert) (line string, left bool) {
	line = a.Title
	for i := range a.Evidence {
		e := &a.Evidence[i]
		takes := in.Detectors[e.Detector]&finding.TakesData != 0
		if takes && !left && strings.HasPrefix(a.Title, cmp.Or(titleOf(a), a.Title)) { // a title that is the name of a detector
			line, _, _ = strings.Cut(cmp.Or(e.Reason, a.Title), ";")
		}
		left = left || takes
	}
	return Neutral(line), left
}

// titleOf is the name of the detector that an alert is led by, for people.
func titleOf(a *alert.Alert) string {
	for i := range a.Evidence {
		if a.Evidence[i].Detector == a.Detector {
			return a.Evidence[i].Title
		}
	}
	return ""
}

// clean replaces control characters, and those that change the direction of text.
func clean(t string) string { return plain.Printable(t) }

// phase returns where a day lies relative to notice and last day, in words.
func (r *Review) phase(at time.Time) string {
	switch {
	case r.Notice.IsZero():
		return ""
	case day(at).Before(day(r.Notice)):
		return plural(int(day(r.Notice).Sub(day(at)).Hours()/24), "day") + " before notice"
	case day(at).Equal(day(r.Notice)):
		return "on the day notice was given"
	case !r.LastDay.IsZero() && at.After(r.LastDay.Add(24*time.Hour)):
		return plural(int(at.Sub(r.LastDay).Hours()/24), "day") + " after the last day"
	}
	return "between notice and the last day"
}

// day returns the beginning of a day in UTC.
func day(at time.Time) time.Time { return at.UTC().Truncate(24 * time.Hour) }

// plural returns a number with a noun, such as 1 day or 2 days.
func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return plain.Number(int64(n)) + " " + one + "s"
}

// finish puts what was found in order, and comes to a verdict.
func (r *Review) finish(in *Input, user string, k *kinds) {
	byTime := func(a, b Point) int { return a.Time.Compare(b.Time) }
	slices.SortFunc(r.Timeline, byTime)
	slices.SortFunc(r.After, byTime)
	slices.SortFunc(r.Open, func(a, b Open) int { return a.Opened.Compare(b.Opened) })
	r.Left = k.sorted()
	r.addNormal(in, user, k.found)
	r.addUnseen(in)
	r.addGaps()
	r.Points = r.mostImportant(3)
	if len(r.Points) > 0 {
		r.Case = r.Points[0].Case
	}
	r.decide(in)
	r.Next = r.steps()
	if c, known := in.Checks[strings.ToLower(user)]; known {
		r.SetCheck(c)
	}
}

// SetCheck notes who has checked the review.
func (r *Review) SetCheck(c Check) {
	c.Changed = c.Print != r.Print()
	r.Checked = &c
}

// Print returns a short text that is the same for reviews that state the same: the verdict, the unusual days, what
// left, and what is open. It does not depend on when the review was made, or for which readers.
func (r *Review) Print() string {
	if r.print == "" {
		h := sha256.New()
		fmt.Fprintln(h, r.Verdict)
		for i := range r.Timeline {
			fmt.Fprintln(h, r.Timeline[i].Alert, r.Timeline[i].Severity, r.Timeline[i].Decision)
		}
		for i := range r.Left {
			fmt.Fprintln(h, r.Left[i].Kind, r.Left[i].Unit, r.Left[i].Observed)
		}
		for i := range r.Open {
			fmt.Fprintln(h, r.Open[i].Alert, r.Open[i].Opened.UnixMilli(), r.Open[i].What)
		}
		r.print = hex.EncodeToString(h.Sum(nil)[:16])
	}
	return r.print
}

// addNormal adds what was looked for on the days with data and not found, and what could not be looked for.
func (r *Review) addNormal(in *Input, user string, found map[string]bool) {
	var off map[string]string
	if in.Off != nil {
		off = in.Off(user)
	}
	_, r.Coverage.Unjudged = in.scoreable(r.Coverage, r.ActiveDays, off)
	rest := r.Coverage.beyond()
	var normal, partly []Kind
	var not []Unseen
	for _, k := range in.Kinds {
		why, some := in.notScoredReason(rest, &k, r.ActiveDays, off)
		if why == "" || some {
			if reason := r.notApplicable(&k); reason != "" {
				why, some = reason, false
			}
		}
		switch {
		case why != "" && !some:
			not = append(not, Unseen{k.words(), why})
		case found[k.Title]:
		case some:
			partly = append(partly, k)
		default:
			normal = append(normal, k)
		}
	}
	r.Normal = byField(normal)
	if len(partly) > 0 {
		c := Checked{Field: "On part of the days"}
		for i := range partly {
			c.What = append(c.What, partly[i].words())
		}
		r.Normal = append(r.Normal, c)
	}
	r.NotChecked = append(r.NotChecked, byReason(not)...)
	for i := range rest.Sources {
		if s := &rest.Sources[i]; len(s.Missing) > 0 && s.WithData > 0 {
			r.Unseen = append(r.Unseen, Unseen{sourceTitle(s.Source), "no data of " + stretches(s.Missing)})
		}
	}
}

// notApplicable returns why a kind says nothing about the person; "" if it may.
func (r *Review) notApplicable(k *Kind) string {
	switch {
	case k.Leaving && r.Notice.IsZero() && r.LastDay.IsZero():
		return "no file of HR says that the person leaves"
	case k.LastDay && r.LastDay.IsZero():
		return "the last working day is not known"
	case k.LastDay && !r.CompleteTo.After(r.LastDay.AddDate(0, 0, 1)):
		return "the data ends before the last working day is over"
	}
	return ""
}

// addUnseen adds the sources that deliver nothing, and the streams that fail.
func (r *Review) addUnseen(in *Input) {
	for _, s := range in.All {
		if len(in.Sources) > 0 && !slices.Contains(in.Sources, s) {
			r.Unseen = append(r.Unseen, Unseen{s, "nothing of it is delivered"})
		}
	}
	r.Unseen = append(r.Unseen, in.Failing...)
}

// mostImportant returns at most n points of the timeline: what left first, then what happened after the last day,
// by severity, the latest first.
func (r *Review) mostImportant(n int) []Point {
	rank := func(p Point) int {
		switch {
		case p.Left:
			return 0
		case slices.ContainsFunc(r.After, func(x Point) bool { return x.Alert == p.Alert }):
			return 1
		}
		return 2
	}
	list := slices.DeleteFunc(slices.Clone(r.Timeline), func(p Point) bool { return p.dismissed })
	slices.SortStableFunc(list, func(a, b Point) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(b.Severity, a.Severity), b.Time.Compare(a.Time))
	})
	return list[:min(len(list), n)]
}

// decide sets the verdict and the headline.
func (r *Review) decide(in *Input) {
	switch {
	case r.urgent || slices.ContainsFunc(r.After, func(p Point) bool { return !p.dismissed }):
		r.Verdict, r.Headline = Act, "Act today. "+r.summary()
	case len(r.Points) > 0:
		r.Verdict, r.Headline = Look, "Needs a closer look. "+r.summary()
	default:
		r.quiet(in)
		if n := len(r.Timeline) - r.standing(); n > 0 {
			r.Headline += " " + plain.CountOf(n, "unusual day was", "unusual days were") + " explained by the security team."
		}
	}
}

// standing is how many days of the timeline were not dismissed.
func (r *Review) standing() (n int) {
	for i := range r.Timeline {
		if !r.Timeline[i].dismissed {
			n++
		}
	}
	return n
}

// summary says in a few sentences what was found: what left first, then what is open.
func (r *Review) summary() string {
	var said []string
	if len(r.Points) > 0 {
		p := &r.Points[0]
		s := upper(p.Said)
		switch {
		case p.When == "":
		case strings.Contains(s, "before leaving"): // two times, which would read as one
			s += " (" + p.When + ")"
		default:
			s += ", " + p.When
		}
		said = append(said, s)
	}
	if n := len(r.After); n > 0 && len(r.Points) > 0 && !(n == 1 && r.After[0].Alert == r.Points[0].Alert) {
		said = append(said, "Activity after the last day: "+plural(n, "day"))
	}
	if n := r.standing() - 1; n > 0 {
		said = append(said, plain.CountOf(n, "more unusual day is listed below", "more unusual days are listed below"))
	}
	return strings.Join(append(said, openSentences(r.Open)...), ". ") + "."
}

// upper returns a text that begins with a capital letter.
func upper(t string) string {
	c, n := utf8.DecodeRuneInString(t)
	if n == 0 {
		return t
	}
	return string(unicode.ToUpper(c)) + t[n:]
}

// leastShare is the share of the days of a period that must have data before nothing unusual
// can be stated.
const leastShare = .5

// quiet sets the verdict where nothing was found: perhaps nothing could be.
func (r *Review) quiet(in *Input) {
	c := r.Coverage
	lacking := in.Usual.Lacking()
	covered := c.Days - c.missingDays()
	switch {
	case c.Known && c.WithData == 0:
		r.Verdict, r.Headline = NotEnough, "Not enough data. There is none of this period."
	case c.Known && share(covered, c.Days) < leastShare:
		r.Verdict, r.Headline = NotEnough, fmt.Sprintf("Not enough data. %d of %s have none.", c.missingDays(),
			plural(c.Days, "day"))
	case r.ActiveDays == 0 && r.Minor == 0 && c.Known:
		r.Verdict, r.Headline = NoActivity, "No activity of this person in these logs"+r.onDays()+"."
	case c.Known && lacking != "":
		r.Verdict, r.Headline = NotEnough, "Not enough data. "+upper(lacking)+"."
	case r.thin > 0:
		r.Verdict, r.Headline = NotEnough, fmt.Sprintf(
			"Not enough data. %s would be unusual, but what is usual for the person rests on fewer than %d active days.",
			plural(r.thin, "day"), enoughDays)
	case c.Known && r.ActiveDays >= 0 && r.ActiveDays < enoughDays:
		r.Verdict, r.Headline = NotEnough, fmt.Sprintf(
			"Not enough data. There are %s of the person, and %d are needed to know what is usual.",
			plural(r.ActiveDays, "active day"), enoughDays)
	default:
		r.Verdict, r.Headline = Nothing, "Nothing unusual"+r.onDays()+"."
	}
	if r.Verdict == NotEnough { // it is unknown whether such days are usual
		slices.SortFunc(r.minor, func(a, b Point) int { return a.Time.Compare(b.Time) })
		r.Timeline, r.Minor = append(r.Timeline, r.minor...), r.Minor-len(r.minor)
	}
}

// onDays returns of how many days the headline speaks; "" if of all.
func (r *Review) onDays() string {
	c := r.Coverage
	if !c.Known || c.missingDays() == 0 {
		return ""
	}
	return fmt.Sprintf(" on the %d of %s that there is data of", c.Days-c.missingDays(), plural(c.Days, "day"))
}

// Mask replaces the names of people by pseudonyms, and ids by those that readers of the purpose see. Readers who do not look
// events up see days in place of times.
func (r *Review) Mask(m *alert.Mask) {
	user := r.Person
	r.Print() // before names are replaced
	m = m.Within(user)
	real := r.Case
	prepared := r.PreparedBy                              // a reader's name, not that of the person
	r.Profile = Profile{Department: r.Profile.Department} // the rest would name the person, or nearly
	for i := range r.Left {
		r.Left[i] = r.Left[i].masked(m, user)
	}
	m.Walk(r, user)
	r.Person, r.PreparedBy, r.Case = m.Name(user), prepared, m.ID(real)
	if real != "" {
		for i := range r.Next {
			r.Next[i] = strings.ReplaceAll(r.Next[i], "case "+short(real), "case "+short(r.Case))
		}
	}
	r.OnlyDays = !m.Precise()
	for _, list := range [][]Point{r.Points, r.Timeline, r.After} {
		for i := range list {
			p := &list[i]
			p.Alert, p.Case, p.Events = m.ID(p.Alert), m.ID(p.Case), slices.Clone(p.Events)
			for k := range p.Events {
				p.Events[k] = m.Record(p.Events[k])
			}
			p.Time = r.coarse(p.Time)
		}
	}
	for i := range r.Open {
		r.Open[i].Alert, r.Open[i].Opened = m.ID(r.Open[i].Alert), r.coarse(r.Open[i].Opened)
	}
	for i := range r.Left {
		for k := range r.Left[i].Items {
			r.Left[i].Items[k].Time = r.coarse(r.Left[i].Items[k].Time)
		}
	}
}

// coarse returns a time as readers see it: the beginning of its day (UTC) for those who see days.
func (r *Review) coarse(at time.Time) time.Time {
	if r.OnlyDays {
		return day(at)
	}
	return at
}

// At says when something happened, as exactly as readers see it.
func (r *Review) At(at time.Time) string {
	if r.OnlyDays {
		return at.UTC().Format(time.DateOnly)
	}
	return at.UTC().Format("2006-01-02 15:04") + " UTC"
}
