package finding

import (
	"maps"
	"slices"
)

// Traits are what those who handle findings, and the alerts made of them, need to know of a
// detector: a set of bits. They are not stored; they hold for old alerts, too.
type Traits uint8

// The traits.
const (
	// AboutData is a detector that speaks about the data rather than about a person: what
	// it sees makes the judgement of others less certain.
	AboutData Traits = 1 << iota
	// AboutLeavers is one that speaks of people who leave, and of nobody else.
	AboutLeavers
	// NeverSuppressed is one whose alerts cannot be suppressed, because it reports that
	// others go blind.
	NeverSuppressed
	// ChangesSettings is one that sees a change of what a service allows.
	ChangesSettings
	// SharesOutside is one that sees data being shared outside the organisation.
	SharesOutside
)

// Detectors are the traits of detectors by their names. Those of a detector that is not known
// are none.
type Detectors map[string]Traits

// Any says whether one of some detectors has one of some traits.
func (d Detectors) Any(names []string, t Traits) bool {
	return slices.ContainsFunc(names, func(name string) bool { return d[name]&t != 0 })
}

// With lists the detectors that have one of some traits, by name.
func (d Detectors) With(t Traits) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(d)) {
		if d[name]&t != 0 {
			names = append(names, name)
		}
	}
	return names
}
