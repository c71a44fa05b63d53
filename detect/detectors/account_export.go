package detectors

import (
	"strings"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
)

// accountExport is a whole account, workspace or mailbox that is exported (A09):
// a takeout, a transfer, a migration, a content search. A destination outside the
// service weighs more.
var accountExport = &detect.Detector{
	Name: "account_export", Title: "Whole account, workspace or database exported", Techniques: []string{"T1567.002", "T1530"},
	Exfiltration: true,
	Needs: []detect.Need{takeouts, m365Exchange, slackAny, githubAny, dropboxAny, atlassianAny, snowflakeAny, crmEvents, awsManage,
		anthropicAny},
	Indicators: []detect.Indicator{{
		Name: "account_export", Weight: .6, Kind: deed, Impact: 2, Once: true, On: []event.Class{event.Export},
		Match: func(a *detect.Enriched) bool {
			return !crm(a) && !cloud(a) && !elsewhereBound(a) && !exportsReport(a) && !a.Whole() && !ofOthers(a)
		},
		Describe: func(a *detect.Enriched) string {
			return "started an export in " + a.Source.Title() + ": " + detect.Quote(a.Action)
		},
		Headline: func(a *detect.Enriched) string {
			return "started an export in " + a.Source.Title() + ": " + detect.Named(a.Action)
		},
	}, {
		Name: "account_export_elsewhere", Weight: 1, Impact: 3, Once: true, On: []event.Class{event.Export},
		Match: func(a *detect.Enriched) bool { return !crm(a) && elsewhereBound(a) },
		Describe: func(a *detect.Enriched) string {
			return "started an export from " + a.Source.Title() + " to " + detect.Quote(a.Attr(event.AttrTarget))
		},
	}, {
		Name: "account_export_whole", Weight: 1.3, Least: detect.LeastShown, Kind: deed, Seldom: true, Impact: 3, Once: true,
		On:    []event.Class{event.Export},
		Match: (*detect.Enriched).Whole,
		Describe: func(a *detect.Enriched) string {
			return "started an export of the whole organisation in " + a.Source.Title() + ": " + detect.Quote(a.Action)
		},
		Headline: func(a *detect.Enriched) string {
			return "started an export of the whole organisation in " + a.Source.Title()
		},
	}, {
		Name: "account_export_others", Weight: 1, Kind: deed, Impact: 2, Once: true, On: []event.Class{event.Export},
		Match: func(a *detect.Enriched) bool { return ofOthers(a) && len(a.To) == 0 && !a.Whole() },
		Describe: func(a *detect.Enriched) string {
			s := "started an export of other people's data in " + a.Source.Title() + ": " + detect.Quote(a.Action)
			if a.Object.Name != "" {
				s += " of " + detect.Quote(a.Object.Name)
			}
			return s
		},
		Headline: func(a *detect.Enriched) string {
			return "started an export of other people's data in " + a.Source.Title()
		},
	}, {
		Name: "account_transfer", Weight: .6, Impact: 2, On: []event.Class{event.Export},
		Match:    func(a *detect.Enriched) bool { return ofOthers(a) && len(a.To) > 0 && a.Receiver() != "themselves" },
		Describe: sayTransferred,
	}, {
		Name: "account_transfer_self", Weight: 1.1, Impact: 3, On: []event.Class{event.Export},
		Match:    func(a *detect.Enriched) bool { return ofOthers(a) && a.Receiver() == "themselves" },
		Describe: sayTransferred,
	}, {
		Name: "cloud_export", Weight: 1, Least: detect.LeastShown, Kind: bucketKind, Impact: 2, On: []event.Class{event.Export},
		Match:    func(a *detect.Enriched) bool { return cloud(a) && a.Foreign == "" },
		Describe: sayExported,
	}, {
		Name: "cloud_export_foreign", Weight: 1.4, Least: detect.LeastShown, Impact: 3, On: []event.Class{event.Export},
		Match:    func(a *detect.Enriched) bool { return cloud(a) && a.Foreign != "" },
		Describe: sayExported,
	}},
}

// deed tells exports apart that are made for different reasons: by service and kind of record.
func deed(a *detect.Enriched) string { return a.Source.Title() + ": " + a.Action }

// ofOthers says whether other people's data is exported or handed over.
func ofOthers(a *detect.Enriched) bool { return a.Attr(event.AttrReach) == event.ReachOthers }

func sayTransferred(a *detect.Enriched) string {
	return "transferred the files of " + detect.Quote(a.Object.Name) + " to " + a.Receiver() + " in " + a.Source.Title()
}

// elsewhereBound says whether an export goes to another service. Google names
// the destination of a takeout: BOX, DROPBOX, ONEDRIVE.
func elsewhereBound(a *detect.Enriched) bool {
	d := strings.ToUpper(a.Attr(event.AttrTarget))
	return a.Source == event.GoogleWorkspace && d != "" && !strings.Contains(d, "DRIVE_") && d != "DRIVE" &&
		!strings.Contains(d, "GOOGLE") && !strings.Contains(d, "EMAIL") && !strings.Contains(d, "DOWNLOAD")
}

// bucketKind tells buckets that receive something apart.
func bucketKind(a *detect.Enriched) string { return a.Attr(event.AttrTarget) }

// sayExported says what was exported from AWS, and to which bucket.
func sayExported(a *detect.Enriched) string {
	s := "exported the " + resourceName(a)
	if bucket := a.Attr(event.AttrTarget); bucket != "" {
		s += " to the bucket " + detect.Quote(bucket)
	}
	if a.Foreign != "" {
		s += " of " + a.ForeignParty()
	}
	return s
}
