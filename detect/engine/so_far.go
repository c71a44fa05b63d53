package engine

import (
	"maps"
	"slices"
)

// soFar counts the days of people that are over, as they were: without forgetting any, and without what is
// assumed at first. What is said about how rare something is comes from it; scores do not depend on it.
type soFar struct {
	Days   int64            // all of them
	Facts  []int64          // on which an indicator held
	Kinds  map[string]int64 // on which a kind of an indicator held, by kindKey
	Rules  map[string]int64 // on which a rule matched
	Counts []counts         // per scored metric: how surprising it was, by step of a tail
}

// maxSoFar is the most kinds, and rules, that are counted: of more, nothing is said.
const maxSoFar = 1 << 12

// newSoFar returns counts that begin with what is left of the days before.
func newSoFar(o *org) *soFar {
	s := &soFar{
		Days: int64(o.personDays()), Facts: make([]int64, len(o.Facts)), Kinds: map[string]int64{}, Rules: map[string]int64{},
		Counts: make([]counts, len(o.Tails)),
	}
	if s.Days == 0 {
		return s
	}
	for i, n := range o.Facts {
		s.Facts[i] = int64(n + .5)
	}
	for _, key := range slices.Sorted(maps.Keys(o.Kinds)) {
		s.Kinds[key] = int64(o.Kinds[key] + 1) // it was seen
	}
	for id, n := range o.Rules {
		s.Rules[id] = int64(n + 1)
	}
	for j := range o.Tails {
		for i, n := range o.Tails[j].Hist {
			if k := int(n + .5); k > 0 {
				s.Counts[j].add(int32(i), k)
			}
		}
	}
	return s
}

// closeDay takes in the days of people that ended since midnight.
func (s *soFar) closeDay(o *org) {
	s.Days += o.DayAdd
	plus(s.Facts, o.FactAdd)
	addBounded(s.Kinds, o.KindsAdd)
	addBounded(s.Rules, o.RulesAdd)
	for j := range o.Tails {
		s.Counts[j].take(o.Tails[j].Added)
	}
}

// addBounded adds numbers, as far as there is room for further keys.
func addBounded(to, more map[string]int64) {
	for _, key := range slices.Sorted(maps.Keys(more)) {
		if _, known := to[key]; known || len(to) < maxSoFar {
			to[key] += more[key]
		}
	}
}

// seen is on how many of all days an indicator held, or one of its kinds; of is 0 if that is not known.
func (s *soFar) seen(i int, indicator, kind string) (days, of int64) {
	if s == nil {
		return 0, 0
	}
	if kind == "" {
		return s.Facts[i], s.Days
	}
	return s.ofKey(s.Kinds, kindKey(indicator, kind))
}

// matched is on how many of all days a rule matched; of is 0 if that is not known.
func (s *soFar) matched(rule string) (days, of int64) {
	if s == nil {
		return 0, 0
	}
	return s.ofKey(s.Rules, rule)
}

func (s *soFar) ofKey(list map[string]int64, key string) (days, of int64) {
	n, known := list[key]
	if !known && len(list) >= maxSoFar {
		return 0, 0
	}
	return n, s.Days
}

// atLeast is on how many of the days on which a metric was compared with what is usual it was at least as
// surprising.
func (s *soFar) atLeast(j int, surprise float64) (days, of int64) {
	if s == nil {
		return 0, 0
	}
	from := int32(step(surprise))
	for _, x := range s.Counts[j] {
		if of += int64(x[1]); x[0] >= from {
			days += int64(x[1])
		}
	}
	return days, of
}
