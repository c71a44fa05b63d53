package detectors

import (
	"slices"

	"github.com/outflow/outflow/internal/event"

	"github.com/outflow/outflow/detect"
)

// unsignedUse is much use without a sign-in: by links that anybody may use, or of a public bucket.
// It is told of the person who opened them or owns them, or else of the place.
var unsignedUse = &detect.Detector{
	Name: "unsigned_use", Title: "Use without a sign-in", Techniques: []string{"T1530", "T1619"},
	Exfiltration: true, Unsigned: true,
	Needs: append(slices.Clone(fileStores), s3Data),
	Metrics: []detect.Metric{
		{
			Name: "unsigned_takes", HalfSaturation: 40, Unit: "files", Weight: .2, On: takesUnsigned,
			Measure: when(firstUnsigned),
		},
		{
			Name: "unsigned_takes_new", HalfSaturation: 20, Weight: .65, Burst: true,
			Unit: "files within half an hour, of places from which nothing was taken without a sign-in before", On: takesUnsigned,
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
		one, many := "file", "files"
		if s := d.Evidence.Sources; len(s) == 1 && s[0] == event.CloudTrail {
			one, many = "object", "objects"
		}
		var what []string
		total := 0.0
		for _, x := range [...][2]string{
			{"unsigned_takes", "downloaded"}, {"unsigned_views", "opened"}, {"unsigned_deletes_new", "deleted"},
		} {
			if n := d.N(x[0]); n > 0 {
				total += n
				what = append(what, detect.Amount(n, one+" was ", many+" were ")+x[1])
			}
		}
		s := detect.List(what) + " without a sign-in"
		if b := d.N("unsigned_bytes"); b > 0 {
			s += ", " + detect.Size(b) + ","
		}
		s += d.Where() + d.Within() + d.OfWhich("unsigned_takes_sensitive", "sensitive")
		switch {
		case d.Service:
			s += "; who opened it to anybody is not known"
		case total == 1:
			s += "; the person opened it to anybody, or owns it"
		default:
			s += "; the person opened them to anybody, or owns them"
		}
		return s
	},
}

var takesUnsigned = []event.Class{event.Download, event.Sync, event.Copy}

func firstUnsigned(a *detect.Enriched) bool { return a.First && !a.ByOutsider }
