// Package alert turns findings into alerts and tells people. An alert is what
// somebody is told: the findings on one person's day that belong together.
// Telling changes nothing in how people are judged.
//
// It owns alerts.db (Store), and the formats in which alerts are written.
package alert

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/outflow/outflow/internal/finding"
)

// Severity says how urgent an alert is.
type Severity int

// The severities, from the least urgent to the most.
const (
	Informational Severity = iota
	Low
	Medium
	High
	Critical
)

var severityNames = [...]string{"informational", "low", "medium", "high", "critical"}

func (s Severity) String() string { return severityNames[min(max(int(s), 0), len(severityNames)-1)] }

// MarshalText writes the name.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a name.
func (s *Severity) UnmarshalText(b []byte) (err error) {
	*s, err = ParseSeverity(string(b))
	return err
}

// ParseSeverity reads the name of a severity.
func ParseSeverity(name string) (Severity, error) {
	if i := slices.Index(severityNames[:], strings.ToLower(name)); i >= 0 {
		return Severity(i), nil
	}
	return 0, fmt.Errorf("%q is not a severity: %s", name, strings.Join(severityNames[:], ", "))
}

// The rates from which an alert has a severity: false alerts to be expected per
// 1,000 user-days in this organisation at the score of the alert or above. So a
// severity means the same everywhere, whatever the scores are like.
const (
	lowFrom      = 20.0
	mediumFrom   = 5.0
	highFrom     = 2.0
	criticalFrom = .5
)

// severity of a score by its rate, given what is at stake (finding.Stake): the
// most valuable things are one step more urgent than the score alone says.
func severity(rate float64, stake int) Severity {
	s := Informational
	for _, from := range [...]float64{lowFrom, mediumFrom, highFrom, criticalFrom} {
		if rate <= from {
			s++
		}
	}
	if stake >= 3 && s >= Medium && s < Critical {
		s++
	}
	return s
}

// Window is a stretch of time, both ends included.
type Window struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

// Alert is what somebody is told about a person. It is made of one revision of
// findings; a later revision has the same ID.
type Alert struct {
	ID             string     `json:"id"`
	Revision       int        `json:"revision"`
	Case           string     `json:"case"` // id of the first alert of a series about one person
	Time           time.Time  `json:"time"` // when the last event it rests on happened, or just after
	User           string     `json:"user"`
	Department     string     `json:"department,omitempty"` // of the person, as HR says
	Service        bool       `json:"service,omitempty"`    // a service account, not a person
	Health         bool       `json:"health,omitempty"`     // about the data rather than a person: User is empty and Score 0
	Detector       string     `json:"detector"`             // the one that contributes most
	Detectors      []string   `json:"detectors"`
	Score          float64    `json:"score"`
	Rate           float64    `json:"rate"` // false alerts per 1,000 user-days to be expected in the organisation at this score or above
	Severity       Severity   `json:"severity"`
	Title          string     `json:"title"`
	Reason         string     `json:"reason"` // one sentence in plain words
	Context        []string   `json:"context"`
	Window         Window     `json:"window"`
	Provisional    bool       `json:"provisional,omitempty"` // the person's day is not over in the data: it may get worse
	Observed       float64    `json:"observed"`              // of the leading detector, in Unit
	Expected       float64    `json:"expected"`              // on a usual day of the person
	Peers          float64    `json:"peers"`                 // on a usual day of a colleague
	Unit           string     `json:"unit"`
	BaselineDays   float64    `json:"baseline_days"`        // active days that Expected rests on, those long ago less
	KnownDays      float64    `json:"known_days,omitempty"` // days of anybody in the organisation that the score rests on, those long ago less
	Sources        []string   `json:"sources"`
	Techniques     []string   `json:"techniques"` // MITRE ATT&CK
	EventIDs       []string   `json:"event_ids"`  // some of the events, the first and the last
	EventCount     int        `json:"event_count"`
	DataCompleteTo time.Time  `json:"data_complete_to"` // up to when all its sources had delivered
	Evidence       []Evidence `json:"evidence"`
	// Exposures are what was laid open or switched off, and when it was undone.
	// That is the only part of an alert that may change long after Time.
	Exposures []Exposure `json:"exposures,omitempty"`
	// Withdrawn says that what came later explains it: there is no such alert.
	Withdrawn bool             `json:"withdrawn,omitempty"`
	Receipt   *finding.Receipt `json:"receipt,omitempty"` // what the score rests on; outflow explain computes it again
}

// Exposure is something that was laid open or switched off.
type Exposure struct {
	What   string     `json:"what"`
	Opened time.Time  `json:"opened"`
	Closed *time.Time `json:"closed,omitempty"` // when it was undone, if it was
	By     string     `json:"by,omitempty"`     // who undid it
}

// Evidence is what one detector contributes.
type Evidence struct {
	Detector string   `json:"detector"`
	Title    string   `json:"title"`
	Points   float64  `json:"points"` // of the score
	Reason   string   `json:"reason,omitempty"`
	Observed float64  `json:"observed"`
	Expected float64  `json:"expected"`
	Peers    float64  `json:"peers"`
	Unit     string   `json:"unit,omitempty"`
	Sources  []string `json:"sources,omitempty"`
	Events   int      `json:"events"`
	Repeats  int      `json:"repeats,omitempty"` // events about things that were counted already
	Folders  int      `json:"folders,omitempty"` // things taken that are folders of unknown size
	Window   *Window  `json:"window,omitempty"`  // when its events happened
}

// build makes the alert of findings that came together.
func build(revision int, list []*finding.Finding) Alert {
	slices.SortStableFunc(list, func(a, b *finding.Finding) int { // what contributes most comes first
		return cmp.Or(-cmp.Compare(a.Points, b.Points), cmp.Compare(a.Detector, b.Detector))
	})
	lead := list[0]
	for _, f := range list { // what adds weight but saw nothing itself does not lead
		if f.Events > 0 {
			lead = f
			break
		}
	}
	a := Alert{
		ID: lead.Episode, Revision: revision, Time: raised(lead.Time), User: lead.Person, Department: lead.Department, Service: lead.Service, Health: lead.Health, Detector: lead.Detector, Score: lead.Risk, Rate: lead.Rate,
		Observed: lead.Observed, Expected: lead.Expected, Peers: lead.Peers, Unit: lead.Unit, BaselineDays: lead.Days, Context: lead.Context,
	}
	stake, from, to, complete := 0, lead.Start, lead.End, int64(0)
	ids := map[string]bool{}
	for _, f := range list {
		stake = max(stake, f.Stake)
		a.Detectors = append(a.Detectors, f.Detector)
		a.Evidence = append(a.Evidence, Evidence{f.Detector, f.Title, f.Points, f.Reason, f.Observed, f.Expected, f.Peers, f.Unit, f.Sources, f.Events, f.Repeats, f.Folders, nil})
		if f.Receipt != nil {
			a.Receipt, a.KnownDays = f.Receipt, math.Round(f.Receipt.Known*10)/10
		}
		a.Sources = merge(a.Sources, f.Sources)
		a.Techniques = merge(a.Techniques, f.Techniques)
		for _, x := range f.Exposures {
			a.expose(x)
		}
		a.EventCount += f.Events
		if f.Events > 0 {
			a.Evidence[len(a.Evidence)-1].Window = &Window{at(f.Start), at(f.End)}
			from, to = min(from, f.Start), max(to, f.End)
		}
		if f.Complete > 0 && (complete == 0 || f.Complete < complete) {
			complete = f.Complete
		}
		for _, id := range f.EventIDs {
			if !ids[id] && len(a.EventIDs) < maxEventIDs {
				ids[id] = true
				a.EventIDs = append(a.EventIDs, id)
			}
		}
	}
	a.Window = Window{at(from), at(to)}
	a.DataCompleteTo = at(cmp.Or(complete, lead.Time))
	if a.Severity = severity(a.Rate, stake); a.Health {
		a.Severity = min(Severity(stake), Medium)
	}
	a.Title, a.Reason = title(lead, list), reason(lead, list)
	return a
}

// Of is the alert of one finding about the data, as it is: for what no detector sees.
func Of(f *finding.Finding) Alert {
	a := build(f.Revision, []*finding.Finding{f})
	a.Case = a.ID
	return a
}

const maxEventIDs = 60

// expose adds an exposure, or the end of one that is known. If several ends are
// told, the first is right.
func (a *Alert) expose(x finding.Exposure) {
	open := Exposure{What: x.What, Opened: at(x.Opened)}
	i := slices.IndexFunc(a.Exposures, func(h Exposure) bool { return h.What == open.What && h.Opened.Equal(open.Opened) })
	if i < 0 {
		i = len(a.Exposures)
		a.Exposures = append(a.Exposures, open)
	}
	if x.Closed == 0 {
		return
	}
	if closed := at(x.Closed); a.Exposures[i].Closed == nil || closed.Before(*a.Exposures[i].Closed) {
		a.Exposures[i].Closed, a.Exposures[i].By = &closed, x.By
	}
}

func at(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// raised is the moment at which an alert is raised that rests on an event of a
// time. Most vendors state whole seconds and mean some moment within: the alert
// comes at the end of the second, so that it never precedes what it rests on.
func raised(ms int64) time.Time { return at((ms/1000 + 1) * 1000) }

// merge adds what is not there yet.
func merge(list, more []string) []string {
	for _, m := range more {
		if !slices.Contains(list, m) {
			list = append(list, m)
		}
	}
	return list
}

func title(lead *finding.Finding, list []*finding.Finding) string {
	t := lead.Title
	for _, f := range list {
		if f.Qualifier != "" {
			t += " " + f.Qualifier
		}
	}
	return t
}

// reason joins what the detectors say into a sentence, the strongest first. What
// contributes little is left to the evidence.
func reason(lead *finding.Finding, list []*finding.Finding) string {
	said := map[string]bool{lead.Detector: true}
	s := lead.Reason
	if s == "" {
		first, size := utf8.DecodeRuneInString(lead.Title)
		s = string(unicode.ToLower(first)) + lead.Title[size:]
	}
	for _, f := range list {
		if said[f.Detector] || f.Reason == "" || f.Points < .2*lead.Points || f.Qualifier != "" {
			continue
		}
		said[f.Detector] = true
		s += "; also " + f.Reason
	}
	if len(lead.Context) > 0 {
		s += "; " + strings.Join(lead.Context, "; ")
	}
	return s
}

// Rank orders alerts for reading: the highest score first, the health of the
// data at the end.
func Rank(list []Alert) {
	slices.SortFunc(list, func(a, b Alert) int {
		return cmp.Or(-cmp.Compare(a.Score, b.Score), a.Time.Compare(b.Time), cmp.Compare(a.ID, b.ID))
	})
}

// caseGap is how long a series of alerts about one person may pause.
const caseGap = 4 * 24 * time.Hour

// longestWindow is more than the window of an alert lasts: one that is held may begin so long
// before the time up to which alerts are not held any more.
const longestWindow = 7 * 24 * time.Hour

// series groups alerts about one person that follow one another into cases: each
// is given the id of the first. Only earlier alerts decide to which case one
// belongs: of those that are not held any more, before has the last one of each
// user. Alerts below low are cases of their own.
func series(list []Alert, before map[string]tail) {
	order := make([]int, len(list))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		return cmp.Or(cmp.Compare(list[i].User, list[j].User), list[i].Time.Compare(list[j].Time), cmp.Compare(list[i].ID, list[j].ID))
	})
	last := -1
	for _, i := range order {
		a := &list[i]
		a.Case = a.ID
		if a.Severity == Informational || a.Health {
			continue
		}
		if t, known := before[a.User]; known && (last < 0 || list[last].User != a.User) {
			if !a.Time.After(t.Time) { // older than what is known of the series: it was in it
				a.Case = t.Cases[a.ID]
				if a.Case == "" {
					a.Case = a.ID
				}
				continue
			}
			if a.Window.Start.Sub(t.Time) <= caseGap {
				a.Case = t.Case
			}
		} else if last >= 0 && list[last].User == a.User && a.Window.Start.Sub(list[last].Time) <= caseGap {
			a.Case = list[last].Case
		}
		last = i
	}
}

// tail is the last alert of a series about one person that a desk has let go of.
type tail struct {
	Time  time.Time
	Case  string
	Cases map[string]string `json:",omitempty"` // of older alerts that it has not, by id
}

// Desk collects findings into alerts. It is not safe for concurrent use.
type Desk struct {
	open map[string]*building
	done []Alert         // from earlier runs; no finding will change them
	tail map[string]tail // by user

	complete int64                      // up to when the data goes, Unix milliseconds
	users    map[string]map[string]bool // episodes of open alerts, by user
	changed  map[string]bool            // users about whom something may be new
	ends     map[int64][]string         // users of provisional alerts, by the end of their day
}

// building is an alert in the making: the findings of its highest risk so far.
type building struct {
	Revision int
	Findings []*finding.Finding
	Undone   []finding.Exposure // told after the findings

	made *Alert // of what is above; nil if that has changed
	said *Alert // what Updates returned last
	base *Alert // of what it was made
}

// NewDesk returns an empty desk.
func NewDesk() *Desk {
	return &Desk{open: map[string]*building{}, users: map[string]map[string]bool{}, changed: map[string]bool{}, ends: map[int64][]string{}}
}

// index notes whose an open alert is, by a finding of it.
func (d *Desk) index(f *finding.Finding) {
	if d.users[f.Person] == nil {
		d.users[f.Person] = map[string]bool{}
	}
	d.users[f.Person][f.Episode] = true
	d.changed[f.Person] = true
	if f.Until > d.complete {
		d.ends[f.Until] = append(d.ends[f.Until], f.Person)
	}
}

// drop forgets an open alert.
func (d *Desk) drop(episode string) {
	user := d.open[episode].Findings[0].Person
	delete(d.open, episode)
	if delete(d.users[user], episode); len(d.users[user]) == 0 {
		delete(d.users, user)
	}
}

// Complete tells up to when the data goes (Unix milliseconds): alerts on days that
// end later are provisional. It does not go back.
func (d *Desk) Complete(at int64) { d.complete = max(d.complete, at) }

// Add takes in a finding. The findings of one moment form a revision; one with a
// higher risk replaces those before.
func (d *Desk) Add(f *finding.Finding) {
	b := d.open[f.Episode]
	if f.Risk == 0 && !f.Health {
		d.undone(f, b)
		return
	}
	if b == nil {
		b = &building{}
		d.open[f.Episode] = b
		d.index(f)
	}
	b.made = nil
	d.changed[f.Person] = true
	if len(b.Findings) > 0 {
		switch held := b.Findings[0]; {
		case f.Risk < held.Risk, f.Risk == held.Risk && f.Time < held.Time:
			return
		case f.Risk > held.Risk || f.Time > held.Time:
			b.Findings = b.Findings[:0]
		}
	}
	if len(b.Findings) == 0 {
		b.Revision++
	}
	for i := range b.Findings {
		if b.Findings[i].ID == f.ID {
			b.Findings[i] = f
			return
		}
	}
	b.Findings = append(b.Findings, f)
}

// undone notes that exposures of an alert are over. Of those that nobody was told
// about there is nothing to say.
func (d *Desk) undone(f *finding.Finding, b *building) {
	if b != nil {
		b.Undone = append(b.Undone, f.Exposures...)
		b.made = nil
		d.changed[b.Findings[0].Person] = true
		return
	}
	for i := range d.done {
		if a := &d.done[i]; a.ID == f.Episode {
			for _, x := range f.Exposures {
				a.expose(x)
			}
		}
	}
}

// Alerts returns all alerts, ranked.
func (d *Desk) Alerts() []Alert {
	list := append(make([]Alert, 0, len(d.done)+len(d.open)), d.done...)
	for _, b := range d.open {
		list = append(list, *d.alert(b))
	}
	series(list, d.tail)
	Rank(list)
	return list
}

// alert makes an alert of what belongs together, unless it is made already.
func (d *Desk) alert(b *building) *Alert {
	if b.made == nil {
		a := build(b.Revision, slices.Clone(b.Findings))
		for _, x := range b.Undone {
			a.expose(x)
		}
		b.made = &a
	}
	b.made.Provisional = b.Findings[0].Until > d.complete && d.complete > 0
	return b.made
}

// Updates returns the alerts that are not as they were when it was called last,
// ranked.
func (d *Desk) Updates() (list []Alert) {
	for end, users := range d.ends {
		if end > d.complete {
			continue
		}
		for _, u := range users {
			d.changed[u] = true
		}
		delete(d.ends, end)
	}
	var all []Alert
	for user := range d.changed {
		for id := range d.users[user] {
			all = append(all, *d.alert(d.open[id]))
		}
	}
	for _, a := range d.done {
		if d.changed[a.User] {
			all = append(all, a)
		}
	}
	clear(d.changed)
	series(all, d.tail)
	Rank(all)
	for _, a := range all {
		b := d.open[a.ID]
		if b == nil {
			continue
		}
		if s := b.said; s != nil && b.made == b.base && s.Provisional == a.Provisional && s.Case == a.Case {
			continue
		}
		b.said, b.base = &a, b.made
		list = append(list, a)
	}
	return list
}

// Holds says whether the desk may still change the alert of an id.
func (d *Desk) Holds(id string) bool { return d.open[id] != nil }

// kept is what Keep gives.
type kept struct {
	Open map[string]*building
	Tail map[string]tail
}

// Keep is what a desk holds that later findings may change, for RestoreDesk: not the
// alerts that Forget would drop.
func (d *Desk) Keep(before int64) ([]byte, error) {
	c := Desk{open: maps.Clone(d.open), tail: d.tail, complete: d.complete} // whose they are is not asked of it
	c.Forget(before)
	return json.Marshal(kept{c.open, c.tail})
}

// RestoreDesk returns a desk with what Keep gave.
func RestoreDesk(b []byte) (*Desk, error) {
	var k kept
	if err := json.Unmarshal(b, &k); err != nil {
		return nil, fmt.Errorf("alert: desk: %w", err)
	}
	d := NewDesk()
	if err := sound(k.Open); err != nil {
		return nil, err
	}
	if k.Open != nil {
		d.open = k.Open
	}
	qualify(d.open)
	d.tail = k.Tail
	d.reindex()
	return d, nil
}

// sound is an error if what was read of open alerts is not what a desk keeps.
func sound(open map[string]*building) error {
	for id, b := range open {
		if b == nil || len(b.Findings) == 0 {
			return fmt.Errorf("alert: desk: damaged: the alert %.40q has no finding", id)
		}
		for _, f := range b.Findings {
			if f == nil || f.Episode != id || f.Person != b.Findings[0].Person {
				return fmt.Errorf("alert: desk: damaged: the alert %.40q has a finding of another", id)
			}
		}
	}
	return nil
}

// qualify gives findings that were stored before there were qualifiers the only one that there
// was then.
func qualify(open map[string]*building) {
	for _, b := range open {
		for _, f := range b.Findings {
			if f.Detector == "leaver_takeout" && f.Qualifier == "" {
				f.Qualifier = "before leaving"
			}
		}
	}
}

// MergeDesks puts together what Keep gave of desks, each with the people for whom keep
// holds: what is about nobody has an empty user.
func MergeDesks(desks [][]byte, keep func(desk int, user string) bool) ([]byte, error) {
	all := kept{map[string]*building{}, map[string]tail{}}
	for i, b := range desks {
		var k kept
		if err := json.Unmarshal(b, &k); err != nil {
			return nil, fmt.Errorf("alert: desk: %w", err)
		}
		if err := sound(k.Open); err != nil {
			return nil, err
		}
		for id, b := range k.Open {
			if keep(i, b.Findings[0].Person) {
				all.Open[id] = b
			}
		}
		for user, t := range k.Tail {
			if keep(i, user) {
				all.Tail[user] = t
			}
		}
	}
	return json.Marshal(all)
}

// reindex notes whose all open alerts are.
func (d *Desk) reindex() {
	for _, b := range d.open {
		d.index(b.Findings[0])
	}
}

// Forget drops alerts on days before a moment (Unix milliseconds) of which nothing
// is open any more: nothing will change them. It remembers to which series later
// ones belong.
func (d *Desk) Forget(before int64) {
	limit := at(before)
	var held []Alert
	tails := map[string]tail{}
	for user, t := range d.tail {
		if limit.Sub(t.Time) <= caseGap+longestWindow || len(t.Cases) > 0 {
			t.Cases = nil
			tails[user] = t
		}
	}
	for _, a := range d.Alerts() {
		b := d.open[a.ID]
		if b == nil || b.Findings[0].Time >= before {
			continue
		}
		if slices.ContainsFunc(a.Exposures, func(x Exposure) bool { return x.Closed == nil }) {
			held = append(held, a)
		} else {
			d.drop(a.ID)
		}
		if t := tails[a.User]; a.Severity != Informational && !a.Health && a.Time.After(t.Time) {
			tails[a.User] = tail{Time: a.Time, Case: a.Case}
		}
	}
	for _, a := range held {
		t := tails[a.User]
		if t.Cases == nil {
			t.Cases = map[string]string{}
		}
		t.Cases[a.ID] = a.Case
		tails[a.User] = t
	}
	d.tail = tails
	for user := range d.users { // series are told apart by other means now
		d.changed[user] = true
	}
}

// Snapshot is what a desk holds, at a moment, that later findings may change:
// alerts on days that are not over.
func (d *Desk) Snapshot(at int64) ([]byte, error) {
	open := map[string]*building{}
	for id, b := range d.open {
		if b.Findings[0].Time >= at-dayMS {
			open[id] = b
		}
	}
	return json.Marshal(open)
}

const dayMS = 24 * 60 * 60 * 1000

// restore returns a desk with the state of a snapshot and alerts that are final.
func restore(snapshot []byte, done []Alert) (*Desk, error) {
	d := NewDesk()
	if err := json.Unmarshal(snapshot, &d.open); err != nil {
		return nil, fmt.Errorf("alert: snapshot: %w", err)
	}
	if err := sound(d.open); err != nil {
		return nil, err
	}
	if d.open == nil {
		d.open = map[string]*building{}
	}
	qualify(d.open)
	d.reindex()
	for _, a := range done {
		if d.open[a.ID] == nil {
			d.done = append(d.done, a)
		}
	}
	return d, nil
}

// NotJudged is the title of an alert about events that were not judged.
const NotJudged = "Events not judged"

// IsNotJudged reports whether the alert is about events that were not judged. Channels cannot
// mute it.
func (a *Alert) IsNotJudged() bool {
	return a.Health && a.Detector == "source_gap" && a.Title == NotJudged
}
