package identity

import (
	"fmt"
	"maps"

	"github.com/fxamacker/cbor/v2"

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
	if err := cbor.Unmarshal(snapshot, &g); err != nil {
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
