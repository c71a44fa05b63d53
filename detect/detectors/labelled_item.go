package detectors

import (
	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
)

// labelledItem is something with a top sensitivity label that leaves (B05): one
// is enough. It weighs less where it goes to a recipient who has received things
// before.
var labelledItem = &detect.Detector{
	Name: "labelled_item", Title: "Top-classified item shared or downloaded", Techniques: []string{"T1567.002"}, Exfiltration: true,
	Needs: []detect.Need{m365Labels, googleLabels, boxLabels},
	Indicators: []detect.Indicator{{
		Name: "label_shared", Weight: .9, Least: detect.LeastShown, Impact: 3, On: shares,
		Match:    func(a *detect.Enriched) bool { return a.TopLabel && (a.Unknown > 0 || a.After >= event.PublicLink) },
		Describe: sayLabelled, Headline: labelledHeadline,
	}, {
		Name: "label_shared_recipient", Weight: .5, Impact: 2, On: shares, Match: func(a *detect.Enriched) bool {
			return a.TopLabel && a.Unknown == 0 && a.NewRecipients > 0 && a.After < event.PublicLink
		},
		Describe: sayLabelled, Headline: labelledHeadline,
	}, {
		Name: "label_shared_known", Weight: .2, Impact: 1, On: shares, Match: func(a *detect.Enriched) bool {
			return a.TopLabel && a.External > 0 && a.Unknown == 0 && a.NewRecipients == 0 && a.After < event.PublicLink
		},
		Describe: sayLabelled, Headline: labelledHeadline,
	}, {
		Name: "label_downloaded", Weight: .15, Impact: 1, Once: true, On: []event.Class{event.Download},
		Match: func(a *detect.Enriched) bool { return a.TopLabel && byHand(a) },
		Describe: func(a *detect.Enriched) string {
			return "downloaded " + detect.Quote(a.ItemName()) + ", labelled " + detect.Quote(a.Object.Label)
		},
	}},
}

var shares = []event.Class{event.ShareUser, event.ShareLink}

func sayLabelled(a *detect.Enriched) string {
	return "shared " + detect.Quote(a.ItemName()) + ", labelled " + detect.Quote(a.Object.Label) + ", with " + sharedWith(a, detect.Quote)
}

func labelledHeadline(a *detect.Enriched) string {
	return "shared the " + detect.Quote(a.Object.Label) + " item " + detect.Named(a.Object.Name) + " with " + sharedWith(a, detect.Named)
}

// sharedWith names the first outsider who received something.
func sharedWith(a *detect.Enriched, name func(string) string) string {
	if o := a.Outsider(); o != "" {
		return name(o)
	}
	return "anyone who has the link"
}
