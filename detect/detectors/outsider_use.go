package detectors

import (
	"strings"

	"github.com/outflow/outflow/internal/event"

	"github.com/outflow/outflow/detect"
)

// outsiderUse is use by an account of another organisation, in what a person gave it access to: a bucket. It is
// told of that person, since nobody here knows who uses the account.
var outsiderUse = &detect.Detector{
	Name: "outsider_use", Title: "Use by an account that was let in", Techniques: []string{"T1537", "T1530"},
	Exfiltration: true, Unsigned: true,
	Needs: []detect.Need{s3Data},
	Metrics: []detect.Metric{
		{
			Name: "outsider_takes", HalfSaturation: 20, Unit: "objects", Weight: .6, On: takesUnsigned,
			Measure: when(func(a *detect.Enriched) bool { return a.ByOutsider && a.First }),
		},
		{
			Name: "outsider_takes_sensitive", HalfSaturation: 10, Unit: "sensitive objects", Weight: .3, On: takesUnsigned,
			Measure: when(func(a *detect.Enriched) bool { return a.ByOutsider && a.First && a.Sensitive }),
		},
		{
			Name: "outsider_deletes", HalfSaturation: 10, Unit: "objects deleted", Weight: .8, On: []event.Class{event.Delete},
			Measure: when(func(a *detect.Enriched) bool { return a.ByOutsider && a.First }),
		},
	},
	Floor: func(c detect.Counts) bool { return c.N("outsider_takes") >= 5 || c.N("outsider_deletes") >= 3 },
	Reason: func(d *detect.Day) string {
		var what []string
		for _, x := range [...][2]string{{"outsider_takes", "downloaded"}, {"outsider_deletes", "deleted"}} {
			if n := d.N(x[0]); n > 0 {
				what = append(what, detect.Amount(n, "object was ", "objects were ")+x[1])
			}
		}
		s := detect.List(what) + d.Where() + d.Within()
		if t := &d.Evidence.Targets; t.Name != "" {
			s += ", by the account " + detect.Quote(strings.TrimPrefix(t.Name, "aws:"))
		}
		return s + ", to which the person gave access" + d.OfWhich("outsider_takes_sensitive", "sensitive")
	},
}
