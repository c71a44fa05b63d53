package engine

import (
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/outflow/outflow/internal/event"
)

// TestFold has hours of the same effect whether their lists are folded as they grow or not: also where more is new
// than an organisation remembers, and where readers of a place are forgotten or did not come for long.
func TestFold(t *testing.T) {
	for seed, c := range []struct{ hours, places, people, keys, n int }{
		{4, 3, 40, 50, 40_000},
		{3, 2_000, 30, 3_000, 60_000},
		{2, mostPlaces * 4, 5, limits[apps] * 3, 250_000},
	} {
		rnd := rand.New(rand.NewPCG(uint64(seed), 1))
		plain, folded := newOrg(testCatalog), newOrg(testCatalog)
		for hour := range int64(c.hours) {
			at := 24*30 + hour*(24*12+1) // some readers did not come for long
			whole, parts := newOrgDelta(testCatalog), newOrgDelta(testCatalog)
			add, longest := newOrgDelta(testCatalog), 0
			for i := range c.n {
				add.reset()
				someEffect(rnd, &add, c.places, c.people, c.keys, c.people/2*(c.hours-int(hour)), int32(at/24))
				whole.add(&add)
				parts.add(&add)
				if i%100 == 0 {
					parts.fold(folded)
				}
				longest = max(longest, len(parts.Named)+len(parts.Visits)+len(parts.Arrivals))
			}
			if n := len(whole.Named) + len(whole.Visits) + len(whole.Arrivals); c.places < 10 && longest >= n {
				t.Errorf("the lists have %d elements, and %d if they are not folded", longest, n)
			}
			parts.Visits, parts.Arrivals = folded.countedVisits(parts.Visits), folded.countedArrivals(parts.Arrivals)
			for _, x := range []struct {
				o *org
				s *orgDelta
			}{{plain, &whole}, {folded, &parts}} {
				slices.SortFunc(x.s.Arrivals, arrival.compare)
				x.o.closeHour(at, x.s)
			}
			if !reflect.DeepEqual(plain.Places, folded.Places) || !reflect.DeepEqual(plain.Audiences, folded.Audiences) {
				t.Fatalf("%v: places differ after hour %d", c, hour)
			}
			for set := range limits {
				if !maps.Equal(plain.known(set), folded.known(set)) {
					t.Fatalf("%v: set %d differs after hour %d", c, set, hour)
				}
			}
		}
	}
}

// someEffect adds to a delta something that is noted in a list.
func someEffect(rnd *rand.Rand, add *orgDelta, places, people, keys, first int, today int32) {
	place := uint64(1 + rnd.IntN(places))
	switch rnd.IntN(4) {
	case 0:
		add.Named = append(add.Named, content{Place: place, Bit: int32(rnd.IntN(contentBits))})
	case 1:
		v := visit{Place: place, Who: uint32(first + rnd.IntN(people)), Department: uint32(rnd.IntN(3))}
		if rnd.IntN(1000) == 0 {
			v = visit{Who: v.Who}
		}
		add.Visits = append(add.Visits, v)
	default:
		set := rnd.IntN(len(limits))
		if rnd.IntN(2) == 0 {
			set = apps
		}
		add.arrive(set, uint64(rnd.IntN(keys)), int64(today)-int64(rnd.IntN(3)))
	}
}

// TestFoldedHour keeps an hour small in which the same is said again and again.
func TestFoldedHour(t *testing.T) {
	e := newEngine(Config{}, nil)
	var all []keyed
	for n := range 200_000 {
		d := inFolder(event.View)
		d.ID, d.Time = "", at(1, 0)+11*event.Hour+int64(n)
		d.Key = uint64(n)
		d.Actor = event.Actor{Account: address("ann"), Kind: event.Human}
		d.Client.IP = "203.0.113.7"
		all = append(all, keyed{address("ann"), d})
	}
	feed(t, e, all)
	if n := len(e.deltas[0].People.Arrivals); n == 0 || n > 2*leastFolded {
		t.Errorf("%d arrivals of one network", n)
	}
}
