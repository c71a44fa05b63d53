package stream

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/plain"
)

// accounts count what became of the records of the event log that a processor has read, by partition,
// by the day on which the log received them, and by vendor. They are a function of the log up to the
// offsets that have been read. They are stored in the checkpoint together with those offsets, so they
// add up however often the processor is killed:
//
//	Received = Processed + Repeated + Late + Ahead + Erased + Unreadable
type accounts struct {
	parts  []map[accountKey]*Account // by partition
	day    int64                     // of recent
	part   int                       // of recent
	recent [32]*Account              // by vendor: the accounts of one day and partition
}

// accountKey is a day (days since 1970, UTC) and a vendor.
type accountKey struct {
	day    int64
	source event.Source
}

// Account counts what became of the records of one day and vendor.
type Account struct {
	Day        int64  `json:"day"`                  // on which the log received them, in days since 1970, UTC
	Vendor     string `json:"vendor,omitempty"`     // empty for records that are no events
	Received   int64  `json:"received"`             // all of them
	Processed  int64  `json:"judged,omitempty"`     // processed
	Delayed    int64  `json:"delayed,omitempty"`    // of those processed: received more than a day after the event
	Repeated   int64  `json:"repeated,omitempty"`   // events that were there already
	Conflicts  int64  `json:"conflicts,omitempty"`  // of those repeated: with the same id, but different content
	Late       int64  `json:"late,omitempty"`       // left out: before the committed checkpoint
	Ahead      int64  `json:"ahead,omitempty"`      // left out: dated more than a day after they were received
	Erased     int64  `json:"erased,omitempty"`     // left out: removed by outflow privacy erase
	Unreadable int64  `json:"unreadable,omitempty"` // left out: of a later version, or damaged
}

// Add adds the counts of another account.
func (a *Account) Add(b *Account) {
	a.Received += b.Received
	a.Processed += b.Processed
	a.Delayed += b.Delayed
	a.Repeated += b.Repeated
	a.Conflicts += b.Conflicts
	a.Late += b.Late
	a.Ahead += b.Ahead
	a.Erased += b.Erased
	a.Unreadable += b.Unreadable
}

// Left returns how many records were left out: they do not affect any alert.
func (a *Account) Left() int64 { return a.Late + a.Ahead + a.Erased + a.Unreadable }

// keepAccounts is for how many days accounts are kept: as long as published alerts.
const keepAccounts = keepAlerts / event.Day

func newAccounts(partitions int) *accounts {
	t := &accounts{parts: make([]map[accountKey]*Account, partitions)}
	for p := range t.parts {
		t.parts[p] = map[accountKey]*Account{}
	}
	return t
}

// of returns the account that a record counts towards, and counts the record as received.
func (t *accounts) of(r *eventlog.Record, source event.Source) *Account {
	day := r.Appended / event.Day
	if day != t.day || r.Partition != t.part {
		t.day, t.part, t.recent = day, r.Partition, [32]*Account{}
	}
	a := t.recent[source]
	if a == nil {
		a = t.parts[r.Partition][accountKey{day, source}]
		if a == nil {
			t.forget(r.Partition, day-keepAccounts)
			a = &Account{Day: day}
			if source != event.NoSource {
				a.Vendor = source.String()
			}
			t.parts[r.Partition][accountKey{day, source}] = a
		}
		t.recent[source] = a
	}
	a.Received++
	return a
}

// forget drops the accounts of a partition before a day.
func (t *accounts) forget(partition int, before int64) {
	maps.DeleteFunc(t.parts[partition], func(k accountKey, _ *Account) bool { return k.day < before })
}

// stored returns the accounts by partition, as a checkpoint holds them.
func (t *accounts) stored() [][]Account {
	all := make([][]Account, len(t.parts))
	for p, part := range t.parts {
		for _, a := range part {
			all[p] = append(all[p], *a)
		}
		slices.SortFunc(all[p], compareAccounts)
	}
	return all
}

func compareAccounts(a, b Account) int {
	return cmp.Or(cmp.Compare(a.Day, b.Day), strings.Compare(a.Vendor, b.Vendor))
}

// restore takes over accounts from a checkpoint.
func (t *accounts) restore(all [][]Account) {
	for p := range min(len(all), len(t.parts)) {
		for _, a := range all[p] {
			source := event.NoSource
			if a.Vendor != "" {
				source = event.SourceNamed(a.Vendor)
			}
			t.parts[p][accountKey{a.Day, source}] = &a
		}
	}
	t.recent = [32]*Account{}
}

// sum returns the accounts of all partitions together, by day and vendor.
func (t *accounts) sum() []Account {
	of := map[accountKey]*Account{}
	for _, part := range t.parts {
		for k, a := range part {
			if of[k] == nil {
				of[k] = &Account{Day: a.Day, Vendor: a.Vendor}
			}
			of[k].Add(a)
		}
	}
	list := make([]Account, 0, len(of))
	for _, a := range of {
		list = append(list, *a)
	}
	slices.SortFunc(list, compareAccounts)
	return list
}

// missed counts events that were too late for the committed checkpoint, by partition, by when they
// were received and when they happened. They can still be processed after a rollback to an older one.
type missed struct{ parts []map[missedKey]int64 }

type missedKey struct {
	came     int64 // the day on which the log received them, in days since 1970, UTC
	happened int64 // the day on which they happened
	source   event.Source
}

// maxMissed is how many keys a partition may have. Events beyond that count towards the earliest day.
const maxMissed = 5000

func newMissed(partitions int) *missed {
	m := &missed{parts: make([]map[missedKey]int64, partitions)}
	for p := range m.parts {
		m.parts[p] = map[missedKey]int64{}
	}
	return m
}

// add counts n events that happened at a time (Unix milliseconds).
func (m *missed) add(r *eventlog.Record, source event.Source, at, n int64) {
	k := missedKey{r.Appended / event.Day, at / event.Day, source}
	of := m.parts[r.Partition]
	if _, known := of[k]; !known && len(of) >= maxMissed {
		k.came, k.happened = 0, min(k.happened, m.earliest()) // it is before the checkpoint in any case
	}
	of[k] += n
}

// earliest returns the earliest day on which missed events happened, in days since 1970, UTC;
// math.MaxInt64 if none were missed.
func (m *missed) earliest() int64 {
	first := int64(math.MaxInt64)
	for _, of := range m.parts {
		for k := range of {
			first = min(first, k.happened)
		}
	}
	return first
}

// countSince returns how many of the events happened on a day or after it.
func (m *missed) countSince(from int64) (n int64) {
	for _, of := range m.parts {
		for k, x := range of {
			if k.happened >= from {
				n += x
			}
		}
	}
	return n
}

// storedMissed is a count of missed events, as a checkpoint holds it.
type storedMissed struct {
	Came     int64  `json:"came"`
	Happened int64  `json:"happened"`
	Vendor   string `json:"vendor"`
	Events   int64  `json:"events"`
}

// stored returns the counts by partition, as a checkpoint holds them.
func (m *missed) stored() [][]storedMissed {
	all := make([][]storedMissed, len(m.parts))
	for p, of := range m.parts {
		for k, n := range of {
			all[p] = append(all[p], storedMissed{k.came, k.happened, k.source.String(), n})
		}
		slices.SortFunc(all[p], func(a, b storedMissed) int {
			return cmp.Or(cmp.Compare(a.Came, b.Came), cmp.Compare(a.Happened, b.Happened), strings.Compare(a.Vendor, b.Vendor))
		})
	}
	return all
}

// restore takes over counts from a checkpoint.
func (m *missed) restore(all [][]storedMissed) {
	for p := range min(len(all), len(m.parts)) {
		for _, x := range all[p] {
			m.parts[p][missedKey{x.Came, x.Happened, event.SourceNamed(x.Vendor)}] = x.Events
		}
	}
}

// gap is what was missed of the events of a vendor that the log received on a day. Days are counted
// since 1970, UTC.
type gap struct {
	task     int // that has missed it; 0 without tasks
	came     int64
	source   event.Source
	from, to int64 // the first and the last day on which they happened
	events   int64
}

// gaps returns what was missed, by the day on which it was received and by vendor; with tasks, by task as well. Of copies it
// is told by the task that they are from.
func (pr *Processor) gaps() (list []gap) {
	if pr.inputs == nil {
		return gapsOf(pr.missed.parts, 0)
	}
	for _, t := range pr.published.mine {
		list = append(list, gapsOf(pr.missed.parts[t:t+1], t)...)
	}
	return list
}

// gapsOf returns what a task has missed of some partitions.
func gapsOf(parts []map[missedKey]int64, task int) []gap {
	type of struct {
		came   int64
		source event.Source
	}
	all := map[of]*gap{}
	for _, part := range parts {
		for k, n := range part {
			g := all[of{k.came, k.source}]
			if g == nil {
				g = &gap{task, k.came, k.source, k.happened, k.happened, 0}
				all[of{k.came, k.source}] = g
			}
			g.from, g.to, g.events = min(g.from, k.happened), max(g.to, k.happened), g.events+n
		}
	}
	list := make([]gap, 0, len(all))
	for _, g := range all {
		list = append(list, *g)
	}
	slices.SortFunc(list, func(a, b gap) int {
		return cmp.Or(cmp.Compare(a.came, b.came), cmp.Compare(a.source, b.source))
	})
	return list
}

// alert is the alert that is published about a gap.
func (g *gap) alert() alert.Alert {
	what := fmt.Sprint("events left out ", g.source, " ", g.came)
	if g.task > 0 {
		what += fmt.Sprint(" ", g.task)
	}
	id := fmt.Sprintf("%016x", xxhash.Sum64String(what))
	from, to := DateOf(g.from), DateOf(g.to)
	of := "of " + from
	if to != from {
		of = "from " + from + " to " + to
	}
	reason := fmt.Sprintf("%s events from %s that came on %s have not been scored: "+
		"they are %s, before the oldest baselines that are kept; outflow rescore --from %s scores them",
		plain.Count(int(g.events)), g.source.Title(), DateOf(g.came), of, from)
	return alert.FromFinding(&finding.Finding{
		ID:       id,
		Episode:  id,
		Revision: 1,
		Detector: config.Catalog().Of(detect.SourceGap).Name,
		Title:    alert.TitleNotProcessed,
		Health:   true,
		Impact:   2,
		Time:     g.came * event.Day,
		Start:    g.from * event.Day,
		End:      (g.to + 1) * event.Day,
		Complete: g.came * event.Day,
		Sources:  []string{g.source.String()},
		Reason:   reason,
	})
}

// DateOf formats a day, counted since 1970 in UTC, as YYYY-MM-DD.
func DateOf(day int64) string { return time.UnixMilli(day * event.Day).UTC().Format(time.DateOnly) }
