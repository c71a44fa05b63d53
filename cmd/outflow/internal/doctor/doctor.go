// Package doctor reads exported logs and diagnoses what each detector can see in them, and which
// licence, switch or export is missing. It scores nothing and keeps nothing.
package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/outflow/outflow/cmd/outflow/internal/batch"
	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/detect/detectors"
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/all"
	"github.com/outflow/outflow/ingest/files"
	"github.com/outflow/outflow/internal/event"
)

// Diagnosis is what exported logs let the detectors see. It is written as JSON.
type Diagnosis struct {
	Sources   []source   `json:"sources"`   // that the logs are of
	Detectors []Detector `json:"detectors"` // all that there are, in their order
	Notes     []string   `json:"notes"`     // what else is missing or wrong
	Usual     history    `json:"usual"`     // how much there is to learn baselines from

	Unmapped map[string]map[string]int `json:"unmapped"` // by source: operations without a meaning to Outflow
	Unjudged map[string]map[string]int `json:"unjudged"` // by source: operations that have one, but no detector judges

	// Verdict is the error of logs of which too little could be read; nil otherwise.
	Verdict error `json:"-"`
}

// source is what arrived of one vendor.
type source struct {
	Source     string    `json:"source"`
	Events     int       `json:"events"`
	From       time.Time `json:"from"` // zero if no event has a time
	To         time.Time `json:"to"`
	Days       int       `json:"days"`        // from the first day to the last
	PersonDays int       `json:"person_days"` // days of accounts of people and of services, at most maxPersonDays
}

// history is how much there is to learn baselines from.
type history struct {
	PersonDays int  `json:"person_days"`   // at least, in the source that has most; at most maxPersonDays
	Needed     int  `json:"needed"`        // before counts are scored
	Enough     bool `json:"counts_judged"` // whether counts are scored
}

// maxPersonDays is up to how many days of people are counted: far more than are needed.
const maxPersonDays = 5000

// The states of a detector.
const (
	Able   = "able"
	Partly = "partly"
	Blind  = "blind"
)

// Detector is what one detector can see.
type Detector struct {
	Detector string   `json:"detector"`         // its name
	Title    string   `json:"title"`            // its name for people
	State    string   `json:"state"`            // able, partly or blind
	Sees     []string `json:"sees"`             // sources in which what it needs arrives
	Missing  []string `json:"missing"`          // what is missing in sources that arrive
	Absent   []string `json:"absent,omitempty"` // sources it could use that do not arrive at all
}

// personDays holds the days of accounts in each source, as hashes.
type personDays [32]map[uint64]struct{}

// add counts an event. Derived events and events without an actor are no basis for a baseline.
func (p *personDays) add(e *event.Event) {
	if e.Source == event.HR || e.Actor.Account == "" || e.Class == event.Derived || len(p[e.Source]) >= maxPersonDays {
		return
	}
	if p[e.Source] == nil {
		p[e.Source] = map[uint64]struct{}{}
	}
	p[e.Source][xxhash.Sum64String(e.Actor.Account)^uint64(e.Time/event.Day)*0x9e3779b97f4a7c15] = struct{}{}
}

// merge adds what another worker has counted.
func (p *personDays) merge(other *personDays) {
	for s, days := range other {
		if p[s] == nil {
			p[s] = days
			continue
		}
		for k := range days {
			p[s][k] = struct{}{}
		}
	}
}

// classCounts counts events by source and class. Events about labelled objects count as
// LabelChange, too: they show that labels arrive.
type classCounts [32][256]int

// tally is what one worker, or all of them together, counted.
type tally struct {
	classes     classCounts
	days        personDays
	departments bool // whether a record of HR names a department
	unjudged    map[operation]*int
}

// operation is what a source calls an action.
type operation struct {
	source event.Source
	name   string
}

// maxOperations bounds the operations that are listed.
const maxOperations = 10_000

func (t *tally) add(e *event.Event) {
	t.days.add(e)
	if e.Class == event.Person && e.Attr(event.AttrDepartment) != "" {
		t.departments = true
	}
	t.classes[e.Source][e.Class]++
	if e.Class != event.Other && !detectors.Judged(e) {
		t.miss(e)
	}
	if e.Object.Label != "" && e.Class != event.LabelChange {
		t.classes[e.Source][event.LabelChange]++
	}
}

// miss counts an operation that no detector judges.
func (t *tally) miss(e *event.Event) {
	if n := t.unjudged[operation{e.Source, e.Action}]; n != nil {
		*n++ // the key is not assigned again: the event's memory is not kept
		return
	}
	if t.unjudged == nil {
		t.unjudged = map[operation]*int{}
	}
	if len(t.unjudged) < maxOperations {
		one := 1
		t.unjudged[operation{e.Source, strings.Clone(e.Action)}] = &one
	}
}

func (t *tally) merge(other *tally) {
	for key, n := range other.unjudged {
		if t.unjudged == nil {
			t.unjudged = map[operation]*int{}
		}
		if mine := t.unjudged[key]; mine != nil {
			*mine += *n
		} else {
			t.unjudged[key] = n
		}
	}
	t.days.merge(&other.days)
	t.departments = t.departments || other.departments
	for s := range t.classes {
		for c := range t.classes[s] {
			t.classes[s][c] += other.classes[s][c]
		}
	}
}

// Logs are the logs to examine.
type Logs struct {
	Paths    []string        // folders and files; at least one
	Workers  int             // files that are decoded at the same time; at least 1
	Tables   []*ingest.Table // recognised tables, in order of preference
	Forms    ingest.Forms    // of times that do not say it themselves
	Progress *batch.Progress // nil for none
}

// Examine reads everything below the paths, and diagnoses what can be seen in it. It fails if there
// are no files, or ctx ends; what could not be read is in the diagnosis's Notes and Verdict.
func Examine(ctx context.Context, in Logs) (*Diagnosis, error) {
	found, unreadable := files.Find(in.Paths)
	if len(found) == 0 && len(unreadable) == 0 {
		return nil, fmt.Errorf("%s: no files", in.Paths[0])
	}

	cov := batch.NewCoverage(in.Workers, in.Paths)
	tallies := make([]tally, in.Workers)
	reader := files.Reader{
		Formats:  all.Formats,
		Tables:   in.Tables,
		Workers:  in.Workers,
		Forms:    in.Forms,
		Progress: in.Progress.Reading(found),
		Emit: func(n int) func(*event.Event) error {
			count, mine := cov.Worker(n), &tallies[n]
			return func(e *event.Event) error {
				count(e)
				mine.add(e)
				return nil
			}
		},
	}
	reports, err := reader.Read(ctx, found)
	if err != nil {
		return nil, err
	}
	cov.Add(unreadable)
	cov.Add(reports)
	cov.Sum()

	total := &tallies[0]
	for i := range tallies[1:] {
		total.merge(&tallies[i+1])
	}
	return diagnose(cov, total), nil
}

// diagnose puts together the diagnosis of what was counted.
func diagnose(cov *batch.Coverage, total *tally) *Diagnosis {
	d := &Diagnosis{
		Sources:  []source{},
		Notes:    []string{},
		Unmapped: cov.Unmapped,
		Unjudged: map[string]map[string]int{},
		Verdict:  cov.Verdict(),
	}
	for key, n := range total.unjudged {
		name := key.source.String()
		if d.Unjudged[name] == nil {
			d.Unjudged[name] = map[string]int{}
		}
		d.Unjudged[name][key.name] = *n
	}
	d.addSources(cov, &total.days)
	for _, det := range detectors.All {
		d.Detectors = append(d.Detectors, diagnoseDetector(det, &total.classes))
	}
	d.addNotes(cov, &total.classes)
	if total.classes[event.HR][event.Person] > 0 && !total.departments {
		d.Notes = append(d.Notes, "the people file names no departments: "+
			"people are compared with those who use the same services, or with everybody")
	}
	return d
}

func (d *Diagnosis) addSources(cov *batch.Coverage, days *personDays) {
	for _, s := range event.Sources() {
		c, known := cov.Sources[s.String()]
		if !known {
			continue
		}
		x := source{Source: s.String(), Events: c.Events, From: c.From, To: c.To}
		if !c.From.IsZero() {
			x.Days = int(c.To.UnixMilli()/event.Day-c.From.UnixMilli()/event.Day) + 1
		}
		x.PersonDays = min(len(days[s]), maxPersonDays)
		d.Usual.PersonDays = max(d.Usual.PersonDays, x.PersonDays)
		d.Sources = append(d.Sources, x)
	}
	d.Usual.Needed = engine.Enough
	d.Usual.Enough = d.Usual.PersonDays >= engine.Enough
}

// arrives reports whether events of a source, of one of some classes or of any if there are
// none, were read.
func arrives(seen *classCounts, s event.Source, classes []event.Class) bool {
	for c, n := range seen[s] {
		if n > 0 && (classes == nil || slices.Contains(classes, event.Class(c))) {
			return true
		}
	}
	return false
}

// diagnoseDetector compares what a detector needs with what arrives.
func diagnoseDetector(det *detect.Detector, seen *classCounts) Detector {
	d := Detector{
		Detector: det.Name,
		Title:    det.Title,
		State:    Able,
		Sees:     []string{},
		Missing:  []string{},
	}
	for _, c := range det.Needs {
		switch {
		case arrives(seen, c.Source, c.Classes):
			if name := c.Source.Title(); !slices.Contains(d.Sees, name) {
				d.Sees = append(d.Sees, name)
			}
		case c.Source == event.HR:
			d.Missing = append(d.Missing, c.Missing)
		case arrives(seen, c.Source, nil):
			d.Missing = append(d.Missing, c.Source.Title()+": "+c.Missing)
		default:
			d.Absent = append(d.Absent, c.Source.Title())
		}
	}

	switch {
	case det.Needs == nil:
	case len(d.Sees) == 0:
		d.State = Blind
	case len(d.Missing) > 0:
		d.State = Partly
	}
	return d
}

// Gap says what a detector needs that does not come: what sources that arrive lack, or which sources it would see.
func (d *Detector) Gap() string {
	if len(d.Missing) > 0 {
		return "needs " + d.Missing[0]
	}
	if n := len(d.Absent) - fewAbsent; n > 1 {
		return fmt.Sprintf("needs data of %s or %d more", strings.Join(d.Absent[:fewAbsent], ", "), n)
	}
	return "needs data of " + strings.Join(d.Absent, " or ")
}

// fewAbsent is how many sources Gap names.
const fewAbsent = 3

// DiagnoseClasses diagnoses what each detector can see where events of some classes arrive, by source.
func DiagnoseClasses(arrives func(event.Source, event.Class) bool) (list []Detector) {
	var seen classCounts
	for s := range seen {
		for c := range seen[s] {
			if arrives(event.Source(s), event.Class(c)) {
				seen[s][c] = 1
			}
		}
	}
	for _, det := range detectors.All {
		list = append(list, diagnoseDetector(det, &seen))
	}
	return list
}
