package detect

import "github.com/outflow/outflow/internal/event"

// labelDowngrade is a sensitivity label that is lowered or taken off (B12): above
// all where the same item is shared out or downloaded within three days.
var labelDowngrade = &Detector{
	Name: "label_downgrade", Title: "Label lowered, then shared", Techniques: []string{"T1036", "T1567.002"}, Takes: true,
	Metrics: []Metric{
		{Name: "labels_lowered", Half: 5, Harm: .6, Unit: "labels", On: []event.Class{event.LabelChange}, Measure: when(lowered)},
	},
	Facts: []Fact{{
		Name: "unlabelled_shared", Weight: 1.1, Stake: 3, On: []event.Class{event.ShareUser, event.ShareLink}, Holds: func(a *Act) bool {
			return a.Unlabelled && (a.External > 0 || a.After >= event.PublicLink)
		},
		Say: func(a *Act) string {
			return "took the label off " + quoted(itemName(a)) + " or lowered it, then shared it out"
		},
	}, {
		Name: "unlabelled_downloaded", Weight: .6, Stake: 2, Once: true, On: takesFile, Holds: func(a *Act) bool { return a.Unlabelled && byHand(a) },
		Say: func(a *Act) string {
			return "took the label off " + quoted(itemName(a)) + " or lowered it, then downloaded it"
		},
	}},
	Enough: func(d *Day) bool { return d.n("labels_lowered") >= 10 },
	Reason: func(d *Day) string {
		return "lowered or removed the sensitivity label of " + some(d.n("labels_lowered"), "item", "items")
	},
}

func lowered(a *Act) bool {
	return a.Class == event.LabelChange && a.Attr(event.AttrEffect) == "weaker"
}
