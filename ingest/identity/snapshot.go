package identity

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fxamacker/cbor/v2"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/cborstate"
	"github.com/outflow/outflow/internal/event"
)

// graph is the stored form of a resolver. Version 1 had neither strangers nor guests. Version 2
// had links from the people file and the configuration among those from events.
type graph struct {
	Version  int
	People   map[string]string // department by address
	Locals   map[string]string
	Links    map[string]string
	Accounts map[string]link
	Own      map[string]bool
	Actors   map[string]int
	Total    int
	Stated   map[string]string
	Former   map[string]string
	Tenants  map[string]bool
	AWS      map[string]bool

	Keys      map[string]issued
	Strangers map[string]*unknownAccount
	Origins   []origin
	Left      DroppedCounts
	Day       int64
	Admitted  int

	Opened map[uint64]opener `cbor:",omitempty"`
	Taught []uint64          `cbor:",omitempty"` // accounts and aliases that were seen together on the day, by together
}

// link is the stored form of an account.
type link struct {
	Person string
	Kind   event.ActorKind
	Alias  string
	Known  bool

	Guest   bool  `cbor:",omitempty"`
	Failing bool  `cbor:",omitempty"`
	Seen    int64 `cbor:",omitempty"`
}

const graphVersion = 3

// Snapshot returns the alias graph in stored form.
func (r *Resolver) Snapshot() ([]byte, error) {
	g := graph{
		Version:   graphVersion,
		People:    map[string]string{},
		Locals:    r.locals,
		Links:     r.links,
		Accounts:  map[string]link{},
		Own:       r.own,
		Actors:    r.actors,
		Total:     r.total,
		Stated:    r.stated,
		Former:    r.former,
		Tenants:   r.tenants,
		AWS:       r.aws,
		Keys:      r.keys,
		Strangers: r.strangers,
		Origins:   r.origins,
		Left:      r.left,
		Day:       r.day,
		Admitted:  r.admitted,
		Opened:    r.opened,
	}
	for a, p := range r.people {
		g.People[a] = p.department
	}
	for n, a := range r.accounts {
		if a.aliasDay == r.day && a.alias != "" {
			g.Taught = append(g.Taught, together(n, a.alias))
		}
		g.Accounts[n] = link{a.person, a.kind, a.alias, a.known, a.guest, a.failing, a.seen}
	}
	g.Taught = slices.AppendSeq(g.Taught, maps.Keys(r.taught))
	slices.Sort(g.Taught)
	b, err := cbor.Marshal(&g)
	if err != nil {
		return nil, fmt.Errorf("identity: encode: %w", err)
	}
	return b, nil
}

// Restore adds the alias graph of a snapshot to a new resolver. An empty snapshot adds nothing.
// The error is that of a damaged snapshot, or of one that another version wrote.
func (r *Resolver) Restore(snapshot []byte) error {
	if len(snapshot) == 0 {
		return nil
	}
	var g graph
	if err := cborstate.Unmarshal(snapshot, &g); err != nil {
		return fmt.Errorf("identity: restore: %w", err)
	}

	if g.Version < 1 || g.Version > graphVersion {
		return fmt.Errorf("identity: unsupported version %d of the alias graph", g.Version)
	}
	for a, d := range g.People {
		r.people[a] = &profile{d}
	}
	for n, l := range g.Accounts {
		if g.Version < 3 && ingest.IsEmail(n) && !ingest.IsEmail(l.Person) {
			l.Person, l.Known = n, false // an id took over an address
		}
		r.accounts[n] = &account{
			person: l.Person, kind: l.Kind, alias: l.Alias, known: l.Known,
			guest: l.Guest, failing: l.Failing, seen: l.Seen,
		}
		if l.Guest {
			r.guests++
		}
	}

	maps.Copy(r.locals, g.Locals)
	maps.Copy(r.keys, g.Keys)
	maps.Copy(r.opened, g.Opened)
	for alias, person := range g.Links {
		switch {
		case strings.HasPrefix(alias, keyPrefix): // of version 1
			r.keys[alias] = issued{Person: person}
		case g.Version < 3 && ingest.IsEmail(alias) && !ingest.IsEmail(person): // an id took over an address
		default:
			r.links[alias] = person
		}
	}

	maps.Copy(r.stated, g.Stated)
	maps.Copy(r.former, g.Former)
	maps.Copy(r.tenants, g.Tenants)
	maps.Copy(r.aws, g.AWS)
	r.round++
	maps.Copy(r.own, g.Own)
	maps.Copy(r.actors, g.Actors)
	r.total = g.Total
	maps.Copy(r.strangers, g.Strangers)
	for _, s := range r.strangers {
		r.failures += len(s.Fails)
	}

	for _, key := range g.Taught {
		r.taught[key] = struct{}{}
	}
	r.origins, r.left, r.day, r.admitted = g.Origins, g.Left, g.Day, g.Admitted
	return nil
}

// EraseFromSnapshot removes a person from a stored alias graph. It returns the remaining graph
// and the person's accounts, sorted, including the person's own name.
func EraseFromSnapshot(snapshot []byte, person string) (out []byte, accounts []string, err error) {
	r := New()
	if err := r.Restore(snapshot); err != nil {
		return nil, nil, err
	}
	mine := map[string]bool{person: true}
	for _, links := range []map[string]string{r.stated, r.links} {
		for account, who := range links {
			if who == person {
				mine[account] = true
			}
		}
	}
	for account, who := range r.former {
		if who == person {
			delete(r.former, account)
		}
	}

	for key, k := range r.keys {
		if k.Person == person {
			mine[key] = true
		}
	}

	for account, a := range r.accounts {
		if a.person == person {
			mine[account] = true
			if a.alias != "" {
				mine[a.alias] = true
			}
		}
	}

	for account := range mine {
		delete(r.stated, account)
		delete(r.links, account)
		delete(r.former, account)
		delete(r.accounts, account)
		delete(r.people, account)
		delete(r.strangers, account)
		delete(r.keys, account)
	}

	maps.DeleteFunc(r.opened, func(_ uint64, o opener) bool { return mine[o.Person] })
	for local, who := range r.locals {
		if mine[who] {
			delete(r.locals, local)
		}
	}

	if len(snapshot) > 0 {
		if out, err = r.Snapshot(); err != nil {
			return nil, nil, err
		}
	}

	return out, slices.Sorted(maps.Keys(mine)), nil
}

// Accounts returns the person of every account that was seen or linked, including the people's
// own addresses.
func (r *Resolver) Accounts() map[string]string {
	all := map[string]string{}
	for address := range r.people {
		all[address] = address
	}
	for account, a := range r.accounts {
		all[account] = a.person
		if a.alias != "" {
			all[a.alias] = a.person
		}
	}
	for account, person := range r.links {
		all[account] = person
	}
	for account, person := range r.stated {
		all[strings.TrimPrefix(account, "*:")] = person
	}
	return all
}
