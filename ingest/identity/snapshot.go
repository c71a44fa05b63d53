package identity

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fxamacker/cbor/v2"

	"github.com/outflow/outflow/internal/cborstate"
	"github.com/outflow/outflow/internal/event"
)

// graph is the stored form of a resolver, version 1.
type graph struct {
	Version  int
	People   map[string]string // department by address
	Locals   map[string]string
	Links    map[string]string
	Accounts map[string]link
	Own      map[string]bool
	Actors   map[string]int
	Total    int
}

type link struct {
	Person string
	Kind   event.ActorKind
	Alias  string
	Known  bool
}

// Snapshot is the alias graph as it stands.
func (r *Resolver) Snapshot() ([]byte, error) {
	g := graph{Version: 1, People: map[string]string{}, Locals: r.locals, Links: r.links, Accounts: map[string]link{}, Own: r.own, Actors: r.actors, Total: r.total}
	for a, p := range r.people {
		g.People[a] = p.department
	}
	for n, a := range r.accounts {
		g.Accounts[n] = link{a.person, a.kind, a.alias, a.known}
	}
	b, err := cbor.Marshal(&g)
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	return b, nil
}

// Restore adds the alias graph of a snapshot to a new resolver.
func (r *Resolver) Restore(snapshot []byte) error {
	if len(snapshot) == 0 {
		return nil
	}
	var g graph
	if err := cborstate.Unmarshal(snapshot, &g); err != nil {
		return fmt.Errorf("identity: %w", err)
	}
	if g.Version != 1 {
		return fmt.Errorf("identity: an alias graph of version %d", g.Version)
	}
	for a, d := range g.People {
		r.people[a] = &profile{d}
	}
	for n, l := range g.Accounts {
		r.accounts[n] = &account{l.Person, l.Kind, l.Alias, l.Known}
	}
	maps.Copy(r.locals, g.Locals)
	maps.Copy(r.links, g.Links)
	maps.Copy(r.own, g.Own)
	maps.Copy(r.actors, g.Actors)
	r.total = g.Total
	return nil
}

// Forget takes a person out of a stored alias graph. It returns the graph without them,
// and the accounts that were theirs, the person's own name among them.
func Forget(snapshot []byte, person string) (out []byte, accounts []string, err error) {
	r := New()
	if err := r.Restore(snapshot); err != nil {
		return nil, nil, err
	}
	mine := map[string]bool{person: true}
	for account, who := range r.links {
		if who == person {
			mine[account] = true
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
		delete(r.links, account)
		delete(r.accounts, account)
		delete(r.people, account)
	}
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

// Accounts lists all accounts that the resolver has tied to people or seen, with whose
// they are: those of people under their own address, too.
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
		all[strings.TrimPrefix(account, "*:")] = person
	}
	return all
}
