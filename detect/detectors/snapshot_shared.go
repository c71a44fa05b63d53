package detectors

import (
	"github.com/outflow/outflow/internal/event"

	"github.com/outflow/outflow/detect"
)

// snapshotShared is a snapshot, an image, a container repository or any other resource of the cloud
// that another party, or a copy of a system that everybody, may use (C04). The organisation's own
// parties are the accounts that its logs come from, and those that the configuration names.
var snapshotShared = &detect.Detector{
	Name: "snapshot_shared", Title: "Snapshot or other cloud resource shared outside", Techniques: []string{"T1537"}, Exfiltration: true,
	Needs: []detect.Need{awsManage},
	Indicators: []detect.Indicator{{
		Name: "snapshot_shared", Weight: 1, Kind: resourceKind, Impact: 2, On: copies, Persists: "snapshot_shared_lasting",
		Match: func(a *detect.Enriched) bool { return copied(a) && a.After != event.Public && a.Foreign != "" },
		Describe: func(a *detect.Enriched) string {
			return "shared the " + a.Object.Type + " " + detect.Quote(a.Object.Name) + " with " + a.ForeignParty() + a.Party.Words()
		},
		Headline: func(a *detect.Enriched) string {
			return "shared the " + a.Object.Type + " " + detect.Named(a.Object.Name) + " with " + a.ForeignParty()
		},
	}, {
		Name: "snapshot_shared_lasting", Weight: 1.1, Impact: 2,
	}, {
		Name: "snapshot_public", Weight: 1.6, Least: detect.LeastShown, Kind: resourceKind, Impact: 3, On: copies,
		Persists: "snapshot_public_lasting",
		Match:    func(a *detect.Enriched) bool { return copied(a) && a.After == event.Public },
		Describe: func(a *detect.Enriched) string {
			return "made the " + a.Object.Type + " " + detect.Quote(a.Object.Name) + " usable by every AWS account"
		},
	}, {
		Name: "snapshot_public_lasting", Weight: 1.6, Least: detect.LeastShown, Impact: 3,
	}, {
		Name: "resource_shared", Weight: 1.1, Kind: resourceKind, Impact: 2, On: copies, Persists: "resource_shared_lasting",
		Match:    func(a *detect.Enriched) bool { return letIn(a) && !a.Sensitive },
		Describe: sayLetIn, Headline: letInHeadline,
	}, {
		Name: "resource_shared_lasting", Weight: 1.2, Impact: 2,
	}, {
		Name: "resource_shared_sensitive", Weight: 1.3, Kind: resourceKind, Impact: 3, On: copies,
		Persists: "resource_shared_sensitive_lasting",
		Match:    func(a *detect.Enriched) bool { return letIn(a) && a.Sensitive },
		Describe: sayLetIn, Headline: letInHeadline,
	}, {
		Name: "resource_shared_sensitive_lasting", Weight: 1.4, Impact: 3,
	}, {
		Name: "foreign_stranger", Weight: .5, Impact: 2, On: copies,
		Match: func(a *detect.Enriched) bool {
			return (letIn(a) || copied(a) && a.After != event.Public && a.Foreign != "") && a.Party.Strange()
		},
	}, {
		Name: "bucket_replicated", Weight: .45, Impact: 1, On: []event.Class{event.ShareUser},
		Match: func(a *detect.Enriched) bool {
			return cloud(a) && a.Outcome == event.Success && len(a.To) == 0 && a.Attr(event.AttrTarget) != ""
		},
		Describe: func(a *detect.Enriched) string {
			return "set up the " + resourceName(a) + " to replicate to " + detect.Quote(a.Attr(event.AttrTarget)) +
				", whose account is not in the log"
		},
	}},
}

var copies = []event.Class{event.ShareUser, event.PolicyChange}

// copied says whether an act is about a copy of a system, rather than a bucket or
// a file.
func copied(a *detect.Enriched) bool {
	return cloud(a) && (a.Object.Type == "snapshot" || a.Object.Type == "image" || a.Object.Type == "repository")
}

// letIn says whether an act lets another party use a resource.
func letIn(a *detect.Enriched) bool {
	return cloud(a) && !copied(a) && a.Outcome == event.Success && a.After != event.Public && a.Foreign != ""
}

func sayLetIn(a *detect.Enriched) string {
	s := "shared the " + resourceName(a) + " with " + a.ForeignParty() + a.Party.Words()
	if t := a.Attr(event.AttrTarget); t != "" {
		s += ", in " + detect.Quote(t)
	}
	if g := a.Attr(event.AttrGrant); g != "" {
		s += ": " + g
	}
	return s
}

func letInHeadline(a *detect.Enriched) string {
	return "shared the " + resource(a, detect.Named) + " with " + a.ForeignParty()
}
