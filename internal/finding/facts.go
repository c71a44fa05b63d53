package finding

import (
	"cmp"
	"slices"
)

// Pick returns the MaxFacts most telling of some facts, of which the more telling come first, without
// duplicates: first one of each kind, then further ones. They are in the order of their kinds.
func Pick(list []Fact) (picked []Fact) {
	take := func(fits func(f Fact) bool) {
		for _, f := range list {
			if len(picked) < MaxFacts && !slices.Contains(picked, f) && fits(f) {
				picked = append(picked, f)
			}
		}
	}
	take(func(f Fact) bool { return !slices.ContainsFunc(picked, func(p Fact) bool { return p.Kind == f.Kind }) })
	take(func(Fact) bool { return true })
	slices.SortStableFunc(picked, func(a, b Fact) int { return cmp.Compare(a.Kind.order(), b.Kind.order()) })
	return picked
}

// order is the place of a kind among others.
func (k FactKind) order() int {
	return slices.Index([]FactKind{FactUnusual, FactTo, FactWho, FactBefore}, k)
}
