package engine

import (
	"time"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/finding"
)

// sourceHealth is how a source usually arrives.
type sourceHealth struct {
	Rate     [weekHours]float64 // decayed share of weeks with events, by hour of the week
	First    int64              // hour of the first event
	Gap      float64            // evidence that the source is silent, since its last event
	Reported int64              `cbor:"Told"` // time of the last event before the silence that was reported; 0 for none

	Acts            float64 // events that take or change something, decayed daily
	Unknown         float64 `cbor:"Nobody"` // of them, those by unknown accounts
	Who             names   // some of these, by account
	UnknownReported bool    `cbor:"NobodyTold"`

	Lag float64 // usual delay of its latest events, milliseconds
}

// checkHealth looks at the health of the data when a day (UTC) is over.
func (e *Engine) checkHealth(end int64) {
	e.checkAccounts(end)
	e.checkHRFeed(end)
	e.tellCommon(end)
	e.expire(end)
	e.expireAwaited(end)
	e.lapse(end)
}

// healthFinding is a finding about the data.
func (e *Engine) healthFinding(m detect.Mechanism, about string, since, at int64, impact int) *finding.Finding {
	det := e.catalog.Of(m)
	return &finding.Finding{
		ID: findingID(det, about, since), Episode: episodeID(det.Name+" "+about, since), Revision: 1, Detector: det.Name,
		Title: det.Title, Health: true,
		Time: at, Start: since, End: at, Impact: impact, Complete: at,
	}
}

func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02 15:04") + " UTC" }
