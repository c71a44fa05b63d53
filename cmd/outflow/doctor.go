package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/spf13/cobra"

	"github.com/outflow/outflow/cmd/outflow/internal/batch"
	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/detect/detectors"
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/ingest/all"
	"github.com/outflow/outflow/ingest/files"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/plain"
)

func newDoctor(stdout, stderr io.Writer) *cobra.Command {
	var out report
	var workers int
	cmd := &cobra.Command{
		Use:   "doctor PATH...",
		Short: "Say what each detector can see in exported logs, and what is missing",
		Long: `Doctor reads exported logs and says of every detector whether it is able to see
what it looks for, in every source that arrives or in some of them only, or blind;
and which licence, switch or export is missing. Nothing is judged or kept.

Exit status: 0 fine, 1 something could not be read, 2 wrong usage.`,
		Example: `  outflow doctor exports/
  outflow doctor --format json exports/ | jq '.detectors[] | select(.state != "able")'`,
		Args: usage(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, paths []string) error {
			if err := out.check(); err != nil {
				return err
			}
			progress := batch.NewProgress(stderr)
			d, err := examine(cmd.Context(), paths, workers, progress)
			progress.End()
			if err != nil {
				return err
			}
			if err := out.write(stdout, d, d.write); err != nil {
				return err
			}
			return d.verdict
		},
	}
	out.flag(cmd)
	cmd.Flags().IntVar(&workers, "workers", runtime.GOMAXPROCS(0), "files to decode at the same time")
	return cmd
}

// diagnosis is what a doctor says.
type diagnosis struct {
	Sources   []sourceDiagnosis   `json:"sources"`
	Detectors []detectorDiagnosis `json:"detectors"`
	Notes     []string            `json:"notes"`
	Usual     daysOfPeople        `json:"usual"`

	verdict error // of the exit status: too little could be read
}

type sourceDiagnosis struct {
	Source string    `json:"source"`
	Events int       `json:"events"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Days   int       `json:"days"`
	People int       `json:"person_days"` // days of accounts of people and of services, at most maxPersonDays
}

// daysOfPeople is how much there is to learn from what is usual.
type daysOfPeople struct {
	PersonDays int  `json:"person_days"` // there are at least, in the source that has most; at most maxPersonDays
	Needed     int  `json:"needed"`      // before counts are judged
	Judged     bool `json:"counts_judged"`
}

// maxPersonDays is up to how many days of people are counted: far more than are needed.
const maxPersonDays = 5000

// personDays counts the days of accounts in each source.
type personDays [32]map[uint64]struct{}

// add counts an event. What failed, and what nobody did, says nothing of what is usual.
func (p *personDays) add(e *event.Event) {
	if e.Source == event.HR || e.Actor.Account == "" || e.Class == event.Derived || len(p[e.Source]) >= maxPersonDays {
		return
	}
	if p[e.Source] == nil {
		p[e.Source] = map[uint64]struct{}{}
	}
	p[e.Source][xxhash.Sum64String(e.Actor.Account)^uint64(e.Time/event.Day)*0x9e3779b97f4a7c15] = struct{}{}
}

// merge adds what another has counted.
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

// The states of a detector, and of a detector in a source.
const (
	able   = "able"
	partly = "partly"
	blind  = "blind"
)

type detectorDiagnosis struct {
	Detector string   `json:"detector"`
	Title    string   `json:"title"`
	State    string   `json:"state"`
	Sees     []string `json:"sees"`             // sources in which what it needs arrives
	Missing  []string `json:"missing"`          // what is missing in sources that arrive
	Absent   []string `json:"absent,omitempty"` // sources it could use that do not arrive at all
}

// examine reads everything below the paths and says what can be seen in it.
func examine(ctx context.Context, paths []string, workers int, p *batch.Progress) (*diagnosis, error) {
	found, unreadable := files.Find(paths)
	if len(found) == 0 && len(unreadable) == 0 {
		return nil, fmt.Errorf("%s: no files", paths[0])
	}
	cov := batch.NewCoverage(workers, paths)
	seen, present, placed := make([][32][256]int, workers), make([]personDays, workers), make([]bool, workers)
	reader := files.Reader{Formats: all.Formats, Tables: all.Tables, Workers: workers, Progress: p.Reading(found), Emit: func(n int) func(*event.Event) error {
		count, mine, days := cov.Worker(n), &seen[n], &present[n]
		return func(e *event.Event) error {
			count(e)
			days.add(e)
			if e.Class == event.Person && e.Attr(event.AttrDepartment) != "" {
				placed[n] = true
			}
			mine[e.Source][e.Class]++
			if e.Object.Label != "" && e.Class != event.LabelChange {
				mine[e.Source][event.LabelChange]++
			}
			return nil
		}
	}}
	reports, err := reader.Read(ctx, found)
	if err != nil {
		return nil, err
	}
	cov.Add(unreadable)
	cov.Add(reports)
	cov.Sum()
	total := &seen[0]
	for i := range seen[1:] {
		for s := range total {
			for c := range total[s] {
				total[s][c] += seen[i+1][s][c]
			}
		}
	}
	for i := range present[1:] {
		present[0].merge(&present[i+1])
	}
	d := &diagnosis{Sources: []sourceDiagnosis{}, Notes: []string{}, verdict: failed(cov.Verdict())}
	d.sources(cov, &present[0])
	for _, det := range detectors.All {
		d.Detectors = append(d.Detectors, diagnose(det, total))
	}
	d.note(cov, total)
	if total[event.HR][event.Person] > 0 && !slices.Contains(placed, true) {
		d.Notes = append(d.Notes, "the people file names no departments: people are compared with those who use the same services, or with everybody")
	}
	return d, nil
}

func (d *diagnosis) sources(cov *batch.Coverage, present *personDays) {
	for _, s := range event.Sources() {
		c, known := cov.Sources[s.String()]
		if !known {
			continue
		}
		x := sourceDiagnosis{Source: s.String(), Events: c.Events, From: c.From, To: c.To}
		if !c.From.IsZero() {
			x.Days = int(c.To.UnixMilli()/event.Day-c.From.UnixMilli()/event.Day) + 1
		}
		x.People = min(len(present[s]), maxPersonDays)
		d.Usual.PersonDays = max(d.Usual.PersonDays, x.People)
		d.Sources = append(d.Sources, x)
	}
	d.Usual.Needed = engine.Enough
	d.Usual.Judged = d.Usual.PersonDays >= engine.Enough
}

func arrives(seen *[32][256]int, s event.Source, classes []event.Class) bool {
	for c, n := range seen[s] {
		if n > 0 && (classes == nil || slices.Contains(classes, event.Class(c))) {
			return true
		}
	}
	return false
}

func diagnose(det *detect.Detector, seen *[32][256]int) detectorDiagnosis {
	d := detectorDiagnosis{Detector: det.Name, Title: det.Title, State: able, Sees: []string{}, Missing: []string{}}
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
		d.State = blind
	case len(d.Missing) > 0:
		d.State = partly
	}
	return d
}

// wantedDays is for how long events should reach back: what is usual for a person
// is settled after about a month.
const wantedDays = 30

// note says what else is wrong with what arrives.
func (d *diagnosis) note(cov *batch.Coverage, seen *[32][256]int) {
	latest := time.Time{}
	for _, s := range d.Sources {
		if s.To.After(latest) {
			latest = s.To
		}
	}
	for _, s := range d.Sources {
		switch {
		case s.Days == 0:
		case s.Days < wantedDays:
			d.Notes = append(d.Notes, fmt.Sprintf("%s reaches back %d days: baselines are settled after about %d", s.Source, s.Days, wantedDays))
		case latest.Sub(s.To) > 48*time.Hour:
			d.Notes = append(d.Notes, fmt.Sprintf("%s ends on %s, %d days before the newest event: is its export still running?", s.Source, s.To.Format(time.DateOnly), int(latest.Sub(s.To)/(24*time.Hour))))
		}
	}
	d.noteUsual()
	if seen[event.HR][event.Person] == 0 {
		d.Notes = append(d.Notes, "no people file (people.csv): departments are unknown, so everybody is compared with everybody, and accounts are tied together by their addresses only")
	}
	if cov.Malformed > 0 {
		d.Notes = append(d.Notes, fmt.Sprintf("%s records are malformed: outflow scan names them", plain.Count(cov.Malformed)))
	}
	for _, u := range cov.Unreadable {
		d.Notes = append(d.Notes, fmt.Sprintf("%s could not be read, or not whole: %s", plain.Escape(u.File), plain.Escape(u.Reason)))
	}
	d.Notes = append(d.Notes, cov.Warnings()...)
	if n := len(cov.Unrecognised); n > 0 {
		d.Notes = append(d.Notes, fmt.Sprintf("%s files were not recognised: outflow scan names them", plain.Count(n)))
	}
}

// atMost writes how many days of people there are.
func atMost(n int) string {
	if n >= maxPersonDays {
		return "over " + plain.Count(maxPersonDays)
	}
	return plain.Count(n)
}

// noteUsual says how much there is to learn what is usual from, and what that means.
func (d *diagnosis) noteUsual() {
	u := &d.Usual
	days := 0
	for i := range d.Sources {
		days = max(days, d.Sources[i].Days)
	}
	switch {
	case u.PersonDays == 0:
		d.Notes = append(d.Notes, "there are no events of anybody: nothing can be judged")
	case !u.Judged:
		d.Notes = append(d.Notes, fmt.Sprintf("counts are not judged by what is usual here before %d days of people are known, and there are %d in the source with most of them: at this pace that takes about %d days more; until then facts are judged, and counts that hardly any day elsewhere reaches (%s)",
			u.Needed, u.PersonDays, (u.Needed-u.PersonDays)*max(days, 1)/u.PersonDays+1, strings.Join(batch.Counting(), ", ")))
	}
}

// write is the diagnosis for people: what is blind first.
func (d *diagnosis) write(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintln(&b, "Sources")
	for _, s := range d.Sources {
		fmt.Fprintf(&b, "  %-17s %10s", s.Source, plain.Count(s.Events))
		if s.Days > 0 {
			fmt.Fprintf(&b, "  %s to %s  %s days of accounts", s.From.Format(time.DateOnly), s.To.Format(time.DateOnly), atMost(s.People))
		}
		fmt.Fprintln(&b)
	}
	for _, state := range []string{blind, partly, able} {
		n := 0
		for _, x := range d.Detectors {
			if x.State == state {
				n++
			}
		}
		if n == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n%s: %d of %d detectors\n", strings.ToUpper(state[:1])+state[1:], n, len(d.Detectors))
		for _, x := range d.Detectors {
			if x.State != state {
				continue
			}
			fmt.Fprintf(&b, "  %s", x.Detector)
			if len(x.Sees) > 0 {
				fmt.Fprintf(&b, ": sees %s", strings.Join(x.Sees, ", "))
			}
			fmt.Fprintln(&b)
			for _, m := range x.Missing {
				fmt.Fprintf(&b, "      missing: %s\n", m)
			}
			if state == blind && len(x.Absent) > 0 {
				fmt.Fprintf(&b, "      would see %s\n", strings.Join(x.Absent, ", "))
			}
		}
	}
	if len(d.Notes) > 0 {
		fmt.Fprintln(&b, "\nNotes")
		for _, n := range d.Notes {
			fmt.Fprintf(&b, "  %s\n", n)
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}
