package detect

import "github.com/outflow/outflow/internal/event"

// sharingPolicy is a setting of the whole organisation that widens what may be
// shared outside (B10).
var sharingPolicy = &Detector{
	Name: "sharing_policy", Title: "Sharing policy weakened", Techniques: []string{"T1484.002", "T1562"},
	Facts: policyFacts("sharing"),
}

// policyFacts are those of a policy of a kind: weakened, or changed in a
// direction that the record does not tell.
func policyFacts(kind string) []Fact {
	changed := []event.Class{event.ConfigChange}
	what := func(a *Act) string {
		s := quoted(a.Action)
		if t := a.Attr(event.AttrTarget); t != "" {
			s = quoted(t)
		} else if a.Object.Name != "" {
			s += " on " + quoted(a.Object.Name)
		}
		return s + " in " + a.Source.Title()
	}
	return []Fact{{
		Name: kind + "_weakened", Weight: 1, Stake: 2, On: changed, Lasts: kind + "_weakened_lasting",
		Holds: func(a *Act) bool {
			return a.Attr(event.AttrPolicy) == kind && a.Attr(event.AttrEffect) == "weaker"
		},
		Say: func(a *Act) string { return "weakened the " + kind + " policy: " + what(a) },
	}, {
		Name: kind + "_weakened_lasting", Weight: 1.2, Stake: 2,
	}, {
		Name: kind + "_changed", Weight: .4, Stake: 1, On: changed,
		Holds: func(a *Act) bool { return a.Attr(event.AttrPolicy) == kind && a.Attr(event.AttrEffect) == "" },
		Say:   func(a *Act) string { return "changed the " + kind + " policy: " + what(a) },
	}}
}
