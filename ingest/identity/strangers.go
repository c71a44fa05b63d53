package identity

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/mail"
)

// Bounds of what outsiders can make the resolver remember. docs/adr/0015-names.md.
const (
	maxStrangers = 1 << 15 // names that have only failed to sign in within a day
	maxFailures  = 1 << 17 // of their failed sign-ins, together
	perStranger  = 256     // of one name; beyond it the older half is dropped
	maxOrigins   = 256     // sources and tenants that are counted apart
	maxDomains   = 1 << 14 // whose people are counted while the organisation's domains are unknown
	guestsADay   = 2000    // outsiders who become people on one day, at least
	guestDays    = 60      // without activity, after which an outsider is forgotten
	keyDays      = 2       // the same for the access key of an AWS session, which lasts 36 hours at most
)

// unknownAccount is a name that has never done anything but fail to sign in. It is no person:
// all that is known of it are its failures of the last day.
type unknownAccount struct {
	_      struct{} `cbor:",toarray"`
	Origin int
	Fails  []event.Attempt // the oldest first
}

func (s *unknownAccount) last() int64 { return s.Fails[len(s.Fails)-1].At }

// issued is an access key of an AWS session.
type issued struct {
	_      struct{} `cbor:",toarray"`
	Person string
	Day    int64 // on which it was handed out, days since 1970
}

const keyPrefix = "aws_key:" // of the alias that such a key is

// origin is where names come from, and how many of them were left out today.
type origin struct {
	Source event.Source
	Tenant string // "" for all those beyond maxOrigins
	Names  int64  // that had failed within a day, and were forgotten
	Guests int64  // events of outsiders who did not become people
}

// DroppedCounts is what was left out since the state began, because outsiders made more names than
// are kept.
type DroppedCounts struct {
	Names  int64 // that had failed to sign in within a day, and whose failures were forgotten
	Guests int64 // events of outsiders that were not judged
}

// Dropped says what was left out.
func (r *Resolver) Dropped() DroppedCounts { return r.left }

// Notes returns what the resolver has to say about the events since it was asked last:
// events of the class NamesLeftOut. They belong before the event that was resolved last,
// and are about nobody.
func (r *Resolver) Notes() []*event.Event {
	list := r.notes
	r.notes = nil
	return list
}

// failed says whether a stored event says nothing but that somebody was turned away.
// Refusing a push is different: only an account that exists is asked.
func failed(rec []byte) bool {
	if event.RecordClass(rec) == event.MFADenied {
		return false
	}
	o := event.RecordOutcome(rec)
	return event.RecordClass(rec) == event.LoginFailure || o == event.Failure || o == event.Denied
}

// resolveUnknown resolves an account that is no member's yet: one that was never seen, or a guest's.
// It returns nil where there is nobody: the name has only ever failed, or is one outsider
// too many.
func (r *Resolver) resolveUnknown(name string, kind event.ActorKind, rec []byte) (*account, []byte) {
	a, fails := r.accounts[name], failed(rec)
	if a != nil {
		a.seen = r.day
		_, staff := r.people[a.person]
		if a.failing = a.failing && fails; staff || !a.failing && !r.isExternal(name) {
			a.guest = false
			r.guests--
		}
		return r.lookup(name, kind), rec
	}
	if r.find(name) != "" {
		return r.lookup(name, kind), r.attachFailures(name, rec)
	}
	if fails {
		return r.rejected(name, kind, rec)
	}
	guest := r.isExternal(name)
	if guest && !r.mayAdmitGuest() {
		r.countRejectedGuest(rec)
		return nil, rec
	}
	a = r.lookup(name, kind)
	if guest {
		r.admitGuest(a)
	}
	return a, r.attachFailures(name, rec)
}

// rejected takes in an event of a name that has never done anything but fail. What a rule
// of the organisation's own matches is somebody's all the same, as long as there are few.
func (r *Resolver) rejected(name string, kind event.ActorKind, rec []byte) (*account, []byte) {
	if r.dec.Decode(rec, &r.e) != nil {
		return nil, rec
	}
	if r.e.Attr(event.AttrRuleMatch) != "" {
		if r.mayAdmitGuest() {
			a := r.lookup(name, kind)
			r.admitGuest(a)
			a.failing = true
			return a, rec
		}
		r.countRejectedGuest(rec)
		return nil, rec
	}
	if r.e.Class == event.LoginFailure && r.e.Client.IP != "" {
		r.fail(name, &r.e)
	}
	return nil, rec
}

// fail remembers a failed sign-in of a stranger.
func (r *Resolver) fail(name string, e *event.Event) {
	s := r.strangers[name]
	if s == nil {
		if len(r.strangers) >= maxStrangers {
			r.evict(e)
		}
		s = &unknownAccount{}
		r.strangers[strings.Clone(name)] = s
	}
	if len(s.Fails) >= perStranger {
		r.failures -= perStranger / 2
		s.Fails = append(s.Fails[:0], s.Fails[perStranger/2:]...)
	}
	s.Origin = r.origin(e.Source, e.Tenant)
	s.Fails = append(s.Fails, event.Attempt{At: e.Time, IP: xxhash.Sum64String(e.Client.IP)})
	if r.failures++; r.failures > maxFailures {
		r.evict(e)
	}
}

// attachFailures hands the failures of a stranger who has become somebody on, with the event.
func (r *Resolver) attachFailures(name string, rec []byte) []byte {
	s := r.strangers[name]
	if s == nil || r.dec.Decode(rec, &r.e) != nil {
		return rec
	}
	r.dropUnknown(name, s)
	r.e.Attrs = append(r.e.Attrs, event.Attr{Name: event.AttrAttempts, Value: event.JoinAttempts(s.Fails)})
	r.recalled = r.e.Append(r.recalled[:0])
	return r.recalled
}

func (r *Resolver) dropUnknown(name string, s *unknownAccount) {
	delete(r.strangers, name)
	r.failures -= len(s.Fails)
}

// expire forgets the strangers whose failures are older than a day.
func (r *Resolver) expire(now int64) {
	for name, s := range r.strangers {
		if now-s.last() > event.Day {
			r.dropUnknown(name, s)
		}
	}
}

// evict makes room: what is older than a day goes first, then the half of the names that
// have failed least often. A name that is guessed at for long stays, however many others
// there are that were tried once.
func (r *Resolver) evict(e *event.Event) {
	r.expire(e.Time)
	if len(r.strangers) < maxStrangers*3/4 && r.failures < maxFailures*3/4 {
		return
	}
	type named struct {
		name string
		*unknownAccount
	}

	list := make([]named, 0, len(r.strangers))
	for name, s := range r.strangers {
		list = append(list, named{name, s})
	}
	slices.SortFunc(list, func(a, b named) int {
		return cmp.Or(cmp.Compare(len(a.Fails), len(b.Fails)), cmp.Compare(a.last(), b.last()), cmp.Compare(a.name, b.name))
	})
	var told [maxOrigins + 32]bool
	for _, x := range list {
		if len(r.strangers) <= maxStrangers/2 && r.failures <= maxFailures/2 {
			break
		}
		r.dropUnknown(x.name, x.unknownAccount)
		r.origins[x.Origin].Names++
		r.left.Names++
		told[x.Origin] = true
	}

	for i := range r.origins {
		if told[i] {
			r.countDropped(i, event.LeftNames, r.origins[i].Names, e.Time)
		}
	}
}

// origin is the index of a source and a tenant.
func (r *Resolver) origin(s event.Source, tenant string) int {
	i := slices.IndexFunc(r.origins, func(o origin) bool { return o.Source == s && o.Tenant == tenant })
	if i < 0 && len(r.origins) >= maxOrigins {
		tenant = ""
		i = slices.IndexFunc(r.origins, func(o origin) bool { return o.Source == s && o.Tenant == "" })
	}
	if i < 0 {
		i = len(r.origins)
		r.origins = append(r.origins, origin{Source: s, Tenant: strings.Clone(tenant)})
	}
	return i
}

// countDropped says that names of an origin were left out, so many of them today.
func (r *Resolver) countDropped(i int, what string, n, at int64) {
	o := &r.origins[i]
	r.notes = append(r.notes, &event.Event{
		Source: o.Source, Tenant: o.Tenant, Class: event.NamesLeftOut, Action: what, Time: at, Key: r.key,
		Actor: event.Actor{Kind: event.System}, Attrs: []event.Attr{{Name: event.AttrNew, Value: strconv.FormatInt(n, 10)}},
	})
}

// isExternal says whether an account is an outsider's, as far as that is known: a mail address
// of another domain than the organisation's.
func (r *Resolver) isExternal(name string) bool {
	if !ingest.IsEmail(name) {
		return false
	}
	domain := mail.Domain(name)
	if len(r.own) == 0 {
		return mail.Consumer(domain)
	}
	return !r.isInternal(domain, "")
}

// mayAdmitGuest says whether one more outsider may become somebody today. Large organisations have
// many guests: on a day as many may be new as there are members.
func (r *Resolver) mayAdmitGuest() bool {
	return r.admitted < max(guestsADay, len(r.accounts)-r.guests)
}

// admitGuest makes an account a guest's.
func (r *Resolver) admitGuest(a *account) {
	if a.known || a.guest { // an alias of somebody, or named in the configuration
		return
	}
	a.guest, a.seen = true, r.day
	r.admitted++
	r.guests++
}

// countRejectedGuest counts an event of an outsider who is one too many today.
func (r *Resolver) countRejectedGuest(rec []byte) {
	if r.dec.Decode(rec, &r.e) != nil {
		return
	}
	i := r.origin(r.e.Source, r.e.Tenant)
	r.origins[i].Guests++
	r.left.Guests++
	if n := r.origins[i].Guests; n&(n-1) == 0 { // not each time
		r.countDropped(i, event.LeftGuests, n, r.e.Time)
	}
}

// newDay begins a day (UTC), and forgets guests and keys that are long out of use.
func (r *Resolver) newDay(at int64) {
	for i := range r.origins {
		o := &r.origins[i]
		if n := o.Guests; n&(n-1) != 0 {
			r.countDropped(i, event.LeftGuests, n, r.day*event.Day+event.Day-1)
		}
	}

	first := r.day == 0
	r.day, r.admitted = at/event.Day, 0
	r.expire(at)
	for key, k := range r.keys {
		switch {
		case first: // they are of a state that did not say how old they are
			k.Day = r.day
			r.keys[key] = k
		case k.Day < r.day-keyDays:
			delete(r.keys, key)
		}
	}

	if len(r.strangers) == 0 {
		r.origins = nil
	}
	for i := range r.origins {
		r.origins[i].Names, r.origins[i].Guests = 0, 0
	}
	if r.guests > 0 {
		for name, a := range r.accounts {
			if a.guest && a.seen < r.day-guestDays {
				if r.links[a.alias] == a.person {
					delete(r.links, a.alias)
				}
				delete(r.accounts, name)
				r.guests--
			}
		}
	}
}
