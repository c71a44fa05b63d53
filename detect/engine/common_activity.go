package engine

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// The same unusual activity of many people within days is a happening: a migration, a new application, or a
// campaign against all of them. It is told once, with the people. Each of them is scored on their own, with
// the others as a cohort.

const (
	commonDays   = 14   // within which people do the same
	commonPeople = 5    // from which it is told, and again when there are twice as many
	commonLong   = 1.5  // times as many people within months: then it is usual here
	maxCommon    = 4096 // activities that are remembered
	maxNamed     = 10   // people whom an alert names
	mostCommon   = 3    // alerts about common activity on a day; further ones wait
)

// joint is something that a person did, and others may do as well.
type joint struct {
	Key  uint64 // of the cohort
	What string // in words
	Name string
	Day  int64 // days since 1970
}

// alike is what people did alike.
type alike struct {
	What   string
	People map[string]int64 // the latest day of each, days since 1970
	Told   int              // how many people the latest alert was about; 0 without any
}

// joinWith counts a person into a cohort by what they did, in words, and notes it for common activity.
func (e *Engine) joinWith(p *person, key uint64, today int64, what string) {
	if e.join(p, key, today) && !p.Service && !event.IsPlace(p.Name) {
		b := e.deltaOf(p)
		b.Joint = append(b.Joint, joint{key, what, p.Name, today})
	}
}

// meetCommon takes in what people did in an hour.
func (e *Engine) meetCommon(list []joint) {
	slices.SortFunc(list, byActivity) // who finds no room must not depend on chance
	for _, x := range list {
		c := e.Common[x.Key]
		if c == nil {
			if len(e.Common) >= maxCommon {
				continue
			}
			c = &alike{What: x.What, People: map[string]int64{}}
			if e.Common == nil {
				e.Common = map[uint64]*alike{}
			}
			e.Common[x.Key] = c
		}
		c.What = min(c.What, x.What)
		c.People[x.Name] = max(c.People[x.Name], x.Day)
	}
}

func byActivity(a, b joint) int {
	return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Day, b.Day), cmp.Compare(a.What, b.What))
}

// tellCommon raises an alert about what many people did alike, when a day (UTC) is over.
func (e *Engine) tellCommon(end int64) {
	last := end/event.Day - 1
	var list []*alike
	for _, key := range slices.Sorted(maps.Keys(e.Common)) {
		c := e.Common[key]
		maps.DeleteFunc(c.People, func(_ string, day int64) bool { return last-day >= commonDays })
		n := len(c.People)
		if n == 0 {
			delete(e.Common, key)
			continue
		}
		usual := e.People.Cohorts[key].on(last).Long > float64(commonLong*float64(n))
		if n >= max(commonPeople, 2*c.Told) && !usual && e.People.personDays() >= priorGone {
			list = append(list, c)
		}
	}
	slices.SortStableFunc(list, func(a, b *alike) int {
		return cmp.Or(-cmp.Compare(len(a.People), len(b.People)), cmp.Compare(a.What, b.What))
	})
	for _, c := range list[:min(len(list), mostCommon)] {
		c.Told = len(c.People)
		e.send(e.commonFinding(c, end))
	}
}

// commonFinding puts into words what people did alike.
func (e *Engine) commonFinding(c *alike, end int64) *finding.Finding {
	names := slices.SortedFunc(maps.Keys(c.People), func(a, b string) int {
		return cmp.Or(cmp.Compare(c.People[a], c.People[b]), cmp.Compare(a, b))
	})
	first := c.People[names[0]]
	f := e.healthFinding(detect.CommonActivity, c.What, first*event.Day, end, 1)
	f.Events = len(names)
	var named []string
	for _, name := range names[:min(len(names), maxNamed)] {
		named = append(named, detect.Quote(name))
	}
	more := ""
	if n := len(names) - len(named); n > 0 {
		more = " and " + detect.Amount(float64(n), "other", "others")
	}
	f.Headline = detect.Headline(fmt.Sprintf("%d people did the same: %s", len(names), c.What), "")
	f.Reason = fmt.Sprintf("%d people within %s: %s. They are %s%s. Each is scored in the light of what the others did", len(names),
		detect.Amount(float64(end/event.Day-first), "day", "days"), c.What, strings.Join(named, ", "), more)
	return f
}

// forgetCommon forgets that a person did what others did.
func (e *Engine) forgetCommon(name string) {
	for _, c := range e.Common {
		delete(c.People, name)
	}
}
