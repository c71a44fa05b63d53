// Package alert builds alerts from findings and sends notifications. An alert groups the
// related findings on one person's day. Notifying does not affect scoring.
//
// It owns alerts.db (Store), and the formats in which alerts are written.
package alert

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/plain"
)

// Severity is the urgency of an alert.
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

// String returns the name: informational, low, medium, high or critical.
func (s Severity) String() string { return severityNames[min(max(int(s), 0), len(severityNames)-1)] }

// MarshalText implements encoding.TextMarshaler with the name.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler; see ParseSeverity.
func (s *Severity) UnmarshalText(b []byte) (err error) {
	*s, err = ParseSeverity(string(b))
	return err
}

// ParseSeverity returns the severity of a name, in any case. The error lists the names.
func ParseSeverity(name string) (Severity, error) {
	if i := slices.Index(severityNames[:], strings.ToLower(name)); i >= 0 {
		return Severity(i), nil
	}
	return 0, fmt.Errorf("%q is not a severity: %s", name, strings.Join(severityNames[:], ", "))
}

// The highest rate at which an alert has a severity. The rate is the number of false alerts per
// 1,000 user-days to expect in this organisation at the alert's score or above. A severity
// therefore means the same everywhere, whatever the scores are.
const (
	lowFrom      = 20.0
	mediumFrom   = 5.0
	highFrom     = 2.0
	criticalFrom = .5
)

// severityOf returns the severity of a rate. An alert of the highest impact (finding.Impact) is
// one step more urgent than its rate alone makes it.
func severityOf(rate float64, impact int) Severity {
	s := Informational
	for _, from := range [...]float64{lowFrom, mediumFrom, highFrom, criticalFrom} {
		if rate <= from {
			s++
		}
	}
	if impact >= 3 && s >= Medium && s < Critical {
		s++
	}
	return s
}

// Window is a period of time, both ends included.
type Window struct {
	Start time.Time `json:"start"` // the first event
	End   time.Time `json:"end"`   // the last event
}

// Alert is what Outflow reports about one person's day, or about the data. It is built from one
// revision of findings; later revisions keep the ID.
type Alert struct {
	ID         string    `json:"id"`                   // the episode of its findings, 16 hexadecimal digits
	Revision   int       `json:"revision"`             // from 1
	Case       string    `json:"case"`                 // ID of the first alert of a case; see assignCases
	Time       time.Time `json:"time"`                 // when the last event it rests on happened, rounded up to a second
	User       string    `json:"user"`                 // account of the person; empty if Health
	Department string    `json:"department,omitempty"` // of the person, from HR's files
	Service    bool      `json:"service,omitempty"`    // a service account, not a person
	Health     bool      `json:"health,omitempty"`     // about the data rather than a person: User is empty, Score 0
	Detector   string    `json:"detector"`             // the one that contributes most
	Detectors  []string  `json:"detectors"`            // all that contribute, Detector first
	Score      float64   `json:"score"`                // in points; comparable within one organisation
	Rate       float64   `json:"rate"`                 // false alerts per 1,000 user-days to expect at this score or above
	Severity   Severity  `json:"severity"`             // by Rate and Impact; see severityOf
	Impact     int       `json:"impact,omitempty"`     // from 0 (little, or not kept by an earlier version) to 3 (the most)
	Title      string    `json:"title"`                // what was done, in one short line; without a headline the name of Detector
	Reason     string    `json:"reason"`               // one sentence in plain words, without a full stop
	Context    []string  `json:"context"`              // what else is known of the person or the day
	// Facts are what a reader needs beside Title, at most finding.MaxFacts, the most telling first.
	Facts        []finding.Fact `json:"facts,omitempty"`
	Window       Window         `json:"window"`                // from the first event to the last
	Provisional  bool           `json:"provisional,omitempty"` // the day is not over in the data, so the alert may grow
	Observed     float64        `json:"observed"`              // of Detector, in Unit
	Expected     float64        `json:"expected"`              // on a usual day of the person, in Unit
	Peers        float64        `json:"peers"`                 // on a usual day of a colleague, in Unit
	Unit         string         `json:"unit"`                  // what Observed counts; empty if Detector counts nothing
	BaselineDays float64        `json:"baseline_days"`         // active days that Expected rests on; old days count less
	// Person-days of the organisation that the score rests on. Old ones count less.
	KnownDays      float64    `json:"known_days,omitempty"`
	Sources        []string   `json:"sources"`          // short names of the sources of the events
	Techniques     []string   `json:"techniques"`       // of MITRE ATT&CK, such as T1530
	EventIDs       []string   `json:"event_ids"`        // up to 60 of the events, the first and the last among them
	EventCount     int        `json:"event_count"`      // all events, once each as far as Items tell them apart
	DataCompleteTo time.Time  `json:"data_complete_to"` // up to when all its sources had delivered
	Evidence       []Evidence `json:"evidence"`         // by detector, the strongest first
	// Exposures lists what was exposed or disabled, and when it was reverted. It is the only
	// part of an alert, with Again, that may change long after Time.
	Exposures []Exposure `json:"exposures,omitempty"`
	// Again lists later days on which the person did the same. They raise no alert of their own. Like
	// Exposures, it may change long after Time.
	Again []Repetition `json:"again,omitempty"`
	// Lowered lists why later events, within a day, have lowered Score.
	Lowered []Lowering `json:"lowered,omitempty"`
	// Withdrawn marks an alert that later events made obsolete.
	Withdrawn bool             `json:"withdrawn,omitempty"`
	Receipt   *finding.Receipt `json:"receipt,omitempty"` // the figures that the score rests on, for outflow explain
	// Triage is what people have decided. Only notifications have it: the feed has decisions of its own.
	Triage *Triage `json:"triage,omitempty"`
}

// Exposure is something that was exposed to outsiders, or disabled.
type Exposure struct {
	What   string     `json:"what"`             // in plain words
	Opened time.Time  `json:"opened"`           // when it was exposed or disabled
	Closed *time.Time `json:"closed,omitempty"` // when that was reverted; nil if it is still open
	By     string     `json:"by,omitempty"`     // who reverted it; empty if that is not known
	// Detector is the one that reported it; empty in alerts that were stored before it was kept.
	Detector string `json:"detector,omitempty"`
}

// Repetition is a later day on which the person did what an alert is about.
type Repetition struct {
	Time   time.Time `json:"time"`   // of the last event of that day
	Events int       `json:"events"` // of that day
	Alert  string    `json:"alert"`  // ID of that day's alert, which has a lower score
}

// Lowering is a later event that explains an alert in part.
type Lowering struct {
	Time   time.Time `json:"time"`   // of the event
	From   float64   `json:"from"`   // score before, in points
	Reason string    `json:"reason"` // a clause in plain words
}

// Evidence is one detector's contribution to an alert.
type Evidence struct {
	Detector string   `json:"detector"`          // its name
	Title    string   `json:"title"`             // of the detector, for people
	Points   float64  `json:"points"`            // share of the score
	Reason   string   `json:"reason,omitempty"`  // in plain words; may be empty
	Observed float64  `json:"observed"`          // on this day, in Unit
	Expected float64  `json:"expected"`          // on a usual day of the person
	Peers    float64  `json:"peers"`             // on a usual day of a colleague
	Unit     string   `json:"unit,omitempty"`    // empty if the detector counts nothing
	Sources  []string `json:"sources,omitempty"` // short names of the sources of its events
	Events   int      `json:"events"`            // how many events it counted
	Repeats  int      `json:"repeats,omitempty"` // events about objects that were already counted
	Folders  int      `json:"folders,omitempty"` // objects that are folders of unknown size
	Window   *Window  `json:"window,omitempty"`  // when its events happened; nil if it has none
	// Items are the events it rests on, the most telling MaxItems of them, in the order of their time.
	Items []Item `json:"items,omitempty"`
	// Unlisted is how many of Events are not in Items.
	Unlisted int `json:"items_not_listed,omitempty"`
	// Destinations are who or what received something, the most frequent first.
	Destinations []Destination `json:"destinations,omitempty"`
}

// MaxItems is the most items of one detector's evidence.
const MaxItems = 200

// build builds the alert of one revision of findings.
func build(revision int, list []*finding.Finding) Alert {
	a, lead := frame(revision, list)
	a.Context = lead.Context
	a.Observed, a.Expected, a.Peers, a.Unit, a.BaselineDays = lead.Observed, lead.Expected, lead.Peers, lead.Unit, lead.Days

	complete, listed, room := int64(0), 0, maxItemBytes
	ids := map[string]bool{}
	for _, f := range list {
		a.Detectors = append(a.Detectors, f.Detector)
		a.Evidence = append(a.Evidence, Evidence{
			f.Detector, f.Title, f.Points, f.Reason, f.Observed, f.Expected, f.Peers, f.Unit, f.Sources, f.Events,
			f.Repeats, f.Folders, nil, nil, 0, nil,
		})
		shown := &a.Evidence[len(a.Evidence)-1]
		shown.addItems(f, min(MaxItems, maxAlertItems-listed), &room)
		listed += len(shown.Items)
		if f.Receipt != nil {
			a.KnownDays = math.Round(f.Receipt.Known*10) / 10
		}

		a.Sources = appendNew(a.Sources, f.Sources)
		a.Techniques = appendNew(a.Techniques, f.Techniques)
		a.EventCount += f.Events
		if f.Events > 0 {
			shown.Window = &Window{at(f.Start), at(f.End)}
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

	for i, own := range a.ownItems() {
		a.EventCount -= min(len(a.Evidence[i].Items)-len(own), a.Evidence[i].Events)
	}
	a.DataCompleteTo = at(cmp.Or(complete, lead.Time))
	a.Title, a.Reason = title(lead, list), reason(lead, list)
	a.Facts = facts(a.Title, lead, list)
	a.sayTakenBack()
	return a
}

// leading is the finding that gives an alert its title, of findings with the largest contribution
// first. It has events of its own; what was done comes before how somebody came in, unless it
// contributes little.
func leading(list []*finding.Finding) *finding.Finding {
	var lead *finding.Finding
	for _, f := range list {
		switch {
		case f.Events == 0:
		case lead == nil:
			lead = f
		case lead.Precursor && !f.Precursor && f.Points >= little*lead.Points:
			return f
		}
	}
	return cmp.Or(lead, list[0])
}

// little is the share of the leading finding's points below which another is not in the sentence.
const little = .2

// lapse is a length of time, in seconds if it is short.
func lapse(d time.Duration) string {
	if d < time.Minute {
		return plain.CountOf(int(math.Round(d.Seconds())), "second", "seconds")
	}
	return plain.Duration(d)
}

// FromFinding returns the alert of a single finding that does not come from a detector, such as
// one about the health of the data.
func FromFinding(f *finding.Finding) Alert {
	a := build(f.Revision, []*finding.Finding{f})
	a.Case = a.ID
	return a
}

// maxEventIDs is the most event ids that an alert lists.
const maxEventIDs = 60

// expose adds an exposure that a detector reports, or the end of a known one. Of several ends the earliest counts.
func (a *Alert) expose(x finding.Exposure, detector string) {
	open := Exposure{What: x.What, Opened: at(x.Opened), Detector: detector}
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

// repeat adds a later day on which the person did the same.
func (a *Alert) repeat(x finding.Again) {
	if !slices.ContainsFunc(a.Again, func(r Repetition) bool { return r.Alert == x.Alert }) && len(a.Again) < maxRepetitions {
		a.Again = append(a.Again, Repetition{at(x.At), x.Events, x.Alert})
	}
}

// maxRepetitions is the most later days that an alert lists.
const maxRepetitions = 60

// sayRepeated describes the later days on which the person did the same; "" if there are none.
func (a *Alert) sayRepeated() string {
	if len(a.Again) == 0 {
		return ""
	}
	events := 0
	for _, r := range a.Again {
		events += r.Events
	}
	return "Again on " + plain.CountOf(len(a.Again), "later day", "later days") + " until " +
		a.Again[len(a.Again)-1].Time.Format(time.DateOnly) + ", with " + plain.CountOf(events, "event", "events") + "."
}

// lower adds a later event that has lowered the score. One that is known already changes nothing.
func (a *Alert) lower(x *finding.Lowered) {
	by := Lowering{at(x.At), x.From, x.Reason}
	if x.Risk > a.Score || slices.Contains(a.Lowered, by) {
		return
	}
	if a.Impact == 0 && a.Severity > severityOf(a.Rate, 0) { // of an earlier version, which did not keep it
		a.Impact = 3
	}
	a.Lowered = append(a.Lowered, by)
	a.Score, a.Rate = x.Risk, x.Rate
	a.Severity = severityOf(a.Rate, a.Impact)
	a.Reason += fmt.Sprintf("; lowered from %.1f to %.1f, because they %s", x.From, x.Risk, x.Reason)
	if a.Receipt != nil {
		r := *a.Receipt
		r.Later = append(slices.Clone(r.Later), *x)
		a.Receipt = &r
	}
	a.Revision++
}

// amend adds what was reported after the findings of the alert.
func (a *Alert) amend(ended []finding.Exposure, again []finding.Again, lowered ...*finding.Lowered) {
	for _, x := range ended {
		a.expose(x, "")
	}
	a.sayTakenBack()
	for _, x := range again {
		a.repeat(x)
	}
	for _, x := range lowered {
		if x != nil {
			a.lower(x)
		}
	}
}

// soon is how long something was exposed at most if the reason of its alert says that it was taken back.
const soon = 24 * time.Hour

// sayTakenBack adds to what the alert says was exposed that it was taken back soon.
func (a *Alert) sayTakenBack() {
	for _, x := range a.Exposures {
		if x.Closed == nil || x.Closed.Sub(x.Opened) > soon {
			continue
		}
		const back = ", taken back after "
		add := func(s string) string {
			if strings.Contains(s, x.What+back) {
				return s
			}
			return strings.Replace(s, x.What, x.What+back+lapse(x.Closed.Sub(x.Opened)), 1)
		}
		a.Reason = add(a.Reason)
		for i := range a.Evidence {
			a.Evidence[i].Reason = add(a.Evidence[i].Reason)
		}
	}
}

// at converts Unix milliseconds.
func at(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// raisedAt returns when an alert is raised whose last event has a time (Unix milliseconds).
// Most vendors state whole seconds and mean some moment within: the alert is raised at the end
// of the second, so that it never precedes its events.
func raisedAt(ms int64) time.Time { return at((ms/1000 + 1) * 1000) }

// appendNew appends the elements of more that list does not have yet.
func appendNew(list, more []string) []string {
	for _, m := range more {
		if !slices.Contains(list, m) {
			list = append(list, m)
		}
	}
	return list
}

// title returns the leading finding's headline with the qualifiers of all findings.
func title(lead *finding.Finding, list []*finding.Finding) string {
	t := cmp.Or(lead.Headline, lead.Title)
	for _, f := range list {
		switch q := f.Qualifier; {
		case q == "":
		case lead.Headline == "" || strings.HasPrefix(q, "("):
			t += " " + q
		default:
			t += ", " + q
		}
	}
	return t
}

// facts returns what a reader needs beside the title: first what the leading finding has, then what others
// have that contribute, without what the title says.
func facts(title string, lead *finding.Finding, list []*finding.Finding) []finding.Fact {
	var all []finding.Fact
	add := func(kind finding.FactKind, text string) {
		if !strings.HasPrefix(strings.ToLower(title), strings.ToLower(text)) {
			all = append(all, finding.Fact{Kind: kind, Text: text})
		}
	}
	for _, x := range lead.Facts {
		if x.Kind == finding.FactBefore && lead.Precursor { // that itself is what the alert is about
			x.Kind = finding.FactUnusual
		}
		add(x.Kind, x.Text)
	}
	for _, f := range list {
		if f == lead || f.Points < little*lead.Points && f.Qualifier == "" {
			continue
		}
		other := f.Events > 0 && f.Headline != "" && !f.Precursor && !sameAct(f, lead)
		if other {
			add(finding.FactUnusual, "also "+uncapital(f.Headline))
		}
		for _, x := range f.Facts {
			if !other || x.Kind != finding.FactUnusual {
				add(x.Kind, x.Text)
			}
		}
	}
	return finding.Pick(all)
}

// sameAct reports whether two findings rest on the same events, as far as these are listed.
func sameAct(a, b *finding.Finding) bool {
	return slices.ContainsFunc(a.EventIDs, func(id string) bool { return slices.Contains(b.EventIDs, id) })
}

// uncapital writes the first letter of a text in lower case.
func uncapital(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToLower(first)) + s[size:]
}

// reason joins the detectors' reasons into one sentence, the strongest first. Detectors that
// contribute little appear in the evidence only.
func reason(lead *finding.Finding, list []*finding.Finding) string {
	mentioned := map[string]bool{lead.Detector: true}
	s := lead.Reason
	if s == "" {
		s = uncapital(lead.Title)
	}
	for _, f := range list {
		if mentioned[f.Detector] || f.Reason == "" || f.Points < little*lead.Points || f.Qualifier != "" {
			continue
		}
		mentioned[f.Detector] = true
		s += "; also " + f.Reason
	}
	if len(lead.Context) > 0 {
		s += "; " + strings.Join(lead.Context, "; ")
	}
	return s
}

// Rank sorts alerts for reading: the most severe first, and the highest score first within a severity; those
// about the data last.
func Rank(list []Alert) {
	slices.SortFunc(list, func(a, b Alert) int {
		x, y := a.draft(), b.draft()
		return x.compare(&y)
	})
}

// TitleNotProcessed is the title of the alert about events that were not scored. It comes from
// no detector.
const TitleNotProcessed = "Events not scored"

// IsNotProcessed reports whether the alert is about events that were not scored. Channels
// cannot mute it.
func (a *Alert) IsNotProcessed() bool {
	return a.Health && (a.Title == TitleNotProcessed || a.Title == "Events not judged") // its title in stored alerts
}
