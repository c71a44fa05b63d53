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
func (j *Processor) status() Status {
	s := Status{Newest: instant(j.window.Newest()), Base: instant(j.saved), Held: j.window.Len(), Judged: j.stats.Events, Repeats: j.stats.Repeats, Conflicts: j.window.Conflicts(), Late: j.stats.Late, Rewinds: j.stats.Rewinds, Save: j.saving.Seconds()}
	if j.engine != nil {
		s.People = j.engine.Known()
	}
	if j.resolver != nil { // judging again counts again: what was said does not become less
		left := j.resolver.Left()
		j.left.Names, j.left.Guests = max(j.left.Names, left.Names), max(j.left.Guests, left.Guests)
		s.Names, s.Guests = j.left.Names, j.left.Guests
	}
	if j.exchange != nil {
		s.Shards, s.Of, s.Waited = j.published.mine, j.published.shards, j.exchange.waited.Seconds()
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
func (j *Processor) unknownPeople() map[string]float64 {
	if j.engine == nil {
		return nil
	}
	var all map[string]float64
	for _, s := range event.Sources() {
		if acts, nobody := j.engine.Unknown(s); acts >= 1 {
			if all == nil {
				all = map[string]float64{}
			}
			all[s.String()] = nobody / acts
		}
	}
	return all
}
