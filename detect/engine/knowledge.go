package engine

import (
	"math"

	"github.com/outflow/outflow/internal/event"
)

// Enough is how many person-days must be known before a count is scored by how rarely
// a day was as unusual here. Until then it is compared with the first days of other organisations.
const Enough = warm

// ServiceDays is how many active days of a service account must be known before its counts
// are scored.
const ServiceDays = serviceDays

// Knowledge is how much an engine knows of what is usual.
type Knowledge struct {
	PersonDays  float64            // of people, those long ago less
	ServiceDays float64            // of service accounts
	Sources     map[string]float64 // person-days with something from a source, those long ago less
	From        int64              // when enough came to be known, Unix milliseconds; 0 if it is not, or was from the beginning
}

// personDays is how many person-days distinguish unusual counts from usual ones.
func (o *org) personDays() float64 {
	n := math.Inf(1)
	for j := range o.Tails {
		n = min(n, o.Tails[j].N)
	}
	return n
}

// Knowledge says how much is known of what is usual.
func (e *Engine) Knowledge() Knowledge {
	k := Knowledge{From: e.enoughAt, PersonDays: e.People.personDays(), ServiceDays: e.Services.personDays(), Sources: map[string]float64{}}
	for _, s := range sources {
		if n := unfix(e.People.Uses[s]); n > 0 && s != event.HR {
			k.Sources[s.String()] = n
		}
	}
	return k
}

// learned notes when enough has come to be known, at the end of an hour.
func (e *Engine) learned(end int64) {
	if !e.enough && e.People.personDays() >= Enough {
		e.enough, e.enoughAt = true, end
	}
}
