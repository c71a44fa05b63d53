package identity_test

import (
	"strings"
	"testing"

	"github.com/outflow/outflow/ingest/identity"
	"github.com/outflow/outflow/internal/event"
)

// resolve resolves an event and returns the person, the kind of actor and the
// recipients.
func resolve(t *testing.T, r *identity.Resolver, e *event.Event) (string, event.ActorKind, []event.Recipient) {
	t.Helper()
	if e.Source == event.NoSource {
		e.Source = event.Box
	}
	if e.Action == "" {
		e.Action = "x"
	}
	person, rec := r.Resolve(e.Append(nil))
	var dec event.Decoder
	out := new(event.Event)
	if err := dec.Decode(rec, out); err != nil {
		t.Fatal(err)
	}
	return person, out.Actor.Kind, out.Clone().To
}

func hrPerson(address, department string, aliases ...string) *event.Event {
	e := &event.Event{
		Source: event.HR,
		Class:  event.Person,
		Actor:  event.Actor{Account: address, Kind: event.Human},
		Attrs:  []event.Attr{{Name: event.AttrDepartment, Value: department}},
	}
	for _, a := range aliases {
		e.Attrs = append(e.Attrs, event.Attr{Name: event.AttrAlias, Value: a})
	}
	return e
}

func staffed(t *testing.T) *identity.Resolver {
	r := identity.New()
	for _, e := range []*event.Event{
		hrPerson("jane.doe@acme.example", "Finance", "github:jdoe-codes"),
		hrPerson("bob@acme.example", "IT"),
	} {
		resolve(t, r, e)
	}
	return r
}

func by(account, alias string) *event.Event {
	return &event.Event{Actor: event.Actor{Account: account, Alias: alias, Kind: event.Human}}
}

// TestOnePerson checks that all accounts of a person are one: by address, local
// part, alias list, and links learned from events that carry both names.
func TestOnePerson(t *testing.T) {
	r := staffed(t)
	resolve(t, r, by("jane.doe@acme.example", "salesforce:005x"))
	resolve(t, r, by("jane.doe@acme.example", "slack:w1"))
	trail := by("bob@acme.example", "")
	trail.Source, trail.Tenant = event.CloudTrail, "111122223333"
	resolve(t, r, trail)
	for _, account := range []string{
		"jane.doe@acme.example", "salesforce:005x", "slack:w1", "github:jdoe-codes",
		"aws:111122223333:user/jane.doe", "jane.doe+x@acme.example", "okta:jane.doe",
	} {
		if who, kind, _ := resolve(t, r, by(account, "")); who != "jane.doe@acme.example" || kind != event.Human {
			t.Errorf("%s is %s, %s", account, who, kind)
		}
	}
	for account, want := range map[string]string{"jane.doe@rival.example": "jane.doe@rival.example", "github:jdoe": "github:jdoe", "": ""} {
		if who, _, _ := resolve(t, r, by(account, "")); who != want {
			t.Errorf("%s is %s", account, who)
		}
	}
}

// TestRoleSession checks that an assumed role is the person to whom STS handed
// the key.
func TestRoleSession(t *testing.T) {
	r := staffed(t)
	role := &event.Event{
		Source: event.CloudTrail,
		Tenant: "1",
		Actor:  event.Actor{Account: "aws:1:role/analyst", Kind: event.Unknown},
		Client: event.Client{Session: "ASIA1"},
	}
	if who, kind, _ := resolve(t, r, role); who != "aws:1:role/analyst" || kind != event.Service {
		t.Errorf("unknown session: %s, %s", who, kind)
	}
	resolve(t, r, &event.Event{
		Source: event.CloudTrail,
		Actor:  event.Actor{Account: "aws:1:user/jane.doe", Alias: "aws_key:ASIA1", Kind: event.Human},
	})
	role.Actor.Kind = event.Unknown
	if who, kind, _ := resolve(t, r, role); who != "jane.doe@acme.example" || kind != event.Human {
		t.Errorf("known session: %s, %s", who, kind)
	}
}

func TestServiceAccounts(t *testing.T) {
	r := staffed(t)
	r.Configure(identity.Config{
		ServiceAccounts: []string{"Reports@acme.example"},
		Aliases:         map[string][]string{"bob@acme.example": {"github:bobby"}},
		Domains:         []string{"acme-labs.example"},
	})
	for account, want := range map[string]event.ActorKind{
		"svc-backup@acme.example":   event.Service,
		"github:ci-runner[bot]":     event.Service,
		"reports@acme.example":      event.Service,
		"abbott.smith@acme.example": event.Human,
		"bob@acme.example":          event.Human,
	} {
		if _, kind, _ := resolve(t, r, by(account, "")); kind != want {
			t.Errorf("%s is %s, want %s", account, kind, want)
		}
	}
	if who, _, _ := resolve(t, r, by("github:bobby", "")); who != "bob@acme.example" {
		t.Errorf("configured alias: %s", who)
	}
	if _, _, to := resolve(t, r, &event.Event{
		Actor: event.Actor{Account: "bob@acme.example", Kind: event.Human},
		To:    []event.Recipient{{Account: "x@acme-labs.example"}},
	}); to[0].Scope != event.ScopeInternal {
		t.Errorf("configured domain: %+v", to)
	}
}

func TestRecipients(t *testing.T) {
	r := staffed(t)
	e := by("bob@acme.example", "")
	e.To = []event.Recipient{
		{Account: "jane.doe@acme.example"},
		{Account: "new@acme.example"},
		{Account: "x@rival.example"},
		{Account: "jane@gmail.com"},
		{Account: "x@emea.acme.example"},
		{Account: "x@notacme.example"},
		{Account: "*", Scope: event.ScopeAnyone},
	}
	_, _, to := resolve(t, r, e)
	want := []event.Recipient{
		{Account: "jane.doe@acme.example", Department: "Finance", Scope: event.ScopeInternal},
		{Account: "new@acme.example", Scope: event.ScopeInternal},
		{Account: "x@rival.example", Scope: event.ScopeExternal},
		{Account: "jane@gmail.com", Scope: event.ScopeExternal},
		{Account: "x@emea.acme.example", Scope: event.ScopeInternal},
		{Account: "x@notacme.example", Scope: event.ScopeExternal},
		{Account: "*", Scope: event.ScopeAnyone},
	}
	for i := range want {
		if to[i] != want[i] {
			t.Errorf("%+v, want %+v", to[i], want[i])
		}
	}
}

// TestNoHindsight checks that a link holds from the event that carries it, and
// not before.
func TestNoHindsight(t *testing.T) {
	r := staffed(t)
	if who, _, _ := resolve(t, r, by("box:1", "")); who != "box:1" {
		t.Errorf("known too early: %s", who)
	}
	resolve(t, r, by("jane.doe@acme.example", "box:1"))
	if who, _, _ := resolve(t, r, by("box:1", "")); who != "jane.doe@acme.example" {
		t.Errorf("not learned: %s", who)
	}
}

// TestMovedID checks that an id goes with the address that it was last seen with, that an address
// from outside does not take it from a person of the people file, and that an id which two people
// use in turn is nobody's once somebody comes back to it on another day (after "-").
func TestMovedID(t *testing.T) {
	const jane, bob = "jane.doe@acme.example", "bob@acme.example"
	for _, c := range []struct{ name, seen, want string }{
		{"one", jane, jane},
		{"again", jane + " " + jane, jane},
		{"handed over", jane + " " + bob, bob},
		{"renamed", jane + " jane.roe@acme.example", "jane.roe@acme.example"},
		{"an address outside", jane + " jane@rival.example", jane},
		{"an address outside first", "jane@rival.example " + jane, jane},
		{"in turn on one day", jane + " " + bob + " " + jane, bob},
		{"in turn", jane + " " + bob + " - " + jane, "box:1"},
		{"in turn after a restart", jane + " " + bob + " restart " + jane, bob},
		{"in turn for long", jane + " " + bob + " - " + jane + " " + bob, "box:1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := staffed(t)
			var at int64
			for _, address := range strings.Fields(c.seen) {
				switch address {
				case "-":
					at += event.Day
					continue
				case "restart":
					r = restarted(t, r)
					continue
				}
				e := by(address, "box:1")
				e.Time = at
				if who, _, _ := resolve(t, r, e); who != address {
					t.Errorf("%s is %s", address, who)
				}
			}
			if who, _, _ := resolve(t, r, by("box:1", "")); who != c.want {
				t.Errorf("the id is %s, want %s", who, c.want)
			}
		})
	}
}

// restarted returns a resolver that goes on from what another one knows.
func restarted(t *testing.T, r *identity.Resolver) *identity.Resolver {
	t.Helper()
	b, err := r.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	again := identity.New()
	if err := again.Restore(b); err != nil {
		t.Fatal(err)
	}
	return again
}

// TestSnapshot checks that a restored resolver answers as the one before.
func TestSnapshot(t *testing.T) {
	r := staffed(t)
	resolve(t, r, by("jane.doe@acme.example", "box:1"))
	again := restarted(t, r)
	for _, account := range []string{"box:1", "github:jdoe-codes", "aws:1:user/bob", "svc-x@acme.example"} {
		a, ka, _ := resolve(t, r, by(account, ""))
		b, kb, _ := resolve(t, again, by(account, ""))
		if a != b || ka != kb {
			t.Errorf("%s: %s %s, then %s %s", account, a, ka, b, kb)
		}
	}
	if err := again.Restore([]byte("x")); err == nil {
		t.Error("a damaged snapshot was taken")
	}
}
