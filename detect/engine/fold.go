package engine

import (
	"cmp"
	"maps"
	"slices"
)

// An open hour is a sum, and takes the memory of what it is about, not of the events that say it: its lists are folded
// whenever they have become twice as long. What cannot count, because more is new in the hour than the
// organisation remembers, is dropped: the organisation takes the least keys. The effect of the hour is the same.

// leastFolded is the length from which on a list is folded.
const leastFolded = 1 << 12

// due says whether a list has doubled since it was folded.
func due(n, folded int) bool { return n >= max(leastFolded, 2*folded) }

// foldDeltas folds the lists of the open hour that have become long.
func (e *Engine) foldDeltas() {
	for _, b := range e.deltas {
		if b != nil {
			b.fold(e)
		}
	}
}

func (b *delta) fold(e *Engine) {
	b.People.fold(e.People)
	b.Services.fold(e.Services)
}

func (s *orgDelta) fold(o *org) {
	if len(s.Named) >= leastFolded {
		s.hold(o)
	}
	if due(len(s.Visits), s.visits) {
		s.Visits = o.countedVisits(s.Visits)
		s.visits = len(s.Visits)
	}
	if due(len(s.Arrivals), s.arrivals) {
		s.Arrivals = o.countedArrivals(s.Arrivals)
		s.arrivals = len(s.Arrivals)
	}
}

// hold moves the list of what places hold into their bits.
func (s *orgDelta) hold(o *org) {
	if s.held == nil {
		s.held = map[uint64]*contents{}
	}
	for _, x := range s.Named {
		c := s.held[x.Place]
		if c == nil {
			c = new(contents)
			s.held[x.Place] = c
		}
		c.set(x.Bit)
	}
	s.Named = s.Named[:0]
	if len(s.held) <= 2*mostPlaces { // those that are known are no more than mostPlaces
		return
	}
	unknown := 0
	for _, place := range slices.Sorted(maps.Keys(s.held)) {
		if o.Places[place] != nil {
			continue
		}
		if unknown++; unknown > mostPlaces {
			delete(s.held, place)
		}
	}
}

// list moves the bits of what places hold back into the list, for the encoding.
func (s *orgDelta) list() {
	for place, c := range s.held {
		for bit := range int32(contentBits) {
			if c.has(bit) {
				s.Named = append(s.Named, content{Place: place, Bit: bit})
			}
		}
	}
	s.held = nil
	orderContents(s.Named)
}

// countedVisits are the visits of an hour that make a difference: each once; at a place, those of its readers and
// those of the first of the others, one more than there is room for; and not at more places than can be new.
func (o *org) countedVisits(list []visit) []visit {
	slices.SortFunc(list, byPlace)
	list = slices.Compact(list)
	kept := list[:0]
	var place uint64
	var who uint32
	var u *audience
	places, others := 0, 0
	for _, v := range list {
		if v.Place == 0 { // a person is forgotten
			kept = append(kept, v)
			continue
		}
		if v.Place != place {
			place, who, others, u = v.Place, 0, 0, o.Audiences[v.Place]
			if u == nil {
				places++
			}
		}
		if u == nil && places > maxAudiences {
			continue
		}
		if v.Who != 0 && (u == nil || u.find(v.Who) < 0) {
			if v.Who != who {
				who = v.Who
				others++
			}
			if others > maxReaders+1 {
				continue
			}
		}
		kept = append(kept, v)
	}
	return kept
}

// countedArrivals are the arrivals of an hour that make a difference: of the days of something, the first, if days
// are what is known of it; and not more new things than there is room for.
func (o *org) countedArrivals(list []arrival) []arrival {
	slices.SortFunc(list, arrival.compare)
	kept := list[:0]
	var last arrival
	fresh := 0 // things of the set that are not known
	for i, a := range list {
		same := i > 0 && a.Set == last.Set && a.Key == last.Key
		if i == 0 || a.Set != last.Set {
			fresh = 0
		}
		last = a
		_, known := o.known(a.Set)[a.Key]
		if !known && !same {
			fresh++
		}
		if !known && fresh > limits[a.Set] || same && !counted[a.Set] {
			continue
		}
		kept = append(kept, a)
	}
	return kept
}

// compare orders arrivals.
func (a arrival) compare(b arrival) int {
	return cmp.Or(cmp.Compare(a.Set, b.Set), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Day, b.Day))
}

// emptied is a list without its elements. The memory of a long one is let go.
func emptied[T any](list []T) []T {
	if cap(list) > 16*leastFolded {
		return nil
	}
	return list[:0]
}
