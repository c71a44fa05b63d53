package detectors

import (
	"cmp"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
)

// bucketPublic is a bucket, an object or another resource of the cloud that a
// policy, an access list or a setting opens to everybody (C01, C06). The effective grant is evaluated when the record is decoded:
// any form of the wildcard principal, conditions, and grants to all users.
var bucketPublic = &detect.Detector{
	Name: "bucket_public", Title: "Bucket or other resource made public", Techniques: []string{"T1530", "T1537"},
	Needs: []detect.Need{awsManage},
	Indicators: []detect.Indicator{{
		Name: "bucket_public", Weight: .8, Impact: 2, Persists: "bucket_public_lasting",
		On:       []event.Class{event.PolicyChange, event.Upload},
		Match:    func(a *detect.Enriched) bool { return opened(a) && !a.Sensitive },
		Describe: sayOpened,
	}, {
		Name: "bucket_public_sensitive", Weight: 1.6, Impact: 3, Persists: "bucket_public_sensitive_lasting",
		On:       []event.Class{event.PolicyChange, event.Upload},
		Match:    func(a *detect.Enriched) bool { return opened(a) && a.Sensitive },
		Describe: sayOpened,
	}, {
		Name: "bucket_public_lasting", Weight: .65, Impact: 2,
	}, {
		Name: "bucket_public_sensitive_lasting", Weight: 1.6, Impact: 3,
	}},
}

func opened(a *detect.Enriched) bool {
	return cloud(a) && a.Outcome == event.Success && a.After == event.Public && !copied(a)
}

func sayOpened(a *detect.Enriched) string {
	what := a.Object.Type + " " + detect.Quote(cmp.Or(a.Object.Container, a.Object.Name))
	if a.Object.Type == "object" {
		what = "object " + detect.Quote(a.Object.Container+"/"+a.Object.Name)
	}
	s := "made the " + what + " public"
	if g := a.Attr(event.AttrGrant); g != "" {
		s += ": " + g
	}
	return s
}
