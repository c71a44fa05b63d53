package detectors

import (
	"slices"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// externalSharing is a user who shares much with outsiders (B02): pairs of an
// item and a recipient, each once. Partners the organisation has long shared with
// weigh little, since sharing with them is nothing new.
var externalSharing = &detect.Detector{
	Name: "external_sharing", Title: "External sharing", Techniques: []string{"T1567.002"}, Exfiltration: true,
	Privilege: detect.PrivilegeOutside,
	Needs:     append(slices.Clone(fileStores), githubAny),
	Traits:    finding.SharesOutside,
	Metrics: []detect.Metric{
		{
			Name: "external_shares", HalfSaturation: 6, Unit: "shares", Weight: .5, On: sharesWithPeople,
			Measure: func(a *detect.Enriched) float64 { return float64(a.External) },
		},
		{
			Name: "external_shares_unknown", History: true, HalfSaturation: 5,
			Unit: "shares with parties new here or personal domains", Slow: true, On: sharesWithPeople,
			Measure: func(a *detect.Enriched) float64 { return float64(a.Unknown - a.Own) },
		},
		{
			Name: "external_shares_new", History: true, HalfSaturation: 3,
			Unit: "shares with recipients new to the person", Weight: .6, On: sharesWithPeople,
			Measure: func(a *detect.Enriched) float64 { return float64(a.NewRecipients) },
		},
		{
			Name: "external_shares_burst", HalfSaturation: 6, Unit: "shares within half an hour", Weight: .5,
			Burst: true, On: sharesWithPeople,
			Measure: func(a *detect.Enriched) float64 { return float64(a.External) },
		},
		{Name: "external_shares_sensitive", HalfSaturation: 4, Unit: "sensitive items shared", Weight: .6,
			On: sharesWithPeople,
			Measure: func(a *detect.Enriched) float64 {
				if a.Sensitive {
					return float64(a.External)
				}
				return 0
			}},
		{
			Name: "external_shares_self", HalfSaturation: 5, Unit: "shares with their own private address", Slow: true,
			On: sharesWithPeople, Measure: func(a *detect.Enriched) float64 { return float64(a.Own) },
		},
		{
			Name: "external_reached", Unscored: true, Unit: "files in folders given to outsiders", On: opensFolders,
			Measure: reaches(givenOutside),
		},
	},
	Indicators: []detect.Indicator{{
		Name: "drive_shared", Weight: 1, Impact: 2, On: sharesWithPeople,
		Match: func(a *detect.Enriched) bool { return a.External > 0 && a.Object.Type == "shared_drive" },
		Describe: func(a *detect.Enriched) string {
			return "gave " + detect.Quote(a.Outsider()) + " access to everything in the shared drive " + detect.Quote(a.ObjectName())
		},
	}, {
		Name: "folder_stranger", Weight: 1, Impact: 2, On: sharesWithPeople,
		Match: func(a *detect.Enriched) bool { return a.LetsIn() && a.Party.Strange() },
		Describe: func(a *detect.Enriched) string {
			return "gave " + letInParty(a) + "access to the " + wholeThing(a) + " " + detect.Quote(a.ObjectName())
		},
		Headline: func(a *detect.Enriched) string {
			return "gave " + detect.Named(a.Party.Account) + " access to the " + wholeThing(a) + " " + detect.Named(a.ObjectName())
		},
	}, {
		Name: "repository_stranger", Weight: 1.2, Impact: 2, On: sharesWithPeople,
		Match: func(a *detect.Enriched) bool {
			return a.External > 0 && a.Object.Type == "repository" && a.Role() != "owner" && a.Party.Strange()
		},
		Describe: func(a *detect.Enriched) string {
			return "gave " + letInParty(a) + "access to the repository " + detect.Quote(a.ObjectName())
		},
		Headline: func(a *detect.Enriched) string {
			return "gave " + detect.Named(a.Party.Account) + " access to the repository " + detect.Named(a.ObjectName())
		},
	}, {
		Name: "owner_stranger", Weight: .5, Impact: 2, On: sharesWithPeople,
		Match: func(a *detect.Enriched) bool { return a.Role() == "owner" && a.External > 0 && a.Party.Strange() },
	}, {
		Name: "owner_outside", Weight: .8, Impact: 2, On: sharesWithPeople,
		Match: func(a *detect.Enriched) bool {
			return a.Role() == "owner" && (a.External > 0 || len(a.To) == 0 && a.Attr(event.AttrReach) == event.ReachOutside)
		},
		Describe: func(a *detect.Enriched) string {
			if o := a.Outsider(); o != "" {
				return "made " + detect.Quote(o) + " the owner of " + detect.Quote(a.ObjectName())
			}
			return "transferred " + detect.Quote(a.ObjectName()) + " to an owner that the log does not name"
		},
	}},
	Reason: func(d *detect.Day) string {
		return shared(d, detect.Quote) + d.OfWhich() + below(d.N("external_reached"))
	},
	Headline: func(d *detect.Day) string { return shared(d, detect.Named) },
	Whole:    "external_shares",
	Parts: []detect.Part{
		{"external_shares_sensitive", "sensitive"}, {"external_shares_unknown", "with recipients new here or at personal domains"},
	},
}

// shared says how much was shared, and with whom. Where every event is one share with the same recipient,
// there are as many items.
func shared(d *detect.Day, name func(string) string) string {
	n, t := d.N("external_shares"), &d.Evidence.Targets
	did := "made " + detect.Amount(n, "external share", "external shares")
	if t.Names == 1 && float64(d.Evidence.Events) == n {
		return "shared " + detect.Amount(n, "item", "items") + " with " + name(t.Name) + d.Within()
	}
	did += d.Within()
	switch {
	case t.Name == "":
		return did
	case t.Names == 1:
		return did + " with " + name(t.Name)
	case t.Share >= .5:
		return did + ", mostly with " + name(t.Name)
	}
	return did + ", among others with " + name(t.Name)
}

// letInParty names a strange party, with what is known of it.
func letInParty(a *detect.Enriched) string {
	return detect.Quote(a.Party.Account) + a.Party.Words() + ", "
}

// wholeThing names what kind of thing is given with everything in it.
func wholeThing(a *detect.Enriched) string {
	switch a.Object.Type {
	case "shared_drive":
		return "shared drive"
	case "web", "site":
		return "site"
	}
	return "folder"
}

// givenOutside says whether something is given to a party outside, by a share or because a folder above it is.
func givenOutside(a *detect.Enriched) bool {
	return a.After < event.PublicLink && (a.External > 0 || a.Class == event.Inherited && a.First && a.Party.Account != "")
}

var sharesWithPeople = []event.Class{event.ShareUser}
