package engine

import (
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/plain"
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
	maxEntries = sigma.MaxCounted // of one window
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

// entry is an event in a window, or several that are counted as one.
type entry struct {
	At     int64
	Rule   int      // index among the rules that feed the correlation
	Value  string   // of the fields that are counted
	ID     string   // of the event
	Who    uint64   `cbor:",omitempty"` // hash of the person who did it
	Event  *exhibit `cbor:",omitempty"` // what is kept of it; nil if there was no room
	Number float64  `cbor:",omitempty"` // of the field that is calculated with; of several events their sum
	More   int      `cbor:",omitempty"` // further events
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

// rules takes in the matches that an event of a person carries, for themselves. It says whether one is new
// today.
func (e *Engine) rules(p *person, ev *event.Event) (again bool) {
	for r := range e.matches(ev) {
		e.spoke[r.ID] = true
		if !r.Feeds {
			again = e.matched(p, r, ev, "") || again
		}
	}
	return again
}

// correlations passes the matches that an event carries to the correlations over their rules. It says whether one of
// those holds, for the first time today. The person is nil if another engine scores them: every engine has the same
// windows, and the one that scores the person whose event completes a pattern reports it.
func (e *Engine) correlations(name string, p *person, ev *event.Event) (first bool) {
	if len(e.config.correlations) == 0 || ev.Class == event.Inherited {
		return false
	}
	for r, fields := range e.matches(ev) {
		if !e.fed(r, ev) {
			first = e.feed(name, p, ev, r, fields) || first
		}
	}
	return first
}

// matches are the rules that an event matches, as far as they are still known, with their fields.
func (e *Engine) matches(ev *event.Event) iter.Seq2[*sigma.Rule, []string] {
	return func(yield func(*sigma.Rule, []string) bool) {
		for _, a := range ev.Attrs {
			if a.Name != event.AttrRuleMatch {
				continue
			}
			parts := strings.Split(a.Value, "\x1f")
			if r := e.config.rules.Rule(parts[0]); r != nil && !yield(r, parts[1:]) {
				return
			}
		}
	}
}

// fed says whether a rule has matched another record of the same request already: object stores write two.
func (e *Engine) fed(r *sigma.Rule, ev *event.Event) bool {
	if !requested(ev) {
		return false
	}
	key, minute := hash(ofRequest, r.ID)^ev.Key, ev.Time/(event.Hour/60)
	_, known := e.Fed.since(key, minute)
	e.Fed.age(key, minute, maxRequests)
	return known
}

// feed passes a match of a rule, with its fields, to the correlations over it, and says whether
// one of them holds for the first time today.
func (e *Engine) feed(name string, p *person, ev *event.Event, r *sigma.Rule, fields []string) (first bool) {
	for _, c := range e.config.correlations {
		if i := slices.Index(c.Correlation.Rules, r); i >= 0 {
			first = e.correlate(name, p, ev, c, i, fields) || first
		}
	}
	return first
}

// correlateElsewhere is correlations for an event of a person whom another engine scores, unless they have opted out.
func (e *Engine) correlateElsewhere(name string, ev *event.Event) {
	if len(e.config.correlations) == 0 {
		return
	}
	of := e.Staff[hash(ofUser, name)]
	off, excluded := e.config.optedOut(of.Department, of.Country)
	if !excluded && off>>e.catalog.mechanism[detect.UserRules]&1 == 0 {
		e.correlations(name, nil, ev)
	}
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
// holds for the first time today; never for a nil person.
func (e *Engine) correlate(name string, p *person, ev *event.Event, r *sigma.Rule, feeding int, fields []string) bool {
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
	for _, f := range c.GroupBy {
		v, there := field(f)
		if !there {
			return false
		}
		key = append(key, v)
	}
	one, counts := newEntry(c, feeding, ev, field)
	if !counts {
		return false
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
	w.add(c, one)
	e.witness(w, name, ev)
	what, holds := w.holds(c)
	if !holds {
		return false
	}
	if r.Feeds {
		w.Entries = w.Entries[:0]
		e.weigh(w)
	} else {
		e.citeWindow(p, w)
	}
	e.spoke[r.ID] = true
	var up []string
	for _, f := range r.States() {
		if v, there := field(f); there {
			up = append(up, f+"="+v)
		}
	}
	first := e.feed(name, p, ev, r, up)
	return !r.Feeds && p != nil && e.matched(p, r, ev, what) || first
}

// newEntry returns the entry of an event in a correlation; false if it lacks what is counted.
func newEntry(c *sigma.Correlation, feeding int, ev *event.Event, field func(string) (string, bool)) (x entry, counts bool) {
	x = entry{At: ev.Time, Rule: feeding, ID: strings.Clone(ev.ID)}
	var values []string
	for _, name := range c.Fields {
		v, there := field(name)
		if !there {
			return x, false
		}
		values = append(values, v)
	}
	if c.Numeric() {
		n, err := strconv.ParseFloat(values[0], 64)
		x.Number = n
		return x, err == nil && !math.IsNaN(n) && !math.IsInf(n, 0)
	}
	x.Value = strings.Clone(strings.Join(values, "\x1f"))
	return x, true
}

// add adds an entry to the window, from which it drops what is too old.
func (w *window) add(c *sigma.Correlation, one entry) {
	from := one.At - c.Timespan.Milliseconds()
	w.Entries = slices.DeleteFunc(w.Entries, func(x entry) bool { return x.At <= from })
	if len(w.Entries) >= maxEntries {
		w.thin(c, one)
	}
	w.Entries = append(w.Entries, one)
}

// thin makes room in a full window for an entry: of events that are counted or added, every two
// become one; of others, those go which the entry makes superfluous, or else the oldest.
func (w *window) thin(c *sigma.Correlation, one entry) {
	switch c.Type {
	case "event_count", "value_sum", "value_avg":
		w.pair()
		return
	case "value_count":
		w.Entries = slices.DeleteFunc(w.Entries, func(x entry) bool { return x.Value == one.Value })
	case "temporal":
		w.Entries = slices.DeleteFunc(w.Entries, func(x entry) bool { return x.Rule == one.Rule })
	}
	if len(w.Entries) >= maxEntries {
		w.Entries = slices.Delete(w.Entries, 0, 1)
	}
}

// pair makes one entry of every two: as old as the younger one.
func (w *window) pair() {
	kept := w.Entries[:0]
	for i := 0; i+1 < len(w.Entries); i += 2 {
		x, y := w.Entries[i], w.Entries[i+1]
		y.Number, y.More = y.Number+x.Number, y.More+x.More+1
		kept = append(kept, y)
	}
	if len(w.Entries)%2 == 1 {
		kept = append(kept, w.Entries[len(w.Entries)-1])
	}
	w.Entries = kept
}

// holds says whether a correlation holds, and what it counted.
func (w *window) holds(c *sigma.Correlation) (what string, ok bool) {
	n, sum := 0, 0.0
	for _, x := range w.Entries {
		n, sum = n+x.More+1, sum+x.Number
	}
	field := strings.Join(c.Fields, " with ")
	switch c.Type {
	case "event_count":
		return detect.Amount(float64(n), "event", "events"), c.Holds(float64(n))
	case "value_count":
		n = distinct(w.Entries, func(x *entry) string { return x.Value })
		return detect.Number(float64(n)) + " values of " + field, c.Holds(float64(n))
	case "value_sum":
		return "the sum of " + field + " is " + figure(sum), c.Holds(sum)
	case "value_avg":
		return "the average of " + field + " is " + figure(sum/float64(n)), c.Holds(sum / float64(n))
	case "value_percentile", "value_median":
		x, of := w.percentile(c.Percentile), "the percentile "+figure(c.Percentile)
		if c.Type == "value_median" {
			of = "the median"
		}
		return of + " of " + field + " is " + figure(x), c.Holds(x)
	case "temporal":
		n = distinct(w.Entries, func(x *entry) int { return x.Rule })
	default:
		n = w.inOrder(len(c.Rules))
	}
	if len(c.Compare) > 0 {
		ok = c.Holds(float64(n))
	} else {
		ok = n == len(c.Rules)
	}
	what = detect.Amount(float64(len(c.Rules)), "rule", "rules")
	switch {
	case n < len(c.Rules):
		what = detect.Number(float64(n)) + " of " + what
	case c.Type == "temporal":
		what = "all of " + what
	}
	if c.Type == "temporal_ordered" {
		what += " in order"
	}
	return what, ok
}

// distinct returns how many values entries have.
func distinct[T comparable](list []entry, value func(*entry) T) int {
	seen := map[T]bool{}
	for i := range list {
		seen[value(&list[i])] = true
	}
	return len(seen)
}

// inOrder returns how many of the rules, from the first one, have matched one after the other.
func (w *window) inOrder(rules int) (next int) {
	for _, x := range w.Entries {
		if next < rules && x.Rule == next {
			next++
		}
	}
	return next
}

// percentile returns a percentile of the numbers in the window: between two of them, the point
// on the line that connects them.
func (w *window) percentile(of float64) float64 {
	var list []float64
	for _, x := range w.Entries {
		list = append(list, x.Number)
	}
	slices.Sort(list)
	at := of / 100 * float64(len(list)-1)
	i := int(at)
	if i+1 >= len(list) {
		return list[len(list)-1]
	}
	return list[i] + (at-float64(i))*(list[i+1]-list[i])
}

// figure writes a number with up to two digits behind the point.
func figure(x float64) string {
	if x == math.Trunc(x) && math.Abs(x) < 1<<53 {
		return plain.Number(int64(x))
	}
	return strconv.FormatFloat(x, 'f', 2, 64)
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
