package detectors

import (
	"strings"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// sharingPolicy is a setting of the whole organisation that widens what may be
// shared outside (B10).
var sharingPolicy = &detect.Detector{
	Name: "sharing_policy", Title: "Sharing policy weakened", Techniques: []string{"T1484.002", "T1685"},
	Needs: []detect.Need{
		m365Files, googleAdmin, slackAny, githubAny, boxAny, dropboxAny, atlassianAny, zoomAny, snowflakeAny,
	},
	Traits:     finding.ChangesSettings,
	Indicators: policyFacts("sharing"),
}

// policyFacts are those of a policy of a kind: weakened, or changed in a
// direction that the record does not state.
func policyFacts(kind string) []detect.Indicator {
	changed := []event.Class{event.ConfigChange}
	return []detect.Indicator{{
		Name: kind + "_weakened", Weight: 1, Least: detect.LeastShown, Kind: settingKind, Impact: 2, On: changed,
		Persists: kind + "_weakened_lasting",
		Match: func(a *detect.Enriched) bool {
			return a.Attr(event.AttrPolicy) == kind && a.Attr(event.AttrEffect) == "weaker"
		},
		Describe: func(a *detect.Enriched) string {
			return "weakened the " + kind + " policy of " + a.Source.Title() + ": " + setting(a)
		},
	}, {
		Name: kind + "_weakened_lasting", Weight: 1.2, Least: detect.LeastShown, Impact: 2,
	}, {
		Name: kind + "_changed", Weight: .4, Kind: settingKind, Impact: 1, On: changed,
		Match: func(a *detect.Enriched) bool {
			return a.Attr(event.AttrPolicy) == kind && a.Attr(event.AttrEffect) == ""
		},
		Describe: func(a *detect.Enriched) string {
			return "changed the " + kind + " policy of " + a.Source.Title() + " (the log does not say in which direction): " + setting(a)
		},
		Headline: func(a *detect.Enriched) string {
			return "changed the " + kind + " policy of " + a.Source.Title() + ": " + setting(a)
		},
	}}
}

// settingKind tells settings apart by the service and the operation.
func settingKind(a *detect.Enriched) string { return a.Source.Title() + ": " + a.Action }

// setting names the setting that was changed: the operation, with the new value or the object.
func setting(a *detect.Enriched) string {
	s, t := detect.Quote(a.Action), a.Attr(event.AttrTarget)
	if strings.HasPrefix(t, a.Action) {
		s = detect.Quote(t)
	} else if t != "" {
		s += " (" + detect.Quote(t) + ")"
	} else if a.Object.Name != "" {
		s += " on " + detect.Quote(a.Object.Name)
	}
	return s
}
