package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/sigma"
)

// ruleWeights and ruleFloors are by level: what a rule weighs by how rare its
// matches are, and the least points of one that matches rarely.
var (
	ruleWeights = [...]float64{sigma.Informational: 0, sigma.Low: .4, sigma.Medium: .8, sigma.High: 1.1, sigma.Critical: 1.6}
	ruleFloors  = [...]float64{sigma.Informational: 0, sigma.Low: 0, sigma.Medium: 0, sigma.High: 5.6, sigma.Critical: 8}
)

const (
	rareRule   = .002 // share of the days of people on which a rule may match to be reported by its level alone
	maxRuled   = 64   // rules that match on one person's day
	maxWindows = 1 << 15
	maxEntries = 2048 // of one window
)

// ruled is a rule that matched on a person's day.
type ruled struct {
	Rule string
	N    int
	More string // of a correlation: what it counted
}

// window is what a correlation has seen of one group within its timespan.
type window struct {
	Rule    string
	Entries []entry // oldest first
	Bytes   int     `cbor:",omitempty"` // of the events that its entries keep
}

type entry struct {
	At    int64
	Rule  int      // index among the rules that feed the correlation
	Value string   // of the field that is counted
	ID    string   // of the event
	Who   uint64   `cbor:",omitempty"` // hash of the person who did it
	Event *exhibit `cbor:",omitempty"` // what is kept of it; nil if there was no room
}

// rulePoints is what a rule weighs that has matched on some of so many days of
// people.
func rulePoints(level sigma.Level, seen, days float64) float64 {
	w := indicatorPoints(ruleWeights[level], 0, seen, days)
	if seen/days <= rareRule {
		w = max(w, ruleFloors[level])
	}
	return w
}

// rules takes in the matches that an event carries. It says whether one is new
// today.
func (e *Engine) rules(p *person, ev *event.Event) (again bool) {
	for _, a := range ev.Attrs {
		if a.Name != event.AttrRuleMatch {
			continue
		}
		parts := strings.Split(a.Value, "\x1f")
		r := e.config.rules.Rule(parts[0])
		if r == nil {
			continue
		}
		e.spoke[r.ID] = true
		if !r.Feeds {
			again = e.matched(p, r, ev, "") || again
		}
		for _, c := range e.config.correlations {
			if i := slices.Index(c.Correlation.Rules, r); i >= 0 {
				again = e.correlate(p, ev, c, i, parts[1:]) || again
			}
		}
	}
	return again
}

// Matched lists the rules that have spoken since the engine was made, by id.
func (e *Engine) Matched() map[string]bool { return e.spoke }

// matched notes a match on the open day.
func (e *Engine) matched(p *person, r *sigma.Rule, ev *event.Event, more string) (first bool) {
	d := &p.Day
	i := slices.IndexFunc(d.Ruled, func(x ruled) bool { return x.Rule == r.ID })
	if i < 0 {
		if len(d.Ruled) >= maxRuled {
			return false
		}
		i, first = len(d.Ruled), true
		d.Ruled = append(d.Ruled, ruled{Rule: r.ID})
	}
	d.Ruled[i].N++
	if more != "" {
		d.Ruled[i].More = more
	}
	if pr := d.proof(p.catalog.mechanism[detect.UserRules]); !pr.has(ev) { // of several rules
		pr.add(ev, ev.Object.Container, "", "").keep(e.exhibit(&detect.Enriched{Event: ev}))
	}
	return first
}

// correlate adds a match of one of its rules to a correlation, and says whether it
// holds for the first time today.
func (e *Engine) correlate(p *person, ev *event.Event, r *sigma.Rule, feeding int, fields []string) bool {
	c := r.Correlation
	field := func(name string) (string, bool) {
		want := c.FieldOf(c.Rules[feeding], name) + "="
		for _, f := range fields {
			if v, ok := strings.CutPrefix(f, want); ok {
				return v, true
			}
		}
		return "", false
	}
	key := []string{r.ID}
	for _, name := range c.GroupBy {
		v, there := field(name)
		if !there {
			return false
		}
		key = append(key, v)
	}
	value, counted := "", true
	if c.Field != "" {
		if value, counted = field(c.Field); !counted && c.Type == "value_count" {
			return false
		}
	}
	h := hash(ofWindow, key...)
	w := e.Windows[h]
	if w == nil {
		if len(e.Windows) >= maxWindows {
			return false
		}
		w = &window{Rule: r.ID}
		e.Windows[h] = w
	}
	from := ev.Time - c.Timespan.Milliseconds()
	w.Entries = slices.DeleteFunc(w.Entries, func(x entry) bool { return x.At <= from })
	if len(w.Entries) >= maxEntries {
		w.Entries = slices.Delete(w.Entries, 0, 1)
	}
	w.Entries = append(w.Entries, entry{ev.Time, feeding, strings.Clone(value), strings.Clone(ev.ID), 0, nil})
	e.witness(w, p, ev)
	what, holds := w.holds(c)
	if !holds {
		return false
	}
	e.citeWindow(p, w)
	e.spoke[r.ID] = true
	return e.matched(p, r, ev, what)
}

// holds says whether a correlation holds, and what it counted.
func (w *window) holds(c *sigma.Correlation) (what string, ok bool) {
	switch c.Type {
	case "event_count":
		n := len(w.Entries)
		return detect.Amount(float64(n), "event", "events"), c.Holds(n)
	case "value_count":
		seen := map[string]bool{}
		for _, x := range w.Entries {
			seen[x.Value] = true
		}
		return detect.Number(float64(len(seen))) + " values of " + c.Field, c.Holds(len(seen))
	case "temporal":
		seen := map[int]bool{}
		for _, x := range w.Entries {
			seen[x.Rule] = true
		}
		return "all of " + detect.Amount(float64(len(c.Rules)), "rule", "rules"), len(seen) == len(c.Rules)
	}
	next := 0 // temporal_ordered
	for _, x := range w.Entries {
		if next < len(c.Rules) && x.Rule == next {
			next++
		}
	}
	return detect.Amount(float64(len(c.Rules)), "rule", "rules") + " in order", next == len(c.Rules)
}

// expire forgets windows in which nothing has happened for their timespan.
func (e *Engine) expire(now int64) {
	for h, w := range e.Windows {
		r := e.config.rules.Rule(w.Rule)
		if r == nil || len(w.Entries) == 0 || w.Entries[len(w.Entries)-1].At <= now-r.Correlation.Timespan.Milliseconds() {
			e.witnesses -= w.Bytes
			delete(e.Windows, h)
		}
	}
}

// sayRules puts the rules of a day into clauses, with the techniques they name.
func (e *Engine) sayRules(d *dayState) (clauses, techniques []string) {
	for i, x := range d.Ruled {
		r := e.config.rules.Rule(x.Rule)
		if r == nil {
			continue
		}
		for _, t := range r.Tags {
			if t, ok := strings.CutPrefix(strings.ToLower(t), "attack.t"); ok {
				if t = "T" + strings.ToUpper(t); !slices.Contains(techniques, t) {
					techniques = append(techniques, t)
				}
			}
		}
		if i >= 3 {
			continue
		}
		s := fmt.Sprintf("matched the rule %s (%s)", detect.Quote(r.Title), r.Level)
		if x.More != "" {
			s += ": " + x.More
		} else if x.N > 1 {
			s += ", " + detect.Amount(float64(x.N), "match", "matches")
		}
		clauses = append(clauses, s)
	}
	if n := len(d.Ruled) - 3; n > 0 {
		clauses = append(clauses, detect.Amount(float64(n), "more rule", "more rules"))
	}
	return clauses, techniques
}

// ruleFloor is the least score of a day on which rules with these points matched.
func ruleFloor(points []float64) (most float64) {
	for _, x := range points {
		most = max(most, x)
	}
	return most
}
