package stream

import (
	"time"

	"github.com/outflow/outflow/internal/event"
)

// View is what the processor of a worker looked like a moment ago.
type View struct {
	Status
	Processor *Processor
	upTo      int64   // time of the last event that was judged
	Next      []int64 // by partition: up to where the log has been read
	Accounts  []Account
	Unknown   map[string]float64
}

// status is what the processor looks like now.
func (pr *Processor) status() Status {
	s := Status{Newest: instant(pr.window.Newest()), Base: instant(pr.checkpoints.committed), Held: pr.window.Len(), Judged: pr.stats.Events, Repeats: pr.stats.Repeats, Conflicts: pr.window.Conflicts(), Late: pr.stats.Late, Rewinds: pr.stats.Rewinds, Save: pr.saving.Seconds()}
	if pr.engine != nil {
		s.People = pr.engine.Known()
	}
	if pr.resolver != nil { // judging again counts again: what was said does not become less
		left := pr.resolver.Dropped()
		pr.left.Names, pr.left.Guests = max(pr.left.Names, left.Names), max(pr.left.Guests, left.Guests)
		s.Names, s.Guests = pr.left.Names, pr.left.Guests
	}
	if pr.exchange != nil {
		s.Shards, s.Of, s.Waited = pr.published.mine, pr.published.shards, pr.exchange.waited.Seconds()
	}
	return s
}

// instant is a time given in Unix milliseconds; 0 stands for none.
func instant(ms int64) (t time.Time) {
	if ms > 0 {
		t = time.UnixMilli(ms).UTC()
	}
	return t
}

// Status is what outflow status and the metrics show of a processor. Numbers are since the start.
type Status struct {
	Newest  time.Time `json:"newest"`
	Base    time.Time `json:"base"`
	People  int       `json:"people"`
	Held    int       `json:"events_held"`
	Judged  int64     `json:"judged"`
	Repeats int64     `json:"repeats"`
	Late    int64     `json:"late"`

	Conflicts int64   `json:"conflicts"` // records with the id of another event that said something else
	Rewinds   int64   `json:"rewinds"`
	Save      float64 `json:"save_seconds"` // it took to store the base last

	Names  int64 `json:"names_left_out,omitempty"`        // that had only failed to sign in, and were too many
	Guests int64 `json:"guest_events_left_out,omitempty"` // of outsiders, of whom too many were new

	Shards []int   `json:"shards,omitempty"`         // of the people, where several judge
	Of     int     `json:"shards_total,omitempty"`   // among which people are spread
	Waited float64 `json:"waited_seconds,omitempty"` // for the other judges, since the start
}

// unknownPeople is which share of what people did recently is of nobody who is known.
func (pr *Processor) unknownPeople() map[string]float64 {
	if pr.engine == nil {
		return nil
	}
	var all map[string]float64
	for _, s := range event.Sources() {
		if acts, nobody := pr.engine.Unknown(s); acts >= 1 {
			if all == nil {
				all = map[string]float64{}
			}
			all[s.String()] = nobody / acts
		}
	}
	return all
}
