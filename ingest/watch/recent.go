package watch

import "hash/maphash"

// recent remembers the hashes of the latest events of a stream: at least the last maxSeen of them, and at most twice
// as many, in 16 MB at most. There are two generations; the older one is forgotten when the younger one is full. A hash that is
// forgotten does no harm: the event is appended again, and counts once, by its key.
type recent struct {
	young, old hashSet
}

// maxSeen is how many hashes a generation has.
const maxSeen = 1 << 19

// has reports whether a hash is remembered.
func (r *recent) has(sum uint64) bool { return r.young.has(sum) || r.old.has(sum) }

// add remembers a hash.
func (r *recent) add(sum uint64) {
	if r.young.n >= maxSeen {
		r.young, r.old = r.old, r.young
		r.young.clear()
	}
	r.young.add(sum)
}

// hashSet is a set of hashes: a table with open addressing, eight bytes a slot, at most half of them taken.
type hashSet struct {
	slots []uint64 // 0 is free; as many as a power of two
	n     int
}

var slotSeed = maphash.MakeSeed()

// slot returns the slot of a hash that is not 0, or the free slot that it would take.
func (s *hashSet) slot(sum uint64) int {
	mask := uint64(len(s.slots) - 1)
	i := maphash.Comparable(slotSeed, sum) & mask // what records hold cannot put them all in one place
	for s.slots[i] != 0 && s.slots[i] != sum {
		i = (i + 1) & mask
	}
	return int(i)
}

// has reports whether a hash is in the set.
func (s *hashSet) has(sum uint64) bool {
	sum = max(sum, 1)
	return s.n > 0 && s.slots[s.slot(sum)] == sum
}

// add adds a hash.
func (s *hashSet) add(sum uint64) {
	sum = max(sum, 1)
	if 2*s.n >= len(s.slots) {
		before := s.slots
		s.slots = make([]uint64, max(256, 2*len(before)))
		for _, sum := range before {
			if sum != 0 {
				s.slots[s.slot(sum)] = sum
			}
		}
	}
	if i := s.slot(sum); s.slots[i] == 0 {
		s.slots[i] = sum
		s.n++
	}
}

// clear empties the set, and keeps its table.
func (s *hashSet) clear() {
	clear(s.slots)
	s.n = 0
}
