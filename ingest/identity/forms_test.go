package identity_test

import (
	"strings"
	"testing"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/identity"
	"github.com/outflow/outflow/ingest/names"
	"github.com/outflow/outflow/internal/event"
)

// acme is the organisation of the directory of forms: its people, and logs that say which AWS
// account and which tenant of Microsoft 365 are its own.
func acme() []*event.Event {
	trail := by("bob@acme.example", "")
	trail.Source, trail.Tenant = event.CloudTrail, "111122223333"
	return []*event.Event{
		hrPerson("jane.doe@acme.example", "Finance"), hrPerson("bob@acme.example", "IT"), hrPerson("sam@acme-labs.example", "IT"),
		trail,
		{Source: event.M365, Actor: event.Actor{Account: "bob@acme.example", Kind: event.Human},
			Attrs: []event.Attr{{Name: event.AttrOwnDomain, Value: "acme.onmicrosoft.com"}}},
	}
}

// TestForms resolves the directory of forms: with what the organisation's logs say known before,
// and again when it becomes known after each account has acted.
func TestForms(t *testing.T) {
	for _, f := range names.Forms {
		t.Run(f.Example, func(t *testing.T) {
			if address := names.Address(f.Example); address != "" && strings.ToLower(address) != f.Account {
				t.Errorf("the form has the address %q", address)
			}
			act := func(r *identity.Resolver) (string, event.ActorKind) {
				e := by(f.Account, "")
				if f.Source == "Salesforce" {
					e.Source = event.Salesforce
				}
				if strings.Contains(f.Account, ":session/") {
					e.Actor = event.Actor{Account: "aws:111122223333:role/admin", OnBehalfOf: f.Account, Kind: event.Unknown}
				}
				who, kind, _ := resolve(t, r, e)
				return who, kind
			}
			early, late := identity.New(), identity.New()
			act(late)
			for _, e := range acme() {
				resolve(t, early, e)
				resolve(t, late, e)
			}
			for name, r := range map[string]*identity.Resolver{"known before": early, "known after": late} {
				who, kind := act(r)
				switch {
				case ingest.IsEmail(f.Person) && (who != f.Person || kind != event.Human),
					f.Person == "a service" && (who != f.Account || kind != event.Service),
					f.Person == "the account itself" && (who != f.Account || kind != event.Human):
					t.Errorf("%s: %s is %s, %s; want %s", name, f.Account, who, kind, f.Person)
				}
			}
		})
	}
}

// TestForeignNames checks that no name of another organisation becomes a person's.
func TestForeignNames(t *testing.T) {
	r := identity.New()
	for _, e := range acme() {
		resolve(t, r, e)
	}
	for _, account := range []string{
		"aws:999988887777:user/jane.doe", "aws:999988887777:user/jane.doe@acme.example", "aws:999988887777:sso/jane.doe",
		"aws:111122223333:workload/repo:x:jane.doe", "m365:acme\\jane.doe", "okta:team/jane.doe", "github:jane.doe", "zoom:jane.doe",
		"jane.doe@acme.example.rival.example", "jane.doe@rival.onmicrosoft.com", "jane.doe@notacme.example", "atlassian:qm:1:jane.doe",
		"jane.doe@acme.example.uat",
	} {
		if who, _, _ := resolve(t, r, by(account, "")); who != account {
			t.Errorf("%s is %s", account, who)
		}
	}
}

// TestNoAWSAccountKnown checks that as long as no AWS account is known to be the organisation's,
// only whole addresses count.
func TestNoAWSAccountKnown(t *testing.T) {
	r := staffed(t)
	for account, want := range map[string]string{
		"aws:111122223333:user/jane.doe@acme.example": "jane.doe@acme.example",
		"aws:111122223333:user/jane.doe":              "aws:111122223333:user/jane.doe",
	} {
		if who, _, _ := resolve(t, r, by(account, "")); who != want {
			t.Errorf("%s is %s, want %s", account, who, want)
		}
	}
	r.Configure(identity.Config{AWSAccounts: []string{"111122223333"}})
	if who, _, _ := resolve(t, r, by("aws:111122223333:user/jane.doe", "")); who != "jane.doe@acme.example" {
		t.Errorf("a configured account: %s", who)
	}
	if who, _, _ := resolve(t, r, by("aws:999988887777:user/jane.doe@acme.example", "")); who == "jane.doe@acme.example" {
		t.Error("an address in an account of others was believed")
	}
}

// TestIDFirst checks that an id is the person's from the record that names both, whichever of the
// two the record has first, with and without a people file, and that no person is renamed to it.
func TestIDFirst(t *testing.T) {
	const id, jane = "aws_identity_center:93a4b8c2", "jane.doe@acme.example"
	for _, staff := range []bool{true, false} {
		for _, e := range []*event.Event{by(id, jane), by(jane, id)} {
			for _, before := range []string{"", id, jane} {
				r := identity.New()
				if staff {
					r = staffed(t)
				}
				resolve(t, r, by(before, ""))
				if who, _, _ := resolve(t, r, e); who != jane {
					t.Errorf("the record of %s with %s is %s", e.Actor.Account, e.Actor.Alias, who)
				}
				for _, account := range []string{id, jane} {
					if who, kind, _ := resolve(t, r, by(account, "")); who != jane || kind != event.Human {
						t.Errorf("with %q before, staff %t: %s is %s, %s", before, staff, account, who, kind)
					}
				}
			}
		}
	}
	r := identity.New() // a name says more than an id
	resolve(t, r, by(id, "aws:identity-center:user/jane.doe"))
	if who, _, _ := resolve(t, r, by(id, "")); who != "aws:identity-center:user/jane.doe" {
		t.Errorf("a user of Identity Center is %s", who)
	}
	resolve(t, r, hrPerson(jane, "Finance"))
	if who, _, _ := resolve(t, r, by(id, "")); who != jane {
		t.Errorf("and then %s", who)
	}
}

// TestStatedFirst checks that what the people file states outranks what events say.
func TestStatedFirst(t *testing.T) {
	r := staffed(t)
	resolve(t, r, by("bob@acme.example", "github:jdoe-codes"))
	if who, _, _ := resolve(t, r, by("github:jdoe-codes", "")); who != "jane.doe@acme.example" {
		t.Errorf("an event took over what the people file states: %s", who)
	}
	resolve(t, r, by("bob@acme.example", "slack:w1"))
	resolve(t, r, hrPerson("jane.doe@acme.example", "Finance", "slack:w1"))
	if who, _, _ := resolve(t, r, by("slack:w1", "")); who != "jane.doe@acme.example" {
		t.Errorf("the people file came later, and was not believed: %s", who)
	}
	resolve(t, r, by("okta:sam.lee", ""))
	resolve(t, r, hrPerson("sam.lee@acme.example", "IT"))
	if who, _, _ := resolve(t, r, by("okta:sam.lee", "")); who != "sam.lee@acme.example" {
		t.Errorf("a new person's account stays %s", who)
	}
	resolve(t, r, hrPerson("sam.lee@acme-labs.example", "IT"))
	if who, _, _ := resolve(t, r, by("okta:sam.lee", "")); who != "okta:sam.lee" {
		t.Errorf("a name that two people share is %s", who)
	}
}

// TestRoleSessions checks who acts in a session of a role: on whose behalf, who was issued its key,
// whom it is named after, in this order.
func TestRoleSessions(t *testing.T) {
	const role, jane, bob = "aws:111122223333:role/admin", "jane.doe@acme.example", "bob@acme.example"
	for _, c := range []struct{ name, role, behalf, key, want string }{
		{"a name", role, "aws:111122223333:session/jane.doe", "", jane},
		{"a name of nobody", role, "aws:111122223333:session/deploy-7", "", role},
		{"another account's", "aws:999988887777:role/admin", "aws:999988887777:session/jane.doe", "", "aws:999988887777:role/admin"},
		{"a name, and somebody's key", role, "aws:111122223333:session/jane.doe", bob, bob},
		{"a name, and a workload's key", role, "aws:111122223333:session/jane.doe", "aws:111122223333:workload/repo:acme/app:ref:x",
			"aws:111122223333:workload/repo:acme/app:ref:x"},
		{"on behalf", role, "aws_identity_center:93a4b8c2", bob, jane},
		{"on behalf of nobody known", role, "aws_identity_center:0", "", role},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := identity.New()
			for _, e := range acme() {
				resolve(t, r, e)
			}
			resolve(t, r, by("aws_identity_center:93a4b8c2", jane))
			if c.key != "" {
				resolve(t, r, &event.Event{Source: event.CloudTrail, Actor: event.Actor{Account: c.key, Alias: "aws_key:ASIA1", Kind: event.Human}})
			}
			who, kind, _ := resolve(t, r, &event.Event{
				Source: event.CloudTrail,
				Actor:  event.Actor{Account: c.role, OnBehalfOf: c.behalf, Kind: event.Unknown},
				Client: event.Client{Session: "ASIA1"},
			})
			if who != c.want || (kind == event.Human) != ingest.IsEmail(who) {
				t.Errorf("%s, %s, want %s", who, kind, c.want)
			}
		})
	}
}

// TestOwnTenant checks that the initial domain of the tenant is the organisation's, and that of
// another tenant is not.
func TestOwnTenant(t *testing.T) {
	share := func(to string, scope event.Scope, site string) *event.Event {
		e := by("bob@acme.example", "")
		e.Source, e.Object.Container = event.M365, site
		e.To = []event.Recipient{{Account: to, Scope: scope}}
		return e
	}
	for _, staff := range []bool{true, false} {
		r := identity.New()
		if staff {
			r = staffed(t)
		}
		for _, c := range []struct {
			e    *event.Event
			want event.Scope
		}{
			{share("kim@hq.onmicrosoft.com", 0, "https://acme.sharepoint.com/sites/a"), event.ScopeExternal},
			{share("kim@acme.onmicrosoft.com", 0, "https://acme.sharepoint.com/sites/a"), event.ScopeInternal},
			{share("kim@hq.onmicrosoft.com", event.ScopeInternal, ""), event.ScopeInternal},
			{share("lee@hq.onmicrosoft.com", 0, ""), event.ScopeInternal},
			{share("lee@hq.mail.onmicrosoft.com", 0, ""), event.ScopeInternal},
			{share("kim@rival.example", event.ScopeInternal, ""), event.ScopeExternal},
			{share("kim@acme.example", 0, ""), event.ScopeInternal},
		} {
			if _, _, to := resolve(t, r, c.e.Clone()); to[0].Scope != c.want {
				t.Errorf("staff %t: %+v of %s", staff, to, c.e.Object.Container)
			}
		}
	}
}

// TestFailuresUnderID checks that failed sign-ins under an id belong to the person from the record
// on that has both names, and those before it come with that record.
func TestFailuresUnderID(t *testing.T) {
	const id, jane = "m365:755e500a", "jane.doe@acme.example"
	fail := func(account, alias string, at int64) *event.Event {
		e := by(account, alias)
		e.Source, e.Class, e.Outcome, e.Time, e.Client.IP = event.M365, event.LoginFailure, event.Failure, at, "203.0.113.9"
		return e
	}
	const noon = int64(20_600*event.Day + event.Day/2)
	r := staffed(t)
	if who, _, _ := resolve(t, r, fail(id, jane, noon)); who != jane {
		t.Errorf("a failure with both names is %q", who)
	}
	if who, _, _ := resolve(t, r, fail(id, "", noon+1)); who != "" {
		t.Errorf("a failure taught who the id is: %q", who)
	}
	in := by(jane, id)
	in.Time, in.Class = noon+2, event.LoginSuccess
	who, rec := r.Resolve(append([]byte(nil), in.Append(nil)...))
	var e event.Event
	if err := new(event.Decoder).Decode(rec, &e); err != nil || who != jane || len(event.SplitAttempts(e.Attr(event.AttrAttempts))) != 1 {
		t.Errorf("%s signed in with %+v, %v", who, e.Attrs, err)
	}
	if who, _, _ := resolve(t, r, fail(id, "", noon+3)); who != jane {
		t.Errorf("a failure after it is %q", who)
	}
}
