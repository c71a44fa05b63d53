package engine

import (
	"maps"
	"slices"
	"strings"

	"github.com/outflow/outflow/detect"
)

const (
	maxKinds      = 1 << 12 // of all indicators of an organisation: a hostile log could name any number
	maxKindsToday = 4       // of one indicator, person and day
	maxKindBytes  = 64
	otherKinds    = .05  // share of an indicator's days that count for a kind of which little is known
	kindGone      = .05  // decayed days at which a kind is forgotten
	unseen        = .3   // days on which an indicator, or a kind, counts as seen before it is
	seldomFact    = 3e-4 // share of the days on which one with Seldom keeps its least number of points
	rareFact      = .005 // share of the days on which an indicator with a least number of points is rare
)

// kindKey is what the days with a kind of an indicator are counted by.
func kindKey(indicator, kind string) string { return indicator + "/" + kind }

// kind notes the kind of an indicator that an event has, and says whether it is new today.
func (n *note) kind(f *indicator, a *detect.Enriched) (fresh bool) {
	if f.Kind == nil {
		return false
	}
	kind := f.Kind(a)
	kind = strings.ToValidUTF8(kind[:min(len(kind), maxKindBytes)], "")
	if kind == "" || len(n.Kinds) >= maxKindsToday || slices.Contains(n.Kinds, kind) {
		return false
	}
	n.Kinds = append(n.Kinds, strings.Clone(kind)) // the event's memory is not kept
	return true
}

// seen is on how many days of people an indicator held, or the rarest of some of its kinds. A twentieth of
// the indicator's days counts for each kind: where new ones are frequent, another is no surprise.
func (o *org) seen(i int, kinds []string) (rarest string, days float64) {
	f := &o.catalog.indicators[i]
	assumed := o.assumed(i)
	days = o.Facts[i] + assumed
	for _, kind := range kinds {
		key := kindKey(f.Name, kind)
		n, known := o.Kinds[key]
		if !known && len(o.Kinds) >= maxKinds {
			continue // it may have been seen
		}
		if n += unseen + float64(otherKinds*o.Facts[i]) + assumed; n < days {
			rarest, days = kind, n
		}
	}
	return rarest, days
}

// least is how many points an indicator has at least that was seen on some of so many days.
func (f *indicator) least(seen, days float64) float64 {
	if f.Seldom && seen-unseen > seldomFact*days {
		return 0
	}
	return f.Least
}

// closeKinds takes in the person-days with kinds of indicators that ended since midnight.
func (o *org) closeKinds() {
	for key, n := range o.Kinds {
		if o.Kinds[key] = float64(n * .995); o.Kinds[key] < kindGone {
			delete(o.Kinds, key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(o.KindsAdd)) {
		if _, known := o.Kinds[key]; known || len(o.Kinds) < maxKinds {
			o.Kinds[key] += float64(o.KindsAdd[key])
		}
	}
	clear(o.KindsAdd)
}
