package identity

import (
	"bytes"
	"maps"
	"math/bits"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/outflow/outflow/ingest/names"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/mail"
)

// Teaching tells which events are identity events: those from which a resolver learns something that events of other
// accounts depend on. A resolver that is given the identity events of all accounts resolves each event of any of them as
// one that is given all events. docs/adr/0033-tasks.md.
//
// These are HR's, failures and refused attempts, what is done without an account or with the key of a session, what opens
// something to others, statements of the organisation's domains, matches of its rules (correlations look across people),
// and on each day the first event of an account as it shows itself. The last kind depends on what came before: of the
// events of a day in any order, all are told that are earlier than those before them.
type Teaching struct {
	days  map[int64]*seenDay // by day since 1970
	known int                // accounts of all days

	forgotten int64 // the latest day that was forgotten

	dec event.Decoder
	e   event.Event
}

// seenDay is what was seen on a day.
type seenDay struct {
	first map[uint64]int64 // by account as it shows itself: the time of the earliest event, Unix milliseconds
	hours uint32           // in which there are events
}

// maxSeen is how many accounts are remembered. Beyond it the earliest days are forgotten; more identity events than
// needed change nothing.
const maxSeen = 1 << 20

// Forget forgets what was seen.
func (t *Teaching) Forget() {
	for day := range t.days {
		t.forgotten = max(t.forgotten, day)
	}
	t.days, t.known = nil, 0
}

// Opens reports whether a stored event is the first that was seen of its hour; HR's do not count. Those are copied, too: a
// task learns from them that an hour is over in which it has no events of its own.
func (t *Teaching) Opens(rec []byte) bool {
	if event.RecordSource(rec) == event.HR {
		return false
	}
	at := event.RecordTime(rec)
	d := t.day(at / event.Day)
	hour := uint32(1) << (at / event.Hour % 24)
	opens := d.hours&hour == 0
	d.hours |= hour
	return opens
}

// Teaches reports whether a stored event is an identity event.
func (t *Teaching) Teaches(rec []byte) bool {
	always, key := t.always(rec)
	return always || t.first(key, event.RecordTime(rec))
}

// Certain reports whether another Teaching, to which all events were shown, has told that a stored event is an identity
// event, whatever was shown to this one in between. It is given the events in their order, from the beginning of the day
// after since (days since 1970).
func (t *Teaching) Certain(rec []byte, since int64) bool {
	always, key := t.always(rec)
	if always {
		return true
	}
	at := event.RecordTime(rec)
	first := t.first(key, at)
	return first && at/event.Day > max(since, t.forgotten)
}

// always reports whether a stored event is an identity event whatever came before. Otherwise it returns the key of the
// account as it shows itself.
func (t *Teaching) always(rec []byte) (yes bool, key uint64) {
	source, class, outcome := event.RecordSource(rec), event.RecordClass(rec), event.RecordOutcome(rec)
	switch class {
	case event.ShareLink, event.ShareUser, event.PolicyChange, event.LoginFailure:
		return true, 0
	}
	account, alias := event.RecordActor(rec)
	if source == event.HR || account == "" || outcome == event.Failure || outcome == event.Denied || strings.HasPrefix(alias, keyPrefix) ||
		bytes.Contains(rec, ruleMatch) {
		return true, 0
	}
	key = together(account, alias) + uint64(event.RecordKind(rec))
	if source == event.CloudTrail {
		key ^= xxhash.Sum64String(event.RecordTenant(rec))
	}
	role := strings.Contains(account, ":role/")
	domain := source == event.M365 && (bytes.Contains(rec, onMicrosoft) || bytes.Contains(rec, ownDomain))
	if !role && !domain {
		return false, key
	}
	if t.dec.Decode(rec, &t.e) != nil || domain && t.statesDomain() {
		return true, 0
	}
	if role { // people take turns
		key ^= bits.RotateLeft64(xxhash.Sum64String(t.e.Actor.OnBehalfOf), 16)
	}
	return false, key
}

// What a stored event holds if it has the attribute, or such a recipient.
var (
	ruleMatch   = []byte(event.AttrRuleMatch)
	ownDomain   = []byte(event.AttrOwnDomain)
	onMicrosoft = []byte(names.OnMicrosoft)
)

// statesDomain reports whether the decoded event states a domain of the organisation, or may.
func (t *Teaching) statesDomain() bool {
	return t.e.Attr(event.AttrOwnDomain) != "" || slices.ContainsFunc(t.e.To, func(to event.Recipient) bool {
		return strings.HasSuffix(mail.Domain(to.Account), names.OnMicrosoft)
	})
}

// first reports whether none of the events with a key that were seen of the day is earlier than one at a time.
func (t *Teaching) first(key uint64, at int64) bool {
	d := t.day(at / event.Day)
	before, seen := d.first[key]
	if seen && before < at {
		return false
	}
	d.first[key] = at
	if !seen {
		t.known++
	}
	if len(d.first) > 2*maxSeen {
		t.Forget()
	}
	return true
}

// day returns what was seen on a day, after making room.
func (t *Teaching) day(day int64) *seenDay {
	if d := t.days[day]; d != nil {
		return d
	}
	for t.known > maxSeen {
		oldest := slices.Min(slices.Collect(maps.Keys(t.days)))
		t.known -= len(t.days[oldest].first)
		t.forgotten = max(t.forgotten, oldest)
		delete(t.days, oldest)
	}
	if t.days == nil {
		t.days = map[int64]*seenDay{}
	}
	d := &seenDay{first: map[uint64]int64{}}
	t.days[day] = d
	return d
}
