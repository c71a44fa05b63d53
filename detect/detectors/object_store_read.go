package detectors

import (
	"github.com/outflow/outflow/internal/event"

	"github.com/outflow/outflow/detect"
)

// objectStoreRead is a user who reads much from an object store (A06).
var objectStoreRead = &detect.Detector{
	Name: "object_store_read", Title: "Bulk read of an object store", Techniques: []string{"T1530", "T1537"},
	Weight: .7, Exfiltration: true,
	Needs: []detect.Need{s3Data},
	Metrics: []detect.Metric{
		{
			Name: "objects", HalfSaturation: 60, Unit: "objects", Weight: .9, On: readsObject,
			Measure: when(func(a *detect.Enriched) bool { return a.First && stored(a) }),
		},
		{
			Name: "objects_new_bucket", History: true, HalfSaturation: 40,
			Unit: "objects from buckets new to the person", On: readsObject,
			Measure: when(func(a *detect.Enriched) bool { return a.First && stored(a) && a.PlaceAge <= 1 }),
		},
		{
			Name: "objects_signed_link", History: true, HalfSaturation: 30, Weight: .9,
			Unit: "objects by pre-signed URLs from unknown networks", On: readsObject,
			Measure: when(func(a *detect.Enriched) bool { return a.First && stored(a) && a.Strange && a.Signed() }),
		},
		{Name: "object_bytes", HalfSaturation: 30, Unit: "bytes", Weight: .8, Scale: detect.RootBytes, On: readsObject,
			Measure: func(a *detect.Enriched) float64 {
				if stored(a) {
					return float64(max(a.Bytes, 0))
				}
				return 0
			}},
		{
			Name: "objects_burst", HalfSaturation: 60, Unit: "objects within half an hour", Weight: .9, Burst: true,
			On: readsObject, Measure: when(func(a *detect.Enriched) bool { return a.First && stored(a) }),
		},
		{Name: "object_lists", HalfSaturation: 10, Unit: "listings", Weight: .3, On: []event.Class{event.List}, Measure: when(cloud)},
	},
	Floor: func(c detect.Counts) bool { return c.N("objects") >= 20 || c.N("object_bytes") >= 50e6 },
	Reason: func(d *detect.Day) string {
		return objectsRead(d) + d.Where() + d.OfWhich() + copiesTo(d)
	},
	Headline: func(d *detect.Day) string { return objectsRead(d) + d.From() + d.Within() },
	Whole:    "objects",
	Parts: []detect.Part{
		{"objects_new_bucket", "in buckets new to them"}, {"objects_signed_link", "by pre-signed URLs from unknown networks"},
	},
}

// readsObject are the classes of what reads an object: a copy into another bucket does, too.
var readsObject = []event.Class{event.Download, event.Copy}

// objectsRead says how many objects were read, and how many bytes.
func objectsRead(d *detect.Day) string {
	return "read " + detect.Amount(d.N("objects"), "object", "objects") + detect.InBytes(d.N("object_bytes"))
}

// copiesTo says to which bucket objects were copied; "" if none were.
func copiesTo(d *detect.Day) string {
	switch t := &d.Evidence.Targets; {
	case t.Name == "":
		return ""
	case t.Share > .95:
		return "; copies went to " + detect.Quote(t.Name)
	case t.Share >= .5:
		return "; copies went mostly to " + detect.Quote(t.Name)
	default:
		return "; copies went to " + detect.Amount(float64(t.Names), "bucket", "buckets")
	}
}

// stored says whether an act is about an object in a bucket, rather than a secret, or a copy of a system.
func stored(a *detect.Enriched) bool {
	return cloud(a) && (a.Object.Type == "object" || a.Object.Type == "")
}

func cloud(a *detect.Enriched) bool { return a.Source == event.CloudTrail }
