package stream

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/ingest/identity"
	"github.com/outflow/outflow/internal/event"
)

// BenchmarkRouting prints the share of events that ingest would append to another partition than their person's, if it
// chose the partition by the account, by the people file, or also by what was known of the account before the hour; and
// the share of the busiest person and of the busiest partition.
func BenchmarkRouting(b *testing.B) {
	recs := benchRecords(b)
	for b.Loop() {
		r := &routing{
			resolver: identity.New(),
			stated:   identity.New(),
			guesses:  map[string]string{},
			known:    map[string]string{},
			learned:  map[string]string{},
			person:   map[string]int{},
			other:    map[string]int{},
		}
		for i := range recs {
			if err := r.add(recs[i].Value); err != nil {
				b.Fatal(err)
			}
		}
		r.report(b)
	}
}

// routing compares where events are with where they belong.
type routing struct {
	resolver *identity.Resolver // knows everything up to the event
	stated   *identity.Resolver // knows the people file alone
	guesses  map[string]string  // by account and session: the person by the people file
	known    map[string]string  // by account and session: the person, as known at the beginning of the hour
	learned  map[string]string  // what the hour adds
	hour     int64
	links    int // changes of known

	events int
	person map[string]int // events of a person
	parts  [benchPartitions]int
	other  map[string]int // events in another partition than their person's, by what has chosen it

	dec event.Decoder
	e   event.Event
}

// add takes in the next event.
func (r *routing) add(rec []byte) error {
	if err := r.dec.Decode(rec, &r.e); err != nil {
		return err
	}
	e := &r.e
	if e.Source == event.HR {
		r.resolver.Resolve(bytes.Clone(rec))
		r.stated.Resolve(bytes.Clone(rec))
		return nil
	}
	if h := e.Time / event.Hour; h != r.hour {
		r.hour = h
		maps.Copy(r.known, r.learned)
		clear(r.learned)
	}
	account := strings.Clone(e.Actor.Account)
	key := account + "\x00" + e.Actor.OnBehalfOf
	guess, asked := r.guesses[key]
	if !asked {
		bare := event.Event{Source: e.Source, Class: event.View, Time: e.Time, Tenant: e.Tenant,
			Actor: event.Actor{Account: account, Kind: e.Actor.Kind, OnBehalfOf: e.Actor.OnBehalfOf}}
		person, _ := r.stated.Resolve(bare.Append(nil))
		guess = strings.Clone(cmp.Or(person, account))
		r.guesses[key] = guess
	}
	person, _ := r.resolver.Resolve(bytes.Clone(rec))
	person = strings.Clone(person)
	r.resolver.Notes()
	r.events++
	if person == "" { // nobody's: may be anywhere
		return nil
	}
	part := engine.ShardOf(person, benchPartitions)
	r.parts[part]++
	r.person[person]++
	by := map[string]string{"account": account, "people-file": guess, "known-links": cmp.Or(r.known[key], guess)}
	for name, key := range by {
		if engine.ShardOf(key, benchPartitions) == part {
			continue
		}
		r.other[name]++
		if account == "" {
			r.other[name+"-without-account"]++
		}
	}
	if account != "" && cmp.Or(r.learned[key], by["known-links"]) != person {
		r.learned[key] = person
		r.links++
	}
	return nil
}

// report prints the shares in percent of all events.
func (r *routing) report(b *testing.B) {
	share := func(n int) float64 { return 100 * float64(n) / float64(r.events) }
	for name, n := range r.other {
		b.ReportMetric(share(n), "%-elsewhere-by-"+name)
	}
	b.ReportMetric(share(slices.Max(slices.Collect(maps.Values(r.person)))), "%-busiest-person")
	b.ReportMetric(share(slices.Max(r.parts[:])), "%-busiest-partition")
	b.ReportMetric(float64(r.links), "links")
	b.ReportMetric(float64(r.events), "events")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkIdentityEvents gives the resolver of each partition the partition's own events, by account, and the
// identity events of all. It prints their share of all events, and how many events are resolved otherwise than with all
// events at hand: another person, or another record.
func BenchmarkIdentityEvents(b *testing.B) {
	recs := benchRecords(b)
	for b.Loop() {
		var t identity.Teaching
		copied := 0
		whole := identity.New()
		var parts [benchPartitions]*identity.Resolver
		for p := range parts {
			parts[p] = identity.New()
		}
		other := 0
		for i := range recs {
			rec := recs[i].Value
			taught := t.Teaches(rec)
			if taught {
				copied++
			}
			person, full := whole.Resolve(bytes.Clone(rec))
			person, full = strings.Clone(person), bytes.Clone(full)
			whole.Notes()
			for p, r := range parts {
				if p != recs[i].Partition && !taught {
					continue
				}
				who, out := r.Resolve(bytes.Clone(rec))
				r.Notes()
				if p == recs[i].Partition && (who != person || !bytes.Equal(out, full)) {
					other++
				}
			}
		}
		b.ReportMetric(100*float64(copied)/float64(len(recs)), "%-identity-events")
		b.ReportMetric(float64(other), "resolved-otherwise")
		b.ReportMetric(0, "ns/op")
	}
}
