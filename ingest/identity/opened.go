package identity

import (
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/mail"
)

const (
	maxOpened  = 1 << 15 // things that are open to anybody, and who opened them
	openedDays = 90      // days after which it is not remembered any more who opened a thing
	nearDays   = 7       // days within which who opened a thing may have opened what is beside it
)

// opener is who opened something to anybody.
type opener struct {
	_      struct{} `cbor:",toarray"`
	Person string   // "" if several people did
	Day    int64    // day on which it was opened last, days since 1970
}

// openedBy notes which person opens something to anybody: the object, and the container that it is in.
// Of a cloud account of another organisation it is noted who gave it access to what.
func (r *Resolver) openedBy(person string, rec []byte) {
	switch class := event.RecordClass(rec); {
	case event.RecordSource(rec) == event.CloudTrail && (class == event.ShareUser || class == event.PolicyChange):
		r.letIn(person, rec)
	case class == event.ShareLink:
	default:
		return
	}
	_, after := event.RecordVisibility(rec)
	if after < event.PublicLink || event.RecordKind(rec) != event.Human {
		return
	}
	if o := event.RecordOutcome(rec); o == event.Failure || o == event.Denied || r.dec.Decode(rec, &r.e) != nil {
		return
	}
	o := &r.e.Object
	for _, name := range [...]string{o.ID, o.Container} {
		r.note(openedKey(r.e.Source, name), person)
	}
	if o.Type != "file" && o.Type != "object" && o.Name != o.Container {
		r.note(openedKey(r.e.Source, o.Name), person)
	}
}

// letIn notes which person gives a foreign account in the cloud access to something.
func (r *Resolver) letIn(person string, rec []byte) {
	if !event.RecordHasRecipients(rec) || event.RecordKind(rec) != event.Human || r.dec.Decode(rec, &r.e) != nil ||
		r.e.Outcome == event.Failure || r.e.Outcome == event.Denied {
		return
	}
	for i := range r.e.To {
		if account := r.e.To[i].Account; r.foreign(account) {
			r.note(letInKey(account, &r.e.Object), person)
		}
	}
}

// foreign reports whether a name is that of an AWS account, as a whole, that is not the organisation's.
func (r *Resolver) foreign(name string) bool {
	id, cloud := strings.CutPrefix(name, "aws:")
	return cloud && len(id) == 12 && strings.Trim(id, "0123456789") == "" && !r.aws[id]
}

// letInKey is the key of the access of an account to an object, or to the container that it is in.
func letInKey(account string, o *event.Object) uint64 {
	place := o.Container
	if place == "" {
		place = o.Name
	}
	return openedKey(event.CloudTrail, account+" in "+place)
}

// letInBy returns who alone gave the foreign account that acts in a record access to what it uses; "" if it
// is none, or if that is not known.
func (r *Resolver) letInBy(name string, rec []byte) string {
	if len(r.opened) == 0 || !r.foreign(name) {
		return ""
	}
	switch event.RecordClass(rec) {
	case event.View, event.Download, event.Copy, event.Delete, event.Upload, event.List:
	default:
		return ""
	}
	if r.dec.Decode(rec, &r.e) != nil {
		return ""
	}
	if o := r.opened[letInKey(name, &r.e.Object)]; r.day-o.Day <= openedDays {
		return o.Person
	}
	return ""
}

// note notes who has opened a thing.
func (r *Resolver) note(key uint64, person string) {
	if key == 0 {
		return
	}
	was, known := r.opened[key]
	switch {
	case !known && len(r.opened) >= maxOpened:
		return
	case !known || r.day-was.Day > openedDays:
		r.opened[key] = opener{Person: strings.Clone(person), Day: r.day}
	case was.Person == person:
		was.Day = r.day
		r.opened[key] = was
	default:
		r.opened[key] = opener{Day: r.day}
	}
}

// openedKey is the key of an object, by its id, or of a container; 0 for none.
func openedKey(s event.Source, name string) uint64 {
	if name == "" {
		return 0
	}
	return xxhash.Sum64String(s.String()+" "+name) | 1
}

// nobody returns whom it is told of that something was done without a sign-in: who opened the
// object, or alone opened things in its container; else the owner, if that is a person of the
// organisation; else the container (event.PlaceName).
func (r *Resolver) nobody(rec []byte) string {
	switch event.RecordClass(rec) {
	case event.View, event.Download, event.Sync, event.Copy, event.Delete:
	default:
		return ""
	}
	if r.dec.Decode(rec, &r.e) != nil {
		return ""
	}
	e := &r.e
	if o := r.opened[openedKey(e.Source, e.Object.ID)]; o.Person != "" && r.day-o.Day <= openedDays {
		return o.Person
	}
	if o := r.opened[openedKey(e.Source, e.Object.Container)]; o.Person != "" && r.day-o.Day <= nearDays {
		return o.Person
	}
	if owner := e.Object.Owner; owner != "" {
		if p, _ := r.find(owner); p != "" {
			return strings.Clone(p)
		}
		if domain := mail.Domain(owner); domain != "" && len(r.own) > 0 && r.isInternal(domain, "") {
			return strings.Clone(owner)
		}
	}
	place := e.Object.Container
	if place == "" {
		place = e.Object.Name
	}
	if place == "" {
		return ""
	}
	event.SetRecordGuest(rec) // a place without a sign-in for long is forgotten
	return event.PlaceName(e.Source, place)
}

// forgetOpened forgets what was opened long ago.
func (r *Resolver) forgetOpened() {
	for key, o := range r.opened {
		if r.day-o.Day > openedDays {
			delete(r.opened, key)
		}
	}
}
