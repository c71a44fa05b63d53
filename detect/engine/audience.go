package engine

import (
	"cmp"
	"slices"
	"strings"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
)

// audience are the people who came to a place lately, as long as they are few. A place is a folder, a site, a
// drive, a bucket, a repository, a channel.
type audience struct {
	_       struct{} `cbor:",toarray"`
	Since   int32    // day from which the place is known; days since 1970, as all here
	Full    int32    // latest day on which more people came than are kept; 0 if there is none
	Opened  int32    // latest day on which it was opened to everybody here, or to outsiders; 0 if there is none
	Readers []reader // at most maxReaders
}

// reader is a person who came to a place.
type reader struct {
	_           struct{} `cbor:",toarray"`
	Who         uint32   // by a hash of the name
	Department  uint32   // by a hash of the name; 0 if unknown
	First, Last int32    // days
}

// visit is what one hour adds to an audience. Without a place it is that a person is forgotten.
type visit struct {
	_               struct{} `cbor:",toarray"`
	Place           uint64
	Who, Department uint32 // Who is 0 if the place was opened
}

const (
	maxReaders   = 12      // people from which a place is one that many come to
	maxAudiences = 1 << 14 // places: a hostile log could name any number
	readingDays  = 35      // for which a person counts who came once
	knownPlace   = 7       // days for which a place must be known before its people are taken for all of them
	narrow       = .8      // share of one department from which a place is that department's
	visitsKept   = 8       // places of a person that are remembered as counted
)

// reads are the classes of events by which people come to a place.
var reads = func() (is [256]bool) {
	for _, c := range []event.Class{
		event.View, event.Edit, event.Download, event.Sync, event.Upload, event.Copy, event.Print, event.Clone, event.Fetch, event.Push,
		event.Assistant,
	} {
		is[c] = true
	}
	return is
}()

// visits notes that a person comes to a place, and that a place is opened. They count from the next hour on.
func (e *Engine) visits(p *person, a *detect.Enriched, today int64) {
	if opens(a) {
		if key := openedPlace(a.Event); key != 0 {
			e.visit(p, visit{}, key)
		}
		return
	}
	if !reads[a.Class] || p.Service || event.IsPlace(p.Name) {
		return
	}
	// Of the places that are known to have counted the person today, some are remembered.
	o := &a.Object
	known := hash(ofFolder, a.Source.String(), a.Attr(event.AttrFolder), o.Container)
	if a.Source == event.GitHub || a.Source == event.CloudTrail {
		prefix, _, _ := strings.Cut(o.Name, "/")
		known = hash(ofFolder, a.Source.String(), o.Container, prefix, o.ID)
	}
	known += uint64(today)
	slot := &p.visited[known>>60%visitsKept]
	if *slot == known {
		return
	}
	*slot = known
	levels := e.levels(a.Event)
	if len(levels) == 0 {
		return
	}
	v := visit{Who: shortHash(p.Name), Department: shortHash(p.Department)}
	if p.Guest { // an outsider was let in
		v = visit{}
	}
	// What holds the innermost place has had the same visits.
	if !e.People.Audiences[levels[len(levels)-1]].counted(v, int32(today)) {
		e.visit(p, v, levels...)
	}
}

func (e *Engine) visit(p *person, v visit, places ...uint64) {
	to := &e.deltaOf(p).People
	for _, v.Place = range places {
		to.Visits = append(to.Visits, v)
	}
}

// opens says whether an act opens its object to everybody here, or to outsiders.
func opens(a *detect.Enriched) bool {
	return a.Class == event.ShareLink && a.After >= event.Internal || a.Class == event.ShareUser && a.External > 0
}

// openedPlace is the key of an object as a place that people come to; 0 if it is none.
func openedPlace(ev *event.Event) uint64 {
	switch o := &ev.Object; {
	case ev.Source == event.GitHub && o.Type == "repository":
		return hash(ofFolder, ev.Source.String(), o.ID)
	case o.Type == "bucket":
		return hash(ofFolder, ev.Source.String(), cmp.Or(o.Container, o.Name))
	}
	return place(ev)
}

// shortHash is a name in 32 bits; 0 if there is none.
func shortHash(name string) uint32 {
	if name == "" {
		return 0
	}
	return max(uint32(hash(ofUser, name)>>32), 1)
}

// counted says whether a visit would change nothing: it was counted today, or the place is one that many
// come to.
func (u *audience) counted(v visit, today int32) bool {
	switch {
	case u == nil:
		return false
	case v.Who == 0:
		return u.Opened == today
	case u.Full > 0 && today-u.Full < knownPlace:
		return true
	}
	i := u.find(v.Who)
	return i >= 0 && u.Readers[i].Last == today && u.Readers[i].Department == v.Department
}

func (u *audience) find(who uint32) int {
	return slices.IndexFunc(u.Readers, func(r reader) bool { return r.Who == who })
}

// add counts a visit.
func (u *audience) add(v visit, today int32) {
	if v.Who == 0 {
		u.Opened = today
		return
	}
	i := u.find(v.Who)
	if i < 0 {
		if len(u.Readers) >= maxReaders {
			u.forget(today)
		}
		if len(u.Readers) >= maxReaders {
			u.Full = today
			return
		}
		u.Readers = append(u.Readers, reader{Who: v.Who, First: today})
		i = len(u.Readers) - 1
	}
	u.Readers[i].Last, u.Readers[i].Department = today, v.Department
}

// forget drops those who did not come for long.
func (u *audience) forget(today int32) {
	u.Readers = slices.DeleteFunc(u.Readers, func(r reader) bool { return today-r.Last > readingDays })
}

// meetReaders counts the visits of an hour. The result does not depend on their order.
func (o *org) meetReaders(list []visit, today int64) {
	if o.Audiences == nil && len(list) > 0 {
		o.Audiences = map[uint64]*audience{}
	}
	slices.SortFunc(list, byPlace) // those without a place first
	for _, v := range list {
		if v.Place == 0 {
			o.forgetReader(v.Who)
			continue
		}
		u := o.Audiences[v.Place]
		if u == nil {
			if len(o.Audiences) >= maxAudiences {
				continue
			}
			u = &audience{Since: int32(today)}
			o.Audiences[v.Place] = u
		}
		u.add(v, int32(today))
	}
}

// forgetReader drops a person from all places.
func (o *org) forgetReader(who uint32) {
	for _, u := range o.Audiences {
		u.Readers = slices.DeleteFunc(u.Readers, func(r reader) bool { return r.Who == who })
	}
}

func byPlace(a, b visit) int {
	return cmp.Or(cmp.Compare(a.Place, b.Place), cmp.Compare(a.Who, b.Who), cmp.Compare(a.Department, b.Department))
}

// forgetReaders drops, at the end of a day, who did not come to a place for long, and places that nobody
// came to.
func (o *org) forgetReaders(today int64) {
	for key, u := range o.Audiences {
		if u.forget(int32(today)); len(u.Readers) == 0 && int32(today)-max(u.Full, u.Opened) > readingDays {
			delete(o.Audiences, key)
		}
	}
}

// regulars are the few people of one department who come to a place.
type regulars struct {
	Place      string // its name, or path
	People     int
	Department string // of all but a few of them
	All        bool   // of all of them
}

// words say who comes to the place.
func (r *regulars) words() string {
	who := detect.Amount(float64(r.People), "other person", "other people")
	s := "only " + who + " used " + detect.Quote(r.Place) + " in the last weeks"
	switch {
	case r.Department == "":
	case r.All:
		s += ", all of them in " + detect.Quote(r.Department)
	default:
		s += ", nearly all of them in " + detect.Quote(r.Department)
	}
	return s
}

// closed is who comes to the place that the object of an event is in, if they are few, nearly all of one
// department, and none of the person's own, and the person did not come before these days; nil otherwise. Of
// the places that hold the object, the innermost decides to which two others came.
func (e *Engine) closed(p *person, ev *event.Event) *regulars {
	if p.Department == "" || p.Service || len(e.People.Audiences) == 0 {
		return nil
	}
	levels := e.levels(ev)
	if own := openedPlace(ev); own != 0 && !slices.Contains(levels, own) {
		levels = append(levels, own)
		e.places = levels
	}
	today, me := int32(ev.Time/event.Day), shortHash(p.Name)
	for _, key := range slices.Backward(levels) {
		u := e.People.Audiences[key]
		if u == nil {
			continue
		}
		if i := u.find(me); u.wide(today) || i >= 0 && today-u.Readers[i].First >= sequenceDays {
			return nil
		}
		department, top, n := u.most(me, today)
		if n < 2 {
			continue
		}
		if today-u.Since < knownPlace || top < narrow*float64(n) || u.comes(shortHash(p.Department), me, today) {
			return nil
		}
		return &regulars{Place: strings.Clone(placeName(ev, key)), People: n, Department: e.departmentNamed(department), All: int(top) == n}
	}
	return nil
}

// wide says whether more people came to the place lately than are kept, or it was opened.
func (u *audience) wide(today int32) bool {
	recent := func(day int32) bool { return day > 0 && day < today && today-day <= readingDays }
	return recent(u.Full) || recent(u.Opened)
}

// departmentNamed is the name of a department; "" if it is not known.
func (e *Engine) departmentNamed(short uint32) string {
	for name := range e.People.Departments {
		if shortHash(name) == short {
			return name
		}
	}
	return ""
}

// placeName is the name or path of a place that an object is in, by its key.
func placeName(ev *event.Event, key uint64) string {
	o, folder := &ev.Object, ev.Attr(event.AttrFolder)
	switch {
	case key == openedPlace(ev):
		return o.Name
	case ev.Source == event.GitHub:
		return o.Name
	case ev.Source == event.CloudTrail && key != hash(ofFolder, ev.Source.String(), o.Container):
		prefix, _, _ := strings.Cut(o.Name, "/")
		return o.Container + "/" + prefix
	}
	for at := len(folder); at > 0 && folder[0] == '/'; at = strings.LastIndexByte(folder[:at], '/') {
		if key == hash(ofFolder, ev.Source.String(), folder[:at]) {
			return folder[:at]
		}
	}
	return o.Container
}

// most is the department that most people are of who came lately, but for one, how many of it came, and how
// many in all.
func (u *audience) most(but uint32, today int32) (department uint32, top float64, n int) {
	for i, r := range u.Readers {
		if r.Who == but || today-r.Last > readingDays {
			continue
		}
		n++
		same := 0.0
		for _, other := range u.Readers[i:] {
			if other.Department == r.Department && other.Who != but && today-other.Last <= readingDays {
				same++
			}
		}
		if same > top && r.Department != 0 {
			department, top = r.Department, same
		}
	}
	return department, top, n
}

// comes says whether others of a department came lately.
func (u *audience) comes(department, but uint32, today int32) bool {
	return slices.ContainsFunc(u.Readers, func(r reader) bool {
		return r.Department == department && r.Who != but && today-r.Last <= readingDays
	})
}

// levels lists the places that an object is in, from the outermost to the innermost. It is valid until the
// next call.
func (e *Engine) levels(ev *event.Event) []uint64 {
	o, source := &ev.Object, ev.Source.String()
	switch {
	case o.Type == "mail" || ev.Class == event.MailRead:
		return nil
	case ev.Source == event.GitHub:
		if o.ID == "" {
			return nil
		}
		e.places = append(e.places[:0], hash(ofFolder, source, o.ID))
		return e.places
	case detect.FileStore(ev.Source):
		if strings.HasPrefix(ev.Attr(event.AttrFolder), "/personal/") || strings.Contains(o.Container, "-my.sharepoint.com") {
			return nil // somebody's own drive
		}
		return e.above(ev)
	case o.Container == "":
		return nil
	}
	e.places = append(e.places[:0], hash(ofFolder, source, o.Container))
	if prefix, _, nested := strings.Cut(o.Name, "/"); nested && ev.Source == event.CloudTrail && prefix != "" {
		e.places = append(e.places, hash(ofFolder, source, o.Container, prefix))
	}
	return e.places
}
