// Package batch scans folders of exported audit logs: it reads everything, puts it in order and
// scores it in one pass, with or without a data directory that keeps state between scans.
package batch

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/triage"
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/all"
	"github.com/outflow/outflow/ingest/files"
	"github.com/outflow/outflow/ingest/identity"
	"github.com/outflow/outflow/ingest/order"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/spill"
)

const (
	sortMemory = 48 << 20 // bytes of events kept in memory for sorting; more goes to a temporary file
	logMemory  = 4 << 20  // bytes of a log that are unread at most
	batch      = 512      // records per read

	findingsMemory = 1 << 20 // bytes of findings of days that are over; more goes to a temporary file
)

// Input is what to scan, and how.
type Input struct {
	Paths    []string       // folders and files; at least one
	Data     string         // folder that keeps baselines and alerts between runs; "" for none
	Workers  int            // files that are decoded at the same time; at least 1
	Forms    ingest.Forms   // of times that do not say it themselves
	Config   *config.Config // complete; see config.Load
	Budget   float64        // false alerts per 1,000 user-days that are asked for; 0 for none
	Progress *Progress      // shows how far the scan is; nil for none
	KeepDays bool           // keep what people did on their days in Result.Days
}

// Result is what a scan has found.
type Result struct {
	Alerts   []alert.Draft      // of every score above zero, the most urgent first
	Coverage *Coverage          // what was read, and what could not be
	Covered  []engine.Covered   // by the exceptions of the configuration
	Matched  map[string]bool    // the organisation's own rules that match, by id
	Usual    usual              // how much is known of what is usual
	Budget   *alert.Budget      // set from the alerts; nil if none is asked for
	Kept     *alert.Kept        // how it was kept over the last weeks of the data; nil without
	Days     []finding.Activity // what people did on the days of this run; nil unless asked for
	Leavers  []finding.Leaver   // people of whom HR says that they leave
	First    time.Time          // time of the first event; zero if there is none
	Latest   time.Time          // time of the latest event; zero if there is none

	desk *alert.Correlator
}

// Build builds some of the alerts, with their evidence.
func (r *Result) Build(list []alert.Draft) ([]alert.Alert, error) { return r.desk.BuildAll(list) }

// Scan reads everything below the paths, puts it in order, and lets it flow:
// ingest → event log → detect → findings → alert.
func Scan(ctx context.Context, in Input) (*Result, error) {
	detection, err := in.Config.Detect()
	if err != nil {
		return nil, err
	}
	detection.TempDir = in.Data
	found, unreadable := files.Find(in.Paths)
	if len(found) == 0 && len(unreadable) == 0 {
		return nil, fmt.Errorf("%s: no files", in.Paths[0])
	}
	st, err := openState(ctx, in.Data, in.Config.DataDirShared)
	if err != nil {
		return nil, err
	}
	defer st.close()
	sorter := order.New(sortMemory, "")
	defer sorter.Close()

	if detection.Verdicts, err = st.verdicts(ctx); err != nil {
		return nil, err
	}
	before, err := st.load(ctx, sorter)
	if err != nil {
		return nil, err
	}
	before.desk.Locate(in.Config.Places)
	before.desk.KeepIn(spill.New(findingsMemory, in.Data)) // until the result is not used any more
	cov := NewCoverage(in.Workers, in.Paths)
	writers := make([]*order.Writer, in.Workers)
	reader := files.Reader{
		Formats:  all.Formats,
		Tables:   in.Config.AllTables(),
		Workers:  in.Workers,
		Latest:   time.Now().Add(ingest.MaxClockSkew),
		Progress: in.Progress.Reading(found),
		Inspect:  in.Config.RuleSet.Inspect(),
		Forms:    in.Forms,
		Emit: func(n int) func(*event.Event) error {
			writers[n] = sorter.Writer()
			return before.taker(cov, n, writers[n])
		},
	}
	reports, err := reader.Read(ctx, found)
	first, latest := cov.span()
	first, latest = earlier(first, before.earliest), max(latest, before.latest)
	notices := sorter.Writer()
	writers = append(writers, notices)
	for _, e := range aheadNotices(reports, latest) {
		if err == nil {
			err = notices.Add(e)
		}
	}
	for _, w := range writers {
		if w != nil && err == nil {
			err = w.Flush()
		}
	}
	writers = nil // with the memory of a run each
	if err != nil {
		return nil, err
	}
	cov.Add(unreadable)
	cov.Add(reports)

	flow := &flow{
		ctx:      ctx,
		state:    st,
		before:   before,
		sorter:   sorter,
		resolver: before.resolver,
		progress: in.Progress,
		coverage: cov,
		config:   detection,
		first:    first,
		latest:   latest,
		keep:     in.Budget > 0 && st == nil || in.KeepDays,
		kept:     newKeptDays(in.Data),
		actors:   map[string]bool{},
	}
	defer flow.kept.file.Close()
	return flow.finish(&in)
}

// finish scores the sorted events, and returns what comes of them.
func (f *flow) finish(in *Input) (*Result, error) {
	f.resolver.Configure(in.Config.Identity())
	list, err := f.run()
	if err != nil {
		return nil, err
	}
	return f.result(list, in.Budget)
}

// result is what the scan has found, with a budget if one is asked for.
func (f *flow) result(list []alert.Draft, budget float64) (*Result, error) {
	res := &Result{
		Alerts: list, Coverage: f.coverage, Covered: f.covered, Matched: f.matched,
		Usual: newUsual(f.known, float64(f.latest-f.first)/float64(event.Day)),
		Days:  f.days, Leavers: f.leavers, First: event.Instant(f.first), Latest: event.Instant(f.latest),
		desk: f.before.desk,
	}
	for _, service := range f.actors {
		if service {
			f.coverage.Services++
		} else {
			f.coverage.People++
		}
	}
	return res, f.setBudget(res, budget)
}

// setBudget sets the budget from the alerts of this run, and of those before it.
func (f *flow) setBudget(res *Result, asked float64) (err error) {
	if asked <= 0 {
		return nil
	}
	if f.state != nil {
		res.Budget, err = triage.Budget(f.ctx, asked, f.state.dir, f.state.alerts, time.Time{})
		if err != nil {
			return err
		}
	} else {
		s := &alert.Stream{}
		for i := range res.Alerts {
			s.Add(&res.Alerts[i])
		}
		for i := range f.days {
			if a := &f.days[i]; !a.Service {
				if day, err := time.Parse(time.DateOnly, a.Date()); err == nil {
					s.Active(day.Unix()/86400, a.Department, 1)
				}
			}
		}
		res.Budget = alert.NewBudget(asked, s)
	}
	res.Kept = res.Budget.Kept(time.UnixMilli(f.latest))
	return nil
}

// taker returns the function that takes the events of a worker: it counts them, and gives those that
// earlier runs have not processed to w.
func (c *checkpoint) taker(cov *Coverage, worker int, w *order.Writer) func(*event.Event) error {
	count := cov.Worker(worker)
	return func(e *event.Event) error {
		if count(e); e.Time < c.at && e.Source != event.HR {
			cov.late(worker)
			return nil
		}
		if known := c.newest[e.Source]; known > 0 {
			if _, again := slices.BinarySearch(c.keys, e.Key); !again {
				cov.arrived(worker, e.Source, known-e.Time)
			}
		}
		return w.Add(e)
	}
}

// aheadNotices are events about the records that are dated too far ahead, by source; they stand at
// the time of the latest event that is not, or now.
func aheadNotices(reports []files.Report, latest int64) (list []*event.Event) {
	of := map[event.Source]files.Ahead{}
	for i := range reports {
		for source, n := range reports[i].Ahead {
			sum := of[source]
			if sum.Records += n.Records; n.Latest.After(sum.Latest) {
				sum.Latest = n.Latest
			}
			of[source] = sum
		}
	}
	for _, source := range slices.Sorted(maps.Keys(of)) {
		list = append(list, ingest.AheadNotice(source, "", of[source].Records, of[source].Latest, cmp.Or(latest, time.Now().UnixMilli())))
	}
	return list
}

// flow is a scan once everything is read.
type flow struct {
	ctx      context.Context
	state    *state
	before   *checkpoint
	sorter   *order.Sorter
	resolver *identity.Resolver
	progress *Progress
	coverage *Coverage
	config   engine.Config
	first    int64 // times of the first and the latest event; HR's do not count
	latest   int64
	keep     bool            // keep days as the result
	kept     *keptDays       // to be stored, if there is a state
	actors   map[string]bool // accounts with a day; true for service accounts

	at       int64 // of the new checkpoint; 0 if nothing is kept
	aliases  []byte
	baseline *engine.Snapshot
	desk     []byte
	days     []finding.Activity
	leavers  []finding.Leaver
	taken    bool // the baseline was taken in this run
	covered  []engine.Covered
	matched  map[string]bool
	known    engine.Knowledge
}

// run lets the events flow through the rooms, and keeps what is to be kept.
func (f *flow) run() ([]alert.Draft, error) {
	events, findings := eventlog.NewMemory(1, logMemory), make(chan found, batch)
	if f.state != nil {
		f.at = max((f.latest-event.LateDays*event.Day)/event.Day*event.Day, f.before.at)
		if f.before.baseline == nil && f.first/event.Hour >= f.at/event.Hour {
			f.at = f.before.at // nothing comes before it
		}
		if err := f.state.begin(f.ctx); err != nil {
			return nil, err
		}
	}
	g, ctx := errgroup.WithContext(f.ctx)
	g.Go(func() error { defer events.Close(); return f.ingest(ctx, events) })
	g.Go(func() error { defer close(findings); return f.detect(ctx, events, findings) })
	desk := f.before.desk
	g.Go(func() error { return f.alert(findings, desk) })
	if err := g.Wait(); err != nil {
		return nil, err
	}
	desk.AdvanceWatermark(f.latest)
	list, err := desk.Drafts()
	if err != nil {
		return nil, err
	}
	if f.state != nil {
		if !f.taken { // no new checkpoint: the one before stays
			f.at, f.aliases, f.baseline, f.desk = f.before.at, f.before.aliases, f.before.baseline, f.before.snapshot
		}
		if err := f.state.save(f.ctx, f, list); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// ingest puts the events in order, resolves their users, and appends them to the event log.
func (f *flow) ingest(ctx context.Context, log eventlog.Log) error {
	before := f.resolver.Dropped()
	var slab []byte
	var recs []eventlog.Record
	copied := func(b []byte) []byte {
		if len(slab)+len(b) > cap(slab) {
			slab = make([]byte, 0, max(1<<20, len(b)))
		}
		from := len(slab)
		slab = append(slab, b...)
		return slab[from:len(slab):len(slab)]
	}
	stats, err := f.sorter.Merge(ctx, func(rec []byte) error {
		at, hr := event.RecordTime(rec), event.RecordSource(rec) == event.HR
		if f.state != nil {
			if f.aliases == nil && !hr && at >= f.at {
				var err error
				if f.aliases, err = f.resolver.Snapshot(); err != nil {
					return err
				}
			}
			if hr || at >= f.at {
				if err := f.state.backlog.Add(rec); err != nil {
					return err
				}
			}
		}
		person, rec := f.resolver.Resolve(rec)
		f.progress.processed.Add(1)
		for _, note := range f.resolver.Notes() {
			recs = append(recs, eventlog.Record{Value: copied(note.Append(nil))})
		}
		recs = append(recs, eventlog.Record{Key: person, Value: copied(rec)})
		if len(recs) < batch {
			return nil
		}
		err := log.Append(ctx, recs...)
		recs = recs[:0]
		return err
	})
	f.coverage.Sum()
	f.coverage.leftOut(before, f.resolver.Dropped())
	f.coverage.dropped(stats)
	if err != nil {
		return err
	}
	return log.Append(ctx, recs...)
}

// found is what detect sends: a finding, or what a person did on a day, or neither, which stands
// for the checkpoint.
type found struct {
	finding *finding.Finding
	day     *finding.Activity
}

// detect scores the events of the event log.
func (f *flow) detect(ctx context.Context, in eventlog.Log, out chan<- found) error {
	send := func(x found) error {
		select {
		case out <- x:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	eng := engine.New(f.config, func(fd *finding.Finding) error { return send(found{finding: fd}) })
	eng.Days(func(a *finding.Activity) error { return send(found{day: a}) })
	if f.before.baseline != nil {
		if err := eng.Restore(f.before.baseline); err != nil {
			return err
		}
	}
	for _, s := range event.Sources() { // before the checkpoint, which remembers what is usual
		if d := f.coverage.delivery(s); d.New > 0 {
			if err := eng.Deliver(d); err != nil {
				return err
			}
		}
	}
	if f.state != nil && f.at > f.before.at {
		eng.Checkpoint(f.at, func(s *engine.Snapshot) error {
			f.baseline, f.taken = s, true
			return send(found{})
		})
	}
	var events []engine.Keyed
	err := each(ctx, in, func(recs []eventlog.Record) error {
		events = events[:0]
		for i := range recs {
			events = append(events, engine.Keyed{Person: recs[i].Key, Record: recs[i].Value})
		}
		return eng.HandleAll(events)
	})
	if err != nil {
		return err
	}
	f.covered, f.matched, f.leavers, f.known = eng.Covered(), eng.Matched(), eng.Leavers(), eng.Knowledge()
	return eng.Flush()
}

// alert collects the findings, and what people did on their days.
func (f *flow) alert(in <-chan found, desk *alert.Correlator) (err error) {
	for x := range in {
		switch {
		case x.finding != nil:
			if err := desk.Add(x.finding); err != nil {
				return err
			}
		case x.day != nil:
			f.actors[x.day.User] = x.day.Service
			if f.keep {
				f.days = append(f.days, *x.day)
			}
			if f.state != nil {
				if err := f.kept.add(x.day); err != nil {
					return err
				}
			}
		default:
			if f.desk, err = desk.BatchSnapshot(f.at); err != nil {
				return err
			}
		}
	}
	return nil
}

// each calls do for all records of a log with one partition, some at a time, until its end.
func each(ctx context.Context, log eventlog.Log, do func([]eventlog.Record) error) error {
	for at := int64(0); ; {
		recs, err := log.Read(ctx, 0, at, batch)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := do(recs); err != nil {
			return err
		}
		at += int64(len(recs))
	}
}

// earlier is the earlier of two times of which 0 stands for none.
func earlier(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
