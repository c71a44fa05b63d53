package detect

import "github.com/outflow/outflow/internal/event"

// takeoutSequence is the same files downloaded, then shared out or made public,
// or deleted, within three days (H01). Files are told apart by id, so renaming one
// changes nothing; three stages weigh more than two.
var takeoutSequence = &Detector{
	Name: "takeout_sequence", Title: "Download, then share or delete", Techniques: []string{"T1119", "T1567", "T1070"}, Takes: true,
	Metrics: []Metric{
		{Name: "downloaded_then_shared", Half: 1, Unit: "files", On: []event.Class{event.ShareUser, event.ShareLink}, Measure: when(func(a *Act) bool { return a.SharedAfterDownload })},
		{Name: "downloaded_then_deleted", Half: 2, Unit: "files", On: []event.Class{event.Delete}, Measure: when(func(a *Act) bool { return a.DeletedAfterDownload })},
	},
	Facts: []Fact{{
		Name: "three_stages", Weight: 1, Stake: 3, On: []event.Class{event.ShareUser, event.ShareLink, event.Delete}, Holds: func(a *Act) bool { return a.Stages >= 3 },
		Say: func(a *Act) string {
			if a.Class == event.Delete {
				return "deleted " + quoted(itemName(a)) + " after taking it and hiding it or sharing it out"
			}
			return "took " + quoted(itemName(a)) + ", hid it under another name or label, and shared it out"
		},
	}},
	Enough: func(d *Day) bool { return d.n("downloaded_then_shared")+d.n("downloaded_then_deleted") >= 2 },
	Reason: func(d *Day) string {
		var done []string
		if n := d.n("downloaded_then_shared"); n > 0 {
			done = append(done, "shared "+number(n)+" of them out")
		}
		if n := d.n("downloaded_then_deleted"); n > 0 {
			done = append(done, "deleted "+number(n)+" of them")
		}
		return "downloaded files, then " + list(done)
	},
}
