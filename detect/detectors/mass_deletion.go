package detectors

import (
	"slices"

	"github.com/outflow/outflow/internal/event"

	"github.com/outflow/outflow/detect"
)

// massDeletion is a user who deletes many files, or objects of an object store (F05).
var massDeletion = &detect.Detector{
	Name: "mass_deletion", Title: "Mass deletion", Techniques: []string{"T1485", "T1070"},
	Needs: append(slices.Clone(fileStores), s3Data),
	Metrics: []detect.Metric{
		{
			Name: "deletes", HalfSaturation: 50, Unit: "files", Weight: .8, Slow: true,
			On:      []event.Class{event.Delete},
			Measure: when(func(a *detect.Enriched) bool { return a.First && detect.FileStore(a.Source) }),
		},
		{
			Name: "deletes_burst", HalfSaturation: 50, Unit: "files within half an hour", Weight: .8, Burst: true,
			On:      []event.Class{event.Delete},
			Measure: when(func(a *detect.Enriched) bool { return a.First && detect.FileStore(a.Source) }),
		},
		{
			Name: "object_deletes", HalfSaturation: 60, Unit: "objects", Weight: .55,
			On: []event.Class{event.Delete}, Measure: deletedObjects,
		},
		{
			Name: "object_deletes_new_bucket", History: true, HalfSaturation: 40, Weight: .6,
			Unit: "objects of buckets new to the person", On: []event.Class{event.Delete},
			Measure: func(a *detect.Enriched) float64 {
				if a.PlaceAge > 1 {
					return 0
				}
				return deletedObjects(a)
			},
		},
		{
			Name: "object_deletes_burst", HalfSaturation: 60, Unit: "objects within half an hour", Weight: .5, Burst: true,
			On: []event.Class{event.Delete}, Measure: deletedObjects,
		},
		{
			Name: "object_batches", HalfSaturation: 3, Unit: "batches of objects", Weight: .8,
			On:      []event.Class{event.Delete},
			Measure: when(func(a *detect.Enriched) bool { return a.First && cloud(a) && a.Object.Folder }),
		},
	},
	Floor: func(c detect.Counts) bool {
		return c.N("deletes") >= 15 || c.N("object_deletes") >= 30 || c.N("object_batches") >= 3
	},
	Indicators: []detect.Indicator{{
		Name: "mail_purged", Weight: 1, Impact: 2, Once: true, On: []event.Class{event.Delete},
		Match: func(a *detect.Enriched) bool { return a.Object.Type == "search" || a.Object.Type == "organization" },
		Describe: func(a *detect.Enriched) string {
			return "deleted what the search " + detect.Quote(a.Object.Name) + " had found in mailboxes (the log does not say how much)"
		},
	}},
	Reason: func(d *detect.Day) string {
		return "deleted " + deleted(d, " of objects (the logs do not say how many)") + d.Where() + d.OfWhich()
	},
	Headline: func(d *detect.Day) string { return "deleted " + deleted(d, " of objects") + d.From() + d.Within() },
	Parts:    []detect.Part{{"object_deletes_new_bucket", "in buckets new to them"}},
}

// deleted says how much was deleted; what batches are of is said after them.
func deleted(d *detect.Day, of string) string {
	var what []string
	if n := d.N("deletes"); n > 0 {
		what = append(what, detect.Amount(n, "file", "files"))
	}
	if n := d.N("object_deletes"); n > 0 {
		what = append(what, detect.Amount(n, "object", "objects"))
	}
	if n := d.N("object_batches"); n > 0 {
		what = append(what, detect.Amount(n, "batch", "batches")+of)
	}
	return detect.List(what)
}

// deletedObjects is how many objects of an object store an event deletes; 0 if the log does not say.
func deletedObjects(a *detect.Enriched) float64 {
	if !a.First || !stored(a) || a.Object.Folder {
		return 0
	}
	return float64(max(a.Items, 1))
}
