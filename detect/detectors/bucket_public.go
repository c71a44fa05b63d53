package detectors

import (
	"cmp"
	"strings"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
)

// bucketPublic is a bucket, an object or another resource of the cloud that a
// policy, an access list or a setting opens to everybody (C01, C06). The effective grant is evaluated when the
// record is decoded: any form of the wildcard principal, conditions, and grants to all users.
var bucketPublic = &detect.Detector{
	Name: "bucket_public", Title: "Bucket or other resource made public", Techniques: []string{"T1530", "T1537"},
	Needs: []detect.Need{awsManage},
	Indicators: []detect.Indicator{{
		Name: "bucket_public", Weight: .8, Kind: resourceKind, Impact: 2, Persists: "bucket_public_lasting",
		On:       []event.Class{event.PolicyChange, event.Upload},
		Match:    func(a *detect.Enriched) bool { return opened(a) && !a.Sensitive && !internal(a) },
		Describe: sayOpened, Headline: openedHeadline,
	}, {
		Name: "bucket_public_sensitive", Weight: 1.6, Least: detect.LeastShown, Kind: resourceKind, Impact: 3,
		Persists: "bucket_public_sensitive_lasting",
		On:       []event.Class{event.PolicyChange, event.Upload},
		Match:    func(a *detect.Enriched) bool { return opened(a) && a.Sensitive },
		Describe: sayOpened, Headline: openedHeadline,
	}, {
		Name: "resource_public", Weight: 1.2, Least: detect.LeastShown, Kind: resourceKind, Impact: 2, Persists: "resource_public_lasting",
		On:       []event.Class{event.PolicyChange},
		Match:    func(a *detect.Enriched) bool { return opened(a) && !a.Sensitive && internal(a) },
		Describe: sayOpened, Headline: openedHeadline,
	}, {
		Name: "resource_public_lasting", Weight: 1.2, Least: detect.LeastShown, Impact: 2,
	}, {
		Name: "bucket_public_lasting", Weight: .65, Impact: 2,
	}, {
		Name: "bucket_public_sensitive_lasting", Weight: 1.6, Least: detect.LeastShown, Impact: 3,
	}},
}

func opened(a *detect.Enriched) bool {
	return cloud(a) && a.Outcome == event.Success && a.After == event.Public && !copied(a)
}

// neverPublic are types of resources that no website needs: buckets, objects, functions, databases
// and search domains may be public for a reason.
var neverPublic = map[string]bool{
	"access point": true, "access grants instance": true, "table bucket": true, "vector bucket": true, "table": true,
	"key": true, "role": true, "secret": true, "parameter": true,
	"queue": true, "topic": true, "stream": true, "cluster": true, "event bus": true, "log destination": true,
	"file system": true, "backup": true, "backup vault": true, "vault": true,
	"data catalog": true, "data lake": true, "data warehouse": true, "data share": true,
	"registry": true, "package domain": true, "package repository": true,
}

// resourceKind tells resources apart by their type.
func resourceKind(a *detect.Enriched) string { return a.Object.Type }

// internal says whether a resource is one that no website needs. A function may be called by everybody at
// an address of its own, but not by everybody who has an account of AWS.
func internal(a *detect.Enriched) bool {
	g := a.Attr(event.AttrGrant)
	return neverPublic[a.Object.Type] ||
		a.Object.Type == "function" && strings.Contains(g, "lambda:") && !strings.Contains(g, "lambda:InvokeFunctionUrl")
}

func sayOpened(a *detect.Enriched) string {
	s := "made the " + resourceName(a) + " public"
	if g := a.Attr(event.AttrGrant); g != "" {
		s += ": " + g
	}
	return s
}

func openedHeadline(a *detect.Enriched) string {
	return "made the " + resource(a, detect.Named) + " public"
}

// resourceName names a resource of the cloud with its type.
func resourceName(a *detect.Enriched) string { return resource(a, detect.Quote) }

func resource(a *detect.Enriched, name func(string) string) string {
	if a.Object.Type == "object" {
		return "object " + name(a.Object.Container+"/"+a.Object.Name)
	}
	return a.Object.Type + " " + name(cmp.Or(a.Object.Container, a.Object.Name))
}
