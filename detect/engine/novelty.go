package engine

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/fxamacker/cbor/v2"

	"github.com/outflow/outflow/internal/cborstate"
)

// novelty is a bounded set of things with the days on which they were first and
// last seen: a hash table with eight bytes a slot, 32 bits of which distinguish things
// apart. Two things out of 8,192 are mistaken for one another twice in a million
// look-ups; a new thing is then not noticed as new.
type novelty struct {
	slots []uint64 // fingerprint 32 · first day 16 · last day 16; 0 is free
	n     int
}

const epoch2000 = 10957 // days from 1970-01-01 to 2000-01-01, from which days are counted

// age notes that something is seen on a day and returns for how many days it has
// been known: 0 on the first day. A set that is full forgets the half of it that
// was not seen for longest.
func (s *novelty) age(key uint64, day int64, limit int) int {
	today := uint64(uint16(day - epoch2000))
	if s.n*4 >= len(s.slots)*3 {
		if s.n >= limit {
			s.forget(limit / 2)
		}
		s.resize(max(8, s.n*2))
	}
	fp := fingerprint(key)
	i := s.find(fp)
	if s.slots[i] == 0 {
		s.slots[i] = fp<<32 | today<<16 | today
		s.n++
		return 0
	}
	first := s.slots[i] >> 16 & 0xffff
	s.slots[i] = fp<<32 | first<<16 | max(today, s.slots[i]&0xffff)
	return int(today) - int(first)
}

// since is how many days ago something was seen last, before today as well as
// today; false if it is not known. It notes nothing.
func (s *novelty) since(key uint64, day int64) (days int, known bool) {
	if s.n == 0 {
		return 0, false
	}
	v := s.slots[s.find(fingerprint(key))]
	return int(uint64(uint16(day-epoch2000))) - int(v&0xffff), v != 0
}

// first is the day on which something was first seen; false if it is not known.
func (s *novelty) first(key uint64) (day int64, known bool) {
	if s.n == 0 {
		return 0, false
	}
	v := s.slots[s.find(fingerprint(key))]
	return int64(v>>16&0xffff) + epoch2000, v != 0
}

func fingerprint(key uint64) uint64 { return max(key>>32, 1) }

// find returns the slot of a fingerprint, or the free slot that it would take.
func (s *novelty) find(fp uint64) int {
	i := int(fp * 0x9e3779b97f4a7c15 >> 32 % uint64(len(s.slots)))
	for s.slots[i] != 0 && s.slots[i]>>32 != fp {
		if i++; i == len(s.slots) {
			i = 0
		}
	}
	return i
}

func (s *novelty) resize(n int) {
	old := s.slots
	s.slots = make([]uint64, n)
	for _, v := range old {
		if v != 0 {
			s.slots[s.find(v>>32)] = v
		}
	}
}

// entries lists what is in the set, the last seen first.
func (s *novelty) entries() []uint64 {
	all := make([]uint64, 0, s.n)
	for _, v := range s.slots {
		if v != 0 {
			all = append(all, v)
		}
	}
	slices.SortFunc(all, func(a, b uint64) int { return cmp.Or(-cmp.Compare(a&0xffff, b&0xffff), cmp.Compare(a, b)) })
	return all
}

// forget keeps what was seen last, n things.
func (s *novelty) forget(n int) {
	all := s.entries()[:n]
	clear(s.slots)
	s.n = n
	for _, v := range all {
		s.slots[s.find(v>>32)] = v
	}
}

// drop forgets what was last seen before a day.
func (s *novelty) drop(before int64) {
	from := uint64(uint16(before - epoch2000))
	kept := s.entries()
	for len(kept) > 0 && kept[len(kept)-1]&0xffff < from { // the last seen come first
		kept = kept[:len(kept)-1]
	}
	*s = novelty{n: len(kept)}
	s.resize(max(8, s.n*2))
	for _, v := range kept {
		s.slots[s.find(v>>32)] = v
	}
}

// MarshalCBOR writes the entries as a byte string.
func (s novelty) MarshalCBOR() ([]byte, error) {
	b := make([]byte, 0, 8*s.n)
	for _, v := range s.entries() {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	return cbor.Marshal(b)
}

// UnmarshalCBOR is its counterpart.
func (s *novelty) UnmarshalCBOR(data []byte) error {
	var b []byte
	if err := cborstate.Unmarshal(data, &b); err != nil {
		return err
	}
	if len(b)%8 != 0 {
		return errors.New("detect: damaged set")
	}
	*s = novelty{n: len(b) / 8}
	s.resize(max(8, s.n*2))
	for ; len(b) > 0; b = b[8:] {
		v := binary.BigEndian.Uint64(b)
		s.slots[s.find(v>>32)] = v
	}
	return nil
}
