// Package identity says which person an account belongs to. It works through
// events in the order of their time and knows nothing from later ones: the
// people file holds from the beginning, a link between two accounts from the
// event that carries both. It owns the alias graph.
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
	locals   map[string]string   // local part → address, "" if two people share it
	links    map[string]string   // account → person, from the people file or learned
	accounts map[string]*account // everything resolved so far
	own      map[string]bool     // the organisation's domains, given or from the people file
	actors   map[string]int      // people seen by domain, while own is unknown
	total    int

	keys map[string]issued // by alias: access keys of AWS sessions, for as long as they last

	strangers map[string]*unknownAccount // names that have only failed to sign in, within a day
	failures  int                        // of theirs that are held
	origins   []origin                   // where names came from that were left out today
	left      DroppedCounts
	day       int64 // of the latest event, days since 1970
	admitted  int   // guests who are new today
	guests    int   // accounts that are guests'
	notes     []*event.Event
	key       uint64 // of the event that is resolved

	dec event.Decoder
	e   event.Event
	buf []byte

	recalled []byte // an event with the failures before it
}

// profile is what the people file says about somebody.
type profile struct{ department string }

// account is an account that has been resolved.
type account struct {
	person string
	kind   event.ActorKind
	alias  string // the alias last seen with it
	known  bool   // tied to the people file or to a link

	guest   bool  // an outsider's: forgotten after guestDays without activity
	failing bool  // it has only failed: known for a rule of the organisation's own that matched
	seen    int64 // the day of a guest's last event, days since 1970
}

// Config is what an administrator knows about accounts. All of it may be empty.
type Config struct {
	Domains         []string            // the organisation's own, beside those of the people file
	ServiceAccounts []string            // accounts that belong to no person
	Aliases         map[string][]string // further accounts of people, by their address
}

// New returns a resolver that knows nothing.
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

// Configure adds what an administrator knows. It comes before the first event.
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

// Resolve says whose doing a stored event is and completes the event: the kind
// of its actor, whether it is a guest, and its recipients. The person is "" where nobody
// acted, or a name that has never done anything but fail: when it does, its first event
// carries the failed sign-ins of the day before (event.AttrAttempts). The record may be
// changed in place or replaced; the result is valid until the next call.
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

// actor resolves who acted; nil if that is nobody.
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

// as is the account, which acts as one of a kind. Of one account and two kinds, what is
// not a person wins.
func (a *account) as(kind event.ActorKind) *account {
	if kind > event.Human && a.kind != kind && !a.known {
		a.kind = kind
	}
	return a
}

// lookup resolves an account, and remembers the answer.
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

// find looks an account up in what is known about people.
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
		if !r.own[name[at+1:]] { // somebody else's jane.doe
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

// session is the person of an assumed role, by the access key that STS handed to somebody;
// "" if that is not known.
func (r *Resolver) session(rec []byte) string {
	if r.dec.Decode(rec, &r.e) != nil || r.e.Client.Session == "" {
		return ""
	}
	return r.keys[keyPrefix+r.e.Client.Session].Person
}

// learn ties an alias to the person of an account. The first link holds: an
// alias that moves is somebody else's account with an old id.
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

// applyHR takes in a row of the HR files and returns the person it is about.
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

// recipients resolves who received something and says which side they are on.
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

// isInternal says whether a domain is the organisation's. Where nothing says which
// domains are, they are the sharer's own and those of many who act.
func (r *Resolver) isInternal(domain, person string) bool {
	if len(r.own) > 0 {
		for !r.own[domain] { // a subdomain of an own one is own
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

// LooksAutomated says whether the name of an account is that of a machine, by
// the words administrators use for them.
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
