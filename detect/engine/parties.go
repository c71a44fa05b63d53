package engine

import (
	"cmp"
	"strings"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/mail"
)

const (
	longKnown  = 30 // days after which a party that things are shared with is no stranger
	wellKnown  = 7  // the same, if several people deal with it
	contactFor = 14 // days after which a party that one person alone deals with is a contact of theirs
)

// recipients looks at who receives something, whatever the door: a share, a policy, a rule, a right, an
// export. It tells the organisation's own parties from others, and grades those.
func (e *Engine) recipients(p *person, o *org, a *detect.Enriched, today int64) {
	e.parties = e.parties[:0]
	for i := range a.To {
		to := &a.To[i]
		e.parties = append(e.parties, detect.Party{})
		e.forbid(a, to.Account)
		switch a.Source {
		case event.CloudTrail:
			e.account(p, to, today)
		case event.GitHub:
			e.login(p, o, to, today)
		}
		if to.Scope != event.ScopeExternal {
			continue
		}
		party := e.grade(p, o, to.Account, today)
		e.parties[i] = party
		if a.Source == event.CloudTrail && party.Standing > detect.Vendor && a.Foreign == "" {
			a.Foreign = strings.TrimPrefix(to.Account, "aws:")
		}
		if party.Standing > a.Party.Standing {
			a.Party = party
		}
	}
}

// destination grades where an export goes, if the log names the place and not whose it is: a bucket.
func (e *Engine) destination(p *person, o *org, a *detect.Enriched, today int64) {
	scheme, rest, found := strings.Cut(strings.ToLower(strings.Trim(a.Attr(event.AttrTarget), "'\"")), "://")
	if !found || a.Class != event.Export || a.Party.Standing != detect.NoParty {
		return
	}
	place, _, _ := strings.Cut(rest, "/")
	a.Party = e.grade(p, o, scheme+"://"+place, today)
}

// forbid notes a recipient at a domain that the configuration forbids.
func (e *Engine) forbid(a *detect.Enriched, account string) {
	for d := mail.Domain(account); len(e.config.forbidden) > 0 && d != "" && a.Forbidden == ""; {
		if e.config.forbidden[d] {
			a.Forbidden = account
		}
		_, d, _ = strings.Cut(d, ".")
	}
}

// grade says what is known of a party outside, and notes that the person deals with it. Of an address
// at a provider for consumers it is the address that is known, else the domain. What a person does
// not know of counts from the next hour: so a party is graded once a day for each person.
func (e *Engine) grade(p *person, o *org, account string, today int64) detect.Party {
	name := cmp.Or(mail.Domain(account), account)
	consumer := mail.Consumer(name)
	if consumer {
		name = account
	}
	key := hash(ofDomain, name)
	days := o.age(domains, key, today, e.deltaOf(p).of(p))
	mine, known := p.Known.since(key, today)
	met := p.Known.age(key, today, maxKnown)
	party := detect.Party{Account: account, Days: days, People: int(o.Partners[key])}
	switch {
	case !known:
		e.deltaOf(p).of(p).arrive(partners, key, today)
	case mine > 0 || met > 0:
		party.People--
	default: // first dealt with earlier today
		party.People = int(p.Day.Done[key])
	}
	party.People = max(party.People, 0)
	if met == 0 {
		p.setDone(key, uint16(min(party.People, 1<<15)))
	}
	switch {
	case consumer && namesSelf(p.Name, account):
		party.Standing = detect.Self
	case days >= longKnown && (party.People > 0 || !consumer), days >= wellKnown && party.People > 1:
		party.Standing = detect.Vendor
	case party.People > 0 && days > 0:
		party.Standing = detect.Introduced
	case consumer:
		party.Standing = detect.Mailbox
	case met >= contactFor:
		party.Standing = detect.Contact
	default:
		party.Standing = detect.Stranger
	}
	return party
}

// account tells the organisation's own accounts and organisations in the cloud from others.
func (e *Engine) account(p *person, to *event.Recipient, today int64) {
	id, cloud := strings.CutPrefix(to.Account, "aws:")
	if to.Scope == event.ScopeUnknown && e.config.organizations && strings.HasPrefix(id, "o-") {
		to.Scope = event.ScopeExternal
	}
	if to.Scope == event.ScopeExternal && cloud && e.own(id, p, today) {
		to.Scope = event.ScopeInternal
	}
}

// own says whether an account, an organisation or a canonical user in the cloud is the
// organisation's own. Of an organisation that is named with the account that manages it, the
// account says it; the organisation is known from then on.
func (e *Engine) own(id string, p *person, today int64) bool {
	for part := range strings.SplitSeq(id, "/") {
		_, seen := e.People.Domains[hash(ofAccount, part)]
		if !seen && !e.config.accounts[part] {
			continue
		}
		if manager, rest, found := strings.Cut(id, "/"); found && manager == part && strings.HasPrefix(rest, "o-") {
			organization, _, _ := strings.Cut(rest, "/")
			e.People.age(domains, hash(ofAccount, organization), today, &e.deltaOf(p).People)
		}
		return true
	}
	return false
}
