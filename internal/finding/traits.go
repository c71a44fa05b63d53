package finding

import (
	"maps"
	"slices"
)

// Traits are properties of a detector that the handling of its findings and alerts depends on:
// a set of bits. They are not stored, and apply to old alerts, too.
type Traits uint8

// The traits.
const (
	// AboutData marks a detector that reports on the data rather than on a person. Its findings
	// make those of other detectors less certain, except if it is AboutMany.
	AboutData Traits = 1 << iota
	// AboutLeavers marks a detector that reports only on people who are leaving.
	AboutLeavers
	// NeverSuppressed marks a detector whose alerts cannot be suppressed, because it reports
	// that other detectors miss data.
	NeverSuppressed
	// ChangesSettings marks a detector that reports a change of what a service allows.
	ChangesSettings
	// SharesOutside marks a detector that reports data shared outside the organisation.
	SharesOutside
	// TakesData marks a detector that sees data leave.
	TakesData
	// AboutMany marks a detector that reports what many people did alike: no data is missing.
	AboutMany
)

// Detectors are the traits of detectors by name. An unknown detector has none.
type Detectors map[string]Traits

// Any reports whether one of the named detectors has one of the traits in t.
func (d Detectors) Any(names []string, t Traits) bool {
	return slices.ContainsFunc(names, func(name string) bool { return d[name]&t != 0 })
}

// With returns the names of the detectors that have one of the traits in t, sorted.
func (d Detectors) With(t Traits) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(d)) {
		if d[name]&t != 0 {
			names = append(names, name)
		}
	}
	return names
}
