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

// Limits on what outsiders can make the resolver remember. See docs/adr/0015-names.md.
const (
	maxStrangers = 1 << 15 // names that have only failed to sign in within a day
	maxFailures  = 1 << 17 // failed sign-ins of all of them
	perStranger  = 256     // failed sign-ins of one name; beyond it the older half is dropped
	maxOrigins   = 256     // sources and tenants that are counted separately
	maxDomains   = 1 << 14 // domains whose people are counted while the organisation's are unknown
	guestsADay   = 2000    // outsiders who can become guests on one day; more if the organisation is larger
	guestDays    = 60      // days without activity after which a guest is forgotten
	keyDays      = 2       // the same for the access key of an AWS session, which lasts up to 36 hours
)

// unknownAccount is a name that has never done anything but fail to sign in. It does not count
// as a person. Only its failures of the last day are kept.
type unknownAccount struct {
	_      struct{}        `cbor:",toarray"`
	Origin int             // index in Resolver.origins
	Fails  []event.Attempt // the oldest first
}

// last returns the time of the latest failure in Unix milliseconds.
func (s *unknownAccount) last() int64 { return s.Fails[len(s.Fails)-1].At }

// issued is an access key of an AWS session.
type issued struct {
	_      struct{} `cbor:",toarray"`
	Person string
	Day    int64 // day on which it was issued, days since 1970
}

const keyPrefix = "aws_key:" // prefix of aliases that are access keys

// origin is where names come from, and how many were dropped today.
type origin struct {
	Source event.Source
	Tenant string // "" for all tenants beyond maxOrigins
	Names  int64  // names that had failed within a day and were dropped
	Guests int64  // events of outsiders who did not become guests
}

// DroppedCounts counts what was dropped since the state began because outsiders produced more
// names than are kept.
type DroppedCounts struct {
	Names  int64 // names that had failed to sign in within a day, and whose failures were dropped
	Guests int64 // events of outsiders that were not scored
}

// Dropped returns what was dropped.
func (r *Resolver) Dropped() DroppedCounts { return r.left }

// Notes returns the events of class NamesLeftOut that were produced since the last call. They
// belong before the event that was resolved last, and concern no person.
func (r *Resolver) Notes() []*event.Event {
	list := r.notes
	r.notes = nil
	return list
}

// failed reports whether a stored event shows only that an actor was rejected. A denied MFA
// prompt shows more, since only existing accounts are prompted.
func failed(rec []byte) bool {
	if event.RecordClass(rec) == event.MFADenied {
		return false
	}
	o := event.RecordOutcome(rec)
	return event.RecordClass(rec) == event.LoginFailure || o == event.Failure || o == event.Denied
}

// resolveUnknown resolves an account that was never seen, or is a guest's. It returns nil if
// the name has only ever failed, or if there are too many new guests today. If it fails under a
// name that is unknown and an alias that is a person's, the person failed.
func (r *Resolver) resolveUnknown(name, alias string, kind event.ActorKind, rec []byte) (*account, []byte) {
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
	if p, _ := r.find(name); p != "" {
		return r.lookup(name, kind), r.attachFailures(name, rec)
	}
	if fails {
		if p, sure := r.find(alias); sure {
			return r.lookup(p, kind), rec
		}
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

// rejected processes an event of a name that has never done anything but fail. If a rule of the
// organisation matches the event, the name becomes a guest anyway, within the daily limit.
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
	if r.e.Class == event.LoginFailure && r.e.Outcome == event.Failure && r.e.Client.IP != "" { // a guess
		r.fail(name, &r.e)
	}
	return nil, rec
}

// fail keeps a failed sign-in of a stranger.
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

// attachFailures adds the failed sign-ins of a stranger to its first event that succeeds, and
// forgets them.
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

// dropUnknown forgets a stranger.
func (r *Resolver) dropUnknown(name string, s *unknownAccount) {
	delete(r.strangers, name)
	r.failures -= len(s.Fails)
}

// expire forgets the strangers whose latest failure is more than a day before now, in Unix
// milliseconds.
func (r *Resolver) expire(now int64) {
	for name, s := range r.strangers {
		if now-s.last() > event.Day {
			r.dropUnknown(name, s)
		}
	}
}

// evict makes room. Strangers older than a day go first, then the half of the names that have
// failed least often. So a name under attack for long is kept, however many other names are
// tried once.
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
	var dropped [maxOrigins + 32]bool
	for _, x := range list {
		if len(r.strangers) <= maxStrangers/2 && r.failures <= maxFailures/2 {
			break
		}
		r.dropUnknown(x.name, x.unknownAccount)
		r.origins[x.Origin].Names++
		r.left.Names++
		dropped[x.Origin] = true
	}

	for i := range r.origins {
		if dropped[i] {
			r.countDropped(i, event.LeftNames, r.origins[i].Names, e.Time)
		}
	}
}

// origin returns the index in origins of a source and a tenant.
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

// countDropped adds a note that n names of an origin were dropped today.
func (r *Resolver) countDropped(i int, what string, n, at int64) {
	o := &r.origins[i]
	r.notes = append(r.notes, &event.Event{
		Source: o.Source,
		Tenant: o.Tenant,
		Class:  event.NamesLeftOut,
		Action: what,
		Time:   at,
		Key:    r.key,
		Actor:  event.Actor{Kind: event.System},
		Attrs:  []event.Attr{{Name: event.AttrNew, Value: strconv.FormatInt(n, 10)}},
	})
}

// isExternal reports whether an account is known to be from outside: an e-mail address of
// another domain than the organisation's.
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

// mayAdmitGuest reports whether one more outsider may become a guest today. Large organisations
// have many guests, so the daily limit grows with the number of members.
func (r *Resolver) mayAdmitGuest() bool {
	return r.admitted < max(guestsADay, len(r.accounts)-r.guests)
}

// admitGuest makes an account a guest's.
func (r *Resolver) admitGuest(a *account) {
	if a.known || a.guest { // an alias of a person, or configured
		return
	}
	a.guest, a.seen = true, r.day
	r.admitted++
	r.guests++
}

// countRejectedGuest counts an event of an outsider beyond the daily limit.
func (r *Resolver) countRejectedGuest(rec []byte) {
	if r.dec.Decode(rec, &r.e) != nil {
		return
	}
	i := r.origin(r.e.Source, r.e.Tenant)
	r.origins[i].Guests++
	r.left.Guests++
	if n := r.origins[i].Guests; n&(n-1) == 0 { // at powers of two only
		r.countDropped(i, event.LeftGuests, n, r.e.Time)
	}
}

// newDay begins the day (UTC) of a time in Unix milliseconds. It forgets inactive guests and
// expired keys.
func (r *Resolver) newDay(at int64) {
	for i := range r.origins {
		o := &r.origins[i]
		if n := o.Guests; n&(n-1) != 0 {
			r.countDropped(i, event.LeftGuests, n, r.day*event.Day+event.Day-1)
		}
	}

	first := r.day == 0
	r.day, r.admitted = at/event.Day, 0
	clear(r.taught)
	r.expire(at)
	r.forgetOpened()
	for key, k := range r.keys {
		switch {
		case first: // restored from a state without ages
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
				r.unlink(a.alias, a.person)
				delete(r.accounts, name)
				r.guests--
			}
		}
	}
}
