package watch

import (
	"math/rand/v2"
	"testing"
)

// TestRecent remembers what a map does, forgets in generations, and takes no more memory then.
func TestRecent(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var r recent
	var all []uint64
	for i := range 5 * maxSeen {
		sum := rnd.Uint64()
		switch {
		case i == 10:
			sum = 0 // also what stands for a free slot
		case i%3 == 1:
			sum = uint64(i) << 40 // hashes that share their lower bits
		}
		if i < 1000 && r.has(sum) {
			t.Fatalf("%x is remembered, and was never added", sum)
		}
		r.add(sum)
		r.add(sum)
		all = append(all, sum)
		if i%997 == 0 {
			for _, back := range []int{0, 1, maxSeen / 2, maxSeen - 1} {
				if back <= i && !r.has(all[i-back]) {
					t.Fatalf("%d: the hash %d before is forgotten", i, back)
				}
			}
		}
	}
	for _, sum := range all[:maxSeen] {
		if r.has(sum) {
			t.Fatalf("%x is remembered after five generations", sum)
		}
	}
	if n := len(r.young.slots) + len(r.old.slots); n > 4*maxSeen {
		t.Errorf("%d slots for %d hashes", n, 2*maxSeen)
	}
}
