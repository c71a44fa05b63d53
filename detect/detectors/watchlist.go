package detectors

import "github.com/outflow/outflow/detect"

// watchlist is weight for the alerts of people, and about places and applications, that the
// organisation watches. It adds to, or takes off, what other detectors have seen.
var watchlist = &detect.Detector{
	Name: "watchlist", Title: "On a watchlist", Mechanism: detect.Watchlists, Qualifier: "(watchlist)",
}
