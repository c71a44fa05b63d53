package stream

import (
	"time"

	"github.com/outflow/outflow/internal/event"
)

// View is what a worker's processor looked like a moment ago.
type View struct {
	Status
	Processor  *Processor         // nil if none runs
	upTo       int64              // time of the last event that was scored, Unix milliseconds
	Partitions []int              // of the event log that are read
	Next       []int64            // by place in Partitions: the offset up to which the event log has been read
	Accounts   []Account          // what became of the records of the event log, by day and vendor
	Unknown    map[string]float64 // by vendor: the share of recent activity by unknown users, from 0 to 1
}

// status is what the processor looks like now.
func (pr *Processor) status() Status {
	s := Status{
		Newest:    event.Instant(pr.window.Newest()),
		Base:      event.Instant(pr.checkpoints.committed),
		Held:      pr.window.Len(),
		Processed: pr.stats.Events,
		Repeats:   pr.stats.Repeats,
		Conflicts: pr.window.Conflicts(),
		Late:      pr.stats.Late,
		Rewinds:   pr.stats.Rewinds,
		Save:      pr.saving.Seconds(),
	}
	if pr.engine != nil {
		s.People = pr.engine.Known()
	}
	if pr.resolver != nil { // it counts anew after a rollback: the numbers shown never decrease
		left := pr.resolver.Dropped()
		pr.left.Names, pr.left.Guests = max(pr.left.Names, left.Names), max(pr.left.Guests, left.Guests)
		s.Names, s.Guests = pr.left.Names, pr.left.Guests
	}
	if pr.deltas != nil {
		s.Shards, s.Of, s.Waited = pr.published.mine, pr.published.shards, pr.deltas.waited.Seconds()
	}
	return s
}

// Status is what outflow status and the metrics show of a processor. Counts are since the start.
type Status struct {
	Newest    time.Time `json:"newest"`      // time of the newest event
	Base      time.Time `json:"base"`        // time of the committed checkpoint; zero if there is none
	People    int       `json:"people"`      // users with a baseline
	Held      int       `json:"events_held"` // events in the window
	Processed int64     `json:"judged"`      // events, without repeats
	Repeats   int64     `json:"repeats"`     // records of events that were there already
	Late      int64     `json:"late"`        // events before the committed checkpoint, which were left out

	Conflicts int64   `json:"conflicts"`    // records with the id of another event and different content
	Rewinds   int64   `json:"rewinds"`      // rollbacks
	Save      float64 `json:"save_seconds"` // how long the last commit took

	Names  int64 `json:"names_left_out,omitempty"`        // names that only failed to sign in, beyond the limit
	Guests int64 `json:"guest_events_left_out,omitempty"` // events of new outsiders, beyond the limit

	Shards []int   `json:"shards,omitempty"`         // of this worker, if several share the users
	Of     int     `json:"shards_total,omitempty"`   // among which the users are spread
	Waited float64 `json:"waited_seconds,omitempty"` // for the deltas of other workers
}

// unknownPeople returns, by vendor, the share of recent activity by unknown users, from 0 to
// 1. A vendor without recent activity is not in the map.
func (pr *Processor) unknownPeople() map[string]float64 {
	if pr.engine == nil {
		return nil
	}
	var all map[string]float64
	for _, s := range event.Sources() {
		if acts, unknown := pr.engine.Unknown(s); acts >= 1 {
			if all == nil {
				all = map[string]float64{}
			}
			all[s.String()] = unknown / acts
		}
	}
	return all
}
