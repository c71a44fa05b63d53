package engine

import (
	"fmt"
	"strings"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
)

const (
	settleHours = 5 * 24 // until then accounts are still being tied to people by events that carry both
	unresolved  = .03    // of the events that take or change something
	unresolvedN = 200
)

// Unknown is how many acts of people a source had of late that take or change something,
// and how many of them are by unknown accounts: counts per day, those of earlier days less.
func (e *Engine) Unknown(s event.Source) (acts, unknown float64) {
	p := &e.Pulse[s]
	return p.Acts, p.Unknown
}

// countActs counts an event that took effect for the health of its source.
func (e *Engine) countActs(p *person, source event.Source, class event.Class) {
	switch class {
	case event.Download, event.Upload, event.Edit, event.Delete, event.ShareUser, event.ShareLink, event.Export,
		event.Query, event.Clone, event.AdminGrant, event.PolicyChange:
	default:
		return
	}
	if p.Service {
		return
	}
	b := e.deltaOf(p)
	b.Acts[source]++
	if strings.Contains(p.Name, ":") { // source:id stands for an account that belongs to no known address
		b.Unknown[source]++
		b.countUnknown(source, p.Name, 1)
	}
}

// checkAccounts looks at accounts when a day (UTC) is over.
func (e *Engine) checkAccounts(end int64) {
	for _, s := range event.Sources() {
		p := &e.Pulse[s]
		share := p.Unknown / max(p.Acts, 1)
		switch {
		case p.Acts >= unresolvedN && share > unresolved && !p.UnknownReported && end/event.Hour-p.First >= settleHours:
			p.UnknownReported = true
			f := e.healthFinding(detect.UnknownAccounts, s.String(), end-event.Day, end, 1)
			f.Sources = []string{s.String()}
			f.Observed, f.Unit = round(100*share), "% of events"
			most, _ := top(p.Who)
			f.Reason = fmt.Sprintf("%.0f %% of the activity in %s is by %s to no known user; most is by %s: "+
				"add them under aliases or service_accounts",
				100*share, s.Title(), accounts(p.Who), detect.Quote(most))
			e.send(f)
		case share < unresolved/2:
			p.UnknownReported = false
		}
		p.Acts *= .6
		p.Unknown *= .6
	}
}

// accounts counts accounts, as far as they were noted.
func accounts(who names) string {
	switch n := len(who); {
	case n == 1:
		return "an account that belongs"
	case n >= maxPlaces:
		return "many accounts that belong"
	default:
		return detect.Number(float64(n)) + " accounts that belong"
	}
}
