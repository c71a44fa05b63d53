package detectors

import (
	"slices"
	"strings"

	"github.com/outflow/outflow/internal/event"

	"github.com/outflow/outflow/detect"
)

// outsiderUse is use by an account of another organisation, in what a person gave it access to: a bucket. It is
// told of that person, since nobody here knows who uses the account.
var outsiderUse = &detect.Detector{
	Name: "outsider_use", Title: "Access by an outside account", Techniques: []string{"T1537", "T1530"},
	Exfiltration: true, Unsigned: true,
	Needs: []detect.Need{s3Data},
	Metrics: []detect.Metric{{
		Name: "outsider_takes", HalfSaturation: 20, Unit: "objects", Weight: .6, On: append(slices.Clone(takesUnsigned), event.Delete),
		Measure: when(func(a *detect.Enriched) bool { return a.ByOutsider && a.First }),
	}},
	Floor: func(c detect.Counts) bool { return c.N("outsider_takes") >= 5 },
	Reason: func(d *detect.Day) string {
		s := outsiderTakes(d)
		if t := &d.Evidence.Targets; t.Name != "" {
			s += " by the account " + detect.Quote(strings.TrimPrefix(t.Name, "aws:")) + ", to which this person gave access,"
		} else {
			s += " by an account to which this person gave access"
		}
		return s + d.Where()
	},
	Headline: func(d *detect.Day) string { return outsiderTakes(d) + " by an outside account" + d.From() + d.Within() },
}

// outsiderTakes says how much was taken or deleted.
func outsiderTakes(d *detect.Day) string {
	return detect.Amount(d.N("outsider_takes"), "object was", "objects were") + " downloaded or deleted"
}
