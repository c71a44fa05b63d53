package detect

import "github.com/outflow/outflow/internal/event"

// objectStoreRead is somebody who reads much from an object store (A06).
var objectStoreRead = &Detector{
	Name: "object_store_read", Title: "Bulk read of an object store", Techniques: []string{"T1530", "T1537"}, Weight: .7, Takes: true,
	Metrics: []Metric{
		{Name: "objects", Half: 60, Unit: "objects", Harm: .9, On: takesFile, Measure: when(func(a *Act) bool { return a.First && cloud(a) })},
		{Name: "objects_new_bucket", History: true, Half: 40, Unit: "objects from buckets new to the person", On: takesFile, Measure: when(func(a *Act) bool { return a.First && cloud(a) && a.PlaceAge <= 1 })},
		{Name: "object_bytes", Half: 30, Unit: "bytes", Harm: .8, Scale: RootBytes, On: takesFile, Measure: func(a *Act) float64 {
			if cloud(a) {
				return float64(max(a.Bytes, 0))
			}
			return 0
		}},
		{Name: "objects_burst", Half: 60, Unit: "objects within half an hour", Harm: .9, Burst: true, On: takesFile, Measure: when(func(a *Act) bool { return a.First && cloud(a) })},
		{Name: "object_lists", Half: 10, Unit: "listings", Harm: .3, On: []event.Class{event.List}, Measure: when(cloud)},
	},
	Enough: func(d *Day) bool { return d.n("objects") >= 20 || d.n("object_bytes") >= 50e6 },
	Reason: func(d *Day) string {
		s := "read " + some(d.n("objects"), "object", "objects")
		if b := d.n("object_bytes"); b > 0 {
			s += ", " + size(b) + ","
		}
		return s + d.where("object_store_read") + d.within("object_store_read") + d.of("objects_new_bucket", "in buckets new to them")
	},
}

func cloud(a *Act) bool { return a.Source == event.CloudTrail }
