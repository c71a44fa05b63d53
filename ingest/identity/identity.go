// Package identity resolves accounts to people. It processes events in order of time and uses
// no knowledge from later ones: the people file holds from the beginning, and a link between
// two accounts from the event that names both. It owns the alias graph.
package identity

import (
	"cmp"
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/names"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/mail"
)

// Resolver resolves the accounts of events. Make one with New.
type Resolver struct {
	people   map[string]*profile // by e-mail address
	locals   map[string]string   // e-mail address by local part; "" if two people share it
	stated   map[string]string   // person by account, from the people file or the configuration
	links    map[string]string   // person by account, learned from events
	former   map[string]string   // of accounts that have changed hands: the person before; shared if two use it in turn
	accounts map[string]*account // everything resolved so far
	own      map[string]bool     // the organisation's domains, configured or from the people file
	tenants  map[string]bool     // further ones, from events
	aws      map[string]bool     // the organisation's AWS accounts, configured or those whose trails are read
	trail    string              // AWS account of the latest event of CloudTrail
	round    uint32              // how often the above changed, except links
	actors   map[string]int      // people seen by domain, while own is empty
	total    int                 // sum of actors

	taught map[uint64]struct{} // accounts and aliases that were seen together today, but for the latest alias of an account

	keys map[string]issued // access keys of AWS sessions, by alias, until they expire

	opened map[uint64]opener // what is open to anybody, by openedKey

	strangers map[string]*unknownAccount // names that have only failed to sign in within the last day
	failures  int                        // failed sign-ins of all strangers that are kept
	origins   []origin                   // where the names that were dropped today came from
	left      DroppedCounts
	day       int64          // day of the latest event, days since 1970
	admitted  int            // new guests of that day
	guests    int            // accounts of guests
	notes     []*event.Event // see Notes
	key       uint64         // key of the event being resolved

	dec event.Decoder
	e   event.Event
	buf []byte

	recalled []byte // an event with the failed sign-ins before it
}

// profile is what the people file states about a person.
type profile struct{ department string }

// account is an account that has been resolved.
type account struct {
	person string
	kind   event.ActorKind
	alias  string // latest alias
	known  bool   // tied to another account or to the people file
	sure   bool   // by the people file, the configuration or a link to an address, and not by its name
	round  uint32 // of the resolver when it was resolved, unless that is sure

	aliasDay int64 // day on which it was seen with the latest alias, after it had been learned; days since 1970

	guest   bool  // from outside the organisation: forgotten after guestDays without activity
	failing bool  // it has only failed, and is kept because a rule of the organisation matched
	seen    int64 // day of a guest's last event, days since 1970
}

// Config is the configuration of accounts. All of it may be empty.
type Config struct {
	Domains         []string            // the organisation's domains, in addition to those of the people file
	ServiceAccounts []string            // accounts that belong to no person
	Aliases         map[string][]string // further accounts of people, by e-mail address
	AWSAccounts     []string            // the organisation's, in addition to those whose trails are read
}

// New returns a resolver without any knowledge.
func New() *Resolver {
	return &Resolver{
		people:    map[string]*profile{},
		locals:    map[string]string{},
		stated:    map[string]string{},
		links:     map[string]string{},
		former:    map[string]string{},
		accounts:  map[string]*account{},
		own:       map[string]bool{},
		tenants:   map[string]bool{},
		aws:       map[string]bool{},
		actors:    map[string]int{},
		strangers: map[string]*unknownAccount{},
		taught:    map[uint64]struct{}{},
		keys:      map[string]issued{},
		opened:    map[uint64]opener{},
	}
}

// Configure adds a configuration. Call it before the first event.
func (r *Resolver) Configure(c Config) {
	for _, d := range c.Domains {
		r.own[strings.ToLower(strings.TrimPrefix(d, "@"))] = true
	}
	for _, name := range c.ServiceAccounts {
		name = strings.ToLower(name)
		if a := r.accounts[name]; a != nil && a.guest {
			r.guests--
		}
		r.accounts[name] = &account{person: name, kind: event.Service, known: true, sure: true}
		r.stated[name] = name
	}
	for address, list := range c.Aliases {
		for _, alias := range list {
			r.stated[strings.ToLower(alias)] = strings.ToLower(address)
		}
	}
	for _, id := range c.AWSAccounts {
		r.aws[strings.TrimPrefix(strings.ToLower(id), "aws:")] = true
	}
	r.round++
}

// Resolve returns the person who acted in a stored event, and the event completed with the kind
// of the actor, whether it is a guest, and who the recipients are. Of what is done without a sign-in,
// it is who opened it to anybody, or the place (see event.PlaceName); of what a foreign AWS account does, who
// gave it access (event.Outsider), if that is known. The person is "" if nobody
// acted, or if the name has never done anything but fail. When such a name succeeds, that event
// carries its failed sign-ins of the last day (event.AttrAttempts). The record may be changed
// in place or replaced; the result is valid until the next call.
func (r *Resolver) Resolve(rec []byte) (person string, out []byte) {
	if event.RecordSource(rec) == event.HR {
		return r.applyHR(rec), rec
	}
	r.key = event.RecordKey(rec)
	if at := event.RecordTime(rec); at/event.Day > r.day {
		r.newDay(at)
	}
	source := event.RecordSource(rec)
	if source == event.CloudTrail {
		r.ownAWS(event.RecordTenant(rec))
	}
	var a *account
	name, alias := event.RecordActor(rec)
	if source == event.CloudTrail {
		if person = r.letInBy(name, rec); person != "" {
			event.SetRecordKind(rec, event.Outsider)
			return person, rec
		}
	}
	if name != "" {
		kind := event.RecordKind(rec)
		if source == event.Salesforce {
			name = r.withoutSuffix(name)
		}
		if a, rec = r.actor(name, alias, kind, rec); a != nil {
			if alias != "" && alias == a.alias {
				a.aliasDay = r.day
			} else if alias != "" {
				rec = r.learn(name, alias, a, rec)
			}
			person = a.person
			if a.kind != kind {
				event.SetRecordKind(rec, a.kind)
			}
		}
	}
	switch {
	case person != "":
		r.openedBy(person, rec)
	case event.Nobody(rec):
		person = r.nobody(rec)
	}
	if event.RecordHasRecipients(rec) {
		rec = r.recipients(rec, person)
	}
	if a != nil && a.guest {
		event.SetRecordGuest(rec)
	}
	return person, rec
}

// ownAWS notes that an AWS account is the organisation's, because its trail is read.
func (r *Resolver) ownAWS(id string) {
	if id == r.trail || id == "" {
		return
	}
	r.trail = strings.Clone(id)
	if !r.aws[id] {
		r.aws[r.trail] = true
		r.round++
	}
}

// withoutSuffix returns the address of which a user name of Salesforce was made: user names are
// unique in all of Salesforce, so those of a sandbox have a suffix. The address must be known.
func (r *Resolver) withoutSuffix(user string) string {
	if !ingest.IsEmail(user) || r.people[user] != nil || r.stated[user] != "" {
		return user
	}
	for address := names.WithoutSuffix(user); address != ""; address = names.WithoutSuffix(address) {
		if p, _ := r.find(address); p != "" {
			return address
		}
		if a := r.accounts[address]; a != nil && !a.guest {
			return address
		}
	}
	return user
}

// actor returns the account that acted, or nil, and the record.
func (r *Resolver) actor(name, alias string, kind event.ActorKind, rec []byte) (*account, []byte) {
	a := r.accounts[name]
	if a != nil && !a.sure && a.round != r.round {
		r.again(name, a)
	}
	if kind == event.Unknown && (a == nil || !a.known) && strings.Contains(name, ":role/") {
		if p := r.session(rec); p != "" {
			return r.lookup(p, event.Human), rec
		}
	}
	if a == nil || a.guest {
		return r.resolveUnknown(name, alias, kind, rec)
	}
	return a.as(kind), rec
}

// as returns the account after it has acted as a kind of actor. If an account has been seen as
// two kinds, the one that is not human is kept.
func (a *account) as(kind event.ActorKind) *account {
	if kind > event.Human && a.kind != kind && !a.known {
		a.kind = kind
	}
	return a
}

// lookup resolves an account and remembers the result.
func (r *Resolver) lookup(name string, kind event.ActorKind) *account {
	if a := r.accounts[name]; a != nil {
		return a.as(kind)
	}
	name = strings.Clone(name)
	a := &account{person: name, kind: kind, round: r.round}
	r.accounts[name] = a
	if r.settle(name, a) {
		return a
	}
	if kind == event.Human || kind == event.Unknown {
		a.kind = event.Human
		switch {
		case LooksAutomated(name):
			a.kind = event.Service
		case strings.Contains(name, ":role/"):
			a.kind = event.Service
		case ingest.IsEmail(name) && len(r.own) == 0:
			domain := mail.Domain(name)
			if r.actors[domain] > 0 || len(r.actors) < maxDomains {
				r.actors[domain]++
			}
			r.total++
		}
	}
	return a
}

// settle sets the person of an account if it can be told, and reports whether it can.
func (r *Resolver) settle(name string, a *account) bool {
	p, sure := r.find(name)
	if p == "" {
		return false
	}
	a.person, a.known, a.sure, a.kind = p, true, sure, r.kindOf(p)
	return true
}

// again resolves an account that was resolved by its name, or not at all, before what is known
// of the organisation changed.
func (r *Resolver) again(name string, a *account) {
	name, a.round = strings.Clone(name), r.round
	if !r.settle(name, a) && a.known {
		a.person, a.known = name, false
	}
}

// find returns the person of an account, and whether that is sure: by the people file, the
// configuration or a link to an address. Otherwise it is resolved by its name, or "". The result
// may share the memory of the name.
func (r *Resolver) find(name string) (person string, sure bool) {
	if p := r.stated[name]; p != "" {
		return p, true
	}
	if _, ok := r.people[name]; ok {
		return name, true
	}
	if p := r.links[name]; p != "" {
		if ingest.IsEmail(p) {
			return p, true
		}
		return cmp.Or(r.stated[p], r.links[p], r.byName(names.Parse(p)), p), false
	}
	if ingest.IsEmail(name) {
		return r.byAddress(name), false
	}
	return r.byName(names.Parse(name)), false
}

// byAddress returns the person of an address in one of the organisation's domains: the local
// part means the same person in all of them.
func (r *Resolver) byAddress(address string) string {
	at := strings.LastIndexByte(address, '@')
	if !r.isOwn(address[at+1:]) { // the jane.doe of another organisation
		return ""
	}
	local, _, _ := strings.Cut(address[:at], "+")
	return cmp.Or(r.stated["*:"+local], r.locals[local])
}

// byName returns the person of an account that is no address, by a name that the people file
// states for every source, or the local part of an address where the organisation itself names
// the users. The names of another organisation's AWS account mean nobody.
func (r *Resolver) byName(a names.Account) string {
	if a.Source == "aws" {
		if !r.isOwnAWS(a) {
			return ""
		}
		switch a.Kind {
		case "user", "session":
		case "sso":
			name := "aws:" + names.IdentityCenter + ":user/" + a.Name
			p, _ := r.find(name)
			return cmp.Or(p, name)
		default:
			return ""
		}
		if ingest.IsEmail(a.Name) {
			p, _ := r.find(a.Name)
			return cmp.Or(p, a.Name)
		}
	}
	if !names.Whole(a.Name) || a.Source == "" {
		return ""
	}
	if p := r.stated["*:"+a.Name]; p != "" || !names.ByAdmins(a.Source) {
		return p
	}
	return r.locals[a.Name]
}

// isOwnAWS reports whether an account of AWS is the organisation's. As long as none is known,
// only whole addresses are accepted: others could be anybody's.
func (r *Resolver) isOwnAWS(a names.Account) bool {
	return a.Owner == "" || a.Owner == names.IdentityCenter || r.aws[a.Owner] || len(r.aws) == 0 && ingest.IsEmail(a.Name)
}

// session returns the person who acts in the session of a role: on whose behalf it was begun, who
// was issued its access key, or whom it is named after. It returns "" if they are unknown.
func (r *Resolver) session(rec []byte) string {
	if r.dec.Decode(rec, &r.e) != nil {
		return ""
	}
	behalf := r.e.Actor.OnBehalfOf
	named := strings.Contains(behalf, ":session/")
	if behalf != "" && !named {
		if p, _ := r.find(behalf); p != "" {
			return p
		}
	}
	if s := r.e.Client.Session; s != "" {
		if p := r.keys[keyPrefix+s].Person; p != "" {
			return p
		}
	}
	if named && !LooksAutomated(behalf) {
		p, _ := r.find(behalf)
		return p
	}
	return ""
}

// applyHR applies an event of HR and returns the person it is about.
func (r *Resolver) applyHR(rec []byte) string {
	if r.dec.Decode(rec, &r.e) != nil {
		return ""
	}
	e := &r.e
	address := strings.Clone(e.Actor.Account)
	if e.Class != event.Person {
		p, _ := r.find(address)
		return cmp.Or(p, address)
	}

	p := r.people[address]
	if p == nil {
		p = &profile{}
		r.people[address] = p
		at := strings.LastIndexByte(address, '@')
		local, domain := address[:at], address[at+1:]
		if have, ok := r.locals[local]; ok && have != address {
			r.locals[local] = ""
		} else {
			r.locals[local] = address
		}
		if !mail.Consumer(domain) {
			r.own[strings.Clone(domain)] = true
		}
		r.round++
		if a := r.accounts[address]; a != nil {
			a.person, a.kind, a.known, a.sure = address, event.Human, true, true
		}
	}

	p.department = strings.Clone(cmp.Or(e.Attr(event.AttrDepartment), p.department))
	for _, a := range e.Attrs {
		if a.Name == event.AttrAlias && r.stated[a.Value] != address {
			r.state(strings.Clone(a.Value), address)
		}
	}

	return address
}

// state applies what the people file states about an account.
func (r *Resolver) state(alias, address string) {
	r.stated[alias] = address
	r.round++
	if a := r.accounts[alias]; a != nil {
		a.person, a.kind, a.known, a.sure = address, event.Human, true, true
	}
}

// recipients resolves the recipients of an event and sets whether they are internal or external.
func (r *Resolver) recipients(rec []byte, person string) []byte {
	if r.dec.Decode(rec, &r.e) != nil {
		return rec
	}
	e := &r.e
	r.ownDomains(e)
	changed := false
	for i := range e.To {
		t := &e.To[i]
		if t.Scope == event.ScopeAnyone {
			continue
		}
		before := *t
		if p, _ := r.find(t.Account); p != "" {
			t.Account, t.Scope = p, event.ScopeInternal
			if profile := r.people[p]; profile != nil {
				t.Department = profile.department
			}
		} else if domain := mail.Domain(t.Account); domain != "" {
			switch {
			case r.isInternal(domain, person):
				t.Scope = event.ScopeInternal
			default:
				t.Scope = event.ScopeExternal
			}
		}

		changed = changed || *t != before
	}

	if !changed {
		return rec
	}
	r.buf = e.Append(r.buf[:0])
	return r.buf
}

// ownDomains learns the domains of which an event states that they are the organisation's, and
// the initial domain of its Microsoft 365 tenant, from the tenant's site or from a member.
func (r *Resolver) ownDomains(e *event.Event) {
	if e.Source != event.M365 {
		return
	}
	for i := range e.Attrs {
		if e.Attrs[i].Name == event.AttrOwnDomain {
			r.ownDomain(e.Attrs[i].Value)
		}
	}
	for i := range e.To {
		t := &e.To[i]
		domain := mail.Domain(t.Account)
		if !strings.HasSuffix(domain, names.OnMicrosoft) {
			continue
		}
		if t.Scope == event.ScopeInternal || domain == names.InitialDomain(e.Object.Container) {
			r.ownDomain(domain)
		}
	}
}

// ownDomain notes that a domain is the organisation's.
func (r *Resolver) ownDomain(domain string) {
	if domain != "" && !r.own[domain] && !r.tenants[domain] {
		r.tenants[strings.Clone(domain)] = true
		r.round++
	}
}

// isOwn reports whether a domain is the organisation's, as far as its domains are known.
func (r *Resolver) isOwn(domain string) bool {
	return r.own[domain] || r.tenants[domain] || strings.HasSuffix(domain, ".com") && r.isBaseOwn(names.Base(domain))
}

func (r *Resolver) isBaseOwn(base string) bool { return base != "" && (r.own[base] || r.tenants[base]) }

// isInternal reports whether a domain is the organisation's. If its domains are unknown, that
// is the domain of the person who shares, or one that at least five people and a tenth of all
// people have.
func (r *Resolver) isInternal(domain, person string) bool {
	if r.isOwn(domain) {
		return true
	}
	if len(r.own) > 0 {
		for !r.own[domain] { // subdomains are internal, too
			_, parent, ok := strings.Cut(domain, ".")
			if !ok {
				return false
			}
			domain = parent
		}
		return true
	}
	if mail.Consumer(domain) {
		return false
	}
	own := mail.Domain(person)
	return own != "" && (domain == own || strings.HasSuffix(domain, "."+own)) || r.actors[domain] >= 5 && r.actors[domain]*10 >= r.total
}

// LooksAutomated reports whether an account's name looks like that of a machine: it contains a
// word that administrators use for them.
func LooksAutomated(name string) bool {
	if a := names.Parse(name); a.Kind == "workload" || names.Workload(a.Name) {
		return true
	}
	if i := strings.LastIndexAny(name, ":/"); i >= 0 {
		name = name[i+1:]
	}
	if at := strings.LastIndexByte(name, '@'); at >= 0 {
		if strings.HasSuffix(name[at:], ".gserviceaccount.com") {
			return true
		}
		name = name[:at]
	}
	if strings.HasSuffix(name, "[bot]") {
		return true
	}
	for word := range strings.FieldsFuncSeq(name, func(c rune) bool { return !(c >= 'a' && c <= 'z') }) {
		if automated[word] {
			return true
		}
	}
	return false
}

var automated = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(`
		svc svcacct service serviceaccount bot robot automation automated system daemon cron scheduler worker runner
		ci cicd pipeline builder deploy deployer deployment jenkins github gitlab terraform pulumi ansible puppet
		argocd spinnaker etl elt airflow dbt fivetran integration integrations connector sync backup backups
		replication migration archiver ediscovery dlp scanner crawler indexer monitoring logging exporter api apiuser
		webhook noreply donotreply notifications mailer smtp server servers lambda kubernetes proxy gateway sso scim
		provisioning hris`) {
		m[w] = true
	}
	return m
}()
