package detect

import (
	"cmp"

	"github.com/outflow/outflow/internal/event"
)

// bucketPublic is a bucket, an object or another resource of the cloud that a
// policy, an access list or a setting opens to everybody (C01, C06). The effective grant is evaluated when the record is decoded:
// any form of the wildcard principal, conditions, and grants to all users.
var bucketPublic = &Detector{
	Name: "bucket_public", Title: "Bucket or other resource made public", Techniques: []string{"T1530", "T1537"},
	Facts: []Fact{{
		Name: "bucket_public", Weight: .8, Stake: 2, Lasts: "bucket_public_lasting", On: []event.Class{event.PolicyChange, event.Upload}, Holds: func(a *Act) bool { return opened(a) && !a.Sensitive },
		Say: sayOpened,
	}, {
		Name: "bucket_public_sensitive", Weight: 1.6, Stake: 3, Lasts: "bucket_public_sensitive_lasting", On: []event.Class{event.PolicyChange, event.Upload}, Holds: func(a *Act) bool { return opened(a) && a.Sensitive },
		Say: sayOpened,
	}, {
		Name: "bucket_public_lasting", Weight: .65, Stake: 2,
	}, {
		Name: "bucket_public_sensitive_lasting", Weight: 1.6, Stake: 3,
	}},
}

func opened(a *Act) bool {
	return cloud(a) && a.Outcome == event.Success && a.After == event.Public && !copied(a)
}

func sayOpened(a *Act) string {
	what := a.Object.Type + " " + quoted(cmp.Or(a.Object.Container, a.Object.Name))
	if a.Object.Type == "object" {
		what = "object " + quoted(a.Object.Container+"/"+a.Object.Name)
	}
	s := "made the " + what + " public"
	if g := a.Attr(event.AttrGrant); g != "" {
		s += ": " + g
	}
	return s
}
