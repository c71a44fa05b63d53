package batch

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/files"
	"github.com/outflow/outflow/ingest/identity"
	"github.com/outflow/outflow/ingest/order"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/plain"
)

// Coverage is what was read and what was not.
type Coverage struct {
	Files        int                       `json:"files"`                 // that were read, or could not be
	Bytes        int64                     `json:"bytes"`                 // of them, as they are stored
	Records      int                       `json:"records"`               // that were decoded
	Formats      map[string]int            `json:"formats"`               // records by format
	Events       int                       `json:"events"`                // duplicates among them
	Duplicates   int                       `json:"duplicates"`            // events that were there already
	Conflicts    int                       `json:"conflicts"`             // of them, those with other content
	Late         int                       `json:"late"`                  // events older than what can still be processed
	Sources      map[string]sourceCoverage `json:"sources"`               // by name
	Unmapped     map[string]map[string]int `json:"unmapped"`              // by source: event names without a meaning to us
	Unlisted     int                       `json:"unmapped_unlisted"`     // events of further such names, of which there were too many
	Names        int64                     `json:"names_left_out"`        // that had only failed to sign in, and were too many to remember
	Guests       int64                     `json:"guest_events_left_out"` // of outsiders: too many of them were new
	People       int                       `json:"people"`                // who did something on the days that were scored
	Services     int                       `json:"service_accounts"`      // the same
	Malformed    int                       `json:"malformed"`             // all that is between records, or is one, and could not be read
	Oversized    int                       `json:"oversized"`             // of them, those longer than 4 MiB
	Envelopes    map[string]int            `json:"envelopes,omitempty"`   // decoded records that were in something else, by what it was
	Ambiguous    map[string]int            `json:"ambiguous,omitempty"`   // decoded records with a key of two values, by format
	Twins        map[string]int            `json:"twins,omitempty"`       // the same records by that key, whose value is unknown
	Undecoded    map[string]int            `json:"undecoded"`             // of them, those of a known format, by format
	Problems     []files.Problem           `json:"problems"`              // malformed records, not all if there are many
	Unrecognised []unread                  `json:"unrecognised"`          // files of other kinds
	Unreadable   []unread                  `json:"unreadable"`            // files that could not be read, or not whole
	Failed       int                       `json:"failed"`                // how many of those
	Paths        []*pathCoverage           `json:"paths"`                 // as they were given
	Usual        *usual                    `json:"usual,omitempty"`       // how much is known of what is usual, at the end

	workers []*tally
}

type sourceCoverage struct {
	Events     int       `json:"events"`
	Duplicates int       `json:"duplicates,omitempty"`
	From       time.Time `json:"from"`
	To         time.Time `json:"to"`
}

// pathCoverage is how much of what is at or below a path could be read.
type pathCoverage struct {
	Path       string  `json:"path"`
	Files      int     `json:"files"`
	Bytes      int64   `json:"bytes"`      // unpacked, as far as they could be
	Recognised float64 `json:"recognised"` // share of them, 0 to 1
	read       float64 // bytes
	known      bool    // there is something that is of a known kind
}

type unread struct {
	File   string `json:"file"`
	Reason string `json:"reason"`
}

// tally is what one worker has counted.
type tally struct {
	events   [32]int
	from, to [32]int64
	unmapped map[string]int // by source and name
	unlisted int            // events of further names
	late     int
	fresh    [32]int                      // events by source that had not come in an earlier run
	lags     [32]ingest.LatenessHistogram // of them, those older than the newest event there
	classes  [32][256]bool                // that came
}

// NewCoverage returns an empty coverage of the paths, for as many workers as read them.
func NewCoverage(workers int, paths []string) *Coverage {
	c := &Coverage{
		Formats:   map[string]int{},
		Undecoded: map[string]int{},
		Paths:     []*pathCoverage{},
		Sources:   map[string]sourceCoverage{},
		Unmapped:  map[string]map[string]int{},
		workers:   make([]*tally, workers),
	}
	for i := range c.workers {
		c.workers[i] = &tally{unmapped: map[string]int{}}
	}
	for _, p := range paths {
		if c.path(p) == nil {
			c.Paths = append(c.Paths, &pathCoverage{Path: p})
		}
	}
	return c
}

// maxUnmapped bounds the names that are kept: a hostile log could hold any
// number of them.
const maxUnmapped = 10_000

// Worker returns the function that counts the events of one worker.
func (c *Coverage) Worker(n int) func(*event.Event) {
	t := c.workers[n]
	var key []byte
	return func(e *event.Event) {
		s := e.Source
		t.events[s]++
		t.classes[s][e.Class] = true
		if e.Object.Label != "" {
			t.classes[s][event.LabelChange] = true // labels arrive
		}
		if e.Source == event.HR {
			return
		}
		if t.from[s] == 0 || e.Time < t.from[s] {
			t.from[s] = e.Time
		}
		t.to[s] = max(t.to[s], e.Time)
		if e.Class != event.Other {
			return
		}
		key = append(append(append(key[:0], s.String()...), 0), e.Action...)
		if n, known := t.unmapped[string(key)]; known || len(t.unmapped) < maxUnmapped {
			t.unmapped[string(key)] = n + 1
		} else {
			t.unlisted++
		}
	}
}

// Came reports whether there were events of a class of a source in this run.
func (c *Coverage) Came(s event.Source, class event.Class) bool {
	return slices.ContainsFunc(c.workers, func(t *tally) bool { return t.classes[s][class] })
}

func (c *Coverage) late(n int) { c.workers[n].late++ }

// arrived notes an event that had not come in an earlier run, and how much older
// it is than the newest event of its source was then (milliseconds; 0 if it is not).
func (c *Coverage) arrived(n int, src event.Source, lag int64) {
	t := c.workers[n]
	t.fresh[src]++
	t.lags[src].Add(lag)
}

// delivery is what came of a source in this run.
func (c *Coverage) delivery(src event.Source) engine.Delivery {
	d := engine.Delivery{Source: src}
	var lags ingest.LatenessHistogram
	for _, t := range c.workers {
		d.New += t.fresh[src]
		d.At = max(d.At, t.to[src])
		lags.Merge(&t.lags[src])
	}
	d.Late, d.Lag = lags.Count(), lags.P99(d.New)
	return d
}

// span is the times of the first and the latest event that were read, without
// those of HR; 0 if there was none.
func (c *Coverage) span() (first, latest int64) {
	for _, t := range c.workers {
		for s := range t.from {
			first, latest = earlier(first, t.from[s]), max(latest, t.to[s])
		}
	}
	return first, latest
}

// path is what is known of a path that was given, or nil.
func (c *Coverage) path(name string) *pathCoverage {
	for _, p := range c.Paths {
		if p.Path == name {
			return p
		}
	}
	return nil
}

// add takes in what reading a file gave. A file counts by what it holds unpacked, or by
// its own size if that is unknown.
func (p *pathCoverage) add(r *files.Report) {
	size, share := max(r.Size, r.Content), r.Recognised()
	p.Files++
	p.Bytes += size
	p.read += float64(size) * share
	p.known = p.known || share > 0
	if p.Bytes > 0 {
		p.Recognised = p.read / float64(p.Bytes)
	}
}

// Rename gives a file that was read under a temporary name the name that people know it by.
func (c *Coverage) Rename(old, name string) {
	if old == "" {
		return
	}
	rename := func(s *string) {
		if rest, ok := strings.CutPrefix(*s, old); ok {
			*s = name + rest
		}
	}
	for _, p := range c.Paths {
		rename(&p.Path)
	}
	for i := range c.Problems {
		rename(&c.Problems[i].File)
	}
	for _, list := range [][]unread{c.Unrecognised, c.Unreadable} {
		for i := range list {
			rename(&list[i].File)
		}
	}
}

// EnoughRecognised is the share of what was given from which on a scan is one of it.
const EnoughRecognised = 0.5

// Warnings say of which paths, and of which formats, nothing or too little could be
// read: what a scan says about them then is not worth much.
func (c *Coverage) Warnings() (list []string) {
	for _, p := range c.Paths {
		switch {
		case p.Files == 0:
			list = append(list, plain.Escape(p.Path)+": there are no files")
		case !p.known:
			list = append(list, plain.Escape(p.Path)+": nothing in it was recognised")
		case p.Recognised < EnoughRecognised:
			list = append(list, fmt.Sprintf("%s: only %.0f %% of it was recognised", plain.Escape(p.Path), 100*p.Recognised))
		}
	}
	for _, f := range slices.Sorted(maps.Keys(c.Undecoded)) {
		if bad, good := c.Undecoded[f], c.Formats[f]; bad > good {
			list = append(list, fmt.Sprintf("%s: only %s of %s could be read", f, plain.Count(good),
				plain.CountOf(good+bad, "record", "records")))
		}
	}
	return list
}

// Verdict is an error if something could not be read, or too little of it.
func (c *Coverage) Verdict() error {
	if c.Failed > 0 {
		return fmt.Errorf("%s could not be read, or not whole", plain.CountOf(c.Failed, "file", "files"))
	}
	switch w := c.Warnings(); len(w) {
	case 0:
		return nil
	case 1:
		return errors.New(w[0])
	default:
		return fmt.Errorf("%s (and %d more)", w[0], len(w)-1)
	}
}

// Add takes in what reading files gave.
func (c *Coverage) Add(reports []files.Report) {
	for i := range reports {
		r := &reports[i]
		c.Files++
		c.Bytes += r.Size
		c.Records += r.Records
		c.Malformed += r.ProblemCount
		c.Oversized += r.Oversized
		c.Problems = append(c.Problems, r.Problems...)
		for f, n := range r.Formats {
			c.Formats[f] += n
		}
		addTo(&c.Envelopes, r.Envelopes)
		addTo(&c.Ambiguous, r.Ambiguous)
		addTo(&c.Twins, r.Twins)
		for f, n := range r.Undecoded {
			c.Undecoded[f] += n
		}
		for _, root := range r.Roots {
			if p := c.path(root); p != nil {
				p.add(r)
			}
		}
		switch {
		case r.Failed:
			c.Unreadable = append(c.Unreadable, unread{r.Path, r.Reason})
			c.Failed++
		case r.Reason != "":
			c.Unrecognised = append(c.Unrecognised, unread{r.Path, r.Reason})
		}
	}
}

// addTo adds counts to a sum, which may be nil.
func addTo(sum *map[string]int, counts map[string]int) {
	if *sum == nil && len(counts) > 0 {
		*sum = map[string]int{}
	}
	for name, n := range counts {
		(*sum)[name] += n
	}
}

// Sum adds up what the workers have counted.
func (c *Coverage) Sum() {
	for _, t := range c.workers {
		c.Late += t.late
		c.Unlisted += t.unlisted
		for s, n := range t.events {
			if n == 0 {
				continue
			}
			src := event.Source(s)
			sc := c.Sources[src.String()]
			sc.Events += n
			c.Events += n
			if from := time.UnixMilli(t.from[s]).UTC(); t.from[s] > 0 && (sc.From.IsZero() || from.Before(sc.From)) {
				sc.From = from
			}
			if to := time.UnixMilli(t.to[s]).UTC(); t.to[s] > 0 && to.After(sc.To) {
				sc.To = to
			}
			c.Sources[src.String()] = sc
		}
		for key, n := range t.unmapped {
			src, name, _ := strings.Cut(key, "\x00")
			if c.Unmapped[src] == nil {
				c.Unmapped[src] = map[string]int{}
			}
			c.Unmapped[src][name] += n
		}
	}
}

// leftOut takes in what was left out of names, by what had been before.
func (c *Coverage) leftOut(before, now identity.DroppedCounts) {
	c.Names, c.Guests = now.Names-before.Names, now.Guests-before.Guests
}

// dropped takes in what sorting dropped.
func (c *Coverage) dropped(stats order.Stats) {
	for src, n := range stats.Duplicates {
		sc := c.Sources[src.String()]
		sc.Duplicates = n
		c.Sources[src.String()] = sc
		c.Duplicates += n
	}
	for _, n := range stats.Conflicts {
		c.Conflicts += n
	}
}

// Write writes the coverage as indented JSON. The only error is one of w.
func (c *Coverage) Write(w io.Writer) error {
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// FewProblems is how many malformed records, files and warnings are printed, of each.
const FewProblems = 10

// fewNames is how many event names without a meaning are printed, of each source.
const fewNames = 12

// Print prints the summary as text. Errors of w are ignored.
func (c *Coverage) Print(w io.Writer) {
	c.printEvents(w)
	c.printLeftOut(w)
	c.printAmbiguous(w)
	c.printMalformed(w)
	printUnread(w, c.Unrecognised, "file was not recognised", "files were not recognised")
	printUnread(w, c.Unreadable, "file could not be read, or not whole", "files could not be read, or not whole")
	warnings := c.Warnings()
	for i, warning := range warnings {
		if i == FewProblems {
			more := plain.CountOf(len(warnings)-i, "more warning", "more warnings")
			fmt.Fprintf(w, "… %s (--coverage FILE has the figures)\n", more)
			break
		}
		fmt.Fprintf(w, "Warning: %s\n", warning)
	}
}

// printEvents prints how much was read, and the events of each source.
func (c *Coverage) printEvents(w io.Writer) {
	fmt.Fprintf(w, "Read %s, %s: %s", plain.CountOf(c.Files, "file", "files"),
		plain.CountOf(c.Records, "record", "records"), plain.CountOf(c.Events, "event", "events"))
	if c.People > 0 {
		fmt.Fprintf(w, " of %s", plain.CountOf(c.People, "person", "people"))
	}
	if c.Services > 0 {
		fmt.Fprintf(w, " and %s", plain.CountOf(c.Services, "service account", "service accounts"))
	}
	if c.Duplicates > 0 {
		fmt.Fprintf(w, ", %s", plain.CountOf(c.Duplicates, "duplicate", "duplicates"))
	}
	if c.Conflicts > 0 {
		fmt.Fprintf(w, " (%s with different content)", plain.Count(c.Conflicts))
	}
	fmt.Fprintln(w)
	for _, name := range slices.Sorted(maps.Keys(c.Sources)) {
		s := c.Sources[name]
		fmt.Fprintf(w, "  %-17s %10s", sourceTitle(name), plain.Count(s.Events))
		if !s.From.IsZero() {
			fmt.Fprintf(w, "  %s to %s", s.From.Format(time.DateOnly), s.To.Format(time.DateOnly))
		}
		fmt.Fprintln(w)
	}
}

// sourceTitle is the name of a source for people.
func sourceTitle(name string) string {
	if s := event.SourceNamed(name); s != event.NoSource {
		return s.Title()
	}
	return name
}

// printLeftOut prints the events and names that were read, and left out.
func (c *Coverage) printLeftOut(w io.Writer) {
	if c.Late > 0 {
		fmt.Fprintf(w, "%s more than %d days older than what an earlier run has read: it has scored them, or they are left out. "+
			"If there are new files of that time, scan everything into an empty --data folder\n",
			plain.CountOf(c.Late, "event is", "events are"), event.LateDays)
	}
	for _, line := range c.UnmappedTypes() {
		fmt.Fprintf(w, "Unmapped event types (stored, not scored): %s\n", line)
	}
	if c.Unlisted > 0 {
		fmt.Fprintf(w, "%s of unmapped types, too many to list\n", plain.CountOf(c.Unlisted, "more event is", "more events are"))
	}
	if c.Names > 0 {
		fmt.Fprintf(w, "%s that only failed to sign in could not be remembered: too many within a day\n",
			plain.CountOf(int(c.Names), "name", "names"))
	}
	if c.Guests > 0 {
		fmt.Fprintf(w, "%s not processed: too many of them were new on one day\n",
			plain.CountOf(int(c.Guests), "event of outsiders was", "events of outsiders were"))
	}
}

// UnmappedTypes lists the types of events that are stored and not scored, a line for each source.
func (c *Coverage) UnmappedTypes() (lines []string) {
	for _, name := range slices.Sorted(maps.Keys(c.Unmapped)) {
		lines = append(lines, sourceTitle(name)+": "+Names(c.Unmapped[name]))
	}
	return lines
}

// Unread lists what could not be read: files, and records that are malformed.
func (c *Coverage) Unread() (lines []string) {
	for _, list := range [][]unread{c.Unreadable, c.Unrecognised} {
		for _, u := range list {
			lines = append(lines, u.File+": "+u.Reason)
		}
	}
	for _, p := range c.Problems {
		lines = append(lines, p.String())
	}
	if more := c.Malformed - len(c.Problems); more > 0 {
		lines = append(lines, plain.CountOf(more, "further malformed record", "further malformed records"))
	}
	return append(lines, c.Warnings()...)
}

// printAmbiguous prints the records in which a key occurs twice.
func (c *Coverage) printAmbiguous(w io.Writer) {
	n := 0
	for _, records := range c.Ambiguous {
		n += records
	}
	if n > 0 {
		fmt.Fprintf(w, "In %s, a key occurs twice with different values: its value is unknown, the rest was read: %s\n",
			plain.CountOf(n, "record", "records"), Names(c.Twins))
	}
}

// printMalformed prints the first malformed records.
func (c *Coverage) printMalformed(w io.Writer) {
	if c.Malformed == 0 {
		return
	}
	fmt.Fprintf(w, "%s skipped", plain.CountOf(c.Malformed, "malformed record was", "malformed records were"))
	if c.Oversized > 0 {
		fmt.Fprintf(w, " (%s longer than 4 MiB)", plain.Count(c.Oversized))
	}
	fmt.Fprintln(w, ":")
	for i, p := range c.Problems {
		if i == FewProblems {
			fmt.Fprintf(w, "  … %s more (--coverage FILE lists them)\n", plain.Count(c.Malformed-i))
			break
		}
		fmt.Fprintf(w, "  %s\n", p)
	}
}

// printUnread prints the first of some files, below a line that says what happened to one, or to many.
func printUnread(w io.Writer, list []unread, one, many string) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(w, "%s:\n", plain.CountOf(len(list), one, many))
	for i, u := range list {
		if i == FewProblems {
			fmt.Fprintf(w, "  … %s more (--coverage FILE lists them)\n", plain.Count(len(list)-i))
			break
		}
		fmt.Fprintf(w, "  %s: %s\n", plain.Escape(u.File), plain.Escape(u.Reason))
	}
}

// Names lists names by how often they occur.
func Names(m map[string]int) string {
	list := slices.SortedFunc(maps.Keys(m), func(a, b string) int { return cmp.Or(-cmp.Compare(m[a], m[b]), cmp.Compare(a, b)) })
	var parts []string
	for i, n := range list {
		if i == fewNames {
			parts = append(parts, fmt.Sprintf("… %s", plain.CountOf(len(list)-i, "more name", "more names")))
			break
		}
		parts = append(parts, fmt.Sprintf("%s (%s)", plain.Escape(n), plain.Count(m[n])))
	}
	return strings.Join(parts, ", ")
}

// Days is how many days the events span.
func (c *Coverage) Days() int {
	first, latest := c.span()
	if latest == 0 {
		return 0
	}
	return int(latest/event.Day - first/event.Day + 1)
}
