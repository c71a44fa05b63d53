package identity

import (
	"math/bits"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/names"
	"github.com/outflow/outflow/internal/event"
)

// shared is in Resolver.former for an account that two people use in turn, so that it says
// nothing about who acts.
const shared = "*"

// learn learns from an event that an account and its alias are one person's, if it is the day's first with both. Of an
// id and an address, the address says who: a person of the people file, or else the address itself. It
// returns the event, to which failed sign-ins under the other name may have been added.
func (r *Resolver) learn(name, alias string, a *account, rec []byte) []byte {
	if strings.HasPrefix(alias, keyPrefix) {
		if r.links[alias] == a.person {
			return rec
		}
		r.setAlias(name, alias, a)
		if r.keys[a.alias].Person == "" {
			r.keys[a.alias] = issued{Person: a.person, Day: r.day}
		}
		return rec
	}
	if !r.firstToday(name, alias) || r.links[alias] == a.person {
		return rec
	}
	r.setAlias(name, alias, a)
	other, _ := r.find(a.alias)
	if other == "" {
		other = a.alias
	}
	switch {
	case other == a.person:
	case r.rank(other) > r.rank(a.person) && !ingest.IsEmail(name), ingest.IsEmail(alias) && !ingest.IsEmail(name):
		r.link(strings.Clone(name), other)
	case !ingest.IsEmail(alias):
		r.link(a.alias, a.person)
		return r.attachFailures(alias, rec)
	}
	return rec
}

// setAlias sets the latest alias of an account.
func (r *Resolver) setAlias(name, alias string, a *account) {
	r.aliasOver(name, a)
	a.alias = strings.Clone(alias)
}

// aliasOver notes that an account has been seen with its latest alias today, before the alias is replaced.
func (r *Resolver) aliasOver(name string, a *account) {
	if a.aliasDay == r.day && a.alias != "" {
		r.firstToday(name, a.alias)
	}
}

// firstToday reports whether an account has not been seen with an alias today, and notes that it has. An account and an
// alias teach once a day: what is learned depends on few events, which can be told without knowing the others.
func (r *Resolver) firstToday(name, alias string) bool {
	key := together(name, alias)
	if _, seen := r.taught[key]; seen {
		return false
	}
	r.taught[key] = struct{}{}
	return true
}

// together is a hash of an account and its alias.
func together(name, alias string) uint64 {
	return bits.RotateLeft64(xxhash.Sum64String(name), 32) ^ xxhash.Sum64String(alias)
}

// rank returns how well a name says who somebody is: that of a person of the people file best,
// then any address, then a name that the organisation's administrators gave, then an id.
func (r *Resolver) rank(person string) int {
	if r.people[person] != nil {
		return 3
	}
	if ingest.IsEmail(person) {
		return 2
	}
	if a := names.Parse(person); names.ByAdmins(a.Source) && names.Whole(a.Name) {
		return 1
	}
	return 0
}

// link links an account to a person. What the people file and the configuration state is never
// changed. An id goes with the address that it was last seen with: users are renamed, and handed
// to a successor. An id that goes back to somebody who had it before is shared, and nobody's.
func (r *Resolver) link(id, person string) {
	if r.stated[id] != "" || r.people[id] != nil || r.former[id] == shared {
		return
	}
	a, old := r.accounts[id], r.links[id]
	switch {
	case old == person:
		return
	case !ingest.IsEmail(old): // none, or an id's
	case r.people[old] != nil && r.people[person] == nil && r.isExternal(person):
		return
	case r.former[id] == person:
		r.former[id] = shared
		delete(r.links, id)
		if a != nil {
			a.person, a.known, a.sure = id, false, false
		}
		return
	default:
		r.former[id] = old
		if before := r.accounts[old]; before != nil && before.alias == id {
			r.aliasOver(old, before)
			before.alias = "" // so that it is noticed if they use it again
		}
	}
	r.links[id] = person
	if a != nil {
		a.person, a.known, a.sure, a.kind = person, true, ingest.IsEmail(person), r.kindOf(person)
	}
}

// kindOf returns what kind of actor a person is.
func (r *Resolver) kindOf(person string) event.ActorKind {
	if a := r.accounts[person]; a != nil {
		return a.kind
	}
	if r.people[person] == nil && LooksAutomated(person) {
		return event.Service
	}
	return event.Human
}

// unlink forgets what was learned about an account of somebody who is forgotten.
func (r *Resolver) unlink(id, person string) {
	if r.links[id] == person {
		delete(r.links, id)
		delete(r.former, id)
	}
}
