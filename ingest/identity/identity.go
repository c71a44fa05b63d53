// Package identity resolves accounts to people. It processes events in order of time and uses
// no knowledge from later ones: the people file holds from the beginning, and a link between
// two accounts from the event that names both. It owns the alias graph.
package identity

import (
	"cmp"
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/mail"
)

// Resolver resolves the accounts of events. Make one with New.
type Resolver struct {
	people   map[string]*profile // by e-mail address
	locals   map[string]string   // e-mail address by local part; "" if two people share it
	links    map[string]string   // person by account, from the people file or learned
	accounts map[string]*account // everything resolved so far
	own      map[string]bool     // the organisation's domains, configured or from the people file
	actors   map[string]int      // people seen by domain, while own is empty
	total    int                 // sum of actors

	keys map[string]issued // access keys of AWS sessions, by alias, until they expire

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
	known  bool   // tied to the people file or to a link

	guest   bool  // from outside the organisation: forgotten after guestDays without activity
	failing bool  // it has only failed, and is kept because a rule of the organisation matched
	seen    int64 // day of a guest's last event, days since 1970
}

// Config is the configuration of accounts. All of it may be empty.
type Config struct {
	Domains         []string            // the organisation's domains, in addition to those of the people file
	ServiceAccounts []string            // accounts that belong to no person
	Aliases         map[string][]string // further accounts of people, by e-mail address
}

// New returns a resolver without any knowledge.
func New() *Resolver {
	return &Resolver{
		people:    map[string]*profile{},
		locals:    map[string]string{},
		links:     map[string]string{},
		accounts:  map[string]*account{},
		own:       map[string]bool{},
		actors:    map[string]int{},
		strangers: map[string]*unknownAccount{},
		keys:      map[string]issued{},
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
		r.accounts[name] = &account{person: name, kind: event.Service, known: true}
	}
	for address, list := range c.Aliases {
		for _, alias := range list {
			r.links[strings.ToLower(alias)] = strings.ToLower(address)
		}
	}
}

// Resolve returns the person who acted in a stored event, and the event completed with the kind
// of the actor, whether it is a guest, and who the recipients are. The person is "" if nobody
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
	var a *account
	if name, alias := event.RecordActor(rec); name != "" {
		kind := event.RecordKind(rec)
		if a, rec = r.actor(name, kind, rec); a != nil {
			if alias != "" && alias != a.alias {
				r.learn(alias, a)
			}
			person = a.person
			if a.kind != kind {
				event.SetRecordKind(rec, a.kind)
			}
		}
	}
	if event.RecordHasRecipients(rec) {
		rec = r.recipients(rec, person)
	}
	if a != nil && a.guest {
		event.SetRecordGuest(rec)
	}
	return person, rec
}

// actor returns the account that acted, or nil, and the record.
func (r *Resolver) actor(name string, kind event.ActorKind, rec []byte) (*account, []byte) {
	a := r.accounts[name]
	if kind == event.Unknown && (a == nil || !a.known) && strings.Contains(name, ":role/") {
		if p := r.session(rec); p != "" {
			return r.lookup(p, event.Human), rec
		}
	}
	if a == nil || a.guest {
		return r.resolveUnknown(name, kind, rec)
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
	a := &account{person: name, kind: kind}
	r.accounts[name] = a
	if p := r.find(name); p != "" {
		a.person, a.known, a.kind = p, true, event.Human
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

// find returns the person of an account by the people file and the links; "" if unknown.
func (r *Resolver) find(name string) string {
	if p := r.links[name]; p != "" {
		return p
	}
	if _, ok := r.people[name]; ok {
		return name
	}
	bare := name
	switch {
	case ingest.IsEmail(name):
		at := strings.LastIndexByte(name, '@')
		bare = name[:at]
		if i := strings.IndexByte(bare, '+'); i > 0 {
			bare = bare[:i]
		}
		if !r.own[name[at+1:]] { // the jane.doe of another organisation
			return ""
		}
	case strings.HasPrefix(name, "aws:"), strings.HasPrefix(name, "okta:"), strings.HasPrefix(name, "m365:"):
		bare = name[strings.LastIndexAny(name, ":/")+1:]
		if strings.Contains(name, ":role/") {
			return ""
		}
	default:
		bare = name[strings.LastIndexByte(name, ':')+1:]
		return r.links["*:"+bare]
	}
	return cmp.Or(r.links["*:"+bare], r.locals[bare])
}

// session returns the person who was issued the access key of an assumed role; "" if unknown.
func (r *Resolver) session(rec []byte) string {
	if r.dec.Decode(rec, &r.e) != nil || r.e.Client.Session == "" {
		return ""
	}
	return r.keys[keyPrefix+r.e.Client.Session].Person
}

// learn links an alias to the person of an account. The first link is kept: an alias that moves
// is another person's account with an old id.
func (r *Resolver) learn(alias string, a *account) {
	a.alias = strings.Clone(alias)
	if strings.HasPrefix(alias, keyPrefix) {
		if r.keys[a.alias].Person == "" {
			r.keys[a.alias] = issued{Person: a.person, Day: r.day}
		}
		return
	}
	if r.links[a.alias] != "" {
		return
	}
	r.links[a.alias] = a.person
	if other := r.accounts[a.alias]; other != nil && !other.known {
		other.person, other.kind, other.known = a.person, a.kind, true
	}
}

// applyHR applies an event of HR and returns the person it is about.
func (r *Resolver) applyHR(rec []byte) string {
	if r.dec.Decode(rec, &r.e) != nil {
		return ""
	}
	e := &r.e
	address := strings.Clone(e.Actor.Account)
	if e.Class != event.Person {
		if p := r.find(address); p != "" {
			return p
		}
		return address
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
	}

	p.department = strings.Clone(cmp.Or(e.Attr(event.AttrDepartment), p.department))
	for _, a := range e.Attrs {
		if a.Name == event.AttrAlias {
			r.links[strings.Clone(a.Value)] = address
		}
	}

	return address
}

// recipients resolves the recipients of an event and sets whether they are internal or external.
func (r *Resolver) recipients(rec []byte, person string) []byte {
	if r.dec.Decode(rec, &r.e) != nil || len(r.e.To) == 0 {
		return rec
	}
	e := &r.e
	changed := false
	for i := range e.To {
		t := &e.To[i]
		if t.Scope == event.ScopeAnyone {
			continue
		}
		before := *t
		if p := r.find(t.Account); p != "" {
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

// isInternal reports whether a domain is the organisation's. If its domains are unknown, that
// is the domain of the person who shares, or one that at least five people and a tenth of all
// people have.
func (r *Resolver) isInternal(domain, person string) bool {
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
