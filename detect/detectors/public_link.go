package detectors

import (
	"cmp"
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
		{
			Name: "public_reached", HalfSaturation: 60, Unit: "files in folders made public", Weight: .5, On: opensFolders,
			Measure: reaches(func(a *detect.Enriched) bool { return published(a) }),
		},
		{
			Name: "public_reached_sensitive", HalfSaturation: 20, Unit: "sensitive files in folders made public", Weight: .8,
			On: opensFolders, Measure: reaches(func(a *detect.Enriched) bool { return published(a) && a.Sensitive }),
		},
	},
	Indicators: []detect.Indicator{{
		Name: "public_sensitive", Weight: .4, Impact: 2, Persists: "public_sensitive_lasting",
		On:    []event.Class{event.ShareLink},
		Match: func(a *detect.Enriched) bool { return published(a) && a.Sensitive },
		Describe: func(a *detect.Enriched) string {
			return "made " + detect.Quote(a.ItemName()) + " public, which looks sensitive"
		},
		Headline: func(a *detect.Enriched) string {
			return "made the sensitive " + cmp.Or(a.Object.Type, "item") + " " + detect.Named(a.Object.Name) + " public"
		},
	}, {
		Name: "folder_public", Weight: .5, Impact: 2, Persists: "folder_public_lasting",
		On:    []event.Class{event.ShareLink},
		Match: func(a *detect.Enriched) bool { return published(a) && a.OpensBelow() && !a.Sensitive },
		Describe: func(a *detect.Enriched) string {
			return "made the " + wholeThing(a) + " " + detect.Quote(a.Object.Name) + " and everything in it public"
		},
	}, {
		Name: "folder_public_sensitive", Weight: 1.1, Impact: 3, Persists: "folder_public_sensitive_lasting",
		On:    []event.Class{event.ShareLink},
		Match: func(a *detect.Enriched) bool { return published(a) && a.OpensBelow() && a.Sensitive },
		Describe: func(a *detect.Enriched) string {
			return "made the " + wholeThing(a) + " " + detect.Quote(a.Object.Name) + " and everything in it public"
		},
	}, {
		Name: "folder_public_lasting", Weight: .5, Impact: 2,
	}, {
		Name: "folder_public_sensitive_lasting", Weight: 1.2, Impact: 3,
	}, {
		Name: "repository_public", Weight: 1, Least: detect.LeastShown, Seldom: true, Impact: 3, Persists: "repository_public_lasting",
		On:    []event.Class{event.ShareLink},
		Match: func(a *detect.Enriched) bool { return a.Object.Type == "repository" && a.After == event.Public },
		Describe: func(a *detect.Enriched) string {
			return "made the repository " + detect.Quote(a.Object.Name) + " public"
		},
	}, {
		Name: "public_sensitive_lasting", Weight: .4, Impact: 2,
	}, {
		Name: "repository_public_lasting", Weight: 1, Least: detect.LeastShown, Seldom: true, Impact: 3,
	}},
	Reason: func(d *detect.Day) string {
		return madePublic(d) + d.In() + d.OfWhich() + below(d.N("public_reached"))
	},
	Headline: func(d *detect.Day) string { return madePublic(d) + d.InServices() + d.Within() },
	Whole:    "public_links",
	Parts:    []detect.Part{{"public_links_sensitive", "sensitive"}},
}

// madePublic says how many items were made public, and how.
func madePublic(d *detect.Day) string {
	n := d.N("public_links")
	if slices.ContainsFunc(d.Evidence.Sources, func(s event.Source) bool { return !detect.FileStore(s) }) {
		return "made " + detect.Amount(n, "item", "items") + " public"
	}
	if n == 1 {
		return "created a public link to 1 item"
	}
	return "created public links to " + detect.Number(n) + " items"
}

func published(a *detect.Enriched) bool { return a.First && a.After >= event.PublicLink }

// opensFolders are the classes of what opens folders: a share, and what the objects below inherit, which
// some vendors log.
var opensFolders = []event.Class{event.ShareLink, event.ShareUser, event.Inherited}

// reaches measures how many files below a folder an act reaches.
func reaches(holds func(a *detect.Enriched) bool) func(a *detect.Enriched) float64 {
	return func(a *detect.Enriched) float64 {
		switch {
		case !holds(a):
			return 0
		case a.Class == event.Inherited:
			return 1
		}
		return float64(a.Reach)
	}
}

// below says how many files are known to be below what was opened.
func below(files float64) string {
	if files == 0 {
		return ""
	}
	return ", reaching at least " + detect.Amount(files, "file", "files")
}
