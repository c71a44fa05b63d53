package engine

import (
	"cmp"
	"maps"
	"math/bits"
	"slices"
	"strings"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
)

// contents are the things that the logs have named in a place: a bit for each, by its key. Some share
// a bit, so that the bits are never more than the things.
type contents [contentBits / 64]uint64

const (
	contentBits = 1024
	maxLevels   = 8 // of folders above an object that are known to hold it
	mostPlaces  = 1 << 14
)

// size is a lower bound of how many things there are.
func (c *contents) size() (n int) {
	if c == nil {
		return 0
	}
	for _, w := range c {
		n += bits.OnesCount64(w)
	}
	return n
}

// contentBit is the bit of a thing, by its key.
func contentBit(key uint64) int32 { return int32(key * 0x9e3779b97f4a7c15 >> 54) }

func (c *contents) has(bit int32) bool { return c != nil && c[bit>>6]>>(bit&63)&1 != 0 }

// content is a thing in a place, by its bit.
type content struct {
	_     struct{} `cbor:",toarray"`
	Place uint64
	Bit   int32
}

func (c *contents) set(bit int32) { c[bit>>6] |= 1 << (bit & 63) }

// fill notes what places hold. Once there are too many places, those with the least keys are known.
func (o *org) fill(held map[uint64]*contents) {
	places := slices.Collect(maps.Keys(held))
	if len(o.Places)+len(places) > mostPlaces {
		slices.Sort(places)
	}
	for _, place := range places {
		c := o.Places[place]
		if c == nil {
			if len(o.Places) >= mostPlaces {
				continue
			}
			c = new(contents)
			o.Places[place] = c
		}
		for i, w := range held[place] {
			c[i] |= w
		}
	}
}

func orderContents(list []content) {
	slices.SortFunc(list, func(a, b content) int { return cmp.Or(cmp.Compare(a.Place, b.Place), cmp.Compare(a.Bit, b.Bit)) })
}

// named notes a file that the person had never touched in every place that it is below.
func (e *Engine) named(p *person, ev *event.Event, key uint64) {
	bit := contentBit(key)
	for _, place := range e.above(ev) {
		if !e.People.Places[place].has(bit) {
			to := &e.deltaOf(p).People
			to.Named = append(to.Named, content{Place: place, Bit: bit})
		}
	}
}

// above lists the places that an object is below: the folders of its path, the site or shared drive, or the
// folder that the vendor names. It is valid until the next call.
func (e *Engine) above(ev *event.Event) []uint64 {
	list, source := e.places[:0], ev.Source.String()
	folder := ev.Attr(event.AttrFolder)
	switch {
	case ev.Source == event.GoogleWorkspace:
		if drive := ev.Object.Container; drive != "" && !strings.Contains(drive, "@") {
			list = append(list, hash(ofFolder, source, drive))
		}
	case ev.Class == event.MailRead:
		list = append(list, hash(ofFolder, "mailbox", ev.Object.Owner))
	case folder == "" && ev.Source == event.M365:
		list = append(list, hash(ofFolder, source, pathOf(ev.Object.Container)))
	case folder == "":
	case folder[0] != '/':
		list = append(list, hash(ofFolder, source, folder))
	default:
		at := 0
		if ev.Source == event.M365 { // a site has two levels
			at = strings.IndexByte(folder[1:], '/') + 1
		}
		for range maxLevels {
			next := strings.IndexByte(folder[at+1:], '/')
			if next < 0 {
				break
			}
			at += next + 1
			list = append(list, hash(ofFolder, source, folder[:at]))
		}
		list = append(list, hash(ofFolder, source, folder))
	}
	e.places = list
	return list
}

// place is the key of an object as a place that others are below; 0 if it is none, or if it is not
// known what is below it.
func place(ev *event.Event) uint64 {
	o, source := &ev.Object, ev.Source.String()
	switch {
	case o.Type == "mailbox" && o.Owner != "":
		return hash(ofFolder, "mailbox", o.Owner)
	case o.Type == "shared_drive":
		if o.Owner != "" {
			return hash(ofFolder, source, o.Owner)
		}
		return hash(ofFolder, source, o.Name)
	case o.Type == "web" || o.Type == "site":
		return hash(ofFolder, source, pathOf(o.Container))
	case !o.Folder && o.Type != "folder" || !detect.FileStore(ev.Source) || ev.Source == event.GoogleWorkspace:
		return 0
	case ev.Source == event.Box:
		return hash(ofFolder, source, o.ID)
	}
	return hash(ofFolder, source, ev.Attr(event.AttrFolder)+"/"+o.Name)
}

// pathOf is the path of a URL.
func pathOf(url string) string {
	if _, rest, found := strings.Cut(url, "://"); found {
		_, url, _ = strings.Cut(rest, "/")
		return "/" + strings.TrimSuffix(url, "/")
	}
	return url
}

// openToSelf notes that the person gave themselves a right to a place.
func (p *person) openToSelf(a *detect.Enriched, today int64) {
	if a.Outcome != event.Success || a.Receiver() != "themselves" {
		return
	}
	if key := place(a.Event); key != 0 {
		p.Steps.age(stepKey(stepOpened, key), today, maxSteps)
		p.OpenedDay = today
	}
}

// through says whether an object is below a place to which the person lately gave themselves the right.
func (e *Engine) through(p *person, ev *event.Event, today int64) bool {
	if p.OpenedDay == 0 || today-p.OpenedDay > sequenceDays {
		return false
	}
	for _, key := range e.above(ev) {
		if p.recent(stepOpened, key, today) {
			return true
		}
	}
	return false
}

// handleInherited scores what an object inherits from a folder above it, for which the person opened that.
// It is not the person's doing: nothing else is learned from it.
func (e *Engine) handleInherited(p *person, ev *event.Event) {
	p.Day.Latest = ev.Time
	p.Day.Sources |= 1 << ev.Source
	a := &e.enriched
	*a = detect.Enriched{Event: ev, Person: p.Name}
	e.sensitive(a)
	if !effective(ev) {
		return
	}
	today := ev.Time / event.Day
	e.recipients(p, e.org(p), a, today)
	key := hash(ofFolder, "inherited", a.Party.Account) ^ object(ev)
	a.First = p.done(key) == 0
	a.Repeat = !a.First
	p.setDone(key, 1)
	if e.count(p, a) {
		e.emitFindings(p, ev.Time, false)
	}
}
