package stream

import (
	"cmp"
	"fmt"
	"maps"
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

// accounts account for the records of the log of events that a judge has read: for each
// record, by the day on which the log took it and by vendor, what became of it. They are a
// function of the log up to the offsets that have been read, so they lie beside the base
// with those offsets and add up however often the judge is killed:
//
//	Received = Judged + Repeated + Late + Ahead + Erased + Unreadable
type accounts struct {
	parts []map[accountOf]*Account // by partition
	day   int64                    // for which recent is
	part  int
	quick [32]*Account // of the day and partition, by vendor
}

// accountOf is a day, counted since 1970 in UTC, and a vendor.
type accountOf struct {
	day    int64
	source event.Source
}

// Account is what became of records. Numbers are of records of the log.
type Account struct {
	Day        int64  `json:"day"`              // on which they came, since 1970, UTC
	Vendor     string `json:"vendor,omitempty"` // empty for what is no event
	Received   int64  `json:"received"`
	Judged     int64  `json:"judged,omitempty"`
	Delayed    int64  `json:"delayed,omitempty"`    // of those judged: over a day old when they came
	Repeated   int64  `json:"repeated,omitempty"`   // had come before
	Conflicts  int64  `json:"conflicts,omitempty"`  // of those repeated: under the same id, they said something else
	Late       int64  `json:"late,omitempty"`       // left out: before the stored base
	Ahead      int64  `json:"ahead,omitempty"`      // left out: dated more than a day after they came
	Erased     int64  `json:"erased,omitempty"`     // left out: taken out of the log by privacy erase
	Unreadable int64  `json:"unreadable,omitempty"` // left out: of a later version, or damaged
}

// Add adds the numbers of another account.
func (a *Account) Add(b *Account) {
	a.Received += b.Received
	a.Judged += b.Judged
	a.Delayed += b.Delayed
	a.Repeated += b.Repeated
	a.Conflicts += b.Conflicts
	a.Late += b.Late
	a.Ahead += b.Ahead
	a.Erased += b.Erased
	a.Unreadable += b.Unreadable
}

// Left is how many records were left out: they can say nothing about anybody.
func (a *Account) Left() int64 { return a.Late + a.Ahead + a.Erased + a.Unreadable }

// keepAccounts is for how many days accounts are kept: as long as alerts that are out.
const keepAccounts = keepAlerts / event.Day

func newAccounts(partitions int) *accounts {
	t := &accounts{parts: make([]map[accountOf]*Account, partitions)}
	for p := range t.parts {
		t.parts[p] = map[accountOf]*Account{}
	}
	return t
}

// of is the account of a record, which is counted as received.
func (t *accounts) of(r *eventlog.Record, source event.Source) *Account {
	on := r.Appended / event.Day
	if on != t.day || r.Partition != t.part {
		t.day, t.part, t.quick = on, r.Partition, [32]*Account{}
	}
	a := t.quick[source]
	if a == nil {
		a = t.parts[r.Partition][accountOf{on, source}]
		if a == nil {
			t.forget(r.Partition, on-keepAccounts)
			a = &Account{Day: on}
			if source != event.NoSource {
				a.Vendor = source.String()
			}
			t.parts[r.Partition][accountOf{on, source}] = a
		}
		t.quick[source] = a
	}
	a.Received++
	return a
}

// forget drops the days of a partition before one.
func (t *accounts) forget(partition int, before int64) {
	maps.DeleteFunc(t.parts[partition], func(k accountOf, _ *Account) bool { return k.day < before })
}

// stored are the accounts as they are stored, by partition.
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

// restore puts back what was stored.
func (t *accounts) restore(all [][]Account) {
	for p := range min(len(all), len(t.parts)) {
		for _, a := range all[p] {
			source := event.NoSource
			if a.Vendor != "" {
				source = event.SourceNamed(a.Vendor)
			}
			t.parts[p][accountOf{a.Day, source}] = &a
		}
	}
	t.quick = [32]*Account{}
}

// sum is what became of the records of all partitions, by day and vendor.
func (t *accounts) sum() []Account {
	of := map[accountOf]*Account{}
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

// missed are events that came too late for the base, by when they came and when they
// happened: going back to an older base can still have them judged.
type missed struct{ parts []map[missedOf]int64 }

type missedOf struct {
	came     int64 // day, since 1970, UTC
	happened int64 // day
	source   event.Source
}

// maxMissed bounds the days that are told apart; what is beyond is put to the earliest
// one that is known.
const maxMissed = 5000

func newMissed(partitions int) *missed {
	m := &missed{parts: make([]map[missedOf]int64, partitions)}
	for p := range m.parts {
		m.parts[p] = map[missedOf]int64{}
	}
	return m
}

func (m *missed) add(r *eventlog.Record, source event.Source, at int64, n int64) {
	k := missedOf{r.Appended / event.Day, at / event.Day, source}
	of := m.parts[r.Partition]
	if _, known := of[k]; !known && len(of) >= maxMissed {
		k.came, k.happened = 0, min(k.happened, m.earliest()) // it is before the base in any case
	}
	of[k] += n
}

// earliest is the earliest day of what was missed; ok is false if nothing was.
func (m *missed) earliest() int64 {
	first := int64(1<<63 - 1)
	for _, of := range m.parts {
		for k := range of {
			first = min(first, k.happened)
		}
	}
	return first
}

// since is how many of the events happened on a day or after it.
func (m *missed) since(from int64) (n int64) {
	for _, of := range m.parts {
		for k, x := range of {
			if k.happened >= from {
				n += x
			}
		}
	}
	return n
}

// storedMissed is a line of what was missed as it is stored.
type storedMissed struct {
	Came     int64  `json:"came"`
	Happened int64  `json:"happened"`
	Vendor   string `json:"vendor"`
	Events   int64  `json:"events"`
}

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

func (m *missed) restore(all [][]storedMissed) {
	for p := range min(len(all), len(m.parts)) {
		for _, x := range all[p] {
			m.parts[p][missedOf{x.Came, x.Happened, event.SourceNamed(x.Vendor)}] = x.Events
		}
	}
}

// gap is what was missed of a vendor among what came on a day.
type gap struct {
	came     int64 // day, since 1970, UTC
	source   event.Source
	from, to int64 // days on which it happened
	events   int64
}

// gaps are what was missed, by when it came and vendor.
func (m *missed) gaps() []gap {
	type of struct {
		came   int64
		source event.Source
	}
	all := map[of]*gap{}
	for _, part := range m.parts {
		for k, n := range part {
			g := all[of{k.came, k.source}]
			if g == nil {
				g = &gap{k.came, k.source, k.happened, k.happened, 0}
				all[of{k.came, k.source}] = g
			}
			g.from, g.to, g.events = min(g.from, k.happened), max(g.to, k.happened), g.events+n
		}
	}
	list := make([]gap, 0, len(all))
	for _, g := range all {
		list = append(list, *g)
	}
	slices.SortFunc(list, func(a, b gap) int { return cmp.Or(cmp.Compare(a.came, b.came), cmp.Compare(a.source, b.source)) })
	return list
}

// alert tells of a gap.
func (g *gap) alert() alert.Alert {
	id := fmt.Sprintf("%016x", xxhash.Sum64String(fmt.Sprint("events left out ", g.source, " ", g.came)))
	from, to := DateOf(g.from), DateOf(g.to)
	of := "of " + from
	if to != from {
		of = "from " + from + " to " + to
	}
	a := alert.FromFinding(&finding.Finding{
		ID: id, Episode: id, Revision: 1, Detector: config.Catalog.Of(detect.SourceGap).Name, Title: alert.TitleNotProcessed, Health: true, Impact: 2,
		Time: g.came * event.Day, Start: g.from * event.Day, End: (g.to + 1) * event.Day, Complete: g.came * event.Day, Sources: []string{g.source.String()},
		Reason: fmt.Sprintf("%s events from %s that came on %s have not been judged: they are %s, before the oldest baselines that are kept; outflow rejudge --from %s judges them", plain.Count(int(g.events)), g.source.Title(), DateOf(g.came), of, from),
	})
	return a
}

// DateOf is a day, counted since 1970 in UTC.
func DateOf(of int64) string { return time.UnixMilli(of * event.Day).UTC().Format(time.DateOnly) }
