package detectors

import (
	"slices"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// publicLink is a user who makes files reachable without sign-in (B01), each
// once, however often the link is changed.
var publicLink = &detect.Detector{
	Name: "public_link", Title: "Public links", Techniques: []string{"T1567.002", "T1530"},
	Needs:  append(slices.Clone(fileStores), githubAny, atlassianAny, zoomAny),
	Traits: finding.SharesOutside,
	Metrics: []detect.Metric{
		{Name: "public_links", HalfSaturation: 3, Unit: "items", Weight: .55, On: []event.Class{event.ShareLink}, Measure: when(published)},
		{
			Name: "public_links_sensitive", HalfSaturation: 1, Unit: "sensitive items",
			On:      []event.Class{event.ShareLink},
			Measure: when(func(a *detect.Enriched) bool { return published(a) && a.Sensitive }),
		},
	},
	Indicators: []detect.Indicator{{
		Name: "public_sensitive", Weight: .4, Impact: 2, Persists: "public_sensitive_lasting",
		On:    []event.Class{event.ShareLink},
		Match: func(a *detect.Enriched) bool { return published(a) && a.Sensitive },
		Describe: func(a *detect.Enriched) string {
			return "made " + detect.Quote(a.ItemName()) + " public, which looks sensitive"
		},
	}, {
		Name: "repository_public", Weight: 1, Impact: 3, Persists: "repository_public_lasting",
		On:    []event.Class{event.ShareLink},
		Match: func(a *detect.Enriched) bool { return a.Object.Type == "repository" && a.After == event.Public },
		Describe: func(a *detect.Enriched) string {
			return "made the repository " + detect.Quote(a.Object.Name) + " public"
		},
	}, {
		Name: "public_sensitive_lasting", Weight: .4, Impact: 2,
	}, {
		Name: "repository_public_lasting", Weight: 1, Impact: 3,
	}},
	Reason: func(d *detect.Day) string {
		return "made " + detect.Amount(d.N("public_links"), "item", "items") + " reachable for anybody" + d.Where() +
			d.OfWhich("public_links_sensitive", "sensitive")
	},
}

func published(a *detect.Enriched) bool { return a.First && a.After >= event.PublicLink }
