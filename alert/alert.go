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

// severityOf of a score by its rate, given the impact (finding.Impact): the
// most valuable things are one step more urgent than the score alone says.
func severityOf(rate float64, stake int) Severity {
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

// Alert is a notification about a person, or about the data. It is built from one revision of
// findings; later revisions keep the ID.
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
	// Exposures lists what was exposed or disabled, and when it was reverted. It is the only
	// part of an alert that may change long after Time.
	Exposures []Exposure `json:"exposures,omitempty"`
	// Withdrawn marks an alert that later events made obsolete.
	Withdrawn bool             `json:"withdrawn,omitempty"`
	Receipt   *finding.Receipt `json:"receipt,omitempty"` // what the score rests on; outflow explain computes it again
}

// Exposure is something that was exposed to outsiders, or disabled.
type Exposure struct {
	What   string     `json:"what"`
	Opened time.Time  `json:"opened"`
	Closed *time.Time `json:"closed,omitempty"` // when it was undone, if it was
	By     string     `json:"by,omitempty"`     // who undid it
}

// Evidence is one detector's contribution to an alert.
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

// build builds the alert of one revision of findings.
func build(revision int, list []*finding.Finding) Alert {
	slices.SortStableFunc(list, func(a, b *finding.Finding) int { // what contributes most comes first
		return cmp.Or(-cmp.Compare(a.Points, b.Points), cmp.Compare(a.Detector, b.Detector))
	})
	lead := list[0]
	for _, f := range list { // a finding without events of its own does not lead
		if f.Events > 0 {
			lead = f
			break
		}
	}

	a := Alert{
		ID:           lead.Episode,
		Revision:     revision,
		Time:         raisedAt(lead.Time),
		User:         lead.Person,
		Department:   lead.Department,
		Service:      lead.Service,
		Health:       lead.Health,
		Detector:     lead.Detector,
		Score:        lead.Risk,
		Rate:         lead.Rate,
		Observed:     lead.Observed,
		Expected:     lead.Expected,
		Peers:        lead.Peers,
		Unit:         lead.Unit,
		BaselineDays: lead.Days,
		Context:      lead.Context,
	}

	stake, from, to, complete := 0, lead.Start, lead.End, int64(0)
	ids := map[string]bool{}
	for _, f := range list {
		stake = max(stake, f.Impact)
		a.Detectors = append(a.Detectors, f.Detector)
		a.Evidence = append(a.Evidence, Evidence{
			f.Detector, f.Title, f.Points, f.Reason, f.Observed, f.Expected, f.Peers, f.Unit, f.Sources, f.Events,
			f.Repeats, f.Folders, nil,
		})
		if f.Receipt != nil {
			a.Receipt, a.KnownDays = f.Receipt, math.Round(f.Receipt.Known*10)/10
		}

		a.Sources = appendNew(a.Sources, f.Sources)
		a.Techniques = appendNew(a.Techniques, f.Techniques)
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
	if a.Severity = severityOf(a.Rate, stake); a.Health {
		a.Severity = min(Severity(stake), Medium)
	}
	a.Title, a.Reason = title(lead, list), reason(lead, list)
	return a
}

// FromFinding returns the alert of a single finding about the data that comes from no detector.
func FromFinding(f *finding.Finding) Alert {
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

// raisedAt is the moment at which an alert is raised that rests on an event of a
// time. Most vendors state whole seconds and mean some moment within: the alert
// comes at the end of the second, so that it never precedes what it rests on.
func raisedAt(ms int64) time.Time { return at((ms/1000 + 1) * 1000) }

// appendNew adds what is not there yet.
func appendNew(list, more []string) []string {
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

// reason joins the detectors' reasons into one sentence, the strongest first. Detectors that
// contribute little appear in the evidence only.
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

// TitleNotProcessed is the title of an alert about events that were not judged. No detector has
// it.
const TitleNotProcessed = "Events not judged"

// IsNotProcessed reports whether the alert is about events that were not judged. Channels cannot
// mute it.
func (a *Alert) IsNotProcessed() bool {
	return a.Health && a.Title == TitleNotProcessed
}
