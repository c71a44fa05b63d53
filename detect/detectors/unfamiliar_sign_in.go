package detectors

import (
	"github.com/outflow/outflow/internal/country"
	"github.com/outflow/outflow/internal/event"

	"github.com/outflow/outflow/detect"
)

// unfamiliarSignIn is a sign-in from a network, country or client that is new, or
// after a long silence (E06, E07). Each is common by itself.
var unfamiliarSignIn = &detect.Detector{
	Name: "unfamiliar_sign_in", Title: "Unfamiliar sign-in", Techniques: []string{"T1078.004"},
	Needs:      signIns,
	Compromise: true,
	Indicators: []detect.Indicator{{
		Name: "network_new", Weight: .8, Impact: 1, Once: true, On: []event.Class{event.LoginSuccess},
		Match: func(a *detect.Enriched) bool { return a.NewNetwork },
		Describe: func(a *detect.Enriched) string {
			return "signed in from " + detect.Named(a.Client.IP) + ", a network that nobody here had used in these logs before"
		},
		Headline: func(a *detect.Enriched) string {
			return "signed in from " + detect.Named(a.Client.IP) + ", a network new in these logs"
		},
	}, {
		Name: "country_new", Weight: .4, Impact: 1, Once: true, On: arrivals, Match: func(a *detect.Enriched) bool { return a.NewCountry },
		Describe: func(a *detect.Enriched) string {
			return "signed in from " + detect.Named(country.Name(a.Client.Country)) + " for the first time in these logs"
		},
	}, {
		Name: "client_new", Weight: .3, Impact: 1, Once: true, On: arrivals, Match: func(a *detect.Enriched) bool { return a.NewAgent },
	}, {
		Name: "returned", Weight: .8, Impact: 1, Once: true,
		On:    []event.Class{event.LoginSuccess, event.Download, event.View},
		Match: func(a *detect.Enriched) bool { return a.Silent >= 20 },
		Describe: func(a *detect.Enriched) string {
			return "was active again after " + detect.Amount(float64(a.Silent), "day", "days") + " without any activity"
		},
	}},
}

var arrivals = []event.Class{event.LoginSuccess, event.AppAccess, event.MFAChallenge, event.Clone}
