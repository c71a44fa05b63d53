package engine

import (
	"strings"

	"github.com/outflow/outflow/internal/event"
)

// ownDays is after how many days a login that works here is one of the organisation's, even if it
// was given something before it did anything.
const ownDays = 14

// member notes that a login of GitHub works in the organisation, and that an owner of repositories
// is the organisation's own.
func (e *Engine) member(p *person, ev *event.Event, today int64) {
	for _, name := range []string{ev.Actor.Alias, ev.Actor.Account} {
		if strings.HasPrefix(name, "github:") {
			e.People.age(domains, hash(ofAccount, name), today, &e.deltaOf(p).People)
		}
	}
	if len(ev.To) > 0 && ev.Tenant != "" {
		e.People.age(domains, hash(ofAccount, "github:"+strings.ToLower(ev.Tenant)), today, &e.deltaOf(p).People)
	}
}

// login says whether a recipient that GitHub names by a login, which belongs to no known user, is of
// the organisation: it has worked here before, or was made a member. A login that was first given
// something is not, until it has worked here for long. In the first days nobody is known, and
// everybody may be.
func (e *Engine) login(p *person, o *org, to *event.Recipient, today int64) {
	if !strings.HasPrefix(to.Account, "github:") {
		return
	}
	key := hash(ofAccount, to.Account)
	if to.Scope == event.ScopeInternal {
		e.People.age(domains, key, today, &e.deltaOf(p).People)
	}
	first := e.Pulse[event.GitHub].First
	if to.Scope != event.ScopeUnknown || first == 0 || today*24-first < settleHours {
		return
	}
	worked, known := e.People.Domains[key]
	given, received := o.Domains[hash(ofDomain, to.Account)]
	switch {
	case known && today-int64(worked) >= ownDays, known && int64(worked) < today && !(received && given <= worked):
		to.Scope = event.ScopeInternal
	default:
		to.Scope = event.ScopeExternal
	}
}
