package detectors

import (
	"slices"

	"github.com/outflow/outflow/internal/event"

	"github.com/outflow/outflow/detect"
)

// unsignedUse is much use without a sign-in: by links that anybody may use, or of a public bucket.
// It is told of the person who opened them or owns them, or else of the place.
var unsignedUse = &detect.Detector{
	Name: "unsigned_use", Title: "Access without a sign-in", Techniques: []string{"T1530", "T1619"},
	Exfiltration: true, Unsigned: true,
	Needs: append(slices.Clone(fileStores), s3Data),
	Metrics: []detect.Metric{
		{
			Name: "unsigned_takes", HalfSaturation: 40, Unit: "files", Weight: .2, On: takesUnsigned,
			Measure: when(firstUnsigned),
		},
		{
			Name: "unsigned_takes_new", HalfSaturation: 20, Weight: .65, Burst: true,
			Unit: "files within half an hour from places not used without a sign-in before", On: takesUnsigned,
			Measure: when(func(a *detect.Enriched) bool { return firstUnsigned(a) && a.PlaceAge <= 1 }),
		},
		{
			Name: "unsigned_takes_sensitive", HalfSaturation: 10, Weight: .15, Unit: "sensitive files", On: takesUnsigned,
			Measure: when(func(a *detect.Enriched) bool { return firstUnsigned(a) && a.Sensitive }),
		},
		{
			Name: "unsigned_bytes", HalfSaturation: 60, Weight: .1, Unit: "bytes", Scale: detect.RootBytes, On: takesUnsigned,
			Measure: func(a *detect.Enriched) float64 {
				if a.ByOutsider {
					return 0
				}
				return float64(max(a.Bytes, 0))
			},
		},
		{
			Name: "unsigned_views", HalfSaturation: 80, Weight: .3, Unit: "files opened", On: []event.Class{event.View},
			Measure: when(firstUnsigned),
		},
		{
			Name: "unsigned_deletes_new", HalfSaturation: 10, Weight: .8,
			Unit: "files deleted in places where nothing was deleted without a sign-in before", On: []event.Class{event.Delete},
			Measure: when(func(a *detect.Enriched) bool { return firstUnsigned(a) && a.PlaceAge <= 1 }),
		},
	},
	Floor: func(c detect.Counts) bool {
		return c.N("unsigned_takes") >= 20 || c.N("unsigned_bytes") >= 500e6 || c.N("unsigned_views") >= 100 ||
			c.N("unsigned_deletes_new") >= 5
	},
	Reason: func(d *detect.Day) string {
		s := unsignedTakes(d) + d.Where() + d.OfWhich()
		if d.Service {
			return s + "; who made this public is not known"
		}
		return s + "; this person made it public, or owns it"
	},
	Headline: func(d *detect.Day) string { return unsignedTakes(d) + d.From() + d.Within() },
	Whole:    "unsigned_takes",
	Parts:    []detect.Part{{"unsigned_takes_sensitive", "sensitive"}},
}

// unsignedTakes says what was done without a sign-in.
func unsignedTakes(d *detect.Day) string {
	one, many := "file", "files"
	if s := d.Evidence.Sources; len(s) == 1 && s[0] == event.CloudTrail {
		one, many = "object", "objects"
	}
	var what []string
	for _, x := range [...][2]string{
		{"unsigned_takes", "downloaded"}, {"unsigned_views", "opened"}, {"unsigned_deletes_new", "deleted"},
	} {
		if n := d.N(x[0]); n > 0 {
			what = append(what, detect.Amount(n, one+" was ", many+" were ")+x[1])
		}
	}
	return detect.List(what) + " without a sign-in" + detect.InBytes(d.N("unsigned_bytes"))
}

var takesUnsigned = []event.Class{event.Download, event.Sync, event.Copy}

func firstUnsigned(a *detect.Enriched) bool { return a.First && !a.ByOutsider }
