package detectors

import (
	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// loggingDisabled is a log that is stopped, deleted or narrowed, or a watching
// service that is switched off (G01): what follows may not be seen.
var loggingDisabled = &detect.Detector{
	Name: "logging_disabled", Title: "Logging disabled", Techniques: []string{"T1685.002"},
	Needs:  []detect.Need{awsManage, oktaAny, githubAny, m365Exchange},
	Traits: finding.NeverSuppressed | finding.ChangesSettings,
	Indicators: []detect.Indicator{{
		Name: "logging_disabled", Weight: 1.2, Least: detect.LeastShown, Kind: settingKind, Impact: 3, On: []event.Class{event.Tamper},
		Persists: "logging_disabled_lasting", Match: func(*detect.Enriched) bool { return true },
		Describe: func(a *detect.Enriched) string {
			if why := a.Attr(event.AttrReason); why != "" && a.Actor.Kind == event.System { // no user is known
				return "the logs of " + a.Source.Title() + " are incomplete: " + a.Action + " " + detect.Quote(a.Object.Name) + ": " + why
			}
			s := "stopped or reduced logging in " + a.Source.Title() + ": " + detect.Quote(a.Action)
			if a.Object.Name != "" {
				s += " on " + detect.Quote(a.Object.Name)
			}
			if t := a.Attr(event.AttrTarget); t != "" {
				s += " (" + detect.Quote(t) + ")"
			}
			return s
		},
		Headline: func(a *detect.Enriched) string {
			if a.Attr(event.AttrReason) != "" && a.Actor.Kind == event.System {
				return "the logs of " + a.Source.Title() + " are incomplete: " + a.Action
			}
			return "stopped or reduced logging in " + a.Source.Title() + ": " + detect.Named(a.Action)
		},
	}, {
		Name: "logging_disabled_lasting", Weight: 1.3, Least: detect.LeastShown, Impact: 3,
	}, {
		Name: "logging_changed", Weight: .4, Kind: settingKind, Impact: 1, On: []event.Class{event.ConfigChange},
		Match: func(a *detect.Enriched) bool {
			return a.Attr(event.AttrPolicy) == "logging" && a.Attr(event.AttrEffect) == "" && !redirected(a)
		},
		Describe: func(a *detect.Enriched) string {
			return "changed the logging of " + a.Source.Title() + " (the log does not say in which direction): " + setting(a)
		},
		Headline: func(a *detect.Enriched) string {
			return "changed the logging of " + a.Source.Title() + ": " + setting(a)
		},
	}, {
		Name: "log_redirected", Weight: .5, Least: detect.LeastShown, Kind: bucketKind, Impact: 1, On: []event.Class{event.ConfigChange},
		Match: redirected,
		Describe: func(a *detect.Enriched) string {
			return "set the trail " + detect.Quote(a.Object.Name) + " to write to the bucket " + detect.Quote(a.Attr(event.AttrTarget))
		},
	}},
}

// redirected says whether a trail of AWS is set to write to a bucket, which may be another one than
// before.
func redirected(a *detect.Enriched) bool {
	return cloud(a) && a.Outcome == event.Success && a.Object.Type == "trail" && a.Attr(event.AttrTarget) != ""
}
