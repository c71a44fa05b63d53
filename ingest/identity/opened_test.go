package identity_test

import (
	"testing"

	"github.com/outflow/outflow/ingest/identity"
	"github.com/outflow/outflow/internal/event"
)

// TestNobody checks of whom it is told what is done without a sign-in: who opened it, the owner, or
// the place; and that a snapshot remembers.
func TestNobody(t *testing.T) {
	const day = event.Day
	at := int64(20_500 * day)
	r := identity.New()
	r.Configure(identity.Config{Domains: []string{"acme.example"}})
	resolve := func(e event.Event) string {
		e.Source = event.Box
		if e.Time == 0 {
			e.Time = at
		}
		who, rec := r.Resolve(e.Append(nil))
		if event.IsPlace(who) && !event.RecordGuest(rec) {
			t.Errorf("the place %q would never be forgotten", who)
		}
		return who
	}
	link := func(who string, kind event.ActorKind, o event.Object) {
		resolve(event.Event{Class: event.ShareLink, After: event.PublicLink, Object: o, Actor: event.Actor{Account: who, Kind: kind}})
	}
	link("dana@acme.example", event.Human, event.Object{ID: "f1", Type: "file", Container: "Board"})
	link("svc.web@acme.example", event.Service, event.Object{ID: "f2", Type: "file", Container: "Web"})
	link("kim@acme.example", event.Human, event.Object{ID: "d1", Type: "folder", Name: "Press kit", Container: "Marketing"})
	link("dana@acme.example", event.Human, event.Object{ID: "f3", Type: "file", Container: "Shared"})
	link("kim@acme.example", event.Human, event.Object{ID: "f4", Type: "file", Container: "Shared"})
	resolve(event.Event{
		Class: event.ShareLink, After: event.Internal, Object: event.Object{ID: "f5", Type: "file", Container: "Team"},
		Actor: event.Actor{Account: "kim@acme.example", Kind: event.Human},
	})

	get := func(o event.Object, days int64) string {
		return resolve(event.Event{Class: event.Download, Object: o, Time: at + days*day, Actor: event.Actor{Kind: event.Anonymous}})
	}
	for _, c := range []struct {
		object event.Object
		days   int64
		want   string
	}{
		{event.Object{ID: "f1", Container: "Board"}, 0, "dana@acme.example"},
		{event.Object{ID: "f9", Container: "Board"}, 1, "dana@acme.example"},
		{event.Object{ID: "f2", Container: "Web"}, 1, "box:public/Web"},
		{event.Object{ID: "f6", Container: "Press kit"}, 1, "kim@acme.example"},
		{event.Object{ID: "f3", Container: "Shared"}, 1, "dana@acme.example"},
		{event.Object{ID: "f8", Container: "Shared"}, 1, "box:public/Shared"},
		{event.Object{ID: "f5", Container: "Team"}, 1, "box:public/Team"},
		{event.Object{ID: "f7", Container: "Team", Owner: "lee@acme.example"}, 1, "lee@acme.example"},
		{event.Object{ID: "f7", Container: "Team", Owner: "lee@other.example"}, 1, "box:public/Team"},
		{event.Object{ID: "f7"}, 1, ""},
		{event.Object{ID: "f9", Container: "Board"}, 9, "box:public/Board"},
		{event.Object{ID: "f1", Container: "Board"}, 9, "dana@acme.example"},
	} {
		if got := get(c.object, c.days); got != c.want {
			t.Errorf("%+v after %d days: %q, want %q", c.object, c.days, got, c.want)
		}
	}

	b, err := r.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	without, _, err := identity.EraseFromSnapshot(b, "dana@acme.example")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		snapshot []byte
		want     string
	}{{b, "dana@acme.example"}, {without, "box:public/Board"}} {
		r = identity.New()
		if err := r.Restore(c.snapshot); err != nil {
			t.Fatal(err)
		}
		if got := get(event.Object{ID: "f1", Container: "Board"}, 10); got != c.want {
			t.Errorf("restored: %q, want %q", got, c.want)
		}
	}
	if got := get(event.Object{ID: "f1", Container: "Board"}, 200); got != "box:public/Board" {
		t.Errorf("after 200 days: %q", got)
	}
	if got := resolve(event.Event{Class: event.LoginFailure, Actor: event.Actor{Kind: event.Anonymous}, Object: event.Object{ID: "x", Container: "y"}}); got != "" {
		t.Errorf("a sign-in is told of %q", got)
	}
}

// TestLetIn tells of what a foreign account in the cloud takes who gave it access: if that was one person, to this
// bucket, and the account is none of the organisation's.
func TestLetIn(t *testing.T) {
	at := int64(20_500 * event.Day)
	r := identity.New()
	r.Configure(identity.Config{Domains: []string{"acme.example"}, AWSAccounts: []string{"222233334444"}})
	resolve := func(e event.Event) (string, event.ActorKind) {
		e.Source, e.Tenant, e.Time = event.CloudTrail, "111122223333", at
		who, rec := r.Resolve(e.Append(nil))
		return who, event.RecordKind(rec)
	}
	give := func(who, bucket, account string, outcome event.Outcome) {
		resolve(event.Event{
			Class: event.PolicyChange, After: event.External, Outcome: outcome, Object: event.Object{Type: "bucket", Name: bucket},
			Actor: event.Actor{Account: who, Kind: event.Human},
			To:    []event.Recipient{{Account: "aws:" + account, Scope: event.ScopeExternal}},
		})
	}
	give("dana@acme.example", "exports", "888899990000", event.Success)
	give("dana@acme.example", "both", "888899990000", event.Success)
	give("kim@acme.example", "both", "888899990000", event.Success)
	give("dana@acme.example", "refused", "888899990000", event.Denied)
	give("dana@acme.example", "exports", "222233334444", event.Success)
	for _, c := range []struct {
		account, bucket, want string
	}{
		{"888899990000", "exports", "dana@acme.example"},
		{"888899990000", "both", ""},
		{"888899990000", "refused", ""},
		{"888899990000", "other", ""},
		{"777777777777", "exports", ""},
		{"222233334444", "exports", ""},
	} {
		want, kind := c.want, event.Outsider
		who, got := resolve(event.Event{
			Class: event.Download, Object: event.Object{Type: "object", Name: "k", Container: c.bucket},
			Actor: event.Actor{Account: "aws:" + c.account},
		})
		if want == "" {
			want, kind = "aws:"+c.account, got
		}
		if who != want || got != kind || c.want == "" && got == event.Outsider {
			t.Errorf("%s in %s: %q, %s", c.account, c.bucket, who, got)
		}
	}
}
