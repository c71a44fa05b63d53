package detectors

import (
	"github.com/outflow/outflow/internal/event"

	"github.com/outflow/outflow/detect"
)

// snapshotShared is a snapshot, an image or a container repository that another
// account, or everybody, may use (C04). The organisation's accounts are those
// that its own logs come from, and those that the configuration names.
var snapshotShared = &detect.Detector{
	Name: "snapshot_shared", Title: "Snapshot, image or repository shared outside", Techniques: []string{"T1537"}, Exfiltration: true,
	Needs: []detect.Need{awsManage},
	Indicators: []detect.Indicator{{
		Name: "snapshot_shared", Weight: 1, Impact: 2, On: copies, Persists: "snapshot_shared_lasting",
		Match: func(a *detect.Enriched) bool { return copied(a) && a.After != event.Public && a.Foreign != "" },
		Describe: func(a *detect.Enriched) string {
			return "shared the " + a.Object.Type + " " + detect.Quote(a.Object.Name) + " with the account " + detect.Quote(a.Foreign)
		},
	}, {
		Name: "snapshot_shared_lasting", Weight: 1.1, Impact: 2,
	}, {
		Name: "snapshot_public", Weight: 1.6, Impact: 3, On: copies, Persists: "snapshot_public_lasting",
		Match: func(a *detect.Enriched) bool { return copied(a) && a.After == event.Public },
		Describe: func(a *detect.Enriched) string {
			return "made the " + a.Object.Type + " " + detect.Quote(a.Object.Name) + " usable by every AWS account"
		},
	}, {
		Name: "snapshot_public_lasting", Weight: 1.6, Impact: 3,
	}},
}

var copies = []event.Class{event.ShareUser, event.PolicyChange}

// copied says whether an act is about a copy of a system, rather than a bucket or
// a file.
func copied(a *detect.Enriched) bool {
	return cloud(a) && (a.Object.Type == "snapshot" || a.Object.Type == "image" || a.Object.Type == "repository")
}
